//! Converts arguments to servers, with TLS, WebSocket and a proxy.

use std::fs;

use pure_mqtt_client::pure_mqtt::Version;
use pure_mqtt_client::{Proxy, Server, ServerError, TlsOptions};

use crate::args::{Broker, ServerArgs, TlsArgs};
use crate::failure::Failure;

/// Returns the servers, in order.
pub fn servers(broker: &Broker) -> Result<Vec<Server>, Failure> {
    let args = &broker.server;
    if let Some(path) = &args.unix {
        return Ok(vec![Server::unix(path)]);
    }
    let urls = if args.urls.is_empty() { vec![url_of(args, &broker.tls)] } else { args.urls.clone() };
    urls.iter().map(|url| server(url, broker)).collect()
}

/// Returns host and port as a URL. A host that is a URL is returned unchanged.
fn url_of(args: &ServerArgs, tls: &TlsArgs) -> String {
    let host = args.host.as_str();
    if host.contains("://") || host.starts_with("unix:") {
        return host.to_owned();
    }
    let scheme = match (args.websocket || args.ws_path.is_some(), tls.is_wanted() || args.port == Some(8883)) {
        (false, false) => "mqtt",
        (false, true) => "mqtts",
        (true, false) => "ws",
        (true, true) => "wss",
    };
    let is_v6 = host.contains(':') && !host.starts_with('[');
    let host = if is_v6 { format!("[{host}]") } else { host.to_owned() };
    args.port.map_or_else(|| format!("{scheme}://{host}"), |port| format!("{scheme}://{host}:{port}"))
}

fn server(url: &str, broker: &Broker) -> Result<Server, Failure> {
    let (args, tls) = (&broker.server, &broker.tls);
    let url_failure = |error| Failure::Url { what: "the server", error };
    let mut server: Server = url.parse().map_err(url_failure)?;
    let is_secure =
        url.starts_with("wss:") || url.starts_with("mqtts:") || url.starts_with("ssl:") || url.starts_with("tls:");
    if tls.is_wanted() {
        if !is_secure && url.contains("://") && !url.starts_with("unix:") {
            return Err(Failure::PlainUrl { server: server.to_string() });
        }
        server = server.tls(options(tls).build().map_err(Failure::Tls)?);
    }
    if let Some(path) = &args.ws_path {
        server = server.websocket(path).map_err(url_failure)?;
    }
    for (name, value) in &args.headers {
        server = server.header(name, value).map_err(url_failure)?;
    }
    if let Some(proxy) = &args.proxy {
        let proxy: Proxy = proxy.parse().map_err(|error| Failure::Url { what: "the proxy", error })?;
        server = server.proxy(proxy);
    }
    credentials(server, broker)
}

/// Sets the credentials. Those of the options take precedence over those of the URL.
fn credentials(mut server: Server, broker: &Broker) -> Result<Server, Failure> {
    let args = &broker.server;
    if let Some(user) = &args.user {
        server = server.user_name(user.as_str());
    }
    if let Some(password) = &args.password {
        server = server.password(password.as_bytes());
    }
    if let Some(path) = &args.password_file {
        let text = fs::read(path).map_err(|cause| Failure::File { path: path.clone(), cause })?;
        let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        server = server.password(line.strip_suffix(b"\r").unwrap_or(line));
    }
    let is_alone = server.credentials().user_name.is_none() && server.credentials().password.is_some();
    if is_alone && broker.session.protocol_version.is_some_and(|version| version != Version::V5) {
        return Err(Failure::PasswordAlone);
    }
    Ok(server)
}

fn options(tls: &TlsArgs) -> TlsOptions {
    let mut options = TlsOptions::new();
    options = tls.cafile.iter().fold(options, TlsOptions::ca_file);
    options = tls.pin.iter().fold(options, TlsOptions::pin_sha256);
    options = tls.alpn.iter().fold(options, |options, name| options.alpn(name.as_bytes()));
    if let (Some(certificate), Some(key)) = (&tls.cert, &tls.key) {
        options = options.client_certificate(certificate, key);
    }
    if let Some(name) = &tls.server_name {
        options = options.server_name(name.as_str());
    }
    match (tls.insecure, tls.cafile.is_empty()) {
        (true, true) => options.dangerously_accept_any_certificate(),
        (true, false) => options.dangerously_accept_any_name(),
        _ => options,
    }
}

/// mosquitto's clients take the topic from the URL.
pub const TOPIC_IN_URL: &str = "a topic is given with -t, not in the URL: -L mqtt://HOST -t TOPIC";

/// Returns a suggestion in terms of this program's options.
pub fn hint(error: &ServerError) -> Option<&'static str> {
    match error {
        ServerError::NoScheme => Some("--url takes a URL; use --host for a host name"),
        ServerError::Path { .. } => Some(TOPIC_IN_URL),
        ServerError::HeaderWithoutWebSocket => Some("--ws-header needs --websocket, or a URL with ws:// or wss://"),
        _ => None,
    }
}
