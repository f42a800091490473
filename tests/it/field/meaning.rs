//! What was accepted is sent as it was meant, or it was refused: nothing vanishes silently because of the version that messages were kept for.

use super::rig::{Durable, Field, QOS0, QOS1, QOS2, Small, V5, V311, in_every_storage, packets};
use pure_mqtt::{
    Connection, Limits, Payload, Property, Publish, PublishError, QoS, RetainHandling, Subscribe, Subscription,
    TopicFilter, TopicName, Unsubscribe, Version,
};

const PROPERTIES: [Property<'static>; 5] = [
    Property::PayloadFormatIndicator(true),
    Property::ContentType("text/plain"),
    Property::ResponseTopic("answers"),
    Property::UserProperty(("origin", "line-3")),
    Property::UserProperty(("origin", "line-4")),
];

/// As they stand in a packet, with Correlation Data behind them.
const BLOCK: &[u8] =
    b"\x01\x01\x03\0\x0Atext/plain\x08\0\x07answers\x26\0\x06origin\0\x06line-3\x26\0\x06origin\0\x06line-4\
    \x09\0\x02c1";

/// Publishes with all that 5.0 has, before any link has said which version it will be. False if it was refused.
fn publish<S: Durable>(field: &mut Field<S>, payload: Payload<'_>, qos: QoS) -> bool {
    let topic = TopicName::new("t").unwrap();
    let mut publish = Publish::new(topic, payload).qos(qos).properties(&PROPERTIES);
    publish.correlation_data = Some(b"c1");
    match field.mqtt.publish(field.at(), &publish) {
        Ok(_) => true,
        Err(PublishError::Full | PublishError::TooLarge) => panic!("there is room"),
        Err(_) => false,
    }
}

/// What leaves when a link of 5.0 comes up.
fn on_a_link_of_5<S: Durable>(field: &mut Field<S>, is_present: bool) -> Vec<u8> {
    field.version = V5;
    field.lose();
    field.open();
    field.sent();
    let connack = field.connack(is_present, &[]);
    let heard = field.hear(&connack);
    assert_eq!(heard.end, None);
    heard.sent
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// A program sets its limits to the defaults (3.1.1), publishes before the first link with a Response Topic, and then speaks 5.0: the answer never comes if
/// that was dropped.
#[test]
fn properties_of_a_message_survive_until_the_first_link() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            for qos in [QOS0, QOS1, QOS2] {
                for payload in [Payload::from(b"x"), Payload::Streamed(3)] {
                    let mut field = Field::new(storage(), version, Limits::DEFAULT);
                    if !publish(&mut field, payload, qos) {
                        continue;
                    }
                    let sent = on_a_link_of_5(&mut field, false);
                    assert!(contains(&sent, BLOCK), "{version:?} {qos:?}: {sent:02X?}");
                }
            }
        }
    });
}

/// The same for a message that was tried over 3.1.1 in between, as a fallback does it.
#[test]
fn properties_of_a_message_survive_a_link_of_another_version() {
    in_every_storage!(storage => {
        for other in [Version::V31, V311] {
            for qos in [QOS1, QOS2] {
                for limits in [V5, V311] {
                    let limits = Limits { version: limits, ..Limits::DEFAULT };
                    let mut field = Field::of(Connection::new(storage(), limits), other);
                    if !publish(&mut field, b"x".into(), qos) {
                        continue;
                    }
                    field.open();
                    field.sent();
                    let connack = field.connack(false, &[]);
                    let old = field.hear(&connack).sent;
                    assert_eq!(packets(&old)[0], [&[0x30 | qos.bits() << 1, 6][..], b"\0\x01t\0\x01x"].concat(), "its form of 3.x");
                    let sent = on_a_link_of_5(&mut field, true);
                    assert!(contains(&sent, BLOCK), "{other:?} {qos:?}: {sent:02X?}");
                    assert_eq!(sent[0], 0x38 | qos.bits() << 1, "it may have arrived");
                }
            }
        }
    });
}

/// `set_limits` names another version for a while.
#[test]
fn properties_of_a_message_survive_a_change_of_the_limits() {
    in_every_storage!(storage => {
        let limits = Limits { version: V5, ..Limits::DEFAULT };
        let mut field = Field::of(Connection::new(storage(), limits), V5);
        if publish(&mut field, b"x".into(), QOS1) {
            assert!(field.mqtt.set_limits(Limits { version: V311, ..Limits::DEFAULT }));
            assert!(field.mqtt.set_limits(limits));
            assert!(contains(&on_a_link_of_5(&mut field, false), BLOCK));
        }
    });
}

/// Sent again on the next link, and on a new session, they are still there.
#[test]
fn properties_of_a_message_are_sent_again() {
    for is_present in [true, false] {
        let mut field = Field::up(V5, Limits::DEFAULT);
        assert!(publish(&mut field, b"x".into(), QOS1));
        assert!(contains(&field.sent(), BLOCK));
        let sent = on_a_link_of_5(&mut field, is_present);
        assert!(contains(&sent, BLOCK), "{sent:02X?}");
    }
}

