//! rumqttc's state and codec, in the way its event loop uses them, for 3.1.1 and 5.0.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use rumqttc::{mqttbytes::v4, v5};
use tokio_util::codec::{Decoder, Encoder};

use crate::client::{Client, Message, Setup, Sink, TOPIC, Version};
use crate::clients::{CONTENT_TYPE, EXPIRY, USER_PROPERTY, boxed, connack};

const LONGEST: usize = 2 << 20;

pub fn open(setup: &Setup) -> Option<Box<dyn Client>> {
    let window = u16::try_from(setup.window).ok()?;
    match setup.version {
        Version::V311 => boxed(V4::new(setup, window)),
        // It never sends aliases by itself.
        Version::V5 if setup.alias && setup.qos > 0 => None,
        Version::V5 => boxed(V5::new(setup, window)),
    }
}

fn payload(message: &Message<'_>) -> Bytes {
    message.shared.map_or_else(|| Bytes::from(message.payload.to_vec()), Bytes::clone)
}

struct V4 {
    state: rumqttc::MqttState,
    codec: v4::Codec,
    input: BytesMut,
    output: BytesMut,
    setup: Setup,
}

impl V4 {
    fn new(setup: &Setup, window: u16) -> Self {
        let codec = v4::Codec { max_incoming_size: LONGEST, max_outgoing_size: LONGEST };
        let state = rumqttc::MqttState::new(window, false);
        let mut client = Self { state, codec, input: BytesMut::new(), output: BytesMut::new(), setup: *setup };
        client.connect(false);
        client
    }

    fn connect(&mut self, resumes: bool) {
        let mut connect = v4::Connect::new("bench");
        connect.clean_session = !resumes;
        self.encode(v4::Packet::Connect(connect));
        self.send(&mut Sink::default());
        self.input.extend_from_slice(connack(&self.setup, resumes));
        let packet = self.codec.decode(&mut self.input).expect("CONNACK");
        assert!(matches!(packet, Some(v4::Packet::ConnAck(_))));
    }

    fn encode(&mut self, packet: v4::Packet) {
        self.codec.encode(packet, &mut self.output).expect("a packet");
    }

    fn request(&mut self, request: rumqttc::Request) -> u16 {
        let packet = self.state.handle_outgoing_packet(request).expect("room").expect("no collision");
        self.state.events.clear();
        let id = match &packet {
            v4::Packet::Publish(publish) => publish.pkid,
            v4::Packet::Subscribe(subscribe) => subscribe.pkid,
            _ => 0,
        };
        self.encode(packet);
        id
    }
}

fn qos4(qos: u8) -> rumqttc::QoS {
    match qos {
        0 => rumqttc::QoS::AtMostOnce,
        1 => rumqttc::QoS::AtLeastOnce,
        _ => rumqttc::QoS::ExactlyOnce,
    }
}

impl Client for V4 {
    fn publish(&mut self, message: &Message<'_>) -> u16 {
        self.request(rumqttc::Request::Publish(v4::Publish::from_bytes(TOPIC, qos4(message.qos), payload(message))))
    }

    fn subscribe(&mut self, filter: &str) -> u16 {
        self.request(rumqttc::Request::Subscribe(v4::Subscribe::new(filter, rumqttc::QoS::ExactlyOnce)))
    }

    fn send(&mut self, sink: &mut Sink) {
        sink.take(&self.output);
        self.output.clear();
    }

    fn receive(&mut self, bytes: &[u8]) -> usize {
        self.input.extend_from_slice(bytes);
        let mut told = 0;
        while let Some(packet) = self.codec.decode(&mut self.input).expect("a good packet") {
            if let Some(answer) = self.state.handle_incoming_packet(packet).expect("a good packet") {
                self.encode(answer);
            }
            told += count4(&mut self.state.events);
        }
        told
    }

    fn resume(&mut self) -> bool {
        let pending = self.state.clean();
        self.input.clear();
        self.output.clear();
        self.connect(true);
        for request in pending {
            self.request(request);
        }
        true
    }
}

fn count4(events: &mut VecDeque<rumqttc::Event>) -> usize {
    use v4::Packet::{PubAck, PubComp, Publish, SubAck};
    let is_told = |event: &rumqttc::Event| {
        matches!(event, rumqttc::Event::Incoming(Publish(_) | PubAck(_) | PubComp(_) | SubAck(_)))
    };
    let mut told = 0;
    while let Some(event) = events.pop_front() {
        told += usize::from(is_told(&event));
    }
    told
}

