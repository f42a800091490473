//! The project's own commands, run as `cargo xtask COMMAND`.
//!
//! `steps.rs` is the table of everything that is done; the other files read the command line, choose from the table,
//! and run what was chosen.

mod args;
mod beside;
mod brokers;
mod browser;
mod circles;
mod deny;
mod end_to_end;
mod faults;
mod files;
mod fuzz;
mod instructions;
mod package;
mod pages;
mod release;
mod report;
mod select;
mod setup;
mod shell;
mod steps;
mod trace;

use std::path::PathBuf;
use std::process::ExitCode;

use args::Command;
use beside::Beside;
use report::Report;
use select::Selection;
use shell::Shell;
use steps::{Kind, Step};

/// What all fallible functions here return; the error is a sentence for the person at the keyboard.
type Result<T = ()> = std::result::Result<T, String>;

/// The exit code for a command line that makes no sense.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let chosen = args::parse(std::env::args_os().skip(1)).and_then(|command| choose(&command));
    match chosen {
        Ok(Chosen::Help) => print!("{}", args::HELP),
        Ok(Chosen::List(steps)) => report::list(&steps),
        Ok(Chosen::Run(steps)) => return run(&steps),
        Ok(Chosen::Work(work)) => {
            if let Err(message) = work(&Shell::new(root())) {
                eprintln!("xtask: {message}");
                return ExitCode::FAILURE;
            }
        }
        Err(message) => {
            eprintln!("xtask: {message}\n`cargo xtask help` explains every option.");
            return ExitCode::from(USAGE);
        }
    }
    ExitCode::SUCCESS
}

/// A command with its steps picked out of the table.
enum Chosen {
    Help,
    List(Vec<&'static Step>),
    Run(Vec<&'static Step>),
    Work(Box<dyn Fn(&Shell) -> Result>),
}

fn choose(command: &Command) -> Result<Chosen> {
    let pick = |selection: &Selection| selection.pick(steps::STEPS);
    Ok(match command {
        Command::Help => Chosen::Help,
        Command::List(selection) => Chosen::List(pick(selection)?),
        Command::Run(selection) => Chosen::Run(pick(selection)?),
        Command::Fuzz { seconds } => {
            let seconds = *seconds;
            Chosen::Work(Box::new(move |shell| fuzz::run(shell, seconds)))
        }
        Command::Faults { all } => {
            let all = *all;
            Chosen::Work(Box::new(move |shell| faults::run(shell, all)))
        }
        Command::Instructions { bless } => {
            let bless = *bless;
            Chosen::Work(Box::new(move |shell| instructions::run(shell, bless)))
        }
        Command::EndToEnd { write, quick } => {
            let (write, quick) = (*write, *quick);
            Chosen::Work(Box::new(move |shell| end_to_end::run(shell, write, quick)))
        }
        Command::Clusters { options } => {
            let line = format!("cargo run --quiet -- {}", options.join(" "));
            Chosen::Work(Box::new(move |shell| match shell.inside("tests/clusters") {
                Some(shell) => shell.run(&line),
                None => Err("there is no tests/clusters here.".into()),
            }))
        }
        Command::Brokers { words } => {
            let words = words.clone();
            Chosen::Work(Box::new(move |shell| brokers::run(shell, &words)))
        }
        Command::Deny => Chosen::Work(Box::new(deny::check)),
        Command::Release => Chosen::Work(Box::new(release::check)),
        Command::Footprint { write } => {
            let line = if *write {
                "cargo run --quiet --bin footprint -- --write"
            } else {
                "cargo run --quiet --bin footprint"
            };
            Chosen::Work(Box::new(move |shell| match shell.inside("no_std-example/host-test") {
                Some(shell) => shell.run(line),
                None => Err("there is no no_std-example/host-test here.".into()),
            }))
        }
        Command::Trace { table: true } => Chosen::Work(Box::new(trace::print)),
        Command::Trace { table: false } => Chosen::Work(Box::new(trace::check)),
    })
}

/// Runs `steps` in order until one fails; those that can be run beside the others are, once the machine is set up.
fn run(steps: &[&'static Step]) -> ExitCode {
    let shell = Shell::new(root());
    let (here, beside) = beside::divide(steps);
    let set_up = here.partition_point(|step| step.kind == Kind::Setup);
    let (before, after) = here.split_at(set_up);
    let mut report = Report::new(here.len());
    let passed = run_all(&shell, before, &mut report).and_then(|()| {
        let beside = Beside::start(&shell, &beside)?;
        let passed = run_all(&shell, after, &mut report);
        beside.map_or(Ok(()), Beside::finish).and(passed)
    });
    if let Err(message) = passed {
        eprintln!("xtask: {message}");
        return ExitCode::FAILURE;
    }
    report.finish();
    ExitCode::SUCCESS
}

fn run_all(shell: &Shell, steps: &[&Step], report: &mut Report) -> Result {
    steps.iter().try_for_each(|step| {
        report.begin(step);
        let outcome = step.work.run(shell);
        report.end(step, &outcome);
        outcome.map_err(|_| format!("the step {} failed: see above.", step.name))
    })
}

/// The folder of the workspace: the parent of this package.
fn root() -> PathBuf {
    // cargo sets the variable at run time; the compiled-in path serves a binary that is started by hand.
    let package =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    package.parent().map_or_else(|| package.clone(), PathBuf::from)
}
