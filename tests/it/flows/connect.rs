//! What CONNECT can say, and what comes of each CONNACK.

use crate::common::broker::{self, Act, Broker, Config, Fault, Packet, Prop, When, prop_id};
use crate::common::pair::{CLIENT, Pair, Seen, Start};
use pure_mqtt::wire::Violation;
use pure_mqtt::{
    Connect, ConnectionError, Fixed, Heap, Limits, OnUnknownSession, OpenError, Property, QoS, ReasonCode,
    SessionState, State, TopicName, Version, Will,
};

/// The line of the transcript about CONNECT.
fn connect_line(connect: &Connect<'_>) -> String {
    let mut pair = Pair::new();
    pair.open(connect);
    pair.drive();
    assert!(pair.client.is_connected(), "{:?}", pair.seen);
    pair.lines("CONNECT").remove(0)
}

/// A broker with a witness of 3.1.1 that subscribed to everything; returns what it was sent.
fn witness(broker: &mut Broker) -> impl Fn(&mut Broker) -> Vec<u8> + use<> {
    let link = broker.accept();
    broker.input(link, b"\x10\x13\x00\x04MQTT\x04\x02\x00\x00\x00\x07witness");
    broker.input(link, b"\x82\x06\x00\x01\x00\x01#\x02");
    let _ = broker.output(link);
    move |broker| broker.output(link)
}

#[test]
fn a_plain_connection_in_every_version() {
    for version in Version::ALL {
        let mut pair = Pair::new();
        pair.connect(version, Start::Clean);
        assert_eq!(pair.client.state(), State::Connecting);
        pair.drive();
        assert_eq!(pair.client.state(), State::Connected);
        assert_eq!(pair.client.version(), version);
        assert_eq!(pair.client.keep_alive(), 60);
        assert_eq!(pair.session(), Some(SessionState::New { republished: 0, aborted: 0, completed: 0 }));
        pair.disconnect();
        pair.assert_idle();
    }
}

#[test]
fn the_engine_announces_what_it_holds_the_server_to() {
    let line = connect_line(&Connect::new(Version::V5, CLIENT));
    assert_eq!(line, "CONNECT V5 id=\"client\" clean=true keep_alive=60 0x21=Two(1024) 0x27=Four(1048576)");
    let limits = Limits { receive_maximum: 9, inline_max: 300, topic_alias_maximum: 5, ..Limits::DEFAULT };
    let mut pair = Pair::with(Fixed::<256, 4, 4, 128, 3, 8>::new(), limits, Config::default());
    pair.open(&Connect::new(Version::V5, CLIENT));
    pair.drive();
    assert!(pair.lines("CONNECT")[0].ends_with("0x21=Two(3) 0x27=Four(300) 0x22=Two(3)"), "{:?}", pair.lines(""));
}

#[test]
fn credentials() {
    for version in Version::ALL {
        let config = Config { credentials: Some(("me".into(), b"secret".to_vec())), ..Config::default() };
        let mut pair = Pair::with_config(config);
        let connect = Connect::new(version, CLIENT).user_name("me");
        pair.open(&connect.password(b"guess"));
        pair.drive();
        let expected = ReasonCode::BAD_USER_NAME_OR_PASSWORD;
        assert_eq!(pair.client.state(), State::Closed);
        assert!(matches!(pair.seen[0], Seen::ConnAck { reason, .. } if reason == expected), "{:?}", pair.seen);
        pair.open(&connect.password(b"secret"));
        pair.drive();
        assert!(pair.client.is_connected());
    }
}

#[test]
fn a_password_alone_is_for_5_0() {
    // [3.1.1: MQTT-3.1.2-22]
    for version in [Version::V31, Version::V311] {
        let refused = Pair::new().try_open(&Connect::new(version, CLIENT).password(b"token"));
        assert_eq!(refused, Err(OpenError::PasswordWithoutUserName));
    }
    let mut pair = Pair::new();
    pair.open(&Connect::new(Version::V5, CLIENT).password(b"token"));
    pair.drive();
    assert!(pair.client.is_connected());
}

