//! The faces: each has an agent, brings its transports up, keeps its log, and has a program above it.

use pure_mqtt_agent::{AckToken, Agent, FailureClass, Instant, LinkId, Options, Receiver, ServerId, Ticket};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub struct Host {
    pub options: Options,
    /// Which server each entry of the list is.
    pub places: Vec<usize>,
    pub agent: Agent,
    /// How often the power was lost.
    pub life: u32,
    pub receivers: Vec<Inbox>,
    pub default: Option<Receiver>,
    pub link: Option<usize>,
    pub dials: Vec<Attempt>,
    pub resolves: Vec<(u64, ServerId)>,
    pub store: Store,
    pub tickets: BTreeMap<Ticket, What>,
    /// Messages that found no room.
    pub backlog: VecDeque<(u64, String, u8, usize)>,
    /// The program has disconnected, or the agent doesn't dial by itself.
    pub is_down: bool,
    pub is_shut: bool,
    pub is_done: bool,
    pub dials_at: VecDeque<u64>,
    /// Realms that the agent's session may be of.
    pub realms: BTreeSet<usize>,
    pub all_realms: BTreeSet<usize>,
    pub last_server: Option<usize>,
    /// Links in this life that were accepted; the latest began a new session.
    pub accepted: u32,
    pub is_fresh: bool,
    /// The agent knows of a session.
    pub is_told: bool,
    /// The server has begun a new session, and the agent was not told.
    pub is_unseen: bool,
    /// The program has forgotten a session that the server may still have.
    pub has_forgotten: bool,
    pub ids: Vec<LinkId>,
    pub recovered: BTreeSet<Ticket>,
    pub busy: u32,
}

/// A dial under way.
pub struct Attempt {
    pub due: u64,
    pub id: LinkId,
    pub server: ServerId,
    pub is_elsewhere: bool,
    pub failure: Option<(FailureClass, Option<Instant>)>,
    pub is_given_up: bool,
}

/// Of a dial that nothing is heard of.
pub const NEVER: u64 = u64::MAX;

/// What a ticket stands for.
#[derive(Debug, Clone)]
pub enum What {
    Message(u64),
    Subscribe(Vec<String>),
    Unsubscribe,
    Flush(Vec<u64>),
    Request(u64),
}

/// A receiver of the program.
pub struct Inbox {
    pub id: Receiver,
    pub is_alive: bool,
    pub is_awake: bool,
    pub pace: u64,
    pub next_at: u64,
    /// Filters, since when they are wanted.
    pub wants: BTreeMap<String, u64>,
    pub ever: BTreeSet<String>,
    pub tokens: Vec<(u64, u64, AckToken)>,
    pub current: Option<u64>,
    pub done: BTreeSet<u64>,
    pub twos: BTreeMap<u64, u32>,
    pub is_default: bool,
    /// The latest message by topic, QoS and link.
    pub latest: BTreeMap<(String, u8, u32), u64>,
}

#[derive(Default)]
pub struct Store {
    pub is_on: bool,
    pub durable: Vec<u8>,
    pub writes: VecDeque<Write>,
}

pub struct Write {
    pub due: u64,
    pub bytes: Vec<u8>,
    pub sequence: u64,
    pub is_snapshot: bool,
    pub fails: bool,
}

impl Inbox {
    pub fn new(id: Receiver, pace: u64, is_default: bool) -> Self {
        let (wants, ever, tokens, done, twos, latest) = Default::default();
        let (is_alive, is_awake, next_at, current) = (true, false, 0, None);
        Self { id, is_alive, is_awake, pace, next_at, wants, ever, tokens, current, done, twos, is_default, latest }
    }

    pub fn next_time(&self) -> Option<u64> {
        let next = (self.is_alive && self.is_awake).then_some(self.next_at);
        self.tokens.iter().map(|(due, ..)| *due).chain(next).min()
    }

    /// The receiver is dropped; what it has taken may still be acknowledged.
    pub fn drop_it(&mut self) {
        self.is_alive = false;
        self.wants.clear();
    }
}

impl Host {
    pub fn new(options: Options, agent: Agent) -> Self {
        let (store, receivers, dials, resolves, tickets, backlog) = Default::default();
        let (dials_at, realms, all_realms, ids, recovered) = Default::default();
        let is_down = options.redial == pure_mqtt_agent::Redial::Host;
        let places = (0..options.servers.len()).collect();
        Self {
            options,
            places,
            agent,
            life: 0,
            receivers,
            default: None,
            link: None,
            dials,
            resolves,
            store,
            tickets,
            backlog,
            is_down,
            is_shut: false,
            is_done: false,
            dials_at,
            realms,
            all_realms,
            last_server: None,
            accepted: 0,
            is_fresh: false,
            is_told: false,
            is_unseen: false,
            has_forgotten: false,
            ids,
            recovered,
            busy: 0,
        }
    }

    /// Which server an entry of the list is.
    pub fn place(&self, id: ServerId) -> usize {
        self.places[usize::from(id.0)]
    }

    /// The nodes of clusters in another order, and some of them gone, but at least one of each cluster.
    pub fn recast(&mut self, rng: &mut fastrand::Rng) {
        let mut list: Vec<_> = self.options.servers.drain(..).zip(self.places.drain(..)).collect();
        rng.shuffle(&mut list);
        let mut index = 0;
        while index < list.len() {
            let cluster = list[index].0.cluster;
            let is_last = list.iter().filter(|(server, _)| server.cluster == cluster).count() == 1;
            if rng.u8(0..4) == 0 && !is_last {
                list.remove(index);
            } else {
                index += 1;
            }
        }
        (self.options.servers, self.places) = list.into_iter().unzip();
    }

    /// When the host has something to do by itself.
    pub fn next_time(&self) -> Option<u64> {
        let dials = self.dials.iter().map(|attempt| attempt.due).filter(|due| *due != NEVER);
        let resolves = self.resolves.iter().map(|(due, _)| *due);
        let writes = self.store.writes.front().map(|write| write.due);
        let inboxes = self.receivers.iter().filter_map(Inbox::next_time);
        dials
            .chain(resolves)
            .chain(writes)
            .chain(inboxes)
            .chain(self.agent.poll_timeout().map(Instant::as_millis))
            .min()
    }

    /// Whether all that it waits for has come.
    pub fn pending(&self) -> Vec<String> {
        let mut open = Vec::new();
        open.extend(self.tickets.iter().map(|(ticket, what)| format!("ticket {ticket}: {what:?}")));
        open.extend(self.backlog.iter().map(|(number, ..)| format!("message {number} finds no room")));
        let stats = self.agent.stats();
        if stats.unfinished > 0 || stats.unacknowledged > 0 {
            open.push(format!("{} unfinished, {} unacknowledged", stats.unfinished, stats.unacknowledged));
        }
        open
    }

    /// The power is lost: what is left of the log. The last write may be there in part.
    pub fn lose_power(&mut self, rng: &mut fastrand::Rng, tears: bool) -> (Vec<u8>, bool) {
        let mut log = std::mem::take(&mut self.store.durable);
        let mut is_torn = false;
        if let Some(write) =
            self.store.writes.pop_front().filter(|write| tears && !write.is_snapshot && !write.bytes.is_empty())
        {
            let part = rng.usize(0..write.bytes.len());
            log.extend_from_slice(&write.bytes[..part]);
            is_torn = part > 0;
        }
        self.store.writes.clear();
        (log, is_torn)
    }
}
