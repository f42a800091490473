//! Messages longer than the buffer, piece by piece.

use crate::corners::rig::{NOW, delivered, is_blocked, message, reopen, sent, taken, up, up_with};
use pure_mqtt::wire::{Malformed, PacketType, Violation};
use pure_mqtt::{
    Ack, Connect, Connection, ConnectionError, Disconnect, Event, Fixed, Fragment, Heap, Limits, PacketId, PendingAck,
    Publish, QoS, ReasonCode, Received, RxBuffer, Storage, Timer, TopicName, Version,
};

type Small = Fixed<128, 4, 4, 64, 2, 8>;

const BUFFER: u32 = 24;
const LIMITS: Limits = Limits { inline_max: BUFFER, stream_max: 2_000_000, ..Limits::DEFAULT };
const MANUAL: Limits = Limits { manual_acks: true, ..LIMITS };

/// PUBLISH with a payload so long.
fn long(version: Version, qos: u8, id: u8, properties: &[u8], topic: &str, length: usize) -> Vec<u8> {
    let mut body = vec![0, topic.len() as u8];
    body.extend(topic.bytes());
    body.extend(if qos > 0 { vec![0, id] } else { vec![] });
    if version == Version::V5 {
        body.push(properties.len() as u8);
        body.extend(properties);
    }
    body.extend(payload(length));
    let mut packet = vec![0x30 | qos << 1];
    let mut rest = body.len();
    loop {
        let byte = (rest % 128) as u8;
        rest /= 128;
        packet.push(if rest > 0 { byte | 0x80 } else { byte });
        if rest == 0 {
            break;
        }
    }
    packet.extend(body);
    packet
}

fn too_long(packet: PacketType, length: u32, limit: u32) -> ConnectionError {
    ConnectionError::TooLong { packet, length, limit }
}

fn payload(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place % 251) as u8).collect()
}

/// What came of one message.
#[derive(Debug, Default)]
struct Taken {
    topic: Option<String>,
    payload: Vec<u8>,
    fragments: usize,
    is_complete: bool,
    ack: Option<PendingAck>,
}

impl Taken {
    fn add<S: Storage>(&mut self, client: &Connection<S>, fragment: Fragment<'_>, total: usize) {
        assert!(!self.is_complete);
        assert_eq!(fragment.head.is_some(), self.fragments == 0);
        if let Some(head) = fragment.head {
            self.topic = client.topic(&head.topic).map(|topic| topic.as_str().into());
        }
        assert_eq!((fragment.offset as usize, fragment.total as usize), (self.payload.len(), total));
        self.payload.extend(fragment.payload);
        self.fragments += 1;
        self.is_complete = fragment.is_last;
        assert_eq!(fragment.is_last, self.payload.len() == total);
        self.ack = fragment.ack;
    }
}

/// Bytes come in pieces of at most `piece` through a buffer of `N` bytes; returns what was made of the message, and how much could not be taken.
fn through<S: Storage, const N: usize>(
    client: &mut Connection<S>,
    bytes: &[u8],
    piece: usize,
    total: usize,
) -> Result<(Taken, usize), ConnectionError> {
    let (mut rx, mut wire, mut seen) = (RxBuffer::<N>::new(), bytes, Taken::default());
    loop {
        let room = rx.room();
        let count = room.len().min(piece).min(wire.len());
        room[..count].copy_from_slice(&wire[..count]);
        wire = &wire[count..];
        rx.filled(count);
        loop {
            match client.handle_input_streaming(NOW, rx.bytes())? {
                Received::Packet { consumed, event } => {
                    if let Some(Event::Fragment(fragment)) = event {
                        seen.add(client, fragment, total);
                    }
                    rx.consume(consumed);
                }
                Received::Partial { needed } => {
                    assert!(needed > 0);
                    break;
                }
                Received::Blocked => return Ok((seen, rx.bytes().len() + wire.len())),
            }
        }
        if wire.is_empty() {
            return Ok((seen, rx.bytes().len()));
        }
        assert!(count > 0, "the buffer is full, and nothing is taken");
    }
}

