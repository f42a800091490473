//! The messages that are under way, each with the ticket of its owner.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use pure_mqtt::{Acknowledged, Cause, Delivery, Handle, Outcome, Properties, QoS, Victims};

use crate::error::NotPublished;
use crate::ticket::{MessageInfo, Mid, Ticket};

/// The end of a published message, for [`Client::on_publish`](crate::Client::on_publish).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Published<'p> {
    /// Names the message, as [`MessageInfo::mid`] does.
    pub mid: Mid,
    /// Delivered, or why not.
    pub result: Result<(), NotPublished>,
    /// Reason String and User Properties of the server's acknowledgement (5.0).
    pub properties: Properties<'p>,
}

/// All messages that are under way.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    /// QoS 0: they have left when the engine says so, in the order of their handles.
    unsent: BTreeMap<Handle, Entry>,
    /// QoS 1 and 2.
    unacknowledged: BTreeMap<Handle, Entry>,
    /// Ended by no packet, and still to be told.
    ended: VecDeque<Published<'static>>,
}

#[derive(Debug)]
struct Entry {
    mid: Mid,
    ticket: Arc<Ticket>,
}

impl Entry {
    fn end<'p>(self, result: Result<(), NotPublished>, properties: Properties<'p>) -> Published<'p> {
        self.ticket.end(result);
        Published { mid: self.mid, result, properties }
    }
}

impl Deliveries {
    /// The engine has accepted a message of the client with this number.
    pub(crate) fn accept(&mut self, client: u64, mid: Mid, qos: QoS, delivery: &Delivery) -> MessageInfo {
        if let Some(victims) = delivery.dropped {
            self.drop_victims(&victims);
        }
        let ticket = Ticket::new(client);
        let entry = Entry { mid, ticket: Arc::clone(&ticket) };
        let book = if qos == QoS::AtMostOnce { &mut self.unsent } else { &mut self.unacknowledged };
        book.insert(delivery.handle, entry);
        MessageInfo::new(mid, delivery.id, ticket)
    }

    /// The server has taken a message over, or refused it.
    pub(crate) fn acknowledge<'p>(&mut self, answer: &Acknowledged<'p>) -> Option<Published<'p>> {
        let entry = self.unacknowledged.remove(&answer.handle)?;
        let result = if answer.reason.is_error() { Err(NotPublished::Refused(answer.reason)) } else { Ok(()) };
        Some(entry.end(result, answer.properties))
    }

    /// The server has answered PUBREL. Also if it doesn't know the message any more, since it has lost the session: it had taken it over before.
    pub(crate) fn complete<'p>(&mut self, answer: &Acknowledged<'p>) -> Option<Published<'p>> {
        Some(self.unacknowledged.remove(&answer.handle)?.end(Ok(()), answer.properties))
    }

    /// A message has ended without a packet.
    pub(crate) fn on_outcome(&mut self, outcome: &Outcome) {
        let Some(entry) = self.unacknowledged.remove(&outcome.handle) else { return };
        let result = match outcome.cause {
            Cause::Released => Ok(()),
            cause => Err(NotPublished::Ended(cause)),
        };
        self.ended.push_back(entry.end(result, Properties::NONE));
    }

    /// QoS 0 messages up to this one have left.
    pub(crate) fn left(&mut self, latest: Handle) {
        while let Some(first) = self.unsent.first_entry().filter(|first| *first.key() <= latest) {
            self.ended.push_back(first.remove().end(Ok(()), Properties::NONE));
        }
    }

    /// The unsent messages between two handles were dropped, and there are no others between them.
    fn drop_victims(&mut self, victims: &Victims) {
        for book in [&mut self.unsent, &mut self.unacknowledged] {
            let handles: Vec<_> = book.range(victims.first..=victims.last).map(|(handle, _)| *handle).collect();
            let entries = handles.iter().filter_map(|handle| book.remove(handle));
            self.ended.extend(entries.map(|entry| entry.end(Err(NotPublished::Dropped), Properties::NONE)));
        }
    }

    /// The next message that no packet has ended.
    pub(crate) fn next_ended(&mut self) -> Option<Published<'static>> {
        self.ended.pop_front()
    }

    /// Whoever waits for a message is not to wait any longer.
    pub(crate) fn interrupt(&self) {
        self.entries().for_each(|entry| entry.ticket.interrupt());
    }

    /// The client is gone.
    pub(crate) fn give_up(&mut self) {
        self.entries().for_each(|entry| entry.ticket.end(Err(NotPublished::ClientGone)));
        *self = Self::default();
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.unsent.values().chain(self.unacknowledged.values())
    }
}

#[cfg(test)]
mod tests {
    use pure_mqtt::{Connection, Heap, Instant, Limits, Overflow, Publish, TopicName};

    use super::*;

    const NOW: Instant = Instant::from_millis(0);

    #[test]
    fn what_an_overflow_drops_is_told_and_nothing_else() {
        let limits = Limits { max_queued: 2, overflow: Overflow::DropOldest, ..Limits::DEFAULT };
        let mut engine = Connection::new(Heap::new(), limits);
        let mut deliveries = Deliveries::default();
        let topic = TopicName::new("a").unwrap();
        let infos: Vec<_> = (1..=3)
            .map(|number| {
                let delivery = engine.publish(NOW, &Publish::new(topic, b"x").qos(QoS::AtLeastOnce)).unwrap();
                deliveries.accept(1, Mid(number), QoS::AtLeastOnce, &delivery)
            })
            .collect();
        let results: Vec<_> = infos.iter().map(MessageInfo::result).collect();
        assert_eq!(results, [Some(Err(NotPublished::Dropped)), None, None]);
        assert_eq!(deliveries.next_ended().map(|published| published.mid), Some(Mid(1)));
        deliveries.give_up();
        assert_eq!(infos[2].result(), Some(Err(NotPublished::ClientGone)));
        assert!(deliveries.next_ended().is_none());
    }

    #[test]
    fn forgotten_messages_are_told() {
        let mut engine = Connection::new(Heap::new(), Limits::DEFAULT);
        let mut deliveries = Deliveries::default();
        let topic = TopicName::new("a").unwrap();
        let delivery = engine.publish(NOW, &Publish::new(topic, b"x").qos(QoS::ExactlyOnce)).unwrap();
        let info = deliveries.accept(1, Mid(1), QoS::ExactlyOnce, &delivery);
        assert!(engine.forget_session());
        while let Some(outcome) = engine.poll_outcome() {
            deliveries.on_outcome(&outcome);
        }
        assert_eq!(info.result(), Some(Err(NotPublished::Ended(Cause::Forgotten))));
        assert!(info.packet_id().is_some());
    }
}
