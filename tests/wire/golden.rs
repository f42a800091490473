//! Packets byte by byte, in both directions: what stands here is what goes over the wire.

use crate::bytes::{decode, encode, malformed, violation};
use pure_mqtt::wire::{
    Acknowledgement, Auth, ConnAck, Connect, Disconnect, Entries, Malformed, Packet, Properties, Property, Publish,
    RetainHandling, SubAck, Subscribe, Subscription, UnsubAck, Unsubscribe, Violation, Will,
};
use pure_mqtt::{PacketId, QoS, ReasonCode, TopicFilter, TopicName, Version};

const V31: Version = Version::V31;
const V311: Version = Version::V311;
const V5: Version = Version::V5;
const OLD: [Version; 2] = [V31, V311];

fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}

/// `packet` is encoded to `bytes`, and they decode to it, in each of these versions.
#[track_caller]
fn both_ways(versions: &[Version], bytes: &[u8], packet: Packet<'_>) {
    for version in versions {
        assert_eq!(encode(&packet, *version), bytes, "{version:?}");
        assert_eq!(decode(bytes, *version), Ok(packet), "{version:?}");
    }
}

/// Another spelling of `packet` that is only read.
#[track_caller]
fn read(versions: &[Version], bytes: &[u8], packet: Packet<'_>) {
    for version in versions {
        assert_eq!(decode(bytes, *version), Ok(packet), "{version:?}");
    }
}

#[test]
fn connect_in_3_1() {
    both_ways(&[V31], b"\x10\x0E\x00\x06MQIsdp\x03\x02\x00\x3C\x00\x00", Packet::Connect(Connect::new(V31, "")));
    let will = Will::new(TopicName::new("w").unwrap(), b"bye").qos(QoS::ExactlyOnce).retain(true);
    let connect =
        Connect::new(V31, "me").clean_start(false).keep_alive(0x0102).will(will).user_name("u").password(b"\x00\xFF");
    both_ways(
        &[V31],
        b"\x10\x1F\x00\x06MQIsdp\x03\xF4\x01\x02\x00\x02me\x00\x01w\x00\x03bye\x00\x01u\x00\x02\x00\xFF",
        Packet::Connect(connect),
    );
    both_ways(
        &[V31],
        b"\x10\x0F\x00\x06MQIsdp\x83\x02\x00\x3C\x00\x01b",
        Packet::Connect(Connect::new(V31, "b").bridge(true)),
    );
}

#[test]
fn connect_in_3_1_1() {
    // [MQTT-3.1.2-17] [MQTT-3.1.2-18] [MQTT-3.1.3-1] [MQTT-3.1.3-3]
    both_ways(&[V311], b"\x10\x0E\x00\x04MQTT\x04\x02\x00\x3C\x00\x02me", Packet::Connect(Connect::new(V311, "me")));
    let will = Will::new(TopicName::new("w").unwrap(), b"").qos(QoS::AtLeastOnce);
    let connect = Connect::new(V311, "me").clean_start(false).keep_alive(0).will(will).user_name("");
    both_ways(
        &[V311],
        b"\x10\x15\x00\x04MQTT\x04\x8C\x00\x00\x00\x02me\x00\x01w\x00\x00\x00\x00",
        Packet::Connect(connect),
    );
    both_ways(
        &[V311],
        b"\x10\x0D\x00\x04MQTT\x84\x00\x00\x3C\x00\x01b",
        Packet::Connect(Connect::new(V311, "b").bridge(true).clean_start(false)),
    );
}

#[test]
fn connect_in_5_0() {
    // [MQTT-2.2.2-1] [MQTT-3.1.2-9] [MQTT-3.1.2-16] [MQTT-3.1.2-19]
    both_ways(&[V5], b"\x10\x0F\x00\x04MQTT\x05\x02\x00\x3C\x00\x00\x02me", Packet::Connect(Connect::new(V5, "me")));
    let list = [Property::SessionExpiryInterval(10), Property::ReceiveMaximum(20)];
    let will_list = [Property::WillDelayInterval(1), Property::PayloadFormatIndicator(true)];
    let will = Will::new(TopicName::new("w").unwrap(), b"p").retain(true).properties(&will_list);
    let connect = Connect::new(V5, "me").will(will).password(b"pw").properties(&list);
    both_ways(
        &[V5],
        b"\x10\x29\x00\x04MQTT\x05\x66\x00\x3C\x08\x11\x00\x00\x00\x0A\x21\x00\x14\x00\x02me\
          \x07\x18\x00\x00\x00\x01\x01\x01\x00\x01w\x00\x01p\x00\x02pw",
        Packet::Connect(connect),
    );
}

