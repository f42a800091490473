//! Statements of the standards that no other test shows, byte by byte.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use pure_mqtt::{
    Ack, Auth, ClientId, Connect, Connection, Disconnect, Event, Heap, Instant, Limits, Property, Publish, QoS,
    ReasonCode, Received, RequestError, SessionState, TopicName, Version,
};

const NOW: Instant = Instant::from_millis(0);

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn drain(mqtt: &mut Connection<Heap>, now: Instant) -> Vec<u8> {
    let mut sent = Vec::new();
    let mut transmit = mqtt.transmit(now);
    while !transmit.chunk().is_empty() {
        let count = transmit.chunk().len();
        sent.extend(transmit.chunk());
        transmit.advance(count);
    }
    sent
}

fn give<'i>(mqtt: &mut Connection<Heap>, now: Instant, packet: &'i [u8]) -> Option<Event<'i>> {
    match mqtt.handle_input(now, packet) {
        Ok(Received::Packet { consumed, event }) if consumed == packet.len() => event,
        other => panic!("{other:?}"),
    }
}

/// Opens a link, which the server accepts with these bytes.
fn connect(mqtt: &mut Connection<Heap>, now: Instant, connect: &Connect<'_>, connack: &[u8]) -> SessionState {
    mqtt.handle_close(now);
    mqtt.open(now, connect).unwrap();
    drain(mqtt, now);
    let Some(Event::ConnAck(connack)) = give(mqtt, now, connack) else { panic!("no CONNACK") };
    connack.session
}

fn up(limits: Limits, connack: &[u8]) -> Connection<Heap> {
    let mut mqtt = Connection::new(Heap::new(), limits);
    let list = [Property::AuthenticationMethod("m"), Property::SessionExpiryInterval(u32::MAX)];
    let is_asking = connack.ends_with(b"\x15\x00\x01m");
    let list = if is_asking { &list[..] } else { &list[1..] };
    connect(&mut mqtt, NOW, &Connect::new(Version::V5, "c").properties(list), connack);
    mqtt
}

