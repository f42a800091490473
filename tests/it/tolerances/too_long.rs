//! Packets that are longer than the limits allow: told as what they are, or thrown away without ever lying in the buffer whole.

use super::table::ALL;
use crate::corners::rig::{NOW, delivered, is_blocked, message, reopen, sent, taken, up, up_with};
use pure_mqtt::wire::{PacketType, Violation};
use pure_mqtt::{
    Ack, Connect, Connection, ConnectionError, Discard, Event, Fixed, Heap, Instant, Limits, OnTooLong, QoS,
    ReasonCode, Received, RxBuffer, Storage, Version,
};

const LIMITS: Limits = Limits { inline_max: 24, on_too_long: OnTooLong::Discard, ..Limits::DEFAULT };
const MANUAL: Limits = Limits { manual_acks: true, ..LIMITS };

/// PUBLISH whose first byte is `first`, with these properties in 5.0 and a payload so long.
fn publish(version: Version, first: u8, id: u8, topic: &str, properties: &[u8], payload: usize) -> Vec<u8> {
    let mut body = vec![0, topic.len() as u8];
    body.extend(topic.bytes());
    body.extend(if first & 6 > 0 { vec![0, id] } else { vec![] });
    if version == Version::V5 {
        assert!(properties.len() < 128);
        body.push(properties.len() as u8);
        body.extend(properties);
    }
    body.extend((0..payload).map(|place| (place % 251) as u8));
    let (mut packet, mut rest) = (vec![first], body.len());
    loop {
        packet.push((rest % 128) as u8 | if rest > 127 { 0x80 } else { 0 });
        rest /= 128;
        if rest == 0 {
            break;
        }
    }
    packet.extend(body);
    packet
}

/// What a host with a buffer of `N` bytes sees of `wire`, of which so many bytes come at a time; and what it sends after each step.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    told: Vec<String>,
    sent: Vec<u8>,
    /// How many bytes of the wire had come when something was sent first.
    sent_after: Option<usize>,
    end: Option<ConnectionError>,
}

fn host<S: Storage, const N: usize>(mqtt: &mut Connection<S>, wire: &[u8], most: usize, streams: bool) -> Seen {
    let (mut seen, mut rx, mut read) = (Seen::default(), RxBuffer::<N>::new(), 0);
    while read < wire.len() || !rx.bytes().is_empty() {
        let room = rx.room();
        let count = room.len().min(most).min(wire.len() - read);
        room[..count].copy_from_slice(&wire[read..read + count]);
        rx.filled(count);
        read += count;
        let mut moved = count > 0;
        loop {
            let step = match streams {
                true => mqtt.handle_input_streaming(NOW, rx.bytes()),
                false => mqtt.handle_input(NOW, rx.bytes()),
            };
            match step {
                Ok(Received::Packet { consumed, event }) => {
                    seen.told.extend(event.map(|event| describe(&event)));
                    rx.consume(consumed);
                    moved = true;
                }
                Ok(_) => break,
                Err(error) => {
                    seen.end = Some(error);
                    break;
                }
            }
        }
        let bytes = sent(mqtt);
        if !bytes.is_empty() {
            seen.sent_after = seen.sent_after.or(Some(read));
            seen.sent.extend(bytes);
        }
        if seen.end.is_some() {
            return seen;
        }
        assert!(moved, "{seen:?} stands still with {:02x?}", rx.bytes());
    }
    seen
}

fn describe(event: &Event<'_>) -> String {
    match event {
        Event::Discarded(message) => {
            let topic = String::from_utf8_lossy(message.topic);
            let id = message.id.map_or(0, |id| id.get());
            let retain = if message.retain { " retain" } else { "" };
            format!("{:?} {topic} {} q{} {id}{retain}", message.why, message.length, message.qos.bits())
        }
        Event::Message(message) => format!("Message {:?}", message.payload),
        Event::Fragment(fragment) => format!("Fragment {} of {}", fragment.offset, fragment.total),
        other => format!("{other:?}"),
    }
}

