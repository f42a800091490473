//! Errors that end a link, with messages for people.

use std::{error, fmt, io};

use pure_mqtt::{ConnectionError, OpenError, RequestError};

/// The link is over, or was never made.
#[derive(Debug)]
pub enum HostError {
    /// No TCP connection: the name is unknown, or nobody listens.
    Unreachable { address: String, cause: io::Error },
    /// CONNECT can't be sent.
    Open(OpenError),
    /// DISCONNECT can't be sent.
    Disconnect(RequestError),
    /// MQTT says why.
    Mqtt(ConnectionError),
    /// TCP says why.
    Transport(io::Error),
    /// The server closed the TCP connection without a word.
    ClosedByServer,
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { address, cause } => write!(f, "cannot connect to {address}: {cause}"),
            Self::Open(error) => error.fmt(f),
            Self::Disconnect(error) => error.fmt(f),
            Self::Mqtt(error) => error.fmt(f),
            Self::Transport(error) => write!(f, "the TCP connection broke: {error}"),
            Self::ClosedByServer => f.write_str("the server closed the TCP connection"),
        }
    }
}

impl error::Error for HostError {}
