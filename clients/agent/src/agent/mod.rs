//! The agent and its parts.
//!
//! Calls enter through `inputs` and `commands`, and end in `settle`, which carries out all consequences that need no further call. `packets` handles packets of the server,
//! `links` the lifecycle of links; the client fetches results through `outputs`.

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

/// A sans-IO MQTT client: it decides where and when to dial, keeps sessions and subscriptions, and reports the result of each message.
///
/// The [crate's page](crate) is its contract: the client's loop, and the decisions that the agent makes.
#[derive(Debug)]
pub struct Agent {
    options: Options,
    engine: Connection<Heap>,
    /// A connection without output, used while the engine must not send.
    mute: Option<alloc::boxed::Box<Connection<Heap>>>,
    clock: Clock,
    phase: Phase,
    link: Link,
    rounds: Rounds,
    /// The identifier that the server has assigned, or a random one, if the settings have none.
    own_id: Option<String>,
    version: VersionFallback,
    /// The highest and the lowest version of the settings.
    versions: (Version, Version),
    session: Session,
    inbox: Inbox,
    /// How many bytes had been sent when a packet from the server found no room for its answer.
    sent_at_block: u64,
    filters: Filters,
    asking: Asking,
    queues: Queues,
    held: Held,
    default_receiver: Option<Receiver>,
    /// Empty between two messages: the receivers of a message, so that no list is allocated for each.
    concerned: Vec<Receiver>,
    /// The receiver of replies, once there was a request.
    reply_receiver: Option<Receiver>,
    deliveries: Deliveries,
    /// Bytes of messages accepted since memory was last released.
    accepted_bytes: usize,
    tickets: Tickets,
    requests: Requests,
    caution: Caution,
    /// The tag of the latest QoS 1 or 2 message that has one.
    latest_tag: u64,
    /// Messages that the agent gives up by itself, with the end to report.
    withdrawn: BTreeMap<Handle, End>,
    flushes: BTreeMap<Ticket, Flush>,
    log: Log,
    leaving: Leaving,
    timers: Timers,
    outbox: Outbox,
    ends: Ends,
    stats: Stats,
}

/// The clock.
#[derive(Debug)]
struct Clock {
    now: Instant,
    /// The seconds of the wall clock at `start`.
    wall: u64,
    start: Instant,
}

impl Clock {
    /// Advances the time, which never goes back.
    fn see(&mut self, now: Instant) -> Instant {
        self.now = self.now.max(now);
        self.now
    }

    /// Returns the seconds of the wall clock.
    fn wall(&self) -> u64 {
        self.wall + self.now.millis_since(self.start) / 1_000
    }
}

/// The phase of the link.
#[derive(Debug)]
enum Phase {
    /// No link; the agent dials at this time.
    Idle { dial_at: Option<Instant> },
    /// SRV records are being looked up.
    Resolving { not_after: Instant },
    /// The client is establishing a transport.
    Dialling { not_after: Instant },
    /// The engine has the link.
    Open,
    /// The agent has shut down.
    Done,
}

/// The current dial or link, or the last one.
#[derive(Debug, Default)]
struct Link {
    id: LinkId,
    /// Its address.
    candidate: Option<Candidate>,
    /// When the server accepted it.
    accepted: Option<Instant>,
    /// The transport is closed, for this reason; its input is still being processed.
    transport_end: Option<String>,
    /// The reason that the server gave for the end.
    last_words: Option<(ReasonCode, Option<String>)>,
    /// The Server Reference of the server.
    reference: Option<String>,
    /// It only clears an old session: in 3.1 and 3.1.1 that takes a separate link.
    is_wiping: bool,
    /// A message was received, or one of ours was acknowledged.
    has_progress: bool,
    /// The next link is dialled without a delay.
    is_to_be_replaced: bool,
}

#[derive(Debug, Default)]
struct Session {
    /// The realms of the known session.
    realms: Option<Realms>,
    /// A link of this agent was accepted before.
    was_told: bool,
    /// The program requested a new session.
    begins_anew: bool,
}

/// Ends of links, as long as they are the same.
#[derive(Debug, Default)]
struct Ends {
    last: Option<LinkEnd>,
    times: u32,
}

#[derive(Debug)]
struct Flush {
    /// The flush ends when all messages up to this one have ended.
    up_to: Ticket,
    /// The deadline of the flush.
    not_after: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    No,
    /// The program does not want a link.
    Disconnected,
    /// Unfinished messages are completed first.
    Finishing {
        deadline: Instant,
        /// The program had not disconnected before, so the agent may dial.
        may_dial: bool,
    },
    /// DISCONNECT is being sent; then the shutdown is complete.
    Closing,
}

/// Deadlines of no other part.
#[derive(Debug, Default)]
struct Timers {
    /// PUBLISH is held back until this time at most.
    hold_until: Option<Instant>,
    /// The message last reported by `AcksHeld`, by the time since which it holds back others.
    told_of: Option<Instant>,
    /// When a failed snapshot is retried.
    store_retry: Option<Instant>,
    /// The deadlines of flushes.
    flushes: BTreeSet<(Instant, Ticket)>,
}

/// What the client has yet to fetch.
#[derive(Debug, Default)]
struct Outbox {
    actions: VecDeque<Action>,
    wakes: VecDeque<Wake>,
    events: VecDeque<Event>,
    /// A publish was refused for lack of room.
    is_full: bool,
    /// Something has ended since, so there may be room.
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
    /// Returns the identifier for CONNECT.
    fn client_id(&self) -> &str {
        match &self.own_id {
            Some(own) if self.options.client_id.is_empty() => own,
            _ => &self.options.client_id,
        }
    }

    /// Changes the identifier if the settings have none. It identifies the session from now on, also after a restart.
    fn rename(&mut self, client_id: &str) {
        self.log.record(&Record::ClientId(client_id));
        self.own_id = Some(client_id.into());
    }

    fn random_id(&mut self) -> ClientId {
        let mut random = || u128::from(self.rounds.random());
        ClientId::from_random(random() << 96 | random() << 64 | random() << 32 | random())
    }

    /// Returns the engine's limits for the next link.
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

    /// Returns the time-out in milliseconds of the next dial, and of CONNACK, depending on the remaining servers.
    fn quick(&self) -> u32 {
        match self.rounds.has_others(self.clock.now) {
            true if self.rounds.has_sharers() => QUICK_NODE,
            true => QUICK,
            false => u32::MAX,
        }
    }
}

/// Queues of up to this capacity are kept.
const SMALL: usize = 16;

/// Returns the time-out in milliseconds for PINGRESP if the session can continue on another node: half a keep alive of `seconds`, so that silence is detected within one and a
/// half keep alives; a quarter of a long keep alive, since the next node needs time as well.
fn quick_pingresp(seconds: u16) -> u32 {
    let millis = u32::from(seconds) * 1_000;
    (millis / 4).max(5_000).min(millis / 2)
}

/// The time-out in milliseconds of a dial, and of CONNACK, while other servers remain.
const QUICK: u32 = 5_000;

/// The same within a cluster. With the delay before it, a silent node costs at most 5 seconds beyond the time for detecting the silence.
const QUICK_NODE: u32 = 2_500;
