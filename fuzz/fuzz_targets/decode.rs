//! Any bytes, any version: the codec never panics, and what it takes for a packet survives being encoded and decoded again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pure_mqtt::Version;
use pure_mqtt::wire::{Decoded, Packet, Rules};

fuzz_target!(|data: &[u8]| {
    let Some((&choice, input)) = data.split_first() else { return };
    let version = Version::ALL[usize::from(choice & 0x7F) % 3];
    let rules = Rules { version, strict: choice & 0x80 != 0 };
    let Ok(Decoded::Packet { packet, length }) = Packet::decode(input, rules) else { return };
    assert!(length <= input.len());
    let version = if let Packet::Connect(connect) = packet { connect.version } else { version };
    let mut buffer = vec![0; length + 16];
    let encoded = packet.encode(version, &mut buffer).expect("what was decoded can be encoded");
    let again = Packet::decode(&buffer[..encoded], rules).expect("what was encoded can be decoded");
    assert_eq!(again, Decoded::Packet { packet, length: encoded });
});
