//! Its packets of 5.0.

use mqttbytes::v5::{
    ConnAckProperties, Connect, ConnectProperties, DisconnectProperties, Packet, Publish, PublishProperties,
    RetainForwardRule, SubscribeProperties, WillProperties,
};

use crate::told::{Told, Value};

/// PUBACK, PUBREC, PUBREL and PUBCOMP, and the properties of SUBACK and UNSUBACK: each a type of its own with the same fields.
macro_rules! reasons {
    ($properties:expr) => {
        $properties.map_or_else(Vec::new, |properties| {
            Listed::new().option(0x1F, properties.reason_string).user(properties.user_properties).0
        })
    };
}

macro_rules! ack {
    ($name:literal, $packet:expr) => {
        Told::new($name)
            .with("id", $packet.pkid)
            .with("reason", $packet.reason as u8)
            .properties(reasons!($packet.properties))
    };
}

pub fn told(packet: Packet) -> Told {
    match packet {
        Packet::Connect(packet) => connect(packet),
        Packet::ConnAck(packet) => Told::new("CONNACK")
            .with("session present", packet.session_present)
            .with("code", packet.code as u8)
            .properties(packet.properties.map_or_else(Vec::new, of_connack)),
        Packet::Publish(packet) => publish(packet),
        Packet::PubAck(packet) => ack!("PUBACK", packet),
        Packet::PubRec(packet) => ack!("PUBREC", packet),
        Packet::PubRel(packet) => ack!("PUBREL", packet),
        Packet::PubComp(packet) => ack!("PUBCOMP", packet),
        Packet::Subscribe(packet) => {
            let told = Told::new("SUBSCRIBE").with("id", packet.pkid);
            let told = told.properties(packet.properties.map_or_else(Vec::new, of_subscribe));
            packet.filters.into_iter().fold(told, |told, filter| {
                told.with("filter", filter.path)
                    .with("QoS", filter.qos as u8)
                    .with("no local", filter.nolocal)
                    .with("retain as published", filter.preserve_retain)
                    .with("retain handling", retain_handling(&filter.retain_forward_rule))
            })
        }
        Packet::SubAck(packet) => {
            let codes: Vec<u8> = packet.return_codes.iter().map(|code| *code as u8).collect();
            Told::new("SUBACK")
                .with("id", packet.pkid)
                .with("codes", &codes[..])
                .properties(reasons!(packet.properties))
        }
        Packet::Unsubscribe(packet) => {
            let properties = packet.properties.map_or_else(Vec::new, |list| Listed::new().user(list.user_properties).0);
            let told = Told::new("UNSUBSCRIBE").with("id", packet.pkid).properties(properties);
            packet.filters.into_iter().fold(told, |told, filter| told.with("filter", filter))
        }
        Packet::UnsubAck(packet) => {
            let codes: Vec<u8> = packet.reasons.iter().map(|code| *code as u8).collect();
            Told::new("UNSUBACK")
                .with("id", packet.pkid)
                .with("codes", &codes[..])
                .properties(reasons!(packet.properties))
        }
        Packet::PingReq => Told::new("PINGREQ"),
        Packet::PingResp => Told::new("PINGRESP"),
        Packet::Disconnect(packet) => Told::new("DISCONNECT")
            .with("reason", packet.reason_code as u8)
            .properties(packet.properties.map_or_else(Vec::new, of_disconnect)),
    }
}

fn retain_handling(rule: &RetainForwardRule) -> u8 {
    match rule {
        RetainForwardRule::OnEverySubscribe => 0,
        RetainForwardRule::OnNewSubscribe => 1,
        RetainForwardRule::Never => 2,
    }
}

fn publish(packet: Publish) -> Told {
    Told::new("PUBLISH")
        .with("dup", packet.dup)
        .with("QoS", packet.qos as u8)
        .with("retain", packet.retain)
        .with("topic", packet.topic)
        .with("id", packet.pkid)
        .with("payload", packet.payload)
        .properties(packet.properties.map_or_else(Vec::new, of_publish))
}

