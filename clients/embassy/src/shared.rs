//! What the tasks share, as slices: the same code whatever the client's sizes are.

use core::task::{Context, Poll};

use embassy_sync::waitqueue::WakerRegistration;
use pure_mqtt::{Ack, Connection, Instant, PendingAck, ReasonCode, RequestError, Storage, VersionFallback};

use crate::desired::Desired;
use crate::event::{Event, Events, Stats};
use crate::inbox::Inbox;
use crate::maybe::Maybe;
use crate::place::Place;
use crate::tickets::Tickets;
use crate::waiting::Waiting;

/// Everything behind the mutex.
pub struct Shared<'a, S: Storage> {
    pub connection: &'a mut Connection<S>,
    pub desired: &'a mut dyn Desired<S>,
    pub inbox: Inbox<'a>,
    pub receivers: &'a mut [Place],
    pub tickets: Tickets<'a>,
    pub common: &'a mut Common,
}

/// What has no table.
pub struct Common {
    /// A [`Runner`](crate::Runner) exists.
    pub is_running: bool,
    /// The program wants no link any more.
    pub is_leaving: bool,
    /// A clean start, if it was wanted, is behind us.
    pub has_begun: bool,
    /// The program wants a clean start.
    pub starts_clean: bool,
    /// The next link follows at once.
    pub skips_pause: bool,
    /// Messages from the server carry the identifiers of our subscriptions.
    pub uses_identifiers: bool,
    /// The session is of an earlier life of the program, whose identifiers may have been others.
    pub is_adopted: bool,
    /// The session was read from a journal, and no new one has begun since.
    pub is_inherited: bool,
    /// What a journal knows of the session was read, or there is no journal.
    pub is_restored: bool,
    /// A task keeps the journal.
    pub is_kept: bool,
    /// The engine takes records for written that are being written: nothing leaves meanwhile.
    pub is_held: bool,
    /// The versions to try, if there are several.
    pub fallback: Maybe<VersionFallback>,
    pub accepted_at: Option<Instant>,
    /// Messages are held until the subscriptions have left, but no longer than this.
    pub holds_until: Option<Instant>,
    /// Whether input waits for room in the ring.
    pub waiting: Waiting,
    pub stats: Stats,
    /// Something has changed since the link was last looked after.
    is_dirty: bool,
    run: WakerRegistration,
    /// Who keeps the journal.
    pub keeper: WakerRegistration,
    events: Events,
    listener: WakerRegistration,
}

impl Common {
    pub const FRESH: Self = Self {
        is_running: false,
        is_leaving: false,
        has_begun: false,
        starts_clean: false,
        skips_pause: false,
        uses_identifiers: false,
        is_adopted: false,
        is_inherited: false,
        is_restored: false,
        is_kept: false,
        is_held: false,
        fallback: Maybe::None,
        accepted_at: None,
        holds_until: None,
        waiting: Waiting::NONE,
        stats: Stats { links: 0, received: 0, dropped: 0, unmatched: 0, foreign_replies: 0, lost_events: 0 },
        is_dirty: false,
        run: WakerRegistration::new(),
        keeper: WakerRegistration::new(),
        events: Events::NONE,
        listener: WakerRegistration::new(),
    };

    /// The link is to be looked after.
    pub fn nudge(&mut self) {
        self.is_dirty = true;
        self.run.wake();
    }

    /// Ready if the link is to be looked after.
    pub fn poll_nudge(&mut self, context: &Context<'_>) -> Poll<()> {
        if core::mem::take(&mut self.is_dirty) {
            return Poll::Ready(());
        }
        self.run.register(context.waker());
        Poll::Pending
    }

    /// Whoever runs the link is polled at the next change.
    pub fn watch(&mut self, context: &Context<'_>) {
        self.run.register(context.waker());
    }

    pub fn tell(&mut self, event: Event) {
        if !self.events.push(event) {
            count(&mut self.stats.lost_events);
        }
        self.listener.wake();
    }

    pub fn poll_event(&mut self, context: &Context<'_>) -> Poll<Event> {
        match self.events.pop() {
            Some(event) => Poll::Ready(event),
            None => {
                self.listener.register(context.waker());
                Poll::Pending
            }
        }
    }
}

impl<S: Storage> Shared<'_, S> {
    /// Whether messages are accepted and links opened: not before the session was read from a journal, if there is one.
    pub fn is_ready(&self) -> bool {
        self.common.is_restored || !self.connection.keeps_journal()
    }

    /// Whoever keeps the journal is polled if there are records to be written.
    pub fn wake_keeper(&mut self) {
        #[cfg(feature = "flash")]
        if !self.connection.journal().is_empty() {
            self.common.keeper.wake();
        }
    }

    /// These receivers have finished a message; after the last of them it is acknowledged.
    pub fn finish(&mut self, now: Instant, serial: u32, receivers: u32, reason: ReasonCode) {
        if let Some(entry) = self.inbox.finish(serial, receivers) {
            self.acknowledge(now, entry.ack, reason);
            self.common.nudge(); // a packet may have waited for the place
        }
    }

    /// Acknowledges a message that needs it. One of a link or session that is gone needs it no more: the server sends it again.
    pub fn acknowledge(&mut self, now: Instant, pending: Option<PendingAck>, reason: ReasonCode) {
        let Some(pending) = pending else { return };
        match self.connection.acknowledge(now, pending, &Ack::new(reason)) {
            Err(refused) if refused.error == RequestError::ReasonCode => {
                let _ = self.connection.acknowledge(now, refused.pending, &Ack::new(ReasonCode::UNSPECIFIED_ERROR));
            }
            _ => {}
        }
    }
}

pub fn count(counter: &mut u32) {
    *counter = counter.saturating_add(1);
}
