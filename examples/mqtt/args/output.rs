//! The arguments that say what is printed.

use clap::{Arg, ArgMatches};

use super::{flag, option, required};
use crate::format::{self, Format};

/// Of the commands that print no messages.
pub fn of_results() -> Arg {
    option("format", "FORMAT", "How results are printed: text or json")
        .short('F')
        .default_value("text")
        .value_parser(format::of_results)
}

/// Of the commands that print messages.
pub fn of_messages() -> [Arg; 2] {
    [
        option("format", "FORMAT", "How messages are printed: text, json, or fields such as '%t %p'")
            .short('F')
            .default_value("text")
            .value_parser(format::of_messages),
        flag("verbose", "Print topic and payload: --format '%t %p'").short('v').conflicts_with("format"),
    ]
}

/// Of the commands that may take long.
pub fn progress() -> Arg {
    flag("progress", "Show on the terminal how far it is")
}

pub fn format(matches: &ArgMatches) -> Format {
    if matches.get_flag("verbose") { Format::verbose() } else { required(matches, "format") }
}
