//! Reads the packets a client sends, and refuses what the standard calls malformed.

use super::props::{self, Place};
use super::reader::Reader;
use super::{Ack, AckKind, ClientPacket, Connect, Frame, Publish, Request, Version, Will, Wrong};

/// Decodes one packet. `version` is what the link's CONNECT asked for; a CONNECT itself says its own.
pub fn decode(frame: &Frame, version: Version) -> Result<ClientPacket, Wrong> {
    check_flags(frame.first)?;
    let mut reader = Reader::new(&frame.body);
    let packet = match frame.first >> 4 {
        1 => ClientPacket::Connect(Box::new(connect(&mut reader)?)),
        3 => ClientPacket::Publish(publish(frame.first, &mut reader, version)?),
        4 => ClientPacket::Ack(ack(AckKind::Ack, &mut reader, version)?),
        5 => ClientPacket::Ack(ack(AckKind::Rec, &mut reader, version)?),
        6 => ClientPacket::Ack(ack(AckKind::Rel, &mut reader, version)?),
        7 => ClientPacket::Ack(ack(AckKind::Comp, &mut reader, version)?),
        8 => subscribe(&mut reader, version)?,
        10 => unsubscribe(&mut reader, version)?,
        12 => ClientPacket::PingReq,
        14 => disconnect(&mut reader, version)?,
        15 if version.is_v5() => auth(&mut reader)?,
        kind => return Err(Wrong::protocol(format!("[MQTT5 2.1.2] a client cannot send packet type {kind}"))),
    };
    if reader.is_empty() {
        return Ok(packet);
    }
    Err(Wrong::malformed(format!("[MQTT5 4.13.1] bytes are left over behind {packet}")))
}

/// The low four bits of the first byte are fixed for all but PUBLISH.
///
/// MQTT 3.1 left DUP and QoS there for PUBREL, SUBSCRIBE and UNSUBSCRIBE; a client that follows 3.1 sets them to the
/// same values that 3.1.1 made mandatory.
fn check_flags(first: u8) -> Result<(), Wrong> {
    let flags = first & 0x0F;
    let (rule, expected) = match first >> 4 {
        3 => return Ok(()),
        6 => ("3.6.1-1", 2),
        8 => ("3.8.1-1", 2),
        10 => ("3.10.1-1", 2),
        14 => ("3.14.1-1", 0),
        15 => ("3.15.1-1", 0),
        _ => ("2.1.3-1", 0),
    };
    if flags == expected {
        return Ok(());
    }
    Err(Wrong::malformed(format!("[MQTT-{rule}] packet type {} has flags {flags:#x}", first >> 4)))
}

fn connect(reader: &mut Reader<'_>) -> Result<Connect, Wrong> {
    let (version, bridge) = protocol(reader)?;
    let flags = reader.u8()?;
    check_connect_flags(flags, version)?;
    let keep_alive = reader.u16()?;
    let props = props_if_v5(reader, version, Place::Connect)?;
    let client_id = reader.text()?;
    let will = if flags & 0x04 != 0 { Some(will(reader, flags, version)?) } else { None };
    let username = if flags & 0x80 != 0 { Some(reader.text()?) } else { None };
    let password = if flags & 0x40 != 0 { Some(reader.binary()?) } else { None };
    let clean = flags & 0x02 != 0;
    if props::find(&props, props::id::AUTH_DATA).is_some() && props::find(&props, props::id::AUTH_METHOD).is_none() {
        return Err(Wrong::protocol("[MQTT5 3.1.2.11.10] Authentication Data without a method"));
    }
    Ok(Connect { version, bridge, clean, keep_alive, client_id, will, username, password, props })
}

fn protocol(reader: &mut Reader<'_>) -> Result<(Version, bool), Wrong> {
    let name = reader.text()?;
    let level = reader.u8()?;
    match (name.as_str(), level) {
        ("MQIsdp", 0x03 | 0x83) => Ok((Version::V31, level & 0x80 != 0)),
        ("MQTT", 0x04 | 0x84) => Ok((Version::V311, level & 0x80 != 0)),
        ("MQTT", 0x05) => Ok((Version::V5, false)),
        ("MQTT" | "MQIsdp", _) => Err(Wrong::new(0x84, format!("[MQTT-3.1.2-2] {name} has no level {level:#04x}"))),
        _ => Err(Wrong::malformed(format!("[MQTT-3.1.2-1] the protocol name is {name:?}"))),
    }
}

fn check_connect_flags(flags: u8, version: Version) -> Result<(), Wrong> {
    let has_will = flags & 0x04 != 0;
    let text = if flags & 0x01 != 0 {
        "[MQTT-3.1.2-3] the reserved CONNECT flag is set"
    } else if !has_will && flags & 0x18 != 0 {
        "[MQTT-3.1.2-11] a will QoS without a will"
    } else if !has_will && flags & 0x20 != 0 {
        "[MQTT-3.1.2-13] will retain without a will"
    } else if flags & 0x18 == 0x18 {
        "[MQTT-3.1.2-12] the will QoS is 3"
    } else if !version.is_v5() && flags & 0xC0 == 0x40 {
        "[MQTT-3.1.2-22 of 3.1.1] a password without a user name"
    } else {
        return Ok(());
    };
    Err(Wrong::malformed(text))
}

fn will(reader: &mut Reader<'_>, flags: u8, version: Version) -> Result<Will, Wrong> {
    let props = props_if_v5(reader, version, Place::Will)?;
    let topic = reader.text()?;
    let payload = reader.binary()?;
    Ok(Will { topic, payload, qos: flags >> 3 & 3, retain: flags & 0x20 != 0, props })
}

