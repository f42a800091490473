//! The numbers that the format lists. A replay computes them as the recording did, so it can't tell whether they are
//! the right ones; kept traces can.

use std::string::{String, ToString};
use std::vec::Vec;

use super::*;
use pure_mqtt::wire::{Malformed, Violation};
use pure_mqtt::{
    Connect, Connection, Heap, Instant, Limits, OnSessionLoss, Overflow, Property, Publish, QoS, ReasonCode, Subscribe,
    Subscription, TopicFilter, TopicName, Unsubscribe, Version,
};

const NOW: Instant = Instant::from_millis(1);
const TWICE: PropertyError = PropertyError { id: 0x21, violation: Violation::PropertyTwice };

/// Each error by its number, from 1 on; with details in other numbers behind it.
fn assert_numbered(answers: &[Answer], details: &[(usize, u32)]) {
    for (index, answer) in answers.iter().enumerate() {
        let number = index + 1;
        let detail = details.iter().find(|(of, _)| *of == number).map_or(0, |(_, detail)| *detail);
        assert_eq!(answer.to_string(), std::format!("error {number} {detail}"));
        assert!(answer.is_error());
    }
}

#[test]
fn errors_have_their_places() {
    let twice = 0x21 << 8 | 1;
    let open = [
        OpenError::AlreadyOpen,
        OpenError::ClientId,
        OpenError::PasswordWithoutUserName,
        OpenError::Bridge,
        OpenError::Field,
        OpenError::Property(TWICE),
        OpenError::TooLarge { needed: 300 },
        OpenError::Version,
    ];
    assert_numbered(&open.map(|error| Answer::of_open(&Err(error))), &[(6, twice), (7, 300)]);
    let publish = [
        PublishError::Full,
        PublishError::TooLarge,
        PublishError::ServerMaximum,
        PublishError::QoSNotSupported,
        PublishError::RetainNotSupported,
        PublishError::Offline,
        PublishError::NotQueued,
        PublishError::Property(TWICE),
    ];
    assert_numbered(&publish.map(|error| Answer::of_publish(&Err(error))), &[(8, twice)]);
    let request = [
        RequestError::Full,
        RequestError::TooLarge,
        RequestError::ServerMaximum,
        RequestError::EmptyList,
        RequestError::SharedNoLocal,
        RequestError::NotSupported,
        RequestError::State,
        RequestError::SessionExpiry,
        RequestError::ReasonCode,
        RequestError::Property(TWICE),
        RequestError::Stale,
    ];
    assert_numbered(&request.map(|error| Answer::of_request(Err(error))), &[(10, twice)]);
    assert_numbered(&request.map(|error| Answer::of_requested(&Err(error))), &[(10, twice)]);
    let link = [
        ConnectionError::NotOpen,
        ConnectionError::Malformed(Malformed::HeaderFlags),
        ConnectionError::Protocol(Violation::PropertyValue),
        ConnectionError::Refused(ReasonCode::BANNED),
        ConnectionError::ServerDisconnect(ReasonCode::SERVER_BUSY),
        ConnectionError::Disconnected,
        ConnectionError::ConnAckTimeout,
        ConnectionError::KeepAliveTimeout,
        ConnectionError::AckTimeout,
        ConnectionError::AuthTimeout,
        ConnectionError::Abandoned,
    ];
    let details = [(2, 3), (3, 2), (4, 0x8A), (5, 0x89)];
    assert_numbered(&link.map(|error| Answer::of_timeout(&Err(error))), &details);
    assert_numbered(&link.map(|error| Answer::of_input(&Err(error))), &details);
}

/// A connection and what it answers to the server's packets.
struct Rig(Connection<Heap>);

impl Rig {
    /// A link in `version`, and the answer to CONNACK.
    fn open(&mut self, version: Version, connack: &[u8]) -> String {
        let lasting = [Property::SessionExpiryInterval(100)];
        let connect = Connect::new(version, "c").clean_start(false);
        let connect = if version == Version::V5 { connect.properties(&lasting[..]) } else { connect };
        self.0.open(NOW, &connect).unwrap();
        self.send();
        self.take(connack)
    }

    fn take(&mut self, packet: &[u8]) -> String {
        Answer::of_input(&self.0.handle_input(NOW, packet)).to_string()
    }

    fn take_piece(&mut self, packet: &[u8]) -> String {
        Answer::of_input(&self.0.handle_input_streaming(NOW, packet)).to_string()
    }

    fn send(&mut self) {
        let mut transmit = self.0.transmit(NOW);
        while !transmit.chunk().is_empty() {
            transmit.advance(1);
        }
    }

    fn publish(&mut self, qos: QoS) -> Answer {
        Answer::of_publish(&self.0.publish(NOW, &Publish::new(TopicName::new("t").unwrap(), b"x").qos(qos)))
    }
}