#[test]
fn by_default_the_link_ends_and_says_what_it_was_about() {
    for version in ALL {
        for (first, packet) in [(0x32, PacketType::Publish), (0x90, PacketType::SubAck), (0xB0, PacketType::UnsubAck)] {
            let mut mqtt = up(Heap::new(), Limits { inline_max: 24, ..Limits::DEFAULT }, *version);
            let error = ConnectionError::TooLong { packet, length: 25, limit: 24 };
            assert_eq!(mqtt.handle_input(NOW, &[first, 23]), Err(error));
            assert_eq!((error.reason(), mqtt.close_reason()), (ReasonCode::PACKET_TOO_LARGE, error));
            assert_eq!(sent(&mut mqtt), if *version == Version::V5 { &[0xE0, 1, 0x95][..] } else { b"" });
        }
        let mut mqtt = Connection::new(Heap::new(), Limits { inline_max: 24, ..Limits::DEFAULT });
        mqtt.open(NOW, &Connect::new(*version, "c")).unwrap();
        sent(&mut mqtt);
        let error = ConnectionError::TooLong { packet: PacketType::ConnAck, length: 203, limit: 24 };
        assert_eq!(mqtt.handle_input(NOW, b"\x20\xC8\x01"), Err(error));
    }
    let told =
        ConnectionError::TooLong { packet: PacketType::Publish, length: 2_000_000, limit: 1_048_576 }.to_string();
    assert!(told.contains("2000000") && told.contains("1048576") && told.contains("raise the limit"), "{told}");
}

#[test]
fn a_message_that_is_too_long_is_thrown_away_piece_by_piece() {
    for version in ALL {
        for (first, ack) in [(0x30, ""), (0x31, ""), (0x32, "40"), (0x33, "40"), (0x34, "50"), (0x3B, "40")] {
            for (payload, most) in [(16, 1), (30, 1), (30, 7), (300, 24), (70_000, 5), (70_000, 24)] {
                let packet = publish(*version, first, 7, "long", &[], payload);
                let whole = packet.len();
                let mut wire = packet;
                wire.extend(publish(*version, 0x30, 0, "t", &[], 2));
                let mut mqtt = up(Fixed::<256, 8, 8, 64>::new(), LIMITS, *version);
                let seen = host::<_, 24>(&mut mqtt, &wire, most, false);
                let qos = first >> 1 & 3;
                let (id, retain) = (if qos > 0 { 7 } else { 0 }, if first & 1 > 0 { " retain" } else { "" });
                let expected = [format!("TooLong long {whole} q{qos} {id}{retain}"), "Message [0, 1]".into()];
                if whole > 24 {
                    assert_eq!(seen.told, expected, "{version:?} {first:02x} {payload} {most}");
                    assert_eq!(mqtt.stats().discarded_messages, 1);
                }
                let expected = match ack {
                    "40" => vec![0x40, 2, 0, 7],
                    "50" => vec![0x50, 2, 0, 7],
                    _ => vec![],
                };
                assert_eq!(seen.sent, expected);
                assert!(seen.sent_after.is_none_or(|after| after >= whole), "after the last byte");
                assert!(mqtt.is_connected());
            }
        }
    }
}

/// A message of 2 MB at a limit of 1 MiB, and what waits behind it.
#[test]
fn nothing_waits_for_ever_behind_a_long_message() {
    let limits = Limits { on_too_long: OnTooLong::Discard, ..Limits::DEFAULT };
    for version in ALL {
        let packet = publish(*version, 0x32, 1, "firmware/image", &[], 2_000_000);
        let wire = [packet.clone(), publish(*version, 0x32, 2, "t", &[], 1)].concat();
        let mut mqtt = up(Heap::new(), limits, *version);
        let seen = host::<_, 65_536>(&mut mqtt, &wire, 65_536, false);
        assert_eq!(seen.told[0], format!("TooLong firmware/image {} q1 1", packet.len()));
        assert_eq!(seen.told[1..], ["Message [0]"]);
        assert_eq!((seen.sent, seen.end), (b"\x40\x02\0\x01\x40\x02\0\x02".to_vec(), None));
        assert_eq!(mqtt.stats().bytes_received as usize, wire.len() + if *version == Version::V5 { 5 } else { 4 });
    }
}

