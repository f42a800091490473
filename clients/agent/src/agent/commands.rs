//! What the program asks for. Each command is accepted or handed back within the call.

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

/// Payloads from this length on are shared instead of copied.
const SHARED: usize = 1024;

impl Agent {
    /// Accepts a message, in every state: without a link it waits.
    ///
    /// # Errors
    /// The message comes back, with the reason. [`Refusal::Full`] is followed by [`Wake::Room`](crate::Wake::Room).
    pub fn publish(&mut self, now: Instant, message: Outgoing) -> Result<Accepted, Rejected<Outgoing>> {
        self.accept_outgoing(now, &message, None).map_err(|why| Rejected { what: message, why })
    }

    /// The same for a message that is borrowed: its payload is copied unless it is [`Payload::Bytes`]. `tag` is [`Outgoing::tag`].
    ///
    /// # Errors
    /// As there, and [`Refusal::Invalid`] for a streamed payload.
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
        let displaced = delivery.dropped.map_or(0, |victims| victims.count);
        if let Some(victims) = &delivery.dropped {
            let by = Ticket::of(delivery.handle);
            for ticket in self.deliveries.dropped(victims) {
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

    /// Gives up a message, whatever became of it so far; what is risked comes back. `None` if it is finished, or awaits its answer on the present link: then lose the
    /// link first, by [`reconnect`](Self::reconnect).
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

    /// The program's own number of the latest message at QoS 1 or 2 that was accepted with one, finished or not; 0 if there was none. With a log it comes back after
    /// a restart, as that of the latest message that is in the log or was: the place at which the program goes on.
    pub fn latest_tag(&self) -> u64 {
        self.latest_tag
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

    /// Subscribes to a topic that was checked. The request waits until SUBSCRIBE has left, or the reply could come first.
    fn listen_for_replies(&mut self, topic: &str) {
        let Some(receiver) = self.reply_receiver else { return };
        if !self.filters.is_wanted_by(receiver, topic) {
            let ticket = self.tickets.of_filters(1);
            self.tickets.forget(ticket, true);
            let filter = (topic, QoS::ExactlyOnce); // a reply comes as it was sent
            if let Some(changed) = self.filters.subscribe(receiver, filter, FilterOptions::default(), ticket) {
                self.on_changed(changed);
            }
        }
        if self.filters.subscription_state(topic) == Some(SubscriptionState::Requested) {
            self.hold_messages();
        }
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
        let payload = payload.into();
        let properties = request.properties();
        let Some(topic) = properties.response_topic() else {
            return Err(Rejected { what: payload, why: Refusal::Invalid });
        };
        let message = Outgoing { qos: request.qos, ..Outgoing::new(topic, payload.clone()) };
        let accepted = self.accept_outgoing(now, &message, properties.correlation_data());
        accepted.map_err(|why| Rejected { what: payload, why })
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
            // The engine knows of the present session alone, the entry of links that are over.
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

    /// Goes on with an enhanced authentication (§4.12).
    ///
    /// # Errors
    /// [`RequestError`]: none is under way, or the packet can't be sent as it is.
    pub fn authenticate(&mut self, now: Instant, auth: &Auth<'_>) -> Result<(), RequestError> {
        let now = self.clock.see(now);
        let result = self.engine.authenticate(now, auth);
        self.settle();
        result
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
        self.rounds.begin_anew(server);
        self.phase = Phase::Idle { dial_at: Some(self.clock.now) };
        self.settle();
        self.begin_due_dial();
    }

    /// Another link for the same session, for new credentials say: DISCONNECT, which keeps the session, and a dial without a pause.
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

    /// DISCONNECT now. Messages, subscriptions and the session stay, and [`dial`](Self::dial) goes on with them; until then the agent doesn't dial.
    pub fn disconnect(&mut self, now: Instant) {
        let _ = self.disconnect_with(now, &Disconnect::default()); // a plain one is always possible
    }

    /// The same with a reason and properties of 5.0.
    ///
    /// # Errors
    /// The packet can't be sent as it is; nothing changed.
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

    /// Changes the settings, from the next link on. [`Options::servers`](crate::Options::servers) takes effect at once for the next dial; `durable` and `seed`
    /// keep what they were.
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

    /// The next link begins a new session: as if another program with this identifier had started. What is unfinished goes on as `Limits::on_session_loss` says.
    pub fn begin_anew(&mut self) {
        self.session.begins_anew = true;
    }

    /// Forgets the session and the subscriptions: every message and request has its end. Receivers stay. Only without a link; otherwise it does nothing and returns
    /// false. To be called before the client identifier is changed.
    pub fn discard_session(&mut self, now: Instant) -> bool {
        self.clock.see(now);
        if matches!(self.phase, Phase::Open) || !self.engine.discard_session() {
            return false;
        }
        self.held.session_lost(&self.queues.left());
        self.filters.clear();
        self.take_outcomes();
        while let Some((handle, _)) = self.deliveries.next_unsent() {
            self.message_ended(handle, |_| End::Discarded); // at QoS 0 the engine doesn't tell
        }
        for ticket in self.requests.tickets() {
            self.end_request(ticket, End::Discarded); // their messages have arrived, and nobody listens to the replies any more
        }
        self.session = Default::default();
        self.log.record(&Record::Discarded);
        self.settle();
        true
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
        self.outbox.has_room = true;
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

    /// A request is over; the message itself goes on, if it has not arrived. True if somebody may wait for the end.
    pub(super) fn end_request(&mut self, ticket: Ticket, end: End) -> bool {
        if !self.close_request(ticket) {
            return false;
        }
        if let Some(handle) = self.deliveries.get(ticket).map(|entry| entry.handle) {
            self.deliveries.remove(handle); // its own end is not told any more
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