fn handle(answer: &Answer) -> u64 {
    *answer.numbers().first().unwrap()
}

#[test]
fn sessions_tell_what_became_of_the_messages() {
    let limits = Limits { on_session_loss: OnSessionLoss::Republish, ..Limits::DEFAULT };
    for (version, new) in [(Version::V311, &b"\x20\x02\x00\x00"[..]), (Version::V5, b"\x20\x03\x00\x00\x00")] {
        let mut rig = Rig(Connection::new(Heap::new(), limits));
        let length = new.len();
        assert_eq!(rig.open(version, new), std::format!("taken {length} 1 0 3 0 0 0"));
        for _ in 0..4 {
            rig.publish(QoS::AtLeastOnce);
        }
        for _ in 0..2 {
            rig.publish(QoS::ExactlyOnce); // 5 and 6
        }
        let filter = [Subscription::new(TopicFilter::new("f").unwrap(), QoS::AtMostOnce)];
        let requested: Vec<_> = (0..3).map(|_| rig.0.subscribe(NOW, &Subscribe::new(&filter))).collect();
        let answer = Answer::of_requested(&requested[2]);
        assert_eq!(answer.to_string(), std::format!("accepted {} 9", requested[2].unwrap().handle.get()));
        rig.send();
        rig.take(b"\x50\x02\x00\x05");
        rig.send();
        rig.0.handle_close(NOW);
        let mut resumed = new.to_vec();
        resumed[2] = 1;
        assert_eq!(rig.open(version, &resumed), std::format!("taken {length} 1 0 1 0 0 0"));
        rig.0.handle_close(NOW);
        assert_eq!(rig.open(version, new), std::format!("taken {length} 1 0 3 5 0 1"));
    }
}

#[test]
fn what_was_given_up_with_a_session_is_counted() {
    let limits = Limits { on_session_loss: OnSessionLoss::Abort, ..Limits::DEFAULT };
    let mut rig = Rig(Connection::new(Heap::new(), limits));
    rig.open(Version::V311, b"\x20\x02\x00\x00");
    let first = rig.publish(QoS::AtLeastOnce);
    rig.publish(QoS::AtLeastOnce);
    rig.send();
    rig.0.handle_close(NOW);
    assert_eq!(rig.open(Version::V311, b"\x20\x02\x00\x00"), "taken 4 1 0 3 0 2 0");
    let outcome = Answer::of_outcome(&rig.0.poll_outcome().unwrap());
    assert_eq!(outcome.to_string(), std::format!("ended {} 1 0 1", handle(&first)));
    rig.0.handle_close(NOW);
    assert_eq!(rig.open(Version::V311, b"\x20\x02\x00\x05"), "taken 4 1 135 0 0 0 0", "refused");

    let mut stranger = Rig(Connection::new(Heap::new(), limits));
    stranger.publish(QoS::AtLeastOnce);
    let told = stranger.open(Version::V311, b"\x20\x02\x01\x00");
    assert_eq!(told, "taken 4 1 0 2 0 0 0", "a session that is older than this side");
}

#[test]
fn messages_tell_their_flags_and_who_is_to_acknowledge_them() {
    let limits = Limits { manual_acks: true, topic_alias_maximum: 5, version: Version::V5, ..Limits::DEFAULT };
    let mut rig = Rig(Connection::new(Heap::new(), limits));
    rig.open(Version::V5, b"\x20\x03\x00\x00\x00");
    assert_eq!(rig.take(b"\x31\x06\x00\x01t\x00xy"), "taken 8 2 4 0 2 0 0");
    assert_eq!(rig.take(b"\x30\x07\x00\x01t\x03\x23\x00\x04"), "taken 9 2 0 0 0 0 0", "the name is there");
    for (id, first, flags) in [(7u8, 0x32u8, 1u64), (8, 0x3D, 2 | 4 | 8)] {
        let packet = [first, 9, 0, 0, 0, id, 3, 0x23, 0, 4, b'x'];
        let Ok(Received::Packet { event: Some(Event::Message(message)), .. }) = rig.0.handle_input(NOW, &packet) else {
            panic!()
        };
        let (Topic::Alias(alias), Some(ack)) = (message.topic, &message.ack) else { panic!() };
        let (alias, ack) = (alias.number(), ack.number());
        assert!(alias >> 32 == 4 && ack != 0 && ack < 1 << 48);
        let expected = [11, 2, flags, id.into(), 1, alias, (1 << 48) + ack];
        assert_eq!(
            Answer::of_input(&Ok(Received::Packet { consumed: 11, event: Some(Event::Message(message)) })).numbers(),
            expected
        );
    }
}

