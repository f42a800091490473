//! Finds the secrets in packets.

use core::ops::Range;

use pure_mqtt::Version;
use pure_mqtt::wire::{Decoded, Header, HeaderStep, Packet, PacketType, Rules};

/// What is kept out of a trace. Each hidden byte is replaced by `*`, so a replay goes through the same states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Redact {
    /// Whether to hide passwords, and Authentication Data of CONNECT, CONNACK and AUTH.
    pub passwords: bool,
    /// Whether to hide the payloads of messages and of the will.
    pub payloads: bool,
}

impl Redact {
    /// Hides nothing.
    pub const NOTHING: Self = Self { passwords: false, payloads: false };
    /// Hides passwords and payloads.
    pub const ALL: Self = Self { passwords: true, payloads: true };
}

/// The byte that replaces each hidden byte.
pub(crate) const FILLER: u8 = b'*';

/// The secrets of one packet: which of its bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets {
    /// The length of the packet; 0 if it is not known.
    pub(crate) length: usize,
    ranges: [Range<usize>; 3],
    /// A PUBLISH of which only the fixed header was seen: where its payload begins stands in what follows.
    open: Option<Header>,
}

impl Secrets {
    /// Finds the secrets of the packet at the start of `bytes`. The packet may go on elsewhere, but what stands before
    /// a payload is in `bytes`, or begins [behind](Self::go_on) the fixed header; packets with passwords are there as a
    /// whole.
    pub(crate) fn find(bytes: &[u8], version: Version, redact: Redact) -> Self {
        let rules = Rules::new(version);
        let Ok(HeaderStep::Header(header)) = Header::decode(bytes, rules) else { return Self::default() };
        let length = header.packet_length();
        let behind = bytes.get(header.length..).unwrap_or_default();
        let is_open = header.packet_type == PacketType::Publish && behind.is_empty() && redact.payloads;
        let ranges = match payload_start(behind, header, version) {
            _ if redact == Redact::NOTHING => Default::default(),
            Some(payload) if redact.payloads => [payload..length, 0..0, 0..0],
            Some(_) => Default::default(),
            // Where the payload begins is not known before more is seen: all of it may be.
            None if header.packet_type == PacketType::Publish && redact.payloads => {
                [header.length.min(bytes.len())..length, 0..0, 0..0]
            }
            None => match Packet::decode(bytes, rules) {
                Ok(Decoded::Packet { packet, .. }) => {
                    secrets(&packet, redact).map(|secret| secret.map_or(0..0, |secret| range(bytes, secret)))
                }
                _ => Default::default(),
            },
        };
        Self { length, ranges, open: is_open.then_some(header) }
    }

    /// The packet goes on with `bytes` at `position`.
    pub(crate) fn go_on(&mut self, bytes: &[u8], position: usize, version: Version) {
        let Some(header) = self.open.take_if(|header| header.length == position) else { return };
        if let Some(payload) = payload_start(bytes, header, version) {
            self.ranges = [payload..self.length, 0..0, 0..0];
        }
    }

    /// The rest of a payload.
    pub(crate) fn all(is_hidden: bool) -> Self {
        let ranges = [0..if is_hidden { usize::MAX } else { 0 }, 0..0, 0..0];
        Self { length: 0, ranges, open: None }
    }

    /// From `position` in the packet on: how many bytes are alike, and whether they are secret.
    pub(crate) fn stretch(&self, position: usize) -> (usize, bool) {
        let mut end = usize::MAX;
        for range in self.ranges.iter().filter(|range| !range.is_empty()) {
            if range.contains(&position) {
                return (range.end - position, true);
            }
            if range.start > position {
                end = end.min(range.start);
            }
        }
        (end - position, false)
    }
}

/// Where the payload of a PUBLISH begins (§3.3.2): behind its topic, packet identifier and properties, which are what
/// stands `behind` its fixed header.
fn payload_start(behind: &[u8], header: Header, version: Version) -> Option<usize> {
    if header.packet_type != PacketType::Publish {
        return None;
    }
    let (topic, _) = behind.split_first_chunk()?;
    let has_id = header.flags & 0b0110 != 0;
    let properties = 2 + usize::from(u16::from_be_bytes(*topic)) + if has_id { 2 } else { 0 };
    let block = if version < Version::V5 { 0 } else { block_length(behind.get(properties..)?)? };
    (properties <= behind.len()).then_some(header.length + properties + block)
}

/// How many bytes a block of properties has, with the variable byte integer before it that says so (§1.5.5).
fn block_length(bytes: &[u8]) -> Option<usize> {
    let last = bytes.iter().take(4).position(|byte| byte & 0x80 == 0)?;
    let digits = bytes.get(..=last)?.iter().rev();
    Some(last + 1 + digits.fold(0, |length, digit| length << 7 | usize::from(digit & 0x7F)))
}

/// The parts of a whole packet that are secret.
fn secrets<'a>(packet: &Packet<'a>, redact: Redact) -> [Option<&'a [u8]>; 3] {
    match packet {
        Packet::Connect(connect) => {
            let password = connect.password.filter(|_| redact.passwords);
            let data = connect.properties.authentication_data().filter(|_| redact.passwords);
            [password, data, connect.will.map(|will| will.payload).filter(|_| redact.payloads)]
        }
        Packet::ConnAck(connack) if redact.passwords => [connack.properties.authentication_data(), None, None],
        Packet::Auth(auth) if redact.passwords => [auth.properties.authentication_data(), None, None],
        _ => [None; 3],
    }
}

/// Where in `bytes` a part of them stands.
fn range(bytes: &[u8], part: &[u8]) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(bytes.as_ptr() as usize);
    start..start + part.len()
}
