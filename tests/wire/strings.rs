//! Strings: UTF-8, U+0000, the byte order mark, and what strict reading refuses (§1.5.4).

use crate::bytes::{block, decode, decode_strictly, field, malformed, packet, violation};
use pure_mqtt::Version;
use pure_mqtt::wire::{Malformed, Packet, Violation};

fn publish(topic: &[u8], version: Version) -> Vec<u8> {
    let mut body = field(topic);
    if version == Version::V5 {
        body.push(0);
    }
    packet(0x30, &body)
}

#[test]
fn what_is_no_utf8() {
    for topic in [
        &b"\x80"[..],
        b"\xBF",
        b"a\x80b",
        b"\xC0\x80",
        b"\xC1\xBF",
        b"\xE0\x80\x80",
        b"\xE0\x9F\xBF",
        b"\xF0\x80\x80\x80",
        b"\xF0\x8F\xBF\xBF",
        b"\xED\xA0\x80",
        b"\xED\xAF\xBF",
        b"\xED\xB0\x80",
        b"\xED\xBF\xBF",
        b"\xED\xA0\x80\xED\xB0\x80",
        b"\xF4\x90\x80\x80",
        b"\xF5\x80\x80\x80",
        b"\xFE",
        b"\xFF",
        b"\xC3",
        b"\xE2\x82",
        b"\xF0\x9F\x98",
        b"a\xE2\x82",
        b"\xE2\x28\xA1",
    ] {
        for version in Version::ALL {
            assert_eq!(decode(&publish(topic, version), version), malformed(Malformed::Utf8), "{topic:02X?}");
        }
    }
}

#[test]
fn the_borders_of_utf8_are_kept_as_they_are() {
    for topic in [
        "\u{1}",
        "\u{7F}",
        "\u{80}",
        "\u{7FF}",
        "\u{800}",
        "\u{D7FF}",
        "\u{E000}",
        "\u{FFFD}",
        "\u{FFFE}",
        "\u{FFFF}",
        "\u{10000}",
        "\u{10FFFF}",
        "\u{FEFF}",
        "\u{FEFF}a",
        "a\u{FEFF}",
        " ",
        "/",
        "//",
        "$SYS",
        "é",
        "e\u{301}",
    ] {
        for version in Version::ALL {
            let bytes = publish(topic.as_bytes(), version);
            let Ok(Packet::Publish(publish)) = decode(&bytes, version) else { panic!("{topic:?}") };
            assert_eq!(publish.topic, topic);
        }
    }
}

#[test]
fn the_null_character() {
    for topic in [&b"\0"[..], b"a\0", b"\0a", b"a\0b"] {
        for version in Version::ALL {
            assert_eq!(decode(&publish(topic, version), version), malformed(Malformed::NulCharacter));
        }
    }
}

#[test]
fn strict_reading_refuses_control_characters() {
    let refused = (1..=0x1Fu32).chain(0x7F..=0x9F).chain([0xFFFF]);
    let accepted = [0x20, 0x7E, 0xA0, 0xFEFF, 0xFFFD, 0x10FFFF].into_iter();
    for (code, is_refused) in refused.map(|code| (code, true)).chain(accepted.map(|code| (code, false))) {
        let topic = format!("a{}b", char::from_u32(code).unwrap());
        for version in Version::ALL {
            let bytes = publish(topic.as_bytes(), version);
            assert!(decode(&bytes, version).is_ok(), "U+{code:04X}");
            let strictly = decode_strictly(&bytes, version);
            match is_refused {
                true => assert_eq!(strictly, malformed(Malformed::ControlCharacter), "U+{code:04X}"),
                false => assert!(strictly.is_ok(), "U+{code:04X}"),
            }
        }
    }
}

