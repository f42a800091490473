//! Errors of connecting, and ends of links.

use std::io;
use std::sync::Arc;

use pure_mqtt::{ConnectionError, OpenError, PropertyError, ReasonCode};
use pure_mqtt_agent::FailureClass;
use pure_mqtt_net::Failure;

/// No link could be established.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// No server was set: call [`Client::connect`](crate::Client::connect).
    NoServer,
    /// The [`Options`](crate::Options) have a value that CONNECT can't contain.
    Options(OpenError),
    /// The server can't be reached.
    Transport(Arc<io::Error>),
    /// The handshake of the proxy, of TLS or of WebSocket failed.
    Layer(Box<Failure>),
    /// Connecting took longer than [`Options::connect_timeout`](crate::Options::connect_timeout).
    TimedOut,
    /// Another thread called `disconnect` or `connect` meanwhile, or the client was dropped.
    GivenUp,
}

sentences! { ConnectError {
    Self::NoServer => ("no server was set; call connect"),
    Self::Options(OpenError::Property(error)) => ("CONNECT: {}", about(error)),
    Self::Options(error) => ("{error}"),
    Self::Transport(error) => ("the server cannot be reached: {error}"),
    Self::Layer(failure) => ("{failure}"),
    Self::TimedOut => ("the server could not be reached in time"),
    Self::GivenUp => ("the attempt to connect was given up"),
} }

/// Names the property, and the remedy if the client announces it itself.
fn about(error: &PropertyError) -> String {
    let name = error.name();
    let limit = match name {
        "Receive Maximum" => "receive_maximum",
        "Maximum Packet Size" => "inline_max",
        "Topic Alias Maximum" => "topic_alias_maximum",
        _ => return format!("{name}: {}", error.violation),
    };
    format!("{name} is announced from `Limits::{limit}`: set it there, with `Options::limits`")
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Transport(Arc::new(error))
    }
}

impl From<Failure> for ConnectError {
    fn from(failure: Failure) -> Self {
        Self::Layer(Box::new(failure))
    }
}

impl ConnectError {
    /// Returns whether another attempt may succeed.
    pub(crate) fn class(&self) -> FailureClass {
        match self {
            Self::Layer(failure) => match failure.class() {
                pure_mqtt_net::FailureClass::Passing => FailureClass::Passing,
                pure_mqtt_net::FailureClass::Credentials => FailureClass::Credentials,
                pure_mqtt_net::FailureClass::Certificate => FailureClass::Certificate,
                pure_mqtt_net::FailureClass::Lasting => FailureClass::Lasting,
            },
            Self::Options(_) | Self::NoServer => FailureClass::Lasting,
            _ => FailureClass::Passing,
        }
    }
}

/// The reason that a link ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LinkEnd {
    /// [`Client::disconnect`](crate::Client::disconnect) was called.
    Disconnected,
    /// Another `connect` or `reconnect` was called.
    Replaced,
    /// The server sent DISCONNECT (5.0).
    ServerDisconnect {
        /// The reason code.
        reason: ReasonCode,
        /// Reason String: details for people.
        explanation: Option<Box<str>>,
        /// Server Reference: another server to use.
        server_reference: Option<Box<str>>,
    },
    /// The engine ended it: a refusal, a time-out, or bytes that the standard forbids.
    Mqtt(ConnectionError),
    /// The transport failed.
    Transport(Arc<io::Error>),
    /// TLS or WebSocket failed.
    Layer(Box<Failure>),
    /// The server closed the transport without DISCONNECT.
    ClosedByServer,
}

sentences! { LinkEnd {
    Self::Disconnected => ("the connection was ended by disconnect"),
    Self::Replaced => ("the connection was replaced by another one"),
    Self::ServerDisconnect { reason, .. } => ("the server ended the connection: {reason}"),
    Self::Mqtt(error) => ("{error}"),
    Self::Transport(error) => ("the connection broke: {error}"),
    Self::Layer(failure) => ("the connection broke: {failure}"),
    Self::ClosedByServer => ("the server closed the connection"),
} }

impl LinkEnd {
    /// Returns the reason code of 5.0, in every version: the server's, or that of the client's own DISCONNECT or error. `None` if the transport ended without one.
    pub fn reason(&self) -> Option<ReasonCode> {
        match self {
            Self::Disconnected | Self::Replaced => Some(ReasonCode::NORMAL_DISCONNECTION),
            Self::ServerDisconnect { reason, .. } => Some(*reason),
            Self::Mqtt(error) => Some(error.reason()),
            Self::Transport(_) | Self::Layer(_) | Self::ClosedByServer => None,
        }
    }
}

impl From<io::Error> for LinkEnd {
    fn from(error: io::Error) -> Self {
        Self::Transport(Arc::new(error))
    }
}

impl From<Failure> for LinkEnd {
    fn from(failure: Failure) -> Self {
        Self::Layer(Box::new(failure))
    }
}

/// The loop stopped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LoopError {
    /// The client's loop is already running in another thread, or this is one of its callbacks.
    AlreadyRunning,
    /// There is no link, and none was requested.
    NotConnected,
    /// No link could be established.
    Connect(ConnectError),
    /// The link ended.
    Ended(LinkEnd),
    /// The operating system refused a resource: memory, a descriptor or a thread.
    System(Arc<io::Error>),
}

sentences! { LoopError {
    Self::AlreadyRunning => ("the client's loop is already running"),
    Self::NotConnected => ("the client is not connected; call connect"),
    Self::Connect(error) => ("{error}"),
    Self::Ended(end) => ("{end}"),
    Self::System(error) => ("the loop cannot run: {error}"),
} }

impl From<io::Error> for LoopError {
    fn from(error: io::Error) -> Self {
        Self::System(Arc::new(error))
    }
}
