//! What an event means to the program: found under the lock, told without it.

use std::borrow::Cow;
use std::time::SystemTime;

use pure_mqtt::{Auth, ConnAck, Topic, TopicName};

use crate::client::Client;
use crate::deliveries::Published;
use crate::message::Message;
use crate::receipts::{Receipt, Receipts};

pub(crate) enum Notice<'i> {
    Connected(ConnAck<'i>),
    Message { message: pure_mqtt::Message<'i>, topic: Cow<'i, str>, receipt: Option<Receipt> },
    Published(Published<'i>),
    Auth(Auth<'i>),
}

impl<'i> Notice<'i> {
    /// A message to `topic`, which may be behind an alias.
    pub(crate) fn message(mut message: pure_mqtt::Message<'i>, topic: &str, receipts: &mut Receipts) -> Self {
        let receipt = message.ack.take().map(|pending| receipts.keep(message.qos, pending));
        let topic = match message.topic {
            Topic::Name(name) => Cow::Borrowed(name.as_str()),
            Topic::Alias(_) => Cow::Owned(topic.to_owned()),
            Topic::Invalid(bytes) => String::from_utf8_lossy(bytes),
        };
        Self::Message { message, topic, receipt }
    }

    /// Calls whom it concerns.
    pub(crate) fn tell(&self, client: &Client) {
        let callbacks = &client.shared.callbacks;
        match self {
            Self::Connected(connack) => callbacks.on_connect(client, connack),
            Self::Published(published) => callbacks.on_publish(client, published),
            Self::Auth(auth) => callbacks.on_auth(client, auth),
            Self::Message { message, topic, receipt } => {
                let Ok(topic) = TopicName::new(topic) else { return };
                let message = Message {
                    topic,
                    payload: message.payload,
                    qos: message.qos,
                    retain: message.retain,
                    dup: message.dup,
                    id: message.id,
                    properties: message.properties,
                    timestamp: SystemTime::now(),
                    receipt: *receipt,
                };
                callbacks.message(client, &message);
            }
        }
    }
}
