//! Messages that outlive the receive buffer.

use crate::connection::Connection;
use crate::event::Message;
use crate::storage::Storage;
use crate::types::QoS;

/// A message with its own copies of topic and payload, in fixed collections: a topic of up to `TOPIC` bytes, a payload
/// of up to `PAYLOAD` bytes.
///
/// ```
/// use pure_mqtt::{Connection, FixedMessage, Heap, Limits, Message};
///
/// type Reading = FixedMessage<32, 64>;
///
/// fn keep(connection: &Connection<Heap>, message: &Message<'_>, queue: &mut heapless::Deque<Reading, 8>) {
///     if let Some(reading) = Reading::new(connection, message) {
///         let _ = queue.push_back(reading);
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FixedMessage<const TOPIC: usize, const PAYLOAD: usize> {
    /// The topic it was published to.
    pub topic: heapless::String<TOPIC>,
    /// The payload.
    pub payload: heapless::Vec<u8, PAYLOAD>,
    /// The QoS it was delivered with.
    pub qos: QoS,
    /// Whether it is a retained message.
    pub retain: bool,
}

impl<const TOPIC: usize, const PAYLOAD: usize> FixedMessage<TOPIC, PAYLOAD> {
    /// Copies `message`. Returns `None` if topic or payload is too long, or if [`Connection::topic`] returns no name
    /// for its topic.
    pub fn new<S: Storage>(connection: &Connection<S>, message: &Message<'_>) -> Option<Self> {
        Some(Self {
            topic: heapless::String::try_from(connection.topic(&message.topic)?.as_str()).ok()?,
            payload: heapless::Vec::from_slice(message.payload).ok()?,
            qos: message.qos,
            retain: message.retain,
        })
    }
}

#[cfg(feature = "defmt")]
impl<const TOPIC: usize, const PAYLOAD: usize> defmt::Format for FixedMessage<TOPIC, PAYLOAD> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str} {=[u8]} {} retain: {}", &self.topic, &self.payload, self.qos, self.retain);
    }
}
