//! Requests: messages that expect a reply (§4.10).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use pure_mqtt::Instant;

use crate::ids::Ticket;
use crate::message::Incoming;

/// Requests without a reply, and replies to be fetched.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    open: BTreeMap<Ticket, Request>,
    deadlines: BTreeSet<(Instant, Ticket)>,
    /// How replies are matched: by Correlation Data of 5.0, or by a topic. Of several requests with one topic, the oldest gets the reply.
    keys: BTreeSet<(Key, Ticket)>,
    replies: BTreeMap<Ticket, Incoming>,
    /// The number of late and foreign replies, which are discarded.
    strays: u64,
    /// The latest Correlation Data.
    last: u64,
}

#[derive(Debug)]
struct Request {
    not_after: Instant,
    key: Key,
    /// The topic of the reply.
    topic: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Correlation([u8; 8]),
    Topic(String),
}

impl Requests {
    /// Correlation Data starts at a random number, so late replies to an earlier run of the program do not match. The number depends on the seed, on the second, and on the
    /// length of the log, since a program may restart within a second.
    pub(crate) fn new(seeds: [u64; 3]) -> Self {
        let last = seeds.into_iter().fold(0, |mixed: u64, seed| {
            let mixed = (mixed ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            mixed ^ mixed >> 29
        });
        Self { last, ..Self::default() }
    }

    /// Returns Correlation Data for the next request.
    pub(crate) fn correlation(&mut self) -> [u8; 8] {
        self.last = self.last.wrapping_add(1);
        self.last.to_be_bytes()
    }

    pub(crate) fn add(&mut self, ticket: Ticket, key: Key, topic: String, not_after: Instant) {
        self.keys.insert((key.clone(), ticket));
        self.deadlines.insert((not_after, ticket));
        self.open.insert(ticket, Request { not_after, key, topic });
    }

    pub(crate) fn contains(&self, ticket: Ticket) -> bool {
        self.open.contains_key(&ticket)
    }

    /// Returns the request that a message answers. A request that its sender receives has the same Correlation Data, but another topic.
    pub(crate) fn answers(&self, topic: &str, correlation: Option<&[u8]>) -> Option<Ticket> {
        if self.keys.is_empty() {
            return None;
        }
        let by_correlation = correlation.and_then(|data| Some(Key::Correlation(data.try_into().ok()?)));
        let is_there = |ticket: &Ticket| self.open.get(ticket).is_some_and(|request| request.topic == topic);
        let found = by_correlation.and_then(|key| self.oldest(key)).filter(is_there);
        found.or_else(|| self.oldest(Key::Topic(topic.into())))
    }

    fn oldest(&self, key: Key) -> Option<Ticket> {
        let first = (key, Ticket::default());
        let (found, ticket) = self.keys.range(&first..).next()?;
        (*found == first.0).then_some(*ticket)
    }

    /// Returns whether a request waits for its reply under this key.
    pub(crate) fn has(&self, key: &Key) -> bool {
        self.oldest(key.clone()).is_some()
    }

    /// Stores the reply to a finished request, to be fetched.
    pub(crate) fn keep(&mut self, ticket: Ticket, reply: Incoming) {
        self.replies.insert(ticket, reply);
    }

    pub(crate) fn note_stray(&mut self) {
        self.strays += 1;
    }

    pub(crate) fn take_reply(&mut self, ticket: Ticket) -> Option<Incoming> {
        self.replies.remove(&ticket)
    }

    /// Removes a finished request, and returns its key.
    pub(crate) fn remove(&mut self, ticket: Ticket) -> Option<Key> {
        let request = self.open.remove(&ticket)?;
        self.deadlines.remove(&(request.not_after, ticket));
        let (key, _) = self.keys.take(&(request.key, ticket))?;
        Some(key)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Returns a request that has timed out.
    pub(crate) fn overdue(&self, now: Instant) -> Option<Ticket> {
        self.deadlines.first().filter(|(at, _)| *at <= now).map(|(_, ticket)| *ticket)
    }

    /// Discards the reply.
    pub(crate) fn forget(&mut self, ticket: Ticket) {
        self.replies.remove(&ticket);
    }

    pub(crate) fn tickets(&self) -> Vec<Ticket> {
        self.open.keys().copied().collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(crate) fn strays(&self) -> u64 {
        self.strays
    }
}
