//! Packets with properties or options that an earlier version cannot carry.
//!
//! Such a packet stays encoded for 5.0 and is [marked](Marks::is_in_v5): the next link of 5.0 sends it completely. A
//! link of an earlier version sends a PUBLISH with another fixed header and without its properties (see [`Reduced`]),
//! and a request without properties and options.

use crate::session::list::{find, find_mut};
use crate::session::outgoing::Outgoing;
use crate::session::reencode::{Change, HasMore, reencode};
use crate::storage::{Kind, Marks, Parts, SendSlot};
use crate::types::Version;
use crate::wire::Layout;

/// The functions for these packets, behind a pointer, so that firmware without properties and options does not link
/// them.
pub(crate) struct Forms {
    pub(crate) has_more: HasMore,
    /// Re-encodes a marked request for the version in force before it is sent, without what the version cannot carry.
    pub(super) reduce_request: fn(&mut Outgoing, &mut Parts<'_>, u16),
}

/// The only instance.
pub(crate) static FORMS: Forms = Forms { has_more, reduce_request: Outgoing::reduce_request };

fn has_more(frame: &[u8], kind: Kind) -> bool {
    let layout = Layout::of(frame, Version::V5);
    layout.rest > layout.block || kind == Kind::Subscribe && has_options(frame.get(layout.rest..).unwrap_or_default())
}

/// Represents a gap that is still to be found; no properties begin at this position.
pub(super) const TO_BE_FOUND: u32 = 1;

/// How a PUBLISH that is encoded for 5.0 is sent on a link of an earlier version.
pub(crate) struct Reduced {
    pub(crate) first_byte: u8,
    /// The remaining length without the properties.
    pub(crate) remaining: usize,
    /// The length of the stored fixed header.
    start: u32,
    /// The position of the properties, which are skipped.
    gap: u32,
    /// The length of the properties.
    length: u32,
}

impl Outgoing {
    /// Returns whether the staged packet is to be sent without its properties, and its fixed header is still to be
    /// replaced.
    pub(crate) const fn is_to_be_reduced(&self) -> bool {
        self.run.gap() == TO_BE_FOUND
    }

    /// Returns how the staged packet is sent on a link of an earlier version, if it is encoded for 5.0.
    pub(crate) fn reduced(&self, slots: &[SendSlot], arena: &[u8]) -> Option<Reduced> {
        let slot = find(slots, self.run.id)?;
        let frame = arena.get(slot.position as usize..).unwrap_or_default();
        let Layout { first_byte, remaining, start, properties, rest, .. } = Layout::of(frame, Version::V5);
        let length = rest - properties;
        let (start, gap) = (start as u32, properties as u32);
        Some(Reduced { first_byte, remaining: remaining - length, start, gap, length: length as u32 })
    }

    /// Notes that the fixed header was replaced by one in the control area.
    pub(crate) fn pass_over(&mut self, reduced: &Reduced) {
        self.run.offset = reduced.start;
        self.run.left -= reduced.start + reduced.length;
        self.run.gap = reduced.gap;
    }

    fn reduce_request(&mut self, parts: &mut Parts<'_>, id: u16) {
        let is_it = |slot: &&mut SendSlot| slot.marks.is_in_v5() && slot.kind.is_request();
        let Some(slot) = find_mut(parts.slots, id).filter(is_it) else { return };
        let (start, length) = (slot.position as usize, slot.length as usize);
        let frame = parts.arena.get_mut(start..start + length).unwrap_or_default();
        let layout = Layout::of(frame, Version::V5);
        if slot.kind == Kind::Subscribe {
            clear_options(frame.get_mut(layout.rest..).unwrap_or_default());
        }
        let change = Change { removed: layout.rest - layout.properties, grows: false };
        let left = reencode(parts.arena, (start, length), start, change);
        slot.length = left as u32;
        slot.marks = Marks::NONE;
        self.arena.shorten(start + length, length - left);
    }
}

/// Returns whether a SUBSCRIBE's list has options other than the QoS.
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

/// Removes the options other than the QoS from a SUBSCRIBE's list; earlier versions have only the QoS.
fn clear_options(mut list: &mut [u8]) {
    while let Some(([high, low], rest)) = list.split_first_chunk_mut() {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((options, behind)) = rest.get_mut(length..).and_then(<[u8]>::split_first_mut) else { return };
        *options &= 0b11;
        list = behind;
    }
}
