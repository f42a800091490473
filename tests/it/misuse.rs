//! What a caller can get wrong: each mistake has its error, and changes nothing.

use crate::common::broker::Config;
use crate::common::pair::{CLIENT, Pair, Start};
use pure_mqtt::wire::Violation;
use pure_mqtt::{
    Ack, Auth, Connect, Connection, ConnectionError, Disconnect, Fixed, Heap, Instant, Limits, OpenError, Property,
    PropertyError, Publish, PublishError, QoS, ReasonCode, Received, RequestError, State, Subscribe, Subscription,
    TopicError, TopicFilter, TopicName, Unsubscribe, Version, Will,
};

/// Runs `act`, which must leave the connection as it is.
#[track_caller]
fn unchanged<T>(pair: &mut Pair, act: impl FnOnce(&mut Connection<Heap>, Instant) -> T) -> T {
    let now = pair.now();
    let _ = pair.client.handle_timeout(now); // the time is no secret to it
    let before = pair.client.clone();
    let result = act(&mut pair.client, now);
    assert!(before == pair.client, "something changed");
    result
}

fn topic() -> TopicName<'static> {
    TopicName::new("t").unwrap()
}

fn not_allowed(id: u8) -> PropertyError {
    PropertyError { id, violation: Violation::PropertyNotAllowed }
}

/// In each state and version.
fn states() -> impl Iterator<Item = Pair> {
    Version::ALL.into_iter().flat_map(|version| {
        let limits = Limits { version, ..Limits::DEFAULT };
        let closed = Pair::with_limits(limits);
        let mut connecting = Pair::with_limits(limits);
        connecting.connect(version, Start::Clean);
        let mut closing = Pair::connected(version);
        closing.client.disconnect(closing.now(), &Disconnect::default()).unwrap();
        [closed, connecting, Pair::connected(version), closing]
    })
}

#[test]
fn topic_names() {
    // [MQTT-3.3.2-2] [MQTT-4.7.3-1]
    // [MQTT-3.1.3-11] [MQTT-4.7.0-1] [MQTT-4.7.3-2] [MQTT-4.7.3-3]
    for (name, error) in [
        ("", TopicError::Empty),
        ("a/+", TopicError::Wildcard),
        ("#", TopicError::Wildcard),
        ("a\0b", TopicError::NulCharacter),
        (&"x".repeat(65_536), TopicError::TooLong),
    ] {
        assert_eq!(TopicName::new(name), Err(error), "{name:?}");
    }
    for name in ["/", " ", "$SYS/x", "ä", &"x".repeat(65_535)] {
        assert!(TopicName::new(name).is_ok());
    }
}

#[test]
fn topic_filters() {
    // [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.8.2-2]
    // [MQTT-3.8.3-1] [MQTT-3.10.3-1] [MQTT-4.8.2-1]
    for (filter, error) in [
        ("", TopicError::Empty),
        ("a/#/b", TopicError::Wildcard),
        ("a+", TopicError::Wildcard),
        ("+a/b", TopicError::Wildcard),
        ("a#", TopicError::Wildcard),
        ("a\0", TopicError::NulCharacter),
        ("$share//x", TopicError::Share),
        ("$share/g/", TopicError::Share),
        ("$share/g", TopicError::Share),
        ("$share/+/x", TopicError::Share),
        (&"x".repeat(65_536), TopicError::TooLong),
    ] {
        assert_eq!(TopicFilter::new(filter), Err(error), "{filter:?}");
    }
}

#[test]
fn lists_without_a_filter() {
    // [MQTT-3.8.3-2] [MQTT-3.10.3-2]
    for mut pair in states() {
        let error = unchanged(&mut pair, |client, now| client.subscribe(now, &Subscribe::new(&[])));
        assert_eq!(error.unwrap_err(), RequestError::EmptyList);
        let error = unchanged(&mut pair, |client, now| client.unsubscribe(now, &Unsubscribe::new(&[])));
        assert_eq!(error.unwrap_err(), RequestError::EmptyList);
    }
}

#[test]
fn no_local_on_a_shared_subscription() {
    // [MQTT-3.8.3-4]
    let filters = [Subscription::new(TopicFilter::new("$share/g/a").unwrap(), QoS::AtMostOnce).no_local(true)];
    for mut pair in states().filter(|pair| pair.client.version() == Version::V5) {
        let error = unchanged(&mut pair, |client, now| client.subscribe(now, &Subscribe::new(&filters)));
        assert_eq!(error.unwrap_err(), RequestError::SharedNoLocal);
    }
}