#[test]
fn connect_names_its_own_version() {
    // [MQTT-3.1.2-1] [MQTT-3.1.2-2]
    for (version, bytes) in [
        (V31, &b"\x10\x0F\x00\x06MQIsdp\x03\x02\x00\x3C\x00\x01c"[..]),
        (V311, b"\x10\x0D\x00\x04MQTT\x04\x02\x00\x3C\x00\x01c"),
        (V5, b"\x10\x0E\x00\x04MQTT\x05\x02\x00\x3C\x00\x00\x01c"),
    ] {
        for rules in Version::ALL {
            assert_eq!(decode(bytes, rules), Ok(Packet::Connect(Connect::new(version, "c"))));
        }
        assert_eq!((version.level(), version.protocol_name().len()), (bytes[bytes[3] as usize + 4], bytes[3] as usize));
    }
    for bytes in [
        &b"\x10\x0F\x00\x06MQIsdp\x04\x02\x00\x3C\x00\x01c"[..],
        b"\x10\x0F\x00\x06MQISDP\x03\x02\x00\x3C\x00\x01c",
        b"\x10\x0D\x00\x04MQTT\x03\x02\x00\x3C\x00\x01c",
        b"\x10\x0D\x00\x04mqtt\x04\x02\x00\x3C\x00\x01c",
        b"\x10\x0E\x00\x04MQTT\x06\x02\x00\x3C\x00\x00\x01c",
        b"\x10\x0E\x00\x04MQTT\x85\x02\x00\x3C\x00\x00\x01c", // no bridges in 5.0
        b"\x10\x0D\x00\x04MQTT\x00\x02\x00\x3C\x00\x01c",
    ] {
        assert_eq!(decode(bytes, V311), malformed(Malformed::Protocol), "{bytes:02X?}");
    }
}

#[test]
fn connect_flags() {
    // [MQTT-3.1.2-3] [MQTT-3.1.2-11] [MQTT-3.1.2-12] [MQTT-3.1.2-13]
    let connect = |flags: u8| [b"\x10\x0D\x00\x04MQTT\x04", &[flags][..], b"\x00\x3C\x00\x01c"].concat();
    assert_eq!(decode(&connect(0x03), V311), malformed(Malformed::ReservedBits));
    for flags in [0x08, 0x10, 0x20, 0x38] {
        assert_eq!(decode(&connect(flags), V311), violation(Violation::ConnectFlags), "a will that is not there");
    }
    assert_eq!(decode(&connect(0x40), V311), violation(Violation::ConnectFlags), "a password alone");
    let qos3 = b"\x10\x13\x00\x04MQTT\x04\x1C\x00\x3C\x00\x01c\x00\x01w\x00\x01p";
    assert_eq!(decode(qos3, V311), malformed(Malformed::QoS));
    for (topic, fault) in [("#", Violation::TopicWildcard), ("+", Violation::TopicWildcard)] {
        let bytes = [b"\x10\x13\x00\x04MQTT\x04\x04\x00\x3C\x00\x01c\x00\x01", topic.as_bytes(), b"\x00\x01p"].concat();
        assert_eq!(decode(&bytes, V311), violation(fault));
    }
    let empty = b"\x10\x12\x00\x04MQTT\x04\x04\x00\x3C\x00\x01c\x00\x00\x00\x01p";
    assert_eq!(decode(empty, V311), violation(Violation::EmptyTopic));
    for user in [0x80, 0xC0, 0x04] {
        assert_eq!(decode(&connect(user), V311), malformed(Malformed::Truncated), "what the flags announce is missing");
    }
}

