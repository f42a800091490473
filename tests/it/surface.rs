//! What people see of the crate beside its behaviour: sentences, names, debug output, equality and hashing, and the helpers.

use std::collections::HashSet;
use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};

use pure_mqtt::storage::{Borrowed, Buffers, ReceiveSlot, SendSlot};
use pure_mqtt::wire::{DecodeError, EncodeError, Malformed, PacketType, Violation};
use pure_mqtt::{
    AckError, Backoff, ClientId, Connect, Connection, ConnectionError, Event, Fixed, Heap, Instant, Limits, OpenError,
    PacketId, Payload, Property, PropertyError, Publish, PublishError, QoS, ReasonCode, Received, RequestError,
    RxBuffer, TopicError, TopicName, Version,
};

const NOW: Instant = Instant::from_millis(0);

/// A sentence that fits after "error: ".
fn is_sentence(error: &dyn Display) -> bool {
    let text = error.to_string();
    text.len() > 10 && !text.ends_with('.') && !text.contains("  ") && text.is_ascii()
}

#[test]
fn every_error_has_a_sentence_of_its_own() {
    let property = PropertyError { id: 0x23, violation: Violation::PropertyNotAllowed };
    let errors: Vec<Box<dyn Display>> = vec![
        Box::new(ConnectionError::NotOpen),
        Box::new(ConnectionError::Malformed(Malformed::Utf8)),
        Box::new(ConnectionError::Protocol(Violation::PacketIdZero)),
        Box::new(ConnectionError::Refused(ReasonCode::BANNED)),
        Box::new(ConnectionError::ServerDisconnect(ReasonCode::SERVER_BUSY)),
        Box::new(ConnectionError::Disconnected),
        Box::new(ConnectionError::ConnAckTimeout),
        Box::new(ConnectionError::KeepAliveTimeout),
        Box::new(ConnectionError::AckTimeout),
        Box::new(ConnectionError::AuthTimeout),
        Box::new(OpenError::AlreadyOpen),
        Box::new(OpenError::ClientId),
        Box::new(OpenError::PasswordWithoutUserName),
        Box::new(OpenError::Bridge),
        Box::new(OpenError::Field),
        Box::new(OpenError::Property(property)),
        Box::new(OpenError::TooLarge { needed: 300 }),
        Box::new(PublishError::Full),
        Box::new(PublishError::TooLarge),
        Box::new(PublishError::ServerMaximum),
        Box::new(PublishError::QoSNotSupported),
        Box::new(PublishError::RetainNotSupported),
        Box::new(PublishError::Offline),
        Box::new(PublishError::NotQueued),
        Box::new(PublishError::Property(property)),
        Box::new(RequestError::Full),
        Box::new(RequestError::TooLarge),
        Box::new(RequestError::ServerMaximum),
        Box::new(RequestError::EmptyList),
        Box::new(RequestError::SharedNoLocal),
        Box::new(RequestError::NotSupported),
        Box::new(RequestError::State),
        Box::new(RequestError::SessionExpiry),
        Box::new(RequestError::ReasonCode),
        Box::new(RequestError::Property(property)),
        Box::new(RequestError::Stale),
        Box::new(TopicError::Empty),
        Box::new(TopicError::TooLong),
        Box::new(TopicError::NulCharacter),
        Box::new(TopicError::Wildcard),
        Box::new(TopicError::Share),
        Box::new(DecodeError::Malformed(Malformed::Truncated)),
        Box::new(DecodeError::Protocol(Violation::EmptyTopic)),
        Box::new(EncodeError::TooLong),
        Box::new(EncodeError::NoRoom { needed: 7 }),
    ];
    let sentences: HashSet<_> = errors.iter().map(|error| error.to_string()).collect();
    assert_eq!(sentences.len(), errors.len(), "two errors read alike");
    for error in &errors {
        assert!(is_sentence(error), "{error}");
    }
    assert_eq!(
        ConnectionError::Refused(ReasonCode(0xC1)).to_string(),
        "the server refused the connection: 0xC1 unknown"
    );
}

