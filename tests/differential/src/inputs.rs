//! What both codecs are given.

use std::path::Path;

use fastrand::Rng;
use pure_mqtt::Version;
use pure_mqtt::wire::{Packet, PacketType};

use crate::random;

/// Versions that both codecs know.
pub const VERSIONS: [Version; 2] = [Version::V311, Version::V5];

/// The inputs of `tests/hostile`, as they are kept for the firmware that plays them too.
pub fn hostile(root: &Path) -> Vec<Vec<u8>> {
    let path = root.join("no_std-example/hostile/vectors.txt");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().filter_map(|line| line.split_once(' ')).map(|(_, hex)| bytes(hex)).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("a byte in hexadecimal");
    (0..hex.len() / 2).map(|index| digit(2 * index)).collect()
}

/// The packets that stand in the tests of the codec, as they are kept for the fuzzer: behind a byte that names the version.
pub fn golden(root: &Path) -> Vec<Vec<u8>> {
    let folder = root.join("fuzz/seeds/decode");
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.expect("a readable folder").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(path).expect("a readable file").split_off(1)).collect()
}

/// A random packet that the standard allows.
pub fn legal(rng: &mut Rng, version: Version) -> Packet<'static> {
    loop {
        let packet_type = PacketType::ALL[rng.usize(..PacketType::ALL.len())];
        if let Some(packet) = random::packet(rng, packet_type, version) {
            return packet;
        }
    }
}

/// Bytes that tend to mean something.
const TELLING: [u8; 12] = [0x00, 0x01, 0x02, 0x04, 0x0B, 0x1F, 0x23, 0x26, 0x2B, 0x7F, 0x80, 0xFF];

/// Changes an input here and there, with bytes of `other` among it.
pub fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..=bytes.len());
        match rng.u8(..33) / 4 {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.u8(..)),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
            4 if at < bytes.len() => bytes[at] = TELLING[rng.usize(..TELLING.len())],
            5 if at < bytes.len() => bytes[at] = bytes[at].wrapping_add(rng.u8(..3)).wrapping_sub(1),
            6 => bytes.extend_from_within(at..),
            7 => splice(rng, bytes, at, other),
            8 if !bytes.is_empty() => bytes[0] = rng.u8(..), // rarely: most have no more to say then
            _ => {}
        }
    }
    if rng.u8(..4) != 0 {
        mend_length(bytes);
    }
}

fn splice(rng: &mut Rng, bytes: &mut Vec<u8>, at: usize, other: &[u8]) {
    let from = rng.usize(..=other.len());
    let to = rng.usize(from..=other.len());
    let end = rng.usize(at..=bytes.len());
    bytes.splice(at..end, other[from..to].iter().copied());
}

/// Makes the remaining length fit, if it is one byte; else most inputs would end inside a packet.
fn mend_length(bytes: &mut [u8]) {
    if let (3..=129, Some(length)) = (bytes.len(), bytes.get(1))
        && length & 0x80 == 0
    {
        bytes[1] = (bytes.len() - 2) as u8;
    }
}
