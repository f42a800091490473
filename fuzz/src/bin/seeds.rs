//! Writes the seeds of `decode` and `connection` anew, from the packets that stand in the tests. Run it in the folder `fuzz`.

use std::collections::BTreeSet;
use std::path::Path;

use pure_mqtt::Version;
use pure_mqtt::wire::{Decoded, Packet, Rules};

/// So many packets make one life of a connection.
const LIFE: usize = 6;

fn main() -> std::io::Result<()> {
    let golden = literals(Path::new("../tests/wire/golden.rs"))?;
    let mut files: Vec<_> = std::fs::read_dir("../tests/hostile")?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    let mut hostile = BTreeSet::new();
    for file in files {
        hostile.extend(literals(&file)?);
    }

    let mut seeds = Vec::new();
    for packet in golden.iter().chain(&hostile) {
        let good = [(2u8, Version::V5), (1, Version::V311), (0, Version::V31)]
            .into_iter()
            .find(|(_, version)| is_good(packet, *version));
        if let Some((number, _)) = good {
            seeds.push([&[number], &packet[..]].concat());
        }
    }
    seeds.truncate(120);
    write("decode", &seeds)?;

    let packets: Vec<_> = hostile.into_iter().filter(|packet| packet.len() < 90).collect();
    let mut lives = Vec::new();
    for version in 0..3u8 {
        for packets in packets.chunks(LIFE) {
            let mut life = vec![version];
            for packet in packets {
                let commands = [0x00, 0x11, 0x21, 0x02, 0x05]; // a link, QoS 1, QoS 2, SUBSCRIBE, and all of it leaves
                life.extend(commands);
                life.extend([0x0F, packet.len() as u8]);
                life.extend(packet);
            }
            lives.push(life);
        }
    }
    lives.truncate(110);
    write("connection", &lives)
}

fn is_good(packet: &[u8], version: Version) -> bool {
    matches!(Packet::decode(packet, Rules::new(version)), Ok(Decoded::Packet { length, .. }) if length == packet.len())
}

fn write(target: &str, seeds: &[Vec<u8>]) -> std::io::Result<()> {
    let folder = Path::new("seeds").join(target);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    for (number, seed) in seeds.iter().enumerate() {
        std::fs::write(folder.join(format!("{number:03}")), seed)?;
    }
    println!("{}: {} seeds", folder.display(), seeds.len());
    Ok(())
}

/// All byte strings of a source file that are long enough to be packets.
fn literals(file: &Path) -> std::io::Result<BTreeSet<Vec<u8>>> {
    let text = std::fs::read_to_string(file)?;
    let mut found = BTreeSet::new();
    for rest in text.split("b\"").skip(1) {
        let bytes = unescape(rest);
        if bytes.len() >= 2 && bytes[0] >= 0x10 {
            found.insert(bytes);
        }
    }
    Ok(found)
}

/// The bytes of a literal up to its closing quote.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (c, c == '\\') {
            ('"', _) => break,
            (_, false) => bytes.push(c as u8),
            _ => match rest.next() {
                Some('x') => {
                    let digits: String = rest.by_ref().take(2).collect();
                    bytes.extend(u8::from_str_radix(&digits, 16));
                }
                Some('0') => bytes.push(0),
                Some('n') => bytes.push(b'\n'),
                Some('\n') => {
                    let left = rest.as_str().trim_start();
                    rest = left.chars();
                }
                Some(other) => bytes.push(other as u8),
                None => break,
            },
        }
    }
    bytes
}
