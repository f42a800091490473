//! Creating an agent, new or from a log.

use alloc::vec::Vec;

use pure_mqtt::{Connection, Heap, Instant, VersionFallback};

use super::{Agent, Clock, Ends, Leaving, Link, Outbox, Phase, Session, Timers};
use crate::dialling::Rounds;
use crate::durable::{History, Log, Record, RecoverError, read};
use crate::event::Event;
use crate::ids::Ticket;
use crate::inbox::Inbox;
use crate::options::{Options, Redial};
use crate::receiving::Asking;
use crate::sending::{Entry, Requests};
use crate::stats::Stats;

impl Agent {
    /// Creates an agent without a session. With [`Redial::Agent`] it dials at once.
    ///
    /// `wall` is the time in seconds since 1970, or 0. It is needed only for messages that expire across a restart.
    pub fn new(options: Options, now: Instant, wall: u64) -> Self {
        let storage = if options.durable { Heap::with_journal() } else { Heap::new() };
        let engine = Connection::new(storage, options.engine_limits(options.version));
        let mut agent = Self::with(options, engine, now, wall, 0);
        agent.log.record(&Record::Start { wall, client_id: &agent.options.client_id.clone() });
        agent.settle();
        agent
    }

    /// Creates the agent that wrote `log`, in its state after the last complete record; a new agent if the log is empty. Also returns how many bytes of the log are valid:
    /// truncate the file there. What follows was being written when the power failed.
    ///
    /// Unfinished messages are reported by [`Event::Recovered`]. Subscribe again before the first link is up: filters from before the restart that were not subscribed to by
    /// then are unsubscribed.
    ///
    /// # Errors
    /// [`RecoverError`]: the log is damaged, belongs to another client, or was written by a later version.
    pub fn recover(options: Options, now: Instant, wall: u64, log: &[u8]) -> Result<(Self, usize), RecoverError> {
        let history = read(log)?;
        if history.used == 0 {
            return Ok((Self::new(Options { durable: true, ..options }, now, wall), 0));
        }
        // An identifier that a server assigned identifies the session.
        let is_ours = options.client_id.is_empty() || history.client_id == options.client_id;
        if !is_ours {
            return Err(RecoverError::OtherClient { client_id: history.client_id });
        }
        let limits = options.engine_limits(options.version);
        let recovered = Connection::recover(Heap::with_journal(), limits, now, &history.engine);
        let (engine, _) = recovered.map_err(RecoverError::Session)?;
        let options = Options { durable: true, client_id: history.client_id.clone(), ..options };
        let mut agent = Self::with(options, engine, now, wall, history.used as u64);
        let used = history.used;
        agent.go_on(&history);
        agent.settle();
        Ok((agent, used))
    }

    fn with(options: Options, engine: Connection<Heap>, now: Instant, wall: u64, log: u64) -> Self {
        let lowest = options.lowest_version.unwrap_or(options.version);
        let dial_at = if options.redial == Redial::Host { None } else { Some(now) };
        Self {
            mute: None,
            clock: Clock { now, wall, start: now },
            phase: Phase::Idle { dial_at },
            link: Link::default(),
            rounds: Rounds::new(&options),
            own_id: None,
            version: VersionFallback::new(options.version).down_to(lowest),
            versions: (options.version, lowest),
            session: Session::default(),
            inbox: Inbox::default(),
            sent_at_block: 0,
            filters: Default::default(),
            asking: Asking::new(options.subscribe_batch),
            queues: Default::default(),
            held: Default::default(),
            default_receiver: None,
            concerned: Vec::new(),
            reply_receiver: None,
            deliveries: Default::default(),
            accepted_bytes: 0,
            tickets: Default::default(),
            requests: Requests::new([options.seed, wall, log]),
            caution: Default::default(),
            latest_tag: 0,
            withdrawn: Default::default(),
            flushes: Default::default(),
            log: Log::new(options.durable, log),
            leaving: Leaving::No,
            timers: Timers::default(),
            outbox: Outbox::default(),
            ends: Ends::default(),
            stats: Stats::default(),
            engine,
            options,
        }
    }

    /// Restores the state from a log.
    fn go_on(&mut self, history: &History<'_>) {
        self.own_id = Some(history.client_id.clone()).filter(|id| !id.is_empty());
        let (realms, was_told) = (history.realms.clone(), history.realms.is_some());
        self.session = Session { realms, was_told, begins_anew: false };
        self.latest_tag = history.latest_tag;
        for (id, known) in &history.filters {
            self.filters.recover(*id, known);
        }
        let unfinished: Vec<_> = self
            .engine
            .unacknowledged()
            .map(|message| (message.handle, message.qos, message.may_have_arrived))
            .collect();
        let is_unfinished = |ticket| unfinished.iter().any(|(handle, ..)| Ticket::of(*handle) == ticket);
        if let Some(ticket) = history.last_message.filter(|ticket| !is_unfinished(*ticket)) {
            self.log.record(&Record::Message { ticket, tag: 0, expires: 0 }); // its number is used again
        }
        for (handle, qos, may_have_arrived) in unfinished {
            let (tag, expires) = history.messages.get(&Ticket::of(handle)).copied().unwrap_or_default();
            let entry = Entry { handle, qos, tag, record: 0, may_have_arrived, expires };
            let ticket = self.deliveries.add(entry);
            self.outbox.events.push_back(Event::Recovered { ticket, tag });
            if expires != 0 && expires <= self.clock.wall() {
                self.expire(ticket);
            }
        }
    }
}
