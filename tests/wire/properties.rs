//! The 27 properties against every packet that has properties, from a table of the standard of our own (§2.2.2.2).

use crate::bytes::{block, decode, field, malformed, packet, violation};
use pure_mqtt::wire::{DecodeError, Malformed, Packet, Violation};
use pure_mqtt::{Properties, Property, Version};

/// Where properties stand: 13 packet types, and the will in CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Connect,
    Will,
    ConnAck,
    Publish,
    PubAck,
    PubRec,
    PubRel,
    PubComp,
    Subscribe,
    SubAck,
    Unsubscribe,
    UnsubAck,
    Disconnect,
    Auth,
}

use Kind::{
    Auth, ConnAck, Connect, Disconnect, PubAck, PubComp, PubRec, PubRel, Publish, SubAck, Subscribe, UnsubAck,
    Unsubscribe, Will,
};

const KINDS: [Kind; 14] = [
    Connect,
    Will,
    ConnAck,
    Publish,
    PubAck,
    PubRec,
    PubRel,
    PubComp,
    Subscribe,
    SubAck,
    Unsubscribe,
    UnsubAck,
    Disconnect,
    Auth,
];

/// How a value is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Byte,
    TwoBytes,
    FourBytes,
    Varint,
    Text,
    Binary,
    Pair,
}

/// Which values are wrong although their layout is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Range {
    Any,
    /// Only 0 and 1.
    Bit,
    /// Not 0.
    Positive,
    /// Not 0, with a reason code of its own.
    Alias,
    /// A topic name.
    Topic,
}

/// One line of table 2-4.
pub struct Row {
    pub id: u8,
    name: &'static str,
    layout: Type,
    range: Range,
    pub packets: &'static [Kind],
    /// An example as bytes and as a value.
    example: (&'static [u8], Property<'static>),
}

impl Row {
    /// User Property may repeat everywhere; Subscription Identifier in PUBLISH.
    pub fn repeats_in(&self, kind: Kind) -> bool {
        self.id == 0x26 || self.id == 0x0B && kind == Publish
    }
}

const fn row(
    id: u8,
    name: &'static str,
    (layout, range): (Type, Range),
    packets: &'static [Kind],
    example: (&'static [u8], Property<'static>),
) -> Row {
    Row { id, name, layout, range, packets, example }
}

use Range::{Alias, Any, Bit, Positive, Topic};
use Type::{Binary, Byte, FourBytes, Pair, Text, TwoBytes, Varint};

const REASONED: &[Kind] = &[ConnAck, PubAck, PubRec, PubRel, PubComp, SubAck, UnsubAck, Disconnect, Auth];
const MESSAGES: &[Kind] = &[Publish, Will];

