//! Lines of the standard input, read in a separate thread, with a bounded number read ahead.

use std::io::{BufRead, stdin};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// So many lines may be read and not dealt with.
const WINDOW: usize = 100;

/// What was handed out and not dealt with.
pub struct Lines(Receiver<()>);

impl Lines {
    /// Hands each line to `take`, and `None` at the end. It stops when `take` gives false.
    pub fn read(mut take: impl FnMut(Option<String>) -> bool + Send + 'static) -> Self {
        let (permit, permits) = sync_channel(WINDOW);
        thread::spawn(move || {
            for line in stdin().lock().lines().map_while(Result::ok) {
                let is_over = permit.send(()).is_err() || !take(Some(line));
                if is_over {
                    return;
                }
            }
            take(None);
        });
        Self(permits)
    }

    /// One line is dealt with: another one may be read.
    pub fn done(&self) {
        let _ = self.0.try_recv();
    }
}
