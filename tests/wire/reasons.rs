//! The reason codes of 5.0 against every packet that has one, from a table of our own (§2.4), and the codes of older versions.

use crate::bytes::{decode, packet, violation};
use pure_mqtt::wire::{Packet, PacketType, Violation};
use pure_mqtt::{ReasonCode, Version};

use PacketType::{Auth, ConnAck, Disconnect, PubAck, PubComp, PubRec, PubRel, SubAck, UnsubAck};

/// The packets that carry reason codes, in the order of the table's columns.
const COLUMNS: [PacketType; 9] = [ConnAck, PubAck, PubRec, PubRel, PubComp, SubAck, UnsubAck, Disconnect, Auth];

/// Each code with its name and, for each column, an `x` if that packet may carry it.
const TABLE: [(u8, &str, &str); 45] = [
    //                                   CONNACK PUBACK PUBREC PUBREL PUBCOMP SUBACK UNSUBACK DISCONNECT AUTH
    (0x00, "Success", "xxxxx.x.x"),
    (0x00, "Normal disconnection", ".......x."),
    (0x00, "Granted QoS 0", ".....x..."),
    (0x01, "Granted QoS 1", ".....x..."),
    (0x02, "Granted QoS 2", ".....x..."),
    (0x04, "Disconnect with Will Message", ".......x."),
    (0x10, "No matching subscribers", ".xx......"),
    (0x11, "No subscription existed", "......x.."),
    (0x18, "Continue authentication", "........x"),
    (0x19, "Re-authenticate", "........x"),
    (0x80, "Unspecified error", "xxx..xxx."),
    (0x81, "Malformed Packet", "x......x."),
    (0x82, "Protocol Error", "x......x."),
    (0x83, "Implementation specific error", "xxx..xxx."),
    (0x84, "Unsupported Protocol Version", "x........"),
    (0x85, "Client Identifier not valid", "x........"),
    (0x86, "Bad User Name or Password", "x........"),
    (0x87, "Not authorized", "xxx..xxx."),
    (0x88, "Server unavailable", "x........"),
    (0x89, "Server busy", "x......x."),
    (0x8A, "Banned", "x........"),
    (0x8B, "Server shutting down", ".......x."),
    (0x8C, "Bad authentication method", "x......x."),
    (0x8D, "Keep Alive timeout", ".......x."),
    (0x8E, "Session taken over", ".......x."),
    (0x8F, "Topic Filter invalid", ".....xxx."),
    (0x90, "Topic Name invalid", "xxx....x."),
    (0x91, "Packet Identifier in use", ".xx..xx.."),
    (0x92, "Packet Identifier not found", "...xx...."),
    (0x93, "Receive Maximum exceeded", ".......x."),
    (0x94, "Topic Alias invalid", ".......x."),
    (0x95, "Packet too large", "x......x."),
    (0x96, "Message rate too high", ".......x."),
    (0x97, "Quota exceeded", "xxx..x.x."),
    (0x98, "Administrative action", ".......x."),
    (0x99, "Payload format invalid", "xxx....x."),
    (0x9A, "Retain not supported", "x......x."),
    (0x9B, "QoS not supported", "x......x."),
    (0x9C, "Use another server", "x......x."),
    (0x9D, "Server moved", "x......x."),
    (0x9E, "Shared Subscriptions not supported", ".....x.x."),
    (0x9F, "Connection rate exceeded", "x......x."),
    (0xA0, "Maximum connect time", ".......x."),
    (0xA1, "Subscription Identifiers not supported", ".....x.x."),
    (0xA2, "Wildcard Subscriptions not supported", ".....x.x."),
];

fn packets(marks: &str) -> Vec<PacketType> {
    COLUMNS.into_iter().zip(marks.bytes()).filter_map(|(packet, mark)| (mark == b'x').then_some(packet)).collect()
}

/// The codes that a packet may carry.
pub fn legal(packet: PacketType) -> Vec<u8> {
    let rows = TABLE.into_iter().filter(|(_, _, marks)| packets(marks).contains(&packet));
    rows.map(|(code, ..)| code).collect()
}

#[test]
fn the_table_of_the_crate_is_that_of_the_standard() {
    let theirs: Vec<_> =
        ReasonCode::table().map(|(code, name, packets)| (code.0, name, packets.collect::<Vec<_>>())).collect();
    let ours: Vec<_> = TABLE.into_iter().map(|(code, name, marks)| (code, name, packets(marks))).collect();
    assert_eq!(theirs, ours);
}

