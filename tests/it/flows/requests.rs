//! SUBSCRIBE and UNSUBSCRIBE: their answers, their options, and what becomes of them when a link ends.

use crate::common::broker::Config;
use crate::common::pair::{CLIENT, Pair, Seen, Start};
use pure_mqtt::{
    Cause, Command, Fixed, Handle, Limits, Property, QoS, ReasonCode, RequestError, RetainHandling, Subscribe,
    Subscription, TopicFilter, Unsubscribe, Version,
};

fn filter(text: &str) -> TopicFilter<'_> {
    TopicFilter::new(text).unwrap()
}

#[test]
fn each_filter_gets_its_answer() {
    for version in Version::ALL {
        let mut pair = Pair::with_config(Config { maximum_qos: 1, ..Config::default() }).up(version);
        let filters = [
            Subscription::new(filter("a"), QoS::AtMostOnce),
            Subscription::new(filter("b/+"), QoS::AtLeastOnce),
            Subscription::new(filter("c/#"), QoS::ExactlyOnce),
        ];
        let subscribed = pair.client.subscribe(pair.clock.now(), &Subscribe::new(&filters)).unwrap();
        pair.drive();
        let reasons = vec![ReasonCode::GRANTED_QOS_0, ReasonCode::GRANTED_QOS_1, ReasonCode::GRANTED_QOS_1];
        assert_eq!(pair.seen, [Seen::SubAck { handle: subscribed.handle, reasons }]);
        assert_eq!(pair.broker.subscriptions(CLIENT).len(), 3);
        pair.seen.clear();
        let gone = [filter("a"), filter("never")];
        let unsubscribed = pair.client.unsubscribe(pair.clock.now(), &Unsubscribe::new(&gone)).unwrap();
        pair.drive();
        let reasons = match version {
            Version::V5 => vec![ReasonCode::SUCCESS, ReasonCode::NO_SUBSCRIPTION_EXISTED],
            _ => vec![],
        };
        assert_eq!(pair.seen, [Seen::UnsubAck { handle: unsubscribed.handle, reasons }]);
        pair.assert_idle();
    }
}

#[test]
fn a_refused_filter() {
    for (version, code) in [(Version::V31, 0x80), (Version::V311, 0x80), (Version::V5, 0x87)] {
        let mut pair = Pair::with_config(Config { refuse_subscribe: Some(code), ..Config::default() }).up(version);
        pair.subscribe("a", QoS::AtMostOnce);
        pair.drive();
        assert!(matches!(&pair.seen[0], Seen::SubAck { reasons, .. } if reasons == &[ReasonCode(code)]));
        pair.assert_idle();
    }
}

#[test]
fn options() {
    let mut pair = Pair::connected(Version::V5);
    pair.broker.publish("kept", b"old", 1, true);
    let plain = Subscription::new(filter("#"), QoS::ExactlyOnce);
    for (options, messages) in [
        (plain, 1),
        (plain.retain_handling(RetainHandling::SendIfNew), 0),
        (plain.retain_handling(RetainHandling::DoNotSend), 0),
        (plain.retain_handling(RetainHandling::Send), 1),
        (plain.retain_as_published(true).no_local(true), 1),
    ] {
        pair.seen.clear();
        pair.client.subscribe(pair.clock.now(), &Subscribe::new(&[options])).unwrap();
        pair.drive();
        assert_eq!(pair.arrived().len(), messages, "{options:?}");
        assert!(pair.arrived().iter().all(|message| message.retain));
    }
    pair.seen.clear();
    pair.send("own", QoS::AtLeastOnce);
    pair.drive();
    assert!(pair.arrived().is_empty(), "no local");
    pair.broker.publish("x", b"live", 1, true);
    pair.drive();
    assert!(pair.arrived()[0].retain, "as published");
}

#[test]
fn before_5_0_options_are_not_sent() {
    let mut pair = Pair::connected(Version::V311);
    let options = Subscription::new(filter("#"), QoS::AtLeastOnce).no_local(true).retain_as_published(true);
    let identifier = [Property::SubscriptionIdentifier(7)];
    let subscribe = [options];
    let subscribe = Subscribe::new(&subscribe).properties(&identifier[..]);
    pair.client.subscribe(pair.clock.now(), &subscribe).unwrap();
    pair.sent.clear();
    pair.drive();
    assert_eq!(pair.sent, b"\x82\x06\x00\x01\x00\x01#\x01");
}

