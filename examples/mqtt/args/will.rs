//! The will: what the broker publishes if we vanish.

use clap::{Arg, ArgMatches};
use pure_mqtt::{Property, TopicName, Will};

use super::values::{self, keep};
use super::{OF_5, flag, option, required, seconds, under};

pub fn arguments() -> Vec<Arg> {
    let mut arguments = under("The will: what the broker publishes if we vanish", of_all());
    arguments.extend(under(OF_5, [seconds("will-delay", "How long the broker waits with it for our return")]));
    arguments.into_iter().map(needs_topic).collect()
}

fn of_all() -> [Arg; 4] {
    [
        option("will-topic", "TOPIC", "Where it is published").value_parser(values::topic),
        option("will-payload", "TEXT", "What is published").default_value("").value_parser(values::text),
        option("will-qos", "QOS", "Its quality of service: 0, 1 or 2").default_value("0").value_parser(values::qos),
        flag("will-retain", "The broker keeps it for the topic"),
    ]
}

fn needs_topic(argument: Arg) -> Arg {
    if argument.get_id() == "will-topic" { argument } else { argument.requires("will-topic") }
}

/// The will, if there is a topic for it.
pub fn will(matches: &ArgMatches) -> Option<Will<'static>> {
    let topic: TopicName<'static> = matches.get_one("will-topic").copied()?;
    let delay = matches.get_one("will-delay").copied();
    let properties: Vec<_> = delay.map(Property::WillDelayInterval).into_iter().collect();
    let will = Will::new(topic, required::<&str>(matches, "will-payload").as_bytes())
        .qos(required(matches, "will-qos"))
        .retain(matches.get_flag("will-retain"))
        .properties(keep::<[_]>(properties));
    Some(will)
}
