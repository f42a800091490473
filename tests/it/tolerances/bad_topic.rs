//! Messages whose topic is none: not UTF-8, U+0000, a wildcard. Some servers keep such messages, and hand them out to everybody.

use super::table::{ALL, told};
use crate::corners::rig::{NOW, reopen, sent, taken, up};
use pure_mqtt::wire::{Malformed, Violation};
use pure_mqtt::{
    Connection, ConnectionError, Discard, Event, Fixed, Heap, Limits, OnBadTopic, QoS, Received, Storage, Topic,
    Version,
};

const TOPICS: [&[u8]; 8] =
    [b"a/\xFF\xFE", b"\xE4/b", b"a/\xED\xA0\x80", b"a\0b", b"\0", b"a/+", b"#", b"caf\xE9/temperature/of/the/room"];
const DELIVER: Limits = Limits { on_bad_topic: OnBadTopic::Deliver, ..Limits::DEFAULT };
const STRICT: Limits = Limits { strict: true, ..Limits::DEFAULT };

/// PUBLISH under the identifier 7.
fn publish(version: Version, first: u8, topic: &[u8], properties: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut body = vec![0, topic.len() as u8];
    body.extend(topic);
    body.extend(if first & 6 > 0 { &[0, 7][..] } else { &[] });
    if version == Version::V5 {
        body.push(properties.len() as u8);
        body.extend(properties);
    }
    body.extend(payload);
    [&[first, body.len() as u8], &body[..]].concat()
}

/// Takes all of `packet`, and says what came of it: the event, and what is sent then.
fn take<S: Storage>(mqtt: &mut Connection<S>, packet: &[u8], streams: bool) -> (String, Vec<u8>) {
    let (mut rest, mut shown, mut seen) = (packet, 0, String::new());
    while !rest.is_empty() {
        shown = (shown + 5).clamp(1, rest.len());
        let step = match streams {
            true => mqtt.handle_input_streaming(NOW, &rest[..shown]),
            false => mqtt.handle_input(NOW, rest),
        };
        match step.unwrap() {
            Received::Packet { consumed, event } => {
                seen += &describe(event);
                rest = &rest[consumed..];
                shown = 0;
            }
            Received::Partial { .. } => assert!(streams && shown < rest.len()),
            Received::Blocked => panic!("blocked"),
        }
    }
    (seen, sent(mqtt))
}

