//! Enhanced authentication (§4.12), at the start of a link and later.

use crate::common::broker::Config;
use crate::common::pair::{CLIENT, Pair, Seen};
use pure_mqtt::wire::Violation;
use pure_mqtt::{Auth, Connect, ConnectionError, Limits, Property, QoS, ReasonCode, RequestError, Version};

const METHOD: [Property<'_>; 1] = [Property::AuthenticationMethod("test")];

fn with_method(config: Config) -> Pair {
    let mut pair = Pair::with_config(config);
    pair.open(&Connect::new(Version::V5, CLIENT).properties(&METHOD[..]));
    pair.drive();
    pair
}

fn answer(pair: &mut Pair, data: &[u8]) -> Result<(), RequestError> {
    let properties = [Property::AuthenticationMethod("test"), Property::AuthenticationData(data)];
    pair.client.authenticate(pair.clock.now(), &Auth::continue_with(&properties[..]))
}

#[test]
fn challenges_before_connack() {
    // [MQTT-3.1.0-1] [MQTT-3.1.2-30]
    // [MQTT-4.12.0-2] [MQTT-4.12.0-3]
    let mut pair = with_method(Config { auth_rounds: 2, ..Config::default() });
    for round in 1..=2 {
        assert_eq!(pair.seen.len(), round);
        assert!(matches!(&pair.seen[round - 1], Seen::Auth { reason: ReasonCode::CONTINUE_AUTHENTICATION, .. }));
        pair.send("not before CONNACK", QoS::AtMostOnce);
        answer(&mut pair, b"response").unwrap();
        pair.drive();
    }
    assert!(pair.client.is_connected());
    assert_eq!(
        pair.lines("").iter().map(|line| line.split(' ').next().unwrap()).collect::<Vec<_>>(),
        ["CONNECT", "AUTH", "AUTH", "PUBLISH", "PUBLISH"]
    );
}

#[test]
fn authenticating_again() {
    // [MQTT-4.12.1-1]
    let mut pair = with_method(Config { reauth_rounds: 1, ..Config::default() });
    pair.seen.clear();
    assert_eq!(answer(&mut pair, b""), Err(RequestError::State), "nobody asked");
    pair.client.authenticate(pair.clock.now(), &Auth::re_authenticate(&METHOD[..])).unwrap();
    let twice = pair.client.authenticate(pair.clock.now(), &Auth::re_authenticate(&METHOD[..]));
    assert_eq!(twice, Err(RequestError::State));
    pair.send("business as usual", QoS::AtLeastOnce);
    pair.drive();
    answer(&mut pair, b"response").unwrap();
    pair.drive();
    assert!(
        matches!(
            pair.seen[..],
            [
                Seen::Auth { reason: ReasonCode::CONTINUE_AUTHENTICATION, .. },
                Seen::PubAck { .. },
                Seen::Auth { reason: ReasonCode::SUCCESS, .. },
            ]
        ),
        "{:?}",
        pair.seen
    );
    pair.run_for(1_000_000);
    assert!(pair.client.is_connected());
}

#[test]
fn a_re_authentication_that_fails() {
    // [MQTT-4.12.0-4] [MQTT-4.12.1-2]
    let mut pair = with_method(Config { refuse_reauth: Some(0x87), ..Config::default() });
    pair.client.authenticate(pair.clock.now(), &Auth::re_authenticate(&METHOD[..])).unwrap();
    pair.drive();
    assert!(pair.seen.iter().any(|seen| matches!(seen, Seen::Disconnect { reason: ReasonCode::NOT_AUTHORIZED, .. })));
}

#[test]
fn a_re_authentication_that_nobody_finishes() {
    let mut pair = with_method(Config { reauth_rounds: 1, ..Config::default() });
    pair.client.authenticate(pair.clock.now(), &Auth::re_authenticate(&METHOD[..])).unwrap();
    pair.run_for(Limits::DEFAULT.connack_timeout.into());
    assert_eq!(pair.failure(), Some(ConnectionError::AuthTimeout));
}

#[test]
fn an_endless_authentication_ends() {
    let mut pair = with_method(Config { auth_rounds: u32::MAX, ..Config::default() });
    while pair.failure().is_none() {
        pair.seen.clear();
        answer(&mut pair, b"response").unwrap();
        pair.run_for(1_000);
        assert!(pair.clock.millis() < 100_000);
    }
    assert_eq!(pair.failure(), Some(ConnectionError::ConnAckTimeout));
}

/// Tokens may be long; heap storage has no bound for them.
#[test]
fn a_long_answer_fits_the_heap() {
    let mut pair = with_method(Config { auth_rounds: 1, ..Config::default() });
    assert_eq!(answer(&mut pair, &[7; 4000]), Ok(()));
    pair.drive();
    assert!(pair.client.is_connected());
}

#[test]
fn the_method_must_be_that_of_connect() {
    let other = [Property::AuthenticationMethod("other")];
    let mut pair = with_method(Config { auth_rounds: 1, ..Config::default() });
    let before = pair.client.clone();
    for properties in [&other[..], &[]] {
        let refused = pair.client.authenticate(pair.clock.now(), &Auth::continue_with(properties));
        assert!(matches!(refused, Err(RequestError::Property(_))), "{refused:?}");
    }
    assert!(pair.client == before);
    pair.inject(b"\xF0\x0a\x18\x08\x15\x00\x05other");
    pair.drive();
    assert_eq!(pair.failure(), Some(ConnectionError::Protocol(Violation::AuthenticationMethod)));
}

#[test]
fn without_a_method_there_is_no_auth() {
    // [MQTT-4.12.0-6] [MQTT-4.12.0-7]
    for version in Version::ALL {
        let mut pair = Pair::connected(version);
        let refused = pair.client.authenticate(pair.clock.now(), &Auth::re_authenticate(&METHOD[..]));
        assert_eq!(refused, Err(RequestError::State));
    }
    let mut pair = Pair::connected(Version::V5);
    pair.inject(b"\xF0\x09\x18\x07\x15\x00\x04test");
    pair.drive();
    assert_eq!(pair.failure(), Some(ConnectionError::Protocol(Violation::UnexpectedPacket)));
}

#[test]
fn in_the_middle_of_a_packet_it_waits_for_the_end() {
    for bytes in 0..30 {
        let mut pair = with_method(Config::default());
        pair.wire.max_write = 1;
        pair.send("a payload", QoS::AtLeastOnce);
        pair.send("another", QoS::AtLeastOnce);
        for _ in 0..bytes {
            pair.write();
        }
        pair.client.authenticate(pair.clock.now(), &Auth::re_authenticate(&METHOD[..])).unwrap();
        pair.drive();
        assert_eq!(pair.acknowledged().len(), 2);
        assert!(pair.seen.iter().any(|seen| matches!(seen, Seen::Auth { reason: ReasonCode::SUCCESS, .. })));
    }
}
