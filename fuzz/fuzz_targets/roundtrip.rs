//! Any packet that the types can express and the standard allows: encoded, decoded and encoded again, it is the same packet and the same bytes.
#![no_main]

use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::{Corpus, fuzz_target};
use pure_mqtt::wire::{
    Acknowledgement, ConnAck, Decoded, EncodeError, Entries, Packet, PacketType, Publish, Request, Rules, SubAck,
    UnsubAck,
};
use pure_mqtt::{
    Auth, Connect, Disconnect, PacketId, Properties, Property, QoS, ReasonCode, RetainHandling, Subscription,
    TopicFilter, TopicName, Version, Will,
};

fuzz_target!(|data: &[u8]| -> Corpus {
    match play(&mut Unstructured::new(data)) {
        Ok(()) => Corpus::Keep,
        Err(_) => Corpus::Reject,
    }
});

/// What a packet borrows.
struct Parts<'a> {
    version: Version,
    topic: TopicName<'a>,
    text: &'a str,
    bytes: &'a [u8],
    properties: Vec<Property<'a>>,
    will_properties: Vec<Property<'a>>,
    codes: Vec<u8>,
    filters: Vec<TopicFilter<'a>>,
    subscriptions: Vec<Subscription<'a>>,
}

fn play(input: &mut Unstructured<'_>) -> Result<()> {
    let version = *input.choose(&Version::ALL)?;
    let kind = input.int_in_range(0..=14)?;
    let packet_type = PacketType::ALL[kind];
    let v5 = version == Version::V5;
    let mut parts = Parts {
        version,
        topic: topic(input)?,
        text: string(input)?,
        bytes: binary(input)?,
        properties: if v5 { properties(input, Some(packet_type))? } else { Vec::new() },
        will_properties: if v5 { properties(input, None)? } else { Vec::new() },
        codes: Vec::new(),
        filters: Vec::new(),
        subscriptions: Vec::new(),
    };
    for _ in 0..input.int_in_range(1..=4)? {
        let legal: Vec<_> = ReasonCode::table()
            .filter(|(code, _, _)| code.is_legal_in(packet_type) && (v5 || matches!(code.0, 0..=2 | 0x80)))
            .map(|(code, ..)| code.0)
            .collect();
        parts.codes.push(if legal.is_empty() { 0 } else { *input.choose(&legal)? });
        let filter = filter(input)?;
        parts.filters.push(filter);
        let subscription = Subscription::new(filter, qos(input)?);
        parts.subscriptions.push(if v5 {
            subscription
                .no_local(bool::arbitrary(input)? && filter.share().is_none())
                .retain_as_published(bool::arbitrary(input)?)
                .retain_handling(*input.choose(&[
                    RetainHandling::Send,
                    RetainHandling::SendIfNew,
                    RetainHandling::DoNotSend,
                ])?)
        } else {
            subscription
        });
    }
    check(&packet(input, packet_type, &parts)?, version);
    Ok(())
}

