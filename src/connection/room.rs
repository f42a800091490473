//! Room for one more packet: within the limits, by the overflow policy, by growth.

use super::{Connection, State};
use crate::connection::control::BUSY_CONTROL;
use crate::error::RequestError;
use crate::session::{Capacity, Dropped, Need};
use crate::storage::Storage;
use crate::storage::sealed::Demand;
use crate::wire::MAX_REMAINING;

impl<S: Storage> Connection<S> {
    /// Lets the control area take one more packet of `length` bytes, where the storage can.
    pub(super) fn grow_control(&mut self, length: usize) {
        if length > MAX_REMAINING {
            return; // it can't be expressed, or it never fits
        }
        let bytes = self.core.link.control.needed(length);
        if self.state() != State::Closed && bytes > self.storage.view().control.len() {
            self.storage.grow(Demand::Control { bytes });
        }
    }

    /// Makes room for one more packet: within the limits, by the overflow policy, which tells its `dropped`, by growth.
    /// False if there is none; then nothing changed.
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
            self.gather(); // so that the slots of those are free
        }
        self.grow_for(&need, &most);
        true
    }

    /// Room for a request; where there is none, messages are held no longer.
    pub(super) fn make_room_for_request(&mut self, need: Need) -> Result<(), RequestError> {
        if self.make_room(need, &[], &mut None) {
            return Ok(());
        }
        if let Some(taking_back) = self.core.taking_back().filter(|_| self.holds_messages()) {
            (taking_back.hold)(&mut self.core, &mut self.storage.parts(), false);
        }
        Err(RequestError::Full)
    }

    /// Lets the storage grow for one more packet, where it can.
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

    /// Brings the index of waiting messages by topic up to date: message by message, so that none has to wait for many.
    #[inline(never)]
    pub(super) fn index_topics(&mut self) {
        self.storage.grow(Demand::TopicIndex);
        self.core.outgoing.index_topics(&mut self.storage.parts());
    }
}
