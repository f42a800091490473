//! Why a command was not accepted, and how what was accepted can end.

use pure_mqtt::subscriptions::SubscriptionState;
use pure_mqtt::{Cause, ReasonCode, RequestError, TopicError};
use pure_mqtt_agent::{PublishLimit, Refusal};

/// Why a message was not accepted. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PublishError {
    /// The topic is not the name of one.
    Topic(TopicError),
    /// The engine can't take it: the queue is full, say.
    Rejected(pure_mqtt::PublishError),
    /// [`Payload::Streamed`](pure_mqtt::Payload::Streamed) is for hosts that have the transport in their own hands.
    Streamed,
    /// The log can't be written, so that nothing can be promised.
    StoreFailed,
    /// The client is shutting down.
    ShuttingDown,
    /// A [request](crate::Client::request) without a reply topic of its own needs Response Topic and Correlation Data, which the version in force doesn't have.
    NeedsVersion5,
}

sentences! { PublishError {
    Self::Topic(error) => ("{error}"),
    Self::Rejected(error) => ("{error}"),
    Self::Streamed => ("a payload cannot be supplied piece by piece here"),
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

/// Why a wish to subscribe or unsubscribe was not accepted. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SubscribeError {
    /// A filter is none.
    Filter(TopicError),
    /// The request can't be made like this: it names no filter, say.
    Rejected(RequestError),
    /// A receiver has subscribed to the filter with options that contradict these.
    Conflict,
}

sentences! { SubscribeError {
    Self::Filter(error) => ("{error}"),
    Self::Rejected(error) => ("{error}"),
    Self::Conflict => ("the filter is subscribed to with other options already"),
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

/// How an accepted message ended without being delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotPublished {
    /// The server refused it.
    Refused(ReasonCode),
    /// The queue was full, and a later message took its place: see [`Overflow`](pure_mqtt::Overflow).
    Dropped,
    /// It ended here, for this reason: its time was over, say.
    Ended(Cause),
    /// Links ended at it again and again, on so many, and it was given up.
    AttemptsUsedUp(u8),
    /// No reply came in time.
    TimedOut,
    /// The last handle of the client was dropped before.
    ClientGone,
}

sentences! { NotPublished {
    Self::Refused(reason) => ("the server refused the message: {reason}"),
    Self::Dropped => ("the message was dropped from a full queue"),
    Self::Ended(cause) => ("the message was given up: {}", sentence(*cause)),
    Self::AttemptsUsedUp(links) => ("the message was given up after {links} links that ended without an answer to it"),
    Self::TimedOut => ("no reply came in time"),
    Self::ClientGone => ("the client is gone"),
} }

fn sentence(cause: Cause) -> &'static str {
    match cause {
        Cause::SessionLost => "the server has lost the session",
        Cause::Expired => "its time was over",
        Cause::TooLarge => "it is longer than the server takes",
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

/// Why waiting for a message has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitError {
    /// It took too long; the message is still under way.
    TimedOut,
    /// The client was disconnected on purpose meanwhile; the message waits for the next link.
    Disconnected,
    /// A callback can't wait: the loop that would deliver the message waits for the callback.
    InCallback,
    /// The message has ended without being delivered.
    NotPublished(NotPublished),
}

sentences! { WaitError {
    Self::TimedOut => ("the message was not delivered in time"),
    Self::Disconnected => ("the client was disconnected before the message was delivered"),
    Self::InCallback => ("a callback cannot wait for a message of its own client"),
    Self::NotPublished(error) => ("{error}"),
} }

/// Why a [`Receiver`](crate::Receiver) has nothing to give.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceiveError {
    /// Nothing came in time.
    TimedOut,
    /// The client was disconnected on purpose, and nothing is left. After the next `connect` messages come again.
    Disconnected,
    /// A callback can't wait: the loop that would bring a message waits for the callback.
    InCallback,
    /// The server has not granted the filter.
    NotGranted {
        /// The first such filter.
        filter: Box<str>,
        /// How it stands instead.
        standing: SubscriptionState,
    },
}

sentences! { ReceiveError {
    Self::TimedOut => ("nothing came in time"),
    Self::Disconnected => ("the client was disconnected"),
    Self::InCallback => ("a callback cannot wait for a message of its own client"),
    Self::NotGranted { filter, standing } => ("{filter:?} was not granted: {standing:?}"),
} }
