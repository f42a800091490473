//! What a gateway has told so far.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

#[derive(Default)]
pub struct Tally {
    lines: Mutex<Vec<String>>,
    grown: Condvar,
}

impl Tally {
    pub fn tell(&self, line: String) {
        self.lines.lock().expect("nobody panics").push(line);
        self.grown.notify_all();
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("nobody panics").clone()
    }

    /// Waits for so many further readings, and commands if that many are left; how long it took, and nothing if it took too long.
    pub fn await_progress(&self, step: usize, backlog: usize, patience: Duration) -> Option<Duration> {
        let start = Instant::now();
        let (readings, commands) = count(&self.lines());
        let wanted = (readings + step, backlog.min(commands + step));
        let has_come = self.wait(patience, |lines| {
            let (readings, commands) = count(lines);
            readings >= wanted.0 && commands >= wanted.1
        });
        has_come.then(|| start.elapsed())
    }

    /// Waits until all commands are carried out, or none was for so long.
    pub fn await_all(&self, backlog: usize, patience: Duration) {
        let carried_out = || count(&self.lines()).1;
        while carried_out() < backlog {
            let before = carried_out();
            if !self.wait(patience, |lines| count(lines).1 > before) {
                return;
            }
        }
    }

    /// Whether this line comes in time.
    pub fn await_line(&self, line: &str, patience: Duration) -> bool {
        self.wait(patience, |lines| lines.iter().any(|told| told == line))
    }

    fn wait(&self, patience: Duration, is_enough: impl Fn(&[String]) -> bool) -> bool {
        let lines = self.lines.lock().expect("nobody panics");
        let (_lines, waited) =
            self.grown.wait_timeout_while(lines, patience, |lines| !is_enough(lines)).expect("nobody panics");
        !waited.timed_out()
    }
}

/// How many readings were delivered, and how many different commands carried out.
fn count(lines: &[String]) -> (usize, usize) {
    let commands: BTreeSet<_> = lines.iter().filter_map(|line| line.strip_prefix("carried out ")).collect();
    (lines.iter().filter(|line| line.starts_with("delivered ")).count(), commands.len())
}
