//! flowsdk's engine, with the time given from outside.

use flowsdk::mqtt_client::{MqttClientOptions, MqttEvent, PortableMqttEngine, PublishCommand, SubscribeCommand};
use flowsdk::time::Timestamp;

use crate::client::{Client, Message, Setup, Sink, TOPIC, Version};
use crate::clients::{CONTENT_TYPE, EXPIRY, USER_PROPERTY, boxed, connack};

const NOW: Timestamp = Timestamp::ZERO;
const LONGEST: usize = 4 << 20;

struct Flow {
    engine: PortableMqttEngine,
    setup: Setup,
}

pub fn open(setup: &Setup) -> Option<Box<dyn Client>> {
    if setup.alias {
        return None; // it assigns none by itself, and shows none resolved
    }
    let options = MqttClientOptions::builder()
        .client_id("bench")
        .clean_start(false)
        .keep_alive(60)
        .mqtt_version(if setup.version == Version::V5 { 5 } else { 4 })
        .max_outgoing_packet_count(200_000)
        .max_event_count(200_000)
        .receive_maximum(u16::try_from(setup.window.max(64)).ok()?)
        .max_incoming_packet_size(LONGEST)
        .max_incoming_buffer_bytes(LONGEST)
        .max_outgoing_buffer_bytes(64 << 20);
    let mut flow = Flow { engine: PortableMqttEngine::new_at(options, NOW), setup: *setup };
    flow.connect(false);
    boxed(flow)
}

impl Flow {
    fn connect(&mut self, resumes: bool) {
        self.engine.connect_at(NOW).expect("CONNECT");
        self.send(&mut Sink::default());
        self.receive(connack(&self.setup, resumes));
        assert!(self.engine.is_connected());
    }
}

impl Client for Flow {
    fn publish(&mut self, message: &Message<'_>) -> u16 {
        let command = if message.properties {
            PublishCommand::builder()
                .topic(TOPIC)
                .payload(message.payload)
                .qos(message.qos)
                .with_message_expiry_interval(EXPIRY)
                .with_content_type(CONTENT_TYPE)
                .with_user_property(USER_PROPERTY.0, USER_PROPERTY.1)
                .build()
                .expect("a message")
        } else {
            PublishCommand::simple(TOPIC, message.payload.to_vec(), message.qos, false)
        };
        self.engine.publish_at(command, NOW).expect("room").unwrap_or(0)
    }

    fn subscribe(&mut self, filter: &str) -> u16 {
        self.engine.subscribe_at(SubscribeCommand::single(filter, 2), NOW).expect("room")
    }

    fn send(&mut self, sink: &mut Sink) {
        sink.take(&self.engine.take_outgoing_at(NOW).expect("bytes"));
    }

    fn receive(&mut self, bytes: &[u8]) -> usize {
        let events = self.engine.handle_incoming_at(bytes, NOW).expect("good packets");
        let is_told = |event: &&MqttEvent| {
            matches!(event, MqttEvent::MessageReceived(_) | MqttEvent::Published(_) | MqttEvent::Subscribed(_))
        };
        events.iter().filter(is_told).count()
    }

    fn resume(&mut self) -> bool {
        self.engine.handle_connection_lost_at(NOW).expect("a link");
        self.connect(true);
        true
    }

    fn deadline(&self) -> Option<u64> {
        self.engine.next_tick_at().map(Timestamp::as_millis)
    }
}
