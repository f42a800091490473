//! What the recovery from a journal does in addition to the transitions.

use crate::session::incoming::Incoming;
use crate::session::list::{find, find_handle, find_mut, place};
use crate::session::outgoing::Outgoing;
use crate::storage::{Kind, Known, Notes, Parts, ReceiveSlot, SendSlot};
use crate::types::Handle;

impl Outgoing {
    /// Returns the handle that was assigned last.
    pub(crate) const fn last_handle(&self) -> u64 {
        self.last_handle
    }

    /// Sets the last handle, from which the next handle and identifier follow.
    pub(crate) const fn set_last_handle(&mut self, handle: u64) {
        self.last_handle = handle;
    }

    /// Returns the identifier of the packet in the place of `id`, if there is one.
    pub(crate) fn occupant(slots: &[SendSlot], id: u16) -> Option<u16> {
        slots.get(place(slots, id)).filter(|slot| slot.kind != Kind::Free).map(SendSlot::id)
    }

    /// Notes that the server may know this message.
    pub(crate) fn note_sent(slots: &mut [SendSlot], id: u16) {
        if let Some(slot) = find_mut(slots, id).filter(|slot| slot.kind.is_windowed()) {
            slot.progress = slot.progress.knowing(Known::Whole);
        }
    }

    /// Notes that the server may know every message.
    pub(crate) fn note_all_sent(&self, slots: &mut [SendSlot]) {
        let mut id = self.log.first();
        while let Some(slot) = find(slots, id) {
            let this = core::mem::replace(&mut id, slot.next);
            Self::note_sent(slots, this);
        }
    }

    /// The log says of every message what is true of it, for durable memory has it.
    pub(crate) fn note_all_recovered(slots: &mut [SendSlot]) {
        for slot in slots.iter_mut().filter(|slot| slot.kind.is_windowed()) {
            slot.notes = Notes::of_durable(|notes| SendSlot { notes, ..*slot }.fact());
        }
    }

    /// Finishes a message, as its record says.
    pub(crate) fn finish_message(&mut self, parts: &mut Parts<'_>, id: u16) {
        if find(parts.slots, id).is_some_and(|slot| slot.kind.is_windowed()) {
            self.finish(parts, id);
        }
    }

    /// Finishes a message that was replaced, if the other message is in the log; in any case its number is not assigned
    /// again.
    pub(crate) fn finish_replaced(&mut self, parts: &mut Parts<'_>, (handle, by): (u64, u32), is_there: bool) {
        if is_there && find_handle(parts.slots, Handle(handle)).is_some() {
            self.finish_message(parts, handle as u16);
        }
        let number = handle >> 16;
        let last = number + if by == 0 { 0 } else { u64::from(by.wrapping_sub(number as u32)) };
        if last > self.last_handle >> 16 {
            self.last_handle = last << 16 | self.last_handle & 0xFFFF;
        }
    }

    /// Finishes all messages up to this handle.
    pub(crate) fn finish_up_to(&mut self, parts: &mut Parts<'_>, handle: u64) {
        let mut id = self.log.first();
        while let Some(slot) = find(parts.slots, id) {
            let (this, is_over) = (id, slot.handle <= handle);
            id = slot.next;
            if is_over {
                self.finish_message(parts, this);
            }
        }
    }
}

impl Incoming {
    /// Notes that all pending answers were sent.
    pub(crate) fn settle_all(&mut self, inbox: &mut [ReceiveSlot]) {
        while self.due(inbox).is_some() {
            self.settle(inbox, true);
        }
    }

    /// The log says of every message what is true of it, for durable memory has it.
    pub(crate) fn note_all_recovered(inbox: &mut [ReceiveSlot]) {
        for slot in inbox.iter_mut().filter(|slot| slot.is_received()) {
            let is_doubted = slot.notes.is_doubted();
            slot.notes = Notes::of_durable(|notes| ReceiveSlot { notes, ..*slot }.fact());
            if is_doubted {
                slot.notes.set_doubted();
            }
        }
    }
}
