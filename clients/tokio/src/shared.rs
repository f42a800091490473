//! The lock, and who is woken when it is free.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use pure_mqtt::Instant;

use crate::state::State;

/// After the last handle the client has so long to finish, in milliseconds.
const LAST_WORDS: u64 = 5_000;

pub(crate) struct Shared(Mutex<State>);

impl Shared {
    pub(crate) fn new(state: State) -> Arc<Self> {
        Arc::new(Self(Mutex::new(state)))
    }

    /// Changes the state; the driver, and whoever may go on, are woken.
    pub(crate) fn act<R>(&self, change: impl FnOnce(&mut State, Instant) -> R) -> R {
        let mut state = self.lock();
        let now = state.now();
        let result = change(&mut state, now);
        let driver = state.driver.take();
        state.wake(driver);
        finish(state);
        result
    }

    /// The same for the driver.
    pub(crate) fn drive<R>(&self, change: impl FnOnce(&mut State, Instant) -> R) -> R {
        let mut state = self.lock();
        let now = state.now();
        let result = change(&mut state, now);
        finish(state);
        result
    }

    /// The state, to be looked at.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes and tells without the lock: an executor or a subscriber may do anything then.
fn finish(mut state: MutexGuard<'_, State>) {
    state.collect();
    let (wakers, events, untold) = (Woken(state.take_wakers()), state.take_events(), state.spans.take());
    let discarded = state.take_discarded();
    drop(state);
    drop(discarded);
    if let Some((listeners, events)) = events {
        events.into_iter().for_each(|event| drop(listeners.send(event))); // they may be gone
    }
    untold.tell();
    drop(wakers);
}

/// Those who may go on: they are woken although a subscriber panics.
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

/// What each client and each subscription holds: with the last one the client shuts down.
#[derive(Debug)]
pub(crate) struct Handle(pub(crate) Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.act(|state, now| state.agent.shutdown(now, now.after_millis(LAST_WORDS)));
    }
}
