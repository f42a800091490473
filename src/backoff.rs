//! The delay before the next attempt to connect.

/// Computes reconnect delays that double with each failure, up to a maximum, with jitter.
///
/// The caller supplies the random numbers. A link counts as a success only if it lasted: two programs with the same
/// client identifier are both accepted, and disconnect each other at once, for ever. So report with
/// [`ended`](Self::ended) how long each link lasted.
///
/// ```
/// use pure_mqtt::Backoff;
///
/// fn main() {
///     let mut backoff = Backoff::new(1_000, 120_000);
///     assert_eq!(backoff.next_delay(u32::MAX), 1_000);
///     assert_eq!(backoff.next_delay(u32::MAX), 2_000);
///     assert_eq!(backoff.next_delay(0), 2_000); // the minimum: half of 4,000
///     backoff.ended(50); // accepted, and disconnected after 50 ms
///     assert_eq!(backoff.next_delay(u32::MAX), 8_000);
///     backoff.ended(3_600_000); // this link lasted an hour
///     assert_eq!(backoff.next_delay(u32::MAX), 1_000);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Backoff {
    min: u32,
    max: u32,
    next: u32,
}

/// A link counts as a success if it lasted this many milliseconds.
const STEADY: u64 = 30_000;

impl Backoff {
    /// Creates a back-off with steps from `min` to `max` milliseconds. A `max` below `min` counts as `min`.
    pub const fn new(min: u32, max: u32) -> Self {
        Self { min, max: if max < min { min } else { max }, next: min }
    }

    /// Returns the delay before the next attempt in milliseconds, and doubles the step. The delay lies between half of
    /// the current step (`random` = 0) and the whole step (`random` = `u32::MAX`).
    pub const fn next_delay(&mut self, random: u32) -> u32 {
        let delay = self.next;
        let doubled = delay.saturating_mul(2);
        self.next = if doubled > self.max { self.max } else { doubled };
        let half = delay / 2;
        let spread = ((delay - half) as u64 * (random as u64 + 1)) >> 32; // a division would cost firmware a kilobyte
        half + spread as u32
    }

    /// Reports that a link has ended which the server had accepted `lasted` milliseconds before; pass 0 if it was never
    /// accepted. If the link lasted at least 30 seconds, and longer than the next delay would be, delays start again at
    /// the minimum.
    pub const fn ended(&mut self, lasted: u64) {
        if lasted >= STEADY && lasted > self.next as u64 {
            self.reset();
        }
    }

    /// Starts again at the minimum. Call it when the user asks for a link, or when the network has changed.
    pub const fn reset(&mut self) {
        self.next = self.min;
    }
}

impl Default for Backoff {
    /// Creates a back-off with steps from 1 to 120 seconds.
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
