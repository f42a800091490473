//! Recovery: applies the records of a log to a new connection, through the transitions that made them.

use crate::connection::Connection;
use crate::connection::core::Core;
use crate::connection::journal::{RecoverError, Recovered};
use crate::connection::state::State;
use crate::copying::copy;
use crate::limits::Limits;
use crate::session::{Arrival, Bound, Capacity, Frame, Incoming, Need, Outgoing};
use crate::storage::sealed::Demand;
use crate::storage::{
    Books, Detail, JournalPart, Kind, Marks, MessageFlags, MessageMarks, Next, Parts, ReceiveSlot, Record, START,
    SendSlot, SessionFact, Storage, is_erased,
};
use crate::time::Instant;
use crate::types::{Handle, PacketId, QoS, Version};
use crate::wire::PacketType;
use crate::wire::reason::ReasonCode;

impl<S: Storage> Connection<S> {
    /// Restores the connection that wrote `journal`, as it was after the last complete record, without a link. The
    /// storage must be empty, and at least as large as the old one. An empty log gives a new connection.
    ///
    /// # Errors
    /// [`RecoverError`]: for example, the log is damaged or the storage too small.
    pub fn recover(
        storage: S,
        limits: Limits,
        now: Instant,
        journal: &[u8],
    ) -> Result<(Self, Recovered), RecoverError> {
        let mut connection = Self::new(storage, limits);
        let recovered = connection.redo_all(now, journal)?;
        Ok((connection, recovered))
    }

    /// Like [`recover`](Self::recover), but restores into this new connection. Use it for a connection in a `static`:
    /// nothing as large as a connection is moved through the stack.
    ///
    /// # Errors
    /// [`RecoverError`]; the connection is new again. [`RecoverError::NotNew`], and nothing has changed, if the
    /// connection was used before: only [`set_limits`](Self::set_limits) may have been called.
    pub fn restore(&mut self, now: Instant, journal: &[u8]) -> Result<Recovered, RecoverError> {
        if !self.is_new() {
            return Err(RecoverError::NotNew);
        }
        self.redo_all(now, journal).inspect_err(|_| self.begin_anew())
    }

    fn is_new(&self) -> bool {
        let has_records = !self.storage.records().is_empty();
        let is_used = self.core.outgoing.last_handle() != 0 || self.core.session_fact() != SessionFact::None;
        self.core.link.state == State::Closed && !is_used && !has_records
    }

    /// Removes what part of a log has restored.
    fn begin_anew(&mut self) {
        let limits = self.core.limits.get();
        self.core = Core::new(limits, self.core.extras.anew());
        let mut parts = self.storage.parts();
        parts.forget_topics();
        parts.slots.fill(SendSlot::FREE);
        parts.inbox.fill(ReceiveSlot::FREE);
    }

    fn redo_all(&mut self, now: Instant, journal: &[u8]) -> Result<Recovered, RecoverError> {
        self.core.see(now);
        self.core.begin_to_reduce(); // the log may have messages with properties
        let mut recovered = Recovered { used: 0, records: 0 };
        let (mut chain, mut has_version) = (0, false);
        let Some(mut rest) = journal.strip_prefix(&START) else {
            return if is_start(journal) { Ok(recovered) } else { Err(RecoverError::NoJournal) };
        };
        recovered.used = START.len();
        loop {
            match Next::read(rest, chain) {
                Next::Record { record, length, chain: next } => {
                    rest = rest.get(length..).unwrap_or_default();
                    chain = next;
                    self.redo(&record, (rest, chain)).map_err(|fault| fault.at(recovered.used))?;
                    has_version |= matches!(record, Record::Version(_));
                    recovered.used += length;
                    recovered.records += 1;
                }
                Next::End | Next::Torn => break,
                Next::Corrupt => return Err(RecoverError::Corrupt { offset: recovered.used }),
            }
        }
        if !self.core.outgoing.could_grow(&self.storage.parts()) {
            return Err(Fault::NoRoom.at(recovered.used));
        }
        if !Version::KNOWS_BOTH_KINDS && self.has_foreign_message() {
            return Err(RecoverError::Version);
        }
        let version = has_version.then(|| self.version());
        self.settle(chain, version);
        Ok(recovered)
    }

