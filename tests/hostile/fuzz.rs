//! Random packets, good and bad, in random order: no bytes make the connection panic, and whatever ends a link ends it cleanly.

use crate::rig::{
    ALL, DEFAULT, Played, Rig, Setup, block, busy, describe, field, idle, message, packet, waiting, waiting_again,
};
use crate::table::{check_closed, check_over};
use fastrand::Rng;
use pure_mqtt::wire::Violation;
use pure_mqtt::{Ack, ConnectionError, Event, Limits, Message, PendingAck, QoS, ReasonCode, Received, State, Version};

fn random(name: &str) -> Rng {
    let seed = match std::env::var("PURE_MQTT_SEED") {
        Ok(seed) => seed.parse().expect("PURE_MQTT_SEED is a number"),
        Err(_) => fastrand::u64(..),
    };
    println!("{name}: PURE_MQTT_SEED={seed}");
    Rng::with_seed(seed)
}

/// A packet that a server might send, more or less.
fn any_packet(rng: &mut Rng, version: Version) -> Vec<u8> {
    let v5 = version == Version::V5;
    let id = [0, rng.u8(..13)];
    let list: &[&[u8]] =
        &[b"", b"", b"", b"\x1F\x00\x01w", b"\x26\x00\x00\x00\x00", b"\x26\x00\x01k\x00\x01v\x1F\x00\x00"];
    let marks: &[&[u8]] = &[b"", b"", b"\x23\x00\x01", b"\x23\x00\x02", b"\x23\x00\x03", b"\x01\x01", b"\x0B\x07"];
    let marks = marks[rng.usize(..marks.len())];
    let properties = if v5 { block(list[rng.usize(..list.len())]) } else { Vec::new() };
    let mut codes = |some: &[u8]| -> Vec<u8> {
        let count = rng.usize(..4);
        (0..count).map(|_| some[rng.usize(..some.len())]).collect()
    };
    let (granted, ended) = (codes(&[0, 1, 2, 0x80]), codes(&[0, 0x11, 0x87]));
    match rng.u8(..14) {
        first @ 0..=3 => {
            let first = 0x30 | first << 1 | if rng.bool() { 8 } else { 0 } | rng.u8(..2);
            let topics = [&b"t"[..], b"a/b", b"", b"#", "ü".as_bytes(), b"\xFF"];
            let topic = topics[rng.usize(..topics.len())];
            let payload = if rng.bool() { &b"payload"[..] } else { b"\xFF" };
            if v5 {
                let id = if first & 6 == 0 { &[][..] } else { &id };
                packet(first, &[&field(topic)[..], id, &block(marks), payload].concat())
            } else {
                message(version, first, id[1].into(), topic, payload)
            }
        }
        kind @ 4..=7 => {
            let first = kind << 4 | if kind == 6 { 2 } else { 0 };
            let mut body = id.to_vec();
            if v5 && rng.bool() {
                body.push(*rng.choice(&[0x00, 0x00, 0x10, 0x80, 0x92, 0x99, 0xFF]).unwrap());
                if rng.bool() {
                    body.extend(properties);
                }
            }
            packet(first, &body)
        }
        8 => packet(0x90, &[&id[..], &properties, &granted].concat()),
        9 if v5 => packet(0xB0, &[&id[..], &properties, &ended].concat()),
        9 => packet(0xB0, &id),
        10 => packet(0xD0, b""),
        11 if v5 => packet(0xE0, &[&[*rng.choice(&[0x00, 0x8B, 0x04, 0x9D]).unwrap()], &properties[..]].concat()),
        12 if v5 => packet(0xF0, &[&[0x18], &block(&[&[0x15], &field("m")[..]].concat())[..]].concat()),
        _ => {
            let length = rng.usize(..6);
            (0..=length).map(|_| rng.u8(..)).collect()
        }
    }
}

fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.usize(1..3) {
        let at = rng.usize(..bytes.len().max(1));
        match rng.u8(..5) {
            0 if !bytes.is_empty() => drop(bytes.remove(at)),
            1 => bytes.insert(at, rng.u8(..)),
            2 if !bytes.is_empty() => bytes[at] ^= 1 << rng.u8(..8),
            3 => bytes.truncate(at),
            _ if !bytes.is_empty() => bytes[at] = *rng.choice(&[0, 1, 2, 9, 0x7F, 0x80, 0xFF]).unwrap(),
            _ => {}
        }
    }
    if bytes.len() >= 2 && rng.bool() {
        bytes[1] = (bytes.len() - 2).min(127) as u8;
    }
}

/// One step in words, so that it can be compared.
fn step(rig: &mut Rig, input: &[u8]) -> String {
    match rig.mqtt.handle_input(rig.at(), input) {
        Ok(Received::Packet { consumed, event }) => {
            format!("{consumed} {:?}", event.map(|event| describe(&event, &rig.mqtt)))
        }
        Ok(other) => format!("{other:?}"),
        Err(error) => format!("{error:?}"),
    }
}

