//! Fields that no length can express, and sums that no 32 bits can hold: a typed error, and nothing changed.

use crate::corners::rig::{NOW, delivered, message, sent, up};
use pure_mqtt::wire::Violation;
use pure_mqtt::{
    Ack, Auth, Connect, Connection, Disconnect, Heap, Limits, OpenError, Property, PropertyError, Publish,
    PublishError, QoS, ReasonCode, RequestError, Subscribe, Subscription, TopicFilter, TopicName, Unsubscribe, Version,
    Will,
};

const TOPIC: TopicName<'_> = TopicName::from_static("t");
const FILTER: TopicFilter<'_> = TopicFilter::from_static("t");

fn too_long(id: u8) -> PropertyError {
    PropertyError { id, violation: Violation::PropertyValue }
}

/// One byte more than a length can express, and the longest that it can.
fn texts() -> (String, String) {
    ("x".repeat(65_536), "x".repeat(65_535))
}

#[test]
fn a_message_with_a_property_that_is_too_long_is_refused() {
    let (long, longest) = texts();
    let cases: [(u8, Property<'_>, Property<'_>); 5] = [
        (0x03, Property::ContentType(&long), Property::ContentType(&longest)),
        (0x08, Property::ResponseTopic(&long), Property::ResponseTopic(&longest)),
        (0x09, Property::CorrelationData(long.as_bytes()), Property::CorrelationData(longest.as_bytes())),
        (0x26, Property::UserProperty((&long, "")), Property::UserProperty((&longest, &longest))),
        (0x26, Property::UserProperty(("", &long)), Property::UserProperty((&longest, &longest))),
    ];
    for version in Version::ALL {
        for (id, refused, taken) in cases {
            let mut mqtt = up(Heap::new(), Limits::DEFAULT, version);
            let before = mqtt.clone();
            let properties = [refused];
            let publish = Publish::new(TOPIC, b"x").qos(QoS::AtLeastOnce).properties(&properties);
            assert_eq!(mqtt.publish(NOW, &publish), Err(PublishError::Property(too_long(id))), "{version:?}");
            assert!(mqtt == before);
            let properties = [taken];
            mqtt.publish(NOW, &Publish::new(TOPIC, b"x").properties(&properties)).unwrap();
        }
    }
}

fn answering(data: &[u8]) -> Publish<'_> {
    let mut publish = Publish::new(TOPIC, b"x");
    publish.correlation_data = Some(data);
    publish
}

/// Correlation data have a field of their own.
#[test]
fn correlation_data_that_are_too_long_are_refused() {
    for version in Version::ALL {
        for limits in [Limits { version, ..Limits::DEFAULT }, Limits::DEFAULT] {
            let mut closed = Connection::new(Heap::new(), limits);
            let mut open = up(Heap::new(), limits, version);
            for mqtt in [&mut closed, &mut open] {
                for length in [65_536, 70_000, 200_000] {
                    let data = vec![7; length];
                    let publish = answering(&data);
                    assert_eq!(mqtt.publish(NOW, &publish), Err(PublishError::Property(too_long(0x09))));
                    assert_eq!(mqtt.pending(), 0);
                }
            }
            let data = vec![7; 65_535];
            open.publish(NOW, &answering(&data)).unwrap();
            let wire = sent(&mut open);
            assert_eq!(wire.windows(3).any(|window| window == [0x09, 0xFF, 0xFF]), version == Version::V5);
        }
    }
}

#[test]
fn requests_with_a_property_that_is_too_long_are_refused() {
    let (long, _) = texts();
    let method = Property::AuthenticationMethod("m");
    let mut mqtt = Connection::new(Heap::new(), Limits::DEFAULT);
    mqtt.open(NOW, &Connect::new(Version::V5, "c").properties(&[method])).unwrap();
    sent(&mut mqtt);
    assert!(mqtt.handle_input(NOW, b"\x20\x07\0\0\x04\x15\0\x01m").is_ok());
    let before = mqtt.clone();
    let pair = [Property::UserProperty(("a", &long))];
    let error = |id| RequestError::Property(too_long(id));
    let subscriptions = [Subscription::new(FILTER, QoS::AtLeastOnce)];
    let result = mqtt.subscribe(NOW, &Subscribe::new(&subscriptions).properties(&pair));
    assert_eq!(result.unwrap_err(), error(0x26));
    let result = mqtt.unsubscribe(NOW, &Unsubscribe::new(&[FILTER]).properties(&pair));
    assert_eq!(result.unwrap_err(), error(0x26));
    let reason = [Property::ReasonString(&long)];
    assert_eq!(mqtt.disconnect(NOW, &Disconnect::default().properties(&reason)), Err(error(0x1F)));
    let data = [method, Property::AuthenticationData(long.as_bytes())];
    assert_eq!(mqtt.authenticate(NOW, &Auth::re_authenticate(&data)), Err(error(0x16)));
    assert!(mqtt == before);
    assert_eq!(sent(&mut mqtt), b"");
}

