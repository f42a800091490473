//! mqtt-protocol-core's connection, with a session that is kept.

use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{Event, role};
use mqtt_protocol_core::mqtt::packet::{
    ContentType, MessageExpiryInterval, Packet, Property, Qos, SessionExpiryInterval, SubEntry, SubOpts, UserProperty,
    v3_1_1, v5_0,
};
use mqtt_protocol_core::mqtt::prelude::*;
use mqtt_protocol_core::mqtt::{self, Connection};

use crate::client::{Client, Message, Setup, Sink, TOPIC, Version};
use crate::clients::{CONTENT_TYPE, EXPIRY, USER_PROPERTY, boxed, connack};

struct Core {
    connection: Connection<role::Client>,
    output: Vec<u8>,
    setup: Setup,
}

pub fn open(setup: &Setup) -> Option<Box<dyn Client>> {
    let version = if setup.version == Version::V5 { mqtt::Version::V5_0 } else { mqtt::Version::V3_1_1 };
    let mut connection = Connection::<role::Client>::new(version);
    connection.set_auto_pub_response(true);
    connection.set_auto_map_topic_alias_send(setup.alias);
    let mut core = Core { connection, output: Vec::new(), setup: *setup };
    core.connect(false);
    boxed(core)
}

impl Core {
    fn connect(&mut self, resumes: bool) {
        let packet: Packet = match self.setup.version {
            Version::V311 => v3_1_1::Connect::builder()
                .client_id("bench")
                .expect("an id")
                .clean_session(false)
                .build()
                .expect("CONNECT")
                .into(),
            Version::V5 => {
                let mut properties =
                    vec![Property::SessionExpiryInterval(SessionExpiryInterval::new(u32::MAX).expect("a number"))];
                if self.setup.alias {
                    let maximum = mqtt::packet::TopicAliasMaximum::new(10).expect("a number");
                    properties.push(Property::TopicAliasMaximum(maximum));
                }
                v5_0::Connect::builder()
                    .client_id("bench")
                    .expect("an id")
                    .clean_start(!resumes)
                    .props(properties)
                    .build()
                    .expect("CONNECT")
                    .into()
            }
        };
        self.request(packet);
        self.send(&mut Sink::default());
        self.receive(connack(&self.setup, resumes));
    }

    fn request(&mut self, packet: Packet) {
        let events = self.connection.send(packet);
        self.handle(events);
    }

    /// Returns how much the application was told.
    fn handle(&mut self, events: Vec<Event>) -> usize {
        let mut told = 0;
        for event in events {
            match event {
                Event::RequestSendPacket { packet, .. } => {
                    for part in packet.to_buffers() {
                        self.output.extend_from_slice(&part);
                    }
                }
                Event::NotifyPacketReceived(packet) => told += usize::from(is_told(&packet)),
                Event::NotifyError(error) => panic!("a good packet: {error:?}"),
                _ => {}
            }
        }
        told
    }
}

fn is_told(packet: &Packet) -> bool {
    matches!(
        packet,
        Packet::V3_1_1Publish(_)
            | Packet::V3_1_1Puback(_)
            | Packet::V3_1_1Pubcomp(_)
            | Packet::V3_1_1Suback(_)
            | Packet::V5_0Publish(_)
            | Packet::V5_0Puback(_)
            | Packet::V5_0Pubcomp(_)
            | Packet::V5_0Suback(_)
    )
}

fn qos(qos: u8) -> Qos {
    Qos::try_from(qos).expect("a quality of service")
}

fn properties() -> Vec<Property> {
    vec![
        Property::MessageExpiryInterval(MessageExpiryInterval::new(EXPIRY).expect("a number")),
        Property::ContentType(ContentType::new(CONTENT_TYPE).expect("a text")),
        Property::UserProperty(UserProperty::new(USER_PROPERTY.0, USER_PROPERTY.1).expect("a pair")),
    ]
}

impl Client for Core {
    fn publish(&mut self, message: &Message<'_>) -> u16 {
        let id = (message.qos > 0).then(|| self.connection.acquire_packet_id().expect("an identifier"));
        let packet: Packet = match self.setup.version {
            Version::V311 => v3_1_1::Publish::builder()
                .topic_name(TOPIC)
                .expect("a topic")
                .qos(qos(message.qos))
                .packet_id(id)
                .payload(message.payload)
                .build()
                .expect("PUBLISH")
                .into(),
            Version::V5 => {
                let mut builder = v5_0::Publish::builder()
                    .topic_name(TOPIC)
                    .expect("a topic")
                    .qos(qos(message.qos))
                    .packet_id(id)
                    .payload(message.payload);
                if message.properties {
                    builder = builder.props(properties());
                }
                builder.build().expect("PUBLISH").into()
            }
        };
        self.request(packet);
        id.unwrap_or(0)
    }

    fn subscribe(&mut self, filter: &str) -> u16 {
        let id = self.connection.acquire_packet_id().expect("an identifier");
        let entry = SubEntry::new(filter, SubOpts::new().set_qos(Qos::ExactlyOnce)).expect("a filter");
        let packet: Packet = match self.setup.version {
            Version::V311 => {
                v3_1_1::Subscribe::builder().packet_id(id).entries(vec![entry]).build().expect("SUBSCRIBE").into()
            }
            Version::V5 => {
                v5_0::Subscribe::builder().packet_id(id).entries(vec![entry]).build().expect("SUBSCRIBE").into()
            }
        };
        self.request(packet);
        id
    }

    fn send(&mut self, sink: &mut Sink) {
        sink.take(&self.output);
        self.output.clear();
    }

    fn receive(&mut self, bytes: &[u8]) -> usize {
        let mut cursor = Cursor::new(bytes);
        let mut told = 0;
        while (cursor.position() as usize) < bytes.len() {
            let events = self.connection.recv(&mut cursor);
            told += self.handle(events);
        }
        told
    }

    fn resume(&mut self) -> bool {
        let events = self.connection.notify_closed();
        self.handle(events);
        self.output.clear();
        self.connect(true);
        true
    }
}