#[test]
fn connack() {
    let connack = |session_present, code, properties| Packet::ConnAck(ConnAck { session_present, code, properties });
    both_ways(&OLD, b"\x20\x02\x00\x00", connack(false, 0, Properties::NONE));
    both_ways(&OLD, b"\x20\x02\x00\x05", connack(false, 5, Properties::NONE));
    both_ways(&[V311], b"\x20\x02\x01\x00", connack(true, 0, Properties::NONE));
    both_ways(&[V5], b"\x20\x03\x01\x00\x00", connack(true, 0, Properties::NONE));
    both_ways(&[V5], b"\x20\x03\x00\x87\x00", connack(false, 0x87, Properties::NONE));
    let list = [Property::ReceiveMaximum(5), Property::MaximumQoS(1), Property::AssignedClientIdentifier("x")];
    both_ways(
        &[V5],
        b"\x20\x0C\x00\x00\x09\x21\x00\x05\x24\x01\x12\x00\x01x",
        connack(false, 0, Properties::new(&list)),
    );
    for byte in [0x00, 0x01, 0x80, 0xFF] {
        read(&[V31], &[0x20, 0x02, byte, 0x00], connack(false, 0, Properties::NONE)); // reserved there, and ignored
    }
    for bit in 1..8 {
        for flags in [1 << bit, 1 << bit | 1] {
            assert_eq!(decode(&[0x20, 0x02, flags, 0x00], V311), malformed(Malformed::ReservedBits));
            assert_eq!(decode(&[0x20, 0x03, flags, 0x00, 0x00], V5), malformed(Malformed::ReservedBits));
        }
    }
    for bytes in [&b"\x20\x00"[..], b"\x20\x01\x00"] {
        for version in Version::ALL {
            assert_eq!(decode(bytes, version), malformed(Malformed::Truncated));
        }
    }
    assert_eq!(decode(b"\x20\x02\x00\x00", V5), malformed(Malformed::Truncated), "success needs a property length");
    // A server that does not know 5.0 refuses in the form of its own version.
    for code in 1..=5 {
        both_ways(&[V5], &[0x20, 2, 0, code], connack(false, code, Properties::NONE));
        let refusal = ConnAck { session_present: false, code, properties: Properties::NONE };
        assert_eq!(refusal.reason(V5), ReasonCode::UNSUPPORTED_PROTOCOL_VERSION);
    }
    for code in [6, 0x7F, 0x80, 0x87, 0xFF] {
        assert_eq!(decode(&[0x20, 2, 0, code], V5), malformed(Malformed::Truncated));
    }
}

#[test]
fn publish() {
    // [MQTT-2.2.1-2] [MQTT-3.3.2-1]
    let publish = Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: "a/b",
        id: None,
        properties: Properties::NONE,
        payload: b"hi",
    };
    both_ways(&OLD, b"\x30\x07\x00\x03a/bhi", Packet::Publish(publish));
    both_ways(&[V5], b"\x30\x08\x00\x03a/b\x00hi", Packet::Publish(publish));
    let once = Publish { dup: true, qos: QoS::AtLeastOnce, id: Some(id(10)), payload: b"", ..publish };
    both_ways(&OLD, b"\x3A\x07\x00\x03a/b\x00\x0A", Packet::Publish(once));
    both_ways(&[V5], b"\x3A\x08\x00\x03a/b\x00\x0A\x00", Packet::Publish(once));
    let twice = Publish { qos: QoS::ExactlyOnce, retain: true, id: Some(id(0xFFFE)), ..publish };
    both_ways(&OLD, b"\x35\x09\x00\x03a/b\xFF\xFEhi", Packet::Publish(twice));
    let list = [Property::TopicAlias(3), Property::SubscriptionIdentifier(128), Property::SubscriptionIdentifier(1)];
    let aliased = Publish { topic: "", properties: Properties::new(&list), ..publish };
    both_ways(&[V5], b"\x30\x0D\x00\x00\x08\x23\x00\x03\x0B\x80\x01\x0B\x01hi", Packet::Publish(aliased));
    for first in 0x30..=0x3Fu8 {
        for version in Version::ALL {
            let body: &[u8] = if version == V5 { b"\x00\x01t\x00\x01\x00" } else { b"\x00\x01t\x00\x01" };
            let bytes = crate::bytes::packet(first, body);
            match decode(&bytes, version) {
                Ok(Packet::Publish(publish)) => {
                    assert_eq!(publish.dup, first & 8 != 0);
                    assert_eq!(publish.retain, first & 1 != 0);
                    assert_eq!(publish.qos.bits(), first >> 1 & 3);
                }
                other => {
                    // QoS 3; and QoS 0 of 5.0, where the identifier's place holds properties: "00", and then payload.
                    assert_eq!(first & 6, 6, "{other:?}");
                    assert_eq!(other, malformed(Malformed::QoS));
                }
            }
        }
    }
}

