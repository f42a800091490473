//! Where the server is, and what is spoken on the way to it.

mod address;
mod error;
mod parse;
#[cfg(feature = "proxy")]
mod proxy;
#[cfg(test)]
mod tests;
mod url;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

pub use self::address::Endpoint;
pub(crate) use self::address::HostPort;
pub use self::error::ServerError;
#[cfg(feature = "proxy")]
pub use self::proxy::Proxy;
#[cfg(feature = "proxy")]
pub(crate) use self::proxy::{ProxyKind, ProxyLogin};

use crate::secret::Secret;

/// The address of a server, with everything below MQTT (TLS, WebSocket, a proxy) and the credentials for CONNECT. `pure-mqtt-client` and `pure-mqtt-tokio` re-export it.
///
/// ```
/// use pure_mqtt_net::{Endpoint, Server};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let server: Server = "wss://ada:s%2Fecret@broker.example/mqtt".parse()?;
///     assert_eq!(*server.endpoint(), Endpoint::tcp("broker.example", 443));
///     assert_eq!(server.credentials().user_name, Some("ada"));
///     assert_eq!(server.credentials().password, Some(&b"s/ecret"[..]));
///     assert_eq!(server.to_string(), "wss://broker.example:443/mqtt"); // never a user name or password
///     Ok(())
/// }
/// ```
///
/// | scheme | also written | what it is | default port |
/// |---|---|---|---|
/// | `mqtt://` | `tcp://` | MQTT over TCP | 1883 |
/// | `mqtts://` | `ssl://`, `tls://` | over TLS | 8883 |
/// | `ws://` | | over WebSocket | 80 |
/// | `wss://` | | over WebSocket over TLS | 443 |
/// | `unix:` | `unix://` | over a Unix socket | |
///
/// The default path of WebSocket is `/mqtt`. User name and password are percent-decoded. TLS uses the system's certificate
/// authorities unless [`tls`](Self::tls) sets other options.
#[derive(Clone)]
pub struct Server {
    endpoint: Endpoint,
    user_name: Option<String>,
    password: Option<Secret>,
    #[cfg(feature = "tls")]
    security: Security,
    #[cfg(feature = "websocket")]
    websocket: Option<WebSocketRequest>,
    #[cfg(feature = "proxy")]
    proxy: Option<Proxy>,
}

/// User name and password for CONNECT.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// The user name.
    pub user_name: Option<&'a str>,
    /// The password: any bytes.
    pub password: Option<&'a [u8]>,
}

#[cfg(feature = "tls")]
#[derive(Clone, Debug)]
pub(crate) enum Security {
    None,
    /// As the system trusts.
    Default,
    Tls(crate::Tls),
}

/// What the handshake of WebSocket asks for.
#[cfg(feature = "websocket")]
#[derive(Clone)]
pub(crate) struct WebSocketRequest {
    pub(crate) path: String,
    pub(crate) headers: http::HeaderMap,
}

