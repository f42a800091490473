//! `cargo xtask brokers`: plays everything that the client and the program `mqtt` do against real brokers.

use crate::Result;
use crate::shell::Shell;

/// Where the tables stand, and where npm and pip install, seen from the folder of the plays.
const PAGE: &str = "../../docs/brokers.md";
const TARGET: &str = "../../target/brokers";

/// The brokers of CI: the one that most people run, and the one that deviates most.
const OF_CI: [&str; 2] = ["mosquitto", "rabbitmq"];

/// Plays against the brokers that `words` name; the words are the program's own, but for `--write`.
pub fn run(shell: &Shell, words: &[String]) -> Result {
    shell.run("cargo build --quiet --package pure-mqtt-cli")?;
    let shell = shell.inside("tests/brokers").ok_or("there is no tests/brokers/Cargo.toml here.")?;
    let mut line = format!("cargo run --quiet -- --target {TARGET} --tool {}", tool());
    for word in words {
        line += " ";
        line += word;
        if word == "--write" {
            line = format!("{line} {PAGE}");
        }
    }
    shell.run(&line)
}

/// The program whose plays are played as well.
fn tool() -> String {
    let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "../../target".into());
    format!("{target}/debug/mqtt")
}

/// The step of CI.
pub fn check(shell: &Shell) -> Result {
    let inside = shell.inside("tests/brokers").ok_or("there is no tests/brokers/Cargo.toml here.")?;
    inside.run("cargo test --quiet")?;
    run(shell, &OF_CI.map(String::from))
}
