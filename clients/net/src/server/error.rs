//! What can be wrong with an address, each with its remedy.

use std::fmt;

/// Why a [`Server`](crate::Server) or a [`Proxy`](crate::Proxy) cannot be made from what was given.
///
/// Its text names the remedy. Neither text nor value holds a part of a user name or password.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerError {
    /// The text has no scheme, as in `broker.example:1883`.
    NoScheme,
    /// The scheme is none of those that are known here.
    UnknownScheme {
        /// What stands before the colon, in lower case.
        scheme: String,
        /// What could stand there.
        known: &'static [&'static str],
    },
    /// This crate was built without the feature that the scheme needs.
    FeatureMissing {
        /// The scheme.
        scheme: String,
        /// The feature of this crate that it needs.
        feature: &'static str,
    },
    /// No host stands between the scheme and the port or path.
    NoHost,
    /// The host is neither a name in ASCII nor an address.
    Host,
    /// What stands behind the host's colon is not a number from 1 to 65535.
    Port,
    /// A user name or password holds a character that has to be percent-encoded.
    Credentials,
    /// A user name stands before a Unix socket's path, where it can't be.
    CredentialsBeforePath,
    /// A host stands before a Unix socket's path, where none can be.
    HostBeforePath,
    /// A percent sign is not followed by two hexadecimal digits.
    PercentEncoding,
    /// What the percent-encoding stands for is not UTF-8, as a user name must be.
    UserNameNotUtf8,
    /// A path on a scheme that has none.
    Path {
        /// The scheme.
        scheme: String,
    },
    /// Parameters (`?name=value`) on a scheme that has none.
    Query {
        /// The scheme.
        scheme: String,
    },
    /// A fragment (`#…`): it has no meaning here.
    Fragment,
    /// The path of a Unix socket is missing.
    NoPath,
    /// The path asked for by WebSocket holds a character that has to be percent-encoded.
    WebSocketPath,
    /// The name of a header is not one, or it is one that the handshake itself sets.
    HeaderName,
    /// The value of a header holds a character that none may hold, a line break for example.
    HeaderValue,
    /// A header, but no WebSocket to send it.
    HeaderWithoutWebSocket,
    /// A user name or password for a proxy that is empty or longer than its protocol allows.
    ProxyCredentials,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownScheme { scheme, known } => unknown(f, scheme, known),
            Self::FeatureMissing { scheme, feature } => {
                write!(f, "`{scheme}://` needs the feature `{feature}` of pure-mqtt-net: enable it in Cargo.toml")
            }
            Self::Path { scheme } => {
                write!(
                    f,
                    "`{scheme}://` takes no path: remove what follows the port, or use ws:// or wss:// if it is WebSocket"
                )
            }
            Self::Query { scheme } => {
                write!(f, "`{scheme}://` takes no parameters: remove them from `?` on, and set options in the program")
            }
            other => f.write_str(other.fixed()),
        }
    }
}

impl ServerError {
    /// The sentences without a value in them.
    const fn fixed(&self) -> &'static str {
        match self {
            Self::NoScheme => "the address has no scheme: write mqtt://HOST, or mqtts://HOST for TLS",
            Self::NoHost => "the address names no host: write it behind the two slashes, as in mqtt://broker.example",
            Self::Host => {
                "the host is neither a name nor an address: write international names in their ASCII form (xn--…) \
                 and IPv6 addresses in brackets, as in mqtt://[::1]:1883"
            }
            Self::Port => {
                "the port is not a number from 1 to 65535; if it is part of a user name or password, percent-encode \
                 that (`/` as %2F, `@` as %40, `:` as %3A)"
            }
            Self::Credentials => {
                "the user name or password holds a character that has to be percent-encoded (`@` as %40, `/` as %2F, \
                 `#` as %23, a space as %20)"
            }
            Self::CredentialsBeforePath => {
                "a Unix socket's address has no place for a user name: set user name and password in the program"
            }
            Self::HostBeforePath => {
                "a Unix socket is on this machine: write unix:/PATH or unix:///PATH, without a host"
            }
            Self::PercentEncoding => {
                "a `%` is not followed by two hexadecimal digits: write a percent sign that is meant as itself as %25"
            }
            Self::UserNameNotUtf8 => "the user name is not UTF-8 once its percent-encoding is undone, as MQTT wants it",
            Self::Fragment => "the address has a part from `#` on, which means nothing here: percent-encode `#` as %23",
            Self::NoPath => "the address names no path of a Unix socket: write unix:/PATH",
            Self::WebSocketPath => "the path for WebSocket holds a character that has to be percent-encoded",
            Self::HeaderName => {
                "that is no name of a header, or one that the WebSocket handshake sets by itself (Connection, Upgrade, \
                 Sec-WebSocket-*): use another name"
            }
            Self::HeaderValue => "the header's value holds a line break or another character that headers cannot hold",
            Self::HeaderWithoutWebSocket => {
                "only WebSocket sends headers: choose ws:// or wss://, or call `websocket` first"
            }
            Self::ProxyCredentials => {
                "a proxy's user name and password are 1 to 255 bytes each for SOCKS5, and without a colon in the user \
                 name for HTTP"
            }
            Self::UnknownScheme { .. } | Self::FeatureMissing { .. } | Self::Path { .. } | Self::Query { .. } => "",
        }
    }
}

fn unknown(f: &mut fmt::Formatter<'_>, scheme: &str, known: &[&str]) -> fmt::Result {
    write!(f, "`{scheme}` is not a scheme that is known here: use one of ")?;
    for (index, name) in known.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        write!(f, "{separator}{name}")?;
    }
    match scheme {
        "http" => f.write_str("; MQTT over WebSocket is ws"),
        "https" => f.write_str("; MQTT over WebSocket with TLS is wss"),
        _ => Ok(()),
    }
}

impl std::error::Error for ServerError {}
