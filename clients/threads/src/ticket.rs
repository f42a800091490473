//! Handles of published messages.

use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pure_mqtt::PacketId;

use crate::clock::deadline;
use crate::error::{NotPublished, WaitError};

/// Identifies a message or a request of one client. A client never reuses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mid(pub(crate) u64);

impl Mid {
    /// Returns the number; the first is 1.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An accepted message: query its result or wait for it. It does not keep the client alive.
#[derive(Clone, Debug)]
pub struct MessageInfo {
    mid: Mid,
    id: Option<PacketId>,
    ticket: Arc<Ticket>,
}

impl MessageInfo {
    pub(crate) fn new(mid: Mid, id: Option<PacketId>, ticket: Arc<Ticket>) -> Self {
        Self { mid, id, ticket }
    }

    pub(crate) fn ticket(&self) -> &Arc<Ticket> {
        &self.ticket
    }

    /// Returns the message's identifier, the same as [`Published::mid`](crate::Published::mid).
    pub fn mid(&self) -> Mid {
        self.mid
    }

    /// Returns the packet identifier assigned when the message was accepted; `None` at QoS 0.
    pub fn packet_id(&self) -> Option<PacketId> {
        self.id
    }

    /// Returns whether the message is delivered: at QoS 0 it was sent (perhaps partly, if the link ended), at QoS 1 and 2 the server has acknowledged it.
    pub fn is_published(&self) -> bool {
        self.result() == Some(Ok(()))
    }

    /// Returns the final result; `None` while the message is unfinished.
    pub fn result(&self) -> Option<Result<(), NotPublished>> {
        self.ticket.lock().end
    }

    /// Waits until the message is delivered; if `timeout` is `None`, without a limit. The loop must run in another thread.
    ///
    /// # Errors
    /// [`WaitError`]. After all errors except [`WaitError::NotPublished`] the message may still be delivered.
    ///
    /// The call may return before [`on_publish`](crate::Client::on_publish) was called for the message.
    pub fn wait_for_publish(&self, timeout: impl Into<Option<Duration>>) -> Result<(), WaitError> {
        if is_loop_of(self.ticket.client) {
            return self.result().ok_or(WaitError::InCallback)?.map_err(WaitError::NotPublished);
        }
        self.ticket.wait(deadline(timeout.into()))
    }
}

/// The state of a message that its owner and the loop share.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// The client's number.
    client: u64,
    /// The agent's ticket.
    pub(crate) of: pure_mqtt_agent::Ticket,
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Progress {
    end: Option<Result<(), NotPublished>>,
    /// How often `disconnect` was called while the message was unfinished.
    interruptions: u32,
    /// How many threads sleep on it: a notification costs a system call even if no thread waits.
    sleepers: u32,
}

impl Ticket {
    pub(crate) fn new(client: u64, of: pure_mqtt_agent::Ticket) -> Arc<Self> {
        Arc::new(Self { client, of, progress: Mutex::default(), changed: Condvar::new() })
    }

    /// Stores the final result.
    pub(crate) fn end(&self, result: Result<(), NotPublished>) {
        self.change(|progress| progress.end = Some(result));
    }

    /// Ends all waits, although the message is unfinished.
    pub(crate) fn interrupt(&self) {
        self.change(|progress| progress.interruptions += 1);
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        let mut progress = self.lock();
        change(&mut progress);
        if progress.sleepers > 0 {
            self.changed.notify_all();
        }
    }

    fn wait(&self, deadline: Option<Instant>) -> Result<(), WaitError> {
        let mut progress = self.lock();
        let interruptions = progress.interruptions;
        loop {
            if let Some(end) = progress.end {
                return end.map_err(WaitError::NotPublished);
            }
            if progress.interruptions != interruptions {
                return Err(WaitError::Disconnected);
            }
            progress.sleepers += 1;
            let (woken, is_late) = self.sleep(progress, deadline);
            progress = woken;
            progress.sleepers -= 1;
            if is_late {
                return Err(WaitError::TimedOut);
            }
        }
    }

    /// Sleeps until something changes. True if `deadline` has passed.
    fn sleep<'t>(
        &self,
        progress: MutexGuard<'t, Progress>,
        deadline: Option<Instant>,
    ) -> (MutexGuard<'t, Progress>, bool) {
        let Some(deadline) = deadline else {
            return (self.changed.wait(progress).unwrap_or_else(PoisonError::into_inner), false);
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return (progress, true);
        }
        (self.changed.wait_timeout(progress, left).unwrap_or_else(PoisonError::into_inner).0, false)
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    /// The numbers of the clients whose loops this thread runs. Each except the first runs in a callback of the one before.
    static LOOPS: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Returns whether this thread runs the loop of `client`, so that the caller is one of its callbacks, or in one.
pub(crate) fn is_loop_of(client: u64) -> bool {
    LOOPS.with_borrow(|loops| loops.contains(&client))
}

/// Marks that this thread runs the loop of `client`.
pub(crate) fn enter_loop(client: u64) {
    LOOPS.with_borrow_mut(|loops| loops.push(client));
}

/// Marks that it no longer does.
pub(crate) fn leave_loop(client: u64) {
    LOOPS.with_borrow_mut(|loops| loops.retain(|one| *one != client));
}

#[cfg(test)]
mod tests {
    use std::thread;

    use pure_mqtt::Cause;

    use super::*;

    fn info() -> MessageInfo {
        MessageInfo::new(Mid(1), PacketId::new(1), Ticket::new(7, Default::default()))
    }

    #[test]
    fn waiting_ends_with_the_message() {
        let info = info();
        assert_eq!(info.wait_for_publish(Duration::ZERO), Err(WaitError::TimedOut));
        let waiting = thread::spawn({
            let info = info.clone();
            move || info.wait_for_publish(None)
        });
        info.ticket.end(Ok(()));
        assert_eq!(waiting.join().unwrap(), Ok(()));
        assert!(info.is_published());
        assert_eq!(info.wait_for_publish(None), Ok(()));
    }

    #[test]
    fn a_message_that_is_given_up_is_told() {
        let info = info();
        info.ticket.end(Err(NotPublished::Ended(Cause::Expired)));
        assert!(!info.is_published());
        assert_eq!(info.wait_for_publish(None), Err(WaitError::NotPublished(NotPublished::Ended(Cause::Expired))));
    }

    #[test]
    fn an_interruption_ends_the_waits_of_the_moment() {
        let info = info();
        info.ticket.interrupt();
        assert_eq!(info.wait_for_publish(Duration::from_millis(1)), Err(WaitError::TimedOut));
        let waiting = thread::spawn({
            let info = info.clone();
            move || info.wait_for_publish(None)
        });
        while !waiting.is_finished() {
            info.ticket.interrupt(); // until it has come while the other thread waits
            thread::yield_now();
        }
        assert_eq!(waiting.join().unwrap(), Err(WaitError::Disconnected));
    }

    #[test]
    fn a_callback_does_not_wait_for_itself() {
        let info = info();
        enter_loop(7);
        enter_loop(8);
        assert_eq!(info.wait_for_publish(None), Err(WaitError::InCallback));
        info.ticket.end(Ok(()));
        assert_eq!(info.wait_for_publish(None), Ok(()));
        leave_loop(7);
        assert!(is_loop_of(8) && !is_loop_of(7));
        leave_loop(8);
    }
}
