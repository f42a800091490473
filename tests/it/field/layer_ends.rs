//! What a client layer needs of the engine: requests before messages, what is unfinished with all that it is, and one answer to "how did it end".

use super::rig::{Field, NEW, QOS0, QOS1, QOS2, V5, V31, V311, count, in_every_storage, message_with, packets};
use pure_mqtt::{Event, Limits, Property, Publish, PublishError, QoS, ReasonCode, Received, TopicName, Version};

/// CONNECT that announces nothing, for brokers that choke on it.
#[test]
fn connect_can_announce_nothing() {
    for announce_limits in [true, false] {
        let limits = Limits { announce_limits, inline_max: 1_000, receive_maximum: 10, ..Limits::DEFAULT };
        let mut field = Field::with(V5, limits);
        field.expiry = 0;
        field.open();
        let connect = field.sent();
        assert_eq!(connect.windows(3).any(|window| window == b"\x21\0\x0A"), announce_limits, "Receive Maximum");
        assert_eq!(
            connect.windows(5).any(|window| window == b"\x27\0\0\x03\xE8"),
            announce_limits,
            "Maximum Packet Size"
        );
        if !announce_limits {
            assert_eq!(connect[12], 0, "no property at all: {connect:02X?}");
        }
    }
}

/// One accessor says which message or request an event ends, and how; it knows that 0x92 after a repeated PUBREL is no failure (§3.7.2.1).
#[test]
fn an_event_says_what_it_ends() {
    let ends = |bytes: &[u8]| {
        let mut field = Field::up(V5, Limits::DEFAULT);
        let handles = [QOS1, QOS2, QOS2].map(|qos| field.publish("t", b"x", qos).handle);
        field.subscribe(&["a", "b"]);
        field.unsubscribe(&["a"]);
        field.sent();
        field.hear(b"\x50\x02\0\x03").nothing();
        field.again(true);
        let now = field.at();
        let event = match field.mqtt.handle_input(now, bytes).unwrap() {
            Received::Packet { event, .. } => event,
            other => panic!("{other:?}"),
        };
        let end = event.as_ref().and_then(Event::final_result);
        end.map(|end| {
            let place = handles.iter().position(|handle| *handle == end.handle);
            (place, end.id.get(), end.reason, end.is_success)
        })
    };
    assert_eq!(ends(b"\x40\x02\0\x01"), Some((Some(0), 1, ReasonCode::SUCCESS, true)));
    assert_eq!(ends(b"\x40\x03\0\x01\x10"), Some((Some(0), 1, ReasonCode::NO_MATCHING_SUBSCRIBERS, true)));
    assert_eq!(ends(b"\x40\x03\0\x01\x97"), Some((Some(0), 1, ReasonCode::QUOTA_EXCEEDED, false)));
    assert_eq!(ends(b"\x50\x03\0\x02\x87"), Some((Some(1), 2, ReasonCode::NOT_AUTHORIZED, false)));
    assert_eq!(ends(b"\x70\x02\0\x03"), Some((Some(2), 3, ReasonCode::SUCCESS, true)));
    assert_eq!(ends(b"\x70\x03\0\x03\x92"), Some((Some(2), 3, ReasonCode::PACKET_IDENTIFIER_NOT_FOUND, true)));
    assert_eq!(ends(b"\x50\x02\0\x02"), None, "it goes on");
    assert_eq!(ends(b"\xD0\0"), None);
}

/// A handler on another thread wants the name without the connection.
#[test]
fn a_topic_has_its_name_without_the_connection() {
    let mut field = Field::up(V5, Limits { topic_alias_maximum: 5, ..Limits::DEFAULT });
    for (topic, properties, expected) in
        [("a/b", &b""[..], Some("a/b")), ("a/b", b"\x23\0\x01", Some("a/b")), ("", b"\x23\0\x01", None)]
    {
        let bytes = message_with(V5, 0x30, 0, topic, properties, b"x");
        let now = field.at();
        let Ok(Received::Packet { event: Some(Event::Message(message)), .. }) = field.mqtt.handle_input(now, &bytes)
        else {
            panic!()
        };
        let name = message.topic.name();
        assert!(
            name.is_none_or(|name| Some(name.as_str()) == expected)
                && (name.is_some() || topic.is_empty() || !properties.is_empty())
        );
    }
}

