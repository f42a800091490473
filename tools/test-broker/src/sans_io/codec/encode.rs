//! Writes the packets a broker sends.

use super::{Ack, AckKind, Prop, Publish, ServerPacket, Version};

/// The bytes of `packet` in the given protocol version.
pub fn encode(packet: &ServerPacket, version: Version) -> Vec<u8> {
    match packet {
        ServerPacket::ConnAck { present, code, props } => conn_ack(*present, *code, props, version),
        ServerPacket::Publish(publish) => encode_publish(publish, version),
        ServerPacket::Ack(ack) => encode_ack(*ack, version),
        ServerPacket::SubAck { id, codes } => id_and_codes(0x90, *id, codes, version),
        ServerPacket::UnsubAck { id, codes } if version.is_v5() => id_and_codes(0xB0, *id, codes, version),
        ServerPacket::UnsubAck { id, .. } => id_and_codes(0xB0, *id, &[], version),
        ServerPacket::PingResp => packet_of(0xD0, &[]),
        ServerPacket::Disconnect { reason: 0, props } if props.is_empty() => packet_of(0xE0, &[]),
        ServerPacket::Disconnect { reason, props } if props.is_empty() => packet_of(0xE0, &[*reason]),
        ServerPacket::Disconnect { reason, props } => {
            let mut body = vec![*reason];
            put_props(&mut body, props);
            packet_of(0xE0, &body)
        }
        ServerPacket::Auth { reason, props } => {
            let mut body = vec![*reason];
            put_props(&mut body, props);
            packet_of(0xF0, &body)
        }
    }
}

fn conn_ack(present: bool, code: u8, props: &[(u8, Prop)], version: Version) -> Vec<u8> {
    let shown = present && version != Version::V31;
    let mut body = vec![u8::from(shown), code];
    if version.is_v5() {
        put_props(&mut body, props);
    }
    packet_of(0x20, &body)
}

fn encode_publish(publish: &Publish, version: Version) -> Vec<u8> {
    let flags = u8::from(publish.dup) << 3 | publish.qos << 1 | u8::from(publish.retain);
    let mut body = Vec::new();
    put_bytes(&mut body, publish.topic.as_bytes());
    if let Some(id) = publish.id {
        body.extend(id.to_be_bytes());
    }
    if version.is_v5() {
        put_props(&mut body, &publish.props);
    }
    body.extend(&publish.payload);
    packet_of(0x30 | flags, &body)
}

fn encode_ack(ack: Ack, version: Version) -> Vec<u8> {
    let first = match ack.kind {
        AckKind::Ack => 0x40,
        AckKind::Rec => 0x50,
        AckKind::Rel => 0x62,
        AckKind::Comp => 0x70,
    };
    let mut body = ack.id.to_be_bytes().to_vec();
    if version.is_v5() && ack.reason != 0 {
        body.push(ack.reason);
    }
    packet_of(first, &body)
}

fn id_and_codes(first: u8, id: u16, codes: &[u8], version: Version) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    if version.is_v5() {
        put_props(&mut body, &[]);
    }
    body.extend(codes);
    packet_of(first, &body)
}

/// A packet with this first byte.
pub fn packet_of(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    put_varint(&mut packet, body.len() as u32);
    packet.extend(body);
    packet
}

/// Writes a variable byte integer.
pub fn put_varint(out: &mut Vec<u8>, mut value: u32) {
    while value > 0x7F {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u16).to_be_bytes());
    out.extend(bytes);
}

fn put_props(out: &mut Vec<u8>, props: &[(u8, Prop)]) {
    let mut inner = Vec::new();
    for (id, value) in props {
        inner.push(*id);
        put_value(&mut inner, value);
    }
    put_varint(out, inner.len() as u32);
    out.extend(inner);
}

fn put_value(out: &mut Vec<u8>, value: &Prop) {
    match value {
        Prop::Byte(value) => out.push(*value),
        Prop::Two(value) => out.extend(value.to_be_bytes()),
        Prop::Four(value) => out.extend(value.to_be_bytes()),
        Prop::Var(value) => put_varint(out, *value),
        Prop::Text(text) => put_bytes(out, text.as_bytes()),
        Prop::Bytes(bytes) => put_bytes(out, bytes),
        Prop::Pair(name, value) => {
            put_bytes(out, name.as_bytes());
            put_bytes(out, value.as_bytes());
        }
    }
}