#[test]
fn every_fault_has_a_reason_code_that_a_client_may_send() {
    use Violation::{ForgottenTopicAlias, PacketTooLarge, ReceiveMaximumExceeded, TopicAlias, TopicWildcard};
    for (fault, reason) in [
        (Violation::UnexpectedPacket, ReasonCode::PROTOCOL_ERROR),
        (TopicWildcard, ReasonCode::TOPIC_NAME_INVALID),
        (TopicAlias, ReasonCode::TOPIC_ALIAS_INVALID),
        (ForgottenTopicAlias, ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR),
        (ReceiveMaximumExceeded, ReasonCode::RECEIVE_MAXIMUM_EXCEEDED),
        (PacketTooLarge, ReasonCode::PACKET_TOO_LARGE),
    ] {
        assert_eq!(ConnectionError::Protocol(fault).reason(), reason);
        assert_eq!(DecodeError::Protocol(fault).reason(), reason);
        assert!(reason.is_legal_in(PacketType::Disconnect));
    }
    assert_eq!(ConnectionError::KeepAliveTimeout.reason(), ReasonCode::UNSPECIFIED_ERROR);
    assert_eq!(ConnectionError::ServerDisconnect(ReasonCode::SERVER_MOVED).reason(), ReasonCode::SERVER_MOVED);
    assert_eq!(ConnectionError::Disconnected.reason(), ReasonCode::NORMAL_DISCONNECTION);
}

#[test]
fn names_and_numbers_are_shown() {
    assert_eq!(PacketId::new(7).unwrap().to_string(), "7");
    assert_eq!(Property::MaximumQoS(1).name(), "Maximum QoS");
    assert_eq!(ReasonCode::SUCCESS.name(), Some("Success"));
    assert_eq!(ReasonCode::table().count(), 45);
    let id = ClientId::from_random(u128::MAX);
    assert_eq!(id.as_str().len(), 22);
    assert!(id.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_ne!(ClientId::from_random(0), ClientId::from_random(61));
    assert_eq!(ClientId::from_random(62 * 62 + 1).as_str(), "1010000000000000000000");
}

#[test]
fn the_default_backoff_is_one_to_120_seconds() {
    let mut backoff = Backoff::default();
    let delays: Vec<_> = (0..9).map(|_| backoff.next_delay(u32::MAX)).collect();
    assert_eq!(delays, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 120_000, 120_000]);
    backoff.reset();
    assert_eq!(backoff.next_delay(u32::MAX), 1_000);
}

