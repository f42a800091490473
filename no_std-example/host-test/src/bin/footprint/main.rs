//! Measures what the engine takes on microcontrollers, beside its peers: flash, RAM, and panics. `cargo xtask footprint` runs it.
//!
//! Without an argument it prints the tables. `--write` puts them into the README, `--check` compares them with those that stand there.

mod image;
mod panics;
mod programs;
mod table;

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::table::Table;

fn main() -> ExitCode {
    let argument = std::env::args().nth(1);
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let result = match argument.as_deref() {
        None => measure().map(|table| print!("{}", table.text())),
        Some("--write") => measure().and_then(|table| table.write(&readme)),
        Some("--check") => check(&readme),
        Some(other) => Err(format!("there is no option {other}; the options are --write and --check")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("footprint: {message}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<Table, String> {
    Ok(Table { compiler: compiler()?, rows: programs::measure()? })
}

/// The panics are checked with any compiler; sizes only with the one that measured them.
fn check(readme: &Path) -> Result<(), String> {
    let (kept, measured) = (Table::read(readme)?, measure()?);
    print!("{}", measured.text());
    if let Some(row) =
        measured.rows.iter().find(|row| row.is_panics() && row.figures.iter().flatten().any(|figure| *figure > 0))
    {
        return Err(format!("an image can panic: {:?}", row.figures));
    }
    if kept.compiler != measured.compiler {
        println!("The README's figures are of {}: sizes are not compared.", kept.compiler);
        return Ok(());
    }
    measured.compare_with(&kept)
}

/// The compiler's name and version.
fn compiler() -> Result<String, String> {
    let output = Command::new("rustc").arg("--version").output().map_err(|error| format!("rustc: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.split(' ').take(2).collect::<Vec<_>>().join(" "))
}
