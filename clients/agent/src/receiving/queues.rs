//! Where messages wait for the program: a queue for each receiver.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use pure_mqtt::QoS;

use crate::ids::{AckToken, Receiver};
use crate::message::Incoming;

/// How many QoS 0 messages a receiver's queue holds, and which are dropped above that. Messages at QoS 1 and 2 are never dropped: Receive Maximum and
/// [`Options::max_waiting`](crate::Options::max_waiting) bound them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Qos0Queue {
    /// At most this many; the oldest message is dropped.
    DropOldest(u16),
    /// At most this many; the new message is dropped.
    DropNewest(u16),
}

impl Default for Qos0Queue {
    /// At most 1,024; the oldest message is dropped.
    fn default() -> Self {
        Self::DropOldest(1_024)
    }
}

/// When a message is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AckMode {
    /// When the next message is taken, or the receiver is dropped.
    #[default]
    OnNext,
    /// By the program, in any order.
    Manual,
}

/// What happens to messages in the queue of a dropped receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Undelivered {
    /// They are acknowledged and discarded.
    #[default]
    Acknowledge,
    /// Those at QoS 1 and 2 stay unacknowledged. They go to the next receiver that subscribes to a matching filter. At QoS 1 the server sends them again on the next link.
    LeaveForRedelivery,
}

/// All queues.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    /// Boxed: a map has room for eleven from the first one on.
    queues: BTreeMap<Receiver, Box<Queue>>,
    last: u32,
    /// Bytes that wait.
    weight: usize,
    /// QoS 0 messages that found no room.
    dropped: u64,
    /// Messages at QoS 1 and 2 of dropped receivers, left for others.
    left: Vec<Incoming>,
}

#[derive(Debug)]
struct Queue {
    acks: AckMode,
    qos0: Qos0Queue,
    /// QoS 1 and 2, with their places in the order of arrival.
    kept: VecDeque<(u64, Incoming)>,
    /// QoS 0.
    droppable: VecDeque<(u64, Incoming)>,
    /// The place of the next message.
    arrived: u64,
    /// What the program took last, to be acknowledged with the next.
    current: Option<AckToken>,
    /// The wake for this queue was reported.
    is_woken: bool,
}

impl Queues {
    pub(crate) fn add(&mut self, acks: AckMode, qos0: Qos0Queue) -> Receiver {
        self.last += 1;
        let receiver = Receiver(self.last);
        let (kept, droppable) = Default::default();
        let queue = Queue { acks, qos0, kept, droppable, arrived: 0, current: None, is_woken: false };
        self.queues.insert(receiver, Box::new(queue));
        receiver
    }

    pub(crate) fn set_acks(&mut self, receiver: Receiver, acks: AckMode) {
        if let Some(queue) = self.queues.get_mut(&receiver) {
            queue.acks = acks;
        }
    }

    pub(crate) fn contains(&self, receiver: Receiver) -> bool {
        self.queues.contains_key(&receiver)
    }

    /// A message for a receiver. True if the receiver is to be woken.
    pub(crate) fn push(&mut self, receiver: Receiver, message: Incoming) -> bool {
        let Some(queue) = self.queues.get_mut(&receiver) else { return false };
        let weight = message.weight();
        if message.qos == QoS::AtMostOnce {
            let (most, drops_oldest) = match queue.qos0 {
                Qos0Queue::DropOldest(most) => (most, true),
                Qos0Queue::DropNewest(most) => (most, false),
            };
            if queue.droppable.len() >= usize::from(most) {
                self.dropped += 1;
                let oldest = if drops_oldest { queue.droppable.pop_front() } else { None };
                let Some((_, oldest)) = oldest else { return false };
                self.weight -= oldest.weight();
            }
        }
        let place = queue.arrived;
        queue.arrived += 1;
        let line = if message.qos == QoS::AtMostOnce { &mut queue.droppable } else { &mut queue.kept };
        line.push_back((place, message));
        self.weight += weight;
        !core::mem::replace(&mut queue.is_woken, true)
    }

    /// The next message of a receiver, and what is to be acknowledged since it is taken.
    pub(crate) fn next(&mut self, receiver: Receiver) -> (Option<Incoming>, Option<AckToken>) {
        let Some(queue) = self.queues.get_mut(&receiver) else { return (None, None) };
        let before = queue.current.take();
        let Some(mut message) = queue.pop() else {
            queue.is_woken = false;
            return (None, before);
        };
        self.weight -= message.weight();
        if queue.acks == AckMode::OnNext {
            queue.current = message.ack.take();
        }
        (Some(message), before)
    }

    /// What a receiver took last, and has not acknowledged.
    pub(crate) fn take_current(&mut self, receiver: Receiver) -> Option<AckToken> {
        self.queues.get_mut(&receiver)?.current.take()
    }

    /// The same, to be looked at.
    pub(crate) fn current(&self, receiver: Receiver) -> Option<&AckToken> {
        self.queues.get(&receiver)?.current.as_ref()
    }