struct V5 {
    state: v5::MqttState,
    codec: v5::mqttbytes::v5::Codec,
    input: BytesMut,
    output: BytesMut,
    setup: Setup,
}

impl V5 {
    fn new(setup: &Setup, window: u16) -> Self {
        let longest = Some(LONGEST as u32);
        let codec = v5::mqttbytes::v5::Codec { max_incoming_size: longest, max_outgoing_size: longest };
        let state = v5::MqttState::new(window, false);
        let mut client = Self { state, codec, input: BytesMut::new(), output: BytesMut::new(), setup: *setup };
        client.connect(false);
        client
    }

    fn connect(&mut self, resumes: bool) {
        let connect = v5::mqttbytes::v5::Connect {
            keep_alive: 60,
            client_id: "bench".into(),
            clean_start: !resumes,
            properties: None,
        };
        self.encode(v5::mqttbytes::v5::Packet::Connect(connect, None, None));
        self.send(&mut Sink::default());
        self.receive(connack(&self.setup, resumes));
    }

    fn encode(&mut self, packet: v5::mqttbytes::v5::Packet) {
        self.codec.encode(packet, &mut self.output).expect("a packet");
    }

    fn request(&mut self, request: v5::Request) -> u16 {
        let packet = self.state.handle_outgoing_packet(request).expect("room").expect("no collision");
        self.state.events.clear();
        let id = match &packet {
            v5::mqttbytes::v5::Packet::Publish(publish) => publish.pkid,
            v5::mqttbytes::v5::Packet::Subscribe(subscribe) => subscribe.pkid,
            _ => 0,
        };
        self.encode(packet);
        id
    }
}

fn qos5(qos: u8) -> v5::mqttbytes::QoS {
    match qos {
        0 => v5::mqttbytes::QoS::AtMostOnce,
        1 => v5::mqttbytes::QoS::AtLeastOnce,
        _ => v5::mqttbytes::QoS::ExactlyOnce,
    }
}

impl Client for V5 {
    fn publish(&mut self, message: &Message<'_>) -> u16 {
        let properties = message.properties.then(|| v5::mqttbytes::v5::PublishProperties {
            message_expiry_interval: Some(EXPIRY),
            content_type: Some(CONTENT_TYPE.into()),
            user_properties: vec![(USER_PROPERTY.0.into(), USER_PROPERTY.1.into())],
            ..Default::default()
        });
        let publish = v5::mqttbytes::v5::Publish::new(TOPIC, qos5(message.qos), payload(message), properties);
        self.request(v5::Request::Publish(publish))
    }

    fn subscribe(&mut self, filter: &str) -> u16 {
        let filter = v5::mqttbytes::v5::Filter::new(filter, v5::mqttbytes::QoS::ExactlyOnce);
        self.request(v5::Request::Subscribe(v5::mqttbytes::v5::Subscribe::new(filter, None)))
    }

    fn send(&mut self, sink: &mut Sink) {
        sink.take(&self.output);
        self.output.clear();
    }

    fn receive(&mut self, bytes: &[u8]) -> usize {
        self.input.extend_from_slice(bytes);
        let mut told = 0;
        while let Some(packet) = self.codec.decode(&mut self.input).expect("a good packet") {
            if let Some(answer) = self.state.handle_incoming_packet(packet).expect("a good packet") {
                self.encode(answer);
            }
            told += count5(&mut self.state.events);
        }
        told
    }

    fn resume(&mut self) -> bool {
        let pending = self.state.clean();
        self.input.clear();
        self.output.clear();
        self.connect(true);
        for request in pending {
            self.request(request);
        }
        true
    }
}

fn count5(events: &mut VecDeque<v5::Event>) -> usize {
    use v5::mqttbytes::v5::Packet::{PubAck, PubComp, Publish, SubAck};
    let is_told =
        |event: &v5::Event| matches!(event, v5::Event::Incoming(Publish(_) | PubAck(_) | PubComp(_) | SubAck(_)));
    let mut told = 0;
    while let Some(event) = events.pop_front() {
        told += usize::from(is_told(&event));
    }
    told
}
