//! What this project's codec says.

use pure_mqtt::wire::{Decoded, Entry, Packet, Request, Rules};
use pure_mqtt::{Connect, Properties, Property, Version};

use crate::told::{Outcome, Refusal, Told, Value};

/// Reads the packet at the front of `input`.
pub fn read(input: &[u8], version: Version) -> Outcome {
    match Packet::decode(input, Rules::new(version)) {
        Ok(Decoded::Packet { packet, length }) => Outcome::Packet(Box::new(told(&packet)), length),
        Ok(Decoded::Partial { .. }) => Outcome::Partial,
        Err(error) => Outcome::Refused(Refusal::Ours(error)),
    }
}

/// What the packet says.
pub fn told(packet: &Packet<'_>) -> Told {
    let ack = |name, ack: &pure_mqtt::wire::Acknowledgement<'_>| {
        Told::new(name).with("id", ack.id.get()).with("reason", ack.reason.0).properties(list(&ack.properties))
    };
    match packet {
        Packet::Connect(connect) => self::connect(connect),
        Packet::ConnAck(connack) => Told::new("CONNACK")
            .with("session present", connack.session_present)
            .with("code", connack.code)
            .properties(list(&connack.properties)),
        Packet::Publish(publish) => Told::new("PUBLISH")
            .with("dup", publish.dup)
            .with("QoS", publish.qos.bits())
            .with("retain", publish.retain)
            .with("topic", publish.topic)
            .with("id", publish.id.map_or(0, |id| id.get()))
            .with("payload", publish.payload)
            .properties(list(&publish.properties)),
        Packet::PubAck(packet) => ack("PUBACK", packet),
        Packet::PubRec(packet) => ack("PUBREC", packet),
        Packet::PubRel(packet) => ack("PUBREL", packet),
        Packet::PubComp(packet) => ack("PUBCOMP", packet),
        Packet::Subscribe(subscribe) => {
            subscribe.entries.iter().fold(request("SUBSCRIBE", subscribe), |told, entry| {
                told.with("filter", entry.filter.as_str())
                    .with("QoS", entry.qos.bits())
                    .with("no local", entry.no_local)
                    .with("retain as published", entry.retain_as_published)
                    .with("retain handling", entry.retain_handling as u8)
            })
        }
        Packet::Unsubscribe(unsubscribe) => unsubscribe
            .entries
            .iter()
            .fold(request("UNSUBSCRIBE", unsubscribe), |told, filter| told.with("filter", filter.as_str())),
        Packet::SubAck(suback) => Told::new("SUBACK")
            .with("id", suback.id.get())
            .with("codes", suback.codes)
            .properties(list(&suback.properties)),
        Packet::UnsubAck(unsuback) => Told::new("UNSUBACK")
            .with("id", unsuback.id.get())
            .with("codes", unsuback.codes)
            .properties(list(&unsuback.properties)),
        Packet::PingReq => Told::new("PINGREQ"),
        Packet::PingResp => Told::new("PINGRESP"),
        Packet::Disconnect(disconnect) => {
            Told::new("DISCONNECT").with("reason", disconnect.reason.0).properties(list(&disconnect.properties))
        }
        Packet::Auth(auth) => Told::new("AUTH").with("reason", auth.reason.0).properties(list(&auth.properties)),
    }
}

fn connect(connect: &Connect<'_>) -> Told {
    let told = Told::new("CONNECT")
        .with("level", connect.version.level())
        .with("clean start", connect.clean_start)
        .with("keep alive", connect.keep_alive)
        .with("client identifier", connect.client_id)
        // mqttbytes knows no difference between an empty name and none.
        .with("user name", connect.user_name.unwrap_or_default())
        .with("password", connect.password.unwrap_or_default())
        .properties(list(&connect.properties));
    let Some(will) = &connect.will else { return told };
    told.with("will topic", will.topic.as_str())
        .with("will payload", will.payload)
        .with("will QoS", will.qos.bits())
        .with("will retain", will.retain)
        .will_properties(list(&will.properties))
}

fn request<'a, T: Entry<'a>>(name: &'static str, request: &Request<'a, T>) -> Told {
    Told::new(name).with("id", request.id.get()).properties(list(&request.properties))
}

fn list(properties: &Properties<'_>) -> Vec<(u8, Value)> {
    properties.iter().map(|property| (property.id(), value(property))).collect()
}

fn value(property: Property<'_>) -> Value {
    match property {
        Property::PayloadFormatIndicator(on)
        | Property::RequestProblemInformation(on)
        | Property::RequestResponseInformation(on)
        | Property::RetainAvailable(on)
        | Property::WildcardSubscriptionAvailable(on)
        | Property::SubscriptionIdentifierAvailable(on)
        | Property::SharedSubscriptionAvailable(on) => on.into(),
        Property::MaximumQoS(number) => number.into(),
        Property::ServerKeepAlive(number)
        | Property::ReceiveMaximum(number)
        | Property::TopicAliasMaximum(number)
        | Property::TopicAlias(number) => number.into(),
        Property::MessageExpiryInterval(number)
        | Property::SubscriptionIdentifier(number)
        | Property::SessionExpiryInterval(number)
        | Property::WillDelayInterval(number)
        | Property::MaximumPacketSize(number) => number.into(),
        Property::ContentType(text)
        | Property::ResponseTopic(text)
        | Property::AssignedClientIdentifier(text)
        | Property::AuthenticationMethod(text)
        | Property::ResponseInformation(text)
        | Property::ServerReference(text)
        | Property::ReasonString(text) => text.into(),
        Property::CorrelationData(bytes) | Property::AuthenticationData(bytes) => bytes.into(),
        Property::UserProperty(pair) => pair.into(),
        _ => unreachable!("MQTT 5.0 has 27 properties"),
    }
}
