//! How long to wait before the next attempt to connect.

/// Delays that double with each failure, up to a maximum, with jitter.
///
/// A pure helper: the randomness is the caller's.
///
/// ```
/// use pure_mqtt::Backoff;
///
/// let mut backoff = Backoff::new(1_000, 120_000);
/// assert_eq!(backoff.next_delay(u32::MAX), 1_000);
/// assert_eq!(backoff.next_delay(u32::MAX), 2_000);
/// assert_eq!(backoff.next_delay(0), 2_000); // the least: half of 4,000
/// backoff.reset(); // the server accepted the link
/// assert_eq!(backoff.next_delay(u32::MAX), 1_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Backoff {
    min: u32,
    max: u32,
    next: u32,
}

impl Backoff {
    /// Delays from `min` to `max` milliseconds. A `max` below `min` counts as `min`.
    pub const fn new(min: u32, max: u32) -> Self {
        Self { min, max: if max < min { min } else { max }, next: min }
    }

    /// The delay before the next attempt, in milliseconds: between half of the current step and all of it, as `random` decides
    /// (0 for the least, `u32::MAX` for the most).
    pub const fn next_delay(&mut self, random: u32) -> u32 {
        let delay = self.next;
        let doubled = delay.saturating_mul(2);
        self.next = if doubled > self.max { self.max } else { doubled };
        let half = delay / 2;
        let spread = ((delay - half) as u64 * (random as u64 + 1)) >> 32; // a division would cost firmware a kilobyte
        half + spread as u32
    }

    /// Starts again at the minimum: call it when the server has accepted a link.
    pub const fn reset(&mut self) {
        self.next = self.min;
    }
}

impl Default for Backoff {
    /// From 1 to 120 seconds.
    fn default() -> Self {
        Self::new(1_000, 120_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stops_at_the_maximum() {
        let mut backoff = Backoff::new(100, 350);
        let delays = [(); 4].map(|()| backoff.next_delay(u32::MAX));
        assert_eq!(delays, [100, 200, 350, 350]);
        let mut extreme = Backoff::new(u32::MAX, 0);
        assert_eq!(extreme.next_delay(u32::MAX), u32::MAX);
        assert_eq!(extreme.next_delay(0), u32::MAX / 2);
    }
}
