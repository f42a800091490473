//! What a run prints between the output of its steps.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use crate::Result;
use crate::steps::{Kind, Step};

/// Prints a heading and a time for each step, and all times at the end.
pub struct Report {
    paint: bool,
    total: usize,
    done: Vec<(&'static str, Duration)>,
    started: Instant,
}

impl Report {
    /// A report on `total` steps. It is coloured on a terminal, and plain in CI or if `NO_COLOR` is set.
    pub fn new(total: usize) -> Self {
        let plain = ["CI", "NO_COLOR"].iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        let paint = !plain && std::io::stdout().is_terminal();
        Self { paint, total, done: Vec::new(), started: Instant::now() }
    }

    /// Prints the heading of a step and starts its clock.
    pub fn begin(&mut self, step: &Step) {
        let number = self.done.len() + 1;
        println!("\n{} {}", self.bold(&format!("[{number}/{}] {}:", self.total, step.name)), step.about);
        self.started = Instant::now();
    }

    /// Prints how a step ended and how long it took.
    pub fn end(&mut self, step: &Step, outcome: &Result) {
        let time = self.started.elapsed();
        self.done.push((step.name, time));
        match outcome {
            Ok(()) => println!("{} {} in {}", self.green("ok"), step.name, show(time)),
            Err(message) => {
                eprintln!("{} {} after {}: {message}", self.red("FAILED"), step.name, show(time));
                eprintln!("To run this step alone: cargo xtask test --only {}", step.name);
            }
        }
    }

    /// Prints all times.
    pub fn finish(&self) {
        println!("\n{}", self.bold("All steps passed:"));
        for (name, time) in &self.done {
            println!("  {name:16} {:>12}", show(*time));
        }
        println!("  {:16} {:>12}", "together", show(self.done.iter().map(|(_, time)| *time).sum()));
    }

    fn bold(&self, text: &str) -> String {
        self.painted(1, text)
    }

    fn green(&self, text: &str) -> String {
        self.painted(32, text)
    }

    fn red(&self, text: &str) -> String {
        self.painted(31, text)
    }

    fn painted(&self, code: u8, text: &str) -> String {
        if self.paint { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Prints the names of `steps` and what they are for.
pub fn list(steps: &[&Step]) {
    for step in steps {
        let kind = match step.kind {
            Kind::Setup => "set-up",
            Kind::Check => "check",
        };
        println!("{:16} {kind:8} {}", step.name, step.about);
    }
}

/// A time as people say it.
fn show(time: Duration) -> String {
    if time < Duration::from_secs(60) {
        return format!("{:.1} s", time.as_secs_f64());
    }
    format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_and_readable() {
        for (millis, text) in
            [(0, "0.0 s"), (1_240, "1.2 s"), (59_900, "59.9 s"), (60_000, "1 min 00 s"), (125_999, "2 min 05 s")]
        {
            assert_eq!(show(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn a_plain_report_has_no_escape_codes() {
        let mut report = Report::new(1);
        report.paint = false;
        assert_eq!(report.red("FAILED"), "FAILED");
        report.paint = true;
        assert_eq!(report.red("FAILED"), "\x1b[31mFAILED\x1b[0m");
    }
}
