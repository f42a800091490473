//! The arguments of `mqtt sub`.

use clap::Args;
use pure_mqtt_client::pure_mqtt::{QoS, RetainHandling, Subscription, TopicFilter};

use super::broker::Broker;
use super::output::OutputArgs;
use super::{OF_5, values};
use crate::help;

/// Subscribes and prints messages; reconnects after a lost connection
#[derive(Args, Clone, Debug)]
#[command(after_help = help::of_sub(), args_override_self = true, disable_help_flag = true)]
pub struct Subscribing {
    /// A topic filter to subscribe to; may be repeated
    #[arg(short, long = "topic", value_name = "FILTER", required = true, value_parser = values::filter)]
    topics: Vec<TopicFilter<'static>>,
    /// Don't print messages that match this filter; may be repeated
    #[arg(short = 'T', long, value_name = "FILTER", value_parser = values::filter)]
    pub filter_out: Vec<TopicFilter<'static>>,
    /// Unsubscribe from this filter first, in a resumed session; may be repeated
    #[arg(short = 'U', long, value_name = "FILTER", value_parser = values::filter)]
    pub unsubscribe: Vec<TopicFilter<'static>>,
    /// The maximum QoS of received messages: 0, 1 or 2
    #[arg(short, long, value_name = "QOS", default_value = "0", value_parser = values::qos)]
    qos: QoS,
    /// Exit after N messages
    #[arg(short = 'C', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Exit when the server has answered the subscription
    #[arg(short = 'E', long)]
    pub exit_after_subscribe: bool,
    /// Don't print retained messages
    #[arg(short = 'R', long)]
    pub no_retained: bool,
    /// Print only retained messages, and exit at the first other one
    #[arg(long, conflicts_with = "no_retained")]
    pub retained_only: bool,
    /// Remove the retained messages that arrive from the server
    #[arg(long, conflicts_with = "no_retained")]
    pub remove_retained: bool,
    /// Show progress on the terminal
    #[arg(long)]
    pub progress: bool,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Don't receive messages that this client publishes
    #[arg(long, help_heading = OF_5)]
    no_local: bool,
    /// Receive the retain flag as it was published
    #[arg(long, help_heading = OF_5)]
    retain_as_published: bool,
    /// Whether the server sends retained messages: always, new (only if the subscription is new) or never [default: always]
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

    /// Returns the options that need 5.0, and whether they are given.
    pub fn of_5(&self) -> [(&'static str, bool); 3] {
        [
            ("no-local", self.no_local),
            ("retain-as-published", self.retain_as_published),
            ("retained", self.retained.is_some()),
        ]
    }
}
