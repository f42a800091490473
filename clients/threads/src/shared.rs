//! The state that the handles of a client and its loop share.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::thread::JoinHandle;

use crate::callbacks::Callbacks;
use crate::network::Network;
use crate::options::Options;
use crate::state::State;
use crate::ticket::{enter_loop, leave_loop};

/// Lock order: `network` first, then `state`. No foreign code is called while `state` is locked.
pub(crate) struct Shared {
    /// Distinguishes clients.
    pub(crate) number: u64,
    pub(crate) callbacks: Callbacks,
    state: Mutex<State>,
    /// Signalled when an attempt to connect has ended, the network is free, or the loop must stop.
    news: Condvar,
    /// The transport and its state: the thread that holds this lock runs the loop.
    network: Mutex<Network>,
    /// The loop's own thread, if it has one.
    pub(crate) thread: Mutex<Option<JoinHandle<()>>>,
    wakeup: Arc<Wakeup>,
}

/// Wakes the sleeping loop, from any thread.
#[derive(Debug, Default)]
pub(crate) struct Wakeup(OnceLock<mio::Waker>); // set when the loop first sleeps

impl Wakeup {
    pub(crate) fn wake(&self) {
        if let Some(waker) = self.0.get() {
            let _ = waker.wake(); // it fails only when the system has no memory
        }
    }
}

impl Shared {
    pub(crate) fn new(options: Options) -> Self {
        Self::of(State::new(options), Arc::default())
    }

    pub(crate) fn of(state: State, wakeup: Arc<Wakeup>) -> Self {
        static LATEST: AtomicU64 = AtomicU64::new(0);
        Self {
            number: LATEST.fetch_add(1, Ordering::Relaxed) + 1,
            callbacks: Callbacks::default(),
            network: Mutex::new(Network::new()),
            state: Mutex::new(state),
            news: Condvar::new(),
            thread: Mutex::new(None),
            wakeup,
        }
    }

    /// Locks the state, to read it, or to change it in the loop.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and wakes the loop.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let result = change(&mut state);
        self.release(state);
        result
    }

    /// Unlocks a changed state, and wakes the loop.
    pub(crate) fn release(&self, mut state: MutexGuard<'_, State>) {
        state.intent.is_changed = true;
        let must_wake = std::mem::take(&mut state.intent.is_asleep);
        drop(state);
        if must_wake {
            self.wakeup.wake();
        }
    }

    /// Sets the loop's waker.
    pub(crate) fn set_waker(&self, waker: mio::Waker) {
        let _ = self.wakeup.0.set(waker); // called once for each network
    }

    /// Wakes the threads in [`run_unless`](Self::run_unless).
    pub(crate) fn notify_waiters(&self) {
        let _state = self.lock(); // so that no thread is between its check and its sleep
        self.news.notify_all();
    }

    /// Takes the network if it is free.
    pub(crate) fn try_run(&self) -> Option<Running<'_>> {
        let network = match self.network.try_lock() {
            Ok(network) => network,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(), // a callback has panicked; the network is still valid
            Err(TryLockError::WouldBlock) => return None,
        };
        enter_loop(self.number);
        Some(Running { network, _after: After { shared: self } })
    }

    /// Takes the network as soon as it is free, unless `found` returns a value first.
    pub(crate) fn run_unless<R>(&self, found: impl Fn(&State) -> Option<R>) -> Result<Running<'_>, R> {
        let mut state = self.lock();
        loop {
            if let Some(running) = self.try_run() {
                return Ok(running);
            }
            if let Some(found) = found(&state) {
                return Err(found);
            }
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("number", &self.number).finish_non_exhaustive()
    }
}

/// This thread runs the loop. Dropping this frees the network.
pub(crate) struct Running<'a> {
    network: MutexGuard<'a, Network>,
    /// Dropped after the network, when that is free.
    _after: After<'a>,
}

struct After<'a> {
    shared: &'a Shared,
}

impl Deref for Running<'_> {
    type Target = Network;

    fn deref(&self) -> &Network {
        &self.network
    }
}

impl DerefMut for Running<'_> {
    fn deref_mut(&mut self) -> &mut Network {
        &mut self.network
    }
}

impl Drop for After<'_> {
    fn drop(&mut self) {
        leave_loop(self.shared.number);
        self.shared.notify_waiters();
    }
}
