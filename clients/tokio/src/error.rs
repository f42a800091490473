//! What can go wrong, in sentences for people.

use std::fmt;

use pure_mqtt_agent::{End, Outgoing, RecoverError, Refusal};
use pure_mqtt_net::store::StoreError;

/// Why a message was not accepted. It comes back: nothing is lost by an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishError {
    /// The message.
    pub message: Outgoing,
    /// Why.
    pub why: Refusal,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the message to {:?} was not accepted: {}", self.message.topic, self.why)
    }
}

impl std::error::Error for PublishError {}

/// Why a subscription was not accepted. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SubscribeError(pub Refusal);

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the subscription was not accepted: {}", self.0)
    }
}

impl std::error::Error for SubscribeError {}

/// Why a message that was accepted is not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotDelivered {
    /// It has this end, which is none of success.
    Ended(End),
    /// Nobody drives the client any more. The message is still accepted: a new [driver](crate::Client::driver) goes on with it, and with a log so does the next run of the
    /// program.
    NoDriver,
}

impl fmt::Display for NotDelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDriver => f.write_str("the client's driver was dropped before the message was delivered"),
            Self::Ended(end) => write!(f, "the message was not delivered: {}", sentence(end)),
        }
    }
}

impl std::error::Error for NotDelivered {}

/// Why the server doesn't send the messages of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotGranted {
    /// It has refused a filter, for this reason.
    Denied(End),
    /// Nobody drives the client any more.
    NoDriver,
}

impl fmt::Display for NotGranted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDriver => f.write_str("the client's driver was dropped before the server had answered"),
            Self::Denied(end) => write!(f, "the subscription was not granted: {}", sentence(end)),
        }
    }
}

impl std::error::Error for NotGranted {}

/// Why a request has no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// It was not accepted, and comes back.
    NotAccepted(PublishError),
    /// No reply came in time.
    TimedOut,
    /// The request itself was not delivered.
    NotDelivered(NotDelivered),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAccepted(error) => error.fmt(f),
            Self::TimedOut => f.write_str("no reply came in time"),
            Self::NotDelivered(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RequestError {}

/// Why a client can't go on from its log.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder, or a file in it.
    Store(StoreError),
    /// What the log says.
    Log(RecoverError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Log(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<RecoverError> for OpenError {
    fn from(error: RecoverError) -> Self {
        Self::Log(error)
    }
}

/// The end in words.
fn sentence(end: &End) -> String {
    match end {
        End::Refused(reason) => format!("the server refused it: {reason}"),
        End::Expired => "its time was over before it left".into(),
        End::Displaced(_) => "a later message took its place in a full queue".into(),
        End::Withdrawn { .. } => "the program withdrew it".into(),
        End::SessionLost { was_received: true } => {
            "the server lost its session after it had taken the message over; it may have been delivered".into()
        }
        End::SessionLost { was_received: false } => "the server lost the session".into(),
        End::Discarded => "the session was discarded".into(),
        End::AttemptsUsedUp(links) => format!("{links} links ended without an answer to it"),
        End::ServerCant(limit) => limit.to_string(),
        End::TimedOut => "no answer came in time".into(),
        End::Shutdown => "the client was shut down first".into(),
        other => format!("{other:?}"),
    }
}
