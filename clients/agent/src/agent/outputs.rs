//! Outputs for the client: actions, wakes, events, bytes, deadlines and the log.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use pure_mqtt::{Connection, Heap, Instant, Limits, Transmit, Version};

use super::{Agent, Phase};
use crate::durable::Record;
use crate::event::{Action, Event, Wake};
use crate::ids::{LinkId, ServerId};
use crate::stats::Stats;

/// The maximum number of bytes that are read before they are processed.
const READ_AHEAD: usize = 256 * 1024;

impl Agent {
    /// Returns the next action for the client. Call it until it returns `None`, after every call and after output was [sent](Self::transmit). If a link ended and the next dial
    /// comes after a delay, even of length zero, the dial is returned only after [`Event::LinkDown`] was taken: a program that does not want another link can say so first.
    pub fn poll_action(&mut self) -> Option<Action> {
        if self.outbox.actions.is_empty() {
            self.settle();
        }
        pop(&mut self.outbox.actions)
    }

    /// Returns whether [`poll_action`](Self::poll_action) has an action: check it before sleeping.
    pub fn has_actions(&self) -> bool {
        !self.outbox.actions.is_empty()
    }

    /// Returns the next caller that should check its state. Call it until it returns `None`, after every call.
    pub fn poll_wake(&mut self) -> Option<Wake> {
        self.outbox.wakes.pop_front()
    }

    /// Processes at most one packet, and returns at most one event. Commands, deadlines and output get their turn between two calls, so a slow handler delays them only by
    /// itself. Call it while [`is_runnable`](Self::is_runnable).
    pub fn step(&mut self, now: Instant) -> Option<Event> {
        self.step_with(now, |_| {})
    }

