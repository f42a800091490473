//! Commands that are too long, too early, or meet a connection that differs.

use super::rig::{NOW, message, reopen, sent, take, taken, up, up_with};
use pure_mqtt::wire::Violation;
use pure_mqtt::{
    Auth, Command, Connect, Connection, ConnectionError, Disconnect, Event, Fixed, Heap, Limits, OpenError, Property,
    PropertyError, Publish, QoS, ReasonCode, Received, RequestError, State, Subscribe, Subscription, TopicFilter,
    TopicName, Unsubscribe, Version,
};

const TEXT: &str = "0123456789012345678901234567890123456789012345678901234567890123456789";

#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn a_request_longer_than_the_protocol_can_say_is_refused() {
    let long = "x".repeat(65_535);
    let filter = TopicFilter::new(&long).unwrap();
    let subscriptions = vec![Subscription::new(filter, QoS::AtMostOnce); 4_096];
    let mut client = up(Heap::new(), Limits::DEFAULT, Version::V311);
    let before = client.clone();
    assert_eq!(client.subscribe(NOW, &Subscribe::new(&subscriptions)), Err(RequestError::TooLarge));
    assert_eq!(client.unsubscribe(NOW, &Unsubscribe::new(&vec![filter; 4_097])), Err(RequestError::TooLarge));
    assert!(client == before);
}

#[test]
fn a_request_that_no_storage_holds_is_refused() {
    let mut client = up(Fixed::<64, 4, 4>::new(), Limits::DEFAULT, Version::V311);
    let exact = "x".repeat(64 - 2 - 7); // 64 bytes less the header, the identifier and so on, and two for 5.0
    let longer = "x".repeat(64 - 2 - 6);
    let subscription = |name| [Subscription::new(TopicFilter::new(name).unwrap(), QoS::AtMostOnce)];
    let before = client.clone();
    assert_eq!(client.subscribe(NOW, &Subscribe::new(&subscription(&longer))), Err(RequestError::TooLarge));
    assert!(client == before);
    client.subscribe(NOW, &Subscribe::new(&subscription(&exact))).unwrap();
    assert_eq!(sent(&mut client).len(), 62);
}

#[test]
fn disconnect_and_auth_need_room_of_their_own() {
    let mut client = Connection::new(Fixed::<64, 4, 4, 64>::new(), Limits::DEFAULT);
    let method = [Property::AuthenticationMethod("m")];
    client.open(NOW, &Connect::new(Version::V5, "c").properties(&method[..])).unwrap();
    sent(&mut client);
    assert!(taken(&mut client, b"\x20\x07\0\0\x04\x15\0\x01m").is_ok());
    let before = client.clone();
    let reason = [Property::ReasonString(TEXT)];
    let disconnect = Disconnect::new(ReasonCode::SUCCESS).properties(&reason[..]);
    assert_eq!(client.disconnect(NOW, &disconnect), Err(RequestError::TooLarge));
    let again = [Property::AuthenticationMethod("m"), Property::AuthenticationData(TEXT.as_bytes())];
    assert_eq!(client.authenticate(NOW, &Auth::re_authenticate(&again[..])), Err(RequestError::TooLarge));
    assert!(client == before);
}

#[test]
fn a_farewell_that_does_not_fit_behind_a_packet_half_out_stays_unsaid() {
    let mut client = Connection::new(Fixed::<64, 4, 4, 40>::new(), Limits::DEFAULT);
    let method = [Property::AuthenticationMethod("m")];
    client.open(NOW, &Connect::new(Version::V5, "c").properties(&method[..])).unwrap();
    sent(&mut client);
    assert!(taken(&mut client, b"\x20\x07\0\0\x04\x15\0\x01m").is_ok());
    let data = [Property::AuthenticationMethod("m"), Property::AuthenticationData(&TEXT.as_bytes()[..29])];
    client.authenticate(NOW, &Auth::re_authenticate(&data[..])).unwrap();
    assert_eq!(client.transmit(NOW).remaining(), 40);
    assert_eq!(take(&mut client, 1), [0xF0]);
    assert_eq!(client.disconnect(NOW, &Disconnect::new(ReasonCode::SUCCESS)), Ok(()));
    assert_eq!(client.state(), State::Closing);
    assert!(client.should_close(), "39 bytes wait, and DISCONNECT has two");
    assert_eq!(sent(&mut client), []);
}

#[test]
fn the_transport_is_closed_after_the_last_byte() {
    let mut client = up(Heap::new(), Limits::DEFAULT, Version::V311);
    client.disconnect(NOW, &Disconnect::new(ReasonCode::SUCCESS)).unwrap();
    assert!(!client.should_close());
    assert_eq!(take(&mut client, 1), [0xE0]);
    assert_eq!(client.transmit(NOW).remaining(), 1);
    assert!(!client.should_close());
    assert_eq!(take(&mut client, 1), [0]);
    assert!(client.should_close());
}