#[test]
fn at_qos_2_a_message_thrown_away_is_told_once_and_its_handshake_ends() {
    for version in ALL {
        for limits in [LIMITS, MANUAL] {
            let packet = publish(*version, 0x34, 7, "long", &[], 100);
            let again = [&[0x3C], &packet[1..]].concat();
            let mut mqtt = up(Heap::new(), limits, *version);
            let seen = host::<_, 24>(&mut mqtt, &packet, 10, false);
            assert_eq!((seen.told.len(), &seen.sent[..]), (1, &b"\x50\x02\0\x07"[..]));
            for _ in 0..2 {
                mqtt.handle_close(NOW);
                reopen(&mut mqtt, *version, true, &[]);
                let seen = host::<_, 24>(&mut mqtt, &again, 10, false);
                assert_eq!((seen.told.len(), &seen.sent[..]), (0, &b"\x50\x02\0\x07"[..]), "it is known");
            }
            assert_eq!(mqtt.stats().discarded_messages, 1);
            assert_eq!(taken(&mut mqtt, b"\x62\x02\0\x07"), Ok(None));
            assert_eq!(sent(&mut mqtt), b"\x70\x02\0\x07");
            assert!(mqtt.is_idle());
            let seen = host::<_, 24>(&mut mqtt, &packet, 10, false);
            assert_eq!(seen.told.len(), 1, "the next one is another");
        }
    }
}

#[test]
fn a_link_lost_in_the_middle_brings_it_again() {
    for version in ALL {
        for first in [0x32, 0x34] {
            let packet = publish(*version, first, 7, "long", &[], 100);
            let mut mqtt = up(Heap::new(), LIMITS, *version);
            let seen = host::<_, 24>(&mut mqtt, &packet[..80], 10, false);
            assert_eq!((seen.told.len(), &seen.sent[..]), (1, &b""[..]));
            mqtt.handle_close(NOW);
            assert!(mqtt.is_idle());
            reopen(&mut mqtt, *version, true, &[]);
            let seen = host::<_, 24>(&mut mqtt, &[&[first | 8], &packet[1..]].concat(), 10, false);
            assert_eq!((seen.told.len(), seen.sent.len()), (1, 4), "it was not received before");
        }
    }
}

/// The application has nothing to acknowledge, and what it has not acknowledged before keeps its place in the order.
#[test]
fn with_manual_acknowledgements_it_is_acknowledged_in_its_turn() {
    for version in ALL {
        let mut mqtt = up(Heap::new(), MANUAL, *version);
        let earlier = delivered(&mut mqtt, &message(*version, 1, 3));
        let seen = host::<_, 24>(&mut mqtt, &publish(*version, 0x32, 7, "long", &[], 100), 24, false);
        assert_eq!((seen.told.len(), &seen.sent[..]), (1, &b""[..]));
        mqtt.acknowledge(NOW, earlier, &Ack::SUCCESS).unwrap();
        assert_eq!(sent(&mut mqtt), b"\x40\x02\0\x03\x40\x02\0\x07");
        assert!(mqtt.is_idle());
    }
}

