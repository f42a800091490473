//! The agent itself: its parts, and what holds them together.
//!
//! Calls come in through `inputs` and `commands`, and end in `settle`, which does everything that follows without another call. What a packet means is in
//! `packets`, what becomes of links in `links`; the face fetches the results through `outputs`.

mod commands;
mod inputs;
mod links;
mod outputs;
mod packets;
mod receiving;
mod settle;
mod start;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use pure_mqtt::{ClientId, Connection, Handle, Heap, Instant, Limits, ReasonCode, Version, VersionFallback};

use crate::dialling::{Candidate, Rounds};
use crate::durable::{Log, Record};
use crate::event::{Action, Event, LinkEnd, Wake};
use crate::ids::{LinkId, Receiver, Ticket};
use crate::inbox::Inbox;
use crate::options::Options;
use crate::realms::Realms;
use crate::receiving::{Asking, Filters, Held, Queues};
use crate::sending::{Caution, Deliveries, Requests, Tickets};
use crate::stats::Stats;
use crate::ticket::End;

pub use self::receiving::AckResult;

/// An MQTT client without I/O: it decides where and when to dial, keeps sessions and subscriptions, and knows what became of each message.
///
/// The [crate's page](crate) is its contract: the loop, and the thirteen decisions that it takes.
#[derive(Debug)]
pub struct Agent {
    options: Options,
    engine: Connection<Heap>,
    /// Shows nothing, while the engine must not.
    mute: Option<alloc::boxed::Box<Connection<Heap>>>,
    clock: Clock,
    phase: Phase,
    link: Link,
    rounds: Rounds,
    /// The identifier that the server has assigned, or a random one, where the settings have none.
    own_id: Option<String>,
    version: VersionFallback,
    /// The highest version and the lowest, as the settings say.
    versions: (Version, Version),
    session: Session,
    inbox: Inbox,
    /// How many bytes had left when a packet from the server found no room for its answer.
    sent_at_block: u64,
    filters: Filters,
    asking: Asking,
    queues: Queues,
    held: Held,
    default_receiver: Option<Receiver>,
    /// Empty between two messages, for whom a message concerns: so that it needn't be allocated for each.
    concerned: Vec<Receiver>,
    /// Where replies to requests come to, once there was a request.
    reply_receiver: Option<Receiver>,
    deliveries: Deliveries,
    /// Bytes of messages that were accepted since memory was given back.
    accepted_bytes: usize,
    tickets: Tickets,
    requests: Requests,
    caution: Caution,
    /// The program's number of the latest message at QoS 1 or 2 that has one.
    latest_tag: u64,
    /// Messages that the agent gives up by itself, with the end that is told.
    withdrawn: BTreeMap<Handle, End>,
    flushes: BTreeMap<Ticket, Flush>,
    log: Log,
    leaving: Leaving,
    timers: Timers,
    outbox: Outbox,
    ends: Ends,
    stats: Stats,
}

/// What is known of time.
#[derive(Debug)]
struct Clock {
    now: Instant,
    /// The second of the wall clock at `start`.
    wall: u64,
    start: Instant,
}

impl Clock {
    /// Time never goes back.
    fn see(&mut self, now: Instant) -> Instant {
        self.now = self.now.max(now);
        self.now
    }

    /// The second of the wall clock.
    fn wall(&self) -> u64 {
        self.wall + self.now.millis_since(self.start) / 1_000
    }
}

/// Where the link stands.
#[derive(Debug)]
enum Phase {
    /// There is none, and one is dialled then.
    Idle { dial_at: Option<Instant> },
    /// SRV records are looked up.
    Resolving { not_after: Instant },
    /// The face brings a transport up.
    Dialling { not_after: Instant },
    /// The engine has the link.
    Open,
    /// The agent has shut down.
    Done,
}

/// The present dial or link, or the last one.
#[derive(Debug, Default)]
struct Link {
    id: LinkId,
    /// Where it leads to.
    candidate: Option<Candidate>,
    /// When the server accepted it.
    accepted: Option<Instant>,
    /// The transport is gone, for this reason; what it brought is still read.
    transport_end: Option<String>,
    /// What the server said at the end.
    last_words: Option<(ReasonCode, Option<String>)>,
    /// Where the server asked to go.
    reference: Option<String>,
    /// It only ends an old session: in 3.1 and 3.1.1 that takes a link of its own.
    is_wiping: bool,
    /// Something got done on it: a message came, or one of ours was acknowledged.
    has_progress: bool,
    /// The next link is dialled without a pause.
    is_to_be_replaced: bool,
}