#[test]
fn strict_reading_reaches_every_string() {
    // [MQTT-1.5.7-1] [MQTT-3.3.2-13] [MQTT-3.3.2-19]
    let property = |content: &[u8]| packet(0x30, &[&field("t")[..], &block(content)].concat());
    for bytes in [
        property(b"\x03\x00\x01\x01"),
        property(b"\x08\x00\x01\x01"),
        property(b"\x26\x00\x01\x01\x00\x00"),
        property(b"\x26\x00\x00\x00\x01\x01"),
        b"\x10\x0E\x00\x04MQTT\x05\x02\x00\x3C\x00\x00\x01\x01".to_vec(),
        b"\x10\x11\x00\x04MQTT\x05\x82\x00\x3C\x00\x00\x00\x00\x02a\x01".to_vec(),
        b"\x10\x13\x00\x04MQTT\x05\x06\x00\x3C\x00\x00\x00\x00\x00\x01\x01\x00\x00".to_vec(),
        b"\x82\x07\x00\x01\x00\x00\x01\x01\x00".to_vec(),
        b"\xA2\x06\x00\x01\x00\x00\x01\x01".to_vec(),
        b"\xE0\x06\x00\x04\x1F\x00\x01\x01".to_vec(),
    ] {
        assert!(decode(&bytes, Version::V5).is_ok(), "{bytes:02X?}");
        assert_eq!(decode_strictly(&bytes, Version::V5), malformed(Malformed::ControlCharacter), "{bytes:02X?}");
    }
    // Binary data and payloads are no strings.
    assert!(decode_strictly(&property(b"\x09\x00\x01\x01"), Version::V5).is_ok());
    assert!(decode_strictly(b"\x30\x05\x00\x01t\x00\x01", Version::V5).is_ok());
    assert!(decode_strictly(b"\x30\x04\x00\x01t\x00", Version::V311).is_ok());
}

#[test]
fn strict_reading_refuses_dup_at_qos_0() {
    for version in Version::ALL {
        let mut bytes = publish(b"t", version);
        bytes[0] = 0x38;
        assert!(decode(&bytes, version).is_ok());
        assert_eq!(decode_strictly(&bytes, version), violation(Violation::DupAtQoS0));
    }
}

#[test]
fn strings_that_end_behind_the_packet() {
    for version in Version::ALL {
        for bytes in [
            &b"\x30\x00"[..],
            b"\x30\x01\x00",
            b"\x30\x02\x00\x01",
            b"\x30\x03\xFF\xFFa",
            b"\x30\x07\xFF\xFFABCDE",
            b"\x32\x02\x00\x00",
            b"\x32\x03\x00\x01a",
            b"\x32\x04\x00\x01a\x00",
        ] {
            assert_eq!(decode(bytes, version), malformed(Malformed::Truncated), "{bytes:02X?}");
        }
    }
    assert_eq!(decode(b"\x30\x03\x00\x01a", Version::V5), malformed(Malformed::Truncated), "no property length");
}

#[test]
fn topics() {
    for version in Version::ALL {
        for topic in ["#", "+", "a/#", "a/+/b", "a+", "#a", "a#"] {
            let bytes = publish(topic.as_bytes(), version);
            assert_eq!(decode(&bytes, version), violation(Violation::TopicWildcard), "{topic}");
        }
        assert_eq!(decode(&publish(b"", version), version), violation(Violation::EmptyTopic));
        let slashes = "/".repeat(65_535);
        let bytes = publish(slashes.as_bytes(), version);
        let Ok(Packet::Publish(publish)) = decode(&bytes, version) else { panic!() };
        assert_eq!(publish.topic.len(), 65_535);
    }
    assert_eq!(Violation::TopicWildcard.reason().0, 0x90);
    let aliased = |alias: u8, topic: &str| packet(0x30, &[&field(topic)[..], &[3, 0x23, 0, alias]].concat());
    assert!(decode(&aliased(1, ""), Version::V5).is_ok());
    assert_eq!(decode(&aliased(0, ""), Version::V5), violation(Violation::TopicAlias));
    assert_eq!(decode(&aliased(0, "t"), Version::V5), violation(Violation::TopicAlias));
    assert_eq!(decode(&aliased(1, "+"), Version::V5), violation(Violation::TopicWildcard));
}
