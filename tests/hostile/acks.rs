//! Acknowledgements from the server: H76 to H94.

use crate::rig::{ALL, DEFAULT, OLD, Rig, Setup, V5, V31, V311, busy, busy_with, idle, packet, strict};
use crate::table::{accept, close, run};
use pure_mqtt::wire::{Malformed, Violation};
use pure_mqtt::{Limits, QoS, Version};

fn strict_and_busy(version: Version) -> Rig {
    busy_with(version, Setup { limits: Limits { strict: true, ..Limits::DEFAULT }, ..DEFAULT })
}

#[test]
fn identifiers() {
    // [MQTT-2.2.1-5] [MQTT-3.6.2-2] [MQTT-3.6.2-3] [MQTT-3.7.2-2] [MQTT-3.7.2-3]
    let zero = Violation::PacketIdZero;
    let unknown = Violation::UnknownPacketId;
    let mut rows = Vec::new();
    for first in [0x40, 0x50, 0x62, 0x70] {
        rows.push(close("H76", ALL, busy, [first, 2, 0, 0], zero, 0x82));
    }
    rows.extend([
        close("H76", OLD, busy, b"\x90\x03\x00\x00\x00", zero, 0x82),
        close("H76", V5, busy, b"\x90\x04\x00\x00\x00\x00", zero, 0x82),
        close("H76", OLD, busy, b"\xB0\x02\x00\x00", zero, 0x82),
        close("H76", V5, busy, b"\xB0\x04\x00\x00\x00\x00", zero, 0x82),
        accept("H77", ALL, busy, b"\x40\x02\x00\x63", &[], b""),
        accept("H78", OLD, busy, b"\x50\x02\x00\x63", &[], b"\x62\x02\x00\x63"),
        accept("H78", V5, busy, b"\x50\x02\x00\x63", &[], b"\x62\x03\x00\x63\x92"),
        accept("H78", V5, busy, b"\x50\x03\x00\x63\x80", &[], b""), // a refusal ends it
        accept("H79", OLD, busy, b"\x62\x02\x00\x63", &[], b"\x70\x02\x00\x63"),
        accept("H79", V5, busy, b"\x62\x02\x00\x63", &[], b"\x70\x03\x00\x63\x92"),
        accept("H79", OLD, busy, b"\x62\x02\x00\x01", &[], b"\x70\x02\x00\x01"), // ours, not the server's
        accept("H80", ALL, busy, b"\x70\x02\x00\x63", &[], b""),
        accept("H81", OLD, busy, b"\x90\x03\x00\x63\x00", &[], b""),
        accept("H81", V5, busy, b"\x90\x04\x00\x63\x00\x00", &[], b""),
        accept("H81", OLD, busy, b"\xB0\x02\x00\x63", &[], b""),
        accept("H81", V5, busy, b"\xB0\x04\x00\x63\x00\x00", &[], b""),
    ]);
    for setup in [strict as fn(Version) -> Rig, strict_and_busy] {
        rows.extend([
            close("H77, strict", ALL, setup, b"\x40\x02\x00\x63", unknown, 0x82),
            close("H78, strict", ALL, setup, b"\x50\x02\x00\x63", unknown, 0x82),
            // A server that keeps to the standard sends it again where PUBCOMP was lost with the link.
            accept("H79, strict", OLD, setup, b"\x62\x02\x00\x63", &[], b"\x70\x02\x00\x63"),
            accept("H79, strict", V5, setup, b"\x62\x02\x00\x63", &[], b"\x70\x03\x00\x63\x92"),
            close("H80, strict", ALL, setup, b"\x70\x02\x00\x63", unknown, 0x82),
            close("H81, strict", OLD, setup, b"\x90\x03\x00\x63\x00", unknown, 0x82),
            close("H81, strict", V5, setup, b"\xB0\x04\x00\x63\x00\x00", unknown, 0x82),
        ]);
    }
    run(rows);
}

