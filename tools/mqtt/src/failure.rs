//! Errors: messages for people, and exit codes.

use std::path::PathBuf;
use std::{fmt, io};

use data_encoding::DecodeError;
use pure_mqtt_client::pure_mqtt::{ConnectionError, QoS, ReasonCode};
use pure_mqtt_client::{
    ConnectError, LinkEnd, LoopError, NotPublished, PublishError, ServerError, StorageError, SubscribeError, TlsError,
};

use crate::remedy::in_options;
use crate::{servers, stop};

pub enum Failure {
    File {
        path: PathBuf,
        cause: io::Error,
    },
    Input(io::Error),
    Output(io::Error),
    /// A payload is not encoded as `--encoding` says.
    Encoding {
        encoding: &'static str,
        error: DecodeError,
    },
    Signals(String),
    /// An invalid address of a server or a proxy.
    Url {
        what: &'static str,
        error: ServerError,
    },
    /// TLS options with a URL without TLS.
    PlainUrl {
        server: String,
    },
    /// A password without a user name, in 3.1 and 3.1.1.
    PasswordAlone,
    Tls(TlsError),
    Storage {
        folder: PathBuf,
        error: StorageError,
    },
    /// `--refeed` with different input.
    OtherInput {
        folder: PathBuf,
        line: u64,
    },
    /// No link could be established.
    Connect {
        servers: String,
        error: ConnectError,
    },
    /// A link ended.
    Link(LinkEnd),
    Loop(LoopError),
    Publish(PublishError),
    Subscribe(SubscribeError),
    /// The server did not accept a message.
    NotPublished(NotPublished),
    /// The server did not accept a subscription.
    NotSubscribed {
        filter: String,
        reason: ReasonCode,
    },
    TimeOut,
    /// Ctrl-C.
    Stopped,
    /// Messages of a measurement were not received.
    Lost {
        missing: u64,
    },
    /// The server delivers at another QoS than the measured one.
    OtherQoS {
        wanted: QoS,
        came: QoS,
    },
    /// The system does not allow enough open files.
    Files {
        needed: u64,
        allowed: u64,
    },
    /// The plot could not be written.
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

    /// Returns whether the reader of our output has closed it, such as `head` in `mqtt sub … | head -1`. That is no error.
    pub fn is_end_of_reader(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Returns a suggestion.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Connect { servers, error: ConnectError::Transport(cause) } if is_hung_up(servers, cause) => {
                Some("does this port speak TLS? Port 1883 usually does not")
            }
            Self::Connect { error: ConnectError::Transport(_) | ConnectError::TimedOut, .. } => {
                Some("is a server listening there? Set its address with --host and --port, or with --url")
            }
            Self::Url { error, .. } => servers::hint(error),
            Self::Link(LinkEnd::Mqtt(ConnectionError::Refused(reason))) => hint_for(*reason),
            Self::Link(LinkEnd::ServerDisconnect { reason: ReasonCode::SESSION_TAKEN_OVER, .. }) => {
                Some("another client uses the same --id")
            }
            Self::Link(LinkEnd::ClosedByServer | LinkEnd::Transport(_)) => {
                Some("is this the right port? A port for TLS needs --tls, one for WebSocket --websocket")
            }
            Self::Lost { .. } => {
                Some("at QoS 0 a server may drop messages that it can't send at once: try a smaller --window")
            }
            Self::Files { .. } => Some("raise the limit with `ulimit -n`, or use fewer --connections"),
            _ => None,
        }
    }
}

/// Returns whether a server was reached with TLS, and closed the connection in the handshake.
fn is_hung_up(servers: &str, cause: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    let has_tls = servers.contains("mqtts://") || servers.contains("wss://");
    has_tls && matches!(cause.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
}

fn hint_for(refusal: ReasonCode) -> Option<&'static str> {
    match refusal {
        ReasonCode::NOT_AUTHORIZED | ReasonCode::BAD_USER_NAME_OR_PASSWORD => {
            Some("set --user and --password, or MQTT_USER and MQTT_PASSWORD")
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
                write!(f, "a payload is not valid {encoding}: {error}; set --encoding to the encoding that you use")
            }
            Self::Signals(error) => write!(f, "cannot watch for Ctrl-C: {error}"),
            Self::Url { what, error } => write!(f, "the address of {what}: {error}"),
            Self::PlainUrl { server } => {
                write!(
                    f,
                    "the options need TLS, but {server} is a URL without TLS: write mqtts:// or wss://, or remove the options"
                )
            }
            Self::PasswordAlone => {
                f.write_str("before MQTT 5 a password needs a user name: add --user <NAME> or --protocol-version 5")
            }
            Self::Tls(error) => f.write_str(&in_options(error)),
            Self::Storage { folder, error } => write!(f, "the folder {}: {error}", folder.display()),
            Self::OtherInput { folder, line } => write!(
                f,
                "the standard input differs from the lines that {} has accepted: up to line {line} they differ. Nothing was published; \
                 without --refeed it is published from its start",
                folder.display()
            ),
            Self::Connect { servers, error } => write!(f, "cannot connect to {servers}: {}", in_options(error)),
            Self::Link(LinkEnd::ServerDisconnect { reason, explanation: Some(text), .. }) => {
                write!(f, "the server ended the connection: {reason} ({text})")
            }
            Self::Link(end) => f.write_str(&in_options(end)),
            Self::Loop(error) => f.write_str(&in_options(error)),
            Self::Publish(error) => write!(f, "cannot publish: {error}"),
            Self::Subscribe(error) => write!(f, "cannot subscribe: {error}"),
            Self::NotPublished(error) => error.fmt(f),
            Self::NotSubscribed { filter, reason } => {
                write!(f, "the server refused the subscription to {filter}: {reason}")
            }
            Self::TimeOut => f.write_str("the time of --timeout has passed"),
            Self::Stopped => f.write_str("stopped"),
            Self::Lost { missing } => write!(f, "{missing} messages were not received"),
            Self::OtherQoS { wanted, came } => write!(
                f,
                "the server delivers messages at QoS {} that were published at QoS {}, so this QoS can't be measured",
                came.bits(),
                wanted.bits()
            ),
            Self::Files { needed, allowed } => {
                write!(f, "this many connections need {needed} open files, but the system allows only {allowed}")
            }
            Self::Plot { path, cause } => write!(f, "cannot write the plot {}: {cause}", path.display()),
        }
    }
}