#[test]
fn properties_of_another_packet() {
    // [MQTT-3.3.4-6]
    let filter = TopicFilter::new("a").unwrap();
    let subscriptions = [Subscription::new(filter, QoS::AtMostOnce)];
    for mut pair in states().filter(|pair| pair.client.version() == Version::V5) {
        for (property, id) in [
            (Property::TopicAlias(1), 0x23), // ours to assign
            (Property::SubscriptionIdentifier(1), 0x0B),
            (Property::SessionExpiryInterval(1), 0x11),
            (Property::ReasonString("x"), 0x1F),
            (Property::WillDelayInterval(1), 0x18),
        ] {
            let list = [property];
            let publish = Publish::new(topic(), "x").properties(&list[..]);
            let error = unchanged(&mut pair, |client, now| client.publish(now, &publish)).unwrap_err();
            assert_eq!(error, PublishError::Property(not_allowed(id)));
        }
        let list = [Property::ContentType("x")];
        let subscribe = Subscribe::new(&subscriptions).properties(&list[..]);
        let error = unchanged(&mut pair, |client, now| client.subscribe(now, &subscribe)).unwrap_err();
        assert_eq!(error, RequestError::Property(not_allowed(0x03)));
        let list = [Property::SubscriptionIdentifier(1)];
        let filters = [filter];
        let unsubscribe = Unsubscribe::new(&filters).properties(&list[..]);
        let error = unchanged(&mut pair, |client, now| client.unsubscribe(now, &unsubscribe)).unwrap_err();
        assert_eq!(error, RequestError::Property(not_allowed(0x0B)));
    }
}

#[test]
fn property_values() {
    // [MQTT-3.3.2-14]
    let long = "x".repeat(65_536);
    let mut pair = Pair::connected(Version::V5);
    for (list, violation) in [
        (&[Property::ResponseTopic("a/+")][..], Violation::ResponseTopic),
        (&[Property::ResponseTopic("")], Violation::ResponseTopic),
        (&[Property::ContentType("a\0")], Violation::PropertyValue),
        (&[Property::ContentType(&long)], Violation::PropertyValue),
        (&[Property::UserProperty(("k", &long))], Violation::PropertyValue),
        (&[Property::ContentType("a"), Property::ContentType("b")], Violation::PropertyTwice),
    ] {
        let publish = Publish::new(topic(), "x").properties(list);
        let error = unchanged(&mut pair, |client, now| client.publish(now, &publish)).unwrap_err();
        let PublishError::Property(error) = error else { panic!("{error:?}") };
        assert_eq!(error.violation, violation, "{list:?}");
    }
    let filters = [Subscription::new(TopicFilter::new("a").unwrap(), QoS::AtMostOnce)];
    for number in [0, 268_435_456, u32::MAX] {
        let list = [Property::SubscriptionIdentifier(number)];
        let subscribe = Subscribe::new(&filters).properties(&list[..]);
        let error = unchanged(&mut pair, |client, now| client.subscribe(now, &subscribe)).unwrap_err();
        assert!(matches!(error, RequestError::Property(_)), "{number}: {error:?}");
    }
}

