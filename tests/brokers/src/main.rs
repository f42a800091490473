//! Plays everything that the threads client and the program `mqtt` do against real brokers, and draws the tables of docs/brokers.md.

mod args;
mod brokers;
mod groups;
mod install;
mod known;
mod outcome;
mod overview;
mod page;
mod player;
mod plays;
mod proxy;
mod running;
mod season;
mod stage;
mod tap;
mod tool;

use std::process::ExitCode;

/// The exit code for a command line that makes no sense.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let args = match args::parse(lexopt::Parser::from_env()) {
        Ok(Some(args)) => args,
        Ok(None) => {
            print!("{}", args::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("brokers: {error}\n`--help` explains every option.");
            return ExitCode::from(USAGE);
        }
    };
    match run(&args) {
        Ok(surprises) if surprises.is_empty() => ExitCode::SUCCESS,
        Ok(surprises) => {
            eprintln!("brokers: this is otherwise than tests/brokers/src/known.rs says:\n  {}", surprises.join("\n  "));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("brokers: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Plays all that was chosen. Gives what nobody knew.
fn run(args: &args::Args) -> Result<Vec<String>, String> {
    groups::end_with_us().map_err(|error| format!("signals cannot be handled: {error}."))?;
    if let Some(tool) = &args.tool {
        let tool = std::path::absolute(tool).map_err(|error| format!("{}: {error}.", tool.display()))?;
        let _ = tool::PROGRAM.set(tool); // once
    }
    let seed = seed()?;
    println!("PURE_MQTT_SEED={seed}");
    let mut surprises = Vec::new();
    for broker in &args.brokers {
        // One that cannot be played is no reason to leave the others out.
        surprises.extend(play(broker, args, seed).unwrap_or_else(|error| vec![format!("{}: {error}", broker.name)]));
    }
    Ok(surprises)
}

/// One broker.
fn play(broker: &'static brokers::Broker, args: &args::Args, seed: u64) -> Result<Vec<String>, String> {
    let tools = std::path::absolute(&args.target).map_err(|error| format!("{}: {error}.", args.target.display()))?;
    let tools = install::install(broker, &tools)?;
    let season = season::play(broker, &args.plays, tools, seed)?;
    let section = page::section(&season);
    println!("\n{section}");
    if let Some(path) = &args.write {
        page::write(path, broker.name, &section)?;
        page::write(path, "plays", &page::plays())?;
        page::write(path, "overview", &overview::overview(&page::read(path)?))?;
    }
    Ok(season.surprises())
}

fn seed() -> Result<u64, String> {
    match std::env::var("PURE_MQTT_SEED") {
        Ok(text) => text.parse().map_err(|_| format!("PURE_MQTT_SEED is {text:?}; it has to be a number.")),
        Err(_) => Ok(fastrand::u64(..)),
    }
}
