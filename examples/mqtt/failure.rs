//! What can go wrong, in sentences for people, with its exit code.

use std::path::PathBuf;
use std::{fmt, io};

use pure_mqtt::wire::Violation;
use pure_mqtt::{Cause, ConnectionError, PublishError, QoS, ReasonCode, RequestError, TopicError};

use crate::stop;
use crate::support::HostError;

pub enum Failure {
    File {
        path: PathBuf,
        cause: io::Error,
    },
    Input(io::Error),
    Output(io::Error),
    Signals(io::Error),
    Host(HostError),
    /// Nobody can subscribe to this topic.
    Topic(TopicError),
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
    /// Ctrl-C.
    Stopped,
    /// 5.0 lets nobody go on with a session that he doesn't remember.
    EarlierRun,
    /// Messages of a measurement did not come back.
    Lost {
        missing: u64,
    },
    /// The broker delivers in another quality of service than what is measured.
    OtherQoS {
        wanted: QoS,
        came: QoS,
    },
}

impl Failure {
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Host(HostError::Open(_)) => 2,
            Self::Host(HostError::Mqtt(ConnectionError::Refused(_))) => 3,
            Self::TimeOut => 4,
            Self::Stopped => stop::EXIT_CODE,
            _ => 1,
        }
    }

    /// Nobody reads our output any more: `mqtt sub … | head -1` has what it wanted.
    pub fn is_end_of_reader(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// What to try.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Host(HostError::Unreachable { .. }) => {
                Some("does a broker listen there? --host and --port (or MQTT_HOST and MQTT_PORT) say where it is")
            }
            Self::Host(HostError::Mqtt(ConnectionError::Refused(reason))) => hint_for(*reason),
            Self::Host(HostError::Mqtt(ConnectionError::ServerDisconnect(ReasonCode::SESSION_TAKEN_OVER))) => {
                Some("another client has the same --id")
            }
            Self::EarlierRun => Some("start with --clean, or with another --id"),
            Self::Lost { .. } => Some("at QoS 0 a broker may drop what it can't send at once: try a smaller --window"),
            _ => None,
        }
    }
}

fn hint_for(refusal: ReasonCode) -> Option<&'static str> {
    match refusal {
        ReasonCode::NOT_AUTHORIZED | ReasonCode::BAD_USER_NAME_OR_PASSWORD => {
            Some("--user and --password (or MQTT_USER and MQTT_PASSWORD) say who connects")
        }
        ReasonCode::UNSUPPORTED_PROTOCOL_VERSION => Some("try another --version"),
        ReasonCode::CLIENT_IDENTIFIER_NOT_VALID => Some("try another --id"),
        _ => None,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, cause } => write!(f, "cannot read {}: {cause}", path.display()),
            Self::Input(error) => write!(f, "cannot read the standard input: {error}"),
            Self::Output(error) => write!(f, "cannot print: {error}"),
            Self::Signals(error) => write!(f, "cannot watch for Ctrl-C: {error}"),
            Self::Host(error) => error.fmt(f),
            Self::Topic(error) => write!(f, "the topic cannot be used: {error}"),
            Self::Publish(error) => write!(f, "cannot publish: {error}"),
            Self::Request(error) => write!(f, "cannot subscribe: {error}"),
            Self::NotTaken(reason) => write!(f, "the broker did not take a message: {reason}"),
            Self::NotSubscribed { filter, reason } => {
                write!(f, "the broker did not subscribe us to {filter}: {reason}")
            }
            Self::Ended(cause) => f.write_str(explain(*cause)),
            Self::TimeOut => f.write_str("the time is over"),
            Self::Stopped => f.write_str("stopped"),
            Self::EarlierRun => f.write_str(
                "the broker still has the session of an earlier run, of which this run knows nothing; \
                 MQTT 5 forbids to go on with it",
            ),
            Self::Lost { missing } => write!(f, "{missing} messages did not come back"),
            Self::OtherQoS { wanted, came } => write!(
                f,
                "the broker delivers at QoS {} what was published at QoS {}, so that can't be measured",
                came.bits(),
                wanted.bits()
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
        Cause::Released => {
            "the broker had taken a message over when it lost the session, and may not have delivered it"
        }
        Cause::Expired => "a message expired before it could be sent",
        _ => "the session was lost",
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
