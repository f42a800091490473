//! The arguments of `mqtt sub`.

use clap::{Arg, ArgAction, ArgMatches};
use pure_mqtt::{RetainHandling, Subscription, TopicFilter};

use super::broker::Broker;
use super::{OF_5, count, flag, message, option, output, required, under, values};
use crate::format::Format;

pub struct Subscribing {
    pub broker: Broker,
    pub filters: Vec<Subscription<'static>>,
    pub count: Option<u64>,
    pub format: Format,
    pub progress: bool,
}

pub fn arguments() -> Vec<Arg> {
    let mut arguments = vec![
        option("topic", "FILTER", "What to subscribe to; may be repeated")
            .short('t')
            .required(true)
            .action(ArgAction::Append)
            .value_parser(values::filter),
        message::qos(),
        count("Leave after N messages"),
        output::progress(),
    ];
    arguments.extend(output::of_messages());
    arguments.extend(under(OF_5, of_5()));
    arguments
}

fn of_5() -> [Arg; 3] {
    [
        flag("no-local", "Leave out what this client publishes itself"),
        flag("retain-as-published", "Keep the mark of messages that were published to be retained"),
        option("retained", "WHEN", "Whether retained messages come: always, new (if the subscription is) or never")
            .default_value("always")
            .value_parser(values::retain_handling),
    ]
}

impl Subscribing {
    pub fn new(matches: &ArgMatches, broker: Broker) -> Self {
        let filters = matches.get_many("topic").into_iter().flatten();
        Self {
            broker,
            filters: filters.map(|filter| subscription(matches, *filter)).collect(),
            count: matches.get_one("count").copied(),
            format: output::format(matches),
            progress: matches.get_flag("progress"),
        }
    }
}

fn subscription(matches: &ArgMatches, filter: TopicFilter<'static>) -> Subscription<'static> {
    let mut subscription = Subscription::new(filter, required(matches, "qos"));
    subscription.no_local = matches.get_flag("no-local");
    subscription.retain_as_published = matches.get_flag("retain-as-published");
    subscription.retain_handling = required::<RetainHandling>(matches, "retained");
    subscription
}