#[test]
fn authentication_data_need_a_method() {
    let mut client = Connection::new(Heap::new(), Limits::DEFAULT);
    let data = [Property::AuthenticationData(b"secret")];
    let error = PropertyError { id: 0x16, violation: Violation::AuthenticationMethod };
    let opened = client.open(NOW, &Connect::new(Version::V5, "c").properties(&data[..]));
    assert_eq!(opened, Err(OpenError::Property(error)));
    let both = [Property::AuthenticationMethod("m"), Property::AuthenticationData(b"secret")];
    assert_eq!(client.open(NOW, &Connect::new(Version::V5, "c").properties(&both[..])), Ok(()));
}

#[test]
fn no_local_on_a_shared_subscription_is_an_error() {
    // [MQTT-3.8.3-4]; in earlier versions too, as the request may wait for a link of 5.0.
    let filters = [Subscription::new(TopicFilter::new("$share/g/t").unwrap(), QoS::AtMostOnce).no_local(true)];
    let mut client = up(Heap::new(), Limits::DEFAULT, Version::V5);
    assert_eq!(client.subscribe(NOW, &Subscribe::new(&filters)), Err(RequestError::SharedNoLocal));
    let mut client = up(Heap::new(), Limits::DEFAULT, Version::V311);
    assert_eq!(client.subscribe(NOW, &Subscribe::new(&filters)), Err(RequestError::SharedNoLocal));
}

#[test]
fn a_session_is_adopted_without_a_link_only() {
    let mut client = up(Heap::new(), Limits::DEFAULT, Version::V5);
    assert!(!client.adopt_session());
    client.handle_close(NOW);
    assert!(client.adopt_session());
}

#[test]
fn the_shortest_packet_always_fits() {
    for inline_max in [0, 1, 4, 5] {
        let limits = Limits { inline_max, ..Limits::DEFAULT };
        let mut client = Connection::new(Heap::new(), limits);
        client.open(NOW, &Connect::new(Version::V5, "c")).unwrap();
        sent(&mut client);
        assert!(matches!(taken(&mut client, b"\x20\x03\0\0\0"), Ok(Some(Event::ConnAck(_)))), "{inline_max}");
        assert!(client.handle_input(NOW, b"\x30\x04\0\0").is_err(), "{inline_max}: six bytes are too many");
    }
}

#[test]
fn connections_that_differ_are_not_equal() {
    let up = || up_with(Fixed::<128, 4, 4, 64, 2, 8>::new(), manual(), Version::V5, &[0x22, 0, 2]);
    let base = up();
    assert!(base == up());
    let topic = TopicName::new("t").unwrap();
    let mut published = [up(), up(), up()];
    for (client, payload) in published.iter_mut().zip(["a", "b", "a"]) {
        client.publish(NOW, &Publish::new(topic, payload)).unwrap();
    }
    let [a, b, c] = published;
    assert!(a != base && a != b && a == c);
    let mut received = up();
    assert!(taken(&mut received, b"\x32\x06\0\x01t\0\x01\0").is_ok());
    let mut other = up();
    assert!(taken(&mut other, b"\x32\x06\0\x01t\0\x02\0").is_ok());
    assert!(received != other && received != base);
    let alias = |name: u8| {
        let mut client = up();
        assert!(taken(&mut client, &[0x30, 7, 0, 1, name, 3, 0x23, 0, 1]).is_ok());
        client
    };
    assert!(alias(b'x') == alias(b'x'));
    assert!(alias(b'x') != alias(b'y') && alias(b'x') != base);
    let mut twice = alias(b'x');
    assert!(taken(&mut twice, &[0x30, 7, 0, 1, b'x', 3, 0x23, 0, 1]).is_ok());
    assert!(twice != alias(b'x'), "a handle of the first binding is stale in one of them");
}

/// What is kept of the method is a fingerprint: no other letter passes for the one in CONNECT.
#[test]
fn a_server_must_name_the_same_method() {
    for letter in b'a'..=b'z' {
        let mut client = Connection::new(Fixed::<64, 4, 4, 64>::new(), Limits::DEFAULT);
        let method = [Property::AuthenticationMethod("m")];
        client.open(NOW, &Connect::new(Version::V5, "c").properties(&method[..])).unwrap();
        sent(&mut client);
        let connack = [0x20, 7, 0, 0, 4, 0x15, 0, 1, letter];
        let other = ConnectionError::Protocol(Violation::AuthenticationMethod);
        match taken(&mut client, &connack) {
            Ok(Some(Event::ConnAck(_))) => assert_eq!(letter, b'm'),
            result => assert_eq!((result, letter != b'm'), (Err(other), true)),
        }
    }
}

fn manual() -> Limits {
    Limits { manual_acks: true, topic_alias_maximum: 2, outbound_aliases: 2, ..Limits::DEFAULT }
}

