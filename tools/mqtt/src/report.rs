//! What the program says of itself: warnings and errors on the standard error, the end result as JSON on the standard output.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::builder::styling::{AnsiColor, Style};

use crate::failure::Failure;
use crate::json::Line;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();

/// With `--quiet`.
static IS_QUIET: AtomicBool = AtomicBool::new(false);

/// What was done.
#[derive(Default)]
pub struct Tally {
    /// Messages that were published, printed or measured.
    pub messages: u64,
    /// Those of them that the server hasn't acknowledged.
    pub unfinished: u64,
    /// The unfinished ones wait in a folder.
    pub are_kept: bool,
}

pub fn set_quiet(is_quiet: bool) {
    IS_QUIET.store(is_quiet, Ordering::Relaxed);
}

/// Something that the program itself can mend.
pub fn warn(what: &str) {
    say(WARNING, "warning", what);
}

/// Something worth knowing.
pub fn note(what: &str) {
    say(HINT, "note", what);
}

/// A line of `--debug`.
pub fn debug(is_error: bool, line: &str) {
    say(if is_error { ERROR } else { HINT }, "debug", line);
}

/// The end of the program, in colour where there is a terminal. Returns the exit code.
pub fn end(command: &str, result: &Result<(), Failure>, tally: &Tally, as_json: bool) -> u8 {
    let failure = result.as_ref().err().filter(|failure| !failure.is_end_of_reader());
    let exit_code = failure.map_or(0, Failure::exit_code);
    if let Some(failure) = failure {
        say(ERROR, "error", failure);
        match tally.unfinished {
            0 => {}
            count if tally.are_kept => note(&format!("{count} messages wait in the folder, for the next start")),
            count => note(&format!("{count} messages are not acknowledged")),
        }
        if let Some(hint) = failure.hint() {
            say(HINT, "hint", hint);
        }
    }
    if as_json {
        let mut line = Line::new("result").field("command", command).field("messages", tally.messages);
        line = line.field("unfinished", tally.unfinished).field("exit", exit_code);
        if let Some(failure) = failure {
            line = line.field("error", failure.to_string());
        }
        let _ = print(line.end().as_bytes()); // who doesn't read any more has the exit code
    }
    exit_code
}

/// Prints at once, so that nothing is lost with the program.
pub fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(Failure::Output)
}

fn say(style: Style, kind: &str, what: impl Display) {
    if !IS_QUIET.load(Ordering::Relaxed) {
        let _ = writeln!(anstream::stderr(), "{style}{kind}:{style:#} {what}"); // there is nowhere else to say that this fails
    }
}
