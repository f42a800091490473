//! Counters.

use alloc::string::String;

use pure_mqtt::Stats as EngineStats;

/// The counters of a client, for a dashboard; the method `stats` returns them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Links that a server accepted.
    pub links: u64,
    /// Dials, whatever came of them.
    pub dials: u64,
    /// Dials from which no transport came.
    pub failed_dials: u64,
    /// Transports on which the server refused CONNECT, or didn't answer.
    pub refused: u64,
    /// Redirects that were followed.
    pub redirects: u64,
    /// Messages accepted from the program.
    pub published: u64,
    /// Messages whose end was a success.
    pub delivered: u64,
    /// Messages with another end.
    pub failed: u64,
    /// Messages without an end now.
    pub unfinished: u64,
    /// Messages taken from the server.
    pub received: u64,
    /// Messages that wait for the program now.
    pub waiting: u64,
    /// The bytes they take.
    pub waiting_bytes: u64,
    /// Messages that the program has and has not acknowledged.
    pub unacknowledged: u64,
    /// QoS 0 messages dropped because a subscription's queue was full.
    pub dropped: u64,
    /// Messages that no subscription wanted.
    pub unrouted: u64,
    /// Messages thrown away since they were too long, or had no topic.
    pub discarded: u64,
    /// Replies that came too late, or to no request.
    pub stray_replies: u64,
    /// Filters that are subscribed to, or are to be.
    pub filters: u64,
    /// How the last link or dial ended.
    pub last_end: Option<String>,
    /// The engine's counters.
    pub engine: EngineStats,
}
