//! Properties of 5.0 in every packet that a server sends: H32, H38, H40 to H54.

use crate::rig::{DEFAULT, Rig, Setup, V5, block, busy, busy_with, idle, message5, packet, strict, waiting};
use crate::table::{Row, accept, close, closes, run};
use pure_mqtt::wire::{Malformed, Violation};
use pure_mqtt::{Event, Property, Received, Version};

/// Every property with a value that is right.
const VALUES: [(u8, &[u8]); 27] = [
    (0x01, b"\x01"),
    (0x02, b"\x00\x00\x00\x09"),
    (0x03, b"\x00\x01c"),
    (0x08, b"\x00\x01r"),
    (0x09, b"\x00\x01\xFF"),
    (0x0B, b"\x05"),
    (0x11, b"\x00\x00\x0E\x10"),
    (0x12, b"\x00\x01c"),
    (0x13, b"\x00\x3C"),
    (0x15, b"\x00\x01m"),
    (0x16, b"\x00\x01\xFF"),
    (0x17, b"\x01"),
    (0x18, b"\x00\x00\x00\x09"),
    (0x19, b"\x01"),
    (0x1A, b"\x00\x01i"),
    (0x1C, b"\x00\x01s"),
    (0x1F, b"\x00\x01w"),
    (0x21, b"\x00\x09"),
    (0x22, b"\x00\x09"),
    (0x23, b"\x00\x01"),
    (0x24, b"\x01"),
    (0x25, b"\x01"),
    (0x26, b"\x00\x01k\x00\x01v"),
    (0x27, b"\x00\x00\x10\x00"),
    (0x28, b"\x01"),
    (0x29, b"\x01"),
    (0x2A, b"\x01"),
];

/// A packet of a server's: its name, the bytes around the properties, what it may carry.
struct Carrier {
    name: &'static str,
    first: u8,
    before: &'static [u8],
    after: &'static [u8],
    allowed: &'static [u8],
}

const ACK: &[u8] = &[0x1F, 0x26];

/// All of them fit what [`busy`] has under way.
const CARRIERS: [Carrier; 10] = [
    Carrier {
        name: "CONNACK",
        first: 0x20,
        before: b"\x00\x00",
        after: b"",
        allowed: &[
            0x11, 0x12, 0x13, 0x15, 0x16, 0x1A, 0x1C, 0x1F, 0x21, 0x22, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A,
        ],
    },
    Carrier {
        name: "PUBLISH",
        first: 0x32,
        before: b"\x00\x01t\x00\x14",
        after: b"p",
        allowed: &[0x01, 0x02, 0x03, 0x08, 0x09, 0x0B, 0x23, 0x26],
    },
    Carrier { name: "PUBACK", first: 0x40, before: b"\x00\x01\x00", after: b"", allowed: ACK },
    Carrier { name: "PUBREC", first: 0x50, before: b"\x00\x02\x00", after: b"", allowed: ACK },
    Carrier { name: "PUBREL", first: 0x62, before: b"\x00\x09\x00", after: b"", allowed: ACK },
    Carrier { name: "PUBCOMP", first: 0x70, before: b"\x00\x03\x00", after: b"", allowed: ACK },
    Carrier { name: "SUBACK", first: 0x90, before: b"\x00\x04", after: b"\x00\x01", allowed: ACK },
    Carrier { name: "UNSUBACK", first: 0xB0, before: b"\x00\x05", after: b"\x00\x11", allowed: ACK },
    Carrier { name: "DISCONNECT", first: 0xE0, before: b"\x8B", after: b"", allowed: &[0x11, 0x1C, 0x1F, 0x26] },
    Carrier { name: "AUTH", first: 0xF0, before: b"\x18", after: b"", allowed: &[0x15, 0x16, 0x1F, 0x26] },
];

impl Carrier {
    fn setup(&self) -> fn(Version) -> Rig {
        if self.first == 0x20 { waiting } else { busy }
    }

    fn with(&self, content: &[u8]) -> Vec<u8> {
        self.with_block(&block(content))
    }

    fn with_block(&self, block: &[u8]) -> Vec<u8> {
        packet(self.first, &[self.before, block, self.after].concat())
    }
}

