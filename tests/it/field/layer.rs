//! What a client layer needs of the engine: requests before messages, what is unfinished with all that it is, and one answer to "how did it end".

use super::rig::{Field, NEW, QOS0, QOS1, QOS2, V5, V31, V311, count, in_every_storage, packets};
use pure_mqtt::{ConnectionError, Limits, Property, Publish, PublishError, QoS, TopicName, Version};

/// connect, subscribe, publish at once, as every first program does: the own message comes back only if SUBSCRIBE leaves first.
#[test]
fn requests_leave_while_messages_are_held() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            let mut field = Field::new(storage(), version, Limits::DEFAULT);
            field.mqtt.hold_messages(true);
            for qos in [QOS0, QOS1, QOS2] {
                field.publish("t", b"x", qos);
            }
            field.subscribe(&["t"]);
            field.open();
            field.sent();
            let connack = field.connack(false, &[]);
            let sent = field.hear(&connack).sent;
            assert_eq!(packets(&sent).iter().map(|packet| packet[0]).collect::<Vec<_>>(), [0x82]);
            assert!(field.mqtt.holds_messages());
            field.mqtt.hold_messages(false);
            let sent = field.sent();
            assert_eq!((count(&sent, 0x30), count(&sent, 0x32), count(&sent, 0x34)), (1, 1, 1));
        }
    });
}

/// What is half out is finished; what the server sends is acknowledged; the keep alive goes on.
#[test]
fn holding_messages_holds_nothing_else() {
    for version in Version::ALL {
        let mut field = Field::up(version, Limits::DEFAULT);
        field.publish("t", &[7; 100], QOS1);
        field.publish("t", b"y", QOS2);
        field.take(10);
        field.mqtt.hold_messages(true);
        assert_eq!(field.sent().last(), Some(&7), "it is finished");
        assert_eq!(field.sent(), b"");
        let heard = field.hear(&super::rig::message(version, 1, 9, "t", b"x"));
        assert_eq!(heard.sent, b"\x40\x02\0\x09");
        assert!(field.wait(31_000).sent.starts_with(b"\xC0\0"));
        field.hear(b"\xD0\0");
        field.mqtt.hold_messages(false);
        assert_eq!(count(&field.sent(), 0x34), 1);
    }
}

/// The next link keeps the setting until it is told otherwise: subscriptions are made again first.
#[test]
fn the_hold_outlives_a_link() {
    for version in NEW {
        let mut field = Field::up(version, Limits::DEFAULT);
        field.publish("t", b"x", QOS1);
        field.sent();
        field.mqtt.hold_messages(true);
        let heard = field.again(true);
        assert_eq!(count(&heard.sent, 0x32), 0);
        field.mqtt.hold_messages(false);
        assert_eq!(field.sent()[0], 0x3A);
    }
}

/// The arena is full of messages, so SUBSCRIBE finds no room while they are held: then messages go, or both would wait for ever.
#[test]
fn a_full_queue_is_no_deadlock_with_the_hold() {
    for version in Version::ALL {
        let mut field = Field::new(pure_mqtt::Fixed::<64, 4, 4, 128>::new(), version, Limits::DEFAULT);
        field.mqtt.hold_messages(true);
        let topic = TopicName::new("t").unwrap();
        let mut waiting = 0;
        while field.mqtt.publish(field.at(), &Publish::new(topic, b"0123456789").qos(QOS1)).is_ok() {
            waiting += 1;
        }
        field.open();
        field.sent();
        let connack = field.connack(false, &[]);
        let mut sent = field.hear(&connack).sent;
        for _ in 0..waiting {
            if count(&sent, 0x32) > 0 {
                break;
            }
            let filters = [pure_mqtt::Subscription::new(pure_mqtt::TopicFilter::new("a/long/filter").unwrap(), QOS1)];
            let asked = field.mqtt.subscribe(field.at(), &pure_mqtt::Subscribe::new(&filters));
            sent.extend(field.sent());
            assert!(asked.is_ok() || count(&sent, 0x32) > 0, "{version:?}: neither goes");
        }
    }
}

