//! Payloads that the application supplies while they are sent.

use crate::corners::rig::{NOW, message, reopen, sent, take, taken, up, up_with};
use pure_mqtt::{
    Cause, Connection, ConnectionError, Disconnect, Event, Fixed, Handle, Heap, Limits, Payload, Publish, QoS,
    ReasonCode, Storage, Subscribe, Subscription, TopicFilter, TopicName, Version,
};

type Small = Fixed<64, 4, 4, 64, 2, 8>;

fn publish<S: Storage>(client: &mut Connection<S>, length: u32, qos: QoS) -> Handle {
    let topic = TopicName::new("t").unwrap();
    client.publish(NOW, &Publish::new(topic, Payload::Streamed(length)).qos(qos)).unwrap().handle
}

fn copied<S: Storage>(client: &mut Connection<S>, payload: &[u8], qos: QoS) -> Handle {
    client.publish(NOW, &Publish::new(TopicName::new("t").unwrap(), payload).qos(qos)).unwrap().handle
}

fn byte(place: u32) -> u8 {
    (place % 251) as u8
}

/// Sends everything in pieces, and supplies what is wanted; at most so many bytes.
fn supply<S: Storage>(client: &mut Connection<S>, piece: usize, mut most: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut transmit = client.transmit(NOW);
    while most > 0 {
        let count = piece.min(most);
        let step = match transmit.payload_request() {
            Some(wanted) => {
                assert!(transmit.chunk().is_empty() && transmit.remaining() == 0 && wanted.remaining > 0);
                let end = wanted.offset + wanted.remaining.min(count as u32);
                bytes.extend((wanted.offset..end).map(byte));
                (end - wanted.offset) as usize
            }
            None => {
                let step = transmit.chunk().len().min(count);
                assert_eq!(step == 0, transmit.remaining() == 0);
                bytes.extend(&transmit.chunk()[..step]);
                step
            }
        };
        if step == 0 {
            break;
        }
        transmit.advance(step);
        most -= step;
    }
    bytes
}

/// The packet as it would be if its payload had been given at once.
fn whole(version: Version, qos: u8, dup: bool, id: u8, length: u32) -> Vec<u8> {
    let mut body = b"\0\x01t".to_vec();
    body.extend(if qos > 0 { vec![0, id] } else { vec![] });
    body.extend(if version == Version::V5 { vec![0] } else { vec![] });
    body.extend((0..length).map(byte));
    let mut packet = vec![0x30 | u8::from(dup) << 3 | qos << 1];
    let mut rest = body.len();
    while rest >= 128 {
        packet.push((rest % 128) as u8 | 0x80);
        rest /= 128;
    }
    packet.push(rest as u8);
    packet.extend(body);
    packet
}

#[test]
fn the_packet_is_as_if_its_payload_had_been_there() {
    for version in Version::ALL {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            for piece in [1, 7, 100_000] {
                let mut client = up(Small::new(), Limits::DEFAULT, version);
                copied(&mut client, b"before", QoS::AtMostOnce);
                publish(&mut client, 1_000, qos);
                copied(&mut client, b"after", QoS::AtMostOnce);
                let bytes = supply(&mut client, piece, usize::MAX);
                let expected = whole(version, qos.bits(), false, 2, 1_000);
                assert!(bytes.windows(expected.len()).any(|window| window == expected), "{version:?} {qos:?}");
                assert!(bytes.windows(6).any(|window| window == b"before"));
                assert_eq!(&bytes[bytes.len() - 5..], b"after");
            }
        }
    }
}

#[test]
fn a_megabyte_leaves_from_sixty_bytes() {
    let mut client = up(Small::new(), Limits::DEFAULT, Version::V5);
    let handle = publish(&mut client, 1 << 20, QoS::ExactlyOnce);
    let bytes = supply(&mut client, 1_460, usize::MAX);
    assert!(bytes == whole(Version::V5, 2, false, 1, 1 << 20));
    assert_eq!(taken(&mut client, b"\x50\x02\0\x01"), Ok(None));
    assert_eq!(sent(&mut client), b"\x62\x02\0\x01");
    let Ok(Some(Event::PubComp(done))) = taken(&mut client, b"\x70\x02\0\x01") else { panic!() };
    assert_eq!(done.handle, handle);
    assert!(client.is_idle());
}

#[test]
fn nothing_else_leaves_in_the_middle() {
    let mut client = up(Small::new(), Limits::DEFAULT, Version::V311);
    publish(&mut client, 10, QoS::AtMostOnce);
    assert_eq!(take(&mut client, 100).len(), 5);
    assert!(matches!(taken(&mut client, &message(Version::V311, 1, 9)), Ok(Some(Event::Message(_)))));
    assert_eq!(sent(&mut client), [], "PUBACK waits for the payload");
    let bytes = supply(&mut client, 4, usize::MAX);
    assert_eq!(bytes, [(0..10).map(byte).collect(), b"\x40\x02\0\x09".to_vec()].concat());
}

