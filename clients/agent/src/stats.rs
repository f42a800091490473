//! Counters.

use alloc::string::String;

use pure_mqtt::Stats as EngineStats;

/// The counters of a client, as its method `stats` returns them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Links that a server accepted.
    pub links: u64,
    /// Dials, successful or not.
    pub dials: u64,
    /// Dials that established no transport.
    pub failed_dials: u64,
    /// Transports on which the server refused CONNECT, or did not answer it.
    pub refused: u64,
    /// Redirects followed.
    pub redirects: u64,
    /// Messages accepted from the program.
    pub published: u64,
    /// Messages that ended successfully.
    pub delivered: u64,
    /// Messages that ended otherwise.
    pub failed: u64,
    /// Unfinished messages now.
    pub unfinished: u64,
    /// Messages received from the server.
    pub received: u64,
    /// Messages in the queues of receivers now.
    pub waiting: u64,
    /// The bytes of those messages.
    pub waiting_bytes: u64,
    /// Messages taken by the program and not acknowledged now.
    pub unacknowledged: u64,
    /// QoS 0 messages dropped because a receiver's queue was full.
    pub dropped: u64,
    /// Messages that matched no receiver.
    pub unrouted: u64,
    /// Messages discarded because they were too long or had an invalid topic.
    pub discarded: u64,
    /// Replies that arrived too late, or without a request.
    pub stray_replies: u64,
    /// Filters subscribed to, or being subscribed to, now.
    pub filters: u64,
    /// How the last link or dial ended.
    pub last_end: Option<String>,
    /// The engine's counters.
    pub engine: EngineStats,
}
