//! The receive slots and their index by packet identifier.
//!
//! A table that can grow has an index: each slot is also the head of a chain. A table of fixed size is short, and is
//! searched from start to end, which saves four bytes per slot and 300 bytes of flash.
//!
//! A *link* in this module is the index of a slot plus 1; 0 for none.

#[cfg(feature = "alloc")]
pub(crate) use self::indexed::reindex;
#[cfg(feature = "alloc")]
use self::indexed::{enter, find, leave};
#[cfg(not(feature = "alloc"))]
use self::scanned::{enter, find, leave};
use crate::storage::{ReceiveSlot, ReceiveState};

/// Returns whether the slot is searched for by its identifier. That of a QoS 1 message is not: the message is finished
/// once its PUBACK was written.
fn is_indexed(slot: &ReceiveSlot) -> bool {
    !matches!(slot.state, ReceiveState::Free | ReceiveState::AtLeastOnce)
}

/// Returns the slot of `link` (its index plus 1).
pub(crate) fn at(inbox: &mut [ReceiveSlot], link: u16) -> Option<&mut ReceiveSlot> {
    inbox.get_mut(usize::from(link).wrapping_sub(1)) // 0 wraps to an index behind any table
}

/// Returns the link of the unfinished QoS 2 message with this identifier; 0 for none.
pub(crate) fn lookup(inbox: &[ReceiveSlot], id: u16) -> u16 {
    find(inbox, id)
}

/// Returns the link of a free slot, in tables that are searched for one.
pub(crate) fn first_free(inbox: &[ReceiveSlot]) -> u16 {
    link_to(inbox.iter().position(|slot| slot.state == ReceiveState::Free))
}

fn link_to(place: Option<usize>) -> u16 {
    place.map_or(0, |place| place as u16 + 1)
}

/// Fills a free slot. Returns false if there is none.
#[cfg_attr(not(target_pointer_width = "32"), inline(always))]
pub(crate) fn fill(inbox: &mut [ReceiveSlot], link: u16, new: ReceiveSlot) -> bool {
    let Some(slot) = at(inbox, link) else { return false };
    slot.set(new);
    if is_indexed(slot) {
        enter(inbox, link);
    }
    true
}

/// Frees a slot.
#[cfg_attr(not(target_pointer_width = "32"), inline(always))]
pub(crate) fn clear(inbox: &mut [ReceiveSlot], link: u16) {
    unlink(inbox, link);
    if let Some(slot) = at(inbox, link) {
        slot.set(ReceiveSlot::FREE);
    }
}

/// Removes the slot from the index.
#[cfg_attr(not(target_pointer_width = "32"), inline(always))]
pub(crate) fn unlink(inbox: &mut [ReceiveSlot], link: u16) {
    if at(inbox, link).is_some_and(|slot| is_indexed(slot)) {
        leave(inbox, link);
    }
}

#[cfg(feature = "alloc")]
mod indexed {
    use super::{at, is_indexed};
    use crate::storage::ReceiveSlot;

    impl ReceiveSlot {
        /// Sets the slot to `new`; it remains the head of its chain.
        #[inline(always)]
        pub(super) fn set(&mut self, new: Self) {
            *self = Self { bucket: self.bucket, ..new };
        }

        /// Returns the message without the index.
        pub(crate) const fn without_index(&self) -> Self {
            Self { bucket: 0, chain: 0, ..*self }
        }
    }

    /// Rebuilds the index by identifier after the table has grown.
    pub(crate) fn reindex(inbox: &mut [ReceiveSlot]) {
        for slot in inbox.iter_mut() {
            (slot.bucket, slot.chain) = (0, 0);
        }
        for place in 0..inbox.len() {
            if inbox.get(place).is_some_and(is_indexed) {
                enter(inbox, place as u16 + 1);
            }
        }
    }

    fn bucket(inbox: &[ReceiveSlot], id: u16) -> usize {
        usize::from(id) & inbox.len().wrapping_sub(1)
    }

    /// Enters a slot into the index. In a table of N slots a chain has at most min(N, 65,536 / N) entries, so at most
    /// 256, whatever identifiers a server picks.
    pub(super) fn enter(inbox: &mut [ReceiveSlot], link: u16) {
        let Some(id) = at(inbox, link).map(|slot| slot.id) else { return };
        let bucket = bucket(inbox, id);
        let Some(head) = inbox.get_mut(bucket).map(|slot| core::mem::replace(&mut slot.bucket, link)) else { return };
        if let Some(slot) = at(inbox, link) {
            slot.chain = head;
        }
    }

    pub(super) fn leave(inbox: &mut [ReceiveSlot], link: u16) {
        let Some(slot) = at(inbox, link) else { return };
        let (id, chain) = (slot.id, core::mem::take(&mut slot.chain));
        let bucket = bucket(inbox, id);
        let Some(head) = inbox.get_mut(bucket) else { return };
        if head.bucket == link {
            head.bucket = chain;
            return;
        }
        let mut before = head.bucket;
        while let Some(slot) = at(inbox, before) {
            if slot.chain == link {
                slot.chain = chain;
                return;
            }
            before = slot.chain;
        }
    }

    #[inline]
    pub(super) fn find(inbox: &[ReceiveSlot], id: u16) -> u16 {
        let mut link = inbox.get(bucket(inbox, id)).map_or(0, |slot| slot.bucket);
        while let Some(slot) = inbox.get(usize::from(link).wrapping_sub(1)) {
            if slot.id == id {
                break;
            }
            link = slot.chain;
        }
        link
    }
}

#[cfg(not(feature = "alloc"))]
mod scanned {
    use super::{is_indexed, link_to};
    use crate::storage::ReceiveSlot;

    impl ReceiveSlot {
        #[inline(always)]
        pub(super) fn set(&mut self, new: Self) {
            *self = new;
        }

        /// What is known of the message.
        pub(crate) const fn without_index(&self) -> Self {
            *self
        }
    }

    pub(super) fn enter(_inbox: &mut [ReceiveSlot], _link: u16) {}

    pub(super) fn leave(_inbox: &mut [ReceiveSlot], _link: u16) {}

    pub(super) fn find(inbox: &[ReceiveSlot], id: u16) -> u16 {
        link_to(inbox.iter().position(|slot| slot.id == id && is_indexed(slot)))
    }
}
