//! Random packets that the standard allows. What they borrow is leaked: the tests are short.

use crate::properties::{Kind, TABLE};
use fastrand::Rng;
use pure_mqtt::wire::{
    Acknowledgement, Auth, ConnAck, Connect, Disconnect, Entries, Packet, PacketType, Properties, Property, Publish,
    RetainHandling, SubAck, Subscribe, Subscription, UnsubAck, Unsubscribe, Will,
};
use pure_mqtt::{PacketId, QoS, ReasonCode, TopicFilter, TopicName, Version};

fn leak<T>(list: Vec<T>) -> &'static [T] {
    Box::leak(list.into_boxed_slice())
}

fn length(rng: &mut Rng) -> usize {
    match rng.u8(..) {
        0 => rng.usize(100..400),
        1..=100 => 0,
        _ => rng.usize(..12),
    }
}

pub fn text(rng: &mut Rng) -> &'static str {
    const CHARS: [char; 14] = [
        'a',
        'z',
        '/',
        ' ',
        '$',
        '\u{1}',
        '\u{7F}',
        'é',
        '\u{FEFF}',
        '\u{FFFF}',
        '\u{D7FF}',
        '\u{E000}',
        '😀',
        '\u{10FFFF}',
    ];
    let length = length(rng);
    (0..length).map(|_| CHARS[rng.usize(..CHARS.len())]).collect::<String>().leak()
}

fn name(rng: &mut Rng) -> &'static str {
    match text(rng) {
        "" => "t",
        name => name,
    }
}

fn topic(rng: &mut Rng) -> TopicName<'static> {
    TopicName::new(name(rng)).unwrap()
}

fn filter(rng: &mut Rng) -> TopicFilter<'static> {
    const FILTERS: [&str; 9] = ["#", "+", "a/+/b", "a/#", "/", "+/+/#", "$share/g/a/#", "$SYS/#", "$share"];
    let any = if rng.bool() { FILTERS[rng.usize(..FILTERS.len())] } else { name(rng) };
    TopicFilter::new(any).unwrap_or_else(|_| TopicFilter::new("x").unwrap())
}

pub fn binary(rng: &mut Rng) -> &'static [u8] {
    let length = length(rng);
    leak((0..length).map(|_| rng.u8(..)).collect())
}

fn id(rng: &mut Rng) -> PacketId {
    PacketId::new(*rng.choice(&[1, 2, 255, 256, 65_534, 65_535]).unwrap()).unwrap()
}

fn qos(rng: &mut Rng) -> QoS {
    QoS::from_bits(rng.u8(..3)).unwrap()
}

fn number(rng: &mut Rng) -> u32 {
    *rng.choice(&[0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455, u32::MAX]).unwrap()
}

/// Random properties of `kind`, each at most as often as it may stand.
pub fn properties(rng: &mut Rng, kind: Kind, version: Version) -> Properties<'static> {
    if version != Version::V5 || rng.bool() {
        return Properties::NONE;
    }
    let mut list = Vec::new();
    for row in TABLE.iter().filter(|row| row.packets.contains(&kind)) {
        let times = if row.repeats_in(kind) { rng.usize(..4) } else { rng.usize(..2) };
        (0..times).for_each(|_| list.push(property(rng, row.id)));
    }
    let has_method = list.iter().any(|property| matches!(property, Property::AuthenticationMethod(_)));
    list.retain(|property| has_method || !matches!(property, Property::AuthenticationData(_)));
    rng.shuffle(&mut list);
    Properties::new(leak(list))
}

fn property(rng: &mut Rng, id: u8) -> Property<'static> {
    match id {
        0x01 => Property::PayloadFormatIndicator(rng.bool()),
        0x02 => Property::MessageExpiryInterval(number(rng)),
        0x03 => Property::ContentType(text(rng)),
        0x08 => Property::ResponseTopic(name(rng)),
        0x09 => Property::CorrelationData(binary(rng)),
        0x0B => Property::SubscriptionIdentifier(number(rng).clamp(1, 268_435_455)),
        0x11 => Property::SessionExpiryInterval(number(rng)),
        0x12 => Property::AssignedClientIdentifier(text(rng)),
        0x13 => Property::ServerKeepAlive(number(rng) as u16),
        0x15 => Property::AuthenticationMethod(text(rng)),
        0x16 => Property::AuthenticationData(binary(rng)),
        0x17 => Property::RequestProblemInformation(rng.bool()),
        0x18 => Property::WillDelayInterval(number(rng)),
        0x19 => Property::RequestResponseInformation(rng.bool()),
        0x1A => Property::ResponseInformation(text(rng)),
        0x1C => Property::ServerReference(text(rng)),
        0x1F => Property::ReasonString(text(rng)),
        0x21 => Property::ReceiveMaximum((number(rng) as u16).max(1)),
        0x22 => Property::TopicAliasMaximum(number(rng) as u16),
        0x23 => Property::TopicAlias((number(rng) as u16).max(1)),
        0x24 => Property::MaximumQoS(rng.u8(..2)),
        0x25 => Property::RetainAvailable(rng.bool()),
        0x26 => Property::UserProperty((text(rng), text(rng))),
        0x27 => Property::MaximumPacketSize(number(rng).max(1)),
        0x28 => Property::WildcardSubscriptionAvailable(rng.bool()),
        0x29 => Property::SubscriptionIdentifierAvailable(rng.bool()),
        0x2A => Property::SharedSubscriptionAvailable(rng.bool()),
        _ => unreachable!("property {id:#04X}"),
    }
}

fn reason(rng: &mut Rng, packet: PacketType, version: Version) -> ReasonCode {
    if version != Version::V5 {
        return ReasonCode::SUCCESS;
    }
    let legal = crate::reasons::legal(packet);
    ReasonCode(*rng.choice(&legal).unwrap())
}