#[test]
fn pieces_of_any_size_make_the_same_message() {
    for version in Version::ALL {
        for qos in 0..3 {
            for piece in [1, 2, 7, 24] {
                let mut client = up(Small::new(), LIMITS, version);
                let packet = long(version, qos, 9, &[], "a/b", 200);
                let (seen, left) = through::<_, 24>(&mut client, &packet, piece, 200).unwrap();
                assert_eq!((seen.topic.as_deref(), left), (Some("a/b"), 0));
                assert!(seen.is_complete && seen.fragments > 8 && seen.ack.is_none());
                assert_eq!(seen.payload, payload(200));
                let answer: &[u8] = [b"", &b"\x40\x02\0\x09"[..], b"\x50\x02\0\x09"][usize::from(qos)];
                assert_eq!(sent(&mut client), answer);
                assert_eq!((client.stats().messages_received, client.is_idle()), (1, true));
                assert!(matches!(taken(&mut client, &message(version, 1, 3)), Ok(Some(Event::Message(_)))));
            }
        }
    }
}

#[test]
fn a_request_that_comes_in_pieces_is_answered() {
    let mut client = up(Small::new(), LIMITS, Version::V5);
    let packet = long(Version::V5, 2, 9, b"\x08\0\x01r\x09\0\x02id", "t", 100);
    let Ok(Received::Packet { event: Some(Event::Fragment(first)), .. }) =
        client.handle_input_streaming(NOW, &packet[..24])
    else {
        panic!();
    };
    let head = first.head.unwrap();
    assert_eq!(
        (head.qos, head.retain, head.dup, head.id.map(PacketId::get)),
        (QoS::ExactlyOnce, false, false, Some(9))
    );
    let response = Publish::reply_to(head, "done").unwrap();
    assert_eq!((response.topic.as_str(), response.correlation_data, response.qos), ("r", Some(&b"id"[..]), head.qos));
}

#[test]
fn a_megabyte_goes_through_half_a_kilobyte() {
    for version in Version::ALL {
        let limits = Limits { inline_max: 512, ..LIMITS };
        let mut client = up(Small::new(), limits, version);
        let packet = long(version, 2, 1, &[], "firmware/image", 1 << 20);
        let (seen, left) = through::<_, 512>(&mut client, &packet, 512, 1 << 20).unwrap();
        assert_eq!(left, 0);
        assert!(seen.is_complete && seen.payload == payload(1 << 20));
        assert_eq!(sent(&mut client), b"\x50\x02\0\x01");
    }
}

#[test]
fn nothing_is_owed_before_the_last_piece() {
    for qos in 1..3 {
        let mut client = up(Small::new(), LIMITS, Version::V311);
        // An older message waits with it: the order of acknowledgements is that of arrival.
        assert!(matches!(taken(&mut client, &message(Version::V311, qos, 1)), Ok(Some(Event::Message(_)))));
        let packet = long(Version::V311, qos, 2, &[], "t", 100);
        let (start, last) = packet.split_at(packet.len() - 1);
        let (seen, _) = through::<_, 24>(&mut client, start, 24, 100).unwrap();
        assert!(!seen.is_complete && seen.payload.len() == 99);
        let ack = 0x30 + (qos << 4);
        assert_eq!(sent(&mut client), [ack, 2, 0, 1]);
        assert!(!client.is_idle());
        let Ok(Received::Packet { consumed: 1, event: Some(Event::Fragment(fragment)) }) =
            client.handle_input_streaming(NOW, last)
        else {
            panic!()
        };
        assert!(fragment.is_last && fragment.offset == 99);
        assert_eq!(sent(&mut client), [ack, 2, 0, 2]);
    }
}

#[test]
fn the_application_may_acknowledge_the_last_piece() {
    for qos in 1..3 {
        let mut client = up(Small::new(), MANUAL, Version::V5);
        let packet = long(Version::V5, qos, 2, &[], "t", 60);
        let (seen, _) = through::<_, 24>(&mut client, &packet, 24, 60).unwrap();
        assert_eq!(sent(&mut client), []);
        client.acknowledge(NOW, seen.ack.unwrap(), &Ack::new(ReasonCode::QUOTA_EXCEEDED)).unwrap();
        assert_eq!(sent(&mut client), [0x30 + (qos << 4), 3, 0, 2, 0x97]);
    }
}

