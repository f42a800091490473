//! What the program asks for. Each command is accepted or handed back within the call.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;
use pure_mqtt::{
    Auth, Handle, Instant, Payload, Properties, Property, Publish, PublishError, QoS, Risk, TopicName, Version,
};

use super::{Agent, Flush, Leaving, Phase};
use crate::durable::{Health, Record};
use crate::event::{Action, Event, LinkEnd};
use crate::ids::{ServerId, Ticket};
use crate::message::{Incoming, Outgoing};
use crate::options::OnStoreFailure;
use crate::properties::encode;
use crate::receiving::{AckMode, FilterOptions, Qos0Queue};
use crate::sending::{Entry, Key, ticket_of};
use crate::ticket::{Accepted, End, Milestone, PublishLimit, Refusal, Rejected};

/// Payloads from this length on are shared instead of copied.
const SHARED: usize = 1024;

impl Agent {
    /// Accepts a message, in every state: without a link it waits.
    ///
    /// # Errors
    /// The message comes back, with the reason. [`Refusal::Full`] is followed by [`Wake::Room`](crate::Wake::Room).
    pub fn publish(&mut self, now: Instant, message: Outgoing) -> Result<Accepted, Rejected<Outgoing>> {
        self.clock.see(now);
        match self.accept(&message, None) {
            Ok(accepted) => {
                self.settle();
                Ok(accepted)
            }
            Err(why) => {
                self.outbox.is_full |= why == Refusal::Full;
                Err(Rejected { what: message, why })
            }
        }
    }

    fn accept(&mut self, message: &Outgoing, correlation: Option<&[u8]>) -> Result<Accepted, Refusal> {
        if !matches!(self.leaving, Leaving::No | Leaving::Disconnected) {
            return Err(Refusal::ShuttingDown);
        }
        let is_kept = message.qos != QoS::AtMostOnce;
        if is_kept && self.log.health() == Health::Broken && self.options.on_store_failure == OnStoreFailure::Refuse {
            return Err(Refusal::StoreFailed);
        }
        let topic = TopicName::new(&message.topic).map_err(|_| Refusal::Invalid)?;
        let properties = Properties::from_bytes(&message.properties).map_err(|_| Refusal::Invalid)?;
        let payload = match message.payload.len() {
            SHARED.. => Payload::Bytes(&message.payload),
            _ => Payload::Slice(&message.payload),
        };
        let mut publish = Publish::new(topic, payload).qos(message.qos).retain(message.retain).properties(properties);
        publish.needs_v5 = message.needs_v5;
        publish.correlation_data = correlation;
        let delivery = self.engine.publish(self.clock.now, &publish).map_err(refusal)?;
        let expires = properties.message_expiry_interval().map_or(0, |seconds| self.clock.wall() + u64::from(seconds));
        let displaced = delivery.dropped.map_or(0, |victims| victims.count);
        if let Some(victims) = &delivery.dropped {
            let by = ticket_of(delivery.handle);
            for ticket in self.deliveries.dropped(victims) {
                self.conclude(ticket, End::Displaced(by));
            }
        }
        let ticket = self.note_accepted(delivery.handle, message, expires);
        Ok(Accepted { ticket, id: delivery.id, displaced })
    }

    fn note_accepted(&mut self, handle: Handle, message: &Outgoing, expires: u64) -> Ticket {
        let &Outgoing { qos, tag, .. } = message;
        let is_kept = qos != QoS::AtMostOnce;
        if is_kept && (tag != 0 || expires != 0) {
            self.log.record(&Record::Message { ticket: ticket_of(handle), tag, expires });
        }
        self.log.collect(&mut self.engine);
        let record = if is_kept { self.log.end() } else { 0 };
        self.stats.published += 1;
        self.accepted_bytes += message.topic.len() + message.payload.len();
        self.deliveries.add(Entry { handle, qos, tag, record, may_have_arrived: false, expires })
    }