#[test]
fn the_bridge_bit() {
    for version in [Version::V31, Version::V311] {
        let mut pair = Pair::new();
        pair.open(&Connect::new(version, CLIENT).bridge(true));
        pair.drive();
        assert!(pair.client.is_connected());
        // To a bridge the broker doesn't send back what came from it.
        pair.subscribe("#", QoS::AtLeastOnce);
        pair.send("mine", QoS::AtLeastOnce);
        pair.drive();
        assert_eq!(pair.released(), ["mine"]);
        assert!(pair.arrived().is_empty());
    }
    let refused = Pair::new().try_open(&Connect::new(Version::V5, CLIENT).bridge(true));
    assert_eq!(refused, Err(OpenError::Bridge));
}

#[test]
fn client_identifiers() {
    // [3.1.1: MQTT-3.1.3-7]
    let long = "c".repeat(24);
    for (version, id, clean, expected) in [
        (Version::V31, "", true, Err(OpenError::ClientId)),
        (Version::V31, &long[..23], true, Ok(())),
        (Version::V31, &long, true, Err(OpenError::ClientId)),
        (Version::V311, "", false, Err(OpenError::ClientId)),
        (Version::V311, "", true, Ok(())),
        (Version::V311, &long, false, Ok(())),
        (Version::V5, "", false, Ok(())),
        (Version::V5, &long, false, Ok(())),
        (Version::V311, "a\0", true, Err(OpenError::Field)),
    ] {
        let mut pair = Pair::new();
        assert_eq!(pair.try_open(&Connect::new(version, id).clean_start(clean)), expected, "{version:?} {id:?}");
        pair.drive();
        assert_eq!(pair.client.is_connected(), expected.is_ok(), "{version:?} {id:?}");
    }
}

#[test]
fn an_assigned_identifier_is_shown_and_demanded() {
    let mut pair = Pair::new();
    pair.open(&Connect::new(Version::V5, ""));
    pair.drive();
    let Some(Seen::ConnAck { properties, .. }) = pair.seen.first() else { panic!("{:?}", pair.seen) };
    assert!(properties.contains(&"AssignedClientIdentifier(\"auto-1\")".to_owned()), "{properties:?}");

    let mut pair = Pair::new();
    pair.open(&Connect::new(Version::V5, ""));
    while pair.write() {}
    pair.wire.stalled = true;
    pair.inject(b"\x20\x03\x00\x00\x00");
    pair.drive();
    assert_eq!(pair.failure(), Some(ConnectionError::Protocol(Violation::NoAssignedClientId)));
}

#[test]
fn an_identifier_assigned_without_need_is_counted_and_ignored() {
    let assigned = (prop_id::ASSIGNED_CLIENT_ID, Prop::Text("other".into()));
    let config = Config { extra_connack_properties: vec![assigned], ..Config::default() };
    let mut pair = Pair::with_config(config).up(Version::V5);
    assert_eq!(pair.client.stats().ignored_client_ids, 1);
    pair.disconnect();
}

#[test]
fn refusals() {
    for (version, code, expected) in [
        (Version::V31, 5, ReasonCode::NOT_AUTHORIZED),
        (Version::V311, 2, ReasonCode::CLIENT_IDENTIFIER_NOT_VALID),
        (Version::V311, 3, ReasonCode::SERVER_UNAVAILABLE),
        (Version::V5, 0x89, ReasonCode::SERVER_BUSY),
        (Version::V5, 0x9F, ReasonCode::CONNECTION_RATE_EXCEEDED),
    ] {
        let mut pair = Pair::with_config(Config { refuse_connect: Some(code), ..Config::default() });
        let handle = pair.send("kept", QoS::AtLeastOnce);
        pair.connect(version, Start::Resume);
        pair.drive();
        assert!(
            matches!(pair.seen[0], Seen::ConnAck { reason, session: SessionState::Untouched, .. } if reason == expected),
            "{:?}",
            pair.seen
        );
        assert_eq!(pair.client.state(), State::Closed);
        assert_eq!(pair.client.pending(), 1, "the queue is untouched");
        pair.broker.config_mut().refuse_connect = None;
        pair.reconnect(Start::Resume);
        assert_eq!(pair.acknowledged(), [handle]);
    }
}