#[test]
fn in_pieces_what_is_longer_than_the_longest_is_thrown_away() {
    let limits = Limits { stream_max: 200, ..LIMITS };
    for version in ALL {
        for most in [1, 9, 24] {
            let long = publish(*version, 0x32, 1, "long", &[], 300);
            let short = publish(*version, 0x32, 2, "t", &[], 100);
            let wire = [long.clone(), short, publish(*version, 0x34, 3, "long", &[], 300)].concat();
            let mut mqtt = up(Heap::new(), limits, *version);
            let seen = host::<_, 24>(&mut mqtt, &wire, most, true);
            assert_eq!(seen.told[0], format!("TooLong long {} q1 1", long.len()));
            assert_eq!(seen.told.last(), Some(&format!("TooLong long {} q2 3", long.len())));
            assert!(seen.told[1..seen.told.len() - 1].iter().all(|told| told.ends_with("of 100")));
            assert_eq!(seen.sent, b"\x40\x02\0\x01\x40\x02\0\x02\x50\x02\0\x03");
            assert_eq!((mqtt.stats().discarded_messages, mqtt.stats().messages_received), (2, 1));
        }
    }
    // By default the limit that is told is that of messages in pieces.
    let mut mqtt = up(Heap::new(), Limits { on_too_long: OnTooLong::EndLink, ..limits }, Version::V311);
    let error = ConnectionError::TooLong { packet: PacketType::Publish, length: 259, limit: 200 };
    assert_eq!(mqtt.handle_input_streaming(NOW, b"\x30\x80\x02"), Err(error));
}

#[test]
fn packets_of_other_types_end_the_link_all_the_same() {
    for version in ALL {
        for (first, packet) in [(0x90, PacketType::SubAck), (0x40, PacketType::PubAck)] {
            let mut mqtt = up(Heap::new(), LIMITS, *version);
            let error = ConnectionError::TooLong { packet, length: 102, limit: 24 };
            assert_eq!(mqtt.handle_input(NOW, &[first, 100]), Err(error));
        }
    }
}

/// A topic that is longer than the host's buffer: any publisher may choose one, where a filter has a wildcard. Every link ended at it, and nothing behind it
/// arrived.
#[test]
fn a_topic_longer_than_the_buffer_is_skipped() {
    for version in ALL {
        for (first, ack) in [(0x30, None), (0x31, None), (0x32, Some(0x40)), (0x33, Some(0x40)), (0x34, Some(0x50))] {
            for topic in [19, 20, 21, 22, 23, 24, 25, 26, 48, 100, 250] {
                for (payload, most) in [(0, 24), (0, 1), (30, 7), (300, 24), (70_000, 5)] {
                    let topic = "x".repeat(topic);
                    let packet = publish(*version, first, 7, &topic, &[], payload);
                    if packet.len() <= 24 {
                        continue;
                    }
                    let wire = [packet.clone(), publish(*version, 0x30, 0, "t", &[], 2)].concat();
                    let mut mqtt = up(Fixed::<256, 8, 8, 64>::new(), LIMITS, *version);
                    let seen = host::<_, 24>(&mut mqtt, &wire, most, false);
                    let case = format!("{version:?} {first:02x} {} {payload} {most}", topic.len());
                    let [discarded, message] = &seen.told[..] else { panic!("{case}: {seen:?}") };
                    assert!(discarded.starts_with("TooLong xxx"), "{case}: {discarded}");
                    assert_eq!((&message[..], seen.end), ("Message [0, 1]", None), "{case}");
                    assert_eq!(seen.sent, ack.map_or(vec![], |ack| vec![ack, 2, 0, 7]), "{case}");
                    assert!(seen.sent_after.is_none_or(|after| after >= packet.len()), "after the last byte");
                    assert_eq!(mqtt.stats().discarded_messages, 1, "{case}");
                }
            }
        }
    }
}

