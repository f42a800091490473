//! The settings of an agent.

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
    /// The client identifier (§3.1.3.1). Empty: a server of 5.0 assigns one; where 3.1 or a server
    /// doesn't allow that, a random one is used.
    pub client_id: String,
    /// The servers, in the order in which they are tried; those of one realm in a random order, so that a fleet of clients spreads over the nodes of a cluster. The one
    /// that accepted a link last is tried first. Default: one.
    pub servers: Vec<Server>,
    /// The version, or the highest one where [`lowest_version`](Self::lowest_version) allows others. Default: 5.0.
    pub version: Version,
    /// The lowest version to fall back to when a server refuses [`version`](Self::version). `None` (the default) for no fallback.
    pub lowest_version: Option<Version>,
    /// Keep Alive in seconds (§3.1.2.10); 0 for none. Default: 60.
    pub keep_alive: u16,
    /// When a session begins anew. Default: with the first link.
    pub clean_start: CleanStart,
    /// Session Expiry Interval in seconds (§3.1.2.11.2), 5.0 only; `u32::MAX` for never. Default: one day.
    pub session_expiry: u32,
    /// User name, password and authentication of CONNECT, unless a dial brings others. Default: none.
    pub login: Login,
    /// The will (§3.1.2.5). Default: none.
    pub will: Option<Will>,
    /// Marks the client as a bridge, in 3.1 and 3.1.1: some servers treat it so. Default: false.
    pub bridge: bool,
    /// More properties of CONNECT, encoded as on the wire, without the length before them; 5.0 only. Default: none.
    pub connect_properties: Bytes,
    /// What the engine holds itself and the server to. `manual_acks` and `version` are set by the agent. Default: those of [`Limits::DEFAULT`], but Receive
    /// Maximum 256, 100 in flight, and messages of up to 256 MiB, of which longer ones are thrown away with an event.
    pub limits: Limits,
    /// Who decides when to dial. Default: the agent. The first dial is at once; after a failure it waits a random time of 0 to 5 s, then 0 to 10 s, up to 0 to 120 s.
    pub redial: Redial,
    /// Go on dialling, at the longest pause, after a failure that won't get better by itself: refused credentials, an untrusted certificate, a refused client
    /// identifier. With `false` the agent stops, and says so in [`Event::LinkDown`](crate::Event::LinkDown). Default: true.
    pub retry_lasting: bool,
    /// Milliseconds that a dial may take. Default: 30,000; while other servers are left in the round, at most 5,000.
    pub dial_timeout: u32,
    /// What becomes of a Server Reference (0x9C, 0x9D).
    pub redirects: Redirects,
    /// Keeps a log, which the host makes durable. `Options::store` of the tokio client sets it. Default: false.
    pub durable: bool,
    /// What happens when the log can't be written. Default: refuse.
    pub on_store_failure: OnStoreFailure,
    /// On how many links a message may be sent without an answer before it is given up ([`End::AttemptsUsedUp`](crate::End::AttemptsUsedUp)). 0 (the default) for any
    /// number.
    pub max_attempts: u8,
    /// Bytes of received messages that wait for their receivers, together. When they are reached, reading stops. Default: 64 MiB. A longer message is taken when
    /// nothing else waits. Receive Maximum alone does not bound them: some servers exceed it, as mosquitto 2.0.11 does while many messages are queued.
    pub max_waiting: usize,
    /// Milliseconds for which PUBLISH is held back on a new session until the last SUBSCRIBE has left. Default: 5,000.
    pub hold_timeout: u32,
    /// Milliseconds after which an unacknowledged message that holds back others is told ([`Event::AcksHeld`](crate::Event::AcksHeld)). Default: 10,000.
    pub ack_alarm: u32,
    /// How many filters go in one SUBSCRIBE, 1 to 16. Default: 8, more than which some services refuse.
    pub subscribe_batch: usize,
    /// The topic that replies to [`request`](crate::Agent::request) come to. Empty (the default) for `reply/` and the client identifier.
    pub response_topic: String,
    /// Seed of the random numbers for jitter. It must differ between clients, or all of them come back at one moment.
    pub seed: u64,
}

impl Options {
    /// The defaults, with this client identifier and this seed.
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

    /// The limits as the engine is to have them.
    pub(crate) fn engine_limits(&self, version: Version) -> Limits {
        Limits { manual_acks: true, version, ..self.limits }
    }

    pub(crate) fn server(&self, id: ServerId) -> Option<&Server> {
        self.servers.get(usize::from(id.0))
    }

