//! Messages on their way out: the three qualities of service, the window, the queue and its overflow.

use crate::common::broker::{Config, Prop};
use crate::common::pair::{Pair, Seen, Start, Wire};
use pure_mqtt::{
    Connect, Connection, Event, Fixed, Handle, Heap, Instant, Limits, Overflow, Publish, PublishError, QoS, ReasonCode,
    Received, Storage, Subscribe, Subscription, TopicFilter, TopicName, Version,
};

const LEVELS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

#[test]
fn every_quality_of_service() {
    // [MQTT-3.3.1-2]
    // [MQTT-4.3.1-1] [MQTT-4.3.2-2] [MQTT-4.3.2-3] [MQTT-4.3.3-2] [MQTT-4.3.3-5]
    for version in Version::ALL {
        for wire in [Wire::default(), Wire::byte_by_byte(), Wire { latency: 50, ..Wire::default() }] {
            let mut pair = Pair::connected(version).wired(wire);
            for qos in LEVELS {
                let delivery = pair.publish("t", "x", qos);
                assert_eq!(delivery.id.is_some(), qos != QoS::AtMostOnce);
                pair.drive();
                pair.assert_idle();
                let got = pair.broker.released().last().unwrap();
                assert_eq!((got.qos, got.dup, got.retain, got.topic.as_str()), (qos.bits(), false, false, "t"));
            }
            assert_eq!(pair.acknowledged().len(), 2);
            assert!(matches!(pair.seen[0], Seen::PubAck { reason: ReasonCode::SUCCESS, .. }));
            assert!(matches!(pair.seen[1], Seen::PubComp { reason: ReasonCode::SUCCESS, .. }));
        }
    }
}

#[test]
fn the_longest_remaining_lengths_of_each_size() {
    for version in Version::ALL {
        let mut pair = Pair::connected(version);
        for length in [0, 100, 127, 128, 16_300, 16_383, 16_384, 2_097_152] {
            let payload = "p".repeat(length);
            pair.send(&payload, QoS::AtLeastOnce);
            pair.drive();
            assert_eq!(pair.broker.released().last().unwrap().payload.len(), length);
        }
    }
}

#[test]
fn properties_arrive_in_their_order() {
    use pure_mqtt::Property::{ContentType, PayloadFormatIndicator, ResponseTopic, UserProperty};
    let mut pair = Pair::connected(Version::V5);
    let list = [PayloadFormatIndicator(true), UserProperty(("k", "1")), ContentType("c"), UserProperty(("k", "2"))];
    let publish = Publish::new(TopicName::new("t").unwrap(), "x").retain(true).properties(&list[..]);
    pair.try_publish(&publish).unwrap();
    pair.drive();
    let got = pair.broker.released()[0].clone();
    assert!(got.retain);
    assert_eq!(got.props.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [0x01, 0x26, 0x03, 0x26]);
    assert_eq!(got.props[2].1, Prop::Text("c".into()));
    // Before 5.0 there are none, and no error either.
    let mut pair = Pair::connected(Version::V311);
    let wrong = [ResponseTopic("t")];
    pair.try_publish(&publish.properties(&wrong[..])).unwrap();
    pair.drive();
    assert!(pair.broker.released()[0].props.is_empty());
}

#[test]
fn refused_messages_are_over() {
    // [MQTT-4.4.0-2]
    let config = Config { puback_reason: Some(0x87), pubrec_reason: Some(0x97), ..Config::default() };
    let limits = Limits { max_inflight: 1, ..Limits::DEFAULT };
    let mut pair = Pair::with(Heap::new(), limits, config).up(Version::V5);
    let first = pair.send("1", QoS::AtLeastOnce);
    let second = pair.send("2", QoS::ExactlyOnce);
    let third = pair.send("3", QoS::ExactlyOnce);
    pair.drive();
    assert_eq!(
        pair.seen,
        [
            Seen::PubAck { handle: first, reason: ReasonCode::NOT_AUTHORIZED, properties: vec![] },
            Seen::PubRec { handle: second, reason: ReasonCode::QUOTA_EXCEEDED, properties: vec![] },
            Seen::PubRec { handle: third, reason: ReasonCode::QUOTA_EXCEEDED, properties: vec![] },
        ]
    );
    assert_eq!(pair.lines("PUBREL"), [] as [&str; 0]);
    assert_eq!(pair.client.send_quota(), 1);
    pair.assert_idle();
    pair.cut();
    pair.reconnect(Start::Resume);
    assert_eq!(pair.lines("PUBLISH").len(), 3, "nothing is sent again");
}

