//! SUBACK (§3.9) and UNSUBACK (§3.11): an identifier, properties, and a code for each filter.

use crate::reason::ReasonCode;
use crate::types::{PacketId, Version};
use crate::wire::{DecodeError, PacketType, Properties, Reader, Violation, Writer};

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
    pub(crate) fn decode(mut body: Reader<'a>) -> Result<Self, DecodeError> {
        let id = body.packet_id()?;
        let properties = Properties::decode(&mut body, PacketType::SubAck.bit())?;
        let version = body.rules().version;
        let codes = body.rest();
        check_codes(codes, |reason| is_subscribe_reason(reason, version))?;
        Ok(Self { id, properties, codes })
    }

    pub(crate) fn encode(&self, version: Version, writer: &mut Writer<'_>) {
        writer.u16(self.id.get());
        self.properties.encode(version, writer);
        writer.bytes(self.codes);
    }
}

impl<'a> UnsubAck<'a> {
    pub(crate) fn decode(mut body: Reader<'a>) -> Result<Self, DecodeError> {
        let id = body.packet_id()?;
        if !body.rules().version.has_properties() {
            body.finish()?;
            return Ok(Self { id, properties: Properties::NONE, codes: &[] });
        }
        let properties = Properties::decode(&mut body, PacketType::UnsubAck.bit())?;
        let codes = body.rest();
        check_codes(codes, |reason| reason.is_legal_in(PacketType::UnsubAck))?; // [MQTT-3.11.3-2]
        Ok(Self { id, properties, codes })
    }

    pub(crate) fn encode(&self, version: Version, writer: &mut Writer<'_>) {
        writer.u16(self.id.get());
        self.properties.encode(version, writer);
        if version.has_properties() {
            writer.bytes(self.codes);
        }
    }
}

/// `[MQTT-3.8.4-7]` `[MQTT-3.9.3-2]`: 3.1 and 3.1.1 know the three granted levels and one failure.
fn is_subscribe_reason(reason: ReasonCode, version: Version) -> bool {
    if version.has_properties() { reason.is_legal_in(PacketType::SubAck) } else { matches!(reason.0, 0..=2 | 0x80) }
}

fn check_codes(codes: &[u8], is_legal: impl Fn(ReasonCode) -> bool) -> Result<(), Violation> {
    if codes.is_empty() {
        return Err(Violation::EmptyList);
    }
    if codes.iter().all(|code| is_legal(ReasonCode(*code))) { Ok(()) } else { Err(Violation::ReasonCode) }
}
