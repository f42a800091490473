//! The next link speaks another version than the packets in the arena were encoded for: they are encoded anew, in place.
//!
//! 3.1 and 3.1.1 encode PUBLISH, SUBSCRIBE and UNSUBSCRIBE alike. 5.0 differs by the property block after topic or identifier, and by
//! subscription options that earlier versions don't have. So a packet without either only shrinks, or grows by an empty property block. There is always room
//! for that: it was kept for a packet that was accepted in an earlier version (see `queue::REENCODING`), and one that came from 5.0 grows back at most
//! to the length that it had.
//!
//! A packet that an earlier version can't carry whole stays as it is and is [marked](Marks::is_in_v5): the next link of 5.0 sends it whole. A link of an
//! earlier version sends a PUBLISH past its properties (see [`Reduced`]), and a request without them.

use crate::copying::shift;
use crate::session::list::find_mut;
use crate::session::outgoing::Outgoing;
use crate::storage::{Kind, Marks, Parts};
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
        let live = self.arena.live as usize;
        let lift = if version.has_properties() { parts.arena.len().saturating_sub(live) } else { 0 };
        shift(parts.arena, 0, live, lift);
        let mut end = 0;
        let mut id = self.log.first();
        while let Some(slot) = find_mut(parts.slots, id) {
            id = slot.next;
            let (from, length) = (lift + slot.position as usize, slot.length as usize);
            let frame = parts.arena.get(from..from + length).unwrap_or_default();
            let stays = match version.has_properties() {
                true => slot.marks.is_in_v5(),
                false => slot.kind == Kind::Ack || has_more(frame, slot.kind),
            };
            slot.position = end as u32;
            slot.marks = slot.marks.in_v5(stays && !version.has_properties());
            if stays {
                shift(parts.arena, from, length, end);
                end += length;
            } else {
                end += reencode(parts.arena, (from, length), slot.kind, version, end);
                slot.marks = slot.marks.without_identifier_if(slot.kind == Kind::Subscribe);
            }
            slot.length = end as u32 - slot.position;
        }
        self.arena.end = end as u32;
        self.arena.live = self.arena.end;
    }

    /// Encodes a request that is marked for the version in force: it is about to leave, and what the version can't carry is left out.
    pub(super) fn reduce_request(&mut self, parts: &mut Parts<'_>, id: u16) {
        let version = self.version;
        let Some(slot) = find_mut(parts.slots, id) else { return };
        let (start, length) = (slot.position as usize, slot.length as usize);
        let left = reencode(parts.arena, (start, length), slot.kind, version, start);
        slot.length = left as u32;
        slot.marks = Marks::NONE;
        self.arena.shorten(start + length, length - left);
    }
}

/// Whether this packet of 5.0 has properties or options that earlier versions can't carry.
fn has_more(frame: &[u8], kind: Kind) -> bool {
    let layout = Layout::of(frame, Version::V5);
    layout.rest > layout.block || kind == Kind::Subscribe && has_options(frame.get(layout.rest..).unwrap_or_default())
}

/// Moves the packet at `from` to `end` and encodes it for `version`, which is of the other kind; returns its length.
fn reencode(arena: &mut [u8], (from, length): (usize, usize), kind: Kind, version: Version, end: usize) -> usize {
    let empty_block = usize::from(version.has_properties());
    let old = if version.has_properties() { Version::V311 } else { Version::V5 };
    let frame = arena.get_mut(from..from + length).unwrap_or_default();
    let layout = Layout::of(frame, old);
    let (head, tail) = (layout.properties - layout.start, frame.len().saturating_sub(layout.rest));
    if kind == Kind::Subscribe {
        clear_options(frame.get_mut(layout.rest..).unwrap_or_default());
    }
    let remaining = layout.remaining + empty_block - (layout.rest - layout.properties);
    let header = end..end + 1 + varint_len(remaining);
    let mut writer = Writer::new(arena.get_mut(header.clone()).unwrap_or_default());
    writer.u8(layout.first_byte);
    writer.varint(remaining as u32);
    shift(arena, from + layout.start, head, header.end);
    let block = header.end + head;
    if let Some(place) = arena.get_mut(block).filter(|_| empty_block > 0) {
        *place = 0;
    }
    shift(arena, from + layout.rest, tail, block + empty_block);
    block + empty_block + tail - end
}

/// A PUBLISH of 5.0 as a link of an earlier version sends it.
pub(crate) struct Reduced<'a> {
    pub(crate) first_byte: u8,
    /// The remaining length without the properties.
    pub(crate) remaining: usize,
    /// Topic name and packet identifier, which follow the fixed header.
    pub(crate) head: &'a [u8],
    /// Where they begin in the packet as it is kept.
    pub(crate) start: usize,
    /// Where the properties begin that are passed over.
    pub(super) gap: u32,
    /// Where they end.
    pub(crate) rest: u32,
}

impl<'a> Reduced<'a> {
    pub(super) fn of(frame: &'a [u8]) -> Self {
        let Layout { first_byte, remaining, start, properties, rest, .. } = Layout::of(frame, Version::V5);
        let head = frame.get(start..properties).unwrap_or_default();
        let remaining = remaining - (rest - properties);
        Self { first_byte, remaining, head, start, gap: properties as u32, rest: rest as u32 }
    }
}

impl Outgoing {
    /// Whether all that is kept could be encoded for 5.0. So it always is, but in a storage that is smaller than the one in which it was accepted.
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

/// Whether a SUBSCRIBE's list asks for more than a quality of service.
fn has_options(mut list: &[u8]) -> bool {
    while let Some((length, rest)) = list.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length));
        let Some((options, behind)) = rest.get(length..).and_then(<[u8]>::split_first) else { return false };
        if options & !0b11 != 0 {
            return true;
        }
        list = behind;
    }
    false
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
