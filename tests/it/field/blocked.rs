//! Nothing blocks for ever behind one packet: it can be seen, thrown away, or withdrawn.

use super::rig::{Durable, Field, Offered, QOS0, QOS1, QOS2, V5, V31, count, in_every_storage, message, message_with};
use pure_mqtt::wire::PacketType;
use pure_mqtt::{
    ConnectionError, Discard, Event, Handle, Limits, OnBadTopic, OnTooLong, QoS, ReasonCode, Received, Risk, Topic,
    Version,
};

/// What was told of a message that was thrown away.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    topic: Vec<u8>,
    length: u32,
    qos: QoS,
    retain: bool,
    id: Option<u16>,
    why: Discard,
}

/// Offers bytes through a buffer of `room` bytes, as they come; what was discarded, and what leaves.
fn through<S: Durable>(field: &mut Field<S>, bytes: &[u8], room: usize) -> (Vec<Told>, Vec<u8>) {
    let (mut wire, mut buffer, mut told, mut sent) = (bytes, Vec::new(), Vec::new(), Vec::new());
    let mut is_blocked = false;
    loop {
        let count = (room - buffer.len()).min(wire.len());
        buffer.extend(&wire[..count]);
        wire = &wire[count..];
        let now = field.at();
        let received = match field.streaming {
            true => field.mqtt.handle_input_streaming(now, &buffer),
            false => field.mqtt.handle_input(now, &buffer),
        };
        match received.unwrap() {
            Received::Packet { consumed, event } => {
                if let Some(Event::Discarded(discarded)) = event {
                    told.push(Told {
                        topic: discarded.topic.to_vec(),
                        length: discarded.length,
                        qos: discarded.qos,
                        retain: discarded.retain,
                        id: discarded.id.map(pure_mqtt::PacketId::get),
                        why: discarded.why,
                    });
                }
                buffer.drain(..consumed);
                is_blocked = false;
            }
            Received::Partial { .. } if wire.is_empty() => break,
            Received::Partial { .. } => assert!(buffer.len() < room, "it asks for more than the buffer has"),
            Received::Blocked => {
                assert!(!is_blocked);
                is_blocked = true;
                sent.extend(field.sent());
            }
        }
    }
    assert!(buffer.is_empty());
    sent.extend(field.sent());
    (told, sent)
}

fn discarding(inline_max: u32) -> Limits {
    Limits { inline_max, on_too_long: OnTooLong::Discard, ..Limits::DEFAULT }
}

/// A message of 2 MB was queued for a device while it was away; its buffer has 1 MiB, or 100 bytes. It is thrown away, acknowledged and told, and what lies
/// behind it arrives.
#[test]
fn a_message_that_is_too_long_can_be_thrown_away() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            for qos in [0, 1, 2] {
                for inline_max in [64, 100, 1 << 20] {
                    for streaming in [false, true] {
                        let mut field = Field::new(storage(), version, discarding(inline_max)).accepted();
                        field.streaming = streaming;
                        let long = message_with(version, 0x31 | qos << 1, 9, "big/one", &[], &vec![7; 2_000_000]);
                        let (told, sent) = through(&mut field, &long, inline_max as usize);
                        let expected = Told {
                            topic: b"big/one".to_vec(),
                            length: long.len() as u32,
                            qos: QoS::from_bits(qos).unwrap(),
                            retain: true,
                            id: (qos > 0).then_some(9),
                            why: Discard::TooLong,
                        };
                        assert_eq!(told, [expected], "{version:?} q{qos}");
                        assert_eq!(sent.first(), [None, Some(&0x40), Some(&0x50)][usize::from(qos)]);
                        if qos == 2 {
                            field.hear(b"\x62\x02\0\x09");
                        }
                        field.hear(&message(version, 1, 10, "t", b"x")).only("Message t x q1 10");
                        assert!(field.mqtt.is_idle());
                        assert_eq!(field.mqtt.stats().discarded_messages, 1);
                    }
                }
            }
        }
    });
}

/// Just too long, just not, and with a topic or properties that don't fit the buffer either.
#[test]
fn a_message_that_just_fits_is_not_thrown_away() {
    for version in Version::ALL {
        for payload in 0..100 {
            let mut field = Field::up(version, discarding(64));
            let bytes = message(version, 1, 9, "t", &vec![7; payload]);
            let (told, sent) = through(&mut field, &bytes, 64);
            assert_eq!(told.len(), usize::from(bytes.len() > 64), "{} bytes", bytes.len());
            assert_eq!(sent, b"\x40\x02\0\x09");
        }
        let mut field = Field::up(version, discarding(64));
        let topic = "n".repeat(1_000);
        let (told, sent) = through(&mut field, &message(version, 1, 9, &topic, b"x"), 64);
        assert_eq!(told.len(), 1);
        assert!(topic.as_bytes().starts_with(&told[0].topic), "what was seen of it");
        assert_eq!(sent[0], 0x40);
    }
    let mut field = Field::up(V5, discarding(64));
    let properties = b"\x26\0\x64".iter().copied().chain([b'k'; 100]).chain(*b"\0\x01v").collect::<Vec<_>>();
    let (told, sent) = through(&mut field, &message_with(V5, 0x32, 9, "t", &properties, b"x"), 64);
    assert_eq!((told.len(), sent[0]), (1, 0x40));
}

