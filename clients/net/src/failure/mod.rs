//! Why there is no way to the server, classed by what helps.

mod class;
#[cfg(any(feature = "proxy", feature = "websocket"))]
mod http;
#[cfg(feature = "proxy")]
mod proxy;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "websocket")]
mod websocket;

use std::fmt;
use std::time::Duration;

pub use self::class::FailureClass;
#[cfg(any(feature = "proxy", feature = "websocket"))]
pub use self::http::{HttpProblem, HttpStatus};
#[cfg(feature = "proxy")]
pub use self::proxy::{ProxyFailure, SocksReply};
#[cfg(feature = "tls")]
pub use self::tls::TlsFailure;
#[cfg(feature = "websocket")]
pub use self::websocket::{FrameProblem, WebSocketFailure};

/// What was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// A proxy was asked to connect to the server.
    Proxy,
    /// The handshake of TLS.
    Tls,
    /// The handshake of WebSocket.
    WebSocket,
    /// Everything is agreed on.
    Up,
}

/// Why a [`Stack`](crate::Stack) has failed. Its text is a sentence that names the remedy where there is one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Failure {
    /// The other side closed the connection before all was agreed on.
    EndedEarly(Stage),
    /// The host holds characters that no host has, or is too long.
    Host,
    /// A proxy can only connect to hosts, not to a Unix socket.
    #[cfg(feature = "proxy")]
    ProxyToUnixSocket,
    /// The proxy doesn't do it.
    #[cfg(feature = "proxy")]
    Proxy(ProxyFailure),
    /// TLS cannot begin: no options were given, and the system's certificates cannot be used.
    #[cfg(feature = "tls")]
    TlsOptions(crate::TlsError),
    /// TLS could not be agreed on, or broke.
    #[cfg(feature = "tls")]
    Tls(TlsFailure),
    /// WebSocket could not be agreed on, or its rules were broken.
    #[cfg(feature = "websocket")]
    WebSocket(WebSocketFailure),
}

impl Failure {
    /// Returns what helps.
    pub fn class(&self) -> FailureClass {
        match self {
            Self::EndedEarly(_) => FailureClass::Passing,
            Self::Host => FailureClass::Lasting,
            #[cfg(feature = "proxy")]
            Self::ProxyToUnixSocket => FailureClass::Lasting,
            #[cfg(feature = "proxy")]
            Self::Proxy(failure) => failure.class(),
            #[cfg(feature = "tls")]
            Self::TlsOptions(_) => FailureClass::Lasting,
            #[cfg(feature = "tls")]
            Self::Tls(failure) => failure.class(),
            #[cfg(feature = "websocket")]
            Self::WebSocket(failure) => failure.class(),
        }
    }

    /// Returns how long the server asked to be left alone (`Retry-After` in seconds), if it did.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            #[cfg(feature = "proxy")]
            Self::Proxy(ProxyFailure::Status(status)) => status.retry_after,
            #[cfg(feature = "websocket")]
            Self::WebSocket(WebSocketFailure::Status(status)) => status.retry_after,
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EndedEarly(stage) => f.write_str(ended_during(*stage)),
            Self::Host => f.write_str(
                "the server's host holds characters that no host has, or is too long: write its name or address",
            ),
            #[cfg(feature = "proxy")]
            Self::ProxyToUnixSocket => {
                f.write_str("a proxy cannot connect to a Unix socket of this machine: leave one of them out")
            }
            #[cfg(feature = "proxy")]
            Self::Proxy(failure) => failure.fmt(f),
            #[cfg(feature = "tls")]
            Self::TlsOptions(error) => error.fmt(f),
            #[cfg(feature = "tls")]
            Self::Tls(failure) => failure.fmt(f),
            #[cfg(feature = "websocket")]
            Self::WebSocket(failure) => failure.fmt(f),
        }
    }
}

const fn ended_during(stage: Stage) -> &'static str {
    match stage {
        Stage::Proxy => "the proxy closed the connection before it connected to the server",
        Stage::Tls => {
            "the server closed the connection in the handshake of TLS: perhaps this port has MQTT without TLS (mqtt://, \
             usually port 1883)"
        }
        Stage::WebSocket => {
            "the server closed the connection in the handshake of WebSocket: perhaps this port has no WebSocket \
             (mqtt:// or mqtts://), or wants TLS (wss://)"
        }
        Stage::Up => "the server closed the connection",
    }
}

impl std::error::Error for Failure {}
