//! The arguments of `mqtt sub`.

use clap::Args;
use pure_mqtt_client::pure_mqtt::{QoS, RetainHandling, Subscription, TopicFilter};

use super::broker::Broker;
use super::output::OutputArgs;
use super::{OF_5, values};
use crate::help;

/// Subscribes and prints what comes; finds its way back after a lost connection
#[derive(Args, Clone, Debug)]
#[command(after_help = help::of_sub(), args_override_self = true, disable_help_flag = true)]
pub struct Subscribing {
    /// What to subscribe to; may be repeated
    #[arg(short, long = "topic", value_name = "FILTER", required = true, value_parser = values::filter)]
    topics: Vec<TopicFilter<'static>>,
    /// Leave out the messages that this filter matches; may be repeated
    #[arg(short = 'T', long, value_name = "FILTER", value_parser = values::filter)]
    pub filter_out: Vec<TopicFilter<'static>>,
    /// Unsubscribe from this first, in a session that is resumed; may be repeated
    #[arg(short = 'U', long, value_name = "FILTER", value_parser = values::filter)]
    pub unsubscribe: Vec<TopicFilter<'static>>,
    /// The highest quality of service of what comes: 0, 1 or 2
    #[arg(short, long, value_name = "QOS", default_value = "0", value_parser = values::qos)]
    qos: QoS,
    /// Leave after N messages
    #[arg(short = 'C', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Leave when the server has answered the subscription
    #[arg(short = 'E', long)]
    pub exit_after_subscribe: bool,
    /// Leave out messages that the server had kept
    #[arg(short = 'R', long)]
    pub no_retained: bool,
    /// Print only messages that the server had kept, and leave when another one comes
    #[arg(long, conflicts_with = "no_retained")]
    pub retained_only: bool,
    /// Have the server forget the kept messages that come
    #[arg(long, conflicts_with = "no_retained")]
    pub remove_retained: bool,
    /// Show on the terminal how far it is
    #[arg(long)]
    pub progress: bool,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Leave out what this client publishes itself
    #[arg(long, help_heading = OF_5)]
    no_local: bool,
    /// Keep the mark of messages that were published to be retained
    #[arg(long, help_heading = OF_5)]
    retain_as_published: bool,
    /// Whether retained messages come: always, new (if the subscription is) or never [default: always]
    #[arg(long, value_name = "WHEN", help_heading = OF_5, value_parser = values::retain_handling)]
    retained: Option<RetainHandling>,
    #[command(flatten)]
    pub broker: Broker,
}

impl Subscribing {
    pub fn filters(&self) -> Vec<Subscription<'static>> {
        self.topics.iter().map(|filter| self.subscription(*filter)).collect()
    }

    fn subscription(&self, filter: TopicFilter<'static>) -> Subscription<'static> {
        let mut subscription = Subscription::new(filter, self.qos);
        subscription.no_local = self.no_local;
        subscription.retain_as_published = self.retain_as_published;
        subscription.retain_handling = self.retained.unwrap_or(RetainHandling::Send);
        subscription
    }

    /// Those of its options that only 5.0 has, and whether they are given.
    pub fn of_5(&self) -> [(&'static str, bool); 3] {
        [
            ("no-local", self.no_local),
            ("retain-as-published", self.retain_as_published),
            ("retained", self.retained.is_some()),
        ]
    }
}
