//! What can be wrong with an address, each with its remedy.

use std::fmt;

/// Why a URL or an option of a [`Server`](crate::Server) or a proxy is refused.
///
/// The message names the remedy. Neither the message nor the value contains any part of a user name or password.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerError {
    /// The URL has no scheme, for example `broker.example:1883`.
    NoScheme,
    /// The scheme is unknown.
    UnknownScheme {
        /// The scheme, in lower case.
        scheme: String,
        /// The schemes that are known.
        known: &'static [&'static str],
    },
    /// This crate was built without the feature that the scheme needs.
    FeatureMissing {
        /// The scheme.
        scheme: String,
        /// The feature of this crate that it needs.
        feature: &'static str,
    },
    /// The URL has no host.
    NoHost,
    /// The host is neither an ASCII name nor an IP address.
    Host,
    /// The port is not a number from 1 to 65535.
    Port,
    /// The user name or password contains a character that must be percent-encoded.
    Credentials,
    /// A `unix:` URL contains a user name.
    CredentialsBeforePath,
    /// A `unix:` URL contains a host.
    HostBeforePath,
    /// A percent sign is not followed by two hexadecimal digits.
    PercentEncoding,
    /// The user name is not valid UTF-8 after percent-decoding.
    UserNameNotUtf8,
    /// The URL has a path, and its scheme allows none.
    Path {
        /// The scheme.
        scheme: String,
    },
    /// The URL has parameters (`?name=value`), and its scheme allows none.
    Query {
        /// The scheme.
        scheme: String,
    },
    /// The URL has a fragment (`#…`).
    Fragment,
    /// A `unix:` URL has no path.
    NoPath,
    /// The WebSocket path does not start with `/`, or contains a character that must be percent-encoded.
    WebSocketPath,
    /// The header name is invalid, or it is set by the WebSocket handshake itself.
    HeaderName,
    /// The header value contains a forbidden character, for example a line break.
    HeaderValue,
    /// A header was set on a server that does not use WebSocket.
    HeaderWithoutWebSocket,
    /// The proxy credentials are empty, too long, or contain a colon where HTTP allows none.
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
                write!(f, "`{scheme}://` takes no path: remove it, or use ws:// or wss:// for WebSocket")
            }
            Self::Query { scheme } => {
                write!(
                    f,
                    "`{scheme}://` takes no parameters: remove everything from `?` on, and set options in the program"
                )
            }
            other => f.write_str(other.fixed()),
        }
    }
}

impl ServerError {
    /// Messages that contain no value.
    const fn fixed(&self) -> &'static str {
        match self {
            Self::NoScheme => "the URL has no scheme: write mqtt://HOST, or mqtts://HOST for TLS",
            Self::NoHost => "the URL has no host: write it after the two slashes, as in mqtt://broker.example",
            Self::Host => HOST,
            Self::Port => PORT,
            Self::Credentials => CREDENTIALS,
            Self::CredentialsBeforePath => {
                "a unix: URL cannot contain a user name: set user name and password in the program"
            }
            Self::HostBeforePath => "a unix: URL cannot contain a host: write unix:/PATH or unix:///PATH",
            Self::PercentEncoding => {
                "a `%` is not followed by two hexadecimal digits: write a literal percent sign as %25"
            }
            Self::UserNameNotUtf8 => "the user name is not valid UTF-8 after percent-decoding: MQTT allows only UTF-8",
            Self::Fragment => "the URL has a fragment (`#…`), which MQTT does not use: percent-encode `#` as %23",
            Self::NoPath => "the URL has no socket path: write unix:/PATH",
            Self::WebSocketPath => {
                "the WebSocket path must start with `/`, and special characters in it must be percent-encoded"
            }
            Self::HeaderName => HEADER_NAME,
            Self::HeaderValue => {
                "the header value contains a line break or another character that headers cannot contain"
            }
            Self::HeaderWithoutWebSocket => {
                "headers are sent only over WebSocket: use ws:// or wss://, or call `websocket` first"
            }
            Self::ProxyCredentials => PROXY_CREDENTIALS,
            Self::UnknownScheme { .. } | Self::FeatureMissing { .. } | Self::Path { .. } | Self::Query { .. } => "",
        }
    }
}

const HOST: &str = "invalid host: write international names in ASCII form (xn--…), and IPv6 addresses in brackets, as in \
    mqtt://[::1]:1883";
const PORT: &str = "the port is not a number from 1 to 65535; if this is part of a user name or password, percent-encode it \
    (`/` as %2F, `@` as %40, `:` as %3A)";
const CREDENTIALS: &str = "the user name or password contains a character that must be percent-encoded (`@` as %40, `/` as \
    %2F, `#` as %23, a space as %20)";
const HEADER_NAME: &str = "the header name is invalid, or the WebSocket handshake sets it itself (Connection, Upgrade, \
    Sec-WebSocket-*): use another name";
const PROXY_CREDENTIALS: &str = "invalid proxy credentials: SOCKS5 needs a user name and a password of 1 to 255 bytes each, and \
    HTTP allows no colon in the user name";

fn unknown(f: &mut fmt::Formatter<'_>, scheme: &str, known: &[&str]) -> fmt::Result {
    write!(f, "unknown scheme `{scheme}`: use one of {}", known.join(", "))?;
    match scheme {
        "http" => f.write_str("; MQTT over WebSocket is ws"),
        "https" => f.write_str("; MQTT over WebSocket with TLS is wss"),
        _ => Ok(()),
    }
}

impl std::error::Error for ServerError {}
