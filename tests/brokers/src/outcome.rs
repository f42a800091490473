//! What a play found out.

use std::fmt;

use pure_mqtt_client::pure_mqtt::TopicError;
use pure_mqtt_client::pure_mqtt::subscriptions::SubscriptionState;
use pure_mqtt_client::{
    ConnectError, LoopError, NotPublished, PublishError, ReceiveError, StorageError, SubscribeError, WaitError,
};

/// The result of a play: what is worth a word although it works, or what doesn't.
pub type Played<T = String> = Result<T, Finding>;

/// What doesn't work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub kind: Kind,
    /// In words that are the same at each run.
    pub what: String,
    /// What differs from run to run: numbers, for the terminal.
    pub detail: String,
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The broker says no, in a way that the standard provides for.
    Refused,
    /// The broker doesn't offer it, and says so.
    Absent,
    /// The broker does what the standard forbids, or nothing.
    Wrong,
}

impl Finding {
    pub fn refused(what: impl fmt::Display) -> Self {
        Self::new(Kind::Refused, what)
    }

    pub fn absent(what: impl fmt::Display) -> Self {
        Self::new(Kind::Absent, what)
    }

    pub fn wrong(what: impl fmt::Display) -> Self {
        Self::new(Kind::Wrong, what)
    }

    fn new(kind: Kind, what: impl fmt::Display) -> Self {
        Self { kind, what: what.to_string(), detail: String::new() }
    }

    /// The same with what differs from run to run.
    #[must_use]
    pub fn with(mut self, detail: impl fmt::Display) -> Self {
        self.detail = detail.to_string();
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Refused => write!(f, "refused: {}", self.what),
            Kind::Absent => write!(f, "not offered: {}", self.what),
            Kind::Wrong => write!(f, "wrong: {}", self.what),
        }
    }
}

impl From<WaitError> for Finding {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::NotPublished(NotPublished::Refused(reason)) => Self::refused(reason),
            WaitError::TimedOut => Self::wrong("a message was not acknowledged in time"),
            error => Self::wrong(error),
        }
    }
}

impl From<ReceiveError> for Finding {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::NotGranted { standing: SubscriptionState::Refused(reason), .. } => Self::refused(reason),
            ReceiveError::NotGranted { .. } => Self::absent("the filter"),
            ReceiveError::TimedOut => Self::wrong("a message did not come in time"),
            error => Self::wrong(error),
        }
    }
}

/// Errors that no broker should bring about: they are ours.
macro_rules! ours {
    ($($type:ty),+) => { $(impl From<$type> for Finding {
        fn from(error: $type) -> Self {
            Self::wrong(error)
        }
    })+ };
}

ours!(ConnectError, LoopError, PublishError, SubscribeError, StorageError, TopicError, std::io::Error);
