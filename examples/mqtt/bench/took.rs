//! What a round took.

use std::time::Instant;

use cpu_time::ProcessTime;

/// Starts with the first message of a round.
pub struct Clock(Instant, ProcessTime);

/// What is measured.
pub struct Took {
    pub messages_per_second: f64,
    /// Microseconds of processor time of this process for one message, there and back.
    pub processor_us: f64,
}

impl Clock {
    pub fn start() -> Self {
        Self(Instant::now(), ProcessTime::now())
    }

    pub fn stop(&self, messages: u64) -> Took {
        let messages = messages as f64;
        Took {
            messages_per_second: messages / self.0.elapsed().as_secs_f64(),
            processor_us: self.1.elapsed().as_secs_f64() * 1e6 / messages,
        }
    }
}

/// The lowest, the median and the highest of some values, of which there is at least one.
pub fn spread(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    let (last, middle) = (values.len().saturating_sub(1), values.len() / 2);
    let median = if values.len() % 2 == 1 { at(middle) } else { at(middle.saturating_sub(1)).midpoint(at(middle)) };
    [at(0), median, at(last)]
}
