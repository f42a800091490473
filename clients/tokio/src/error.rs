//! Error types.

use std::fmt;

use pure_mqtt_agent::{End, Outgoing, RecoverError, Refusal};
use pure_mqtt_net::store::StoreError;

/// A message was not accepted. The error contains the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishError {
    /// The message, unchanged.
    pub message: Outgoing,
    /// The reason.
    pub why: Refusal,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the message to {:?} was not accepted: {}", self.message.topic, self.why)
    }
}

impl std::error::Error for PublishError {}

/// A subscription was not accepted. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SubscribeError(pub Refusal);

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the subscription was not accepted: {}", self.0)
    }
}

impl std::error::Error for SubscribeError {}

/// An accepted message was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotDelivered {
    /// The message has this final result, which is not a success.
    Ended(End),
    /// The driver was dropped. The message is still queued: a new [driver](crate::Client::driver) sends it, and with a log so does the next run of the program.
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

/// The server does not send the messages of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotGranted {
    /// The server refused a filter with this result.
    Denied(End),
    /// The driver was dropped.
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

/// A request has no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The request was not accepted; the error contains its message.
    NotAccepted(PublishError),
    /// No reply arrived in time.
    TimedOut,
    /// The request itself was not delivered.
    NotDelivered(NotDelivered),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAccepted(error) => error.fmt(f),
            Self::TimedOut => f.write_str("no reply arrived in time"),
            Self::NotDelivered(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RequestError {}

/// A client could not be opened from its log.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder, or a file in it, can't be used.
    Store(StoreError),
    /// The content of the log can't be used.
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

/// Describes a final result for an error message.
fn sentence(end: &End) -> String {
    match end {
        End::Refused(reason) => format!("the server refused it: {reason}"),
        End::Expired => "its Message Expiry Interval passed before it was sent".into(),
        End::Displaced(_) => "a later message took its place in a full queue".into(),
        End::Withdrawn { .. } => "the program withdrew it".into(),
        End::SessionLost { was_received: true } => {
            "the server lost its session after it had taken the message over; it may have been delivered".into()
        }
        End::SessionLost { was_received: false } => "the server lost the session".into(),
        End::Discarded => "the session was discarded".into(),
        End::AttemptsUsedUp(links) => format!("{links} links ended without an answer to it"),
        End::ServerCant(limit) => limit.to_string(),
        End::TimedOut => "no answer arrived in time".into(),
        End::Shutdown => "the client was shut down first".into(),
        other => format!("{other:?}"),
    }
}