#[rustfmt::skip]
pub const TABLE: [Row; 27] = [
    row(0x01, "Payload Format Indicator", (Byte, Bit), MESSAGES, (b"\x01", Property::PayloadFormatIndicator(true))),
    row(0x02, "Message Expiry Interval", (FourBytes, Any), MESSAGES, (b"\x01\x02\x03\x04", Property::MessageExpiryInterval(0x0102_0304))),
    row(0x03, "Content Type", (Text, Any), MESSAGES, (b"\x00\x02ct", Property::ContentType("ct"))),
    row(0x08, "Response Topic", (Text, Topic), MESSAGES, (b"\x00\x03r/t", Property::ResponseTopic("r/t"))),
    row(0x09, "Correlation Data", (Binary, Any), MESSAGES, (b"\x00\x02\x00\xFF", Property::CorrelationData(&[0x00, 0xFF]))),
    row(0x0B, "Subscription Identifier", (Varint, Positive), &[Publish, Subscribe], (b"\xFF\xFF\xFF\x7F", Property::SubscriptionIdentifier(268_435_455))),
    row(0x11, "Session Expiry Interval", (FourBytes, Any), &[Connect, ConnAck, Disconnect], (b"\xFF\xFF\xFF\xFF", Property::SessionExpiryInterval(u32::MAX))),
    row(0x12, "Assigned Client Identifier", (Text, Any), &[ConnAck], (b"\x00\x02id", Property::AssignedClientIdentifier("id"))),
    row(0x13, "Server Keep Alive", (TwoBytes, Any), &[ConnAck], (b"\x01\x02", Property::ServerKeepAlive(0x0102))),
    row(0x15, "Authentication Method", (Text, Any), &[Connect, ConnAck, Auth], (b"\x00\x01m", Property::AuthenticationMethod("m"))),
    row(0x16, "Authentication Data", (Binary, Any), &[Connect, ConnAck, Auth], (b"\x00\x01\x80", Property::AuthenticationData(&[0x80]))),
    row(0x17, "Request Problem Information", (Byte, Bit), &[Connect], (b"\x00", Property::RequestProblemInformation(false))),
    row(0x18, "Will Delay Interval", (FourBytes, Any), &[Will], (b"\x00\x00\x00\x05", Property::WillDelayInterval(5))),
    row(0x19, "Request Response Information", (Byte, Bit), &[Connect], (b"\x01", Property::RequestResponseInformation(true))),
    row(0x1A, "Response Information", (Text, Any), &[ConnAck], (b"\x00\x02ri", Property::ResponseInformation("ri"))),
    row(0x1C, "Server Reference", (Text, Any), &[ConnAck, Disconnect], (b"\x00\x02sr", Property::ServerReference("sr"))),
    row(0x1F, "Reason String", (Text, Any), REASONED, (b"\x00\x03why", Property::ReasonString("why"))),
    row(0x21, "Receive Maximum", (TwoBytes, Positive), &[Connect, ConnAck], (b"\x00\x01", Property::ReceiveMaximum(1))),
    row(0x22, "Topic Alias Maximum", (TwoBytes, Any), &[Connect, ConnAck], (b"\x00\x00", Property::TopicAliasMaximum(0))),
    row(0x23, "Topic Alias", (TwoBytes, Alias), &[Publish], (b"\xFF\xFF", Property::TopicAlias(65_535))),
    row(0x24, "Maximum QoS", (Byte, Bit), &[ConnAck], (b"\x01", Property::MaximumQoS(1))),
    row(0x25, "Retain Available", (Byte, Bit), &[ConnAck], (b"\x00", Property::RetainAvailable(false))),
    row(0x26, "User Property", (Pair, Any), &KINDS, (b"\x00\x01k\x00\x01v", Property::UserProperty(("k", "v")))),
    row(0x27, "Maximum Packet Size", (FourBytes, Positive), &[Connect, ConnAck], (b"\x00\x00\x00\x01", Property::MaximumPacketSize(1))),
    row(0x28, "Wildcard Subscription Available", (Byte, Bit), &[ConnAck], (b"\x01", Property::WildcardSubscriptionAvailable(true))),
    row(0x29, "Subscription Identifier Available", (Byte, Bit), &[ConnAck], (b"\x00", Property::SubscriptionIdentifierAvailable(false))),
    row(0x2A, "Shared Subscription Available", (Byte, Bit), &[ConnAck], (b"\x01", Property::SharedSubscriptionAvailable(true))),
];

/// A packet of this kind around bytes that stand for the property block with its length.
pub fn frame(kind: Kind, properties: &[u8]) -> Vec<u8> {
    let around = |first: u8, before: &[u8], after: &[u8]| packet(first, &[before, properties, after].concat());
    match kind {
        Connect => around(0x10, b"\x00\x04MQTT\x05\x02\x00\x3C", b"\x00\x01c"),
        Will => around(0x10, b"\x00\x04MQTT\x05\x06\x00\x3C\x00\x00\x01c", b"\x00\x01w\x00\x01p"),
        ConnAck => around(0x20, b"\x00\x00", b""),
        Publish => around(0x30, b"\x00\x01t", b"payload"),
        PubAck => around(0x40, b"\x00\x07\x00", b""),
        PubRec => around(0x50, b"\x00\x07\x00", b""),
        PubRel => around(0x62, b"\x00\x07\x00", b""),
        PubComp => around(0x70, b"\x00\x07\x00", b""),
        Subscribe => around(0x82, b"\x00\x07", b"\x00\x01f\x00"),
        SubAck => around(0x90, b"\x00\x07", b"\x00"),
        Unsubscribe => around(0xA2, b"\x00\x07", b"\x00\x01f"),
        UnsubAck => around(0xB0, b"\x00\x07", b"\x00"),
        Disconnect => around(0xE0, b"\x00", b""),
        Auth => around(0xF0, b"\x00", b""),
    }
}

