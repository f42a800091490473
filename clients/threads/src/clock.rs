//! Time and random numbers for the engine.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

/// A clock that starts at 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    /// Returns the current time, for the engine.
    pub(crate) fn now(&self) -> pure_mqtt::Instant {
        self.at(Instant::now())
    }

    /// Converts a system time to the engine's.
    pub(crate) fn at(&self, now: Instant) -> pure_mqtt::Instant {
        pure_mqtt::Instant::from_millis(millis(now.saturating_duration_since(self.0)))
    }

    /// Converts a time of the engine to the system's; `None` if it is too far away.
    pub(crate) fn when(&self, instant: pure_mqtt::Instant) -> Option<Instant> {
        self.0.checked_add(Duration::from_millis(instant.as_millis()))
    }
}

/// Returns the end of a wait; `None`: without a limit.
pub(crate) fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}

/// Converts to whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Returns a random number from the seeds of the standard library.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
