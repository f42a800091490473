//! What can go wrong, and who has caused it. The errors contain no strings; all are `Copy` except [`AckError`].
//!
//! | type | from | means |
//! |---|---|---|
//! | [`ConnectionError`] | inputs | the link has ended: the server broke the protocol, refused, disconnected or did not answer; or the caller had no link open (`NotOpen`), called `disconnect` (`Disconnected`) or `abandon` (`Abandoned`) |
//! | [`OpenError`] | `open` | the caller's CONNECT cannot be sent; nothing has changed |
//! | [`PublishError`], [`RequestError`], [`AckError`] | commands | the command is not possible, or there is no room; nothing has changed |

use core::fmt;

use crate::event::PendingAck;
use crate::wire::reason::ReasonCode;
use crate::wire::{DecodeError, EncodeError, Malformed, PacketType, PropertyError, Violation};

/// Why a link has ended. The session is kept: open the next link to continue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ConnectionError {
    /// No link is open.
    #[default]
    NotOpen,
    /// The server sent bytes that are not an MQTT packet.
    Malformed(Malformed),
    /// The server sent a packet that the standard forbids.
    Protocol(Violation),
    /// The server sent a packet longer than [`Limits::inline_max`](crate::Limits::inline_max) or, for messages in
    /// fragments, [`Limits::stream_max`](crate::Limits::stream_max). If the server keeps the message for the session,
    /// it arrives again on the next link: raise the limit, or have such messages discarded
    /// ([`Limits::on_too_long`](crate::Limits::on_too_long)).
    TooLong {
        /// The type of the packet.
        packet: PacketType,
        /// Its length in bytes.
        length: u32,
        /// The limit, in bytes.
        limit: u32,
    },
    /// The server refused the CONNECT.
    Refused(ReasonCode),
    /// The server ended the link with DISCONNECT.
    ServerDisconnect(ReasonCode),
    /// This side ended the link with DISCONNECT.
    Disconnected,
    /// This side gave up a partly sent message: see [`Connection::abandon`](crate::Connection::abandon).
    Abandoned,
    /// The server resumed a session that this side does not know, and
    /// [`OnUnknownSession::CleanStart`](crate::OnUnknownSession::CleanStart) is set: the next link begins with a clean
    /// start.
    UnknownSession,
    /// No CONNACK arrived in time (§3.1.4).
    ConnAckTimeout,
    /// No PINGRESP arrived in time (§3.1.2.10), or the transport accepted no bytes for too long
    /// ([`Limits::pingresp_timeout`](crate::Limits::pingresp_timeout)).
    KeepAliveTimeout,
    /// No acknowledgement arrived in time, and [`Limits::ack_timeout`](crate::Limits::ack_timeout) is set.
    AckTimeout,
    /// The server did not finish a re-authentication in time.
    AuthTimeout,
}

impl ConnectionError {
    /// Returns the MQTT 5.0 reason code for this error: that of our DISCONNECT, or the one the server sent.
    pub const fn reason(self) -> ReasonCode {
        match self {
            Self::NotOpen | Self::Disconnected | Self::Abandoned => ReasonCode::NORMAL_DISCONNECTION,
            Self::Malformed(fault) => fault.reason(),
            Self::Protocol(fault) => fault.reason(),
            Self::TooLong { .. } => ReasonCode::PACKET_TOO_LARGE,
            Self::Refused(reason) | Self::ServerDisconnect(reason) => reason,
            Self::UnknownSession => Violation::UnknownSession.reason(),
            // Only servers may send a reason code for a time-out (§3.14.2.1).
            Self::ConnAckTimeout | Self::KeepAliveTimeout | Self::AckTimeout | Self::AuthTimeout => {
                ReasonCode::UNSPECIFIED_ERROR
            }
        }
    }
}

impl From<DecodeError> for ConnectionError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Malformed(fault) => Self::Malformed(fault),
            DecodeError::Protocol(fault) => Self::Protocol(fault),
        }
    }
}

impl From<Malformed> for ConnectionError {
    fn from(fault: Malformed) -> Self {
        Self::Malformed(fault)
    }
}

