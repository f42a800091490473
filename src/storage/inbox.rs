//! The receive slots with an index by packet identifier: each slot is the head of a chain as well.
//!
//! A *link* is the place of a slot plus 1; 0 is none.

use crate::storage::{ReceiveSlot, ReceiveState};

/// A fresh table after it grew: the index by identifier is made anew.
#[cfg(feature = "alloc")]
pub(crate) fn reindex(inbox: &mut [ReceiveSlot]) {
    for slot in inbox.iter_mut() {
        (slot.bucket, slot.chain) = (0, 0);
    }
    for place in 0..inbox.len() {
        if inbox.get(place).is_some_and(is_indexed) {
            link(inbox, place as u16);
        }
    }
}

/// Whether the index leads to it. A QoS 1 message is done with once its PUBACK was written, and is not looked for.
pub(crate) fn is_indexed(slot: &ReceiveSlot) -> bool {
    !matches!(slot.state, ReceiveState::Free | ReceiveState::AtLeastOnce)
}

fn bucket(inbox: &[ReceiveSlot], id: u16) -> usize {
    usize::from(id) & inbox.len().wrapping_sub(1)
}

/// Enters the slot at `place` into the index. A chain is never longer than the table, nor than 65,536 divided by its length:
/// at most 256, whatever identifiers a server picks.
pub(crate) fn link(inbox: &mut [ReceiveSlot], place: u16) {
    let Some(id) = inbox.get(usize::from(place)).map(|slot| slot.id) else { return };
    let bucket = bucket(inbox, id);
    let Some(head) = inbox.get_mut(bucket).map(|slot| core::mem::replace(&mut slot.bucket, place + 1)) else { return };
    if let Some(slot) = inbox.get_mut(usize::from(place)) {
        slot.chain = head;
    }
}

pub(crate) fn unlink(inbox: &mut [ReceiveSlot], place: u16) {
    let Some(slot) = inbox.get_mut(usize::from(place)) else { return };
    let (id, chain) = (slot.id, core::mem::take(&mut slot.chain));
    let bucket = bucket(inbox, id);
    let Some(head) = inbox.get_mut(bucket) else { return };
    if head.bucket == place + 1 {
        head.bucket = chain;
        return;
    }
    let mut link = head.bucket;
    while let Some(slot) = at(inbox, link) {
        if slot.chain == place + 1 {
            slot.chain = chain;
            return;
        }
        link = slot.chain;
    }
}

/// The slot that `link` (its place plus 1) leads to.
pub(crate) fn at(inbox: &mut [ReceiveSlot], link: u16) -> Option<&mut ReceiveSlot> {
    inbox.get_mut(usize::from(link).wrapping_sub(1)) // the place of none is behind any table
}

/// The link to the open QoS 2 message with this identifier.
pub(crate) fn lookup(inbox: &[ReceiveSlot], id: u16) -> u16 {
    let mut link = inbox.get(bucket(inbox, id)).map_or(0, |slot| slot.bucket);
    while let Some(slot) = inbox.get(usize::from(link).wrapping_sub(1)) {
        if slot.id == id {
            break;
        }
        link = slot.chain;
    }
    link
}
