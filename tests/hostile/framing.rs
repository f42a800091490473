//! Headers and lengths: H01 to H12.

use crate::rig::{ALL, DEFAULT, OLD, Rig, Setup, V5, V31, busy, idle, message, packet, strict, waiting};
use crate::table::{accept, close, closes, run};
use pure_mqtt::wire::{Malformed, PacketType};
use pure_mqtt::{ConnectionError, Limits, Received, Version};

fn small(version: Version) -> Rig {
    Rig::connected(version, Setup { limits: Limits { inline_max: 32, ..Limits::DEFAULT }, ..DEFAULT })
}

#[test]
fn lengths() {
    let too_long = Malformed::RemainingLength;
    let too_large =
        |packet: PacketType, length| ConnectionError::TooLong { packet, length, limit: Limits::DEFAULT.inline_max };
    let too_large_for_32 = ConnectionError::TooLong { packet: PacketType::Publish, length: 33, limit: 32 };
    let not_minimal = Malformed::VariableByteInteger;
    run(vec![
        close("H01", ALL, busy, b"\x30\x80\x80\x80\x80\x01", too_long, 0x81),
        close("H01", ALL, busy, b"\x30\xFF\xFF\xFF\xFF", too_long, 0x81),
        close("H01", ALL, busy, b"\xD0\x80\x80\x80\x80", too_long, 0x81),
        close("H01", ALL, waiting, b"\x20\x80\x80\x80\x80\x01", too_long, 0x81),
        close("H02", ALL, busy, b"\x30\xFF\xFF\xFF\x7F", too_large(PacketType::Publish, 268_435_460), 0x95),
        close("H02", ALL, busy, b"\x90\xFF\xFF\xFF\x7F\x00\x01", too_large(PacketType::SubAck, 268_435_460), 0x95),
        close("H02", ALL, waiting, b"\x20\xFF\xFF\xFF\x7F", too_large(PacketType::ConnAck, 268_435_460), 0x95),
        close("H02", ALL, busy, b"\x40\x81\x80\x40", too_large(PacketType::PubAck, 1_048_581), 0x95), // one byte more than 1 MiB
        close("H04", V5, busy, b"\xD0\x80\x00", not_minimal, 0x81),
        close("H04", V5, busy, b"\xD0\x80\x80\x80\x00", not_minimal, 0x81),
        close("H04", V5, waiting, b"\x20\x83\x00\x00\x00\x00", not_minimal, 0x81),
        accept("H04", OLD, busy, b"\xD0\x80\x00", &[], b""),
        accept("H04", OLD, busy, b"\xD0\x80\x80\x80\x00", &[], b""),
        accept("H04", OLD, busy, b"\x40\x82\x00\x00\x01", &["PubAck 1 0x00"], b""),
        close("H04", ALL, strict, b"\xD0\x80\x00", not_minimal, 0x81),
        close("H10", ALL, small, packet(0x30, &[0; 31]), too_large_for_32, 0x95),
        accept(
            "H10",
            OLD,
            small,
            message(Version::V311, 0x30, 0, "a", &[b'x'; 27]),
            &["Message \"a\" \"xxxxxxxxxxxxxxxxxxxxxxxxxxx\" q0 0"],
            b"",
        ),
        accept(
            "H10",
            V5,
            small,
            message(Version::V5, 0x30, 0, "a", &[b'x'; 26]),
            &["Message \"a\" \"xxxxxxxxxxxxxxxxxxxxxxxxxx\" q0 0"],
            b"",
        ),
    ]);
}