#[test]
fn no_matching_subscribers_is_a_success() {
    let mut pair = Pair::with_config(Config { puback_reason: Some(0x10), ..Config::default() }).up(Version::V5);
    pair.send("1", QoS::AtLeastOnce);
    pair.drive();
    assert!(matches!(pair.seen[0], Seen::PubAck { reason: ReasonCode::NO_MATCHING_SUBSCRIBERS, .. }));
    pair.assert_idle();
}

/// How many messages are out when none is acknowledged.
fn in_flight(version: Version, max_inflight: u16, receive_maximum: Option<u16>) -> usize {
    let config = Config { hold_acks: true, receive_maximum, ..Config::default() };
    let limits = Limits { max_inflight, ..Limits::DEFAULT };
    let mut pair = Pair::with(Heap::new(), limits, config).up(version);
    for number in 0..100 {
        pair.send("x", LEVELS[1 + number % 2]);
    }
    pair.drive();
    let out = pair.lines("PUBLISH").len();
    let own = if max_inflight == 0 { u16::MAX } else { max_inflight };
    let theirs = receive_maximum.filter(|_| version == Version::V5).unwrap_or(u16::MAX);
    assert_eq!(usize::from(pair.client.send_quota()), usize::from(own.min(theirs)) - out);
    while pair.broker.held_acks() > 0 {
        pair.broker.release_acks();
        pair.drive();
    }
    assert_eq!(pair.acknowledged().len(), 100);
    assert!(pair.acknowledged().len() == 100 && pair.released().len() == 100);
    out
}

#[test]
fn the_window_is_the_smaller_of_both_limits() {
    // [MQTT-3.3.4-7]
    // [MQTT-4.9.0-1] [MQTT-4.9.0-2]
    for (version, max_inflight, receive_maximum, expected) in [
        (Version::V31, 20, None, 20),
        (Version::V311, 3, None, 3),
        (Version::V311, 0, None, 100),
        (Version::V311, 0, Some(5), 100),
        (Version::V5, 20, Some(5), 5),
        (Version::V5, 2, Some(5), 2),
        (Version::V5, 0, Some(7), 7),
        (Version::V5, 0, None, 100),
    ] {
        assert_eq!(in_flight(version, max_inflight, receive_maximum), expected, "{version:?} {max_inflight}");
    }
}

#[test]
fn qos_0_and_requests_pass_a_closed_window_in_their_order() {
    // [MQTT-3.3.4-8] [MQTT-4.9.0-3]
    for version in Version::ALL {
        let limits = Limits { max_inflight: 1, ..Limits::DEFAULT };
        for storage_is_busy in [false, true] {
            let config = Config { hold_acks: true, ..Config::default() };
            let mut pair = Pair::with(Fixed::<1024, 16, 8>::new(), limits, config).up(version);
            pair.wire.max_write = if storage_is_busy { 1 } else { 4096 };
            let names = ["a1", "b2", "c0", "d1", "e0", "f0", "g2", "h0"];
            for name in names {
                let qos = QoS::from_bits(name.as_bytes()[1] - b'0').unwrap();
                pair.send(name, qos);
            }
            pair.subscribe("#", QoS::AtMostOnce);
            pair.drive();
            assert_eq!(pair.released(), ["a1", "c0", "e0", "f0", "h0"]);
            assert_eq!(pair.lines("SUBSCRIBE").len(), 1);
            while pair.broker.held_acks() > 0 {
                pair.broker.release_acks();
                pair.drive();
            }
            assert_eq!(pair.released()[5..], ["b2", "d1", "g2"]);
            pair.assert_idle();
        }
    }
}

