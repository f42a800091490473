//! The journal's records, read by a reader of its own, as `storage/record.rs` tells their form.

use crate::server::codec::{Packet, Publish, decode};
use std::collections::{BTreeMap, BTreeSet};

/// A record: its kind and its body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub kind: u8,
    pub body: Vec<u8>,
}

pub const VERSION: u8 = 1;
pub const COUNTERS: u8 = 2;
pub const SESSION: u8 = 3;
pub const RECEIVED: u8 = 10;
const NEW_SESSION: u8 = 5;
const DISCARDED: u8 = 6;
const ACCEPTED: u8 = 7;
const RELEASED: u8 = 8;
const DONE: u8 = 9;
const REPLACED: u8 = 12;

/// What the kinds are called.
pub const NAMES: [&str; 13] = [
    "nothing",
    "version",
    "counters",
    "session",
    "no session",
    "new session",
    "forgotten",
    "accepted",
    "released",
    "done",
    "received",
    "completed",
    "replaced",
];

/// Where the frame of a message begins: behind handle and flags.
const FRAME: usize = 9;
/// The flag of a frame that is encoded for 5.0 whatever the version of the log is.
const IN_V5: u8 = 2;

impl Record {
    /// It says what the server holds.
    pub fn is_of_session(&self) -> bool {
        [SESSION, NEW_SESSION, DISCARDED].contains(&self.kind)
    }

    /// Without what is not kept: whether the message may have been sent, and how long it lives.
    pub fn essence(&self, level: u8) -> Self {
        let mut record = self.clone();
        if record.kind == ACCEPTED {
            let level = if record.body.get(FRAME - 1).is_some_and(|flags| flags & IN_V5 != 0) { 5 } else { level };
            if let Some(publish) = message(record.body.get(FRAME..).unwrap_or_default(), level) {
                record.body.truncate(FRAME);
                record.body.extend(format!("{publish:02x?}").bytes());
            }
        }
        record
    }
}

/// The PUBLISH that a frame is.
fn message(frame: &[u8], level: u8) -> Option<Publish> {
    let (first, mut rest) = frame.split_first()?;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        if byte & 0x80 == 0 {
            break;
        }
    }
    match decode(*first, rest, level) {
        Ok(Packet::Publish(mut publish)) => {
            publish.dup = false;
            publish.props.retain(|(id, _)| *id != 0x02);
            Some(publish)
        }
        _ => None,
    }
}

/// The whole records of a log.
pub fn read(log: &[u8]) -> Vec<Record> {
    read_with_ends(log).into_iter().map(|(record, _)| record).collect()
}

/// The whole records of a part of a log, and where each ends.
pub fn read_with_ends(log: &[u8]) -> Vec<(Record, usize)> {
    let mut records = Vec::new();
    let mut rest = log.strip_prefix(b"PMQJ\x03\0\0\0").unwrap_or(log);
    while let Some((record, behind)) = next(rest) {
        rest = behind;
        records.push((record, log.len() - rest.len()));
    }
    records
}

fn next(log: &[u8]) -> Option<(Record, &[u8])> {
    let (kind, mut rest) = log.split_first()?;
    let (mut length, mut shift) = (0, 0);
    loop {
        let (byte, behind) = rest.split_first()?;
        rest = behind;
        length |= usize::from(byte & 0x7F) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let body = rest.get(1..1 + length)?;
    Some((Record { kind: *kind, body: body.to_vec() }, rest.get(1 + length + 4..)?))
}

/// The running numbers of the messages that a snapshot holds: a handle has its identifier below them.
pub fn handles(records: &[Record]) -> Vec<u64> {
    let accepted = records.iter().filter(|record| record.kind == ACCEPTED);
    accepted.filter_map(|record| record.body.first_chunk().map(|bytes| u64::from_le_bytes(*bytes) >> 16)).collect()
}

/// What a log says of messages, by the running numbers in their handles.
#[derive(Default)]
pub struct History {
    /// Those that were accepted.
    pub accepted: BTreeSet<u64>,
    /// Those of them that are over.
    pub ended: BTreeSet<u64>,
}

impl History {
    pub fn of<'r>(records: impl Iterator<Item = &'r Record>) -> Self {
        let mut history = Self::default();
        // By identifier: the handle, and whether PUBREC came.
        let mut open: BTreeMap<u16, (u64, bool)> = BTreeMap::new();
        // By number: the messages whose place it took.
        let mut replaced: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
        for record in records {
            let id = record.body.first_chunk().map_or(0, |bytes| u16::from_le_bytes(*bytes));
            let handle = record.body.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
            match record.kind {
                ACCEPTED => {
                    open.insert(handle as u16, (handle >> 16, false));
                    history.accepted.insert(handle >> 16);
                    history.ended.extend(replaced.remove(&((handle >> 16) as u32)).unwrap_or_default());
                }
                RELEASED => drop(open.entry(id).and_modify(|(_, is_released)| *is_released = true)),
                REPLACED => {
                    let by =
                        record.body.get(8..).and_then(|by| by.first_chunk()).map_or(0, |by| u32::from_le_bytes(*by));
                    let mut over = replaced.remove(&((handle >> 16) as u32)).unwrap_or_default();
                    over.extend(open.get(&(handle as u16)).filter(|open| open.0 == handle >> 16).map(|open| open.0));
                    match by {
                        0 => history.ended.extend(over),
                        by => replaced.entry(by).or_default().extend(over),
                    }
                }
                DONE => history.ended.extend(open.remove(&id).map(|(handle, _)| handle)),
                NEW_SESSION => open.retain(|_, (open, is_released)| {
                    let is_over = *is_released || *open <= handle >> 16;
                    history.ended.extend(is_over.then_some(*open));
                    !is_over
                }),
                DISCARDED => history.ended.extend(std::mem::take(&mut open).into_values().map(|(handle, _)| handle)),
                _ => {}
            }
        }
        history
    }
}
