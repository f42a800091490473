//! The next link speaks another version than the packets in the arena were encoded for: they are encoded anew, in place.
//!
//! 3.1 and 3.1.1 encode PUBLISH, SUBSCRIBE and UNSUBSCRIBE alike. 5.0 differs by the property block after topic or identifier, and by
//! subscription options that earlier versions don't have. So a packet only shrinks, or grows by an empty property block. There is always room for
//! that: it was kept for a packet that was accepted in an earlier version (see `queue::REENCODING`), and one that came from 5.0 grows back at most
//! to the length that it had.

use crate::copying::shift;
use crate::session::list::find_mut;
use crate::session::outgoing::Outgoing;
use crate::storage::{Kind, Parts};
use crate::types::Version;
use crate::wire::{Layout, Writer, varint_len};

impl Outgoing {
    /// Encodes all that is kept for `version`, from the first packet on, so that each moves down. Where they grow, all are moved up before, to the
    /// arena's end.
    pub(crate) fn reencode_for(&mut self, parts: &mut Parts<'_>, version: Version) {
        let old = core::mem::replace(&mut self.version, version);
        if !Version::KNOWS_BOTH_KINDS || old.has_properties() == version.has_properties() {
            return;
        }
        self.arena.compact(parts, &self.log);
        let empty_block = usize::from(version.has_properties());
        let live = self.arena.live as usize;
        let lift = empty_block * parts.arena.len().saturating_sub(live);
        shift(parts.arena, 0, live, lift);
        let mut end = 0;
        let mut id = self.log.first();
        while let Some(slot) = find_mut(parts.slots, id) {
            id = slot.next;
            let from = lift + slot.position as usize;
            let frame = parts.arena.get_mut(from..from + slot.length as usize).unwrap_or_default();
            let layout = Layout::of(frame, old);
            let (head, tail) = (layout.properties - layout.start, frame.len().saturating_sub(layout.rest));
            if slot.kind == Kind::Subscribe {
                clear_options(frame.get_mut(layout.rest..).unwrap_or_default());
            }
            slot.position = end as u32;
            let remaining = layout.remaining + empty_block - (layout.rest - layout.properties);
            let header = end..end + 1 + varint_len(remaining);
            let mut writer = Writer::new(parts.arena.get_mut(header.clone()).unwrap_or_default());
            writer.u8(layout.first_byte);
            writer.varint(remaining as u32);
            shift(parts.arena, from + layout.start, head, header.end);
            end = header.end + head + empty_block;
            if let Some(last) = parts.arena.get_mut(end - 1).filter(|_| empty_block > 0) {
                *last = 0;
            }
            shift(parts.arena, from + layout.rest, tail, end);
            end += tail;
            slot.length = end as u32 - slot.position;
            if slot.kind == Kind::Subscribe {
                slot.marks = slot.marks.without_identifier();
            }
        }
        self.arena.end = end as u32;
        self.arena.live = self.arena.end;
    }
}

impl Outgoing {
    /// Whether all that is kept could be encoded for 5.0. So it always is, but in a storage that is smaller than the one in which it was accepted.
    #[cfg(feature = "journal")]
    pub(crate) fn could_grow(&self, parts: &Parts<'_>) -> bool {
        let grown = self.log.iter(parts.slots).map(|slot| {
            let frame = parts.arena.get(slot.position as usize..).unwrap_or_default();
            let remaining = Layout::of(frame, self.version).remaining;
            slot.length as usize + 1 + varint_len(remaining + 1) - varint_len(remaining)
        });
        self.spare(1) == 0 || grown.sum::<usize>() <= parts.arena.len()
    }
}

/// Leaves only the quality of service in the options of a SUBSCRIBE's list. (Earlier versions have no others.)
fn clear_options(mut list: &mut [u8]) {
    while let Some(([high, low], rest)) = list.split_first_chunk_mut() {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((options, behind)) = rest.get_mut(length..).and_then(<[u8]>::split_first_mut) else { return };
        *options &= 0b11;
        list = behind;
    }
}
