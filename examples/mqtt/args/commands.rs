//! The table of commands.

use clap::{Arg, ArgMatches, Command};
use pure_mqtt::Version;

use super::bench::{self, Bench};
use super::broker::{self, Broker};
use super::message;
use super::publishing::{self, Publishing};
use super::request::{self, Request};
use super::subscribing::{self, Subscribing};
use super::{OF_5, is_given, will};
use crate::help;

/// A command with all that it needs.
pub enum Task {
    Publish(Publishing),
    Subscribe(Subscribing),
    Request(Request),
    Bench(Bench),
}

struct Row {
    name: &'static str,
    about: &'static str,
    /// What `--help` shows below the options.
    after: fn() -> String,
    arguments: fn() -> Vec<Arg>,
    /// The arguments one of which gives the payload.
    payload: &'static [&'static str],
    task: fn(&ArgMatches, Broker) -> Task,
    /// The versions that it works with; the first one if none is asked for.
    versions: &'static [Version],
}

const ALL: &[Version] = &[Version::V311, Version::V31, Version::V5];

const ROWS: [Row; 4] = [
    Row {
        name: "pub",
        about: "Publishes messages, waits until the broker has acknowledged each, and leaves",
        after: || help::PUB.to_owned(),
        arguments: publishing::arguments,
        payload: &["message", "file", "stdin", "lines"],
        task: |matches, broker| Task::Publish(Publishing::new(matches, broker)),
        versions: ALL,
    },
    Row {
        name: "sub",
        about: "Subscribes and prints what comes; finds its way back after a lost connection",
        after: help::of_sub,
        arguments: subscribing::arguments,
        payload: &[],
        task: |matches, broker| Task::Subscribe(Subscribing::new(matches, broker)),
        versions: ALL,
    },
    Row {
        name: "request",
        about: "Publishes a request and prints the answers (MQTT 5)",
        after: || help::REQUEST.to_owned(),
        arguments: request::arguments,
        payload: &["message", "file", "stdin"],
        task: |matches, broker| Task::Request(Request::new(matches, broker)),
        versions: &[Version::V5],
    },
    Row {
        name: "bench",
        about: "Measures messages per second, and processor time, to the broker and back",
        after: || help::BENCH.to_owned(),
        arguments: bench::arguments,
        payload: &[],
        task: |matches, broker| Task::Bench(Bench::new(matches, broker)),
        versions: ALL,
    },
];

/// All commands with their options.
pub fn all() -> impl Iterator<Item = Command> {
    ROWS.iter().map(Row::command)
}

/// What was asked for, or what is wrong with it.
pub fn task(command: &Command, matches: &ArgMatches) -> Result<Task, String> {
    let row = ROWS.iter().find(|row| row.name == command.get_name());
    let row = row.unwrap_or_else(|| unreachable!("clap knows no other commands"));
    let version = matches.get_one("version").copied().or(row.versions.first().copied()).unwrap_or_default();
    if !row.versions.contains(&version) {
        return Err(format!("{} works with --version 5 only", row.name));
    }
    let of_5 = |argument: &&Arg| argument.get_help_heading() == Some(OF_5);
    let newer = command.get_arguments().filter(of_5).find(|argument| is_given(matches, argument));
    match newer {
        Some(argument) if version != Version::V5 => Err(format!("--{} needs --version 5", argument.get_id())),
        _ => Ok((row.task)(matches, Broker::new(matches, version))),
    }
}

impl Row {
    fn command(&self) -> Command {
        let mut command = Command::new(self.name).about(self.about).after_help((self.after)()).args_override_self(true);
        command = command.args((self.arguments)());
        if !self.payload.is_empty() {
            command = command.group(message::payload(self.payload));
        }
        command.args(broker::arguments()).args(will::arguments())
    }
}
