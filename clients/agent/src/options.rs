//! Agent settings.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use pure_mqtt::{Limits, OnTooLong, QoS, Version};

use crate::ids::{Realm, ServerId};
use crate::realms::Realms;

/// The settings of an [`Agent`](crate::Agent). Start from [`Options::new`]: a minor version may add settings.
///
/// ```
/// use pure_mqtt_agent::{Options, Server};
///
/// fn main() {
///     let options = Options { keep_alive: 30, servers: vec![Server::new(), Server::new()], ..Options::new("gateway-7", 4711) };
///     assert_eq!(options.servers.len(), 2);
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    /// The client identifier (§3.1.3.1). Empty: a server of 5.0 assigns one; if 3.1 or the server does not allow that, a random one is used.
    pub client_id: String,
    /// The servers, in the order in which they are tried; those of one realm in a random order, so that a fleet of clients spreads over the nodes of a cluster. The one
    /// that accepted a link last is tried first. Default: one.
    pub servers: Vec<Server>,
    /// The version; with [`lowest_version`](Self::lowest_version) the highest one. Default: 5.0.
    pub version: Version,
    /// The lowest version for fallback when a server refuses [`version`](Self::version). `None` (the default): no fallback.
    pub lowest_version: Option<Version>,
    /// Keep Alive in seconds (§3.1.2.10); 0: none. Default: 60.
    pub keep_alive: u16,
    /// When a session starts anew. Default: on the first link.
    pub clean_start: CleanStart,
    /// Session Expiry Interval in seconds (§3.1.2.11.2), only in 5.0; `u32::MAX`: never. Default: 86,400, one day.
    pub session_expiry: u32,
    /// User name, password and authentication of CONNECT. [`dialed`](crate::Agent::dialed) can override them. Default: none.
    pub login: Login,
    /// The will (§3.1.2.5). Default: none.
    pub will: Option<Will>,
    /// Marks the client as a bridge, in 3.1 and 3.1.1: some servers treat bridges differently. Default: false.
    pub bridge: bool,
    /// Further properties of CONNECT, encoded as on the wire, without the length before them; only in 5.0. Default: none.
    pub connect_properties: Bytes,
    /// The engine's limits. `manual_acks` and `version` are set by the agent. Default: [`Limits::DEFAULT`], with Receive Maximum 256, 100 messages in flight, and messages of up
    /// to 256 MiB; longer ones are discarded with an event.
    pub limits: Limits,
    /// Whether the agent or the client decides when to dial. Default: the agent. The first dial is at once; after a failure it waits a random time of 0 to 5 s, then 0 to 10 s, up
    /// to 0 to 120 s.
    pub redial: Redial,
    /// Whether to keep dialling, after the longest delay, when a failure is permanent: refused credentials, an untrusted certificate, a refused client identifier. With `false`
    /// the agent stops, and [`Event::LinkDown`](crate::Event::LinkDown) has no next dial. Default: true.
    pub retry_lasting: bool,
    /// Time-out of a dial in milliseconds. Default: 30,000; at most 5,000 while other servers remain in the round.
    pub dial_timeout: u32,
    /// What to do with a Server Reference (0x9C, 0x9D).
    pub redirects: Redirects,
    /// Whether the agent keeps a log, which the client makes durable. Default: false.
    pub durable: bool,
    /// What to do when the log can't be written. Default: refuse.
    pub on_store_failure: OnStoreFailure,
    /// On how many links a message may be sent without an acknowledgement before it ends with [`End::AttemptsUsedUp`](crate::End::AttemptsUsedUp). 0 (the default): any number.
    pub max_attempts: u8,
    /// Maximum bytes of received messages in the queues of all receivers. At the limit, reading stops. Default: 64 MiB. A longer message is accepted when nothing else is queued.
    /// Receive Maximum alone does not bound them: some servers exceed it, as mosquitto 2.0.11 does while many messages are queued.
    pub max_waiting: usize,
    /// Maximum time in milliseconds for which PUBLISH is held back on a new session until the last SUBSCRIBE has been sent. Default: 5,000.
    pub hold_timeout: u32,
    /// Time in milliseconds after which an unacknowledged message that holds back others is reported by [`Event::AcksHeld`](crate::Event::AcksHeld). Default: 10,000.
    pub ack_alarm: u32,
    /// Maximum number of filters in one SUBSCRIBE, 1 to 16. Default: 8; some services refuse more.
    pub subscribe_batch: usize,
    /// The topic for replies to [`request`](crate::Agent::request). Empty (the default): `reply/` and the client identifier.
    pub response_topic: String,
    /// Seed of the random numbers for jitter. It must differ between clients; otherwise all of them reconnect at the same moment.
    pub seed: u64,
}

