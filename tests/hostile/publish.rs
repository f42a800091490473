//! PUBLISH from the server: H55 to H75.

use crate::rig::{ALL, DEFAULT, OLD, Rig, Setup, V5, block, busy, idle, message, message5, packet, strict};
use crate::table::{Row, accept, close, run};
use pure_mqtt::wire::{Malformed, Violation};
use pure_mqtt::{Ack, ConnectionError, Event, Limits, QoS, Received, Version};

/// One row for the versions before 5.0 and one for 5.0.
fn each(first: u8, id: u16, topic: &str, make: impl Fn(&'static [Version], Vec<u8>) -> Row) -> [Row; 2] {
    [make(OLD, message(Version::V311, first, id, topic, b"p")), make(V5, message(Version::V5, first, id, topic, b"p"))]
}

#[test]
fn headers_identifiers_topics() {
    // [MQTT-3.3.1-4] [MQTT-3.3.2-2]
    // [MQTT-2.2.1-4]
    let mut rows = vec![
        close("H57", ALL, busy, b"\x30\x00", Malformed::Truncated, 0x81),
        close("H57", ALL, busy, b"\x30\x01\x00", Malformed::Truncated, 0x81),
        close("H57", ALL, busy, b"\x32\x03\x00\x01t", Malformed::Truncated, 0x81),
        close("H57", ALL, busy, b"\x34\x04\x00\x01t\x00", Malformed::Truncated, 0x81),
    ];
    for first in [0x36, 0x37, 0x3E, 0x3F] {
        rows.extend(each(first, 20, "t", |v, bytes| close("H55", v, busy, bytes, Malformed::QoS, 0x81)));
    }
    for first in [0x32, 0x34, 0x3D] {
        rows.extend(each(first, 0, "t", |v, bytes| close("H56", v, busy, bytes, Violation::PacketIdZero, 0x82)));
    }
    rows.extend(each(0x38, 0, "t", |v, bytes| accept("H58", v, busy, bytes, &["Message \"t\" \"p\" q0 0 dup"], b"")));
    rows.extend(each(0x38, 0, "t", |v, bytes| close("H58", v, strict, bytes, Violation::DupAtQoS0, 0x82)));
    for topic in ["#", "+", "a/#", "a/+/b", "a+b"] {
        for first in [0x30, 0x32, 0x34] {
            let row = |v, bytes| close("H59", v, strict, bytes, Violation::TopicWildcard, 0x90);
            rows.extend(each(first, 20, topic, row));
            // Otherwise it is acknowledged, thrown away and told: it may come from the server's store, link after link.
            let (qos, id) = (first >> 1 & 3, if first == 0x30 { 0 } else { 20 });
            let told: &str = format!("Discarded BadTopic q{qos} {id}").leak();
            let answer: &[u8] = [&b""[..], b"\x40\x02\x00\x14", b"\x50\x02\x00\x14"][usize::from(qos)];
            rows.extend(each(first, 20, topic, |v, bytes| accept("H59", v, busy, bytes, &[told], answer)));
        }
    }
    rows.extend(each(0x32, 20, "", |v, bytes| close("H60", v, busy, bytes, Violation::EmptyTopic, 0x82)));
    rows.extend(each(0x31, 0, "t", |v, bytes| {
        accept("H72", v, busy, bytes, &["Message \"t\" \"p\" q0 0 retain"], b"")
    }));
    let puback = b"\x40\x02\x00\x14";
    let told = &["Message \"t\" \"p\" q1 20 dup"];
    rows.extend(each(0x3A, 20, "t", |v, bytes| accept("H68, H72", v, busy, bytes, told, puback)));
    rows.extend(each(0x32, 9, "t", |v, bytes| close("H69", v, busy, bytes, Violation::PacketIdInUse, 0x82)));
    rows.extend(each(0x3A, 9, "t", |v, bytes| close("H69", v, busy, bytes, Violation::PacketIdInUse, 0x82)));
    rows.extend(each(0x3C, 9, "t", |v, bytes| accept("H66", v, busy, bytes, &[], b"\x50\x02\x00\x09")));
    rows.extend(each(0x34, 9, "t", |v, bytes| accept("H66", v, busy, bytes, &[], b"\x50\x02\x00\x09")));
    for first in [0x30, 0x31] {
        let told = if first == 0x30 { "Message \"t\" \"\" q0 0" } else { "Message \"t\" \"\" q0 0 retain" };
        rows.push(accept("H65", OLD, busy, message(Version::V311, first, 0, "t", b""), &[told], b""));
        rows.push(accept("H65", V5, busy, message(Version::V5, first, 0, "t", b""), &[told], b""));
    }
    run(rows);
    let mut rig = idle(Version::V311);
    rig.play(&message(Version::V311, 0x38, 0, "t", b"p"));
    assert_eq!(rig.mqtt.stats().dup_at_qos0, 1, "H58: counted");
}

#[test]
fn the_same_message_twice_in_one_piece() {
    // [MQTT-3.3.4-1] [MQTT-4.3.3-8] [MQTT-4.3.3-10] [MQTT-4.3.3-11] [MQTT-4.3.3-12] [MQTT-4.5.0-2]
    // H66: the second is not delivered, whatever DUP says and whatever it contains.
    for version in ALL {
        for second in [0x34, 0x3C] {
            let bytes = [message(*version, 0x34, 7, "t", b"one"), message(*version, second, 7, "u", b"other")].concat();
            let mut rig = idle(*version);
            let played = rig.play(&bytes);
            assert_eq!(played.told, ["Message \"t\" \"one\" q2 7"]);
            assert_eq!(played.sent, b"\x50\x02\x00\x07\x50\x02\x00\x07");
            assert_eq!(rig.mqtt.stats().repeated_messages, 1);
            // H67: after PUBCOMP the identifier is free.
            assert_eq!(rig.play(b"\x62\x02\x00\x07").sent, b"\x70\x02\x00\x07");
            let played = rig.play(&message(*version, second, 7, "u", b"other"));
            assert_eq!((played.told.len(), &played.sent[..]), (1, &b"\x50\x02\x00\x07"[..]));
        }
    }
}

#[test]
fn a_message_that_comes_again_on_the_next_link() {
    // H73
    for version in ALL {
        let mut rig = busy(*version);
        rig.reconnect();
        let played = rig.play(&message(*version, 0x3C, 9, "i/9", b"nine"));
        assert_eq!((played.told.len(), &played.sent[..]), (0, &b"\x50\x02\x00\x09"[..]));
        let mut rig = busy(*version);
        rig.reconnect();
        assert_eq!(rig.play(b"\x62\x02\x00\x09").sent, b"\x70\x02\x00\x09");
        // PUBREC had not left: it was delivered all the same.
        let mut rig = idle(*version);
        assert!(rig.mqtt.handle_input(rig.at(), &message(*version, 0x34, 9, "i/9", b"nine")).is_ok());
        assert_eq!(rig.reconnect(), b"", "PUBREC is owed for the PUBLISH of this link");
        let played = rig.play(&message(*version, 0x3C, 9, "i/9", b"nine"));
        assert_eq!((played.told.len(), &played.sent[..]), (0, &b"\x50\x02\x00\x09"[..]));
    }
}

#[test]
fn an_identifier_that_the_server_has_forgotten() {
    // H69 over two links: what an earlier link left open under the identifier goes, so that not every link ends in the same way.
    for version in ALL {
        let mut rig = busy(*version);
        rig.reconnect();
        let bytes = message(*version, 0x32, 9, "t", b"new");
        assert_eq!(rig.play(&bytes).end, Some(Violation::PacketIdInUse.into()));
        rig.reconnect();
        let played = rig.play(&bytes);
        assert_eq!((played.told.len(), &played.sent[..]), (1, &b"\x40\x02\x00\x09"[..]));
    }
}

fn aliased(version: Version) -> Rig {
    let limits = Limits { topic_alias_maximum: 3, alias_name_max: 8, ..Limits::DEFAULT };
    Rig::connected(version, Setup { limits, ..DEFAULT })
}

/// On the link before, alias 1 stood for a topic.
fn aliased_before(version: Version) -> Rig {
    let mut rig = aliased(version);
    assert_eq!(rig.play(&alias(1, "t")).told.len(), 1);
    rig.reconnect();
    rig
}

fn alias(alias: u8, topic: &str) -> Vec<u8> {
    message5(0x30, 0, topic, &[0x23, 0, alias], b"p")
}

#[test]
fn aliases() {
    // [MQTT-3.3.2-8]
    // [MQTT-3.1.2-26] [MQTT-3.1.2-27] [MQTT-3.3.2-7] [MQTT-3.3.2-10] [MQTT-3.3.2-11]
    let wrong = Violation::TopicAlias;
    let unknown = Violation::UnknownTopicAlias;
    let told = &["Message \"t\" \"p\" q0 0"];
    run(vec![
        close("H60", V5, aliased, message5(0x30, 0, "", b"", b"p"), Violation::EmptyTopic, 0x82),
        close("H61", V5, aliased, alias(0, "t"), wrong, 0x94),
        close("H61", V5, aliased, alias(0, ""), wrong, 0x94),
        close("H61", V5, idle, alias(0, "t"), wrong, 0x94),
        // Beside a name it is passed over.
        accept("H62", V5, aliased, alias(4, "t"), told, b""),
        accept("H62", V5, aliased, [alias(4, "t"), alias(4, "t")].concat(), &[told[0], told[0]], b""),
        accept("H62", V5, aliased, message5(0x30, 0, "t", b"\x23\xFF\xFF", b"p"), told, b""),
        accept("H62", V5, busy, alias(1, "t"), told, b""),
        close("H62", V5, strict, alias(1, "t"), wrong, 0x94),
        close("H62", V5, aliased, alias(4, ""), wrong, 0x94),
        close("H62", V5, busy, alias(1, ""), wrong, 0x94),
        close("H63", V5, aliased, alias(1, ""), unknown, 0x82),
        close("H63", V5, aliased_before, alias(1, ""), unknown, 0x82),
        accept("H64", V5, aliased, alias(3, "t"), &["Message \"t\" \"p\" q0 0"], b""),
    ]);
}

#[test]
fn an_alias_bound_anew_and_one_that_is_too_long() {
    // H64
    let mut rig = aliased(Version::V5);
    let bytes = [alias(1, "one"), alias(1, ""), alias(1, "two"), alias(1, "")].concat();
    let topics = ["one", "one", "two", "two"].map(|topic| format!("Message {topic:?} \"p\" q0 0"));
    assert_eq!(rig.play(&bytes).told, topics);
    for number in 1..=3 {
        assert_eq!(rig.play(&alias(number, &"x".repeat(8))).told, ["Message \"xxxxxxxx\" \"p\" q0 0"]);
        let long = "y".repeat(9);
        assert_eq!(
            rig.play(&alias(number, &long)).told,
            [format!("Message {long:?} \"p\" q0 0")],
            "delivered all the same"
        );
    }
    let mut again = rig.clone();
    assert_eq!(again.play(&alias(2, "z")).told.len(), 1, "and can be bound to something else");
    assert_eq!(again.play(&alias(2, "")).told, ["Message \"z\" \"p\" q0 0"]);
    assert_eq!(rig.play(&alias(2, "")).end, Some(Violation::ForgottenTopicAlias.into()));
    assert_eq!(rig.drain(), b"\xE0\x01\x83");
    assert!(rig.mqtt.should_close());
    // The next link is like any other, but that it announces no aliases.
    rig.reconnect();
    assert_eq!(rig.clone().play(&alias(2, "")).end, Some(Violation::TopicAlias.into()));
    assert_eq!(rig.play(&message5(0x30, 0, &"y".repeat(9), b"", b"p")).told.len(), 1);
}

#[test]
fn a_refused_message_binds_no_alias() {
    let mut rig = aliased(Version::V5);
    let bad = message5(0x32, 0, "t", b"\x23\x00\x01", b"p"); // an identifier of 0
    assert!(rig.play(&bad).end.is_some());
    rig.reconnect();
    assert_eq!(rig.play(&alias(1, "")).end, Some(Violation::UnknownTopicAlias.into()));
}

fn narrow(version: Version, manual_acks: bool) -> Rig {
    let limits = Limits { receive_maximum: 2, max_received: 3, manual_acks, ..Limits::DEFAULT };
    Rig::connected(version, Setup { limits, ..DEFAULT })
}

#[test]
fn more_messages_than_announced() {
    // H70
    for version in ALL {
        for first in [0x34, 0x32] {
            let mut rig = narrow(*version, true);
            // Three are held, though only two were announced; the last place is kept for QoS 1.
            let most = if first == 0x34 { 2 } else { 3 };
            let taken: Vec<_> = (1..=most).map(|id| rig.receive(&message(*version, first, id, "t", b""))).collect();
            let next_one = message(*version, first, 4, "t", b"");
            // The server waits as long as the application has messages to acknowledge.
            for _ in 0..2 {
                assert_eq!(rig.mqtt.handle_input(rig.at(), &next_one), Ok(Received::Blocked));
                assert!(rig.mqtt.is_connected());
            }
            for pending in taken {
                rig.mqtt.acknowledge(rig.at(), pending, &Ack::SUCCESS).unwrap();
                assert_eq!(rig.mqtt.handle_input(rig.at(), &next_one), Ok(Received::Blocked), "until all have left");
            }
            assert_eq!(rig.drain().len(), 4 * usize::from(most));
            let before = rig.clone();
            let played = rig.play(&next_one);
            if first == 0x32 {
                assert_eq!((played.end, played.told.len()), (None, 1));
            } else {
                // What would free a place, PUBREL, lies behind: the link ends, and has made progress.
                assert_eq!(played.end, Some(ConnectionError::Protocol(Violation::ReceiveMaximumExceeded)));
                crate::table::check_closed(&before, rig, &played, 0x93);
            }
        }
    }
}

#[test]
fn strictly_the_maximum_is_a_maximum() {
    // [MQTT-3.3.4-9]
    // H70: 5.0 announced it.
    let limits = Limits { receive_maximum: 2, manual_acks: true, strict: true, ..Limits::DEFAULT };
    for first in [0x32, 0x34] {
        let mut rig = Rig::connected(Version::V5, Setup { limits, ..DEFAULT });
        for id in 1..=2 {
            let _ = rig.receive(&message(Version::V5, first, id, "t", b""));
        }
        let before = rig.clone();
        let played = rig.play(&message(Version::V5, first, 3, "t", b""));
        assert_eq!(played.end, Some(Violation::ReceiveMaximumExceeded.into()));
        crate::table::check_closed(&before, rig, &played, 0x93);
    }
}

#[test]
fn a_message_that_waited_is_taken_once_there_is_room() {
    // H70
    for version in ALL {
        let mut rig = narrow(*version, true);
        let handle = rig.receive(&message(*version, 0x32, 1, "t", b"1"));
        let _others = [2, 3].map(|id| rig.receive(&message(*version, 0x32, id, "t", b"")));
        let next_one = message(*version, 0x32, 4, "t", b"4");
        assert_eq!(rig.mqtt.handle_input(rig.at(), &next_one), Ok(Received::Blocked));
        rig.mqtt.acknowledge(rig.at(), handle, &Ack::SUCCESS).unwrap();
        assert_eq!(rig.drain(), b"\x40\x02\x00\x01");
        assert_eq!(rig.play(&next_one).told, ["Message \"t\" \"4\" q1 4"]);
    }
}

#[test]
fn within_the_maximum_nothing_blocks() {
    // H70: what was answered no longer counts.
    for version in ALL {
        let mut rig = narrow(*version, false);
        for id in 1..=100 {
            let played = rig.play(&message(*version, 0x32, id, "t", b""));
            assert_eq!((played.told.len(), played.end), (1, None));
            let played = rig.play(&message(*version, 0x34, id, "t", b""));
            assert_eq!((played.told.len(), played.end), (1, None));
            let release = packet(0x62, &id.to_be_bytes());
            assert_eq!(rig.play(&release).sent.len(), 4);
        }
    }
}

#[test]
fn messages_that_are_never_released() {
    // H71
    for version in ALL {
        let limits = Limits { max_received: 1024, ..Limits::DEFAULT };
        let mut rig = Rig::connected(*version, Setup { limits, ..DEFAULT });
        let mut taken = 0;
        let error = loop {
            let played = rig.play(&message(*version, 0x34, taken + 1, "t", b""));
            match played.end {
                Some(error) => break error,
                None => taken += 1,
            }
        };
        let most = 1023; // the last place is kept for QoS 1
        assert_eq!(taken, most);
        assert_eq!(error, ConnectionError::Protocol(Violation::ReceiveMaximumExceeded));
        let farewell: &[u8] = if *version == Version::V5 { b"\xE0\x01\x93" } else { b"" };
        assert_eq!(rig.drain(), farewell);
        // The session is kept: what was delivered is known on the next link, and what it frees makes room.
        rig.reconnect();
        assert_eq!(rig.play(&message(*version, 0x3C, most, "t", b"")).told.len(), 0);
        for id in 1..=most {
            assert_eq!(rig.play(&packet(0x62, &id.to_be_bytes())).sent, packet(0x70, &id.to_be_bytes()));
        }
        assert_eq!(rig.play(&message(*version, 0x34, 2000, "t", b"")).told.len(), 1);
    }
}

#[test]
fn text_that_is_none() {
    // H74
    let bytes = |first| message5(first, 30, "t", b"\x01\x01", b"\xFF");
    let checked = Setup { limits: Limits { check_payload_format: true, ..Limits::DEFAULT }, ..DEFAULT };
    for (first, plain, refused) in [
        (0x30, &b""[..], &b""[..]),
        (0x32, b"\x40\x02\x00\x1E", b"\x40\x03\x00\x1E\x99"),
        (0x34, b"\x50\x02\x00\x1E", b"\x50\x03\x00\x1E\x99"),
    ] {
        let played = idle(Version::V5).play(&bytes(first));
        assert_eq!((played.told.len(), &played.sent[..]), (1, plain), "delivered unless asked otherwise");
        let mut rig = Rig::connected(Version::V5, checked);
        let played = rig.play(&bytes(first));
        assert_eq!((played.told.len(), &played.sent[..], played.end), (0, refused, None));
        assert_eq!(rig.mqtt.stats().invalid_payloads, 1);
        let played = rig.play(&message5(first, 30, "t", b"\x01\x01", "ü".as_bytes()));
        assert_eq!((played.told.len(), &played.sent[..]), (1, plain), "the identifier is free again");
    }
}

#[test]
fn the_largest_values() {
    // H75
    let mut rig = idle(Version::V5);
    for (expiry, bytes) in [(0, [0; 4]), (u32::MAX, [255; 4])] {
        let identifiers = b"\x0B\xFF\xFF\xFF\x7F".repeat(100);
        let properties = [&[0x02], &bytes[..], &identifiers].concat();
        let bytes = packet(0x30, &[b"\x00\x01t", &block(&properties)[..]].concat());
        let Ok(Received::Packet { event: Some(Event::Message(message)), .. }) = rig.mqtt.handle_input(rig.at(), &bytes)
        else {
            panic!()
        };
        assert_eq!(message.properties.message_expiry_interval(), Some(expiry));
        assert!(message.properties.subscription_identifiers().eq([268_435_455; 100]));
        assert_eq!((message.qos, message.payload), (QoS::AtMostOnce, &b""[..]));
    }
}
