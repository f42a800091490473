//! The remaining length: every border up to 268,435,455, decided from the header alone (§2.1.4).

use crate::bytes::{malformed, varint};
use pure_mqtt::wire::{
    Decoded, EncodeError, Header, HeaderStep, MAX_REMAINING, Malformed, Packet, PacketType, Properties, Publish, Rules,
};
use pure_mqtt::{QoS, Version};

const BORDERS: [(usize, &[u8]); 9] = [
    (0, b"\x00"),
    (1, b"\x01"),
    (127, b"\x7F"),
    (128, b"\x80\x01"),
    (16_383, b"\xFF\x7F"),
    (16_384, b"\x80\x80\x01"),
    (2_097_151, b"\xFF\xFF\x7F"),
    (2_097_152, b"\x80\x80\x80\x01"),
    (268_435_455, b"\xFF\xFF\xFF\x7F"),
];

#[test]
fn the_borders_are_read_from_the_header_alone() {
    assert_eq!(MAX_REMAINING, 268_435_455);
    for (remaining, length) in BORDERS {
        assert_eq!(varint(remaining), length);
        for rules in Version::ALL.map(Rules::new) {
            let bytes = [&[0x30], length].concat();
            let header = Header { packet_type: PacketType::Publish, flags: 0, length: 1 + length.len(), remaining };
            assert_eq!(Header::decode(&bytes, rules), Ok(HeaderStep::Header(header)));
            assert_eq!(header.packet_length(), 1 + length.len() + remaining);
            if remaining > 0 {
                assert_eq!(Packet::decode(&bytes, rules), Ok(Decoded::Partial { needed: remaining }));
                let more = [&bytes[..], b"\x00"].concat();
                if remaining > 1 {
                    assert_eq!(Packet::decode(&more, rules), Ok(Decoded::Partial { needed: remaining - 1 }));
                }
            }
            for cut in 1..bytes.len() {
                assert_eq!(Header::decode(&bytes[..cut], rules), Ok(HeaderStep::Partial(1)));
            }
        }
    }
    assert_eq!(Header::decode(&[], Rules::default()), Ok(HeaderStep::Partial(2)));
}

#[test]
fn a_fifth_byte_is_refused_at_the_fourth() {
    for version in Version::ALL {
        for strict in [false, true] {
            for last in [0x80, 0x81, 0xFF] {
                let rules = Rules { version, strict };
                let bytes = [0x30, 0x80, 0x80, 0x80, last];
                let fault = Malformed::RemainingLength;
                assert_eq!(Header::decode(&bytes, rules), malformed(fault));
                assert_eq!(Packet::decode(&bytes, rules), malformed(fault));
                assert_eq!(Packet::decode(&bytes[..4], rules), Ok(Decoded::Partial { needed: 1 }));
            }
        }
    }
}

#[test]
fn longer_than_need_be() {
    // [MQTT-1.5.5-1]
    for bytes in [&b"\xD0\x80\x00"[..], b"\xD0\x80\x80\x00", b"\xD0\x80\x80\x80\x00"] {
        let fault = Malformed::VariableByteInteger;
        assert_eq!(Packet::decode(bytes, Rules::new(Version::V5)), malformed(fault));
        for version in [Version::V31, Version::V311] {
            let whole = Decoded::Packet { packet: Packet::PingResp, length: bytes.len() };
            assert_eq!(Packet::decode(bytes, Rules::new(version)), Ok(whole));
            assert_eq!(Packet::decode(bytes, Rules { version, strict: true }), malformed(fault));
        }
    }
}

fn publish(payload: &[u8]) -> Packet<'_> {
    Packet::Publish(Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: "t",
        id: None,
        properties: Properties::NONE,
        payload,
    })
}

#[test]
fn the_borders_are_written() {
    for (remaining, length) in &BORDERS[2..8] {
        let payload = vec![0x55; remaining - 3];
        let bytes = crate::bytes::encode(&publish(&payload), Version::V311);
        assert_eq!(bytes[1..=length.len()], **length);
        let whole = Decoded::Packet { packet: publish(&payload), length: bytes.len() };
        assert_eq!(Packet::decode(&bytes, Rules::new(Version::V311)), Ok(whole));
        let short = publish(&payload).encode(Version::V311, &mut [0; 100]);
        assert_eq!(short, Err(EncodeError::NoRoom { needed: bytes.len() }));
    }
}

#[test]
fn fields_of_65_536_bytes_are_refused_and_never_cut() {
    use pure_mqtt::Property;
    use pure_mqtt::wire::{Connect, Disconnect};
    let text = "x".repeat(65_536);
    let mut buffer = vec![0; 200_000];
    let long = [Property::UserProperty(("k", &text))];
    let longest = [Property::UserProperty((&text[1..], &text[1..]))];
    for (packet, fits) in [
        (Packet::Connect(Connect::new(Version::V5, &text)), false),
        (Packet::Connect(Connect::new(Version::V5, "c").user_name(&text)), false),
        (Packet::Connect(Connect::new(Version::V5, "c").password(text.as_bytes())), false),
        (Packet::Connect(Connect::new(Version::V5, &text[1..])), true),
        (Packet::Disconnect(Disconnect::default().properties(&long)), false),
        (Packet::Disconnect(Disconnect::default().properties(&longest)), true),
    ] {
        let result = packet.encode(Version::V5, &mut buffer);
        assert_eq!(result.is_ok(), fits);
        assert!(fits || result == Err(EncodeError::TooLong));
        assert!(fits || packet.encode(Version::V5, &mut []) == Err(EncodeError::TooLong), "whatever the buffer");
    }
    let Packet::Publish(publish) = publish(b"") else { unreachable!() };
    let publish = Packet::Publish(Publish { topic: &text, ..publish });
    assert_eq!(publish.encode(Version::V311, &mut buffer), Err(EncodeError::TooLong));
}