#[test]
fn connects_that_cannot_be() {
    // [MQTT-3.1.3-4] [MQTT-3.1.3-12]
    let long = "x".repeat(65_536);
    let will_delay = [Property::WillDelayInterval(1)];
    let receive_maximum = [Property::ReceiveMaximum(1)];
    let data_alone = [Property::AuthenticationData(b"x")];
    let will = |payload| Will::new(topic(), payload);
    let v5 = Connect::new(Version::V5, CLIENT);
    let v311 = Connect::new(Version::V311, CLIENT);
    for (connect, error) in [
        (Connect::new(Version::V31, ""), OpenError::ClientId),
        (Connect::new(Version::V311, "").clean_start(false), OpenError::ClientId),
        (Connect::new(Version::V5, "a\0"), OpenError::Field),
        (v311.user_name("a\0"), OpenError::Field),
        (v311.user_name(&long), OpenError::Field),
        (v311.user_name("a").password(long.as_bytes()), OpenError::Field),
        (v311.will(will(long.as_bytes())), OpenError::Field),
        (v311.password(b"x"), OpenError::PasswordWithoutUserName),
        (v5.bridge(true), OpenError::Bridge),
        (v5.properties(&will_delay[..]), OpenError::Property(not_allowed(0x18))),
        (v5.properties(&receive_maximum[..]), OpenError::Property(not_allowed(0x21))),
        (v5.will(will(b"x").properties(&receive_maximum[..])), OpenError::Property(not_allowed(0x21))),
    ] {
        let mut pair = Pair::new();
        let result = unchanged(&mut pair, |client, _| client.open(Instant::from_millis(0), &connect));
        assert_eq!(result, Err(error), "{connect:?}");
    }
    let mut pair = Pair::new();
    let result =
        unchanged(&mut pair, |client, _| client.open(Instant::from_millis(0), &v5.properties(&data_alone[..])));
    assert!(matches!(result, Err(OpenError::Property(_))));

    let mut small = Connection::new(Fixed::<64, 2, 2, 16>::new(), Limits::DEFAULT);
    let before = small.clone();
    let result = small.open(Instant::from_millis(0), &v311);
    assert_eq!(result, Err(OpenError::TooLarge { needed: 20 }));
    assert!(small == before);
}

#[test]
fn opening_twice() {
    // [MQTT-3.1.0-2]
    for mut pair in states().filter(|pair| pair.client.state() != State::Closed) {
        let connect = Connect::new(Version::V311, "other");
        let result = unchanged(&mut pair, |client, now| client.open(now, &connect));
        assert_eq!(result, Err(OpenError::AlreadyOpen));
    }
}

#[test]
fn commands_that_need_a_link() {
    for mut pair in states().filter(|pair| !pair.client.is_connected()) {
        if matches!(pair.client.state(), State::Closed | State::Closing) {
            let leave = Disconnect::new(ReasonCode::QUOTA_EXCEEDED);
            unchanged(&mut pair, |client, now| client.disconnect(now, &leave)).unwrap();
        }
        let auth = Auth::default();
        let result = unchanged(&mut pair, |client, now| client.authenticate(now, &auth));
        assert_eq!(result, Err(RequestError::State));
    }
    let mut pair = Pair::new();
    let result = unchanged(&mut pair, |client, now| client.handle_input(now, b"\xD0\x00").map(|_| ()));
    assert_eq!(result, Err(ConnectionError::NotOpen));
    unchanged(&mut pair, |client, now| client.handle_close(now));
    unchanged(&mut pair, |client, now| client.handle_timeout(now)).unwrap();
    assert!(!pair.client.should_close());
    assert!(pair.client.transmit(Instant::from_millis(0)).chunk().is_empty());
}

#[test]
fn disconnects_that_cannot_be() {
    let reference = [Property::ServerReference("x")];
    let alias = [Property::TopicAlias(1)];
    let mut pair = Pair::connected(Version::V5);
    for (disconnect, error) in [
        (Disconnect::new(ReasonCode::SERVER_SHUTTING_DOWN), RequestError::ReasonCode),
        (Disconnect::new(ReasonCode::KEEP_ALIVE_TIMEOUT), RequestError::ReasonCode),
        (Disconnect::new(ReasonCode(0x42)), RequestError::ReasonCode),
        (Disconnect::default().properties(&reference[..]), RequestError::Property(not_allowed(0x1C))),
        (Disconnect::default().properties(&alias[..]), RequestError::Property(not_allowed(0x23))),
    ] {
        let result = unchanged(&mut pair, |client, now| client.disconnect(now, &disconnect));
        assert_eq!(result, Err(error));
    }
    assert!(pair.client.is_connected());
}

