//! The arguments of `mqtt pub`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use pure_mqtt_client::pure_mqtt::QoS;

use super::broker::Broker;
use super::message::{MessageArgs, PayloadArgs, Source};
use super::values;
use crate::help;

/// Publishes messages, waits until all are delivered, and disconnects
#[derive(Args, Clone, Debug)]
#[command(after_help = help::PUB, args_override_self = true, disable_help_flag = true)]
pub struct Publishing {
    #[command(flatten)]
    pub message: MessageArgs,
    #[command(flatten)]
    payload: PayloadArgs,
    /// Publish each line of the standard input as a message
    #[arg(short, long, alias = "stdin-line", group = "payload")]
    lines: bool,
    /// Publish each message N times
    #[arg(long, value_name = "N", visible_alias = "count", default_value = "1", value_parser = clap::value_parser!(u64).range(1..))]
    pub repeat: u64,
    /// Wait this long between two messages
    #[arg(long, value_name = "SECONDS", value_parser = values::duration)]
    repeat_delay: Option<Duration>,
    /// Publish at most N messages per second
    #[arg(long, value_name = "N", conflicts_with = "repeat_delay", value_parser = values::pace)]
    rate: Option<Duration>,
    /// Keep messages in this folder until they are delivered, even if the program or the machine dies. Without a payload: deliver what the folder holds
    #[arg(long, value_name = "FOLDER")]
    pub durable: Option<PathBuf>,
    /// The standard input restarts from its beginning: skip the lines that the folder of --durable has accepted before
    #[arg(long, requires = "durable", requires = "lines")]
    pub refeed: bool,
    /// How results are printed: text or json
    #[arg(short = 'F', long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    format: String,
    /// Show progress on the terminal
    #[arg(long)]
    pub progress: bool,
    #[command(flatten)]
    pub broker: Broker,
}

impl Publishing {
    pub fn is_json(&self) -> bool {
        self.format == "json"
    }

    /// The source of payloads. Without one, only the messages of a durable folder are published.
    pub fn source(&self) -> Option<Source> {
        if self.lines { Some(Source::Lines) } else { self.payload.source() }
    }

    /// Returns the time between two messages.
    pub fn pause(&self) -> Option<Duration> {
        self.repeat_delay.or(self.rate)
    }

    /// Returns an error if the options contradict each other.
    pub fn problem(&self) -> Option<String> {
        match &self.durable {
            None if self.source().is_none() => {
                Some("nothing to publish: give --message, --file, --stdin, --lines or --null-message".into())
            }
            Some(_) if self.message.qos == QoS::AtMostOnce => {
                Some("--durable needs --qos 1 or 2: messages at QoS 0 are not acknowledged".into())
            }
            Some(_) if self.repeat > 1 => Some("--durable publishes each message once: remove --repeat".into()),
            Some(_) if self.broker.session.id_prefix.is_some() => Some(
                "--durable needs the same client identifier in each run: use --id, or the identifier that the folder keeps".into(),
            ),
            _ => None,
        }
    }
}
