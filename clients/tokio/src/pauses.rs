//! Pauses under load: see [`pure_mqtt_net::coalescing`].

use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use pure_mqtt_net::coalescing::{Coalescing, PAUSE, Pause};

use crate::timer::Timer;

#[derive(Default)]
pub(crate) struct Pauses {
    coalescing: Coalescing,
    timer: Timer,
    half: Half,
    /// No thread was free for a pause: there will be no more pauses.
    is_starved: bool,
}

/// The state of a pause in two halves: the work done until it began, and until its second half.
#[derive(Default)]
enum Half {
    #[default]
    None,
    First(u64),
    Second(u64, u64),
}

impl Pauses {
    /// Returns `Pending` during a pause.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.is_starved |= ready!(self.timer.poll(cx)).is_err();
        Poll::Ready(())
    }

    /// Called when everything available was processed; `has_read` if that included input. Returns true if a pause begins. `work` returns the amount of work done so far.
    pub(crate) fn consider(&mut self, has_read: bool, watches_sockets: bool, work: impl Fn() -> u64) -> bool {
        let length = match std::mem::take(&mut self.half) {
            Half::First(start) => {
                self.half = Half::Second(start, work());
                Some(PAUSE / 2)
            }
            Half::Second(start, middle) => {
                self.coalescing.halves(middle - start, work() - middle, Instant::now());
                self.woken(has_read, work)
            }
            Half::None => self.woken(has_read, work),
        };
        if let Some(length) = length {
            self.timer.start(length, watches_sockets);
        }
        length.is_some()
    }

    /// Returns the length of the pause that begins.
    fn woken(&mut self, has_read: bool, work: impl Fn() -> u64) -> Option<Duration> {
        if !has_read || self.is_starved {
            return None;
        }
        match self.coalescing.woken(Instant::now()) {
            Pause::None => None,
            Pause::Whole => Some(PAUSE),
            Pause::Halved => {
                self.half = Half::First(work());
                Some(PAUSE / 2)
            }
        }
    }
}
