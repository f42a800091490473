//! CONNACK and what comes before it: H21 to H39.

use crate::rig::{
    ALL, DEFAULT, NEW, OLD, Rig, Setup, V5, V31, V311, block, busy, message, packet, waiting, waiting_again,
    waiting_clean, waiting_nameless,
};
use crate::table::{accept, close, end, run};
use pure_mqtt::wire::{Malformed, Violation};
use pure_mqtt::{Cause, ConnectionError, Limits, OnSessionLoss, Property, QoS, ReasonCode, Version};

const UNEXPECTED: Violation = Violation::UnexpectedPacket;
const GOOD: &str = "ConnAck 0 0x00 New { republished: 0, aborted: 0, completed: 0 }";

/// CONNACK of 5.0 with these properties.
fn connack5(properties: &[u8]) -> Vec<u8> {
    packet(0x20, &[b"\x00\x00", &block(properties)[..]].concat())
}

/// CONNECT with a clean start is out, and strict checking is on.
fn waiting_strictly(version: Version) -> Rig {
    let limits = Limits { strict: true, ..Limits::DEFAULT };
    Rig::waiting(version, Setup { clean: true, limits, ..DEFAULT })
}

fn waiting_for_a_known_session(version: Version) -> Rig {
    Rig::waiting(version, Setup { limits: Limits { strict: true, ..Limits::DEFAULT }, ..DEFAULT })
}

fn asking(version: Version) -> Rig {
    let properties = &[Property::AuthenticationMethod("m"), crate::rig::LASTING];
    Rig::waiting(version, Setup { properties, connack: b"\x15\x00\x01m", ..DEFAULT })
}

#[test]
fn what_comes_before_connack() {
    // [MQTT-3.2.0-1] [MQTT-3.2.0-2] [MQTT-3.14.0-1]
    let mut rows = vec![
        close("H21", OLD, waiting, message(Version::V311, 0x30, 0, "t", b"p"), UNEXPECTED, 0x82),
        close("H21", V5, waiting, message(Version::V5, 0x30, 0, "t", b"p"), UNEXPECTED, 0x82),
        close("H21", ALL, waiting, b"\xD0\x00", UNEXPECTED, 0x82),
        close("H21", ALL, waiting, b"\x90\x03\x00\x04\x00", UNEXPECTED, 0x82),
        close("H21", ALL, waiting_again, b"\xB0\x02\x00\x05", UNEXPECTED, 0x82),
        close("H21", V5, waiting, b"\xF0\x06\x18\x04\x15\x00\x01m", UNEXPECTED, 0x82),
        close("H21", V5, waiting, b"\xF0\x02\x18\x00", Violation::AuthenticationMethod, 0x82),
        close("H23", OLD, waiting, b"\xE0\x00", UNEXPECTED, 0x82),
        // It ends the link in any case: so what it says is told.
        end("H23", V5, waiting, b"\xE0\x00", "Disconnect 0x00", ConnectionError::ServerDisconnect(ReasonCode::SUCCESS)),
        end(
            "H23",
            V5,
            waiting,
            b"\xE0\x01\x87",
            "Disconnect 0x87",
            ConnectionError::ServerDisconnect(ReasonCode::NOT_AUTHORIZED),
        ),
        close("H22", ALL, busy, b"\x20\x02\x00\x00", UNEXPECTED, 0x82),
        close("H22", V5, busy, b"\x20\x03\x00\x00\x00", UNEXPECTED, 0x82),
        close("H22", ALL, busy, b"\x20\x02\x00\x05", UNEXPECTED, 0x82),
    ];
    for first in [0x40, 0x50, 0x62, 0x70] {
        for setup in [waiting as fn(Version) -> Rig, waiting_again] {
            rows.push(close("H21", ALL, setup, [first, 2, 0, 1], UNEXPECTED, 0x82));
        }
    }
    for bytes in [&b"\x10\x00"[..], b"\x82\x00", b"\xA2\x00", b"\xC0\x00"] {
        rows.push(close("H21, H95", ALL, waiting, bytes, UNEXPECTED, 0x82));
    }
    run(rows);
}

#[test]
fn an_authentication_before_connack() {
    let mut rig = asking(Version::V5);
    let played = rig.play_bytewise(b"\xF0\x06\x18\x04\x15\x00\x01m");
    assert_eq!((played.told, played.end), (vec!["Auth 0x18".to_string()], None));
    let played = rig.play(&message(Version::V5, 0x30, 0, "t", b""));
    assert_eq!(played.end, Some(UNEXPECTED.into()), "still before CONNACK");
}

