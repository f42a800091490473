//! Ctrl-C: the first ends the program in order, the second at once.

use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, unbounded};

use crate::failure::Failure;

/// The exit code that a shell expects of a program ended by Ctrl-C.
pub const EXIT_CODE: u8 = 130;

/// Catches signals from now on: the receiver gets the first one.
pub fn watch() -> Result<Receiver<()>, Failure> {
    let (sender, receiver) = unbounded();
    let was_asked = AtomicBool::new(false);
    let result = ctrlc::set_handler(move || {
        if was_asked.swap(true, Ordering::Relaxed) {
            std::process::exit(EXIT_CODE.into());
        }
        let _ = sender.send(()); // the receiver is gone at the end of the run
    });
    result.map_err(|error| Failure::Signals(error.to_string()))?;
    Ok(receiver)
}