/// The properties of a packet, those of the will for [`Will`].
fn properties_of<'a>(packet: &Packet<'a>, kind: Kind) -> Properties<'a> {
    match packet {
        Packet::Connect(connect) if kind == Will => connect.will.unwrap().properties,
        Packet::Connect(connect) => connect.properties,
        Packet::ConnAck(connack) => connack.properties,
        Packet::Publish(publish) => publish.properties,
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => ack.properties,
        Packet::Subscribe(request) => request.properties,
        Packet::SubAck(suback) => suback.properties,
        Packet::Unsubscribe(request) => request.properties,
        Packet::UnsubAck(unsuback) => unsuback.properties,
        Packet::Disconnect(disconnect) => disconnect.properties,
        Packet::Auth(auth) => auth.properties,
        Packet::PingReq | Packet::PingResp => Properties::NONE,
    }
}

fn read(kind: Kind, content: &[u8]) -> Result<Vec<Property<'static>>, DecodeError> {
    read_block(kind, &block(content))
}

fn read_block(kind: Kind, block: &[u8]) -> Result<Vec<Property<'static>>, DecodeError> {
    let bytes = frame(kind, block).leak();
    let packet = decode(bytes, Version::V5)?;
    Ok(properties_of(&packet, kind).iter().collect())
}

fn with_id(row: &Row, value: &[u8]) -> Vec<u8> {
    [&[row.id], value].concat()
}

/// Authentication Data, which don't stand without the method.
const DATA: u8 = 0x16;
const METHOD: &[u8] = b"\x15\0\x01m";

/// All pairs of a property and a packet.
fn pairs() -> impl Iterator<Item = (&'static Row, Kind, bool)> {
    const ROWS: &[Row] = &TABLE;
    ROWS.iter().flat_map(|row| KINDS.into_iter().map(move |kind| (row, kind, row.packets.contains(&kind))))
}

#[test]
fn each_property_once() {
    assert_eq!(pairs().count(), 27 * 14);
    for (row, kind, is_allowed) in pairs() {
        let (value, property) = row.example;
        let expected = match (is_allowed, row.id == DATA) {
            (false, _) => violation(Violation::PropertyNotAllowed),
            (true, true) => violation(Violation::AuthenticationMethod), // which it needs beside it
            (true, false) => Ok(vec![property]),
        };
        assert_eq!(read(kind, &with_id(row, value)), expected, "{} in {kind:?}", row.name);
        if is_allowed && row.id == DATA {
            let both = [Property::AuthenticationMethod("m"), property];
            assert_eq!(read(kind, &[METHOD, &with_id(row, value)].concat()), Ok(both.to_vec()));
            let [method, data] = both;
            assert_eq!(read(kind, &[&with_id(row, value), METHOD].concat()), Ok(vec![data, method]));
        }
        assert_eq!((property.id(), property.name()), (row.id, row.name));
    }
}

#[test]
fn each_property_twice() {
    for (row, kind, is_allowed) in pairs() {
        let (value, property) = row.example;
        let expected = match (is_allowed, row.repeats_in(kind)) {
            (false, _) => violation(Violation::PropertyNotAllowed),
            (true, true) => Ok(vec![property; 2]),
            (true, false) => violation(Violation::PropertyTwice),
        };
        let twice = with_id(row, value).repeat(2);
        assert_eq!(read(kind, &twice), expected, "{} twice in {kind:?}", row.name);
        if is_allowed && !row.repeats_in(kind) {
            // Also with another one between, where another one is allowed.
            let spaced = [&with_id(row, value)[..], b"\x26\x00\x00\x00\x00", &with_id(row, value)].concat();
            assert_eq!(read(kind, &spaced), violation(Violation::PropertyTwice), "{} in {kind:?}", row.name);
        }
    }
}

