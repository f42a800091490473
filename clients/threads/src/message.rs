//! What arrives.

use std::time::SystemTime;

use pure_mqtt::{PacketId, Properties, Publish, QoS, TopicName};
use pure_mqtt_agent::{Bytes, Incoming};

use crate::ack_tokens::AckToken;

/// A message from the server, as callbacks get it. It borrows the client's buffer: [`to_owned`](Self::to_owned) keeps a copy.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Message<'m> {
    /// Where it was published.
    pub topic: TopicName<'m>,
    /// What was published.
    pub payload: &'m [u8],
    /// In which quality of service it came.
    pub qos: QoS,
    /// The server kept it for the topic.
    pub retain: bool,
    /// The server may have sent it before. At QoS 1 it may then be a repetition; at QoS 2 it is not.
    pub dup: bool,
    /// The packet identifier at QoS 1 and 2.
    pub id: Option<PacketId>,
    /// Response Topic, User Properties and so on (5.0).
    pub properties: Properties<'m>,
    /// When it came.
    pub timestamp: SystemTime,
    /// With [`Options::manual_acks`](crate::Options::manual_acks), at QoS 1 and 2: what to give to [`Client::ack`](crate::Client::ack).
    pub ack_token: Option<AckToken>,
}

impl<'m> Message<'m> {
    /// The payload as text, if it is UTF-8.
    pub fn text(&self) -> Option<&'m str> {
        std::str::from_utf8(self.payload).ok()
    }

    /// The response to this request: to its Response Topic, with its Correlation Data, in its quality of service. `None` if it names no
    /// Response Topic.
    pub fn reply(&self, payload: &'m [u8]) -> Option<Publish<'m>> {
        reply(&self.properties, self.qos, payload)
    }

    /// A copy that borrows nothing.
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

/// A message from the server, as a [`Receiver`](crate::Receiver) and a [`Request`](crate::Request) give it: it owns what it holds.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// Where it was published.
    pub topic: String,
    /// What was published. Clones of a [`Bytes`] share their memory.
    pub payload: Bytes,
    /// In which quality of service it came.
    pub qos: QoS,
    /// The server kept it for the topic.
    pub retain: bool,
    /// The server may have sent it before. At QoS 1 it may then be a repetition; at QoS 2 it is not.
    pub dup: bool,
    /// The packet identifier at QoS 1 and 2.
    pub id: Option<PacketId>,
    /// When it was taken.
    pub timestamp: SystemTime,
    /// With [`ReceiverOptions::manual_acks`](crate::ReceiverOptions::manual_acks), at QoS 1 and 2: what to give to [`Client::ack`](crate::Client::ack).
    pub ack_token: Option<AckToken>,
    properties: Bytes,
}

impl Received {
    pub(crate) fn new(message: Incoming, ack_token: Option<AckToken>) -> Self {
        let Incoming { topic, payload, qos, retain, dup, id, properties, .. } = message;
        Self { topic, payload, qos, retain, dup, id, timestamp: SystemTime::now(), ack_token, properties }
    }

    /// Response Topic, User Properties and so on (5.0).
    pub fn properties(&self) -> Properties<'_> {
        Properties::from_bytes(&self.properties).unwrap_or(Properties::NONE)
    }

    /// The payload as text, if it is UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.payload).ok()
    }

    /// The response to this request: to its Response Topic, with its Correlation Data, in its quality of service. `None` if it names no
    /// Response Topic.
    pub fn reply<'m>(&'m self, payload: &'m [u8]) -> Option<Publish<'m>> {
        reply(&self.properties(), self.qos, payload)
    }

    /// As callbacks get it. `None` never: the engine lets no message through whose topic is none.
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

/// A message that was copied: what of it every version of MQTT has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnedMessage {
    /// Where it was published.
    pub topic: String,
    /// What was published.
    pub payload: Vec<u8>,
    /// In which quality of service it came.
    pub qos: QoS,
    /// The server kept it for the topic.
    pub retain: bool,
    /// The server may have sent it before.
    pub dup: bool,
    /// When it came.
    pub timestamp: SystemTime,
}
