//! Records of outgoing messages that are due for the journal. They are found by comparing the state of each message
//! with the log; like acknowledgements, they are kept as state and not encoded at the change.
//!
//! [`Outgoing::owe`] is called wherever a slot may have changed, and checks only whether the two differ. A slot with a
//! due record is first put on a stack, which needs no other slot; [`gather`](Outgoing::gather) appends the stack to a
//! queue, and encodes the records that fit. Records that do not fit stay due, so none is lost for lack of room. A
//! finished message keeps its slot until the record of its end is encoded.

#[cfg(feature = "journal")]
use crate::session::list::find_handle;
use crate::session::list::{find, find_mut, place};
use crate::session::outgoing::Outgoing;
use crate::storage::{Detail, Fact, JournalPart, Marks, MessageFlags, MessageMarks, Parts, Progress, Record, SendSlot};
#[cfg(feature = "journal")]
use crate::types::Handle;

impl Outgoing {
    /// Puts the slot on the stack if its state differs from the log.
    #[inline(always)]
    pub(super) const fn owe(&mut self, slot: &mut SendSlot) {
        if slot.notes.is_kept() && slot.fact() as u8 != slot.notes.noted() as u8 && !slot.notes.is_queued() {
            slot.notes.set_queued(true);
            slot.owed_next = core::mem::replace(&mut self.owed, slot.id());
        }
    }

    /// Keeps the slot of a finished message, without counting it, if the log does not say that it is finished. Returns
    /// false if the slot is free.
    #[inline(always)]
    pub(super) fn keep_finished(&mut self, slot: &mut SendSlot) -> bool {
        let is_kept = slot.notes.is_kept() && (slot.notes.noted() != Fact::Nothing || slot.notes.is_queued());
        if is_kept {
            *slot = SendSlot {
                position: 0,
                progress: Progress::over(),
                length: 0,
                marks: Marks::NONE,
                detail: Detail::NONE,
                next: 0,
                previous: 0,
                ..*slot
            };
            slot.notes.set_finished();
            self.owe(slot);
            self.used += 1;
            self.uncounted += 1;
        }
        is_kept
    }

    /// Returns the lower half of the running number of the next packet.
    pub(super) const fn next_number(&self) -> u32 {
        (self.last_handle >> 16) as u32 + 1
    }

    /// Notes that the message with this number replaces the finished message with this identifier, whose record then
    /// finishes it only if the other message is in the log.
    pub(super) fn note_successor(slots: &mut [SendSlot], id: u16, by: u32) {
        if let Some(slot) = find_mut(slots, id).filter(|slot| slot.notes.is_finished()) {
            slot.position = by;
        }
    }

    /// Notes that the packet that was accepted last replaced others.
    pub(crate) fn note_awaited(&self, slots: &mut [SendSlot]) {
        if let Some(slot) = find_mut(slots, self.last_handle as u16).filter(|slot| slot.notes.is_kept()) {
            slot.notes.set_awaited();
        }
    }

    /// Returns how many messages could finish now with their slots free at once; all if there is no journal.
    pub(super) fn room_for_ends(&self, journal: &JournalPart<'_>) -> usize {
        if self.owed == 0 { journal.room_for_ends() } else { 0 }
    }

    /// Encodes the due records, in the order of the changes; returns false if there is no room for all.
    pub(crate) fn gather(&mut self, parts: &mut Parts<'_>) -> bool {
        let Some(mut queue) = parts.journal.books().map(|books| books.queue) else { return true };
        self.enqueue(parts.slots, &mut queue);
        while queue.0 != 0 && encode_owed(parts, queue.0) {
            let Some(slot) = find_mut(parts.slots, queue.0) else { break };
            queue.0 = slot.owed_next;
            slot.notes.set_queued(false);
            if slot.notes.is_finished() {
                *slot = SendSlot::FREE;
                self.used -= 1;
                self.uncounted -= 1;
            }
        }
        if queue.0 == 0 {
            queue.1 = 0;
        }
        if let Some(books) = parts.journal.books() {
            books.queue = queue;
        }
        queue.0 == 0
    }

    /// Appends the slots of the stack to the queue, in the order of the changes.
    fn enqueue(&mut self, slots: &mut [SendSlot], (first, last): &mut (u16, u16)) {
        let latest = core::mem::take(&mut self.owed);
        let (mut id, mut behind) = (latest, 0);
        while let Some(slot) = find_mut(slots, id) {
            behind = core::mem::replace(&mut id, core::mem::replace(&mut slot.owed_next, behind));
        }
        if behind == 0 {
            return;
        }
        match find_mut(slots, *last) {
            Some(slot) => slot.owed_next = behind,
            None => *first = behind,
        }
        *last = latest;
    }

