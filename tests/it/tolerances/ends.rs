//! One accessor says which message or request an event ends, and how.

use super::table::{ALL, OLD, V5, busy};
use crate::corners::rig::{NOW, message, sent, taken, up};
use pure_mqtt::{Event, Heap, Limits, Publish, QoS, ReasonCode, Topic, TopicName, Version};

/// What `bytes` end: the identifier, the reason, and whether that is success.
fn end(version: Version, bytes: &[u8]) -> Option<(u16, u8, bool)> {
    let mut mqtt = up(Heap::new(), Limits::DEFAULT, version);
    busy(&mut mqtt);
    let event = taken(&mut mqtt, bytes).unwrap();
    let end = event.and_then(|event| event.final_result())?;
    assert_eq!(end.handle.to_string(), end.id.to_string(), "the first commands have equal numbers");
    Some((end.id.get(), end.reason.0, end.is_success))
}

#[test]
fn every_answer_that_ends_something_says_so() {
    for version in ALL {
        assert_eq!(end(*version, b"\x40\x02\0\x01"), Some((1, 0, true)));
        assert_eq!(end(*version, b"\x70\x02\0\x03"), Some((3, 0, true)));
        assert_eq!(end(*version, b"\x50\x02\0\x02"), None, "PUBREL follows");
        assert_eq!(end(*version, b"\x62\x02\0\x09"), None);
        assert_eq!(end(*version, &message(*version, 1, 5)), None);
    }
    for version in OLD {
        assert_eq!(end(*version, b"\x90\x04\0\x04\x01\x02"), Some((4, 0, true)));
        assert_eq!(end(*version, b"\x90\x04\0\x04\x01\x80"), Some((4, 0x80, false)));
        assert_eq!(end(*version, b"\xB0\x02\0\x05"), Some((5, 0, true)));
        assert_eq!(end(*version, b"\x40\x02\0\x02"), Some((2, 0, true)), "QoS 2, by PUBACK");
        assert_eq!(end(*version, b"\x70\x04\0\x03\x92\0"), Some((3, 0x92, true)));
    }
    for version in V5 {
        assert_eq!(end(*version, b"\x40\x03\0\x01\x10"), Some((1, 0x10, true)), "nobody listens");
        assert_eq!(end(*version, b"\x40\x03\0\x01\x97"), Some((1, 0x97, false)));
        assert_eq!(end(*version, b"\x50\x03\0\x02\x87"), Some((2, 0x87, false)));
        assert_eq!(end(*version, b"\x70\x03\0\x03\x92"), Some((3, 0x92, true)), "it was taken over at PUBREC");
        assert_eq!(end(*version, b"\x70\x03\0\x03\x80"), Some((3, 0x80, false)));
        assert_eq!(end(*version, b"\x90\x05\0\x04\0\x01\x02"), Some((4, 0, true)));
        assert_eq!(end(*version, b"\x90\x05\0\x04\0\xA2\x87"), Some((4, 0xA2, false)), "the first failure");
        assert_eq!(end(*version, b"\xB0\x05\0\x05\0\0\x11"), Some((5, 0, true)));
        assert_eq!(end(*version, b"\xB0\x05\0\x05\0\0\x87"), Some((5, 0x87, false)));
        assert_eq!(end(*version, b"\xB0\x02\0\x05"), Some((5, 0, true)), "without codes");
    }
}

/// PUBCOMP was lost, PUBREL leaves again, and the server doesn't know the identifier any more (§3.7.2.1): the message is done.
#[test]
fn an_identifier_that_the_server_has_forgotten_is_no_error() {
    let mut mqtt = up(Heap::new(), Limits::DEFAULT, Version::V5);
    let publish = Publish::new(TopicName::new("o").unwrap(), b"x").qos(QoS::ExactlyOnce);
    let delivery = mqtt.publish(NOW, &publish).unwrap();
    sent(&mut mqtt);
    assert_eq!(taken(&mut mqtt, b"\x50\x02\0\x01"), Ok(None));
    sent(&mut mqtt);
    mqtt.handle_close(NOW);
    crate::corners::rig::reopen(&mut mqtt, Version::V5, true, &[]);
    assert_eq!(sent(&mut mqtt), b"\x62\x02\0\x01");
    let event = taken(&mut mqtt, b"\x70\x03\0\x01\x92").unwrap().unwrap();
    let end = event.final_result().unwrap();
    assert_eq!((end.handle, end.reason), (delivery.handle, ReasonCode::PACKET_IDENTIFIER_NOT_FOUND));
    assert!(end.is_success);
}

#[test]
fn a_topic_has_its_name_unless_it_is_elsewhere() {
    let mut mqtt = up(Heap::new(), Limits { topic_alias_maximum: 1, ..Limits::DEFAULT }, Version::V5);
    let wire = [&b"\x30\x07\0\x01t\x03\x23\0\x01"[..], b"\x30\x06\0\0\x03\x23\0\x01"];
    let Ok(Some(Event::Message(first))) = taken(&mut mqtt, wire[0]) else { panic!() };
    let Ok(Some(Event::Message(second))) = taken(&mut mqtt, wire[1]) else { panic!() };
    assert_eq!(first.topic.name().map(|name| name.as_str()), Some("t"));
    assert_eq!(second.topic.name(), None, "the connection has it");
    assert_eq!(mqtt.topic(&second.topic).map(|name| name.as_str()), Some("t"));
    assert_eq!(Topic::Invalid(b"#").name(), None);
}
