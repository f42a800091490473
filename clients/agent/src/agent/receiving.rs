//! Receivers: their subscriptions, messages and acknowledgements.

use alloc::vec::Vec;

use pure_mqtt::{Ack, Instant, PendingAck, Properties, QoS, ReasonCode, TopicFilter, TopicName};

use super::{Agent, Leaving};
use crate::event::{Event, Wake};
use crate::ids::{AckToken, Receiver, Ticket};
use crate::message::Incoming;
use crate::receiving::{AckMode, Done, FilterOptions, Qos0Queue, SubscriptionState, Undelivered};
use crate::ticket::{End, Refusal};

/// Whether an acknowledgement was valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AckResult {
    /// The acknowledgement is sent to the server.
    Counted,
    /// The message's link has ended, or at QoS 2 its session: the server may send the message again.
    Stale,
}

impl Agent {
    /// Creates a queue for messages.
    pub fn receiver(&mut self, acks: AckMode, qos0: Qos0Queue) -> Receiver {
        self.queues.add(acks, qos0)
    }

    /// Sets when messages that a receiver takes from now on are acknowledged.
    pub fn set_acks(&mut self, receiver: Receiver, acks: AckMode) {
        self.queues.set_acks(receiver, acks);
    }

    /// Sets the receiver of messages that match no filter. Without one they are acknowledged and reported by [`Event::Unrouted`].
    pub fn set_default_receiver(&mut self, receiver: Option<Receiver>) {
        self.default_receiver = receiver;
    }

    /// Subscribes a receiver to filters, all of them or none. The ticket ends when the server has answered for all filters; if it refused one, with that refusal.
    /// [`Event::Granted`] and [`Event::Denied`] report each filter.
    ///
    /// Two receivers may have the same filter: the agent subscribes with the higher QoS.
    ///
    /// # Errors
    /// [`Refusal`]: a filter is not valid, the options contradict those of another receiver ([`Refusal::Conflict`]), the receiver does not exist, or the agent is shutting down.
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

    /// Checks whether [`subscribe`](Self::subscribe) would accept these filters: for several calls that must all succeed.
    ///
    /// # Errors
    /// Same errors as [`subscribe`](Self::subscribe).
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

    /// Unsubscribes a receiver from a filter. The ticket ends when the server has answered, or at once if other receivers have the filter or the server does not. Returns `None`
    /// if the receiver was not subscribed.
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

    /// Like [`unsubscribe`](Self::unsubscribe), also for a filter that no receiver has: an earlier run of the program may have subscribed to it.
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

    /// Returns the state of a filter on the server; `None` if no receiver has it.
    pub fn subscription_state(&self, filter: &str) -> Option<SubscriptionState> {
        self.filters.subscription_state(filter)
    }

    /// Passes messages left by a dropped receiver to the first receiver that subscribes to them, unless it already had them.
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

    /// Returns the next message of a receiver, oldest first; `None` if there is none. With [`AckMode::OnNext`] it acknowledges the previous message.
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

    /// Acknowledges the last message taken, with [`AckMode::OnNext`], without taking another one.
    pub fn finish(&mut self, now: Instant, receiver: Receiver) {
        self.clock.see(now);
        if let Some(token) = self.queues.take_current(receiver) {
            self.acknowledge_token(&token, &Ack::SUCCESS);
            self.settle();
        }
    }

    /// Acknowledges a message. Messages may be acknowledged in any order; acknowledgements are sent in the order of arrival `[MQTT-4.6.0-2]`. In 5.0 a `reason` from 0x80 on
    /// refuses the message.
    pub fn acknowledge(&mut self, now: Instant, token: AckToken, reason: ReasonCode) -> AckResult {
        self.acknowledge_with(now, token, &Ack::new(reason))
    }

    /// Returns whether an acknowledgement with this token would be valid: the message was not delivered again since, and its session still exists.
    pub fn counts(&self, token: &AckToken) -> bool {
        self.held.contains(token)
    }

    /// Like [`acknowledge`](Self::acknowledge), with properties of 5.0. If several receivers have the message, those of the last one are sent.
    pub fn acknowledge_with(&mut self, now: Instant, token: AckToken, ack: &Ack<'_>) -> AckResult {
        self.clock.see(now);
        let result = self.acknowledge_token(&token, ack);
        self.settle();
        result
    }

    /// Drops a receiver, and unsubscribes from filters that no other receiver has.
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
                // If PUBACK can't carry this, acknowledge the message without it.
                let again = self.engine.acknowledge(self.clock.now, refused.pending, &Ack::SUCCESS);
                if again.is_ok() { AckResult::Counted } else { AckResult::Stale }
            }
        }
    }

    /// Passes a message to the receivers that match.
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

    /// Removes the receiver of replies, whose queue is not read. True if it was among them.
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

    /// Gives each receiver a copy; payloads are shared.
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
