//! Where the two codecs differ, and why: a table. A difference that no row tells of is a find.

use pure_mqtt::Version;
use pure_mqtt::wire::{DecodeError, Malformed, Violation};

use crate::anatomy::Anatomy;
use crate::told::{Outcome, Refusal};

/// A known difference.
pub struct Difference {
    /// What mqttbytes does.
    pub what: &'static str,
    /// Why this project does otherwise.
    pub why: &'static str,
    /// In which ways it shows.
    pub ways: &'static [Way],
    /// Whether an input shows it.
    pub when: fn(&Anatomy<'_>) -> bool,
    /// Inputs that show this difference and no other, for each codec that has it.
    pub examples: &'static [(Version, &'static [u8])],
}

/// In which way they differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// This project refuses what mqttbytes takes, or what it still waits for, with this error.
    WeRefuse(DecodeError),
    TheyRefuse,
    /// They take it for different packets.
    Fields,
    TheyPanic,
}

/// How two outcomes for the same bytes differ.
pub fn way(ours: &Outcome, theirs: &Outcome) -> Option<Way> {
    match (ours, theirs) {
        (_, Outcome::Panicked) => Some(Way::TheyPanic),
        (Outcome::Refused(_), Outcome::Refused(_)) | (Outcome::Partial, Outcome::Partial) => None,
        (Outcome::Refused(Refusal::Ours(error)), _) => Some(Way::WeRefuse(*error)),
        (_, Outcome::Refused(_)) => Some(Way::TheyRefuse),
        (ours, theirs) if ours == theirs => None,
        _ => Some(Way::Fields),
    }
}

/// The rows that explain a difference.
pub fn explained<'a>(way: Way, input: &'a [u8], version: Version) -> impl Iterator<Item = usize> + use<'a> {
    let anatomy = Anatomy::of(input, version);
    let explains = move |row: &Difference| {
        row.ways.contains(&way)
            && row.examples.iter().any(|(of, _)| *of == version)
            && anatomy.as_ref().is_some_and(|anatomy| (row.when)(anatomy))
    };
    TABLE.iter().enumerate().filter(move |(_, row)| explains(row)).map(|(index, _)| index)
}

const V311: Version = Version::V311;
const V5: Version = Version::V5;

const fn malformed(fault: Malformed) -> Way {
    Way::WeRefuse(DecodeError::Malformed(fault))
}

const fn violation(fault: Violation) -> Way {
    Way::WeRefuse(DecodeError::Protocol(fault))
}

/// The packet types by their numbers.
const CONNECT: u8 = 1;
const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
const SUBSCRIBE: u8 = 8;
const UNSUBSCRIBE: u8 = 10;
const DISCONNECT: u8 = 14;
const AUTH: u8 = 15;

/// Those from 0x80 on that CONNACK may have (§3.2.2.2).
const CONNECT_REASONS: [u8; 21] = [
    0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95, 0x97, 0x99, 0x9A, 0x9B, 0x9C,
    0x9D, 0x9F,
];

