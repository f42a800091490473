//! Input that waits for room in the ring, and for how long.
//!
//! While a message waits for room nothing behind it is read, acknowledgements included. A task that holds a message of the ring and waits for one of those
//! acknowledgements would wait for ever. So the wait is bounded: see [`Options::blocked_timeout`](crate::Options::blocked_timeout).

use pure_mqtt::Instant;

/// How long the next call waits while nothing else has been read since the last one was given up, in milliseconds.
const RETRY: u32 = 100;

/// Whether the first packet waits for room, and until when that is borne.
pub struct Waiting {
    until: Option<Instant>,
    /// The limit was reached, and input has not been read to its end since.
    is_stuck: bool,
    /// In milliseconds; 0 for no limit.
    limit: u32,
}

impl Waiting {
    pub const NONE: Self = Self { until: None, is_stuck: false, limit: 0 };

    /// A link begins.
    pub fn begin(&mut self, limit: u32) {
        *self = Self { limit, ..Self::NONE };
    }

    /// The first packet waits for room.
    pub fn wait(&mut self, now: Instant) {
        if self.until.is_none() {
            self.bear(now, self.is_stuck);
        }
    }

    /// A packet was taken. True if the limit had been reached.
    pub fn packet_taken(&mut self) -> bool {
        self.until = None;
        self.is_stuck
    }

    /// No packet waits.
    pub fn end(&mut self) {
        self.until = None;
        self.is_stuck = false;
    }

    /// When the limit is reached.
    pub const fn until(&self) -> Option<Instant> {
        self.until
    }

    pub fn is_over(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// The limit was reached, and some calls were given up or none. True the first time.
    pub fn give_up(&mut self, now: Instant, some: bool) -> bool {
        self.bear(now, some);
        !core::mem::replace(&mut self.is_stuck, true)
    }

    fn bear(&mut self, now: Instant, is_short: bool) {
        let limit = if is_short { self.limit.min(RETRY) } else { self.limit };
        self.until = (self.limit > 0).then(|| now.after_millis(limit.into()));
    }
}