impl From<Violation> for ConnectionError {
    fn from(fault: Violation) -> Self {
        Self::Protocol(fault)
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOpen => f.write_str("no link is open"),
            Self::Malformed(fault) => write!(f, "the server sent a malformed packet: {fault}"),
            Self::Protocol(fault) => write!(f, "the server broke the protocol: {fault}"),
            Self::TooLong { packet, length, limit } => write!(
                f,
                "the server sent a {packet:?} packet of {length} bytes, more than the limit of {limit}: raise the limit, or have longer messages discarded"
            ),
            Self::Refused(reason) => write!(f, "the server refused the connection: {reason}"),
            Self::ServerDisconnect(reason) => write!(f, "the server ended the connection: {reason}"),
            Self::Disconnected => f.write_str("the connection was ended by DISCONNECT"),
            Self::Abandoned => f.write_str("the connection was ended because a partly sent message was given up"),
            Self::UnknownSession => f.write_str(
                "the server resumed a session that is not known here; the next connection begins with a clean start",
            ),
            Self::ConnAckTimeout => f.write_str("the server did not answer CONNECT in time"),
            Self::KeepAliveTimeout => {
                f.write_str("the server did not answer PINGREQ in time, or the transport took no bytes")
            }
            Self::AckTimeout => f.write_str("the server did not acknowledge in time"),
            Self::AuthTimeout => f.write_str("the server did not finish the authentication in time"),
        }
    }
}

/// Why a link cannot be opened. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum OpenError {
    /// A link is open: call `handle_close` first.
    AlreadyOpen,
    /// The version is not compiled in: see the features `v3` and `v5`.
    Version,
    /// The client identifier is not allowed in this version: 3.1 demands 1 to 23 characters; 3.1.1 allows an empty one
    /// only with a clean start `[3.1.1: MQTT-3.1.3-7]`.
    ClientId,
    /// A password without a user name, before 5.0 `[3.1.1: MQTT-3.1.2-22]`.
    PasswordWithoutUserName,
    /// The bridge bit, in 5.0.
    Bridge,
    /// A string contains U+0000, a field is longer than 65,535 bytes, or CONNECT is longer than MQTT can express.
    Field,
    /// A property of CONNECT or of the will is not allowed, or has an invalid value.
    Property(PropertyError),
    /// CONNECT does not fit the storage's control area.
    TooLarge {
        /// The bytes that CONNECT needs.
        needed: usize,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyOpen => f.write_str("a link is open already"),
            Self::Version => f.write_str("this version of MQTT is not compiled in"),
            Self::ClientId => f.write_str("the client identifier is not allowed in this version"),
            Self::PasswordWithoutUserName => f.write_str("a password needs a user name before MQTT 5.0"),
            Self::Bridge => f.write_str("MQTT 5.0 has no bridge bit"),
            Self::Field => f.write_str("a field of CONNECT contains U+0000 or is too long"),
            Self::Property(error) => write!(f, "CONNECT: {error}"),
            Self::TooLarge { needed } => write!(
                f,
                "CONNECT takes {needed} bytes, more than the storage has for it: give it a longer control area"
            ),
        }
    }
}

/// Why a message was not accepted. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PublishError {
    /// There is no room within the limits, and the overflow policy found nothing to drop. Room is made by sending (a
    /// QoS 0 message is removed once it was sent), by acknowledgements, and by fetching outcomes.
    Full,
    /// The message is longer than the storage can ever hold, or than MQTT can express.
    TooLarge,
    /// The message is longer than the server accepts on this link `[MQTT-3.2.2-15]`.
    ServerMaximum,
    /// The server does not support this QoS on this link `[MQTT-3.2.2-11]`.
    QoSNotSupported,
    /// The server does not support retained messages on this link `[MQTT-3.2.2-14]`.
    RetainNotSupported,
    /// A QoS 0 message while the link is not up, and
    /// [`Limits::refuse_offline_qos0`](crate::Limits::refuse_offline_qos0) is set: there is no link, the server has not
    /// accepted it yet, or it is closing.
    Offline,
    /// The message to be replaced is not in the queue: it is unknown, some of it was sent, or it is finished.
    NotQueued,
    /// A property that PUBLISH cannot carry. Topic aliases are assigned by the connection, and a client never sends
    /// a Subscription Identifier `[MQTT-3.3.4-6]`.
    Property(PropertyError),
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => {
                f.write_str("the queue is full: wait until messages are sent or acknowledged, or let it drop messages")
            }
            Self::TooLarge => {
                f.write_str("the message is longer than the storage can hold: raise its limits, or stream the payload")
            }
            Self::ServerMaximum => f.write_str("the message is longer than the server takes"),
            Self::QoSNotSupported => f.write_str("the server does not support this QoS"),
            Self::RetainNotSupported => f.write_str("the server does not keep retained messages"),
            Self::Offline => f.write_str("no link is up"),
            Self::NotQueued => f.write_str("the message to be replaced is not in the queue"),
            Self::Property(error) => write!(f, "PUBLISH: {error}"),
        }
    }
}