fn packet<'a>(input: &mut Unstructured<'_>, packet_type: PacketType, parts: &'a Parts<'a>) -> Result<Packet<'a>> {
    let version = parts.version;
    let v5 = version == Version::V5;
    let properties = Properties::new(&parts.properties);
    let id = PacketId::new(input.int_in_range(1..=u16::MAX)?).expect("not 0");
    let reason = if v5 { ReasonCode(parts.codes[0]) } else { ReasonCode::SUCCESS };
    let ack = Acknowledgement { id, reason, properties };
    Ok(match packet_type {
        PacketType::Connect => {
            let mut connect = Connect::new(version, parts.text).clean_start(bool::arbitrary(input)?);
            connect = connect.keep_alive(u16::arbitrary(input)?).properties(properties);
            connect = connect.bridge(!v5 && bool::arbitrary(input)?);
            if bool::arbitrary(input)? {
                let will = Will::new(parts.topic, parts.bytes).qos(qos(input)?).retain(bool::arbitrary(input)?);
                connect = connect.will(will.properties(&parts.will_properties[..]));
            }
            let user = bool::arbitrary(input)?;
            connect.user_name = user.then_some(parts.text);
            connect.password = ((user || v5) && bool::arbitrary(input)?).then_some(parts.bytes);
            Packet::Connect(connect)
        }
        PacketType::ConnAck => {
            let session_present = bool::arbitrary(input)? && version != Version::V31;
            let code = if v5 { reason.0 } else { u8::arbitrary(input)? };
            Packet::ConnAck(ConnAck { session_present, code, properties })
        }
        PacketType::Publish => {
            let qos = qos(input)?;
            let has_alias = properties.topic_alias().is_some();
            Packet::Publish(Publish {
                dup: bool::arbitrary(input)? && qos != QoS::AtMostOnce,
                qos,
                retain: bool::arbitrary(input)?,
                topic: if has_alias && bool::arbitrary(input)? { "" } else { parts.topic.as_str() },
                id: (qos != QoS::AtMostOnce).then_some(id),
                properties,
                payload: parts.bytes,
            })
        }
        PacketType::PubAck => Packet::PubAck(ack),
        PacketType::PubRec => Packet::PubRec(ack),
        PacketType::PubRel => Packet::PubRel(ack),
        PacketType::PubComp => Packet::PubComp(ack),
        PacketType::Subscribe => Packet::Subscribe(Request::new(id, properties, Entries::new(&parts.subscriptions))),
        PacketType::SubAck => Packet::SubAck(SubAck { id, properties, codes: &parts.codes }),
        PacketType::Unsubscribe => Packet::Unsubscribe(Request::new(id, properties, Entries::new(&parts.filters))),
        PacketType::UnsubAck => {
            Packet::UnsubAck(UnsubAck { id, properties, codes: if v5 { &parts.codes } else { &[] } })
        }
        PacketType::PingReq => Packet::PingReq,
        PacketType::PingResp => Packet::PingResp,
        PacketType::Disconnect => Packet::Disconnect(Disconnect::new(reason).properties(properties)),
        PacketType::Auth if v5 && (reason == ReasonCode::SUCCESS || properties.authentication_method().is_some()) => {
            let mut auth = Auth::continue_with(properties);
            auth.reason = reason;
            Packet::Auth(auth)
        }
        PacketType::Auth => Packet::PingReq,
    })
}

fn check(packet: &Packet<'_>, version: Version) {
    let mut buffer = vec![0; 4096];
    let length = match packet.encode(version, &mut buffer) {
        Ok(length) => length,
        Err(EncodeError::NoRoom { needed }) => {
            assert!(needed > buffer.len());
            buffer.resize(needed, 0);
            assert_eq!(packet.encode(version, &mut buffer), Ok(needed), "the length was told wrong");
            needed
        }
        Err(error) => panic!("{packet:?}: {error}"),
    };
    let bytes = &buffer[..length];
    let decoded = Packet::decode(bytes, Rules::new(version));
    assert_eq!(decoded, Ok(Decoded::Packet { packet: *packet, length }), "{bytes:02X?}");
    let Ok(Decoded::Packet { packet: again, .. }) = decoded else { return };
    let mut second = vec![0; length];
    assert_eq!(again.encode(version, &mut second), Ok(length));
    assert_eq!(second, bytes);
    for short in 0..length {
        let cut = Packet::decode(&bytes[..short], Rules::new(version));
        assert!(
            matches!(cut, Ok(Decoded::Partial { needed }) if needed > 0 && needed <= length - short),
            "{short}: {cut:?}"
        );
        if short > 40 {
            break;
        }
    }
}

fn qos(input: &mut Unstructured<'_>) -> Result<QoS> {
    Ok(QoS::from_bits(input.int_in_range(0..=2)?).unwrap_or_default())
}

/// The longest text that is free of U+0000.
fn string<'a>(input: &mut Unstructured<'a>) -> Result<&'a str> {
    let text = <&str>::arbitrary(input)?;
    let text = text.split('\0').next().unwrap_or_default();
    let end = (0..=text.len().min(300)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    Ok(&text[..end])
}

fn binary<'a>(input: &mut Unstructured<'a>) -> Result<&'a [u8]> {
    let bytes = <&[u8]>::arbitrary(input)?;
    Ok(&bytes[..bytes.len().min(400)])
}

fn topic<'a>(input: &mut Unstructured<'a>) -> Result<TopicName<'a>> {
    let text = string(input)?;
    TopicName::new(text)
        .or_else(|_| TopicName::new("a/b"))
        .map_err(|_| libfuzzer_sys::arbitrary::Error::IncorrectFormat)
}

fn filter<'a>(input: &mut Unstructured<'a>) -> Result<TopicFilter<'a>> {
    let text = string(input)?;
    let spare = *input.choose(&["#", "a/+/b", "$share/g/a", "+"])?;
    TopicFilter::new(text)
        .or_else(|_| TopicFilter::new(spare))
        .map_err(|_| libfuzzer_sys::arbitrary::Error::IncorrectFormat)
}