#[derive(Debug, Default)]
struct Session {
    /// The realms of the session that is known here.
    realms: Option<Realms>,
    /// A link of this agent was accepted before.
    was_told: bool,
    /// The program wants a new one.
    begins_anew: bool,
}

/// The ends of links, as long as they are the same.
#[derive(Debug, Default)]
struct Ends {
    last: Option<LinkEnd>,
    times: u32,
}

#[derive(Debug)]
struct Flush {
    /// It ends when all messages up to this one have.
    up_to: Ticket,
    /// Or then.
    not_after: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    No,
    /// The program doesn't want a link.
    Disconnected,
    /// What can be finished is finished first.
    Finishing {
        deadline: Instant,
        /// The program had not disconnected before, so that a link may come up.
        may_dial: bool,
    },
    /// DISCONNECT is on its way, and then it is over.
    Closing,
}

/// Deadlines that belong to no other part.
#[derive(Debug, Default)]
struct Timers {
    /// PUBLISH is held back until then at most.
    hold_until: Option<Instant>,
    /// The message that was told of last in `AcksHeld`, by the time since which it held back others.
    told_of: Option<Instant>,
    /// A snapshot is tried again.
    store_retry: Option<Instant>,
    /// Of flushes.
    flushes: BTreeSet<(Instant, Ticket)>,
}

/// What waits for the face.
#[derive(Debug, Default)]
struct Outbox {
    actions: VecDeque<Action>,
    wakes: VecDeque<Wake>,
    events: VecDeque<Event>,
    /// A publish was refused for lack of room.
    is_full: bool,
    /// Something has ended since, so that there may be room.
    has_room: bool,
}

impl Outbox {
    fn wake_ticket(&mut self, ticket: Ticket) {
        self.wakes.push_back(Wake::Ticket(ticket));
    }

    fn shrink(&mut self) {
        self.wakes.shrink_to(SMALL);
        self.events.shrink_to(SMALL);
    }
}

impl Agent {
    /// The identifier that CONNECT carries.
    fn client_id(&self) -> &str {
        match &self.own_id {
            Some(own) if self.options.client_id.is_empty() => own,
            _ => &self.options.client_id,
        }
    }

    /// Takes another identifier where the settings have none. It names the session from now on, also after a restart.
    fn rename(&mut self, client_id: &str) {
        self.log.record(&Record::ClientId(client_id));
        self.own_id = Some(client_id.into());
    }

    fn random_id(&mut self) -> ClientId {
        let mut random = || u128::from(self.rounds.random());
        ClientId::from_random(random() << 96 | random() << 64 | random() << 32 | random())
    }

    /// What the engine is to hold itself to on the next link.
    fn next_limits(&self, is_cautious: bool) -> Limits {
        let limits = self.options.engine_limits(self.version.version());
        let max_inflight = if is_cautious { 1 } else { limits.max_inflight };
        let quick = self.quick();
        let connack_timeout = match limits.connack_timeout {
            0 if quick != u32::MAX => quick,
            millis => millis.min(quick),
        };
        let pingresp_timeout = match limits.pingresp_timeout {
            0 if self.rounds.has_sharers() => quick_pingresp(self.options.keep_alive),
            millis => millis,
        };
        Limits { max_inflight, connack_timeout, pingresp_timeout, ..limits }
    }

    /// How many milliseconds the next dial may take, and as many CONNACK, in view of the servers that are left.
    fn quick(&self) -> u32 {
        match self.rounds.has_others(self.clock.now) {
            true if self.rounds.has_sharers() => QUICK_NODE,
            true => QUICK,
            false => u32::MAX,
        }
    }
}

/// Queues of this capacity are left as they are.
const SMALL: usize = 16;

/// Milliseconds for PINGRESP where the session can go on elsewhere: half a keep alive of `seconds`, so that silence is noticed within one and a half; of a long one a quarter, since the
/// node that takes the session over needs time as well.
fn quick_pingresp(seconds: u16) -> u32 {
    let millis = u32::from(seconds) * 1_000;
    (millis / 4).max(5_000).min(millis / 2)
}

/// While other servers are left, so many milliseconds are enough for a dial, and for CONNACK.
const QUICK: u32 = 5_000;

/// The same within a cluster. With the pause before it, a silent node has cost 5 seconds at most beyond the time in which silence is noticed.
const QUICK_NODE: u32 = 2_500;
