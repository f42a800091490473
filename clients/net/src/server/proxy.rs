//! Proxies on the way to a server.

use std::fmt;
use std::str::FromStr;

use crate::secret::Secret;
use crate::server::ServerError;
use crate::server::address::HostPort;
use crate::server::url::{self, Url};

const KNOWN: &[&str] = &["http", "socks5", "socks5h"];

/// The address and credentials of an HTTP proxy (CONNECT) or a SOCKS5 proxy. Both resolve the server's name themselves.
///
/// ```
/// use pure_mqtt_net::Proxy;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let proxy: Proxy = "http://ada:secret@proxy.example:3128".parse()?;
///     assert_eq!(proxy.to_string(), "http://proxy.example:3128");
///     assert_eq!(Proxy::socks5("127.0.0.1", 1080).to_string(), "socks5://127.0.0.1:1080");
///     Ok(())
/// }
/// ```
///
/// The connection to the proxy itself is not encrypted. With TLS to the server, the proxy sees only the server's name and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    pub(crate) kind: ProxyKind,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) login: Option<ProxyLogin>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxyKind {
    Http,
    Socks5,
}

/// Who we are to a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProxyLogin {
    pub(crate) user_name: Secret,
    pub(crate) password: Secret,
}

impl Proxy {
    /// Creates an HTTP proxy (CONNECT, RFC 9110 §9.3.6).
    pub fn http(host: impl Into<String>, port: u16) -> Self {
        Self { kind: ProxyKind::Http, host: host.into(), port, login: None }
    }

    /// Creates a SOCKS5 proxy (RFC 1928).
    pub fn socks5(host: impl Into<String>, port: u16) -> Self {
        Self { kind: ProxyKind::Socks5, host: host.into(), port, login: None }
    }

    /// Sets user name and password: Basic authentication for HTTP, RFC 1929 for SOCKS5.
    ///
    /// # Errors
    /// [`ServerError::ProxyCredentials`]: SOCKS5 needs 1 to 255 bytes each; HTTP allows no colon in the user name.
    pub fn login(self, user_name: &str, password: &str) -> Result<Self, ServerError> {
        self.login_bytes(user_name.as_bytes(), password.as_bytes())
    }

    fn login_bytes(mut self, user_name: &[u8], password: &[u8]) -> Result<Self, ServerError> {
        let is_good = match self.kind {
            ProxyKind::Http => !user_name.contains(&b':'),
            ProxyKind::Socks5 => [user_name, password].iter().all(|part| (1..=255).contains(&part.len())),
        };
        if !is_good {
            return Err(ServerError::ProxyCredentials);
        }
        self.login = Some(ProxyLogin { user_name: Secret::new(user_name), password: Secret::new(password) });
        Ok(self)
    }

    /// Returns the proxy's host: a name or an IP address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the proxy's port.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

/// Parses `http://`, `socks5://` and `socks5h://` URLs with user name and password. Default ports: 80 and 1080.
impl FromStr for Proxy {
    type Err = ServerError;

    fn from_str(text: &str) -> Result<Self, ServerError> {
        let (scheme, rest) = url::scheme(text)?;
        let (kind, default_port) = match scheme.as_str() {
            "http" => (ProxyKind::Http, 80),
            "socks5" | "socks5h" => (ProxyKind::Socks5, 1080),
            _ => return Err(ServerError::UnknownScheme { scheme, known: KNOWN }),
        };
        let url = Url::parse(rest)?;
        match (url.path, url.query) {
            ("" | "/", "") => {}
            (_, "") => return Err(ServerError::Path { scheme }),
            _ => return Err(ServerError::Query { scheme }),
        }
        let proxy = Self { kind, host: url.host, port: url.port.unwrap_or(default_port), login: None };
        match (&url.user_name, &url.password) {
            (None, None) => Ok(proxy),
            (user, password) => proxy.login_bytes(
                user.as_deref().unwrap_or_default().as_bytes(),
                password.as_ref().map_or(&b""[..], Secret::bytes),
            ),
        }
    }
}

/// Shows the URL without user name and password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            ProxyKind::Http => "http",
            ProxyKind::Socks5 => "socks5",
        };
        write!(f, "{scheme}://{}", HostPort(&self.host, self.port))
    }
}