    /// Applies a record; `behind` is the rest of the log.
    fn redo(&mut self, record: &Record<'_>, behind: (&[u8], u32)) -> Result<(), Fault> {
        match *record {
            Record::Accepted { handle, frame, .. } => self.make_place(Handle(handle).id(), frame.len())?,
            Record::Received(_) => self.make_inbox(),
            _ => {}
        }
        let has_more = self.core.forms().map(|forms| forms.has_more);
        let core = &mut self.core;
        let mut parts = self.storage.parts();
        parts.journal = JournalPart::NONE;
        let parts = &mut parts;
        match *record {
            Record::Version(_) if !core.outgoing.could_grow(parts) => return Err(Fault::NoRoom),
            Record::Version(version) => core.outgoing.reencode_for(parts, version, has_more),
            Record::Counters { handle } => core.outgoing.set_last_handle(handle),
            Record::Session(fact) => {
                core.outgoing.session = fact;
                if fact == SessionFact::Either {
                    Incoming::note_doubt(parts.inbox);
                }
            }
            Record::NewSession { aborted, session } => {
                core.incoming.clear(parts.inbox);
                core.outgoing.session_lost(parts, true);
                core.outgoing.finish_up_to(parts, aborted);
                core.outgoing.session = session;
            }
            Record::Discarded => {
                core.outgoing.forget(parts);
                core.incoming.clear(parts.inbox);
                core.outgoing.session = SessionFact::None;
            }
            Record::Accepted { handle, flags, frame, .. } => {
                let kind = kind_of(frame).filter(|_| flags.are_known()).ok_or(Fault::Nonsense)?;
                let mut marks = Marks::NONE;
                marks = marks.in_v5(match Version::KNOWS_BOTH_KINDS {
                    true => flags.has(MessageFlags::IN_V5),
                    // The message cannot be re-encoded. If it is unfinished at the end of the log, that is an error.
                    false => is_of_other_kind(core.outgoing.version(), flags),
                });
                if flags.has(MessageFlags::NEEDS_V5) {
                    marks.set(MessageMarks::NEEDS_V5);
                }
                if flags.has(MessageFlags::STREAMED) {
                    marks.set(MessageMarks::STREAMED);
                }
                let last = core.outgoing.last_handle();
                core.outgoing.set_last_handle(before(handle));
                let made = Frame { kind, marks, detail: Detail::NONE, length: frame.len(), shared: None };
                copy(frame, core.outgoing.push(parts, &made).ok_or(Fault::NoRoom)?);
                if core.outgoing.latest().handle != handle {
                    return Err(Fault::NoRoom);
                }
                core.outgoing.set_last_handle(last.max(handle));
            }
            Record::Released(id) => {
                Outgoing::note_sent(parts.slots, id);
                let _ = core.outgoing.pubrec(parts, id);
            }
            Record::Done(id) => core.outgoing.finish_message(parts, id),
            Record::Replaced { handle, by } => {
                core.outgoing.finish_replaced(parts, (handle, by), is_accepted(behind, by));
            }
            Record::Received(id) => return receive(core, parts, id),
            Record::Completed(id) => {
                core.incoming.release(parts.inbox, id, false);
                core.incoming.settle_all(parts.inbox);
            }
        }
        // outcomes are not fetched here, and the next message may need the slot
        while core.outgoing.poll_ended(parts, None).is_some() {}
        Ok(())
    }

    /// Returns whether a message to be sent is encoded for a version that is not compiled in.
    fn has_foreign_message(&self) -> bool {
        let view = self.storage.view();
        let mut packets = self.core.outgoing.packets(view.slots);
        packets.any(|(_, slot)| slot.marks.is_of_other_kind() && slot.length > 0)
    }

    /// Makes room for a message with this identifier. In a table as large as the old one its place is free.
    fn make_place(&mut self, id: u16, bytes: usize) -> Result<(), Fault> {
        PacketId::new(id).ok_or(Fault::Nonsense)?;
        let bounds = self.storage.bounds();
        let need = Need { bytes, shared: 0, is_publish: true, is_kept: true };
        let most = Capacity { slots: bounds.send_slots, arena: bounds.arena, bytes: usize::MAX, queued: 0 };
        self.grow_for(&need, &most); // not `make_room`: it refuses more packets if those of 5.0 fill the storage
        loop {
            let length = self.storage.parts().slots.len();
            match Outgoing::occupant(self.storage.parts().slots, id) {
                None => return Ok(()),
                Some(other) if other == id => return Err(Fault::Nonsense),
                Some(_) => self.storage.grow(Demand::SendSlot { limit: most.slots }),
            }
            if self.storage.parts().slots.len() <= length {
                return Err(Fault::NoRoom);
            }
        }
    }

