//! Receivers: what they want, what they get, and what they acknowledge.

use alloc::vec::Vec;

use pure_mqtt::{Ack, Instant, PendingAck, Properties, QoS, ReasonCode, TopicFilter, TopicName};

use super::{Agent, Leaving};
use crate::event::{Event, Wake};
use crate::ids::{AckToken, Receiver, Ticket};
use crate::message::Incoming;
use crate::receiving::{AckMode, Done, FilterOptions, Qos0Queue, SubscriptionState, Undelivered};
use crate::ticket::{End, Refusal};

/// Whether an acknowledgement counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AckResult {
    /// The server learns of it.
    Counted,
    /// The link of the message is gone, or at QoS 2 its session: the server may send the message again.
    Stale,
}

impl Agent {
    /// A new queue for messages.
    pub fn receiver(&mut self, acks: AckMode, qos0: Qos0Queue) -> Receiver {
        self.queues.add(acks, qos0)
    }

    /// Sets when messages of a receiver are acknowledged that are taken from now on.
    pub fn set_acks(&mut self, receiver: Receiver, acks: AckMode) {
        self.queues.set_acks(receiver, acks);
    }

    /// Sets who gets messages that no filter of a receiver matches. Without one they are acknowledged and told by [`Event::Unrouted`].
    pub fn set_default_receiver(&mut self, receiver: Option<Receiver>) {
        self.default_receiver = receiver;
    }

    /// Subscribes to filters for a receiver, all of them or none. The ticket ends when the server has answered for each; a filter that it refused ends it with
    /// that, and [`Event::Granted`] and [`Event::Denied`] tell of each.
    ///
    /// Two receivers may want one filter: the server is asked for the higher QoS.
    ///
    /// # Errors
    /// [`Refusal`]: a filter is not one, the options contradict those of another receiver ([`Refusal::Conflict`]), there is no such receiver, or the agent shuts down.
    pub fn subscribe(
        &mut self,
        now: Instant,
        to: Receiver,
        filters: &[(&str, QoS)],
        options: FilterOptions,
    ) -> Result<Ticket, Refusal> {
        self.clock.see(now);
        self.can_subscribe(to, filters, options)?;
        let ticket = self.tickets.of_filters(filters.len());
        for filter in filters {
            if let Some(changed) = self.filters.subscribe(to, *filter, options, ticket) {
                self.on_changed(changed);
            }
        }
        self.hand_over_left(to, filters);
        self.settle();
        Ok(ticket)
    }

    /// Whether [`subscribe`](Self::subscribe) would accept this: for several calls of which all are to be accepted, or none.
    ///
    /// # Errors
    /// As there.
    pub fn can_subscribe(&self, to: Receiver, filters: &[(&str, QoS)], options: FilterOptions) -> Result<(), Refusal> {
        if !matches!(self.leaving, Leaving::No | Leaving::Disconnected) {
            return Err(Refusal::ShuttingDown);
        }
        if !self.queues.contains(to) {
            return Err(Refusal::NoReceiver);
        }
        if filters.is_empty() {
            return Err(Refusal::Invalid);
        }
        self.filters.check(to, filters, options)
    }

    /// Unsubscribes a receiver from a filter. The ticket ends when the server has answered, or at once if others want the filter still, or the server doesn't have
    /// it. `None` if the receiver didn't want it.
    pub fn unsubscribe(&mut self, now: Instant, from: Receiver, filter: &str) -> Option<Ticket> {
        self.clock.see(now);
        let ticket = self.tickets.of_filters(1);
        let Some(is_sent) = self.filters.unsubscribe(from, filter, Some(ticket)) else {
            self.tickets.answered(ticket, End::Withdrawn { may_have_arrived: false });
            self.tickets.take(ticket);
            return None;
        };
        if !is_sent {
            self.answer_ticket(ticket, End::Acknowledged(ReasonCode::SUCCESS));
        }
        self.settle();
        Some(ticket)
    }

    /// The same, also for a filter that nobody here has asked for: an earlier life of the program may have.
    pub fn unsubscribe_anyway(&mut self, now: Instant, from: Receiver, filter: &str) -> Ticket {
        if let Some(ticket) = self.unsubscribe(now, from, filter) {
            return ticket;
        }
        let ticket = self.tickets.of_filters(1);
        if !self.filters.unsubscribe_unknown(filter, ticket) {
            self.answer_ticket(ticket, End::Acknowledged(ReasonCode::SUCCESS));
        }
        self.settle();
        ticket
    }

    /// How far the server has followed a filter; `None` if nobody wants it.
    pub fn subscription_state(&self, filter: &str) -> Option<SubscriptionState> {
        self.filters.subscription_state(filter)
    }

    /// Messages that a dropped receiver left go to the first that wants them, unless it has had them.
    fn hand_over_left(&mut self, to: Receiver, filters: &[(&str, QoS)]) {
        if !self.queues.has_left() {
            return;
        }
        let filters: Vec<_> = filters.iter().filter_map(|(text, _)| TopicFilter::new(text).ok()).collect();
        let wants =
            |topic: &str| TopicName::new(topic).is_ok_and(|topic| filters.iter().any(|filter| filter.matches(topic)));
        for mut message in self.queues.take_left(wants) {
            let Some(token) = message.ack.take() else { continue };
            match self.held.hand_over(&token, to) {
                true => self.queue(to, message, Some(token)),
                false => drop(self.acknowledge_token(&token, &Ack::SUCCESS)),
            }
        }
    }