#[test]
fn flags_and_sessions() {
    // [MQTT-3.2.2-1] [MQTT-3.2.2-2] [MQTT-3.2.2-4]
    let reserved = Malformed::ReservedBits;
    let mut rows = vec![
        close("H24", V311, waiting, b"\x20\x02\x02\x00", reserved, 0x81),
        close("H24", V311, waiting, b"\x20\x02\x80\x05", reserved, 0x81),
        close("H24", V5, waiting, b"\x20\x03\x02\x00\x00", reserved, 0x81),
        close("H24", V5, waiting, b"\x20\x03\xFE\x87\x00", reserved, 0x81),
        accept("H24", V31, waiting, b"\x20\x02\xFF\x00", &[GOOD], b""),
        accept("H25", V311, waiting_clean, b"\x20\x02\x01\x00", &[GOOD], b""),
        close("H25", V311, waiting_strictly, b"\x20\x02\x01\x00", Violation::SessionPresent, 0x82),
        close("H25", V5, waiting_clean, b"\x20\x03\x01\x00\x00", Violation::SessionPresent, 0x82),
        accept("H25", V31, waiting_clean, b"\x20\x02\x01\x00", &[GOOD], b""),
        accept(
            "H26",
            V311,
            waiting,
            b"\x20\x02\x01\x00",
            &["ConnAck 0 0x00 Adopted { republished: 0, aborted: 0, completed: 0 }"],
            b"",
        ),
        accept(
            "H26",
            V5,
            waiting,
            b"\x20\x03\x01\x00\x00",
            &["ConnAck 0 0x00 Adopted { republished: 0, aborted: 0, completed: 0 }"],
            b"",
        ),
        close("H26", V5, waiting_for_a_known_session, b"\x20\x03\x01\x00\x00", Violation::UnknownSession, 0x82),
    ];
    let not_authorized = ConnectionError::Refused(ReasonCode::NOT_AUTHORIZED);
    for setup in [waiting as fn(Version) -> Rig, waiting_clean, waiting_again] {
        rows.extend([
            end("H28", OLD, setup, b"\x20\x02\x01\x05", "ConnAck 5 0x87 Untouched", not_authorized),
            end("H28", V5, setup, b"\x20\x03\x01\x87\x00", "ConnAck 135 0x87 Untouched", not_authorized),
        ]);
    }
    run(rows);
}

#[test]
fn a_lost_session() {
    // [MQTT-3.2.2-5]
    // H27
    for on_session_loss in [OnSessionLoss::Republish, OnSessionLoss::Abort] {
        for version in NEW {
            let limits = Limits { on_session_loss, ..Limits::DEFAULT };
            let mut rig = crate::rig::busy_with(*version, Setup { limits, ..DEFAULT });
            rig.lose();
            rig.open();
            let played = rig.play(&rig.good_connack(false));
            let counts = match on_session_loss {
                OnSessionLoss::Republish => "republished: 2, aborted: 0, completed: 1",
                OnSessionLoss::Abort => "republished: 0, aborted: 2, completed: 1",
            };
            assert_eq!(played.told, [format!("ConnAck 0 0x00 New {{ {counts} }}")]);
            let first_bytes: Vec<u8> = packets(&played.sent).iter().map(|packet| packet[0]).collect();
            let outcomes: Vec<_> =
                std::iter::from_fn(|| rig.mqtt.poll_outcome().map(|outcome| outcome.cause)).collect();
            let count = |cause| outcomes.iter().filter(|other| **other == cause).count();
            assert_eq!(
                (count(Cause::LinkLost), count(Cause::Released)),
                (2, 1),
                "the requests, and the released message"
            );
            match on_session_loss {
                OnSessionLoss::Republish => assert_eq!(first_bytes, [0x32, 0x34], "as new: without DUP"),
                OnSessionLoss::Abort => assert_eq!((played.sent.len(), count(Cause::SessionLost)), (0, 2)),
            }
            // What was open from the server is forgotten: the identifier is a new message.
            let played = rig.play(&message(*version, 0x34, 9, "i/9", b"again"));
            assert_eq!(played.told, ["Message \"i/9\" \"again\" q2 9"]);
        }
    }
}

