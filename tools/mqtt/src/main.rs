//! `mqtt`: publishes, subscribes, sends requests and measures from the command line. `mqtt --help` shows the commands, with examples.

mod args;
mod bench;
mod encoding;
mod failure;
mod fields;
mod format;
mod help;
mod input;
mod json;
mod link;
mod outbox;
mod printer;
mod progress;
mod publisher;
mod remedy;
mod report;
mod requester;
mod servers;
mod session;
mod stop;
mod subscriber;

use std::process::ExitCode;

use args::Task;
use report::Tally;

fn main() -> ExitCode {
    let task = args::parse();
    let mut tally = Tally::default();
    let (command, is_json, result) = match &task {
        Task::Pub(options) => ("pub", options.is_json(), publisher::run(options, &mut tally)),
        Task::Sub(options) => ("sub", options.output.is_json(), subscriber::run(options, &mut tally)),
        Task::Request(options) => ("request", options.output.is_json(), requester::run(options, &mut tally)),
        Task::Bench(options) => ("bench", options.is_json(), bench::run(options, &mut tally)),
        Task::Completions { shell } => return args::complete(*shell),
    };
    ExitCode::from(report::end(command, &result, &tally, is_json))
}
