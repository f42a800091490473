//! Errors of the tour, with messages for people.

use std::process::ExitCode;
use std::{fmt, io};

use pure_mqtt::{PublishError, RequestError, TopicError};

use crate::support::HostError;

pub enum Failure {
    Usage(lexopt::Error),
    Listen(io::Error),
    Host(HostError),
    Topic(TopicError),
    Publish(PublishError),
    Request(RequestError),
    /// It took too long to come.
    Missing(&'static str),
    /// The session should have been there.
    NotResumed,
    /// Messages that did not come, or came too often.
    Lost(Vec<String>),
    Doubled(Vec<String>),
    /// What the broker says about us.
    Manners(Vec<String>),
}

impl Failure {
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(if matches!(self, Self::Usage(_)) { 2 } else { 1 })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(error) => write!(f, "{error}; --help shows the options"),
            Self::Listen(error) => write!(f, "the built-in broker cannot listen: {error}"),
            Self::Host(error) => error.fmt(f),
            Self::Topic(error) => error.fmt(f),
            Self::Publish(error) => write!(f, "cannot publish: {error}"),
            Self::Request(error) => write!(f, "cannot subscribe: {error}"),
            Self::Missing(what) => write!(f, "{what} did not come in time"),
            Self::NotResumed => f.write_str("the broker did not resume the session"),
            Self::Lost(messages) => write!(f, "these messages were lost: {}", messages.join(", ")),
            Self::Doubled(messages) => write!(f, "these QoS 2 messages came twice: {}", messages.join(", ")),
            Self::Manners(violations) => write!(f, "the broker complains: {}", violations.join("; ")),
        }
    }
}

macro_rules! from {
    ($($error:ty => $variant:ident)+) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )+};
}

from! {
    lexopt::Error => Usage
    HostError => Host
    TopicError => Topic
    PublishError => Publish
    RequestError => Request
}
