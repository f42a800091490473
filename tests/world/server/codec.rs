//! The server's own codec, as small as it can be: it shares nothing with the crate under test, so that an error there can't hide here.

/// A property: its identifier and its value as it stands on the wire.
pub type Prop = (u8, Vec<u8>);

/// What a client sends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Packet {
    Connect(Connect),
    Publish(Publish),
    /// PUBACK (4), PUBREC (5), PUBREL (6) or PUBCOMP (7).
    Ack {
        kind: u8,
        id: u16,
        reason: u8,
    },
    Subscribe {
        id: u16,
        filters: Vec<(String, u8)>,
    },
    Unsubscribe {
        id: u16,
        filters: Vec<String>,
    },
    PingReq,
    Disconnect {
        expiry: Option<u32>,
    },
    Auth {
        reason: u8,
    },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connect {
    /// The protocol level: 3, 4 or 5.
    pub level: u8,
    pub is_clean: bool,
    pub keep_alive: u16,
    pub client_id: String,
    pub props: Vec<Prop>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Publish {
    pub dup: bool,
    pub qos: u8,
    pub retain: bool,
    pub topic: String,
    pub id: u16,
    pub props: Vec<Prop>,
    pub payload: Vec<u8>,
}

/// Takes the first whole packet off `bytes`: its first byte and its body. An error is a length that is none.
pub fn split(bytes: &mut Vec<u8>) -> Result<Option<(u8, Vec<u8>)>, String> {
    let (mut remaining, mut at) = (0, 1);
    loop {
        let Some(byte) = bytes.get(at) else { return Ok(None) };
        remaining |= usize::from(byte & 0x7F) << (7 * (at - 1));
        at += 1;
        match byte & 0x80 {
            0 => break,
            _ if at > 4 => return Err("a length of more than four bytes".into()),
            _ => {}
        }
    }
    if bytes.len() < at + remaining {
        return Ok(None);
    }
    let packet: Vec<u8> = bytes.drain(..at + remaining).collect();
    Ok(Some((packet[0], packet[at..].to_vec())))
}

/// Reads a packet, or says what is wrong with it.
pub fn decode(first: u8, body: &[u8], level: u8) -> Result<Packet, String> {
    let rest = &mut &*body;
    let packet = match (first >> 4, first & 0xF) {
        (1, 0) => connect(rest)?,
        (3, flags) => publish(flags, rest, level)?,
        (kind @ (4 | 5 | 7), 0) | (kind @ 6, 2) => ack(kind, rest, level)?,
        (8, 2) => subscribe(rest, level)?,
        (10, 2) => unsubscribe(rest, level)?,
        (12, 0) => Packet::PingReq,
        (14, 0) => disconnect(rest, level)?,
        (15, 0) if level == 5 => auth(rest)?,
        _ => return Err(format!("a first byte of {first:#04x}")),
    };
    if rest.is_empty() { Ok(packet) } else { Err(format!("{} bytes behind {packet:?}", rest.len())) }
}

fn connect(rest: &mut &[u8]) -> Result<Packet, String> {
    let name = text(rest)?;
    let level = byte(rest)?;
    if !matches!((name.as_str(), level), ("MQIsdp", 3) | ("MQTT", 4 | 5)) {
        return Err(format!("protocol {name} {level}"));
    }
    let flags = byte(rest)?;
    if flags & !0b10 != 0 {
        return Err(format!("flags of CONNECT: {flags:#x}"));
    }
    let keep_alive = two(rest)?;
    let props = props_of(rest, level, &[0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27])?;
    let client_id = text(rest)?;
    Ok(Packet::Connect(Connect { level, is_clean: flags & 2 != 0, keep_alive, client_id, props }))
}

fn publish(flags: u8, rest: &mut &[u8], level: u8) -> Result<Packet, String> {
    let qos = flags >> 1 & 3;
    if qos == 3 || qos == 0 && flags & 8 != 0 {
        return Err(format!("flags of PUBLISH: {flags:#x}"));
    }
    let topic = text(rest)?;
    if topic.contains(['+', '#']) {
        return Err(format!("published to {topic}"));
    }
    let id = if qos > 0 { id_of(rest)? } else { 0 };
    let props = props_of(rest, level, &[0x01, 0x02, 0x03, 0x08, 0x09, 0x23, 0x26])?;
    let payload = std::mem::take(rest).to_vec();
    Ok(Packet::Publish(Publish { dup: flags & 8 != 0, qos, retain: flags & 1 != 0, topic, id, props, payload }))
}

fn ack(kind: u8, rest: &mut &[u8], level: u8) -> Result<Packet, String> {
    let id = id_of(rest)?;
    let reason = if level == 5 && !rest.is_empty() { byte(rest)? } else { 0 };
    if level == 5 && !rest.is_empty() {
        props_of(rest, level, &[0x1F, 0x26])?;
    }
    Ok(Packet::Ack { kind, id, reason })
}

fn subscribe(rest: &mut &[u8], level: u8) -> Result<Packet, String> {
    let id = id_of(rest)?;
    props_of(rest, level, &[0x0B, 0x26])?;
    let mut filters = Vec::new();
    while !rest.is_empty() {
        let filter = text(rest)?;
        let options = byte(rest)?;
        if options & 3 == 3 || level != 5 && options > 2 {
            return Err(format!("options {options:#x}"));
        }
        filters.push((filter, options & 3));
    }
    if filters.is_empty() { Err("no filter".into()) } else { Ok(Packet::Subscribe { id, filters }) }
}

fn unsubscribe(rest: &mut &[u8], level: u8) -> Result<Packet, String> {
    let id = id_of(rest)?;
    props_of(rest, level, &[0x26])?;
    let mut filters = Vec::new();
    while !rest.is_empty() {
        filters.push(text(rest)?);
    }
    if filters.is_empty() { Err("no filter".into()) } else { Ok(Packet::Unsubscribe { id, filters }) }
}

fn disconnect(rest: &mut &[u8], level: u8) -> Result<Packet, String> {
    if level != 5 || rest.is_empty() {
        return Ok(Packet::Disconnect { expiry: None });
    }
    let reason = byte(rest)?;
    if !matches!(reason, 0 | 4 | 0x80..=0x83 | 0x90 | 0x93..=0x99) {
        return Err(format!("[MQTT-3.14.2-1] DISCONNECT {reason:#x}"));
    }
    let props = if rest.is_empty() { Vec::new() } else { props_of(rest, level, &[0x11, 0x1F, 0x26])? };
    Ok(Packet::Disconnect { expiry: number(&props, 0x11) })
}

fn auth(rest: &mut &[u8]) -> Result<Packet, String> {
    let reason = byte(rest)?;
    let props = props_of(rest, 5, &[0x15, 0x16, 0x1F, 0x26])?;
    if value(&props, 0x15).is_none() || !matches!(reason, 0x18 | 0x19) {
        return Err(format!("AUTH {reason:#x} with {props:?}"));
    }
    Ok(Packet::Auth { reason })
}

/// The value of a property.
pub fn value(props: &[Prop], wanted: u8) -> Option<&[u8]> {
    props.iter().find(|(id, _)| *id == wanted).map(|(_, value)| &value[..])
}

/// The value of a property that is a number of two or four bytes.
pub fn number(props: &[Prop], wanted: u8) -> Option<u32> {
    value(props, wanted).map(|bytes| bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

/// Properties, none of which but User Property may stand there twice.
fn props_of(rest: &mut &[u8], level: u8, allowed: &[u8]) -> Result<Vec<Prop>, String> {
    let mut props: Vec<Prop> = Vec::new();
    if level != 5 {
        return Ok(props);
    }
    let length = varint(rest)?;
    let mut block = take(rest, length)?;
    while !block.is_empty() {
        let id = byte(&mut block)?;
        let before = block;
        match id {
            0x01 | 0x17 | 0x19 => drop(byte(&mut block)?),
            0x21..=0x23 => drop(two(&mut block)?),
            0x02 | 0x11 | 0x27 => drop(take(&mut block, 4)?),
            0x0B => drop(varint(&mut block)?),
            0x03 | 0x08 | 0x15 | 0x1F => drop(text(&mut block)?),
            0x09 | 0x16 => drop(binary(&mut block)?),
            0x26 => drop((text(&mut block)?, text(&mut block)?)),
            _ => return Err(format!("property {id:#04x}")),
        }
        if !allowed.contains(&id) || id != 0x26 && value(&props, id).is_some() {
            return Err(format!("property {id:#04x} has no place here, or has one already"));
        }
        props.push((id, before[..before.len() - block.len()].to_vec()));
    }
    Ok(props)
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], String> {
    let (taken, left) = rest.split_at_checked(count).ok_or("it ends in a field")?;
    *rest = left;
    Ok(taken)
}

fn byte(rest: &mut &[u8]) -> Result<u8, String> {
    take(rest, 1).map(|bytes| bytes[0])
}

fn two(rest: &mut &[u8]) -> Result<u16, String> {
    take(rest, 2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
}

fn id_of(rest: &mut &[u8]) -> Result<u16, String> {
    two(rest).and_then(|id| if id == 0 { Err("identifier 0".into()) } else { Ok(id) })
}

fn varint(rest: &mut &[u8]) -> Result<usize, String> {
    let mut number = 0;
    for place in 0..4 {
        let byte = byte(rest)?;
        number |= usize::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err("a number of more than four bytes".into())
}

fn binary<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], String> {
    let length = two(rest)?;
    take(rest, length.into())
}

fn text(rest: &mut &[u8]) -> Result<String, String> {
    let text = String::from_utf8(binary(rest)?.to_vec()).map_err(|_| "not UTF-8")?;
    if text.contains('\0') { Err("U+0000".into()) } else { Ok(text) }
}

/// A packet with this first byte and this body.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    put_varint(&mut bytes, body.len());
    bytes.extend(body);
    bytes
}

/// Bytes behind their length.
pub fn field(bytes: &[u8]) -> Vec<u8> {
    let mut field = (bytes.len() as u16).to_be_bytes().to_vec();
    field.extend(bytes);
    field
}

/// A block of properties with its length before it; nothing before 5.0.
pub fn put_props(body: &mut Vec<u8>, level: u8, props: &[Prop]) {
    if level == 5 {
        let block: Vec<u8> = props.iter().flat_map(|(id, value)| [&[*id], &value[..]].concat()).collect();
        put_varint(body, block.len());
        body.extend(block);
    }
}

fn put_varint(bytes: &mut Vec<u8>, mut number: usize) {
    while number > 0x7F {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}
