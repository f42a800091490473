//! The arguments of `mqtt request`.

use std::time::Duration;

use clap::{Arg, ArgMatches};
use pure_mqtt::{Publish, TopicName};

use super::broker::Broker;
use super::message::{self, Source};
use super::values;
use super::{count, output, required};
use crate::format::Format;

/// Without `--timeout`: perhaps nobody is there to answer.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Request {
    pub broker: Broker,
    /// Without a payload.
    pub message: Publish<'static>,
    pub source: Source,
    pub response_topic: TopicName<'static>,
    pub correlation: &'static [u8],
    /// How many answers.
    pub count: u64,
    pub format: Format,
}

pub fn arguments() -> Vec<Arg> {
    let mut arguments = message::arguments();
    arguments.push(count("Wait for N answers").default_value("1"));
    arguments.extend(output::of_messages());
    arguments
}

impl Request {
    /// A response topic and correlation data that are missing are made up.
    pub fn new(matches: &ArgMatches, mut broker: Broker) -> Self {
        broker.timeout.get_or_insert(PATIENCE);
        let own_topic = || values::own_topic("mqtt-request");
        let response_topic = message::response_topic(matches).unwrap_or_else(own_topic);
        let correlation = message::correlation(matches).unwrap_or_else(|| values::random_id().as_bytes());
        Self {
            broker,
            message: message::message(matches, Some(response_topic), Some(correlation)),
            source: message::source(matches),
            response_topic,
            correlation,
            count: required(matches, "count"),
            format: output::format(matches),
        }
    }
}
