//! The time as the engine wants it, and random numbers.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

/// Counts from when it was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    /// The present, for the engine.
    pub(crate) fn now(&self) -> pure_mqtt::Instant {
        self.at(Instant::now())
    }

    /// The same for a time that was looked up before.
    pub(crate) fn at(&self, now: Instant) -> pure_mqtt::Instant {
        pure_mqtt::Instant::from_millis(millis(now.saturating_duration_since(self.0)))
    }

    /// When `instant` of the engine's time will be; `None` if that is too far away to be told.
    pub(crate) fn when(&self, instant: pure_mqtt::Instant) -> Option<Instant> {
        self.0.checked_add(Duration::from_millis(instant.as_millis()))
    }
}

/// The moment at which a wait is over; `None` for never.
pub(crate) fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}

/// Whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A random number, as far as the standard library has one.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
