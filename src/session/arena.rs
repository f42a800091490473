//! Encoded packets back to back in a linear log: no headers of their own, compacted when the end is reached.

use crate::copying;
use crate::session::list::{List, find_mut};
use crate::storage::Parts;

/// How far the arena is filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Arena {
    /// Where the next packet begins.
    pub(crate) end: u32,
    /// Bytes that belong to a packet.
    pub(crate) live: u32,
    /// Packets that have bytes here.
    pub(crate) frames: u32,
    /// Bytes of payloads that are kept by reference elsewhere: in all, so that they may be more than the arena's.
    pub(crate) shared: usize,
}

impl Arena {
    /// Accounts for a packet that was written at the end.
    pub(crate) fn push(&mut self, length: u32, shared: u32) -> u32 {
        let position = self.end;
        self.end += length;
        self.live += length;
        self.shared += shared as usize;
        self.frames += 1;
        position
    }

    /// So many bytes together with those of shared payloads, of which `more` come and `fewer` go. `None` if that can't be counted: a payload may be shared
    /// any number of times, so that the sum may be more than all memory.
    pub(crate) fn sum_with(&self, bytes: usize, more: usize, fewer: usize) -> Option<usize> {
        match cfg!(feature = "bytes") {
            true => self.shared.saturating_sub(fewer).checked_add(more)?.checked_add(bytes),
            false => Some(bytes),
        }
    }

    /// Gives the bytes of a packet back; they are not touched.
    pub(crate) fn release(&mut self, position: u32, length: u32, shared: u32) {
        if length == 0 {
            return;
        }
        self.live -= length;
        self.shared -= shared as usize;
        self.frames -= 1;
        if self.live == 0 {
            self.end = 0;
        } else if position + length == self.end {
            self.end = position;
        }
    }

    /// The packet that ended at `end` is so much shorter now.
    pub(crate) fn shorten(&mut self, end: usize, by: usize) {
        self.live -= by as u32;
        if end == self.end as usize {
            self.end -= by as u32;
        }
    }

    /// Moves the packets of `log` together, in their order.
    pub(crate) fn compact(&mut self, parts: &mut Parts<'_>, log: &List) {
        let mut end = 0;
        let mut id = log.first();
        while let Some(slot) = find_mut(parts.slots, id) {
            id = slot.next;
            if slot.length > 0 {
                shift(parts.arena, slot.position, slot.length, end);
                slot.position = end;
                end += slot.length;
            }
        }
        self.end = end;
    }
}

/// Moves `length` bytes within the arena.
pub(crate) fn shift(arena: &mut [u8], from: u32, length: u32, to: u32) {
    copying::shift(arena, from as usize, length as usize, to as usize);
}