/// Why a request was not accepted. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RequestError {
    /// There is no room for it now. Try again after something was sent or acknowledged, or after an outcome was
    /// fetched.
    Full,
    /// It is longer than the storage can ever hold, or than MQTT can express.
    TooLarge,
    /// It is longer than the server accepts on this link `[MQTT-3.2.2-15]`.
    ServerMaximum,
    /// The list of filters is empty: it needs at least one `[MQTT-3.8.3-2]` `[MQTT-3.10.3-2]`.
    EmptyList,
    /// No Local on a shared subscription `[MQTT-3.8.3-4]`.
    SharedNoLocal,
    /// The server does not support wildcards, shared subscriptions or subscription identifiers on this link.
    NotSupported,
    /// Not possible in this state of the link: AUTH needs a link with an authentication method `[MQTT-4.12.0-7]`.
    State,
    /// DISCONNECT cannot make the session outlive its link: CONNECT had set Session Expiry Interval to 0 (§3.14.2.2.2).
    SessionExpiry,
    /// The reason code is not one that a client may send in this packet.
    ReasonCode,
    /// A property that the packet cannot carry, or AUTH with another method than CONNECT `[MQTT-4.12.0-5]`.
    Property(PropertyError),
    /// The message was acknowledged already, or its link (QoS 1) or its session (QoS 2) has ended: nothing remains to
    /// be acknowledged.
    Stale,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => {
                f.write_str("there is no room for the request now: try again after something was sent or acknowledged")
            }
            Self::TooLarge => f.write_str("the request is too large"),
            Self::ServerMaximum => f.write_str("the request is longer than the server takes"),
            Self::EmptyList => f.write_str("the request names no filter"),
            Self::SharedNoLocal => f.write_str("No Local is not allowed on a shared subscription"),
            Self::NotSupported => f.write_str("the server does not support such a subscription"),
            Self::State => f.write_str("the request is not allowed in this state"),
            Self::SessionExpiry => f.write_str("a session expiry of 0 cannot be raised by DISCONNECT"),
            Self::ReasonCode => f.write_str("a client may not send this reason code"),
            Self::Property(error) => error.fmt(f),
            Self::Stale => f.write_str("the message can no longer be acknowledged"),
        }
    }
}

/// Why an acknowledgement was not accepted, with the `PendingAck`. After [`RequestError::Stale`] nothing remains to be
/// acknowledged: drop the `PendingAck`. After any other error the caller still has to acknowledge the message.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AckError {
    /// The error.
    pub error: RequestError,
    /// The `PendingAck` passed to `acknowledge`.
    pub pending: PendingAck,
}

impl fmt::Display for AckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl core::error::Error for ConnectionError {}
impl core::error::Error for OpenError {}
impl core::error::Error for PublishError {}
impl core::error::Error for RequestError {}
impl core::error::Error for AckError {}

impl From<PropertyError> for RequestError {
    fn from(error: PropertyError) -> Self {
        Self::Property(error)
    }
}

impl From<EncodeError> for OpenError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::TooLong => Self::Field,
            EncodeError::NoRoom { needed } => Self::TooLarge { needed },
        }
    }
}
