//! PUBACK, PUBREC, PUBREL and PUBCOMP (§3.4 to §3.7), which have the same layout.

use crate::types::{PacketId, Version};
use crate::wire::reason::ReasonCode;
use crate::wire::reply::{Reply, encode_tail};
use crate::wire::{Properties, Writer};

/// A PUBACK, PUBREC, PUBREL or PUBCOMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Acknowledgement<'a> {
    /// The packet identifier of the PUBLISH `[MQTT-2.2.1-5]`.
    pub id: PacketId,
    /// The reason code; always success in 3.1 and 3.1.1.
    pub reason: ReasonCode,
    /// The properties; none in 3.1 and 3.1.1.
    pub properties: Properties<'a>,
}

impl<'a> Acknowledgement<'a> {
    /// Creates an acknowledgement with the reason code Success and without properties.
    pub const fn new(id: PacketId) -> Self {
        Self { id, reason: ReasonCode::SUCCESS, properties: Properties::NONE }
    }

    pub(crate) fn encode(&self, version: Version, writer: &mut Writer<'_>) {
        writer.u16(self.id.get());
        encode_tail(self.reason, &self.properties, version, writer);
    }
}

impl<'a> From<Reply<'a>> for Acknowledgement<'a> {
    fn from(Reply { id, reason, properties, .. }: Reply<'a>) -> Self {
        Self { id, reason, properties }
    }
}
