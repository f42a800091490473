//! The arguments of `mqtt pub`.

use clap::{Arg, ArgMatches};
use pure_mqtt::Publish;

use super::broker::Broker;
use super::message::{self, Source};
use super::{count, flag, output, required};
use crate::format::Format;

pub struct Publishing {
    pub broker: Broker,
    /// Without a payload.
    pub message: Publish<'static>,
    pub source: Source,
    pub count: u64,
    pub format: Format,
    pub progress: bool,
}

pub fn arguments() -> Vec<Arg> {
    let mut arguments = message::arguments();
    arguments.extend([
        flag("lines", "Publish each line of the standard input as a message").short('l'),
        count("Publish each message N times").default_value("1"),
        output::of_results(),
        output::progress(),
    ]);
    arguments
}

impl Publishing {
    pub fn new(matches: &ArgMatches, broker: Broker) -> Self {
        let (response_topic, correlation) = (message::response_topic(matches), message::correlation(matches));
        Self {
            broker,
            message: message::message(matches, response_topic, correlation),
            source: message::source(matches),
            count: required(matches, "count"),
            format: required(matches, "format"),
            progress: matches.get_flag("progress"),
        }
    }
}
