//! What was published, acknowledged and received, and the longest silence of each side.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Default)]
pub struct Tally {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
pub struct State {
    /// Messages that may be published.
    allowed: usize,
    pub accepted: usize,
    pub acknowledged: usize,
    pub received: BTreeSet<usize>,
    pub doubled: usize,
    /// Of the publisher: something was accepted and not acknowledged.
    pub acks: Silence,
    /// Of the consumer: something was published, and not received.
    pub messages: Silence,
}

/// The longest time without progress while something is to come.
#[derive(Default)]
pub struct Silence {
    since: Option<Instant>,
    pub longest: Duration,
}

impl Silence {
    fn begin(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    fn progress(&mut self, is_more_to_come: bool) {
        let now = Instant::now();
        if let Some(since) = self.since {
            self.longest = self.longest.max(now - since);
        }
        self.since = is_more_to_come.then_some(now);
    }

    /// The longest, with the one that lasts.
    pub fn so_far(&self) -> Duration {
        self.longest.max(self.since.map_or(Duration::ZERO, |since| since.elapsed()))
    }
}

impl Tally {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Messages up to this number may be published.
    pub fn allow(&self, count: usize) {
        self.lock().allowed = count;
        self.changed.notify_all();
    }

    /// Waits until message `number` may be published, with at most `window` others unacknowledged, and counts it.
    pub fn await_turn(&self, number: usize, window: usize) {
        let state = self.lock();
        let must_wait = |state: &mut State| state.allowed <= number || state.accepted - state.acknowledged >= window;
        let mut state = self.changed.wait_while(state, must_wait).unwrap_or_else(PoisonError::into_inner);
        state.accepted += 1;
        state.acks.begin();
        state.messages.begin();
    }

    pub fn note_acknowledged(&self) {
        let mut state = self.lock();
        state.acknowledged += 1;
        let is_more = state.accepted > state.acknowledged;
        state.acks.progress(is_more);
        drop(state);
        self.changed.notify_all();
    }

    pub fn note_received(&self, payload: &[u8]) {
        let number = std::str::from_utf8(payload).ok().and_then(|text| text.parse().ok());
        let Some(number) = number else { return };
        let mut state = self.lock();
        if !state.received.insert(number) {
            state.doubled += 1;
            return;
        }
        let is_more = state.accepted > state.received.len();
        state.messages.progress(is_more);
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until so many were received and acknowledged. False once nothing more has come for `patience`.
    pub fn await_progress(&self, count: usize, patience: Duration) -> bool {
        let mut state = self.lock();
        while state.received.len() < count || state.acknowledged < count {
            let before = (state.received.len(), state.acknowledged);
            let is_same = |state: &mut State| (state.received.len(), state.acknowledged) == before;
            let waited = self.changed.wait_timeout_while(state, patience, is_same);
            let (now, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if timeout.timed_out() {
                return false;
            }
            state = now;
        }
        true
    }
}