impl Options {
    /// Creates the defaults, with this client identifier and seed.
    pub fn new(client_id: impl Into<String>, seed: u64) -> Self {
        Self {
            client_id: client_id.into(),
            servers: alloc::vec![Server::new()],
            version: Version::V5,
            lowest_version: None,
            keep_alive: 60,
            clean_start: CleanStart::First,
            session_expiry: 24 * 60 * 60,
            login: Login::default(),
            will: None,
            bridge: false,
            connect_properties: Bytes::new(),
            limits: Self::LIMITS,
            redial: Redial::Agent { min: 5_000, max: 120_000, stands_after: 30_000 },
            retry_lasting: true,
            dial_timeout: 30_000,
            redirects: Redirects::default(),
            durable: false,
            on_store_failure: OnStoreFailure::Refuse,
            max_attempts: 0,
            max_waiting: 64 << 20,
            hold_timeout: 5_000,
            ack_alarm: 10_000,
            subscribe_batch: 8,
            response_topic: String::new(),
            seed,
        }
    }

    /// The default of [`limits`](Self::limits).
    pub const LIMITS: Limits = Limits {
        max_inflight: 100,
        receive_maximum: 256,
        inline_max: 256 << 20,
        on_too_long: OnTooLong::Discard,
        manual_acks: true,
        ..Limits::DEFAULT
    };

    /// Returns the limits for the engine.
    pub(crate) fn engine_limits(&self, version: Version) -> Limits {
        Limits { manual_acks: true, version, ..self.limits }
    }

    pub(crate) fn server(&self, id: ServerId) -> Option<&Server> {
        self.servers.get(usize::from(id.0))
    }

    /// Returns the realms that share the sessions of a server: its own, and those of the other nodes of its cluster.
    pub(crate) fn realms(&self, id: ServerId) -> Realms {
        let cluster = self.server(id).and_then(|server| server.cluster);
        let nodes = (0..self.servers.len() as u16).map(ServerId).filter(|one| {
            let is_node = self.server(*one).is_some_and(|server| server.cluster.is_some() && server.cluster == cluster);
            *one == id || is_node
        });
        Realms::new(nodes.map(|node| self.realm(node)))
    }

    /// Returns the realm of a server; unless set, each entry of the list is a realm of its own.
    fn realm(&self, id: ServerId) -> Realm {
        self.server(id).and_then(|server| server.realm).unwrap_or(Realm(id.0.into()))
    }

    /// Returns the topic for replies.
    pub(crate) fn reply_topic(&self) -> String {
        match self.response_topic.is_empty() {
            true => alloc::format!("reply/{}", self.client_id),
            false => self.response_topic.clone(),
        }
    }
}

/// A server in the list. The client keeps its address, TLS settings and proxy; the agent needs only what concerns sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// Servers of one realm share sessions. `None` (the default): this server shares them with no other. With a [log](Options::durable), derive the realm from the address, not
    /// from the place in the list.
    pub realm: Option<Realm>,
    /// Entries with the same number are nodes of one cluster, and share sessions as well. The realm of each goes to the log, so that a session goes on when nodes are added to
    /// the list, removed or put in another order, as long as one of them stays. `None` (the default): not a node.
    pub cluster: Option<u16>,
    /// The name has SRV records: the client is asked for them before it dials ([`Action::Resolve`](crate::Action::Resolve)). Default: false.
    pub has_srv: bool,
    /// The link is protected by TLS; so are redirects from it. Default: false.
    pub is_secure: bool,
}

