//! A line for the log for each packet that a link carries.

use alloc::vec::Vec;
use core::fmt;

use pure_mqtt::wire::{Acknowledgement, Decoded, Header, HeaderStep, Packet, PacketType, Rules};
use pure_mqtt::{QoS, ReasonCode, Version};

/// The maximum number of bytes of a packet that are decoded. The line of a longer packet contains less.
const HEAD: usize = 1024;
/// The maximum number of filters or codes shown.
const SHOWN: usize = 8;

/// Follows the bytes of one direction of a link, and describes each packet in a line: type, packet identifier, topic and codes, but never payloads or passwords.
///
/// A client that logs packets keeps two for each link: one for the bytes it passes to [`received`](crate::Agent::received), one for the bytes it writes.
///
/// ```
/// use pure_mqtt_agent::{PacketLines, Version};
///
/// fn main() {
///     let mut sent = PacketLines::default();
///     let mut lines = Vec::new();
///     sent.follow(Version::V311, b"\x32\x0b\x00\x05plant\x00\x0771", |line| lines.push(line.to_string()));
///     assert_eq!(lines, [r#"PUBLISH 7 to "plant", QoS 1, 2 bytes"#]);
/// }
/// ```
#[derive(Default)]
pub struct PacketLines {
    /// The beginning of the current packet.
    head: Vec<u8>,
    /// Bytes of the current packet that are not decoded.
    skipped: usize,
    /// The stream is not MQTT, so the boundaries of packets are unknown.
    is_lost: bool,
}

impl PacketLines {
    /// Processes the next bytes of the stream, however many, and calls `say` for each packet as soon as enough of it is known. `version` is the link's.
    pub fn follow(&mut self, version: Version, mut bytes: &[u8], mut say: impl FnMut(&PacketLine<'_>)) {
        while !bytes.is_empty() && !self.is_lost {
            let count = if self.skipped > 0 { self.skipped } else { self.missing(version) }.min(bytes.len());
            let (taken, rest) = bytes.split_at(count);
            bytes = rest;
            if self.skipped > 0 {
                self.skipped -= count;
                continue;
            }
            self.head.extend_from_slice(taken);
            if let Some(header) = self.header(version).filter(|header| self.is_seen(header)) {
                say(&PacketLine { head: &self.head, header, version });
                self.skipped = header.packet_length() - self.head.len();
                self.head.clear();
            }
        }
    }

    /// Returns how many bytes are needed to continue; at least one.
    fn missing(&mut self, version: Version) -> usize {
        match self.header(version) {
            Some(header) => header.packet_length().min(HEAD) - self.head.len(),
            None => 1,
        }
    }

    fn is_seen(&self, header: &Header) -> bool {
        self.head.len() >= header.packet_length().min(HEAD)
    }

    fn header(&mut self, version: Version) -> Option<Header> {
        match Header::decode(&self.head, Rules::new(version)) {
            Ok(HeaderStep::Header(header)) => Some(header),
            Ok(HeaderStep::Partial(_)) => None,
            Err(_) => {
                self.is_lost = true;
                None
            }
        }
    }
}

/// The description of one packet: see [`PacketLines`].
#[derive(Clone, Copy)]
pub struct PacketLine<'a> {
    head: &'a [u8],
    header: Header,
    version: Version,
}

/// Hides the bytes of the current packet, which may be secret.
impl fmt::Debug for PacketLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacketLines").field("is_lost", &self.is_lost).finish_non_exhaustive()
    }
}

/// The line.
impl fmt::Debug for PacketLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for PacketLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&alloc::format!("{:?}", self.header.packet_type).to_ascii_uppercase())?;
        if self.header.packet_type == PacketType::Publish {
            return self.publish(f);
        }
        match Packet::decode(self.head, Rules::new(self.version)) {
            Ok(Decoded::Packet { packet, .. }) => self.packet(f, &packet),
            Ok(Decoded::Partial { .. }) => write!(f, ", {} bytes", self.header.remaining),
            Err(error) => write!(f, ", which is wrong: {error}"),
        }
    }
}

