//! The arguments of `mqtt request`.

use std::time::Duration;

use clap::Args;

use super::broker::Broker;
use super::message::{MessageArgs, PayloadArgs};
use super::output::OutputArgs;
use crate::help;

/// The default of `--timeout`: there may be no responder.
const PATIENCE: Duration = Duration::from_secs(10);

/// Publishes a request and prints the replies (MQTT 5)
#[derive(Args, Clone, Debug)]
#[command(after_help = help::REQUEST, args_override_self = true, disable_help_flag = true)]
pub struct Request {
    #[command(flatten)]
    pub message: MessageArgs,
    #[command(flatten)]
    pub payload: PayloadArgs,
    /// Wait for N replies
    #[arg(short = 'C', long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: u64,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub broker: Broker,
}

impl Request {
    pub fn timeout(&self) -> Duration {
        self.broker.session.timeout.unwrap_or(PATIENCE)
    }

    /// Returns an error if the options contradict each other.
    pub fn problem(&self) -> Option<String> {
        let is_missing = self.payload.source().is_none();
        is_missing.then(|| "nothing to publish: give --message, --file, --stdin or --null-message".into())
    }
}