#[test]
fn what_belongs_to_another_packet() {
    let unexpected = Violation::UnexpectedAck;
    let mut rows = Vec::new();
    // The acknowledgements of messages, with the identifiers that they do not fit.
    for (first, ids) in [(0x40, &[2, 3, 4, 5][..]), (0x50, &[1, 4, 5]), (0x70, &[1, 2, 4, 5])] {
        for id in ids {
            if (first, *id) == (0x40, 2) {
                rows.push(accept("H82", OLD, busy, [first, 2, 0, 2], &["PubAck 2 0x00"], b"")); // tolerated
                rows.push(close("H82", OLD, strict_and_busy, [first, 2, 0, 2], unexpected, 0x82));
                rows.push(close("H82", V5, busy, [first, 2, 0, 2], unexpected, 0x82));
                continue;
            }
            rows.push(close("H82", ALL, busy, [first, 2, 0, *id], unexpected, 0x82));
        }
    }
    for id in [1, 2, 3, 5] {
        rows.push(close("H82", OLD, busy, [0x90, 4, 0, id, 0, 0], unexpected, 0x82));
        rows.push(close("H82", V5, busy, [0x90, 5, 0, id, 0, 0, 0], unexpected, 0x82));
    }
    for id in [1, 2, 3, 4] {
        rows.push(close("H82", OLD, busy, [0xB0, 2, 0, id], unexpected, 0x82));
        rows.push(close("H82", V5, busy, [0xB0, 5, 0, id, 0, 0, 0], unexpected, 0x82));
    }
    rows.push(close("H82", V5, busy, b"\x50\x03\x00\x03\x80", unexpected, 0x82)); // refused after it was taken
    run(rows);
}

#[test]
fn codes() {
    // [MQTT-4.3.3-4]
    // [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] [MQTT-4.3.3-5]
    let mut rows = vec![
        accept("H84", ALL, busy, b"\x50\x02\x00\x03", &[], b"\x62\x02\x00\x03"),
        accept("H84", ALL, busy, b"\x50\x02\x00\x02", &[], b"\x62\x02\x00\x02"),
        accept("H85", V5, busy, b"\x50\x03\x00\x02\x10", &[], b"\x62\x02\x00\x02"),
        accept("H86", V5, busy, b"\x40\x03\x00\x01\x10", &["PubAck 1 0x10"], b""),
        accept("H86", V5, busy, b"\x40\x03\x00\x01\x97", &["PubAck 1 0x97"], b""),
        accept("H88", V5, busy, b"\x62\x03\x00\x09\x92", &[], b"\x70\x02\x00\x09"),
        accept("H88", V5, busy, b"\x70\x03\x00\x03\x92", &["PubComp 3 0x92"], b""),
    ];
    for (code, told) in
        [(0x80, "PubRec 2 0x80"), (0x87, "PubRec 2 0x87"), (0x97, "PubRec 2 0x97"), (0x99, "PubRec 2 0x99")]
    {
        rows.push(accept("H85", V5, busy, [0x50, 3, 0, 2, code], &[told], b""));
    }
    for (first, id, name) in [(0x40, 1, "PubAck"), (0x50, 2, "PubRec"), (0x62, 9, ""), (0x70, 3, "PubComp")] {
        for code in [0x01, 0x7F] {
            rows.push(close("H87", V5, busy, [first, 3, 0, id, code], Violation::ReasonCode, 0x82));
        }
        let other_half = if first < 0x60 { 0x92 } else { 0x80 };
        for code in [0x81, 0xFF, other_half] {
            // A failure is one, whether it is listed or not.
            let told: &str = format!("{name} {id} {code:#04X}").leak();
            let (told, sent): (&[_], &[u8]) = if first == 0x62 { (&[], b"\x70\x02\x00\x09") } else { (&[told], b"") };
            rows.push(accept("H87", V5, busy, [first, 3, 0, id, code], told, sent));
            rows.push(close("H87", V5, strict_and_busy, [first, 3, 0, id, code], Violation::ReasonCode, 0x82));
        }
    }
    run(rows);
}

