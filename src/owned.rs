//! Messages that outlive the bytes they came in.

use crate::connection::Connection;
use crate::event::Message;
use crate::storage::Storage;
use crate::types::QoS;

/// A message with its own copy of topic and payload, in fixed collections: a topic of up to `TOPIC` bytes, a payload of up to `PAYLOAD`.
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
    /// Where it was published.
    pub topic: heapless::String<TOPIC>,
    /// What was published.
    pub payload: heapless::Vec<u8, PAYLOAD>,
    /// In which quality of service it came.
    pub qos: QoS,
    /// The server kept it for the topic.
    pub retain: bool,
}

impl<const TOPIC: usize, const PAYLOAD: usize> FixedMessage<TOPIC, PAYLOAD> {
    /// A copy of `message`; `None` if it doesn't fit, or its topic alias was bound anew since.
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
