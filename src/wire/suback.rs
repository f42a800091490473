//! SUBACK (§3.9) and UNSUBACK (§3.11): an identifier, properties, and a code for each filter.

use crate::types::{PacketId, Version};
use crate::wire::reply::Reply;
use crate::wire::{Properties, Writer};

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

/// UNSUBACK: in 5.0 one code for each filter of the UNSUBSCRIBE, in its order; in 3.1 and 3.1.1 none.
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

impl SubAck<'_> {
    pub(crate) fn encode(&self, version: Version, writer: &mut Writer<'_>) {
        writer.u16(self.id.get());
        self.properties.encode(version, writer);
        writer.bytes(self.codes);
    }
}

impl UnsubAck<'_> {
    pub(crate) fn encode(&self, version: Version, writer: &mut Writer<'_>) {
        writer.u16(self.id.get());
        self.properties.encode(version, writer);
        if version.has_properties() {
            writer.bytes(self.codes);
        }
    }
}

impl<'a> From<Reply<'a>> for SubAck<'a> {
    fn from(Reply { id, properties, codes, .. }: Reply<'a>) -> Self {
        Self { id, properties, codes }
    }
}

impl<'a> From<Reply<'a>> for UnsubAck<'a> {
    fn from(Reply { id, properties, codes, .. }: Reply<'a>) -> Self {
        Self { id, properties, codes }
    }
}
