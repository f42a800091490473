//! A small command-line client: `cargo run --example mqtt -- pub|sub|request|bench …`. `--help` shows the options, and examples.
//!
//! The loop between connection and socket is in `support/mod.rs`; here is what a program adds: arguments, messages, a graceful end, and
//! for a subscriber the way back after a lost connection.

mod args;
mod bench;
mod failure;
mod fields;
mod format;
mod help;
mod input;
mod json;
mod link;
mod printer;
mod progress;
mod publisher;
mod report;
mod requester;
mod stop;
mod subscriber;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use args::Task;
use report::Tally;

fn main() -> ExitCode {
    let task = args::parse();
    let mut tally = Tally::default();
    let (command, format, result) = match &task {
        Task::Publish(options) => ("pub", &options.format, publisher::run(options, &mut tally)),
        Task::Subscribe(options) => ("sub", &options.format, subscriber::run(options, &mut tally)),
        Task::Request(options) => ("request", &options.format, requester::run(options, &mut tally)),
        Task::Bench(options) => ("bench", &options.format, bench::run(options, &mut tally)),
    };
    ExitCode::from(report::end(command, &result, &tally, format.is_json()))
}