/// Any properties that may stand in the packet, or with `None` in a will.
fn properties<'a>(input: &mut Unstructured<'a>, packet: Option<PacketType>) -> Result<Vec<Property<'a>>> {
    use PacketType::{Auth, ConnAck, Connect, Disconnect, Publish, SubAck, Subscribe, UnsubAck};
    let is = |list: &[PacketType]| packet.is_some_and(|packet| list.contains(&packet));
    let is_message = packet.is_none() || is(&[Publish]);
    let acks = [PacketType::PubAck, PacketType::PubRec, PacketType::PubRel, PacketType::PubComp];
    let mut list: Vec<Property<'a>> = Vec::new();
    if is(&[PacketType::PingReq, PacketType::PingResp]) {
        return Ok(list);
    }
    for _ in 0..input.int_in_range(0..=6)? {
        let property = match input.int_in_range(0..=26)? {
            0 if is_message => Property::PayloadFormatIndicator(bool::arbitrary(input)?),
            1 if is_message => Property::MessageExpiryInterval(u32::arbitrary(input)?),
            2 if is_message => Property::ContentType(string(input)?),
            3 if is_message => Property::ResponseTopic(topic(input)?.as_str()),
            4 if is_message => Property::CorrelationData(binary(input)?),
            5 if is(&[Publish, Subscribe]) => Property::SubscriptionIdentifier(input.int_in_range(1..=268_435_455)?),
            6 if is(&[Connect, ConnAck, Disconnect]) => Property::SessionExpiryInterval(u32::arbitrary(input)?),
            7 if is(&[ConnAck]) => Property::AssignedClientIdentifier(string(input)?),
            8 if is(&[ConnAck]) => Property::ServerKeepAlive(u16::arbitrary(input)?),
            9 if is(&[Connect, ConnAck, Auth]) => Property::AuthenticationMethod(string(input)?),
            10 if is(&[Connect, ConnAck, Auth]) => Property::AuthenticationData(binary(input)?),
            11 if is(&[Connect]) => Property::RequestProblemInformation(bool::arbitrary(input)?),
            12 if packet.is_none() => Property::WillDelayInterval(u32::arbitrary(input)?),
            13 if is(&[Connect]) => Property::RequestResponseInformation(bool::arbitrary(input)?),
            14 if is(&[ConnAck]) => Property::ResponseInformation(string(input)?),
            15 if is(&[ConnAck, Disconnect]) => Property::ServerReference(string(input)?),
            16 if is(&acks) || is(&[ConnAck, SubAck, UnsubAck, Disconnect, Auth]) => {
                Property::ReasonString(string(input)?)
            }
            17 if is(&[Connect, ConnAck]) => Property::ReceiveMaximum(input.int_in_range(1..=u16::MAX)?),
            18 if is(&[Connect, ConnAck]) => Property::TopicAliasMaximum(u16::arbitrary(input)?),
            19 if is(&[Publish]) => Property::TopicAlias(input.int_in_range(1..=u16::MAX)?),
            20 if is(&[ConnAck]) => Property::MaximumQoS(input.int_in_range(0..=1)?),
            21 if is(&[ConnAck]) => Property::RetainAvailable(bool::arbitrary(input)?),
            22 if is(&[Connect, ConnAck]) => Property::MaximumPacketSize(input.int_in_range(1..=u32::MAX)?),
            23 if is(&[ConnAck]) => Property::WildcardSubscriptionAvailable(bool::arbitrary(input)?),
            24 if is(&[ConnAck]) => Property::SubscriptionIdentifierAvailable(bool::arbitrary(input)?),
            25 if is(&[ConnAck]) => Property::SharedSubscriptionAvailable(bool::arbitrary(input)?),
            _ => Property::UserProperty((string(input)?, string(input)?)),
        };
        let repeats = matches!(property, Property::UserProperty(_))
            || matches!(property, Property::SubscriptionIdentifier(_)) && is(&[Publish]);
        if repeats || list.iter().all(|other| other.id() != property.id()) {
            list.push(property);
        }
    }
    // Authentication Data don't stand without the method.
    let has_method = list.iter().any(|property| matches!(property, Property::AuthenticationMethod(_)));
    list.retain(|property| has_method || !matches!(property, Property::AuthenticationData(_)));
    Ok(list)
}
