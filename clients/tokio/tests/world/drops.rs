//! Futures that are dropped at a chosen poll.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use fastrand::Rng;

/// The random numbers that all tasks of a world share.
#[derive(Clone)]
pub struct Dice(Arc<Mutex<Rng>>);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Rng::with_seed(seed))))
    }

    pub fn below(&self, most: u64) -> u64 {
        self.0.lock().unwrap().u64(..most)
    }

    /// True in `count` of `of` cases.
    pub fn chance(&self, count: u64, of: u64) -> bool {
        self.below(of) < count
    }

    /// The result of a future, or `None` if it was dropped at a random poll: mostly never, often at the first, which is before it ran.
    pub async fn maybe<F: Future>(&self, future: F) -> Option<F::Output> {
        let most = if self.chance(1, 2) { u64::MAX } else { self.below(4) };
        let mut polls = 0;
        let mut future = pin!(future);
        poll_fn(|cx| {
            if polls == most {
                return Poll::Ready(None);
            }
            polls += 1;
            let result = future.as_mut().poll(cx).map(Some);
            if result.is_pending() && polls == most {
                cx.waker().wake_by_ref(); // it is dropped soon, not when it might go on
            }
            result
        })
        .await
    }

    /// Lets the other tasks run, or time pass.
    pub async fn pause(&self, most: u64) {
        match self.below(3) {
            0 => {}
            1 => tokio::task::yield_now().await,
            _ => tokio::time::sleep(std::time::Duration::from_millis(self.below(most))).await,
        }
    }
}