#[test]
fn an_acknowledgement_with_a_reason_that_is_too_long_is_refused() {
    let (long, _) = texts();
    let reason = [Property::ReasonString(&long)];
    for qos in [1, 2] {
        let mut mqtt = up(Heap::new(), Limits { manual_acks: true, ..Limits::DEFAULT }, Version::V5);
        let ack = delivered(&mut mqtt, &message(Version::V5, qos, 1));
        let refused = mqtt.acknowledge(NOW, ack, &Ack::SUCCESS.properties(&reason)).unwrap_err();
        assert_eq!(refused.error, RequestError::Property(too_long(0x1F)));
        mqtt.acknowledge(NOW, refused.pending, &Ack::SUCCESS).unwrap();
        assert_eq!(sent(&mut mqtt).len(), 4);
    }
}

#[test]
fn connect_with_a_field_that_is_too_long_is_refused() {
    let (long, longest) = texts();
    let open = |connect: &Connect<'_>| {
        let mut mqtt = Connection::new(Heap::new(), Limits::DEFAULT);
        let result = mqtt.open(NOW, connect);
        assert!(result.is_ok() || mqtt == Connection::new(Heap::new(), Limits::DEFAULT));
        result
    };
    let connect = Connect::new(Version::V5, "c");
    let error = |id| Err(OpenError::Property(too_long(id)));
    let data = [Property::AuthenticationMethod("m"), Property::AuthenticationData(long.as_bytes())];
    assert_eq!(open(&connect.properties(&data)), error(0x16));
    assert_eq!(open(&connect.properties(&[Property::UserProperty((&long, ""))])), error(0x26));
    for (id, property) in [
        (0x03, Property::ContentType(&long)),
        (0x08, Property::ResponseTopic(&long)),
        (0x09, Property::CorrelationData(long.as_bytes())),
        (0x26, Property::UserProperty(("", &long))),
    ] {
        let list = [property];
        assert_eq!(open(&connect.will(Will::new(TOPIC, b"x").properties(&list))), error(id));
    }
    for version in Version::ALL {
        let connect = Connect::new(version, "c");
        assert_eq!(open(&connect.will(Will::new(TOPIC, long.as_bytes()))), Err(OpenError::Field));
        assert_eq!(open(&connect.user_name(&long)), Err(OpenError::Field));
        assert_eq!(open(&connect.user_name("u").password(long.as_bytes())), Err(OpenError::Field));
        assert_eq!(open(&connect.user_name("u").password(&longest.as_bytes()[..1_000])), Ok(()));
    }
}

/// Every field as long as it can be, all at once, through a transport that takes what it likes; and a link lost in the middle of it.
#[test]
fn the_longest_connect_leaves_whole_from_the_heap() {
    let (_, longest) = texts();
    let topic = TopicName::new(&longest).unwrap();
    for version in [Version::V311, Version::V5] {
        let will = Will::new(topic, longest.as_bytes());
        let connect = Connect::new(version, &longest).user_name(&longest).password(longest.as_bytes()).will(will);
        let (mut mqtt, mut wire_length) = (Connection::new(Heap::new(), Limits::DEFAULT), 0);
        for taken in [100_000, usize::MAX] {
            mqtt.open(NOW, &connect).unwrap();
            let mut wire = Vec::new();
            while wire.len() < taken {
                let mut transmit = mqtt.transmit(NOW);
                let count = transmit.chunk().len().min(40_001);
                wire.extend(&transmit.chunk()[..count]);
                transmit.advance(count);
                if count == 0 {
                    break;
                }
            }
            if taken < usize::MAX {
                mqtt.handle_close(NOW);
                continue;
            }
            assert!(wire.len() > 5 * 65_535);
            wire_length = wire.len();
            let rules = pure_mqtt::wire::Rules::new(version);
            let decoded = pure_mqtt::wire::Packet::decode(&wire, rules).unwrap();
            let pure_mqtt::wire::Decoded::Packet { packet: pure_mqtt::wire::Packet::Connect(read), length } = decoded
            else {
                panic!()
            };
            assert_eq!((length, read.client_id, read.user_name), (wire.len(), &longest[..], Some(&longest[..])));
            assert_eq!((read.password, read.will.unwrap().payload), (Some(longest.as_bytes()), longest.as_bytes()));
        }
        let connack: &[u8] = if version == Version::V5 { b"\x20\x03\0\0\0" } else { b"\x20\x02\0\0" };
        assert!(mqtt.handle_input(NOW, connack).is_ok());
        assert!(mqtt.is_connected());
        // What comes after it starts at the front again.
        mqtt.publish(NOW, &Publish::new(TOPIC, b"x")).unwrap();
        assert_eq!(sent(&mut mqtt).len(), if version == Version::V5 { 7 } else { 6 });
        let mut small = Connection::new(pure_mqtt::Fixed::<64, 2, 2, 128>::new(), Limits::DEFAULT);
        assert!(matches!(small.open(NOW, &connect), Err(OpenError::TooLarge { needed }) if needed == wire_length));
    }
}

