//! What became of a publish, a request or a subscribe.

use pure_mqtt::{PacketId, PropertyError, QoS, ReasonCode, Version};

use crate::ids::Ticket;

/// How far a message has come. A message passes them in this order, then it has exactly one [`End`]. Some are passed at once: without a log, `Stored` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Milestone {
    /// The client has accepted it.
    Queued,
    /// Its record is durable: it survives a loss of power.
    Stored,
    /// At least some of it has left on some link.
    Left,
    /// At QoS 2: PUBREC has come, the server has taken it over.
    Received,
}

/// The end of what a [`Ticket`] stands for. There is exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// At QoS 0: the message was handed to the transport, or a cut caught it half-way.
    Left,
    /// The server has acknowledged it, granted all filters, or the reply to the request has come. Some reasons carry a hint: 0x10 says that nobody is subscribed.
    Acknowledged(ReasonCode),
    /// The server has refused it. It is not repeated.
    Refused(ReasonCode),
    /// Its Message Expiry Interval ran out before it left. (If a session was lost meanwhile, or the
    /// program began again from a log, it may have arrived before.)
    Expired,
    /// The overflow policy dropped it before it left, to make room for this message.
    Displaced(Ticket),
    /// The program withdrew it (`withdraw`).
    Withdrawn {
        /// The server may have it, or get it by its copy of a QoS 2 handshake.
        may_have_arrived: bool,
    },
    /// The server has lost the session while the message was under way. Only with `OnSessionLoss::Abort`, or after PUBREC.
    SessionLost {
        /// PUBREC had come: the server had taken the message over, and may have delivered it before it lost the session.
        was_received: bool,
    },
    /// The program discarded the session (`discard_session`).
    Discarded,
    /// The message was sent on so many links without an answer, and [`Options::max_attempts`](crate::Options::max_attempts) allows no more.
    AttemptsUsedUp(u8),
    /// This server doesn't take it at all.
    ServerCant(PublishLimit),
    /// No reply came in time, or a flush reached its deadline.
    TimedOut,
    /// The client was shut down first. With a log a message at QoS 1 or 2 goes on after a restart.
    Shutdown,
}

impl End {
    /// Whether this is what one publishes for: the server has it, or at QoS 0, it has left.
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Left | Self::Acknowledged(_))
    }
}

/// What a server can't do for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PublishLimit {
    /// The packet is longer than the server's Maximum Packet Size.
    Size,
    /// The QoS is above the server's Maximum QoS.
    QoS,
    /// The server keeps no messages.
    Retain,
}

/// What is refused comes back with the reason, so that nothing is lost by an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected<T> {
    /// What the call was about.
    pub what: T,
    /// Why it was refused.
    pub why: Refusal,
}

/// Why a call is refused. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// The queue is full: try again after a message has got its final result, which [`Wake::Room`](crate::Wake::Room) reports to a host.
    Full,
    /// It is longer than the limits of this client allow, or than MQTT does.
    TooLarge,
    /// A topic or filter is not one, or nothing was asked for.
    Invalid,
    /// A property doesn't belong there, or has a value that it can't have.
    Property(PropertyError),
    /// It needs a version that the present link doesn't speak.
    NeedsVersion(Version),
    /// Another subscription has the filter with options that contradict these.
    Conflict,
    /// The present server doesn't take it.
    ServerCant(PublishLimit),
    /// QoS 0 messages are not kept while no link is up (`Limits::refuse_offline_qos0`).
    Offline,
    /// The client is shutting down.
    ShuttingDown,
    /// The log can't be written, so nothing can be promised.
    StoreFailed,
    /// There is no such receiver: it was dropped.
    NoReceiver,
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Full => f.write_str("the queue is full; wait until acknowledgements have come"),
            Self::TooLarge => f.write_str("the message is longer than the limits allow"),
            Self::Invalid => f.write_str("a topic or filter is not valid"),
            Self::Property(error) => write!(f, "{error}"),
            Self::NeedsVersion(version) => write!(f, "this needs a link of MQTT {version}"),
            Self::Conflict => f.write_str("another subscription has this filter with other options"),
            Self::ServerCant(limit) => write!(f, "the server doesn't take this message: {limit}"),
            Self::Offline => f.write_str("no link is up, and QoS 0 messages are not kept"),
            Self::ShuttingDown => f.write_str("the client is shutting down"),
            Self::StoreFailed => {
                f.write_str("the log can't be written; free space, or let the client go on without it")
            }
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
            Self::Retain => "the server keeps no messages",
        })
    }
}

/// What an accepted message got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Names the message for good.
    pub ticket: Ticket,
    /// Its packet identifier (paho's `mid`); none at QoS 0.
    pub id: Option<PacketId>,
    /// How many waiting messages the overflow policy dropped for it; each has its [`End::Displaced`].
    pub displaced: u32,
}

/// What a server granted a filter, or why it did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denied {
    /// The server refused it with this code.
    Refused(ReasonCode),
    /// The server ended link after link when it was asked for, alone.
    HangsUp,
    /// The server has said that it can't serve such filters.
    ServerCant,
}

/// The answer for one filter.
pub(crate) type Answer = Result<QoS, Denied>;
