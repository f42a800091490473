//! What can be wrong with bytes from a peer, each with the reason code for the DISCONNECT of MQTT 5.0.

use core::fmt;

use crate::wire::reason::ReasonCode;

macro_rules! faults {
    ($(#[$meta:meta])* $name:ident { $($(#[doc = $doc:literal])+ $variant:ident => $reason:ident, $text:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[non_exhaustive]
        pub enum $name {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl $name {
            /// Returns the MQTT 5.0 reason code for this error.
            pub const fn reason(self) -> ReasonCode {
                match self { $(Self::$variant => ReasonCode::$reason,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $text,)+ })
            }
        }

        impl core::error::Error for $name {}
    };
}

faults! {
    /// The bytes are not the encoding of any packet.
    Malformed {
        /// The remaining length takes more than four bytes.
        RemainingLength => MALFORMED_PACKET, "the remaining length takes more than four bytes";
        /// A variable byte integer takes more bytes than it needs `[MQTT-1.5.5-1]`, or more than four.
        VariableByteInteger => MALFORMED_PACKET, "a variable byte integer is longer than it needs to be";
        /// The packet type is 0, or one that this version doesn't have.
        PacketType => MALFORMED_PACKET, "the packet type does not exist in this version";
        /// Reserved bits of the fixed header have the wrong value `[MQTT-2.1.3-1]`.
        HeaderFlags => MALFORMED_PACKET, "reserved flags of the fixed header are wrong";
        /// The packet ends inside a field.
        Truncated => MALFORMED_PACKET, "the packet ends inside a field";
        /// Bytes are left over after the last field.
        TrailingBytes => MALFORMED_PACKET, "bytes are left over after the last field";
        /// A string is not UTF-8 `[MQTT-1.5.4-1]`.
        Utf8 => MALFORMED_PACKET, "a string is not valid UTF-8";
        /// A string contains U+0000 `[MQTT-1.5.4-2]`.
        NulCharacter => MALFORMED_PACKET, "a string contains the character U+0000";
        /// A string contains a control character or U+FFFF, and strict checking is on (§1.5.4).
        ControlCharacter => MALFORMED_PACKET, "a string contains a control character";
        /// A property identifier that the standard does not define.
        UnknownProperty => MALFORMED_PACKET, "a property identifier is unknown";
        /// QoS 3 `[MQTT-3.3.1-4]`.
        QoS => MALFORMED_PACKET, "QoS 3 does not exist";
        /// Reserved bits of CONNACK's or CONNECT's flags are set `[MQTT-3.2.2-1]` `[MQTT-3.1.2-3]`.
        ReservedBits => MALFORMED_PACKET, "reserved bits are set";
        /// CONNECT has a protocol name or level that does not exist.
        Protocol => UNSUPPORTED_PROTOCOL_VERSION, "CONNECT has an unknown protocol name or level";
    }
}

faults! {
    /// The bytes are well-formed, but the standard forbids them here.
    Violation {
        /// A property that is not allowed in this packet, which makes the packet malformed (§2.2.2.2).
        PropertyNotAllowed => MALFORMED_PACKET, "a property is not allowed in this packet";
        /// A property that is allowed only once occurs twice.
        PropertyTwice => PROTOCOL_ERROR, "a property occurs twice";
        /// The value of a property is out of range.
        PropertyValue => PROTOCOL_ERROR, "the value of a property is out of range";
        /// A response topic is empty or contains a wildcard `[MQTT-3.3.2-14]`.
        ResponseTopic => PROTOCOL_ERROR, "the response topic is empty or contains a wildcard";
        /// Authentication data without an authentication method, or an AUTH with another method than CONNECT.
        AuthenticationMethod => PROTOCOL_ERROR, "the authentication method is missing or not the one of CONNECT";
        /// A packet identifier of 0 `[MQTT-2.2.1-3]`.
        PacketIdZero => PROTOCOL_ERROR, "the packet identifier is 0";
        /// A topic name is empty, and the message has no topic alias `[MQTT-4.7.3-1]`.
        EmptyTopic => PROTOCOL_ERROR, "the topic name is empty";
        /// A topic name contains a wildcard `[MQTT-3.3.2-2]`.
        TopicWildcard => TOPIC_NAME_INVALID, "the topic name contains a wildcard";
        /// A topic filter that the standard forbids `[MQTT-4.7.1-1]` `[MQTT-4.8.2-1]`.
        TopicFilter => TOPIC_FILTER_INVALID, "the topic filter is not valid";
        /// DUP is set on a QoS 0 message, and strict checking is on `[MQTT-3.3.1-2]`.
        DupAtQoS0 => PROTOCOL_ERROR, "DUP is set on a QoS 0 message";
        /// A reason code or return code that is not allowed in this packet.
        ReasonCode => PROTOCOL_ERROR, "the reason code is not allowed in this packet";
        /// SUBACK, UNSUBACK, SUBSCRIBE or UNSUBSCRIBE without a single entry.
        EmptyList => PROTOCOL_ERROR, "the packet has no entry";
        /// Subscription options that the standard forbids `[MQTT-3.8.3-5]`.
        SubscriptionOptions => PROTOCOL_ERROR, "the subscription options are not allowed";
        /// CONNECT flags that contradict each other.
        ConnectFlags => PROTOCOL_ERROR, "the CONNECT flags contradict each other";
        /// A packet that a server must not send, or not in this state of the link `[MQTT-3.2.0-1]`.
        UnexpectedPacket => PROTOCOL_ERROR, "the packet is not allowed now";
        /// An acknowledgement of the wrong type for its packet, or one that comes too early.
        UnexpectedAck => PROTOCOL_ERROR, "the acknowledgement does not fit the state of its packet";
        /// An acknowledgement for an identifier that is not in use, and strict checking is on.
        UnknownPacketId => PROTOCOL_ERROR, "the acknowledgement is for an identifier that is not in use";
        /// SUBACK or UNSUBACK with more or fewer codes than the request had filters `[MQTT-3.8.4-6]`.
        ReasonCodeCount => PROTOCOL_ERROR, "the number of reason codes differs from the number of filters";
        /// A packet identifier that still belongs to an unfinished QoS 2 message `[MQTT-2.2.1-4]`.
        PacketIdInUse => PROTOCOL_ERROR, "the packet identifier is in use";
        /// The server reports a session after a clean start `[MQTT-3.2.2-2]`. Tolerated in 3.1.1 unless strict checking
        /// is on.
        SessionPresent => PROTOCOL_ERROR, "the server kept a session after a clean start";
        /// The server accepted an empty client identifier and assigned none `[MQTT-3.2.2-16]`.
        NoAssignedClientId => PROTOCOL_ERROR, "the server assigned no client identifier";
        /// Response Information, Reason String or User Properties that CONNECT did not ask for `[MQTT-3.1.2-28]`
        /// `[MQTT-3.1.2-29]`.
        NotRequested => PROTOCOL_ERROR, "the packet carries information that was not requested";
        /// A topic alias of 0, or above the announced maximum `[MQTT-3.3.2-8]`.
        TopicAlias => TOPIC_ALIAS_INVALID, "the topic alias is 0 or above the maximum";
        /// A topic alias that was not bound to a topic on this link `[MQTT-3.3.2-7]`.
        UnknownTopicAlias => PROTOCOL_ERROR, "the topic alias is not bound to a topic";
        /// A topic alias whose topic is longer than the storage can keep. The server did nothing wrong; the next link
        /// announces no aliases. See [`Limits::topic_alias_maximum`](crate::Limits::topic_alias_maximum).
        ForgottenTopicAlias => IMPLEMENTATION_SPECIFIC_ERROR, "the topic behind the topic alias is too long for the storage";
        /// More unacknowledged messages than the announced Receive Maximum `[MQTT-3.3.4-9]`, or than can be held.
        ReceiveMaximumExceeded => RECEIVE_MAXIMUM_EXCEEDED, "more unacknowledged messages than can be held";
        /// A packet longer than the announced Maximum Packet Size `[MQTT-3.1.2-24]`. A connection reports it as
        /// `ConnectionError::TooLong`, with the lengths.
        PacketTooLarge => PACKET_TOO_LARGE, "the packet is longer than the maximum";
        /// The server resumes a session that this side does not have `[MQTT-3.2.2-4]`. Open once with a clean start;
        /// or, if this side can have nothing unfinished, call [`adopt_session`](crate::Connection::adopt_session)
        /// before opening. This also happens when the very first CONNACK was lost.
        UnknownSession => PROTOCOL_ERROR, "the server resumes a session that is not known here: open once with a clean start, or let it be adopted";
    }
}

/// Why bytes could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum DecodeError {
    /// The bytes are not a packet.
    Malformed(Malformed),
    /// The bytes are a packet that the standard forbids here.
    Protocol(Violation),
}

impl DecodeError {
    /// Returns the MQTT 5.0 reason code for this error.
    pub const fn reason(self) -> ReasonCode {
        match self {
            Self::Malformed(fault) => fault.reason(),
            Self::Protocol(fault) => fault.reason(),
        }
    }
}

impl From<Malformed> for DecodeError {
    fn from(fault: Malformed) -> Self {
        Self::Malformed(fault)
    }
}

impl From<Violation> for DecodeError {
    fn from(fault: Violation) -> Self {
        Self::Protocol(fault)
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(fault) => write!(f, "malformed packet: {fault}"),
            Self::Protocol(fault) => write!(f, "protocol error: {fault}"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// Why a packet could not be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum EncodeError {
    /// A string or binary field is longer than 65,535 bytes, or the packet is longer than 268,435,455 bytes plus its
    /// header.
    TooLong,
    /// The buffer is shorter than the packet: pass one of at least `needed` bytes.
    NoRoom {
        /// The length of the packet in bytes.
        needed: usize,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("a field or the packet is longer than MQTT can express"),
            Self::NoRoom { needed } => write!(f, "the buffer is too short: the packet takes {needed} bytes"),
        }
    }
}

impl core::error::Error for EncodeError {}