fn publish(first: u8, reader: &mut Reader<'_>, version: Version) -> Result<Publish, Wrong> {
    let qos = first >> 1 & 3;
    if qos == 3 {
        return Err(Wrong::malformed("[MQTT-3.3.1-4] PUBLISH with QoS 3"));
    }
    let topic = reader.text()?;
    let id = if qos > 0 { Some(reader.packet_id()?) } else { None };
    let props = props_if_v5(reader, version, Place::Publish)?;
    let payload = reader.remaining().to_vec();
    Ok(Publish { dup: first & 0x08 != 0, qos, retain: first & 0x01 != 0, topic, id, props, payload })
}

fn ack(kind: AckKind, reader: &mut Reader<'_>, version: Version) -> Result<Ack, Wrong> {
    let id = reader.packet_id()?;
    let reason = if version.is_v5() && !reader.is_empty() { reader.u8()? } else { 0 };
    if version.is_v5() && !reader.is_empty() {
        props::read(reader, Place::Ack)?;
    }
    let (rule, known) = match kind {
        AckKind::Ack => ("3.4.2-1", is_publish_reason(reason)),
        AckKind::Rec => ("3.5.2-1", is_publish_reason(reason)),
        AckKind::Rel => ("3.6.2-1", matches!(reason, 0 | 0x92)),
        AckKind::Comp => ("3.7.2-1", matches!(reason, 0 | 0x92)),
    };
    if known {
        return Ok(Ack { kind, id, reason });
    }
    Err(Wrong::protocol(format!("[MQTT-{rule}] {kind} cannot have reason {reason:#04x}")))
}

fn is_publish_reason(reason: u8) -> bool {
    matches!(reason, 0 | 0x10 | 0x80 | 0x83 | 0x87 | 0x90 | 0x91 | 0x97 | 0x99)
}

fn subscribe(reader: &mut Reader<'_>, version: Version) -> Result<ClientPacket, Wrong> {
    let id = reader.packet_id()?;
    let props = props_if_v5(reader, version, Place::Subscribe)?;
    let mut requests = Vec::new();
    while !reader.is_empty() {
        requests.push(request(reader, version)?);
    }
    if requests.is_empty() {
        return Err(Wrong::protocol("[MQTT-3.8.3-2] SUBSCRIBE without a topic filter"));
    }
    Ok(ClientPacket::Subscribe { id, props, requests })
}

fn request(reader: &mut Reader<'_>, version: Version) -> Result<Request, Wrong> {
    let filter = reader.text()?;
    let options = reader.u8()?;
    let reserved = if version.is_v5() { 0xC0 } else { 0xFC };
    if options & reserved != 0 {
        return Err(Wrong::malformed(format!("[MQTT-3.8.3-5] reserved bits in options {options:#04x}")));
    }
    let (qos, retain_handling) = (options & 3, options >> 4 & 3);
    if qos == 3 || retain_handling == 3 {
        return Err(Wrong::protocol(format!("[MQTT5 3.8.3.1] options {options:#04x} have a field of 3")));
    }
    let retain_as_published = options & 0x08 != 0;
    Ok(Request { filter, qos, no_local: options & 0x04 != 0, retain_as_published, retain_handling })
}

fn unsubscribe(reader: &mut Reader<'_>, version: Version) -> Result<ClientPacket, Wrong> {
    let id = reader.packet_id()?;
    props_if_v5(reader, version, Place::Unsubscribe)?;
    let mut filters = Vec::new();
    while !reader.is_empty() {
        filters.push(reader.text()?);
    }
    if filters.is_empty() {
        return Err(Wrong::protocol("[MQTT-3.10.3-2] UNSUBSCRIBE without a topic filter"));
    }
    Ok(ClientPacket::Unsubscribe { id, filters })
}

fn disconnect(reader: &mut Reader<'_>, version: Version) -> Result<ClientPacket, Wrong> {
    let (reason, props) = reason_and_props(reader, version, Place::Disconnect)?;
    if matches!(reason, 0 | 4 | 0x80..=0x83 | 0x90 | 0x93..=0x99) {
        return Ok(ClientPacket::Disconnect { reason, props });
    }
    Err(Wrong::protocol(format!("[MQTT-3.14.2-1] a client's DISCONNECT cannot have reason {reason:#04x}")))
}

fn auth(reader: &mut Reader<'_>) -> Result<ClientPacket, Wrong> {
    let (reason, props) = reason_and_props(reader, Version::V5, Place::Auth)?;
    if matches!(reason, 0x18 | 0x19) {
        return Ok(ClientPacket::Auth { reason, props });
    }
    Err(Wrong::protocol(format!("[MQTT-3.15.2-1] a client's AUTH cannot have reason {reason:#04x}")))
}

/// Reason code and properties, both of which may be missing at the end of a packet.
fn reason_and_props(reader: &mut Reader<'_>, version: Version, place: Place) -> Result<(u8, props::Props), Wrong> {
    if !version.is_v5() || reader.is_empty() {
        return Ok((0, Vec::new()));
    }
    let reason = reader.u8()?;
    let props = if reader.is_empty() { Vec::new() } else { props::read(reader, place)? };
    Ok((reason, props))
}

fn props_if_v5(reader: &mut Reader<'_>, version: Version, place: Place) -> Result<props::Props, Wrong> {
    if version.is_v5() { props::read(reader, place) } else { Ok(Vec::new()) }
}
