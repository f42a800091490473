//! The journal's records, read by a reader of its own, as `storage/record.rs` tells their form.

use crate::server::codec::{Packet, Publish, decode};

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
const ACCEPTED: u8 = 7;

/// What the kinds are called.
pub const NAMES: [&str; 12] = [
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
];

/// Where the frame of a message begins: behind handle and flags.
const FRAME: usize = 9;
/// The flag of a frame that is encoded for 5.0 whatever the version of the log is.
const IN_V5: u8 = 2;

impl Record {
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
    let mut records = Vec::new();
    let mut rest = log.get(8..).unwrap_or_default();
    while let Some((record, behind)) = next(rest) {
        records.push(record);
        rest = behind;
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
