//! Giving up one packet: a message at which links end, or a request that is no longer wanted.

use crate::event::{Cause, Risk};
use crate::session::list::{Cursor, find, find_handle, find_mut, place};
use crate::session::outgoing::{Outgoing, Withdrawing};
use crate::storage::{Kind, MessageMarks, Parts, Progress, Reach, SendSlot, Stands, Watcher};
use crate::types::Handle;

/// If PUBREL was sent on this many links, the message counts as completed.
const ENOUGH_LINKS: u8 = 3;

/// The only instance.
pub(crate) const WITHDRAWING: Withdrawing = Outgoing::leave_release;

impl Outgoing {
    /// Returns the number of links on which some of this packet was sent; `None` if it is finished.
    pub(crate) fn attempts(&self, slots: &[SendSlot], handle: Handle) -> Option<u8> {
        find_handle(slots, handle).filter(|slot| is_unfinished(slot)).map(SendSlot::attempts)
    }

    /// Returns the risk of giving up this packet; `None` if it is finished, partly sent, or in flight on this link.
    pub(crate) fn withdrawable(&self, slots: &[SendSlot], handle: Handle) -> Option<Risk> {
        let is_free = |slot: &&SendSlot| {
            // it was sent on this link, and is to be sent again
            let is_awaited = slot.progress.was_seen_by(Watcher::Retry);
            is_unfinished(slot) && !is_awaited && matches!(slot.progress.reach(), Reach::Waiting | Reach::Staged)
        };
        let slot = find_handle(slots, handle).filter(is_free)?;
        Some(match (slot.progress.stands(), slot.progress.is_known()) {
            (Stands::First, false) => Risk::None,
            (Stands::Release, _) if slot.attempts < ENOUGH_LINKS => Risk::MayBeLost,
            _ => Risk::MayHaveArrived,
        })
    }

    /// Gives up a packet for which [`withdrawable`](Self::withdrawable) returned a risk. If the server may hold the
    /// identifier of a QoS 2 message, a PUBREL frees it; if the PUBREL itself is given up, fences do.
    pub(crate) fn withdraw(&mut self, parts: &mut Parts<'_>, handle: Handle) {
        self.unstage(parts.slots);
        let Some(slot) = find_handle(parts.slots, handle) else { return };
        let (id, is_release) = (slot.id(), slot.progress.is_release());
        let is_held = slot.kind == Kind::Publish2 && slot.progress.is_first() && slot.progress.is_known();
        self.end(parts, id, Cause::Withdrawn);
        if is_release {
            self.begin_session(true);
        }
        if let Some(slot) = find_mut(parts.slots, id).filter(|_| is_held) {
            slot.marks.set(MessageMarks::LEAVES_RELEASE);
        }
    }

    /// Replaces a withdrawn message, whose outcome was fetched, by the PUBREL that frees its identifier.
    fn leave_release(&mut self, parts: &mut Parts<'_>, id: u16) {
        let Some(&slot) = find(parts.slots, id) else { return };
        self.leave_list(parts.slots, (slot.previous, id, slot.next), (slot.kind, slot.progress));
        self.publishes -= 1;
        self.uncounted += 1;
        if let Some(place) = find_mut(parts.slots, id) {
            let SendSlot { handle, notes, owed_next, .. } = slot;
            let (kind, progress) = (Kind::Orphan, Progress::released());
            *place = SendSlot { handle, kind, progress, notes, owed_next, ..SendSlot::FREE };
        }
        self.released.push(parts.slots, id);
        if self.release == 0 {
            self.release = id;
        }
    }
}

impl Outgoing {
    /// Holds messages back, or releases them. Staged packets must have been taken back before.
    pub(crate) fn hold_messages(&mut self, slots: &[SendSlot], holds: bool) {
        self.holds_messages = holds;
        self.bypass = Cursor::NONE;
        if let Some(first) = find(slots, self.log.first()) {
            self.step_back(slots, first.id(), first.handle);
        }
    }

    /// Iterates over unfinished messages at QoS 1 and 2, with their indices in the table: those after PUBREC first.
    pub(crate) fn unacknowledged<'a>(
        &self,
        slots: &'a [SendSlot],
    ) -> impl Iterator<Item = (usize, &'a SendSlot)> + use<'a> {
        let [released, log] = [self.released, self.log].map(|list| list.iter(slots));
        let messages = released.chain(log).filter(|slot| slot.kind.is_windowed());
        messages.map(|slot| (place(slots, slot.id()), slot))
    }
}

/// Returns whether the packet has no final result yet.
fn is_unfinished(slot: &SendSlot) -> bool {
    (slot.kind.is_publish() || slot.kind.is_request()) && slot.progress.stands() != Stands::Over
}