#[test]
fn the_four_acknowledgements() {
    type Make = for<'a> fn(Acknowledgement<'a>) -> Packet<'a>;
    let makers: [(u8, Make); 4] = [
        (0x40, |ack| Packet::PubAck(ack)),
        (0x50, |ack| Packet::PubRec(ack)),
        (0x62, |ack| Packet::PubRel(ack)),
        (0x70, |ack| Packet::PubComp(ack)),
    ];
    for (first, make) in makers {
        let plain = Acknowledgement::new(id(0x1234));
        both_ways(&Version::ALL, &[first, 2, 0x12, 0x34], make(plain));
        read(&[V5], &[first, 3, 0x12, 0x34, 0], make(plain));
        read(&[V5], &[first, 4, 0x12, 0x34, 0, 0], make(plain));
        let reason = if first < 0x60 { ReasonCode::QUOTA_EXCEEDED } else { ReasonCode::PACKET_IDENTIFIER_NOT_FOUND };
        let refused = Acknowledgement { reason, ..plain };
        both_ways(&[V5], &[first, 3, 0x12, 0x34, reason.0], make(refused));
        let list = [Property::ReasonString("r")];
        let explained = Acknowledgement { properties: Properties::new(&list), ..refused };
        both_ways(&[V5], &[first, 8, 0x12, 0x34, reason.0, 4, 0x1F, 0, 1, b'r'], make(explained));
        for version in Version::ALL {
            assert_eq!(decode(&[first, 2, 0, 0], version), violation(Violation::PacketIdZero));
            assert_eq!(decode(&[first, 1, 1], version), malformed(Malformed::Truncated));
            assert_eq!(decode(&[first, 0], version), malformed(Malformed::Truncated));
        }
        for version in OLD {
            assert_eq!(decode(&[first, 3, 0x12, 0x34, 0], version), malformed(Malformed::TrailingBytes));
        }
        assert_eq!(decode(&[first, 5, 0x12, 0x34, 0, 0, 0], V5), malformed(Malformed::TrailingBytes));
    }
}

#[test]
fn subscribe() {
    // [MQTT-3.8.3-5]
    let filter = |text| TopicFilter::new(text).unwrap();
    let list = [Subscription::new(filter("a/+"), QoS::AtLeastOnce), Subscription::new(filter("#"), QoS::ExactlyOnce)];
    let subscribe = Packet::Subscribe(Subscribe::new(id(10), Properties::NONE, Entries::new(&list)));
    both_ways(&OLD, b"\x82\x0C\x00\x0A\x00\x03a/+\x01\x00\x01#\x02", subscribe);
    both_ways(&[V5], b"\x82\x0D\x00\x0A\x00\x00\x03a/+\x01\x00\x01#\x02", subscribe);
    let list = [
        Subscription::new(filter("a"), QoS::ExactlyOnce).no_local(true).retain_as_published(true),
        Subscription::new(filter("$share/g/b"), QoS::AtMostOnce).retain_handling(RetainHandling::DoNotSend),
        Subscription::new(filter("c"), QoS::AtMostOnce).retain_handling(RetainHandling::SendIfNew),
    ];
    let properties = [Property::SubscriptionIdentifier(16_384)];
    let subscribe = Subscribe::new(id(1), Properties::new(&properties), Entries::new(&list));
    both_ways(
        &[V5],
        b"\x82\x1C\x00\x01\x04\x0B\x80\x80\x01\x00\x01a\x0E\x00\x0A$share/g/b\x20\x00\x01c\x10",
        Packet::Subscribe(subscribe),
    );
    let options = |options: u8| [&b"\x82\x07\x00\x01\x00\x00\x01a"[..], &[options]].concat();
    assert_eq!(decode(&options(0x03), V5), malformed(Malformed::QoS));
    assert_eq!(decode(&options(0x40), V5), malformed(Malformed::ReservedBits));
    assert_eq!(decode(&options(0x80), V5), malformed(Malformed::ReservedBits));
    assert_eq!(decode(&options(0x30), V5), violation(Violation::SubscriptionOptions));
    let shared = b"\x82\x0F\x00\x01\x00\x00\x09$share/gx\x04";
    assert!(decode(shared, V5).is_err());
    let shared = b"\x82\x10\x00\x01\x00\x00\x0A$share/g/b\x04";
    assert_eq!(decode(shared, V5), violation(Violation::SubscriptionOptions));
    for version in OLD {
        for options in [0x04, 0x08, 0x10, 0x80, 0xFC] {
            let bytes = [&b"\x82\x06\x00\x01\x00\x01a"[..], &[options]].concat();
            assert_eq!(decode(&bytes, version), malformed(Malformed::ReservedBits));
        }
        assert_eq!(decode(b"\x82\x06\x00\x01\x00\x01a\x03", version), malformed(Malformed::QoS));
        assert_eq!(decode(b"\x82\x02\x00\x01", version), violation(Violation::EmptyList));
        assert_eq!(decode(b"\x82\x05\x00\x01\x00\x00\x00", version), violation(Violation::TopicFilter));
        assert_eq!(decode(b"\x82\x06\x00\x00\x00\x01a\x00", version), violation(Violation::PacketIdZero));
    }
    assert_eq!(decode(b"\x82\x03\x00\x01\x00", V5), violation(Violation::EmptyList));
}

