//! Ctrl-C: the first asks for an orderly end, the second ends at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// What the shell expects of a program that Ctrl-C has ended.
pub const EXIT_CODE: u8 = 130;

/// Whether the end was asked for.
#[derive(Default)]
pub struct Stop {
    wanted: Arc<AtomicBool>,
    is_watching: bool,
}

impl Stop {
    /// From now on a signal doesn't end the program by itself. Further calls change nothing.
    pub fn watch(&mut self) -> io::Result<()> {
        if !self.is_watching {
            self.is_watching = true;
            for signal in [SIGINT, SIGTERM] {
                flag::register_conditional_shutdown(signal, EXIT_CODE.into(), Arc::clone(&self.wanted))?; // the second
                flag::register(signal, Arc::clone(&self.wanted))?; // the first
            }
        }
        Ok(())
    }

    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }
}
