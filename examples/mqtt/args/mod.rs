//! The arguments: a table of commands, tables of their options, and what they become.

mod bench;
mod broker;
mod commands;
mod message;
mod output;
mod publishing;
mod request;
mod subscribing;
mod values;
mod will;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

pub use bench::Bench;
pub use broker::Broker;
pub use commands::Task;
pub use message::Source;
pub use publishing::Publishing;
pub use request::Request;
pub use subscribing::Subscribing;

use crate::help;

/// The heading of the options that older versions don't have.
const OF_5: &str = "Only MQTT 5";

/// What the arguments ask for. Help is printed and ends the program here, and so does a mistake.
pub fn parse() -> Task {
    let mut command = command();
    let matches = command.get_matches_mut();
    let chosen = matches.subcommand().and_then(|(name, matches)| Some((command.find_subcommand_mut(name)?, matches)));
    let (command, matches) = chosen.unwrap_or_else(|| unreachable!("clap demands a command"));
    let task = commands::task(command, matches);
    task.unwrap_or_else(|problem| command.error(ErrorKind::ArgumentConflict, problem).exit())
}

fn command() -> Command {
    Command::new("mqtt")
        .about("Publishes, subscribes, asks and measures over MQTT 3.1, 3.1.1 and 5")
        .styles(help::STYLES)
        .after_help(help::GENERAL)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(commands::all())
}

/// An option with a value.
fn option(name: &'static str, value: &'static str, about: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(about)
}

/// An option without a value.
fn flag(name: &'static str, about: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(about)
}

/// An option with whole seconds, as properties have them.
fn seconds(name: &'static str, about: &'static str) -> Arg {
    option(name, "SECONDS", about).value_parser(value_parser!(u32))
}

fn count(about: &'static str) -> Arg {
    option("count", "N", about).short('c').value_parser(value_parser!(u64).range(1..))
}

/// Puts options under a heading of their own.
fn under<const N: usize>(heading: &'static str, arguments: [Arg; N]) -> Vec<Arg> {
    arguments.map(|argument| argument.help_heading(heading)).into()
}

/// The value of an argument that has to be there or has a default.
fn required<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, id: &str) -> T {
    matches.get_one(id).cloned().unwrap_or_else(|| unreachable!("clap sees to --{id}"))
}

/// Whether it is on the command line.
fn is_given(matches: &ArgMatches, argument: &Arg) -> bool {
    matches.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine)
}