    /// Gives up a message, whatever became of it so far; what is risked comes back. `None` if it is finished, or awaits its answer on the present link: then lose the
    /// link first, by [`relink`](Self::relink).
    pub fn withdraw(&mut self, now: Instant, ticket: Ticket) -> Option<Risk> {
        let now = self.clock.see(now);
        let (handle, qos) = self.deliveries.get(ticket).map(|entry| (entry.handle, entry.qos))?;
        let mut risk = self.engine.withdraw(now, handle)?;
        if let Some(entry) = self.deliveries.get_mut(ticket) {
            // The engine knows of the present session alone.
            risk = if risk == Risk::None && entry.may_have_arrived { Risk::MayHaveArrived } else { risk };
            entry.may_have_arrived = risk != Risk::None;
        }
        self.outbox.has_room = true;
        if qos == QoS::AtMostOnce {
            self.message_ended(handle, |_| End::Withdrawn { may_have_arrived: false });
        }
        self.settle();
        Some(risk)
    }

    /// How far a message has come, and on how many links it was sent. `None` once it has its end, and for tickets that are no messages.
    pub fn milestone(&self, ticket: Ticket) -> Option<(Milestone, u8)> {
        let entry = self.deliveries.get(ticket)?;
        let attempts = self.engine.attempts(entry.handle).unwrap_or_default();
        let is_released = || self.engine.unacknowledged().any(|one| one.handle == entry.handle && one.is_released);
        let milestone = if entry.qos == QoS::ExactlyOnce && is_released() {
            Milestone::Received
        } else if attempts > 0 {
            Milestone::Left
        } else if self.log.is_stored(entry.record) {
            Milestone::Stored
        } else {
            Milestone::Queued
        };
        Some((milestone, attempts))
    }

    /// The program's own number of a message without an end.
    pub fn tag(&self, ticket: Ticket) -> Option<u64> {
        self.deliveries.get(ticket).map(|entry| entry.tag)
    }

    /// The end of what the ticket stands for, once; `None` as long as it has none.
    pub fn take_end(&mut self, ticket: Ticket) -> Option<End> {
        self.tickets.take(ticket)
    }

    /// Nobody waits for the end of this ticket: what it stands for goes on, and its end is only counted.
    pub fn forget(&mut self, ticket: Ticket) {
        let is_flush = self.flushes.contains_key(&ticket);
        let is_open = is_flush || self.deliveries.get(ticket).is_some() || self.requests.contains(ticket);
        self.tickets.forget(ticket, is_open);
        self.requests.forget(ticket);
    }

    /// A ticket that ends when all messages accepted until now have their ends, or at `not_after` with [`End::TimedOut`].
    pub fn flush(&mut self, now: Instant, not_after: Option<Instant>) -> Ticket {
        self.clock.see(now);
        let ticket = self.tickets.local();
        let up_to = self.deliveries.newest().unwrap_or_default();
        self.flushes.insert(ticket, Flush { up_to, not_after });
        self.timers.flushes.extend(not_after.map(|at| (at, ticket)));
        self.settle();
        ticket
    }

    /// Publishes a request; its ticket ends with [`End::Acknowledged`] when the [reply](Self::take_reply) has come, with [`End::TimedOut`] at `not_after`, or as the
    /// message does if that fails.
    ///
    /// In 5.0 the agent adds Response Topic and Correlation Data (§4.10). Before, the program names the topic in the message itself, and here as `reply_topic`: it is
    /// this request's alone.
    ///
    /// # Errors
    /// As [`publish`](Self::publish); [`Refusal::NeedsVersion`] if there is no `reply_topic` and the version in force is not 5.0.
    pub fn request(
        &mut self,
        now: Instant,
        message: Outgoing,
        reply_topic: Option<&str>,
        not_after: Instant,
    ) -> Result<Ticket, Rejected<Outgoing>> {
        self.clock.see(now);
        if reply_topic.is_none() && self.version.version() != Version::V5 {
            return Err(Rejected { what: message, why: Refusal::NeedsVersion(Version::V5) });
        }
        let topic = reply_topic.map_or_else(|| self.options.reply_topic(), String::from);
        if let Err(why) = self.listen_for_replies(&topic) {
            return Err(Rejected { what: message, why });
        }
        let (sent, key) = match reply_topic {
            Some(topic) => (message.clone(), Key::Topic(topic.into())),
            None => (with_response_topic(&message, &topic), Key::Correlation(self.requests.correlation())),
        };
        let correlation = match &key {
            Key::Correlation(data) => Some(&data[..]),
            Key::Topic(_) => None,
        };
        match self.accept(&sent, correlation) {
            Ok(accepted) => {
                self.requests.add(accepted.ticket, key, not_after);
                self.settle();
                Ok(accepted.ticket)
            }
            Err(why) => {
                self.outbox.is_full |= why == Refusal::Full;
                Err(Rejected { what: message, why })
            }
        }
    }

