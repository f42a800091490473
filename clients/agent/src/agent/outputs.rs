//! What the face fetches: actions, wakes, events, bytes, deadlines and the log.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use pure_mqtt::{Connection, Heap, Instant, Limits, Transmit, Version};

use super::{Agent, Phase};
use crate::durable::Record;
use crate::event::{Action, Event, Wake};
use crate::ids::{LinkId, ServerId};
use crate::stats::Stats;

/// So many bytes are read ahead of what was looked at.
const READ_AHEAD: usize = 256 * 1024;

impl Agent {
    /// What the face is to do next; to be fetched until there is none, after every call, and after output was [sent](Self::transmit). Where the end of a link is followed by a pause,
    /// even by one of no length, there is no dial before [`Event::LinkDown`] was taken: whoever wants no other link can say so.
    pub fn poll_action(&mut self) -> Option<Action> {
        if self.outbox.actions.is_empty() {
            self.settle();
        }
        pop(&mut self.outbox.actions)
    }

    /// Whether [`poll_action`](Self::poll_action) has something: a face that is about to sleep should not.
    pub fn has_actions(&self) -> bool {
        !self.outbox.actions.is_empty()
    }

    /// Who may have something to do now; to be fetched until there is nobody, after every call.
    pub fn poll_wake(&mut self) -> Option<Wake> {
        self.outbox.wakes.pop_front()
    }

    /// Takes at most one packet, and tells at most one event. Between two calls, commands, deadlines and output get their turn, so that no handler holds up the
    /// others by more than itself. To be called while [`is_runnable`](Self::is_runnable).
    pub fn step(&mut self, now: Instant) -> Option<Event> {
        self.step_with(now, |_| {})
    }

    /// The same, and shows the engine's event on its way: for faces that tell more of a packet than the agent's events do, such as the properties of CONNACK or
    /// PUBACK. [`Ticket::of`](crate::Ticket::of) leads from its handle to the ticket.
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

    /// Something can be done without waiting for anybody: call [`step`](Self::step).
    pub fn is_runnable(&self) -> bool {
        !self.outbox.events.is_empty() || self.can_take()
    }

    pub(super) fn can_take(&self) -> bool {
        matches!(self.phase, Phase::Open)
            && self.inbox.is_ready()
            && self.queues.weight() < self.options.max_waiting.max(1)
            && !self.log.is_frozen()
    }

    /// More bytes of the transport are welcome. If not, leave them in the transport, so that the server feels it.
    pub fn wants_input(&self) -> bool {
        let is_short = self.inbox.len() < READ_AHEAD || !self.inbox.is_ready() && !self.inbox.is_blocked();
        matches!(self.phase, Phase::Open) && self.link.transport_end.is_none() && is_short
    }

    /// Bytes for the server: write [`chunk`](Transmit::chunk), and confirm with [`advance`](Transmit::advance) what the transport took. Afterwards fetch
    /// [actions](Self::poll_action), since the last bytes may have been what a link that is over waited for.
    pub fn transmit(&mut self, now: Instant) -> Transmit<'_> {
        let now = self.clock.see(now);
        if !matches!(self.phase, Phase::Open) || self.log.is_frozen() {
            return self.mute.get_or_insert_with(mute).transmit(now);
        }
        self.mute = None;
        self.unblock();
        self.engine.transmit(now)
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` for not before another call. It changes with each call.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_deadline()
    }

    /// Bytes to append to the log, and the sequence to [report](Self::stored) once they are durable. Each byte is handed out once.
    pub fn take_log(&mut self) -> Option<(Vec<u8>, u64)> {
        self.log.take()
    }

    /// Writes a whole log that leads to the present state, in pieces, and returns the sequence to [report](Self::log_replaced) once it has taken the place of the old
    /// one; what [`take_log`](Self::take_log) gives from then on belongs behind it. `None`, and nothing is written, as long as records of the old log wait to become
    /// durable.
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

    /// Counters.
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

    /// A link is up, and accepted.
    pub fn is_connected(&self) -> bool {
        self.is_up()
    }

    /// The server that the link leads to, while it is up: the place in the list, also of a redirect that came from there.
    pub fn server(&self) -> Option<ServerId> {
        self.link.candidate.as_ref().filter(|_| self.is_up()).map(|candidate| candidate.server)
    }

    /// The latest attempt, whether a link came of it or not.
    pub fn latest_link(&self) -> LinkId {
        self.link.id
    }

    /// There is a link, or one is dialled, now or later.
    pub fn wants_link(&self) -> bool {
        !matches!(self.phase, Phase::Idle { dial_at: None } | Phase::Done)
    }

    /// Nothing is unfinished: no message or request waits or is out, and no acknowledgement is owed.
    pub fn is_idle(&self) -> bool {
        self.engine.is_idle() && self.inbox.len() == 0
    }

    /// The version that the link speaks; without a link the one that the next one will.
    pub fn version(&self) -> Version {
        match self.phase {
            Phase::Open => self.engine.version(),
            _ => self.version.version(),
        }
    }

    /// The limits in force.
    pub fn limits(&self) -> Limits {
        self.engine.limits()
    }

    /// Whether the agent has shut down.
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }
}

/// A connection that has nothing to say.
fn mute() -> Box<Connection<Heap>> {
    Box::new(Connection::new(Heap::new(), Limits::DEFAULT))
}

/// The next of what seldom happens: a queue that is empty again gives its memory back.
fn pop<T>(queue: &mut VecDeque<T>) -> Option<T> {
    let next = queue.pop_front();
    if queue.is_empty() && queue.capacity() > 0 {
        *queue = VecDeque::new();
    }
    next
}
