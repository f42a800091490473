//! `cargo xtask end-to-end`: the clients that people use, through a real mosquitto.

use crate::shell::Shell;
use crate::{Result, setup};

/// Where the table stands, seen from the folder of the benches.
const PAGE: &str = "../../docs/performance.md";

/// Measures, prints the table, and puts it into the page if that is wanted.
pub fn run(shell: &Shell, write: bool, quick: bool) -> Result {
    setup::mosquitto(shell)?;
    if let Err(warning) = setup::libmosquitto(shell) {
        println!("{warning} Going on without it.");
    }
    let shell = shell.inside("benches/end-to-end").ok_or("there is no benches/end-to-end/Cargo.toml here.")?;
    let mut line = "cargo run --release --".to_owned();
    if quick {
        line += " --quick";
    }
    if write {
        line = format!("{line} --write {PAGE}");
    }
    shell.run(&line)
}
