//! Errors, with messages for people.

use std::process::ExitCode;
use std::time::Duration;
use std::{error, fmt, io};

use pure_mqtt::subscriptions::{HeapList, SubscriptionState, Subscriptions};
use pure_mqtt::{ConnectionError, OpenError, PublishError, ReasonCode, RequestError, TopicError};

use crate::Mqtt;

/// Why a link, or the program, ended.
#[derive(Debug)]
pub enum Failure {
    /// The command line is wrong.
    Arguments(String),
    /// A topic or filter is wrong.
    Topic(String, TopicError),
    /// There is no transport to this address.
    Unreachable(String, io::Error),
    /// The transport broke.
    Transport(io::Error),
    /// MQTT says why the link is over.
    Mqtt(ConnectionError),
    /// CONNECT can't be sent.
    Open(OpenError),
    /// A message was not accepted.
    Publish(PublishError),
    /// A request was not accepted.
    Request(RequestError),
    /// The broker refused a filter.
    Subscription(String, ReasonCode),
    /// Anything else.
    Other(String),
}

impl Failure {
    /// Another attempt can end differently.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(..) | Self::Transport(_) => true,
            Self::Mqtt(ConnectionError::Refused(reason)) => {
                matches!(*reason, ReasonCode::SERVER_UNAVAILABLE | ReasonCode::SERVER_BUSY)
            }
            Self::Mqtt(ConnectionError::ServerDisconnect(reason)) => *reason != ReasonCode::SESSION_TAKEN_OVER,
            Self::Mqtt(_) => true,
            _ => false,
        }
    }
}

impl Failure {
    /// Reports the failure for the program `name`. Returns the pause before the next attempt, of `delay` milliseconds.
    pub fn announce(&self, name: &str, delay: u32) -> Duration {
        eprintln!("{name}: {self}; connecting again in {delay} ms");
        Duration::from_millis(delay.into())
    }
}

/// The end of a link that is closed in order. It is well if we wanted it.
///
/// # Errors
/// [`Failure::Mqtt`]: whoever else ended it.
pub fn end_of(mqtt: &Mqtt) -> Result<(), Failure> {
    match mqtt.close_reason() {
        ConnectionError::Disconnected => Ok(()),
        reason => Err(reason.into()),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments(what) => write!(f, "{what}; --help shows the options"),
            Self::Topic(name, error) => write!(f, "{name:?} cannot be used: {error}"),
            Self::Unreachable(address, error) => write!(f, "cannot connect to {address}: {error}"),
            Self::Transport(error) => write!(f, "the transport broke: {error}"),
            Self::Mqtt(error) => error.fmt(f),
            Self::Open(error) => error.fmt(f),
            Self::Publish(error) => write!(f, "cannot publish: {error}"),
            Self::Request(error) => error.fmt(f),
            Self::Subscription(filter, reason) => write!(f, "the broker did not subscribe us to {filter}: {reason}"),
            Self::Other(what) => f.write_str(what),
        }
    }
}

impl error::Error for Failure {}

macro_rules! from {
    ($($error:ty => $variant:ident,)+) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )+};
}

from! {
    io::Error => Transport,
    ConnectionError => Mqtt,
    OpenError => Open,
    PublishError => Publish,
    RequestError => Request,
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::Arguments(error.to_string())
    }
}

/// Whether the broker has taken all filters that it has answered.
///
/// # Errors
/// [`Failure::Subscription`].
pub fn check(subscriptions: &Subscriptions<HeapList>) -> Result<(), Failure> {
    let refused = subscriptions.iter().find_map(|(wish, _, standing)| match standing {
        SubscriptionState::Refused(reason) => Some(Failure::Subscription(wish.filter.as_str().to_owned(), reason)),
        _ => None,
    });
    refused.map_or(Ok(()), Err)
}

/// Ends the program `name`: with a sentence if it failed, and with 2 for a wrong command line and 1 for everything else.
pub fn exit(name: &str, result: Result<(), Failure>) -> ExitCode {
    let Err(failure) = result else { return ExitCode::SUCCESS };
    eprintln!("{name}: {failure}");
    ExitCode::from(if matches!(failure, Failure::Arguments(_) | Failure::Topic(..)) { 2 } else { 1 })
}
