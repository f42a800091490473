//! Room for one more packet: what it needs, what the overflow policy drops for it, and the removal of unsent messages.

use crate::session::list::{Cursor, find, find_handle, iter_from};
use crate::session::outgoing::Outgoing;
use crate::storage::{MAY_GROW, Parts, SendSlot};
use crate::types::{Handle, Version};
use crate::wire::Layout;

/// What one more packet needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    /// Its bytes in the arena.
    pub(crate) bytes: usize,
    /// Its bytes outside the arena.
    pub(crate) shared: usize,
    pub(crate) is_publish: bool,
    /// Whether the journal records it.
    pub(crate) is_kept: bool,
}

/// The limits of a storage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    pub(crate) slots: usize,
    /// Bytes in the arena.
    pub(crate) arena: usize,
    /// Bytes in total.
    pub(crate) bytes: usize,
    /// Unfinished messages; 0 for no limit.
    pub(crate) queued: usize,
}

/// The maximum growth of a packet of an earlier version when it is re-encoded for 5.0: a property length, and one more
/// byte of remaining length. Room for that is reserved, so that a change of version never fails.
const REENCODING: usize = 2;

/// The messages that the overflow policy dropped, or the message that [`replace`](crate::Connection::replace) removed:
/// all messages with handles from `first` to `last` that were still queued and unsent. Each dropped message is final:
/// no event or outcome follows for it. Handles of other commands may lie between `first` and `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Dropped {
    /// The handle of the first dropped message.
    pub first: Handle,
    /// The handle of the last dropped message.
    pub last: Handle,
    /// How many messages were dropped.
    pub count: u32,
}

#[derive(Clone, Copy, Default)]
struct Freed {
    slots: usize,
    /// Slots of messages that are freed only once the journal has recorded their end.
    stuck: usize,
    /// The number of records of ends for which the journal has room.
    ends: usize,
    bytes: usize,
    shared: usize,
}

impl Freed {
    fn add(&mut self, parts: &Parts<'_>, slot: &SendSlot) {
        self.slots += 1;
        if slot.notes.is_kept() {
            self.stuck += usize::from(self.ends == 0);
            self.ends = self.ends.saturating_sub(1);
        }
        self.bytes += slot.length as usize;
        self.shared += Outgoing::shared_length(parts, slot) as usize;
    }
}

impl Outgoing {
    /// A fast check: returns whether the packet fits into a storage of these lengths without dropping, moving or
    /// growing. If not, there may still be room. Always false on firmware, which makes only the full check, to save
    /// flash.
    pub(crate) fn fits(&self, need: &Need, slots: usize, arena: usize, most: &Capacity) -> bool {
        let end = self.arena.end as usize + need.bytes + self.spare(self.arena.frames as usize + 1);
        usize::BITS > 32
            && !self.wants_slots(slots, usize::MAX)
            && end <= arena
            && self.arena.sum_with(arena, need.shared, 0).is_some_and(|all| all <= most.bytes)
            && self.may_queue(most.queued)
    }

    /// Returns whether one more message is within a limit of unfinished messages; 0 for no limit.
    pub(crate) const fn may_queue(&self, limit: usize) -> bool {
        limit == 0 || (self.publishes as usize) < limit
    }

    /// Returns whether there is room within the limits.
    pub(crate) fn has_room(&self, need: &Need, most: &Capacity) -> bool {
        self.has_room_without(need, most, Freed::default())
    }

    /// Returns whether the packet fits into an empty storage.
    pub(crate) fn could_ever_fit(&self, need: &Need, most: &Capacity) -> bool {
        let bytes = need.bytes + self.spare(1);
        bytes <= most.arena && bytes + need.shared <= most.bytes
    }

    fn has_room_without(&self, need: &Need, most: &Capacity, freed: Freed) -> bool {
        let frames = (self.arena.frames as usize + 1).saturating_sub(freed.slots);
        let arena = (self.arena.live as usize + need.bytes + self.spare(frames)).saturating_sub(freed.bytes);
        let all = self.arena.sum_with(arena, need.shared, freed.shared);
        let queued = (self.publishes as usize).saturating_sub(freed.slots);
        (self.used as usize) < most.slots + freed.slots - freed.stuck
            && arena <= most.arena
            && all.is_some_and(|all| all <= most.bytes)
            && (!need.is_publish || most.queued == 0 || queued < most.queued)
    }

    /// Returns whether the table is three quarters full and may grow.
    pub(crate) const fn wants_slots(&self, length: usize, limit: usize) -> bool {
        let used = self.used as usize;
        used * 4 >= length * 3 && length < limit
    }

    /// Returns the length that the arena should have for `bytes` more: twice what is needed, so that compacting is
    /// rare; at most the `limit` of its contents plus a quarter. Without that quarter, a full queue that drops its
    /// oldest message for each new one would compact for each.
    pub(crate) fn wants_arena(&self, length: usize, bytes: usize, limit: usize) -> Option<usize> {
        let needed = self.arena.live as usize + bytes + self.spare(self.arena.frames as usize + 1);
        let wanted = needed.saturating_mul(2).min(limit.saturating_add(limit / 4));
        let is_short = needed > length || self.arena.end as usize + bytes > length;
        (is_short && length < wanted).then_some(wanted)
    }

    /// Returns the length below which the arena must not shrink.
    pub(crate) const fn least_arena(&self) -> usize {
        self.arena.end as usize + self.spare(self.arena.frames as usize)
    }

    /// Returns the bytes reserved for re-encoding `frames` packets for 5.0.
    pub(super) const fn spare(&self, frames: usize) -> usize {
        if self.version.has_properties() || !Version::KNOWS_BOTH_KINDS { 0 } else { REENCODING * frames }
    }

