//! How a server ends its half.

use std::fmt;

/// How the server has closed its half of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Closed {
    /// The stream ended, with nothing lying on it.
    Stream,
    /// The stream ended without the farewell of the layers on it. Somebody on the way may have cut it; MQTT notices a packet
    /// that is cut.
    Truncated,
    /// By close_notify of TLS.
    Tls,
    /// By a close frame of WebSocket.
    WebSocket {
        /// The status code, if there was one (RFC 6455 §7.4).
        code: Option<u16>,
        /// Words of the server's, of the server's choice; often empty.
        reason: String,
    },
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream => f.write_str("the server closed the connection"),
            Self::Truncated => f.write_str("the connection ended without the server's farewell"),
            Self::Tls => f.write_str("the server ended TLS"),
            Self::WebSocket { code: Some(code), reason } if reason.is_empty() => {
                write!(f, "the server closed the WebSocket with code {code}")
            }
            Self::WebSocket { code: Some(code), reason } => {
                write!(f, "the server closed the WebSocket with code {code}: {reason}")
            }
            Self::WebSocket { code: None, .. } => f.write_str("the server closed the WebSocket"),
        }
    }
}
