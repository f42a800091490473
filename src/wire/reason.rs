//! The reason codes of MQTT 5.0 (§2.4) in one table.

use core::fmt;

use crate::wire::PacketType;

/// A reason code of MQTT 5.0 (§2.4): one byte. 0x80 and above mean failure.
///
/// Values that the standard does not list are kept. The return codes of CONNACK and SUBACK in 3.1 and 3.1.1 are
/// converted to the reason code of the same meaning.
///
/// ```
/// use pure_mqtt::ReasonCode;
///
/// fn main() {
///     assert!(ReasonCode::NOT_AUTHORIZED.is_error());
///     assert_eq!(ReasonCode::NOT_AUTHORIZED.to_string(), "0x87 Not authorized");
///     assert_eq!(ReasonCode(0xC0).to_string(), "0xC0 unknown");
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ReasonCode(pub u8);

macro_rules! reason_codes {
    ($($value:literal $constant:ident $name:literal [$($packet:ident)+];)+) => {
        impl ReasonCode {
            $(
                #[doc = concat!("`", stringify!($value), "` ", $name, ".")]
                pub const $constant: Self = Self($value);
            )+
        }

        /// The packets that may carry each code, as a set of packet type bits.
        const LEGAL: &[u16] = &[$($(PacketType::$packet.bit())|+),+];

        /// The codes in the same order; a table of its own, since pairs would have padding.
        const CODES: &[u8] = &[$($value),+];

        const NAMES: &[(u8, &str)] = &[$(($value, $name)),+];
    };
}

reason_codes! {
    0x00 SUCCESS "Success" [ConnAck PubAck PubRec PubRel PubComp UnsubAck Auth];
    0x00 NORMAL_DISCONNECTION "Normal disconnection" [Disconnect];
    0x00 GRANTED_QOS_0 "Granted QoS 0" [SubAck];
    0x01 GRANTED_QOS_1 "Granted QoS 1" [SubAck];
    0x02 GRANTED_QOS_2 "Granted QoS 2" [SubAck];
    0x04 DISCONNECT_WITH_WILL "Disconnect with Will Message" [Disconnect];
    0x10 NO_MATCHING_SUBSCRIBERS "No matching subscribers" [PubAck PubRec];
    0x11 NO_SUBSCRIPTION_EXISTED "No subscription existed" [UnsubAck];
    0x18 CONTINUE_AUTHENTICATION "Continue authentication" [Auth];
    0x19 RE_AUTHENTICATE "Re-authenticate" [Auth];
    0x80 UNSPECIFIED_ERROR "Unspecified error" [ConnAck PubAck PubRec SubAck UnsubAck Disconnect];
    0x81 MALFORMED_PACKET "Malformed Packet" [ConnAck Disconnect];
    0x82 PROTOCOL_ERROR "Protocol Error" [ConnAck Disconnect];
    0x83 IMPLEMENTATION_SPECIFIC_ERROR "Implementation specific error" [ConnAck PubAck PubRec SubAck UnsubAck Disconnect];
    0x84 UNSUPPORTED_PROTOCOL_VERSION "Unsupported Protocol Version" [ConnAck];
    0x85 CLIENT_IDENTIFIER_NOT_VALID "Client Identifier not valid" [ConnAck];
    0x86 BAD_USER_NAME_OR_PASSWORD "Bad User Name or Password" [ConnAck];
    0x87 NOT_AUTHORIZED "Not authorized" [ConnAck PubAck PubRec SubAck UnsubAck Disconnect];
    0x88 SERVER_UNAVAILABLE "Server unavailable" [ConnAck];
    0x89 SERVER_BUSY "Server busy" [ConnAck Disconnect];
    0x8A BANNED "Banned" [ConnAck];
    0x8B SERVER_SHUTTING_DOWN "Server shutting down" [Disconnect];
    0x8C BAD_AUTHENTICATION_METHOD "Bad authentication method" [ConnAck Disconnect];
    0x8D KEEP_ALIVE_TIMEOUT "Keep Alive timeout" [Disconnect];
    0x8E SESSION_TAKEN_OVER "Session taken over" [Disconnect];
    0x8F TOPIC_FILTER_INVALID "Topic Filter invalid" [SubAck UnsubAck Disconnect];
    0x90 TOPIC_NAME_INVALID "Topic Name invalid" [ConnAck PubAck PubRec Disconnect];
    0x91 PACKET_IDENTIFIER_IN_USE "Packet Identifier in use" [PubAck PubRec SubAck UnsubAck];
    0x92 PACKET_IDENTIFIER_NOT_FOUND "Packet Identifier not found" [PubRel PubComp];
    0x93 RECEIVE_MAXIMUM_EXCEEDED "Receive Maximum exceeded" [Disconnect];
    0x94 TOPIC_ALIAS_INVALID "Topic Alias invalid" [Disconnect];
    0x95 PACKET_TOO_LARGE "Packet too large" [ConnAck Disconnect];
    0x96 MESSAGE_RATE_TOO_HIGH "Message rate too high" [Disconnect];
    0x97 QUOTA_EXCEEDED "Quota exceeded" [ConnAck PubAck PubRec SubAck Disconnect];
    0x98 ADMINISTRATIVE_ACTION "Administrative action" [Disconnect];
    0x99 PAYLOAD_FORMAT_INVALID "Payload format invalid" [ConnAck PubAck PubRec Disconnect];
    0x9A RETAIN_NOT_SUPPORTED "Retain not supported" [ConnAck Disconnect];
    0x9B QOS_NOT_SUPPORTED "QoS not supported" [ConnAck Disconnect];
    0x9C USE_ANOTHER_SERVER "Use another server" [ConnAck Disconnect];
    0x9D SERVER_MOVED "Server moved" [ConnAck Disconnect];
    0x9E SHARED_SUBSCRIPTIONS_NOT_SUPPORTED "Shared Subscriptions not supported" [SubAck Disconnect];
    0x9F CONNECTION_RATE_EXCEEDED "Connection rate exceeded" [ConnAck Disconnect];
    0xA0 MAXIMUM_CONNECT_TIME "Maximum connect time" [Disconnect];
    0xA1 SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED "Subscription Identifiers not supported" [SubAck Disconnect];
    0xA2 WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED "Wildcard Subscriptions not supported" [SubAck Disconnect];
}

impl ReasonCode {
    /// Returns whether the code means failure (0x80 and above).
    pub const fn is_error(self) -> bool {
        self.0 >= 0x80
    }

    /// Returns the standard's name; `None` for a value that the standard does not list. 0x00 has special names in
    /// DISCONNECT and SUBACK; this returns the general one.
    pub fn name(self) -> Option<&'static str> {
        NAMES.iter().find(|(code, _)| *code == self.0).map(|(_, name)| *name)
    }

    /// Returns whether the standard allows the code in a packet of this type.
    pub fn is_legal_in(self, packet: PacketType) -> bool {
        CODES.iter().zip(LEGAL).any(|(code, packets)| *code == self.0 && packets & packet.bit() != 0)
    }

    /// Returns the standard's table: each code with its name and the packet types that may carry it.
    pub fn table() -> impl Iterator<Item = (Self, &'static str, impl Iterator<Item = PacketType>)> {
        LEGAL.iter().zip(NAMES).map(|(packets, (code, name))| {
            (Self(*code), *name, PacketType::ALL.into_iter().filter(move |packet| packets & packet.bit() != 0))
        })
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:02X} {}", self.0, self.name().unwrap_or("unknown"))
    }
}