    /// Sets what the log says of each message after the record of a lost session, which covers all messages.
    pub(crate) fn note_loss(&mut self, slots: &mut [SendSlot], aborted: u64) {
        for slot in slots.iter_mut().filter(|slot| slot.notes.is_kept()) {
            if slot.notes.noted() == Fact::Released || slot.handle <= aborted {
                slot.notes.assume(Fact::Nothing);
            }
        }
        let mut id = self.log.first();
        while let Some(slot) = find_mut(slots, id) {
            id = slot.next;
            self.owe(slot);
        }
    }

    /// Notes that the log says that the session was discarded.
    pub(crate) fn note_forgotten(slots: &mut [SendSlot]) {
        slots.iter_mut().for_each(|slot| slot.notes.assume(Fact::Nothing));
    }

    /// Returns whether the state of this message is durable, or the message is gone.
    #[cfg(feature = "journal")]
    pub(crate) fn is_durable(slots: &[SendSlot], handle: Handle) -> bool {
        find_handle(slots, handle).is_none_or(|slot| !slot.waits_for_record())
    }

    /// Returns whether every slot that differs from the log has a due record.
    #[cfg(all(test, feature = "journal"))]
    pub(crate) fn owes_what_differs(&self, slots: &[SendSlot]) -> bool {
        slots.iter().all(|slot| slot.notes.is_queued() || slot.fact() == slot.notes.noted())
    }
}

/// Returns whether the log may name this message as the replacement of another, so that its end must be recorded even
/// if the message itself was not.
fn is_missed(slot: &SendSlot) -> bool {
    slot.notes.is_awaited() && slot.fact() == Fact::Nothing
}

/// Returns the record of the end of a message; for a replaced one, conditional on the other message.
fn end_of(slot: &SendSlot) -> Record<'static> {
    let by = if slot.notes.is_finished() { slot.position } else { 0 };
    match slot.notes.noted() {
        Fact::Accepted | Fact::Released if by == 0 => Record::Done(slot.id()),
        _ => Record::Replaced { handle: slot.handle, by },
    }
}

/// Encodes the due records of the slot with this identifier; returns false if there is no room for all.
fn encode_owed(parts: &mut Parts<'_>, id: u16) -> bool {
    while let Some(slot) = find(parts.slots, id).filter(|slot| slot.fact() != slot.notes.noted() || is_missed(slot)) {
        let (noted, is_put) = match (slot.notes.noted(), slot.fact()) {
            (_, Fact::Nothing) => (Fact::Nothing, parts.journal.put(&end_of(slot))),
            (Fact::Nothing, _) => {
                let flags = flags_of(slot);
                let [high, low] = id.to_be_bytes();
                let stub = stub(high, low);
                let start = slot.position as usize;
                let frame = match slot.length {
                    0 => &stub[..],
                    length => parts.arena.get(start..start + length as usize).unwrap_or_default(),
                };
                let payload = match slot.marks.message().has(MessageMarks::SHARED_PAYLOAD) {
                    true => parts.payloads.get(place(parts.slots, id)),
                    false => &[],
                };
                let record = Record::Accepted { handle: slot.handle, flags, frame, payload };
                (Fact::Accepted, parts.journal.put(&record))
            }
            _ => (Fact::Released, parts.journal.put(&Record::Released(id))),
        };
        if !is_put {
            return false;
        }
        if let Some(slot) = find_mut(parts.slots, id) {
            slot.notes.note(noted);
        }
    }
    true
}

/// Returns the flags for the record of a message.
pub(crate) fn flags_of(slot: &SendSlot) -> MessageFlags {
    let marks = slot.marks.message();
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    MessageFlags(
        flag(marks.has(MessageMarks::STREAMED), MessageFlags::STREAMED)
            | flag(marks.has(MessageMarks::NEEDS_V5), MessageFlags::NEEDS_V5)
            | flag(slot.marks.is_in_v5(), MessageFlags::IN_V5),
    )
}

/// Returns the stub that represents a message after PUBREC, of which only the identifier remains.
pub(crate) const fn stub(high: u8, low: u8) -> [u8; 7] {
    [0x34, 5, 0, 0, high, low, 0]
}
