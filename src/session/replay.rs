//! What the recovery from a journal does beside carrying out the transitions again.

use crate::reason::ReasonCode;
use crate::session::incoming::Incoming;
use crate::session::list::{find, find_mut, place};
use crate::session::outgoing::Outgoing;
use crate::storage::{Flags, Kind, Parts, ReceiveSlot, ReceiveState, SendSlot};

impl Outgoing {
    /// The handle and the identifier that were given away last.
    pub(crate) const fn counters(&self) -> (u64, u16) {
        (self.last_handle, self.last_id)
    }

    /// The next handle and identifier follow these.
    pub(crate) const fn set_counters(&mut self, handle: u64, id: u16) {
        (self.last_handle, self.last_id) = (handle, id);
    }

    /// Whether the place of this identifier is free, or whose it is.
    pub(crate) fn occupant(slots: &[SendSlot], id: u16) -> Option<u16> {
        slots.get(place(slots, id)).filter(|slot| slot.kind != Kind::Free).map(|slot| slot.id)
    }

    /// The server may know this message.
    pub(crate) fn note_sent(slots: &mut [SendSlot], id: u16) {
        if let Some(slot) = find_mut(slots, id).filter(|slot| slot.kind.is_windowed()) {
            slot.flags.set(Flags::DUP | Flags::SENT_ONCE);
        }
    }

    /// The server may know every message.
    pub(crate) fn note_all_sent(&self, slots: &mut [SendSlot]) {
        let mut id = self.log.first();
        while let Some(slot) = find(slots, id) {
            let this = core::mem::replace(&mut id, slot.next);
            Self::note_sent(slots, this);
        }
    }

    /// The end of a message, as its record tells it.
    pub(crate) fn finish_message(&mut self, parts: &mut Parts<'_>, id: u16) {
        if find(parts.slots, id).is_some_and(|slot| slot.kind.is_windowed()) {
            self.finish(parts, id);
        }
    }

    /// The end of all messages up to this handle.
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
    /// All that is owed has left.
    pub(crate) fn settle_all(&mut self, inbox: &mut [ReceiveSlot]) {
        while self.due(inbox).is_some() {
            self.settle(inbox);
        }
    }
}

impl ReceiveSlot {
    /// The application has this QoS 2 message, and PUBREL has not come.
    pub(crate) const fn is_received(&self) -> bool {
        match self.state {
            ReceiveState::Recorded => true,
            ReceiveState::ExactlyOnce => self.acknowledged && !ReasonCode(self.reason).is_error(),
            _ => false,
        }
    }
}