/// The link is lost in the middle: it comes again, and is thrown away again.
#[test]
fn a_message_that_is_being_thrown_away_may_be_cut() {
    for version in Version::ALL {
        for qos in [1, 2] {
            let mut field = Field::up(version, discarding(64));
            let long = message(version, qos, 9, "t", &[7; 500]);
            let (told, sent) = through(&mut field, &long[..300], 64);
            assert_eq!((told.len(), sent.len()), (0, 0), "not acknowledged before its end");
            field.again(version != V31);
            let (told, sent) = through(&mut field, &long, 64);
            assert_eq!((told.len(), sent.len()), (1, 4));
        }
    }
}

/// A QoS 2 message that was thrown away and comes again (its PUBREC was lost) is a repetition, not told again.
#[test]
fn a_message_that_was_thrown_away_is_told_once() {
    for version in Version::ALL {
        let mut field = Field::up(version, discarding(64));
        let mut long = message(version, 2, 9, "t", &[7; 500]);
        assert_eq!(through(&mut field, &long, 64).0.len(), 1);
        field.again(version != V31);
        long[0] |= 8;
        let (told, sent) = through(&mut field, &long, 64);
        assert_eq!((told.len(), &sent[..3]), (0, &b"\x50\x02\0"[..]));
    }
}

/// Who throws away what is too long must not tell the server not to send it: it would never come, and never be told.
#[test]
fn who_throws_away_announces_no_maximum_packet_size() {
    for (on_too_long, expected) in [(OnTooLong::Discard, false), (OnTooLong::EndLink, true)] {
        let mut field = Field::with(V5, Limits { inline_max: 1_000, on_too_long, ..Limits::DEFAULT });
        field.open();
        let connect = field.sent();
        assert_eq!(connect.windows(5).any(|window| window == [0x27, 0, 0, 3, 0xE8]), expected);
    }
}

/// The default: the link ends, and says which packet was how long, and what is allowed. It was our limit, not the server's fault.
#[test]
fn the_end_at_a_packet_that_is_too_long_says_what_it_was() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            for first in [0x30, 0x32, 0x90] {
                let limits = Limits { inline_max: 64, ..Limits::DEFAULT };
                let mut field = Field::new(storage(), version, limits).accepted();
                let head = [first, 0x80, 0x89, 0x7A];
                let end = field.hear(&head).end.expect("the link ends");
                let packet = if first == 0x90 { PacketType::SubAck } else { PacketType::Publish };
                let length = (0x09 << 7) + (0x7A << 14) + 4;
                assert_eq!(end, ConnectionError::TooLong { packet, length, limit: 64 });
                assert_eq!(end.reason(), ReasonCode::PACKET_TOO_LARGE);
                let text = end.to_string();
                assert!(!text.contains("broke the protocol") && text.contains("64") && text.contains(&length.to_string()), "{text}");
            }
        }
    });
}

/// A retained message in Latin-1: thrown away and told, or delivered marked, as the setting says.
#[test]
fn a_topic_that_is_no_topic_is_told() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            for topic in [&b"a/\xFF\xFE"[..], b"a/+", b"a\0b"] {
                for qos in [0, 1, 2] {
                    let mut field = Field::new(storage(), version, Limits::DEFAULT).accepted();
                    let bytes = message_with(version, 0x31 | qos << 1, 9, topic, &[], b"hi");
                    let (told, sent) = through(&mut field, &bytes, 64);
                    assert_eq!((told.len(), told[0].why), (1, Discard::BadTopic));
                    assert_eq!((&told[0].topic[..], told[0].length, told[0].retain), (topic, bytes.len() as u32, true));
                    assert_eq!(sent.is_empty(), qos == 0);

                    let limits = Limits { on_bad_topic: OnBadTopic::Deliver, ..Limits::DEFAULT };
                    let mut field = Field::new(storage(), version, limits).accepted();
                    let now = field.at();
                    match field.mqtt.handle_input(now, &bytes) {
                        Ok(Received::Packet { event: Some(Event::Message(message)), .. }) => {
                            assert_eq!((message.topic, message.payload), (Topic::Invalid(topic), &b"hi"[..]));
                        }
                        other => panic!("{other:?}"),
                    }
                }
            }
        }
    });
}

/// An empty topic without an alias, a string that ends early: these are no message at all, and end the link whatever the setting.
#[test]
fn what_is_no_message_still_ends_the_link() {
    for on_bad_topic in [OnBadTopic::Discard, OnBadTopic::Deliver] {
        for version in Version::ALL {
            let mut field = Field::up(version, Limits { on_bad_topic, ..Limits::DEFAULT });
            assert!(field.hear(&message(version, 0, 0, "", b"x")).end.is_some());
            let mut field = Field::up(version, Limits { on_bad_topic, ..Limits::DEFAULT });
            assert!(field.hear(b"\x30\x03\0\x05t").end.is_some());
        }
    }
}
