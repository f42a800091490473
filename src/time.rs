//! Points in time, as the caller's clock gives them: the engine never reads a clock.

/// A point in time: milliseconds on the caller's monotonic clock, with any epoch.
///
/// The engine only compares and subtracts instants. If an instant lies before an earlier one, no time has passed.
///
/// ```
/// use pure_mqtt::Instant;
///
/// fn main() {
///     let boot = Instant::from_millis(0);
///     let later = boot.after_millis(1_500);
///     assert_eq!(later.millis_since(boot), 1_500);
///     assert_eq!(boot.millis_since(later), 0);
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Instant(u64);

impl Instant {
    /// Creates the instant `millis` milliseconds after the clock's epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since the clock's epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns the instant `millis` milliseconds later; saturates at the maximum instead of wrapping.
    #[must_use]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub const fn after_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Returns the instant `secs` seconds later.
    #[must_use]
    pub const fn after_secs(self, secs: u32) -> Self {
        self.after_millis(secs as u64 * 1000)
    }

    /// Returns the whole seconds since the epoch, modulo 2^32, and the remaining milliseconds. Computes in 32-bit
    /// steps, since a 64-bit division takes a kilobyte of flash.
    pub(crate) const fn seconds(self) -> (u32, u32) {
        let (high, low) = ((self.0 >> 32) as u32, self.0 as u32);
        // 2^32 is 4,294,967 times 1,000 and 296.
        let rest = high % 1000 * 296 + low % 1000;
        let carried = (high / 1000).wrapping_mul(296).wrapping_add(low / 1000).wrapping_add(rest / 1000);
        (high.wrapping_mul(4_294_967).wrapping_add(carried), rest % 1000)
    }

    /// Returns the milliseconds from `earlier` to this instant; 0 if `earlier` is later.
    pub const fn millis_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A whole second, in four bytes, from which up to 136 years of seconds are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Epoch(u32);

impl Epoch {
    pub(crate) const ZERO: Self = Self(0);

    /// Returns the second in which `now` lies.
    pub(crate) const fn at(now: Instant) -> Self {
        let (second, _) = now.seconds();
        Self(second)
    }

    /// Returns the whole seconds from this epoch to `now`, and the remaining milliseconds.
    pub(crate) const fn seconds_until(self, now: Instant) -> (u32, u32) {
        let (second, rest) = now.seconds();
        (second.wrapping_sub(self.0), rest)
    }

    /// Returns the instant `secs` seconds after this epoch, which lies at most 2^32 seconds before `now`.
    pub(crate) const fn after_secs(self, secs: u32, now: Instant) -> Instant {
        let (over, rest) = self.seconds_until(now);
        Instant(now.0 - over as u64 * 1000 - rest as u64).after_secs(secs)
    }
}

/// Converts a wrapping 32-bit millisecond tick, as most microcontrollers have it, to an [`Instant`].
///
/// Call [`now`](Self::now) at least once per wrap (49 days). A tick that goes back by less than half the range counts
/// as no progress: an interrupt between two reads can cause that.
///
/// ```
/// use pure_mqtt::Clock32;
///
/// fn main() {
///     let mut clock = Clock32::new();
///     let before = clock.now(u32::MAX - 499);
///     let after = clock.now(500); // the tick wrapped
///     assert_eq!(after.millis_since(before), 1_000);
///     assert_eq!(clock.now(400), after); // a step back counts as no progress
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Clock32 {
    millis: u64,
}

impl Clock32 {
    /// Creates a clock whose epoch is tick 0.
    pub const fn new() -> Self {
        Self { millis: 0 }
    }

    /// Returns the instant for `tick`.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub const fn now(&mut self, tick: u32) -> Instant {
        let step = tick.wrapping_sub(self.millis as u32);
        if step <= u32::MAX / 2 || self.millis == 0 {
            self.millis = self.millis.saturating_add(step as u64);
        }
        Instant(self.millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_what_a_division_gives() {
        for base in [0, 1 << 32, 3 << 32, 999 << 32, (1 << 42) - 5_000, 4_294_967_294_000, u64::MAX - (1 << 33)] {
            for offset in [0, 1, 999, 1000, 1001, 4_294_966_296, 4_294_967_295] {
                let millis = base + offset;
                let (seconds, rest) = Instant(millis).seconds();
                assert_eq!((seconds, u64::from(rest)), ((millis / 1000) as u32, millis % 1000));
            }
        }
    }

    #[test]
    fn an_epoch_measures_from_any_year() {
        for start in [0, 1, 999, 65_535, 63_900_000_000_000, u64::MAX - 4_000_000_000_000] {
            let (start, later) = (Instant(start), Instant(start + 3_600_000));
            let epoch = Epoch::at(start);
            let (seconds, rest) = epoch.seconds_until(later);
            assert_eq!((seconds, u64::from(rest)), (3_600, start.0 % 1000));
            assert_eq!(epoch.after_secs(3_601, later), Instant(start.0 / 1000 * 1000 + 3_601_000));
        }
    }

    #[test]
    fn the_tick_may_wrap_repeat_jump_and_step_back() {
        let mut clock = Clock32::new();
        let start = clock.now(u32::MAX - 1000);
        assert_eq!(clock.now(u32::MAX - 1000), start);
        assert_eq!(clock.now(u32::MAX - 2000), start);
        assert_eq!(clock.now(999).millis_since(start), 2000);
        assert_eq!(clock.now(999 + 24 * 3_600_000).millis_since(start), 2000 + 24 * 3_600_000);
    }
}
