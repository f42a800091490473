//! Unfinished messages, each with the ticket of its owner.

use std::collections::BTreeMap;
use std::sync::Arc;

use pure_mqtt::{Cause, Properties};
use pure_mqtt_agent::{Accepted, Bytes, End, PublishLimit};

use crate::error::NotPublished;
use crate::ticket::{MessageInfo, Mid, Ticket};

/// The final result of a published message, for [`Client::on_publish`](crate::Client::on_publish).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Published<'p> {
    /// The message, as [`MessageInfo::mid`] identifies it.
    pub mid: Mid,
    /// `Ok` if the message was delivered, otherwise the reason.
    pub result: Result<(), NotPublished>,
    /// The properties of the server's acknowledgement (5.0): Reason String and User Property.
    pub properties: Properties<'p>,
}

/// A final result that is yet to be reported.
#[derive(Debug)]
pub(crate) struct Ended {
    mid: Mid,
    result: Result<(), NotPublished>,
    properties: Bytes,
}

impl Ended {
    pub(crate) fn published(&self) -> Published<'_> {
        let properties = Properties::from_bytes(&self.properties).unwrap_or(Properties::NONE);
        Published { mid: self.mid, result: self.result, properties }
    }
}

/// All unfinished messages.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    open: BTreeMap<pure_mqtt_agent::Ticket, Entry>,
    /// The properties of an acknowledgement whose result is yet to be reported.
    properties: Option<(pure_mqtt_agent::Ticket, Bytes)>,
}

#[derive(Debug)]
struct Entry {
    mid: Mid,
    ticket: Arc<Ticket>,
}

impl Deliveries {
    /// Adds a message that the agent has accepted.
    pub(crate) fn accept(&mut self, client: u64, mid: Mid, accepted: &Accepted) -> MessageInfo {
        let ticket = self.add(client, mid, accepted.ticket);
        MessageInfo::new(mid, accepted.id, ticket)
    }

    /// Adds an unfinished message from before the restart.
    pub(crate) fn recover(&mut self, client: u64, mid: Mid, ticket: pure_mqtt_agent::Ticket) -> MessageInfo {
        MessageInfo::new(mid, None, self.add(client, mid, ticket))
    }

    fn add(&mut self, client: u64, mid: Mid, of: pure_mqtt_agent::Ticket) -> Arc<Ticket> {
        let ticket = Ticket::new(client, of);
        self.open.insert(of, Entry { mid, ticket: Arc::clone(&ticket) });
        ticket
    }

    /// Returns the agent's ticket of an unfinished message.
    pub(crate) fn ticket_of(&self, info: &MessageInfo) -> Option<pure_mqtt_agent::Ticket> {
        let entry = self.open.get(&info.ticket().of);
        entry.filter(|entry| Arc::ptr_eq(&entry.ticket, info.ticket())).map(|entry| entry.ticket.of) // `None` for a message of another client
    }

    /// Returns all unfinished messages.
    pub(crate) fn open(&self) -> Vec<MessageInfo> {
        self.open.values().map(|entry| MessageInfo::new(entry.mid, None, Arc::clone(&entry.ticket))).collect()
    }

    /// Stores the properties of an acknowledgement.
    pub(crate) fn keep_properties(&mut self, ticket: pure_mqtt_agent::Ticket, properties: Bytes) {
        self.properties = Some((ticket, properties));
    }

    /// Removes a message that has its final result.
    pub(crate) fn ended(&mut self, ticket: pure_mqtt_agent::Ticket, end: End) -> Option<Ended> {
        let entry = self.open.remove(&ticket)?;
        let result = result_of(end);
        entry.ticket.end(result);
        let properties = self.properties.take_if(|(of, _)| *of == ticket).map(|(_, properties)| properties);
        Some(Ended { mid: entry.mid, result, properties: properties.unwrap_or_default() })
    }

    /// Ends all waits: the client was disconnected.
    pub(crate) fn interrupt(&self) {
        self.open.values().for_each(|entry| entry.ticket.interrupt());
    }

    /// Ends all messages: the client was dropped.
    pub(crate) fn give_up(&mut self) {
        self.open.values().for_each(|entry| entry.ticket.end(Err(NotPublished::ClientGone)));
        *self = Self::default();
    }
}

/// Converts the agent's final result.
pub(crate) fn result_of(end: End) -> Result<(), NotPublished> {
    Err(match end {
        End::Left | End::Acknowledged(_) => return Ok(()),
        End::Refused(reason) => NotPublished::Refused(reason),
        End::Expired => NotPublished::Ended(Cause::Expired),
        End::Displaced(_) => NotPublished::Dropped,
        End::Withdrawn { .. } => NotPublished::Ended(Cause::Withdrawn),
        End::SessionLost { was_received: true } => NotPublished::Ended(Cause::Released),
        End::SessionLost { was_received: false } => NotPublished::Ended(Cause::SessionLost),
        End::Discarded => NotPublished::Ended(Cause::Discarded),
        End::ServerCant(PublishLimit::QoS) => NotPublished::Ended(Cause::QoSNotSupported),
        End::ServerCant(PublishLimit::Retain) => NotPublished::Ended(Cause::RetainNotSupported),
        End::ServerCant(_) => NotPublished::Ended(Cause::TooLarge),
        End::AttemptsUsedUp(links) => NotPublished::AttemptsUsedUp(links),
        End::TimedOut => NotPublished::TimedOut,
        _ => NotPublished::ClientGone,
    })
}

#[cfg(test)]
mod tests {
    use pure_mqtt::{Instant, Limits, Overflow, Publish, QoS, TopicName};
    use pure_mqtt_agent::{Agent, Options};

    use super::*;

    const NOW: Instant = Instant::from_millis(0);

    #[test]
    fn what_an_overflow_drops_is_told_and_nothing_else() {
        let limits = Limits { max_queued: 2, overflow: Overflow::DropOldest, ..Options::LIMITS };
        let mut agent = Agent::new(Options { limits, servers: Vec::new(), ..Options::new("a", 1) }, NOW, 0);
        let mut deliveries = Deliveries::default();
        let publish = Publish::new(TopicName::new("a").unwrap(), b"x").qos(QoS::AtLeastOnce);
        let accepted: Vec<_> = (1..=3).map(|_| agent.publish_with(NOW, &publish, 0).unwrap()).collect();
        let infos: Vec<_> =
            accepted.iter().zip(1..).map(|(accepted, number)| deliveries.accept(1, Mid(number), accepted)).collect();
        for one in &accepted {
            if let Some(end) = agent.take_end(one.ticket) {
                let ended = deliveries.ended(one.ticket, end).unwrap();
                assert_eq!(ended.published().result, Err(NotPublished::Dropped));
            }
        }
        let results: Vec<_> = infos.iter().map(MessageInfo::result).collect();
        assert_eq!(results, [Some(Err(NotPublished::Dropped)), None, None]);
        deliveries.give_up();
        assert_eq!(infos[2].result(), Some(Err(NotPublished::ClientGone)));
    }
}
