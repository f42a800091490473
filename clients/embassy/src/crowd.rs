//! Tasks that wait for the same thing.

use core::task::Waker;

/// How many tasks are remembered. A registration for one task alone would have two of them wake each other until there is something for them, and the processor
/// would never sleep.
const MOST: usize = 4;

/// Wakers of several tasks. One more than there is room for makes all look again.
pub struct Crowd {
    wakers: [Option<Waker>; MOST],
}

impl Crowd {
    pub const EMPTY: Self = Self { wakers: [const { None }; MOST] };

    pub fn register(&mut self, waker: &Waker) {
        let is_known = |place: &Option<Waker>| place.as_ref().is_some_and(|known| known.will_wake(waker));
        if self.wakers.iter().any(is_known) {
            return;
        }
        if self.wakers.iter().all(Option::is_some) {
            self.wake();
        }
        if let Some(place) = self.wakers.iter_mut().find(|place| place.is_none()) {
            *place = Some(waker.clone());
        }
    }

    pub fn wake(&mut self) {
        self.wakers.iter_mut().filter_map(Option::take).for_each(Waker::wake);
    }
}