#[test]
fn types_and_flags() {
    let flags = Malformed::HeaderFlags;
    run(vec![
        close("H05", ALL, busy, b"\x00\x00", Malformed::PacketType, 0x81),
        close("H05", ALL, busy, b"\x0F\x00", Malformed::PacketType, 0x81),
        close("H05", OLD, busy, b"\xF0\x00", Malformed::PacketType, 0x81),
        close("H05", ALL, waiting, b"\x00\x00", Malformed::PacketType, 0x81),
        close("H06", ALL, waiting, b"\x21\x02\x00\x00", flags, 0x81),
        close("H06", V5, busy, b"\x60\x02\x00\x01", flags, 0x81),
        close("H06", ALL, strict, b"\x60\x02\x00\x01", flags, 0x81),
        accept("H06", OLD, busy, b"\x60\x02\x00\x09", &[], b"\x70\x02\x00\x09"), // tolerated
        close("H06", ALL, busy, b"\xD1\x00", flags, 0x81),
        close("H06", OLD, busy, b"\xF2\x00", Malformed::PacketType, 0x81),
        close("H06", V5, busy, b"\xF2\x00", flags, 0x81),
        accept("H06", V31, busy, b"\x6A\x02\x00\x09", &[], b"\x70\x02\x00\x09"),
    ]);
}

#[test]
fn every_wrong_flag_of_every_type() {
    // [MQTT-3.15.1-1]
    for version in ALL {
        let (up, asking) = (busy(*version), waiting(*version));
        for first in 0x10..=0xFFu8 {
            let (kind, flags) = (first >> 4, first & 0x0F);
            let expected = if matches!(kind, 6 | 8 | 10) { 2 } else { 0 };
            let dup_of_3_1 = *version == Version::V31 && expected == 2 && flags == 0x0A;
            let is_tolerated = *version != Version::V5 && matches!(kind, 4..=7 | 11);
            if kind == 3 || flags == expected || dup_of_3_1 || is_tolerated {
                continue;
            }
            closes(&up, &[first, 2, 0, 1], &[0x81]);
            if kind == 2 {
                closes(&asking, &[first, 2, 0, 0], &[0x81]);
            }
        }
    }
}

/// A packet of each type that a server sends once connected, with the lengths of body that would be packets as well.
fn good_packets(version: Version) -> Vec<(Vec<u8>, &'static [usize])> {
    let mut packets = vec![
        (message(version, 0x30, 0, "topic", b""), &[][..]),
        (message(version, 0x3B, 77, "topic", b""), &[]),
        (message(version, 0x3D, 78, "topic", b""), &[]),
    ];
    if version == Version::V5 {
        let tail = b"\x00\x01\x00\x0A\x1F\x00\x01r\x26\x00\x01k\x00\x00";
        packets.extend([
            (packet(0x40, tail), &[2, 3][..]),
            (packet(0x50, b"\x00\x02\x00\x0A\x1F\x00\x01r\x26\x00\x01k\x00\x00"), &[2, 3]),
            (packet(0x62, b"\x00\x09\x00\x0A\x1F\x00\x01r\x26\x00\x01k\x00\x00"), &[2, 3]),
            (packet(0x70, b"\x00\x03\x00\x0A\x1F\x00\x01r\x26\x00\x01k\x00\x00"), &[2, 3]),
            (packet(0x90, b"\x00\x04\x04\x1F\x00\x01r\x00"), &[]),
            (packet(0xB0, b"\x00\x05\x04\x1F\x00\x01r\x00"), &[2, 7]),
            (packet(0xE0, b"\x8B\x04\x1F\x00\x01r"), &[0, 1]),
        ]);
    } else {
        packets.extend([0x40, 0x50, 0x62, 0x70].map(|first| (packet(first, b"\x00\x01"), &[][..])));
        packets.extend([(packet(0x90, b"\x00\x04\x00"), &[][..]), (packet(0xB0, b"\x00\x05"), &[])]);
    }
    packets
}

#[test]
fn packets_cut_short_are_errors_at_once() {
    // H07
    for version in ALL {
        let up = busy(*version);
        for (bytes, legal) in good_packets(*version) {
            let body = &bytes[2..];
            for length in (0..body.len()).filter(|length| !legal.contains(length)) {
                closes(&up, &packet(bytes[0], &body[..length]), &[0x81, 0x82]);
            }
        }
        let asking = waiting(*version);
        let connack: &[u8] = if *version == Version::V5 { b"\x00\x00\x03\x21\x00\x05" } else { b"\x00\x00" };
        for length in 0..connack.len() {
            closes(&asking, &packet(0x20, &connack[..length]), &[0x81]);
        }
    }
}

