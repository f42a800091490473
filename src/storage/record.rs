//! The records of the journal, and their encoding.
//!
//! ```text
//!   "PMQJ" 0x03 0x00 0x00 0x00                            at the start of a log
//!   kind: u8 | length of body: 1 to 4 bytes | check of these: u8 | body | checksum: u32        each record
//! ```
//!
//! Numbers are little-endian. The length is encoded as in MQTT: seven bits in each byte, low bits first. The checksum
//! is a CRC-32 over the previous checksum (0 for the first record) and the record, so a record is valid only behind the
//! one that it was written behind. The check is the low byte of a CRC-32 over kind and length. A valid length that
//! reaches beyond the end of the log means that the power failed during the write; an invalid one means damage.
//!
//! The first record is the version for which the messages behind it are encoded.

use crate::types::Version;

/// A change of the session that must survive a power failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "journal"), allow(dead_code, reason = "nothing reads it then"))]
pub(crate) enum Record<'r> {
    /// The packets in the following records are encoded for this version.
    Version(Version),
    /// The last handle that was assigned, with its identifier.
    Counters { handle: u64 },
    /// What the server holds of our session.
    Session(SessionFact),
    /// The server has a new session: messages up to this handle were aborted, others are republished. The same record
    /// contains what the server holds from now on, so that no log has only one of the two.
    NewSession { aborted: u64, session: SessionFact },
    /// The application discarded the session.
    Discarded,
    /// A message was accepted.
    Accepted { handle: u64, flags: MessageFlags, frame: &'r [u8], payload: &'r [u8] },
    /// PUBREC arrived for an outgoing message.
    Released(u16),
    /// An outgoing message is finished.
    Done(u16),
    /// An outgoing message was replaced by another. The message is finished only if the log also contains the other
    /// one. `by` is the lower half of the running number in the handle of the other message; 0 for none. If the
    /// replaced message is not in the log itself, the record links one that was replaced before to the next.
    Replaced { handle: u64, by: u32 },
    /// A QoS 2 message from the server was delivered to the application.
    Received(u16),
    /// PUBREL arrived for a QoS 2 message from the server.
    Completed(u16),
}

/// Facts about a message that its encoded packet does not contain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(not(feature = "journal"), allow(dead_code, reason = "nothing reads it then"))]
pub(crate) struct MessageFlags(pub(crate) u8);

#[cfg_attr(not(feature = "journal"), allow(dead_code, reason = "nothing reads it then"))]
impl MessageFlags {
    /// The application supplies the payload while the message is sent.
    pub(crate) const STREAMED: u8 = 1;
    /// The packet is encoded for 5.0, although the version of the log is an earlier one.
    pub(crate) const IN_V5: u8 = 2;
    /// The message is sent only on links of 5.0.
    pub(crate) const NEEDS_V5: u8 = 4;
    /// All defined bits.
    const KNOWN: u8 = Self::STREAMED | Self::IN_V5 | Self::NEEDS_V5;

    pub(crate) const fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    /// Returns whether all bits are defined. A record with any other bit was written by a later version of this crate.
    pub(crate) const fn are_known(self) -> bool {
        self.0 & !Self::KNOWN == 0
    }
}

/// What a record that became durable is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "journal"), allow(dead_code, reason = "nothing is written then"))]
pub(crate) enum Written {
    Accepted(u64),
    Released(u16),
    Done(u16),
    Received(u16),
    Completed(u16),
    /// A record that no packet waits for.
    Other,
}

/// Whether the server holds our session, as far as this side knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum SessionFact {
    /// The server holds none.
    #[default]
    None,
    /// The server accepted a link with the session.
    Held,
    /// The server resumed a session that this side did not know, and may hold packet identifiers of unfinished messages
    /// of that session.
    Adopted,
    /// A clean start was sent and never answered: the server holds the session as it was, or a new one with nothing in
    /// it.
    Doubtful,
    /// Like `Doubtful`, and the server has since accepted a link that did not show which of the two it holds. Used only
    /// in a journal: a new session may have messages by now, and repeat them.
    Either,
}

impl SessionFact {
    pub(crate) const fn is_in_doubt(self) -> bool {
        matches!(self, Self::Doubtful) || cfg!(feature = "journal") && matches!(self, Self::Either)
    }
}

#[cfg(feature = "journal")]
pub(crate) use self::form::{MOST_FRAMING, Next, START, checksum, is_erased, longest_snapshot, whole_record};

#[cfg(feature = "journal")]
mod form {
    use super::{MessageFlags, Record, SessionFact, Written};
    use crate::storage::crc::Crc;
    use crate::types::Version;
    use crate::wire::{Reader, Rules, Writer};

