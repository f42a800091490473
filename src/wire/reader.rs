//! A cursor over a packet's bytes. Everything a peer sends is read through it, so no other file of the codec computes
//! positions, and none can read past the end.
//!
//! The cursor keeps the first fault. After a fault nothing is left to read, and further reads return zero or an empty
//! slice. So a packet is read field by field, and its validity is checked once, at the end.

use crate::text::{Marks, Text, scan, scan_topic};
use crate::types::{PacketId, Version};
use crate::wire::{DecodeError, Malformed, Tolerance, Violation};

/// The version for which bytes are read, and how strictly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rules {
    /// The protocol version.
    pub version: Version,
    /// Whether to refuse also what the standard only recommends to refuse: control characters in strings, DUP on QoS 0,
    /// over-long lengths in 3.1 and 3.1.1.
    pub strict: bool,
}

impl Rules {
    /// Creates rules that enforce the requirements of the standard for `version`, and nothing more.
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
    /// Whether deviations are noted instead of refused.
    is_lenient: bool,
    fault: Option<DecodeError>,
    noted: Option<Tolerance>,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8], rules: Rules) -> Self {
        Self { rest: bytes, rules, is_lenient: false, fault: None, noted: None }
    }

    /// Creates a reader that only notes harmless deviations, unless the rules are strict.
    pub(crate) const fn lenient(bytes: &'a [u8], rules: Rules) -> Self {
        Self { is_lenient: !rules.strict, ..Self::new(bytes, rules) }
    }

    /// Notes a deviation. Returns whether it is tolerated; otherwise the caller refuses it with an error.
    #[cold]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn tolerates(&mut self, deviation: Tolerance) -> bool {
        self.noted = Some(deviation);
        self.is_lenient
    }

    /// Returns the last deviation that was noted.
    pub(crate) const fn noted(&self) -> Option<Tolerance> {
        self.noted
    }

    pub(crate) const fn rules(&self) -> Rules {
        self.rules
    }

    /// Sets the version for what follows.
    pub(crate) const fn set_version(&mut self, version: Version) {
        self.rules.version = version;
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Returns the first fault, if there was one.
    pub(crate) const fn fault(&self) -> Option<DecodeError> {
        self.fault
    }

    /// Records a fault in what was read.
    pub(crate) fn refuse(&mut self, fault: impl Into<DecodeError>) {
        self.note(fault.into());
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn note(&mut self, fault: DecodeError) {
        self.fault = self.fault.or(Some(fault));
        self.rest = &[];
    }

    /// Records the fault that `check` found, if any.
    pub(crate) fn expect(&mut self, check: Result<(), impl Into<DecodeError>>) {
        if let Err(fault) = check {
            self.refuse(fault);
        }
    }

    /// Checks that there was no fault and that nothing is left over.
    pub(crate) fn finish(&self) -> Result<(), DecodeError> {
        match self.fault {
            Some(fault) => Err(fault),
            None if self.rest.is_empty() => Ok(()),
            None => Err(Malformed::TrailingBytes.into()),
        }
    }

    pub(crate) fn u8(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    /// Consumes the next byte if it equals `byte`; returns whether it did.
    pub(crate) fn accept(&mut self, byte: u8) -> bool {
        let rest = self.rest.strip_prefix(&[byte]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        if usize::BITS <= 32 {
            return self.bytes(N).first_chunk().copied().unwrap_or([0; N]);
        }
        let Some((bytes, rest)) = self.rest.split_first_chunk() else {
            self.refuse(Malformed::Truncated);
            return [0; N];
        };
        self.rest = rest;
        *bytes
    }

    pub(crate) fn bytes(&mut self, count: usize) -> &'a [u8] {
        let Some((bytes, rest)) = self.rest.split_at_checked(count) else {
            self.refuse(Malformed::Truncated);
            return &[];
        };
        self.rest = rest;
        bytes
    }

    /// Restricts reading to `inner`, which was just read; returns the bytes behind it, for [`leave`](Self::leave).
    pub(crate) const fn enter(&mut self, inner: &'a [u8]) -> &'a [u8] {
        core::mem::replace(&mut self.rest, inner)
    }

    /// Continues behind the bytes that [`enter`](Self::enter) restricted reading to.
    pub(crate) const fn leave(&mut self, behind: &'a [u8]) {
        if self.fault.is_none() {
            self.rest = behind;
        }
    }

    /// Returns the remaining bytes without consuming them.
    pub(crate) const fn unread(&self) -> &'a [u8] {
        self.rest
    }

    /// Consumes and returns the remaining bytes.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.rest)
    }

    /// Reads a packet identifier: two bytes, never 0 `[MQTT-2.2.1-3]`.
    pub(crate) fn packet_id(&mut self) -> PacketId {
        PacketId::new(self.u16()).unwrap_or_else(|| {
            self.refuse(Violation::PacketIdZero);
            PacketId::FIRST
        })
    }

    /// Reads a variable byte integer: at most four bytes, and in 5.0 as few as possible `[MQTT-1.5.5-1]`.
    pub(crate) fn varint(&mut self) -> u32 {
        match varint(self.rest, self.rules) {
            (_, VarintLength::PARTIAL) => self.refuse(Malformed::Truncated),
            (_, VarintLength::TOO_LONG | VarintLength::NOT_MINIMAL) => self.refuse(Malformed::VariableByteInteger),
            (value, length) => {
                self.bytes(length.get());
                return value;
            }
        }
        0
    }

    /// Reads binary data: two bytes of length, then as many bytes.
    pub(crate) fn binary(&mut self) -> &'a [u8] {
        let length = self.u16();
        self.bytes(length.into())
    }

    /// Reads a UTF-8 string: two bytes of length, then text that passes [`check_text`].
    pub(crate) fn string(&mut self) -> &'a str {
        let bytes = self.binary();
        self.text(bytes, scan).0.as_str()
    }

    /// Reads a topic name: a string without wildcards `[MQTT-3.3.2-2]`, possibly empty. An invalid one that is
    /// tolerated is returned as empty.
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn topic_name(&mut self) -> Text<'a> {
        let bytes = self.binary();
        let behind = self.rest;
        let (text, marks) = self.text(bytes, scan_topic);
        if marks.has_wildcard(text.as_bytes()) {
            self.refuse(Violation::TopicWildcard);
        }
        if self.fault.is_some() && self.passes_over_topic(behind) { Text::EMPTY } else { text }
    }

    /// Returns whether the fault is an invalid topic that is tolerated; reading then continues `behind` it.
    #[cold]
    fn passes_over_topic(&mut self, behind: &'a [u8]) -> bool {
        const BAD: [DecodeError; 3] = [
            DecodeError::Malformed(Malformed::Utf8),
            DecodeError::Malformed(Malformed::NulCharacter),
            DecodeError::Protocol(Violation::TopicWildcard),
        ];
        let is_bad = self.fault.is_some_and(|fault| BAD.contains(&fault));
        let is_tolerated = is_bad && self.tolerates(Tolerance::DiscardedMessage);
        if is_tolerated {
            (self.fault, self.rest) = (None, behind);
        }
        is_tolerated
    }

    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    fn text(&mut self, bytes: &'a [u8], scan: fn(&[u8]) -> Marks) -> (Text<'a>, Marks) {
        let marks = scan(bytes);
        let Some(text) = Text::of(bytes, &marks) else {
            self.refuse(Malformed::Utf8);
            return (Text::EMPTY, marks);
        };
        self.expect(check_marks(bytes, &marks, self.rules.strict));
        (text, marks)
    }
}