#[test]
fn bytes_left_over() {
    let trailing = Malformed::TrailingBytes;
    run(vec![
        close("H08", OLD, strict, b"\x40\x03\x00\x01\x00", trailing, 0x81), // otherwise tolerated
        close("H08", OLD, strict, b"\x50\x03\x00\x02\x00", trailing, 0x81),
        close("H08", OLD, strict, b"\x62\x03\x00\x09\x00", trailing, 0x81),
        close("H08", OLD, strict, b"\x70\x03\x00\x03\x00", trailing, 0x81),
        close("H08", ALL, busy, b"\xD0\x01\x00", trailing, 0x81),
        close("H08", OLD, waiting, b"\x20\x03\x00\x00\x00", trailing, 0x81),
        close("H08", V5, waiting, b"\x20\x04\x00\x00\x00\x00", trailing, 0x81),
        close("H08", OLD, strict, b"\xB0\x03\x00\x05\x00", trailing, 0x81),
        close("H08", V5, busy, b"\x40\x05\x00\x01\x00\x00\x00", trailing, 0x81),
        close("H08", V5, busy, b"\xE0\x03\x00\x00\x00", trailing, 0x81),
    ]);
}

#[test]
fn a_length_of_five_bytes_is_refused_at_the_fourth() {
    for version in ALL {
        let mut rig = idle(*version);
        let bytes = b"\x30\x80\x80\x80\x80";
        for count in 1..5 {
            assert_eq!(rig.mqtt.handle_input(rig.at(), &bytes[..count]), Ok(Received::Partial { needed: 1 }));
        }
        let error = ConnectionError::Malformed(Malformed::RemainingLength);
        assert_eq!(rig.mqtt.handle_input(rig.at(), bytes), Err(error));
    }
}

#[test]
fn a_packet_that_is_too_large_is_refused_at_its_header() {
    // [MQTT-3.1.2-24]
    // H02
    for version in ALL {
        let mut rig = idle(*version);
        for count in 1..5 {
            assert_eq!(
                rig.mqtt.handle_input(rig.at(), &b"\x30\xFF\xFF\xFF\x7F"[..count]),
                Ok(Received::Partial { needed: 1 })
            );
        }
        let limit = Limits::DEFAULT.inline_max;
        let error = ConnectionError::TooLong { packet: PacketType::Publish, length: 268_435_460, limit };
        assert_eq!(rig.mqtt.handle_input(rig.at(), b"\x30\xFF\xFF\xFF\x7F"), Err(error));
    }
}

#[test]
fn every_legal_length_is_understood() {
    // H03
    for version in ALL {
        let limits = Limits { inline_max: u32::MAX, ..Limits::DEFAULT };
        let mut rig = Rig::connected(*version, Setup { limits, ..DEFAULT });
        for remaining in [127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455] {
            let header = [&[0x30], &crate::rig::length(remaining)[..]].concat();
            let partial = Received::Partial { needed: remaining };
            assert_eq!(rig.mqtt.handle_input(rig.at(), &header), Ok(partial));
        }
        for payload in [0, 120, 121, 16_377, 16_378, 2_097_145, 2_097_146] {
            let bytes = message(*version, 0x30, 0, "abcd", &vec![b'.'; payload]);
            let played = rig.play(&bytes);
            assert_eq!(played.told.len(), 1, "{payload}");
        }
        assert_eq!(rig.play(b"\xD0\x00").end, None);
    }
}

#[test]
fn nothing_comes_of_nothing() {
    // H12
    for version in ALL {
        for setup in [idle, waiting, busy] {
            let before = setup(*version);
            let mut rig = before.clone();
            for _ in 0..3 {
                assert_eq!(rig.mqtt.handle_input(rig.at(), b""), Ok(Received::Partial { needed: 2 }));
                rig.mqtt.transmit(rig.at()).advance(0);
                rig.mqtt.transmit(rig.at()).advance(100);
                assert_eq!(rig.mqtt.handle_timeout(rig.at()), Ok(()));
                assert_eq!(rig.drain(), b"");
            }
            assert!(rig.mqtt == before.mqtt);
        }
    }
}
