//! Messages that the program has not acknowledged yet.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use pure_mqtt::{Instant, PendingAck, QoS, ReasonCode};

use crate::ids::{AckToken, Receiver};

/// In the order of arrival, in which acknowledgements leave `[MQTT-4.6.0-2]`.
#[derive(Debug, Default)]
pub(crate) struct Held {
    messages: BTreeMap<u64, Message>,
    last: u64,
    /// When the message before the oldest one was acknowledged.
    front_since: Instant,
    /// Messages whose session is gone, and who had them: dropped receivers left them, and they wait for others.
    stale: BTreeMap<u64, Waiting>,
}

#[derive(Debug)]
struct Message {
    pending: PendingAck,
    qos: QoS,
    /// Who has yet to acknowledge it.
    waiting: Waiting,
    /// The worst that a receiver said.
    reason: ReasonCode,
}

/// Mostly a message has one receiver.
#[derive(Debug)]
enum Waiting {
    One(Holder),
    /// Those who have yet to acknowledge it, and all who had it.
    Several(Vec<Holder>, Vec<Receiver>),
}

/// A receiver that has yet to acknowledge a message, and when the program took the message from it.
#[derive(Clone, Copy, Debug)]
struct Holder {
    receiver: Receiver,
    taken: Option<Instant>,
}

/// What an acknowledgement leads to.
#[derive(Debug)]
pub(crate) enum Done {
    /// The message is to be acknowledged now.
    Last(PendingAck, ReasonCode),
    /// Other receivers have it too.
    NotLast,
    /// The link of the message is gone, or its session.
    Stale,
}

impl Held {
    /// A message arrived for these receivers, of which there is at least one. Returns its number.
    pub(crate) fn add(&mut self, pending: PendingAck, qos: QoS, receivers: &[Receiver]) -> u64 {
        let holder = |receiver: &Receiver| Holder { receiver: *receiver, taken: None };
        let waiting = match receivers {
            [one] => Waiting::One(holder(one)),
            several => Waiting::Several(several.iter().map(holder).collect(), several.into()),
        };
        self.last += 1;
        self.messages.insert(self.last, Message { pending, qos, waiting, reason: ReasonCode::SUCCESS });
        self.last
    }

    /// The message still waits for its acknowledgement.
    pub(crate) fn contains(&self, token: &AckToken) -> bool {
        self.messages.contains_key(&token.message)
    }

    /// The program has taken a message.
    pub(crate) fn taken(&mut self, token: &AckToken, now: Instant) {
        if let Some(message) = self.messages.get_mut(&token.message) {
            let holders = message.waiting.holders_mut().iter_mut();
            holders.filter(|holder| holder.receiver == token.receiver).for_each(|holder| holder.taken = Some(now));
        }
    }

    /// A receiver is done with a message.
    pub(crate) fn acknowledge(&mut self, now: Instant, token: &AckToken, reason: ReasonCode) -> Done {
        let Some(message) = self.messages.get_mut(&token.message) else { return Done::Stale };
        if reason.is_error() {
            message.reason = reason;
        }
        if !message.waiting.remove(token.receiver) {
            return Done::NotLast;
        }
        if self.messages.first_key_value().is_some_and(|(oldest, _)| *oldest == token.message) {
            self.front_since = now;
        }
        match self.messages.remove(&token.message) {
            Some(message) => Done::Last(message.pending, message.reason),
            None => Done::Stale,
        }
    }

    /// A message that a dropped receiver left goes to another one, unless that has had it.
    pub(crate) fn hand_over(&mut self, token: &AckToken, to: Receiver) -> bool {
        let of_session = self.messages.get_mut(&token.message).map(|message| &mut message.waiting);
        match of_session.or_else(|| self.stale.get_mut(&token.message)) {
            Some(Waiting::Several(_, all)) if all.contains(&to) => false,
            Some(Waiting::Several(_, all)) => {
                all.push(to);
                true
            }
            _ => true,
        }
    }

    /// The server sends QoS 1 messages again on the next link, with new identifiers to acknowledge.
    pub(crate) fn link_lost(&mut self) {
        self.messages.retain(|_, message| message.qos == QoS::ExactlyOnce);
    }

    /// `left` are messages that dropped receivers have left for others.
    pub(crate) fn session_lost(&mut self, left: &BTreeSet<u64>) {
        let messages = core::mem::take(&mut self.messages).into_iter();
        self.stale.extend(messages.map(|(number, message)| (number, message.waiting)));
        self.stale.retain(|number, _| left.contains(number));
    }

    /// The message that the program has taken and that holds back the others: who has it, since when it does so, and how many messages are not acknowledged. `None` while
    /// the oldest message waits in a queue.
    pub(crate) fn stalled(&self) -> Option<(Receiver, Instant, u32)> {
        let (_, message) = self.messages.first_key_value()?;
        let taken = |holder: &Holder| holder.taken.map(|at| (holder.receiver, at.max(self.front_since)));
        let (by, since) = message.waiting.holders().iter().find_map(taken)?;
        Some((by, since, self.messages.len() as u32))
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }
}

impl Waiting {
    fn holders(&self) -> &[Holder] {
        match self {
            Self::One(one) => core::slice::from_ref(one),
            Self::Several(several, _) => several,
        }
    }

    fn holders_mut(&mut self) -> &mut [Holder] {
        match self {
            Self::One(one) => core::slice::from_mut(one),
            Self::Several(several, _) => several,
        }
    }

    /// True if none is left.
    fn remove(&mut self, receiver: Receiver) -> bool {
        match self {
            Self::One(one) => one.receiver == receiver,
            Self::Several(several, _) => {
                if let Some(place) = several.iter().position(|one| one.receiver == receiver) {
                    several.swap_remove(place);
                }
                several.is_empty()
            }
        }
    }
}
