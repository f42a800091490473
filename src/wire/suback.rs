//! SUBACK (§3.9) and UNSUBACK (§3.11): an identifier, properties, and a code for each filter.

use crate::reason::ReasonCode;
use crate::types::{PacketId, Version};
use crate::wire::{PacketType, Properties, Reader, Violation, Writer};

/// SUBACK: one code for each filter of the SUBSCRIBE, in its order `[MQTT-3.9.3-1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SubAck<'a> {
    /// The identifier of the SUBSCRIBE.
    pub id: PacketId,
    /// The properties; none in 3.1 and 3.1.1.
    pub properties: Properties<'a>,
    /// The codes as they stand on the wire.
    pub codes: &'a [u8],
}

/// UNSUBACK: in 5.0 one code for each filter of the UNSUBSCRIBE, in its order; before, none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UnsubAck<'a> {
    /// The identifier of the UNSUBSCRIBE.
    pub id: PacketId,
    /// The properties; none in 3.1 and 3.1.1.
    pub properties: Properties<'a>,
    /// The codes as they stand on the wire.
    pub codes: &'a [u8],
}

impl<'a> SubAck<'a> {
    pub(crate) fn decode(body: &mut Reader<'a>) -> Self {
        let Answer { id, properties, codes } = Answer::decode(PacketType::SubAck, body);
        Self { id, properties, codes }
    }

    pub(crate) fn encode(&self, version: Version, writer: &mut Writer<'_>) {
        writer.u16(self.id.get());
        self.properties.encode(version, writer);
        writer.bytes(self.codes);
    }
}

impl<'a> UnsubAck<'a> {
    pub(crate) fn decode(body: &mut Reader<'a>) -> Self {
        let Answer { id, properties, codes } = Answer::decode(PacketType::UnsubAck, body);
        Self { id, properties, codes }
    }

    pub(crate) fn encode(&self, version: Version, writer: &mut Writer<'_>) {
        writer.u16(self.id.get());
        self.properties.encode(version, writer);
        if version.has_properties() {
            writer.bytes(self.codes);
        }
    }
}

/// Either of them.
pub(crate) struct Answer<'a> {
    pub(crate) id: PacketId,
    pub(crate) properties: Properties<'a>,
    pub(crate) codes: &'a [u8],
}

impl<'a> Answer<'a> {
    pub(crate) fn decode(packet_type: PacketType, body: &mut Reader<'a>) -> Self {
        let id = body.packet_id();
        let properties = Properties::decode(body, packet_type.bit());
        let version = body.rules().version;
        if packet_type == PacketType::UnsubAck && !version.has_properties() {
            return Self { id, properties, codes: &[] };
        }
        let codes = body.rest();
        if codes.is_empty() {
            body.refuse(Violation::EmptyList);
        }
        if !codes.iter().all(|code| is_legal(ReasonCode(*code), packet_type, version)) {
            body.refuse(Violation::ReasonCode);
        }
        Self { id, properties, codes }
    }
}

/// `[MQTT-3.8.4-7]` `[MQTT-3.9.3-2]` `[MQTT-3.11.3-2]`: 3.1 and 3.1.1 know the three granted levels and one failure.
fn is_legal(reason: ReasonCode, packet_type: PacketType, version: Version) -> bool {
    if version.has_properties() { reason.is_legal_in(packet_type) } else { matches!(reason.0, 0..=2 | 0x80) }
}