fn input(rng: &mut Rng, version: Version) -> Vec<u8> {
    let mut bytes = any_packet(rng, version);
    if rng.u8(..3) > 0 {
        mutate(rng, &mut bytes);
    }
    bytes
}

#[test]
fn pieces_do_not_matter() {
    let mut rng = random("pieces_do_not_matter");
    for version in ALL {
        for setup in [busy, waiting, idle] {
            let before = setup(*version);
            for _ in 0..600 {
                let bytes = input(&mut rng, *version);
                let mut whole = before.clone();
                let expected = step(&mut whole, &bytes);
                let mut pieces = before.clone();
                let mut result = String::new();
                for count in 0..=bytes.len() {
                    result = step(&mut pieces, &bytes[..count]);
                    if !result.starts_with("Partial") {
                        break;
                    }
                    assert!(pieces.mqtt.poll_timeout() == before.mqtt.poll_timeout());
                }
                assert_eq!(result, expected, "{version:?} {bytes:02X?}");
                assert_eq!(pieces.drain(), whole.drain(), "{version:?} {bytes:02X?}");
                pieces.lose();
                whole.lose();
                assert!(pieces.mqtt == whole.mqtt, "{version:?} {bytes:02X?}");
            }
        }
    }
}

/// Offers one input in one piece to a connection whose output is drained. Returns whether the link goes on.
fn offer(rig: &mut Rig, bytes: &[u8], handles: &mut Vec<PendingAck>) -> bool {
    let before = rig.clone();
    println!("{:?} offers {bytes:02X?}", rig.version);
    let result = rig.mqtt.handle_input(rig.at(), bytes);
    if let Ok(Received::Packet { event: Some(Event::Message(Message { ack: Some(ack), .. })), .. }) = result {
        handles.push(ack);
        rig.drain();
        return true;
    }
    match result {
        Ok(Received::Packet { .. }) if rig.mqtt.state() == State::Closing => {
            let error = rig.mqtt.close_reason();
            assert!(matches!(error, ConnectionError::ServerDisconnect(_) | ConnectionError::Refused(_)));
            check_over(&before, rig.clone(), error);
            false
        }
        Ok(Received::Packet { .. }) => {
            rig.drain();
            true
        }
        Ok(Received::Partial { needed }) => {
            assert!(needed > 0);
            true
        }
        Ok(Received::Blocked) => {
            assert!(!handles.is_empty(), "blocked although everything was sent and acknowledged: {bytes:02X?}");
            true
        }
        Err(ConnectionError::Protocol(Violation::PacketIdInUse)) => {
            // What an earlier link left open under this identifier is forgotten, or the next link would end in the same way.
            rig.drain();
            assert!(rig.mqtt.should_close());
            false
        }
        Err(ConnectionError::Protocol(Violation::ForgottenTopicAlias)) => {
            // The next link announces no aliases, for the same reason.
            rig.drain();
            assert!(rig.mqtt.should_close());
            false
        }
        Err(error) => {
            let played = Played { end: Some(error), ..Played::default() };
            check_closed(&before, rig.clone(), &played, error.reason().0);
            false
        }
    }
}

/// Settings of all sorts.
fn any_setup(rng: &mut Rng) -> Setup {
    let limits = Limits {
        manual_acks: rng.bool(),
        receive_maximum: rng.u16(1..9),
        max_received: *rng.choice(&[0, 1, 2, 3, 9]).unwrap(),
        topic_alias_maximum: rng.u16(..3),
        alias_name_max: rng.u16(1..4),
        check_payload_format: rng.bool(),
        strict: rng.u8(..4) == 0,
        ..Limits::DEFAULT
    };
    Setup { limits, ..DEFAULT }
}

#[test]
fn whatever_comes_in_whatever_order() {
    let mut rng = random("whatever_comes_in_whatever_order");
    for round in 0..400 {
        let version = ALL[round % 3];
        let setup = any_setup(&mut rng);
        let mut handles = Vec::new();
        let mut rig = Rig::connected(version, setup);
        offer(&mut rig, &message(version, 0x32, 1, "first", b""), &mut handles);
        for _ in 0..40 {
            if rng.u8(..4) == 0 && rig.mqtt.pending() < 10 {
                let qos = QoS::from_bits(rng.u8(..3)).unwrap();
                rig.publish("more", qos);
                rig.drain();
            }
            if rng.u8(..16) == 0 && rig.mqtt.pending() < 10 {
                rig.subscribe(&["a", "b"]);
                rig.unsubscribe(&["c"]);
                rig.drain();
            }
            if rng.bool() && !handles.is_empty() {
                let handle = handles.swap_remove(rng.usize(..handles.len()));
                let reason = *rng.choice(&[ReasonCode::SUCCESS, ReasonCode::QUOTA_EXCEEDED]).unwrap();
                // A handle may have gone stale with its link.
                let _ = rig.mqtt.acknowledge(rig.at(), handle, &Ack::new(reason));
                rig.drain();
            }
            // Mostly good ones, so that it goes on for a while.
            let bytes = if rng.u8(..8) == 0 { input(&mut rng, version) } else { any_packet(&mut rng, version) };
            if !offer(&mut rig, &bytes, &mut handles) {
                rig.reconnect();
            }
            while rig.mqtt.poll_outcome().is_some() {}
        }
    }
}

