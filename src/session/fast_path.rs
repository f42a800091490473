//! The fast path of bare messages, of which a busy link consists: all their bytes are in the arena, and nothing has to be looked at before they are sent.
//!
//! A function here decides *whether* a packet is as usual. What is then done to slots and bytes is one body for both paths:
//!
//! | step | decided by | done by |
//! |---|---|---|
//! | a message is accepted | `push_usual` | [`Outgoing::enter`] |
//! | the transport took it | `take_usual` | [`Outgoing::take`] |
//! | PUBREC | `pubrec_usual` | [`Outgoing::release`] |
//! | PUBACK, PUBCOMP, QoS 0 that left | `puback_usual`, `pubcomp_usual`, `take_usual` | [`Outgoing::vacate`] |
//! | a message comes | `arrive_usual` | [`Incoming::enter`] |
//!
//! What a bare message lacks is a constant there (no marks, no bytes elsewhere, no notes for a journal), and folds away. Only staging is gathered over a
//! stretch of messages, and entered once.
//!
//! If a packet isn't as usual nothing is changed, and the general path is taken, which alone knows what else there is. Firmware always takes the general
//! path, as it has less flash than time, and so does a session that is kept in a journal.

use crate::session::incoming::{Arrival, Bound, Incoming, RESERVE};
use crate::session::list::{find, find_mut, place};
use crate::session::outgoing::Outgoing;
use crate::session::run::{RUN_LIMIT, Run};
use crate::storage::inbox::lookup;
use crate::storage::{Kind, Marks, MessageMarks, Notes, Parts, Reach, ReceiveSlot, ReceiveState, SendSlot};
use crate::types::{Handle, QoS};
use crate::wire::reason::ReasonCode;

/// There is a fast path.
pub(crate) const EXISTS: bool = cfg!(not(target_pointer_width = "32"));

/// It may be taken with this storage.
#[inline(always)]
pub(super) fn is_open(parts: &Parts<'_>) -> bool {
    EXISTS && parts.journal.is_none()
}

impl Outgoing {
    /// [`push`](Self::push) of a message for which there is room as things are, in a storage of which `most` bytes may be used.
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

    /// Stages the messages that come next in the log, as long as they lie together and the window is open, and says where they end.
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

    /// The transport took at most so many bytes of the run: marks the messages that these are the whole of, and says how many bytes those have.
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

    /// PUBREC of a message that is out: from here on only PUBREL is sent.
    #[inline(always)]
    pub(crate) fn pubrec_usual(&mut self, slots: &mut [SendSlot], id: u16) -> Option<()> {
        find(slots, id).filter(|slot| slot.kind == Kind::Publish2 && slot.progress.is_out() && is_plain(slot))?;
        self.release(slots, id);
        Some(())
    }

    /// PUBACK of a message that is out.
    #[inline(always)]
    pub(crate) fn puback_usual(&mut self, slots: &mut [SendSlot], id: u16) -> Option<Handle> {
        find(slots, id).filter(|slot| slot.kind == Kind::Publish1 && slot.progress.is_out() && is_plain(slot))?;
        Some(self.vacate(slots, id, 0))
    }

    /// PUBCOMP of a message whose PUBREL is out.
    #[inline(always)]
    pub(crate) fn pubcomp_usual(&mut self, slots: &mut [SendSlot], id: u16) -> Option<Handle> {
        find(slots, id).filter(|slot| slot.kind == Kind::Publish2 && slot.progress.is_release_out())?;
        Some(self.vacate(slots, id, 0))
    }
}

impl Incoming {
    /// [`arrive`](Self::arrive) of a message under an identifier that nothing is known of, where there is room beside what is kept free.
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

/// All bytes of the message are in the arena.
const fn is_plain(slot: &SendSlot) -> bool {
    !slot.marks.message().has(MessageMarks::SHARED_PAYLOAD)
}
