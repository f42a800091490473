//! A server from its URL.

use std::path::PathBuf;
use std::str::FromStr;

use super::url::{self, Url};
use super::{Server, ServerError};

const KNOWN: &[&str] = &["mqtt", "mqtts", "ws", "wss", "unix"];

/// Where most servers have MQTT, and what a URL without a path means.
#[cfg(feature = "websocket")]
const DEFAULT_PATH: &str = "/mqtt";

impl FromStr for Server {
    type Err = ServerError;

    fn from_str(text: &str) -> Result<Self, ServerError> {
        let (scheme, rest) = url::scheme(text.trim())?;
        match scheme.as_str() {
            "mqtt" | "tcp" => plain(Url::parse(rest)?, scheme, 1883),
            "mqtts" | "ssl" | "tls" => secure(scheme.clone(), plain(Url::parse(rest)?, scheme, 8883)?),
            "ws" => web(&Url::parse(rest)?, scheme, 80),
            "wss" => secure(scheme.clone(), web(&Url::parse(rest)?, scheme, 443)?),
            "unix" => unix(rest),
            _ => Err(ServerError::UnknownScheme { scheme, known: KNOWN }),
        }
    }
}

fn plain(url: Url<'_>, scheme: String, default_port: u16) -> Result<Server, ServerError> {
    // A path behind which an `@` comes was meant as the rest of a password.
    match (url.path, url.query) {
        (path, query) if path.contains('@') || query.contains('@') => Err(ServerError::Credentials),
        ("" | "/", "") => Ok(begin(&url, default_port)),
        (_, "") => Err(ServerError::Path { scheme }),
        _ => Err(ServerError::Query { scheme }),
    }
}

fn begin(url: &Url<'_>, default_port: u16) -> Server {
    let mut server = Server::tcp(url.host.as_str(), url.port.unwrap_or(default_port));
    server.user_name.clone_from(&url.user_name);
    server.password.clone_from(&url.password);
    server
}

#[cfg(feature = "tls")]
fn secure(_: String, mut server: Server) -> Result<Server, ServerError> {
    server.security = super::Security::Default;
    Ok(server)
}

#[cfg(not(feature = "tls"))]
fn secure(scheme: String, _: Server) -> Result<Server, ServerError> {
    Err(ServerError::FeatureMissing { scheme, feature: "tls" })
}

#[cfg(feature = "websocket")]
fn web(url: &Url<'_>, _: String, default_port: u16) -> Result<Server, ServerError> {
    let path = if url.path.is_empty() { DEFAULT_PATH } else { url.path };
    begin(url, default_port).websocket(&format!("{path}{}", url.query))
}

#[cfg(not(feature = "websocket"))]
fn web(_: &Url<'_>, scheme: String, _: u16) -> Result<Server, ServerError> {
    Err(ServerError::FeatureMissing { scheme, feature: "websocket" })
}

fn unix(rest: &str) -> Result<Server, ServerError> {
    let path = match rest.strip_prefix("//") {
        Some(rest) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            match authority {
                "" | "localhost" => path,
                with_user if with_user.contains('@') => return Err(ServerError::CredentialsBeforePath),
                _ => return Err(ServerError::HostBeforePath),
            }
        }
        None => rest,
    };
    if path.is_empty() {
        return Err(ServerError::NoPath);
    }
    Ok(Server::unix(path_from(url::decode(path)?)?))
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "on other systems not every sequence of bytes is a path")]
fn path_from(bytes: Vec<u8>) -> Result<PathBuf, ServerError> {
    use std::os::unix::ffi::OsStringExt;
    Ok(std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn path_from(bytes: Vec<u8>) -> Result<PathBuf, ServerError> {
    String::from_utf8(bytes).map(PathBuf::from).map_err(|_| ServerError::PercentEncoding)
}
