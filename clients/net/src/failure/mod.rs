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

/// The step of connection set-up that is in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The proxy connects to the server.
    Proxy,
    /// The TLS handshake.
    Tls,
    /// The WebSocket handshake.
    WebSocket,
    /// Set-up is complete.
    Up,
}

/// Why a [`Stack`](crate::Stack) has failed. The message names the remedy where there is one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Failure {
    /// The peer closed the connection during set-up.
    EndedEarly(Stage),
    /// The host contains invalid characters or is too long.
    Host,
    /// The server is a Unix socket, to which a proxy cannot connect.
    #[cfg(feature = "proxy")]
    ProxyToUnixSocket,
    /// The proxy did not connect to the server.
    #[cfg(feature = "proxy")]
    Proxy(ProxyFailure),
    /// No TLS options were set, and the system's certificates cannot be used.
    #[cfg(feature = "tls")]
    TlsOptions(crate::TlsError),
    /// TLS failed.
    #[cfg(feature = "tls")]
    Tls(TlsFailure),
    /// WebSocket failed.
    #[cfg(feature = "websocket")]
    WebSocket(WebSocketFailure),
}

impl Failure {
    /// Returns the class of the failure, for programs.
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

    /// Returns how long the server asks to wait before the next attempt (`Retry-After`), if it does.
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
            "the server closed the connection in the handshake of TLS: does this port speak TLS? MQTT without TLS is \
             mqtt://, usually port 1883"
        }
        Stage::WebSocket => {
            "the server closed the connection in the handshake of WebSocket: perhaps this port has no WebSocket \
             (mqtt:// or mqtts://), or wants TLS (wss://)"
        }
        Stage::Up => "the server closed the connection",
    }
}

impl std::error::Error for Failure {}
