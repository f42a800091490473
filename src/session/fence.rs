//! Fences: PUBRELs that free packet identifiers in a session that was adopted.
//!
//! The server may hold an identifier of an earlier life of this client as "QoS 2, waiting for PUBREL", and would take a new PUBLISH under it for a
//! repetition. So until the identifiers have gone round once, a QoS 2 PUBLISH is preceded, in the same flight, by PUBREL of its identifier; the PUBCOMP that
//! comes before its PUBREC means nothing. Some servers end the link over a PUBREL that they don't know: if a link ends while a fence is unanswered, the
//! session goes on without them.

use crate::session::list::find;
use crate::session::outgoing::Outgoing;
use crate::storage::{Kind, SendSlot, SessionFact};

/// So many packets later all identifiers were given away once.
const ONE_ROUND: u32 = 0xFFFF;

impl Outgoing {
    /// The server holds a new session, or one that is adopted.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn begin_session(&mut self, is_adopted: bool) {
        self.session = if is_adopted { SessionFact::Adopted } else { SessionFact::Held };
        self.fence(is_adopted);
    }

    /// The server holds the session that is kept here; or, as far as anybody can know, one from before a clean start that it never carried out.
    pub(crate) fn resume(&mut self) {
        match self.session {
            SessionFact::Adopted => {}
            SessionFact::Doubtful | SessionFact::Either => self.begin_session(true),
            SessionFact::None | SessionFact::Held => self.session = SessionFact::Held,
        }
    }

    /// From here on identifiers need fences for one round, or none.
    pub(crate) fn fence(&mut self, is_adopted: bool) {
        self.fenced_until = if is_adopted { number(self.last_handle).wrapping_add(ONE_ROUND).max(1) } else { 0 };
        (self.fences, self.staged_fences) = (0, 0);
    }

    /// Fences may be needed.
    pub(crate) const fn has_fences(&self) -> bool {
        self.fenced_until != 0
    }

    /// This packet needs a fence.
    pub(super) const fn is_fenced(&self, slot: &SendSlot) -> bool {
        self.has_fences()
            && matches!(slot.kind, Kind::Publish2)
            && !is_after(slot.handle, self.fenced_until)
            && !slot.progress.is_known()
    }

    pub(crate) const fn note_fence(&mut self) {
        self.staged_fences += 1;
    }

    /// Whether this PUBCOMP answers a fence: its message is still to be acknowledged with PUBREC. One for no message may be that as well, since a message
    /// can be taken back once its fence was shown, or withdrawn once its PUBREL had left; but it may also be the second of another message, so it is not counted as the answer.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn is_fence_answer(&mut self, slots: &[SendSlot], id: u16) -> bool {
        let is_awaited = self.fences + self.staged_fences > 0;
        let Some(slot) = find(slots, id) else { return is_awaited || self.has_fences() };
        let is_it = is_awaited && slot.kind == Kind::Publish2 && slot.progress.is_first();
        let from = if self.fences > 0 { &mut self.fences } else { &mut self.staged_fences };
        *from -= u16::from(is_it);
        is_it
    }

    /// All identifiers were used once: the session is like any other.
    pub(crate) fn end_fences_in_time(&mut self, slots: &[SendSlot]) {
        let is_over = self.has_fences()
            && is_after(self.last_handle, self.fenced_until)
            && find(slots, self.log.first()).is_none_or(|slot| is_after(slot.handle, self.fenced_until));
        if is_over {
            self.begin_session(false);
        }
    }

    /// The link is gone. Whether a fence was unanswered, so that there will be no more.
    pub(crate) fn give_up_fences(&mut self) -> bool {
        self.staged_fences = 0;
        let gives_up = self.fences > 0;
        if gives_up {
            self.begin_session(false);
        }
        gives_up
    }
}

/// The running number of a handle, as far as is needed to compare it with those of the same round.
const fn number(handle: u64) -> u32 {
    (handle >> 16) as u32
}

const fn is_after(handle: u64, until: u32) -> bool {
    until.wrapping_sub(number(handle)).cast_signed() < 0
}
