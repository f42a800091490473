//! The journal's records, read by a reader of its own, as `storage/record.rs` tells their form.

/// A record: its kind and its body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub kind: u8,
    pub body: Vec<u8>,
}

pub const COUNTERS: u8 = 2;
const ACCEPTED: u8 = 7;

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

/// The handles of the messages that a snapshot holds.
pub fn handles(records: &[Record]) -> Vec<u64> {
    let accepted = records.iter().filter(|record| record.kind == ACCEPTED);
    accepted.filter_map(|record| record.body.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))).collect()
}