/// What had not come in full was not received: it comes again, and is delivered again from its start.
#[test]
fn a_cut_in_the_middle_leaves_nothing_behind() {
    for limits in [LIMITS, MANUAL] {
        for version in Version::ALL {
            for qos in 0..3 {
                for cut in 1..60 {
                    let mut client = up(Small::new(), limits, version);
                    let packet = long(version, qos, 7, &[], "t", 50);
                    let (seen, _) = through::<_, 24>(&mut client, &packet[..cut.min(packet.len() - 1)], 5, 50).unwrap();
                    assert!(!seen.is_complete);
                    client.handle_close(NOW);
                    assert!(client.is_idle());
                    reopen(&mut client, version, version != Version::V31, &[]);
                    assert_eq!(sent(&mut client), []);
                    let (seen, _) = through::<_, 24>(&mut client, &packet, 24, 50).unwrap();
                    assert!(seen.is_complete && seen.payload == payload(50), "{version:?} QoS {qos} cut at {cut}");
                    if let Some(ack) = seen.ack {
                        client.acknowledge(NOW, ack, &Ack::SUCCESS).unwrap();
                    }
                    assert_eq!(sent(&mut client).first().copied(), (qos > 0).then_some(0x30 + (qos << 4)));
                }
            }
        }
    }
}

#[test]
fn a_qos_2_message_that_comes_again_is_swallowed_whole() {
    for version in Version::ALL {
        for piece in [1, 24] {
            let mut client = up(Small::new(), LIMITS, version);
            let packet = long(version, 2, 7, &[], "t", 100);
            through::<_, 24>(&mut client, &packet, 24, 100).unwrap();
            assert!(is_blocked_at_the_end(&mut client, &packet), "its PUBREC has not left");
            assert_eq!(sent(&mut client), b"\x50\x02\0\x07");
            client.handle_close(NOW);
            reopen(&mut client, version, version != Version::V31, &[]);
            let (start, last) = packet.split_at(packet.len() - 1);
            let (seen, left) = through::<_, 24>(&mut client, start, piece, 100).unwrap();
            assert_eq!((seen.fragments, left), (0, 0));
            assert_eq!(sent(&mut client), [], "PUBREC only behind the last byte");
            assert_eq!(client.handle_input_streaming(NOW, last), Ok(Received::Packet { consumed: 1, event: None }));
            assert_eq!(sent(&mut client), b"\x50\x02\0\x07");
            assert_eq!((client.stats().messages_received, client.stats().repeated_messages), (1, 1));
            // A cut in the middle of the repetition changes nothing.
            through::<_, 24>(&mut client, start, piece, 100).unwrap();
            client.handle_close(NOW);
            reopen(&mut client, version, version != Version::V31, &[]);
            let (seen, _) = through::<_, 24>(&mut client, &packet, piece, 100).unwrap();
            assert_eq!(seen.fragments, 0);
            assert_eq!(sent(&mut client), b"\x50\x02\0\x07");
            assert_eq!(taken(&mut client, b"\x62\x02\0\x07"), Ok(None));
            assert_eq!(sent(&mut client), b"\x70\x02\0\x07");
            let (seen, _) = through::<_, 24>(&mut client, &packet, piece, 100).unwrap();
            assert!(seen.is_complete, "after PUBCOMP it is another message");
        }
    }
}

/// On a copy of the client: the repetition can be taken but for its last byte.
fn is_blocked_at_the_end(client: &mut Connection<Small>, packet: &[u8]) -> bool {
    let mut copy = client.clone();
    let (seen, left) = through::<_, 24>(&mut copy, packet, 1, 100).unwrap();
    assert_eq!((seen.fragments, left), (0, 1));
    assert_eq!(sent(&mut copy), b"\x50\x02\0\x07");
    let taken = copy.handle_input_streaming(NOW, &packet[packet.len() - 1..]);
    taken == Ok(Received::Packet { consumed: 1, event: None }) && sent(&mut copy) == b"\x50\x02\0\x07"
}

#[test]
fn a_full_table_blocks_the_first_piece() {
    let mut client = up(Fixed::<128, 4, 1, 64>::new(), MANUAL, Version::V311);
    let Ok(Some(Event::Message(first))) = taken(&mut client, b"\x32\x05\0\x01t\0\x01") else { panic!() };
    let ack = first.ack.unwrap();
    let packet = long(Version::V311, 1, 2, &[], "t", 60);
    assert!(matches!(client.handle_input_streaming(NOW, &packet[..20]), Ok(Received::Blocked)));
    assert!(is_blocked(&mut client, &message(Version::V311, 1, 3)), "nothing was begun");
    client.acknowledge(NOW, ack, &Ack::SUCCESS).unwrap();
    assert_eq!(sent(&mut client), b"\x40\x02\0\x01");
    assert!(through::<_, 24>(&mut client, &packet, 24, 60).unwrap().0.is_complete);
}

