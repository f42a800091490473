//! The device that the client lives in: with the very types that applications use, and with durable memory or without.

use pure_mqtt::storage::Journaled;
use pure_mqtt::{Connection, Fixed, Instant, Limits, Storage};
use std::fmt::{self, Debug, Formatter};
use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};

/// When everything begins.
pub const NOW: Instant = Instant::from_millis(0);

type Plain = Fixed<96, 8, 4, 64>;
/// Room for three messages and what packets cause, so that a full journal is met too.
const JOURNAL: usize = 192;

/// The client. Two of them are equal if their journals are, too.
#[derive(Clone)]
pub struct Client<M: Memory>(Connection<M::Storage>);

impl<M: Memory> Client<M> {
    pub fn new(limits: Limits) -> Self {
        Self(Connection::new(M::storage(), limits))
    }

    /// The client that wrote `log`, and how much of it counts.
    pub fn recover(limits: Limits, log: &[u8]) -> Option<(Self, usize)> {
        M::recover(limits, log).map(|(client, used)| (Self(client), used))
    }

    /// Records that are not durable yet.
    pub fn waiting(&self) -> &[u8] {
        M::waiting(&self.0)
    }

    /// All records are durable now: gives them, and the shortest log that leads to where the client is.
    pub fn store(&mut self) -> (Vec<u8>, Vec<u8>) {
        M::store(&mut self.0)
    }
}

impl<M: Memory> Deref for Client<M> {
    type Target = Connection<M::Storage>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<M: Memory> DerefMut for Client<M> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl<M: Memory> PartialEq for Client<M> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 && self.waiting() == other.waiting()
    }
}

impl<M: Memory> Eq for Client<M> {}

impl<M: Memory> Hash for Client<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
        self.waiting().hash(state);
    }
}

impl<M: Memory> Debug for Client<M> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a device remembers without power.
pub trait Memory: Clone + PartialEq + Eq + Hash + Debug + Send + Sync + 'static {
    type Storage: Storage + Clone + Send + Sync;
    /// It has a journal.
    const HAS_JOURNAL: bool;

    fn storage() -> Self::Storage;

    fn waiting(client: &Connection<Self::Storage>) -> &[u8];

    /// All records, and the shortest log.
    fn store(client: &mut Connection<Self::Storage>) -> (Vec<u8>, Vec<u8>);

    fn recover(limits: Limits, log: &[u8]) -> Option<(Connection<Self::Storage>, usize)>;
}

/// Nothing.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Forgets;

impl Memory for Forgets {
    type Storage = Plain;
    const HAS_JOURNAL: bool = false;

    fn storage() -> Plain {
        Fixed::new()
    }

    fn waiting(_: &Connection<Plain>) -> &[u8] {
        &[]
    }

    fn store(_: &mut Connection<Plain>) -> (Vec<u8>, Vec<u8>) {
        (Vec::new(), Vec::new())
    }

    fn recover(limits: Limits, _: &[u8]) -> Option<(Connection<Plain>, usize)> {
        Some((Connection::new(Fixed::new(), limits), 0))
    }
}

/// What is in its journal.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Remembers;

impl Memory for Remembers {
    type Storage = Journaled<Plain, JOURNAL>;
    const HAS_JOURNAL: bool = true;

    fn storage() -> Self::Storage {
        Journaled::new(Fixed::new())
    }

    fn waiting(client: &Connection<Self::Storage>) -> &[u8] {
        client.journal()
    }

    fn store(client: &mut Connection<Self::Storage>) -> (Vec<u8>, Vec<u8>) {
        let (mut records, mut log) = (Vec::new(), Vec::new());
        while !client.journal().is_empty() {
            records.extend_from_slice(client.journal());
            client.journal_written(client.journal().len()); // what there was no room for may follow
        }
        client.snapshot(&mut |bytes| log.extend_from_slice(bytes));
        (records, log)
    }

    fn recover(limits: Limits, log: &[u8]) -> Option<(Connection<Self::Storage>, usize)> {
        let (client, recovered) = Connection::recover(Self::storage(), limits, NOW, log).ok()?;
        Some((client, recovered.used))
    }
}
