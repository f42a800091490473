//! The fast path for ordinary messages: all their bytes are in the arena, and they need no check before they are sent.
//!
//! The functions here decide *whether* a packet may take the fast path. The changes to slots and bytes are the same
//! code for both paths:
//!
//! | step | decided by | done by |
//! |---|---|---|
//! | a message is accepted | `push_usual` | [`Outgoing::enter`] |
//! | the transport took its bytes | `take_usual` | [`Outgoing::take`] |
//! | PUBREC | `pubrec_usual` | [`Outgoing::release`] |
//! | PUBACK, PUBCOMP, a sent QoS 0 message | `puback_usual`, `pubcomp_usual`, `take_usual` | [`Outgoing::vacate`] |
//! | a message arrives | `arrive_usual` | [`Incoming::enter`] |
//!
//! What an ordinary message lacks (marks, bytes outside the arena, notes for a journal) is a constant there, which the
//! compiler folds away. Only staging is done once for a stretch of messages.
//!
//! If a packet may not take the fast path, nothing is changed, and the general path, which handles all cases, is taken.
//! Firmware always takes the general path, since flash is scarcer there than processor time, and so does a session with
//! a journal.

use crate::session::incoming::{Arrival, Bound, Incoming, RESERVE};
use crate::session::list::{find, find_mut, place};
use crate::session::outgoing::Outgoing;
use crate::session::run::{RUN_LIMIT, Run};
use crate::storage::inbox::lookup;
use crate::storage::{Kind, Marks, MessageMarks, Notes, Parts, Reach, ReceiveSlot, ReceiveState, SendSlot};
use crate::types::{Handle, QoS};
use crate::wire::reason::ReasonCode;

/// Whether there is a fast path.
pub(crate) const EXISTS: bool = cfg!(not(target_pointer_width = "32"));

/// Returns whether the fast path may be taken with this storage.
#[inline(always)]
pub(super) fn is_open(parts: &Parts<'_>) -> bool {
    EXISTS && parts.journal.is_none()
}

impl Outgoing {
    /// [`push`](Self::push) for a message that fits without dropping, moving or growing, in a storage of which `most`
    /// bytes may be used.
    #[inline(always)]
    pub(crate) fn push_usual<'p>(
        &mut self,
        slots: &mut [SendSlot],
        arena: &'p mut [u8],
        (kind, length): (Kind, usize),
        most: usize,
    ) -> Option<&'p mut [u8]> {
        let id = (self.last_handle as u16).checked_add(1)?;
        let start = self.arena.end as usize;
        let needed = length + self.spare(self.arena.frames as usize + 1);
        let room = arena.get_mut(start..)?;
        let has_room = needed <= room.len() && start + needed + self.arena.shared <= most;
        if !has_room || self.wants_slots(slots.len(), usize::MAX) {
            return None;
        }
        slots.get(place(slots, id)).filter(|slot| slot.kind == Kind::Free)?;
        self.enter(slots, id, SendSlot { length: length as u32, kind, ..SendSlot::FREE }, 0)?;
        room.get_mut(..length)
    }

    /// Stages the next messages of the log, while they are contiguous and the send quota allows, and returns where they
    /// end.
    #[inline(always)]
    pub(super) fn stage_usual(&mut self, slots: &mut [SendSlot], window: u16) -> Option<u32> {
        let open = u32::from(window).saturating_sub(self.in_flight);
        let (mut next, mut quota, start) = (self.next, open, find(slots, self.next)?.position);
        let mut end = start;
        while let Some(slot) = find_mut(slots, next).filter(|slot| slot.is_bare() && slot.position == end) {
            let Some(left) = quota.checked_sub(u32::from(slot.kind != Kind::Publish0)) else { break };
            if end - start >= RUN_LIMIT || self.is_fenced(slot) {
                break;
            }
            slot.progress = slot.progress.reached(Reach::Staged);
            (next, quota, end) = (slot.next, left, end + slot.length);
        }
        if end == start {
            return None;
        }
        self.run = Run::new(self.next, end - start);
        self.in_flight += open - quota;
        self.next = next;
        Some(end)
    }

    /// Marks the messages of the run that are completely within the `count` bytes that the transport took, and returns
    /// how many bytes these have.
    pub(super) fn take_usual(&mut self, slots: &mut [SendSlot], count: u32) -> u32 {
        if self.run.offset > 0 {
            return 0;
        }
        let (mut id, mut rest) = (self.run.id, count);
        while let Some(slot) = find_mut(slots, id).filter(|slot| slot.kind.is_publish() && slot.marks == Marks::NONE) {
            let Some(behind) = rest.checked_sub(slot.length) else { break };
            rest = behind;
            let this = core::mem::replace(&mut id, slot.next);
            if slot.kind.is_windowed() {
                self.take(slot, true, true);
            } else {
                let Handle(handle) = self.vacate(slots, this, 0);
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

    /// Handles PUBREC of a message in flight: from now on only PUBREL is sent.
    #[inline(always)]
    pub(crate) fn pubrec_usual(&mut self, slots: &mut [SendSlot], id: u16) -> Option<()> {
        find(slots, id).filter(|slot| slot.kind == Kind::Publish2 && slot.progress.is_out() && is_plain(slot))?;
        self.release(slots, id);
        Some(())
    }

    /// Handles PUBACK of a message in flight.
    #[inline(always)]
    pub(crate) fn puback_usual(&mut self, slots: &mut [SendSlot], id: u16) -> Option<Handle> {
        find(slots, id).filter(|slot| slot.kind == Kind::Publish1 && slot.progress.is_out() && is_plain(slot))?;
        Some(self.vacate(slots, id, 0))
    }

    /// Handles PUBCOMP of a message whose PUBREL is in flight.
    #[inline(always)]
    pub(crate) fn pubcomp_usual(&mut self, slots: &mut [SendSlot], id: u16) -> Option<Handle> {
        find(slots, id).filter(|slot| slot.kind == Kind::Publish2 && slot.progress.is_release_out())?;
        Some(self.vacate(slots, id, 0))
    }
}

impl Incoming {
    /// [`arrive`](Self::arrive) for a message with an unknown identifier, if there is room in addition to the reserve.
    #[inline(always)]
    pub(crate) fn arrive_usual(
        &mut self,
        inbox: &mut [ReceiveSlot],
        (id, qos): (u16, QoS),
        bound: Bound,
        acknowledged: bool,
    ) -> Option<Arrival> {
        let is_new = lookup(inbox, id) == 0;
        let is_allowed = self.used - self.old < bound.maximum;
        let has_room = usize::from(self.used) + RESERVE < inbox.len().min(bound.held);
        if !(is_new && is_allowed && has_room) {
            return None;
        }
        let link = self.take_free(inbox);
        Some(self.enter(
            inbox,
            link,
            id,
            (ReceiveState::of_new(qos), acknowledged.then_some(ReasonCode::SUCCESS), Notes::NONE),
        ))
    }
}

/// Returns whether all bytes of the message are in the arena.
const fn is_plain(slot: &SendSlot) -> bool {
    !slot.marks.message().has(MessageMarks::SHARED_PAYLOAD)
}