#[test]
fn left_tells_when_a_qos_0_message_has_left() {
    let mut pair = Pair::connected(Version::V311).wired(Wire::byte_by_byte());
    let first = pair.send("1", QoS::AtMostOnce);
    let second = pair.send("2", QoS::AtMostOnce);
    assert_eq!(pair.client.last_sent_qos0(), Handle::default());
    for _ in 0..6 {
        pair.write();
        assert!(pair.client.last_sent_qos0() < second);
    }
    assert_eq!(pair.client.last_sent_qos0(), first);
    pair.drive();
    assert_eq!(pair.client.last_sent_qos0(), second);
}

#[test]
fn a_full_queue_refuses_the_new_message() {
    for version in Version::ALL {
        for limits in
            [Limits { max_queued: 3, version, ..Limits::DEFAULT }, Limits { max_bytes: 40, version, ..Limits::DEFAULT }]
        {
            let mut pair = Pair::with_limits(limits);
            let handles: Vec<Handle> = (0..3).map(|_| pair.send("1234", QoS::AtLeastOnce)).collect();
            let before = pair.client.clone();
            let publish = Publish::new(TopicName::new("t").unwrap(), "1234").qos(QoS::AtLeastOnce);
            assert_eq!(pair.try_publish(&publish), Err(PublishError::Full));
            let publish = publish.qos(QoS::AtMostOnce);
            assert_eq!(pair.try_publish(&publish), Err(PublishError::Full));
            assert!(pair.client == before);
            assert_eq!(pair.client.pending(), 3);
            pair.connect(version, Start::Resume);
            pair.drive();
            assert_eq!(pair.acknowledged(), handles);
            pair.try_publish(&publish).unwrap();
        }
    }
}

#[test]
fn a_message_that_can_never_fit() {
    let mut pair = Pair::with(Fixed::<32, 4, 4>::new(), Limits::DEFAULT, Config::default());
    let publish = Publish::new(TopicName::new("t").unwrap(), "1234567890123456789012345678901");
    assert_eq!(pair.try_publish(&publish), Err(PublishError::TooLarge));
    let mut pair = Pair::with_limits(Limits { max_bytes: 16, ..Limits::DEFAULT });
    assert_eq!(pair.try_publish(&publish), Err(PublishError::TooLarge));
}

fn overflowing(overflow: Overflow) -> Pair {
    let limits = Limits { max_queued: 4, max_inflight: 1, overflow, ..Limits::DEFAULT };
    let config = Config { hold_acks: true, ..Config::default() };
    Pair::with(Heap::new(), limits, config).up(Version::V311)
}

#[test]
fn the_oldest_unsent_message_is_dropped_and_named() {
    let mut pair = overflowing(Overflow::DropOldest);
    let handles: Vec<Handle> = ["1", "2", "3", "4"].iter().map(|text| pair.send(text, QoS::AtLeastOnce)).collect();
    pair.drive(); // 1 is out
    let delivery = pair.publish("t", "5", QoS::ExactlyOnce);
    let dropped = delivery.dropped.unwrap();
    assert_eq!((dropped.first, dropped.last, dropped.count), (handles[1], handles[1], 1));
    let dropped = pair.publish("t", "6", QoS::AtLeastOnce).dropped.unwrap();
    assert_eq!((dropped.first, dropped.last, dropped.count), (handles[2], handles[2], 1));
    while pair.broker.held_acks() > 0 {
        pair.broker.release_acks();
        pair.drive();
    }
    assert_eq!(pair.released(), ["1", "4", "5", "6"]);
    assert_eq!(pair.acknowledged().len(), 4);
    assert!(pair.outcomes.is_empty(), "the publish named them already");
    pair.assert_idle();
}

#[test]
fn as_many_are_dropped_as_the_new_one_needs() {
    let limits = Limits { overflow: Overflow::DropOldest, ..Limits::DEFAULT };
    let mut pair = Pair::with(Fixed::<128, 16, 4>::new(), limits, Config::default());
    let handles: Vec<Handle> = (0..8).map(|_| pair.send("12345", QoS::AtLeastOnce)).collect();
    let delivery = pair.publish("t", &"x".repeat(40), QoS::AtLeastOnce);
    let dropped = delivery.dropped.unwrap();
    assert_eq!(dropped.first, handles[0]);
    assert_eq!(dropped.count as usize, handles.iter().filter(|handle| **handle <= dropped.last).count());
    let before = pair.client.clone();
    let huge = Publish::new(TopicName::new("t").unwrap(), &[0; 200]);
    assert_eq!(pair.try_publish(&huge), Err(PublishError::TooLarge));
    assert!(pair.client == before);
    pair.connect(Version::V311, Start::Resume);
    pair.drive();
    assert_eq!(pair.acknowledged().len(), 9 - dropped.count as usize);
}

