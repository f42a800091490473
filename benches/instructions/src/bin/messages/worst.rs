//! What a hostile or unlucky server can send: twice as much of it may take twice as long, not more.

use pure_mqtt::{Limits, Received, RxBuffer, Version};

use pure_mqtt_instructions::Row;
use pure_mqtt_instructions::link::{Link, NOW, message};

use Version::{V5, V311};

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row { name: "tiny-packets", prepare: |count| once(Link::new(V311), b"\xD0\x00".repeat(count)) },
    Row { name: "byte-by-byte", prepare: byte_by_byte },
    Row { name: "user-properties", prepare: |count| {
        once(large(V5), message(V5, 0, 0, b"t", &b"\x26\x00\x01a\x00\x01b".repeat(count / 7), b""))
    } },
    Row { name: "long-topic", prepare: |count| once(large(V311), message(V311, 0, 0, &b"t".repeat(count.min(65_535)), &[], b"")) },
    Row { name: "colliding-identifiers", prepare: colliding_identifiers },
    Row { name: "unknown-acknowledgements", prepare: |count| {
        let strays = (0..count).flat_map(|number| {
            let [_, _, high, low] = (number as u32 % 60_000 + 1).to_be_bytes();
            [[0x40, 2, high, low], [0x50, 2, high, low], [0x62, 2, high, low], [0x70, 2, high, low]][number % 4]
        });
        once(Link::new(V311), strays.collect())
    } },
];

fn large(version: Version) -> Link {
    Link::with(version, Limits { inline_max: 8 << 20, ..Limits::DEFAULT })
}

/// All bytes in one read.
fn once(mut link: Link, input: Vec<u8>) -> Box<dyn FnMut()> {
    Box::new(move || {
        link.hear(&input);
        link.send();
    })
}

/// One message of so many bytes; each byte is a read of its own, through the buffer for hosts.
fn byte_by_byte(count: usize) -> Box<dyn FnMut()> {
    let mut link = large(V311);
    let input = message(V311, 0, 0, b"t", &[], &vec![7; count]);
    let mut rx = Box::new(RxBuffer::<{ 4 << 20 }>::new());
    Box::new(move || {
        let mut messages = 0;
        for byte in &input {
            rx.room()[0] = *byte;
            rx.filled(1);
            match link.mqtt.handle_input(NOW, rx.bytes()) {
                Ok(Received::Partial { .. }) => {}
                Ok(Received::Packet { consumed, .. }) => {
                    rx.consume(consumed);
                    messages += 1;
                }
                other => panic!("a message: {other:?}"),
            }
        }
        assert_eq!(messages, 1);
    })
}

/// The table holds as many messages with colliding identifiers as it can at all (256), and the one that is farthest to find comes again and
/// again.
fn colliding_identifiers(count: usize) -> Box<dyn FnMut()> {
    const TABLE: u16 = 256;
    let limits = Limits { receive_maximum: TABLE, max_received: TABLE, ..Limits::DEFAULT };
    let mut link = Link::with(V311, limits);
    for number in 1..TABLE - 1 {
        link.hear(&message(V311, 2, number * TABLE, b"t", &[], b""));
        link.send();
    }
    let again = message(V311, 2, TABLE, b"t", &[], b"");
    Box::new(move || {
        for _ in 0..count {
            assert_eq!(link.hear(&again), 0);
            link.send();
        }
    })
}
