//! Reads the primitive fields of a packet body, one after the other.

use super::Wrong;

/// A cursor over the rest of a packet body.
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A cursor at the start of `body`.
    pub fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    /// Whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes all that is left.
    pub fn remaining(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Takes `len` bytes.
    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8], Wrong> {
        let (head, tail) = self
            .rest
            .split_at_checked(len)
            .ok_or_else(|| Wrong::malformed("[MQTT5 4.13.1] the packet ends inside a field"))?;
        self.rest = tail;
        Ok(head)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Wrong> {
        self.big_endian(1).map(|value| value as u8)
    }

    /// Two bytes, big endian.
    pub fn u16(&mut self) -> Result<u16, Wrong> {
        self.big_endian(2).map(|value| value as u16)
    }

    /// Four bytes, big endian.
    pub fn u32(&mut self) -> Result<u32, Wrong> {
        self.big_endian(4)
    }

    fn big_endian(&mut self, len: usize) -> Result<u32, Wrong> {
        let bytes = self.bytes(len)?;
        Ok(bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    /// A variable byte integer, which must be in its shortest form.
    pub fn varint(&mut self) -> Result<u32, Wrong> {
        let (value, used) = varint(self.rest)?
            .ok_or_else(|| Wrong::malformed("[MQTT-1.5.5-1] the packet ends inside a variable byte integer"))?;
        self.bytes(used)?;
        Ok(value)
    }

    /// Bytes behind a two-byte length.
    pub fn binary(&mut self) -> Result<Vec<u8>, Wrong> {
        let len = self.u16()?;
        self.bytes(usize::from(len)).map(<[u8]>::to_vec)
    }

    /// A UTF-8 string behind a two-byte length.
    pub fn text(&mut self) -> Result<String, Wrong> {
        let text = String::from_utf8(self.binary()?)
            .map_err(|_| Wrong::malformed("[MQTT-1.5.4-1] a string is not well-formed UTF-8"))?;
        if text.contains('\0') {
            return Err(Wrong::malformed("[MQTT-1.5.4-2] a string contains U+0000"));
        }
        Ok(text)
    }

    /// A packet identifier, which is never zero.
    pub fn packet_id(&mut self) -> Result<u16, Wrong> {
        match self.u16()? {
            0 => Err(Wrong::malformed("[MQTT-2.2.1-3] the packet identifier is zero")),
            id => Ok(id),
        }
    }
}

/// The variable byte integer at the start of `bytes` and its length, or `None` if it is not complete yet.
pub fn varint(bytes: &[u8]) -> Result<Option<(u32, usize)>, Wrong> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(4).enumerate() {
        value |= u32::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            if index > 0 && *byte == 0 {
                return Err(Wrong::malformed("[MQTT-1.5.5-1] a variable byte integer is longer than needed"));
            }
            return Ok(Some((value, index + 1)));
        }
    }
    if bytes.len() < 4 {
        return Ok(None);
    }
    Err(Wrong::malformed("[MQTT5 1.5.5] a variable byte integer has more than four bytes"))
}