#[test]
fn forbidden_twice_cut() {
    // H32, H38, H43 to H46
    let mut rows = Vec::new();
    for carrier in &CARRIERS {
        for (id, value) in VALUES {
            let once = [&[id], value].concat();
            let setup = carrier.setup();
            if !carrier.allowed.contains(&id) {
                let error = Violation::PropertyNotAllowed;
                rows.push(close("H38, H45", V5, setup, carrier.with(&once), error, 0x81));
                continue;
            }
            let repeats = id == 0x26 || id == 0x0B && carrier.first >> 4 == 3;
            if !repeats {
                let error = Violation::PropertyTwice;
                rows.push(close("H32, H46", V5, setup, carrier.with(&once.repeat(2)), error, 0x82));
            }
            for length in [0, value.len() - 1] {
                let cut = [&[id], &value[..length]].concat();
                rows.push(close("H41", V5, setup, carrier.with(&cut), Malformed::Truncated, 0x81));
            }
        }
    }
    run(rows);
}

#[test]
fn lengths_and_identifiers() {
    let mut rows = Vec::new();
    let varint = Malformed::VariableByteInteger;
    for carrier in &CARRIERS {
        let setup = carrier.setup();
        let mut wrong = |label, block: &[u8], error| {
            rows.push(close(label, V5, setup, carrier.with_block(block), error, 0x81));
        };
        wrong("H40", b"\x7F", Malformed::Truncated);
        wrong("H40", b"\xFF\xFF\xFF\x7F\x1F\x00\x01w", Malformed::Truncated);
        wrong("H42", b"\x80\x80\x80\x80\x01", varint);
        wrong("H42", b"\x80\x00", varint);
        for id in [
            &b"\x00"[..],
            b"\x04",
            b"\x07",
            b"\x0A",
            b"\x0C",
            b"\x10",
            b"\x14",
            b"\x1B",
            b"\x1D",
            b"\x1E",
            b"\x20",
            b"\x2B",
            b"\x7F",
            b"\x80\x01",
            b"\xFF\x7F",
            b"\x80\x80\x01",
            b"\xFF\xFF\xFF\x7F",
        ] {
            wrong("H44", &block(&[id, b"\x00\x01w"].concat()), Malformed::UnknownProperty);
        }
    }
    // H40: the answer to a SUBSCRIBE whose properties claim more than the packet holds.
    rows.push(close("H40", V5, busy, b"\x90\x06\x00\x04\x1C\x00\x01\x02", Malformed::Truncated, 0x81));
    run(rows);
}

#[test]
fn a_block_shorter_than_its_contents() {
    // H41: a property straddles the end.
    for carrier in &CARRIERS {
        let before = carrier.setup()(Version::V5);
        let content = b"\x26\x00\x03key\x00\x05value";
        for length in 1..content.len() {
            let bytes = carrier.with_block(&[&[length as u8], &content[..]].concat());
            closes(&before, &bytes, &[0x81]);
        }
    }
}

#[test]
fn the_short_forms() {
    let mut rows = vec![
        close("H43", V5, busy, b"\x30\x03\x00\x01t", Malformed::Truncated, 0x81),
        close("H43", V5, busy, b"\x32\x05\x00\x01t\x00\x01", Malformed::Truncated, 0x81),
        close("H43", V5, busy, b"\x40\x04\x00\x01\x00\x26", Malformed::Truncated, 0x81),
        close("H43", V5, busy, b"\x90\x02\x00\x04", Malformed::Truncated, 0x81),
        close("H43", V5, strict, b"\xB0\x02\x00\x05", Malformed::Truncated, 0x81),
        accept("H43", V5, busy, b"\xB0\x02\x00\x05", &["UnsubAck 5 []"], b""), // tolerated
    ];
    for (first, id, told, sent) in [
        (0x40, 1, vec!["PubAck 1 0x00"], &b""[..]),
        (0x50, 2, vec![], b"\x62\x02\x00\x02"),
        (0x62, 9, vec![], b"\x70\x02\x00\x09"),
        (0x70, 3, vec!["PubComp 3 0x00"], b""),
    ] {
        for tail in [&b""[..], b"\x00", b"\x00\x00", b"\x00\x05\x26\x00\x00\x00\x00"] {
            let bytes = packet(first, &[&[0, id], tail].concat());
            rows.push(accept("H43, H51", V5, busy, bytes, &told, sent));
        }
    }
    run(rows);
}

