//! The arguments of `mqtt pub`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use pure_mqtt_client::pure_mqtt::QoS;

use super::broker::Broker;
use super::message::{MessageArgs, PayloadArgs, Source};
use super::values;
use crate::help;

/// Publishes messages, waits until the server has acknowledged each, and leaves
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
    /// Wait so long between two messages
    #[arg(long, value_name = "SECONDS", value_parser = values::duration)]
    repeat_delay: Option<Duration>,
    /// Publish no more than so many messages per second
    #[arg(long, value_name = "N", conflicts_with = "repeat_delay", value_parser = values::pace)]
    rate: Option<Duration>,
    /// Keep messages in this folder until they are delivered, also if the program or the machine dies; without a payload, deliver what is left in it
    #[arg(long, value_name = "FOLDER")]
    pub durable: Option<PathBuf>,
    /// The standard input is what --durable was fed with before, from its start: skip the lines that were accepted then
    #[arg(long, requires = "durable", requires = "lines")]
    pub refeed: bool,
    /// How results are printed: text or json
    #[arg(short = 'F', long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    format: String,
    /// Show on the terminal how far it is
    #[arg(long)]
    pub progress: bool,
    #[command(flatten)]
    pub broker: Broker,
}

impl Publishing {
    pub fn is_json(&self) -> bool {
        self.format == "json"
    }

    /// Nothing is published but what a durable folder holds, if there is none.
    pub fn source(&self) -> Option<Source> {
        if self.lines { Some(Source::Lines) } else { self.payload.source() }
    }

    /// The time between two messages.
    pub fn pause(&self) -> Option<Duration> {
        self.repeat_delay.or(self.rate)
    }

    /// What is wrong with the options together.
    pub fn problem(&self) -> Option<String> {
        match &self.durable {
            None if self.source().is_none() => {
                Some("nothing to publish: --message, --file, --stdin, --lines or --null-message says what".into())
            }
            Some(_) if self.message.qos == QoS::AtMostOnce => {
                Some("--durable needs --qos 1 or 2: at QoS 0 nobody acknowledges a message".into())
            }
            Some(_) if self.repeat > 1 => Some("--durable publishes each message once: leave --repeat out".into()),
            Some(_) if self.broker.session.id_prefix.is_some() => Some(
                "--durable goes on with its client identifier: give it with --id, or leave it to the folder".into(),
            ),
            _ => None,
        }
    }
}
