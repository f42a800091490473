//! Time and random numbers for the agent.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// A clock that starts at 0 and follows tokio's clock, which tests can stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    /// Returns the current time, for the agent.
    pub(crate) fn now(self) -> pure_mqtt::Instant {
        pure_mqtt::Instant::from_millis(millis(self.0.elapsed()))
    }

    /// Converts a time of the agent to tokio's; `None` if it is too far away.
    pub(crate) fn when(self, instant: pure_mqtt::Instant) -> Option<Instant> {
        self.0.checked_add(Duration::from_millis(instant.as_millis()))
    }
}

/// Converts to whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the seconds of the wall clock since 1970.
pub(crate) fn wall() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Returns a random number from the seeds of the standard library.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