/// What is unfinished can be read back with all that it is: to show it, to store it, to give it to another client.
#[test]
fn unfinished_messages_can_be_read_back() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            let mut field = Field::new(storage(), version, Limits { max_inflight: 2, ..Limits::DEFAULT }).accepted();
            let properties = [Property::ContentType("text"), Property::UserProperty(("k", "v"))];
            let first = Publish::new(TopicName::new("a/1").unwrap(), b"one").qos(QOS2).retain(true);
            let first = if version == V5 { first.properties(&properties) } else { first };
            let first = field.mqtt.publish(field.at(), &first).unwrap();
            let second = field.publish("a/2", b"two", QOS1);
            let third = field.publish("a/3", b"", QOS1);
            let fourth = field.publish_streamed("a/4", 9, QOS1);
            field.sent();
            field.hear(b"\x50\x02\0\x01").nothing();
            field.sent();
            field.lose();
            let list: Vec<_> = field.mqtt.unacknowledged().collect();
            assert_eq!(list.len(), 4);
            let handles: Vec<_> = list.iter().map(|message| message.handle).collect();
            for delivery in [first, second, third, fourth] {
                assert!(handles.contains(&delivery.handle));
            }
            for message in &list {
                let is_first = message.handle == first.handle;
                assert_eq!(message.qos == QoS::ExactlyOnce, is_first);
                assert_eq!((message.retain, message.is_released), (false, is_first), "after PUBREC only the identifier is kept");
                assert_eq!(message.attempts > 0, message.may_have_arrived, "{message:?}");
                if message.handle == second.handle {
                    assert_eq!((message.topic.as_str(), message.payload), ("a/2", &b"two"[..]));
                    assert!(message.may_have_arrived);
                }
                if message.handle == third.handle {
                    assert_eq!((message.topic.as_str(), message.payload), ("a/3", &b""[..]));
                    assert!(!message.may_have_arrived);
                }
                if message.handle == fourth.handle {
                    assert_eq!((message.topic.as_str(), message.payload), ("a/4", &b""[..]), "the application has the payload");
                }
            }
        }
    });
}

/// A message that only 5.0 can carry waits for it, or is told to be reduced.
#[test]
fn what_only_5_can_carry_is_told_or_waits() {
    in_every_storage!(storage => {
        let properties = [Property::ResponseTopic("answers")];
        let publish = Publish::new(TopicName::new("t").unwrap(), b"x").qos(QOS1).properties(&properties);
        for version in [V31, V311] {
            let mut field = Field::new(storage(), version, Limits::DEFAULT).accepted();
            match field.mqtt.publish(field.at(), &publish) {
                Ok(delivery) => assert!(delivery.reduced),
                Err(error) => assert!(matches!(error, PublishError::Property(_)), "{error:?}"),
            }
            assert!(!field.publish("t", b"plain", QOS1).reduced);

            let mut field = Field::new(storage(), version, Limits::DEFAULT);
            if field.mqtt.publish(field.at(), &publish.needs_v5(true)).is_err() {
                continue; // this storage can't keep it
            }
            field.publish("t", b"y", QOS1);
            field.open();
            field.sent();
            let connack = field.connack(false, &[]);
            let sent = field.hear(&connack).sent;
            assert_eq!(count(&sent, 0x32), 1, "only the other one leaves");
            assert!(sent.ends_with(b"y"));
            field.hear(&[0x40, 2, sent[5], sent[6]]);
            assert_eq!(field.mqtt.pending(), 1);
            field.version = V5;
            let sent = field.again(true).sent;
            assert!(sent.windows(7).any(|window| window == b"answers"));
        }
        let mut field = Field::new(storage(), V5, Limits::DEFAULT).accepted();
        assert!(!field.mqtt.publish(field.at(), &publish.needs_v5(true)).unwrap().reduced);
        assert_eq!(count(&field.sent(), 0x32), 1);
    });
}

