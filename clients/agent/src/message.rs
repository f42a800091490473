//! Messages that own their content.

use alloc::string::String;
use core::fmt;

use bytes::Bytes;
use pure_mqtt::{PacketId, Properties, QoS};

use crate::ids::AckToken;

/// A message to publish.
///
/// ```
/// use pure_mqtt::QoS;
/// use pure_mqtt_agent::Outgoing;
///
/// fn main() {
///     let message = Outgoing { qos: QoS::AtLeastOnce, retain: true, ..Outgoing::new("plant/boiler/temperature", "71.5") };
///     assert_eq!(message.payload, "71.5");
/// }
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// The topic name.
    pub topic: String,
    /// The payload. Clones of a `Bytes` share their memory.
    pub payload: Bytes,
    /// The QoS. Default: QoS 0.
    pub qos: QoS,
    /// Whether the server keeps the message for the topic (§3.3.1.3). Default: false.
    pub retain: bool,
    /// Properties of 5.0, encoded as on the wire, without the length before them. They are left out on links of earlier versions. Default: none.
    pub properties: Bytes,
    /// Whether to send the message only on links of 5.0; without one it stays queued. Default: false.
    pub needs_v5: bool,
    /// A number of the program's own. It is durable with a log, and reported after a restart by [`Event::Recovered`](crate::Event::Recovered), or `Client::recovered` of
    /// `pure-mqtt-tokio`. Default: 0.
    pub tag: u64,
}

impl Outgoing {
    /// Creates a message at QoS 0, not retained, without properties.
    pub fn new(topic: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        Self { topic: topic.into(), payload: payload.into(), ..Self::default() }
    }

    /// Sets the QoS.
    #[must_use]
    pub fn qos(mut self, qos: QoS) -> Self {
        self.qos = qos;
        self
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Outgoing");
        shown.field("topic", &self.topic).field("payload", &Length(self.payload.len())).field("qos", &self.qos);
        shown.field("retain", &self.retain).field("properties", &Length(self.properties.len()));
        shown.field("needs_v5", &self.needs_v5).field("tag", &self.tag).finish()
    }
}

/// A message received from the server.
#[derive(PartialEq, Eq)]
pub struct Incoming {
    /// The topic it was published to.
    pub topic: String,
    /// The payload.
    pub payload: Bytes,
    /// The QoS the message was delivered with.
    pub qos: QoS,
    /// Whether the server sent it as a retained message.
    pub retain: bool,
    /// The DUP flag (§3.3.1.1): at QoS 1 the message may be a duplicate; at QoS 2 it is not.
    pub dup: bool,
    /// The packet identifier; `None` at QoS 0.
    pub id: Option<PacketId>,
    /// The properties of 5.0, encoded as on the wire: see [`properties`](Self::properties).
    pub properties: Bytes,
    /// The token to acknowledge the message; only for a receiver with [`AckMode::Manual`](crate::AckMode::Manual), at QoS 1 and 2.
    pub ack: Option<AckToken>,
}

impl Incoming {
    /// Returns the properties, decoded; none in 3.1 and 3.1.1.
    ///
    /// ```
    /// use pure_mqtt_agent::Incoming;
    ///
    /// fn wants_answer(message: &Incoming) -> bool {
    ///     message.properties().response_topic().is_some()
    /// }
    /// ```
    pub fn properties(&self) -> Properties<'_> {
        Properties::from_bytes(&self.properties).unwrap_or(Properties::NONE)
    }

    /// Returns a copy without the token. The payload is shared.
    pub(crate) fn copy(&self) -> Self {
        let (topic, payload, properties) = (self.topic.clone(), self.payload.clone(), self.properties.clone());
        Self { topic, payload, properties, ack: None, ..*self }
    }

    /// Returns the bytes that the message takes of the queues' memory.
    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>() + self.topic.len() + self.payload.len() + self.properties.len()
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Incoming");
        shown.field("topic", &self.topic).field("payload", &Length(self.payload.len())).field("qos", &self.qos);
        shown.field("retain", &self.retain).field("dup", &self.dup).field("id", &self.id);
        shown.field("properties", &Length(self.properties.len())).field("ack", &self.ack).finish()
    }
}

/// Shows the length of a payload instead of its content, which may be secret.
struct Length(usize);

impl fmt::Debug for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)
    }
}
