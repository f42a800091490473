//! How a server ends its half.

use std::fmt;

/// How the server has closed its half of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Closed {
    /// End of stream without TLS or WebSocket.
    Stream,
    /// End of stream without close_notify or a close frame. An attacker may have cut the stream; a truncated packet is noticed
    /// by the MQTT layer.
    Truncated,
    /// close_notify of TLS.
    Tls,
    /// A close frame of WebSocket.
    WebSocket {
        /// The status code, if there was one (RFC 6455 §7.4).
        code: Option<u16>,
        /// The server's text; often empty.
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