#[test]
fn aliases_are_bound_and_used_by_long_messages() {
    let limits = Limits { topic_alias_maximum: 2, ..LIMITS };
    let mut client = up(Small::new(), limits, Version::V5);
    let bound = long(Version::V5, 0, 0, &[0x23, 0, 1], "name", 60);
    let used = long(Version::V5, 0, 0, &[0x23, 0, 1], "", 60);
    for packet in [&bound, &used] {
        let (seen, _) = through::<_, 24>(&mut client, packet, 24, 60).unwrap();
        assert_eq!(seen.topic.as_deref(), Some("name"));
    }
    let unknown = long(Version::V5, 0, 0, &[0x23, 0, 2], "", 60);
    let error = through::<_, 24>(&mut client, &unknown, 24, 60).unwrap_err();
    assert_eq!(error, ConnectionError::Protocol(Violation::UnknownTopicAlias));
}

#[test]
fn the_longest_message_is_announced() {
    for (limits, maximum) in [(LIMITS, 2_000_000), (Limits { stream_max: 0, ..LIMITS }, BUFFER)] {
        let mut client = Connection::new(Heap::new(), limits);
        client.open(NOW, &Connect::new(Version::V5, "c")).unwrap();
        let connect = sent(&mut client);
        let place = connect.windows(1).position(|bytes| bytes == [0x27]).unwrap();
        assert_eq!(connect[place + 1..place + 5], u32::to_be_bytes(maximum));
    }
}

#[test]
fn bad_bytes_end_the_link() {
    use PacketType::{Auth, Publish};
    let small = Limits { stream_max: 100, ..LIMITS };
    let cases: [(Limits, Vec<u8>, ConnectionError); 7] = [
        (small, long(Version::V5, 0, 0, &[], "t", 96), too_long(Publish, 102, 100)),
        (LIMITS, long(Version::V5, 0, 0, &[], "a name that fills the buffer", 60), too_long(Publish, 93, BUFFER)),
        (LIMITS, long(Version::V5, 0, 0, &[0x26; 30], "t", 60), too_long(Publish, 96, BUFFER)),
        (LIMITS, b"\x36\x80\x01\0\x01t\0\x01\0".to_vec(), Malformed::QoS.into()),
        (LIMITS, b"\x32\x80\x01\0\x01t\0\0\0".to_vec(), ConnectionError::Protocol(Violation::PacketIdZero)),
        (LIMITS, b"\x30\x80\x01\0\x01t\xFF\xFF\xFF\xFF".to_vec(), Malformed::VariableByteInteger.into()),
        (LIMITS, b"\xF0\x80\x01\0".to_vec(), too_long(Auth, 131, BUFFER)),
    ];
    for (limits, bytes, expected) in cases {
        for piece in [1, 24] {
            let mut client = up(Small::new(), limits, Version::V5);
            let error = through::<_, 24>(&mut client, &bytes, piece, 60).unwrap_err();
            assert_eq!(error, expected, "{bytes:02x?}");
            assert_eq!(sent(&mut client), [0xE0, 1, error.reason().0]);
        }
    }
}

#[test]
fn who_does_not_stream_gets_no_pieces() {
    let packet = long(Version::V5, 1, 1, &[], "t", 60);
    let mut client = up(Small::new(), LIMITS, Version::V5);
    let too_large = Err(too_long(PacketType::Publish, 68, BUFFER));
    assert_eq!(client.handle_input(NOW, &packet[..20]), too_large);
    let mut client = up(Small::new(), LIMITS, Version::V5);
    assert!(matches!(client.handle_input_streaming(NOW, &packet[..20]), Ok(Received::Packet { .. })));
    let the_payload = Err(too_long(PacketType::Publish, 60, BUFFER));
    assert_eq!(client.handle_input(NOW, &packet[20..]), the_payload);
    client.handle_close(NOW);
    assert!(client.is_idle());
}

