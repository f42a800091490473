//! The work whose instructions are counted by callgrind: `pure-mqtt-instructions ROW COUNT` does one row's work, so many messages of it.
//! `cargo xtask instructions` runs it for every row.
//!
//! Only what happens below [`measured`] is counted. The work is the same each time, to the last instruction.

mod crowd;
mod link;
mod speed;
mod worst;

use std::process::ExitCode;

/// A row: its name, and what is measured of it once it is prepared.
pub struct Row {
    pub name: &'static str,
    /// The number of messages is what it is given, or near it.
    pub prepare: fn(usize) -> Box<dyn FnMut()>,
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let rows = || speed::ROWS.iter().chain(worst::ROWS).chain(crowd::ROWS);
    if let [name, count] = &arguments[..] {
        let row = rows().find(|row| row.name == name);
        if let (Some(row), Ok(count)) = (row, count.parse()) {
            measured(&mut *(row.prepare)(count));
            return ExitCode::SUCCESS;
        }
    }
    eprintln!("usage: pure-mqtt-instructions ROW COUNT; the rows are:");
    rows().for_each(|row| eprintln!("    {}", row.name));
    ExitCode::FAILURE
}

/// callgrind counts while this runs.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
    std::hint::black_box(());
}
