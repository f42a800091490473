//! The arena: encoded packets back to back, without headers of their own, compacted when the end is reached.

use crate::copying;
use crate::session::list::{List, find_mut};
use crate::storage::Parts;

/// The fill state of the arena.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Arena {
    /// The position of the next packet.
    pub(crate) end: u32,
    /// Bytes in use by packets.
    pub(crate) live: u32,
    /// Packets with bytes in the arena.
    pub(crate) frames: u32,
    /// Total bytes of payloads that are kept by reference; may exceed 32 bits.
    pub(crate) shared: usize,
}

impl Arena {
    /// Counts a packet that was written at the end; returns its position.
    pub(crate) fn push(&mut self, length: u32, shared: u32) -> u32 {
        let position = self.end;
        self.end += length;
        self.live += length;
        self.shared += shared as usize;
        self.frames += 1;
        position
    }

    /// Returns `bytes` plus the bytes of shared payloads, to which `more` are added and from which `fewer` are removed.
    /// `None` on overflow: a payload may be shared any number of times, so the sum may exceed the address space.
    pub(crate) fn sum_with(&self, bytes: usize, more: usize, fewer: usize) -> Option<usize> {
        match cfg!(feature = "bytes") {
            true => self.shared.saturating_sub(fewer).checked_add(more)?.checked_add(bytes),
            false => Some(bytes),
        }
    }

    /// Frees the bytes of a packet, without touching them.
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

    /// Notes that the packet that ended at `end` is now `by` bytes shorter.
    pub(crate) fn shorten(&mut self, end: usize, by: usize) {
        self.live -= by as u32;
        if end == self.end as usize {
            self.end -= by as u32;
        }
    }

    /// Compacts the packets of `log`, in their order.
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
