//! The control area: packets that must not wait for room in the publish queue.

use crate::copying::{copy, part, shift};
use crate::wire::{Writer, encoded_length};

/// A position in the control area. Firmware has a small area; elsewhere a CONNECT may have several fields of 65,535
/// bytes.
#[cfg(target_pointer_width = "32")]
type Offset = u16;
#[cfg(not(target_pointer_width = "32"))]
type Offset = u32;

/// The minimum length of the control area: the longest packet without properties, other than CONNECT, fits several
/// times.
pub(super) const SHORTEST_CONTROL: usize = 16;

/// The minimum length of the control area with `Heap` once messages are to be acknowledged, so that many are
/// acknowledged at a time.
pub(super) const BUSY_CONTROL: usize = 128;

/// The maximum length of the control area that is used.
pub(super) const LONGEST_CONTROL: usize = Offset::MAX as usize;

/// The part of the control area that is to be sent.
///
/// The bytes from `start` to `before` are sent before the packets that are staged in the arena, those from `before` to
/// `end` after them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Control {
    start: Offset,
    before: Offset,
    end: Offset,
    /// The number of bytes before `before` that replace the start of the packet that is staged in the arena.
    prefix: Offset,
}

impl Control {
    pub(super) const EMPTY: Self = Self { start: 0, before: 0, end: 0, prefix: 0 };

    pub(super) const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Returns whether the transport has taken the bytes that are sent before the arena's, except those that replace
    /// the start of the staged packet.
    pub(super) const fn has_left(&self) -> bool {
        self.start + self.prefix >= self.before
    }

    pub(super) const fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Returns how long the control area must be for one more packet of `length` bytes.
    pub(super) fn needed(&self, length: usize) -> usize {
        let kept = if self.is_empty() { 0 } else { self.end as usize };
        kept.saturating_add(length).min(LONGEST_CONTROL)
    }

    /// Returns how many bytes are sent before the arena's.
    pub(super) const fn first_length(&self) -> usize {
        self.before.saturating_sub(self.start) as usize
    }

    /// Returns whether `length` more bytes fit.
    pub(super) fn has_room(&self, bytes: &[u8], length: usize) -> bool {
        let kept = if self.is_empty() { 0 } else { self.end as usize };
        kept + length <= bytes.len().min(LONGEST_CONTROL)
    }

