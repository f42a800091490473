//! Received messages.

use std::time::SystemTime;

use pure_mqtt::{PacketId, Properties, Publish, QoS, TopicName};
use pure_mqtt_agent::{Bytes, Incoming};

use crate::ack_tokens::AckToken;

/// A received message, as passed to callbacks. It borrows the client's buffer: [`to_owned`](Self::to_owned) copies it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Message<'m> {
    /// The topic it was published to.
    pub topic: TopicName<'m>,
    /// The payload.
    pub payload: &'m [u8],
    /// The QoS the message was delivered with.
    pub qos: QoS,
    /// Whether the server sent it as a retained message.
    pub retain: bool,
    /// The DUP flag: at QoS 1 the message may be a duplicate; at QoS 2 it is not.
    pub dup: bool,
    /// The packet identifier; `None` at QoS 0.
    pub id: Option<PacketId>,
    /// The properties (5.0), such as Response Topic and User Property.
    pub properties: Properties<'m>,
    /// When it was received.
    pub timestamp: SystemTime,
    /// With [`Options::manual_acks`](crate::Options::manual_acks), at QoS 1 and 2: the token to pass to [`Client::ack`](crate::Client::ack).
    pub ack_token: Option<AckToken>,
}

impl<'m> Message<'m> {
    /// Returns the payload as text; `None` if it is not UTF-8.
    pub fn text(&self) -> Option<&'m str> {
        std::str::from_utf8(self.payload).ok()
    }

    /// Returns the reply to this request: for its Response Topic, with its Correlation Data, at its QoS. Returns `None` if the request has no Response Topic.
    pub fn reply(&self, payload: &'m [u8]) -> Option<Publish<'m>> {
        reply(&self.properties, self.qos, payload)
    }

    /// Returns a copy.
    pub fn to_owned(&self) -> OwnedMessage {
        OwnedMessage {
            topic: self.topic.as_str().to_owned(),
            payload: self.payload.to_vec(),
            qos: self.qos,
            retain: self.retain,
            dup: self.dup,
            timestamp: self.timestamp,
        }
    }
}

fn reply<'m>(properties: &Properties<'m>, qos: QoS, payload: &'m [u8]) -> Option<Publish<'m>> {
    let topic = TopicName::new(properties.response_topic()?).ok()?;
    let mut publish = Publish::new(topic, payload).qos(qos);
    publish.correlation_data = properties.correlation_data();
    Some(publish)
}

/// A received message that owns its content, from a [`Receiver`](crate::Receiver) or a [`Request`](crate::Request).
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// The topic it was published to.
    pub topic: String,
    /// The payload. Clones of a [`Bytes`] share their memory.
    pub payload: Bytes,
    /// The QoS the message was delivered with.
    pub qos: QoS,
    /// Whether the server sent it as a retained message.
    pub retain: bool,
    /// The DUP flag: at QoS 1 the message may be a duplicate; at QoS 2 it is not.
    pub dup: bool,
    /// The packet identifier; `None` at QoS 0.
    pub id: Option<PacketId>,
    /// When it was taken from the queue.
    pub timestamp: SystemTime,
    /// With [`ReceiverOptions::manual_acks`](crate::ReceiverOptions::manual_acks), at QoS 1 and 2: the token to pass to [`Client::ack`](crate::Client::ack).
    pub ack_token: Option<AckToken>,
    properties: Bytes,
}

impl Received {
    pub(crate) fn new(message: Incoming, ack_token: Option<AckToken>) -> Self {
        let Incoming { topic, payload, qos, retain, dup, id, properties, .. } = message;
        Self { topic, payload, qos, retain, dup, id, timestamp: SystemTime::now(), ack_token, properties }
    }

    /// Returns the properties (5.0), such as Response Topic and User Property.
    pub fn properties(&self) -> Properties<'_> {
        Properties::from_bytes(&self.properties).unwrap_or(Properties::NONE)
    }

    /// Returns the payload as text; `None` if it is not UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.payload).ok()
    }

    /// Returns the reply to this request: for its Response Topic, with its Correlation Data, at its QoS. Returns `None` if the request has no Response Topic.
    pub fn reply<'m>(&'m self, payload: &'m [u8]) -> Option<Publish<'m>> {
        reply(&self.properties(), self.qos, payload)
    }

    /// Returns the message as passed to callbacks. Never `None`: the engine delivers no message with an invalid topic.
    pub(crate) fn borrowed(&self) -> Option<Message<'_>> {
        Some(Message {
            topic: TopicName::new(&self.topic).ok()?,
            payload: &self.payload,
            qos: self.qos,
            retain: self.retain,
            dup: self.dup,
            id: self.id,
            properties: self.properties(),
            timestamp: self.timestamp,
            ack_token: self.ack_token,
        })
    }
}

/// A copy of a message, with the fields that every version of MQTT has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnedMessage {
    /// The topic it was published to.
    pub topic: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// The QoS the message was delivered with.
    pub qos: QoS,
    /// Whether the server sent it as a retained message.
    pub retain: bool,
    /// The DUP flag: the message may be a duplicate.
    pub dup: bool,
    /// When it was received.
    pub timestamp: SystemTime,
}