    fn listen_for_replies(&mut self, topic: &str) -> Result<(), Refusal> {
        TopicName::new(topic).map_err(|_| Refusal::Invalid)?;
        let receiver = match self.reply_receiver {
            Some(receiver) => receiver,
            None => self.queues.add(AckMode::OnNext, Qos0Queue::default()),
        };
        self.reply_receiver = Some(receiver);
        let options = FilterOptions::default();
        let filter = (topic, QoS::AtLeastOnce);
        if !self.filters.is_wanted_by(receiver, topic) {
            self.filters.check(receiver, &[filter], options)?;
            let ticket = self.tickets.of_filters(1);
            self.tickets.forget(ticket, true);
            if let Some(changed) = self.filters.subscribe(receiver, filter, options, ticket) {
                self.on_changed(changed);
            }
        }
        Ok(())
    }

    /// The reply to a request whose ticket has ended with [`End::Acknowledged`], once.
    pub fn take_reply(&mut self, ticket: Ticket) -> Option<Incoming> {
        self.requests.take_reply(ticket)
    }

    /// Answers a message that has a Response Topic (§4.10), in its quality of service.
    ///
    /// # Errors
    /// As [`publish`](Self::publish); [`Refusal::Invalid`] if the message names no Response Topic.
    pub fn reply(
        &mut self,
        now: Instant,
        request: &Incoming,
        payload: impl Into<Bytes>,
    ) -> Result<Accepted, Rejected<Bytes>> {
        self.clock.see(now);
        let payload = payload.into();
        let properties = request.properties();
        let Some(topic) = properties.response_topic() else {
            return Err(Rejected { what: payload, why: Refusal::Invalid });
        };
        let message = Outgoing { qos: request.qos, ..Outgoing::new(topic, payload.clone()) };
        match self.accept(&message, properties.correlation_data()) {
            Ok(accepted) => {
                self.settle();
                Ok(accepted)
            }
            Err(why) => {
                self.outbox.is_full |= why == Refusal::Full;
                Err(Rejected { what: payload, why })
            }
        }
    }

    /// Hands back all messages at QoS 1 and 2 that are unfinished, each with whether it may have arrived, and gives them up. Without a link only: otherwise nothing is
    /// handed back.
    pub fn reclaim(&mut self, now: Instant, give: &mut dyn FnMut(Ticket, Outgoing, bool)) {
        let now = self.clock.see(now);
        if matches!(self.phase, Phase::Open) {
            return;
        }
        let mut handles = Vec::new();
        for message in self.engine.unacknowledged() {
            let ticket = ticket_of(message.handle);
            let outgoing = Outgoing {
                topic: message.topic.as_str().to_string(),
                payload: Bytes::copy_from_slice(message.payload),
                qos: message.qos,
                retain: message.retain,
                properties: encode(&message.properties),
                needs_v5: false,
                tag: self.tag(ticket).unwrap_or_default(),
            };
            // No link is up, so that the entries know all that was sent.
            give(ticket, outgoing, self.deliveries.get(ticket).is_some_and(|entry| entry.may_have_arrived));
            handles.push(message.handle);
        }
        for handle in handles {
            self.engine.withdraw(now, handle);
        }
        self.settle();
    }