#[test]
fn what_is_out_is_not_dropped() {
    let mut pair = overflowing(Overflow::DropOldest);
    pair.broker.config_mut().receive_maximum = None;
    let mut pair2 = Pair::with(
        Heap::new(),
        Limits { max_queued: 2, overflow: Overflow::DropOldest, ..Limits::DEFAULT },
        Config { hold_acks: true, ..Config::default() },
    )
    .up(Version::V5);
    pair2.send("1", QoS::AtLeastOnce);
    pair2.wire.max_write = 1;
    pair2.send("2", QoS::AtLeastOnce);
    pair2.drive();
    let publish = Publish::new(TopicName::new("t").unwrap(), "3").qos(QoS::AtLeastOnce);
    assert_eq!(pair2.try_publish(&publish), Err(PublishError::Full));
    // Half out is out.
    pair.wire.max_write = 1;
    for text in ["1", "2", "3", "4"] {
        pair.send(text, QoS::AtMostOnce);
    }
    pair.write();
    let dropped = pair.publish("t", "5", QoS::AtMostOnce).dropped.unwrap();
    assert_eq!(dropped.first.get(), 2);
    pair.drive();
    assert_eq!(pair.released(), ["1", "3", "4", "5"]);
}

#[test]
fn only_the_latest_of_each_topic() {
    let mut pair = overflowing(Overflow::LatestPerTopic);
    pair.publish("a", "1", QoS::AtLeastOnce);
    pair.drive();
    let old = pair.publish("b", "2", QoS::AtLeastOnce);
    pair.publish("c", "3", QoS::AtLeastOnce);
    pair.publish("d", "4", QoS::AtLeastOnce);
    let refused = Publish::new(TopicName::new("a").unwrap(), "5");
    assert_eq!(pair.try_publish(&refused), Err(PublishError::Full), "the message to a is out");
    let dropped = pair.publish("b", "6", QoS::AtLeastOnce).dropped.unwrap();
    assert_eq!((dropped.first, dropped.count), (old.handle, 1));
    while pair.broker.held_acks() > 0 {
        pair.broker.release_acks();
        pair.drive();
    }
    assert_eq!(pair.released(), ["1", "3", "4", "6"]);
    pair.assert_idle();
}

#[test]
fn cancelling() {
    for version in Version::ALL {
        let limits = Limits { max_inflight: 1, ..Limits::DEFAULT };
        let config = Config { hold_acks: true, ..Config::default() };
        let mut pair = Pair::with(Heap::new(), limits, config).up(version);
        let out = pair.send("out", QoS::AtLeastOnce);
        let waiting = pair.send("waiting", QoS::AtLeastOnce);
        let last = pair.send("last", QoS::ExactlyOnce);
        let request = pair.subscribe("#", QoS::AtMostOnce);
        pair.drive();
        assert!(!pair.client.cancel(out));
        assert!(pair.client.cancel(waiting));
        assert!(!pair.client.cancel(waiting));
        assert!(!pair.client.cancel(request.handle));
        assert!(!pair.client.cancel(Handle::default()));
        while pair.broker.held_acks() > 0 {
            pair.broker.release_acks();
            pair.drive();
        }
        assert_eq!(pair.released(), ["out", "last"]);
        assert_eq!(pair.acknowledged(), [out, last]);
        assert!(pair.outcomes.is_empty());
        pair.assert_idle();
    }
}

