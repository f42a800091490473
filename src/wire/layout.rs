//! Positions of the parts of an encoded PUBLISH, SUBSCRIBE or UNSUBSCRIBE that was checked before.

use crate::types::Version;
use crate::wire::reader::varint;
use crate::wire::{PacketType, Reader, Rules};

/// Positions in an encoded packet, in ascending order.
pub(crate) struct Layout {
    pub(crate) first_byte: u8,
    /// The remaining length.
    pub(crate) remaining: usize,
    /// After the fixed header: start of the topic name with its length, or of the identifier.
    pub(crate) start: usize,
    /// Start of the identifier, after the topic name.
    pub(crate) id: usize,
    /// Start of the properties with their length.
    pub(crate) properties: usize,
    /// Start of the first property.
    pub(crate) block: usize,
    /// Start of the payload or the list, after the properties.
    pub(crate) rest: usize,
}

impl Layout {
    /// Finds the parts of the packet at the start of `bytes`, which must contain everything before the payload.
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    pub(crate) fn of(bytes: &[u8], version: Version) -> Self {
        let mut rest = Reader::new(bytes, Rules::new(version));
        let at = |reader: &Reader<'_>| bytes.len() - reader.remaining();
        let first_byte = rest.u8();
        let remaining = rest.varint() as usize;
        let start = at(&rest);
        let is_publish = first_byte >> 4 == PacketType::Publish as u8;
        if is_publish {
            rest.binary();
        }
        let id = at(&rest);
        if !is_publish || first_byte >> 1 & 0b11 != 0 {
            rest.u16();
        }
        let properties = at(&rest);
        let length = if version.has_properties() { rest.varint() as usize } else { 0 };
        let block = at(&rest);
        Self { first_byte, remaining, start, id, properties, block, rest: block + length }
    }
}

/// Returns the length of the packet at the start of `bytes`, from its header.
#[cfg_attr(target_pointer_width = "32", inline(never))]
pub(crate) fn encoded_length(bytes: &[u8]) -> usize {
    let (remaining, length) = varint(bytes.get(1..).unwrap_or_default(), Rules::default());
    1 + length.get() + remaining as usize
}
