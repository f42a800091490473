//! The commands that an application gives to a connection.

use core::fmt;

use crate::event::FragmentHead;
use crate::session::Dropped;
use crate::shown::Bytes;
use crate::storage::Payload;
use crate::topic::{TopicFilter, TopicName};
use crate::types::{Handle, PacketId, QoS};
use crate::wire::reason::ReasonCode;
use crate::wire::{Entries, Properties, Subscription, properties_setter};

/// A message to be published.
///
/// ```
/// use pure_mqtt::{Property, Publish, QoS, TopicName};
///
/// fn main() -> Result<(), pure_mqtt::TopicError> {
///     let topic = TopicName::new("plant/boiler/temperature")?;
///     let publish = Publish::new(topic, b"71.5")
///         .qos(QoS::AtLeastOnce)
///         .retain(true)
///         .properties(&[Property::MessageExpiryInterval(60)]);
///     assert!(publish.retain);
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Publish<'a> {
    /// The topic to publish to.
    pub topic: TopicName<'a>,
    /// The payload.
    pub payload: Payload<'a>,
    /// The delivery guarantee.
    pub qos: QoS,
    /// Whether the server keeps the message as the retained message of the topic.
    pub retain: bool,
    /// The properties. They are stored with the message. A link of 5.0 sends them; a link of 3.1 or 3.1.1 sends the
    /// message without them ([`Delivery::reduced`]). In every version, Message Expiry Interval applies while the
    /// message is queued.
    pub properties: Properties<'a>,
    /// Correlation Data: identifies the request that this message answers (§4.10). Sent as the last property.
    pub correlation_data: Option<&'a [u8]>,
    /// Whether the message is sent only on links of 5.0: on a link of an earlier version it stays queued, and other
    /// messages overtake it. Default: false.
    pub needs_v5: bool,
}

impl fmt::Debug for Publish<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish")
            .field("topic", &self.topic)
            .field("payload", &self.payload)
            .field("qos", &self.qos)
            .field("retain", &self.retain)
            .field("properties", &self.properties)
            .field("correlation_data", &self.correlation_data.map(Bytes))
            .field("needs_v5", &self.needs_v5)
            .finish()
    }
}

impl<'a> Publish<'a> {
    /// Creates a message at QoS 0, not retained, without properties.
    pub fn new(topic: TopicName<'a>, payload: impl Into<Payload<'a>>) -> Self {
        Self {
            topic,
            payload: payload.into(),
            qos: QoS::AtMostOnce,
            retain: false,
            properties: Properties::NONE,
            correlation_data: None,
            needs_v5: false,
        }
    }

    /// Creates the response to `request`: to its Response Topic, with its Correlation Data, at its QoS (§4.10).
    /// `None` if the request has no Response Topic.
    ///
    /// ```
    /// use pure_mqtt::{FragmentHead, Message, Publish};
    ///
    /// fn answer<'a>(request: &Message<'a>) -> Option<Publish<'a>> {
    ///     Publish::reply_to(request, "done")
    /// }
    ///
    /// fn answer_one_that_came_in_pieces<'a>(request: FragmentHead<'a>) -> Option<Publish<'a>> {
    ///     Publish::reply_to(request, "done")
    /// }
    /// ```
    pub fn reply_to(request: impl Into<FragmentHead<'a>>, payload: impl Into<Payload<'a>>) -> Option<Self> {
        let request = request.into();
        let topic = TopicName::new(request.properties.response_topic()?).ok()?;
        let correlation_data = request.properties.correlation_data();
        Some(Self { correlation_data, ..Self::new(topic, payload) }.qos(request.qos))
    }

    /// Sets the delivery guarantee.
    #[must_use]
    pub const fn qos(mut self, qos: QoS) -> Self {
        self.qos = qos;
        self
    }

    /// Sets whether the message is sent only on links of 5.0.
    #[must_use]
    pub const fn needs_v5(mut self, needs_v5: bool) -> Self {
        self.needs_v5 = needs_v5;
        self
    }

    /// Sets whether the server keeps the message as the retained message of the topic.
    #[must_use]
    pub const fn retain(mut self, retain: bool) -> Self {
        self.retain = retain;
        self
    }

    properties_setter!();
}

/// What `publish` returns: handle, packet identifier, dropped messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Delivery {
    /// Identifies the message. Handles are never reused by a connection.
    pub handle: Handle,
    /// The packet identifier; none at QoS 0.
    pub id: Option<PacketId>,
    /// The unsent messages that the overflow policy dropped to make room, or the one that
    /// [`replace`](crate::Connection::replace) removed.
    pub dropped: Option<Dropped>,
    /// Whether the message has properties that the current version cannot carry: a link of 3.1 or 3.1.1 sends it
    /// without them, a link of 5.0 with them.
    pub reduced: bool,
}

/// What `subscribe` and `unsubscribe` return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Requested {
    /// Identifies the request. Handles are never reused by a connection.
    pub handle: Handle,
    /// Its packet identifier.
    pub id: PacketId,
    /// Whether the request has properties or options that the current version cannot carry: a link of 3.1 or 3.1.1
    /// sends it without them.
    pub reduced: bool,
}

/// A SUBSCRIBE: one or more filters.
///
/// ```
/// use pure_mqtt::{QoS, Subscribe, Subscription, TopicFilter};
///
/// fn main() -> Result<(), pure_mqtt::TopicError> {
///     let filters = [Subscription::new(TopicFilter::new("plant/#")?, QoS::AtLeastOnce)];
///     let subscribe = Subscribe::new(&filters);
///     assert_eq!(subscribe.filters.iter().count(), 1);
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Subscribe<'a> {
    /// The filters with their options; at least one.
    pub filters: Entries<'a, Subscription<'a>>,
    /// Subscription Identifier and User Properties; a link of 3.1 or 3.1.1 leaves them out ([`Requested::reduced`]).
    pub properties: Properties<'a>,
}

impl<'a> Subscribe<'a> {
    /// Creates a SUBSCRIBE for `filters`.
    pub const fn new(filters: &'a [Subscription<'a>]) -> Self {
        Self { filters: Entries::new(filters), properties: Properties::NONE }
    }

    properties_setter!();
}

/// An UNSUBSCRIBE: ends one or more subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Unsubscribe<'a> {
    /// The filters as they were subscribed to; at least one.
    pub filters: Entries<'a, TopicFilter<'a>>,
    /// User Properties; a link of 3.1 or 3.1.1 leaves them out ([`Requested::reduced`]).
    pub properties: Properties<'a>,
}

impl<'a> Unsubscribe<'a> {
    /// Creates an UNSUBSCRIBE for `filters`.
    pub const fn new(filters: &'a [TopicFilter<'a>]) -> Self {
        Self { filters: Entries::new(filters), properties: Properties::NONE }
    }

    properties_setter!();
}

/// How a message is acknowledged. In 3.1 and 3.1.1 every acknowledgement is a plain success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Ack<'a> {
    /// Success, "No matching subscribers", or an error, which ends a QoS 2 message `[MQTT-4.3.3-9]`.
    pub reason: ReasonCode,
    /// Reason String and User Properties. They are left out if the server or the storage has no room for them
    /// `[MQTT-3.4.2-2]`.
    pub properties: Properties<'a>,
}

impl<'a> Ack<'a> {
    /// A plain success.
    pub const SUCCESS: Self = Self { reason: ReasonCode::SUCCESS, properties: Properties::NONE };

    /// Creates an acknowledgement with this reason.
    pub const fn new(reason: ReasonCode) -> Self {
        Self { reason, properties: Properties::NONE }
    }

    properties_setter!();
}