impl Server {
    /// A server at `host`, a name or an address (IPv6 without brackets), and `port`: usually 1883, with TLS 8883.
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self::at(Endpoint::tcp(host, port))
    }

    /// A server behind the Unix socket at `path`.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::at(Endpoint::Unix(path.into()))
    }

    fn at(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            user_name: None,
            password: None,
            #[cfg(feature = "tls")]
            security: Security::None,
            #[cfg(feature = "websocket")]
            websocket: None,
            #[cfg(feature = "proxy")]
            proxy: None,
        }
    }

    /// Sets the user name.
    #[must_use]
    pub fn user_name(mut self, user_name: impl Into<String>) -> Self {
        self.user_name = Some(user_name.into());
        self
    }

    /// Sets the password: any bytes.
    #[must_use]
    pub fn password(mut self, password: impl Into<Vec<u8>>) -> Self {
        self.password = Some(Secret::new(password.into()));
        self
    }

    /// Uses TLS with these options.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: crate::Tls) -> Self {
        self.security = Security::Tls(tls);
        self
    }

    /// Uses WebSocket with this path, which starts with a slash and may have parameters. Most servers use `/mqtt`.
    ///
    /// # Errors
    /// [`ServerError::WebSocketPath`]: the path does not start with a slash, or contains a character that must be
    /// percent-encoded.
    #[cfg(feature = "websocket")]
    pub fn websocket(mut self, path: &str) -> Result<Self, ServerError> {
        let headers = self.websocket.take().map(|request| request.headers).unwrap_or_default();
        self.websocket = Some(WebSocketRequest { path: url::checked_path(path)?, headers });
        Ok(self)
    }

    /// Adds a header to the WebSocket handshake, for example `Authorization`. Replaces a header of the same name.
    ///
    /// # Errors
    /// [`ServerError::HeaderName`] and [`ServerError::HeaderValue`]; [`ServerError::HeaderWithoutWebSocket`] if
    /// [`websocket`](Self::websocket) was not called before.
    #[cfg(feature = "websocket")]
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, ServerError> {
        let name = http::HeaderName::try_from(name).map_err(|_| ServerError::HeaderName)?;
        if matches!(name.as_str(), "connection" | "upgrade" | "content-length" | "transfer-encoding")
            || name.as_str().starts_with("sec-websocket-")
        {
            return Err(ServerError::HeaderName);
        }
        let mut value = http::HeaderValue::try_from(value).map_err(|_| ServerError::HeaderValue)?;
        value.set_sensitive(true);
        let request = self.websocket.as_mut().ok_or(ServerError::HeaderWithoutWebSocket)?;
        request.headers.insert(name, value);
        Ok(self)
    }

    /// Connects through a proxy.
    #[cfg(feature = "proxy")]
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Returns this server at another address, with the same TLS, WebSocket, proxy and credentials: a target of an SRV record,
    /// for example.
    ///
    /// TLS then expects a certificate for the new host, unless `TlsOptions::server_name` is set. Give credentials only to
    /// servers that may have them.
    #[must_use]
    pub fn moved_to(&self, endpoint: Endpoint) -> Self {
        Self { endpoint, ..self.clone() }
    }

    /// Returns the address of the server itself, which a proxy on the way connects to.
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns the address to connect the socket to: that of the proxy if there is one, else that of the server.
    pub fn dial_target(&self) -> Endpoint {
        #[cfg(feature = "proxy")]
        if let Some(proxy) = &self.proxy {
            return Endpoint::tcp(proxy.host(), proxy.port());
        }
        self.endpoint.clone()
    }

    /// Returns a number for the address of the server itself: the same for the same address, in every run of every program. Servers at one address share their sessions, so a client
    /// may keep it in its log as their realm.
    pub fn site(&self) -> u64 {
        let name = match &self.endpoint {
            Endpoint::Tcp { host, port } => format!("{}:{port}", host.to_ascii_lowercase()),
            Endpoint::Unix(path) => path.display().to_string(),
        };
        let fnv_1a = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        name.bytes().fold(0xCBF2_9CE4_8422_2325, fnv_1a)
    }

    /// Returns the user name and password for CONNECT.
    pub fn credentials(&self) -> Credentials<'_> {
        Credentials { user_name: self.user_name.as_deref(), password: self.password.as_ref().map(Secret::bytes) }
    }

    /// Returns true if the connection uses TLS or a Unix socket.
    pub fn is_private(&self) -> bool {
        matches!(self.endpoint, Endpoint::Unix(_)) || self.is_secure()
    }

    pub(crate) const fn is_secure(&self) -> bool {
        #[cfg(feature = "tls")]
        return !matches!(self.security, Security::None);
        #[cfg(not(feature = "tls"))]
        return false;
    }

    #[cfg(feature = "tls")]
    pub(crate) const fn security(&self) -> &Security {
        &self.security
    }

    #[cfg(feature = "websocket")]
    pub(crate) const fn websocket_request(&self) -> Option<&WebSocketRequest> {
        self.websocket.as_ref()
    }

    #[cfg(feature = "proxy")]
    pub(crate) const fn proxy_on_the_way(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    const fn is_websocket(&self) -> bool {
        #[cfg(feature = "websocket")]
        return self.websocket.is_some();
        #[cfg(not(feature = "websocket"))]
        return false;
    }

    /// The path of WebSocket without its parameters, which may hold a signature.
    fn shown_path(&self) -> &str {
        #[cfg(feature = "websocket")]
        if let Some(request) = &self.websocket {
            return request.path.split('?').next().unwrap_or_default();
        }
        ""
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

/// Shows the URL without user name, password and path parameters.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match (self.is_websocket(), self.is_secure()) {
            (false, false) => "mqtt",
            (false, true) => "mqtts",
            (true, false) => "ws",
            (true, true) => "wss",
        };
        match &self.endpoint {
            Endpoint::Tcp { host, port } => write!(f, "{scheme}://{}{}", HostPort(host, *port), self.shown_path()),
            Endpoint::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Hides the user name, which is a token with some services, the password, and header values.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Server");
        shown.field("url", &format_args!("{self}"));
        shown.field("has_user_name", &self.user_name.is_some());
        shown.field("has_password", &self.password.is_some());
        #[cfg(feature = "websocket")]
        if let Some(request) = &self.websocket {
            let names: Vec<_> = request.headers.keys().map(http::HeaderName::as_str).collect();
            shown.field("headers", &names);
        }
        #[cfg(feature = "proxy")]
        if let Some(proxy) = &self.proxy {
            shown.field("proxy", &format_args!("{proxy}"));
        }
        shown.finish_non_exhaustive()
    }
}

/// Shows only which of them are set.
impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("has_user_name", &self.user_name.is_some())
            .field("has_password", &self.password.is_some())
            .finish()
    }
}