#[test]
fn an_old_server_answers_5_0_with_two_bytes() {
    let mut pair =
        Pair::with_config(Config { versions: vec![broker::Version::V31, broker::Version::V311], ..Config::default() });
    pair.connect(Version::V5, Start::Clean);
    pair.drive();
    let expected = ReasonCode::UNSUPPORTED_PROTOCOL_VERSION;
    assert!(matches!(pair.seen[0], Seen::ConnAck { reason, .. } if reason == expected), "{:?}", pair.seen);
    assert_eq!(pair.client.state(), State::Closed);
    pair.connect(Version::V311, Start::Clean);
    pair.drive();
    assert!(pair.client.is_connected());
}

#[test]
fn a_will_is_published_when_the_link_is_cut_and_not_after_disconnect() {
    for version in Version::ALL {
        let mut pair = Pair::new();
        let read = witness(&mut pair.broker);
        let will = Will::new(TopicName::new("gone").unwrap(), b"oh").qos(QoS::AtLeastOnce).retain(true);
        let connect = Connect::new(version, CLIENT).will(will);
        pair.open(&connect);
        pair.drive();
        pair.disconnect();
        assert!(read(&mut pair.broker).is_empty());
        pair.open(&connect);
        pair.drive();
        pair.cut();
        assert_eq!(read(&mut pair.broker), b"\x32\x0a\x00\x04gone\x00\x01oh");
        assert_eq!(pair.broker.retained_count(), 1);
    }
}

#[test]
fn a_will_can_wait_and_carry_properties() {
    let mut pair = Pair::new();
    let read = witness(&mut pair.broker);
    let properties = [Property::WillDelayInterval(30), Property::ContentType("text")];
    let will = Will::new(TopicName::new("gone").unwrap(), b"oh").properties(&properties[..]);
    let forever = [Property::SessionExpiryInterval(u32::MAX)];
    let connect = Connect::new(Version::V5, CLIENT).will(will).clean_start(false).properties(&forever[..]);
    pair.open(&connect);
    pair.drive();
    pair.cut();
    pair.run_for(29_000);
    assert_eq!(read(&mut pair.broker), b"");
    pair.open(&connect); // in time: no will
    pair.drive();
    pair.run_for(60_000);
    assert!(read(&mut pair.broker).is_empty());
    pair.cut();
    pair.run_for(30_000);
    assert_eq!(read(&mut pair.broker), b"\x30\x08\x00\x04goneoh");
}

#[test]
fn disconnect_with_will() {
    let mut pair = Pair::new();
    let read = witness(&mut pair.broker);
    let will = Will::new(TopicName::new("gone").unwrap(), b"oh");
    pair.open(&Connect::new(Version::V5, CLIENT).will(will));
    pair.drive();
    let leave = pure_mqtt::Disconnect::new(ReasonCode::DISCONNECT_WITH_WILL);
    pair.client.disconnect(pair.now(), &leave).unwrap();
    pair.drive();
    assert_eq!(pair.client.close_reason(), ConnectionError::NotOpen);
    assert_eq!(read(&mut pair.broker), b"\x30\x08\x00\x04goneoh");
}

