//! How links end by DISCONNECT, ours and the server's.

use crate::common::broker::Config;
use crate::common::pair::{CLIENT, Pair, Seen, Start, Wire};
use pure_mqtt::wire::Violation;
use pure_mqtt::{
    Connect, ConnectionError, Disconnect, Fixed, Heap, Limits, Property, QoS, ReasonCode, RequestError, State, Version,
};

#[test]
fn a_reason_and_properties() {
    let mut pair = Pair::connected(Version::V5);
    let properties = [Property::ReasonString("bye"), Property::UserProperty(("a", "b"))];
    let leave = Disconnect::new(ReasonCode::ADMINISTRATIVE_ACTION).properties(&properties[..]);
    pair.client.disconnect(pair.now(), &leave).unwrap();
    assert_eq!(pair.client.state(), State::Closing);
    pair.drive();
    assert_eq!(pair.lines("DISCONNECT").len(), 1);
    assert!(pair.lines("DISCONNECT")[0].starts_with("DISCONNECT 0x98 0x1f=Text(\"bye\")"), "{:?}", pair.lines("DISC"));
}

#[test]
fn before_5_0_it_is_two_bytes_whatever_was_asked() {
    for version in [Version::V31, Version::V311] {
        let mut pair = Pair::connected(version);
        let properties = [Property::ReasonString("bye")];
        let leave = Disconnect::new(ReasonCode::QUOTA_EXCEEDED).properties(&properties[..]);
        pair.client.disconnect(pair.now(), &leave).unwrap();
        pair.sent.clear();
        pair.drive();
        assert_eq!(pair.sent, [0xE0, 0]);
    }
}

#[test]
fn what_is_queued_stays_for_the_next_link() {
    for version in Version::ALL {
        let mut pair = Pair::connected(version);
        pair.wire.max_write = 3;
        let first = pair.send("half out", QoS::AtLeastOnce);
        let second = pair.send("not out", QoS::ExactlyOnce);
        pair.write();
        pair.client.disconnect(pair.now(), &Disconnect::default()).unwrap();
        pair.drive();
        assert_eq!(pair.released(), ["half out"], "the packet that is half out is finished");
        assert_eq!(pair.client.pending(), 2);
        pair.reconnect(Start::Resume);
        assert_eq!(pair.acknowledged(), [first, second]);
        assert_eq!(pair.released(), ["half out", "half out", "not out"]);
        assert_eq!(pair.broker.released().iter().map(|message| message.dup).collect::<Vec<_>>(), [false, true, false]);
    }
}

#[test]
fn after_it_nothing_is_taken_and_nothing_is_sent() {
    // [MQTT-3.14.4-1]
    // [MQTT-3.14.4-2]
    for version in Version::ALL {
        let mut pair = Pair::connected(version);
        pair.client.disconnect(pair.now(), &Disconnect::default()).unwrap();
        let handle = pair.send("later", QoS::AtLeastOnce);
        let refused = pair.client.handle_input(pair.now(), b"\xD0\x00");
        assert_eq!(refused, Err(ConnectionError::Disconnected));
        pair.client.disconnect(pair.now(), &Disconnect::new(ReasonCode::QUOTA_EXCEEDED)).unwrap();
        pair.drive();
        assert_eq!(pair.lines("DISCONNECT"), ["DISCONNECT 0x00"]);
        pair.reconnect(Start::Resume);
        assert_eq!(pair.acknowledged(), [handle]);
    }
}

#[test]
fn before_connect_has_left_there_is_nothing_to_end() {
    for version in Version::ALL {
        let mut pair = Pair::new();
        pair.connect(version, Start::Clean);
        pair.client.disconnect(pair.now(), &Disconnect::default()).unwrap();
        assert!(pair.client.transmit(pair.clock.now()).chunk().is_empty());
        assert!(pair.client.should_close());
        pair.drive();
        assert_eq!(pair.client.state(), State::Closed);
    }
}

