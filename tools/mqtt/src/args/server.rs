//! The arguments for the server's address, and the proxy and TLS on the way to it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};

use super::values;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "The server")]
pub struct ServerArgs {
    /// The server's name or address, or a URL
    #[arg(short = 'h', long, value_name = "HOST", env = "MQTT_HOST", default_value = "localhost")]
    pub host: String,
    /// The port [default: 1883; with TLS 8883; WebSocket 80 and 443]
    #[arg(short, long, env = "MQTT_PORT")]
    pub port: Option<u16>,
    /// URL instead of host and port: mqtt://, mqtts://, ws://, wss://, unix:PATH. Repeated: the next one is tried when one fails
    #[arg(
        short = 'L',
        long = "url",
        value_name = "URL",
        env = "MQTT_URL",
        hide_env_values = true,
        value_delimiter = ' '
    )]
    pub urls: Vec<String>,
    /// The servers of --url are nodes of one cluster: the session continues on another node when one fails
    #[arg(long)]
    pub cluster: bool,
    /// The path of a Unix socket, instead of host and port
    #[arg(long, value_name = "PATH", conflicts_with = "urls")]
    pub unix: Option<PathBuf>,
    /// Use WebSocket
    #[arg(long, alias = "ws")]
    pub websocket: bool,
    /// The path for WebSocket [default: /mqtt]
    #[arg(long, value_name = "PATH", alias = "path")]
    pub ws_path: Option<String>,
    /// A header of the WebSocket handshake; may be repeated
    #[arg(long = "ws-header", value_name = "NAME=VALUE", value_parser = values::pair)]
    pub headers: Vec<(&'static str, &'static str)>,
    /// Connect through this proxy: http://HOST:PORT or socks5://HOST:PORT
    #[arg(long, value_name = "URL")]
    pub proxy: Option<String>,
    /// Time-out for connecting to a server, including TLS and WebSocket
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = values::duration)]
    pub connect_timeout: Duration,
    /// Longest delay before reconnecting. Delays are random, and short at first
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = values::pause)]
    pub reconnect_delay: Duration,
    /// The user name
    #[arg(short, long, value_name = "NAME", alias = "username", env = "MQTT_USER")]
    pub user: Option<String>,
    /// The password. Other users can see arguments; MQTT_PASSWORD or --password-file hide it
    #[arg(short = 'P', long, value_name = "TEXT", alias = "pw", env = "MQTT_PASSWORD", hide_env_values = true)]
    #[arg(hide_default_value = true)]
    pub password: Option<String>,
    /// A file whose first line is the password
    #[arg(long, value_name = "FILE", conflicts_with = "password")]
    pub password_file: Option<PathBuf>,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "TLS")]
pub struct TlsArgs {
    /// Use TLS and trust the system's authorities. Implied by the other TLS options
    #[arg(long)]
    pub tls: bool,
    /// Trust only the authorities in this PEM file; may be repeated
    #[arg(long, value_name = "FILE", alias = "ca")]
    pub cafile: Vec<PathBuf>,
    /// Client certificate, a PEM file
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// Private key of the client certificate, a PEM file without a password
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// An ALPN protocol to offer; may be repeated
    #[arg(long, value_name = "NAME", alias = "tls-alpn")]
    pub alpn: Vec<String>,
    /// Trust only the certificate with this SHA-256 fingerprint; may be repeated
    #[arg(long, value_name = "FINGERPRINT")]
    pub pin: Vec<String>,
    /// The name in the server's certificate, if it is not the host
    #[arg(long, value_name = "NAME")]
    pub server_name: Option<String>,
    /// Accept any certificate; with --cafile any name in it. Only for tests: the connection can be intercepted
    #[arg(long)]
    pub insecure: bool,
    /// Print help
    #[arg(long, action = ArgAction::HelpShort, help_heading = "Help")]
    pub help: Option<bool>,
}

impl TlsArgs {
    /// Whether an option asks for TLS.
    pub fn is_wanted(&self) -> bool {
        let has_files = !self.cafile.is_empty() || self.cert.is_some();
        self.tls
            || has_files
            || !self.alpn.is_empty()
            || !self.pin.is_empty()
            || self.server_name.is_some()
            || self.insecure
    }
}