    pub(crate) const START: [u8; 8] = *b"PMQJ\x03\0\0\0";
    /// The maximum length of a record without its body.
    pub(crate) const MOST_FRAMING: usize = 1 + 4 + 1 + 4;

    /// The length of a record with a short body, without that body.
    const FRAMING: usize = 1 + 1 + 1 + 4;
    /// The length of the stub that represents a message after PUBREC.
    const STUB: usize = 7;

    /// Returns the maximum length of a snapshot of a session with `arena` bytes of packets, `send` packets, and `recv`
    /// messages from the server.
    pub(crate) const fn longest_snapshot(arena: usize, send: usize, recv: usize) -> usize {
        // the version, the session and the counters
        let beginning = START.len() + (FRAMING + 1) + (FRAMING + 1) + (FRAMING + 8);
        // in addition to its packet; and its PUBREC, after which only a stub remains
        let message = MOST_FRAMING + 8 + 1 + STUB + (FRAMING + 2);
        beginning + arena + send * message + recv * (FRAMING + 2)
    }

    /// Receives a record's kind with the length of its body and their check, and the parts of the body.
    type Sink<'s, T> = &'s mut dyn FnMut(&[u8], &[&[u8]]) -> T;

    const VERSION: u8 = 1;
    const COUNTERS: u8 = 2;
    const SESSION: u8 = 3;
    const NEW_SESSION: u8 = 5;
    const DISCARDED: u8 = 6;
    const ACCEPTED: u8 = 7;
    const RELEASED: u8 = 8;
    const DONE: u8 = 9;
    const RECEIVED: u8 = 10;
    const COMPLETED: u8 = 11;
    const REPLACED: u8 = 12;

    pub(crate) fn checksum(before: u32, head: &[u8], body: &[&[u8]]) -> u32 {
        let start = Crc::new().add(&before.to_le_bytes()).add(head);
        body.iter().fold(start, |crc, part| crc.add(part)).value()
    }