#[test]
fn the_session_expiry_can_be_changed_but_not_raised_from_zero() {
    let expiry = |seconds| [Property::SessionExpiryInterval(seconds)];
    let mut pair = Pair::new();
    pair.open(&Connect::new(Version::V5, CLIENT));
    pair.drive();
    let raised = expiry(10);
    let refused = pair.client.disconnect(pair.now(), &Disconnect::default().properties(&raised[..]));
    assert_eq!(refused, Err(RequestError::SessionExpiry));
    assert!(pair.client.is_connected());
    let same = expiry(0);
    pair.client.disconnect(pair.now(), &Disconnect::default().properties(&same[..])).unwrap();
    pair.drive();
    assert!(!pair.broker.has_session(CLIENT));

    let asked = expiry(100);
    pair.open(&Connect::new(Version::V5, CLIENT).properties(&asked[..]));
    pair.drive();
    let dropped = expiry(0);
    pair.client.disconnect(pair.now(), &Disconnect::default().properties(&dropped[..])).unwrap();
    pair.drive();
    assert!(!pair.broker.has_session(CLIENT));
}

#[test]
fn it_is_connect_that_forbids_a_higher_session_expiry() {
    // The server overrides the interval, but the rule is about what CONNECT said.
    let mut pair = Pair::with_config(Config { session_expiry: Some(100), ..Config::default() });
    pair.open(&Connect::new(Version::V5, CLIENT));
    pair.drive();
    let raised = [Property::SessionExpiryInterval(10)];
    let refused = pair.client.disconnect(pair.now(), &Disconnect::default().properties(&raised[..]));
    assert_eq!(refused, Err(RequestError::SessionExpiry));

    let mut pair = Pair::with_config(Config { session_expiry: Some(0), ..Config::default() });
    let asked = [Property::SessionExpiryInterval(100)];
    pair.open(&Connect::new(Version::V5, CLIENT).properties(&asked[..]));
    pair.drive();
    let allowed = pair.client.disconnect(pair.now(), &Disconnect::default().properties(&raised[..]));
    assert_eq!(allowed, Ok(()));
}

#[test]
fn the_server_may_end_a_link_in_5_0() {
    let mut pair = Pair::connected(Version::V5);
    let handle = pair.send("kept", QoS::AtLeastOnce);
    pair.inject(b"\xE0\x0e\x8B\x0c\x1C\x00\x05other\x1F\x00\x01x"); // server shutting down
    pair.wire.stalled = true;
    pair.drive();
    let expected = ReasonCode::SERVER_SHUTTING_DOWN;
    assert!(matches!(&pair.seen[0], Seen::Disconnect { reason, properties }
        if *reason == expected && properties == &["ServerReference(\"other\")", "ReasonString(\"x\")"]));
    assert_eq!(pair.client.state(), State::Closed);
    pair.wire.stalled = false;
    pair.reconnect(Start::Resume);
    assert_eq!(pair.acknowledged(), [handle]);

    let mut pair = Pair::connected(Version::V311);
    pair.inject(b"\xE0\x00");
    pair.drive();
    assert_eq!(pair.failure(), Some(ConnectionError::Protocol(Violation::UnexpectedPacket)));
}

#[test]
fn a_long_disconnect_fits_the_heap() {
    let mut pair = Pair::connected(Version::V5);
    let reason = "r".repeat(1000);
    let properties = [Property::ReasonString(&reason)];
    let leave = Disconnect::new(ReasonCode::QUOTA_EXCEEDED).properties(&properties[..]);
    assert_eq!(pair.client.disconnect(pair.now(), &leave), Ok(()), "heap storage has no bound here");
    pair.drive();
    assert_eq!(pair.lines("DISCONNECT").len(), 1);
}

