//! Durable memory, which takes its time, and may stop in the middle of a record.

use crate::memory::Memory;
use crate::records::{self, History, Record};
use pure_mqtt::Connection;

#[derive(Default)]
pub struct Disk {
    /// What is durable.
    pub log: Vec<u8>,
    /// Milliseconds until what is written is durable.
    pub delay: u64,
    /// Bytes that became durable, in all; a snapshot doesn't count.
    pub durable: u64,
    /// Bytes that are being written, and when they are durable.
    pub writing: usize,
    pub done_at: Option<u64>,
    /// The world's time.
    pub now: u64,
    /// Where the journal stood after the latest call.
    pub latest: u64,
    pub was_slow: bool,
    /// So many more bytes can be written before the power fails.
    pub supply: Option<usize>,
    pub is_dark: bool,
    /// All records that were seen in the journal, and where each ends; up to where it was looked at.
    pub records: Vec<(Record, u64)>,
    pub seen: u64,
}

impl Disk {
    /// After every call. Whether something became durable.
    pub fn save<S: Memory>(&mut self, mqtt: &mut Connection<S>) -> bool {
        self.look_at_records(mqtt);
        let length = S::journal(mqtt).len();
        self.latest = self.durable + length as u64;
        if length > self.writing && self.writing == 0 && !self.is_dark {
            self.writing = length;
            self.done_at = Some(self.now.saturating_add(self.delay));
            self.was_slow |= self.delay > 0;
            if self.delay == 0 {
                self.complete(mqtt);
                return !self.is_dark;
            }
        }
        false
    }

    /// What was being written is durable.
    pub fn complete<S: Memory>(&mut self, mqtt: &mut Connection<S>) {
        self.done_at = None;
        if self.is_dark {
            return;
        }
        if let Some(supply) = &mut self.supply {
            let left = supply.checked_sub(self.writing);
            if left.is_none() {
                self.is_dark = true; // in the middle of a record, perhaps
                return;
            }
            *supply = left.unwrap_or(0);
        }
        self.keep(mqtt, self.writing);
        S::written(mqtt, self.writing);
        self.writing = 0;
        if !S::journal(mqtt).is_empty() {
            self.save(mqtt);
        }
    }

    fn keep<S: Memory>(&mut self, mqtt: &Connection<S>, count: usize) {
        self.log.extend(&S::journal(mqtt)[..count]);
        self.durable += count as u64;
    }

    /// Where what is true now stands in the journal. `u64::MAX` if nobody can tell: a part of it is owed until there is room.
    pub fn noted_at<S: Memory>(&self, mqtt: &Connection<S>) -> u64 {
        let Some(mut fork) = S::fork(mqtt).filter(|_| !S::journal(mqtt).is_empty()) else { return self.position(mqtt) };
        let waiting = S::journal(&fork).len();
        S::written(&mut fork, waiting);
        if S::journal(&fork).is_empty() { self.position(mqtt) } else { u64::MAX }
    }

    /// The same, of what the server holds: its record is put before others.
    pub fn session_noted_at<S: Memory>(&self, mqtt: &Connection<S>) -> u64 {
        let start = self.latest.saturating_sub(self.durable) as usize;
        let records = records::read_with_ends(S::journal(mqtt).get(start..).unwrap_or_default());
        match records.iter().rev().find(|(record, _)| record.is_of_session()) {
            Some((_, end)) => self.durable + (start + end) as u64,
            None => self.noted_at(mqtt),
        }
    }

    /// Where the journal stands now.
    fn position<S: Memory>(&self, mqtt: &Connection<S>) -> u64 {
        self.durable + S::journal(mqtt).len() as u64
    }

    /// The power fails when so much of what was being written is durable.
    pub fn tear<S: Memory>(&mut self, mqtt: &Connection<S>, rng: &mut fastrand::Rng, tears: bool) -> bool {
        let count = match self.supply.take().filter(|_| self.is_dark) {
            Some(supply) => supply.min(self.writing),
            None if tears => rng.usize(0..=self.writing),
            None => 0,
        };
        self.is_dark = false;
        self.look_at_records(mqtt);
        let is_torn = count > 0 && count < self.writing;
        self.keep(mqtt, count);
        self.writing = 0;
        self.done_at = None;
        let durable = self.durable;
        self.records.retain(|(_, end)| *end <= durable);
        self.seen = durable;
        is_torn
    }

    /// What the journal said until now of every message, as far as it is durable after [`tear`](Self::tear).
    pub fn history(&self) -> History {
        History::of(self.records.iter().map(|(record, _)| record))
    }

    fn look_at_records<S: Memory>(&mut self, mqtt: &Connection<S>) {
        let start = (self.seen - self.durable) as usize;
        for (record, end) in records::read_with_ends(S::journal(mqtt).get(start..).unwrap_or_default()) {
            self.records.push((record, self.durable + (start + end) as u64));
        }
        self.seen = self.position(mqtt);
    }
}
