//! A message that the test publishes through the broker.

use crate::sans_io::{Prop, Props};

/// A message to publish with [`Broker::publish`](crate::Broker::publish). Default: QoS 0, not retained.
///
/// ```
/// use pure_mqtt_test_broker::{Broker, Message};
///
/// fn main() -> std::io::Result<()> {
///     let broker = Broker::start()?;
///     broker.publish(&Message::new("plant/valve", "open").qos(1).retain());
///     Ok(())
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Message {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    pub(crate) properties: Props,
}

impl Message {
    /// Creates a message at QoS 0.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Message;
    ///
    /// fn main() {
    ///     let message = Message::new("plant/valve", [0xFF, 0x00]);
    ///     assert_eq!(message, Message::new("plant/valve", b"\xFF\x00"));
    /// }
    /// ```
    pub fn new(topic: impl Into<String>, payload: impl AsRef<[u8]>) -> Self {
        let payload = payload.as_ref().to_vec();
        Self { topic: topic.into(), payload, qos: 0, retain: false, properties: Props::new() }
    }

    /// Sets the QoS: 0, 1 or 2. Values above 2 count as 2.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Message;
    ///
    /// fn main() {
    ///     let message = Message::new("plant/valve", "open").qos(2);
    ///     assert_ne!(message, Message::new("plant/valve", "open"));
    /// }
    /// ```
    #[must_use]
    pub fn qos(mut self, qos: u8) -> Self {
        self.qos = qos.min(2);
        self
    }

    /// Has the broker retain the message.
    ///
    /// ```
    /// use pure_mqtt_test_broker::{Broker, Message};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     broker.publish(&Message::new("plant/state", "up").retain());
    ///     assert!(broker.see(|seen| seen.retained("plant/state").is_some()));
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn retain(mut self) -> Self {
        self.retain = true;
        self
    }

    /// Adds a property of PUBLISH, for clients of 5.0: an identifier of [`prop_id`](crate::prop_id) and its value.
    ///
    /// ```
    /// use pure_mqtt_test_broker::{Message, Prop, prop_id};
    ///
    /// fn main() {
    ///     let message = Message::new("ask", "?").property(prop_id::RESPONSE_TOPIC, Prop::Text("answer".into()));
    ///     assert_ne!(message, Message::new("ask", "?"));
    /// }
    /// ```
    #[must_use]
    pub fn property(mut self, id: u8, value: Prop) -> Self {
        self.properties.push((id, value));
        self
    }
}