#[test]
fn answers_to_requests() {
    // [MQTT-2.2.1-6] [MQTT-3.8.4-2] [MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT-3.9.3-1] [MQTT-3.9.3-2] [MQTT-3.10.4-4]
    // [MQTT-3.11.3-1] [MQTT-3.11.3-2]
    let (empty, code, count) = (Violation::EmptyList, Violation::ReasonCode, Violation::ReasonCodeCount);
    let granted = &["SubAck 4 [2, 0]"];
    let mut rows = vec![
        close("H89", OLD, busy, b"\x90\x02\x00\x04", empty, 0x82),
        close("H89", V5, busy, b"\x90\x03\x00\x04\x00", empty, 0x82),
        close("H90", OLD, busy, b"\x90\x03\x00\x04\x00", count, 0x82),
        close("H90", OLD, busy, b"\x90\x05\x00\x04\x00\x00\x00", count, 0x82),
        close("H90", V5, busy, b"\x90\x04\x00\x04\x00\x00", count, 0x82),
        close("H90", V5, busy, b"\x90\x06\x00\x04\x00\x00\x00\x00", count, 0x82),
        accept("H91", OLD, busy, b"\x90\x04\x00\x04\x80\x00", &["SubAck 4 [128, 0]"], b""),
        accept("H91", V5, busy, b"\x90\x05\x00\x04\x00\xA2\x87", &["SubAck 4 [162, 135]"], b""),
        accept("H92", OLD, busy, b"\x90\x04\x00\x04\x02\x00", granted, b""),
        accept("H92", V5, busy, b"\x90\x05\x00\x04\x00\x02\x00", granted, b""),
        accept("H93", OLD, busy, b"\xB0\x04\x00\x05\x00\x00", &["UnsubAck 5 [0, 0]"], b""),
        close("H93", OLD, strict_and_busy, b"\xB0\x04\x00\x05\x00\x00", Malformed::TrailingBytes, 0x81),
        accept("H93", V5, busy, b"\xB0\x03\x00\x05\x00", &["UnsubAck 5 []"], b""),
        close("H93", V5, strict_and_busy, b"\xB0\x03\x00\x05\x00", empty, 0x82),
        close("H93", V5, busy, b"\xB0\x04\x00\x05\x00\x00", count, 0x82),
        close("H93", V5, busy, b"\xB0\x06\x00\x05\x00\x00\x00\x00", count, 0x82),
        close("H93", V5, busy, b"\xB0\x05\x00\x05\x00\x00\x01", code, 0x82),
        accept("H93", V31, busy, b"\xB0\x02\x00\x05", &["UnsubAck 5 []"], b""),
        accept("H93", V311, busy, b"\xB0\x02\x00\x05", &["UnsubAck 5 []"], b""),
        accept("H93", V5, busy, b"\xB0\x05\x00\x05\x00\x11\x87", &["UnsubAck 5 [17, 135]"], b""),
    ];
    for wrong in [0x03, 0x7F] {
        rows.push(close("H91", OLD, busy, [0x90, 4, 0, 4, 0, wrong], code, 0x82));
    }
    for wrong in [0x03, 0x04, 0x10, 0x7F] {
        rows.push(close("H91", V5, busy, [0x90, 5, 0, 4, 0, 0, wrong], code, 0x82));
    }
    for unlisted in [0x92, 0xFF] {
        let told: &str = format!("SubAck 4 [0, {unlisted}]").leak();
        rows.push(accept("H91", OLD, busy, [0x90, 4, 0, 4, 0, unlisted], &[told], b""));
        rows.push(accept("H91", V5, busy, [0x90, 5, 0, 4, 0, 0, unlisted], &[told], b""));
        rows.push(close("H91", OLD, strict_and_busy, [0x90, 4, 0, 4, 0, unlisted], code, 0x82));
        rows.push(close("H91", V5, strict_and_busy, [0x90, 5, 0, 4, 0, 0, unlisted], code, 0x82));
    }
    run(rows);
}

#[test]
fn counts_of_what_fits_nothing() {
    // H77, H80, H81, H94: a flood changes nothing but a counter.
    for version in ALL {
        let mut rig = busy(*version);
        let before = rig.clone();
        let answers: &[&[u8]] = match version {
            Version::V5 => {
                &[b"\x40\x02\x00\x63", b"\x70\x02\x00\x63", b"\x90\x04\x00\x63\x00\x00", b"\xB0\x04\x00\x63\x00\x00"]
            }
            _ => &[b"\x40\x02\x00\x63", b"\x70\x02\x00\x63", b"\x90\x03\x00\x63\x00", b"\xB0\x02\x00\x63"],
        };
        for _ in 0..5_000 {
            for answer in answers {
                let result = rig.mqtt.handle_input(rig.at(), answer);
                let taken = pure_mqtt::Received::Packet { consumed: answer.len(), event: None };
                assert_eq!(result, Ok(taken));
            }
        }
        assert_eq!(rig.mqtt.stats().unknown_acks, 20_000);
        assert!(rig.mqtt == before.mqtt);
        assert_eq!(rig.drain(), b"");
    }
}

