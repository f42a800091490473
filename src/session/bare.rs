//! The short way of bare messages, of which a busy link consists: all their bytes are in the arena, and nothing has to be looked at before they are sent.
//!
//! A function here does what the long way would do, or changes nothing; then the long way is gone, which alone knows what else there is. Firmware always goes
//! the long way, as it has less flash than time, and so does a session that is kept in a journal.

use crate::session::list::{find_mut, place};
use crate::session::outgoing::Outgoing;
use crate::session::sending::{RUN_LIMIT, Run, mark_taken};
use crate::storage::{Flags, Kind, Parts, SendSlot, State};
use crate::types::Handle;

/// There is a short way.
pub(crate) const EXISTS: bool = cfg!(not(target_pointer_width = "32"));

/// It may be taken with this storage.
#[inline(always)]
pub(super) fn may_go_short(parts: &Parts<'_>) -> bool {
    EXISTS && parts.journal.is_none()
}

impl Outgoing {
    /// [`push`](Self::push) of a message for which there is room as things are, in an arena of which `room` bytes may be used.
    #[inline(always)]
    pub(crate) fn push_bare<'p>(
        &mut self,
        slots: &mut [SendSlot],
        arena: &'p mut [u8],
        (kind, length): (Kind, usize),
        room: usize,
    ) -> Option<&'p mut [u8]> {
        let id = self.last_id.wrapping_add(1).max(1);
        let start = self.arena.end as usize;
        let end = start + length + self.spare(self.arena.frames as usize + 1);
        if end + self.arena.shared as usize > room.min(arena.len()) || self.wants_slots(slots.len(), usize::MAX) {
            return None;
        }
        let bytes = arena.get_mut(start..)?.get_mut(..length)?;
        let index = place(slots, id);
        let slot = slots.get_mut(index).filter(|slot| slot.kind == Kind::Free)?;
        self.last_id = id;
        self.last_handle += 1;
        let length = length as u32;
        let (handle, position, previous) = (self.last_handle, self.arena.push(length, 0), self.log.last());
        *slot = SendSlot { handle, position, length, id, previous, kind, ..SendSlot::FREE };
        self.enter_log(slots, id);
        self.publishes += 1;
        Some(bytes)
    }

    /// Stages the messages that come next in the log, as long as they lie together and the window is open, and says where they end.
    pub(super) fn stage_bare(&mut self, slots: &mut [SendSlot], window: u16) -> Option<u32> {
        let mut quota = u32::from(window).saturating_sub(self.in_flight);
        let (first, mut next, mut left, mut end) = (self.next, self.next, 0, None);
        while let Some(slot) = find_mut(slots, next) {
            let counts = u32::from(slot.kind.is_windowed());
            let goes_on = slot.is_bare()
                && slot.state == State::Queued
                && end.is_none_or(|end| end == slot.position)
                && left < RUN_LIMIT
                && counts <= quota;
            if !goes_on {
                break;
            }
            slot.flags.set(if counts > 0 { Flags::STAGED | Flags::COUNTED } else { Flags::STAGED });
            quota -= counts;
            self.in_flight += counts;
            left += slot.length;
            end = Some(slot.position + slot.length);
            next = slot.next;
        }
        if end.is_some() {
            self.run = Run::new(first, left);
            self.next = next;
        }
        end
    }

    /// The transport took at most so many bytes of the run: marks the messages that these are the whole of, and says how many bytes those have.
    pub(super) fn take_bare(&mut self, slots: &mut [SendSlot], count: u32) -> u32 {
        let (mut id, mut rest) = (self.run.id, count);
        while let Some(slot) = find_mut(slots, id).filter(|slot| slot.kind.is_publish() && !slot.is_special()) {
            if slot.length > rest || self.run.offset > 0 {
                break;
            }
            let this = core::mem::replace(&mut id, slot.next);
            rest -= slot.length;
            if slot.kind.is_windowed() {
                mark_taken(slot, true);
            } else if let Some(Handle(handle)) = self.finish_bare(slots, this, Kind::Publish0, State::Queued) {
                self.left = handle;
            }
        }
        let taken = count - rest;
        if taken > 0 {
            let left = self.run.left - taken;
            self.run = Run::new(if left > 0 { id } else { 0 }, left);
        }
        taken
    }

    /// PUBREC of a message that is out: from here on only PUBREL is sent.
    #[inline(always)]
    pub(crate) fn release_bare(&mut self, slots: &mut [SendSlot], id: u16) -> Option<()> {
        let is_it = |slot: &&mut SendSlot| {
            slot.kind == Kind::Publish2
                && slot.state == State::Sent
                && slot.flags.has(Flags::COUNTED)
                && !slot.flags.has(Flags::SHARED_PAYLOAD | Flags::STREAMED)
        };
        let place = find_mut(slots, id).filter(is_it)?;
        let slot = *place;
        *place = SendSlot { length: 0, state: State::Released, previous: self.released.last(), next: 0, ..slot };
        self.arena.release(slot.position, slot.length, 0);
        self.leave_list(slots, (slot.previous, id, slot.next), (Kind::Publish2, State::Sent));
        self.released.append(slots, id);
        if self.release == 0 {
            self.release = id;
        }
        Some(())
    }

    /// The end of a message of this kind in this state.
    #[inline(always)]
    pub(crate) fn finish_bare(&mut self, slots: &mut [SendSlot], id: u16, kind: Kind, state: State) -> Option<Handle> {
        let is_it =
            |slot: &&mut SendSlot| slot.kind == kind && slot.state == state && !slot.flags.has(Flags::SHARED_PAYLOAD);
        let place = find_mut(slots, id).filter(is_it)?;
        let slot = core::mem::replace(place, SendSlot::FREE);
        self.arena.release(slot.position, slot.length, 0);
        self.leave_list(slots, (slot.previous, id, slot.next), (kind, state));
        Some(self.uncount_finished(&slot))
    }
}
