//! Ctrl-C: the first asks for an orderly end, the second ends at once.

use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, unbounded};

use crate::failure::Failure;

/// What the shell expects of a program that Ctrl-C has ended.
pub const EXIT_CODE: u8 = 130;

/// From now on a signal doesn't end the program by itself: the first one comes here.
pub fn watch() -> Result<Receiver<()>, Failure> {
    let (sender, receiver) = unbounded();
    let was_asked = AtomicBool::new(false);
    let result = ctrlc::set_handler(move || {
        if was_asked.swap(true, Ordering::Relaxed) {
            std::process::exit(EXIT_CODE.into());
        }
        let _ = sender.send(()); // nobody is there any more, at the end
    });
    result.map_err(|error| Failure::Signals(error.to_string()))?;
    Ok(receiver)
}