/// The same for one that has nothing else that is unusual, on a link that is up; at QoS 0 too, while nothing else may leave. What is behind it goes on, and is
/// sent again in its time.
#[test]
fn what_only_5_can_carry_holds_nothing_up() {
    in_every_storage!(storage => {
        for version in [V31, V311] {
            let limits = Limits { max_inflight: 1, retry_interval: 1_000, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), version, limits).accepted();
            let only_5 = |payload| Publish::new(TopicName::new("t").unwrap(), payload).needs_v5(true);
            field.mqtt.publish(field.at(), &only_5("5").qos(QOS1)).unwrap();
            field.publish("t", b"a", QOS1);
            field.publish("t", b"c", QOS1);
            field.mqtt.publish(field.at(), &only_5("50")).unwrap();
            field.publish("t", b"b", QOS0);
            let sent = field.sent();
            let [first, second] = packets(&sent)[..] else { panic!("{sent:02X?}") };
            assert!(first[0] == 0x32 && first.ends_with(b"a") && second[0] == 0x30 && second.ends_with(b"b"));
            let again = field.wait(2_500).sent;
            assert_eq!((count(&again, 0x32), again[0], again.last()), (1, 0x3A, Some(&b'a')), "{again:02X?}");
            let id = [first[5], first[6]];
            assert!(field.hear(&[0x40, 2, id[0], id[1]]).sent.ends_with(b"c"));
            field.version = V5;
            let sent = field.again(version == V311).sent;
            assert!(packets(&sent).iter().any(|packet| packet.ends_with(b"5")), "{sent:02X?}");
        }
    });
}

/// The same for one without properties that is published while a link is up: one of 3.1.1, which it lets pass, or one of 5.0, on which its turn doesn't come.
#[test]
fn a_plain_message_that_needs_5_waits_for_it_whichever_link_is_up() {
    in_every_storage!(storage => {
        for first in Version::ALL {
            let limits = Limits { max_inflight: 1, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), first, limits).accepted();
            field.publish("t", b"before", QOS1);
            assert_eq!(count(&field.sent(), 0x32), 1);
            let publish = Publish::new(TopicName::new("t").unwrap(), b"x").qos(QOS1).needs_v5(true);
            field.mqtt.publish(field.at(), &publish).unwrap();
            assert_eq!(count(&field.hear(b"").sent, 0x32), 0);
            field.version = V311;
            let sent = field.again(true).sent;
            assert_eq!(count(&sent, 0x32), 1);
            let sent = field.hear(b"\x40\x02\0\x01").sent;
            assert_eq!(count(&sent, 0x32), 0, "{first:?}: it waits");
            field.version = V5;
            assert!(field.again(true).sent.ends_with(b"\0\x02\0x"), "{first:?}");
        }
    });
}

/// Nor does it hide that what is behind it is not acknowledged.
#[test]
fn behind_what_only_5_can_carry_acknowledgements_are_awaited() {
    in_every_storage!(storage => {
        for version in [V31, V311] {
            let limits = Limits { ack_timeout: 1_000, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), version, limits).accepted();
            let only_5 = Publish::new(TopicName::new("t").unwrap(), "5").qos(QOS1).needs_v5(true);
            field.mqtt.publish(field.at(), &only_5).unwrap();
            assert_eq!(field.wait(5_000).end, None, "it has not left");
            field.publish("t", b"a", QOS1);
            assert_eq!(field.wait(5_000).end, Some(ConnectionError::AckTimeout));
        }
    });
}

/// The same whatever number of bytes its length takes.
#[test]
fn a_long_message_can_be_read_back() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            let mut field = Field::new(storage(), version, Limits { version, ..Limits::DEFAULT });
            let payload = [b'p'; 300];
            field.publish("a/longer/topic", &payload, QOS1);
            field.publish("a/longer/topic", &payload[..2], QOS1);
            let read_back: Vec<_> = field.mqtt.unacknowledged().map(|it| (it.topic.as_str(), it.payload)).collect();
            assert_eq!(read_back, [("a/longer/topic", &payload[..]), ("a/longer/topic", &payload[..2])], "{version:?}");
        }
    });
}
