//! Pauses under load: see [`pure_mqtt_net::coalescing`].
//!
//! The timer of tokio counts milliseconds, four times a pause: so one of the runtime's threads for what blocks sleeps for it. Where the program has them all at work there are no pauses.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use pure_mqtt_net::coalescing::{Coalescing, PAUSE, Pause};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Sleep;

/// A pause that has not ended by then waits for a thread.
const LIMIT: Duration = Duration::from_millis(4);

#[derive(Default)]
pub(crate) struct Pauses {
    coalescing: Coalescing,
    running: Option<Running>,
    half: Half,
    /// No thread was free for a pause: there are no more.
    is_starved: bool,
}

struct Running {
    sleeps: JoinHandle<()>,
    limit: Pin<Box<Sleep>>,
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
        if let Some(Running { sleeps, limit }) = &mut self.running {
            if Pin::new(sleeps).poll(cx).is_pending() {
                // it only fails with the runtime
                ready!(limit.as_mut().poll(cx));
                self.is_starved = true;
            }
            self.running = None;
        }
        Poll::Ready(())
    }

    /// All that was there has been done, and `has_read` if input was among it: perhaps a pause begins. `work` is all that was done so far.
    pub(crate) fn consider(&mut self, has_read: bool, work: impl FnOnce() -> u64) {
        match std::mem::take(&mut self.half) {
            Half::First(start) => {
                self.half = Half::Second(start, work());
                self.begin(PAUSE / 2);
            }
            Half::Second(start, middle) => self.coalescing.halves(middle - start, work() - middle, Instant::now()),
            Half::None if has_read && !self.is_starved => match self.coalescing.woken(Instant::now()) {
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
        let sleeps = spawn_blocking(move || std::thread::sleep(length));
        self.running = Some(Running { sleeps, limit: Box::pin(tokio::time::sleep(LIMIT)) });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.sleeps.abort(); // if it has not begun
    }
}
