//! rust-mqtt over a transport in memory: 5.0 only; the window is a constant of the type.

use std::num::NonZero;

use rust_mqtt::Bytes;
use rust_mqtt::buffer::AllocBuffer;
use rust_mqtt::client::Client as RustMqtt;
use rust_mqtt::client::event::Event;
use rust_mqtt::client::options::{ConnectOptions, PublicationOptions, SubscriptionOptions, TopicReference};
use rust_mqtt::config::SessionExpiryInterval;
use rust_mqtt::types::{MqttString, MqttStringPair, QoS, TopicFilter, TopicName};

use crate::client::{Client, Message, Setup, Sink, TOPIC, Version};
use crate::clients::pipe::{Pipe, now};
use crate::clients::{CONTENT_TYPE, EXPIRY, USER_PROPERTY, boxed, connack};

/// With a window of `W`, and 64 messages from the server at a time.
struct Adapter<const W: usize> {
    client: RustMqtt<'static, 'static, Pipe, AllocBuffer, 1, 64, W, 1, 4, 0, 1>,
    pipe: Pipe,
    alias: bool,
    mapped: bool,
}

pub fn open(setup: &Setup) -> Option<Box<dyn Client>> {
    // It takes aliases from nobody here: a name behind an inbound alias is the application's to remember.
    if setup.version == Version::V311 || setup.alias && setup.qos == 0 {
        return None;
    }
    // 0.6.0 ends the link at a PUBLISH with these three properties.
    if setup.properties && setup.window == 0 {
        return None;
    }
    match setup.window {
        0..=1 => connect::<1>(setup),
        2..=64 => connect::<64>(setup),
        65..=1_000 => connect::<1_000>(setup),
        _ => None,
    }
}

fn connect<const W: usize>(setup: &Setup) -> Option<Box<dyn Client>> {
    let pipe = Pipe::default();
    pipe.offer(connack(setup, false));
    let mut client = RustMqtt::new(Box::leak(Box::new(AllocBuffer)));
    let options = ConnectOptions::new()
        .clean_start()
        .session_expiry_interval(SessionExpiryInterval::NeverEnd)
        .maximum_packet_size(NonZero::new(2 << 20)?);
    let id = MqttString::from_str("bench").ok()?;
    now(client.connect(pipe.clone(), &options, Some(id)))?.ok()?;
    pipe.clear_sent();
    boxed(Adapter::<W> { client, pipe, alias: setup.alias, mapped: false })
}

impl<const W: usize> Client for Adapter<W> {
    fn publish(&mut self, message: &Message<'_>) -> u16 {
        let topic = TopicName::new(MqttString::from_str(TOPIC).expect("a string")).expect("a topic");
        let alias = NonZero::new(1).expect("not 0");
        let topic = match (self.alias, self.mapped) {
            (false, _) => TopicReference::Name(topic),
            (true, false) => TopicReference::Mapping(topic, alias),
            (true, true) => TopicReference::Alias(alias),
        };
        self.mapped = self.alias;
        let qos = match message.qos {
            0 => QoS::AtMostOnce,
            1 => QoS::AtLeastOnce,
            _ => QoS::ExactlyOnce,
        };
        let text = |text| MqttString::from_str(text).expect("a string");
        let user_properties = [MqttStringPair::new(text(USER_PROPERTY.0), text(USER_PROPERTY.1))];
        let mut options = PublicationOptions::new(topic).qos(qos);
        if message.properties {
            options = options
                .message_expiry_interval(EXPIRY)
                .content_type(text(CONTENT_TYPE))
                .user_properties(&user_properties);
        }
        let sent = now(self.client.publish(&options, Bytes::Borrowed(message.payload)));
        sent.expect("no waiting").expect("room").map_or(0, |id| id.get().get())
    }

    fn subscribe(&mut self, filter: &str) -> u16 {
        let filter = TopicFilter::new(MqttString::from_str(filter).expect("a string")).expect("a filter");
        let options = SubscriptionOptions::new().exactly_once();
        now(self.client.subscribe(filter, &options)).expect("no waiting").expect("room").get().get()
    }

    fn send(&mut self, sink: &mut Sink) {
        self.pipe.sent(|bytes| sink.take(bytes));
        self.pipe.clear_sent();
    }

    fn receive(&mut self, bytes: &[u8]) -> usize {
        self.pipe.offer(bytes);
        let mut told = 0;
        while !self.pipe.is_read() {
            let Some(event) = now(self.client.poll()) else { break };
            told += usize::from(matches!(
                event.expect("a good packet"),
                Event::Publish(_) | Event::PublishAcknowledged(_) | Event::PublishComplete(_) | Event::Suback(_)
            ));
        }
        told
    }
}
