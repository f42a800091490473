//! Delays between rounds of dials, with full jitter.

use crate::options::Redial;

/// A random delay from zero to a bound that doubles. The first delay is random too: otherwise all clients of a restarted server would reconnect within a second.
#[derive(Debug)]
pub(crate) struct Backoff {
    min: u32,
    max: u32,
    step: u32,
    random: u64,
}

impl Backoff {
    pub(crate) fn new(redial: Redial, seed: u64) -> Self {
        let mut backoff = Self { min: 0, max: 0, step: 0, random: seed };
        backoff.set(redial);
        backoff
    }

    /// Changes the bounds.
    pub(crate) fn set(&mut self, redial: Redial) {
        (self.min, self.max) = match redial {
            Redial::Agent { min, max, .. } => (min, max.max(min)),
            Redial::Host => (0, 0),
        };
        self.reset();
    }

    /// Returns the next delay in milliseconds, and doubles the bound.
    pub(crate) fn next(&mut self) -> u32 {
        let step = self.step;
        self.step = step.saturating_mul(2).min(self.max);
        self.draw(step)
    }

    /// Returns the lowest and the highest bound.
    pub(crate) fn range(&self) -> (u32, u32) {
        (self.min, self.max)
    }

    /// Returns a number from 0 to `most`.
    pub(crate) fn draw(&mut self, most: u32) -> u32 {
        // SplitMix64: its state is a counter, so consecutive seeds give unrelated numbers.
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        (((mixed >> 32) * (u64::from(most) + 1)) >> 32) as u32
    }

    pub(crate) fn reset(&mut self) {
        self.step = self.min;
    }

    /// Sets the bound to the maximum, after a permanent failure.
    pub(crate) fn lengthen(&mut self) {
        self.step = self.max;
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn the_first_pauses_of_a_hundred_thousand_clients_fill_the_window() {
        let mut tenths = [0; 10];
        for seed in 0..100_000 {
            let mut backoff = Backoff::new(Redial::Agent { min: 5_000, max: 120_000, stands_after: 30_000 }, seed);
            tenths[(backoff.next() / 501) as usize] += 1;
        }
        assert!(tenths.iter().all(|count| (9_500..10_500).contains(count)), "{tenths:?}");
    }

    #[test]
    fn steps_double_up_to_the_maximum() {
        let mut backoff = Backoff::new(Redial::Agent { min: 100, max: 350, stands_after: 0 }, 1);
        let mut steps = Vec::new();
        for _ in 0..4 {
            steps.push(backoff.step);
            assert!(backoff.next() <= *steps.last().unwrap());
        }
        assert_eq!(steps, [100, 200, 350, 350]);
        backoff.reset();
        assert_eq!(backoff.step, 100);
        backoff.lengthen();
        assert_eq!(backoff.step, 350);
    }
}
