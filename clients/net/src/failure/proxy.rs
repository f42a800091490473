//! What proxies refuse.

use std::fmt;

use super::{FailureClass, HttpProblem, HttpStatus};

/// Why a proxy did not connect to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyFailure {
    /// The response of an HTTP proxy cannot be used.
    Http(HttpProblem),
    /// An HTTP proxy refused.
    Status(HttpStatus),
    /// The response of a SOCKS proxy is not SOCKS5.
    NotSocks5,
    /// The proxy requires a user name and password, and none are set.
    LoginMissing,
    /// The proxy refused the user name and password.
    LoginRefused,
    /// A SOCKS proxy refused or failed, with this reply.
    Socks(SocksReply),
}

/// The reply field of SOCKS5 (RFC 1928 §6).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SocksReply(pub u8);

impl SocksReply {
    const fn text(self) -> (&'static str, FailureClass) {
        match self.0 {
            1 => ("general failure", FailureClass::Passing),
            2 => ("its rules do not allow this server or port", FailureClass::Lasting),
            3 => ("network unreachable", FailureClass::Passing),
            4 => ("host unknown or unreachable", FailureClass::Passing),
            5 => ("the server refused the connection", FailureClass::Passing),
            6 => ("TTL expired", FailureClass::Passing),
            7 => ("CONNECT is not supported", FailureClass::Lasting),
            8 => ("this type of address is not supported", FailureClass::Lasting),
            _ => ("unknown reason", FailureClass::Lasting),
        }
    }
}

impl fmt::Debug for SocksReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocksReply({}: {})", self.0, self.text().0)
    }
}

impl ProxyFailure {
    pub(super) const fn class(&self) -> FailureClass {
        match self {
            Self::Http(_) | Self::NotSocks5 => FailureClass::Lasting,
            // 403 is about the server, not about us: 407 would ask for a login.
            Self::Status(HttpStatus { code: 403, .. }) => FailureClass::Lasting,
            Self::Status(status) => status.class(),
            Self::LoginMissing | Self::LoginRefused => FailureClass::Credentials,
            Self::Socks(reply) => reply.text().1,
        }
    }
}

impl fmt::Display for ProxyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(problem) => write!(f, "the proxy sent {problem}: check the proxy's kind, address and port"),
            Self::Status(status) => write!(f, "the proxy answered {}: {}", status.code, remedy(status.code)),
            Self::NotSocks5 => {
                f.write_str("the proxy's answer is not SOCKS5: check the proxy's kind, address and port")
            }
            Self::LoginMissing => f.write_str("the proxy wants a user name and password: set them with `Proxy::login`"),
            Self::LoginRefused => f.write_str("the proxy does not accept the user name and password: check them"),
            Self::Socks(reply) => write!(f, "the proxy did not connect to the server: {}", reply.text().0),
        }
    }
}

const fn remedy(code: u16) -> &'static str {
    match code {
        400 | 405 | 501 => "it does not do CONNECT; check whether it is a proxy at all",
        403 => "its rules do not allow this server or port; ask its operator, or use port 443",
        404 => "it is a web server and no proxy; check the proxy's address",
        429 => "too many requests; try again later",
        502..=504 => "it could not reach the server; check the server's name and port",
        500.. => "the proxy has an internal error; try again later",
        300..=399 => "it redirects, which a proxy cannot do; check the proxy's address",
        _ => "it does not connect to the server",
    }
}
