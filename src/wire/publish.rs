//! PUBLISH (§3.3).

use core::fmt;

use crate::shown::Bytes;
use crate::text::Text;
use crate::types::{PacketId, QoS, Version};
use crate::wire::{DUP, PacketType, Properties, Reader, Rules, Seen, Violation, Writer, ids};

/// A PUBLISH: an application message.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Publish<'a> {
    /// DUP: whether the sender may have sent the message before `[MQTT-3.3.1-1]`.
    pub dup: bool,
    /// The QoS.
    pub qos: QoS,
    /// RETAIN. To a server: keep the message for the topic. From a server: the message was retained.
    pub retain: bool,
    /// The topic name; empty in 5.0 if a Topic Alias replaces it.
    pub topic: &'a str,
    /// The packet identifier; none at QoS 0 `[MQTT-2.2.1-2]`.
    pub id: Option<PacketId>,
    /// The properties; none in 3.1 and 3.1.1.
    pub properties: Properties<'a>,
    /// The payload.
    pub payload: &'a [u8],
}

impl fmt::Debug for Publish<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish")
            .field("dup", &self.dup)
            .field("qos", &self.qos)
            .field("retain", &self.retain)
            .field("topic", &self.topic)
            .field("id", &self.id)
            .field("properties", &self.properties)
            .field("payload", &Bytes(self.payload))
            .finish()
    }
}

const RETAIN: u8 = 0b0001;

/// The parts of a decoded [`Publish`].
pub(crate) struct Fields<'a> {
    pub(crate) dup: bool,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) topic: Text<'a>,
    /// The Topic Alias among the properties.
    pub(crate) alias: Option<u16>,
    pub(crate) id: Option<PacketId>,
    pub(crate) properties: Properties<'a>,
    pub(crate) payload: &'a [u8],
}

impl<'a> From<Fields<'a>> for Publish<'a> {
    fn from(fields: Fields<'a>) -> Self {
        let Fields { dup, qos, retain, topic, alias: _, id, properties, payload } = fields;
        Self { dup, qos, retain, topic: topic.as_str(), id, properties, payload }
    }
}

impl<'a> Publish<'a> {
    /// Returns DUP, QoS and RETAIN. QoS 3 was refused with the header `[MQTT-3.3.1-4]`.
    #[inline(always)]
    pub(crate) fn of_flags(flags: u8) -> (bool, QoS, bool) {
        (flags & DUP != 0, QoS::from_bits(flags >> 1 & 0b11).unwrap_or_default(), flags & RETAIN != 0)
    }

    /// Decodes the packet. If `body` is lenient, an invalid topic is noted and returned as an empty one.
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    pub(crate) fn decode(flags: u8, body: &mut Reader<'a>) -> Fields<'a> {
        let (dup, qos, retain) = Self::of_flags(flags);
        if dup && qos == QoS::AtMostOnce && body.rules().strict {
            body.refuse(Violation::DupAtQoS0); // [MQTT-3.3.1-2]
        }
        let topic = body.topic_name();
        let id = if qos == QoS::AtMostOnce { None } else { Some(body.packet_id()) };
        let mut seen = Seen::default();
        let properties = Properties::decode_seen(body, PacketType::Publish.bit(), &mut seen);
        let alias =
            if seen.has(ids::TopicAlias) { properties.number(ids::TopicAlias).map(|alias| alias as u16) } else { None };
        let is_empty = topic.is_empty() && body.noted().is_none();
        body.expect(check_topic(is_empty, alias));
        Fields { dup, qos, retain, topic, alias, id, properties, payload: body.rest() }
    }

    /// Returns the topic's bytes at the start of a body that was checked.
    #[cold]
    pub(crate) fn topic_bytes(body: &'a [u8]) -> &'a [u8] {
        Reader::new(body, Rules::default()).binary()
    }

    /// Skips everything before the payload, and checks only that it is there.
    pub(crate) fn skip_head(flags: u8, body: &mut Reader<'a>) {
        body.binary();
        if flags >> 1 & 0b11 != 0 {
            body.u16();
        }
        if body.rules().version.has_properties() {
            let length = body.varint();
            body.bytes(length as usize);
        }
    }

    pub(crate) const fn first_byte(&self) -> u8 {
        PacketType::Publish.first_byte()
            | if self.dup { DUP } else { 0 }
            | self.qos.bits() << 1
            | if self.retain { RETAIN } else { 0 }
    }

    pub(crate) fn encode(&self, version: Version, writer: &mut Writer<'_>) {
        writer.string(self.topic); // [MQTT-3.3.2-1]
        if let Some(id) = self.id {
            writer.u16(id.get());
        }
        self.properties.encode(version, writer);
        writer.bytes(self.payload);
    }
}

/// Checks that a topic name is empty only if there is an alias `[MQTT-4.7.3-1]`, and that the alias is not 0
/// `[MQTT-3.3.2-8]`.
fn check_topic(is_empty: bool, alias: Option<u16>) -> Result<(), Violation> {
    match alias {
        Some(0) => Err(Violation::TopicAlias),
        None if is_empty => Err(Violation::EmptyTopic),
        _ => Ok(()),
    }
}