/// What is wrong with the head ends the link, as in any packet.
#[test]
fn the_head_behind_a_long_topic_is_checked() {
    for version in ALL {
        for (first, id) in [(0x32, 0), (0x36, 7)] {
            let mut mqtt = up(Heap::new(), LIMITS, *version);
            let seen = host::<_, 24>(&mut mqtt, &publish(*version, first, id, &"x".repeat(40), &[], 9), 24, false);
            assert!(matches!(seen.end, Some(ConnectionError::Malformed(_) | ConnectionError::Protocol(_))), "{seen:?}");
        }
        let dup_at_qos_0 = publish(*version, 0x38, 0, &"x".repeat(40), &[], 9);
        let mut mqtt = up(Heap::new(), LIMITS, *version);
        assert_eq!(host::<_, 24>(&mut mqtt, &dup_at_qos_0, 24, false).end, None);
        assert_eq!(mqtt.stats().dup_at_qos0, 1);
        let mut mqtt = up(Heap::new(), Limits { strict: true, ..LIMITS }, *version);
        let seen = host::<_, 24>(&mut mqtt, &dup_at_qos_0, 24, false);
        assert_eq!(seen.end, Some(ConnectionError::Protocol(Violation::DupAtQoS0)), "{version:?}");
        let mut mqtt = up(Heap::new(), LIMITS, *version);
        let beyond = [&b"\x32\x30\x00\x2F"[..], &[b'x'; 46]].concat(); // a topic as long as the packet
        assert!(matches!(host::<_, 24>(&mut mqtt, &beyond, 24, false).end, Some(ConnectionError::Malformed(_))));
    }
}

/// It waits where the table is full, and a link that ends in the middle of it brings it again.
#[test]
fn a_long_topic_waits_and_comes_again() {
    for version in ALL {
        let packet = publish(*version, 0x34, 7, &"x".repeat(40), &[], 9);
        let limits = Limits { max_received: 2, ..MANUAL };
        for cut in 24..packet.len() {
            let mut mqtt = up(Fixed::<256, 8, 2, 64>::new(), limits, *version);
            let _ = read(&mut mqtt, &packet[..cut]);
            mqtt.handle_close(NOW);
            reopen(&mut mqtt, *version, true, &[]);
            let again = [&[packet[0] | 8], &packet[1..]].concat();
            let seen = host::<_, 24>(&mut mqtt, &again, 24, false);
            assert_eq!((seen.sent, seen.end), (vec![0x50, 2, 0, 7], None), "{version:?} {cut}");
        }
        let mut mqtt = up(Fixed::<256, 8, 1, 64>::new(), limits, *version);
        let ack = delivered(&mut mqtt, &message(*version, 1, 1));
        let rest = read(&mut mqtt, &packet);
        assert_eq!(mqtt.handle_input(NOW, rest), Ok(Received::Blocked), "{version:?}");
        mqtt.acknowledge(NOW, ack, &Ack::SUCCESS).unwrap();
        assert_eq!(sent(&mut mqtt), b"\x40\x02\0\x01");
        let seen = host::<_, 24>(&mut mqtt, rest, 24, false);
        assert_eq!((seen.sent, seen.end), (vec![0x50, 2, 0, 7], None), "{version:?}");
    }
}

/// Reads as far as the connection takes it, 24 bytes at a time.
fn read<'w, S: Storage>(mqtt: &mut Connection<S>, mut wire: &'w [u8]) -> &'w [u8] {
    while let Ok(Received::Packet { consumed, .. }) = mqtt.handle_input(NOW, &wire[..wire.len().min(24)]) {
        wire = &wire[consumed..];
    }
    wire
}

/// The properties needn't lie in what the host's buffer holds, unless an alias may be among them.
#[test]
fn properties_must_fit_the_buffer_where_there_may_be_aliases() {
    let error = |packet: &[u8]| ConnectionError::TooLong {
        packet: PacketType::Publish,
        length: packet.len() as u32,
        limit: 24,
    };
    let properties = [&b"\x26\0\x01a\0\x20"[..], &[b'x'; 32]].concat();
    let packet = publish(Version::V5, 0x34, 7, "long", &properties, 100);
    let mut mqtt = up(Heap::new(), LIMITS, Version::V5);
    let seen = host::<_, 24>(&mut mqtt, &packet, 24, false);
    assert_eq!(seen.told, [format!("TooLong long {} q2 7", packet.len())]);
    assert_eq!(seen.sent, b"\x50\x02\0\x07");
    let mut mqtt = up(Heap::new(), Limits { topic_alias_maximum: 3, ..LIMITS }, Version::V5);
    assert_eq!(host::<_, 24>(&mut mqtt, &packet, 24, false).end, Some(error(&packet)));
}

