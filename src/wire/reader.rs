//! One cursor over a packet's bytes. Everything a peer sends is read through it, so no other file of the codec does
//! arithmetic with positions, and none can read past the end.

use crate::topic::{has_nul, has_wildcard, is_plain_topic};
use crate::types::{PacketId, Version};
use crate::wire::{DecodeError, Malformed, Violation};

/// How strictly and for which version bytes are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rules {
    /// The protocol version.
    pub version: Version,
    /// Also refuse what the standard only recommends to refuse: control characters in strings, DUP on QoS 0,
    /// over-long lengths in 3.1 and 3.1.1.
    pub strict: bool,
}

impl Rules {
    /// The standard's demands for `version`, nothing more.
    pub const fn new(version: Version) -> Self {
        Self { version, strict: false }
    }

    pub(crate) const fn demands_minimal_lengths(self) -> bool {
        self.strict || self.version.demands_minimal_lengths()
    }
}

#[derive(Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
    rules: Rules,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8], rules: Rules) -> Self {
        Self { rest: bytes, rules }
    }

    pub(crate) const fn rules(&self) -> Rules {
        self.rules
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) const fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        let (&byte, rest) = self.rest.split_first().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// A packet identifier: two bytes, never 0 `[MQTT-2.2.1-3]`.
    pub(crate) fn packet_id(&mut self) -> Result<PacketId, DecodeError> {
        PacketId::new(self.u16()?).ok_or(Violation::PacketIdZero.into())
    }

    /// A variable byte integer: at most four bytes, and in 5.0 as few as possible `[MQTT-1.5.5-1]`.
    pub(crate) fn varint(&mut self) -> Result<u32, Malformed> {
        match varint(self.rest, self.rules) {
            Varint::Value { value, length } => {
                self.bytes(length)?;
                Ok(value)
            }
            Varint::Partial => Err(Malformed::Truncated),
            Varint::TooLong | Varint::NotMinimal => Err(Malformed::VariableByteInteger),
        }
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Binary data: two bytes of length, then as many bytes.
    pub(crate) fn binary(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.u16()?;
        self.bytes(length.into())
    }

    /// A UTF-8 string: two bytes of length, then well-formed UTF-8 without U+0000 `[MQTT-1.5.4-1]` `[MQTT-1.5.4-2]`.
    /// A byte order mark is a character like any other `[MQTT-1.5.4-3]`.
    pub(crate) fn string(&mut self) -> Result<&'a str, Malformed> {
        let bytes = self.binary()?;
        let text = core::str::from_utf8(bytes).map_err(|_| Malformed::Utf8)?;
        if has_nul(bytes) {
            return Err(Malformed::NulCharacter);
        }
        if self.rules.strict && text.chars().any(is_discouraged) {
            return Err(Malformed::ControlCharacter);
        }
        Ok(text)
    }

    /// A topic name: a string without wildcards `[MQTT-3.3.2-2]`. It may be empty.
    pub(crate) fn topic_name(&mut self) -> Result<&'a str, DecodeError> {
        let mut again = *self;
        let bytes = self.binary()?;
        let text = core::str::from_utf8(bytes).map_err(|_| Malformed::Utf8)?;
        if self.rules.strict || !is_plain_topic(bytes) {
            again.string()?; // says what is wrong, if it isn't a wildcard
            if has_wildcard(text) {
                return Err(Violation::TopicWildcard.into());
            }
        }
        Ok(text)
    }

    /// All that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.rest)
    }

    /// A cursor over the next `count` bytes alone.
    pub(crate) fn sub(&mut self, count: usize) -> Result<Self, Malformed> {
        Ok(Self::new(self.bytes(count)?, self.rules))
    }

    /// Nothing may be left over.
    pub(crate) const fn finish(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::TrailingBytes) }
    }
}

/// Characters that a receiver may refuse (§1.5.4): C0 and C1 controls, and the non-character U+FFFF.
fn is_discouraged(c: char) -> bool {
    c.is_control() || c == '\u{FFFF}'
}

pub(crate) enum Varint {
    Value { value: u32, length: usize },
    Partial,
    TooLong,
    NotMinimal,
}

/// Reads a variable byte integer from the start of `bytes`; one that is too long is known at its fourth byte.
pub(crate) fn varint(bytes: &[u8], rules: Rules) -> Varint {
    let mut value = 0;
    for (index, &byte) in bytes.iter().take(4).enumerate() {
        value |= u32::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            if byte == 0 && index > 0 && rules.demands_minimal_lengths() {
                return Varint::NotMinimal;
            }
            return Varint::Value { value, length: index + 1 };
        }
    }
    if bytes.len() >= 4 { Varint::TooLong } else { Varint::Partial }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V5: Rules = Rules::new(Version::V5);

    fn read(bytes: &[u8], rules: Rules) -> Result<u32, Malformed> {
        Reader::new(bytes, rules).varint()
    }

    #[test]
    fn lengths_up_to_four_bytes() {
        for (bytes, value) in [
            (&[0x00][..], 0),
            (&[0x7F], 127),
            (&[0x80, 0x01], 128),
            (&[0xFF, 0x7F], 16_383),
            (&[0x80, 0x80, 0x01], 16_384),
            (&[0xFF, 0xFF, 0x7F], 2_097_151),
            (&[0x80, 0x80, 0x80, 0x01], 2_097_152),
            (&[0xFF, 0xFF, 0xFF, 0x7F], 268_435_455),
        ] {
            assert_eq!(read(bytes, V5), Ok(value));
        }
    }

    #[test]
    fn over_long_lengths() {
        assert_eq!(read(&[0x80, 0x80, 0x80, 0x80], V5), Err(Malformed::VariableByteInteger));
        assert_eq!(read(&[0x80, 0x00], V5), Err(Malformed::VariableByteInteger));
        assert_eq!(read(&[0x80, 0x00], Rules::new(Version::V311)), Ok(0));
        assert_eq!(
            read(&[0x80, 0x00], Rules { version: Version::V311, strict: true }),
            Err(Malformed::VariableByteInteger)
        );
        assert_eq!(read(&[0x80, 0x80], V5), Err(Malformed::Truncated));
    }

    #[test]
    fn strings() {
        let text = |bytes: &'static [u8]| Reader::new(bytes, V5).string();
        assert_eq!(text(b"\x00\x03\xEF\xBB\xBF"), Ok("\u{FEFF}")); // [MQTT-1.5.4-3]
        assert_eq!(text(b"\x00\x03\xED\xA0\x80"), Err(Malformed::Utf8)); // a surrogate
        assert_eq!(text(b"\x00\x02\xC0\x80"), Err(Malformed::Utf8)); // over-long
        assert_eq!(text(b"\x00\x01\x00"), Err(Malformed::NulCharacter));
        assert_eq!(text(b"\x00\x05a"), Err(Malformed::Truncated));
        assert_eq!(text(b"\x00\x01\x01"), Ok("\u{1}"));
        let strict = Rules { version: Version::V5, strict: true };
        assert_eq!(Reader::new(b"\x00\x01\x01", strict).string(), Err(Malformed::ControlCharacter));
    }
}