    /// The realms that share the sessions of a server: its own, and those of the other nodes of its cluster.
    pub(crate) fn realms(&self, id: ServerId) -> Realms {
        let cluster = self.server(id).and_then(|server| server.cluster);
        let nodes = (0..self.servers.len() as u16).map(ServerId).filter(|one| {
            let is_node = self.server(*one).is_some_and(|server| server.cluster.is_some() && server.cluster == cluster);
            *one == id || is_node
        });
        Realms::new(nodes.map(|node| self.realm(node)))
    }

    /// Unless set, each entry of the list is a realm of its own.
    fn realm(&self, id: ServerId) -> Realm {
        self.server(id).and_then(|server| server.realm).unwrap_or(Realm(id.0.into()))
    }

    /// The topic that replies come to.
    pub(crate) fn reply_topic(&self) -> String {
        match self.response_topic.is_empty() {
            true => alloc::format!("reply/{}", self.client_id),
            false => self.response_topic.clone(),
        }
    }
}

/// A server in the list. Its address, TLS and proxy are the host's; the agent knows what decides about sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// Servers of one realm share sessions. `None` (the default): this entry shares with no other. With a [log](Options::durable) it should be made of the address, and not of the place
    /// in the list.
    pub realm: Option<Realm>,
    /// Entries with the same number are nodes of one cluster, and share sessions as well. The realm of each goes to the log, so that a session goes on when nodes are added to
    /// the list, removed or put in another order, as long as one of them stays. `None` (the default): not a node.
    pub cluster: Option<u16>,
    /// The name stands for SRV records: the host is asked for them first ([`Action::Resolve`](crate::Action::Resolve)). Default: false.
    pub has_srv: bool,
    /// The link is protected by TLS. Default: false. A redirect keeps it.
    pub is_secure: bool,
}

impl Server {
    /// A server that shares its sessions with no other.
    pub fn new() -> Self {
        Self::default()
    }

    /// A server of a cluster whose nodes share sessions.
    pub fn in_realm(realm: Realm) -> Self {
        Self { realm: Some(realm), ..Self::default() }
    }
}

/// When a session begins anew (Clean Start of 5.0, Clean Session before).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CleanStart {
    /// With the first link, unless the session was recovered from a log. In 3.1 and 3.1.1 a session that begins clean ends with its link, so there are two links then.
    #[default]
    First,
    /// With every link.
    Always,
    /// Never, but for a server of another realm: what the server holds from an earlier life goes on.
    Never,
}

/// Who decides that it is time to dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Redial {
    /// The agent. The first dial is at once; after a failure it waits a random time of 0 to `min`, after the next one of 0 to twice `min`, and so on up to `max`. A failure is a
    /// lost link, or a round in which each server was dialled once.
    Agent {
        /// The first step in milliseconds.
        min: u32,
        /// The longest step in milliseconds.
        max: u32,
        /// After a link has stood so many milliseconds, waits begin with `min` again.
        stands_after: u32,
    },
    /// The host, by [`dial`](crate::Agent::dial).
    Host,
}

/// What becomes of a Server Reference, by which a server sends a client elsewhere (§4.11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirects {
    /// How many are followed in a row. 0: none. Default: 3.
    pub most: u8,
    /// Names of hosts that get the credentials: exact ones, or endings that begin with a dot, as `.example.com`. Default: none.
    pub trusted: Vec<String>,
    /// Also follow to hosts that are not trusted: without user name, password and authentication data. Default: false.
    pub follow_others: bool,
}

impl Default for Redirects {
    fn default() -> Self {
        Self { most: 3, trusted: Vec::new(), follow_others: false }
    }
}

impl Redirects {
    /// Whether the host may have the credentials.
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

/// What happens when the log can't be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnStoreFailure {
    /// The link is given up, and publishes at QoS 1 and 2 are refused, until a whole new snapshot could be written.
    #[default]
    Refuse,
    /// The client goes on as one without a log.
    GoOnVolatile,
}

/// The part of CONNECT that may be made anew for each link: tokens, signed names. `None` keeps what [`Options::login`] says.
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
    /// This login, with what it leaves out taken from `other`.
    pub(crate) fn or(&self, other: &Self) -> Self {
        Self {
            user_name: self.user_name.clone().or_else(|| other.user_name.clone()),
            password: self.password.clone().or_else(|| other.password.clone()),
            method: self.method.clone().or_else(|| other.method.clone()),
        }
    }
}

/// Shows which parts there are, and none of the secrets.
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
    /// The delivery guarantee.
    pub qos: QoS,
    /// Whether the server keeps it for the topic.
    pub retain: bool,
    /// Properties, encoded as on the wire, without the length before them; 5.0 only.
    pub properties: Bytes,
}