impl PacketLine<'_> {
    /// Of PUBLISH only the beginning may be there.
    fn publish(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut body = self.head.get(self.header.length..).unwrap_or_default();
        let seen = body.len();
        let length = number(&mut body).into();
        let topic = take(&mut body, length);
        let qos = QoS::from_bits(self.header.flags >> 1 & 0b11).unwrap_or_default();
        if qos != QoS::AtMostOnce {
            write!(f, " {}", number(&mut body))?;
        }
        write!(f, " to {:?}, QoS {}", alloc::string::String::from_utf8_lossy(topic), qos.bits())?;
        for (bit, word) in [(0b1000, ", DUP"), (0b0001, ", retained")] {
            f.write_str(if self.header.flags & bit == 0 { "" } else { word })?;
        }
        let properties = if self.version == Version::V5 { variable_length(&mut body) } else { 0 };
        let rest = self.header.remaining - (seen - body.len());
        write!(f, ", {} bytes{}", rest.saturating_sub(properties), if properties == 0 { "" } else { " and properties" })
    }

    fn packet(&self, f: &mut fmt::Formatter<'_>, packet: &Packet<'_>) -> fmt::Result {
        match packet {
            Packet::Connect(connect) => {
                let session = if connect.clean_start { "clean start" } else { "the session goes on" };
                let (version, seconds, id) = (connect.version, connect.keep_alive, connect.client_id);
                write!(f, " as {id:?}, {version}, {session}, keep alive {seconds} s")?;
                f.write_str(if connect.will.is_some() { ", with a will" } else { "" })
            }
            Packet::ConnAck(connack) => {
                let present = if connack.session_present { ", session present" } else { "" };
                write!(f, ": {}{present}", connack.reason(self.version))
            }
            Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
                acknowledged(f, ack)
            }
            Packet::Subscribe(request) => {
                write!(f, " {}:", request.id)?;
                let filters = request.entries.iter().map(|one| (one.filter, Some(one.qos)));
                listed(f, filters, |f, (filter, qos)| filter_with(f, filter.as_str(), qos))
            }
            Packet::Unsubscribe(request) => {
                write!(f, " {}:", request.id)?;
                let filters = request.entries.iter().map(|filter| (filter, None));
                listed(f, filters, |f, (filter, qos)| filter_with(f, filter.as_str(), qos))
            }
            Packet::SubAck(answer) => codes(f, answer.id.get(), answer.codes),
            Packet::UnsubAck(answer) => codes(f, answer.id.get(), answer.codes),
            Packet::Disconnect(disconnect) if self.version == Version::V5 => write!(f, ": {}", disconnect.reason),
            Packet::Auth(auth) => write!(f, ": {}", auth.reason),
            _ => Ok(()),
        }
    }
}

/// The next bytes, as many as there are.
fn take<'a>(body: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = body.split_at(length.min(body.len()));
    *body = rest;
    taken
}

/// A Two Byte Integer.
fn number(body: &mut &[u8]) -> u16 {
    take(body, 2).iter().fold(0, |number, byte| number << 8 | u16::from(*byte))
}

/// A Variable Byte Integer.
fn variable_length(body: &mut &[u8]) -> usize {
    let mut length = 0;
    for place in 0..4 {
        let Some(byte) = take(body, 1).first() else { break };
        length |= usize::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            break;
        }
    }
    length
}

fn acknowledged(f: &mut fmt::Formatter<'_>, ack: &Acknowledgement<'_>) -> fmt::Result {
    write!(f, " {}", ack.id)?;
    if ack.reason == ReasonCode::SUCCESS { Ok(()) } else { write!(f, ": {}", ack.reason) }
}

fn codes(f: &mut fmt::Formatter<'_>, id: u16, codes: &[u8]) -> fmt::Result {
    write!(f, " {id}{}", if codes.is_empty() { "" } else { ":" })?;
    listed(f, codes.iter(), |f, code| write!(f, "{code:#04x}"))
}

fn filter_with(f: &mut fmt::Formatter<'_>, filter: &str, qos: Option<QoS>) -> fmt::Result {
    write!(f, "{filter:?}")?;
    qos.map_or(Ok(()), |qos| write!(f, " QoS {}", qos.bits()))
}