/// Bytes of a payload are no packets, whatever they look like.
#[test]
fn a_payload_may_look_like_packets() {
    let packet = long(Version::V5, 1, 1, &[], "t", 60);
    let too_large = Err(too_long(PacketType::Publish, 60, BUFFER));
    for inside in [&b"\x40\x02\0\x01"[..], b"\x50\x02\0\x01", b"\x30\x04\0\x01t\0"] {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let mut client = up(Small::new(), LIMITS, Version::V5);
            client.publish(NOW, &Publish::new(TopicName::new("t").unwrap(), b"x").qos(qos)).unwrap();
            sent(&mut client);
            assert!(matches!(client.handle_input_streaming(NOW, &packet[..20]), Ok(Received::Packet { .. })));
            assert_eq!(client.handle_input(NOW, inside), too_large, "{inside:02x?}");
            assert_eq!(client.pending(), 1);
        }
    }
}

#[test]
fn short_messages_come_whole() {
    let mut client = up(Small::new(), LIMITS, Version::V311);
    let packet = message(Version::V311, 1, 1);
    let Ok(Received::Packet { event: Some(Event::Message(message)), .. }) = client.handle_input_streaming(NOW, &packet)
    else {
        panic!()
    };
    assert_eq!(message.qos, QoS::AtLeastOnce);
}

/// Whatever the host shows at once: the border is the same for all.
#[test]
fn topic_and_properties_lie_within_the_buffer() {
    for (length, fits) in [(24 - 2 - 2, true), (24 - 2 - 2 + 1, false)] {
        for piece in [1, 200] {
            let mut client = up(Small::new(), LIMITS, Version::V311);
            let packet = long(Version::V311, 0, 0, &[], &"x".repeat(length), 60);
            let result = through::<_, 200>(&mut client, &packet, piece, 60);
            assert_eq!(result.is_ok_and(|(seen, _)| seen.is_complete), fits, "{length} {piece}");
        }
    }
}

/// PINGRESP can only come behind the message, so while pieces come it is waited for.
#[test]
fn pieces_are_signs_of_life() {
    let limits = Limits { pingresp_timeout: 5_000, ..LIMITS };
    let mut client = up_with(Small::new(), limits, Version::V5, &[]);
    let packet = long(Version::V5, 0, 0, &[], "t", 200);
    let mut now = NOW.after_secs(60);
    client.handle_timeout(now).unwrap();
    let mut transmit = client.transmit(now);
    assert_eq!(transmit.chunk(), b"\xC0\0");
    transmit.advance(2);
    let due = |client: &Connection<Small>| client.next_timer().unwrap();
    assert_eq!(due(&client), (Timer::PingResp, now.after_millis(5_000)));
    for piece in packet.chunks(20).take(10) {
        now = now.after_millis(4_999);
        assert_eq!(client.handle_timeout(now), Ok(()));
        assert!(matches!(client.handle_input_streaming(now, piece), Ok(Received::Packet { .. })));
    }
    assert_eq!(due(&client), (Timer::PingResp, now.after_millis(5_000)), "and no longer once none comes");
    assert_eq!(client.handle_timeout(now.after_millis(5_000)), Err(ConnectionError::KeepAliveTimeout));
}

#[test]
fn leaving_in_the_middle_is_like_a_cut() {
    let mut client = up(Small::new(), LIMITS, Version::V5);
    let packet = long(Version::V5, 2, 1, &[], "t", 60);
    assert!(matches!(client.handle_input_streaming(NOW, &packet[..20]), Ok(Received::Packet { .. })));
    client.disconnect(NOW, &Disconnect::new(ReasonCode::SUCCESS)).unwrap();
    assert_eq!(client.handle_input_streaming(NOW, &packet[20..]), Err(ConnectionError::Disconnected));
    assert_eq!(sent(&mut client), b"\xE0\0");
    client.handle_close(NOW);
    reopen(&mut client, Version::V5, true, &[]);
    assert!(through::<_, 24>(&mut client, &packet, 24, 60).unwrap().0.is_complete);
    assert_eq!(sent(&mut client), b"\x50\x02\0\x01");
}

