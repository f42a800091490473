//! Topic aliases in both directions.

use crate::common::broker::Config;
use crate::common::pair::{Pair, Start};
use pure_mqtt::wire::Violation;
use pure_mqtt::{ConnectionError, Event, Fixed, Heap, Limits, QoS, ReasonCode, Received, Topic, Version};

fn inbound(maximum: u16) -> Limits {
    Limits { topic_alias_maximum: maximum, ..Limits::DEFAULT }
}

#[test]
fn inbound_aliases_are_resolved() {
    let config = Config { use_aliases: true, ..Config::default() };
    let mut pair = Pair::with(Fixed::<256, 4, 16, 128, 2, 8>::new(), inbound(9), config).up(Version::V5);
    pair.subscribe("#", QoS::ExactlyOnce);
    pair.drive();
    for round in 0..3 {
        for topic in ["first", "second", "third"] {
            pair.broker.publish(topic, b"x", round, false);
        }
        pair.drive();
    }
    let topics: Vec<&str> = pair.arrived().iter().map(|message| message.topic.as_str()).collect();
    assert_eq!(topics, ["first", "second", "third"].repeat(3));
    pair.cut();
    pair.reconnect(Start::Resume); // the broker starts its aliases anew, and so do we
    pair.broker.publish("second", b"y", 1, false);
    pair.broker.publish("second", b"y", 1, false);
    pair.drive();
    assert_eq!(pair.arrived().last().unwrap().topic, "second");
    pair.assert_idle();
}

#[test]
fn an_alias_of_the_last_link_means_nothing() {
    let mut pair = Pair::with_limits(inbound(5)).up(Version::V5);
    pair.inject(b"\x30\x08\x00\x01t\x03\x23\x00\x01x");
    pair.inject(b"\x30\x07\x00\x00\x03\x23\x00\x01x");
    pair.drive();
    assert_eq!(pair.arrived().len(), 2);
    pair.cut();
    pair.reconnect(Start::Resume);
    pair.inject(b"\x30\x07\x00\x00\x03\x23\x00\x01x");
    pair.drive();
    assert_eq!(pair.failure(), Some(ConnectionError::Protocol(Violation::UnknownTopicAlias)));
}

#[test]
fn wrong_aliases() {
    for (maximum, packet, violation, code) in [
        (0, &b"\x30\x07\x00\x00\x03\x23\x00\x01x"[..], Violation::TopicAlias, ReasonCode::TOPIC_ALIAS_INVALID),
        (5, b"\x30\x07\x00\x00\x03\x23\x00\x06x", Violation::TopicAlias, ReasonCode::TOPIC_ALIAS_INVALID),
        (5, b"\x30\x08\x00\x01t\x03\x23\x00\x00x", Violation::TopicAlias, ReasonCode::TOPIC_ALIAS_INVALID),
        (5, b"\x30\x07\x00\x00\x03\x23\x00\x05x", Violation::UnknownTopicAlias, ReasonCode::PROTOCOL_ERROR),
    ] {
        let mut pair = Pair::with_limits(inbound(maximum)).up(Version::V5);
        pair.inject(packet);
        pair.drive();
        let error = ConnectionError::Protocol(violation);
        assert_eq!((pair.failure(), error.reason()), (Some(error), code));
        assert_eq!(pair.lines("DISCONNECT"), [format!("DISCONNECT {:#04x}", code.0)]);
    }
}

#[test]
fn a_name_too_long_for_the_store_is_delivered_once() {
    for storage_name in ["fixed", "heap"] {
        let long = "l".repeat(20);
        let mut bind = vec![0x30, 2 + 20 + 4 + 1, 0, 20];
        bind.extend(long.as_bytes());
        bind.extend(b"\x03\x23\x00\x01x");
        let again = b"\x30\x07\x00\x00\x03\x23\x00\x01x";
        let rebind = b"\x30\x08\x00\x01t\x03\x23\x00\x01x";
        let run = |failure: &mut Option<ConnectionError>, arrived: &mut Vec<String>, packets: &[&[u8]]| {
            macro_rules! with {
                ($storage:expr) => {{
                    let limits = Limits { alias_name_max: 19, ..inbound(1) };
                    let mut pair = Pair::with($storage, limits, Config::default()).up(Version::V5);
                    for packet in packets {
                        pair.inject(packet);
                    }
                    pair.drive();
                    *failure = pair.failure();
                    *arrived = pair.arrived().iter().map(|message| message.topic.clone()).collect();
                }};
            }
            if storage_name == "fixed" { with!(Fixed::<64, 2, 2, 128, 1, 19>::new()) } else { with!(Heap::new()) }
        };
        let (mut failure, mut arrived) = (None, Vec::new());
        run(&mut failure, &mut arrived, &[&bind, &again[..]]);
        assert_eq!(arrived, [long.as_str()]);
        let error = failure.unwrap();
        assert_eq!(error, ConnectionError::Protocol(Violation::ForgottenTopicAlias));
        assert_eq!(error.reason(), ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR);
        run(&mut failure, &mut arrived, &[&bind, &rebind[..], &again[..]]);
        assert_eq!((failure, arrived), (None, vec![long.clone(), "t".into(), "t".into()]));
    }
}