/// Subscriptions of 5.0 asked for before the first link: their options and identifier decide what arrives.
#[test]
fn options_of_a_subscription_survive_until_the_first_link() {
    in_every_storage!(storage => {
        let mut field = Field::new(storage(), V311, Limits::DEFAULT);
        let subscription = Subscription::new(TopicFilter::new("a").unwrap(), QOS1)
            .no_local(true)
            .retain_as_published(true)
            .retain_handling(RetainHandling::DoNotSend);
        let properties = [Property::SubscriptionIdentifier(7), Property::UserProperty(("k", "v"))];
        let list = [subscription];
        let subscribe = Subscribe::new(&list).properties(&properties);
        let is_accepted = field.mqtt.subscribe(field.at(), &subscribe).is_ok();
        let filters = [TopicFilter::new("a").unwrap()];
        let user = [Property::UserProperty(("k", "v"))];
        let unsubscribe = Unsubscribe::new(&filters).properties(&user);
        let is_second_accepted = field.mqtt.unsubscribe(field.at(), &unsubscribe).is_ok();
        let sent = on_a_link_of_5(&mut field, false);
        if is_accepted {
            let whole = b"\x82\x10\0\x01\x09\x0B\x07\x26\0\x01k\0\x01v\0\x01a\x2D";
            assert!(contains(&sent, &whole[2..]), "{sent:02X?}");
        }
        if is_second_accepted {
            let whole = b"\xA2\x0D\0\x02\x07\x26\0\x01k\0\x01v\0\x01a";
            assert!(contains(&sent, whole), "{sent:02X?}");
        }
    });
}

/// The same if there are only options, or only properties.
#[test]
fn options_and_properties_of_a_subscription_survive_without_each_other() {
    in_every_storage!(storage => {
        for (has_options, has_properties) in [(true, false), (false, true)] {
            let mut field = Field::new(storage(), V311, Limits::DEFAULT);
            let list = [Subscription::new(TopicFilter::new("a").unwrap(), QOS1).no_local(has_options)];
            let properties = [Property::UserProperty(("k", "v"))];
            let subscribe = Subscribe::new(&list).properties(if has_properties { &properties[..] } else { &[] });
            field.mqtt.subscribe(field.at(), &subscribe).unwrap();
            let expected: &[u8] = match has_options {
                true => b"\x82\x07\0\x01\0\0\x01a\x05",
                false => b"\x82\x0E\0\x01\x07\x26\0\x01k\0\x01v\0\x01a\x01",
            };
            assert_eq!(on_a_link_of_5(&mut field, false), expected);
        }
    });
}

/// A message without any of that is the same in every version.
#[test]
fn a_plain_message_is_sent_by_every_version() {
    in_every_storage!(storage => {
        for kept_for in Version::ALL {
            for version in Version::ALL {
                let limits = Limits { version: kept_for, ..Limits::DEFAULT };
                let mut field = Field::of(Connection::new(storage(), limits), version);
                field.publish("t", b"x", QOS1);
                field.open();
                field.sent();
                let connack = field.connack(false, &[]);
                let sent = field.hear(&connack).sent;
                let expected: &[u8] = if version == V5 { b"\x32\x07\0\x01t\0\x01\0x" } else { b"\x32\x06\0\x01t\0\x01x" };
                assert_eq!(sent, expected);
            }
        }
    });
}

/// The same when a link of another version was tried before: whichever option it is, at whatever quality of service, in whichever place.
#[test]
fn each_option_of_a_subscription_survives_a_link_of_another_version() {
    let plain = |qos| Subscription::new(TopicFilter::new("b").unwrap(), qos);
    for other in [Version::V31, V311] {
        for qos in [QOS0, QOS1, QOS2] {
            let options = [
                plain(qos),
                plain(qos).no_local(true),
                plain(qos).retain_as_published(true),
                plain(qos).retain_handling(RetainHandling::SendIfNew),
                plain(qos).retain_handling(RetainHandling::DoNotSend),
            ];
            for (option, bits) in options.into_iter().zip([0, 4, 8, 0x10, 0x20]) {
                let limits = Limits { version: V5, ..Limits::DEFAULT };
                let mut field = Field::of(Connection::new(Small::new(), limits), other);
                let list = [plain(QOS0), option, plain(QOS0)];
                field.mqtt.subscribe(field.at(), &Subscribe::new(&list)).unwrap();
                field.open();
                field.sent(); // and no answer comes
                let mut there = field.mqtt.clone();
                let _ = there.handle_input(field.at(), b"\x20\x02\0\0").unwrap();
                let sent = there.transmit(field.at()).chunk().to_vec();
                let reduced = [b"\0\x01b\0\0\x01b", &[qos.bits()][..], b"\0\x01b\0"].concat();
                assert!(sent.ends_with(&reduced), "{other:?} {qos:?} {bits}: {sent:02X?}");
                let sent = on_a_link_of_5(&mut field, false);
                let expected = [b"\0\x01b\0\0\x01b", &[bits | qos.bits()][..], b"\0\x01b\0"].concat();
                assert!(sent.ends_with(&expected), "{other:?} {qos:?} {bits}: {sent:02X?}");
            }
        }
    }
}