/// Checks that a string is well-formed UTF-8 without U+0000 `[MQTT-1.5.4-1]` `[MQTT-1.5.4-2]`. A byte order mark is a
/// character like any other `[MQTT-1.5.4-3]`.
pub(crate) fn check_text(bytes: &[u8], strict: bool) -> Result<(), Malformed> {
    let marks = scan(bytes);
    if !marks.is_utf8(bytes) {
        return Err(Malformed::Utf8);
    }
    check_marks(bytes, &marks, strict)
}

fn check_marks(bytes: &[u8], marks: &Marks, strict: bool) -> Result<(), Malformed> {
    if marks.has_nul(bytes) {
        Err(Malformed::NulCharacter)
    } else if strict && marks.has_discouraged(bytes) {
        Err(Malformed::ControlCharacter)
    } else {
        Ok(())
    }
}

/// The length of a variable byte integer in bytes, or why it has none. It is returned beside the value, not as an enum
/// around it, so that both are returned in registers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct VarintLength(u8);

impl VarintLength {
    pub(crate) const PARTIAL: Self = Self(0);
    pub(crate) const TOO_LONG: Self = Self(5);
    pub(crate) const NOT_MINIMAL: Self = Self(6);

    pub(crate) const fn get(self) -> usize {
        self.0 as usize
    }
}