#[test]
fn all_codes_against_all_packets() {
    // [MQTT-3.15.2-1]
    for code in 0..=255 {
        for packet in PacketType::ALL {
            let expected = legal(packet).contains(&code);
            assert_eq!(ReasonCode(code).is_legal_in(packet), expected, "{code:#04X} in {packet:?}");
        }
        let name = TABLE.iter().find(|row| row.0 == code).map(|row| row.1);
        assert_eq!(ReasonCode(code).name(), name);
        assert_eq!(ReasonCode(code).is_error(), code >= 0x80);
    }
}

/// A packet of 5.0 with this code.
fn frame(packet_type: PacketType, code: u8) -> Vec<u8> {
    match packet_type {
        ConnAck => packet(0x20, &[0, code, 0]),
        PubAck => packet(0x40, &[0, 7, code]),
        PubRec => packet(0x50, &[0, 7, code]),
        PubRel => packet(0x62, &[0, 7, code]),
        PubComp => packet(0x70, &[0, 7, code]),
        SubAck => packet(0x90, &[0, 7, 0, 0, code, 2]),
        UnsubAck => packet(0xB0, &[0, 7, 0, 0, code, 0]),
        Disconnect => packet(0xE0, &[code]),
        Auth => packet(0xF0, &[code, 4, 0x15, 0, 1, b'm']),
        _ => unreachable!(),
    }
}

fn code_of(packet: &Packet<'_>) -> u8 {
    match packet {
        Packet::ConnAck(connack) => connack.code,
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => ack.reason.0,
        Packet::SubAck(suback) => suback.codes[1],
        Packet::UnsubAck(unsuback) => unsuback.codes[1],
        Packet::Disconnect(disconnect) => disconnect.reason.0,
        Packet::Auth(auth) => auth.reason.0,
        _ => unreachable!(),
    }
}

#[test]
fn all_codes_on_the_wire() {
    for packet_type in COLUMNS {
        for code in 0..=255 {
            let bytes = frame(packet_type, code);
            let decoded = decode(&bytes, Version::V5);
            // A refusal stays a refusal, whatever a newer server calls it.
            let is_unknown_refusal = packet_type == ConnAck && code >= 0x80;
            if legal(packet_type).contains(&code) || is_unknown_refusal {
                assert_eq!(code_of(&decoded.unwrap()), code, "{packet_type:?}");
            } else {
                assert_eq!(decoded, violation(Violation::ReasonCode), "{code:#04X} in {packet_type:?}");
            }
        }
    }
}

#[test]
fn the_same_with_properties_behind_the_code() {
    for (packet_type, first) in [(PubAck, 0x40), (PubRec, 0x50), (PubRel, 0x62), (PubComp, 0x70)] {
        for code in 0..=255 {
            let bytes = packet(first, &[0, 7, code, 5, 0x26, 0, 0, 0, 0]);
            assert_eq!(decode(&bytes, Version::V5).is_ok(), legal(packet_type).contains(&code));
        }
    }
    for code in 0..=255 {
        let bytes = packet(0xE0, &[code, 5, 0x26, 0, 0, 0, 0]);
        assert_eq!(decode(&bytes, Version::V5).is_ok(), legal(Disconnect).contains(&code));
    }
}

#[test]
fn the_codes_of_older_versions() {
    for version in [Version::V31, Version::V311] {
        for code in 0..=255 {
            let suback = packet(0x90, &[0, 7, 0, code]);
            assert_eq!(decode(&suback, version).is_ok(), [0, 1, 2, 0x80].contains(&code), "SUBACK {code:#04X}");
            let connack = packet(0x20, &[0, code]);
            let Ok(Packet::ConnAck(connack)) = decode(&connack, version) else { panic!("CONNACK {code}") };
            let expected = match code {
                0 => ReasonCode::SUCCESS,
                1 => ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
                2 => ReasonCode::CLIENT_IDENTIFIER_NOT_VALID,
                3 => ReasonCode::SERVER_UNAVAILABLE,
                4 => ReasonCode::BAD_USER_NAME_OR_PASSWORD,
                5 => ReasonCode::NOT_AUTHORIZED,
                _ => ReasonCode::UNSPECIFIED_ERROR,
            };
            assert_eq!((connack.code, connack.reason(version)), (code, expected));
        }
    }
}
