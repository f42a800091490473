//! The application on the device, and who publishes to it.

use crate::common::broker::{Prop, prop_id};
use crate::device::{CLIENT, Device};
use crate::ledger::{End, Queued, Sent};
use crate::streaming::{number_of, payload_of};
use pure_mqtt::{
    Ack, Command, Event, Handle, Payload, PendingAck, Property, Publish, PublishError, QoS, RequestError, SessionState,
    Storage, Subscribe, Subscription, TopicFilter, TopicName, Version,
};

impl<S: Storage + Clone> Device<S> {
    /// Another client publishes.
    pub fn serve(&mut self) {
        let qos = self.rng.u8(0..3);
        self.number += 1;
        let expiry = self.rng.u32(10..5_000);
        let expires = self.character.version == Version::V5 && self.rng.u8(0..8) == 0;
        let properties = [(prop_id::MESSAGE_EXPIRY, Prop::Four(expiry))];
        let (length, _) = self.draw_length();
        let payload = payload_of(self.number, length);
        let before = self.broker.queued(CLIENT);
        self.broker.publish_with("down/a", &payload, qos, false, &properties[..usize::from(expires)]);
        if self.broker.queued(CLIENT) > before {
            let forgiven = self.must_start_clean || expires;
            self.ledger.queued.insert(self.number, Queued { qos, length, forgiven });
            self.counts.queued += 1;
        }
    }

    /// The application publishes.
    pub fn publish(&mut self) {
        let qos = QoS::from_bits(self.rng.u8(0..3)).unwrap();
        self.number += 1;
        let expires = self.rng.u8(0..4) == 0;
        let expiry = expires.then(|| self.rng.u32(1..4_000));
        let properties = [Property::MessageExpiryInterval(expiry.unwrap_or(1))];
        let (length, is_long) = self.draw_length();
        let payload = payload_of(self.number, length);
        let payload = if is_long { Payload::Streamed(length as u32) } else { Payload::from(&payload) };
        let topic = self.rng.choice(["up/a", "up/b", "up/c"]).unwrap();
        let publish = Publish::new(TopicName::new(topic).unwrap(), payload)
            .qos(qos)
            .properties(&properties[..usize::from(expiry.is_some())]);
        match self.client.publish(self.instant(), &publish) {
            Ok(delivery) => {
                let expires_at = expiry.map(|seconds| self.now + u64::from(seconds) * 1000);
                let sent = Sent { number: self.number, length, qos, expires_at, shaken: self.is_lost, end: None };
                assert!(self.ledger.sent.insert(delivery.handle, sent).is_none(), "a handle came twice");
                self.counts.sent += 1;
            }
            Err(error) => {
                assert_eq!(error, PublishError::Full);
                self.counts.refused += 1;
            }
        }
    }

    /// Subscribes, and acknowledges what is due.
    pub fn work(&mut self) -> bool {
        let mut worked = false;
        if self.wants_subscription && !self.ledger.is_asking() {
            let filters = [Subscription::new(TopicFilter::new("down/#").unwrap(), QoS::ExactlyOnce)];
            match self.client.subscribe(self.instant(), &Subscribe::new(&filters)) {
                Ok(requested) => {
                    self.ledger.requests.insert(requested.handle, false);
                    self.wants_subscription = false;
                    worked = true;
                }
                Err(error) => assert_eq!(error, RequestError::Full),
            }
        }
        while let Some(index) = self.held.iter().position(|(at, _)| *at <= self.now) {
            let (_, pending) = self.held.swap_remove(index);
            if let Err(error) = self.client.acknowledge(self.instant(), pending, &Ack::SUCCESS) {
                assert_eq!(error.error, RequestError::Stale);
            }
            worked = true;
        }
        self.fetch_outcomes();
        worked
    }

    pub fn fetch_outcomes(&mut self) {
        while let Some(outcome) = self.client.poll_outcome() {
            self.wants_subscription |= outcome.command == Command::Subscribe;
            self.ledger.end(outcome.handle, End::Outcome(outcome.cause), self.now);
        }
    }

    pub fn note(&mut self, news: News) {
        match news {
            News::Connected(session) => {
                (self.must_start_clean, self.is_lost) = (false, false);
                self.is_resumed = session == SessionState::Resumed;
                self.wants_subscription |= !self.is_resumed;
                self.backoff.reset();
            }
            News::Arrived(payload, pending) => {
                let number = number_of(&payload);
                let queued = self.ledger.queued.get(&number);
                assert!(queued.is_none_or(|queued| queued.length == payload.len()));
                self.ledger.arrived.push(number);
                let delay = self.rng.u64(0..20_000);
                self.held.extend(pending.map(|pending| (self.now + delay, pending)));
            }
            News::Ended(handle) => self.ledger.end(handle, End::Done, self.now),
        }
    }
}

/// What an event means to the application.
pub enum News {
    Connected(SessionState),
    Arrived(Vec<u8>, Option<PendingAck>),
    Ended(Handle),
}

pub fn news(event: Event<'_>) -> Option<News> {
    Some(match event {
        Event::ConnAck(connack) if !connack.reason.is_error() => News::Connected(connack.session),
        Event::Message(message) => News::Arrived(message.payload.to_vec(), message.ack),
        Event::PubAck(ack) | Event::PubComp(ack) => News::Ended(ack.handle),
        Event::SubAck(answer) => News::Ended(answer.handle),
        Event::PingResp | Event::Disconnect(_) => return None,
        other => panic!("an event that has no place here: {other:?}"),
    })
}