#[test]
fn a_session_that_the_server_cannot_have() {
    for (version, fails) in [(Version::V31, false), (Version::V311, false), (Version::V5, true)] {
        let faults = [Fault::ClaimSession].into();
        let mut pair = Pair::with_config(Config { faults, ..Config::default() });
        pair.connect(version, Start::Clean);
        pair.drive();
        let expected = fails.then_some(ConnectionError::Protocol(Violation::SessionPresent));
        assert_eq!(pair.failure(), expected, "{version:?}");
    }
    let refused = Some(ConnectionError::Protocol(Violation::UnknownSession));
    for (version, policy, expected) in [
        (Version::V311, OnUnknownSession::Adopt, None),
        (Version::V5, OnUnknownSession::Adopt, None),
        (Version::V311, OnUnknownSession::CleanStart, Some(ConnectionError::UnknownSession)),
        (Version::V5, OnUnknownSession::CleanStart, Some(ConnectionError::UnknownSession)),
        (Version::V311, OnUnknownSession::Refuse, refused),
        (Version::V5, OnUnknownSession::Refuse, refused),
    ] {
        let faults = [Fault::ClaimSession].into();
        let limits = Limits { on_unknown_session: policy, ..Limits::DEFAULT };
        let mut pair = Pair::with(Heap::new(), limits, Config { faults, ..Config::default() });
        pair.connect(version, Start::Resume);
        pair.drive();
        assert_eq!(pair.failure(), expected, "{version:?}");
        assert_eq!(matches!(pair.session(), Some(SessionState::Adopted { .. })), expected.is_none());
        // The way on, as documented.
        pair.broker.config_mut().faults.clear();
        match policy {
            OnUnknownSession::Adopt => {}
            OnUnknownSession::CleanStart => pair.reconnect(Start::Resume),
            OnUnknownSession::Refuse => pair.reconnect(Start::Clean),
        }
        assert!(pair.client.is_connected());
    }
}

#[test]
fn connack_in_time_or_never() {
    for version in Version::ALL {
        let mut pair = Pair::new();
        pair.broker.script(When::receives(Packet::Connect), Act::Stall);
        pair.connect(version, Start::Clean);
        pair.run_for(19_999);
        assert_eq!(pair.client.state(), State::Connecting);
        pair.run_for(1);
        assert_eq!(pair.failure(), Some(ConnectionError::ConnAckTimeout));
        assert_eq!(pair.client.state(), State::Closed);
        assert_eq!(pair.lines("DISCONNECT"), [] as [&str; 0], "nothing is said before CONNACK");
        let mut patient = Pair::with_limits(Limits { connack_timeout: 0, ..Limits::DEFAULT });
        patient.broker.script(When::receives(Packet::Connect), Act::Stall);
        patient.connect(version, Start::Clean);
        patient.run_for(1_000_000_000);
        assert_eq!(patient.client.state(), State::Connecting);
    }
}

#[test]
fn response_information_comes_only_if_asked_for() {
    let mut pair = Pair::with_config(Config { response_information: Some("replies/".into()), ..Config::default() });
    let wanted = [Property::RequestResponseInformation(true)];
    pair.open(&Connect::new(Version::V5, CLIENT).properties(&wanted[..]));
    pair.drive();
    let Some(Seen::ConnAck { properties, .. }) = pair.seen.first() else { panic!("{:?}", pair.seen) };
    assert!(properties.contains(&"ResponseInformation(\"replies/\")".to_owned()), "{properties:?}");

    let stray = vec![(prop_id::RESPONSE_INFO, Prop::Text("replies/".into()))];
    let mut pair = Pair::with_config(Config { extra_connack_properties: stray, ..Config::default() });
    pair.connect(Version::V5, Start::Clean);
    pair.drive();
    assert_eq!(pair.failure(), Some(ConnectionError::Protocol(Violation::NotRequested)));
}

#[test]
fn an_open_that_was_cut_before_connack_can_be_repeated() {
    for version in Version::ALL {
        let mut pair = Pair::new();
        let handle = pair.send("kept", QoS::ExactlyOnce);
        for bytes in 0..30 {
            pair.connect(version, Start::Clean);
            pair.wire.max_write = 1;
            for _ in 0..bytes {
                pair.write();
            }
            pair.cut();
        }
        pair.connect(version, Start::Clean);
        pair.drive();
        assert_eq!(pair.acknowledged(), [handle]);
        assert_eq!(pair.released(), ["kept"]);
        assert!(!pair.broker.released()[0].dup);
    }
}
