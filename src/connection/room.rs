//! Makes room for one more packet: within the limits, by the overflow policy, by growth.

use super::{Connection, State};
use crate::connection::control::BUSY_CONTROL;
use crate::error::RequestError;
use crate::session::{Capacity, Dropped, Need};
use crate::storage::Storage;
use crate::storage::sealed::Demand;
use crate::wire::MAX_REMAINING;

impl<S: Storage> Connection<S> {
    /// Grows the control area for one more packet of `length` bytes, if the storage can.
    pub(super) fn grow_control(&mut self, length: usize) {
        if length > MAX_REMAINING {
            return; // MQTT cannot express it, or it never fits
        }
        let bytes = self.core.link.control.needed(length);
        if self.state() != State::Closed && bytes > self.storage.view().control.len() {
            self.storage.grow(Demand::Control { bytes });
        }
    }

    /// Makes room for one more packet: within the limits, by the overflow policy, which sets `dropped`, or by growth.
    /// Returns false, and changes nothing, if there is no room.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn make_room(&mut self, need: Need, topic: &[u8], dropped: &mut Option<Dropped>) -> bool {
        let most = self.core.most(&self.storage.bounds());
        if !self.core.outgoing.has_room(&need, &most) {
            let mut parts = self.storage.parts();
            let Some(policy) = self.core.policy().filter(|_| need.is_publish) else { return false };
            policy(&mut self.core, &mut parts, &need, &most, topic, dropped);
            if dropped.is_none() {
                return false;
            }
            self.gather(); // frees the slots of the dropped messages
        }
        self.grow_for(&need, &most);
        true
    }

    /// Makes room for a request. If there is none, messages are no longer held back.
    pub(super) fn make_room_for_request(&mut self, need: Need) -> Result<(), RequestError> {
        if self.make_room(need, &[], &mut None) {
            return Ok(());
        }
        if let Some(taking_back) = self.core.taking_back().filter(|_| self.holds_messages()) {
            (taking_back.hold)(&mut self.core, &mut self.storage.parts(), false);
        }
        Err(RequestError::Full)
    }

    /// Grows the storage for one more packet, if it can.
    pub(super) fn grow_for(&mut self, need: &Need, most: &Capacity) {
        let outgoing = &self.core.outgoing;
        let view = self.storage.view();
        let (slots, arena) = (view.slots.len(), view.arena.len());
        if outgoing.wants_slots(slots, most.slots) {
            self.storage.grow(Demand::SendSlot { limit: most.slots });
            self.storage.grow(Demand::Control { bytes: BUSY_CONTROL });
        }
        if let Some(bytes) = outgoing.wants_arena(arena, need.bytes, most.arena.min(most.bytes)) {
            self.storage.grow(Demand::Arena { bytes });
        }
    }

    /// Updates the index of queued messages by topic. Called for each message, so that no call has to enter many.
    #[inline(never)]
    pub(super) fn index_topics(&mut self) {
        self.storage.grow(Demand::TopicIndex);
        self.core.outgoing.index_topics(&mut self.storage.parts());
    }
}
