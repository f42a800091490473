//! Descriptions of packets for people.

use std::collections::VecDeque;

use pure_mqtt::wire::Packet;

use crate::json::Json;

/// The last lines.
#[derive(Default)]
pub struct Conversation(VecDeque<Line>);

/// Who said it.
#[derive(Clone, Copy)]
pub enum Way {
    /// We.
    Out,
    /// The server.
    In,
    /// It is a remark.
    Neither,
}

/// One packet, or a remark.
pub struct Line {
    way: Way,
    text: String,
}

const MOST_LINES: usize = 200;

impl Conversation {
    pub fn packet(&mut self, way: Way, packet: &Packet<'_>) {
        let name = format!("{:?}", packet.packet_type()).to_uppercase();
        self.note(way, format!("{name}{}", details(packet)));
    }

    pub fn note(&mut self, way: Way, text: String) {
        if self.0.len() == MOST_LINES {
            self.0.pop_front();
        }
        self.0.push_back(Line { way, text });
    }

    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.0.iter()
    }
}

impl Line {
    pub fn write(&self, json: &mut Json) {
        let way = match self.way {
            Way::Out => "out",
            Way::In => "in",
            Way::Neither => "",
        };
        json.text("way", way);
        json.text("text", &self.text);
    }
}

fn details(packet: &Packet<'_>) -> String {
    match packet {
        Packet::Connect(connect) => format!(" {}", connect.client_id),
        Packet::ConnAck(connack) if connack.session_present => format!(" 0x{:02X}, session present", connack.code),
        Packet::ConnAck(connack) => format!(" 0x{:02X}", connack.code),
        Packet::Publish(publish) => {
            let id = publish.id.map(|id| format!(" #{id}")).unwrap_or_default();
            let dup = if publish.dup { " DUP" } else { "" };
            format!("{id} QoS {}{dup} {}, {} bytes", publish.qos.bits(), publish.topic, publish.payload.len())
        }
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            format!(" #{} {}", ack.id, ack.reason)
        }
        Packet::Subscribe(request) => format!(" #{}", request.id),
        Packet::SubAck(answer) => format!(" #{}", answer.id),
        Packet::Disconnect(disconnect) => format!(" {}", disconnect.reason),
        _ => String::new(),
    }
}
