//! What can go wrong, and whose fault it is. All `Copy`, no strings.

use core::fmt;

use pure_mqtt::{Cause, OpenError, PublishError, ReasonCode, RequestError};

/// Why an accepted message did not reach the server for certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NotDelivered {
    /// The server refused it.
    Refused(ReasonCode),
    /// It ended without an answer: [`Cause`] says whether it may have arrived.
    Ended(Cause),
    /// A newer message took its place in the full queue: see [`Limits::overflow`](crate::Limits::overflow).
    Dropped,
}

impl fmt::Display for NotDelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason) => write!(f, "the server refused the message: {reason}"),
            Self::Ended(cause) => cause.fmt(f),
            Self::Dropped => f.write_str("the message was dropped for a newer one"),
        }
    }
}

/// Why there is no subscription at the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NotGranted {
    /// The server refused it. It is asked again on a new session.
    Refused(ReasonCode),
    /// It can't be sent on this link. It is tried again on the next one.
    Impossible(RequestError),
}

impl fmt::Display for NotGranted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason) => write!(f, "the server refused the subscription: {reason}"),
            Self::Impossible(error) => error.fmt(f),
        }
    }
}

/// Why there is no receiver. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SubscribeError {
    /// All places are taken, perhaps by a filter whose UNSUBACK has yet to come: raise `RECEIVERS`, or try again later.
    Full,
    /// Another receiver has the same filter with other options.
    Conflict,
    /// Called from within [`Received::read`](crate::Received::read), where the client can't be reached.
    Busy,
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "there is no place for one more receiver",
            Self::Conflict => "another receiver has this filter with other options",
            Self::Busy => "a message is being read: subscribe outside of `read`",
        })
    }
}

/// Why a request has no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NotReplied {
    /// The request was not accepted.
    Publish(PublishError),
    /// The requester's filter has wildcards, so that it is no Response Topic.
    Wildcard,
}

impl fmt::Display for NotReplied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Publish(error) => error.fmt(f),
            Self::Wildcard => f.write_str("replies need a filter without wildcards"),
        }
    }
}

/// Why [`Mqtt::run`](crate::Mqtt::run) can't go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RunError {
    /// Another `run` or [`Runner`](crate::Runner) serves this client.
    AlreadyRunning,
    /// CONNECT can't be sent: a mistake in the options, or too small a storage.
    Open(OpenError),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyRunning => f.write_str("this client is being run already"),
            Self::Open(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for NotDelivered {}
impl core::error::Error for NotGranted {}
impl core::error::Error for SubscribeError {}
impl core::error::Error for NotReplied {}
impl core::error::Error for RunError {}
