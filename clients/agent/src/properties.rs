//! Properties of 5.0 as bytes: messages keep them as they are on the wire.

use alloc::vec::Vec;

use bytes::Bytes;
use pure_mqtt::wire::{EncodeError, Packet, Publish};
use pure_mqtt::{Properties, QoS, Version};

/// Encodes properties of 5.0, without the length before them, for [`Outgoing::properties`](crate::Outgoing::properties) and similar fields.
///
/// ```
/// use pure_mqtt_agent::pure_mqtt::{Properties, Property};
/// use pure_mqtt_agent::{Outgoing, encode_properties};
///
/// fn main() {
///     let properties = [Property::MessageExpiryInterval(60)];
///     let message = Outgoing { properties: encode_properties(&Properties::new(&properties)), ..Outgoing::new("a", "b") };
///     assert_eq!(&message.properties[..], [0x02, 0, 0, 0, 60]);
/// }
/// ```
pub fn encode(properties: &Properties<'_>) -> Bytes {
    if properties.is_empty() {
        return Bytes::new();
    }
    let (topic, id, payload) = ("", None, &[][..]);
    let carrier =
        Publish { dup: false, qos: QoS::AtMostOnce, retain: false, topic, id, properties: *properties, payload };
    let packet = Packet::Publish(carrier);
    let mut room = Vec::new();
    while let Err(EncodeError::NoRoom { needed }) = packet.encode(Version::V5, &mut room) {
        if needed <= room.len() {
            break;
        }
        room.resize(needed, 0);
    }
    of_packet(&Bytes::from(room))
}

/// The properties of the PUBLISH of 5.0 that `packet` begins with; none if there is none.
pub(crate) fn of_packet(packet: &Bytes) -> Bytes {
    find(packet).map(|properties| share(packet, properties)).unwrap_or_default()
}

/// The layout of §3.3: fixed header, topic, packet identifier, properties.
fn find(packet: &[u8]) -> Option<&[u8]> {
    let (first, rest) = packet.split_first()?;
    let (_, rest) = split_varint(rest)?;
    let (topic, rest) = rest.split_first_chunk()?;
    let rest = rest.get(usize::from(u16::from_be_bytes(*topic))..)?;
    let rest = if first & 0b0110 == 0 { rest } else { rest.get(2..)? };
    let (length, rest) = split_varint(rest)?;
    rest.get(..length)
}

/// A Variable Byte Integer (§1.5.5) of a packet that was checked.
fn split_varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = bytes.iter().position(|byte| byte & 0x80 == 0)?;
    let (number, rest) = bytes.split_at_checked(end + 1)?;
    let value = number.iter().rev().fold(0, |value, byte| value << 7 | usize::from(byte & 0x7F));
    Some((value, rest))
}

/// A part of a chunk. A small part is copied, so that it doesn't keep a large chunk alive.
pub(crate) fn share(chunk: &Bytes, part: &[u8]) -> Bytes {
    match part.len() >= chunk.len() / 4 {
        true => chunk.slice_ref(part),
        false => Bytes::copy_from_slice(part),
    }
}

#[cfg(test)]
mod tests {
    use pure_mqtt::Property;

    use super::*;

    #[test]
    fn properties_are_the_same_after_encoding() {
        let long = "x".repeat(300);
        let properties = [Property::ResponseTopic("a/b"), Property::UserProperty((&long, "v"))];
        let properties = Properties::new(&properties);
        let bytes = encode(&properties);
        assert_eq!(Properties::from_bytes(&bytes), Ok(properties));
        assert!(encode(&Properties::NONE).is_empty());
        assert!(of_packet(&Bytes::from_static(&[0x32, 5, 0, 1])).is_empty());
    }
}
