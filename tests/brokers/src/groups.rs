//! The process groups that were started, so that Ctrl-C and a play that hangs leave none behind.

use std::sync::{Mutex, PoisonError};
use std::thread;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

static GROUPS: Mutex<Vec<u32>> = Mutex::new(Vec::new());

pub fn add(group: u32) {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner).push(group);
}

pub fn remove(group: u32) {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| *other != group);
}

/// Ends all of them by SIGKILL.
pub fn end_all() {
    for group in GROUPS.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        let _ = killpg(Pid::from_raw(group.cast_signed()), Signal::SIGKILL);
    }
}

/// From now on Ctrl-C and SIGTERM end the brokers too.
pub fn end_with_us() -> std::io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            end_all();
            std::process::exit(130);
        }
    });
    Ok(())
}
