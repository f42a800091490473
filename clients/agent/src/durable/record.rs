//! The records of the log, and their form.
//!
//! ```text
//!   kind: u8 | length of body: u32 | body
//! ```
//!
//! Numbers are little-endian. There is no checksum: the store guards what it keeps, and the engine's own records have theirs.

use alloc::vec::Vec;

use pure_mqtt::{QoS, RetainHandling};

use crate::ids::{Realm, Ticket};
use crate::receiving::FilterOptions;

/// The form of this log.
const FORM: u8 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record<'r> {
    /// The first record: whose log it is, and the second of the wall clock when it began.
    Start { wall: u64, client_id: &'r str },
    /// Records of the engine's journal.
    Engine(&'r [u8]),
    /// What the engine doesn't know of a message: the program's number, and the second of the wall clock when it expires (0: never).
    Message { ticket: Ticket, tag: u64, expires: u64 },
    /// The session is one of this realm from here on; or, with the flag, will be once a clean start has begun it.
    Realm { realm: Realm, owes_clean_start: bool },
    /// A filter is wanted.
    Wanted { id: u32, qos: QoS, options: FilterOptions, filter: &'r str },
    /// The filter with this identifier is not wanted any more.
    Unwanted { id: u32 },
    /// Session and filters were forgotten.
    Forgotten,
    /// The client has another identifier from here on: the server's choice, or the program's.
    Renamed { client_id: &'r str },
}

impl<'r> Record<'r> {
    pub(crate) fn write(&self, log: &mut Vec<u8>) {
        let start = log.len();
        log.extend_from_slice(&[self.kind(), 0, 0, 0, 0]);
        match *self {
            Record::Start { wall, client_id } => {
                log.push(FORM);
                log.extend_from_slice(&wall.to_le_bytes());
                log.extend_from_slice(client_id.as_bytes());
            }
            Record::Engine(records) => log.extend_from_slice(records),
            Record::Message { ticket, tag, expires } => {
                [ticket.0, tag, expires].iter().for_each(|number| log.extend_from_slice(&number.to_le_bytes()));
            }
            Record::Realm { realm, owes_clean_start } => {
                log.extend_from_slice(&realm.0.to_le_bytes());
                log.push(owes_clean_start.into());
            }
            Record::Wanted { id, qos, options, filter } => {
                log.extend_from_slice(&id.to_le_bytes());
                log.push(options_byte(qos, options));
                log.extend_from_slice(filter.as_bytes());
            }
            Record::Unwanted { id } => log.extend_from_slice(&id.to_le_bytes()),
            Record::Forgotten => {}
            Record::Renamed { client_id } => log.extend_from_slice(client_id.as_bytes()),
        }
        let length = (log.len() - start - HEAD) as u32;
        if let Some(place) = log.get_mut(start + 1..start + HEAD) {
            place.copy_from_slice(&length.to_le_bytes());
        }
    }

    const fn kind(&self) -> u8 {
        match self {
            Record::Start { .. } => 1,
            Record::Engine(_) => 2,
            Record::Message { .. } => 3,
            Record::Realm { .. } => 4,
            Record::Wanted { .. } => 5,
            Record::Unwanted { .. } => 6,
            Record::Forgotten => 7,
            Record::Renamed { .. } => 8,
        }
    }

    /// The first record and its length; `None` if it is not there as a whole. The inner `None` is a record of no known kind or form.
    pub(super) fn read(log: &'r [u8]) -> Option<(Option<Self>, usize)> {
        let (head, rest) = log.split_first_chunk::<HEAD>()?;
        let [kind, length @ ..] = *head;
        let length = u32::from_le_bytes(length) as usize;
        Some((Self::decode(kind, rest.get(..length)?), HEAD + length))
    }

    fn decode(kind: u8, body: &'r [u8]) -> Option<Self> {
        Some(match kind {
            1 => {
                let (wall, client_id) = body.strip_prefix(&[FORM])?.split_first_chunk()?;
                Self::Start { wall: u64::from_le_bytes(*wall), client_id: core::str::from_utf8(client_id).ok()? }
            }
            2 => Self::Engine(body),
            3 => {
                let (ticket, rest) = body.split_first_chunk()?;
                let (tag, expires) = rest.split_first_chunk()?;
                let [ticket, tag] = [ticket, tag].map(|number| u64::from_le_bytes(*number));
                Self::Message { ticket: Ticket(ticket), tag, expires: u64::from_le_bytes(expires.try_into().ok()?) }
            }
            4 => {
                let (realm, flag) = body.split_first_chunk()?;
                Self::Realm { realm: Realm(u64::from_le_bytes(*realm)), owes_clean_start: *flag.first()? != 0 }
            }
            5 => {
                let (id, rest) = body.split_first_chunk()?;
                let (byte, filter) = rest.split_first()?;
                let (qos, options) = options_of(*byte)?;
                let filter = core::str::from_utf8(filter).ok()?;
                Self::Wanted { id: u32::from_le_bytes(*id), qos, options, filter }
            }
            6 => Self::Unwanted { id: u32::from_le_bytes(body.try_into().ok()?) },
            7 => Self::Forgotten,
            8 => Self::Renamed { client_id: core::str::from_utf8(body).ok()? },
            _ => return None,
        })
    }
}

/// Kind and length.
const HEAD: usize = 5;

/// As Subscription Options are on the wire (§3.8.3.1).
fn options_byte(qos: QoS, options: FilterOptions) -> u8 {
    let handling = match options.retain_handling {
        RetainHandling::Send => 0,
        RetainHandling::SendIfNew => 1,
        RetainHandling::DoNotSend => 2,
    };
    qos.bits() | u8::from(options.no_local) << 2 | u8::from(options.retain_as_published) << 3 | handling << 4
}

fn options_of(byte: u8) -> Option<(QoS, FilterOptions)> {
    let retain_handling = match byte >> 4 {
        0 => RetainHandling::Send,
        1 => RetainHandling::SendIfNew,
        2 => RetainHandling::DoNotSend,
        _ => return None,
    };
    let (no_local, retain_as_published) = (byte & 4 != 0, byte & 8 != 0);
    Some((QoS::from_bits(byte & 3)?, FilterOptions { no_local, retain_as_published, retain_handling }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_they_were_written() {
        let options =
            FilterOptions { no_local: true, retain_as_published: false, retain_handling: RetainHandling::DoNotSend };
        let records = [
            Record::Start { wall: 1_700_000_000, client_id: "gateway" },
            Record::Engine(b"PMQJ"),
            Record::Message { ticket: Ticket(7), tag: u64::MAX, expires: 0 },
            Record::Realm { realm: Realm(3), owes_clean_start: true },
            Record::Wanted { id: 9, qos: QoS::ExactlyOnce, options, filter: "a/+" },
            Record::Unwanted { id: 9 },
            Record::Forgotten,
            Record::Renamed { client_id: "other" },
        ];
        let mut log = Vec::new();
        records.iter().for_each(|record| record.write(&mut log));
        let mut rest = &log[..];
        for record in records {
            for cut in 0..HEAD {
                assert_eq!(Record::read(&rest[..cut]), None);
            }
            let (read, length) = Record::read(rest).unwrap();
            assert_eq!(read, Some(record));
            assert_eq!(Record::read(&rest[..length - 1]), None);
            rest = &rest[length..];
        }
        assert!(rest.is_empty());
    }
}