    /// The next message of a receiver, oldest first; `None` if there is none. With [`AckMode::OnNext`] it acknowledges the one before.
    pub fn next(&mut self, now: Instant, receiver: Receiver) -> Option<Incoming> {
        self.clock.see(now);
        let (message, before) = self.queues.next(receiver);
        if let Some(token) = before {
            self.acknowledge_token(&token, &Ack::SUCCESS);
            self.settle();
        }
        let manual = message.as_ref().and_then(|message| message.ack.as_ref());
        if let Some(token) = manual.or_else(|| self.queues.current(receiver)) {
            self.held.taken(token, self.clock.now);
        }
        message
    }

    /// The program is done with the message that it took last: with [`AckMode::OnNext`] it is acknowledged without taking another one.
    pub fn finish(&mut self, now: Instant, receiver: Receiver) {
        self.clock.see(now);
        if let Some(token) = self.queues.take_current(receiver) {
            self.acknowledge_token(&token, &Ack::SUCCESS);
            self.settle();
        }
    }

    /// Acknowledges a message, in any order. Acknowledgements leave in the order of arrival `[MQTT-4.6.0-2]`. In 5.0 a `reason` from 0x80 on refuses the message.
    pub fn acknowledge(&mut self, now: Instant, token: AckToken, reason: ReasonCode) -> AckResult {
        self.acknowledge_with(now, token, &Ack::new(reason))
    }

    /// Whether an acknowledgement with this token would count: its message has not come again since, and its session is not lost.
    pub fn counts(&self, token: &AckToken) -> bool {
        self.held.contains(token)
    }

    /// The same with properties of 5.0. Where several receivers have the message, those of the last one count.
    pub fn acknowledge_with(&mut self, now: Instant, token: AckToken, ack: &Ack<'_>) -> AckResult {
        self.clock.see(now);
        let result = self.acknowledge_token(&token, ack);
        self.settle();
        result
    }

    /// Drops a receiver: what only it subscribed to is unsubscribed.
    pub fn drop_receiver(&mut self, now: Instant, receiver: Receiver, queued: Undelivered) {
        self.clock.see(now);
        for token in self.queues.remove(receiver, queued) {
            self.acknowledge_token(&token, &Ack::SUCCESS);
        }
        self.filters.drop_receiver(receiver);
        if self.default_receiver == Some(receiver) {
            self.default_receiver = None;
        }
        self.settle();
    }

    fn acknowledge_token(&mut self, token: &AckToken, ack: &Ack<'_>) -> AckResult {
        match self.held.acknowledge(self.clock.now, token, ack.reason) {
            Done::Stale => AckResult::Stale,
            Done::NotLast => AckResult::Counted,
            Done::Last(pending, reason) => {
                self.acknowledge_pending(pending, &Ack::new(reason).properties(ack.properties))
            }
        }
    }

    fn acknowledge_pending(&mut self, pending: PendingAck, ack: &Ack<'_>) -> AckResult {
        self.inbox.unblock();
        match self.engine.acknowledge(self.clock.now, pending, ack) {
            Ok(()) => AckResult::Counted,
            Err(refused) => {
                // What PUBACK can't carry is no reason to leave the message unacknowledged.
                let again = self.engine.acknowledge(self.clock.now, refused.pending, &Ack::SUCCESS);
                if again.is_ok() { AckResult::Counted } else { AckResult::Stale }
            }
        }
    }

    /// A message has come: it goes to those who want it.
    pub(super) fn deliver(&mut self, message: Incoming, properties: &Properties<'_>, pending: Option<PendingAck>) {
        let mut receivers = core::mem::take(&mut self.concerned);
        let is_wanted = self.filters.route(&message.topic, properties, &mut receivers);
        self.deliver_to(&mut receivers, is_wanted, message, properties, pending);
        receivers.clear();
        self.concerned = receivers;
    }

    fn deliver_to(
        &mut self,
        receivers: &mut Vec<Receiver>,
        is_wanted: bool,
        message: Incoming,
        properties: &Properties<'_>,
        pending: Option<PendingAck>,
    ) {
        let is_reply = self.take_reply_out(receivers) || self.is_reply(&message, properties);
        if is_reply {
            self.on_reply(message.copy());
        } else if receivers.is_empty() && is_wanted {
            receivers.extend(self.default_receiver);
        }
        if receivers.is_empty() {
            self.acknowledge_now(pending);
            if !is_reply && is_wanted {
                self.on_unrouted(message);
            }
            return;
        }
        let number = pending.map(|pending| self.held.add(pending, message.qos, receivers));
        self.queue_for_all(receivers, message, number);
    }

    /// The receiver of replies has no queue that anybody reads. True if it was among them.
    fn take_reply_out(&self, receivers: &mut Vec<Receiver>) -> bool {
        let before = receivers.len();
        receivers.retain(|receiver| Some(*receiver) != self.reply_receiver);
        receivers.len() < before
    }

    fn on_unrouted(&mut self, message: Incoming) {
        self.stats.unrouted += 1;
        self.outbox.events.push_back(Event::Unrouted(message));
    }

    fn acknowledge_now(&mut self, pending: Option<PendingAck>) {
        if let Some(pending) = pending {
            self.acknowledge_pending(pending, &Ack::SUCCESS);
        }
    }

    /// Each receiver has a copy; payloads are shared.
    fn queue_for_all(&mut self, receivers: &[Receiver], message: Incoming, number: Option<u64>) {
        let token = |receiver| number.map(|message| AckToken { message, receiver });
        let Some((last, others)) = receivers.split_last() else { return };
        for receiver in others {
            self.queue(*receiver, message.copy(), token(*receiver));
        }
        self.queue(*last, message, token(*last));
    }

    fn queue(&mut self, receiver: Receiver, message: Incoming, ack: Option<AckToken>) {
        if self.queues.push(receiver, Incoming { ack, ..message }) {
            self.outbox.wakes.push_back(Wake::Receiver(receiver));
        }
    }
}
