//! Its packets of 3.1.1.

use mqttbytes::v4::{Connect, Packet, Publish, SubscribeReasonCode};

use crate::told::{Told, Value};

pub fn told(packet: Packet) -> Told {
    // What 5.0 has added, and this project's types have for all versions.
    let ack = |name, id: u16| Told::new(name).with("id", id).with("reason", 0u8);
    match packet {
        Packet::Connect(packet) => connect(packet),
        Packet::ConnAck(packet) => {
            Told::new("CONNACK").with("session present", packet.session_present).with("code", packet.code as u8)
        }
        Packet::Publish(packet) => publish(packet),
        Packet::PubAck(packet) => ack("PUBACK", packet.pkid),
        Packet::PubRec(packet) => ack("PUBREC", packet.pkid),
        Packet::PubRel(packet) => ack("PUBREL", packet.pkid),
        Packet::PubComp(packet) => ack("PUBCOMP", packet.pkid),
        Packet::Subscribe(packet) => {
            packet.filters.into_iter().fold(Told::new("SUBSCRIBE").with("id", packet.pkid), |told, filter| {
                told.with("filter", filter.path)
                    .with("QoS", filter.qos as u8)
                    .with("no local", false)
                    .with("retain as published", false)
                    .with("retain handling", 0u8)
            })
        }
        Packet::SubAck(packet) => {
            let codes: Vec<u8> = packet.return_codes.into_iter().map(code).collect();
            Told::new("SUBACK").with("id", packet.pkid).with("codes", &codes[..])
        }
        Packet::Unsubscribe(packet) => packet
            .topics
            .into_iter()
            .fold(Told::new("UNSUBSCRIBE").with("id", packet.pkid), |told, filter| told.with("filter", filter)),
        Packet::UnsubAck(packet) => {
            Told::new("UNSUBACK").with("id", packet.pkid).with("codes", Value::Bytes(Vec::new()))
        }
        Packet::PingReq => Told::new("PINGREQ"),
        Packet::PingResp => Told::new("PINGRESP"),
        Packet::Disconnect => Told::new("DISCONNECT").with("reason", 0u8),
    }
}

fn code(code: SubscribeReasonCode) -> u8 {
    match code {
        SubscribeReasonCode::Success(qos) => qos as u8,
        SubscribeReasonCode::Failure => 0x80,
    }
}

fn publish(packet: Publish) -> Told {
    Told::new("PUBLISH")
        .with("dup", packet.dup)
        .with("QoS", packet.qos as u8)
        .with("retain", packet.retain)
        .with("topic", packet.topic)
        .with("id", packet.pkid)
        .with("payload", packet.payload)
}

fn connect(packet: Connect) -> Told {
    let level: u8 = if packet.protocol == mqttbytes::Protocol::V4 { 4 } else { 5 };
    let login = packet.login.unwrap_or_else(|| mqttbytes::v4::Login::new("", ""));
    let told = Told::new("CONNECT")
        .with("level", level)
        .with("clean start", packet.clean_session)
        .with("keep alive", packet.keep_alive)
        .with("client identifier", packet.client_id)
        .with("user name", login.username)
        .with("password", login.password.as_bytes());
    let Some(will) = packet.last_will else { return told };
    told.with("will topic", will.topic)
        .with("will payload", will.message)
        .with("will QoS", will.qos as u8)
        .with("will retain", will.retain)
}