/// The first of a list, and how many more there are.
fn listed<T>(
    f: &mut fmt::Formatter<'_>,
    mut list: impl Iterator<Item = T>,
    show: impl Fn(&mut fmt::Formatter<'_>, T) -> fmt::Result,
) -> fmt::Result {
    for (place, one) in list.by_ref().take(SHOWN).enumerate() {
        f.write_str(if place == 0 { " " } else { ", " })?;
        show(f, one)?;
    }
    match list.count() {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::{String, ToString};

    use pure_mqtt::wire::{ConnAck, Entries, Publish, Subscribe};
    use pure_mqtt::{Connect, Disconnect, PacketId, Property, Subscription, TopicFilter};

    use super::*;

    fn encoded(packet: &Packet<'_>, version: Version) -> Vec<u8> {
        let mut bytes = std::vec![0; 70_000];
        let length = packet.encode(version, &mut bytes).unwrap();
        bytes.truncate(length);
        bytes
    }

    /// The lines of a stream that comes in pieces of this length.
    fn lines(version: Version, stream: &[u8], piece: usize) -> Vec<String> {
        let (mut lines, mut follower) = (Vec::new(), PacketLines::default());
        stream.chunks(piece).for_each(|piece| follower.follow(version, piece, |line| lines.push(line.to_string())));
        lines
    }

    const ID: PacketId = PacketId::new(7).unwrap();

    #[test]
    fn each_packet_has_a_line_however_it_is_cut() {
        let payload = [b's'; 5_000];
        let topic = "t".repeat(HEAD);
        let publish = |topic, dup| {
            let (qos, id, retain) = (QoS::ExactlyOnce, Some(ID), true);
            Packet::Publish(Publish {
                dup,
                qos,
                retain,
                topic,
                id,
                properties: [].as_slice().into(),
                payload: &payload,
            })
        };
        let expiry = [Property::MessageExpiryInterval(60)];
        let expiring = Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: "a",
            id: None,
            properties: expiry.as_slice().into(),
            payload: b"x",
        };
        let filters = [Subscription::new(TopicFilter::new("a/+").unwrap(), QoS::AtLeastOnce); 10];
        let refused = Acknowledgement { reason: ReasonCode::QUOTA_EXCEEDED, ..Acknowledgement::new(ID) };
        let connect = Connect::new(Version::V5, "me").user_name("ada").password(b"secret");
        let connack = ConnAck { session_present: true, code: 0, properties: [].as_slice().into() };
        let shown = r#""a/+" QoS 1"#;
        let cases = [
            (Packet::Connect(connect), r#"CONNECT as "me", 5.0, clean start, keep alive 60 s"#.into()),
            (Packet::ConnAck(connack), "CONNACK: 0x00 Success, session present".into()),
            (publish("plant", false), r#"PUBLISH 7 to "plant", QoS 2, retained, 5000 bytes"#.into()),
            (Packet::Publish(expiring), r#"PUBLISH to "a", QoS 0, 1 bytes and properties"#.into()),
            (publish(&topic, true), format!("PUBLISH 0 to {:?}, QoS 2, DUP, retained", &topic[..HEAD - 5])),
            (Packet::PubRec(refused), "PUBREC 7: 0x97 Quota exceeded".into()),
            (Packet::PubComp(Acknowledgement::new(ID)), "PUBCOMP 7".into()),
            (
                Packet::Subscribe(Subscribe::new(ID, [].as_slice().into(), Entries::new(&filters))),
                format!("SUBSCRIBE 7: {} and 2 more", [shown; 8].join(", ")),
            ),
            (
                Packet::SubAck(pure_mqtt::wire::SubAck { id: ID, properties: [].as_slice().into(), codes: &[1, 0x87] }),
                "SUBACK 7: 0x01, 0x87".into(),
            ),
            (Packet::PingReq, "PINGREQ".into()),
            (Packet::Disconnect(Disconnect::new(ReasonCode(0x8E))), "DISCONNECT: 0x8E Session taken over".into()),
        ];
        let stream: Vec<u8> = cases.iter().flat_map(|(packet, _)| encoded(packet, Version::V5)).collect();
        for piece in [1, 2, 3, 7, 1_000, 100_000] {
            let lines = lines(Version::V5, &stream, piece);
            assert_eq!(lines.len(), cases.len());
            for (line, (_, expected)) in lines.iter().zip(&cases) {
                assert!(line.starts_with(expected), "{line}\n{expected}");
                assert!(!line.contains("secret") && !line.contains("ada") && !line.contains("sss"), "{line}");
            }
        }
    }

    #[test]
    fn what_is_no_mqtt_has_no_lines_and_does_no_harm() {
        assert!(lines(Version::V311, b"HTTP/1.1 400 Bad Request\r\n", 3).is_empty());
        assert_eq!(lines(Version::V311, b"\x40\x01\x00\xd0\x00", 1)[1], "PINGRESP");
        assert!(lines(Version::V311, b"\x40\x01\x00", 1)[0].starts_with("PUBACK, which is wrong"));
        let will = pure_mqtt::Will::new(pure_mqtt::TopicName::new("w").unwrap(), &[b'x'; 2_000]);
        let long = Packet::Connect(Connect::new(Version::V311, "me").will(will));
        assert_eq!(lines(Version::V311, &encoded(&long, Version::V311), 64), ["CONNECT, 2019 bytes"]);
    }
}
