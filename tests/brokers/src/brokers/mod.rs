//! The table of brokers: how each is installed, configured and started.

mod activemq;
mod aedes;
mod amqtt;
mod ejabberd;
mod iotcore;
mod mosquitto;
mod nats;
mod rabbitmq;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::running::Site;

/// Whom each broker lets in, and nobody else.
pub const USER: &str = "ada";
pub const PASSWORD: &str = "secret";

pub struct Broker {
    /// What the command line calls it.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    pub source: Source,
    /// A command that prints its version, somewhere in its output.
    pub version: fn(&Site) -> Command,
    /// Writes its configuration into its folder.
    pub configure: fn(&Site) -> Result<(), String>,
    /// What it needs beside it, in the order in which it is started.
    pub helpers: fn(&Site) -> Vec<Command>,
    /// Starts it in the foreground.
    pub command: fn(&Site) -> Command,
    /// Which of its ports speaks 5.0, if it has one.
    pub v5_port: usize,
    /// How it is configured, for people.
    pub setting: &'static str,
    /// The longest that its start may take.
    pub patience: Duration,
}

/// Where it comes from.
pub enum Source {
    /// Packages of Debian, and programs or files that are there if they are.
    Debian { packages: &'static str, probes: &'static [&'static str] },
    /// Packages of npm, into a folder below `target/`.
    Npm(&'static [&'static str]),
    /// A package of PyPI, into a virtual environment below `target/`.
    PyPi(&'static str),
}

pub const ALL: &[Broker] = &[
    mosquitto::BROKER,
    rabbitmq::BROKER,
    nats::BROKER,
    activemq::BROKER,
    ejabberd::BROKER,
    aedes::AEDES_0,
    aedes::AEDES_1,
    amqtt::BROKER,
    iotcore::BROKER,
];

/// Nothing beside it.
fn alone(_: &Site) -> Vec<Command> {
    Vec::new()
}

/// A program of the system, also one that only administrators have in their search path.
fn program(name: &str) -> Command {
    let folders = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"];
    let found = folders.iter().map(|folder| PathBuf::from(folder).join(name)).find(|path| path.is_file());
    Command::new(found.unwrap_or_else(|| name.into()))
}
