//! Results of publishes, requests and subscriptions.

use pure_mqtt::{PacketId, PropertyError, QoS, ReasonCode, Version};

use crate::ids::Ticket;

/// The progress of a message. A message passes the milestones in this order, then it has exactly one [`End`]. Some are passed at once: `Stored`, for example, without a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Milestone {
    /// The agent has accepted the message.
    Queued,
    /// Its record is durable: the message survives a power failure.
    Stored,
    /// At least a part of it was sent on some link.
    Left,
    /// At QoS 2: the server has acknowledged it with PUBREC.
    Received,
}

/// The end of a [`Ticket`]: its final result. There is exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// At QoS 0: the message was sent, or partly sent when the link ended.
    Left,
    /// The server has acknowledged the message, or granted all filters, or the reply to the request has arrived. Some codes carry a hint: 0x10 means that there are no subscribers.
    Acknowledged(ReasonCode),
    /// The server refused it. It is not sent again.
    Refused(ReasonCode),
    /// Its Message Expiry Interval passed before it was sent. If a session was lost meanwhile, or the program was restarted from a log, it may have been sent earlier and may
    /// have arrived.
    Expired,
    /// The overflow policy dropped it, unsent, to make room for this message.
    Displaced(Ticket),
    /// The program withdrew it (`withdraw`).
    Withdrawn {
        /// Whether the server may have it, or may still get it by a QoS 2 handshake in progress.
        may_have_arrived: bool,
    },
    /// The server lost the session while the message was in flight. Only with `OnSessionLoss::Abort`, or after PUBREC.
    SessionLost {
        /// Whether PUBREC had arrived: the server had the message, and may have delivered it before it lost the session.
        was_received: bool,
    },
    /// The session was [discarded](crate::Agent::discard_session).
    Discarded,
    /// The message was sent on this many links without an acknowledgement, the maximum by [`Options::max_attempts`](crate::Options::max_attempts).
    AttemptsUsedUp(u8),
    /// The server does not support the message.
    ServerCant(PublishLimit),
    /// No reply arrived in time, or a flush reached its deadline.
    TimedOut,
    /// The agent was shut down first. With a log, a QoS 1 or 2 message is sent after a restart.
    Shutdown,
}

impl End {
    /// Returns whether this is a success: the server has acknowledged the message, or at QoS 0, it was sent.
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Left | Self::Acknowledged(_))
    }
}

/// What a server does not support in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PublishLimit {
    /// The packet is longer than the server's Maximum Packet Size.
    Size,
    /// The QoS is above the server's Maximum QoS.
    QoS,
    /// The server does not support retained messages.
    Retain,
}

/// A refused command, with the reason; the caller gets its value back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected<T> {
    /// The value passed to the call.
    pub what: T,
    /// The reason.
    pub why: Refusal,
}

/// Why the agent refused a command. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// The queue is full: retry when a message has its final result. An agent reports [`Wake::Room`](crate::Wake::Room) then.
    Full,
    /// It is longer than this agent's limits or MQTT allow.
    TooLarge,
    /// A topic or filter is not valid, or the list is empty.
    Invalid,
    /// A property does not belong to the packet, or has an invalid value.
    Property(PropertyError),
    /// It needs a version that the current link does not use.
    NeedsVersion(Version),
    /// Another receiver has subscribed to the filter with contradicting options.
    Conflict,
    /// The current server does not support it.
    ServerCant(PublishLimit),
    /// QoS 0 messages are not queued without a link (`Limits::refuse_offline_qos0`).
    Offline,
    /// The client is shutting down.
    ShuttingDown,
    /// The log can't be written, so delivery can't be guaranteed.
    StoreFailed,
    /// There is no such receiver: it was dropped.
    NoReceiver,
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Full => f.write_str("the queue is full; retry when messages have been acknowledged"),
            Self::TooLarge => f.write_str("the message is longer than the limits allow"),
            Self::Invalid => f.write_str("a topic or filter is not valid"),
            Self::Property(error) => write!(f, "{error}"),
            Self::NeedsVersion(version) => write!(f, "this needs a link of MQTT {version}"),
            Self::Conflict => f.write_str("another subscription has this filter with other options"),
            Self::ServerCant(limit) => write!(f, "the server does not support this message: {limit}"),
            Self::Offline => f.write_str("there is no link, and QoS 0 messages are not queued without one"),
            Self::ShuttingDown => f.write_str("the client is shutting down"),
            Self::StoreFailed => f.write_str("the log can't be written; free space on the disk"),
            Self::NoReceiver => f.write_str("the receiver was dropped"),
        }
    }
}

impl core::error::Error for Refusal {}

impl core::fmt::Display for PublishLimit {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Size => "it is longer than the server's Maximum Packet Size",
            Self::QoS => "its QoS is above the server's Maximum QoS",
            Self::Retain => "the server does not support retained messages",
        })
    }
}

/// The ticket and packet identifier of an accepted message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Identifies the message; tickets are never reused.
    pub ticket: Ticket,
    /// The packet identifier (paho's `mid`); `None` at QoS 0.
    pub id: Option<PacketId>,
    /// How many queued messages the overflow policy dropped for it; each has its [`End::Displaced`].
    pub displaced: u32,
}

/// Why a filter was not granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denied {
    /// The server refused it with this code.
    Refused(ReasonCode),
    /// The server closed several links on which only this filter was requested.
    HangsUp,
    /// The server announced that it does not support such filters, for example wildcards.
    ServerCant,
}

/// The answer for one filter.
pub(crate) type Answer = Result<QoS, Denied>;