#[test]
fn values() {
    // [MQTT-3.3.2-14] [MQTT-3.14.2-2]
    let value = Violation::PropertyValue;
    let topic = Violation::ResponseTopic;
    let row = |label, properties: &[u8], error: Error, code| -> Row {
        close(label, V5, busy, message5(0x32, 20, "t", properties, b"p"), error.0, code)
    };
    run(vec![
        row("H47", b"\x0B\x00", value.into(), 0x82),
        row("H47", b"\x0B\x80\x80\x80\x80\x01", Malformed::VariableByteInteger.into(), 0x81),
        row("H47", b"\x0B\x81\x00", Malformed::VariableByteInteger.into(), 0x81),
        row("H48", b"\x01\x02", value.into(), 0x82),
        row("H48", b"\x01\xFF", value.into(), 0x82),
        row("H49", b"\x08\x00\x03a/+", topic.into(), 0x82),
        row("H49", b"\x08\x00\x01#", topic.into(), 0x82),
        row("H49", b"\x08\x00\x00", topic.into(), 0x82),
        row("H49", b"\x08\x00\x01\xFF", Malformed::Utf8.into(), 0x81),
        row("H50", b"\x26", Malformed::Truncated.into(), 0x81),
        row("H50", b"\x26\x00\x01k", Malformed::Truncated.into(), 0x81),
        row("H50", b"\x26\x00\x01k\x00\x05v", Malformed::Truncated.into(), 0x81),
        row("H50", b"\x26\x00\x01\xFF\x00\x01v", Malformed::Utf8.into(), 0x81),
        row("H50", b"\x26\x00\x01k\x00\x01\xC0", Malformed::Utf8.into(), 0x81),
        accept(
            "H51",
            V5,
            busy,
            message5(0x30, 0, "t", b"\x26\x00\x00\x00\x00", b"p"),
            &["Message \"t\" \"p\" q0 0"],
            b"",
        ),
        close("H53", V5, busy, b"\xE0\x07\x00\x05\x11\x00\x00\x00\x00", Violation::PropertyNotAllowed, 0x81),
        close("H53", V5, busy, b"\xE0\x07\x8B\x05\x11\x00\x00\x0E\x10", Violation::PropertyNotAllowed, 0x81),
    ]);
}

struct Error(pure_mqtt::ConnectionError);

impl From<Malformed> for Error {
    fn from(fault: Malformed) -> Self {
        Self(fault.into())
    }
}

impl From<Violation> for Error {
    fn from(fault: Violation) -> Self {
        Self(fault.into())
    }
}

#[test]
fn a_packet_full_of_user_properties() {
    // H52: 200,000 of them in one packet of 1 MB take time in proportion, and are only looked at when asked for.
    let mut rig = idle(Version::V5);
    let started = std::time::Instant::now();
    for (count, first) in [(2_000, 0x30), (200_000, 0x30)] {
        let bytes = message5(first, 0, "t", &b"\x26\x00\x00\x00\x00".repeat(count), b"p");
        let Ok(Received::Packet { event: Some(Event::Message(message)), .. }) = rig.mqtt.handle_input(rig.at(), &bytes)
        else {
            panic!()
        };
        assert_eq!(message.properties.user_properties().count(), count);
    }
    // Checking each against each would take hours; a slow machine takes a second.
    assert!(started.elapsed().as_secs() < 300);
}

fn silenced(version: Version) -> Rig {
    let properties = &[Property::RequestProblemInformation(false), crate::rig::LASTING];
    busy_with(version, Setup { properties, ..DEFAULT })
}

fn asking_silently(version: Version) -> Rig {
    let properties =
        &[Property::RequestProblemInformation(false), Property::AuthenticationMethod("m"), crate::rig::LASTING];
    Rig::waiting(version, Setup { properties, connack: b"\x15\x00\x01m", ..DEFAULT })
}

#[test]
fn problem_information_that_was_not_asked_for() {
    // [MQTT-3.1.2-29]
    // H54
    let mut rows = Vec::new();
    for carrier in &CARRIERS {
        for content in [&b"\x1F\x00\x01w"[..], b"\x26\x00\x00\x00\x00"] {
            match carrier.name {
                "CONNACK" | "PUBLISH" | "DISCONNECT" | "AUTH" => {}
                _ => rows.push(close("H54", V5, silenced, carrier.with(content), Violation::NotRequested, 0x82)),
            }
        }
    }
    let shut_down = pure_mqtt::ConnectionError::ServerDisconnect(pure_mqtt::ReasonCode::SERVER_SHUTTING_DOWN);
    let auth = b"\xF0\x0A\x18\x08\x15\x00\x01m\x1F\x00\x01w";
    rows.push(close("H54", V5, asking_silently, auth, Violation::NotRequested, 0x82));
    // PUBLISH, CONNACK and DISCONNECT may always say more.
    rows.extend([
        accept(
            "H54",
            V5,
            silenced,
            message5(0x30, 0, "t", b"\x26\x00\x00\x00\x00", b""),
            &["Message \"t\" \"\" q0 0"],
            b"",
        ),
        crate::table::end("H54", V5, silenced, b"\xE0\x06\x8B\x04\x1F\x00\x01w", "Disconnect 0x8B", shut_down),
        accept("H54", V5, silenced, b"\x40\x04\x00\x01\x00\x00", &["PubAck 1 0x00"], b""),
    ]);
    run(rows);
}
