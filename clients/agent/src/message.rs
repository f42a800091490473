//! Messages, outgoing and incoming: they own what they hold.

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
    /// The delivery guarantee. Default: QoS 0.
    pub qos: QoS,
    /// Whether the server keeps the message for the topic (§3.3.1.3). Default: false.
    pub retain: bool,
    /// Properties of 5.0, encoded as on the wire, without the length before them. Links of an earlier version leave them out. Default: none.
    pub properties: Bytes,
    /// The message is sent on links of 5.0 alone; on others it waits. Default: false.
    pub needs_v5: bool,
    /// A number of the program's own. With a log it survives a restart, and comes back with the message: in [`Event::Recovered`](crate::Event::Recovered), and `recovered` of the tokio client. Default: 0.
    pub tag: u64,
}

impl Outgoing {
    /// A message at QoS 0, not retained, without properties.
    pub fn new(topic: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        Self { topic: topic.into(), payload: payload.into(), ..Self::default() }
    }

    /// Sets the delivery guarantee.
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

/// A message from the server.
#[derive(PartialEq, Eq)]
pub struct Incoming {
    /// The topic it was published to.
    pub topic: String,
    /// The payload.
    pub payload: Bytes,
    /// The delivery guarantee it came with.
    pub qos: QoS,
    /// The server had kept it for the topic.
    pub retain: bool,
    /// The server may have sent it before (§3.3.1.1). At QoS 2 it is no repetition all the same.
    pub dup: bool,
    /// The packet identifier at QoS 1 and 2.
    pub id: Option<PacketId>,
    /// The properties of 5.0, encoded as on the wire: see [`properties`](Self::properties).
    pub properties: Bytes,
    /// The right to acknowledge the message; only for a receiver with [`AckMode::Manual`](crate::AckMode::Manual), at QoS 1 and 2.
    pub ack: Option<AckToken>,
}

impl Incoming {
    /// The properties, decoded; none in 3.1 and 3.1.1.
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

    /// The same message without the right to acknowledge it. The payload is shared.
    pub(crate) fn copy(&self) -> Self {
        let (topic, payload, properties) = (self.topic.clone(), self.payload.clone(), self.properties.clone());
        Self { topic, payload, properties, ack: None, ..*self }
    }

    /// What the message takes of the memory that queues may hold, in bytes.
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

/// Payloads are never shown, since they may be secrets: only how long they are.
struct Length(usize);

impl fmt::Debug for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)
    }
}