    impl Record<'_> {
        /// Passes the record to `write`.
        pub(crate) fn parts<T>(&self, write: Sink<'_, T>) -> T {
            match *self {
                Self::Version(version) => frame(VERSION, &[&[version.level()]], write),
                Self::Counters { handle } => frame(COUNTERS, &[&handle.to_le_bytes()], write),
                Self::Session(fact) => frame(SESSION, &[&[fact as u8]], write),
                Self::NewSession { aborted, session } => {
                    frame(NEW_SESSION, &[&aborted.to_le_bytes(), &[session as u8]], write)
                }
                Self::Discarded => frame(DISCARDED, &[], write),
                Self::Accepted { handle, flags, frame: head, payload } => {
                    frame(ACCEPTED, &[&handle.to_le_bytes(), &[flags.0], head, payload], write)
                }
                Self::Released(id) => frame(RELEASED, &[&id.to_le_bytes()], write),
                Self::Done(id) => frame(DONE, &[&id.to_le_bytes()], write),
                Self::Replaced { handle, by } => frame(REPLACED, &[&handle.to_le_bytes(), &by.to_le_bytes()], write),
                Self::Received(id) => frame(RECEIVED, &[&id.to_le_bytes()], write),
                Self::Completed(id) => frame(COMPLETED, &[&id.to_le_bytes()], write),
            }
        }
    }

    /// Adds the kind, the length and their check.
    fn frame<T>(kind: u8, body: &[&[u8]], write: Sink<'_, T>) -> T {
        let length: usize = body.iter().map(|part| part.len()).sum();
        let mut bytes = [0; MOST_HEAD];
        let mut writer = Writer::new(&mut bytes);
        writer.u8(kind);
        writer.varint(length as u32);
        let used = writer.finish().unwrap_or_default();
        let check = check(bytes.get(..used).unwrap_or_default());
        if let Some(place) = bytes.get_mut(used) {
            *place = check;
        }
        write(bytes.get(..=used).unwrap_or_default(), body)
    }

    const MOST_HEAD: usize = 1 + 4 + 1;
    const CHECKSUM: usize = 4;

    /// Returns what the record at the start of `bytes` is about, and its length (the start of a log counts as a
    /// record); `None` if it is not complete.
    pub(crate) fn whole_record(bytes: &[u8]) -> Option<(Written, usize)> {
        if bytes.starts_with(&START) {
            return Some((Written::Other, START.len()));
        }
        let mut rest = Reader::new(bytes, Rules::default());
        let (kind, length) = (rest.u8(), rest.varint());
        rest.u8();
        let body = rest.bytes(length as usize);
        rest.bytes(CHECKSUM);
        if rest.fault().is_some() {
            return None;
        }
        let id = || body.first_chunk().map_or(0, |id| u16::from_le_bytes(*id));
        let written = match kind {
            ACCEPTED => Written::Accepted(body.first_chunk().map_or(0, |handle| u64::from_le_bytes(*handle))),
            RELEASED => Written::Released(id()),
            DONE => Written::Done(id()),
            RECEIVED => Written::Received(id()),
            COMPLETED => Written::Completed(id()),
            _ => Written::Other,
        };
        Some((written, bytes.len() - rest.remaining()))
    }

    fn check(kind_and_length: &[u8]) -> u8 {
        Crc::new().add(kind_and_length).value() as u8
    }

    /// What was read at a position of a log.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Next<'r> {
        /// Nothing: the end of the log.
        End,
        /// A record with its length and checksum.
        Record { record: Record<'r>, length: usize, chain: u32 },
        /// A record that was not written completely.
        Torn,
        /// Damaged bytes: no record was written like this.
        Corrupt,
    }

    impl<'r> Next<'r> {
        /// Reads the start of `log`, which follows a record with the checksum `chain`.
        pub(crate) fn read(log: &'r [u8], chain: u32) -> Self {
            if log.iter().all(is_erased) {
                return Self::End; // erased or no memory
            }
            let mut rest = Reader::new(log, Rules::default());
            // Fewer bytes were written than kind, length and check may take.
            let is_begun = log.get(MOST_HEAD..).unwrap_or_default().iter().all(is_erased);
            let damaged = if is_begun { Self::Torn } else { Self::Corrupt };
            let (kind, length) = (rest.u8(), rest.varint());
            if rest.fault().is_some() {
                return damaged;
            }
            let head = log.get(..log.len() - rest.remaining()).unwrap_or_default();
            let found = rest.u8();
            if rest.fault().is_none() && found != check(head) {
                return damaged;
            }
            let head = log.get(..=head.len()).unwrap_or_default();
            let (body, found) = (rest.bytes(length as usize), rest.bytes(CHECKSUM));
            if rest.fault().is_some() {
                return Self::Torn;
            }
            let chain = checksum(chain, head, &[body]);
            if found != chain.to_le_bytes() {
                // All its bytes are here. If it is the last record, some may not have reached the memory.
                let is_last = rest.rest().iter().all(is_erased);
                return if is_last { Self::Torn } else { Self::Corrupt };
            }
            match parse(kind, body) {
                Some(record) => Self::Record { record, length: log.len() - rest.remaining(), chain },
                None => Self::Corrupt,
            }
        }
    }

    /// Returns whether the byte is that of erased flash, or of a file that was not written there.
    pub(crate) const fn is_erased(byte: &u8) -> bool {
        matches!(byte, 0xFF | 0)
    }

    fn parse(kind: u8, body: &[u8]) -> Option<Record<'_>> {
        let mut rest = body;
        let id = |rest: &mut &[u8]| take(rest).map(u16::from_le_bytes);
        let record = match kind {
            VERSION => Record::Version(version(take(&mut rest)?)?),
            COUNTERS => Record::Counters { handle: u64::from_le_bytes(take(&mut rest)?) },
            SESSION => Record::Session(session_fact(take(&mut rest)?)?),
            NEW_SESSION => {
                let aborted = u64::from_le_bytes(take(&mut rest)?);
                Record::NewSession { aborted, session: session_fact(take(&mut rest)?)? }
            }
            DISCARDED => Record::Discarded,
            ACCEPTED => {
                let handle = u64::from_le_bytes(take(&mut rest)?);
                let [flags] = take(&mut rest)?;
                let frame = core::mem::take(&mut rest);
                Record::Accepted { handle, flags: MessageFlags(flags), frame, payload: &[] }
            }
            RELEASED => Record::Released(id(&mut rest)?),
            DONE => Record::Done(id(&mut rest)?),
            REPLACED => {
                let handle = u64::from_le_bytes(take(&mut rest)?);
                Record::Replaced { handle, by: u32::from_le_bytes(take(&mut rest)?) }
            }
            RECEIVED => Record::Received(id(&mut rest)?),
            COMPLETED => Record::Completed(id(&mut rest)?),
            _ => return None,
        };
        rest.is_empty().then_some(record)
    }

    fn version([level]: [u8; 1]) -> Option<Version> {
        Version::ALL.into_iter().find(|version| version.level() == level)
    }

    fn session_fact([number]: [u8; 1]) -> Option<SessionFact> {
        [SessionFact::None, SessionFact::Held, SessionFact::Adopted, SessionFact::Doubtful, SessionFact::Either]
            .get(usize::from(number))
            .copied()
    }

    fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
        let (bytes, behind) = rest.split_first_chunk()?;
        *rest = behind;
        Some(*bytes)
    }
}