#[test]
fn each_property_cut_at_every_byte() {
    for (row, kind, is_allowed) in pairs() {
        let (value, _) = row.example;
        for length in 0..value.len() {
            let result = read(kind, &with_id(row, &value[..length]));
            let what = format!("{} of {length} bytes in {kind:?}", row.name);
            match is_allowed {
                true => assert_eq!(result, malformed(Malformed::Truncated), "{what}"),
                false => assert!(result.is_err(), "{what}"),
            }
        }
    }
}

#[test]
fn a_length_that_does_not_fit_its_contents() {
    for (row, kind, is_allowed) in pairs() {
        if !is_allowed {
            continue;
        }
        let content = with_id(row, row.example.0);
        for length in (0..content.len()).chain(content.len() + 1..content.len() + 12) {
            if length == 0 && matches!(kind, Publish) {
                continue; // The contents are payload then.
            }
            let block = [&[length as u8], &content[..]].concat();
            let result = read_block(kind, &block);
            assert!(result.is_err(), "{} with a length of {length} in {kind:?}: {result:?}", row.name);
        }
        let block = [&[127], &content[..]].concat();
        assert_eq!(read_block(kind, &block), malformed(Malformed::Truncated), "{} in {kind:?}", row.name);
    }
}

#[test]
fn the_length_of_the_block_itself() {
    for kind in KINDS {
        for (length, fault) in [
            (&b"\x80\x80\x80\x80\x01"[..], Malformed::VariableByteInteger),
            (b"\x80\x80\x80\x80", Malformed::VariableByteInteger),
            (b"\xFF\xFF\xFF\xFF", Malformed::VariableByteInteger),
            (b"\x80\x00", Malformed::VariableByteInteger), // longer than it need be
            (b"\x80\x80\x00", Malformed::VariableByteInteger),
            (b"\x81\x80\x80\x00", Malformed::VariableByteInteger),
            (b"\xFF\xFF\xFF\x7F", Malformed::Truncated),
            (b"\x7F", Malformed::Truncated),
        ] {
            assert_eq!(read_block(kind, length), malformed(fault), "{length:02X?} in {kind:?}");
        }
        assert_eq!(read_block(kind, b"\x00"), Ok(Vec::new()), "{kind:?}");
    }
    // Cut inside the length: only where the packet ends there.
    for kind in [ConnAck, PubAck, PubRec, PubRel, PubComp, Disconnect, Auth] {
        for length in [&b"\x80"[..], b"\x80\x80", b"\x80\x80\x80"] {
            assert_eq!(read_block(kind, length), malformed(Malformed::Truncated), "{length:02X?} in {kind:?}");
        }
    }
}

/// Values whose layout is right, and which the standard forbids.
fn out_of_range(row: &Row) -> Vec<(Vec<u8>, DecodeError)> {
    let mut cases = Vec::new();
    let mut case = |bytes: &[u8], fault: DecodeError| cases.push((bytes.to_vec(), fault));
    let value = Violation::PropertyValue.into();
    let varint = Malformed::VariableByteInteger.into();
    match (row.layout, row.range) {
        (Byte, Bit) => [2, 3, 127, 128, 255].iter().for_each(|byte| case(&[*byte], value)),
        (TwoBytes, Positive) => case(&[0, 0], value),
        (TwoBytes, Alias) => case(&[0, 0], Violation::TopicAlias.into()),
        (FourBytes, Positive) => case(&[0, 0, 0, 0], value),
        (Varint, Positive) => {
            case(&[0], value);
            case(&[0x80, 0x80, 0x80, 0x80, 0x01], varint);
            case(&[0xFF, 0xFF, 0xFF, 0xFF], varint);
            case(&[0x81, 0x00], varint);
            case(&[0x80, 0x80, 0x80, 0x00], varint);
        }
        (Text, range) => {
            if range == Topic {
                for topic in ["", "+", "#", "a/#", "a/+/b", "a+"] {
                    case(&field(topic), Violation::ResponseTopic.into());
                }
            }
            bad_texts().into_iter().for_each(|(text, fault)| case(&field(text), fault.into()));
        }
        (Pair, _) => {
            for (text, fault) in bad_texts() {
                case(&[field(&text), field("v")].concat(), fault.into());
                case(&[field("k"), field(&text)].concat(), fault.into());
            }
        }
        (Byte | TwoBytes | FourBytes | Varint | Binary, _) => {}
    }
    cases
}

