//! What arrives.

use std::time::SystemTime;

use pure_mqtt::{PacketId, Properties, Publish, QoS, TopicName};

use crate::receipts::Receipt;

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
    pub receipt: Option<Receipt>,
}

impl<'m> Message<'m> {
    /// The payload as text, if it is UTF-8.
    pub fn text(&self) -> Option<&'m str> {
        std::str::from_utf8(self.payload).ok()
    }

    /// The response to this request: to its Response Topic, with its Correlation Data, in its quality of service. `None` if it names no
    /// Response Topic.
    pub fn reply(&self, payload: &'m [u8]) -> Option<Publish<'m>> {
        let topic = TopicName::new(self.properties.response_topic()?).ok()?;
        let mut publish = Publish::new(topic, payload).qos(self.qos);
        publish.correlation_data = self.properties.correlation_data();
        Some(publish)
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