/// Reads a variable byte integer from the start of `bytes`; one that is too long is detected at its fourth byte.
pub(crate) fn varint(bytes: &[u8], rules: Rules) -> (u32, VarintLength) {
    let mut value = 0;
    for (index, &byte) in bytes.iter().take(4).enumerate() {
        value |= u32::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            let is_minimal = byte != 0 || index == 0 || !rules.demands_minimal_lengths();
            return (value, if is_minimal { VarintLength(index as u8 + 1) } else { VarintLength::NOT_MINIMAL });
        }
    }
    (0, if bytes.len() >= 4 { VarintLength::TOO_LONG } else { VarintLength::PARTIAL })
}

#[cfg(test)]
mod tests {
    use super::*;

    const V5: Rules = Rules::new(Version::V5);

    fn read<T>(
        bytes: &'static [u8],
        rules: Rules,
        field: impl Fn(&mut Reader<'static>) -> T,
    ) -> Result<T, DecodeError> {
        let mut reader = Reader::new(bytes, rules);
        let value = field(&mut reader);
        reader.finish().map(|()| value)
    }

    fn varint(bytes: &'static [u8], rules: Rules) -> Result<u32, DecodeError> {
        read(bytes, rules, Reader::varint)
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
            assert_eq!(varint(bytes, V5), Ok(value));
        }
    }

    #[test]
    fn over_long_lengths() {
        let too_long = Err(Malformed::VariableByteInteger.into());
        assert_eq!(varint(&[0x80, 0x80, 0x80, 0x80], V5), too_long);
        assert_eq!(varint(&[0x80, 0x00], V5), too_long);
        assert_eq!(varint(&[0x80, 0x00], Rules::new(Version::V311)), Ok(0));
        assert_eq!(varint(&[0x80, 0x00], Rules { version: Version::V311, strict: true }), too_long);
        assert_eq!(varint(&[0x80, 0x80], V5), Err(Malformed::Truncated.into()));
    }

    #[test]
    fn strings() {
        let text = |bytes, strict| read(bytes, Rules { strict, ..V5 }, Reader::string);
        assert_eq!(text(b"\x00\x03\xEF\xBB\xBF", false), Ok("\u{FEFF}")); // [MQTT-1.5.4-3]
        for (bytes, fault) in [
            (&b"\x00\x03\xED\xA0\x80"[..], Malformed::Utf8), // a surrogate
            (b"\x00\x02\xC0\x80", Malformed::Utf8),          // over-long
            (b"\x00\x02\xFF\x00", Malformed::Utf8),
            (b"\x00\x01\x00", Malformed::NulCharacter),
            (b"\x00\x05a", Malformed::Truncated),
        ] {
            assert_eq!(text(bytes, false), Err(fault.into()), "{bytes:?}");
            assert_eq!(text(bytes, true), Err(fault.into()), "{bytes:?}");
        }
    }

    #[test]
    fn the_first_fault_stays_and_nothing_is_left() {
        let mut reader = Reader::new(b"\x00\x00abc", V5);
        reader.packet_id();
        assert_eq!((reader.u16(), reader.string(), reader.bytes(1), reader.is_empty()), (0, "", &b""[..], true));
        assert_eq!(reader.finish(), Err(Violation::PacketIdZero.into()));
    }
}
