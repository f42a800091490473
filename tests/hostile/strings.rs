//! Strings in what the server sends: H13 to H20.

use crate::rig::{ALL, DEFAULT, OLD, Rig, Setup, V5, busy, idle, message, message5, strict};
use crate::table::{Row, accept, close, run};
use pure_mqtt::wire::Malformed;
use pure_mqtt::{
    Connect, Instant, OpenError, Property, Publish, PublishError, QoS, TopicError, TopicFilter, TopicName, Version,
};

/// One row for the versions before 5.0 and one for 5.0: their PUBLISH differs.
fn for_topic(make: impl Fn(&'static [Version], Vec<u8>) -> Row, topic: &[u8]) -> [Row; 2] {
    [make(OLD, message(Version::V311, 0x30, 0, topic, b"p")), make(V5, message(Version::V5, 0x30, 0, topic, b"p"))]
}

#[test]
fn lengths_behind_the_end() {
    run(vec![
        close("H13", ALL, busy, b"\x30\x03\xFF\xFFa", Malformed::Truncated, 0x81),
        close("H13", ALL, busy, b"\x30\x07\xFF\xFFABCDE", Malformed::Truncated, 0x81),
        close("H13", V5, busy, message5(0x30, 0, "t", b"\x03\xFF\xFFab", b""), Malformed::Truncated, 0x81),
        close("H13", V5, busy, message5(0x30, 0, "t", b"\x09\xFF\xFFab", b""), Malformed::Truncated, 0x81),
        close("H13", V5, busy, b"\x40\x08\x00\x01\x00\x04\x1F\xFF\xFFa", Malformed::Truncated, 0x81),
    ]);
}

#[test]
fn ill_formed_text() {
    // [MQTT-1.5.4-1] [MQTT-1.5.4-2]
    let mut rows = Vec::new();
    for topic in [
        &b"\x80"[..],
        b"\xC0\x80",
        b"\xF5\x80\x80\x80",
        b"\xE2\x82",
        b"a\xE2\x82",
        b"\xED\xA0\x80",
        b"\xED\xBF\xBF",
        b"\xF4\x90\x80\x80",
    ] {
        let refused = |versions, bytes| close("H14, H15", versions, strict, bytes, Malformed::Utf8, 0x81);
        rows.extend(for_topic(refused, topic));
        let discarded = |versions, bytes| accept("H14, H15", versions, busy, bytes, &["Discarded BadTopic q0 0"], b"");
        rows.extend(for_topic(discarded, topic));
        let reason = [b"\x1F\x00", &[topic.len() as u8][..], topic].concat();
        let puback = crate::rig::packet(0x40, &[b"\x00\x01\x00", &crate::rig::block(&reason)[..]].concat());
        rows.push(close("H14, H15", V5, busy, puback, Malformed::Utf8, 0x81));
    }
    for topic in [&b"\0"[..], b"a\0b"] {
        let refused = |versions, bytes| close("H16", versions, strict, bytes, Malformed::NulCharacter, 0x81);
        rows.extend(for_topic(refused, topic));
        let discarded = |versions, bytes| accept("H16", versions, busy, bytes, &["Discarded BadTopic q0 0"], b"");
        rows.extend(for_topic(discarded, topic));
    }
    for property in [&b"\x03\x00\x01\0"[..], b"\x08\x00\x01\0", b"\x26\x00\x01\0\x00\x00", b"\x26\x00\x00\x00\x01\0"] {
        let bytes = message5(0x30, 0, "t", property, b"");
        rows.push(close("H16", V5, busy, bytes, Malformed::NulCharacter, 0x81));
    }
    run(rows);
}

#[test]
fn odd_text() {
    // [MQTT-1.5.4-3]
    let mut rows = Vec::new();
    for (topic, told) in [
        ("\u{1}", "Message \"\\u{1}\" \"p\" q0 0"),
        ("\u{1F}", "Message \"\\u{1f}\" \"p\" q0 0"),
        ("\u{7F}", "Message \"\\u{7f}\" \"p\" q0 0"),
        ("\u{9F}", "Message \"\\u{9f}\" \"p\" q0 0"),
        ("\u{FFFF}", "Message \"\\u{ffff}\" \"p\" q0 0"),
    ] {
        rows.extend(for_topic(|v, bytes| accept("H17", v, busy, bytes, &[told], b""), topic.as_bytes()));
        let refused = Malformed::ControlCharacter;
        rows.extend(for_topic(|v, bytes| close("H17", v, strict, bytes, refused, 0x81), topic.as_bytes()));
    }
    let told = "Message \"\\u{feff}a\" \"p\" q0 0";
    for setup in [busy, strict] {
        rows.extend(for_topic(|v, bytes| accept("H18", v, setup, bytes, &[told], b""), "\u{FEFF}a".as_bytes()));
    }
    rows.push(close(
        "H17",
        V5,
        strict,
        message5(0x30, 0, "t", b"\x03\x00\x01\x01", b""),
        Malformed::ControlCharacter,
        0x81,
    ));
    run(rows);
}

#[test]
fn the_longest_topic() {
    // H19
    for version in ALL {
        let slashes = "/".repeat(65_535);
        let played = idle(*version).play(&message(*version, 0x30, 0, &slashes, b"p"));
        assert_eq!(played.told, ["Message \"65535 bytes\" \"p\" q0 0"]);
    }
    let deep = "+/".repeat(32_767);
    let filter = TopicFilter::new(&deep).unwrap();
    let slashes = "/".repeat(65_535);
    assert!(!filter.matches(TopicName::new(&slashes).unwrap()));
    let all = format!("{}#", "+/".repeat(32_767));
    assert!(TopicFilter::new(&all).unwrap().matches(TopicName::new(&slashes).unwrap()));
}

#[test]
fn commands_that_are_too_long_change_nothing() {
    // H20
    let long = "x".repeat(65_536);
    assert_eq!(TopicName::new(&long), Err(TopicError::TooLong));
    assert_eq!(TopicFilter::new(&long), Err(TopicError::TooLong));
    for version in ALL {
        let before = Rig::closed(*version, DEFAULT);
        let mut rig = before.clone();
        let now = Instant::from_millis(1);
        let connect = Connect::new(*version, &long);
        assert!(matches!(rig.mqtt.open(now, &connect), Err(OpenError::Field | OpenError::ClientId)));
        let connect = Connect::new(*version, "c").user_name(&long);
        assert_eq!(rig.mqtt.open(now, &connect), Err(OpenError::Field));
        let connect = Connect::new(*version, "c").user_name("u").password(long.as_bytes());
        assert_eq!(rig.mqtt.open(now, &connect), Err(OpenError::Field));
        assert!(rig.mqtt == before.mqtt, "nothing changed");

        let before = busy(*version);
        let mut rig = before.clone();
        let huge = vec![0u8; 268_435_456]; // never touched, so it takes no memory
        let topic = TopicName::new("t").unwrap();
        let publish = Publish::new(topic, &huge[..]).qos(QoS::AtLeastOnce);
        assert_eq!(rig.mqtt.publish(rig.at(), &publish), Err(PublishError::TooLarge));
        if *version == Version::V5 {
            let list = [Property::UserProperty(("k", &long))];
            let publish = Publish::new(topic, b"").properties(&list);
            assert!(matches!(rig.mqtt.publish(rig.at(), &publish), Err(PublishError::Property(_))));
            let list = [Property::UserProperty((&long, "v"))];
            let connect = Connect::new(*version, "c").properties(&list);
            let mut closed = Rig::closed(*version, DEFAULT);
            assert!(matches!(closed.mqtt.open(closed.at(), &connect), Err(OpenError::Property(_))));
        }
        assert!(rig.mqtt == before.mqtt, "nothing changed");
    }
    let before = Rig::connected(Version::V5, Setup { connack: b"\x27\x00\x00\x00\x14", ..DEFAULT });
    let mut rig = before.clone();
    let topic = TopicName::new("t").unwrap();
    for (payload, result) in [(12, true), (13, false)] {
        let payload = vec![b'.'; payload];
        let publish = Publish::new(topic, &payload[..]).qos(QoS::AtLeastOnce);
        let accepted = rig.clone().mqtt.publish(rig.at(), &publish);
        assert_eq!(accepted.is_ok(), result, "20 bytes, and 21");
        assert!(result || accepted == Err(PublishError::ServerMaximum));
    }
    let too_long = [b'.'; 13];
    assert!(rig.mqtt.publish(rig.at(), &Publish::new(topic, &too_long[..]).qos(QoS::AtLeastOnce)).is_err());
    assert!(rig.mqtt == before.mqtt);
}
