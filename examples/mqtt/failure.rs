//! What can go wrong, in sentences for people, with its exit code.

use std::process::ExitCode;
use std::{fmt, io};

use pure_mqtt::wire::Violation;
use pure_mqtt::{Cause, ConnectionError, PublishError, ReasonCode, RequestError, TopicError};

use crate::support::HostError;

pub enum Failure {
    Arguments(String),
    Topic {
        name: String,
        error: TopicError,
    },
    Input(io::Error),
    Output(io::Error),
    Host(HostError),
    Publish(PublishError),
    Request(RequestError),
    /// The broker did not take a message.
    NotTaken(ReasonCode),
    /// The broker did not take a subscription.
    NotSubscribed {
        filter: String,
        reason: ReasonCode,
    },
    /// A command ended without an answer.
    Ended(Cause),
    TimeOut,
    /// 5.0 lets nobody go on with a session that he doesn't remember.
    EarlierRun,
}

impl Failure {
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Arguments(_) | Self::Topic { .. } => 2,
            Self::Host(HostError::Mqtt(ConnectionError::Refused(_))) => 3,
            Self::TimeOut => 4,
            _ => 1,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments(what) => write!(f, "{what}; --help shows the options"),
            Self::Topic { name, error } => write!(f, "{name:?} cannot be used: {error}"),
            Self::Input(error) => write!(f, "cannot read the payload: {error}"),
            Self::Output(error) => write!(f, "cannot print: {error}"),
            Self::Host(error) => error.fmt(f),
            Self::Publish(error) => write!(f, "cannot publish: {error}"),
            Self::Request(error) => write!(f, "cannot subscribe: {error}"),
            Self::NotTaken(reason) => write!(f, "the broker did not take a message: {reason}"),
            Self::NotSubscribed { filter, reason } => {
                write!(f, "the broker did not subscribe us to {filter}: {reason}")
            }
            Self::Ended(cause) => f.write_str(explain(*cause)),
            Self::TimeOut => f.write_str("the time is over"),
            Self::EarlierRun => f.write_str(
                "the broker still has the session of an earlier run, of which this run knows nothing; \
                 MQTT 5 forbids to go on with it: start with --clean, or with another --id",
            ),
        }
    }
}

fn explain(cause: Cause) -> &'static str {
    match cause {
        Cause::TooLarge => "the broker does not take packets of this length",
        Cause::QoSNotSupported => "the broker does not support this quality of service",
        Cause::RetainNotSupported => "the broker does not keep retained messages",
        Cause::SubscriptionNotSupported => "the broker does not support such a subscription",
        Cause::Unknown => "the connection was lost before the broker answered",
        Cause::Expired => "a message expired before it could be sent",
        _ => "the session was lost",
    }
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::Arguments(error.to_string())
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Mqtt(ConnectionError::Protocol(Violation::UnknownSession)) => Self::EarlierRun,
            error => Self::Host(error),
        }
    }
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        Self::Publish(error)
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}
