//! However bytes are cut into pieces, the same things happen.

use crate::common::pair::{Pair, Start};
use pure_mqtt::{
    Connect, Connection, Fixed, Heap, Instant, Limits, Publish, QoS, Received, State, Storage, Subscribe, Subscription,
    TopicFilter, TopicName, Version,
};

const NOW: Instant = Instant::from_millis(1_000);

fn drain<S: Storage>(client: &mut Connection<S>, most: usize) -> Vec<u8> {
    let mut sent = Vec::new();
    let mut transmit = client.transmit(NOW);
    while !transmit.chunk().is_empty() {
        let count = most.min(transmit.chunk().len());
        sent.extend(&transmit.chunk()[..count]);
        transmit.advance(count);
    }
    assert_eq!(transmit.remaining(), 0);
    sent
}

fn connected<S: Storage>(storage: S, limits: Limits, version: Version) -> Connection<S> {
    let mut client = Connection::new(storage, limits);
    client.open(NOW, &Connect::new(version, "me")).unwrap();
    drain(&mut client, usize::MAX);
    let connack: &[u8] = match version {
        Version::V5 => b"\x20\x06\x00\x00\x03\x22\x00\x02",
        _ => b"\x20\x02\x00\x00",
    };
    assert!(client.handle_input(NOW, connack).is_ok());
    client
}

/// What a server might send in the middle of everything.
fn input(version: Version) -> Vec<u8> {
    let properties: &[u8] = if version == Version::V5 { b"\x06\x03\x00\x03txt" } else { b"" };
    let mut bytes = Vec::new();
    for id in 1..=6_u8 {
        let mut body = b"\x00\x07t\xc3\xb6pic".to_vec();
        body[1] = body.len() as u8 - 2;
        body.extend([0, id]);
        body.extend(properties);
        body.extend(b"payload");
        bytes.extend([0x30 | (1 + id % 2) << 1, body.len() as u8]);
        bytes.extend(body);
    }
    bytes.extend(b"\xD0\x00\x40\x02\x00\x01\x50\x02\x00\x02");
    bytes
}

/// Acts the whole play; the pieces are so long at most.
fn play<S: Storage>(mut client: Connection<S>, write: usize, read: usize) -> (Vec<u8>, Vec<String>, Connection<S>) {
    let version = client.version();
    let topic = TopicName::new("a/topic").unwrap();
    for number in 0..9_u8 {
        let qos = QoS::from_bits(1 + number % 2).unwrap();
        client.publish(NOW, &Publish::new(topic, &[number; 9]).qos(qos)).unwrap();
        client.publish(NOW, &Publish::new(topic, &[number; 3])).unwrap();
    }
    let filters = [Subscription::new(TopicFilter::new("#").unwrap(), QoS::ExactlyOnce)];
    client.subscribe(NOW, &Subscribe::new(&filters)).unwrap();
    let mut sent = drain(&mut client, write);
    let (mut events, mut rx) = (Vec::new(), Vec::new());
    for piece in input(version).chunks(read) {
        rx.extend(piece);
        while let Ok(Received::Packet { consumed, event }) = client.handle_input(NOW, &rx) {
            events.extend(event.map(|event| format!("{event:?}")));
            rx.drain(..consumed);
        }
    }
    assert!(rx.is_empty() && client.is_connected(), "{:?}", client.close_reason());
    sent.extend(drain(&mut client, write));
    (sent, events, client)
}

#[test]
fn pieces_of_any_size_are_the_same() {
    for version in Version::ALL {
        let limits = Limits { max_inflight: 4, outbound_aliases: 2, topic_alias_maximum: 2, ..Limits::DEFAULT };
        let heap = |write, read| play(connected(Heap::new(), limits, version), write, read);
        let fixed = || Fixed::<1024, 32, 16, 128, 2, 16>::new();
        let inline = |write, read| play(connected(fixed(), limits, version), write, read);
        let whole = heap(usize::MAX, usize::MAX);
        assert!(whole.1.len() >= 7, "{:?}", whole.1);
        for (write, read) in [(1, usize::MAX), (usize::MAX, 1), (1, 1), (2, 3), (7, 5), (64, 64)] {
            let pieces = heap(write, read);
            assert_eq!((&pieces.0, &pieces.1), (&whole.0, &whole.1), "{version:?} {write} {read}");
            assert!(pieces.2 == whole.2, "{version:?} {write} {read}");
            let other_storage = inline(write, read);
            assert_eq!((&other_storage.0, &other_storage.1), (&whole.0, &whole.1), "{version:?} {write} {read}");
        }
    }
}

/// Looking at the output, or dropping it half taken, loses nothing.
#[test]
fn a_cursor_may_be_dropped_at_any_time() {
    let mut whole = connected(Heap::new(), Limits::DEFAULT, Version::V5);
    let mut dropped = whole.clone();
    for client in [&mut whole, &mut dropped] {
        for number in 0..5_u8 {
            let payload = [number; 5];
            let publish = Publish::new(TopicName::new("t").unwrap(), &payload).qos(QoS::AtLeastOnce);
            client.publish(NOW, &publish).unwrap();
        }
    }
    let mut sent = Vec::new();
    loop {
        let _ = dropped.transmit(NOW);
        let mut transmit = dropped.transmit(NOW);
        let Some(byte) = transmit.chunk().first().copied() else { break };
        sent.push(byte);
        transmit.advance(1);
        let _ = dropped.transmit(NOW);
    }
    assert_eq!(sent, drain(&mut whole, usize::MAX));
    assert!(whole == dropped);
}

/// Many small packets are shown as one piece.
#[test]
fn packets_that_lie_together_are_shown_together() {
    for version in Version::ALL {
        let mut client = connected(Heap::new(), Limits { max_inflight: 0, ..Limits::DEFAULT }, version);
        for _ in 0..1_000 {
            let publish = Publish::new(TopicName::new("t").unwrap(), "x").qos(QoS::AtLeastOnce);
            client.publish(NOW, &publish).unwrap();
        }
        assert!(client.transmit(NOW).chunk().len() >= 8_000);
    }
}

/// What is counted is what went through.
#[test]
fn statistics() {
    let mut pair = Pair::connected(Version::V311);
    let received = pair.client.stats().bytes_received;
    pair.subscribe("#", QoS::AtMostOnce);
    pair.drive();
    for _ in 0..10 {
        pair.send("echo", QoS::AtMostOnce);
    }
    pair.drive();
    let stats = pair.client.stats();
    assert_eq!(stats.bytes_sent, pair.sent.len() as u64);
    assert_eq!(stats.bytes_received - received, 5 + 10 * 9);
    assert_eq!((stats.messages_received, stats.links), (10, 1));
    pair.cut();
    pair.reconnect(Start::Resume);
    assert_eq!(pair.client.stats().links, 2);
    assert_eq!(pair.client.state(), State::Connected);
}
