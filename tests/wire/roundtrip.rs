//! What is encoded decodes to the same; every prefix is "more, please", every cut is an error.

use crate::bytes::{encode, packet as assemble, random};
use crate::random;
use pure_mqtt::Version;
use pure_mqtt::wire::{Decoded, EncodeError, Packet, PacketType, Rules};

/// Calls `check` with random packets of every type and version.
fn each(name: &str, count: usize, mut check: impl FnMut(&Packet<'_>, Version)) {
    let mut rng = random(name);
    for version in Version::ALL {
        for packet_type in PacketType::ALL {
            for _ in 0..count {
                if let Some(packet) = random::packet(&mut rng, packet_type, version) {
                    check(&packet, version);
                }
            }
        }
    }
}

#[test]
fn parse_after_emit_is_identity() {
    each("parse_after_emit_is_identity", 150, |packet, version| {
        let bytes = encode(packet, version);
        let decoded = Packet::decode(&bytes, Rules::new(version));
        assert_eq!(decoded, Ok(Decoded::Packet { packet: *packet, length: bytes.len() }), "{version:?} {bytes:02X?}");
        let followed = [&bytes[..], b"\xFF\xFF"].concat();
        assert_eq!(Packet::decode(&followed, Rules::new(version)), decoded, "bytes behind a packet do not matter");
        let Ok(Decoded::Packet { packet, .. }) = decoded else { unreachable!() };
        assert_eq!(encode(&packet, version), bytes, "a decoded packet encodes to the same bytes");
    });
}

#[test]
fn every_buffer_that_is_too_short_is_told_the_length() {
    each("every_buffer_that_is_too_short_is_told_the_length", 12, |packet, version| {
        let needed = encode(packet, version).len();
        let mut buffer = vec![0xEE; needed + 8];
        for length in 0..needed {
            assert_eq!(packet.encode(version, &mut buffer[..length]), Err(EncodeError::NoRoom { needed }));
            assert_eq!(buffer[length], 0xEE, "nothing is written behind the buffer");
        }
        assert_eq!(packet.encode(version, &mut buffer), Ok(needed));
        assert_eq!(buffer[needed..], [0xEE; 8], "nothing is written behind the packet");
    });
}

#[test]
fn every_prefix_is_partial_and_asks_for_no_more_than_is_missing() {
    each("every_prefix_is_partial_and_asks_for_no_more_than_is_missing", 30, |packet, version| {
        let bytes = encode(packet, version);
        let header = bytes.iter().skip(1).position(|byte| byte & 0x80 == 0).unwrap() + 2;
        for length in 0..bytes.len() {
            let missing = bytes.len() - length;
            for strict in [false, version != Version::V5] {
                let Ok(decoded) = Packet::decode(&bytes[..length], Rules { version, strict }) else {
                    panic!("{version:?}: {length} of {bytes:02X?}");
                };
                let Decoded::Partial { needed } = decoded else { panic!("a whole packet in a part of {bytes:02X?}") };
                assert!(needed >= 1 && needed <= missing, "{needed} asked for, {missing} missing");
                if length >= header {
                    assert_eq!(needed, missing, "the header tells the length");
                }
            }
        }
    });
}

/// The shorter bodies that are packets in their own right, among the starts of this packet's body.
fn legal_lengths(packet: &Packet<'_>, version: Version, body: usize) -> Vec<usize> {
    let v5 = version == Version::V5;
    let ends = |sizes: Vec<usize>| {
        let mut end = body - sizes.iter().sum::<usize>();
        let mut ends = Vec::new();
        for size in sizes {
            end += size;
            ends.push(end);
        }
        ends
    };
    match packet {
        Packet::Publish(publish) => (body - publish.payload.len()..=body).collect(),
        Packet::SubAck(suback) => (body - suback.codes.len() + 1..=body).collect(),
        Packet::UnsubAck(unsuback) if v5 => (body - unsuback.codes.len() + 1..=body).collect(),
        Packet::Subscribe(request) => {
            ends(request.entries.iter().map(|entry| entry.filter.as_str().len() + 3).collect())
        }
        Packet::Unsubscribe(request) => ends(request.entries.iter().map(|filter| filter.as_str().len() + 2).collect()),
        Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubRel(_) | Packet::PubComp(_) if v5 => vec![2, 3, body],
        Packet::Disconnect(_) if v5 => vec![0, 1, body],
        Packet::Auth(_) => vec![0, body],
        _ => vec![body],
    }
}

#[test]
fn a_packet_cut_short_is_an_error_and_never_partial() {
    each("a_packet_cut_short_is_an_error_and_never_partial", 30, |packet, version| {
        let bytes = encode(packet, version);
        let header = bytes.iter().skip(1).position(|byte| byte & 0x80 == 0).unwrap() + 2;
        let body = &bytes[header..];
        let legal = legal_lengths(packet, version, body.len());
        for length in 0..body.len() {
            let cut = assemble(bytes[0], &body[..length]);
            match Packet::decode(&cut, Rules::new(version)) {
                Ok(Decoded::Packet { .. }) => assert!(legal.contains(&length), "{version:?}: accepted {cut:02X?}"),
                Ok(Decoded::Partial { .. }) => panic!("{version:?}: waits for more of {cut:02X?}"),
                Err(error) => {
                    assert!(!legal.contains(&length), "{version:?}: {error} for {cut:02X?}");
                    assert!([0x81, 0x82].contains(&error.reason().0), "{error}");
                }
            }
        }
    });
}

#[test]
fn a_packet_with_a_byte_too_many_is_an_error_where_no_list_or_payload_ends_it() {
    each("a_packet_with_a_byte_too_many", 20, |packet, version| {
        let open_end = match packet {
            Packet::Publish(_) | Packet::SubAck(_) | Packet::Subscribe(_) | Packet::Unsubscribe(_) => true,
            Packet::UnsubAck(_) => version == Version::V5,
            _ => false,
        };
        let bytes = encode(packet, version);
        let header = bytes.iter().skip(1).position(|byte| byte & 0x80 == 0).unwrap() + 2;
        let body = &bytes[header..];
        // Where reason code and properties may be left out, one byte more can be the next field.
        if open_end || version == Version::V5 && body.len() < full_form(packet) {
            return;
        }
        for byte in [0x00, 0x26, 0xFF] {
            let longer = assemble(bytes[0], &[body, &[byte]].concat());
            let decoded = Packet::decode(&longer, Rules::new(version));
            assert!(decoded.is_err(), "{version:?}: {decoded:?} for {longer:02X?}");
        }
    });
}

/// The shortest body in which nothing is left out.
fn full_form(packet: &Packet<'_>) -> usize {
    match packet {
        Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubRel(_) | Packet::PubComp(_) => 4,
        Packet::Disconnect(_) | Packet::Auth(_) => 2,
        _ => 0,
    }
}