fn bad_texts() -> Vec<(Vec<u8>, Malformed)> {
    let utf8: [&[u8]; 6] =
        [b"\x80", b"\xC0\x80", b"a\xED\xA0\x80", b"\xF5\x80\x80\x80", b"\xE2\x82", b"\xF4\x90\x80\x80"];
    let ill_formed = utf8.into_iter().map(|text| (text.to_vec(), Malformed::Utf8));
    ill_formed
        .chain([(b"\x00".to_vec(), Malformed::NulCharacter), (b"a\x00b".to_vec(), Malformed::NulCharacter)])
        .collect()
}

#[test]
fn each_property_out_of_range() {
    for (row, kind, is_allowed) in pairs() {
        for (value, error) in out_of_range(row) {
            let result = read(kind, &with_id(row, &value));
            let what = format!("{} of {value:02X?} in {kind:?}", row.name);
            match is_allowed {
                true => assert_eq!(result, Err(error), "{what}"),
                false => assert!(result.is_err(), "{what}"),
            }
        }
    }
}

#[test]
fn every_value_of_a_byte_and_the_borders_of_the_others() {
    for (row, kind, is_allowed) in pairs().filter(|(.., is_allowed)| *is_allowed) {
        assert!(is_allowed);
        match row.layout {
            Byte => {
                for byte in 0..=255 {
                    assert_eq!(read(kind, &[row.id, byte]).is_ok(), byte < 2, "{} of {byte}", row.name);
                }
            }
            TwoBytes => {
                for number in [0u16, 1, 0x7FFF, 0x8000, 0xFFFF] {
                    let is_good = number > 0 || row.range == Any;
                    assert_eq!(read(kind, &with_id(row, &number.to_be_bytes())).is_ok(), is_good, "{}", row.name);
                }
            }
            FourBytes => {
                for number in [0u32, 1, 0x7FFF_FFFF, 0x8000_0000, u32::MAX] {
                    let is_good = number > 0 || row.range == Any;
                    assert_eq!(read(kind, &with_id(row, &number.to_be_bytes())).is_ok(), is_good, "{}", row.name);
                }
            }
            Varint => {
                for number in [1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455] {
                    let value = crate::bytes::varint(number);
                    let expected = Ok(vec![Property::SubscriptionIdentifier(number as u32)]);
                    assert_eq!(read(kind, &with_id(row, &value)), expected);
                }
            }
            Text | Binary | Pair => {
                for length in [0, 1, 127, 128, 65_535] {
                    let content = field("x".repeat(length));
                    let value = if row.layout == Pair { content.repeat(2) } else { content };
                    let is_good = length > 0 || row.range == Any;
                    let beside = if row.id == DATA { METHOD } else { b"" };
                    let content = [beside, &with_id(row, &value)].concat();
                    assert_eq!(read(kind, &content).is_ok(), is_good, "{} of {length}", row.name);
                }
            }
        }
    }
}

