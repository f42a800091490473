//! Time as the caller sees it: the engine never reads a clock.

use core::num::NonZeroU64;

/// A point in time: milliseconds on the caller's monotonic clock, with any epoch.
///
/// The engine only compares and subtracts instants. An instant that lies before one already seen counts as
/// "no time has passed".
///
/// ```
/// use pure_mqtt::Instant;
///
/// let boot = Instant::from_millis(0);
/// let later = boot.after_millis(1_500);
/// assert_eq!(later.millis_since(boot), 1_500);
/// assert_eq!(boot.millis_since(later), 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Instant(u64);

impl Instant {
    /// The instant `millis` milliseconds after the clock's epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the clock's epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This instant moved `millis` milliseconds into the future; stops at the end of time instead of wrapping.
    #[must_use]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub const fn after_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// This instant moved `secs` seconds into the future.
    #[must_use]
    pub const fn after_secs(self, secs: u32) -> Self {
        self.after_millis(secs as u64 * 1000)
    }

    /// Whole seconds since the epoch, and the milliseconds beyond; stops at `u32::MAX` seconds. In 32-bit steps, since a 64-bit division costs a
    /// microcontroller a kilobyte of flash.
    pub(crate) fn seconds(self) -> (u32, u32) {
        let (high, low) = ((self.0 >> 32) as u32, self.0 as u32);
        // 2^32 is 4,294,967 times 1,000 and 296.
        let rest = high.saturating_mul(296).saturating_add(low % 1000);
        let seconds = high.saturating_mul(4_294_967).saturating_add(low / 1000).saturating_add(rest / 1000);
        (seconds, rest % 1000)
    }

    /// Milliseconds from `earlier` to this instant; 0 if `earlier` is in fact later.
    pub const fn millis_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// An optional instant whose "none" is all zero bits, so that a fresh connection lies in `.bss`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Deadline(Option<NonZeroU64>);

impl Deadline {
    pub(crate) const NONE: Self = Self(None);

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) const fn at(instant: Instant) -> Self {
        Self(NonZeroU64::new(instant.0.saturating_add(1)))
    }

    pub(crate) fn get(self) -> Option<Instant> {
        self.0.map(|stored| Instant(stored.get() - 1))
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn is_due(self, now: Instant) -> bool {
        self.get().is_some_and(|at| at <= now)
    }
}

/// Turns a wrapping 32-bit millisecond tick, as most microcontrollers have it, into an [`Instant`].
///
/// Call [`now`](Self::now) at least once per wrap (49 days). A tick that goes back by less than half the range is taken as
/// "no progress", as an interrupt that races with a read can show it.
///
/// ```
/// use pure_mqtt::Clock32;
///
/// let mut clock = Clock32::new();
/// let before = clock.now(u32::MAX - 499);
/// let after = clock.now(500); // the tick wrapped
/// assert_eq!(after.millis_since(before), 1_000);
/// assert_eq!(clock.now(400), after); // a step back is no progress
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Clock32 {
    millis: u64,
}

impl Clock32 {
    /// A clock whose epoch is the tick's zero.
    pub const fn new() -> Self {
        Self { millis: 0 }
    }

    /// The instant that belongs to `tick`.
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
        for base in [0, 1 << 32, 3 << 32, 999 << 32, (1 << 42) - 5_000, 4_294_967_294_000] {
            for offset in [0, 1, 999, 1000, 1001, 4_294_966_296, 4_294_967_295] {
                let millis = base + offset;
                let (seconds, rest) = Instant(millis).seconds();
                if let Ok(expected) = u32::try_from(millis / 1000) {
                    assert_eq!((seconds, u64::from(rest)), (expected, millis % 1000));
                } else {
                    assert_eq!(seconds, u32::MAX);
                }
            }
        }
    }

    #[test]
    fn a_deadline_at_zero_is_a_deadline() {
        let zero = Deadline::at(Instant::from_millis(0));
        assert_eq!(zero.get(), Some(Instant::from_millis(0)));
        assert!(zero.is_due(Instant::from_millis(0)));
        assert!(!Deadline::NONE.is_due(Instant::from_millis(u64::MAX)));
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
