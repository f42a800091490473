//! What a program prints, as it comes.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use crate::PATIENCE;

/// The lines that a program has printed so far.
#[derive(Clone, Default)]
pub struct Lines {
    shared: Arc<(Mutex<Vec<String>>, Condvar)>,
}

impl Lines {
    /// Also follows this stream, until it ends.
    pub fn follow(&self, stream: impl Read + Send + 'static) {
        let lines = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let (list, grown) = &*lines.shared;
                list.lock().unwrap().push(line);
                grown.notify_all();
            }
        });
    }

    /// All of them.
    pub fn all(&self) -> Vec<String> {
        self.shared.0.lock().unwrap().clone()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.shared.0.lock().unwrap().len()
    }

    /// Waits until `is_reached` holds for what was printed.
    ///
    /// # Panics
    /// If it doesn't in time: then it shows `what` was awaited, and the last lines.
    pub fn wait_for(&self, what: &str, is_reached: impl Fn(&[String]) -> bool) {
        let (list, grown) = &*self.shared;
        let list = list.lock().unwrap();
        let (list, waited) = grown.wait_timeout_while(list, PATIENCE, |list| !is_reached(list)).unwrap();
        let tail = &list[list.len().saturating_sub(25)..];
        assert!(!waited.timed_out(), "{what} never came; the last lines are\n{}", tail.join("\n"));
    }
}
