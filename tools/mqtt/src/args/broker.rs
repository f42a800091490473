//! The arguments that all commands share: the server, the session and the will.

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
    /// The client identifier is this with the number of the process behind it
    #[arg(short = 'I', long, value_name = "PREFIX", conflicts_with = "id")]
    pub id_prefix: Option<String>,
    /// Go on with the session of --id, and keep it
    #[arg(short = 'c', long, alias = "disable-clean-session", requires = "id")]
    pub resume: bool,
    /// Start without an earlier session (the default)
    #[arg(long, conflicts_with = "resume")]
    pub clean: bool,
    /// The longest silence; 0 turns it off
    #[arg(short, long, value_name = "SECONDS", alias = "keepalive", default_value = "60")]
    pub keep_alive: u16,
    /// So many messages at QoS 1 and 2 are unacknowledged at a time; 0 for as many as the server takes
    #[arg(short = 'M', long, value_name = "N", default_value = "20")]
    pub max_inflight: u16,
    /// Give up if it takes longer in all
    #[arg(short = 'W', long, value_name = "SECONDS", value_parser = values::duration)]
    pub timeout: Option<Duration>,
    /// Show what happens, packet by packet
    #[arg(short, long)]
    pub debug: bool,
    /// Say nothing but what was asked for; the exit code tells how it ended
    #[arg(long, conflicts_with = "debug")]
    pub quiet: bool,
    /// How long the server keeps the session, or `never`; an hour with --resume
    #[arg(short = 'x', long, value_name = "SECONDS", help_heading = OF_5, allow_hyphen_values = true, value_parser = values::expiry)]
    pub session_expiry: Option<u32>,
    /// A file with defaults of options [default: mqtt/config.toml in the folder for configurations]
    #[arg(long, value_name = "FILE", env = "MQTT_CONFIG", help_heading = "Help")]
    pub config: Option<std::path::PathBuf>,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "The will: what the server publishes if we vanish")]
pub struct WillArgs {
    /// Where it is published
    #[arg(long, value_name = "TOPIC", value_parser = values::topic)]
    pub will_topic: Option<TopicName<'static>>,
    /// What is published
    #[arg(long, value_name = "TEXT", requires = "will_topic", default_value = "")]
    pub will_payload: String,
    /// Its quality of service: 0, 1 or 2
    #[arg(long, value_name = "QOS", requires = "will_topic", default_value = "0", value_parser = values::qos)]
    pub will_qos: QoS,
    /// The server keeps it for the topic
    #[arg(long, requires = "will_topic")]
    pub will_retain: bool,
    /// How long the server waits with it for our return
    #[arg(long, value_name = "SECONDS", requires = "will_topic", help_heading = OF_5)]
    pub will_delay: Option<u32>,
}

impl Broker {
    /// The version that is asked for, or else this one.
    pub fn version_or(&self, usual: Version) -> Version {
        self.session.protocol_version.unwrap_or(usual)
    }
}