    /// Returns the bytes that are sent before the arena's.
    #[cfg_attr(target_pointer_width = "32", inline(always))]
    pub(super) fn first<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        part(bytes, self.start as usize, self.before as usize)
    }

    /// Returns the bytes that are sent after the arena's.
    pub(super) fn second<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        part(bytes, self.start.max(self.before) as usize, self.end as usize)
    }

    pub(super) fn bytes<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// Returns a writer for one more packet, which is sent once it was [appended](Self::append).
    pub(super) fn writer<'a>(&mut self, bytes: &'a mut [u8]) -> Writer<'a> {
        if self.is_empty() {
            *self = Self::default();
        }
        let most = bytes.len().min(LONGEST_CONTROL);
        Writer::new(bytes.get_mut(self.end as usize..most).unwrap_or_default())
    }

    /// Appends the packet of this length that was encoded by the writer, to be sent after the staged packets
    /// (`after_staged`) or before.
    pub(super) fn append(&mut self, length: usize, after_staged: bool) {
        self.end += length as Offset;
        if !after_staged {
            self.before = self.end;
        }
    }

    /// Appends a copy of a packet, to be sent after the staged packets (`after_staged`) or before; returns false if
    /// there is no room.
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    pub(super) fn append_bytes(&mut self, bytes: &mut [u8], packet: &[u8], after_staged: bool) -> bool {
        if usize::BITS <= 32 {
            let mut writer = self.writer(bytes);
            writer.bytes(packet);
            let written = writer.finish();
            if let Ok(length) = written {
                self.append(length, after_staged);
            }
            return written.is_ok();
        }
        if self.is_empty() {
            *self = Self::default();
        }
        let end = self.end as usize + packet.len();
        let Some(room) = bytes.get_mut(self.end as usize..end).filter(|_| end <= LONGEST_CONTROL) else {
            return false;
        };
        copy(packet, room);
        self.append(packet.len(), after_staged);
        true
    }

    /// Notes that the last `length` bytes before the arena's replace the start of the staged packet.
    pub(super) fn note_prefix(&mut self, length: usize) {
        self.prefix = length as Offset;
    }

    /// Drops the bytes that replace the start of a packet that is not staged any more, if none was taken. Returns false
    /// if there are none.
    pub(super) fn drop_prefix(&mut self, bytes: &mut [u8]) -> bool {
        if self.prefix == 0 || self.has_begun_prefix() {
            return false;
        }
        let (from, prefix) = (self.before as usize, self.prefix as usize);
        shift(bytes, from, self.end as usize - from, from - prefix);
        (self.before, self.end, self.prefix) = (self.before - self.prefix, self.end - self.prefix, 0);
        if self.is_empty() {
            *self = Self::EMPTY;
        }
        true
    }

    /// Notes that `count` bytes were taken; returns whether some of them replace the start of the staged packet.
    pub(super) fn advance(&mut self, count: usize) -> bool {
        self.start = (self.start + count.min(self.len()) as Offset).min(self.end);
        let touched = self.has_begun_prefix();
        if self.start >= self.before {
            self.prefix = 0;
        }
        if self.start == self.end {
            *self = Self::default();
        }
        touched
    }

    /// Returns whether some bytes that replace the start of the staged packet were taken.
    const fn has_begun_prefix(&self) -> bool {
        self.prefix > 0 && self.start > self.before - self.prefix
    }

    /// Returns how many bytes remain of the partly sent packet.
    fn rest_of_begun(&self, bytes: &[u8]) -> usize {
        let (start, before, end) = (self.start as usize, self.before as usize, self.end as usize);
        let mut border = 0;
        while border < start {
            let next = border + encoded_length(bytes.get(border..).unwrap_or_default());
            // A packet that continues in the arena ends here where the arena's bytes follow.
            border = if border < before { next.min(before) } else { next };
        }
        border.min(end).saturating_sub(start)
    }

    /// Drops the unsent packets, and moves the rest of the partly sent one to the front.
    pub(super) fn keep_partial_packet(&mut self, bytes: &mut [u8]) {
        let has_begun_prefix = self.has_begun_prefix();
        let (start, length) = (self.start as usize, self.rest_of_begun(bytes));
        shift(bytes, start, length, 0);
        let length = length as Offset;
        *self = Self { start: 0, before: length, end: length, prefix: if has_begun_prefix { length } else { 0 } };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_half_out_is_finished_and_the_rest_dropped() {
        let mut bytes = [0; 16];
        let mut control = Control::default();
        for id in 1..=3 {
            assert!(control.append_bytes(&mut bytes, &[0x40, 2, 0, id], false));
        }
        assert!(!control.advance(5));
        control.keep_partial_packet(&mut bytes);
        assert_eq!(control.bytes(&bytes), [2, 0, 2]);
        control.advance(3);
        assert!(control.is_empty());
    }

    #[test]
    fn at_a_border_everything_is_dropped() {
        let mut bytes = [0; 16];
        let mut control = Control::default();
        for id in 1..=3 {
            assert!(control.append_bytes(&mut bytes, &[0x40, 2, 0, id], false));
        }
        control.advance(8);
        control.keep_partial_packet(&mut bytes);
        assert!(control.is_empty());
    }

    /// The same after all bytes of its start were sent.
    #[test]
    fn what_follows_a_packet_half_out_is_dropped_if_its_start_was_here() {
        let mut bytes = [0; 32];
        let mut control = Control::default();
        assert!(control.append_bytes(&mut bytes, &[0x30, 9, 0, 0, 3, 0x23, 0, 1], false));
        control.note_prefix(8);
        control.writer(&mut bytes).bytes(&[0xF0, 0]); // AUTH
        control.append(2, true);
        assert!(control.advance(8));
        control.keep_partial_packet(&mut bytes);
        assert!(control.is_empty());
    }

    /// The rest of the packet lies in the arena: bytes that follow it must not be sent before.
    #[test]
    fn what_follows_a_packet_half_out_is_dropped_if_its_start_is_here() {
        let mut bytes = [0; 32];
        let mut control = Control::default();
        assert!(control.append_bytes(&mut bytes, &[0x30, 9, 0, 0, 3, 0x23, 0, 1], false));
        control.note_prefix(8);
        assert!(control.advance(3));
        control.writer(&mut bytes).bytes(&[0xF0, 0]); // AUTH
        control.append(2, true);
        control.keep_partial_packet(&mut bytes);
        assert_eq!((control.first(&bytes), control.second(&bytes)), (&[0, 3, 0x23, 0, 1][..], &[][..]));
    }
}
