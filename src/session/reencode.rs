//! The next link speaks another version than the packets in the arena were encoded for: they are encoded anew, in place.
//!
//! 3.1 and 3.1.1 encode PUBLISH, SUBSCRIBE and UNSUBSCRIBE alike. 5.0 differs by the property block after topic or identifier, and by
//! subscription options that earlier versions don't have. So a packet only shrinks, or grows by an empty property block; the room for that
//! was kept (see `queue::REENCODING`).

use crate::session::arena::shift;
use crate::session::list::{find, find_mut};
use crate::session::outgoing::Outgoing;
use crate::storage::{Flags, Kind, Parts, SendSlot};
use crate::types::Version;
use crate::wire::{Reader, Rules, Writer, varint_len};

/// The pieces of an encoded packet.
struct Pieces {
    first_byte: u8,
    /// Before what comes before the properties: topic and identifier, or the identifier.
    start: usize,
    properties: usize,
    /// After the properties.
    rest: usize,
    end: usize,
}

impl Outgoing {
    /// Encodes all that is kept for `version`.
    pub(crate) fn speak(&mut self, parts: &mut Parts<'_>, version: Version) {
        let old = core::mem::replace(&mut self.version, version);
        if !Version::KNOWS_BOTH_KINDS || old.has_properties() == version.has_properties() || self.log.is_empty() {
            return;
        }
        self.arena.compact(parts, &self.log);
        if version.has_properties() {
            self.add_properties(parts);
        } else {
            self.strip_properties(parts);
        }
    }

    /// 5.0 to an earlier version: from the first packet on, each moves down.
    fn strip_properties(&mut self, parts: &mut Parts<'_>) {
        let mut end = 0;
        let mut id = self.log.first();
        while let Some(slot) = find(parts.slots, id).copied() {
            id = slot.next;
            let outside = Self::outside_length(parts, &slot) as usize;
            let Some(pieces) = pieces(parts.arena, &slot, Version::V5) else { continue };
            if slot.kind == Kind::Subscribe {
                clear_options(parts.arena, &pieces);
            }
            let head = pieces.properties - pieces.start;
            let tail = pieces.end - pieces.rest;
            let header = write_header(parts.arena, end, pieces.first_byte, head + tail + outside);
            shift(parts.arena, pieces.start as u32, head as u32, end + header);
            shift(parts.arena, pieces.rest as u32, tail as u32, end + header + head as u32);
            let length = header + (head + tail) as u32;
            if let Some(slot) = find_mut(parts.slots, slot.id) {
                (slot.position, slot.length) = (end, length);
                slot.flags.clear(Flags::IDENTIFIER);
            }
            end += length;
        }
        self.arena.end = end;
        self.arena.live = end;
    }

    /// An earlier version to 5.0: from the last packet on, each moves up.
    fn add_properties(&mut self, parts: &mut Parts<'_>) {
        let growth: u32 = self.log.iter(parts.slots).map(|slot| grown(parts.arena, slot)).sum();
        let mut end = self.arena.end + growth;
        self.arena.end = end;
        self.arena.live = end;
        let mut id = self.log.last();
        while let Some(slot) = find(parts.slots, id).copied() {
            id = slot.previous;
            let length = slot.length + grown(parts.arena, &slot);
            let Some(pieces) = pieces(parts.arena, &slot, Version::V311) else { continue };
            let head = pieces.properties - pieces.start;
            let tail = pieces.end - pieces.rest;
            let remaining = remaining(parts.arena, &slot) + 1;
            let position = end - length;
            let header = 1 + varint_len(remaining) as u32;
            shift(parts.arena, pieces.rest as u32, tail as u32, end - tail as u32);
            shift(parts.arena, pieces.start as u32, head as u32, position + header);
            if let Some(properties) = parts.arena.get_mut((position + header) as usize + head) {
                *properties = 0;
            }
            write_header(parts.arena, position, pieces.first_byte, remaining);
            if let Some(slot) = find_mut(parts.slots, slot.id) {
                (slot.position, slot.length) = (position, length);
            }
            end = position;
        }
    }
}

/// By how much a packet grows: the empty property block, and a longer remaining length if that passes a border.
fn grown(arena: &[u8], slot: &SendSlot) -> u32 {
    let remaining = remaining(arena, slot);
    1 + (varint_len(remaining + 1) - varint_len(remaining)) as u32
}

/// The remaining length that stands in a packet's header.
pub(super) fn remaining(arena: &[u8], slot: &SendSlot) -> usize {
    let frame = arena.get(slot.position as usize + 1..).unwrap_or_default();
    Reader::new(frame, Rules::default()).varint() as usize
}

fn pieces(arena: &[u8], slot: &SendSlot, version: Version) -> Option<Pieces> {
    let position = slot.position as usize;
    let frame = arena.get(position..position + slot.length as usize)?;
    let mut rest = Reader::new(frame, Rules::new(version));
    let at = |reader: &Reader<'_>| position + frame.len() - reader.remaining();
    let first_byte = rest.u8();
    rest.varint();
    let start = at(&rest);
    if slot.kind.is_publish() {
        rest.binary();
    }
    if slot.kind != Kind::Publish0 {
        rest.u16();
    }
    let properties = at(&rest);
    if version.has_properties() {
        let length = rest.varint();
        rest.bytes(length as usize);
    }
    Some(Pieces { first_byte, start, properties, rest: at(&rest), end: position + frame.len() })
}

fn write_header(arena: &mut [u8], position: u32, first_byte: u8, remaining: usize) -> u32 {
    let room = arena.get_mut(position as usize..).unwrap_or_default();
    let length = 1 + varint_len(remaining);
    let mut writer = Writer::new(room.get_mut(..length).unwrap_or_default());
    writer.u8(first_byte);
    writer.varint(remaining as u32);
    length as u32
}

/// Leaves only the quality of service in the options of a SUBSCRIBE.
fn clear_options(arena: &mut [u8], pieces: &Pieces) {
    let mut position = pieces.rest;
    while position < pieces.end {
        let Some(&[high, low]) = arena.get(position..position + 2).and_then(|bytes| bytes.first_chunk()) else {
            return;
        };
        position += 2 + usize::from(u16::from_be_bytes([high, low]));
        if let Some(options) = arena.get_mut(position) {
            *options &= 0b11;
        }
        position += 1;
    }
}
