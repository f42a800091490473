//! The world around the page.

pub mod broker;
pub mod driver;
pub mod files;
pub mod module;

use std::process::{Child, Command};
use std::time::Duration;

/// How long anything may take to get ready.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A program that is killed when this is dropped.
pub struct Killed(pub Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program, or says what has to be installed.
pub fn start(command: &mut Command, packages: &str) -> Killed {
    match command.spawn() {
        Ok(child) => Killed(child),
        Err(error) => panic!(
            "{:?} can't be started ({error}); Debian has it in {packages}",
            command.get_program()
        ),
    }
}
