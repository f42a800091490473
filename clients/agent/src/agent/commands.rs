//! Commands of the program. Each is accepted or refused within the call.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;
use pure_mqtt::{
    Auth, Disconnect, Handle, Instant, Payload, Properties, Property, Publish, PublishError, QoS, RequestError, Risk,
    TopicName, Version, VersionFallback,
};

use super::{Agent, Flush, Leaving, Phase};
use crate::durable::{Health, Record};
use crate::event::{Action, Event, LinkEnd};
use crate::ids::{ServerId, Ticket};
use crate::message::{Incoming, Outgoing};
use crate::options::{OnStoreFailure, Options};
use crate::properties::encode;
use crate::receiving::{AckMode, FilterOptions, Qos0Queue, SubscriptionState};
use crate::sending::{Entry, Key};
use crate::ticket::{Accepted, End, Milestone, PublishLimit, Refusal, Rejected};

/// Payloads of at least this length are shared instead of copied.
const SHARED: usize = 1024;

impl Agent {
    /// Accepts a message in every state: without a link it is queued.
    ///
    /// # Errors
    /// [`Rejected`] with the message and the reason. [`Refusal::Full`] is followed by [`Wake::Room`](crate::Wake::Room).
    pub fn publish(&mut self, now: Instant, message: Outgoing) -> Result<Accepted, Rejected<Outgoing>> {
        self.accept_outgoing(now, &message, None).map_err(|why| Rejected { what: message, why })
    }

    /// Like [`publish`](Self::publish), for a borrowed message: the payload is copied unless it is [`Payload::Bytes`]. `tag` is [`Outgoing::tag`].
    ///
    /// # Errors
    /// Same errors as [`publish`](Self::publish), and [`Refusal::Invalid`] for a streamed payload.
    pub fn publish_with(&mut self, now: Instant, publish: &Publish<'_>, tag: u64) -> Result<Accepted, Refusal> {
        self.clock.see(now);
        let result = self.accept(publish, tag);
        match &result {
            Ok(_) => self.settle(),
            Err(why) => self.outbox.is_full |= *why == Refusal::Full,
        }
        result
    }

    fn accept_outgoing(
        &mut self,
        now: Instant,
        message: &Outgoing,
        correlation: Option<&[u8]>,
    ) -> Result<Accepted, Refusal> {
        let topic = TopicName::new(&message.topic).map_err(|_| Refusal::Invalid)?;
        let payload = match message.payload.len() {
            SHARED.. => Payload::Bytes(&message.payload),
            _ => Payload::Slice(&message.payload),
        };
        let properties = Properties::from_bytes(&message.properties).map_err(|_| Refusal::Invalid)?;
        let mut publish = Publish::new(topic, payload).qos(message.qos).retain(message.retain).properties(properties);
        publish.needs_v5 = message.needs_v5;
        publish.correlation_data = correlation;
        self.publish_with(now, &publish, message.tag)
    }

    fn accept(&mut self, publish: &Publish<'_>, tag: u64) -> Result<Accepted, Refusal> {
        if !matches!(self.leaving, Leaving::No | Leaving::Disconnected) {
            return Err(Refusal::ShuttingDown);
        }
        let is_kept = publish.qos != QoS::AtMostOnce;
        if is_kept && self.log.health() == Health::Broken && self.options.on_store_failure == OnStoreFailure::Refuse {
            return Err(Refusal::StoreFailed);
        }
        if matches!(publish.payload, Payload::Streamed(_)) {
            return Err(Refusal::Invalid);
        }
        let delivery = self.engine.publish(self.clock.now, publish).map_err(refusal)?;
        let seconds = publish.properties.message_expiry_interval();
        let expires = seconds.map_or(0, |seconds| self.clock.wall() + u64::from(seconds));
        let displaced = delivery.dropped.map_or(0, |dropped| dropped.count);
        if let Some(dropped) = &delivery.dropped {
            let by = Ticket::of(delivery.handle);
            for ticket in self.deliveries.dropped(dropped, |handle| self.engine.attempts(handle).is_none()) {
                self.conclude(ticket, End::Displaced(by));
            }
        }
        self.accepted_bytes += publish.topic.as_str().len() + publish.payload.len();
        let ticket = self.note_accepted(delivery.handle, publish.qos, tag, expires);
        Ok(Accepted { ticket, id: delivery.id, displaced })
    }