    /// Drops the oldest unsent messages until there is room; changes nothing if even all of them are not enough.
    pub(crate) fn drop_oldest(&mut self, parts: &mut Parts<'_>, need: &Need, most: &Capacity) -> Option<Dropped> {
        let mut freed = self.freeing(parts);
        let mut dropped: Option<Dropped> = None;
        let oldest = self.oldest_unsent(parts.slots);
        for slot in iter_from(parts.slots, oldest).filter(|slot| Self::is_droppable(slot)) {
            if self.has_room_without(need, most, freed) {
                break;
            }
            freed.add(parts, slot);
            let handle = Handle(slot.handle);
            let seen = dropped.unwrap_or(Dropped { first: handle, last: handle, count: 0 });
            dropped = Some(Dropped { last: handle, count: seen.count + 1, ..seen });
        }
        let dropped = dropped.filter(|_| self.has_room_without(need, most, freed))?;
        self.drop_unsent(parts, need, dropped);
        Some(dropped)
    }

    /// Drops the unsent message to `topic`, if that makes room.
    pub(crate) fn drop_same_topic(
        &mut self,
        parts: &mut Parts<'_>,
        need: &Need,
        most: &Capacity,
        topic: &[u8],
    ) -> Option<Dropped> {
        let id = match self.find_topic(parts, topic) {
            Some(found) => found,
            None => self
                .log
                .iter(parts.slots)
                .find(|slot| Self::is_droppable(slot) && topic_of(parts.arena, slot) == Some(topic))
                .map_or(0, SendSlot::id),
        };
        let slot = *find(parts.slots, id)?;
        self.drop_one(parts, need, most, slot)
    }

    /// Drops the unsent message with this handle, if that makes room.
    pub(crate) fn drop_handle(
        &mut self,
        parts: &mut Parts<'_>,
        need: &Need,
        most: &Capacity,
        handle: Handle,
    ) -> Option<Dropped> {
        let slot = *self.unsent(parts, handle)?;
        self.drop_one(parts, need, most, slot)
    }

    fn drop_one(&mut self, parts: &mut Parts<'_>, need: &Need, most: &Capacity, slot: SendSlot) -> Option<Dropped> {
        let mut freed = self.freeing(parts);
        freed.add(parts, &slot);
        let handle = Handle(slot.handle);
        let dropped = Dropped { first: handle, last: handle, count: 1 };
        if !self.has_room_without(need, most, freed) {
            return None;
        }
        self.drop_unsent(parts, need, dropped);
        Some(dropped)
    }

    /// Returns the state in which nothing is freed yet.
    fn freeing(&self, parts: &Parts<'_>) -> Freed {
        Freed { ends: self.room_for_ends(&parts.journal), ..Freed::default() }
    }

    /// Drops these messages for the message that is accepted next.
    fn drop_unsent(&mut self, parts: &mut Parts<'_>, need: &Need, dropped: Dropped) {
        self.unstage(parts.slots);
        let by = if need.is_kept { self.next_number() } else { 0 };
        let mut id = dropped.first.id();
        while let Some(slot) = find(parts.slots, id).filter(|slot| slot.handle <= dropped.last.0) {
            let next = slot.next;
            if Self::is_droppable(slot) {
                self.finish(parts, id);
                Self::note_successor(parts.slots, id, by);
            }
            id = next;
        }
    }

    /// Returns the first message of the log that may be dropped; 0 if there is none. Messages that the server may have
    /// come first, and there can be many: a cursor remembers which were skipped, so that each is skipped once.
    fn oldest_unsent(&mut self, slots: &[SendSlot]) -> u16 {
        let passed = find(slots, self.passed.get());
        let mut id = passed.map_or(self.log.first(), |slot| slot.next);
        while let Some(slot) = find(slots, id).filter(|slot| !Self::is_droppable(slot)) {
            self.passed.set(id);
            id = slot.next;
        }
        id
    }

    /// Resets the search: messages that the server may have had may be dropped again.
    pub(super) fn forget_search(&mut self, parts: &mut Parts<'_>) {
        if MAY_GROW {
            self.passed = Cursor::NONE;
            parts.forget_topics();
        }
    }

    /// Returns whether the packet is an unsent message: nothing was sent on this link or an earlier one.
    pub(super) fn is_droppable(slot: &SendSlot) -> bool {
        slot.kind.is_publish() && slot.progress.is_first() && !slot.progress.is_known()
    }

    /// Returns the message with this handle, if it is unsent.
    fn unsent<'a>(&self, parts: &'a Parts<'_>, handle: Handle) -> Option<&'a SendSlot> {
        find_handle(parts.slots, handle).filter(|slot| Self::is_droppable(slot))
    }

    /// Returns whether the message with this handle is unsent, so that it can be removed from the queue.
    pub(crate) fn is_unsent(&self, parts: &Parts<'_>, handle: Handle) -> bool {
        self.unsent(parts, handle).is_some()
    }

    /// Removes an unsent message from the queue.
    pub(crate) fn cancel(&mut self, parts: &mut Parts<'_>, handle: Handle) -> bool {
        let Some(id) = self.unsent(parts, handle).map(SendSlot::id) else { return false };
        self.unstage(parts.slots);
        self.finish(parts, id);
        true
    }
}

pub(super) fn topic_of<'a>(arena: &'a [u8], slot: &SendSlot) -> Option<&'a [u8]> {
    let start = slot.position as usize;
    let frame = arena.get(start..start + slot.length as usize)?;
    let layout = Layout::of(frame, Version::default());
    frame.get(layout.start + 2..layout.id)
}