/// The handle of a binding that was replaced shows nothing rather than something else.
#[test]
fn a_rebound_alias_is_not_mixed_up() {
    let mut pair = Pair::with_limits(inbound(1)).up(Version::V5);
    let now = pair.now();
    let mut aliases = Vec::new();
    for packet in [
        &b"\x30\x0a\x00\x03old\x03\x23\x00\x01x"[..],
        b"\x30\x07\x00\x00\x03\x23\x00\x01x",
        b"\x30\x0a\x00\x03new\x03\x23\x00\x01x",
        b"\x30\x07\x00\x00\x03\x23\x00\x01x",
    ] {
        let Ok(Received::Packet { event: Some(Event::Message(message)), .. }) = pair.client.handle_input(now, packet)
        else {
            panic!("{packet:02x?}");
        };
        if let Topic::Alias(_) = message.topic {
            let shown = pair.client.topic(&message.topic).map(|name| name.as_str().to_owned());
            let Topic::Alias(alias) = message.topic else { unreachable!() };
            aliases.push((alias, shown));
        }
    }
    assert_eq!(aliases[0].1.as_deref(), Some("old"));
    assert_eq!(aliases[1].1.as_deref(), Some("new"));
    assert_eq!(pair.client.topic(&Topic::Alias(aliases[0].0)), None);
    assert!(pair.client.topic(&Topic::Alias(aliases[1].0)).is_some());
    pair.cut();
    assert_eq!(pair.client.topic(&Topic::Alias(aliases[1].0)), None);
}

#[test]
fn outbound_aliases_are_used_by_themselves() {
    let limits = Limits { outbound_aliases: 2, ..Limits::DEFAULT };
    let mut pair = Pair::with_limits(limits).up(Version::V5);
    for _ in 0..2 {
        for topic in ["a/long/topic", "another/topic", "a/third/topic"] {
            pair.publish(topic, "payload", QoS::AtLeastOnce);
            pair.publish(topic, "payload", QoS::AtLeastOnce);
        }
    }
    pair.drive();
    let topics: Vec<&str> = pair.broker.released().iter().map(|message| message.topic.as_str()).collect();
    let round = ["a/long/topic", "a/long/topic", "another/topic", "another/topic", "a/third/topic", "a/third/topic"];
    assert_eq!(topics, [round, round].concat());
    let short = pair.lines("PUBLISH").iter().filter(|line| line.contains("\"\"")).count();
    assert!(short >= 6, "{short} used an alias alone");
    // The next link starts with names, in messages sent again as well.
    pair.broker.config_mut().hold_acks = true;
    pair.publish("a/third/topic", "payload", QoS::AtLeastOnce);
    pair.drive();
    pair.cut();
    pair.reconnect(Start::Resume);
    assert!(pair.lines("PUBLISH").last().unwrap().contains("a/third/topic"));
}

#[test]
fn as_many_as_the_server_takes() {
    // [MQTT-3.2.2-17] [MQTT-3.2.2-18] [MQTT-3.3.2-9]
    for (server, own, expected) in [(0, 5, 0), (1, 5, 1), (5, 2, 2), (5, 0, 0)] {
        let limits = Limits { outbound_aliases: own, ..Limits::DEFAULT };
        let config = Config { topic_alias_maximum: server, ..Config::default() };
        let mut pair = Pair::with(Heap::new(), limits, config).up(Version::V5);
        for _ in 0..3 {
            for topic in ["one", "two", "three"] {
                pair.publish(topic, "payload", QoS::AtMostOnce);
                pair.drive();
            }
        }
        assert_eq!(pair.released().len(), 9);
        let highest = (1..=9)
            .filter(|alias| pair.lines("PUBLISH").iter().any(|l| l.contains(&format!("0x23=Two({alias})"))))
            .max();
        assert_eq!(highest.unwrap_or(0), expected);
    }
}

/// With an alias a message may become longer than the server takes; then it goes without.
#[test]
fn an_alias_never_makes_a_message_too_long() {
    for maximum in 20..40 {
        let limits = Limits { outbound_aliases: 2, ..Limits::DEFAULT };
        let config = Config { maximum_packet_size: Some(maximum), ..Config::default() };
        let mut pair = Pair::with(Heap::new(), limits, config).up(Version::V5);
        for _ in 0..2 {
            for length in 0..30 {
                let payload = "x".repeat(length);
                let topic = pure_mqtt::TopicName::new("a/topic").unwrap();
                let _ = pair.try_publish(&pure_mqtt::Publish::new(topic, payload.as_str()).qos(QoS::AtLeastOnce));
            }
        }
        pair.drive();
        pair.assert_idle();
    }
}

#[test]
fn with_a_control_area_full_of_acknowledgements() {
    let limits = Limits { outbound_aliases: 2, ..Limits::DEFAULT };
    let mut pair = Pair::with(Fixed::<1024, 16, 16, 48, 2, 16>::new(), limits, Config::default());
    pair.wire.max_write = 1;
    let mut pair = pair.up(Version::V5);
    pair.subscribe("in", QoS::ExactlyOnce);
    pair.drive();
    for round in 0..60_u8 {
        pair.publish("out/topic", &round.to_string(), QoS::AtLeastOnce);
        pair.broker.publish("in", &[round], 1, false);
        for _ in 0..20 {
            pair.step();
        }
    }
    pair.drive();
    assert_eq!(pair.released().len(), 60);
    assert_eq!(pair.arrived().len(), 60);
    pair.assert_idle();
}