/// The server takes the alias for bound, whatever becomes of the message.
#[test]
fn an_alias_in_a_message_thrown_away_is_bound() {
    let limits = Limits { topic_alias_maximum: 3, ..LIMITS };
    let wire = [
        publish(Version::V5, 0x32, 1, "bound", b"\x23\0\x02", 100),
        publish(Version::V5, 0x32, 2, "", b"\x23\0\x02", 3),
        publish(Version::V5, 0x32, 3, "", b"\x23\0\x02", 100),
    ]
    .concat();
    let mut mqtt = up(Fixed::<256, 8, 8, 64, 4, 16>::new(), limits, Version::V5);
    let seen = host::<_, 24>(&mut mqtt, &wire, 24, false);
    assert_eq!(seen.told, ["TooLong bound 115 q1 1", "Message [0, 1, 2]", "TooLong  110 q1 3"], "{seen:?}");
    assert_eq!(seen.end, None);
}

/// A server that is at it is alive, however slow it is.
#[test]
fn pieces_are_signs_of_life() {
    for version in ALL {
        let packet = publish(*version, 0x30, 0, "long", &[], 200);
        let mut mqtt = up(Heap::new(), LIMITS, *version);
        let (start, mut rest) = packet.split_at(24);
        assert!(matches!(mqtt.handle_input(NOW, start), Ok(Received::Packet { consumed: 24, event: Some(_) })));
        for step in 1.. {
            let now = Instant::from_millis(NOW.as_millis() + step * 20_000);
            assert_eq!(mqtt.handle_timeout(now), Ok(()), "{} bytes before the end", rest.len());
            let mut transmit = mqtt.transmit(now);
            let count = transmit.remaining();
            transmit.advance(count);
            let Some((byte, behind)) = rest.split_first() else { break };
            assert!(matches!(mqtt.handle_input(now, &[*byte]), Ok(Received::Packet { consumed: 1, event: None })));
            rest = behind;
        }
        assert!(mqtt.is_connected());
    }
}

#[test]
fn what_connect_announces() {
    let has = |limits: Limits| {
        let mut mqtt = Connection::new(Heap::new(), limits);
        mqtt.open(NOW, &Connect::new(Version::V5, "c")).unwrap();
        let connect = sent(&mut mqtt);
        let length = usize::from(connect[12]);
        let properties = &connect[13..13 + length];
        let (mut maximum, mut size, mut rest) = (false, false, properties);
        while let [id, behind @ ..] = rest {
            let skip = match id {
                0x21 => {
                    maximum = true;
                    2
                }
                0x27 => {
                    size = true;
                    4
                }
                0x22 => 2,
                other => panic!("{other:02x}"),
            };
            rest = &behind[skip..];
        }
        (maximum, size)
    };
    let discard = OnTooLong::Discard;
    assert_eq!(has(Limits::DEFAULT), (true, true));
    assert_eq!(has(Limits { announce_limits: false, ..Limits::DEFAULT }), (false, false));
    assert_eq!(has(Limits { on_too_long: discard, ..Limits::DEFAULT }), (true, false));
    assert_eq!(has(Limits { announce_limits: false, on_too_long: discard, ..Limits::DEFAULT }), (false, false));
    assert_eq!(has(Limits { announce_limits: false, topic_alias_maximum: 5, ..Limits::DEFAULT }), (false, false));
}