#[test]
fn replacing_a_message_that_waits() {
    for version in Version::ALL {
        let limits = Limits { version, max_inflight: 1, max_queued: 4, ..Limits::DEFAULT };
        let config = Config { hold_acks: true, ..Config::default() };
        let mut pair = Pair::with(Heap::new(), limits, config).up(version);
        let out = pair.send("out", QoS::AtLeastOnce);
        let old = pair.send("old", QoS::AtLeastOnce);
        let kept = pair.send("kept", QoS::ExactlyOnce);
        pair.drive();
        pair.send("fourth", QoS::AtLeastOnce);
        let newer = Publish::new(TopicName::new("t").unwrap(), "a newer one").qos(QoS::ExactlyOnce);
        let now = pair.now();
        assert_eq!(pair.try_publish(&newer), Err(PublishError::Full));
        let before = pair.client.clone();
        for gone in [out, Handle::default()] {
            assert_eq!(pair.client.replace(now, gone, &newer), Err(PublishError::NotQueued));
        }
        let huge = Publish::new(newer.topic, &[0; 300]);
        pair.client.handle_close(now);
        let closed = pair.client.clone();
        let tight = Limits { max_bytes: 100, ..limits };
        assert!(pair.client.set_limits(tight));
        assert_eq!(pair.client.replace(now, old, &huge), Err(PublishError::TooLarge));
        let large = Publish::new(newer.topic, &[0; 90]);
        assert_eq!(
            pair.client.replace(now, old, &large),
            Err(PublishError::Full),
            "there is room for one, not for three"
        );
        assert!(pair.client.set_limits(limits));
        assert!(pair.client == closed, "an error changes nothing");
        pair.client = before;

        let delivery = pair.client.replace(now, old, &newer).unwrap();
        let dropped = delivery.dropped.unwrap();
        assert_eq!((dropped.first, dropped.last, dropped.count), (old, old, 1));
        assert_eq!(pair.client.replace(now, old, &newer), Err(PublishError::NotQueued));
        let latest = Publish::new(newer.topic, "the latest");
        assert_eq!(pair.client.replace(now, delivery.handle, &latest).unwrap().dropped.unwrap().first, delivery.handle);
        while pair.broker.held_acks() > 0 {
            pair.broker.release_acks();
            pair.drive();
        }
        // QoS 0 did not wait for the window.
        assert_eq!(pair.released(), ["out", "the latest", "kept", "fourth"]);
        assert_eq!(pair.acknowledged()[..2], [out, kept]);
        pair.assert_idle();
    }
}

/// In a storage that holds one message: the new one takes the place of the old, however far the host has looked at it.
#[test]
fn replacing_where_there_is_room_for_one() {
    for staged in [false, true] {
        let mut pair = Pair::with(Fixed::<24, 1, 2>::new(), Limits::DEFAULT, Config::default()).up(Version::V311);
        let old = pair.send("old message", QoS::AtLeastOnce);
        let now = pair.now();
        if staged {
            assert!(pair.client.transmit(now).remaining() > 0);
        }
        let newer = Publish::new(TopicName::new("t").unwrap(), "new message!").qos(QoS::AtLeastOnce);
        assert!(pair.client.replace(now, old, &newer).is_ok());
        pair.drive();
        assert_eq!(pair.released(), ["new message!"]);
        pair.assert_idle();
    }
}

/// Staged behind a packet that is half out, but not begun: it may still be taken back, and the others leave whole.
#[test]
fn cancelling_in_the_middle_of_a_run() {
    for offset in 1..40 {
        let mut pair = Pair::connected(Version::V5);
        pair.wire.max_write = 1;
        let handles: Vec<Handle> =
            ["one", "two", "three", "four"].iter().map(|t| pair.send(t, QoS::AtLeastOnce)).collect();
        for _ in 0..offset {
            pair.write();
        }
        let cancelled: Vec<bool> = [2, 1].iter().map(|index| pair.client.cancel(handles[*index])).collect();
        pair.drive();
        let expected: Vec<&str> = [("one", true), ("two", !cancelled[1]), ("three", !cancelled[0]), ("four", true)]
            .iter()
            .filter_map(|(text, stays)| stays.then_some(*text))
            .collect();
        assert_eq!(pair.released(), expected);
        assert_eq!(pair.client.send_quota(), 20);
        pair.assert_idle();
    }
}

/// Takes what waits out of `connection`.
fn drain<S: Storage>(connection: &mut Connection<S>) {
    let mut transmit = connection.transmit(NOW);
    while transmit.remaining() > 0 {
        let count = transmit.remaining();
        transmit.advance(count);
    }
}