/// Cut at every byte, and sent again from the start, marked as a repetition; a message at QoS 0 is gone once a byte of it was out.
#[test]
fn the_payload_is_asked_for_again() {
    for version in Version::ALL {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let length = whole(version, qos.bits(), false, 1, 20).len();
            for cut in 0..=length {
                let mut client = up(Small::new(), Limits::DEFAULT, version);
                let handle = publish(&mut client, 20, qos);
                assert_eq!(supply(&mut client, 3, cut).len(), cut);
                client.handle_close(NOW);
                reopen(&mut client, version, version != Version::V31, &[]);
                let again = supply(&mut client, 5, usize::MAX);
                if qos == QoS::AtMostOnce {
                    assert_eq!(again.is_empty(), cut > 0);
                    assert_eq!(client.last_sent_qos0(), handle);
                } else {
                    assert_eq!(again, whole(version, qos.bits(), cut > 0, 1, 20), "cut at {cut}");
                }
            }
        }
    }
}

#[test]
fn a_payload_may_follow_an_alias() {
    let limits = Limits { outbound_aliases: 2, ..Limits::DEFAULT };
    let mut client = up_with(Small::new(), limits, Version::V5, &[0x22, 0, 2]);
    for packet in [&b"\x30\x0B\0\x01t\x03\x23\0\x01"[..], b"\x30\x0A\0\0\x03\x23\0\x01"] {
        publish(&mut client, 4, QoS::AtMostOnce);
        assert_eq!(supply(&mut client, 2, usize::MAX), [packet, &[0, 1, 2, 3]].concat());
    }
}

#[test]
fn another_version_changes_the_head_alone() {
    for (from, to) in [(Version::V311, Version::V5), (Version::V5, Version::V311)] {
        let mut client = up(Small::new(), Limits::DEFAULT, from);
        publish(&mut client, 200, QoS::AtLeastOnce);
        assert_eq!(supply(&mut client, 1_000, 50).len(), 50);
        client.handle_close(NOW);
        reopen(&mut client, to, true, &[]);
        assert_eq!(supply(&mut client, 1_000, usize::MAX), whole(to, 1, true, 1, 200));
    }
}

#[test]
fn lengths_are_checked_as_ever() {
    let mut client = up_with(Small::new(), Limits::DEFAULT, Version::V5, &[0x27, 0, 0, 0, 100]);
    let topic = TopicName::new("t").unwrap();
    let mut try_publish = |length| client.publish(NOW, &Publish::new(topic, Payload::Streamed(length))).is_ok();
    assert!(try_publish(100 - 6) && !try_publish(100 - 5) && !try_publish(268_435_455) && !try_publish(u32::MAX));
    let mut client = up(Small::new(), Limits::DEFAULT, Version::V5);
    assert!(client.publish(NOW, &Publish::new(topic, Payload::Streamed(268_435_455 - 4))).is_ok());
    assert!(client.publish(NOW, &Publish::new(topic, Payload::Streamed(268_435_455 - 3))).is_err());
}

/// The longest message of 3.1.1 that is accepted is also one in 5.0, which needs a byte more for it.
#[test]
fn the_longest_message_may_change_its_version() {
    let mut client = up(Small::new(), Limits::DEFAULT, Version::V311);
    client.handle_close(NOW);
    let topic = TopicName::new("t").unwrap();
    let mut try_publish = |length| client.publish(NOW, &Publish::new(topic, Payload::Streamed(length)));
    assert_eq!(try_publish(268_435_455 - 3), Err(pure_mqtt::PublishError::TooLarge));
    assert!(try_publish(268_435_455 - 4).is_ok());
    reopen(&mut client, Version::V5, true, &[]);
    assert_eq!(client.transmit(NOW).chunk(), b"\x30\xFF\xFF\xFF\x7F\0\x01t\0");
}

#[test]
fn no_bytes_are_no_stream() {
    let mut client = up(Small::new(), Limits::DEFAULT, Version::V311);
    publish(&mut client, 0, QoS::AtMostOnce);
    assert_eq!(sent(&mut client), b"\x30\x03\0\x01t");
    assert!(client.is_idle());
}

#[test]
fn what_was_not_begun_is_given_up_without_a_trace() {
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        let mut client = up(Small::new(), Limits::DEFAULT, Version::V311);
        let handle = publish(&mut client, 10, qos);
        let last = copied(&mut client, b"x", QoS::AtMostOnce);
        assert!(!client.abandon(NOW, last), "its payload is here");
        assert!(client.transmit(NOW).remaining() > 0);
        assert!(client.abandon(NOW, handle));
        assert!(!client.abandon(NOW, handle));
        assert_eq!(sent(&mut client), b"\x30\x04\0\x01tx");
        let outcome = client.poll_outcome().map(|outcome| (outcome.handle, outcome.cause));
        assert_eq!(outcome, (qos != QoS::AtMostOnce).then_some((handle, Cause::Abandoned)));
        assert!(client.is_connected() && client.is_idle());
    }
}