    /// A receiver is dropped: what is to be acknowledged.
    pub(crate) fn remove(&mut self, receiver: Receiver, undelivered: Undelivered) -> Vec<AckToken> {
        let Some(mut queue) = self.queues.remove(&receiver) else { return Vec::new() };
        let mut done: Vec<_> = queue.current.take().into_iter().collect();
        while let Some(mut message) = queue.pop() {
            match undelivered {
                Undelivered::LeaveForRedelivery if message.ack.is_some() => self.left.push(message),
                _ => {
                    self.weight -= message.weight();
                    done.extend(message.ack.take());
                }
            }
        }
        done
    }

    pub(crate) fn has_left(&self) -> bool {
        !self.left.is_empty()
    }

    /// The numbers of the messages that dropped receivers have left.
    pub(crate) fn left(&self) -> BTreeSet<u64> {
        self.left.iter().filter_map(|message| message.ack.as_ref()).map(|token| token.message).collect()
    }

    /// Messages that were left and go to another receiver now.
    pub(crate) fn take_left(&mut self, wants: impl Fn(&str) -> bool) -> Vec<Incoming> {
        let all = core::mem::take(&mut self.left).into_iter();
        let (taken, left): (Vec<_>, Vec<_>) = all.partition(|message| wants(&message.topic));
        self.left = left;
        self.weight -= taken.iter().map(Incoming::weight).sum::<usize>();
        taken
    }

    /// The server sends QoS 1 messages again: those that were left for others are not kept beside.
    pub(crate) fn link_lost(&mut self) {
        let weight = &mut self.weight;
        self.left.retain(|message| {
            let is_kept = message.qos == QoS::ExactlyOnce;
            *weight -= if is_kept { 0 } else { message.weight() };
            is_kept
        });
    }

    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many messages wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queues.values().map(|queue| queue.kept.len() + queue.droppable.len()).sum()
    }
}

impl Queue {
    /// The oldest message. Queues that are empty again give their memory back.
    fn pop(&mut self) -> Option<Incoming> {
        let kept = self.kept.front().map_or(u64::MAX, |(place, _)| *place);
        let droppable = self.droppable.front().map_or(u64::MAX, |(place, _)| *place);
        let line = if kept <= droppable { &mut self.kept } else { &mut self.droppable };
        let (_, message) = line.pop_front()?;
        if line.is_empty() && line.capacity() > 64 {
            *line = VecDeque::new();
        }
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str, qos: QoS) -> Incoming {
        let (payload, properties) = Default::default();
        Incoming { topic: topic.into(), payload, qos, retain: false, dup: false, id: None, properties, ack: None }
    }

    fn topics(queues: &mut Queues, receiver: Receiver) -> Vec<alloc::string::String> {
        core::iter::from_fn(|| queues.next(receiver).0).map(|message| message.topic).collect()
    }

    #[test]
    fn messages_come_in_the_order_of_arrival_whatever_their_qos() {
        let mut queues = Queues::default();
        let receiver = queues.add(AckMode::Manual, Qos0Queue::DropOldest(2));
        for (topic, qos) in [("a", 0), ("b", 1), ("c", 0), ("d", 2), ("e", 0)] {
            queues.push(receiver, message(topic, QoS::from_bits(qos).unwrap()));
        }
        assert_eq!(topics(&mut queues, receiver), ["b", "c", "d", "e"]);
        assert_eq!((queues.dropped(), queues.weight()), (1, 0));
    }

    #[test]
    fn the_newest_is_dropped_if_that_is_wanted() {
        let mut queues = Queues::default();
        let receiver = queues.add(AckMode::Manual, Qos0Queue::DropNewest(1));
        assert!(queues.push(receiver, message("a", QoS::AtMostOnce)));
        assert!(!queues.push(receiver, message("b", QoS::AtMostOnce)));
        assert_eq!(topics(&mut queues, receiver), ["a"]);
        let none = queues.add(AckMode::Manual, Qos0Queue::DropOldest(0));
        assert!(!queues.push(none, message("b", QoS::AtMostOnce)));
        assert_eq!((queues.dropped(), queues.weight()), (2, 0));
    }

    #[test]
    fn what_is_left_goes_to_the_next_who_wants_it() {
        let mut queues = Queues::default();
        let receiver = queues.add(AckMode::OnNext, Qos0Queue::default());
        let ack = Some(AckToken { message: 1, receiver });
        queues.push(receiver, Incoming { ack, ..message("a", QoS::ExactlyOnce) });
        queues.push(receiver, message("b", QoS::AtMostOnce));
        assert!(queues.remove(receiver, Undelivered::LeaveForRedelivery).is_empty());
        assert!(queues.take_left(|topic| topic == "b").is_empty());
        queues.link_lost();
        assert_eq!(queues.take_left(|topic| topic == "a").len(), 1);
        assert_eq!(queues.weight(), 0);
    }
}