    /// Like [`step`](Self::step), and passes the engine's event to `tap`: for clients that report more of a packet than the agent's events contain, such as the properties of
    /// CONNACK or PUBACK. [`Ticket::of`](crate::Ticket::of) converts its handle to the ticket.
    ///
    /// ```
    /// use pure_mqtt_agent::pure_mqtt::Event;
    /// use pure_mqtt_agent::{Agent, Instant};
    ///
    /// fn step(agent: &mut Agent, now: Instant) {
    ///     agent.step_with(now, |event| {
    ///         if let Event::ConnAck(connack) = event {
    ///             println!("the server grants a keep alive of {:?} s", connack.properties.server_keep_alive());
    ///         }
    ///     });
    /// }
    /// ```
    pub fn step_with(&mut self, now: Instant, mut tap: impl FnMut(&pure_mqtt::Event<'_>)) -> Option<Event> {
        self.clock.see(now);
        if self.outbox.events.is_empty() {
            if self.can_take() {
                self.take_packet(&mut tap);
            }
            self.settle();
        }
        pop(&mut self.outbox.events)
    }

    /// Returns whether there is work that needs no further input: call [`step`](Self::step).
    pub fn is_runnable(&self) -> bool {
        !self.outbox.events.is_empty() || self.can_take()
    }

    pub(super) fn can_take(&self) -> bool {
        matches!(self.phase, Phase::Open)
            && self.inbox.is_ready()
            && self.queues.weight() < self.options.max_waiting.max(1)
            && !self.log.is_frozen()
    }

    /// Returns whether to read more from the transport. If not, leave the bytes there, so that the server is slowed down.
    pub fn wants_input(&self) -> bool {
        let is_short = self.inbox.len() < READ_AHEAD || !self.inbox.is_ready() && !self.inbox.is_blocked();
        matches!(self.phase, Phase::Open) && self.link.transport_end.is_none() && is_short
    }

    /// Returns output: write [`chunk`](Transmit::chunk), and confirm with [`advance`](Transmit::advance) what the transport took. Afterwards fetch [actions](Self::poll_action):
    /// a link that is closing may have waited for its last bytes.
    pub fn transmit(&mut self, now: Instant) -> Transmit<'_> {
        let now = self.clock.see(now);
        if !matches!(self.phase, Phase::Open) || self.log.is_frozen() {
            return self.mute.get_or_insert_with(mute).transmit(now);
        }
        self.mute = None;
        self.unblock();
        self.engine.transmit(now)
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout); `None` if no deadline is pending. Read it again after every other call.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_deadline()
    }

    /// Returns bytes to append to the log, and the sequence to [report](Self::stored) once they are durable. Each byte is returned once.
    pub fn take_log(&mut self) -> Option<(Vec<u8>, u64)> {
        self.log.take()
    }

    /// Writes a snapshot, a log that leads to the current state, in parts. Returns the sequence to [report](Self::log_replaced) once it has replaced the old log. What
    /// [`take_log`](Self::take_log) returns afterwards belongs after the snapshot. Returns `None`, and writes nothing, while records of the old log are not yet durable.
    pub fn snapshot(&mut self, write: &mut dyn FnMut(&[u8])) -> Option<u64> {
        if !self.log.begin_snapshot(&mut self.engine) {
            return None;
        }
        let mut bytes = Vec::new();
        let mut length = 0;
        let mut put = |record: &Record<'_>| {
            bytes.clear();
            record.write(&mut bytes);
            length += bytes.len() as u64;
            write(&bytes);
        };
        put(&Record::Start { wall: self.clock.wall(), client_id: self.client_id() });
        for (id, known) in self.filters.known() {
            put(&Record::Filter { id, known });
        }
        for (ticket, entry) in self.deliveries.iter().filter(|(_, entry)| entry.tag != 0 || entry.expires != 0) {
            put(&Record::Message { ticket, tag: entry.tag, expires: entry.expires });
        }
        if self.latest_tag != 0 {
            put(&Record::LatestTag(self.latest_tag));
        }
        let mut journal = Vec::new();
        self.engine.snapshot(&mut |piece| journal.extend_from_slice(piece));
        match &self.session.realms {
            Some(realms) => put(&Record::Session { realms: realms.as_bytes(), records: &journal }),
            None => put(&Record::Engine(&journal)),
        }
        Some(self.log.end_snapshot(length))
    }

    /// Returns the counters.
    pub fn stats(&self) -> Stats {
        Stats {
            unfinished: self.deliveries.len() as u64,
            waiting: self.queues.waiting() as u64,
            waiting_bytes: self.queues.weight() as u64,
            unacknowledged: self.held.len() as u64,
            dropped: self.queues.dropped(),
            stray_replies: self.requests.strays(),
            filters: self.filters.len() as u64,
            engine: self.engine.stats(),
            ..self.stats.clone()
        }
    }

    /// Returns whether a link is up and accepted.
    pub fn is_connected(&self) -> bool {
        self.is_up()
    }

    /// Returns the server of the current link: its place in the list, even if it redirected the client.
    pub fn server(&self) -> Option<ServerId> {
        self.link.candidate.as_ref().filter(|_| self.is_up()).map(|candidate| candidate.server)
    }

    /// Returns the latest attempt, successful or not.
    pub fn latest_link(&self) -> LinkId {
        self.link.id
    }

    /// Returns whether there is a link, or the agent is dialling or will dial.
    pub fn wants_link(&self) -> bool {
        !matches!(self.phase, Phase::Idle { dial_at: None } | Phase::Done)
    }

    /// Returns whether nothing is unfinished: no queued or unacknowledged message or request, and no pending acknowledgement.
    pub fn is_idle(&self) -> bool {
        self.engine.is_idle() && self.inbox.len() == 0
    }

    /// Returns the protocol version of the current link; without a link, the one that the next link will use.
    pub fn version(&self) -> Version {
        match self.phase {
            Phase::Open => self.engine.version(),
            _ => self.version.version(),
        }
    }

    /// Returns the limits in force.
    pub fn limits(&self) -> Limits {
        self.engine.limits()
    }

    /// Returns whether the agent has shut down.
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }
}

/// Returns a connection without output.
fn mute() -> Box<Connection<Heap>> {
    Box::new(Connection::new(Heap::new(), Limits::DEFAULT))
}

/// Pops from a queue that is seldom used: an empty one releases its memory.
fn pop<T>(queue: &mut VecDeque<T>) -> Option<T> {
    let next = queue.pop_front();
    if queue.is_empty() && queue.capacity() > 0 {
        *queue = VecDeque::new();
    }
    next
}
