//! The arguments of `mqtt bench`.

use std::path::PathBuf;

use clap::{Args, value_parser};
use pure_mqtt_client::pure_mqtt::{QoS, TopicName};

use super::broker::Broker;
use super::values;
use crate::help;

/// Measures messages per second, latency, and the cost of connections
#[derive(Args, Clone, Debug)]
#[command(after_help = help::BENCH, args_override_self = true, disable_help_flag = true)]
pub struct Bench {
    /// A QoS to measure; may be repeated [default: 0, 1 and 2]
    #[arg(short = 'q', long = "qos", value_name = "QOS", value_parser = values::qos)]
    levels: Vec<QoS>,
    /// Number of connections, each with its own client and topic
    #[arg(long, value_name = "N", default_value = "1", value_parser = value_parser!(u32).range(1..=100_000))]
    pub connections: u32,
    /// Number of connections that are established at a time
    #[arg(long, value_name = "N", default_value = "50", value_parser = value_parser!(u32).range(1..))]
    pub dialling: u32,
    /// Messages per round, over all connections; 0 only connects
    #[arg(short = 'n', long, value_name = "N", default_value = "10000")]
    pub messages: u64,
    /// Number of measured rounds, after one warm-up round
    #[arg(long, value_name = "N", default_value = "5", value_parser = value_parser!(u64).range(1..))]
    pub rounds: u64,
    /// Payload length; at least 16 bytes, which hold the time
    #[arg(long, value_name = "BYTES", default_value = "64", value_parser = value_parser!(u32).range(16..=16_000_000))]
    pub size: u32,
    /// Maximum number of messages in flight per connection
    #[arg(long, value_name = "N", default_value = "100", value_parser = value_parser!(u16).range(1..))]
    pub window: u16,
    /// The topic; each connection appends its number [default: a unique topic]
    #[arg(short, long, value_parser = values::topic)]
    topic: Option<TopicName<'static>>,
    /// Write a plot of the latency distribution to this SVG file
    #[cfg(feature = "plot")]
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// How results are printed: text or json
    #[arg(short = 'F', long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    format: String,
    #[command(flatten)]
    pub broker: Broker,
}

impl Bench {
    pub fn is_json(&self) -> bool {
        self.format == "json"
    }

    pub fn topic(&self) -> TopicName<'static> {
        self.topic.unwrap_or_else(|| values::own_topic("mqtt-bench"))
    }

    pub fn levels(&self) -> Vec<QoS> {
        let all = || vec![QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
        if self.levels.is_empty() { all() } else { self.levels.clone() }
    }
}
