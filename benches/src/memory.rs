//! Nanoseconds per message, purely in memory, for a first look: the best of several rounds.

use std::time::Instant as Clock;

use pure_mqtt::{Connect, Connection, Event, Heap, Instant, Limits, Publish, QoS, Received, TopicName, Version};

const NOW: Instant = Instant::from_millis(0);
const MESSAGES: u32 = 200_000;
const ROUNDS: u32 = 7;
static PAYLOAD: [u8; 64] = [7; 64];

fn connected(version: Version) -> Connection<Heap> {
    let mut mqtt = Connection::new(Heap::new(), Limits { version, max_inflight: 0, ..Limits::DEFAULT });
    mqtt.open(NOW, &Connect::new(version, "bench")).expect("CONNECT");
    drain(&mut mqtt);
    let connack: &[u8] = if version == Version::V5 { b"\x20\x03\x00\x00\x00" } else { b"\x20\x02\x00\x00" };
    let _ = mqtt.handle_input(NOW, connack).expect("CONNACK");
    mqtt
}

fn drain(mqtt: &mut Connection<Heap>) -> usize {
    let mut count = 0;
    let mut transmit = mqtt.transmit(NOW);
    while !transmit.chunk().is_empty() {
        let length = transmit.chunk().len();
        std::hint::black_box(transmit.chunk());
        transmit.advance(length);
        count += length;
    }
    count
}

/// Publishes `window` messages, then feeds their acknowledgements.
fn qos1(version: Version, window: u32) -> impl FnMut() {
    let mut mqtt = connected(version);
    let topic = TopicName::new("0123456789abcdef").expect("a topic");
    let publish = Publish::new(topic, &PAYLOAD).qos(QoS::AtLeastOnce);
    move || {
        for _ in 0..MESSAGES / window {
            let mut acks = Vec::with_capacity(window as usize);
            for _ in 0..window {
                let delivery = mqtt.publish(NOW, &publish).expect("room");
                acks.push(delivery.id.expect("an identifier").get());
            }
            drain(&mut mqtt);
            for id in acks {
                let [high, low] = id.to_be_bytes();
                let puback = [0x40, 2, high, low];
                let received = mqtt.handle_input(NOW, &puback).expect("PUBACK");
                assert!(matches!(received, Received::Packet { event: Some(Event::PubAck(_)), .. }));
            }
        }
    }
}

/// Takes messages of this first byte, and sends what is owed for them.
fn inbound(version: Version, first: u8) -> impl FnMut() {
    let mut mqtt = connected(version);
    let mut packet = vec![first, 0, 0, 16];
    packet.extend(b"0123456789abcdef");
    if first & 0b110 != 0 {
        packet.extend([0, 1]);
    }
    if version == Version::V5 {
        packet.push(0);
    }
    packet.extend([7; 64]);
    packet[1] = (packet.len() - 2) as u8;
    move || {
        for round in 0..MESSAGES {
            let received = mqtt.handle_input(NOW, std::hint::black_box(&packet)).expect("PUBLISH");
            assert!(matches!(received, Received::Packet { event: Some(Event::Message(_)), .. }));
            if round % 16 == 0 {
                drain(&mut mqtt);
            }
        }
    }
}

fn measure(name: &str, mut run: impl FnMut()) {
    let best = (0..ROUNDS)
        .map(|_| {
            let start = Clock::now();
            run();
            start.elapsed().as_nanos()
        })
        .min();
    println!("{name:34} {:>7} ns/message", best.unwrap_or_default() / u128::from(MESSAGES));
}

fn main() {
    for version in [Version::V311, Version::V5] {
        for window in [1, 64, 1_000, 10_000, 60_000] {
            measure(&format!("{version:?} QoS 1 + PUBACK, window {window}"), qos1(version, window));
        }
        measure(&format!("{version:?} inbound QoS 0"), inbound(version, 0x30));
        measure(&format!("{version:?} inbound QoS 1 + PUBACK"), inbound(version, 0x32));
    }
}
