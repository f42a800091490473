//! Re-encodes the packets in the arena, in place, when the version changes.
//!
//! 3.1 and 3.1.1 encode PUBLISH, SUBSCRIBE and UNSUBSCRIBE alike. 5.0 differs by the property block after topic or
//! identifier. There is always room for the length of an empty one: it was reserved for a packet that was accepted in
//! an earlier version (see `queue::REENCODING`), and a packet from 5.0 grows at most to its former length.
//!
//! A packet with properties or options that an earlier version cannot carry is not changed: see
//! [`forms`](super::forms).

use crate::copying::shift;
use crate::session::list::find_mut;
use crate::session::outgoing::Outgoing;
use crate::storage::{Kind, Parts};
use crate::types::Version;
use crate::wire::{Layout, Writer, varint_len};

impl Outgoing {
    /// Re-encodes all packets for `version`, from the first one on, so that each moves down. If packets grow, all are
    /// first moved up to the end of the arena.
    pub(crate) fn reencode_for(&mut self, parts: &mut Parts<'_>, version: Version, has_more: Option<HasMore>) {
        let grows = version.has_properties();
        let old = core::mem::replace(&mut self.version, version);
        if !Version::KNOWS_BOTH_KINDS || old.has_properties() == grows {
            return;
        }
        self.arena.compact(parts, &self.log);
        let live = self.arena.live as usize;
        let lift = if grows { parts.arena.len().saturating_sub(live) } else { 0 };
        shift(parts.arena, 0, live, lift);
        let mut end = 0;
        let mut id = self.log.first();
        while let Some(slot) = find_mut(parts.slots, id) {
            id = slot.next;
            let (from, length) = (lift + slot.position as usize, slot.length as usize);
            let frame = parts.arena.get(from..from + length).unwrap_or_default();
            let stays = match grows {
                true => slot.marks.is_in_v5(),
                false => has_more.is_some_and(|has_more| has_more(frame, slot.kind)),
            };
            slot.position = end as u32;
            slot.marks = slot.marks.in_v5(stays && !grows);
            end += reencode(parts.arena, (from, length), end, Change::of(stays, grows));
            slot.length = end as u32 - slot.position;
        }
        self.arena.end = end as u32;
        self.arena.live = self.arena.end;
    }
}

/// Returns whether a packet of 5.0 has properties or options that earlier versions cannot carry.
pub(crate) type HasMore = fn(&[u8], Kind) -> bool;

/// The change of a packet's property block.
pub(super) struct Change {
    /// The number of its first bytes that are removed.
    pub(super) removed: usize,
    /// Whether the length of an empty block replaces them.
    pub(super) grows: bool,
}

impl Change {
    /// Returns the change for a packet that is not changed, or that has an empty property block in one of the two
    /// encodings.
    fn of(stays: bool, grows: bool) -> Self {
        Self { removed: usize::from(!stays && !grows), grows: grows && !stays }
    }
}

/// Moves the packet at `from` to `end`, with its property block changed; returns its new length.
#[cfg_attr(target_pointer_width = "32", inline(always))]
pub(super) fn reencode(arena: &mut [u8], (from, length): (usize, usize), end: usize, change: Change) -> usize {
    let Change { removed, grows } = change;
    let frame = arena.get(from..from + length).unwrap_or_default();
    let Layout { first_byte, remaining, start, properties, .. } = Layout::of(frame, Version::V311);
    let remaining = remaining + usize::from(grows) - removed;
    let mut writer = Writer::new(arena.get_mut(end..).unwrap_or_default());
    writer.u8(first_byte);
    writer.varint(remaining as u32);
    let head = end + 1 + varint_len(remaining);
    shift(arena, from + start, properties - start, head);
    let block = head + properties - start;
    if let Some(place) = arena.get_mut(block).filter(|_| grows) {
        *place = 0;
    }
    let rest = block + usize::from(grows);
    let behind = properties + removed;
    shift(arena, from + behind, length - behind, rest);
    rest + length - behind - end
}

impl Outgoing {
    /// Returns whether all packets could be re-encoded for 5.0. That is always so, except in a storage that is smaller
    /// than the one in which they were accepted.
    #[cfg(feature = "journal")]
    pub(crate) fn could_grow(&self, parts: &Parts<'_>) -> bool {
        let grown = self.log.iter(parts.slots).filter(|slot| !slot.marks.is_in_v5()).map(|slot| {
            let frame = parts.arena.get(slot.position as usize..).unwrap_or_default();
            let remaining = Layout::of(frame, self.version).remaining;
            slot.length as usize + 1 + varint_len(remaining + 1) - varint_len(remaining)
        });
        self.spare(1) == 0 || grown.sum::<usize>() <= parts.arena.len()
    }
}
