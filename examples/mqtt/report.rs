//! What the program says of itself: warnings and errors on the standard error, the end result as JSON on the standard output.

use std::fmt::Display;
use std::io::{self, Write};

use clap::builder::styling::{AnsiColor, Style};

use crate::failure::Failure;
use crate::json::Line;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();

/// What was done.
#[derive(Default)]
pub struct Tally {
    /// Messages that were published, printed or measured.
    pub messages: u64,
    /// Those of them that the broker hasn't acknowledged.
    pub unfinished: usize,
}

/// Something that the program itself can mend.
pub fn warn(what: &str) {
    say(WARNING, "warning", what);
}

/// The end of the program, in colour where there is a terminal. Returns the exit code.
pub fn end(command: &str, result: &Result<(), Failure>, tally: &Tally, as_json: bool) -> u8 {
    let failure = result.as_ref().err().filter(|failure| !failure.is_end_of_reader());
    let exit_code = failure.map_or(0, Failure::exit_code);
    if let Some(failure) = failure {
        say(ERROR, "error", failure);
        if tally.unfinished > 0 {
            say(HINT, "note", format!("{} messages are not acknowledged", tally.unfinished));
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
    let _ = writeln!(anstream::stderr(), "{style}{kind}:{style:#} {what}"); // there is nowhere else to say that this fails
}