#[test]
fn whatever_comes_before_connack() {
    let mut rng = random("whatever_comes_before_connack");
    for version in ALL {
        let again = waiting_again(*version);
        for _ in 0..700 {
            let flags = *rng.choice(&[0, 0, 1, 2]).unwrap();
            let code = *rng.choice(&[0, 0, 1, 5, 0x87]).unwrap();
            let properties: &[u8] = if *version == Version::V5 { b"\x03\x21\x00\x05" } else { b"" };
            let mut bytes = packet(0x20, &[&[flags, code], properties].concat());
            mutate(&mut rng, &mut bytes);
            let mut rig = again.clone();
            offer(&mut rig, &bytes, &mut Vec::new());
        }
    }
}

#[test]
fn a_farewell_stands_behind_a_packet_that_is_half_out() {
    for version in ALL {
        let before = {
            let mut rig = busy(*version);
            rig.play(b"\xD0\x00");
            for id in 1..=3 {
                let taken = rig.mqtt.handle_input(rig.at(), &message(*version, 0x32, 20 + id, "i", b"")).is_ok();
                assert!(taken);
            }
            rig.publish("out/1", QoS::AtLeastOnce);
            rig.publish("out/2", QoS::AtMostOnce);
            rig
        };
        let all = before.clone().drain();
        let borders = borders(&all);
        for cut in 0..=all.len() {
            let mut rig = before.clone();
            let mut sent = Vec::new();
            while sent.len() < cut {
                let mut transmit = rig.mqtt.transmit(pure_mqtt::Instant::from_millis(rig.now));
                let count = transmit.chunk().len().min(cut - sent.len());
                sent.extend_from_slice(&transmit.chunk()[..count]);
                transmit.advance(count);
            }
            assert!(rig.mqtt.handle_input(rig.at(), b"\x00\x00").is_err());
            let rest = rig.drain();
            if *version == Version::V5 {
                let end = borders.iter().find(|border| **border >= cut).unwrap();
                assert_eq!(rest, [&all[cut..*end], b"\xE0\x01\x81"].concat(), "after {cut} bytes");
            } else {
                assert_eq!(rest, b"");
            }
            assert!(rig.mqtt.should_close());
            rig.reconnect();
            assert_eq!(rig.play(b"\x40\x02\x00\x01").told, ["PubAck 1 0x00"]);
        }
    }
}

/// Where packets begin and end.
fn borders(bytes: &[u8]) -> Vec<usize> {
    let mut borders = vec![0];
    while let Some(at) = borders.last().copied().filter(|at| *at < bytes.len()) {
        borders.push(at + 2 + usize::from(bytes[at + 1]));
    }
    borders
}

#[test]
fn a_connack_before_connect() {
    // Stale bytes on a line, or a server that cannot wait: whatever follows, CONNECT is the first packet that leaves.
    for version in ALL {
        for taken in [0, 1, 5] {
            for fault in [&b""[..], b"\x00\x00"] {
                let mut rig = Rig::closed(*version, DEFAULT);
                let connect = pure_mqtt::Connect::new(*version, "c").clean_start(false);
                rig.mqtt.open(rig.at(), &connect).unwrap();
                let mut sent = rig.mqtt.transmit(rig.at()).chunk()[..taken].to_vec();
                let now = rig.at();
                rig.mqtt.transmit(now).advance(taken);
                let good = rig.good_connack(false);
                let _ = rig.mqtt.handle_input(rig.at(), &good);
                let _ = rig.mqtt.handle_input(rig.at(), fault);
                sent.extend(rig.drain());
                assert!(
                    sent.is_empty() || sent[0] == 0x10,
                    "{version:?}, {taken} bytes of CONNECT were out: {sent:02X?}"
                );
                if sent.len() > taken {
                    let whole = sent.iter().zip(borders(&sent).iter().skip(1)).count();
                    assert!(whole >= 1 && borders(&sent).contains(&sent.len()), "{sent:02X?}");
                }
            }
        }
    }
}

#[test]
fn capacity_does_not_count_in_equality() {
    // A message that is refused at once may have made the receive table grow; it still changed nothing.
    for version in ALL {
        let before = idle(*version);
        let mut refused = before.clone();
        assert!(refused.mqtt.handle_input(refused.at(), b"\x32\x00").is_err());
        let mut cut = before.clone();
        assert_eq!(refused.reconnect(), cut.reconnect());
        assert!(refused.mqtt == cut.mqtt, "{version:?}");
    }
}
