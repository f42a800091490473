//! Virtual time that tasks can wait on.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Poll, Waker};

use pure_mqtt_embassy::{Clock, Instant};

#[derive(Default)]
struct State {
    now: u64,
    alarms: Vec<(u64, Waker)>,
}

/// The time.
#[derive(Clone, Default)]
pub struct Time(Rc<RefCell<State>>);

impl Time {
    pub fn millis(&self) -> u64 {
        self.0.borrow().now
    }

    /// When something is due.
    pub fn next_alarm(&self) -> Option<u64> {
        self.0.borrow().alarms.iter().map(|(at, _)| *at).min()
    }

    /// It is now this late.
    pub fn advance_to(&self, now: u64) {
        let mut state = self.0.borrow_mut();
        state.now = state.now.max(now);
        let now = state.now;
        let (due, later): (Vec<_>, Vec<_>) = state.alarms.drain(..).partition(|(at, _)| *at <= now);
        state.alarms = later;
        drop(state);
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }

    pub async fn sleep(&self, millis: u64) {
        self.wait_until(Instant::from_millis(self.millis() + millis)).await;
    }
}

impl Clock for Time {
    fn now(&self) -> Instant {
        Instant::from_millis(self.millis())
    }

    async fn wait_until(&self, at: Instant) {
        let at = at.as_millis();
        std::future::poll_fn(|context| {
            let mut state = self.0.borrow_mut();
            if state.now >= at {
                return Poll::Ready(());
            }
            state.alarms.push((at, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}
