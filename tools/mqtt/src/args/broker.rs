//! The arguments that all commands share: server, session and will.

use std::time::Duration;

use clap::Args;
use pure_mqtt_client::pure_mqtt::{QoS, TopicName, Version};

use super::server::{ServerArgs, TlsArgs};
use super::{OF_5, values};

#[derive(Args, Clone, Debug)]
pub struct Broker {
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(flatten)]
    pub tls: TlsArgs,
    #[command(flatten)]
    pub session: SessionArgs,
    #[command(flatten)]
    pub will: WillArgs,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "The session")]
pub struct SessionArgs {
    /// The protocol version: 3.1, 3.1.1 or 5 [default: 3.1.1]
    #[arg(short = 'V', long, value_name = "VERSION", visible_alias = "version", alias = "mqtt-version", value_parser = values::version)]
    pub protocol_version: Option<Version>,
    /// The client identifier [default: a random one]
    #[arg(short, long)]
    pub id: Option<String>,
    /// Use PREFIX and the number of the process as client identifier
    #[arg(short = 'I', long, value_name = "PREFIX", conflicts_with = "id")]
    pub id_prefix: Option<String>,
    /// Resume the session of --id, and keep it afterwards
    #[arg(short = 'c', long, alias = "disable-clean-session", requires = "id")]
    pub resume: bool,
    /// Start a new session (the default)
    #[arg(long, conflicts_with = "resume")]
    pub clean: bool,
    /// Keep alive: the longest time without a packet from the client; 0 turns it off
    #[arg(short, long, value_name = "SECONDS", alias = "keepalive", default_value = "60")]
    pub keep_alive: u16,
    /// Maximum number of unacknowledged QoS 1 and 2 messages; 0: as many as the server allows
    #[arg(short = 'M', long, value_name = "N", default_value = "20")]
    pub max_inflight: u16,
    /// Give up after this time in total; exit code 4 [default: no limit; 10 for `mqtt request`]
    #[arg(short = 'W', long, value_name = "SECONDS", value_parser = values::duration)]
    pub timeout: Option<Duration>,
    /// Log what happens, with a line for each packet
    #[arg(short, long)]
    pub debug: bool,
    /// Print no errors, warnings or notes; the exit code reports the result
    #[arg(long, conflicts_with = "debug")]
    pub quiet: bool,
    /// How long the server keeps the session, or `never` [default: 0; 3600 with --resume; 86400 with --cluster or --durable]
    #[arg(short = 'x', long, value_name = "SECONDS", help_heading = OF_5, allow_hyphen_values = true, value_parser = values::expiry)]
    pub session_expiry: Option<u32>,
    /// A file with defaults for options [default: mqtt/config.toml in the user's configuration folder]
    #[arg(long, value_name = "FILE", env = "MQTT_CONFIG", help_heading = "Help")]
    pub config: Option<std::path::PathBuf>,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "The will: a message that the server publishes if the connection is lost")]
pub struct WillArgs {
    /// The topic of the will
    #[arg(long, value_name = "TOPIC", value_parser = values::topic)]
    pub will_topic: Option<TopicName<'static>>,
    /// The payload of the will
    #[arg(long, value_name = "TEXT", requires = "will_topic", default_value = "")]
    pub will_payload: String,
    /// The QoS of the will: 0, 1 or 2
    #[arg(long, value_name = "QOS", requires = "will_topic", default_value = "0", value_parser = values::qos)]
    pub will_qos: QoS,
    /// Have the server retain the will
    #[arg(long, requires = "will_topic")]
    pub will_retain: bool,
    /// How long the server waits for the client to reconnect before it publishes the will
    #[arg(long, value_name = "SECONDS", requires = "will_topic", help_heading = OF_5)]
    pub will_delay: Option<u32>,
}

impl Broker {
    /// Returns the version of --protocol-version, or else `usual`.
    pub fn version_or(&self, usual: Version) -> Version {
        self.session.protocol_version.unwrap_or(usual)
    }
}