fn codes(rng: &mut Rng, packet: PacketType, version: Version) -> &'static [u8] {
    let legal = if version == Version::V5 { crate::reasons::legal(packet) } else { vec![0, 1, 2, 0x80] };
    let count = rng.usize(1..6);
    leak((0..count).map(|_| *rng.choice(&legal).unwrap()).collect())
}

fn acknowledgement(rng: &mut Rng, kind: Kind, packet: PacketType, version: Version) -> Acknowledgement<'static> {
    let (id, reason) = (id(rng), reason(rng, packet, version));
    Acknowledgement { id, reason, properties: properties(rng, kind, version) }
}

fn connect(rng: &mut Rng, version: Version) -> Connect<'static> {
    let mut connect = Connect::new(version, text(rng))
        .clean_start(rng.bool())
        .keep_alive(rng.u16(..))
        .bridge(version != Version::V5 && rng.bool())
        .properties(properties(rng, Kind::Connect, version));
    if rng.bool() {
        let will = Will::new(topic(rng), binary(rng)).qos(qos(rng)).retain(rng.bool());
        connect = connect.will(will.properties(properties(rng, Kind::Will, version)));
    }
    let named = rng.bool();
    if named {
        connect = connect.user_name(text(rng));
    }
    if rng.bool() && (named || version == Version::V5) {
        connect = connect.password(binary(rng));
    }
    connect
}

fn connack(rng: &mut Rng, version: Version) -> ConnAck<'static> {
    let code = if version == Version::V5 { reason(rng, PacketType::ConnAck, version).0 } else { rng.u8(..) };
    let session_present = version != Version::V31 && rng.bool();
    ConnAck { session_present, code, properties: properties(rng, Kind::ConnAck, version) }
}

fn publish(rng: &mut Rng, version: Version) -> Publish<'static> {
    let qos = qos(rng);
    let properties = properties(rng, Kind::Publish, version);
    let topic = if properties.topic_alias().is_some() && rng.bool() { "" } else { name(rng) };
    Publish {
        dup: rng.bool(),
        qos,
        retain: rng.bool(),
        topic,
        id: (qos != QoS::AtMostOnce).then(|| id(rng)),
        properties,
        payload: binary(rng),
    }
}

fn subscription(rng: &mut Rng, version: Version) -> Subscription<'static> {
    let filter = filter(rng);
    let subscription = Subscription::new(filter, qos(rng));
    if version != Version::V5 {
        return subscription;
    }
    let handling = [RetainHandling::Send, RetainHandling::SendIfNew, RetainHandling::DoNotSend];
    subscription
        .no_local(filter.share().is_none() && rng.bool())
        .retain_as_published(rng.bool())
        .retain_handling(*rng.choice(&handling).unwrap())
}

fn auth(rng: &mut Rng) -> Auth<'static> {
    match rng.u8(..3) {
        0 => Auth::default(),
        _ => {
            let mut list: Vec<_> = properties(rng, Kind::Auth, Version::V5).iter().collect();
            list.retain(|property| !matches!(property, Property::AuthenticationMethod(_)));
            list.push(Property::AuthenticationMethod(text(rng)));
            let list = leak(list);
            if rng.bool() { Auth::continue_with(list) } else { Auth::re_authenticate(list) }
        }
    }
}

/// A random packet of this type; `None` if the version has none.
pub fn packet(rng: &mut Rng, packet: PacketType, version: Version) -> Option<Packet<'static>> {
    Some(match packet {
        PacketType::Connect => Packet::Connect(connect(rng, version)),
        PacketType::ConnAck => Packet::ConnAck(connack(rng, version)),
        PacketType::Publish => Packet::Publish(publish(rng, version)),
        PacketType::PubAck => Packet::PubAck(acknowledgement(rng, Kind::PubAck, packet, version)),
        PacketType::PubRec => Packet::PubRec(acknowledgement(rng, Kind::PubRec, packet, version)),
        PacketType::PubRel => Packet::PubRel(acknowledgement(rng, Kind::PubRel, packet, version)),
        PacketType::PubComp => Packet::PubComp(acknowledgement(rng, Kind::PubComp, packet, version)),
        PacketType::Subscribe => {
            let count = rng.usize(1..5);
            let entries = Entries::new(leak((0..count).map(|_| subscription(rng, version)).collect()));
            Packet::Subscribe(Subscribe::new(id(rng), properties(rng, Kind::Subscribe, version), entries))
        }
        PacketType::SubAck => Packet::SubAck(SubAck {
            id: id(rng),
            properties: properties(rng, Kind::SubAck, version),
            codes: codes(rng, packet, version),
        }),
        PacketType::Unsubscribe => {
            let count = rng.usize(1..5);
            let entries = Entries::new(leak((0..count).map(|_| filter(rng)).collect()));
            Packet::Unsubscribe(Unsubscribe::new(id(rng), properties(rng, Kind::Unsubscribe, version), entries))
        }
        PacketType::UnsubAck => Packet::UnsubAck(UnsubAck {
            id: id(rng),
            properties: properties(rng, Kind::UnsubAck, version),
            codes: if version == Version::V5 { codes(rng, packet, version) } else { &[] },
        }),
        PacketType::PingReq => Packet::PingReq,
        PacketType::PingResp => Packet::PingResp,
        PacketType::Disconnect => {
            let reason = reason(rng, packet, version);
            Packet::Disconnect(Disconnect::new(reason).properties(properties(rng, Kind::Disconnect, version)))
        }
        PacketType::Auth if version == Version::V5 => Packet::Auth(auth(rng)),
        PacketType::Auth => return None,
    })
}
