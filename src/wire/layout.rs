//! Where the parts of an encoded PUBLISH, SUBSCRIBE or UNSUBSCRIBE lie that was checked before.

use crate::types::Version;
use crate::wire::reader::varint;
use crate::wire::{PacketType, Reader, Rules};

/// Positions in such a packet, in their order.
pub(crate) struct Layout {
    pub(crate) first_byte: u8,
    /// The remaining length.
    pub(crate) remaining: usize,
    /// After the fixed header: where the topic name with its length begins, or else the identifier.
    pub(crate) start: usize,
    /// The identifier, after the topic name.
    pub(crate) id: usize,
    /// The properties with their length, after topic name and identifier.
    pub(crate) properties: usize,
    /// The first property.
    pub(crate) block: usize,
    /// After the properties: the payload or the list.
    pub(crate) rest: usize,
}

impl Layout {
    /// Looks through the packet that `bytes` begin with; all before its payload must be there.
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

/// The length of the packet that `bytes` begin with, as its own header tells.
#[cfg_attr(target_pointer_width = "32", inline(never))]
pub(crate) fn encoded_length(bytes: &[u8]) -> usize {
    let (remaining, length) = varint(bytes.get(1..).unwrap_or_default(), Rules::default());
    1 + length.get() + remaining as usize
}
