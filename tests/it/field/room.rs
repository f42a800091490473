//! Room: what is given back once a packet is over, and that the limits hold whatever way a message takes.

use super::rig::{Durable, Field, QOS0, QOS1, QOS2, V5, V311, in_every_storage, packets};
use pure_mqtt::{
    Connection, Limits, Property, Publish, PublishError, QoS, Subscribe, Subscription, TopicFilter, TopicName, Version,
};

/// How many messages of so many bytes of payload are taken before the queue is full.
fn fill<S: Durable>(field: &mut Field<S>, length: usize, qos: QoS) -> usize {
    let (topic, payload) = (TopicName::new("t").unwrap(), vec![b'x'; length]);
    for count in 0.. {
        match field.mqtt.publish(field.at(), &Publish::new(topic, &payload[..]).qos(qos)) {
            Ok(_) => {}
            Err(PublishError::Full) => return count,
            Err(error) => panic!("{error}"),
        }
    }
    unreachable!()
}

/// A SUBSCRIBE that an earlier version can't carry whole, queued while a link of 5.0 is tried.
fn subscribe_in_5<S: Durable>(field: &mut Field<S>) {
    let value = "v".repeat(60);
    let properties = [Property::SubscriptionIdentifier(7), Property::UserProperty(("k", &value))];
    let list = [Subscription::new(TopicFilter::new("a").unwrap(), QOS1).no_local(true)];
    field.version = V5;
    field.open();
    field.mqtt.subscribe(field.at(), &Subscribe::new(&list).properties(&properties)).unwrap();
    field.lose();
    field.version = V311;
}

/// A link of 3.1.1 comes up; what leaves on it.
fn on_a_link_of_3<S: Durable>(field: &mut Field<S>, is_present: bool) -> Vec<u8> {
    field.open();
    field.sent();
    let connack = field.connack(is_present, &[]);
    let heard = field.hear(&connack);
    assert_eq!(heard.end, None);
    heard.sent
}

/// A request that left without its properties takes no room once it is over, however many there were.
#[test]
fn a_reduced_request_gives_its_room_back() {
    in_every_storage!(storage => {
        let limits = Limits { version: V311, max_bytes: 900, ..Limits::DEFAULT };
        let fits = fill(&mut Field::of(Connection::new(storage(), limits), V311), 100, QOS1);
        assert!(fits > 2, "{fits}");
        let mut field = Field::of(Connection::new(storage(), limits), V311);
        for _ in 0..20 {
            subscribe_in_5(&mut field);
            let sent = on_a_link_of_3(&mut field, false);
            let id = &packets(&sent)[0][2..4];
            assert_eq!(sent, [b"\x82\x06", id, b"\0\x01a\x01"].concat());
            field.hear(&[b"\x90\x03", id, b"\x01"].concat());
            field.lose();
        }
        assert_eq!(fill(&mut field, 100, QOS1), fits);
    });
}

/// What is kept beside a request that was made shorter stays as it is, and so does what is accepted then.
#[test]
fn nothing_is_written_over_beside_a_reduced_request() {
    in_every_storage!(storage => {
        for behind in [false, true] {
            let limits = Limits { version: V311, ..Limits::DEFAULT };
            let mut field = Field::of(Connection::new(storage(), limits), V311);
            let mut payloads = vec![b"before".repeat(20)];
            field.publish("t", &payloads[0], QOS1);
            subscribe_in_5(&mut field);
            if behind {
                payloads.push(b"behind".repeat(20));
                field.publish("t", &payloads[1], QOS2);
            }
            on_a_link_of_3(&mut field, false);
            payloads.push(b"later".repeat(20));
            field.publish("t", &payloads[payloads.len() - 1], QOS1);
            field.sent();
            field.lose();
            let again = on_a_link_of_3(&mut field, true);
            let again: Vec<&[u8]> = packets(&again).iter().map(|packet| &packet[packet.len() - 100..]).collect();
            let kept: Vec<&[u8]> = payloads.iter().map(|payload| &payload[payload.len() - 100..]).collect();
            assert_eq!(again, kept, "{behind}");
        }
    });
}

/// A link that is up takes plain messages on a path of their own: to the last byte as many as wait without one.
#[test]
fn a_limit_of_bytes_holds_with_a_link_and_without() {
    for version in Version::ALL {
        for qos in [QOS0, QOS1, QOS2] {
            for max_bytes in 1_000..1_040 {
                let limits = Limits { version, max_bytes, ..Limits::DEFAULT };
                let offline = fill(&mut Field::with(version, limits), 20, qos);
                let mut field = Field::up(version, limits);
                assert_eq!(fill(&mut field, 20, qos), offline, "{version:?} {qos:?} {max_bytes}");
            }
        }
    }
}

/// Payloads that are shared count as well, beside messages that are not.
#[cfg(feature = "bytes")]
#[test]
fn a_limit_of_bytes_counts_shared_payloads_with_a_link_and_without() {
    for version in Version::ALL {
        for max_bytes in 1_000..1_040 {
            let limits = Limits { version, max_bytes, ..Limits::DEFAULT };
            let fill_up = |mut field: Field<pure_mqtt::Heap>| {
                let shared = bytes::Bytes::from(vec![b's'; 500]);
                let publish = Publish::new(TopicName::new("t").unwrap(), &shared).qos(QOS1);
                field.mqtt.publish(field.at(), &publish).unwrap();
                fill(&mut field, 20, QOS1)
            };
            let offline = fill_up(Field::with(version, limits));
            assert_eq!(fill_up(Field::up(version, limits)), offline, "{version:?} {max_bytes}");
            assert!(offline < 25);
        }
    }
}
