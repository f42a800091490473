//! The work whose instructions are counted by callgrind. Each program of this package does one row's work, so many messages of it: `PROGRAM ROW COUNT`.
//! `cargo xtask instructions` runs them for every row.
//!
//! Only what happens below [`measured`] is counted. The work is the same each time, to the last instruction. What is called in two places may not be
//! inlined in either: so rows that use the engine in another way than a busy link does are in a program of their own.

pub mod link;

use std::process::ExitCode;

/// A row: its name, and what is measured of it once it is prepared.
pub struct Row {
    pub name: &'static str,
    /// The number of messages is what it is given, or near it.
    pub prepare: fn(usize) -> Box<dyn FnMut()>,
}

/// Does the work of the row that the command line names.
pub fn run(rows: &[&'static [Row]]) -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let rows = || rows.iter().copied().flatten();
    if let [name, count] = &arguments[..] {
        let row = rows().find(|row| row.name == name);
        if let (Some(row), Ok(count)) = (row, count.parse()) {
            measured(&mut *(row.prepare)(count));
            return ExitCode::SUCCESS;
        }
    }
    eprintln!("usage: PROGRAM ROW COUNT; the rows are:");
    rows().for_each(|row| eprintln!("    {}", row.name));
    ExitCode::FAILURE
}

/// callgrind counts while this runs.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
    std::hint::black_box(());
}
