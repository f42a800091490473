//! What is published: where to, how, with which properties, and where payloads come from.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, value_parser};
use pure_mqtt::{Property, Publish, TopicName};

use super::values::{self, keep};
use super::{OF_5, flag, option, required, seconds, under};

/// Where payloads come from.
pub enum Source {
    Message(&'static str),
    File(PathBuf),
    Stdin,
    Lines,
}

pub fn arguments() -> Vec<Arg> {
    let mut arguments = Vec::from(of_all());
    arguments.extend(under(OF_5, properties_of_5()));
    arguments
}

fn of_all() -> [Arg; 6] {
    [
        option("topic", "TOPIC", "Where to publish").short('t').required(true).value_parser(values::topic),
        qos(),
        flag("retain", "The broker keeps the message for the topic").short('r'),
        option("message", "TEXT", "Publish this").short('m').value_parser(values::text),
        option("file", "PATH", "Publish what the file holds").short('f').value_parser(value_parser!(PathBuf)),
        flag("stdin", "Publish all of the standard input as one message").short('s'),
    ]
}

fn properties_of_5() -> [Arg; 6] {
    [
        option("content-type", "TEXT", "What the payload is, such as application/json").value_parser(values::text),
        seconds("expiry", "How long the message is of use"),
        option("response-topic", "TOPIC", "Where an answer is awaited").value_parser(values::topic),
        option("correlation", "TEXT", "What an answer has to carry").value_parser(values::text),
        option("user-property", "NAME=VALUE", "Anything else; may be repeated")
            .short('D')
            .action(ArgAction::Append)
            .value_parser(values::user_property),
        flag("utf8", "Mark the payload as UTF-8 text"),
    ]
}

pub fn qos() -> Arg {
    option("qos", "QOS", "The quality of service: 0, 1 or 2").short('q').default_value("0").value_parser(values::qos)
}

/// Just one of these arguments has to be there.
pub fn payload(sources: &[&'static str]) -> ArgGroup {
    ArgGroup::new("payload").args(sources).required(true)
}

pub fn source(matches: &ArgMatches) -> Source {
    let is_set = |id| matches.try_get_one::<bool>(id).ok().flatten().is_some_and(|is_set| *is_set);
    match (matches.get_one::<&str>("message"), matches.get_one::<PathBuf>("file")) {
        (Some(text), _) => Source::Message(text),
        (_, Some(path)) => Source::File(path.clone()),
        _ if is_set("lines") => Source::Lines,
        _ => Source::Stdin,
    }
}

/// The message, still without a payload.
pub fn message(
    matches: &ArgMatches,
    response_topic: Option<TopicName<'static>>,
    correlation: Option<&'static [u8]>,
) -> Publish<'static> {
    let mut properties = properties(matches);
    properties.extend(response_topic.map(|topic| Property::ResponseTopic(topic.as_str())));
    properties.extend(correlation.map(Property::CorrelationData));
    Publish::new(required(matches, "topic"), &[])
        .qos(required(matches, "qos"))
        .retain(matches.get_flag("retain"))
        .properties(keep::<[_]>(properties))
}

pub fn response_topic(matches: &ArgMatches) -> Option<TopicName<'static>> {
    matches.get_one("response-topic").copied()
}

pub fn correlation(matches: &ArgMatches) -> Option<&'static [u8]> {
    matches.get_one("correlation").map(|text: &&'static str| text.as_bytes())
}

/// All but what an answer needs.
fn properties(matches: &ArgMatches) -> Vec<Property<'static>> {
    let mut properties = Vec::new();
    properties.extend(matches.get_flag("utf8").then_some(Property::PayloadFormatIndicator(true)));
    properties.extend(matches.get_one("expiry").copied().map(Property::MessageExpiryInterval));
    properties.extend(matches.get_one("content-type").copied().map(Property::ContentType));
    let pairs = matches.get_many("user-property").into_iter().flatten().copied();
    properties.extend(pairs.map(Property::UserProperty));
    properties
}
