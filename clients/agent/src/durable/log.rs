//! The stream of records, and how much of it is durable.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use pure_mqtt::{Connection, Heap};

use super::record::Record;
use crate::realms::Realms;

/// A sequence is the number of bytes of the log so far, over all its files.
#[derive(Debug)]
pub(crate) struct Log {
    /// There is none: nothing is recorded, and nothing waits.
    is_off: bool,
    /// Bytes that the client has not fetched yet.
    bytes: Vec<u8>,
    /// The sequence behind `bytes`.
    end: u64,
    /// The sequence up to which everything is durable.
    stored: u64,
    /// Pieces of the engine's journal that are in the log: the sequence behind each, and its length.
    pieces: VecDeque<(u64, usize)>,
    /// Bytes of the engine's journal that are in `pieces`.
    copied: usize,
    /// How long the log was after the last snapshot, and when it is long enough for the next.
    compact_at: u64,
    /// A snapshot was asked for.
    is_asked: bool,
    /// It is time for another attempt at one.
    is_retried: bool,
    /// A snapshot is being written.
    is_replacing: bool,
    health: Health,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Good,
    /// A write has failed: a whole snapshot is to be written.
    Failed,
    /// That has failed too.
    Broken,
}

/// Logs shorter than this are not compacted.
const SHORT: u64 = 256 * 1024;

impl Log {
    /// A log that goes on behind `length` bytes, or none.
    pub(crate) fn new(is_on: bool, length: u64) -> Self {
        Self {
            is_off: !is_on,
            bytes: Vec::new(),
            end: length,
            stored: length,
            pieces: VecDeque::new(),
            copied: 0,
            compact_at: length.max(SHORT) * 2,
            is_asked: false,
            is_retried: false,
            is_replacing: false,
            health: Health::Good,
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        !self.is_off
    }

    /// Goes on without a log: what waited for one waits no longer.
    pub(crate) fn turn_off(&mut self, engine: &mut Connection<Heap>) {
        *self = Self::new(false, 0);
        self.skip(engine);
    }

    /// Without a log, what the engine records counts as written at once.
    fn skip(&mut self, engine: &mut Connection<Heap>) {
        while !engine.journal().is_empty() {
            engine.journal_written(engine.journal().len());
        }
    }

    pub(crate) fn record(&mut self, record: &Record<'_>) {
        if !self.is_off {
            let before = self.bytes.len();
            record.write(&mut self.bytes);
            self.end += (self.bytes.len() - before) as u64;
        }
    }

    /// Takes what the engine has recorded since.
    pub(crate) fn collect(&mut self, engine: &mut Connection<Heap>) {
        if self.is_off {
            return self.skip(engine);
        }
        if let Some(new) = engine.journal().get(self.copied..).filter(|new| !new.is_empty()) {
            self.record(&Record::Engine(new));
            self.note_copied(new.len());
        }
    }

    /// Takes what the engine has recorded of the beginning of a session of these realms.
    pub(crate) fn begin_session(&mut self, engine: &mut Connection<Heap>, realms: &Realms) {
        let records = engine.journal().get(self.copied..).unwrap_or_default();
        self.record(&Record::Session { realms: realms.as_bytes(), records });
        if !self.is_off && !records.is_empty() {
            self.note_copied(records.len());
        }
    }

    fn note_copied(&mut self, length: usize) {
        self.pieces.push_back((self.end, length));
        self.copied += length;
    }

    /// The sequence behind the latest record: what depends on it waits until that is durable.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    pub(crate) fn is_stored(&self, sequence: u64) -> bool {
        self.is_off || self.stored >= sequence
    }

    /// Bytes to append, with the sequence behind them.
    pub(crate) fn take(&mut self) -> Option<(Vec<u8>, u64)> {
        let is_stopped = self.is_off || self.health != Health::Good && !self.is_replacing;
        (!is_stopped && !self.bytes.is_empty()).then(|| (core::mem::take(&mut self.bytes), self.end))
    }

    pub(crate) fn shrink(&mut self) {
        self.pieces.shrink_to(self.pieces.len());
    }

    /// Everything up to there is durable.
    pub(crate) fn note_stored(&mut self, engine: &mut Connection<Heap>, sequence: u64) {
        if self.is_replacing || self.health != Health::Good {
            return; // a record that is durable in the old log alone is not in the new one
        }
        self.stored = self.stored.max(sequence.min(self.end));
        self.let_go(engine);
    }

    fn let_go(&mut self, engine: &mut Connection<Heap>) {
        while let Some((_, length)) = self.pieces.front().copied().filter(|(end, _)| *end <= self.stored) {
            self.pieces.pop_front();
            engine.journal_written(length);
            self.copied -= length;
        }
    }

    /// A snapshot is to be written, since the log is long, or it has failed. Says so once.
    pub(crate) fn asks_for_snapshot(&mut self, engine: &Connection<Heap>) -> bool {
        let is_long = self.end >= self.compact_at && engine.journal().is_empty() && self.bytes.is_empty();
        let is_due = match self.health {
            Health::Good => is_long,
            Health::Failed => true,
            Health::Broken => self.is_retried,
        };
        let is_wanted = !self.is_off && !self.is_replacing && is_due;
        let is_new = is_wanted && !self.is_asked;
        self.is_asked |= is_wanted;
        is_new
    }

    /// A snapshot of everything begins: what waited in the engine's journal is in it.
    pub(crate) fn begin_snapshot(&mut self, engine: &mut Connection<Heap>) -> bool {
        if self.is_off || self.health == Health::Good && !engine.journal().is_empty() {
            self.is_asked = false; // asked again when it is possible
            return false;
        }
        self.skip(engine);
        self.bytes.clear();
        self.pieces.clear();
        (self.copied, self.is_asked, self.is_replacing) = (0, false, true);
        true
    }

    /// The snapshot has so many bytes; its sequence.
    pub(crate) fn end_snapshot(&mut self, length: u64) -> u64 {
        self.end += length;
        self.compact_at = self.end + length.max(SHORT);
        self.end
    }

    /// The snapshot and what follows it, up to there, is durable.
    pub(crate) fn note_replaced(&mut self, engine: &mut Connection<Heap>, sequence: u64) {
        (self.is_replacing, self.health) = (false, Health::Good);
        self.note_stored(engine, sequence);
    }

    /// A write has failed. If it was that of a snapshot after a failure, or one could not even be begun, nothing more can be tried at once.
    pub(crate) fn note_failed(&mut self) {
        let was_asked = core::mem::take(&mut self.is_asked);
        let was_snapshot = core::mem::take(&mut self.is_replacing) || was_asked;
        self.health = match self.health {
            Health::Good => Health::Failed,
            Health::Failed if was_snapshot => Health::Broken,
            as_before => as_before,
        };
        self.is_retried = false;
    }

    /// Another attempt at a snapshot; nothing else is possible before it has succeeded.
    pub(crate) fn retry(&mut self) {
        self.is_retried = true;
    }

    pub(crate) fn health(&self) -> Health {
        self.health
    }

    /// The engine counts records as written that are in a snapshot which is not durable yet: nothing may leave.
    pub(crate) fn is_frozen(&self) -> bool {
        self.is_replacing && self.health != Health::Good || self.health == Health::Broken
    }
}
