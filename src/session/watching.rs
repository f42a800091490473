//! Packets in flight: retransmission in 3.1 and 3.1.1, and overdue acknowledgements.
//!
//! At each tick a timer marks the packets in flight. A packet that is already marked has been in flight for one to two
//! intervals.

use crate::session::list::find_mut;
use crate::session::outgoing::Outgoing;
use crate::session::resume::mark_dup;
use crate::storage::{Parts, Reach, SendSlot, Watcher};

impl Outgoing {
    /// Returns whether an acknowledgement may be awaited. Of the messages that the link can carry, those that the
    /// server may have come first, so the first one decides. [`is_overdue`](Self::is_overdue) checks whether it is in
    /// flight or to be sent again.
    pub(crate) fn awaits_answer(&self, slots: &[SendSlot]) -> bool {
        let first = self.log.iter(slots).find(|slot| slot.kind.is_windowed() && self.may_carry(slot));
        let is_known = first.is_some_and(|slot| slot.progress.is_known());
        is_known || !self.requests.is_empty() || !self.released.is_empty()
    }

    /// The tick of the time-out for acknowledgements. Returns whether any packet was in flight at the last tick
    /// already; if not, marks the packets in flight now.
    pub(crate) fn is_overdue(&mut self, slots: &mut [SendSlot]) -> bool {
        for list in [self.log, self.released, self.requests] {
            let mut id = list.first();
            while let Some(slot) = find_mut(slots, id) {
                id = slot.next;
                if slot.progress.was_seen_by(Watcher::Overdue) {
                    return true; // also while it is sent again
                }
                // on this link; the transport may not be taking it
                let is_repeated = slot.progress.was_seen_by(Watcher::Retry);
                match slot.progress.reach() {
                    Reach::Waiting if !is_repeated && self.may_carry(slot) => break,
                    Reach::Waiting | Reach::Staged | Reach::Begun if !is_repeated => {}
                    _ => slot.progress = slot.progress.seen_by(Watcher::Overdue),
                }
            }
        }
        false
    }

    /// The tick of the retransmission: packets that were in flight at the last tick already are queued again, in their
    /// place. Behind the first unsent message none is in flight.
    pub(crate) fn retransmit(&mut self, parts: &mut Parts<'_>) {
        let mut id = self.log.first();
        while let Some(slot) = find_mut(parts.slots, id) {
            if slot.kind.is_windowed() && !slot.progress.is_known() && self.may_carry(slot) {
                break;
            }
            let (this, handle) = (id, slot.handle);
            id = slot.next;
            if !slot.progress.is_out() {
                continue;
            }
            if slot.progress.was_seen_by(Watcher::Retry) {
                self.set_progress(slot, slot.progress.reached(Reach::Waiting));
                slot.leave_again();
                mark_dup(parts.arena, slot);
                self.step_back(parts.slots, this, handle);
            } else {
                slot.progress = slot.progress.seen_by(Watcher::Retry);
            }
        }
        self.retransmit_releases(parts.slots);
    }

    /// If a PUBREL was in flight at the last tick already, it and all behind it are sent again, so that their order is
    /// kept. One that the transport may be taking stays shown until that is known.
    fn retransmit_releases(&mut self, slots: &mut [SendSlot]) {
        let mut again = false;
        let mut id = self.released.first();
        while let Some(slot) = find_mut(slots, id) {
            if slot.progress.is_release_out() && slot.progress.was_seen_by(Watcher::Retry) && !again {
                again = true;
                self.release = id;
            }
            id = slot.next;
            if !slot.progress.is_release_out() {
                continue;
            }
            if again {
                slot.progress = slot.progress.reached(Reach::Waiting);
                slot.leave_again();
            } else {
                slot.progress = slot.progress.seen_by(Watcher::Retry);
            }
        }
    }
}