fn connect(packet: Connect) -> Told {
    let level: u8 = if packet.protocol == mqttbytes::Protocol::V4 { 4 } else { 5 };
    let login = packet.login.unwrap_or_else(|| mqttbytes::v5::Login::new("", ""));
    let told = Told::new("CONNECT")
        .with("level", level)
        .with("clean start", packet.clean_session)
        .with("keep alive", packet.keep_alive)
        .with("client identifier", packet.client_id)
        .with("user name", login.username)
        .with("password", login.password.as_bytes())
        .properties(packet.properties.map_or_else(Vec::new, of_connect));
    let Some(will) = packet.last_will else { return told };
    told.with("will topic", will.topic)
        .with("will payload", will.message)
        .with("will QoS", will.qos as u8)
        .with("will retain", will.retain)
        .will_properties(will.properties.map_or_else(Vec::new, of_will))
}

/// Properties as a list.
struct Listed(Vec<(u8, Value)>);

impl Listed {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn option(mut self, id: u8, value: Option<impl Into<Value>>) -> Self {
        self.0.extend(value.map(|value| (id, value.into())));
        self
    }

    fn user(mut self, pairs: Vec<(String, String)>) -> Self {
        self.0.extend(pairs.into_iter().map(|pair| (0x26, pair.into())));
        self
    }
}

fn of_connect(list: ConnectProperties) -> Vec<(u8, Value)> {
    Listed::new()
        .option(0x11, list.session_expiry_interval)
        .option(0x15, list.authentication_method)
        .option(0x16, list.authentication_data)
        .option(0x17, list.request_problem_info)
        .option(0x19, list.request_response_info)
        .option(0x21, list.receive_maximum)
        .option(0x22, list.topic_alias_max)
        .user(list.user_properties)
        .option(0x27, list.max_packet_size)
        .0
}

fn of_will(list: WillProperties) -> Vec<(u8, Value)> {
    Listed::new()
        .option(0x01, list.payload_format_indicator)
        .option(0x02, list.message_expiry_interval)
        .option(0x03, list.content_type)
        .option(0x08, list.response_topic)
        .option(0x09, list.correlation_data)
        .option(0x18, list.delay_interval)
        .user(list.user_properties)
        .0
}

fn of_connack(list: ConnAckProperties) -> Vec<(u8, Value)> {
    Listed::new()
        .option(0x11, list.session_expiry_interval)
        .option(0x12, list.assigned_client_identifier)
        .option(0x13, list.server_keep_alive)
        .option(0x15, list.authentication_method)
        .option(0x16, list.authentication_data)
        .option(0x1A, list.response_information)
        .option(0x1C, list.server_reference)
        .option(0x1F, list.reason_string)
        .option(0x21, list.receive_max)
        .option(0x22, list.topic_alias_max)
        .option(0x24, list.max_qos)
        .option(0x25, list.retain_available)
        .user(list.user_properties)
        .option(0x27, list.max_packet_size)
        .option(0x28, list.wildcard_subscription_available)
        .option(0x29, list.subscription_identifiers_available)
        .option(0x2A, list.shared_subscription_available)
        .0
}

fn of_publish(list: PublishProperties) -> Vec<(u8, Value)> {
    let mut listed = Listed::new()
        .option(0x01, list.payload_format_indicator)
        .option(0x02, list.message_expiry_interval)
        .option(0x03, list.content_type)
        .option(0x08, list.response_topic)
        .option(0x09, list.correlation_data)
        .option(0x23, list.topic_alias)
        .user(list.user_properties);
    listed.0.extend(list.subscription_identifiers.into_iter().map(|id| (0x0B, id.into())));
    listed.0
}

fn of_subscribe(list: SubscribeProperties) -> Vec<(u8, Value)> {
    Listed::new().option(0x0B, list.id).user(list.user_properties).0
}

fn of_disconnect(list: DisconnectProperties) -> Vec<(u8, Value)> {
    Listed::new()
        .option(0x11, list.session_expiry_interval)
        .option(0x1C, list.server_reference)
        .option(0x1F, list.reason_string)
        .user(list.user_properties)
        .0
}