/// A list may name the same text any number of times: what it takes in all has more bytes than 32 bits can count, and costs no memory. (Without
/// optimisation it only has more than MQTT can express: each is checked.)
#[test]
fn a_list_longer_than_4_gib_is_refused() {
    let (_, longest) = texts();
    let count = if cfg!(debug_assertions) { 2_050 } else { 33_000 };
    let list = vec![Property::UserProperty((&longest, &longest)); count];
    let mut mqtt = up(Heap::new(), Limits { manual_acks: true, ..Limits::DEFAULT }, Version::V5);
    let publish = Publish::new(TOPIC, b"x").properties(&list[..]);
    assert_eq!(mqtt.publish(NOW, &publish), Err(PublishError::TooLarge));
    let subscriptions = [Subscription::new(FILTER, QoS::AtLeastOnce)];
    let result = mqtt.subscribe(NOW, &Subscribe::new(&subscriptions).properties(&list[..]));
    assert_eq!(result.unwrap_err(), RequestError::TooLarge);
    let ack = delivered(&mut mqtt, &message(Version::V5, 1, 1));
    mqtt.acknowledge(NOW, ack, &Ack::new(ReasonCode::QUOTA_EXCEEDED).properties(&list[..])).unwrap();
    assert_eq!(sent(&mut mqtt), b"\x40\x03\0\x01\x97", "without what it has no room for");
    let result = mqtt.disconnect(NOW, &Disconnect::default().properties(&list[..]));
    assert_eq!(result, Err(RequestError::TooLarge));
    let mut mqtt = Connection::new(Heap::new(), Limits::DEFAULT);
    assert_eq!(mqtt.open(NOW, &Connect::new(Version::V5, "c").properties(&list[..])), Err(OpenError::Field));
}

/// Payloads that are shared take no memory of the connection's, so that there may be more of them than 32 bits can count.
#[cfg(feature = "bytes")]
#[test]
fn more_than_4_gib_of_shared_payloads_wait_and_leave() {
    let payload = bytes::Bytes::from(vec![0; 200_000_000]); // of which no byte is touched
    let mut mqtt = up(Heap::new(), Limits { max_inflight: 0, ..Limits::DEFAULT }, Version::V311);
    let publish = Publish::new(TOPIC, &payload).qos(QoS::AtLeastOnce);
    let count = 30;
    for _ in 0..count {
        mqtt.publish(NOW, &publish).unwrap();
    }
    let mut left = 0_u64;
    for id in 1..=count {
        let mut transmit = mqtt.transmit(NOW);
        let before = left;
        while left - before < 200_000_000 && !transmit.chunk().is_empty() {
            let length = transmit.chunk().len();
            transmit.advance(length);
            left += length as u64;
        }
        assert!(mqtt.handle_input(NOW, &[0x40, 2, 0, id]).is_ok());
    }
    sent(&mut mqtt);
    assert!(left > u64::from(u32::MAX));
    assert_eq!(mqtt.pending(), 0);
    assert_eq!(mqtt.stats().bytes_sent - left, u64::try_from(connect_length()).unwrap());
}

#[cfg(feature = "bytes")]
fn connect_length() -> usize {
    let mut mqtt = Connection::new(Heap::new(), Limits::DEFAULT);
    mqtt.open(NOW, &Connect::new(Version::V311, "c").clean_start(false)).unwrap();
    sent(&mut mqtt).len()
}