#[test]
fn codes() {
    // [MQTT-3.2.2-7] [MQTT-3.2.2-8] [MQTT-3.1.3-8] [MQTT-4.12.0-1]
    let mut rows = Vec::new();
    for code in 6..=255u8 {
        let told = format!("ConnAck {code} 0x80 Untouched").leak();
        let error = ConnectionError::Refused(ReasonCode::UNSPECIFIED_ERROR);
        rows.push(end("H29", OLD, waiting, [0x20, 2, 0, code], told, error));
    }
    for (code, reason) in [(1, 0x84), (2, 0x85), (3, 0x88), (4, 0x86), (5, 0x87)] {
        let told = format!("ConnAck {code} {reason:#04X} Untouched").leak();
        rows.push(end("H29", OLD, waiting, [0x20, 2, 0, code], told, ConnectionError::Refused(ReasonCode(reason))));
    }
    for code in 1..=255u8 {
        let bytes = [0x20, 3, 0, code, 0];
        rows.push(match code {
            1..=0x7F => close("H29", V5, waiting, bytes, Violation::ReasonCode, 0x82),
            _ => {
                let told = format!("ConnAck {code} {code:#04X} Untouched").leak();
                end("H29", V5, waiting, bytes, told, ConnectionError::Refused(ReasonCode(code)))
            }
        });
    }
    run(rows);
}

#[test]
fn too_short() {
    run(vec![
        close("H30", ALL, waiting, b"\x20\x00", Malformed::Truncated, 0x81),
        close("H30", ALL, waiting, b"\x20\x01\x00", Malformed::Truncated, 0x81),
        close("H30", V5, waiting, b"\x20\x02\x00\x00", Malformed::Truncated, 0x81),
        close("H30", V5, waiting, b"\x20\x02\x00\x87", Malformed::Truncated, 0x81),
    ]);
}

#[test]
fn a_refusal_in_the_old_form_ends_the_link() {
    // H30: a server that does not know 5.0 says so in the form of its own version.
    for code in 1..=5 {
        let mut rig = waiting_again(Version::V5);
        let before = rig.clone();
        assert_eq!(rig.play(&[0x20, 2, 0, code]).told.len(), 1);
        let error = ConnectionError::Refused(ReasonCode::UNSUPPORTED_PROTOCOL_VERSION);
        crate::table::check_over(&before, rig, error);
    }
}

#[test]
fn a_refusal_in_the_old_form_keeps_its_code() {
    let told = waiting(Version::V5).play(b"\x20\x02\x00\x01").told;
    assert_eq!(told, ["ConnAck 1 0x84 Untouched"], "the code is told as it stood on the wire");
}

#[test]
fn values_out_of_range() {
    let value = Violation::PropertyValue;
    let mut rows = vec![
        close("H31", V5, waiting, connack5(b"\x21\x00\x00"), value, 0x82),
        close("H31", V5, waiting, connack5(b"\x27\x00\x00\x00\x00"), value, 0x82),
        close("H31", V5, waiting, connack5(b"\x24\x02"), value, 0x82),
    ];
    for id in [0x25, 0x28, 0x29, 0x2A] {
        rows.push(close("H31", V5, waiting, connack5(&[id, 2]), value, 0x82));
        rows.push(close("H31", V5, waiting, connack5(&[id, 255]), value, 0x82));
    }
    run(rows);
}

#[test]
fn identifiers_and_information() {
    // [MQTT-3.1.3-7] [MQTT-3.2.2-16] [MQTT-3.1.2-28] [MQTT-4.12.0-5] [MQTT-4.12.0-6]
    let method = Violation::AuthenticationMethod;
    run(vec![
        close("H33", V5, waiting_nameless, connack5(b""), Violation::NoAssignedClientId, 0x82),
        close("H33", V5, waiting_nameless, connack5(b"\x12\x00\x00"), Violation::NoAssignedClientId, 0x82),
        accept("H33", V5, waiting_nameless, connack5(b"\x12\x00\x01s"), &[GOOD], b""),
        accept("H33", V311, waiting_nameless, b"\x20\x02\x00\x00", &[GOOD], b""),
        accept("H34", V5, waiting, connack5(b"\x12\x00\x01s"), &[GOOD], b""),
        close("H37", V5, waiting, connack5(b"\x1A\x00\x01r"), Violation::NotRequested, 0x82),
        close("H37", V5, waiting, connack5(b"\x15\x00\x01m"), method, 0x82),
        close("H37", V5, waiting, connack5(b"\x16\x00\x01d"), method, 0x82),
        close("H37", V5, asking, connack5(b"\x15\x00\x01n"), method, 0x82),
        close("H37", V5, asking, connack5(b""), method, 0x82),
        accept("H37", V5, asking, connack5(b"\x15\x00\x01m\x16\x00\x01d"), &[GOOD], b""),
        accept("H36", V5, waiting, connack5(b"\x13\x00\x00"), &[GOOD], b""),
        accept("H36", V5, waiting, connack5(b"\x13\xFF\xFF"), &[GOOD], b""),
    ]);
    let mut rig = waiting(Version::V5);
    rig.play(&connack5(b"\x12\x00\x01s"));
    assert_eq!(rig.mqtt.stats().ignored_client_ids, 1, "H34: ours stays, and it is counted");
}

