//! Coalescing: under load a client pauses after a wake-up, so that one read and one write move many small packets.
//!
//! A server that writes each packet separately wakes its client for each, and a wake-up costs far more processor time than a packet. But a pause reduces the throughput if all other parties
//! wait for the client: a server that has answered everything, a task that waits for its message. This shows within the pause: less work arrives in its second half than in its first. So some
//! pauses are halved and the halves are compared, and pauses continue only as long as both bring about the same.
//!
//! This module does not sleep: the client asks after each wake-up by input whether to pause, and pauses by its own means.

use std::time::{Duration, Instant};

/// The length of a pause: 250 µs.
pub const PAUSE: Duration = Duration::from_micros(250);
/// The load under which a trial begins: this many wake-ups ...
const WAKES: u32 = 16;
/// ... in less than this time.
const BUSY: Duration = Duration::from_millis(8);
/// How many halved pauses are judged together ...
const SAMPLES: u32 = 8;
/// ... unless this many show clearly that the trial has failed: the second halves have brought less than a third.
const FEW_SAMPLES: u32 = 3;
/// After a trial one pause in this many is halved.
const RATIO: u32 = 8;
/// If the pauses of one judgement take longer than this, the load is over.
const LULL: Duration = Duration::from_millis(64);
/// The next trial comes this long after one that failed, and twice as long after each further failure, up to the maximum.
const RETRY: Duration = Duration::from_millis(10);
const MAX_RETRY: Duration = Duration::from_secs(2);

/// A message that was accepted counts as much work as this many bytes that came.
const MESSAGE: u64 = 64;

/// The work of a client so far: bytes received, and messages accepted. For [`Coalescing::halves`].
pub const fn work(bytes: u64, messages: u64) -> u64 {
    bytes + messages * MESSAGE
}

/// Decides after which wake-ups a client pauses.
///
/// ```
/// use std::time::Instant;
///
/// use pure_mqtt_net::coalescing::{Coalescing, Pause};
///
/// fn main() {
///     let mut coalescing = Coalescing::default();
///     assert_eq!(coalescing.woken(Instant::now()), Pause::None, "there is no load yet");
/// }
/// ```
#[derive(Debug, Default)]
pub struct Coalescing {
    mode: Mode,
    /// When the count of wake-ups began.
    since: Option<Instant>,
    count: u32,
    /// The work that the first halves have brought, and the second halves.
    halves: (u64, u64),
    /// The time from the last trial that failed to the next one.
    retry: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// No pauses, and no trial before then.
    Off {
        until: Option<Instant>,
    },
    /// Every pause is halved, to find out whether pauses reduce the throughput.
    Trial,
    On,
}

impl Default for Mode {
    fn default() -> Self {
        Self::Off { until: None }
    }
}

/// How to pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// Not at all.
    None,
    /// For [`PAUSE`].
    Whole,
    /// In two halves; report what each brought to [`Coalescing::halves`].
    Halved,
}

impl Coalescing {
    /// There was input; it is taken.
    pub fn woken(&mut self, now: Instant) -> Pause {
        self.count += 1;
        let lasted = now.saturating_duration_since(*self.since.get_or_insert(now));
        match self.mode {
            Mode::Off { until } => {
                if self.count >= WAKES {
                    let is_trial = lasted < BUSY && until.is_none_or(|until| now >= until);
                    self.begin(if is_trial { Mode::Trial } else { self.mode }, now);
                }
                Pause::None
            }
            Mode::Trial => Pause::Halved,
            Mode::On if lasted >= LULL && self.count <= SAMPLES * RATIO => {
                self.begin(Mode::Off { until: None }, now);
                Pause::None
            }
            Mode::On if self.count.is_multiple_of(RATIO) => Pause::Halved,
            Mode::On => Pause::Whole,
        }
    }

    /// The [`work`] that the halves of a pause have brought.
    pub fn halves(&mut self, first: u64, second: u64, now: Instant) {
        let (first, second) = (self.halves.0 + first, self.halves.1 + second);
        self.halves = (first, second);
        let is_enough = match self.mode {
            Mode::On => self.count >= SAMPLES * RATIO,
            _ if second * 3 <= first => self.count >= FEW_SAMPLES,
            _ => self.count >= SAMPLES,
        };
        if !is_enough {
            return;
        }
        let goes_on = second > 0 && second * 10 >= first * 7;
        let before = self.mode;
        if goes_on {
            self.begin(Mode::On, now);
            self.halves = (first / 2, second / 2); // so that one bad moment is not the end
            if before == Mode::On {
                self.retry = Duration::ZERO;
            }
        } else {
            self.retry = (self.retry * 2).clamp(RETRY, MAX_RETRY);
            self.begin(Mode::Off { until: now.checked_add(self.retry) }, now);
        }
    }

    fn begin(&mut self, mode: Mode, now: Instant) {
        (self.mode, self.since, self.count, self.halves) = (mode, Some(now), 0, (0, 0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wakes up after each gap, pauses as it is told to, and reports the same halves each time. Returns how many of the wake-ups had a pause.
    fn pauses(wakes: u32, gap: Duration, halves: (u64, u64)) -> u32 {
        let (mut coalescing, mut now, mut pauses) = (Coalescing::default(), Instant::now(), 0);
        for _ in 0..wakes {
            now += gap;
            let pause = coalescing.woken(now);
            if pause != Pause::None {
                pauses += 1;
                now += PAUSE;
            }
            if pause == Pause::Halved {
                coalescing.halves(halves.0, halves.1, now);
            }
        }
        pauses
    }

    const SHORT: Duration = Duration::from_micros(20);

    #[test]
    fn there_are_pauses_as_long_as_both_halves_bring_the_same() {
        assert_eq!(pauses(10_000, SHORT, (800, 800)), 10_000 - WAKES);
        assert_eq!(pauses(10_000, SHORT, (800, 900)), 10_000 - WAKES);
    }

    #[test]
    fn there_are_none_without_load() {
        assert_eq!(pauses(10_000, Duration::from_millis(1), (800, 800)), 0);
    }

    #[test]
    fn whoever_waits_for_the_loop_is_seldom_kept_waiting() {
        for halves in [(800, 200), (80, 0), (0, 0)] {
            let pauses = pauses(100_000, SHORT, halves); // two seconds
            assert!((FEW_SAMPLES..=FEW_SAMPLES * 10).contains(&pauses), "{pauses}");
        }
    }

    #[test]
    fn pauses_end_with_the_load_and_come_back_with_it() {
        let (mut coalescing, mut now) = (Coalescing::default(), Instant::now());
        let mut run = |wakes: u32, gap| {
            let mut last = Pause::None;
            for _ in 0..wakes {
                now += gap;
                last = coalescing.woken(now);
                if last == Pause::Halved {
                    coalescing.halves(100, 100, now);
                }
            }
            last
        };
        assert_ne!(run(100, SHORT), Pause::None);
        assert_eq!(run(200, Duration::from_millis(10)), Pause::None);
        assert_ne!(run(100, SHORT), Pause::None);
    }

    #[test]
    fn a_pause_that_begins_to_cost_throughput_ends() {
        let (mut coalescing, mut now) = (Coalescing::default(), Instant::now());
        let mut paused = |wakes: u32, second| {
            let mut count = 0;
            for _ in 0..wakes {
                now += SHORT;
                let pause = coalescing.woken(now);
                count += u32::from(pause != Pause::None);
                if pause == Pause::Halved {
                    coalescing.halves(100, second, now);
                }
            }
            count
        };
        assert_eq!(paused(1_000, 100), 1_000 - WAKES);
        assert!(paused(1_000, 20) < 200);
    }
}