#[test]
fn giving_up_in_the_middle_ends_the_link() {
    for version in Version::ALL {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let mut client = up(Small::new(), Limits::DEFAULT, version);
            let handle = publish(&mut client, 10, qos);
            copied(&mut client, b"x", QoS::AtLeastOnce);
            assert_eq!(supply(&mut client, 4, 9).len(), 9);
            assert!(client.abandon(NOW, handle));
            assert_eq!(client.close_reason(), ConnectionError::Abandoned);
            assert!(client.should_close());
            assert_eq!(client.handle_input(NOW, b"\xD0\0"), Err(ConnectionError::Abandoned));
            assert_eq!(supply(&mut client, 4, usize::MAX), [], "the server would take it for payload");
            client.handle_close(NOW);
            let outcome = client.poll_outcome().map(|outcome| (outcome.handle, outcome.cause));
            assert_eq!(outcome, (qos != QoS::AtMostOnce).then_some((handle, Cause::Abandoned)));
            assert_eq!(client.poll_outcome(), None);
            reopen(&mut client, version, version != Version::V31, &[]);
            let bytes = supply(&mut client, 100, usize::MAX);
            assert_eq!((bytes[0], bytes.last()), (0x32, Some(&b'x')), "only the other message");
        }
    }
}

/// A server that holds a QoS 2 message must get an end of it, or the identifier is of no use to another.
#[test]
fn what_the_server_may_have_is_not_given_up() {
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let mut client = up(Small::new(), Limits::DEFAULT, Version::V5);
        let handle = publish(&mut client, 10, qos);
        supply(&mut client, 100, usize::MAX);
        let before = client.clone();
        assert!(!client.abandon(NOW, handle), "its acknowledgement is awaited");
        assert!(client == before);
        client.handle_close(NOW);
        assert_eq!(client.abandon(NOW, handle), qos == QoS::AtLeastOnce);
        // On a new session the server knows nothing of it.
        let mut client = before;
        client.handle_close(NOW);
        reopen(&mut client, Version::V5, false, &[]);
        assert!(client.abandon(NOW, handle));
    }
}

#[test]
fn leaving_waits_for_the_payload_and_an_error_does_not() {
    let mut client = up(Small::new(), Limits::DEFAULT, Version::V5);
    publish(&mut client, 10, QoS::AtMostOnce);
    supply(&mut client, 100, 8);
    client.disconnect(NOW, &Disconnect::new(ReasonCode::SUCCESS)).unwrap();
    assert!(!client.should_close());
    let rest = supply(&mut client, 100, usize::MAX);
    assert_eq!(rest, [(2..10).map(byte).collect(), b"\xE0\0".to_vec()].concat());
    assert!(client.should_close());

    let mut client = up(Small::new(), Limits::DEFAULT, Version::V5);
    publish(&mut client, 10, QoS::AtMostOnce);
    supply(&mut client, 100, 8);
    assert!(client.handle_input(NOW, b"\xFF").is_err());
    assert!(client.should_close(), "DISCONNECT would be taken for payload");
    assert_eq!(supply(&mut client, 100, usize::MAX), []);
}

#[test]
fn a_payload_that_is_not_here_takes_no_room() {
    let limits = Limits { max_bytes: 100, ..Limits::DEFAULT };
    let mut client = up(Heap::new(), limits, Version::V311);
    for _ in 0..3 {
        publish(&mut client, 1_000_000, QoS::AtLeastOnce);
    }
    assert_eq!(client.pending(), 3);
}

/// A shared filter has no payload that anybody could supply.
#[test]
fn requests_are_not_given_up() {
    let mut client = up(Small::new(), Limits::DEFAULT, Version::V5);
    let filters = [Subscription::new(TopicFilter::new("$share/g/t").unwrap(), QoS::AtMostOnce)];
    let handle = client.subscribe(NOW, &Subscribe::new(&filters)).unwrap().handle;
    assert!(!client.abandon(NOW, handle));
    assert_eq!(sent(&mut client).first(), Some(&0x82));
}

/// After PUBREC nothing of a payload is left, nor of how it came.
#[test]
fn a_message_that_the_server_has_taken_over_is_like_any_other() {
    let mut streamed = up(Small::new(), Limits::DEFAULT, Version::V311);
    publish(&mut streamed, 3, QoS::ExactlyOnce);
    let bytes = supply(&mut streamed, 3, usize::MAX);
    let mut copied_in = up(Small::new(), Limits::DEFAULT, Version::V311);
    copied(&mut copied_in, &[byte(0), byte(1), byte(2)], QoS::ExactlyOnce);
    assert_eq!(sent(&mut copied_in), bytes);
    assert!(streamed != copied_in);
    for client in [&mut streamed, &mut copied_in] {
        assert_eq!(taken(client, b"\x50\x02\0\x01"), Ok(None));
    }
    assert!(streamed == copied_in);
}