#[test]
fn a_shared_subscription_shares() {
    let mut pair = Pair::connected(Version::V5);
    let other = pair.broker.accept();
    pair.broker.input(other, b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x01o");
    pair.broker.input(other, b"\x82\x10\x00\x01\x00\x00\x0a$share/g/#\x00");
    pair.subscribe("$share/g/#", QoS::AtMostOnce);
    pair.drive();
    for number in 0..10_u8 {
        pair.broker.publish("t", &[number], 0, false);
    }
    pair.drive();
    assert_eq!(pair.arrived().len(), 5);
}

#[test]
fn without_a_link_requests_wait() {
    for version in Version::ALL {
        let mut pair = Pair::with_limits(Limits { version, ..Limits::DEFAULT });
        let subscribed = pair.subscribe("#", QoS::AtLeastOnce);
        let unsubscribed = pair.unsubscribe("a");
        assert_eq!(pair.client.pending(), 2);
        pair.connect(version, Start::Resume);
        pair.wire.stalled = true;
        pair.drive();
        pair.cut(); // nothing of them was out
        assert!(pair.outcomes.is_empty());
        pair.wire.stalled = false;
        pair.connect(version, Start::Resume);
        pair.drive();
        assert!(matches!(pair.seen[2], Seen::SubAck { handle, .. } if handle == subscribed.handle), "{:?}", pair.seen);
        assert!(matches!(pair.seen[3], Seen::UnsubAck { handle, .. } if handle == unsubscribed.handle));
        pair.assert_idle();
    }
}

#[test]
fn of_a_request_that_was_out_the_outcome_is_unknown() {
    for version in Version::ALL {
        for bytes_out in 1..30 {
            let mut pair = Pair::connected(version);
            let subscribed = pair.subscribe("some/filter/#", QoS::AtLeastOnce);
            pair.wire.max_write = 1;
            pair.wire.dead = true;
            let mut out = 0;
            while out < bytes_out && pair.write() {
                out += 1;
            }
            pair.cut();
            assert_eq!(pair.causes(), [(subscribed.handle, Command::Subscribe, Cause::LinkLost)], "{bytes_out} bytes");
            assert_eq!(pair.outcomes[0].id, subscribed.id);
            pair.wire.dead = false;
            pair.reconnect(Start::Resume);
            assert!(pair.lines("SUBSCRIBE").is_empty(), "it is not sent again by itself");
            pair.assert_idle();
        }
    }
}

#[test]
fn the_server_announces_what_it_cannot_do() {
    let config = Config {
        wildcard_available: false,
        shared_available: false,
        subscription_id_available: false,
        maximum_packet_size: Some(40),
        ..Config::default()
    };
    let identifier = [Property::SubscriptionIdentifier(1)];
    let long = "f".repeat(40);
    let ask = |pair: &mut Pair, text: &str, with_identifier: bool| {
        let filters = [Subscription::new(filter(text), QoS::AtMostOnce)];
        let properties = if with_identifier { &identifier[..] } else { &[] };
        let subscribe = Subscribe::new(&filters).properties(properties);
        pair.client.subscribe(pair.clock.now(), &subscribe).map(|requested| requested.handle)
    };
    let mut pair = Pair::with_config(config).up(Version::V5);
    assert_eq!(ask(&mut pair, "a/+", false), Err(RequestError::NotSupported));
    assert_eq!(ask(&mut pair, "$share/g/a", false), Err(RequestError::NotSupported));
    assert_eq!(ask(&mut pair, "a", true), Err(RequestError::NotSupported));
    assert_eq!(ask(&mut pair, &long, false), Err(RequestError::ServerMaximum));
    assert!(ask(&mut pair, "a", false).is_ok());
    pair.drive();
    pair.disconnect();
    // What was queued before we knew ends with an outcome.
    let wildcard = ask(&mut pair, "a/+", false).unwrap();
    let shared = ask(&mut pair, "$share/g/a", false).unwrap();
    let identified = ask(&mut pair, "a", true).unwrap();
    let too_long = ask(&mut pair, &long, false).unwrap();
    let fine = ask(&mut pair, "b", false).unwrap();
    pair.seen.clear();
    pair.reconnect(Start::Resume);
    let cause = Cause::SubscriptionNotSupported;
    assert_eq!(
        pair.causes(),
        [
            (wildcard, Command::Subscribe, cause),
            (shared, Command::Subscribe, cause),
            (identified, Command::Subscribe, cause),
            (too_long, Command::Subscribe, Cause::TooLarge),
        ]
    );
    assert!(matches!(pair.seen[1], Seen::SubAck { handle, .. } if handle == fine), "{:?}", pair.seen);
    pair.assert_idle();
}

#[test]
fn requests_do_not_wait_for_the_window() {
    let config = Config { receive_maximum: Some(1), hold_acks: true, ..Config::default() };
    let mut pair = Pair::with_config(config).up(Version::V5);
    pair.send("1", QoS::AtLeastOnce);
    pair.send("2", QoS::AtLeastOnce);
    pair.subscribe("#", QoS::AtMostOnce);
    pair.unsubscribe("#");
    pair.drive();
    assert!(matches!(pair.seen[..], [Seen::SubAck { .. }, Seen::UnsubAck { .. }]), "{:?}", pair.seen);
}

/// Until an outcome is fetched, its slot and its identifier stay in use: nothing piles up, and nothing is mistaken for it.
#[test]
fn an_outcome_keeps_its_slot() {
    for version in Version::ALL {
        let limits = Limits { version, ..Limits::DEFAULT };
        let mut pair = Pair::with(Fixed::<256, 4, 4>::new(), limits, Config::default()).up(version);
        let handles: Vec<Handle> = (0..4).map(|_| pair.subscribe("a", QoS::AtMostOnce).handle).collect();
        pair.wire.dead = true;
        while pair.write() {}
        pair.client.handle_close(pair.clock.now());
        assert_eq!(pair.client.pending(), 4);
        assert_eq!(pair.try_subscribe("b", QoS::AtMostOnce), Err(RequestError::Full));
        for (number, handle) in handles.into_iter().enumerate() {
            let outcome = pair.client.poll_outcome().unwrap();
            assert_eq!((outcome.handle, outcome.cause), (handle, Cause::LinkLost));
            assert_eq!(pair.client.pending(), 3);
            let id = pair.subscribe("b", QoS::AtMostOnce).id;
            assert_eq!(id.get(), 5 + number as u16);
        }
        assert_eq!(pair.client.poll_outcome(), None);
    }
}