#[test]
fn suback_unsubscribe_unsuback() {
    let suback = SubAck { id: id(10), properties: Properties::NONE, codes: &[0, 1, 2, 0x80] };
    both_ways(&OLD, b"\x90\x06\x00\x0A\x00\x01\x02\x80", Packet::SubAck(suback));
    both_ways(&[V5], b"\x90\x07\x00\x0A\x00\x00\x01\x02\x80", Packet::SubAck(suback));
    let list = [Property::UserProperty(("", ""))];
    let explained = SubAck { properties: Properties::new(&list), codes: &[0xA2], ..suback };
    both_ways(&[V5], b"\x90\x09\x00\x0A\x05\x26\x00\x00\x00\x00\xA2", Packet::SubAck(explained));

    let filters = [TopicFilter::new("a").unwrap(), TopicFilter::new("b/#").unwrap()];
    let unsubscribe = Packet::Unsubscribe(Unsubscribe::new(id(3), Properties::NONE, Entries::new(&filters)));
    both_ways(&OLD, b"\xA2\x0A\x00\x03\x00\x01a\x00\x03b/#", unsubscribe);
    both_ways(&[V5], b"\xA2\x0B\x00\x03\x00\x00\x01a\x00\x03b/#", unsubscribe);

    let unsuback = UnsubAck { id: id(3), properties: Properties::NONE, codes: &[] };
    both_ways(&OLD, b"\xB0\x02\x00\x03", Packet::UnsubAck(unsuback));
    both_ways(&[V5], b"\xB0\x05\x00\x03\x00\x00\x11", Packet::UnsubAck(UnsubAck { codes: &[0, 0x11], ..unsuback }));

    for version in OLD {
        assert_eq!(decode(b"\x90\x02\x00\x0A", version), violation(Violation::EmptyList));
        assert_eq!(decode(b"\xB0\x03\x00\x03\x00", version), malformed(Malformed::TrailingBytes));
        assert_eq!(decode(b"\xA2\x02\x00\x03", version), violation(Violation::EmptyList));
    }
    assert_eq!(decode(b"\x90\x03\x00\x0A\x00", V5), violation(Violation::EmptyList));
    assert_eq!(decode(b"\xB0\x03\x00\x0A\x00", V5), violation(Violation::EmptyList));
    assert_eq!(decode(b"\xB0\x02\x00\x0A", V5), malformed(Malformed::Truncated));
    assert_eq!(decode(b"\xA2\x03\x00\x0A\x00", V5), violation(Violation::EmptyList));
}

