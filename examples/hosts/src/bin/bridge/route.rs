//! What is carried in one direction: which topics, under which names, and how often at most.

use pure_mqtt::{
    Delivery, Instant, Message, Properties, Property, Publish, PublishError, QoS, ReasonCode, Subscription,
    TopicFilter, TopicName,
};
use pure_mqtt_hosts::Mqtt;
use pure_mqtt_hosts::failure::Failure;

use crate::ledger::{Ledger, acknowledge};

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
    pub fn subscriptions(&self) -> impl Iterator<Item = Subscription<'_>> {
        let filters = self.filters.iter().filter_map(|filter| TopicFilter::new(filter).ok());
        filters.map(|filter| Subscription::new(filter, self.qos).no_local(true).retain_as_published(true))
    }

    /// Publishes on one side, `to`, a message that came from the other one. It is acknowledged when that is done; or at once if it is not to be carried.
    pub fn carry(&self, now: Instant, message: Message<'_>, from: &mut Mqtt, to: &mut Mqtt, ledger: &mut Ledger) {
        if message.qos == QoS::AtLeastOnce && message.dup && ledger.knows(message.id) {
            return ledger.renew(message.id, message.ack); // it isn't published twice because a link was lost
        }
        match (self.publish(now, &message, from, to), message.ack) {
            (Ok(Some(delivery)), Some(pending)) => ledger.add(&delivery, message.id, pending),
            (Ok(None), Some(pending)) => acknowledge(from, now, pending, ReasonCode::SUCCESS),
            (Err(error), Some(pending)) => {
                eprintln!("bridge: {error}");
                acknowledge(from, now, pending, ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR);
            }
            (_, None) => {} // QoS 0: whatever became of it
        }
    }

    /// `None` if the message has been in a circle, or has no name on the other side.
    fn publish(
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
