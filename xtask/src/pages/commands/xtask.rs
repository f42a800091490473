//! `cargo xtask`: the line is read by the parser that would read it.

use std::path::Path;

use super::line::check_options;
use crate::args::{self, Command};
use crate::steps::STEPS;
use crate::{Result, pages::known::Known};

/// The words behind `cargo xtask`.
pub fn check(words: &[String], known: &Known) -> Result {
    if words == ["COMMAND"] {
        return Ok(());
    }
    match args::parse(words)? {
        Command::List(selection) | Command::Run(selection) => selection.pick(STEPS).map(|_| ()),
        Command::Clusters { options } => check_options(&options, Path::new("tests/clusters"), known),
        Command::Brokers { words } => check_options(&words, Path::new("tests/brokers"), known),
        _ => Ok(()),
    }
}
