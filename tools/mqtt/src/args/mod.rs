//! The arguments: a table of commands, tables of their options, and their values.

mod bench;
mod broker;
mod config;
mod hints;
mod message;
mod output;
mod publishing;
mod request;
mod server;
mod subscribing;
pub mod values;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use pure_mqtt_client::pure_mqtt::Version;

pub use bench::Bench;
pub use broker::Broker;
pub use message::Source;
pub use publishing::Publishing;
pub use request::Request;
pub use server::{ServerArgs, TlsArgs};
pub use subscribing::Subscribing;

use crate::help;

/// The heading of the options that need 5.0.
const OF_5: &str = "Only MQTT 5";

/// Publishes, subscribes, sends requests and runs benchmarks over MQTT 3.1, 3.1.1 and 5
#[derive(Parser)]
#[command(name = "mqtt", version, styles = help::STYLES, after_help = help::GENERAL, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

/// A command with its arguments.
#[derive(Subcommand)]
pub enum Task {
    Pub(Box<Publishing>),
    Sub(Box<Subscribing>),
    Request(Box<Request>),
    Bench(Box<Bench>),
    /// Prints a completion script for bash, elvish, fish, powershell or zsh
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Parses the arguments. Prints help or an error and exits if there is nothing to run.
pub fn parse() -> Task {
    let mut command = Cli::command();
    let config = config::find().unwrap_or_else(|problem| refuse(&mut command, &problem));
    if let Some(config) = &config {
        command = config.fill(command).unwrap_or_else(|problem| refuse(&mut Cli::command(), &problem));
    }
    let matches = command.try_get_matches_from_mut(std::env::args_os()).unwrap_or_else(|error| {
        let is_of_value = matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue);
        let source = config.as_ref().filter(|_| is_of_value);
        explain(&error, source.map(|config| format!("note: defaults come from {}", config.path.display())))
    });
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit());
    if let Some(problem) = cli.task.problem() {
        let chosen = matches.subcommand_name().unwrap_or_default();
        let command = command.find_subcommand_mut(chosen).unwrap_or_else(|| unreachable!("it was chosen"));
        refuse(command, &problem);
    }
    cli.task
}

/// Prints a mistake with a note, and exits.
fn explain(error: &clap::Error, note: Option<String>) -> ! {
    let arguments: Vec<_> = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let hint = || hints::hint(error.kind(), &arguments).map(|hint| format!("hint: {hint}"));
    let note = note.or_else(hint);
    let Some(note) = note else { error.exit() };
    let _ = error.print(); // it ends here anyway
    anstream::eprintln!("{note}");
    std::process::exit(error.exit_code());
}

fn refuse(command: &mut Command, problem: &str) -> ! {
    command.error(ErrorKind::ArgumentConflict, problem).exit()
}

/// Prints the script for this shell.
pub fn complete(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mqtt", &mut script);
    match crate::report::print(&script) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ExitCode::from(crate::report::end("completions", &Err(failure), &Default::default(), false)),
    }
}

impl Task {
    /// Returns an error if the options contradict each other.
    fn problem(&self) -> Option<String> {
        match self {
            Self::Pub(options) => options.problem().or_else(|| too_new(&options.broker, &options.message.of_5())),
            Self::Sub(options) => too_new(&options.broker, &options.of_5()),
            Self::Request(options) => match options.broker.version_or(Version::V5) {
                Version::V5 => options.problem(),
                _ => Some("request needs --protocol-version 5".into()),
            },
            Self::Bench(options) => too_new(&options.broker, &[]),
            Self::Completions { .. } => None,
        }
    }
}

/// Returns an error if an option needs 5.0 and the version is another.
fn too_new(broker: &Broker, options: &[(&'static str, bool)]) -> Option<String> {
    let of_all =
        [("session-expiry", broker.session.session_expiry.is_some()), ("will-delay", broker.will.will_delay.is_some())];
    let mut given = options.iter().chain(&of_all).filter(|(_, is_given)| *is_given);
    let is_old = broker.version_or(Version::V311) != Version::V5;
    given.next().filter(|_| is_old).map(|(name, _)| format!("--{name} needs --protocol-version 5"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        Cli::command().debug_assert();
    }
}
