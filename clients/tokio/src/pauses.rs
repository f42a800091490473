//! Pauses under load: see [`pure_mqtt_net::coalescing`].
//!
//! The timer of tokio counts milliseconds, four times a pause: so one of the runtime's threads for what blocks sleeps for it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use pure_mqtt_net::coalescing::{Coalescing, PAUSE, Pause};
use tokio::task::{JoinHandle, spawn_blocking};

#[derive(Default)]
pub(crate) struct Pauses {
    coalescing: Coalescing,
    running: Option<JoinHandle<()>>,
    half: Half,
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
        if let Some(running) = &mut self.running {
            let _ = ready!(Pin::new(running).poll(cx)); // it only fails with the runtime
            self.running = None;
        }
        Poll::Ready(())
    }

    /// All that was there has been done, and `has_read` if input was among it: perhaps a pause begins. `work` is all that was done so far, in any unit.
    pub(crate) fn consider(&mut self, has_read: bool, work: impl FnOnce() -> u64) {
        match std::mem::take(&mut self.half) {
            Half::First(start) => {
                self.half = Half::Second(start, work());
                self.begin(PAUSE / 2);
            }
            Half::Second(start, middle) => self.coalescing.halves(middle - start, work() - middle, Instant::now()),
            Half::None if has_read => match self.coalescing.woken(Instant::now()) {
                Pause::None => {}
                Pause::Whole => self.begin(PAUSE),
                Pause::Halved => {
                    self.half = Half::First(work());
                    self.begin(PAUSE / 2);
                }
            },
            Half::None => {}
        }
    }

    fn begin(&mut self, length: Duration) {
        self.running = Some(spawn_blocking(move || std::thread::sleep(length)));
    }
}
