//! What the server announces that it cannot do, for new messages and for those that were queued before.

use crate::common::broker::Config;
use crate::common::pair::{Pair, Start};
use pure_mqtt::{Cause, Command, Limits, Publish, PublishError, QoS, TopicName, Version};

fn message(payload: &str) -> Publish<'_> {
    Publish::new(TopicName::new("t").unwrap(), payload)
}

fn poor() -> Config {
    Config { maximum_qos: 1, retain_available: false, maximum_packet_size: Some(30), ..Config::default() }
}

#[test]
fn new_messages_are_refused_before_they_take_an_identifier() {
    // [MQTT-3.2.2-11] [MQTT-3.2.2-14]
    // [MQTT-3.2.2-9]
    let mut pair = Pair::with_config(poor()).up(Version::V5);
    let before = pair.client.clone();
    let long = "x".repeat(30);
    for (publish, error) in [
        (message("x").qos(QoS::ExactlyOnce), PublishError::QoSNotSupported),
        (message("x").retain(true), PublishError::RetainNotSupported),
        (message(&long), PublishError::ServerMaximum),
    ] {
        assert_eq!(pair.try_publish(&publish), Err(error));
        assert!(pair.client == before);
    }
    // Exactly the maximum.
    pair.try_publish(&message(&"x".repeat(30 - 2 - 3 - 2 - 1)).qos(QoS::AtLeastOnce)).unwrap();
    let refused = pair.try_publish(&message(&"x".repeat(30 - 2 - 3 - 2)).qos(QoS::AtLeastOnce));
    assert_eq!(refused, Err(PublishError::ServerMaximum));
    pair.drive();
    assert_eq!(pair.acknowledged().len(), 1);
    pair.assert_idle();
}

#[test]
fn queued_messages_end_with_an_outcome() {
    for max_inflight in [1, 20] {
        let limits = Limits { max_inflight, version: Version::V5, ..Limits::DEFAULT };
        let mut pair = Pair::with(pure_mqtt::Heap::new(), limits, poor());
        let long = "x".repeat(30);
        let mut publish = |publish: &Publish<'_>| pair.try_publish(publish).unwrap().handle;
        let first = publish(&message("1").qos(QoS::AtLeastOnce));
        let too_high = publish(&message("2").qos(QoS::ExactlyOnce));
        let retained = publish(&message("3").qos(QoS::AtLeastOnce).retain(true));
        publish(&message("4").retain(true));
        let too_long = publish(&message(&long).qos(QoS::AtLeastOnce));
        publish(&message(&long));
        let last = publish(&message("5").qos(QoS::AtLeastOnce));
        pair.connect(Version::V5, Start::Resume);
        pair.drive();
        assert_eq!(
            pair.causes(),
            [
                (too_high, Command::Publish, Cause::QoSNotSupported),
                (retained, Command::Publish, Cause::RetainNotSupported),
                (too_long, Command::Publish, Cause::TooLarge),
            ]
        );
        assert_eq!(pair.acknowledged(), [first, last]);
        assert_eq!(pair.released(), ["1", "5"]);
        pair.assert_idle();
    }
}

#[test]
fn messages_in_flight_do_so_as_well() {
    let mut pair = Pair::with_config(Config { hold_acks: true, ..Config::default() }).up(Version::V5);
    let handle = pair.send("sent", QoS::ExactlyOnce);
    pair.drive();
    pair.cut();
    pair.broker.config_mut().maximum_qos = 0;
    pair.reconnect(Start::Resume);
    assert_eq!(pair.causes(), [(handle, Command::Publish, Cause::QoSNotSupported)]);
    assert_eq!(pair.client.pending(), 0);
}

#[test]
fn a_server_that_takes_no_qos_at_all() {
    let mut pair = Pair::with_config(Config { maximum_qos: 0, ..Config::default() }).up(Version::V5);
    assert_eq!(pair.try_publish(&message("1").qos(QoS::AtLeastOnce)), Err(PublishError::QoSNotSupported));
    pair.send("0", QoS::AtMostOnce);
    pair.drive();
    assert_eq!(pair.released(), ["0"]);
}

/// Even if the server takes hardly any packet, nothing that is too long leaves, and nothing breaks.
#[test]
fn a_server_with_an_absurd_maximum_packet_size() {
    for maximum in 1..8 {
        let limits = Limits { version: Version::V5, ..Limits::DEFAULT };
        let config = Config { maximum_packet_size: Some(maximum), ..Config::default() };
        let mut pair = Pair::with(pure_mqtt::Heap::new(), limits, config);
        pair.send("1", QoS::AtLeastOnce);
        pair.send("2", QoS::ExactlyOnce);
        pair.connect(Version::V5, Start::Resume);
        pair.drive();
        pair.inject(b"\x32\x06\x00\x01t\x00\x01\x00");
        pair.run_for(61_000);
        pair.broker.config_mut().enforce_keep_alive = false;
        pair.run_for(200_000);
        assert_eq!(pair.outcomes.len(), 2);
        if pair.client.is_connected() {
            let _ = pair.client.disconnect(pair.now(), &pure_mqtt::Disconnect::default());
            pair.drive();
        }
        assert!(pair.lines("PUBACK").is_empty() || maximum >= 4);
    }
}

#[test]
fn limits_of_one_link_mean_nothing_for_the_next() {
    let mut pair = Pair::with_config(poor()).up(Version::V5);
    pair.cut();
    *pair.broker.config_mut() = Config::default();
    pair.reconnect(Start::Resume);
    pair.try_publish(&message(&"x".repeat(100)).qos(QoS::ExactlyOnce).retain(true)).unwrap();
    pair.drive();
    assert_eq!(pair.acknowledged().len(), 1);
}

#[test]
fn qos_0_offline_can_be_refused() {
    let mut pair = Pair::with_limits(Limits { refuse_offline_qos0: true, ..Limits::DEFAULT });
    assert_eq!(pair.try_publish(&message("0")), Err(PublishError::Offline));
    assert!(pair.try_publish(&message("1").qos(QoS::AtLeastOnce)).is_ok());
    pair.connect(Version::V311, Start::Resume);
    assert_eq!(pair.try_publish(&message("0")), Err(PublishError::Offline));
    pair.drive();
    assert!(pair.try_publish(&message("0")).is_ok());
}