fn hash(connection: &Connection<Heap>) -> u64 {
    let mut hasher = DefaultHasher::new();
    connection.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn equal_connections_hash_alike_whatever_they_have_counted_or_grown_to() {
    let publish = Publish::new(TopicName::new("t").unwrap(), b"x").qos(QoS::AtLeastOnce);
    let mut one = Connection::new(Heap::new(), Limits::DEFAULT);
    let mut other = one.clone();
    other.publish(NOW, &publish).unwrap();
    assert_ne!(one, other);
    one.publish(NOW, &publish).unwrap();
    assert_eq!((&one, hash(&one)), (&other, hash(&other)));

    let changed = Publish::new(TopicName::new("t").unwrap(), b"y").qos(QoS::AtLeastOnce);
    one.publish(NOW, &publish).unwrap();
    other.publish(NOW, &changed).unwrap();
    assert_ne!(one, other, "the bytes count");
    assert_ne!(hash(&one), hash(&other));
    assert!(format!("{one:?}").starts_with("Connection { state: Closed, version: V311, pending: 2"));
}

/// The same name behind another alias is another state: what the server sends next means something else.
#[test]
fn connections_differ_by_what_an_alias_stands_for() {
    let [one, other] = [1, 2].map(|alias| {
        let limits = Limits { topic_alias_maximum: 2, ..Limits::DEFAULT };
        let mut client = Connection::new(Heap::new(), limits);
        client.open(NOW, &Connect::new(Version::V5, "c")).unwrap();
        let length = client.transmit(NOW).remaining();
        client.transmit(NOW).advance(length);
        for packet in [&b"\x20\x03\0\0\0"[..], &[0x30, 7, 0, 1, b't', 3, 0x23, 0, alias]] {
            assert!(client.handle_input(NOW, packet).is_ok());
        }
        client
    });
    assert_ne!(one, other);
    assert_ne!(hash(&one), hash(&other));
}

#[test]
fn a_connack_says_whether_the_link_stands() {
    for (code, stands) in [(0, true), (5, false)] {
        let mut client = Connection::new(Heap::new(), Limits::DEFAULT);
        client.open(NOW, &Connect::new(Version::V311, "c")).unwrap();
        let length = client.transmit(NOW).remaining();
        client.transmit(NOW).advance(length);
        match client.handle_input(NOW, &[0x20, 2, 0, code]) {
            Ok(Received::Packet { event: Some(Event::ConnAck(connack)), .. }) => {
                assert_eq!((connack.is_accepted(), connack.code), (stands, code));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(client.is_connected(), stands);
    }
}

#[test]
fn a_receive_buffer_keeps_the_tail_and_takes_no_more_than_it_has() {
    let mut rx = RxBuffer::<8>::default();
    rx.room().copy_from_slice(b"abcdefgh");
    rx.filled(100);
    assert_eq!(rx.bytes(), b"abcdefgh");
    assert!(rx.room().is_empty());
    rx.consume(5);
    assert_eq!(rx.bytes(), b"fgh");
    assert_eq!(rx.room().len(), 5);
    assert_eq!(rx.bytes(), b"fgh", "moved to the front");
    rx.room().copy_from_slice(b"ijklm");
    rx.filled(6);
    assert_eq!(rx.bytes(), b"fghijklm");
    rx.consume(3);
    rx.consume(100);
    assert_eq!(rx.bytes(), b"");
    assert_eq!(rx.room().len(), 8);
    rx.filled(2);
    assert_eq!(rx.bytes(), b"fg");
    rx.clear();
    assert!(rx.bytes().is_empty());
}

#[test]
fn borrowed_slices_are_cut_to_a_power_of_two_and_serve_like_any_storage() {
    let (mut send, mut receive) = ([SendSlot::default(); 7], [ReceiveSlot::default(); 3]);
    let (mut arena, mut control) = ([0; 128], [0; 64]);
    let buffers = Buffers {
        send: &mut send,
        receive: &mut receive,
        arena: &mut arena,
        control: &mut control,
        ..Default::default()
    };
    let mut connection = Connection::new(Borrowed::new(buffers), Limits::DEFAULT);
    let publish = Publish::new(TopicName::new("t").unwrap(), b"x").qos(QoS::AtLeastOnce);
    for _ in 0..4 {
        connection.publish(NOW, &publish).unwrap();
    }
    assert_eq!(connection.publish(NOW, &publish), Err(PublishError::Full));
    connection.open(NOW, &Connect::new(Version::V311, "c")).unwrap();
    let length = connection.transmit(NOW).remaining();
    connection.transmit(NOW).advance(length);
    let received = connection.handle_input(NOW, b"\x20\x02\x00\x00").unwrap();
    assert!(matches!(received, Received::Packet { consumed: 4, event: Some(Event::ConnAck(_)) }));
    assert_eq!(connection.transmit(NOW).remaining(), 4 * 8);
}

#[test]
fn storages_of_no_size_refuse_and_stay_as_they_were() {
    let mut connection = Connection::new(Borrowed::new(Buffers::default()), Limits::DEFAULT);
    let publish = Publish::new(TopicName::new("t").unwrap(), b"x");
    assert_eq!(connection.publish(NOW, &publish), Err(PublishError::TooLarge));
    assert_eq!(connection.open(NOW, &Connect::new(Version::V31, "c")), Err(OpenError::TooLarge { needed: 17 }));
    let mut tiny = Connection::new(Fixed::<8, 1, 1, 16>::default(), Limits::DEFAULT);
    assert!(tiny.publish(NOW, &publish).is_ok());
    assert_eq!(tiny.publish(NOW, &publish), Err(PublishError::Full));
}

#[cfg(feature = "heapless")]
#[test]
fn a_message_is_kept_in_fixed_collections_if_it_fits() {
    use pure_mqtt::FixedMessage;
    let mut connection = Connection::new(Heap::new(), Limits::DEFAULT);
    connection.open(NOW, &Connect::new(Version::V311, "c")).unwrap();
    let length = connection.transmit(NOW).remaining();
    connection.transmit(NOW).advance(length);
    let _ = connection.handle_input(NOW, b"\x20\x02\x00\x00").unwrap();
    let Ok(Received::Packet { event: Some(Event::Message(message)), .. }) =
        connection.handle_input(NOW, b"\x31\x08\x00\x03a/bcol")
    else {
        panic!()
    };
    let kept = FixedMessage::<3, 3>::new(&connection, &message).unwrap();
    assert_eq!((kept.topic.as_str(), kept.payload.as_slice(), kept.qos), ("a/b", &b"col"[..], QoS::AtMostOnce));
    assert!(kept.retain);
    assert!(FixedMessage::<2, 3>::new(&connection, &message).is_none());
    assert!(FixedMessage::<3, 2>::new(&connection, &message).is_none());
}

#[test]
fn an_acknowledgement_that_is_refused_says_why() {
    fn assert_error<E: std::error::Error>() {}
    assert_error::<AckError>();
    assert_error::<ConnectionError>();
    assert_error::<OpenError>();
}

/// A packet longer than the limit is handed out as far as it is here: the connection says what is wrong with it.
#[cfg(feature = "bytes")]
#[test]
fn a_packet_that_is_too_long_is_not_waited_for() {
    let mut buffer = pure_mqtt::BytesBuffer::new(16);
    let longest = [&[0x30, 14, 0, 1, b't'][..], &[b'x'; 11]].concat();
    buffer.extend(&longest[..15]);
    assert_eq!(buffer.whole_packets(), None);
    buffer.extend(&longest[15..]);
    assert_eq!(buffer.whole_packets().as_deref(), Some(&longest[..]));
    buffer.extend(&[0xD0, 0, 0x30, 15, 0, 1]);
    assert_eq!(buffer.whole_packets().as_deref(), Some(&[0xD0, 0, 0x30, 15, 0, 1][..]));
    buffer.extend(&[0xD0, 0]);
    buffer.clear();
    assert_eq!(buffer.whole_packets(), None);
}

#[cfg(feature = "bytes")]
#[test]
fn the_output_is_a_buf() {
    use bytes::Buf;
    let mut connection = Connection::new(Heap::new(), Limits::DEFAULT);
    connection.open(NOW, &Connect::new(Version::V311, "c")).unwrap();
    let mut transmit = connection.transmit(NOW);
    let whole = transmit.chunk().to_vec();
    assert_eq!(Buf::remaining(&transmit), 15);
    Buf::advance(&mut transmit, 1);
    assert_eq!((Buf::remaining(&transmit), transmit.copy_to_bytes(14)), (14, whole[1..].to_vec().into()));
    assert!(!transmit.has_remaining());
}

#[test]
fn a_payload_knows_its_length_wherever_it_is() {
    for (payload, length) in [(Payload::from(b"ab"), 2), (Payload::from(b""), 0), (Payload::Streamed(3), 3)] {
        assert_eq!((payload.len(), payload.is_empty()), (length, length == 0));
    }
}
