//! Conversion between the connection's time and the system's.

use std::time::{Duration, Instant as SystemTime};

use pure_mqtt::Instant;

/// Milliseconds since the program started. One clock serves all connections of a program.
#[derive(Clone, Copy)]
pub struct Clock(SystemTime);

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Self {
        Self(SystemTime::now())
    }

    /// The time.
    pub fn now(self) -> Instant {
        Instant::from_millis(u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// How long it is until `deadline`. At least a millisecond: that is what sockets take for a time-out, and a deadline counts whole milliseconds.
    pub fn until(self, deadline: Instant) -> Duration {
        Duration::from_millis(deadline.millis_since(self.now()).max(1))
    }

    /// `deadline` as the system has it, for timers that are set to a point in time.
    pub fn system_time(self, deadline: Instant) -> SystemTime {
        self.0 + Duration::from_millis(deadline.as_millis())
    }
}

/// The earlier of two deadlines, either of which may be missing.
pub fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}
