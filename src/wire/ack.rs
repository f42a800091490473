//! PUBACK, PUBREC, PUBREL and PUBCOMP (§3.4 to §3.7): four packets of one shape.

use crate::reason::ReasonCode;
use crate::types::{PacketId, Version};
use crate::wire::{PacketType, Properties, Reader, Violation, Writer};

/// The body of PUBACK, PUBREC, PUBREL and PUBCOMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Acknowledgement<'a> {
    /// The identifier of the PUBLISH `[MQTT-2.2.1-5]`.
    pub id: PacketId,
    /// The reason code; always success in 3.1 and 3.1.1.
    pub reason: ReasonCode,
    /// The properties; none in 3.1 and 3.1.1.
    pub properties: Properties<'a>,
}

impl<'a> Acknowledgement<'a> {
    /// Success, without properties.
    pub const fn new(id: PacketId) -> Self {
        Self { id, reason: ReasonCode::SUCCESS, properties: Properties::NONE }
    }

    pub(crate) fn decode(packet_type: PacketType, body: &mut Reader<'a>) -> Self {
        let id = body.packet_id();
        let (reason, properties) = decode_tail(packet_type, body);
        Self { id, reason, properties }
    }

    pub(crate) fn encode(&self, version: Version, writer: &mut Writer<'_>) {
        writer.u16(self.id.get());
        encode_tail(self.reason, &self.properties, version, writer);
    }
}

/// A reason code and properties that may both be left out at the end of a packet (§3.4.2.1, §3.14.2.1), and are in versions without
/// properties.
pub(super) fn decode_tail<'a>(packet_type: PacketType, body: &mut Reader<'a>) -> (ReasonCode, Properties<'a>) {
    if body.is_empty() || !body.rules().version.has_properties() {
        return (ReasonCode::SUCCESS, Properties::NONE);
    }
    let reason = ReasonCode(body.u8());
    if reason != ReasonCode::SUCCESS && !reason.is_legal_in(packet_type) {
        body.refuse(Violation::ReasonCode); // [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] [MQTT-3.14.2-1]
    }
    let may_end_here = packet_type != PacketType::Auth;
    if may_end_here && body.is_empty() {
        return (reason, Properties::NONE);
    }
    (reason, Properties::decode(body, packet_type.bit()))
}

/// Leaves out what may be left out.
pub(super) fn encode_tail(reason: ReasonCode, properties: &Properties<'_>, version: Version, writer: &mut Writer<'_>) {
    if !version.has_properties() || reason == ReasonCode::SUCCESS && properties.is_empty() {
        return;
    }
    writer.u8(reason.0);
    if !properties.is_empty() {
        properties.encode(version, writer);
    }
}
