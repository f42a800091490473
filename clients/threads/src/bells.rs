//! Condition variables for waiting threads, one for each queue.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, MutexGuard, PoisonError};
use std::time::Instant;

use pure_mqtt_agent::Receiver;

use crate::state::State;

/// Wakes the threads that wait for one thing.
#[derive(Debug, Default)]
pub(crate) struct Bell(Condvar);

impl Bell {
    pub(crate) fn ring(&self) {
        self.0.notify_all();
    }

    /// Sleeps until it rings, or spuriously; `None` if `deadline` has passed.
    pub(crate) fn wait<'s>(
        &self,
        state: MutexGuard<'s, State>,
        deadline: Option<Instant>,
    ) -> Option<MutexGuard<'s, State>> {
        let Some(deadline) = deadline else {
            return Some(self.0.wait(state).unwrap_or_else(PoisonError::into_inner));
        };
        let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        Some(self.0.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0)
    }
}

/// The bells of all receivers.
#[derive(Debug, Default)]
pub(crate) struct Bells(BTreeMap<Receiver, Arc<Bell>>);

impl Bells {
    pub(crate) fn add(&mut self, queue: Receiver) -> Arc<Bell> {
        Arc::clone(self.0.entry(queue).or_default())
    }

    pub(crate) fn remove(&mut self, queue: Receiver) {
        self.0.remove(&queue);
    }

    /// Wakes the threads that wait for this queue.
    pub(crate) fn ring(&self, queue: Receiver) {
        if let Some(bell) = self.0.get(&queue) {
            bell.ring();
        }
    }

    /// Wakes all threads, after an event that concerns all of them.
    pub(crate) fn ring_all(&self) {
        self.0.values().for_each(|bell| bell.ring());
    }
}