/// DUP at QoS 0 means nothing; it is counted, as it is for whole messages.
#[test]
fn dup_at_qos_0_is_counted() {
    let mut client = up(Small::new(), LIMITS, Version::V311);
    let mut packet = long(Version::V311, 0, 0, &[], "t", 40);
    assert!(matches!(client.handle_input_streaming(NOW, &packet[..24]), Ok(Received::Packet { consumed: 24, .. })));
    assert!(matches!(client.handle_input_streaming(NOW, &packet[24..]), Ok(Received::Packet { consumed: 21, .. })));
    assert_eq!((client.stats().dup_at_qos0, client.stats().messages_received), (0, 1));
    packet[0] |= 8;
    assert!(matches!(client.handle_input_streaming(NOW, &packet[..24]), Ok(Received::Packet { consumed: 24, .. })));
    assert!(matches!(client.handle_input_streaming(NOW, &packet[24..]), Ok(Received::Packet { consumed: 21, .. })));
    assert_eq!((client.stats().dup_at_qos0, client.stats().messages_received), (1, 2));
}

/// What stands behind a message in the buffer is the next packet's.
#[test]
fn the_last_piece_ends_with_its_message() {
    let mut client = up(Small::new(), LIMITS, Version::V311);
    let mut packet = long(Version::V311, 1, 7, &[], "t", 40);
    let length = packet.len();
    packet.extend(b"\xD0\0");
    assert!(matches!(client.handle_input_streaming(NOW, &packet[..24]), Ok(Received::Packet { consumed: 24, .. })));
    let Ok(Received::Packet { consumed, .. }) = client.handle_input_streaming(NOW, &packet[24..]) else { panic!() };
    assert_eq!(consumed, length - 24);
    assert_eq!(client.stats().dup_at_qos0, 0);
}

/// A QoS 2 message in pieces is received with its last one, unless the application is to say so.
#[cfg(feature = "journal")]
#[test]
fn the_journal_hears_of_the_last_piece() {
    use pure_mqtt::storage::Journaled;
    for (qos, manual_acks, is_noted) in [(1, false, false), (2, false, true), (1, true, false), (2, true, false)] {
        let mut client = Connection::new(Journaled::<Small, 256>::new(Small::new()), Limits { manual_acks, ..LIMITS });
        client.open(NOW, &Connect::new(Version::V311, "c").clean_start(false)).unwrap();
        client.journal_written(client.journal().len());
        sent(&mut client);
        assert!(taken(&mut client, b"\x20\x02\0\0").is_ok());
        client.journal_written(client.journal().len());
        let packet = long(Version::V311, qos, 7, &[], "t", 40);
        assert!(client.handle_input_streaming(NOW, &packet[..24]).is_ok());
        assert!(client.journal().is_empty());
        assert!(client.handle_input_streaming(NOW, &packet[24..]).is_ok());
        assert_eq!(!client.journal().is_empty(), is_noted, "{qos} {manual_acks}");
    }
}

/// A server repeats a message on the link on which it has sent it, which it may not, and the application refuses the message meanwhile. That PUBREC leaves
/// in the middle of the repetition, and ends both: nobody waits for another answer, and what comes next is acknowledged in its turn.
#[test]
fn a_message_refused_while_it_is_repeated_is_over() {
    let mut client = up(Small::new(), MANUAL, Version::V5);
    let packet = long(Version::V5, 2, 1, &[], "t", 60);
    let last = |client: &mut Connection<Small>, piece: &[u8]| match client.handle_input_streaming(NOW, piece) {
        Ok(Received::Packet { consumed, event }) if consumed == piece.len() => match event {
            Some(Event::Fragment(fragment)) => fragment.ack,
            _ => None,
        },
        other => panic!("{other:?}"),
    };
    assert!(last(&mut client, &packet[..24]).is_none());
    let ack = last(&mut client, &packet[24..]).unwrap();
    assert!(last(&mut client, &packet[..24]).is_none());
    client.acknowledge(NOW, ack, &Ack::new(ReasonCode::NOT_AUTHORIZED)).unwrap();
    assert_eq!(sent(&mut client), b"\x50\x03\0\x01\x87");
    assert!(last(&mut client, &packet[24..]).is_none(), "it was known when it began");
    assert!(client.is_idle());
    let next = delivered(&mut client, &message(Version::V5, 1, 2));
    client.acknowledge(NOW, next, &Ack::SUCCESS).unwrap();
    assert_eq!(sent(&mut client), b"\x40\x02\0\x02");
    assert!(last(&mut client, &packet[..24]).is_none());
    assert!(last(&mut client, &packet[24..]).is_some(), "under an identifier that is free it is new");
}
