//! A device whose power fails: `cargo run --features journal --example journal`.
//!
//! It publishes numbered readings at QoS 2 and counts messages that it receives at QoS 2, while it is killed repeatedly at random moments. In the end the broker has received
//! each reading exactly once, and the device has counted each message exactly once, because the device stores its own state and the journal of its session in one transaction
//! (`journal/store.rs`).

#[path = "journal/device.rs"]
mod device;
#[path = "journal/store.rs"]
mod store;
#[path = "journal/trial.rs"]
mod trial;

use std::process::ExitCode;

const HELP: &str = "\
A device whose power fails again and again, and whose messages arrive exactly once all the same.

usage: cargo run --features journal --example journal [-- OPTIONS]

  --failures N     how often it is killed (25)
  --readings N     how many readings it publishes, at most 10,000 (1,000)
  --seed N         when it is killed: the same moments again, as far as a machine repeats itself
  -h, --help       show this

exit code: 0 if everything arrived exactly once, 1 if not, 2 if an option is wrong
";

/// What the command line asks for.
enum Wish {
    Help,
    Trial(trial::Plan),
    /// The device itself: what the trial starts and kills.
    Device(device::Setup),
}

fn main() -> ExitCode {
    let outcome = match read_arguments() {
        Err(error) => {
            eprintln!("journal: {error}\n{HELP}");
            return ExitCode::from(2);
        }
        Ok(Wish::Help) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Ok(Wish::Trial(plan)) => trial::run(&plan),
        Ok(Wish::Device(setup)) => device::run(&setup),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("journal: {error}");
            ExitCode::FAILURE
        }
    }
}

fn read_arguments() -> Result<Wish, lexopt::Error> {
    use lexopt::prelude::*;
    let mut plan = trial::Plan { failures: 25, readings: 1_000, seed: fastrand::u64(..) };
    let mut device = None;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("failures") => plan.failures = parser.value()?.parse()?,
            Long("readings") => plan.readings = parser.value()?.parse::<u32>()?.min(10_000),
            Long("seed") => plan.seed = parser.value()?.parse()?,
            Long("device") => {
                let address = parser.value()?.parse()?;
                let file = parser.value()?.into();
                device = Some((address, file));
            }
            Short('h') | Long("help") => return Ok(Wish::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(match device {
        Some((address, file)) => Wish::Device(device::Setup { address, file, readings: plan.readings }),
        None => Wish::Trial(plan),
    })
}
