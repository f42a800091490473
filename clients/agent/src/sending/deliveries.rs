//! Unfinished messages, from acceptance to their end.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use pure_mqtt::{Cause, Dropped, Handle, Outcome, QoS};

use crate::ids::Ticket;
use crate::ticket::{End, PublishLimit};

/// Unfinished messages by ticket, and so in the order of acceptance.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    open: BTreeMap<Ticket, Entry>,
    /// Those at QoS 0, which end in this order.
    unsent: VecDeque<Ticket>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) handle: Handle,
    pub(crate) qos: QoS,
    pub(crate) tag: u64,
    /// The position of its record's end in the log; 0 without a log.
    pub(crate) record: u64,
    /// A part of it was sent on a link that has ended, perhaps in an earlier session.
    pub(crate) may_have_arrived: bool,
    /// When it expires, in seconds of the wall clock; 0: never.
    pub(crate) expires: u64,
}

impl Deliveries {
    pub(crate) fn add(&mut self, entry: Entry) -> Ticket {
        let ticket = Ticket::of(entry.handle);
        self.open.insert(ticket, entry);
        if entry.qos == QoS::AtMostOnce {
            self.unsent.push_back(ticket);
        }
        ticket
    }

    pub(crate) fn get(&self, ticket: Ticket) -> Option<&Entry> {
        self.open.get(&ticket)
    }

    pub(crate) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Entry> {
        self.open.get_mut(&ticket)
    }

    /// Removes a message that has its end.
    pub(crate) fn remove(&mut self, handle: Handle) -> Option<(Ticket, Entry)> {
        self.open.remove_entry(&Ticket::of(handle))
    }

    /// Removes a QoS 0 message up to this one: they were sent.
    pub(crate) fn left(&mut self, latest: Handle) -> Option<Ticket> {
        while self.unsent.front().is_some_and(|first| *first <= Ticket::of(latest)) {
            let ticket = self.unsent.pop_front()?;
            if self.open.remove(&ticket).is_some() {
                return Some(ticket);
            }
        }
        if self.unsent.is_empty() && self.unsent.capacity() > 64 {
            self.unsent = VecDeque::new();
        }
        None
    }

    /// Returns the oldest unfinished QoS 0 message, and when it expires.
    pub(crate) fn next_unsent(&mut self) -> Option<(Handle, u64)> {
        while let Some(first) = self.unsent.front() {
            if let Some(entry) = self.open.get(first) {
                return Some((entry.handle, entry.expires));
            }
            self.unsent.pop_front();
        }
        None
    }

    /// Returns the messages that the overflow policy dropped. Other messages are in the same range of handles if they have overtaken messages that wait for 5.0.
    pub(crate) fn dropped(&mut self, dropped: &Dropped, is_finished: impl Fn(Handle) -> bool) -> Vec<Ticket> {
        let range = Ticket::of(dropped.first)..=Ticket::of(dropped.last);
        let of_range = self.open.range(range).filter(|(_, entry)| is_finished(entry.handle));
        let tickets: Vec<_> = of_range.map(|(ticket, _)| *ticket).collect();
        for ticket in &tickets {
            self.open.remove(ticket);
        }
        tickets
    }

    /// Returns the oldest unfinished message.
    pub(crate) fn oldest(&self) -> Option<Ticket> {
        self.open.first_key_value().map(|(ticket, _)| *ticket)
    }

    /// Returns the newest unfinished message.
    pub(crate) fn newest(&self) -> Option<Ticket> {
        self.open.last_key_value().map(|(ticket, _)| *ticket)
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Ticket, &Entry)> {
        self.open.iter().map(|(ticket, entry)| (*ticket, entry))
    }

    /// Removes all: the agent shuts down.
    pub(crate) fn take_all(&mut self) -> BTreeMap<Ticket, Entry> {
        self.unsent.clear();
        core::mem::take(&mut self.open)
    }
}

/// Converts an outcome of the engine to the end of its message.
pub(crate) fn end_of(outcome: &Outcome, entry: &Entry) -> End {
    match outcome.cause {
        Cause::Expired => End::Expired,
        Cause::TooLarge => End::ServerCant(PublishLimit::Size),
        Cause::QoSNotSupported => End::ServerCant(PublishLimit::QoS),
        Cause::RetainNotSupported => End::ServerCant(PublishLimit::Retain),
        Cause::Withdrawn | Cause::Abandoned => End::Withdrawn { may_have_arrived: entry.may_have_arrived },
        Cause::Discarded => End::Discarded,
        cause => End::SessionLost { was_received: cause == Cause::Released },
    }
}