    /// Goes on with an enhanced authentication (§4.12). False if none is under way, or the data is too long.
    pub fn authenticate(&mut self, now: Instant, method: &str, data: &[u8]) -> bool {
        let now = self.clock.see(now);
        let properties = [Property::AuthenticationMethod(method), Property::AuthenticationData(data)];
        let is_sent = self.engine.authenticate(now, &Auth::continue_with(&properties)).is_ok();
        self.settle();
        is_sent
    }

    /// Dials now, without a pause, `server` if one is named. A link or an attempt that there is is given up first.
    pub fn dial(&mut self, now: Instant, server: Option<ServerId>) {
        self.clock.see(now);
        if matches!(self.leaving, Leaving::Closing) || matches!(self.phase, Phase::Done) {
            return;
        }
        if self.leaving == Leaving::Disconnected {
            self.leaving = Leaving::No;
        }
        self.give_link_up(LinkEnd::Ours);
        if let Some(server) = server {
            self.rounds.prefer(server);
        }
        self.rounds.note_good();
        self.phase = Phase::Idle { dial_at: Some(self.clock.now) };
        self.settle();
    }

    /// Another link for the same session, for new credentials say: DISCONNECT, which keeps the session, and a dial without a pause.
    pub fn relink(&mut self, now: Instant) {
        self.clock.see(now);
        if self.is_up() {
            self.link.is_to_be_replaced = true;
            self.say_disconnect();
            self.settle();
        } else if self.leaving == Leaving::No {
            self.dial(now, None);
        }
    }

    /// DISCONNECT now. Messages, subscriptions and the session stay, and [`dial`](Self::dial) goes on with them; until then the agent doesn't dial.
    pub fn disconnect(&mut self, now: Instant) {
        self.clock.see(now);
        if matches!(self.leaving, Leaving::No | Leaving::Disconnected) {
            self.leaving = Leaving::Disconnected;
            self.hang_up();
            self.settle();
        }
    }

    /// No new commands; what can be finished is finished, by `deadline`; then DISCONNECT, and [`Event::Done`]. Every ticket has its end by then. After
    /// [`disconnect`](Self::disconnect) no link comes up for it, so that it is over at once.
    pub fn shutdown(&mut self, now: Instant, deadline: Instant) {
        self.clock.see(now);
        match self.leaving {
            Leaving::No => self.leaving = Leaving::Finishing { deadline, may_dial: true },
            Leaving::Disconnected => self.leaving = Leaving::Finishing { deadline, may_dial: false },
            Leaving::Finishing { deadline: before, may_dial } => {
                self.leaving = Leaving::Finishing { deadline: deadline.min(before), may_dial };
            }
            Leaving::Closing => {}
        }
        self.settle();
    }

    /// DISCONNECT on a link that is up; an attempt is given up.
    pub(super) fn hang_up(&mut self) {
        match self.phase {
            Phase::Open => self.say_disconnect(),
            Phase::Done => {}
            _ => {
                if matches!(self.phase, Phase::Dialling { .. }) {
                    self.outbox.actions.push_back(Action::Close { link: self.link.id });
                }
                self.phase = Phase::Idle { dial_at: None };
            }
        }
    }

    /// A message of a log whose time is over.
    pub(super) fn expire(&mut self, ticket: Ticket) {
        let Some(handle) = self.deliveries.get(ticket).map(|entry| entry.handle) else { return };
        if self.engine.withdraw(self.clock.now, handle).is_some() {
            self.conclude_open(ticket, End::Expired);
        }
    }

    /// A message has its end, if it has none yet.
    pub(super) fn message_ended(&mut self, handle: Handle, end: impl FnOnce(&Entry) -> End) {
        let Some((ticket, entry)) = self.deliveries.remove(handle) else { return };
        self.conclude(ticket, end(&entry));
    }

    pub(super) fn conclude_open(&mut self, ticket: Ticket, end: End) {
        if let Some(handle) = self.deliveries.get(ticket).map(|entry| entry.handle) {
            self.message_ended(handle, |_| end);
        }
    }

