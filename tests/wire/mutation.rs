//! Bytes of all sorts: none makes the codec panic, and what it takes it can write and take again.

use crate::bytes::{encode, random};
use crate::random;
use fastrand::Rng;
use pure_mqtt::Version;
use pure_mqtt::wire::{Decoded, Packet, PacketType, Rules};

/// Decodes under all rules. Returns how many of them took the bytes.
fn check(bytes: &[u8]) -> usize {
    let mut taken = 0;
    for version in Version::ALL {
        let mildly = Packet::decode(bytes, Rules::new(version));
        let strictly = Packet::decode(bytes, Rules { version, strict: true });
        if strictly.is_ok() {
            assert_eq!(strictly, mildly, "strictness only refuses");
        }
        match mildly {
            Ok(Decoded::Packet { packet, length }) => {
                assert!(length <= bytes.len());
                again(&packet, version, &bytes[..length]);
                taken += 1;
            }
            Ok(Decoded::Partial { needed }) => {
                assert!((1..=268_435_460).contains(&needed));
                taken += 1;
            }
            Err(error) => assert!(error.reason().is_error(), "{error}"),
        }
    }
    taken
}

fn again(packet: &Packet<'_>, version: Version, original: &[u8]) {
    let bytes = encode(packet, version);
    let decoded = Packet::decode(&bytes, Rules::new(version));
    let whole = Decoded::Packet { packet: *packet, length: bytes.len() };
    assert_eq!(decoded, Ok(whole), "{version:?}: {original:02X?} became {bytes:02X?}");
    assert!(bytes.len() <= original.len(), "{original:02X?} grew to {bytes:02X?}");
    // Everything that can be looked at may be looked at.
    assert!(!format!("{packet:?}").is_empty());
}

#[test]
fn random_bytes() {
    let mut rng = random("random_bytes");
    for _ in 0..40_000 {
        let length = rng.usize(..40);
        let mut bytes: Vec<u8> = (0..length).map(|_| rng.u8(..)).collect();
        if length > 2 && rng.bool() {
            bytes[1] = (length - 2) as u8; // else most would be partial
        }
        check(&bytes);
    }
}

/// Changes `bytes` a little.
fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..=bytes.len());
        match rng.u8(..7) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.u8(..)),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
            4 if at < bytes.len() => {
                bytes[at] = *rng.choice(&[0x00, 0x01, 0x7F, 0x80, 0xFF, 0x26, 0x0B, 0x23]).unwrap()
            }
            5 => bytes.extend_from_within(at..),
            _ if at < bytes.len() => bytes[at] = bytes[at].wrapping_add(1),
            _ => {}
        }
    }
    if bytes.len() > 2 && rng.bool() {
        let length = bytes.len() - 2;
        if length < 128 {
            bytes[1] = length as u8;
        }
    }
}

#[test]
fn mutated_packets() {
    let mut rng = random("mutated_packets");
    let mut taken = 0;
    for round in 0..1_500 {
        let version = Version::ALL[round % 3];
        for packet_type in PacketType::ALL {
            let Some(packet) = random::packet(&mut rng, packet_type, version) else { continue };
            let bytes = encode(&packet, version);
            if bytes.len() > 300 {
                continue;
            }
            for _ in 0..3 {
                let mut mutated = bytes.clone();
                mutate(&mut rng, &mut mutated);
                taken += check(&mutated);
            }
        }
    }
    assert!(taken > 1_000, "the mutations are too wild to test anything: {taken}");
}

#[test]
fn all_packets_of_three_bytes() {
    for first in 0..=255 {
        for body in 0..=255 {
            check(&[first, 1, body]);
        }
    }
}
