//! What can go wrong, in sentences for people, with its exit code.

use std::path::PathBuf;
use std::{fmt, io};

use data_encoding::DecodeError;
use pure_mqtt_client::pure_mqtt::{ConnectionError, QoS, ReasonCode};
use pure_mqtt_client::{
    ConnectError, LinkEnd, LoopError, NotPublished, PublishError, ServerError, StorageError, SubscribeError, TlsError,
};

use crate::{servers, stop};

pub enum Failure {
    File {
        path: PathBuf,
        cause: io::Error,
    },
    Input(io::Error),
    Output(io::Error),
    /// A payload is not given as it was said.
    Encoding {
        encoding: &'static str,
        error: DecodeError,
    },
    Signals(String),
    /// The address of a server or a proxy.
    Url {
        what: &'static str,
        error: ServerError,
    },
    /// Options of TLS, and a URL without it.
    PlainUrl {
        server: String,
    },
    /// In 3.1 and 3.1.1.
    PasswordAlone,
    Tls(TlsError),
    Storage {
        folder: PathBuf,
        error: StorageError,
    },
    /// `--refeed` with another input.
    OtherInput {
        folder: PathBuf,
        line: u64,
    },
    /// No link could be made.
    Connect {
        servers: String,
        error: ConnectError,
    },
    /// A link ended.
    Link(LinkEnd),
    Loop(LoopError),
    Publish(PublishError),
    Subscribe(SubscribeError),
    /// The server did not take a message.
    NotPublished(NotPublished),
    /// The server did not take a subscription.
    NotSubscribed {
        filter: String,
        reason: ReasonCode,
    },
    TimeOut,
    /// Ctrl-C.
    Stopped,
    /// Messages of a measurement did not come back.
    Lost {
        missing: u64,
    },
    /// The server delivers in another quality of service than what is measured.
    OtherQoS {
        wanted: QoS,
        came: QoS,
    },
    /// The system doesn't let so many files be open.
    Files {
        needed: u64,
        allowed: u64,
    },
    /// A picture could not be drawn.
    Plot {
        path: PathBuf,
        cause: String,
    },
}

impl Failure {
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Connect { error: ConnectError::Options(_), .. } => 2,
            Self::Url { .. } | Self::PlainUrl { .. } | Self::PasswordAlone | Self::Tls(_) | Self::Encoding { .. } => 2,
            Self::OtherInput { .. } => 2,
            Self::Link(LinkEnd::Mqtt(ConnectionError::Refused(_))) => 3,
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
            Self::Connect { error: ConnectError::Transport(_) | ConnectError::TimedOut, .. } => {
                Some("does a server listen there? --host and --port, or --url, say where it is")
            }
            Self::Url { error, .. } => servers::hint(error),
            Self::Link(LinkEnd::Mqtt(ConnectionError::Refused(reason))) => hint_for(*reason),
            Self::Link(LinkEnd::ServerDisconnect { reason: ReasonCode::SESSION_TAKEN_OVER, .. }) => {
                Some("another client has the same --id")
            }
            Self::Link(LinkEnd::ClosedByServer | LinkEnd::Transport(_)) => {
                Some("is it a port of MQTT, and without TLS? --tls and --websocket say what is spoken there")
            }
            Self::Lost { .. } => Some("at QoS 0 a server may drop what it can't send at once: try a smaller --window"),
            Self::Files { .. } => Some("allow more, with `ulimit -n`, or fewer --connections"),
            _ => None,
        }
    }
}

fn hint_for(refusal: ReasonCode) -> Option<&'static str> {
    match refusal {
        ReasonCode::NOT_AUTHORIZED | ReasonCode::BAD_USER_NAME_OR_PASSWORD => {
            Some("--user and --password (or MQTT_USER and MQTT_PASSWORD) say who connects")
        }
        ReasonCode::UNSUPPORTED_PROTOCOL_VERSION => Some("try another --protocol-version"),
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
            Self::Encoding { encoding, error } => {
                write!(f, "a payload is not {encoding}: {error}; --encoding says how payloads are given")
            }
            Self::Signals(error) => write!(f, "cannot watch for Ctrl-C: {error}"),
            Self::Url { what, error } => write!(f, "the address of {what}: {error}"),
            Self::PlainUrl { server } => {
                write!(f, "the options want TLS, and {server} is without: write mqtts:// or wss://, or leave them out")
            }
            Self::PasswordAlone => {
                f.write_str("before MQTT 5 a password needs a user name: --user <NAME>, or --protocol-version 5")
            }
            Self::Tls(error) => error.fmt(f),
            Self::Storage { folder, error } => write!(f, "the folder {}: {error}", folder.display()),
            Self::OtherInput { folder, line } => write!(
                f,
                "the standard input is not what {} was fed with: up to line {line} they differ. Nothing was published; \
                 without --refeed it is published from its start",
                folder.display()
            ),
            Self::Connect { servers, error } => write!(f, "cannot connect to {servers}: {error}"),
            Self::Link(LinkEnd::ServerDisconnect { reason, explanation: Some(text), .. }) => {
                write!(f, "the server ended the connection: {reason} ({text})")
            }
            Self::Link(end) => end.fmt(f),
            Self::Loop(error) => error.fmt(f),
            Self::Publish(error) => write!(f, "cannot publish: {error}"),
            Self::Subscribe(error) => write!(f, "cannot subscribe: {error}"),
            Self::NotPublished(error) => error.fmt(f),
            Self::NotSubscribed { filter, reason } => {
                write!(f, "the server did not subscribe us to {filter}: {reason}")
            }
            Self::TimeOut => f.write_str("the time is over"),
            Self::Stopped => f.write_str("stopped"),
            Self::Lost { missing } => write!(f, "{missing} messages did not come back"),
            Self::OtherQoS { wanted, came } => write!(
                f,
                "the server delivers at QoS {} what was published at QoS {}, so that can't be measured",
                came.bits(),
                wanted.bits()
            ),
            Self::Files { needed, allowed } => {
                write!(f, "so many connections need {needed} open files, and the system allows {allowed}")
            }
            Self::Plot { path, cause } => write!(f, "cannot draw {}: {cause}", path.display()),
        }
    }
}