/// What was not announced can't be broken; strict holds the server to what it was told.
#[test]
fn strict_holds_nobody_to_what_was_not_announced() {
    for (announce_limits, fails) in [(true, true), (false, false)] {
        let limits = Limits { announce_limits, receive_maximum: 2, manual_acks: true, strict: true, ..Limits::DEFAULT };
        let mut mqtt = up(Heap::new(), limits, Version::V5);
        let _held = [1, 2].map(|id| delivered(&mut mqtt, &message(Version::V5, 1, id)));
        assert_eq!(mqtt.handle_input(NOW, &message(Version::V5, 1, 3)).is_err(), fails);
    }
}

/// A full table holds the message back, which is told when it is begun.
#[test]
fn a_full_table_holds_it_back() {
    let limits = Limits { max_received: 2, ..MANUAL };
    for version in ALL {
        let mut mqtt = up(Fixed::<128, 4, 2, 64>::new(), limits, *version);
        let acks = [1, 2].map(|id| delivered(&mut mqtt, &message(*version, 1, id)));
        let packet = publish(*version, 0x32, 7, "long", &[], 100);
        assert!(is_blocked(&mut mqtt, &packet[..24]));
        assert!(is_blocked(&mut mqtt, &packet[..24]));
        for ack in acks {
            mqtt.acknowledge(NOW, ack, &Ack::SUCCESS).unwrap();
        }
        sent(&mut mqtt);
        assert_eq!(host::<_, 24>(&mut mqtt, &packet, 24, false).told.len(), 1);
        assert_eq!(mqtt.stats().discarded_messages, 1);
    }
}

#[test]
fn the_event_says_everything() {
    let packet = publish(Version::V311, 0x35, 9, "a/b", &[], 100);
    let mut mqtt = up_with(Heap::new(), LIMITS, Version::V311, &[]);
    let Ok(Received::Packet { event: Some(Event::Discarded(told)), .. }) = mqtt.handle_input(NOW, &packet[..24]) else {
        panic!()
    };
    assert_eq!((told.topic, told.length, told.qos), (&b"a/b"[..], 109, QoS::ExactlyOnce));
    assert_eq!((told.retain, told.id.map(|id| id.get()), told.why), (true, Some(9), Discard::TooLong));
}

/// A host that splits whole packets off hands such a message out in pieces.
#[cfg(feature = "bytes")]
#[test]
fn a_buffer_of_whole_packets_hands_out_what_is_too_long_in_pieces() {
    use pure_mqtt::BytesBuffer;
    for version in ALL {
        for most in [1, 2, 3, 7, 50, 1_000] {
            let limits = Limits { max_received: 3, ..MANUAL };
            let mut mqtt = up(Heap::new(), limits, *version);
            let wire = [
                publish(*version, 0x30, 0, "t", &[], 1),
                publish(*version, 0x32, 1, "long", &[], 100),
                publish(*version, 0x32, 2, "t", &[], 2),
                publish(*version, 0x34, 3, "long", &[], 70),
                publish(*version, 0x3C, 3, "long", &[], 70),
                publish(*version, 0x30, 0, "t", &[], 3),
            ]
            .concat();
            let (mut rx, mut told, mut answered, mut held) = (BytesBuffer::new(24), Vec::new(), Vec::new(), Vec::new());
            let (mut pieces, mut turns) = (wire.chunks(most), 0);
            loop {
                let piece = pieces.next();
                rx.extend(piece.unwrap_or_default());
                'packets: while let Some(packets) = rx.whole_packets() {
                    let mut rest = &packets[..];
                    while !rest.is_empty() {
                        match mqtt.handle_input(NOW, rest).unwrap() {
                            Received::Packet { consumed, event } => {
                                told.extend(event.as_ref().map(describe));
                                if let Some(Event::Message(message)) = event {
                                    held.extend(message.ack);
                                }
                                rest = &rest[consumed..];
                            }
                            _ => {
                                rx.give_back(packets.slice_ref(rest));
                                break 'packets;
                            }
                        }
                    }
                }
                held.drain(..).for_each(|ack| mqtt.acknowledge(NOW, ack, &Ack::SUCCESS).unwrap());
                answered.extend(sent(&mut mqtt));
                if piece.is_none() && rx.is_empty() {
                    break;
                }
                turns += 1;
                assert!(turns < 10_000, "{version:?} {most} stands still: {told:?} {rx:?}");
            }
            let kinds: Vec<_> = told.iter().map(|told| &told[..7]).collect();
            assert_eq!(kinds, ["Message", "TooLong", "Message", "TooLong", "Message"], "{version:?} {most} {told:?}");
            assert_eq!(answered, b"\x40\x02\0\x01\x40\x02\0\x02\x50\x02\0\x03\x50\x02\0\x03");
        }
    }
}