#[test]
fn pieces_tell_where_they_lie() {
    let limits = Limits { inline_max: 32, stream_max: 100, manual_acks: true, ..Limits::DEFAULT };
    let mut rig = Rig(Connection::new(Heap::new(), limits));
    rig.open(Version::V311, b"\x20\x02\x00\x00");
    let mut packet = b"\x32\x2D\0\x01t\0\x07".to_vec();
    packet.resize(47, b'x');
    assert_eq!(rig.take_piece(&packet[..27]), "taken 27 11 1 0 20 40 0");
    assert_eq!(rig.take_piece(&packet[27..37]), "taken 10 11 0 20 10 40 0");
    let ack = rig.take_piece(&packet[37..]);
    let (told, ack) = ack.rsplit_once(' ').unwrap();
    assert_eq!((told, ack.parse::<u64>().unwrap() >> 48), ("taken 10 11 2 30 10 40", 1));
}

#[test]
fn answers_of_the_server_name_their_commands() {
    let mut rig = Rig(Connection::new(Heap::new(), Limits::DEFAULT));
    rig.open(Version::V5, b"\x20\x03\x00\x00\x00");
    let handles = [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::ExactlyOnce].map(|qos| handle(&rig.publish(qos)));
    let filters = [TopicFilter::new("f").unwrap(), TopicFilter::new("g").unwrap()];
    let subscriptions = filters.map(|filter| Subscription::new(filter, QoS::AtMostOnce));
    let subscribe = rig.0.subscribe(NOW, &Subscribe::new(&subscriptions)).unwrap().handle.get();
    let unsubscribe = rig.0.unsubscribe(NOW, &Unsubscribe::new(&filters)).unwrap().handle.get();
    rig.send();
    assert_eq!(rig.take(b"\x40\x03\x00\x01\x10"), std::format!("taken 5 3 {} 1 16 0 0", handles[0]));
    assert_eq!(rig.take(b"\x50\x03\x00\x03\x97"), std::format!("taken 5 4 {} 3 151 0 0", handles[2]));
    assert_eq!(rig.take(b"\x50\x02\x00\x02"), "taken 4 0 0 0 0 0 0", "no event");
    rig.send();
    assert_eq!(rig.take(b"\x70\x02\x00\x02"), std::format!("taken 4 5 {} 2 0 0 0", handles[1]));
    assert_eq!(rig.take(b"\x90\x05\x00\x04\x00\x00\x80"), std::format!("taken 7 6 {subscribe} 4 2 0 0"));
    assert_eq!(rig.take(b"\xB0\x05\x00\x05\x00\x00\x11"), std::format!("taken 7 7 {unsubscribe} 5 2 0 0"));
    rig.0.handle_timeout(NOW.after_secs(60)).unwrap();
    rig.send();
    assert_eq!(rig.take(b"\xD0\x00"), "taken 2 8 0 0 0 0 0");
    assert_eq!(rig.take(b"\x40\x02\x00"), "partial 1");
    assert_eq!(rig.take(b"\xE0\x01\x8B"), "taken 3 10 139 0 0 0 0");
}

#[test]
fn an_authentication_goes_on() {
    let mut rig = Rig(Connection::new(Heap::new(), Limits::DEFAULT));
    let method = [Property::AuthenticationMethod("m")];
    rig.0.open(NOW, &Connect::new(Version::V5, "c").properties(&method[..])).unwrap();
    rig.send();
    assert_eq!(rig.take(b"\xF0\x06\x18\x04\x15\x00\x01m"), "taken 8 9 24 0 0 0 0");
}

#[test]
fn what_was_dropped_for_a_message_is_named() {
    let limits = Limits { overflow: Overflow::DropOldest, max_queued: 4, max_bytes: 60, ..Limits::DEFAULT };
    let mut rig = Rig(Connection::new(Heap::new(), limits));
    for number in 1..=4 {
        assert_eq!(rig.publish(QoS::AtLeastOnce).to_string(), std::format!("accepted {number} {number}"));
    }
    assert_eq!(rig.publish(QoS::AtLeastOnce).to_string(), "accepted 5 5 1 1 1");
    let long = Publish::new(TopicName::new("t").unwrap(), &[b'x'; 40]).qos(QoS::AtLeastOnce);
    assert_eq!(Answer::of_publish(&rig.0.publish(NOW, &long)).to_string(), "accepted 6 6 2 4 3");
    let mut rig = Rig(Connection::new(Heap::new(), Limits::DEFAULT));
    assert_eq!(rig.publish(QoS::AtMostOnce).to_string(), "accepted 1 0");
}

#[test]
fn what_is_done_tells_a_truth_value_or_a_length() {
    assert_eq!((Answer::flag(true).to_string(), Answer::number(7).to_string()), ("done 1".into(), "done 7".into()));
    assert_eq!(Answer::DONE.to_string(), "done");
    assert!(!Answer::DONE.is_error());
}
