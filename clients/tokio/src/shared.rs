//! The lock, and the wakers to call after it is released.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use pure_mqtt::Instant;

use crate::state::State;

/// The time in milliseconds for which the client continues after its last handle was dropped.
const LAST_WORDS: u64 = 5_000;

pub(crate) struct Shared(Mutex<State>);

impl Shared {
    pub(crate) fn new(state: State) -> Arc<Self> {
        Arc::new(Self(Mutex::new(state)))
    }

    /// Changes the state, then wakes the driver and waiting callers.
    pub(crate) fn act<R>(&self, change: impl FnOnce(&mut State, Instant) -> R) -> R {
        let mut state = self.lock();
        let now = state.now();
        let result = change(&mut state, now);
        let driver = state.driver.take();
        state.wake(driver);
        finish(state);
        result
    }

    /// Changes the state for the driver, then wakes waiting callers.
    pub(crate) fn drive<R>(&self, change: impl FnOnce(&mut State, Instant) -> R) -> R {
        let mut state = self.lock();
        let now = state.now();
        let result = change(&mut state, now);
        finish(state);
        result
    }

    /// Reads the state.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes tasks and sends events without the lock: an executor or a subscriber may call the client.
fn finish(mut state: MutexGuard<'_, State>) {
    state.collect();
    let (wakers, events, untold) = (Woken(state.take_wakers()), state.take_events(), state.spans.take());
    let discarded = state.take_discarded();
    drop(state);
    drop(discarded);
    if let Some((listeners, events)) = events {
        events.into_iter().for_each(|event| drop(listeners.send(event))); // the receivers may be gone
    }
    untold.tell();
    drop(wakers);
}

/// Wakers to call, even if a subscriber panics.
struct Woken(Vec<Waker>);

impl Drop for Woken {
    fn drop(&mut self) {
        self.0.drain(..).for_each(Waker::wake);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// The part that each client and each subscription holds: dropping the last one shuts the client down.
#[derive(Debug)]
pub(crate) struct Handle(pub(crate) Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.act(|state, now| state.agent.shutdown(now, now.after_millis(LAST_WORDS)));
    }
}
