//! A direction of the bridge: topics, new names, and maximum QoS.

pub mod args;

use pure_mqtt::subscriptions::{HeapList, Subscriptions};
use pure_mqtt::{
    Delivery, Instant, Message, Properties, Property, Publish, PublishError, QoS, Subscription, TopicFilter, TopicName,
};

use crate::Mqtt;
use crate::failure::Failure;

/// The name of the user property in which each bridge that has carried a message leaves its own name.
const MARK: &str = "bridge";

/// From one side to the other.
pub struct Route {
    name: String,
    qos: QoS,
    filters: Vec<String>,
    from_prefix: String,
    to_prefix: String,
}

impl Route {
    /// Carries what matches `filters` behind `from_prefix`, and puts `to_prefix` in its place.
    ///
    /// # Errors
    /// [`Failure::Topic`].
    pub fn new(name: &str, qos: QoS, from_prefix: &str, filters: &[String], to_prefix: &str) -> Result<Self, Failure> {
        for prefix in [from_prefix, to_prefix] {
            // With something behind it, so that it may be empty. A prefix has no wildcards.
            TopicName::new(&format!("{prefix}x")).map_err(|error| Failure::Topic(prefix.to_owned(), error))?;
        }
        let filters: Vec<_> = filters.iter().map(|filter| format!("{from_prefix}{filter}")).collect();
        for filter in &filters {
            TopicFilter::new(filter).map_err(|error| Failure::Topic(filter.clone(), error))?;
        }
        let [name, from_prefix, to_prefix] = [name, from_prefix, to_prefix].map(str::to_owned);
        Ok(Self { name, qos, filters, from_prefix, to_prefix })
    }

    /// What to subscribe to where the messages come from. The broker is asked not to send back what this bridge itself has published there, and to say
    /// which messages are retained.
    pub fn subscriptions(&self) -> Subscriptions<HeapList> {
        let mut subscriptions = Subscriptions::default();
        for filter in self.filters.iter().filter_map(|filter| TopicFilter::new(filter).ok()) {
            let subscription = Subscription::new(filter, self.qos).no_local(true).retain_as_published(true);
            let _ = subscriptions.subscribe(subscription); // a list on the heap is never full
        }
        subscriptions
    }

    /// Publishes on one side, `to`, a message that came from the other one. `None` if it is not to be carried: it has been in a circle, or has no name
    /// there.
    ///
    /// # Errors
    /// The message was not accepted.
    pub fn publish(
        &self,
        now: Instant,
        message: &Message<'_>,
        from: &Mqtt,
        to: &mut Mqtt,
    ) -> Result<Option<Delivery>, PublishError> {
        let name = from.topic(&message.topic).and_then(|topic| self.rename(topic)).unwrap_or_default();
        match TopicName::new(&name) {
            Ok(topic) if !self.has_carried(message.properties) => {
                let properties = self.properties(message.properties);
                let publish = Publish::new(topic, message.payload).qos(message.qos).retain(message.retain);
                to.publish(now, &publish.properties(&properties[..])).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn rename(&self, topic: TopicName<'_>) -> Option<String> {
        let rest = topic.as_str().strip_prefix(&self.from_prefix)?;
        Some(format!("{}{rest}", self.to_prefix))
    }

    /// Whether this bridge has carried the message before: then it has gone in a circle, through other bridges.
    fn has_carried(&self, properties: Properties<'_>) -> bool {
        properties.user_properties().any(|mark| mark == (MARK, &self.name))
    }

    /// The message's own properties, as far as they don't belong to the link that it came by, and our mark.
    fn properties<'a>(&'a self, properties: Properties<'a>) -> Vec<Property<'a>> {
        let is_of_link =
            |property: &Property<'_>| matches!(property, Property::TopicAlias(_) | Property::SubscriptionIdentifier(_));
        let own = properties.iter().filter(|property| !is_of_link(property));
        own.chain([Property::UserProperty((MARK, &self.name))]).collect()
    }
}
