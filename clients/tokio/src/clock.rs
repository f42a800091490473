//! The time as the agent wants it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Counts from when it was made, by tokio's clock: tests can stop it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    /// The present, for the agent.
    pub(crate) fn now(self) -> pure_mqtt::Instant {
        pure_mqtt::Instant::from_millis(millis(self.0.elapsed()))
    }

    /// When `instant` of the agent's time will be; `None` if that is too far away to be told.
    pub(crate) fn when(self, instant: pure_mqtt::Instant) -> Option<Instant> {
        self.0.checked_add(Duration::from_millis(instant.as_millis()))
    }
}

/// Whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The second of the wall clock.
pub(crate) fn wall() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A random number, as far as the standard library has one.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