    fn note_accepted(&mut self, handle: Handle, qos: QoS, tag: u64, expires: u64) -> Ticket {
        let is_kept = qos != QoS::AtMostOnce;
        if is_kept && tag != 0 {
            self.latest_tag = tag;
        }
        if is_kept && (tag != 0 || expires != 0) {
            self.log.record(&Record::Message { ticket: Ticket::of(handle), tag, expires });
        }
        self.log.collect(&mut self.engine);
        let record = if is_kept { self.log.end() } else { 0 };
        self.stats.published += 1;
        self.deliveries.add(Entry { handle, qos, tag, record, may_have_arrived: false, expires })
    }

    /// Withdraws a message, however far it has come, and returns the [`Risk`] of doing so. Returns `None` if the message is finished, or is awaiting an acknowledgement on the
    /// current link: in the latter case, end the link first, with [`reconnect`](Self::reconnect).
    pub fn withdraw(&mut self, now: Instant, ticket: Ticket) -> Option<Risk> {
        let now = self.clock.see(now);
        let (handle, qos) = self.deliveries.get(ticket).map(|entry| (entry.handle, entry.qos))?;
        let mut risk = self.engine.withdraw(now, handle)?;
        if let Some(entry) = self.deliveries.get_mut(ticket) {
            // The engine knows only the current session.
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

    /// Returns how far a message has come, and on how many links it was sent. Returns `None` once it has its end, and for tickets that are not messages.
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

    /// Returns the [`Outgoing::tag`] of an unfinished message.
    pub fn tag(&self, ticket: Ticket) -> Option<u64> {
        self.deliveries.get(ticket).map(|entry| entry.tag)
    }

    /// Returns the tag of the latest QoS 1 or 2 message that was accepted with one, finished or not; 0 if there was none. With a log this is also known after a restart, for the
    /// latest message that the log has accepted: the program continues after it.
    pub fn latest_tag(&self) -> u64 {
        self.latest_tag
    }

    /// Returns the end of a ticket, once; `None` while there is none.
    pub fn take_end(&mut self, ticket: Ticket) -> Option<End> {
        self.tickets.take(ticket)
    }

    /// Discards the end of this ticket when it comes. The message or request itself continues.
    pub fn forget(&mut self, ticket: Ticket) {
        let is_flush = self.flushes.contains_key(&ticket);
        let is_open = is_flush || self.deliveries.get(ticket).is_some() || self.requests.contains(ticket);
        self.tickets.forget(ticket, is_open);
        self.requests.forget(ticket);
    }

    /// Returns a ticket that ends when all messages accepted until now have their ends, or at `not_after` with [`End::TimedOut`].
    pub fn flush(&mut self, now: Instant, not_after: Option<Instant>) -> Ticket {
        self.clock.see(now);
        let ticket = self.tickets.local();
        let up_to = self.deliveries.newest().unwrap_or_default();
        self.flushes.insert(ticket, Flush { up_to, not_after });
        self.timers.flushes.extend(not_after.map(|at| (at, ticket)));
        self.settle();
        ticket
    }

    /// Publishes a request. Its ticket ends with [`End::Acknowledged`] when the [reply](Self::take_reply) has arrived, with [`End::TimedOut`] at `not_after`, or with the end of
    /// the message if that is not delivered.
    ///
    /// In 5.0 the agent adds Response Topic and Correlation Data (§4.10). Before 5.0, the message itself must contain the topic, and `reply_topic` names it: no other request
    /// may use that topic at the same time.
    ///
    /// # Errors
    /// Same errors as [`publish`](Self::publish); [`Refusal::NeedsVersion`] if there is no `reply_topic` and the version in force is not 5.0.
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
        if let Err(why) = self.check_reply_topic(&topic) {
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
        match self.accept_outgoing(now, &sent, correlation) {
            Ok(accepted) => {
                self.listen_for_replies(&topic);
                self.requests.add(accepted.ticket, key, topic, not_after);
                self.settle();
                Ok(accepted.ticket)
            }
            Err(why) => Err(Rejected { what: message, why }),
        }
    }

    fn check_reply_topic(&mut self, topic: &str) -> Result<(), Refusal> {
        TopicName::new(topic).map_err(|_| Refusal::Invalid)?;
        let receiver =
            *self.reply_receiver.get_or_insert_with(|| self.queues.add(AckMode::OnNext, Qos0Queue::default()));
        self.filters.check(receiver, &[(topic, QoS::ExactlyOnce)], FilterOptions::default())
    }

    /// Subscribes to a valid topic. The request waits until SUBSCRIBE has been sent; otherwise the reply could arrive first.
    fn listen_for_replies(&mut self, topic: &str) {
        let Some(receiver) = self.reply_receiver else { return };
        if !self.filters.is_wanted_by(receiver, topic) {
            let ticket = self.tickets.of_filters(1);
            self.tickets.forget(ticket, true);
            let filter = (topic, QoS::ExactlyOnce); // a reply has the QoS it was published with
            if let Some(changed) = self.filters.subscribe(receiver, filter, FilterOptions::default(), ticket) {
                self.on_changed(changed);
            }
        }
        if self.filters.subscription_state(topic) == Some(SubscriptionState::Requested) {
            self.hold_messages();
        }
    }

    /// Returns the reply to a request whose ticket ended with [`End::Acknowledged`], once.
    pub fn take_reply(&mut self, ticket: Ticket) -> Option<Incoming> {
        self.requests.take_reply(ticket)
    }

    /// Publishes the reply to a request that has a Response Topic (§4.10), at its QoS.
    ///
    /// # Errors
    /// Same errors as [`publish`](Self::publish); [`Refusal::Invalid`] if the request has no Response Topic.
    pub fn reply(
        &mut self,
        now: Instant,
        request: &Incoming,
        payload: impl Into<Bytes>,
    ) -> Result<Accepted, Rejected<Bytes>> {
        let payload = payload.into();
        let properties = request.properties();
        let Some(topic) = properties.response_topic() else {
            return Err(Rejected { what: payload, why: Refusal::Invalid });
        };
        let message = Outgoing { qos: request.qos, ..Outgoing::new(topic, payload.clone()) };
        let accepted = self.accept_outgoing(now, &message, properties.correlation_data());
        accepted.map_err(|why| Rejected { what: payload, why })
    }

    /// Gives up all unfinished QoS 1 and 2 messages, and passes each to `give`, with whether it may have arrived. Works only without a link; otherwise does nothing.
    pub fn reclaim(&mut self, now: Instant, give: &mut dyn FnMut(Ticket, Outgoing, bool)) {
        let now = self.clock.see(now);
        if matches!(self.phase, Phase::Open) {
            return;
        }
        let mut handles = Vec::new();
        for message in self.engine.unacknowledged() {
            let ticket = Ticket::of(message.handle);
            let outgoing = Outgoing {
                topic: message.topic.as_str().to_string(),
                payload: Bytes::copy_from_slice(message.payload),
                qos: message.qos,
                retain: message.retain,
                properties: encode(&message.properties),
                needs_v5: false,
                tag: self.tag(ticket).unwrap_or_default(),
            };
            // The engine knows only the current session; the entry knows earlier links.
            let was_sent = self.deliveries.get(ticket).is_some_and(|entry| entry.may_have_arrived);
            let may_have_arrived = was_sent || message.may_have_arrived;
            give(ticket, outgoing, may_have_arrived);
            handles.push((message.handle, may_have_arrived));
        }
        for (handle, may_have_arrived) in handles {
            if let Some(entry) = self.deliveries.get_mut(Ticket::of(handle)) {
                entry.may_have_arrived = may_have_arrived;
            }
            self.engine.withdraw(now, handle);
        }
        self.settle();
    }

    /// Continues an enhanced authentication (§4.12).
    ///
    /// # Errors
    /// [`RequestError`]: none is in progress, or the packet can't be sent as it is.
    pub fn authenticate(&mut self, now: Instant, auth: &Auth<'_>) -> Result<(), RequestError> {
        let now = self.clock.see(now);
        let result = self.engine.authenticate(now, auth);
        self.settle();
        result
    }

    /// Dials now, without a delay; `server` if it is `Some`. An existing link or attempt is given up first.
    pub fn dial(&mut self, now: Instant, server: Option<ServerId>) {
        self.clock.see(now);
        if matches!(self.leaving, Leaving::Closing) || matches!(self.phase, Phase::Done) {
            return;
        }
        if self.leaving == Leaving::Disconnected {
            self.leaving = Leaving::No;
        }
        self.give_link_up(LinkEnd::Ours);
        self.rounds.begin_anew(server);
        self.phase = Phase::Idle { dial_at: Some(self.clock.now) };
        self.settle();
        self.begin_due_dial();
    }

    /// Replaces the link and keeps the session, for example to use new credentials: sends DISCONNECT, and dials without a delay.
    pub fn reconnect(&mut self, now: Instant) {
        self.clock.see(now);
        if self.is_up() {
            self.link.is_to_be_replaced = true;
            self.say_disconnect();
            self.settle();
        } else if self.leaving == Leaving::No {
            self.dial(now, None);
        }
    }

    /// Sends DISCONNECT now. Messages, subscriptions and the session are kept, and [`dial`](Self::dial) continues with them; until then the agent does not dial.
    pub fn disconnect(&mut self, now: Instant) {
        let _ = self.disconnect_with(now, &Disconnect::default()); // a plain DISCONNECT can always be sent
    }

    /// Like [`disconnect`](Self::disconnect), with a reason code and properties of 5.0.
    ///
    /// # Errors
    /// [`RequestError`] if the packet can't be sent as it is; nothing changed.
    pub fn disconnect_with(&mut self, now: Instant, disconnect: &Disconnect<'_>) -> Result<(), RequestError> {
        let now = self.clock.see(now);
        if matches!(self.leaving, Leaving::No | Leaving::Disconnected) {
            if matches!(self.phase, Phase::Open) {
                self.engine.disconnect(now, disconnect)?;
            }
            self.leaving = Leaving::Disconnected;
            self.hang_up();
            self.settle();
        }
        Ok(())
    }

    /// Changes the settings, from the next link on. [`Options::servers`](crate::Options::servers) takes effect on the next dial; `durable` and `seed` can't be changed.
    pub fn configure(&mut self, change: impl FnOnce(&mut Options)) {
        let (servers, client_id) = (self.options.servers.clone(), self.options.client_id.clone());
        let redial = self.options.redial;
        change(&mut self.options);
        if client_id != self.options.client_id {
            self.log.record(&Record::ClientId(&self.options.client_id));
        }
        let highest = self.options.version;
        let lowest = self.options.lowest_version.unwrap_or(highest);
        if (highest, lowest) != self.versions {
            (self.version, self.versions) = (VersionFallback::new(highest).down_to(lowest), (highest, lowest));
        }
        if redial != self.options.redial {
            self.rounds.set_pauses(self.options.redial);
        }
        if servers != self.options.servers {
            self.rounds.set_servers(&self.options);
        }
    }

    /// Starts a new session on the next link, as another program with this identifier would. `Limits::on_session_loss` decides what happens to unfinished messages.
    pub fn begin_anew(&mut self) {
        self.session.begins_anew = true;
    }

    /// Discards the session and the subscriptions: every message and request has its end. Receivers are kept. Works only without a link; otherwise does nothing and returns
    /// false. Call it before changing the client identifier.
    pub fn discard_session(&mut self, now: Instant) -> bool {
        self.clock.see(now);
        if matches!(self.phase, Phase::Open) || !self.engine.discard_session() {
            return false;
        }
        self.held.session_lost(&self.queues.left());
        self.filters.clear();
        self.take_outcomes();
        while let Some((handle, _)) = self.deliveries.next_unsent() {
            self.message_ended(handle, |_| End::Discarded); // the engine reports no outcome at QoS 0
        }
        for ticket in self.requests.tickets() {
            self.end_request(ticket, End::Discarded); // their messages were delivered, and the replies can't arrive any more
        }
        self.session = Default::default();
        self.log.record(&Record::Discarded);
        self.settle();
        true
    }

    /// Refuses new commands and waits for unfinished ones, until `deadline`; then sends DISCONNECT and reports [`Event::Done`]. Every ticket has its end by then. After
    /// [`disconnect`](Self::disconnect) there is no link to wait for, so the shutdown completes at once.
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

    /// Sends DISCONNECT on a link that is up; gives an attempt up.
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

    /// Ends a message of a log that has expired.
    pub(super) fn expire(&mut self, ticket: Ticket) {
        let Some(handle) = self.deliveries.get(ticket).map(|entry| entry.handle) else { return };
        if self.engine.withdraw(self.clock.now, handle).is_some() {
            self.conclude_open(ticket, End::Expired);
        }
    }

    /// Ends a message that has no end yet.
    pub(super) fn message_ended(&mut self, handle: Handle, end: impl FnOnce(&Entry) -> End) {
        self.outbox.has_room = true;
        let Some((ticket, entry)) = self.deliveries.remove(handle) else { return };
        self.conclude(ticket, end(&entry));
    }

    pub(super) fn conclude_open(&mut self, ticket: Ticket, end: End) {
        if let Some(handle) = self.deliveries.get(ticket).map(|entry| entry.handle) {
            self.message_ended(handle, |_| end);
        }
    }

    /// Ends a message; no other function does. A request whose message was delivered continues until its reply.
    pub(super) fn conclude(&mut self, ticket: Ticket, end: End) {
        self.count_end(&end);
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
        let Some(receiver) = self.reply_receiver else { return false };
        self.requests.answers(&message.topic, properties.correlation_data()).is_some()
            || message.topic == self.options.reply_topic()
            || self.filters.is_left_by(receiver, &message.topic)
    }

    pub(super) fn on_reply(&mut self, message: Incoming) {
        let correlation = message.properties().correlation_data().map(Vec::from);
        let ticket = self.requests.answers(&message.topic, correlation.as_deref());
        let Some(ticket) = ticket else { return self.requests.note_stray() };
        if self.end_request(ticket, End::Acknowledged(pure_mqtt::ReasonCode::SUCCESS)) {
            self.requests.keep(ticket, message);
        }
    }

    /// Ends a request; its message is still delivered. True if a caller may wait for the end.
    pub(super) fn end_request(&mut self, ticket: Ticket, end: End) -> bool {
        if !self.close_request(ticket) {
            return false;
        }
        if let Some(handle) = self.deliveries.get(ticket).map(|entry| entry.handle) {
            self.deliveries.remove(handle); // its own end is not reported
            self.count_end(&end);
        }
        let is_awaited = self.tickets.end(ticket, end);
        if is_awaited {
            self.outbox.wake_ticket(ticket);
        }
        is_awaited
    }

    fn count_end(&mut self, end: &End) {
        match end.is_success() {
            true => self.stats.delivered += 1,
            false => self.stats.failed += 1,
        }
    }

    /// No reply is awaited any more. False if none was.
    fn close_request(&mut self, ticket: Ticket) -> bool {
        let Some(key) = self.requests.remove(ticket) else { return false };
        let is_last = !self.requests.has(&key);
        if let (Key::Topic(topic), Some(receiver), true) = (key, self.reply_receiver, is_last) {
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

    /// Ends all tickets that are not messages: no answer can arrive any more.
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
        PublishError::Property(error) => Refusal::Property(error),
        _ => Refusal::Invalid,
    }
}

/// The message with the topic that its reply is awaited on, in place of its own. It says nothing to a server of an earlier version.
fn with_response_topic(message: &Outgoing, topic: &str) -> Outgoing {
    let own = Properties::from_bytes(&message.properties).unwrap_or(Properties::NONE);
    let is_replaced = |one: &Property<'_>| matches!(one, Property::ResponseTopic(_) | Property::CorrelationData(_));
    let mut properties: Vec<_> = own.iter().filter(|one| !is_replaced(one)).collect();
    properties.push(Property::ResponseTopic(topic));
    Outgoing { properties: encode(&Properties::new(&properties)), needs_v5: true, ..message.clone() }
}