#[test]
fn answers_to_unknown_identifiers_do_not_pile_up() {
    // H78, H79: without a chance to answer, input waits.
    for version in ALL {
        for first in [0x50, 0x62] {
            let mut rig = idle(*version);
            let ask = |id: u16| packet(first, &id.to_be_bytes());
            let taken = || pure_mqtt::Received::Packet { consumed: 4, event: None };
            let mut waiting = 0;
            while rig.mqtt.handle_input(rig.at(), &ask(waiting + 1)) == Ok(taken()) {
                waiting += 1;
                assert!(waiting < 10, "they pile up");
            }
            assert_eq!(rig.mqtt.handle_input(rig.at(), &ask(77)), Ok(pure_mqtt::Received::Blocked));
            let many: Vec<u8> = (1..=500).flat_map(ask).collect();
            let played = rig.play(&many);
            assert_eq!(played.end, None);
            let each = if *version == Version::V5 { 5 } else { 4 };
            assert_eq!(played.sent.len(), (500 + usize::from(waiting)) * each);
        }
    }
}

#[test]
fn a_refused_message_gives_everything_back() {
    // H85
    let mut rig = busy(Version::V5);
    let (quota, pending) = (rig.mqtt.send_quota(), rig.mqtt.pending());
    assert_eq!(rig.play(b"\x50\x03\x00\x02\x97").told, ["PubRec 2 0x97"]);
    assert_eq!((rig.mqtt.send_quota(), rig.mqtt.pending()), (quota + 1, pending - 1));
    assert_eq!(rig.play(b"\x70\x02\x00\x02").told, Vec::<String>::new(), "its identifier is unknown now");
    assert_eq!(rig.mqtt.stats().unknown_acks, 1);
}

#[test]
fn an_identifier_is_used_again_as_late_as_can_be() {
    // H83: so that an acknowledgement that comes twice rarely finds another message.
    for version in ALL {
        let mut rig = idle(*version);
        for round in 1..=200u16 {
            assert_eq!(rig.publish("t", QoS::AtLeastOnce), round);
            rig.drain();
            let ack = packet(0x40, &round.to_be_bytes());
            assert_eq!(rig.play(&ack).told.len(), 1);
            assert_eq!(rig.play(&ack).told.len(), 0);
        }
        assert_eq!(rig.mqtt.stats().unknown_acks, 200);
        // Where it does find another one, that one is done, and nothing else breaks.
        let id = rig.publish("t", QoS::AtLeastOnce);
        let other = rig.publish("t", QoS::AtLeastOnce);
        rig.drain();
        for id in [id, other] {
            assert_eq!(rig.play(&packet(0x40, &id.to_be_bytes())).told, [format!("PubAck {id} 0x00")]);
        }
        assert!(rig.mqtt.is_idle());
    }
}

#[test]
fn an_acknowledgement_for_what_was_never_sent() {
    for version in ALL {
        let mut rig = idle(*version);
        assert_eq!(rig.publish("t", QoS::AtLeastOnce), 1);
        let played = Rig::play(&mut rig.clone(), b"\x40\x02\x00\x01");
        assert_eq!((played.told.len(), played.end), (0, None), "the server cannot know it yet: unknown");
        assert_eq!(played.sent[0], 0x32, "it is sent all the same");
    }
}

/// Message 7 at QoS 2 was delivered, and the application has not acknowledged it.
fn holding(version: Version) -> Rig {
    holding_with(version, Limits::DEFAULT)
}

fn holding_strictly(version: Version) -> Rig {
    holding_with(version, Limits { strict: true, ..Limits::DEFAULT })
}

fn holding_with(version: Version, limits: Limits) -> Rig {
    let limits = Limits { manual_acks: true, ..limits };
    let mut rig = Rig::connected(version, Setup { limits, ..DEFAULT });
    let _handle = rig.receive(&crate::rig::message(version, 0x34, 7, "i", b""));
    rig
}

#[test]
fn a_release_before_pubrec() {
    run(vec![
        close("H82", ALL, holding_strictly, b"\x62\x02\x00\x07", Violation::UnexpectedAck, 0x82),
        accept("H82", ALL, holding, b"\x62\x02\x00\x07", &[], b""),
        accept("H66", OLD, holding, b"\x3C\x05\x00\x01i\x00\x07", &[], b""),
        accept("H66", V5, holding, b"\x3C\x06\x00\x01i\x00\x07\x00", &[], b""),
    ]);
}
