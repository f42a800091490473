//! A small command-line client: `cargo run --example mqtt -- pub|sub …`. `--help` shows the options.
//!
//! The loop between connection and socket is in `support/mod.rs`; here is what a program adds: arguments, messages, a graceful end, and
//! for a subscriber the way back after a lost connection.

#[path = "mqtt/args.rs"]
mod args;
#[path = "mqtt/failure.rs"]
mod failure;
#[path = "mqtt/help.rs"]
mod help;
#[path = "mqtt/link.rs"]
mod link;
#[path = "mqtt/publisher.rs"]
mod publisher;
#[path = "mqtt/subscriber.rs"]
mod subscriber;
mod support;

use std::process::ExitCode;

use args::Task;
use failure::Failure;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("mqtt: {failure}");
            failure.exit_code()
        }
    }
}

fn run() -> Result<(), Failure> {
    match args::parse(lexopt::Parser::from_env())? {
        Task::Help => {
            print!("{}", help::HELP);
            Ok(())
        }
        Task::Publish(options) => publisher::run(&options),
        Task::Subscribe(options) => subscriber::run(&options),
    }
}
