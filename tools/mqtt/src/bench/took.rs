//! The measurements of a round.

use std::time::Instant;

use cpu_time::ProcessTime;
use hdrhistogram::Histogram;

/// The clock of a round, started with its first message.
pub struct Clock(Instant, ProcessTime);

/// The measurements of a round.
pub struct Took {
    pub messages_per_second: f64,
    /// Microseconds of processor time of this process for one message, there and back.
    pub processor_us: f64,
    /// From publishing to receiving, in microseconds.
    pub latency: Histogram<u64>,
}

impl Clock {
    pub fn start() -> Self {
        Self(Instant::now(), ProcessTime::now())
    }

    pub fn stop(&self, messages: u64, latency: Histogram<u64>) -> Took {
        let messages = messages as f64;
        Took {
            messages_per_second: messages / self.0.elapsed().as_secs_f64(),
            processor_us: self.1.elapsed().as_secs_f64() * 1e6 / messages,
            latency,
        }
    }
}

/// Returns the lowest, the median and the highest of some values, of which there must be at least one.
pub fn spread(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    let (last, middle) = (values.len().saturating_sub(1), values.len() / 2);
    let median = if values.len() % 2 == 1 { at(middle) } else { at(middle.saturating_sub(1)).midpoint(at(middle)) };
    [at(0), median, at(last)]
}

/// Merges the latencies of all rounds.
pub fn merged(rounds: &[Took]) -> Histogram<u64> {
    let mut all = new_histogram();
    for took in rounds {
        let _ = all.add(&took.latency); // all have the same bounds
    }
    all
}

/// Creates a histogram with three digits, from a microsecond to an hour.
pub fn new_histogram() -> Histogram<u64> {
    Histogram::new_with_max(3_600_000_000, 3).unwrap_or_else(|_| unreachable!("three digits of an hour are possible"))
}