#[test]
fn pings_disconnect_auth() {
    both_ways(&Version::ALL, b"\xC0\x00", Packet::PingReq);
    both_ways(&Version::ALL, b"\xD0\x00", Packet::PingResp);
    both_ways(&Version::ALL, b"\xE0\x00", Packet::Disconnect(Disconnect::default()));
    read(&[V5], b"\xE0\x01\x00", Packet::Disconnect(Disconnect::default()));
    read(&[V5], b"\xE0\x02\x00\x00", Packet::Disconnect(Disconnect::default()));
    let taken_over = Disconnect::new(ReasonCode::SESSION_TAKEN_OVER);
    both_ways(&[V5], b"\xE0\x01\x8E", Packet::Disconnect(taken_over));
    let list = [Property::ServerReference("s")];
    let moved = Disconnect::new(ReasonCode::SERVER_MOVED).properties(&list);
    both_ways(&[V5], b"\xE0\x06\x9D\x04\x1C\x00\x01s", Packet::Disconnect(moved));
    for version in OLD {
        assert_eq!(decode(b"\xE0\x01\x00", version), malformed(Malformed::TrailingBytes));
        assert_eq!(decode(b"\xF0\x00", version), malformed(Malformed::PacketType));
    }
    both_ways(&[V5], b"\xF0\x00", Packet::Auth(Auth::default()));
    let method = [Property::AuthenticationMethod("m")];
    let mut success = Auth::default();
    success.properties = Properties::new(&method);
    both_ways(&[V5], b"\xF0\x06\x00\x04\x15\x00\x01m", Packet::Auth(success));
    let list = [Property::AuthenticationMethod("m"), Property::AuthenticationData(b"d")];
    both_ways(&[V5], b"\xF0\x0A\x18\x08\x15\x00\x01m\x16\x00\x01d", Packet::Auth(Auth::continue_with(&list)));
    both_ways(&[V5], b"\xF0\x0A\x19\x08\x15\x00\x01m\x16\x00\x01d", Packet::Auth(Auth::re_authenticate(&list)));
    assert_eq!(decode(b"\xF0\x01\x18", V5), malformed(Malformed::Truncated));
    assert_eq!(decode(b"\xF0\x02\x18\x00", V5), violation(Violation::AuthenticationMethod));
    // Data without a method, in whatever packet.
    for bytes in [
        &b"\xF0\x06\x00\x04\x16\x00\x01d"[..],
        b"\xF0\x06\x18\x04\x16\x00\x01d",
        b"\x20\x07\x00\x00\x04\x16\x00\x01p",
        b"\x20\x07\x00\x87\x04\x16\x00\x01p",
        b"\x10\x12\x00\x04MQTT\x05\x02\x00\x3C\x04\x16\x00\x01d\x00\x01c",
    ] {
        assert_eq!(decode(bytes, V5), violation(Violation::AuthenticationMethod), "{bytes:02x?}");
    }
}

#[test]
fn the_flags_of_the_first_byte() {
    // [MQTT-2.1.3-1] [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.14.1-1]
    for version in Version::ALL {
        for first in 0..=255u8 {
            if first >> 4 == 3 {
                continue;
            }
            let expected = match first >> 4 {
                0 => Err(Malformed::PacketType),
                15 if version != V5 => Err(Malformed::PacketType),
                6 | 8 | 10 if first & 0x0F == 2 || version == V31 && first & 0x0F == 0x0A => Ok(()),
                6 | 8 | 10 => Err(Malformed::HeaderFlags),
                _ if first & 0x0F == 0 => Ok(()),
                _ => Err(Malformed::HeaderFlags),
            };
            // The first byte alone decides.
            let input = [first];
            let decoded = Packet::decode(&input, pure_mqtt::wire::Rules::new(version));
            assert_eq!(decoded.map(|_| ()), expected.map_err(Into::into), "{first:02X} in {version:?}");
        }
    }
}

#[test]
fn dup_in_3_1_where_later_versions_reserve_it() {
    read(&[V31], b"\x6A\x02\x00\x01", Packet::PubRel(Acknowledgement::new(id(1))));
    let list = [Subscription::new(TopicFilter::new("a").unwrap(), QoS::AtMostOnce)];
    let subscribe = Subscribe::new(id(1), Properties::NONE, Entries::new(&list));
    read(&[V31], b"\x8A\x06\x00\x01\x00\x01a\x00", Packet::Subscribe(subscribe));
    let list = [TopicFilter::new("a").unwrap()];
    let unsubscribe = Unsubscribe::new(id(1), Properties::NONE, Entries::new(&list));
    read(&[V31], b"\xAA\x05\x00\x01\x00\x01a", Packet::Unsubscribe(unsubscribe));
    assert_eq!(encode(&Packet::Unsubscribe(unsubscribe), V31)[0], 0xA2, "we never set it");
}

#[test]
fn requests_that_differ_are_not_equal() {
    let filter = |text| TopicFilter::new(text).unwrap();
    let [one, two] = ["a", "b"].map(|text| [filter(text)]);
    let unsubscribe = |filters| Unsubscribe::new(id(3), Properties::NONE, Entries::new(filters));
    assert_eq!(unsubscribe(&one), unsubscribe(&one));
    assert_ne!(unsubscribe(&one), unsubscribe(&two));
    let lists = ["a", "b"].map(|text| [Property::ContentType(text)]);
    let [one, two] = [0, 1].map(|index| Properties::new(&lists[index]));
    assert!(one == one && one != two && one != Properties::NONE);
}
