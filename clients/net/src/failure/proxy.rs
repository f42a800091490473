//! What proxies refuse.

use std::fmt;

use super::{FailureClass, HttpProblem, HttpStatus};

/// Why a proxy has not connected to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyFailure {
    /// An HTTP proxy's answer can't be used.
    Http(HttpProblem),
    /// An HTTP proxy refuses.
    Status(HttpStatus),
    /// A SOCKS proxy's answer is not of SOCKS version 5.
    NotSocks5,
    /// The proxy wants a user name and password, and none were given.
    LoginMissing,
    /// The proxy doesn't take the user name and password.
    LoginRefused,
    /// A SOCKS proxy says why not.
    Socks(SocksReply),
}

/// The reply field of SOCKS5 (RFC 1928 §6).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SocksReply(pub u8);

impl SocksReply {
    const fn text(self) -> (&'static str, FailureClass) {
        match self.0 {
            1 => ("it has a failure of its own", FailureClass::Passing),
            2 => ("its rules do not allow this server or port", FailureClass::Lasting),
            3 => ("it finds no way to the server's network", FailureClass::Passing),
            4 => ("it cannot find or reach the server's host", FailureClass::Passing),
            5 => ("the server refuses connections at this port", FailureClass::Passing),
            6 => ("the way to the server is too long", FailureClass::Passing),
            7 => ("it does not support CONNECT", FailureClass::Lasting),
            8 => ("it does not support this type of address", FailureClass::Lasting),
            _ => ("it gives a reason that the standard does not have", FailureClass::Lasting),
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
        403 => "its rules do not allow this server or port; ask those who run it, or use port 443",
        404 => "it is a web server and no proxy; check the proxy's address",
        429 => "it has too many requests; try again later",
        502..=504 => "it could not reach the server; check the server's name and port",
        500.. => "it has a failure of its own; try again later",
        300..=399 => "it sends us elsewhere, which a proxy cannot; check the proxy's address",
        _ => "it does not connect to the server",
    }
}
