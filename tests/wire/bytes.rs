//! Packets put together by hand, and a short way to decode.

use pure_mqtt::Version;
use pure_mqtt::wire::{DecodeError, Decoded, Malformed, Packet, Rules, Violation};

/// A variable byte integer.
pub fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value % 128) as u8;
        value /= 128;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// A packet: the first byte, the length of `body`, `body`.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    [&[first], &varint(body.len())[..], body].concat()
}

/// A string or binary data with its two bytes of length.
pub fn field(content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    [&(content.len() as u16).to_be_bytes()[..], content].concat()
}

/// A property block with its length.
pub fn block(content: &[u8]) -> Vec<u8> {
    [&varint(content.len())[..], content].concat()
}

/// Decodes `bytes`, which are one whole packet.
pub fn decode(bytes: &[u8], version: Version) -> Result<Packet<'_>, DecodeError> {
    decode_with(bytes, Rules::new(version))
}

/// The same, strictly.
pub fn decode_strictly(bytes: &[u8], version: Version) -> Result<Packet<'_>, DecodeError> {
    decode_with(bytes, Rules { version, strict: true })
}

pub fn decode_with(bytes: &[u8], rules: Rules) -> Result<Packet<'_>, DecodeError> {
    match Packet::decode(bytes, rules)? {
        Decoded::Packet { packet, length } => {
            assert_eq!(length, bytes.len());
            Ok(packet)
        }
        Decoded::Partial { needed } => panic!("partial, {needed} more, of {bytes:02X?}"),
    }
}

/// `packet` as bytes.
pub fn encode(packet: &Packet<'_>, version: Version) -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    match packet.encode(version, &mut bytes) {
        Ok(length) => bytes.truncate(length),
        Err(pure_mqtt::wire::EncodeError::NoRoom { needed }) => {
            bytes.resize(needed, 0);
            assert_eq!(packet.encode(version, &mut bytes), Ok(needed));
        }
        Err(error) => panic!("{error}: {packet:?}"),
    }
    bytes
}

pub fn malformed<T>(fault: Malformed) -> Result<T, DecodeError> {
    Err(DecodeError::Malformed(fault))
}

pub fn violation<T>(fault: Violation) -> Result<T, DecodeError> {
    Err(DecodeError::Protocol(fault))
}

/// A seeded source of random numbers for the test `name`.
pub fn random(name: &str) -> fastrand::Rng {
    let seed = match std::env::var("PURE_MQTT_SEED") {
        Ok(seed) => seed.parse().expect("PURE_MQTT_SEED is a number"),
        Err(_) => fastrand::u64(..),
    };
    println!("{name}: PURE_MQTT_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}
