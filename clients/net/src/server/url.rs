//! The parts of a URL, each judged for itself so that an error names the part.

use http::uri::Authority;
use percent_encoding::percent_decode_str;

use crate::secret::Secret;
use crate::server::ServerError;

/// What a URL says.
pub(super) struct Url<'a> {
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) user_name: Option<String>,
    pub(super) password: Option<Secret>,
    /// From the first slash on; may be empty.
    pub(super) path: &'a str,
    /// From the question mark on; may be empty.
    pub(super) query: &'a str,
}

/// Splits off the scheme, in lower case.
pub(super) fn scheme(text: &str) -> Result<(String, &str), ServerError> {
    let (scheme, rest) = text.split_once(':').ok_or(ServerError::NoScheme)?;
    let begins_well = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    let is_scheme = begins_well && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !is_scheme || is_port(rest) {
        return Err(ServerError::NoScheme);
    }
    Ok((scheme.to_ascii_lowercase(), rest))
}

/// Whether it is what follows the colon of `host:1883`.
fn is_port(rest: &str) -> bool {
    let digits = rest.split(['/', '?']).next().unwrap_or(rest);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

impl<'a> Url<'a> {
    /// Reads what follows the scheme and its colon.
    pub(super) fn parse(rest: &'a str) -> Result<Self, ServerError> {
        let rest = rest.strip_prefix("//").ok_or(ServerError::NoHost)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let (rest, fragment) = rest.split_once('#').map_or((rest, None), |(rest, fragment)| (rest, Some(fragment)));
        if let Some(fragment) = fragment {
            // The `@` before the host comes late: so the `#` is part of a password.
            return Err(if fragment.contains('@') { ServerError::Credentials } else { ServerError::Fragment });
        }
        let (user_info, host_and_port) = split_credentials(authority)?;
        let (user_name, password) = credentials(user_info)?;
        let (host, port) = host_and_port_of(host_and_port)?;
        let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        Ok(Self { host, port, user_name, password, path, query })
    }
}

/// What stands before the `@`, and what behind it.
fn split_credentials(authority: &str) -> Result<(Option<&str>, &str), ServerError> {
    let Some((user_info, host)) = authority.rsplit_once('@') else { return Ok((None, authority)) };
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:%".contains(&byte);
    if !user_info.bytes().all(is_allowed) {
        return Err(ServerError::Credentials);
    }
    Ok((Some(user_info), host))
}

fn credentials(user_info: Option<&str>) -> Result<(Option<String>, Option<Secret>), ServerError> {
    let Some(user_info) = user_info else { return Ok((None, None)) };
    let (user, password) = match user_info.split_once(':') {
        Some((user, password)) => (user, Some(Secret::new(decode(password)?))),
        None => (user_info, None),
    };
    let user = String::from_utf8(decode(user)?).map_err(|_| ServerError::UserNameNotUtf8)?;
    Ok(((!user.is_empty()).then_some(user), password))
}

/// Undoes percent-encoding.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, ServerError> {
    let is_hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
    let is_encoded = text.split('%').skip(1).all(|rest| {
        let mut bytes = rest.bytes();
        is_hex(bytes.next()) && is_hex(bytes.next())
    });
    if is_encoded { Ok(percent_decode_str(text).collect()) } else { Err(ServerError::PercentEncoding) }
}

fn host_and_port_of(text: &str) -> Result<(String, Option<u16>), ServerError> {
    // The colon of a port stands behind the bracket of an IPv6 address.
    let colon = text.rfind(':').filter(|colon| !text.get(*colon..).is_some_and(|rest| rest.contains(']')));
    let (host, port) = match colon.and_then(|colon| Some((text.get(..colon)?, text.get(colon + 1..)?))) {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    if host.is_empty() {
        return Err(ServerError::NoHost);
    }
    let port = port.filter(|port| !port.is_empty()).map(number).transpose();
    let host = checked_host(host)?; // an IPv6 address without brackets is no host with a wrong port
    Ok((host, port?))
}

/// A host without brackets.
fn checked_host(host: &str) -> Result<String, ServerError> {
    match host.strip_prefix('[').map(|rest| rest.strip_suffix(']').unwrap_or_default()) {
        Some(address) if address.parse::<std::net::Ipv6Addr>().is_ok() => Ok(address.to_owned()),
        Some(_) => Err(ServerError::Host),
        None => match Authority::try_from(host) {
            Ok(authority) if authority.host() == host => Ok(host.to_owned()),
            _ => Err(ServerError::Host),
        },
    }
}

fn number(port: &str) -> Result<u16, ServerError> {
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    port.parse().ok().filter(|port| is_number && *port > 0).ok_or(ServerError::Port)
}

/// A path with its parameters as HTTP takes them.
#[cfg(feature = "websocket")]
pub(super) fn checked_path(path: &str) -> Result<String, ServerError> {
    if !path.starts_with('/') || path.contains('#') {
        return Err(ServerError::WebSocketPath);
    }
    match http::uri::PathAndQuery::try_from(path) {
        Ok(checked) if checked.as_str() == path => Ok(path.to_owned()),
        _ => Err(ServerError::WebSocketPath),
    }
}
