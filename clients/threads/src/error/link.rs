//! Why there is no link, or no longer.

use std::io;
use std::sync::Arc;

use pure_mqtt::{ConnectionError, OpenError, ReasonCode};
use pure_mqtt_agent::FailureClass;
use pure_mqtt_net::Failure;

/// Why no link could be made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// Nobody has said which server.
    NoServer,
    /// CONNECT can't be sent as the [`Options`](crate::Options) want it.
    Options(OpenError),
    /// The server can't be reached.
    Transport(Arc<io::Error>),
    /// A proxy, TLS or WebSocket could not be agreed on with it.
    Layer(Box<Failure>),
    /// It took longer than [`Options::connect_timeout`](crate::Options::connect_timeout).
    TimedOut,
    /// Another thread said `disconnect` or `connect` meanwhile, or the client is gone.
    GivenUp,
}

sentences! { ConnectError {
    Self::NoServer => ("no server was named"),
    Self::Options(error) => ("{error}"),
    Self::Transport(error) => ("the server cannot be reached: {error}"),
    Self::Layer(failure) => ("{failure}"),
    Self::TimedOut => ("the server could not be reached in time"),
    Self::GivenUp => ("the attempt to connect was given up"),
} }

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
    /// Whether another attempt may help.
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

/// How a link ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LinkEnd {
    /// [`Client::disconnect`](crate::Client::disconnect) was called.
    Disconnected,
    /// The client was told to connect anew.
    Replaced,
    /// The server said DISCONNECT (5.0).
    ServerDisconnect {
        /// Why.
        reason: ReasonCode,
        /// Reason String: more, for people.
        explanation: Option<Box<str>>,
        /// Server Reference: another server to use.
        server_reference: Option<Box<str>>,
    },
    /// MQTT says why: a refusal, a time-out, or bytes that the standard forbids.
    Mqtt(ConnectionError),
    /// The transport broke.
    Transport(Arc<io::Error>),
    /// TLS or WebSocket broke.
    Layer(Box<Failure>),
    /// The server closed the transport without a word.
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

/// Why a loop has stopped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LoopError {
    /// The client's loop runs already: in another thread, or this is one of its callbacks.
    AlreadyRunning,
    /// There is no link, and none is to be made.
    NotConnected,
    /// No link could be made.
    Connect(ConnectError),
    /// The link is over.
    Ended(LinkEnd),
    /// The system has no means left to wait, or no thread.
    System(Arc<io::Error>),
}

sentences! { LoopError {
    Self::AlreadyRunning => ("the client's loop runs already"),
    Self::NotConnected => ("there is no connection"),
    Self::Connect(error) => ("{error}"),
    Self::Ended(end) => ("{end}"),
    Self::System(error) => ("the loop cannot run: {error}"),
} }

impl From<io::Error> for LoopError {
    fn from(error: io::Error) -> Self {
        Self::System(Arc::new(error))
    }
}
