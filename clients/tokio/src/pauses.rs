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
    /// No thread was free for a pause: there are no more.
    is_starved: bool,
}

/// Of a pause that is halved: the work that was done until it began, and until its second half.
#[derive(Default)]
enum Half {
    #[default]
    None,
    First(u64),
    Second(u64, u64),
}

impl Pauses {
    /// `Pending` while there is one.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.is_starved |= ready!(self.timer.poll(cx)).is_err();
        Poll::Ready(())
    }

    /// All that was there has been done, and `has_read` if input was among it: perhaps a pause begins, and this is true. `work` is all that was done so far.
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

    /// How long the pause is that begins.
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
