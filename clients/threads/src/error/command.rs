//! Errors of commands, and results of accepted ones.

use pure_mqtt::subscriptions::SubscriptionState;
use pure_mqtt::{Cause, ReasonCode, RequestError, TopicError};
use pure_mqtt_agent::{PublishLimit, Refusal};

/// A message was not accepted. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PublishError {
    /// The topic is not a valid topic name.
    Topic(TopicError),
    /// The engine refused it, for example because the queue is full.
    Rejected(pure_mqtt::PublishError),
    /// The client does not support [`Payload::Streamed`](pure_mqtt::Payload::Streamed): only a host with its own transport can supply a payload in parts.
    Streamed,
    /// The log can't be written, so delivery can't be guaranteed. Free space on the disk.
    StoreFailed,
    /// The client is shutting down.
    ShuttingDown,
    /// A [request](crate::Client::request) without a reply topic needs Response Topic and Correlation Data, which exist only in 5.0.
    NeedsVersion5,
}

sentences! { PublishError {
    Self::Topic(error) => ("{error}"),
    Self::Rejected(error) => ("{error}"),
    Self::Streamed => ("this client does not support streamed payloads"),
    Self::StoreFailed => ("the log cannot be written; free space for it"),
    Self::ShuttingDown => ("the client is shutting down"),
    Self::NeedsVersion5 => ("a request needs 5.0, or a reply topic of its own"),
} }

impl From<TopicError> for PublishError {
    fn from(error: TopicError) -> Self {
        Self::Topic(error)
    }
}

impl From<Refusal> for PublishError {
    fn from(refusal: Refusal) -> Self {
        Self::Rejected(match refusal {
            Refusal::StoreFailed => return Self::StoreFailed,
            Refusal::ShuttingDown => return Self::ShuttingDown,
            Refusal::NeedsVersion(_) => return Self::NeedsVersion5,
            Refusal::Invalid => return Self::Streamed,
            Refusal::TooLarge => pure_mqtt::PublishError::TooLarge,
            Refusal::Offline => pure_mqtt::PublishError::Offline,
            Refusal::Property(error) => pure_mqtt::PublishError::Property(error),
            Refusal::ServerCant(PublishLimit::Size) => pure_mqtt::PublishError::ServerMaximum,
            Refusal::ServerCant(PublishLimit::QoS) => pure_mqtt::PublishError::QoSNotSupported,
            Refusal::ServerCant(PublishLimit::Retain) => pure_mqtt::PublishError::RetainNotSupported,
            _ => pure_mqtt::PublishError::Full,
        })
    }
}

/// A subscribe or unsubscribe call was not accepted. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SubscribeError {
    /// A filter is not valid.
    Filter(TopicError),
    /// The engine refused the request, for example because it contains no filter.
    Rejected(RequestError),
    /// A receiver has subscribed to the filter with contradicting options.
    Conflict,
}

sentences! { SubscribeError {
    Self::Filter(error) => ("{error}"),
    Self::Rejected(error) => ("{error}"),
    Self::Conflict => ("a receiver has already subscribed to the filter with other options"),
} }

impl From<TopicError> for SubscribeError {
    fn from(error: TopicError) -> Self {
        Self::Filter(error)
    }
}

impl From<RequestError> for SubscribeError {
    fn from(error: RequestError) -> Self {
        Self::Rejected(error)
    }
}

/// An accepted message was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotPublished {
    /// The server refused it.
    Refused(ReasonCode),
    /// The queue was full, and a later message replaced it: see [`Overflow`](pure_mqtt::Overflow).
    Dropped,
    /// The client gave it up for this reason, for example because it expired.
    Ended(Cause),
    /// It was sent on this many links, and each ended without an acknowledgement: see [`Options::max_attempts`](crate::Options::max_attempts).
    AttemptsUsedUp(u8),
    /// No reply arrived in time.
    TimedOut,
    /// The last handle of the client was dropped first.
    ClientGone,
}

sentences! { NotPublished {
    Self::Refused(reason) => ("the server refused the message: {reason}"),
    Self::Dropped => ("the message was dropped from a full queue"),
    Self::Ended(cause) => ("the message was given up: {}", sentence(*cause)),
    Self::AttemptsUsedUp(links) => ("the message was given up after {links} links that ended without an answer to it"),
    Self::TimedOut => ("no reply arrived in time"),
    Self::ClientGone => ("the client was dropped"),
} }

fn sentence(cause: Cause) -> &'static str {
    match cause {
        Cause::SessionLost => "the server has lost the session",
        Cause::Expired => "its Message Expiry Interval passed before it was sent",
        Cause::TooLarge => "it is longer than the server's Maximum Packet Size",
        Cause::QoSNotSupported => "the server does not support this QoS",
        Cause::RetainNotSupported => "the server does not keep retained messages",
        Cause::Discarded => "the session was discarded",
        Cause::Abandoned => "its payload cannot be supplied",
        Cause::Withdrawn => "the program withdrew it",
        Cause::Released => {
            "the server lost its session after it had taken the message over; it may have been delivered"
        }
        _ => "the connection ended",
    }
}

/// A wait for a message ended without delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitError {
    /// The time-out passed; the message is still being delivered.
    TimedOut,
    /// `disconnect` was called meanwhile; the message stays queued for the next link.
    Disconnected,
    /// A callback can't wait: the loop that would deliver the message is waiting for the callback.
    InCallback,
    /// The message ended without being delivered.
    NotPublished(NotPublished),
}

sentences! { WaitError {
    Self::TimedOut => ("the message was not delivered in time"),
    Self::Disconnected => ("the client was disconnected before the message was delivered"),
    Self::InCallback => ("a callback cannot wait for a message of its own client"),
    Self::NotPublished(error) => ("{error}"),
} }

/// A [`Receiver`](crate::Receiver) has no message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceiveError {
    /// No message arrived in time.
    TimedOut,
    /// `disconnect` was called, and the queue is empty. After the next `connect` messages arrive again.
    Disconnected,
    /// A callback can't wait: the loop that would receive a message is waiting for the callback.
    InCallback,
    /// The server has not granted the filter.
    NotGranted {
        /// The first such filter.
        filter: Box<str>,
        /// Its state.
        standing: SubscriptionState,
    },
}

sentences! { ReceiveError {
    Self::TimedOut => ("no message arrived in time"),
    Self::Disconnected => ("the client was disconnected"),
    Self::InCallback => ("a callback cannot wait for a message of its own client"),
    Self::NotGranted { filter, standing } => ("{filter:?} was not granted: {standing:?}"),
} }
