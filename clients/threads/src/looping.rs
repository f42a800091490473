//! The loop: step by step or continuously in a thread of the program, or in its own thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::callbacks::LogLevel;
use crate::client::{Client, Owner};
use crate::error::{ConnectError, LoopError};
use crate::lines;
use crate::network::RetryPolicy;
use crate::shared::{Running, Shared};
use crate::state::State;
use crate::ticket::is_loop_of;

/// How long `loop_stop` waits for output to be sent.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// # The loop
impl Client {
    /// Waits until something happens, up to `timeout`, and handles it; callbacks are called in this thread. Does not reconnect by itself.
    ///
    /// # Errors
    /// [`LoopError`], for example [`LoopError::Ended`] when a link has ended, also by [`disconnect`](Self::disconnect).
    pub fn loop_once(&self, timeout: Duration) -> Result<(), LoopError> {
        let mut network = self.shared.try_run().ok_or(LoopError::AlreadyRunning)?;
        network.begin_steps();
        network.wait(&self.shared, Instant::now().checked_add(timeout))?;
        network.pass(self)
    }

    /// Runs the loop in this thread until [`disconnect`](Self::disconnect) or [`loop_stop`](Self::loop_stop) is called, for example from a callback. Reconnects when a link is
    /// lost.
    ///
    /// # Errors
    /// [`LoopError`]: a failure that the [`Options`](crate::Options) do not allow it to retry.
    pub fn loop_forever(&self) -> Result<(), LoopError> {
        let mut network = self.shared.try_run().ok_or(LoopError::AlreadyRunning)?;
        network.begin_run(RetryPolicy::AfterSuccess, self.shared.lock().intent.begin_run());
        while !network.turn(self)? {
            network.wait(&self.shared, None)?;
        }
        Ok(())
    }

    /// Runs the loop in its own thread until [`loop_stop`](Self::loop_stop) is called or the last handle is dropped. Reconnects when a link is lost. After
    /// [`disconnect`](Self::disconnect) the thread waits for the next [`connect`](Self::connect).
    ///
    /// # Errors
    /// [`LoopError::AlreadyRunning`] if the loop is already running; [`LoopError::System`] if the operating system has no thread left.
    pub fn loop_start(&self) -> Result<(), LoopError> {
        let mut thread = self.shared.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return Err(LoopError::AlreadyRunning);
        }
        let number = self.shared.lock().intent.begin_run();
        let (shared, owner) = (Arc::clone(&self.shared), self.owner());
        *thread = Some(thread::Builder::new().name("mqtt".into()).spawn(move || run(&shared, &owner, number))?);
        Ok(())
    }

    /// Ends the loop of [`loop_start`](Self::loop_start) or [`loop_forever`](Self::loop_forever), and waits for the thread of `loop_start`. Before that, up to 5 seconds,
    /// pending output is sent and a requested [`disconnect`](Self::disconnect) is carried out. Otherwise the link stays open.
    ///
    /// In a callback it does not wait.
    pub fn loop_stop(&self) {
        let thread = {
            let mut thread = self.shared.thread.lock().unwrap_or_else(PoisonError::into_inner);
            self.shared.change(|state| state.intent.stop(Instant::now() + STOP_PATIENCE)); // a loop that starts another one waits
            thread.take()
        };
        self.shared.notify_waiters();
        if let Some(thread) = thread.filter(|_| !is_loop_of(self.shared.number)) {
            let _ = thread.join(); // the thread catches the panics of callbacks
        }
    }

    /// Waits for the result of a call of `connect`; runs the loop here if no other thread does.
    pub(crate) fn await_call(&self, call: u64) -> Result<(), ConnectError> {
        match self.shared.run_unless(|state| state.intent.result(call)) {
            Err(result) => result,
            Ok(network) => self.work_for_call(network, call),
        }
    }

    fn work_for_call(&self, mut network: Running<'_>, call: u64) -> Result<(), ConnectError> {
        network.begin_steps();
        loop {
            let result = self.shared.lock().intent.result(call);
            if let Some(result) = result {
                return result;
            }
            network.wait(&self.shared, None)?;
            if let Err(LoopError::System(error)) = network.pass(self) {
                return Err(ConnectError::Transport(error));
            }
        }
    }
}

/// The main function of the loop's own thread.
fn run(shared: &Arc<Shared>, owner: &Weak<Owner>, number: u64) {
    let is_over = |state: &State| state.intent.is_gone || state.intent.stop_of(number).is_some();
    let Ok(mut network) = shared.run_unless(|state| is_over(state).then_some(())) else { return };
    network.begin_run(RetryPolicy::Always, number);
    // A sleeping loop holds no handle, so that the client can be dropped.
    while let Some(client) = Client::of(shared, owner) {
        let is_done = turn(&mut network, &client);
        drop(client);
        if is_done || network.wait(shared, None).is_err() {
            break;
        }
    }
    if shared.lock().intent.is_gone {
        network.close(); // a request may outlive the client, and holds the rest of it
    }
}

/// Runs one turn; a panic in a callback does not end the loop. Returns true when the loop must end.
fn turn(network: &mut Running<'_>, client: &Client) -> bool {
    match catch_unwind(AssertUnwindSafe(|| network.turn(client))) {
        Ok(Ok(is_done)) => is_done,
        Ok(Err(error)) => {
            lines::tell(client, LogLevel::Error, &error.to_string());
            true
        }
        Err(_) => {
            let mut state = client.shared.lock();
            state.say(LogLevel::Error, "a callback has panicked".into());
            state.intent.is_changed = true; // it continues at once
            false
        }
    }
}
