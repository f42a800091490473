//! What an application asks of a connection.

use core::fmt;

use crate::event::Head;
use crate::session::Victims;
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
/// let topic = TopicName::new("plant/boiler/temperature")?;
/// let publish = Publish::new(topic, b"71.5")
///     .qos(QoS::AtLeastOnce)
///     .retain(true)
///     .properties(&[Property::MessageExpiryInterval(60)]);
/// # let _ = publish;
/// # Ok::<(), pure_mqtt::TopicError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Publish<'a> {
    /// Where to.
    pub topic: TopicName<'a>,
    /// What.
    pub payload: Payload<'a>,
    /// How hard it is delivered.
    pub qos: QoS,
    /// Whether the server keeps it for the topic.
    pub retain: bool,
    /// The properties. They are kept with the message, and sent by every link of 5.0; a link of 3.1 or 3.1.1 sends the message without them
    /// ([`Delivery::reduced`]). Message Expiry Interval holds in every version while the message waits here.
    pub properties: Properties<'a>,
    /// Tells the receiver which request this answers; sent as a property after the others.
    pub correlation_data: Option<&'a [u8]>,
    /// Whether the message is sent on links of 5.0 alone: on a link of an earlier version it waits, and others pass it by. Default: false.
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
    /// A message at QoS 0, not retained, without properties.
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

    /// The response to `request`: to its Response Topic, with its Correlation Data, in its quality of service (§4.10).
    /// `None` if it names no Response Topic.
    ///
    /// ```
    /// use pure_mqtt::{Head, Message, Publish};
    ///
    /// fn answer<'a>(request: &Message<'a>) -> Option<Publish<'a>> {
    ///     Publish::reply_to(request, "done")
    /// }
    ///
    /// fn answer_one_that_came_in_pieces<'a>(request: Head<'a>) -> Option<Publish<'a>> {
    ///     Publish::reply_to(request, "done")
    /// }
    /// ```
    pub fn reply_to(request: impl Into<Head<'a>>, payload: impl Into<Payload<'a>>) -> Option<Self> {
        let request = request.into();
        let topic = TopicName::new(request.properties.response_topic()?).ok()?;
        let correlation_data = request.properties.correlation_data();
        Some(Self { correlation_data, ..Self::new(topic, payload) }.qos(request.qos))
    }

    /// Sets the quality of service.
    #[must_use]
    pub const fn qos(mut self, qos: QoS) -> Self {
        self.qos = qos;
        self
    }

    /// Sets whether the message is sent on links of 5.0 alone.
    #[must_use]
    pub const fn needs_v5(mut self, needs_v5: bool) -> Self {
        self.needs_v5 = needs_v5;
        self
    }

    /// Sets whether the server keeps the message for the topic.
    #[must_use]
    pub const fn retain(mut self, retain: bool) -> Self {
        self.retain = retain;
        self
    }

    properties_setter!();
}

/// What an accepted [`Publish`] got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Delivery {
    /// Names the message for good.
    pub handle: Handle,
    /// Its packet identifier; none at QoS 0.
    pub id: Option<PacketId>,
    /// The unsent messages that the overflow policy dropped for it.
    pub dropped: Option<Victims>,
    /// Whether the message has properties that the version in force can't carry: a link of 3.1 or 3.1.1 sends it without them, one of 5.0 with them.
    pub reduced: bool,
}

/// What an accepted request got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Requested {
    /// Names the request for good.
    pub handle: Handle,
    /// Its packet identifier.
    pub id: PacketId,
    /// Whether the request has properties or options that the version in force can't carry: a link of 3.1 or 3.1.1 sends it without them.
    pub reduced: bool,
}

/// A request for messages.
///
/// ```
/// use pure_mqtt::{QoS, Subscribe, Subscription, TopicFilter};
///
/// let filters = [Subscription::new(TopicFilter::new("plant/#")?, QoS::AtLeastOnce)];
/// let subscribe = Subscribe::new(&filters);
/// # let _ = subscribe;
/// # Ok::<(), pure_mqtt::TopicError>(())
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
    /// A SUBSCRIBE for `filters`.
    pub const fn new(filters: &'a [Subscription<'a>]) -> Self {
        Self { filters: Entries::new(filters), properties: Properties::NONE }
    }

    properties_setter!();
}

/// A request to end subscriptions.
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
    /// An UNSUBSCRIBE for `filters`.
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
    /// Success, "No matching subscribers", or an error: then a QoS 2 message is over `[MQTT-4.3.3-9]`.
    pub reason: ReasonCode,
    /// Reason String and User Properties. They are left out where the server or the storage has no room for them
    /// `[MQTT-3.4.2-2]`.
    pub properties: Properties<'a>,
}

impl<'a> Ack<'a> {
    /// The message was taken.
    pub const SUCCESS: Self = Self { reason: ReasonCode::SUCCESS, properties: Properties::NONE };

    /// An acknowledgement with this reason.
    pub const fn new(reason: ReasonCode) -> Self {
        Self { reason, properties: Properties::NONE }
    }

    properties_setter!();
}