#[test]
fn unknown_identifiers() {
    let known: Vec<u32> = TABLE.iter().map(|row| row.id.into()).collect();
    for kind in KINDS {
        for id in (0..0x80u32).filter(|id| !known.contains(id)) {
            for value in [&b""[..], b"\x00", b"\x00\x00", b"\x00\x00\x00\x00"] {
                let content = [&[id as u8], value].concat();
                assert_eq!(read(kind, &content), malformed(Malformed::UnknownProperty), "{id:#04X} in {kind:?}");
            }
        }
        for (id, fault) in [
            (&b"\x80\x01"[..], Malformed::UnknownProperty),
            (b"\xA6\x01", Malformed::UnknownProperty), // 0x26 in its low seven bits
            (b"\xFF\x7F", Malformed::UnknownProperty),
            (b"\x80\x80\x01", Malformed::UnknownProperty),
            (b"\xA6\x80\x80\x01", Malformed::UnknownProperty),
            (b"\xFF\xFF\xFF\x7F", Malformed::UnknownProperty),
            (b"\xA6\x00", Malformed::VariableByteInteger), // User Property, spelt too long
            (b"\x80\x80\x80\x80\x01", Malformed::VariableByteInteger),
            (b"\x80", Malformed::Truncated),
        ] {
            assert_eq!(read(kind, id), malformed(fault), "{id:02X?} in {kind:?}");
        }
    }
}

#[test]
fn a_fault_behind_good_properties_is_found() {
    for kind in KINDS {
        let good = b"\x26\x00\x01a\x00\x01b".repeat(20);
        assert_eq!(read(kind, &good).unwrap().len(), 20);
        for (bad, fault) in [
            (&b"\x7F"[..], Malformed::UnknownProperty),
            (b"\x26", Malformed::Truncated),
            (b"\x26\x00\x01a\x00\x02b", Malformed::Truncated),
            (b"\x26\x00\x01\xFF\x00\x00", Malformed::Utf8),
        ] {
            assert_eq!(read(kind, &[&good[..], bad].concat()), malformed(fault), "{kind:?}");
        }
    }
}

#[test]
fn pings_have_no_properties_at_all() {
    for first in [0xC0, 0xD0] {
        for body in [&b"\x00"[..], b"\x05\x26\x00\x00\x00\x00"] {
            let bytes = packet(first, body);
            assert_eq!(decode(&bytes, Version::V5), malformed(Malformed::TrailingBytes));
        }
    }
}

#[test]
fn older_versions_have_no_properties() {
    for version in [Version::V31, Version::V311] {
        // What stands where 5.0 has properties is payload, a code or too much.
        let Ok(Packet::Publish(publish)) = decode(b"\x30\x04\x00\x01t\x00", version) else { panic!() };
        assert_eq!((publish.payload, publish.properties), (&b"\x00"[..], Properties::NONE));
        for bytes in [&b"\x40\x03\x00\x07\x00"[..], b"\x40\x04\x00\x07\x00\x00", b"\x20\x03\x00\x00\x00"] {
            assert_eq!(decode(bytes, version), malformed(Malformed::TrailingBytes));
        }
    }
}

/// Properties by themselves, as an application may keep them: no packet says which may stand there, and how often.
#[test]
fn properties_without_a_packet() {
    for row in &TABLE {
        let (value, property) = row.example;
        let twice = with_id(row, value).repeat(2);
        assert_eq!(Properties::from_bytes(&twice), Ok(Properties::new(&[property; 2])), "{}", row.name);
        for length in 0..value.len() {
            let cut = with_id(row, &value[..length]);
            assert_eq!(Properties::from_bytes(&cut), malformed(Malformed::Truncated), "{length} bytes of {}", row.name);
        }
    }
    assert_eq!(Properties::from_bytes(b""), Ok(Properties::NONE));
    for (bytes, fault) in [
        (&b"\x00\x00"[..], Malformed::UnknownProperty),
        (b"\x7F", Malformed::UnknownProperty),
        (b"\x81\x00\x01", Malformed::VariableByteInteger),
        (b"\x03\x00\x02\xC0\x80", Malformed::Utf8),
        (b"\x26\x00\x01n\x00\x01\x00", Malformed::NulCharacter),
        (b"\x01\x01\x2B", Malformed::UnknownProperty),
    ] {
        assert_eq!(Properties::from_bytes(bytes), malformed(fault), "{bytes:?}");
    }
}