/// A connection of 3.1.1 whose server is played by the test.
fn alone<S: Storage>(storage: S, limits: Limits) -> Connection<S> {
    let mut connection = Connection::new(storage, limits);
    connection.open(NOW, &Connect::new(Version::V311, "me")).unwrap();
    drain(&mut connection);
    assert!(connection.handle_input(NOW, b"\x20\x02\x00\x00").is_ok());
    connection
}

const NOW: Instant = Instant::from_millis(1_000);

fn message() -> Publish<'static> {
    Publish::new(TopicName::new("t").unwrap(), "x").qos(QoS::AtLeastOnce)
}

fn puback<S: Storage>(connection: &mut Connection<S>, id: u16) {
    let [high, low] = id.to_be_bytes();
    let Ok(Received::Packet { event: Some(Event::PubAck(_)), .. }) =
        connection.handle_input(NOW, &[0x40, 2, high, low])
    else {
        panic!("PUBACK {id} was not taken");
    };
}

#[test]
fn identifiers_go_round_and_leave_out_what_is_held() {
    // [MQTT-2.2.1-3]
    // [MQTT-4.3.2-1]
    let mut connection = alone(Heap::new(), Limits::DEFAULT);
    let kept = connection.publish(NOW, &message()).unwrap().id.unwrap();
    let filters = [Subscription::new(TopicFilter::new("#").unwrap(), QoS::AtMostOnce)];
    let request = connection.subscribe(NOW, &Subscribe::new(&filters)).unwrap().id;
    assert_eq!((kept.get(), request.get()), (1, 2));
    drain(&mut connection);
    let (mut last, mut wraps) = (2, 0);
    for _ in 0..70_000 {
        let id = connection.publish(NOW, &message()).unwrap().id.unwrap().get();
        drain(&mut connection);
        puback(&mut connection, id);
        assert!(id > 2, "identifier {id} is held");
        if id < last {
            assert!(last > 65_530 && id < 6, "{last} before {id}");
            wraps += 1;
        }
        last = id;
    }
    assert_eq!(wraps, 1);
}

/// Full tables at the turn from 65,535 to 1: a free slot is always found.
#[test]
fn a_free_slot_is_found_at_the_wrap() {
    fn check<const SEND: usize>(short_of_wrap: u16, free: u16) {
        let limits = Limits { max_inflight: 0, ..Limits::DEFAULT };
        let mut connection = alone(Fixed::<512, SEND, 2>::new(), limits);
        let mut last = 0;
        while last < u16::MAX - short_of_wrap {
            last = connection.publish(NOW, &message()).unwrap().id.unwrap().get();
            if last <= u16::MAX - short_of_wrap - SEND as u16 {
                drain(&mut connection);
                puback(&mut connection, last);
            }
        }
        drain(&mut connection);
        assert_eq!(connection.publish(NOW, &message()).map(|_| ()), Err(PublishError::Full));
        puback(&mut connection, last - free);
        let next = connection.publish(NOW, &message());
        assert!(next.is_ok(), "{SEND} slots, {short_of_wrap} short of the wrap, {free} from the end: {next:?}");
    }
    for short_of_wrap in 0..5 {
        for free in 0..4 {
            check::<4>(short_of_wrap, free);
        }
    }
}

#[test]
fn a_full_heap_is_an_error_until_something_is_acknowledged() {
    let mut connection = alone(Heap::new(), Limits { max_inflight: 0, ..Limits::DEFAULT });
    let mut ids = Vec::new();
    let error = loop {
        match connection.publish(NOW, &message()) {
            Ok(delivery) => ids.push(delivery.id.unwrap().get()),
            Err(error) => break error,
        }
    };
    assert_eq!(error, PublishError::Full);
    assert!(ids.len() > 60_000, "{}", ids.len());
    let unique: std::collections::BTreeSet<u16> = ids.iter().copied().collect();
    assert!(unique.len() == ids.len() && !unique.contains(&0));
    drain(&mut connection);
    puback(&mut connection, ids[ids.len() / 2]);
    assert!(connection.publish(NOW, &message()).is_ok());
    assert_eq!(connection.publish(NOW, &message()).map(|_| ()), Err(PublishError::Full));
}
