//! The arguments of `mqtt bench`.

use std::path::PathBuf;

use clap::{Args, value_parser};
use pure_mqtt_client::pure_mqtt::{QoS, TopicName};

use super::broker::Broker;
use super::values;
use crate::help;

/// Measures messages per second, latency, and what connections cost, to the server and back
#[derive(Args, Clone, Debug)]
#[command(after_help = help::BENCH, args_override_self = true, disable_help_flag = true)]
pub struct Bench {
    /// A quality of service to measure; may be repeated [default: all three]
    #[arg(short = 'q', long = "qos", value_name = "QOS", value_parser = values::qos)]
    levels: Vec<QoS>,
    /// Connections, each a client of its own with a topic of its own
    #[arg(long, value_name = "N", default_value = "1", value_parser = value_parser!(u32).range(1..=100_000))]
    pub connections: u32,
    /// So many connections are being made at a time
    #[arg(long, value_name = "N", default_value = "50", value_parser = value_parser!(u32).range(1..))]
    pub dialling: u32,
    /// Messages of a round, over all connections; 0 only connects
    #[arg(short = 'n', long, value_name = "N", default_value = "10000")]
    pub messages: u64,
    /// Rounds that count, after one that warms up
    #[arg(long, value_name = "N", default_value = "5", value_parser = value_parser!(u64).range(1..))]
    pub rounds: u64,
    /// The length of a payload; at least 16 bytes carry the time
    #[arg(long, value_name = "BYTES", default_value = "64", value_parser = value_parser!(u32).range(16..=16_000_000))]
    pub size: u32,
    /// Messages that are under way at a time on each connection
    #[arg(long, value_name = "N", default_value = "100", value_parser = value_parser!(u16).range(1..))]
    pub window: u16,
    /// Where they go; each connection adds its number [default: a topic of this run alone]
    #[arg(short, long, value_parser = values::topic)]
    topic: Option<TopicName<'static>>,
    /// Draw the distribution of latencies into this SVG file
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
