//! Output of the program about itself: warnings and errors on the standard error, the result as JSON on the standard output.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::builder::styling::{AnsiColor, Style};

use crate::failure::Failure;
use crate::json::Line;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();

/// Set by `--quiet`.
static IS_QUIET: AtomicBool = AtomicBool::new(false);

/// What was done, for the result.
#[derive(Default)]
pub struct Tally {
    /// Messages published, printed or measured.
    pub messages: u64,
    /// How many of them the server has not acknowledged.
    pub unfinished: u64,
    /// The unfinished messages are kept in a folder.
    pub are_kept: bool,
}

pub fn set_quiet(is_quiet: bool) {
    IS_QUIET.store(is_quiet, Ordering::Relaxed);
}

/// Reports a problem that the program recovers from.
pub fn warn(what: &str) {
    say(WARNING, "warning", what);
}

/// Reports a fact.
pub fn note(what: &str) {
    say(HINT, "note", what);
}

/// Reports a line of `--debug`.
pub fn debug(is_error: bool, line: &str) {
    say(if is_error { ERROR } else { HINT }, "debug", line);
}

/// Reports the end of the program. Returns the exit code.
pub fn end(command: &str, result: &Result<(), Failure>, tally: &Tally, as_json: bool) -> u8 {
    let failure = result.as_ref().err().filter(|failure| !failure.is_end_of_reader());
    let exit_code = failure.map_or(0, Failure::exit_code);
    if let Some(failure) = failure {
        say(ERROR, "error", failure);
        match tally.unfinished {
            0 => {}
            count if tally.are_kept => note(&format!("{count} messages wait in the folder for the next start")),
            count => note(&format!("{count} messages were not acknowledged")),
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
        let _ = print(line.end().as_bytes()); // if the reader is gone, it still gets the exit code
    }
    exit_code
}

/// Prints and flushes, so that no message is lost if the program dies.
pub fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(Failure::Output)
}

fn say(style: Style, kind: &str, what: impl Display) {
    if !IS_QUIET.load(Ordering::Relaxed) {
        let _ = writeln!(anstream::stderr(), "{style}{kind}:{style:#} {what}"); // an error here can't be reported anywhere
    }
}
