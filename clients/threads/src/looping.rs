//! Where the loop runs: step by step or for good in a thread of the program's, or in one of its own.

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

/// How long `loop_stop` lets what was published leave.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// # The loop
impl Client {
    /// Waits until something happens, up to `timeout`, and does what is to be done; callbacks are called in this thread. It doesn't connect again by itself.
    ///
    /// # Errors
    /// [`LoopError`]: among others [`LoopError::Ended`] when a link has ended, also by [`disconnect`](Self::disconnect).
    pub fn loop_once(&self, timeout: Duration) -> Result<(), LoopError> {
        let mut network = self.shared.try_run().ok_or(LoopError::AlreadyRunning)?;
        network.begin_steps();
        network.wait(&self.shared, Instant::now().checked_add(timeout))?;
        network.pass(self)
    }

    /// Runs the loop in this thread until [`disconnect`](Self::disconnect) or [`loop_stop`](Self::loop_stop) is called, from a callback say, and
    /// connects again when a link is lost.
    ///
    /// # Errors
    /// [`LoopError`]: a failure that the [`Options`](crate::Options) don't let it bear.
    pub fn loop_forever(&self) -> Result<(), LoopError> {
        let mut network = self.shared.try_run().ok_or(LoopError::AlreadyRunning)?;
        network.begin_run(RetryPolicy::AfterSuccess, self.shared.lock().intent.begin_run());
        while !network.turn(self)? {
            network.wait(&self.shared, None)?;
        }
        Ok(())
    }

    /// Runs the loop in a thread of its own until [`loop_stop`](Self::loop_stop) is called or the last handle is dropped, and connects again when a
    /// link is lost. After [`disconnect`](Self::disconnect) it waits for the next [`connect`](Self::connect).
    ///
    /// # Errors
    /// [`LoopError::AlreadyRunning`] if the thread runs already; [`LoopError::System`] if there can be none.
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

    /// Ends the loop of [`loop_start`](Self::loop_start) or [`loop_forever`](Self::loop_forever), and waits for the former's thread. What can be sent leaves before,
    /// and a [`disconnect`](Self::disconnect) that has been asked for is carried out, but for not longer than 5 seconds. The link stays.
    ///
    /// In a callback it doesn't wait.
    pub fn loop_stop(&self) {
        let thread = {
            let mut thread = self.shared.thread.lock().unwrap_or_else(PoisonError::into_inner);
            self.shared.change(|state| state.intent.stop(Instant::now() + STOP_PATIENCE)); // whoever starts one waits
            thread.take()
        };
        self.shared.notify_waiters();
        if let Some(thread) = thread.filter(|_| !is_loop_of(self.shared.number)) {
            let _ = thread.join(); // it catches what callbacks throw
        }
    }

    /// Waits for the end of a call of `connect`; as long as no loop runs, runs it here.
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

/// The loop's own thread.
fn run(shared: &Arc<Shared>, owner: &Weak<Owner>, number: u64) {
    let is_over = |state: &State| state.intent.is_gone || state.intent.stop_of(number).is_some();
    let Ok(mut network) = shared.run_unless(|state| is_over(state).then_some(())) else { return };
    network.begin_run(RetryPolicy::Always, number);
    // While the loop sleeps it holds no handle, so that the client can go.
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

/// One turn; a callback that panics doesn't end the loop. True when the loop is to end.
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
            state.intent.is_changed = true; // it goes on at once
            false
        }
    }
}
