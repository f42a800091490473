//! A cursor for encoding. When the buffer is full it still counts, so the same code measures and writes.

use crate::copying::{copy, shift};
use crate::wire::{EncodeError, MAX_REMAINING, PacketType};

pub struct Writer<'a> {
    buffer: &'a mut [u8],
    length: usize,
    field_too_long: bool,
}

/// A block that is being written.
#[must_use]
pub(crate) struct Block {
    start: usize,
    /// Bytes reserved for its length.
    left: usize,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, length: 0, field_too_long: false }
    }

    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let end = sum(self.length, bytes.len());
        if let Some(room) = self.buffer.get_mut(self.length..end) {
            copy(bytes, room);
        }
        self.length = end;
    }

    /// Like [`bytes`](Self::bytes), for an array: one copy of known length.
    fn array<const N: usize>(&mut self, bytes: [u8; N]) {
        if usize::BITS <= 32 {
            return self.bytes(&bytes);
        }
        let end = sum(self.length, N);
        if let Some(room) = self.buffer.get_mut(self.length..end).and_then(<[u8]>::first_chunk_mut) {
            *room = bytes;
        }
        self.length = end;
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    pub(crate) fn u8(&mut self, value: u8) {
        self.array([value]);
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    pub(crate) fn u16(&mut self, value: u16) {
        self.array(value.to_be_bytes());
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn u32(&mut self, value: u32) {
        self.array(value.to_be_bytes());
    }

    pub(crate) fn varint(&mut self, mut value: u32) {
        loop {
            let low = (value & 0x7F) as u8;
            value >>= 7;
            if value == 0 {
                return self.u8(low);
            }
            self.u8(low | 0x80);
        }
    }

    /// Writes binary data or a string: two bytes of length, then the bytes. A field that is too long is recorded as an
    /// error, never truncated.
    pub(crate) fn binary(&mut self, bytes: &[u8]) {
        let length = u16::try_from(bytes.len()).unwrap_or_else(|_| {
            self.field_too_long = true;
            0
        });
        self.u16(length);
        self.bytes(bytes);
    }

    pub(crate) fn string(&mut self, text: &str) {
        self.binary(text.as_bytes());
    }

    /// Writes the start of a PUBLISH of known length: the fixed header and the topic, which fits its length field. On
    /// 64-bit targets the bytes before the topic are written in one copy.
    #[inline(always)]
    pub(crate) fn start(&mut self, first: u8, remaining: usize, topic: &[u8]) {
        let [high, low] = (topic.len() as u16).to_be_bytes();
        match remaining {
            0..=0x7F if usize::BITS > 32 => self.array([first, remaining as u8, high, low]),
            0x80..=0x3FFF if usize::BITS > 32 => {
                self.array([first, remaining as u8 | 0x80, (remaining >> 7) as u8, high, low]);
            }
            _ => {
                self.u8(first);
                self.varint(remaining as u32);
                self.u16(topic.len() as u16);
            }
        }
        self.bytes(topic);
    }

    /// Begins a packet; [`end`](Self::end) ends it.
    pub(crate) fn begin_packet(&mut self, packet: PacketType) -> Block {
        self.u8(packet.first_byte());
        self.begin_with(1)
    }

    /// Begins a block of at least `at_least` bytes, which is preceded by its length as a variable byte integer.
    pub(crate) fn begin(&mut self, at_least: usize) -> Block {
        self.begin_with(varint_len(at_least))
    }

    /// Begins a block with `left` bytes reserved for the length.
    fn begin_with(&mut self, left: usize) -> Block {
        self.length = sum(self.length, left);
        Block { start: self.length, left }
    }

    /// Ends the block, and writes its length. If the length takes more bytes than were reserved, the block is moved.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn end(&mut self, Block { start, left }: Block) {
        let length = self.length - start;
        self.length = start - left;
        shift(self.buffer, start, length, self.length + varint_len(length));
        self.field_too_long |= length > MAX_REMAINING;
        self.varint(length as u32); // [MQTT-2.2.2-1]
        self.length = sum(self.length, length);
    }

    /// Returns the length of what was written; an error if it did not fit or MQTT cannot express it.
    pub(crate) fn finish(self) -> Result<usize, EncodeError> {
        if self.field_too_long {
            Err(EncodeError::TooLong)
        } else if self.length > self.buffer.len() {
            Err(EncodeError::NoRoom { needed: self.length })
        } else {
            Ok(self.length)
        }
    }
}

/// Adds lengths, saturating: a list may repeat a field any number of times, so the sum may exceed the address space.
const fn sum(length: usize, more: usize) -> usize {
    if usize::BITS > 32 { length + more } else { length.saturating_add(more) }
}

/// Returns the length of what `write` writes; `usize::MAX` if MQTT cannot express it.
pub(crate) fn measure(write: impl FnOnce(&mut Writer<'_>)) -> usize {
    let mut writer = Writer::new(&mut []);
    write(&mut writer);
    if writer.field_too_long { usize::MAX } else { writer.length }
}

/// Returns the number of bytes of a variable byte integer.
#[cfg_attr(target_pointer_width = "32", inline(never))]
pub(crate) const fn varint_len(value: usize) -> usize {
    match value {
        0..=0x7F => 1,
        0x80..=0x3FFF => 2,
        0x4000..=0x1F_FFFF => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Version;
    use crate::wire::reader::{Reader, Rules};

    #[test]
    fn varints_come_back_and_have_the_length_foretold() {
        for value in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455] {
            let mut buffer = [0; 4];
            let mut writer = Writer::new(&mut buffer);
            writer.varint(value);
            assert_eq!(writer.finish(), Ok(varint_len(value as usize)));
            assert_eq!(Reader::new(&buffer, Rules::new(Version::V5)).varint(), value);
        }
    }

    #[test]
    fn a_short_buffer_names_the_length_needed() {
        let mut buffer = [0; 4];
        let mut writer = Writer::new(&mut buffer);
        writer.string("hello");
        assert_eq!(writer.finish(), Err(EncodeError::NoRoom { needed: 7 }));
    }

    #[test]
    fn a_field_is_never_cut_short() {
        let long = [0; 65_536];
        let mut buffer = [0; 65_540];
        let mut writer = Writer::new(&mut buffer);
        writer.binary(&long);
        assert_eq!(writer.finish(), Err(EncodeError::TooLong));
    }
}