#[test]
fn an_outcome_names_its_command() {
    let mut client = up(Heap::new(), Limits::DEFAULT, Version::V311);
    let filter = TopicFilter::new("f").unwrap();
    client.subscribe(NOW, &Subscribe::new(&[Subscription::new(filter, QoS::AtMostOnce)])).unwrap();
    client.unsubscribe(NOW, &Unsubscribe::new(&[filter])).unwrap();
    sent(&mut client);
    client.handle_close(NOW);
    let commands: Vec<_> = std::iter::from_fn(|| client.poll_outcome()).map(|outcome| outcome.command).collect();
    assert_eq!(commands, [Command::Subscribe, Command::Unsubscribe]);
}

/// What the link needs stays: the names behind the server's aliases.
#[test]
fn memory_that_is_in_use_is_not_given_back() {
    let mut client = up(Heap::new(), manual(), Version::V5);
    assert!(matches!(taken(&mut client, &[0x30, 7, 0, 1, b'x', 3, 0x23, 0, 1]), Ok(Some(Event::Message(_)))));
    client.shrink();
    let Ok(Some(Event::Message(message))) = taken(&mut client, &[0x30, 6, 0, 0, 3, 0x23, 0, 1]) else { panic!() };
    assert_eq!(client.topic(&message.topic).unwrap().as_str(), "x");
}

/// A clean start that was refused, or answered with nonsense, has not been carried out: the session is the same.
#[test]
fn a_clean_start_that_failed_leaves_the_session() {
    for answer in [&b"\x20\x03\0\x87\0"[..], b"\x20\x03\x02\0\0", b"\xD0\0"] {
        let mut client = up(Heap::new(), Limits::DEFAULT, Version::V5);
        client.handle_close(NOW);
        client.open(NOW, &Connect::new(Version::V5, "c")).unwrap();
        sent(&mut client);
        let _ = client.handle_input(NOW, answer);
        client.handle_close(NOW);
        reopen(&mut client, Version::V5, true, &[]);
    }
}

/// A table that has grown for a message which is not there yet is the same in all else.
#[test]
fn the_capacity_of_a_table_makes_no_difference() {
    let up = |first_byte: u8| {
        let mut client = up(Heap::new(), Limits::DEFAULT, Version::V311);
        // The table begins with eight places: so many are full, and their identifiers share a chain that a larger table cuts.
        for id in (1..=7).map(|number| number * 8 + 1) {
            assert!(matches!(taken(&mut client, &message(Version::V311, 2, id)), Ok(Some(Event::Message(_)))));
            sent(&mut client);
        }
        assert!(matches!(client.handle_input(NOW, &[first_byte]), Ok(Received::Partial { .. })));
        client
    };
    assert!(up(0x30) == up(0x32));
}

#[test]
fn an_identifier_that_a_server_assigns_unasked_is_counted() {
    for (id, properties, ignored) in [("c", &b""[..], 0), ("c", b"\x12\0\x01x", 1), ("", b"\x12\0\x01x", 0)] {
        let mut client = Connection::new(Heap::new(), Limits::DEFAULT);
        client.open(NOW, &Connect::new(Version::V5, id)).unwrap();
        sent(&mut client);
        let length = properties.len() as u8;
        let connack = [&[0x20, 3 + length, 0, 0, length], properties].concat();
        assert!(matches!(taken(&mut client, &connack), Ok(Some(Event::ConnAck(_)))));
        assert_eq!(client.stats().ignored_client_ids, ignored);
    }
}

/// The server keeps the session for a shorter time than it was asked to (§3.2.2.3.2).
#[test]
fn the_server_decides_how_long_it_keeps_the_session() {
    for seconds in [9, 10, 1_000_000] {
        let mut client = up_with(Heap::new(), Limits::DEFAULT, Version::V5, &[0x11, 0, 0, 0, 10]);
        client.handle_close(NOW);
        let later = NOW.after_secs(seconds);
        client.open(later, &Connect::new(Version::V5, "c").clean_start(false)).unwrap();
        sent(&mut client);
        let state = taken(&mut client, b"\x20\x03\x01\0\0").map(|event| match event {
            Some(Event::ConnAck(connack)) => Some(connack.session),
            _ => None,
        });
        assert_eq!(state, Ok(Some(pure_mqtt::SessionState::Resumed)), "{seconds} s: its clock counts, not ours");
    }
}

/// Who wants no reason strings gets everything else `[MQTT-3.1.2-29]`.
#[test]
fn only_problem_information_can_be_declined() {
    let no_strings = ConnectionError::Protocol(Violation::NotRequested);
    for (auth, expected) in
        [(&b"\xF0\x06\x18\x04\x15\0\x01m"[..], Ok(())), (b"\xF0\x0A\x18\x08\x15\0\x01m\x1F\0\x01r", Err(no_strings))]
    {
        let mut client = Connection::new(Heap::new(), Limits::DEFAULT);
        let list = [Property::AuthenticationMethod("m"), Property::RequestProblemInformation(false)];
        client.open(NOW, &Connect::new(Version::V5, "c").properties(&list[..])).unwrap();
        sent(&mut client);
        assert_eq!(taken(&mut client, auth).map(drop), expected);
    }
}
