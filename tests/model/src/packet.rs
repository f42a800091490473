//! The handful of packets that the model needs, read and written without the crate's codec.

use crate::config::KEEP_ALIVE;
use pure_mqtt::Version;

/// A packet on the link. Message numbers are the payloads; the topic is always `t`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Packet {
    Connect {
        clean: bool,
        /// The client's Receive Maximum; 65,535 if it names none.
        receive_maximum: u16,
    },
    ConnAck {
        present: bool,
        /// The server's Receive Maximum; 0 if it names none.
        window: u16,
        /// Which of the server's sessions this is. Not on the wire.
        session: u8,
    },
    Publish {
        message: u8,
        qos: u8,
        dup: bool,
        id: u16,
    },
    PubAck {
        id: u16,
        code: u8,
    },
    PubRec {
        id: u16,
        code: u8,
    },
    PubRel {
        id: u16,
        code: u8,
    },
    PubComp {
        id: u16,
        code: u8,
    },
    Subscribe {
        id: u16,
    },
    SubAck {
        id: u16,
    },
    PingReq,
    PingResp,
    Disconnect,
}

/// The reason of a DISCONNECT.
const UNSPECIFIED_ERROR: u8 = 0x80;

/// The length of the first packet of `bytes`; all packets here are shorter than 128 bytes.
pub fn length(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [_, remaining, ..] if *remaining < 128 => Some(2 + usize::from(*remaining)),
        _ => None,
    }
}

/// Reads a packet from the client. `None` for everything that a client must not send, or has no cause to.
pub fn read(bytes: &[u8], version: Version) -> Option<Packet> {
    let is_v5 = version == Version::V5;
    let (&first, body) = (bytes.first()?, bytes.get(2..)?);
    if length(bytes) != Some(bytes.len()) {
        return None;
    }
    if first == 0x10 {
        return read_connect(body, version);
    }
    if first & 0xF0 == 0x30 {
        let (qos, dup) = (first >> 1 & 3, first & 8 != 0);
        let mut rest = body.strip_prefix(b"\x00\x01t")?;
        let mut id = 0;
        if qos > 0 {
            id = number(rest)?;
            rest = rest.get(2..)?;
        }
        if is_v5 {
            rest = rest.strip_prefix(&[0])?;
        }
        let &[message] = rest else { return None };
        let is_right = first & 1 == 0 && qos < 3 && !(qos == 0 && dup) && (qos == 0) == (id == 0);
        return is_right.then_some(Packet::Publish { message, qos, dup, id });
    }
    match bytes {
        [0xC0, 0] => return Some(Packet::PingReq),
        [0xE0, 0] => return Some(Packet::Disconnect),
        [0xE0, 1, UNSPECIFIED_ERROR] if is_v5 => return Some(Packet::Disconnect), // the server was silent for too long
        _ => {}
    }
    let id = number(body).filter(|id| *id != 0)?;
    if first == 0x82 {
        let rest = if is_v5 { &b"\x00\x00\x01t\x01"[..] } else { b"\x00\x01t\x01" };
        return (body.get(2..)? == rest).then_some(Packet::Subscribe { id });
    }
    let code = match body.get(2..)? {
        [] => 0,
        [code] if is_v5 => *code,
        _ => return None,
    };
    match first {
        0x40 => Some(Packet::PubAck { id, code }),
        0x50 => Some(Packet::PubRec { id, code }),
        0x62 => Some(Packet::PubRel { id, code }),
        0x70 => Some(Packet::PubComp { id, code }),
        _ => None,
    }
}

fn read_connect(body: &[u8], version: Version) -> Option<Packet> {
    let head: &[u8] = match version {
        Version::V31 => b"\x00\x06MQIsdp\x03",
        Version::V311 => b"\x00\x04MQTT\x04",
        Version::V5 => b"\x00\x04MQTT\x05",
    };
    let (&flags, rest) = body.strip_prefix(head)?.split_first()?;
    let mut rest = rest.strip_prefix(&KEEP_ALIVE.to_be_bytes())?;
    let mut receive_maximum = u16::MAX;
    if version == Version::V5 {
        let (&count, more) = rest.split_first()?;
        let (mut properties, more) = more.split_at_checked(count.into())?;
        while let Some((&property, value)) = properties.split_first() {
            let width = match property {
                0x11 | 0x27 => 4,
                0x21 => {
                    receive_maximum = number(value)?;
                    2
                }
                _ => return None,
            };
            properties = value.get(width..)?;
        }
        rest = more;
    }
    let is_right = flags & !0b10 == 0 && receive_maximum != 0 && rest == b"\x00\x01c";
    is_right.then_some(Packet::Connect { clean: flags != 0, receive_maximum })
}

fn number(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.first_chunk()?))
}

/// Writes a packet of the server's.
pub fn write(packet: Packet, version: Version) -> Vec<u8> {
    let is_v5 = version == Version::V5;
    let ack = |first: u8, id: u16, code: u8| {
        let mut body = id.to_be_bytes().to_vec();
        if is_v5 && code != 0 {
            body.push(code);
        }
        (first, body)
    };
    let (first, body) = match packet {
        Packet::ConnAck { present, window, .. } => {
            let mut body = vec![u8::from(present && version != Version::V31), 0];
            match window {
                0 if is_v5 => body.push(0),
                _ if is_v5 => {
                    body.extend([3, 0x21]);
                    body.extend(window.to_be_bytes());
                }
                _ => {}
            }
            (0x20, body)
        }
        Packet::Publish { message, qos, dup, id } => {
            let mut body = b"\x00\x01t".to_vec();
            if qos > 0 {
                body.extend(id.to_be_bytes());
            }
            if is_v5 {
                body.push(0);
            }
            body.push(message);
            (0x30 | u8::from(dup) << 3 | qos << 1, body)
        }
        Packet::PubAck { id, code } => ack(0x40, id, code),
        Packet::PubRec { id, code } => ack(0x50, id, code),
        Packet::PubRel { id, code } => ack(0x62, id, code),
        Packet::PubComp { id, code } => ack(0x70, id, code),
        Packet::SubAck { id } => {
            let mut body = id.to_be_bytes().to_vec();
            if is_v5 {
                body.push(0);
            }
            body.push(1);
            (0x90, body)
        }
        Packet::PingResp => (0xD0, Vec::new()),
        Packet::Connect { .. } | Packet::Subscribe { .. } | Packet::PingReq | Packet::Disconnect => {
            unreachable!("only clients send it")
        }
    };
    let mut bytes = vec![first, body.len() as u8];
    bytes.extend(body);
    bytes
}
