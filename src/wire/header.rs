//! The fixed header (§2.1): packet type, flags and remaining length.

use crate::wire::reader::{VarintLength, varint};
use crate::wire::{DecodeError, Malformed, PacketType, Rules};

/// The longest remaining length that MQTT can express: 268,435,455.
pub const MAX_REMAINING: usize = 268_435_455;

/// The bit for the Will Properties in a set of packet types.
pub(crate) const WILL_BIT: u16 = 1;
/// The DUP bit of the first byte.
pub(crate) const DUP: u8 = 0b1000;

/// A decoded fixed header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Header {
    /// The packet type.
    pub packet_type: PacketType,
    /// The low four bits of the first byte.
    pub flags: u8,
    /// The length of the header itself: 2 to 5 bytes.
    pub length: usize,
    /// The number of bytes that follow the header.
    pub remaining: usize,
}

/// What [`Header::decode`] returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum HeaderStep {
    /// The header is complete.
    Header(Header),
    /// At least this many more bytes are needed to see the whole header.
    Partial(usize),
}

impl Header {
    /// Decodes the header at the start of `input`.
    ///
    /// # Errors
    /// [`DecodeError`] as soon as the bytes cannot become a header: an unknown type, wrong reserved flags
    /// `[MQTT-2.1.3-1]`, or a remaining length of more than four bytes.
    pub fn decode(input: &[u8], rules: Rules) -> Result<HeaderStep, DecodeError> {
        Self::decode_with(input, rules, false)
    }

    /// Like [`decode`](Self::decode). If `is_lenient`, wrong flags of an acknowledgement of 3.1 or 3.1.1 are tolerated,
    /// and reported as [`WRONG_FLAGS`].
    #[inline(always)]
    pub(crate) fn decode_with(input: &[u8], rules: Rules, is_lenient: bool) -> Result<HeaderStep, DecodeError> {
        let Some((&first, rest)) = input.split_first() else { return Ok(HeaderStep::Partial(2)) };
        let packet_type = PacketType::from_number(first >> 4)
            .filter(|packet_type| rules.version.has_packet(*packet_type))
            .ok_or(Malformed::PacketType)?;
        let mut flags = first & 0x0F;
        if let Err(fault) = check_flags(packet_type, flags, rules) {
            if !(is_lenient && is_old_acknowledgement(packet_type, rest, rules)) {
                return Err(fault.into());
            }
            flags |= WRONG_FLAGS;
        }
        match varint(rest, rules) {
            (_, VarintLength::PARTIAL) => Ok(HeaderStep::Partial(1)),
            (_, VarintLength::NOT_MINIMAL) => Err(Malformed::VariableByteInteger.into()),
            (_, VarintLength::TOO_LONG) => Err(Malformed::RemainingLength.into()),
            (value, length) => {
                let length = 1 + length.get();
                Ok(HeaderStep::Header(Self { packet_type, flags, length, remaining: value as usize }))
            }
        }
    }

    /// Returns the bytes after the header, if `input` contains all of them.
    pub(crate) fn body<'a>(&self, input: &'a [u8]) -> Option<&'a [u8]> {
        input.get(self.length..self.packet_length())
    }

    /// Returns the length of the whole packet in bytes.
    pub const fn packet_length(&self) -> usize {
        self.length + self.remaining
    }
}

/// Set in [`Header::flags`] if wrong flags were tolerated.
pub(crate) const WRONG_FLAGS: u8 = 0x80;

/// Returns whether the packet is an acknowledgement of 3.1 or 3.1.1 with a length that is valid there, as far as `rest`
/// shows.
#[cold]
fn is_old_acknowledgement(packet_type: PacketType, rest: &[u8], rules: Rules) -> bool {
    const BARE: u16 = PacketType::PubAck.bit()
        | PacketType::PubRec.bit()
        | PacketType::PubRel.bit()
        | PacketType::PubComp.bit()
        | PacketType::UnsubAck.bit();
    let has_length = match packet_type {
        PacketType::SubAck => matches!(rest, [] | [3..=0xFF, ..]), // codes; a wrong number of them ends the link
        _ => BARE & packet_type.bit() != 0 && matches!(rest, [] | [2, ..]),
    };
    !rules.version.has_properties() && has_length
}

/// The length of a packet, by its remaining length only.
#[cfg(feature = "bytes")]
pub(crate) enum PacketLength {
    Known(usize),
    Partial,
    Invalid,
}

/// Returns the length of the packet at the start of `input`, for any type and version.
#[cfg(feature = "bytes")]
pub(crate) fn packet_length(input: &[u8]) -> PacketLength {
    match varint(input.get(1..).unwrap_or_default(), Rules::default()) {
        (_, VarintLength::PARTIAL) => PacketLength::Partial,
        (_, VarintLength::TOO_LONG | VarintLength::NOT_MINIMAL) => PacketLength::Invalid,
        (value, length) => PacketLength::Known(1 + length.get() + value as usize),
    }
}

/// Checks the reserved flags: PUBREL, SUBSCRIBE and UNSUBSCRIBE have 2, all other types 0 `[MQTT-3.6.1-1]`
/// `[MQTT-3.8.1-1]` `[MQTT-3.10.1-1]` `[MQTT-3.14.1-1]` `[MQTT-3.15.1-1]`.
fn check_flags(packet_type: PacketType, flags: u8, rules: Rules) -> Result<(), Malformed> {
    if packet_type == PacketType::Publish {
        return if flags & 0b0110 == 0b0110 { Err(Malformed::QoS) } else { Ok(()) }; // [MQTT-3.3.1-4]
    }
    let tolerated = if rules.version.allows_dup(packet_type) { DUP } else { 0 };
    if flags & !tolerated == packet_type.reserved_flags() { Ok(()) } else { Err(Malformed::HeaderFlags) }
}