impl Server {
    /// Creates a server that shares its sessions with no other.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a server of a cluster whose nodes share sessions.
    pub fn in_realm(realm: Realm) -> Self {
        Self { realm: Some(realm), ..Self::default() }
    }
}

/// When a session starts anew (Clean Start in 5.0, Clean Session before).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CleanStart {
    /// On the first link, unless the session was recovered from a log. In 3.1 and 3.1.1 a session with Clean Session ends with its link, so the agent then needs two links.
    #[default]
    First,
    /// On every link.
    Always,
    /// Never, except for a server of another realm: a session that the server kept from an earlier run is resumed.
    Never,
}

/// Who decides when to dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Redial {
    /// The agent. The first dial is at once; after a failure it waits a random time of 0 to `min`, after the next one of 0 to twice `min`, and so on up to `max`. A failure is a
    /// lost link, or a round in which each server was dialled once.
    Agent {
        /// The first bound in milliseconds.
        min: u32,
        /// The highest bound in milliseconds.
        max: u32,
        /// After a link has been up for this many milliseconds, the bound is reset to `min`.
        stands_after: u32,
    },
    /// The client, by [`dial`](crate::Agent::dial).
    Host,
}

/// What to do with a Server Reference, by which a server redirects a client (§4.11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirects {
    /// Maximum number of redirects in a row; 0: none. Default: 3.
    pub most: u8,
    /// Hosts that get the credentials: exact names, or suffixes that begin with a dot, such as `.example.com`. Default: none.
    pub trusted: Vec<String>,
    /// Whether to follow redirects to other hosts too, without user name, password and authentication data. Default: false.
    pub follow_others: bool,
}

impl Default for Redirects {
    fn default() -> Self {
        Self { most: 3, trusted: Vec::new(), follow_others: false }
    }
}

impl Redirects {
    /// Returns whether the host may get the credentials.
    pub(crate) fn trusts(&self, name: &str) -> bool {
        self.trusted.iter().any(|trusted| match trusted.starts_with('.') {
            true => ends_with_ignoring_case(name, trusted),
            false => name.eq_ignore_ascii_case(trusted),
        })
    }
}

fn ends_with_ignoring_case(name: &str, ending: &str) -> bool {
    let start = name.len().checked_sub(ending.len());
    start.and_then(|start| name.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(ending))
}

/// What to do when the log can't be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnStoreFailure {
    /// Close the link, and refuse publishes at QoS 1 and 2 until a new snapshot has been written.
    #[default]
    Refuse,
    /// Continue without a log.
    GoOnVolatile,
}

/// The part of CONNECT that may differ from link to link, such as tokens. `None` uses the value of [`Options::login`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// The user name.
    pub user_name: Option<String>,
    /// The password; before 5.0 only beside a user name.
    pub password: Option<Bytes>,
    /// Authentication Method and first Authentication Data (§4.12), 5.0 only.
    pub method: Option<(String, Bytes)>,
}

impl Login {
    /// Returns this login, with missing parts taken from `other`.
    pub(crate) fn or(&self, other: &Self) -> Self {
        Self {
            user_name: self.user_name.clone().or_else(|| other.user_name.clone()),
            password: self.password.clone().or_else(|| other.password.clone()),
            method: self.method.clone().or_else(|| other.method.clone()),
        }
    }
}

/// Shows which parts are set, but no secrets.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user_name", &self.user_name)
            .field("password", &self.password.as_ref().map(|_| "hidden"))
            .field("method", &self.method.as_ref().map(|(method, _)| method))
            .finish()
    }
}

/// A message that the server publishes when the link is lost (§3.1.2.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Will {
    /// The topic name.
    pub topic: String,
    /// The payload.
    pub payload: Bytes,
    /// The QoS of the message.
    pub qos: QoS,
    /// Whether the server retains the message.
    pub retain: bool,
    /// Properties, encoded as on the wire, without the length before them; only in 5.0.
    pub properties: Bytes,
}
