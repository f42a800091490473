//! A tour without a broker to install: `cargo run --example quickstart`.
//!
//! It starts a small broker in a thread. Then, over real TCP and in each version of MQTT, it connects, subscribes, publishes at every QoS, cuts the TCP connection in the middle
//! of a packet, resumes the session, checks that nothing was lost and no QoS 2 message arrived twice, and disconnects. The loop between connection and socket is in
//! `support/mod.rs`.

#[path = "quickstart/failure.rs"]
mod failure;
mod support;
#[path = "quickstart/tour.rs"]
mod tour;

use std::process::ExitCode;

use pure_mqtt::Version;

use failure::Failure;
use pure_mqtt_test_broker::Broker;
use tour::Tour;

const HELP: &str = "\
A tour of pure-mqtt over real TCP, in MQTT 3.1, 3.1.1 and 5.

usage: cargo run --example quickstart [-- OPTIONS]

  --broker HOST:PORT   use this broker instead of the small one that is built in
  -h, --help           show this

exit code: 0 if nothing was lost and nothing doubled, 1 if the tour failed, 2 if an option is wrong
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nquickstart: {failure}");
            failure.exit_code()
        }
    }
}

fn run() -> Result<(), Failure> {
    match parse(lexopt::Parser::from_env())? {
        Task::Help => print!("{HELP}"),
        Task::Tour(Some(address)) => {
            println!("broker: {address}");
            tour_all(&address)?;
        }
        Task::Tour(None) => {
            let loopback = Broker::start().map_err(Failure::Listen)?;
            println!("broker: the built-in one, at {}", loopback.address());
            tour_all(&loopback.address().to_string())?;
            check_manners(&loopback)?;
        }
    }
    Ok(())
}

/// What the arguments ask for.
enum Task {
    Help,
    Tour(Option<String>),
}

fn parse(mut parser: lexopt::Parser) -> Result<Task, lexopt::Error> {
    use lexopt::prelude::*;
    let mut broker = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("broker") => broker = Some(parser.value()?.string()?),
            Short('h') | Long("help") => return Ok(Task::Help),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Task::Tour(broker))
}

fn tour_all(address: &str) -> Result<(), Failure> {
    for version in Version::ALL {
        Tour::new(address, version).run()?;
    }
    println!("\nAll three versions passed.");
    Ok(())
}

/// The built-in broker notes what a client does against the standard.
fn check_manners(loopback: &Broker) -> Result<(), Failure> {
    let violations = loopback.violations();
    if violations.is_empty() { Ok(()) } else { Err(Failure::Manners(violations)) }
}
