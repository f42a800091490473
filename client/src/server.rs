//! Where the server is, and how to talk to it.

use std::fmt;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::PathBuf;

/// A server's address: TCP or a Unix socket, with TLS and WebSocket on top of it if wanted.
///
/// ```
/// use pure_mqtt_client::Server;
///
/// let server = Server::tcp("broker.example", 1883);
/// assert_eq!(server.to_string(), "broker.example:1883");
/// assert_eq!(Server::from(("localhost", 1884)).to_string(), "localhost:1884");
/// ```
#[derive(Clone, Debug)]
pub struct Server {
    pub(crate) place: Place,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<crate::Tls>,
    #[cfg(feature = "websocket")]
    pub(crate) websocket: Option<WebSocketRequest>,
}

#[derive(Clone, Debug)]
pub(crate) enum Place {
    Tcp {
        host: String,
        port: u16,
    },
    #[cfg(unix)]
    Unix(PathBuf),
}

/// What the handshake of WebSocket asks for.
#[cfg(feature = "websocket")]
#[derive(Clone)]
pub(crate) struct WebSocketRequest {
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Server {
    /// A server at `host`, a name or an address, and `port`: usually 1883, with TLS 8883.
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self::new(Place::Tcp { host: host.into(), port })
    }

    /// A server behind the Unix socket at `path`.
    #[cfg(unix)]
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::new(Place::Unix(path.into()))
    }

    fn new(place: Place) -> Self {
        Self {
            place,
            #[cfg(feature = "tls")]
            tls: None,
            #[cfg(feature = "websocket")]
            websocket: None,
        }
    }

    /// Speaks TLS.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: crate::Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Speaks WebSocket, with the subprotocol `mqtt` `[MQTT-6.0.0-3]`, and asks for `path`: usually `/mqtt`.
    #[cfg(feature = "websocket")]
    #[must_use]
    pub fn websocket(mut self, path: impl Into<String>) -> Self {
        self.websocket = Some(WebSocketRequest { path: path.into(), headers: Vec::new() });
        self
    }

    /// Adds a header to the handshake of WebSocket, for a token say. Without [`websocket`](Self::websocket) before it does nothing.
    #[cfg(feature = "websocket")]
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        if let Some(request) = &mut self.websocket {
            request.headers.push((name.into(), value.into()));
        }
        self
    }
}

/// Without the values of headers, which may be secrets.
#[cfg(feature = "websocket")]
impl fmt::Debug for WebSocketRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("WebSocketRequest").field("path", &self.path).field("headers", &names).finish()
    }
}

impl Server {
    /// What the agent is to know of it: servers with the same address are one realm.
    pub(crate) fn for_agent(&self) -> pure_mqtt_agent::Server {
        pure_mqtt_agent::Server::in_realm(pure_mqtt_agent::Realm(fingerprint(&self.to_string())))
    }
}

/// FNV-1a: the same in every run of every program, since it is kept in logs.
fn fingerprint(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Place::Tcp { host, port } => write!(f, "{host}:{port}"),
            #[cfg(unix)]
            Place::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl From<(&str, u16)> for Server {
    fn from((host, port): (&str, u16)) -> Self {
        Self::tcp(host, port)
    }
}

impl From<SocketAddr> for Server {
    fn from(address: SocketAddr) -> Self {
        Self::tcp(address.ip().to_string(), address.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "websocket")]
    fn secrets_are_not_shown() {
        let server = Server::tcp("a", 1).header("ignored", "x").websocket("/mqtt").header("Authorization", "hunter2");
        let shown = format!("{server:?}");
        assert!(shown.contains("Authorization") && !shown.contains("hunter2") && !shown.contains("ignored"), "{shown}");
    }

    #[test]
    fn addresses_are_shown_as_people_write_them() {
        let v6: SocketAddr = "[::1]:1883".parse().unwrap();
        assert_eq!(Server::from(v6).to_string(), "[::1]:1883");
        #[cfg(unix)]
        assert_eq!(Server::unix("/run/mqtt").to_string(), "/run/mqtt");
    }
}