/// The bytes that follow a half sent acknowledgement must be its other half, also where DISCONNECT only fits without its properties.
#[test]
fn a_disconnect_too_long_to_stand_behind_half_an_acknowledgement() {
    for (reason, bare) in [(ReasonCode::QUOTA_EXCEEDED, &[0xE0, 1, 0x97][..]), (ReasonCode::SUCCESS, &[0xE0, 0])] {
        let mut pair = Pair::with(Fixed::<256, 4, 4, 64>::new(), Limits::DEFAULT, Config::default()).up(Version::V5);
        pair.subscribe("#", QoS::AtLeastOnce);
        pair.drive();
        pair.broker.publish("t", b"x", 1, false);
        pair.wire.max_write = 1;
        while pair.arrived().is_empty() {
            pair.step();
        }
        while !pair.sent.ends_with(&[0x40, 2]) {
            assert!(pair.write(), "there is no PUBACK");
        }
        let text = "r".repeat(64 - 2 - 2 - 3); // the longest that the control area holds alone
        let properties = [Property::ReasonString(&text)];
        let leave = Disconnect::new(reason).properties(&properties[..]);
        pair.client.disconnect(pair.now(), &leave).unwrap();
        pair.drive();
        assert_eq!(pair.lines("PUBACK"), ["PUBACK id=1"]);
        assert_eq!(pair.lines("DISCONNECT"), [format!("DISCONNECT {:#04X}", reason.0)]);
        assert!(pair.sent.ends_with(bare));
    }
}

/// A PUBLISH that is resent with a new alias has its start in the control area. If nothing of it is out yet, nothing of it may follow.
#[test]
fn a_resent_message_with_an_alias_is_dropped_whole() {
    let limits = Limits { outbound_aliases: 4, version: Version::V5, ..Limits::DEFAULT };
    let mut pair = Pair::with(Heap::new(), limits, Config { hold_acks: true, ..Config::default() }).up(Version::V5);
    pair.send("a payload", QoS::AtLeastOnce);
    pair.drive();
    pair.cut();
    pair.connect(Version::V5, Start::Resume);
    while !pair.client.is_connected() {
        pair.step();
    }
    let _ = pair.client.transmit(pair.clock.now()); // stages the message
    pair.client.disconnect(pair.now(), &Disconnect::default()).unwrap();
    pair.sent.clear();
    pair.drive();
    assert_eq!(pair.sent, [0xE0, 0]);
}

/// Whatever is half out is finished, nothing else follows but DISCONNECT: at every byte of a busy link with acknowledgements, aliases,
/// messages sent again and requests.
#[test]
fn at_any_byte_the_stream_stays_well_formed() {
    for version in Version::ALL {
        for bytes in 0..130 {
            let limits = Limits { outbound_aliases: 2, version, ..Limits::DEFAULT };
            let config = Config { hold_acks: true, ..Config::default() };
            let mut pair = Pair::with(Fixed::<1024, 16, 16, 96, 2, 16>::new(), limits, config).up(version);
            pair.subscribe("in", QoS::ExactlyOnce);
            pair.send("first payload", QoS::AtLeastOnce);
            pair.send("second payload", QoS::ExactlyOnce);
            pair.drive();
            pair.cut();
            pair.connect(version, Start::Resume);
            for number in 0..4 {
                pair.broker.publish("in", b"x", 1 + number % 2, false);
            }
            while !pair.client.is_connected() || pair.arrived().len() < 4 {
                pair.wire.stalled = pair.client.is_connected();
                pair.step();
            }
            pair.send("third payload", QoS::AtLeastOnce);
            pair.unsubscribe("in");
            pair.wire = Wire { max_write: 1, ..Wire::default() };
            for _ in 0..bytes {
                pair.write();
            }
            let properties =
                [Property::ReasonString("a reason of some length, so that it may not fit behind the rest")];
            let leave = Disconnect::new(ReasonCode::QUOTA_EXCEEDED).properties(&properties[..]);
            pair.client.disconnect(pair.clock.now(), &leave).unwrap();
            pair.drive();
            assert_eq!(pair.lines("DISCONNECT").len(), 1, "{version:?} after {bytes} bytes");
            assert_eq!(pair.client.state(), State::Closed);
            pair.broker.config_mut().hold_acks = false;
            pair.wire = Wire::default();
            pair.reconnect(Start::Resume);
            pair.broker.release_acks();
            pair.drive();
            assert_eq!(pair.acknowledged().len(), 3, "{version:?} after {bytes} bytes");
            pair.assert_idle();
        }
    }
}
