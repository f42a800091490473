//! Delays between links.

use pure_mqtt::{Backoff, Instant};

use crate::random;

/// Pauses that grow while links don't last. A link that was accepted and ended at once counts as a failure, too: two programs with one client identifier throw
/// each other out like that, for ever.
pub struct Pauses {
    backoff: Backoff,
    /// When the broker accepted the link.
    accepted_at: Option<Instant>,
}

impl Pauses {
    /// From `first` to `longest`, in milliseconds.
    pub const fn new(first: u32, longest: u32) -> Self {
        Self { backoff: Backoff::new(first, longest), accepted_at: None }
    }

    /// The link is up; to be said once, or as often as you like.
    pub fn accepted(&mut self, now: Instant) {
        self.accepted_at.get_or_insert(now);
    }

    /// The link is over. How long to wait before the next, in milliseconds.
    pub fn next(&mut self, now: Instant) -> u32 {
        self.backoff.ended(self.accepted_at.take().map_or(0, |at| now.millis_since(at)));
        self.backoff.next_delay(random() as u32)
    }
}