#[rustfmt::skip]
pub const TABLE: &[Difference] = &[
    Difference {
        what: "does not look at the reserved flags of the fixed header, or only once the packet is whole",
        why: "[MQTT-2.1.3-1]",
        ways: &[malformed(Malformed::HeaderFlags)],
        when: |p| p.kind != PUBLISH && p.flags != if matches!(p.kind, 6 | SUBSCRIBE | UNSUBSCRIBE) { 2 } else { 0 },
        examples: &[(V311, b"\x21\x02\x00\x00"), (V5, b"\x21\x03\x00\x00\x00"), (V5, b"\xE1\x02\x00")],
    },
    Difference {
        what: "waits for all of a packet whose type does not exist",
        why: "§2.1.2: nothing can follow that would make it a packet",
        ways: &[malformed(Malformed::PacketType)],
        when: |p| !p.is_whole && (p.kind == 0 || p.kind == AUTH && p.version != V5),
        examples: &[(V311, b"\x00"), (V311, b"\xF0\x02\x00"), (V5, b"\x00\x02")],
    },
    Difference {
        what: "waits for all of a PUBLISH with QoS 3",
        why: "[MQTT-3.3.1-4]",
        ways: &[malformed(Malformed::QoS)],
        when: |p| !p.is_whole && p.kind == PUBLISH && p.flags & 6 == 6,
        examples: &[(V311, b"\x36\x05\x00"), (V5, b"\x37\x05\x00")],
    },
    Difference {
        what: "takes integers that are longer than they need to be",
        why: "[MQTT-1.5.5-1]",
        ways: &[malformed(Malformed::VariableByteInteger)],
        when: |p| p.integers.iter().any(|integer| matches!(integer, [.., _, 0])),
        examples: &[(V5, b"\xD0\x80\x00"), (V5, b"\x30\x06\x00\x01t\x80\x00p"), (V5, b"\x30\x08\x00\x01t\x03\x0B\x81\x00p")],
    },
    Difference {
        what: "does not look behind the last field",
        why: "§4.13: what is left over belongs to no field",
        ways: &[malformed(Malformed::TrailingBytes)],
        when: |p| !p.rest.is_empty(),
        examples: &[(V311, b"\x20\x03\x00\x00\x00"), (V311, b"\xE0\x01\x00"), (V5, b"\x40\x05\x00\x01\x00\x00\x00"), (V5, b"\xD0\x01\x00")],
    },
    Difference {
        what: "takes U+0000 in strings",
        why: "[MQTT-1.5.4-2]",
        ways: &[malformed(Malformed::NulCharacter)],
        when: |p| p.texts.iter().any(|text| text.contains(&0)),
        examples: &[(V311, b"\x30\x05\x00\x03a\x00b"), (V5, b"\x40\x08\x00\x01\x00\x04\x1F\x00\x01\x00")],
    },
    Difference {
        what: "takes wildcards in topic names",
        why: "[MQTT-3.3.2-2]",
        ways: &[violation(Violation::TopicWildcard)],
        when: |p| p.topics.iter().any(|name| has_wildcard(name)),
        examples: &[(V311, b"\x30\x03\x00\x01#"), (V5, b"\x30\x04\x00\x01+\x00")],
    },
    Difference {
        what: "takes a PUBLISH or a will without a topic name",
        why: "[MQTT-4.7.3-1]",
        ways: &[violation(Violation::EmptyTopic)],
        when: |p| p.topics.iter().any(|name| name.is_empty()) && (p.kind == CONNECT || !p.has(0x23)),
        examples: &[(V311, b"\x30\x02\x00\x00"), (V5, b"\x30\x03\x00\x00\x00")],
    },
    Difference {
        what: "takes the packet identifier 0 in all packets but PUBLISH",
        why: "[MQTT-2.2.1-3]",
        ways: &[violation(Violation::PacketIdZero)],
        when: |p| p.kind != PUBLISH && p.id == Some(0),
        examples: &[(V311, b"\x40\x02\x00\x00"), (V311, b"\xB0\x02\x00\x00"), (V5, b"\x62\x02\x00\x00"), (V5, b"\x90\x04\x00\x00\x00\x01")],
    },
    Difference {
        what: "does not look at the reserved flags of CONNECT and CONNACK, nor at the reserved options of SUBSCRIBE",
        why: "[MQTT-3.1.2-3] [MQTT-3.2.2-1] [MQTT-3.8.3-5]",
        ways: &[malformed(Malformed::ReservedBits)],
        when: |p| match p.kind {
            CONNECT => p.inner_flags.is_some_and(|flags| flags & 1 != 0),
            CONNACK => p.inner_flags.is_some_and(|flags| flags > 1),
            _ => p.options.iter().any(|options| *options > if p.version == V5 { 0x3F } else { 3 }),
        },
        examples: &[(V311, b"\x20\x02\x02\x00"), (V311, b"\x82\x06\x00\x01\x00\x01a\x04"), (V5, b"\x20\x03\x80\x00\x00"),
            (V5, b"\x10\x0E\x00\x04MQTT\x05\x03\x00\x3C\x00\x00\x01c")],
    },
    Difference {
        what: "takes a SUBSCRIBE or an UNSUBSCRIBE without a filter",
        why: "[MQTT-3.8.3-2] [MQTT-3.10.3-2]",
        ways: &[violation(Violation::EmptyList)],
        when: |p| matches!(p.kind, SUBSCRIBE | UNSUBSCRIBE) && p.filters.is_empty(),
        examples: &[(V311, b"\x82\x02\x00\x01"), (V5, b"\xA2\x03\x00\x01\x00")],
    },
    Difference {
        what: "does not look into filters",
        why: "[MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1]",
        ways: &[violation(Violation::TopicFilter)],
        when: |p| p.filters.iter().any(|filter| !is_share(filter) && !is_filter(filter)),
        examples: &[(V311, b"\x82\x07\x00\x01\x00\x02a#\x00"), (V5, b"\xA2\x05\x00\x01\x00\x00\x00")],
    },
    Difference {
        what: "does not know of shared subscriptions",
        why: "[MQTT-4.8.2-1] [MQTT-4.8.2-2]; servers have them in 3.1.1 as well, where the standard has not",
        ways: &[violation(Violation::TopicFilter)],
        when: |p| p.filters.iter().any(|filter| is_share(filter) && !is_shared_filter(filter)),
        examples: &[(V311, b"\x82\x0E\x00\x01\x00\x09$share//a\x00"), (V5, b"\xA2\x0D\x00\x01\x00\x00\x08$share/g")],
    },
    Difference {
        what: "takes No Local for a shared subscription",
        why: "[MQTT-3.8.3-4]",
        ways: &[violation(Violation::SubscriptionOptions)],
        when: |p| p.filters.iter().zip(&p.options).any(|(filter, options)| is_share(filter) && options & 4 != 0),
        examples: &[(V5, b"\x82\x10\x00\x01\x00\x00\x0A$share/g/a\x04")],
    },
    Difference {
        what: "takes a password without a user name",
        why: "[3.1.1: MQTT-3.1.2-22]",
        ways: &[violation(Violation::ConnectFlags)],
        when: |p| p.kind == CONNECT && p.inner_flags.is_some_and(|flags| flags & 0xC0 == 0x40),
        examples: &[(V311, b"\x10\x10\x00\x04MQTT\x04\x42\x00\x3C\x00\x01c\x00\x01p")],
    },
    Difference {
        what: "takes the last of properties that may stand once",
        why: "§2.2.2.2",
        ways: &[violation(Violation::PropertyTwice)],
        when: |p| p.blocks.iter().any(|block| {
            let repeats = |id| id == 0x26 || id == 0x0B && p.kind == PUBLISH;
            block.properties.iter().enumerate().any(|(at, property)| {
                !repeats(property.id) && block.properties[..at].iter().any(|before| before.id == property.id)
            })
        }),
        examples: &[(V5, b"\x20\x09\x00\x00\x06\x21\x00\x01\x21\x00\x02")],
    },
    Difference {
        what: "takes any number for a property",
        why: "§2.2.2.2: flags are 0 or 1; a maximum, an alias or an identifier is not 0",
        ways: &[violation(Violation::PropertyValue)],
        when: |p| p.properties().any(|property| match property.id {
            0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28..=0x2A => property.number > Some(1),
            0x0B | 0x21 | 0x27 => property.number == Some(0),
            _ => false,
        }),
        examples: &[(V5, b"\x20\x05\x00\x00\x02\x24\x02"), (V5, b"\x20\x06\x00\x00\x03\x21\x00\x00"), (V5, b"\x30\x06\x00\x01t\x02\x0B\x00")],
    },
    Difference {
        what: "takes the topic alias 0",
        why: "[MQTT-3.3.2-8]",
        ways: &[violation(Violation::TopicAlias)],
        when: |p| p.properties().any(|property| property.id == 0x23 && property.number == Some(0)),
        examples: &[(V5, b"\x30\x07\x00\x01t\x03\x23\x00\x00")],
    },
    Difference {
        what: "takes any response topic",
        why: "[MQTT-3.3.2-14] [MQTT-4.7.3-1]",
        ways: &[violation(Violation::ResponseTopic)],
        when: |p| p.properties().any(|property| {
            property.id == 0x08 && property.text.is_some_and(|name| name.is_empty() || has_wildcard(name))
        }),
        examples: &[(V5, b"\x30\x08\x00\x01t\x04\x08\x00\x01#"), (V5, b"\x30\x07\x00\x01t\x03\x08\x00\x00")],
    },
    Difference {
        what: "takes authentication data without a method",
        why: "§3.1.2.11.10, §3.2.2.3.18: the method says what the data mean",
        ways: &[violation(Violation::AuthenticationMethod)],
        when: |p| {
            p.properties().any(|property| property.id == 0x16) && p.properties().all(|property| property.id != 0x15)
        },
        examples: &[(V5, b"\x20\x07\x00\x00\x04\x16\x00\x01p")],
    },
    Difference {
        what: "reads a property that is longer than its block, as long as the packet goes on",
        why: "§2.2.2.1: the length is that of the properties",
        ways: &[malformed(Malformed::Truncated)],
        when: |p| p.blocks.iter().any(|block| block.is_cut),
        examples: &[(V5, b"\x30\x07\x00\x01t\x02\x23\x00\x07")],
    },
    // mqttbytes itself doubts this: "TODO: Validate 1 +".
    Difference {
        what: "counts a subscription identifier as a byte more than it has, and so ends some blocks too early",
        why: "§2.2.2.1: the length is that of the properties",
        ways: &[
            Way::Fields, malformed(Malformed::Truncated), malformed(Malformed::UnknownProperty),
            malformed(Malformed::VariableByteInteger), violation(Violation::PropertyNotAllowed),
        ],
        when: |p| p.blocks.iter().any(|block| {
            let counted_before = |at| block.properties[..at].iter().filter(|before| before.id == 0x0B).count();
            block.properties.iter().enumerate().any(|(at, property)| property.at + counted_before(at) >= block.declared)
        }),
        examples: &[(V5, b"\x30\x0A\x00\x01t\x06\x0B\x01\x0B\x02\x0B\x03"), (V5, b"\x30\x07\x00\x01t\x03\x0B\x01\x2B")],
    },
    Difference {
        what: "knows no AUTH",
        why: "§3.15",
        ways: &[Way::TheyRefuse],
        when: |p| p.kind == AUTH,
        examples: &[(V5, b"\xF0\x00")],
    },
    Difference {
        what: "takes no DISCONNECT without a reason code, or without properties",
        why: "§3.14.2.1, §3.14.2.2.1: both may be left out",
        ways: &[Way::TheyRefuse],
        when: |p| p.kind == DISCONNECT && p.remaining < 2,
        examples: &[(V5, b"\xE0\x00"), (V5, b"\xE0\x01\x8B")],
    },
    Difference {
        what: "knows no DISCONNECT for a bad authentication method",
        why: "§2.4 gives 0x8C to DISCONNECT; the list in §3.14.2.1 leaves it out",
        ways: &[Way::TheyRefuse],
        when: |p| p.kind == DISCONNECT && p.codes == [0x8C],
        examples: &[(V5, b"\xE0\x02\x8C\x00")],
    },
    Difference {
        what: "knows six return codes",
        why: "§3.2.2.3: a client that meets another one is refused all the same; it is told the code",
        ways: &[Way::TheyRefuse],
        when: |p| p.kind == CONNACK && p.codes.iter().any(|code| *code > 5),
        examples: &[(V311, b"\x20\x02\x00\x06")],
    },
    Difference {
        what: "knows 22 reason codes of CONNACK",
        why: "§3.2.2.2: a code of 0x80 or above refuses, whichever it is; it is told",
        ways: &[Way::TheyRefuse],
        when: |p| p.kind == CONNACK && p.codes.iter().any(|code| *code >= 0x80 && !CONNECT_REASONS.contains(code)),
        examples: &[(V5, b"\x20\x03\x00\xE9\x00")],
    },
    Difference {
        what: "does not understand a server that refuses 5.0 in the form of 3.1.1",
        why: "§3.1.2.2 of 3.1.1 has such a server answer so",
        ways: &[Way::TheyRefuse],
        when: |p| p.kind == CONNACK && p.remaining == 2 && p.codes.iter().any(|code| (1..=5).contains(code)),
        examples: &[(V5, b"\x20\x02\x00\x01")],
    },
    Difference {
        what: "takes a password for text",
        why: "§3.1.3.5: binary data",
        ways: &[Way::TheyRefuse],
        when: |p| p.password.is_some_and(|password| std::str::from_utf8(password).is_err()),
        examples: &[(V311, b"\x10\x13\x00\x04MQTT\x04\xC2\x00\x3C\x00\x01c\x00\x01u\x00\x01\xFF"),
            (V5, b"\x10\x11\x00\x04MQTT\x05\x42\x00\x3C\x00\x00\x01c\x00\x01\xFF")],
    },
    Difference {
        what: "knows no bridges",
        why: "the level's highest bit is how a client says that it is one; servers take it",
        ways: &[Way::TheyRefuse],
        when: |p| p.level == Some(0x84),
        examples: &[(V311, b"\x10\x0D\x00\x04MQTT\x84\x02\x00\x3C\x00\x01c")],
    },
];

fn has_wildcard(name: &[u8]) -> bool {
    name.iter().any(|byte| matches!(byte, b'#' | b'+'))
}

/// Wildcards stand alone in a level, `#` in the last one.
fn is_filter(filter: &[u8]) -> bool {
    let mut levels: Vec<&[u8]> = filter.split(|byte| *byte == b'/').collect();
    let last = levels.pop().unwrap_or_default();
    let is_level = |level: &[u8]| level == b"+" || !has_wildcard(level);
    !filter.is_empty() && levels.into_iter().all(is_level) && (last == b"#" || is_level(last))
}

fn is_share(filter: &[u8]) -> bool {
    filter.starts_with(b"$share/")
}

/// Behind `$share` come a name without wildcards, and a filter.
fn is_shared_filter(filter: &[u8]) -> bool {
    let mut parts = filter.splitn(3, |byte| *byte == b'/').skip(1);
    let name = parts.next().unwrap_or_default();
    !name.is_empty() && !has_wildcard(name) && parts.next().is_some_and(is_filter)
}
