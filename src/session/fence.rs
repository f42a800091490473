//! Fences: PUBRELs that free packet identifiers in an adopted session.
//!
//! The server may hold an identifier from an earlier run of this client as "QoS 2, waiting for PUBREL", and would take
//! a new PUBLISH with it for a duplicate. So until every identifier was used once, a QoS 2 PUBLISH is directly preceded
//! by a PUBREL with its identifier; the PUBCOMP that arrives before its PUBREC is ignored. Some servers end the link
//! because of a PUBREL with an unknown identifier: if a link ends while a fence is unanswered, the session sends no
//! more fences.

use crate::session::list::find;
use crate::session::outgoing::Outgoing;
use crate::storage::{Kind, SendSlot, SessionFact};

/// After this many packets every identifier was used once.
const ONE_ROUND: u32 = 0xFFFF;

impl Outgoing {
    /// Notes that the server holds a new session, or one that is adopted.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn begin_session(&mut self, is_adopted: bool) {
        self.session = if is_adopted { SessionFact::Adopted } else { SessionFact::Held };
        self.fence(is_adopted);
    }

    /// Notes that the server resumed the session that is kept here; or possibly one from before a clean start that was
    /// never answered.
    pub(crate) fn resume(&mut self) {
        match self.session {
            SessionFact::Adopted => {}
            SessionFact::Doubtful | SessionFact::Either => self.begin_session(true),
            SessionFact::None | SessionFact::Held => self.session = SessionFact::Held,
        }
    }

    /// Sets whether identifiers need fences for one round from now on, or none.
    pub(crate) fn fence(&mut self, is_adopted: bool) {
        self.fenced_until = if is_adopted { number(self.last_handle).wrapping_add(ONE_ROUND).max(1) } else { 0 };
        (self.fences, self.staged_fences) = (0, 0);
    }

    /// Returns whether fences may be needed.
    pub(crate) const fn has_fences(&self) -> bool {
        self.fenced_until != 0
    }

    /// Returns whether this packet needs a fence.
    pub(super) const fn is_fenced(&self, slot: &SendSlot) -> bool {
        self.has_fences()
            && matches!(slot.kind, Kind::Publish2)
            && !is_after(slot.handle, self.fenced_until)
            && !slot.progress.is_known()
    }

    pub(crate) const fn note_fence(&mut self) {
        self.staged_fences += 1;
    }

    /// Returns whether this PUBCOMP answers a fence: PUBREC of its message is still awaited. A PUBCOMP without a
    /// message may answer a fence too, since a message can be taken back after its fence was shown, or withdrawn after
    /// its PUBREL was sent. But it may also be the second PUBCOMP of another message, so it does not count as the
    /// answer.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn is_fence_answer(&mut self, slots: &[SendSlot], id: u16) -> bool {
        let is_awaited = self.fences + self.staged_fences > 0;
        let Some(slot) = find(slots, id) else { return is_awaited || self.has_fences() };
        let is_it = is_awaited && slot.kind == Kind::Publish2 && slot.progress.is_first();
        let from = if self.fences > 0 { &mut self.fences } else { &mut self.staged_fences };
        *from -= u16::from(is_it);
        is_it
    }

    /// Ends the fences once every identifier was used once.
    pub(crate) fn end_fences_in_time(&mut self, slots: &[SendSlot]) {
        let is_over = self.has_fences()
            && is_after(self.last_handle, self.fenced_until)
            && find(slots, self.log.first()).is_none_or(|slot| is_after(slot.handle, self.fenced_until));
        if is_over {
            self.begin_session(false);
        }
    }

    /// Handles the end of a link. Returns whether a fence was unanswered, so that no more are sent.
    pub(crate) fn give_up_fences(&mut self) -> bool {
        self.staged_fences = 0;
        let gives_up = self.fences > 0;
        if gives_up {
            self.begin_session(false);
        }
        gives_up
    }
}

/// Returns the part of a handle's running number that is needed to compare handles of the same round.
const fn number(handle: u64) -> u32 {
    (handle >> 16) as u32
}

const fn is_after(handle: u64, until: u32) -> bool {
    until.wrapping_sub(number(handle)).cast_signed() < 0
}
