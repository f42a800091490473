//! The arguments of `mqtt bench`.

use clap::{Arg, ArgAction, ArgMatches, value_parser};
use pure_mqtt::{QoS, TopicName};

use super::broker::Broker;
use super::{option, output, required, values};
use crate::format::Format;

pub struct Bench {
    pub broker: Broker,
    pub topic: TopicName<'static>,
    pub levels: Vec<QoS>,
    /// Of one round.
    pub messages: u64,
    pub rounds: u64,
    /// Bytes of a payload.
    pub size: usize,
    /// So many messages are under way at a time.
    pub window: u16,
    pub format: Format,
}

pub fn arguments() -> Vec<Arg> {
    vec![
        option("qos", "QOS", "A quality of service to measure; may be repeated [default: all three]")
            .short('q')
            .action(ArgAction::Append)
            .value_parser(values::qos),
        number("messages", "N", "Messages of a round", "10000").short('n'),
        number("rounds", "N", "Rounds that count, after one that warms up", "5"),
        option("size", "BYTES", "The length of a payload")
            .default_value("64")
            .value_parser(value_parser!(u32).range(..=16_000_000)),
        option("window", "N", "Messages that are under way at a time")
            .default_value("100")
            .value_parser(value_parser!(u16).range(1..)),
        option("topic", "TOPIC", "Where they go [default: a topic of this run alone]")
            .short('t')
            .value_parser(values::topic),
        output::of_results(),
    ]
}

/// An option with a number, at least 1.
fn number(name: &'static str, value: &'static str, about: &'static str, usual: &'static str) -> Arg {
    option(name, value, about).default_value(usual).value_parser(value_parser!(u64).range(1..))
}

impl Bench {
    pub fn new(matches: &ArgMatches, broker: Broker) -> Self {
        let levels = matches.get_many("qos").map(|levels| levels.copied().collect());
        Self {
            topic: matches.get_one("topic").copied().unwrap_or_else(|| values::own_topic("mqtt-bench")),
            broker,
            levels: levels.unwrap_or_else(|| vec![QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce]),
            messages: required(matches, "messages"),
            rounds: required(matches, "rounds"),
            size: required::<u32>(matches, "size") as usize,
            window: required(matches, "window"),
            format: required(matches, "format"),
        }
    }
}
