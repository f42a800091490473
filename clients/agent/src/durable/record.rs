//! The records of the log, and their form.
//!
//! ```text
//!   kind: u8 | length of body: u32 | body
//! ```
//!
//! Numbers are little-endian. There is no checksum: the store guards what it keeps, and the engine's own records have theirs.

use alloc::vec::Vec;

use pure_mqtt::{QoS, RetainHandling};

use crate::ids::Ticket;
use crate::realms::REALM;
use crate::receiving::{FilterOptions, Known};

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
    /// From here on the session is one of these realms, with these records of the engine's journal: both hold, or neither. A record of one realm and one of several differ
    /// in their kind.
    Session { realms: &'r [u8], records: &'r [u8] },
    /// A filter that the server may have, or has.
    Filter { id: u32, known: Known<'r> },
    /// The server doesn't have the filter with this identifier any more.
    FilterGone { id: u32 },
    /// The server may have the filters, and no one is sure: the session is another one.
    FiltersUnsure,
    /// The identifier of this client from here on: one that a server has chosen, a random one, or another one of the program's.
    ClientId(&'r str),
    /// Session and filters were forgotten.
    Discarded,
    /// The number that the program gave to the latest message; in a snapshot, which doesn't hold messages that are finished.
    LatestTag(u64),
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
            Record::Session { realms, records } => {
                if realms.len() != REALM {
                    log.extend_from_slice(&((realms.len() / REALM) as u32).to_le_bytes());
                }
                log.extend_from_slice(realms);
                log.extend_from_slice(records);
            }
            Record::Filter { id, known } => {
                log.extend_from_slice(&id.to_le_bytes());
                log.push(known_byte(&known));
                log.extend_from_slice(known.text.as_bytes());
            }
            Record::FilterGone { id } => log.extend_from_slice(&id.to_le_bytes()),
            Record::FiltersUnsure => {}
            Record::ClientId(client_id) => log.extend_from_slice(client_id.as_bytes()),
            Record::Discarded => {}
            Record::LatestTag(tag) => log.extend_from_slice(&tag.to_le_bytes()),
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
            Record::Session { realms, .. } if realms.len() == REALM => 4,
            Record::Session { .. } => 10,
            Record::Filter { .. } => 5,
            Record::FilterGone { .. } => 6,
            Record::FiltersUnsure => 7,
            Record::ClientId(_) => 8,
            Record::Discarded => 9,
            Record::LatestTag(_) => 11,
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
                let (realms, records) = body.split_at_checked(REALM)?;
                Self::Session { realms, records }
            }
            10 => {
                let (count, rest) = body.split_first_chunk()?;
                let (realms, records) =
                    rest.split_at_checked((u32::from_le_bytes(*count) as usize).checked_mul(REALM)?)?;
                Self::Session { realms, records }
            }
            5 => {
                let (id, rest) = body.split_first_chunk()?;
                let (byte, text) = rest.split_first()?;
                let known = known_of(*byte, core::str::from_utf8(text).ok()?)?;
                Self::Filter { id: u32::from_le_bytes(*id), known }
            }
            6 => Self::FilterGone { id: u32::from_le_bytes(body.try_into().ok()?) },
            7 if body.is_empty() => Self::FiltersUnsure,
            8 => Self::ClientId(core::str::from_utf8(body).ok()?),
            9 if body.is_empty() => Self::Discarded,
            11 => Self::LatestTag(u64::from_le_bytes(body.try_into().ok()?)),
            _ => return None,
        })
    }
}

/// Kind and length.
const HEAD: usize = 5;

/// As Subscription Options are on the wire (§3.8.3.1), with what was granted in the bits that are reserved there.
fn known_byte(known: &Known<'_>) -> u8 {
    let FilterOptions { no_local, retain_as_published, retain_handling } = known.options;
    let handling = match retain_handling {
        RetainHandling::Send => 0,
        RetainHandling::SendIfNew => 1,
        RetainHandling::DoNotSend => 2,
    };
    let granted = known.granted.map_or(NOT_GRANTED, QoS::bits);
    known.qos.bits() | u8::from(no_local) << 2 | u8::from(retain_as_published) << 3 | handling << 4 | granted << 6
}

fn known_of(byte: u8, text: &str) -> Option<Known<'_>> {
    let retain_handling = match byte >> 4 & 3 {
        0 => RetainHandling::Send,
        1 => RetainHandling::SendIfNew,
        2 => RetainHandling::DoNotSend,
        _ => return None,
    };
    let options = FilterOptions { no_local: byte & 4 != 0, retain_as_published: byte & 8 != 0, retain_handling };
    Some(Known { text, qos: QoS::from_bits(byte & 3)?, options, granted: QoS::from_bits(byte >> 6) })
}

/// No QoS has these bits.
const NOT_GRANTED: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_they_were_written() {
        let options =
            FilterOptions { no_local: true, retain_as_published: false, retain_handling: RetainHandling::DoNotSend };
        let (text, qos) = ("a/+", QoS::ExactlyOnce);
        let records = [
            Record::Start { wall: 1_700_000_000, client_id: "gateway" },
            Record::Engine(b"PMQJ"),
            Record::Message { ticket: Ticket(7), tag: u64::MAX, expires: 0 },
            Record::Session { realms: &[3, 0, 0, 0, 0, 0, 0, 0], records: b"PMQJ" },
            Record::Session { realms: &[7; 3 * REALM], records: b"PMQJ" },
            Record::LatestTag(11),
            Record::Filter { id: 9, known: Known { text, qos, options, granted: None } },
            Record::Filter { id: 9, known: Known { text, qos, options, granted: Some(QoS::AtMostOnce) } },
            Record::FilterGone { id: 9 },
            Record::FiltersUnsure,
            Record::ClientId("auto-7"),
            Record::Discarded,
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
