//! The features, demands and refusals of the broker. By default it behaves as the standard requires, with all features.

use super::codec::{Props, Version};
use std::collections::BTreeSet;

/// The features, demands and refusals of the broker. By default it behaves as the standard requires, with all features.
///
/// All fields may be changed at any time with [`Broker::configure`](crate::Broker::configure); limits that a CONNACK announces should only change between
/// connections. Later versions may add fields: end with `..Config::default()`.
///
/// ```
/// use pure_mqtt_test_broker::{Broker, Config, Version};
///
/// fn main() -> std::io::Result<()> {
///     let broker = Broker::start_with(Config {
///         versions: vec![Version::V5],
///         receive_maximum: Some(2),
///         maximum_packet_size: Some(1_000),
///         shared_available: false,
///         ..Config::default()
///     })?;
///     println!("{}", broker.url());
///     Ok(())
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// Versions that are served; clients of others get a 3.1.1 CONNACK with code 1, as from an older server.
    pub versions: Vec<Version>,
    /// Receive Maximum towards clients; `None` leaves the property out, which means 65535.
    pub receive_maximum: Option<u16>,
    /// The maximum QoS: for publishing, and granted to subscriptions.
    pub maximum_qos: u8,
    /// Whether clients may publish retained messages.
    pub retain_available: bool,
    /// The largest packet that a 5.0 client may send, in bytes.
    pub maximum_packet_size: Option<u32>,
    /// The highest topic alias that a client may use.
    pub topic_alias_maximum: u16,
    /// Overrides the client's keep alive.
    pub server_keep_alive: Option<u16>,
    /// The prefix of assigned client identifiers; a counter follows.
    pub assigned_prefix: String,
    /// Overrides the client's Session Expiry Interval, in seconds.
    pub session_expiry: Option<u32>,
    /// Whether filters may contain wildcards.
    pub wildcard_available: bool,
    /// Whether subscription identifiers may be used.
    pub subscription_id_available: bool,
    /// Whether `$share` filters may be used.
    pub shared_available: bool,
    /// Response Information for clients that ask for it.
    pub response_information: Option<String>,
    /// Appended to the properties of every accepting CONNACK.
    pub extra_connack_properties: Props,
    /// Refuses every CONNECT with this code, sent unchanged.
    pub refuse_connect: Option<u8>,
    /// Refuses every filter of a SUBSCRIBE with this code.
    pub refuse_subscribe: Option<u8>,
    /// The only accepted user name and password.
    pub credentials: Option<(String, Vec<u8>)>,
    /// How many AUTH challenges precede CONNACK if CONNECT has an authentication method.
    pub auth_rounds: u32,
    /// How many AUTH challenges a re-authentication has.
    pub reauth_rounds: u32,
    /// Answers a re-authentication with DISCONNECT and this code.
    pub refuse_reauth: Option<u8>,
    /// Keeps PUBACK, PUBREC and PUBCOMP back until [`Broker::release_acks`](crate::Broker::release_acks).
    pub hold_acks: bool,
    /// Releases held acknowledgements in reverse order.
    pub reverse_held_acks: bool,
    /// Reason code of every PUBACK; with 0x80 and above the message is also discarded.
    pub puback_reason: Option<u8>,
    /// Reason code of every PUBREC; with 0x80 and above the message is also discarded.
    pub pubrec_reason: Option<u8>,
    /// Uses topic aliases towards clients that allow them.
    pub use_aliases: bool,
    /// Ends the links of clients that send a packet above this many bytes, whatever was announced. Default: 64 MiB.
    pub largest_packet: usize,
    /// Closes links without a packet for one and a half times their keep alive.
    pub enforce_keep_alive: bool,
    /// Deliberate faults.
    pub faults: BTreeSet<Fault>,
    /// How many lines the log keeps; 0 switches it off.
    pub transcript_limit: usize,
}

/// Faults that affect all clients, for [`Config::faults`]. Faults of single packets are set by the script.
///
/// ```
/// use pure_mqtt_test_broker::{Broker, Config, Fault};
///
/// fn main() -> std::io::Result<()> {
///     let broker = Broker::start_with(Config { faults: [Fault::IgnorePacketSize].into(), ..Config::default() })?;
///     println!("{}", broker.url());
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Fault {
    /// CONNACK has Session Present, even if there is no session.
    ClaimSession,
    /// CONNACK has no Session Present, although there is a session.
    DenySession,
    /// The broker ignores the client's Receive Maximum.
    IgnoreReceiveMaximum,
    /// The broker ignores the client's Maximum Packet Size.
    IgnorePacketSize,
    /// A session is resumed without its shared subscriptions, as mosquitto 2.0 does after it was killed.
    ForgetShared,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            versions: vec![Version::V31, Version::V311, Version::V5],
            receive_maximum: None,
            maximum_qos: 2,
            retain_available: true,
            maximum_packet_size: None,
            topic_alias_maximum: 16,
            server_keep_alive: None,
            assigned_prefix: "auto-".into(),
            session_expiry: None,
            wildcard_available: true,
            subscription_id_available: true,
            shared_available: true,
            response_information: None,
            extra_connack_properties: Props::new(),
            refuse_connect: None,
            refuse_subscribe: None,
            credentials: None,
            auth_rounds: 0,
            reauth_rounds: 0,
            refuse_reauth: None,
            hold_acks: false,
            reverse_held_acks: false,
            puback_reason: None,
            pubrec_reason: None,
            use_aliases: false,
            largest_packet: 64 << 20,
            enforce_keep_alive: true,
            faults: BTreeSet::new(),
            transcript_limit: 4096,
        }
    }
}

impl Config {
    /// Returns whether a fault is switched on.
    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// The Receive Maximum in force.
    pub fn receive_limit(&self) -> usize {
        usize::from(self.receive_maximum.unwrap_or(u16::MAX))
    }
}