    fn make_inbox(&mut self) {
        if self.core.incoming.is_short(self.storage.view().inbox) {
            let limit = self.storage.bounds().receive_slots;
            self.storage.grow(Demand::ReceiveSlot { limit });
        }
    }

    /// Finishes the recovery: packets in flight are as after a lost link. The journal continues behind the record with
    /// this checksum, in a log with this version, if it has one.
    fn settle(&mut self, chain: u32, version: Option<Version>) {
        let mut parts = self.storage.parts();
        let session = self.core.session_fact();
        if !parts.journal.is_none() {
            parts.journal.resume(chain, Books { version: version.into(), session, ..Books::NEW });
            Outgoing::note_all_recovered(parts.slots);
            Incoming::note_all_recovered(parts.inbox);
        }
        parts.journal = JournalPart::NONE;
        self.core.outgoing.note_all_sent(parts.slots);
        self.core.outgoing.link_lost(&mut parts);
        self.core.incoming.link_lost(parts.inbox);
        if session == SessionFact::Adopted {
            self.core.outgoing.fence(true);
        }
    }
}

/// Restores a QoS 2 message that was delivered to the application, and whose PUBREC may have been sent.
fn receive(core: &mut Core, parts: &mut Parts<'_>, id: u16) -> Result<(), Fault> {
    PacketId::new(id).ok_or(Fault::Nonsense)?;
    let bound = Bound { maximum: u16::MAX, held: usize::MAX, is_kept: false };
    match core.incoming.arrive(parts.inbox, id, QoS::ExactlyOnce, bound, Some(ReasonCode::SUCCESS), true) {
        Arrival::New { .. } | Arrival::Repeated => {
            core.incoming.settle_all(parts.inbox);
            Ok(())
        }
        _ => Err(Fault::NoRoom),
    }
}

/// Returns whether a message is encoded for a version that is not compiled in.
fn is_of_other_kind(version: Version, flags: MessageFlags) -> bool {
    let is_v5 = matches!(version, Version::V5) || flags.has(MessageFlags::IN_V5);
    is_v5 != Version::KNOWS_PROPERTIES
}

/// Why a record cannot be applied.
enum Fault {
    NoRoom,
    Nonsense,
}

impl Fault {
    const fn at(&self, offset: usize) -> RecoverError {
        match self {
            Self::NoRoom => RecoverError::TooSmall { offset },
            Self::Nonsense => RecoverError::Corrupt { offset },
        }
    }
}

/// Returns the last handle before this one: the connection then assigns this handle next, if the place of its
/// identifier is free.
const fn before(handle: u64) -> u64 {
    (handle | 0xFFFF).wrapping_sub(0x1_0000) & !0xFFFF | Handle(handle).id().wrapping_sub(1) as u64
}

/// Returns the kind of this PUBLISH; only messages at QoS 1 and 2 are recorded.
fn kind_of(frame: &[u8]) -> Option<Kind> {
    let first = *frame.first().filter(|first| *first >> 4 == PacketType::Publish as u8)?;
    match QoS::from_bits(first >> 1 & 0b11)? {
        QoS::AtMostOnce => None,
        QoS::AtLeastOnce => Some(Kind::Publish1),
        QoS::ExactlyOnce => Some(Kind::Publish2),
    }
}

/// Returns whether this log, which begins behind a record with the checksum `chain`, accepts the message with this
/// number, or one that replaced it before it was recorded.
fn is_accepted((mut log, mut chain): (&[u8], u32), mut number: u32) -> bool {
    let number_of = |handle: u64| (handle >> 16) as u32;
    while let Next::Record { record, length, chain: next } = Next::read(log, chain) {
        match record {
            Record::Accepted { handle, .. } if number_of(handle) == number => return true,
            Record::Replaced { handle, by: 0 } if number_of(handle) == number => return true,
            Record::Replaced { handle, by } if number_of(handle) == number => number = by,
            _ => {}
        }
        (log, chain) = (log.get(length..).unwrap_or_default(), next);
    }
    false
}

/// Returns whether there is no log: no bytes, erased memory, or an incomplete start of a log.
fn is_start(journal: &[u8]) -> bool {
    let written = journal.iter().rposition(|byte| !is_erased(byte)).map_or(0, |last| last + 1);
    START.starts_with(journal.get(..written).unwrap_or_default())
}