/// A repetition whose PUBREC waits to leave is offered again, from its first byte: it was not begun.
#[test]
fn a_repetition_that_must_wait_is_taken_from_its_start() {
    for limits in [LIMITS, Limits { stream_max: 1_000, ..LIMITS }] {
        for version in ALL {
            let packet = publish(*version, 0x34, 7, "long", &[], 100);
            let mut mqtt = up(Heap::new(), limits, *version);
            let take =
                |mqtt: &mut Connection<Heap>, bytes: &[u8]| match mqtt.handle_input_streaming(NOW, bytes).unwrap() {
                    Received::Packet { consumed, event } => {
                        assert_eq!(consumed, packet.len());
                        event.is_some()
                    }
                    other => panic!("{other:?}"),
                };
            assert!(take(&mut mqtt, &packet));
            for _ in 0..2 {
                assert_eq!(mqtt.handle_input_streaming(NOW, &packet), Ok(Received::Blocked));
            }
            assert_eq!(sent(&mut mqtt), b"\x50\x02\0\x07");
            assert!(!take(&mut mqtt, &packet), "it is known");
            assert_eq!(sent(&mut mqtt), b"\x50\x02\0\x07");
            assert_eq!(taken(&mut mqtt, b"\x62\x02\0\x07"), Ok(None));
        }
    }
}

/// A host that gives the connection a part of what it was handed, and the rest back: what the connection has begun with goes on behind it.
#[cfg(feature = "bytes")]
#[test]
fn a_packet_that_was_begun_and_given_back_goes_on() {
    let long = publish(Version::V311, 0x30, 0, "long", &[], 100);
    let brief = publish(Version::V311, 0x30, 0, "t", &[], 1);
    let mut rx = pure_mqtt::BytesBuffer::new(LIMITS.inline_max);
    rx.extend(&[&brief[..], &long[..40]].concat());
    let packets = rx.whole_packets().unwrap();
    assert_eq!(packets.len(), brief.len() + 40);
    rx.give_back(packets.slice(brief.len() + 30..));
    rx.extend(&[&long[40..], &brief].concat());
    assert_eq!(rx.whole_packets().unwrap(), [&long[30..], &brief].concat());
    rx.extend(&brief);
    assert_eq!(rx.whole_packets().unwrap(), brief, "the next packet begins with its header");
}

/// The application has the start of it: the host takes the rest in the same way, or the link ends. It is not thrown away half-way.
#[test]
fn a_message_that_was_begun_in_pieces_is_not_thrown_away() {
    for (version, qos) in Version::ALL.into_iter().flat_map(|version| [0, 1, 2].map(|qos| (version, qos))) {
        let mut client = up(Heap::new(), Limits { stream_max: 1_000, ..LIMITS }, version);
        let bytes = publish(version, 0x30 | qos << 1, 1, "t", &[], 100);
        let Ok(Received::Packet { consumed, event: Some(Event::Fragment(_)) }) =
            client.handle_input_streaming(NOW, &bytes[..60])
        else {
            panic!("{version:?} {qos}");
        };
        let end = client.handle_input(NOW, &bytes[consumed..]);
        assert!(
            matches!(end, Err(ConnectionError::TooLong { packet: PacketType::Publish, .. })),
            "{version:?} {end:?}"
        );
    }
}