fn describe(event: Option<Event<'_>>) -> String {
    match event {
        None => String::new(),
        Some(Event::Discarded(message)) => {
            assert_eq!(message.why, Discard::BadTopic);
            format!("{:02x?} {} q{}", message.topic, message.length, message.qos.bits())
        }
        Some(Event::Message(message)) => match message.topic {
            Topic::Invalid(bytes) => format!("invalid {bytes:02x?}"),
            other => panic!("{other:?}"),
        },
        Some(Event::Fragment(fragment)) => match fragment.head.map(|head| head.topic) {
            Some(Topic::Invalid(bytes)) => format!("invalid {bytes:02x?}"),
            None => String::new(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_whose_topic_is_none_is_told_and_acknowledged_and_the_link_goes_on() {
    for version in ALL {
        for (topic, manual_acks) in TOPICS.iter().flat_map(|topic| [(topic, false), (topic, true)]) {
            for (first, answer) in [(0x30, &b""[..]), (0x31, b""), (0x32, b"\x40\x02\0\x07"), (0x34, b"\x50\x02\0\x07")]
            {
                for streams in [false, true] {
                    let (inline_max, stream_max) = if streams { (50, 1_000) } else { (1_000, 0) };
                    let limits = Limits { manual_acks, inline_max, stream_max, ..Limits::DEFAULT };
                    let mut mqtt = up(Fixed::<256, 8, 8, 64>::new(), limits, *version);
                    for payload in [&b"hi"[..], &[7; 60]] {
                        let packet = publish(*version, first, topic, b"", payload);
                        let (seen, sent) = take(&mut mqtt, &packet, streams);
                        let expected = format!("{topic:02x?} {} q{}", packet.len(), first >> 1 & 3);
                        assert_eq!((seen, &sent[..]), (expected, answer), "{version:?} {streams}");
                        if first == 0x34 {
                            assert_eq!(taken(&mut mqtt, b"\x62\x02\0\x07"), Ok(None));
                            assert_eq!(crate::corners::rig::sent(&mut mqtt), b"\x70\x02\0\x07");
                        }
                    }
                    assert_eq!((mqtt.stats().discarded_messages, mqtt.stats().messages_received), (2, 0));
                    assert!(mqtt.is_idle() && mqtt.is_connected());
                }
            }
        }
    }
}

/// At QoS 2 it stands in the books like any other.
#[test]
fn a_repetition_of_it_is_swallowed() {
    for version in ALL {
        for limits in [Limits::DEFAULT, DELIVER] {
            let packet = publish(*version, 0x34, b"a/+", b"", b"hi");
            let again = [&[0x3C], &packet[1..]].concat();
            let mut mqtt = up(Heap::new(), limits, *version);
            assert_ne!(take(&mut mqtt, &packet, false).0, "");
            assert_eq!(take(&mut mqtt, &again, false), (String::new(), b"\x50\x02\0\x07".to_vec()));
            mqtt.handle_close(NOW);
            reopen(&mut mqtt, *version, true, &[]);
            assert_eq!(take(&mut mqtt, &again, false), (String::new(), b"\x50\x02\0\x07".to_vec()));
            assert_eq!(mqtt.stats().repeated_messages, 2);
            assert_eq!(taken(&mut mqtt, b"\x62\x02\0\x07"), Ok(None));
        }
    }
}

#[test]
fn delivered_it_is_marked() {
    for version in ALL {
        for topic in TOPICS {
            for streams in [false, true] {
                let (inline_max, stream_max) = if streams { (50, 1_000) } else { (1_000, 0) };
                let limits = Limits { inline_max, stream_max, ..DELIVER };
                let mut mqtt = up(Heap::new(), limits, *version);
                let packet = publish(*version, 0x32, topic, b"", &[7; 60]);
                let (seen, sent) = take(&mut mqtt, &packet, streams);
                assert_eq!((seen, &sent[..]), (format!("invalid {topic:02x?}"), &b"\x40\x02\0\x07"[..]));
                assert_eq!((mqtt.stats().discarded_messages, mqtt.stats().messages_received), (0, 1));
                assert_eq!(mqtt.topic(&Topic::Invalid(topic)), None);
            }
        }
    }
}

/// With manual acknowledgements what is delivered is the application's to acknowledge.
#[test]
fn delivered_it_is_acknowledged_like_any_other() {
    let limits = Limits { manual_acks: true, ..DELIVER };
    let mut mqtt = up(Heap::new(), limits, Version::V311);
    let packet = publish(Version::V311, 0x32, b"#", b"", b"hi");
    let Ok(Some(Event::Message(mut message))) = taken(&mut mqtt, &packet) else { panic!() };
    assert_eq!((message.topic, message.payload), (Topic::Invalid(b"#"), &b"hi"[..]));
    mqtt.acknowledge(NOW, message.ack.take().unwrap(), &pure_mqtt::Ack::SUCCESS).unwrap();
    assert_eq!(sent(&mut mqtt), b"\x40\x02\0\x07");
}

/// What comes later with its alias alone has the same topic: none. It ends no link, and is not taken for one of the topic that the alias stood for before.
#[test]
fn an_alias_beside_it_stands_for_a_topic_that_is_none() {
    for (limits, told) in [(Limits::DEFAULT, "[] 10 q2"), (DELIVER, "invalid []")] {
        for (topic, streams) in TOPICS.iter().flat_map(|topic| [(topic, false), (topic, true)]) {
            let (inline_max, stream_max) = if streams { (50, 1_000) } else { (1_000, 0) };
            let limits = Limits { topic_alias_maximum: 5, inline_max, stream_max, ..limits };
            let mut mqtt = up(Heap::new(), limits, Version::V5);
            let good = publish(Version::V5, 0x30, b"good", b"\x23\0\x01", b"x");
            assert!(matches!(taken(&mut mqtt, &good), Ok(Some(Event::Message(_)))));
            for alias in [1, 2, 1] {
                let payload: &[u8] = if streams { &[7; 60] } else { b"x" };
                take(&mut mqtt, &publish(Version::V5, 0x30, topic, &[0x23, 0, alias], payload), streams);
                let alone = publish(Version::V5, 0x34, b"", &[0x23, 0, alias], b"");
                assert_eq!(take(&mut mqtt, &alone, false), (told.into(), b"\x50\x02\0\x07".to_vec()));
                assert_eq!(taken(&mut mqtt, b"\x62\x02\0\x07"), Ok(None));
                assert_eq!(sent(&mut mqtt), b"\x70\x02\0\x07");
            }
            let good = publish(Version::V5, 0x30, b"good", b"\x23\0\x01", b"x");
            assert!(matches!(taken(&mut mqtt, &good), Ok(Some(Event::Message(_)))), "it can be bound again");
            let alone = publish(Version::V5, 0x30, b"", b"\x23\0\x01", b"x");
            let Ok(Some(Event::Message(message))) = taken(&mut mqtt, &alone) else { panic!() };
            assert_eq!(mqtt.topic(&message.topic).unwrap().as_str(), "good");
        }
    }
}

#[test]
fn an_alias_that_is_none_ends_the_link_also_there() {
    for limits in [Limits::DEFAULT, DELIVER] {
        let limits = Limits { topic_alias_maximum: 5, ..limits };
        let mut mqtt = up(Heap::new(), limits, Version::V5);
        take(&mut mqtt, &publish(Version::V5, 0x30, b"a/+", b"\x23\0\x09", b"x"), false);
        let above = publish(Version::V5, 0x30, b"", b"\x23\0\x09", b"x");
        assert_eq!(taken(&mut mqtt, &above).map(told), Err(Violation::TopicAlias.into()), "above the maximum");
        let mut mqtt = up(Heap::new(), limits, Version::V5);
        let none = publish(Version::V5, 0x30, b"a/+", b"\x23\0\0", b"x");
        assert_eq!(taken(&mut mqtt, &none).map(told), Err(Violation::TopicAlias.into()), "0 is no alias");
    }
}

#[test]
fn strictly_the_link_ends() {
    for version in ALL {
        for (topic, fault) in TOPICS.into_iter().zip([
            ConnectionError::from(Malformed::Utf8),
            Malformed::Utf8.into(),
            Malformed::Utf8.into(),
            Malformed::NulCharacter.into(),
            Malformed::NulCharacter.into(),
            Violation::TopicWildcard.into(),
            Violation::TopicWildcard.into(),
            Malformed::Utf8.into(),
        ]) {
            for first in [0x30, 0x32, 0x34] {
                let mut mqtt = up(Heap::new(), STRICT, *version);
                let packet = publish(*version, first, topic, b"", b"hi");
                assert_eq!(mqtt.handle_input(NOW, &packet), Err(fault));
            }
        }
    }
}

/// What else is wrong with such a message ends the link as before; and an empty topic is not one of these.
#[test]
fn other_faults_end_the_link_all_the_same() {
    for version in ALL {
        let mut cases = vec![
            (publish(*version, 0x30, b"", b"", b"hi"), ConnectionError::from(Violation::EmptyTopic)),
            (b"\x30\x04\0\x09a+".to_vec(), Malformed::Truncated.into()),
            (b"\x36\x05\0\x01+\0\x07".to_vec(), Malformed::QoS.into()),
        ];
        let mut zero = publish(*version, 0x32, b"+", b"", b"hi");
        zero[6] = 0;
        cases.push((zero, Violation::PacketIdZero.into()));
        if *version == Version::V5 {
            cases.push((publish(*version, 0x30, b"+", b"\x17\0", b"hi"), Violation::PropertyNotAllowed.into()));
        }
        for (packet, fault) in cases {
            let mut mqtt = up(Heap::new(), Limits::DEFAULT, *version);
            assert_eq!(mqtt.handle_input(NOW, &packet), Err(fault), "{packet:02x?}");
            assert_eq!(mqtt.stats().discarded_messages, 0);
        }
    }
}

#[test]
fn the_event_says_what_there_is_to_say() {
    let packet = publish(Version::V5, 0x35, b"a/\xFF", b"\x26\0\x01k\0\x01v", b"hi");
    let mut mqtt = up(Heap::new(), Limits::DEFAULT, Version::V5);
    let Ok(Some(Event::Discarded(told))) = taken(&mut mqtt, &packet) else { panic!() };
    assert_eq!((told.topic, told.length as usize, told.qos), (&b"a/\xFF"[..], packet.len(), QoS::ExactlyOnce));
    assert_eq!((told.retain, told.id.map(|id| id.get()), told.why), (true, Some(7), Discard::BadTopic));
}
