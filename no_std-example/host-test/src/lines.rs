//! What a program prints, as it comes.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use crate::PATIENCE;

/// The lines that a program has printed so far.
#[derive(Clone, Default)]
pub struct Lines {
    shared: Arc<(Mutex<Printed>, Condvar)>,
}

#[derive(Default)]
struct Printed {
    lines: Vec<String>,
    /// Streams that have not ended.
    open: usize,
}

impl Lines {
    /// Also follows this stream, until it ends.
    pub fn follow(&self, stream: impl Read + Send + 'static) {
        let shared = Arc::clone(&self.shared);
        shared.0.lock().unwrap().open += 1;
        thread::spawn(move || {
            let (printed, grown) = &*shared;
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                printed.lock().unwrap().lines.push(line);
                grown.notify_all();
            }
            printed.lock().unwrap().open -= 1;
            grown.notify_all();
        });
    }

    /// All of them.
    pub fn all(&self) -> Vec<String> {
        self.shared.0.lock().unwrap().lines.clone()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.shared.0.lock().unwrap().lines.len()
    }

    /// Waits until `is_reached` holds for what was printed.
    ///
    /// # Panics
    /// If it doesn't in time: then it shows `what` was awaited, and the last lines.
    pub fn wait_for(&self, what: &str, is_reached: impl Fn(&[String]) -> bool) {
        let (printed, grown) = &*self.shared;
        let is_missing = |printed: &mut Printed| !is_reached(&printed.lines);
        let (printed, waited) = grown.wait_timeout_while(printed.lock().unwrap(), PATIENCE, is_missing).unwrap();
        let tail = &printed.lines[printed.lines.len().saturating_sub(25)..];
        assert!(!waited.timed_out(), "{what} never came; the last lines are\n{}", tail.join("\n"));
    }

    /// Waits until all streams have ended, which may take any time as long as lines come.
    ///
    /// # Panics
    /// If no line comes for too long.
    pub fn await_end(&self) {
        let (printed, grown) = &*self.shared;
        let mut printed = printed.lock().unwrap();
        while printed.open > 0 {
            let count = printed.lines.len();
            let is_silent = |printed: &mut Printed| printed.open > 0 && printed.lines.len() == count;
            let waited;
            (printed, waited) = grown.wait_timeout_while(printed, PATIENCE, is_silent).unwrap();
            let tail = &printed.lines[printed.lines.len().saturating_sub(25)..];
            assert!(!waited.timed_out(), "nothing is printed any more; the last lines are\n{}", tail.join("\n"));
        }
    }
}