#[test]
fn the_servers_keep_alive() {
    // [MQTT-3.1.2-21] [MQTT-3.2.2-21] [MQTT-3.2.2-22]
    // H36
    for (properties, seconds) in [(&b"\x13\x00\x00"[..], 0), (b"\x13\xFF\xFF", 65_535), (b"\x13\x00\x01", 1), (b"", 60)]
    {
        let mut rig = waiting(Version::V5);
        rig.play(&connack5(properties));
        assert_eq!(rig.mqtt.keep_alive(), seconds);
        let due = rig.mqtt.poll_timeout().map(|at| at.as_millis() - rig.now);
        assert_eq!(due, (seconds > 0).then_some(u64::from(seconds) * 1000));
    }
}

/// Splits what was sent into packets.
fn packets(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut packets = Vec::new();
    while !bytes.is_empty() {
        assert!(bytes[1] < 0x80, "short packets only");
        let (packet, rest) = bytes.split_at(2 + usize::from(bytes[1]));
        packets.push(packet);
        bytes = rest;
    }
    packets
}

#[test]
fn no_packet_is_longer_than_the_server_takes() {
    // [MQTT-3.2.2-15]
    // H35
    for maximum in 1..=40u8 {
        let mut rig = busy(Version::V5);
        rig.publish("o/longer", QoS::AtLeastOnce);
        rig.publish("o/zero", QoS::AtMostOnce);
        rig.subscribe(&["x/#"]);
        rig.lose();
        while rig.mqtt.poll_outcome().is_some() {}
        let pending = rig.mqtt.pending();
        rig.open();
        let connack = packet(0x20, &[&[1, 0], &block(&[0x27, 0, 0, 0, maximum])[..]].concat());
        let mut sent = rig.play(&connack).sent;
        sent.extend(rig.play(&message(Version::V5, 0x32, 20, "i", b"")).sent);
        sent.extend(rig.play(&message(Version::V5, 0x34, 21, "i", b"")).sent);
        sent.extend(rig.play(b"\x62\x02\x00\x63").sent); // an unknown identifier: PUBCOMP with a reason takes 5 bytes
        rig.now += 60_000;
        assert_eq!(rig.mqtt.handle_timeout(rig.at()), Ok(()));
        sent.extend(rig.drain());
        let outcomes = std::iter::from_fn(|| rig.mqtt.poll_outcome()).count();
        sent.extend(rig.drain());
        let played = rig.play(b"\x00\x00"); // and the farewell
        assert!(played.end.is_some());
        sent.extend(rig.drain());
        assert!(rig.mqtt.should_close());
        for packet in packets(&sent) {
            assert!(packet.len() <= maximum.into(), "{packet:02X?} with a maximum of {maximum}");
        }
        assert!(outcomes <= pending);
        if maximum == 40 {
            assert_eq!(outcomes, 0, "everything fits");
        }
        rig.reconnect(); // without the limit nothing is stuck
    }
}

#[test]
fn no_connack_ever() {
    // H39
    for version in ALL {
        for setup in [waiting, waiting_again] {
            let before = setup(*version);
            let mut rig = before.clone();
            let due = rig.mqtt.poll_timeout().unwrap();
            assert_eq!(due.as_millis(), rig.now + 20_000);
            rig.now += 19_999;
            assert_eq!(rig.mqtt.handle_timeout(rig.at()), Ok(()));
            rig.now += 1;
            let error = ConnectionError::ConnAckTimeout;
            assert_eq!(rig.mqtt.handle_timeout(rig.at()), Err(error));
            let mut before = before;
            before.now = rig.now;
            crate::table::check_over(&before, rig, error);
        }
    }
}