const GOOD: &[u8] = b"\x20\x03\x00\x00\x00";
const REASON: [Property<'_>; 1] = [Property::ReasonString("because")];
const USER: [Property<'_>; 1] = [Property::UserProperty(("key", "value"))];

#[test]
fn an_acknowledgement_leaves_out_what_the_server_has_no_room_for() {
    // [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3]
    for (maximum, properties, length) in [(16, REASON, 16), (15, REASON, 5), (19, USER, 19), (18, USER, 5)] {
        for (first, name) in [(0x32, 0x40), (0x34, 0x50)] {
            let limits = Limits { manual_acks: true, ..Limits::DEFAULT };
            let mut mqtt = up(limits, &[0x20, 8, 0, 0, 5, 0x27, 0, 0, 0, maximum]);
            let message = [first, 6, 0, 1, b't', 0, 7, 0];
            let Some(Event::Message(message)) = give(&mut mqtt, NOW, &message) else { panic!("no message") };
            let ack = Ack::new(ReasonCode::QUOTA_EXCEEDED).properties(&properties);
            mqtt.acknowledge(NOW, message.ack.unwrap(), &ack).unwrap();
            let sent = drain(&mut mqtt, NOW);
            assert_eq!((sent.len(), &sent[..1], &sent[2..5]), (length, &[name][..], &[0, 7, 0x97][..]), "{maximum}");
        }
    }
}

#[test]
fn a_disconnect_and_an_auth_are_refused_that_the_server_has_no_room_for() {
    // [MQTT-3.14.2-3] [MQTT-3.14.2-4] [MQTT-3.15.2-2] [MQTT-3.15.2-3]
    for properties in [REASON, USER] {
        let mut mqtt = up(Limits::DEFAULT, b"\x20\x0C\x00\x00\x09\x27\x00\x00\x00\x0D\x15\x00\x01m");
        let before = mqtt.clone();
        let leave = Disconnect::new(ReasonCode::UNSPECIFIED_ERROR).properties(&properties);
        assert_eq!(mqtt.disconnect(NOW, &leave), Err(RequestError::ServerMaximum));
        let list = [Property::AuthenticationMethod("m"), properties[0]];
        assert_eq!(mqtt.authenticate(NOW, &Auth::re_authenticate(&list)), Err(RequestError::ServerMaximum));
        assert!(mqtt == before);
        assert_eq!(mqtt.disconnect(NOW, &Disconnect::new(ReasonCode::UNSPECIFIED_ERROR)), Ok(()));
        assert_eq!(drain(&mut mqtt, NOW), b"\xE0\x01\x80");
    }
}

#[test]
fn a_clean_start_drops_what_was_received() {
    // [MQTT-3.1.2-4] [3.1.1: MQTT-3.1.2-6]
    for (version, message, connack) in [
        (Version::V5, &b"\x34\x06\x00\x01t\x00\x07\x00"[..], GOOD),
        (Version::V311, b"\x34\x05\x00\x01t\x00\x07", b"\x20\x02\x00\x00"),
    ] {
        let mut mqtt = Connection::new(Heap::new(), Limits::DEFAULT);
        let list = [Property::SessionExpiryInterval(u32::MAX)];
        let first = Connect::new(version, "c").clean_start(false).properties(&list);
        connect(&mut mqtt, NOW, &first, connack);
        assert!(give(&mut mqtt, NOW, message).is_some());
        drain(&mut mqtt, NOW);
        assert!(give(&mut mqtt, NOW, message).is_none(), "the same again");
        let session = connect(&mut mqtt, NOW, &first.clean_start(true), connack);
        assert_eq!(session, SessionState::New { republished: 0, aborted: 0, completed: 0 });
        assert!(give(&mut mqtt, NOW, message).is_some(), "a new session, a new message");
        drain(&mut mqtt, NOW);
        if version == Version::V311 {
            // The clean session ended with its link: even if the server says otherwise it is not ours.
            let present = b"\x20\x02\x01\x00";
            let session = connect(&mut mqtt, NOW, &first, present);
            assert!(matches!(session, SessionState::Adopted { .. }), "{session:?}");
        }
    }
}

#[test]
fn after_puback_the_identifier_is_a_new_message_whatever_dup_says() {
    // [MQTT-4.3.2-5]
    let mut mqtt = up(Limits::DEFAULT, GOOD);
    for first in [0x32, 0x3A, 0x32, 0x3A] {
        let message = [first, 6, 0, 1, b't', 0, 7, 0];
        assert!(matches!(give(&mut mqtt, NOW, &message), Some(Event::Message(_))));
        assert_eq!(drain(&mut mqtt, NOW), b"\x40\x02\x00\x07");
    }
}

#[test]
fn every_new_message_has_an_identifier_of_its_own() {
    // [MQTT-4.3.2-1] [MQTT-4.3.3-1]
    let mut mqtt = up(Limits::DEFAULT, GOOD);
    let mut seen = std::collections::BTreeSet::new();
    for number in 0..500 {
        let qos = if number % 2 == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
        let message = Publish::new(TopicName::new("t").unwrap(), b"x").qos(qos);
        assert!(seen.insert(mqtt.publish(NOW, &message).unwrap().id.unwrap()));
    }
}

#[test]
fn a_qos_2_message_that_was_sent_does_not_expire() {
    // [MQTT-4.3.3-7]
    let mut mqtt = up(Limits::DEFAULT, GOOD);
    let expiry = [Property::MessageExpiryInterval(1)];
    let message = Publish::new(TopicName::new("t").unwrap(), b"x").qos(QoS::ExactlyOnce).properties(&expiry);
    let handle = mqtt.publish(NOW, &message).unwrap().handle;
    assert_eq!(drain(&mut mqtt, NOW)[0], 0x34);
    mqtt.handle_timeout(at(10_000)).unwrap();
    assert_eq!(mqtt.poll_outcome(), None);
    let list = [Property::SessionExpiryInterval(u32::MAX)];
    let again = Connect::new(Version::V5, "c").clean_start(false).properties(&list);
    connect(&mut mqtt, at(20_000), &again, b"\x20\x03\x01\x00\x00");
    assert_eq!(drain(&mut mqtt, at(20_000))[0], 0x3C, "it is sent again, with DUP");
    assert!(give(&mut mqtt, at(20_000), b"\x50\x02\x00\x01").is_none());
    assert_eq!(drain(&mut mqtt, at(20_000)), b"\x62\x02\x00\x01");
    // [MQTT-4.3.3-6]
    connect(&mut mqtt, at(20_000), &again, b"\x20\x03\x01\x00\x00");
    assert_eq!(drain(&mut mqtt, at(20_000)), b"\x62\x02\x00\x01", "PUBREL alone");
    let Some(Event::PubComp(done)) = give(&mut mqtt, at(20_000), b"\x70\x02\x00\x01") else { panic!("no end") };
    assert_eq!(done.handle, handle);
}

#[test]
fn all_subscription_identifiers_are_shown() {
    // [MQTT-3.3.4-3] [MQTT-3.3.4-4] [MQTT-3.3.4-5]
    let mut mqtt = up(Limits::DEFAULT, GOOD);
    for (message, expected) in [
        (&b"\x30\x08\x00\x01t\x04\x0B\x05\x0B\x03"[..], &[5, 3][..]), // one copy for two subscriptions, in any order
        (b"\x30\x06\x00\x01t\x02\x0B\x05", &[5]),                     // a copy for each
        (b"\x30\x06\x00\x01t\x02\x0B\x03", &[3]),
        (b"\x30\x04\x00\x01t\x00", &[]),
    ] {
        let Some(Event::Message(message)) = give(&mut mqtt, NOW, message) else { panic!("no message") };
        assert_eq!(message.properties.subscription_identifiers().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_made_up_client_identifier_is_one_that_every_server_accepts() {
    // [MQTT-3.1.3-5]
    for random in [0, 1, 61, 62, u128::MAX, u128::MAX / 3] {
        let id = ClientId::from_random(random);
        assert!((1..=23).contains(&id.as_str().len()), "{id:?}");
        assert!(id.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id:?}");
    }
}