    /// The one place where a message ends. A request whose message has arrived goes on until its reply.
    pub(super) fn conclude(&mut self, ticket: Ticket, end: End) {
        match end.is_success() {
            true => self.stats.delivered += 1,
            false => self.stats.failed += 1,
        }
        if self.requests.contains(ticket) {
            if end.is_success() {
                return;
            }
            self.close_request(ticket);
        }
        if self.tickets.end(ticket, end) {
            self.outbox.wake_ticket(ticket);
        }
    }

    /// Whether the message is a reply, to a request that waits or to none.
    pub(super) fn is_reply(&self, message: &Incoming, properties: &Properties<'_>) -> bool {
        self.requests.answers(&message.topic, properties.correlation_data()).is_some()
            || self.reply_receiver.is_some() && message.topic == self.options.reply_topic()
    }

    pub(super) fn on_reply(&mut self, message: Incoming) {
        let correlation = message.properties().correlation_data().map(Vec::from);
        let ticket = self.requests.answers(&message.topic, correlation.as_deref());
        let Some(ticket) = ticket else { return self.requests.note_stray() };
        self.end_request(ticket, End::Acknowledged(pure_mqtt::ReasonCode::SUCCESS));
        self.requests.keep(ticket, message);
    }

    /// A request is over; the message itself goes on, if it has not arrived.
    pub(super) fn end_request(&mut self, ticket: Ticket, end: End) {
        if !self.close_request(ticket) {
            return;
        }
        if let Some(handle) = self.deliveries.get(ticket).map(|entry| entry.handle) {
            self.deliveries.remove(handle); // its own end is not told any more
            self.stats.delivered += 1;
        }
        if self.tickets.end(ticket, end) {
            self.outbox.wake_ticket(ticket);
        }
    }

    /// No reply is awaited any more. False if none was.
    fn close_request(&mut self, ticket: Ticket) -> bool {
        let Some(key) = self.requests.remove(ticket) else { return false };
        if let (Key::Topic(topic), Some(receiver)) = (key, self.reply_receiver) {
            self.filters.unsubscribe(receiver, &topic, None);
        }
        true
    }

    /// Everything that is open ends: the agent is over.
    pub(super) fn end_everything(&mut self) {
        for ticket in self.deliveries.take_all().into_keys() {
            self.conclude(ticket, End::Shutdown);
        }
        for ticket in self.requests.tickets() {
            self.end_request(ticket, End::Shutdown);
        }
        self.phase = Phase::Done;
        self.end_tickets();
        self.outbox.events.push_back(Event::Done);
    }

    /// What is no message ends: nobody will answer any more.
    pub(super) fn end_tickets(&mut self) {
        for ticket in self.tickets.end_all(End::Shutdown) {
            self.outbox.wake_ticket(ticket);
        }
        while let Some(ticket) = self.flushes.keys().next().copied() {
            self.end_flush(ticket, End::Shutdown);
        }
    }
}

/// Why the engine refuses a message.
fn refusal(error: PublishError) -> Refusal {
    match error {
        PublishError::Full | PublishError::NotQueued => Refusal::Full,
        PublishError::TooLarge => Refusal::TooLarge,
        PublishError::ServerMaximum => Refusal::ServerCant(PublishLimit::Size),
        PublishError::QoSNotSupported => Refusal::ServerCant(PublishLimit::QoS),
        PublishError::RetainNotSupported => Refusal::ServerCant(PublishLimit::Retain),
        PublishError::Offline => Refusal::Offline,
        _ => Refusal::Invalid,
    }
}

/// The message with the topic that its reply is awaited on. It says nothing to a server of an earlier version.
fn with_response_topic(message: &Outgoing, topic: &str) -> Outgoing {
    let own = Properties::from_bytes(&message.properties).unwrap_or(Properties::NONE);
    let mut properties: Vec<_> = own.iter().collect();
    properties.push(Property::ResponseTopic(topic));
    Outgoing { properties: encode(&Properties::new(&properties)), needs_v5: true, ..message.clone() }
}