#[test]
fn acknowledgements_that_cannot_be() {
    let mut pair = Pair::with_limits(Limits { manual_acks: true, ..Limits::DEFAULT }).up(Version::V5);
    pair.subscribe("#", QoS::AtLeastOnce);
    pair.drive();
    pair.broker.publish("t", b"x", 1, false);
    pair.drive();
    let mut pending = pair.held.pop().unwrap();
    let alias = [Property::TopicAlias(1)];
    for (ack, error) in [
        (Ack::new(ReasonCode::SERVER_BUSY), RequestError::ReasonCode),
        (Ack::new(ReasonCode(0x01)), RequestError::ReasonCode),
        (Ack::SUCCESS.properties(&alias[..]), RequestError::Property(not_allowed(0x23))),
    ] {
        let refused = unchanged(&mut pair, |client, now| client.acknowledge(now, pending, &ack)).unwrap_err();
        assert_eq!(refused.error, error);
        pending = refused.pending; // still the caller's
    }
    pair.cut();
    let refused = unchanged(&mut pair, |client, now| client.acknowledge(now, pending, &Ack::SUCCESS)).unwrap_err();
    assert_eq!(refused.error, RequestError::Stale);
    // The same place is in use again, by another message.
    pair.reconnect(Start::Resume);
    let refused = unchanged(&mut pair, |client, now| client.acknowledge(now, refused.pending, &Ack::SUCCESS));
    assert_eq!(refused.unwrap_err().error, RequestError::Stale);
    let pending = pair.held.pop().unwrap();
    pair.acknowledge(pending).unwrap();
    pair.drive();
    pair.assert_idle();
}

#[test]
fn a_handle_of_another_connection_is_stale() {
    let mut pair = Pair::with_limits(Limits { manual_acks: true, ..Limits::DEFAULT }).up(Version::V311);
    pair.subscribe("#", QoS::AtLeastOnce);
    pair.drive();
    pair.broker.publish("t", b"x", 1, false);
    pair.drive();
    let pending = pair.held.pop().unwrap();
    let mut other = Pair::connected(Version::V311);
    let refused = unchanged(&mut other, |client, now| client.acknowledge(now, pending, &Ack::SUCCESS));
    assert_eq!(refused.unwrap_err().error, RequestError::Stale);
}

#[test]
fn settings_change_without_a_link_only() {
    for mut pair in states() {
        let other = Limits { max_inflight: 3, version: Version::V311, ..Limits::DEFAULT };
        let is_closed = pair.client.state() == State::Closed;
        if is_closed {
            assert!(pair.client.set_limits(other));
            assert_eq!(pair.client.limits(), other);
        } else {
            assert!(!unchanged(&mut pair, |client, _| client.set_limits(other)));
            assert!(!unchanged(&mut pair, |client, _| client.discard_session()));
        }
    }
}

#[test]
fn input_of_nothing_does_nothing() {
    for mut pair in states().filter(|pair| pair.client.is_connected()) {
        let result =
            unchanged(&mut pair, |client, now| client.handle_input(now, b"") == Ok(Received::Partial { needed: 2 }));
        assert!(result);
    }
}

#[test]
fn advancing_too_far_stops_at_the_end() {
    let mut pair = Pair::connected(Version::V311);
    pair.send("x", QoS::AtMostOnce);
    let now = pair.now();
    let mut transmit = pair.client.transmit(now);
    transmit.advance(usize::MAX);
    assert!(transmit.chunk().is_empty());
    assert_eq!(pair.client.last_sent_qos0().get(), 1);
}

/// A failed link refuses all further input with the same error, and interprets none of it.
#[test]
fn after_a_failure_nothing_is_interpreted() {
    for version in Version::ALL {
        let mut pair = Pair::with(Heap::new(), Limits::DEFAULT, Config::default()).up(version);
        let now = pair.now();
        let error = pair.client.handle_input(now, b"\x00\x00").unwrap_err();
        for input in [&b"\x30\x04\x00\x01tx"[..], b"\xD0\x00", b"", b"\xFF"] {
            let again = unchanged(&mut pair, |client, now| client.handle_input(now, input).map(|_| ()));
            assert_eq!(again, Err(error));
        }
        assert_eq!(pair.client.close_reason(), error);
        assert_eq!(pair.client.stats().messages_received, 0);
        pair.drive();
        assert_eq!(pair.client.state(), State::Closed);
    }
}

/// 3.1 counts characters, not bytes `[MQTT-3.1.3-5]`.
#[test]
fn a_client_identifier_of_3_1_has_23_characters_at_most() {
    for (text, is_allowed) in
        [("ä".repeat(23), true), ("ä".repeat(24), false), ("€".repeat(23), true), ("a".repeat(24), false)]
    {
        let mut client = Connection::new(Heap::new(), Limits::DEFAULT);
        let opened = client.open(Instant::from_millis(0), &Connect::new(Version::V31, &text));
        assert_eq!(opened, if is_allowed { Ok(()) } else { Err(OpenError::ClientId) }, "{text}");
    }
}
