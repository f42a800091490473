//! What the application asks for.

use crate::app::METHOD;
use crate::features::Feature;
use crate::ledger::{End, Sent, Verdict};
use crate::life::World;
use crate::memory::Memory;
use crate::payload::{SOME, Spec, on_wire, payload_of};
use crate::server::codec::field;
use bytes::Bytes;
use pure_mqtt::{
    Auth, Delivery, Disconnect, Handle, Payload, Property, Publish, PublishError, QoS, RequestError, State, Subscribe,
    Subscription, TopicFilter, TopicName, Unsubscribe,
};

const TOPICS: [&str; 4] = ["u/a", "u/bb", "u", "u/a/rather/long/topic/to/be/replaced/by/an/alias"];
const FILTERS: [&str; 3] = ["e/+", "f/#", "g"];

impl<S: Memory> World<S> {
    fn draw_spec(&self, rng: &mut fastrand::Rng) -> Spec {
        let has = self.character.has;
        let mut left = rng.u8(0..16);
        let mut qos = 0;
        for count in self.character.qos {
            match left.checked_sub(count) {
                Some(rest) => left = rest,
                None => break,
            }
            qos += 1;
        }
        let some = if has.has(Feature::Properties) && rng.u8(0..2) == 0 { rng.usize(0..SOME.len()) } else { 0 };
        let correlates = has.has(Feature::Properties) && rng.u8(0..6) == 0;
        let mut props = on_wire(some);
        let correlation = correlates.then(|| vec![7; rng.usize(0..9)]);
        props.extend(correlation.iter().map(|data| (0x09, field(data))));
        Spec {
            qos: QoS::from_bits(qos.min(2)).unwrap_or_default(),
            retain: rng.u8(0..8) == 0,
            topic: rng.choice(TOPICS).unwrap_or("u").into(),
            length: rng.choice([4, 4, 5, 20, 40, 90, 300]).unwrap_or(4),
            some,
            props,
            expiry: (has.has(Feature::Expiring) && rng.u8(0..3) == 0)
                .then(|| rng.choice([1, 5, 60, 100_000]).unwrap_or(1)),
            correlation,
        }
    }

    /// A new message, or one instead of `old`.
    pub fn publish(&mut self, rng: &mut fastrand::Rng, old: Option<Handle>) -> Verdict {
        let has = self.character.has;
        let spec = self.draw_spec(rng);
        let number = self.app.ledger.next();
        let bytes = payload_of(number, spec.length);
        let shared = Bytes::from(bytes.clone());
        let payload = match rng.u8(0..4) {
            0 if has.has(Feature::StreamedOut) => Payload::Streamed(spec.length as u32),
            1 | 2 if has.has(Feature::Shared) => Payload::Bytes(&shared),
            _ => Payload::Slice(&bytes),
        };
        let mut properties = SOME[spec.some].to_vec();
        properties.extend(spec.expiry.map(Property::MessageExpiryInterval));
        let Ok(topic) = TopicName::new(&spec.topic) else { return Err("a topic".into()) };
        let mut publish = Publish::new(topic, payload).qos(spec.qos).retain(spec.retain).properties(&properties[..]);
        publish.correlation_data = spec.correlation.as_deref();
        let time = self.time();
        let result = match old {
            Some(old) => self.mqtt.replace(time, old, &publish),
            None => self.mqtt.publish(time, &publish),
        };
        self.app.say(|| format!("  publish {number} {spec:?}: {result:?}"));
        match result {
            Ok(delivery) => {
                self.act_if(Feature::Shared, matches!(payload, Payload::Bytes(_)));
                self.act_if(Feature::Expiring, spec.expiry.is_some());
                self.act_if(Feature::Replace, old.is_some());
                let storages = [Feature::Heap, Feature::Fixed, Feature::Tiny, Feature::Borrowed];
                storages.into_iter().filter(|storage| has.has(*storage)).for_each(|storage| self.app.act(storage));
                self.note_dropped(&delivery, old);
                self.accept(spec, &delivery, matches!(payload, Payload::Streamed(_)))
            }
            Err(PublishError::Full) => {
                self.app.act(Feature::QueueLimit);
                Ok(())
            }
            Err(PublishError::Property(error)) => Err(format!("refused: {error:?}")),
            Err(_) => Ok(()),
        }
    }

    pub fn act_if(&mut self, feature: Feature, has_acted: bool) {
        if has_acted {
            self.app.act(feature);
        }
    }

    fn note_dropped(&mut self, delivery: &Delivery, old: Option<Handle>) {
        if delivery.dropped.is_some() && old.is_none() {
            self.app.act(Feature::QueueLimit);
            let policies = [Feature::DropOldest, Feature::LatestPerTopic];
            policies
                .into_iter()
                .filter(|policy| self.character.has.has(*policy))
                .for_each(|policy| self.app.act(policy));
        }
    }

    fn accept(&mut self, spec: Spec, delivery: &Delivery, is_streamed: bool) -> Verdict {
        let now = self.time().as_millis();
        let sent = Sent {
            handle: delivery.handle,
            expires_at: spec.expiry.map(|seconds| now.saturating_add(u64::from(seconds) * 1_000)),
            link: self.app.links,
            is_shaken: false,
            is_forgiven: false,
            may_be_dropped: false,
            is_streamed,
            taken: 0,
            again: 0,
            refused: 0,
            end: None,
            replaced_by: None,
            is_back: false,
            is_recovered: false,
            is_gone: false,
            spec,
        };
        self.app.ledger.accept(sent, delivery)
    }

    /// A message that has no end yet, or any other.
    fn any_handle(&self, rng: &mut fastrand::Rng) -> Option<Handle> {
        let sent = &self.app.ledger.sent;
        let recent = &sent[sent.len().saturating_sub(8)..];
        rng.choice(recent).filter(|sent| !sent.is_gone).map(|sent| sent.handle)
    }

    /// A message whose payload the application supplies.
    fn any_streamed(&self, rng: &mut fastrand::Rng) -> Option<Handle> {
        let is_it = |sent: &&Sent| sent.is_streamed && sent.end.is_none() && !sent.is_gone;
        let streamed: Vec<Handle> =
            self.app.ledger.sent.iter().rev().filter(is_it).take(4).map(|sent| sent.handle).collect();
        rng.choice(streamed)
    }

    pub fn cancel(&mut self, rng: &mut fastrand::Rng) -> Verdict {
        let Some(handle) = self.any_handle(rng) else { return Ok(()) };
        let is_done = self.mqtt.cancel(handle);
        self.app.say(|| format!("  cancel {handle:?}: {is_done}"));
        if !is_done {
            return Ok(());
        }
        self.app.act(Feature::Cancel);
        let now = self.app.now;
        self.app.ledger.end(handle, End::TakenBack, now)
    }

    pub fn replace(&mut self, rng: &mut fastrand::Rng) -> Verdict {
        match self.any_handle(rng) {
            Some(handle) => self.publish(rng, Some(handle)),
            None => Ok(()),
        }
    }

    pub fn abandon(&mut self, rng: &mut fastrand::Rng) {
        let time = self.time();
        // A host that is paused offers the transport nothing, so that it doesn't ask for it either.
        let is_awake = !self.is_paused();
        let wanted = is_awake.then(|| self.mqtt.transmit(time).payload_request().map(|wanted| wanted.handle)).flatten();
        let Some(handle) = wanted.filter(|_| rng.bool()).or_else(|| self.any_streamed(rng)) else { return };
        let is_done = self.mqtt.abandon(time, handle);
        self.app.say(|| format!("  abandon {handle:?}: {is_done}"));
        self.act_if(Feature::Abandon, is_done);
        // A QoS 0 message has no outcome, and may have left.
    }

    /// Gives up a message or a request, whatever was sent of it on earlier links.
    pub fn withdraw(&mut self, rng: &mut fastrand::Rng) -> Verdict {
        let request = self.app.ledger.requests.keys().next_back().copied();
        let handle = if rng.u8(0..6) == 0 { request } else { self.any_handle(rng) };
        let Some(handle) = handle else { return Ok(()) };
        let time = self.time();
        let risk = self.mqtt.withdraw(time, handle);
        self.app.say(|| format!("  withdraw {handle:?}: {risk:?}"));
        let Some(risk) = risk else { return Ok(()) };
        self.app.act(Feature::Withdraw);
        let now = self.app.now;
        self.app.ledger.withdraw(handle, risk, now)
    }

    /// Holds messages back, or lets them go. The one that is partly sent is finished, and no other sets out.
    pub fn hold(&mut self, holds: bool) {
        self.mqtt.hold_messages(holds);
        self.app.say(|| format!("  hold: {holds}"));
        let is_shown = !self.unconfirmed.is_empty(); // what was handed over leaves
        if let Some(transport) = &mut self.transport {
            transport.tally.hold(holds && !is_shown);
        }
    }

    pub fn subscribe(&mut self, filter: &str, qos: QoS, is_extra: bool) -> Verdict {
        let Ok(filter) = TopicFilter::new(filter) else { return Err("a filter".into()) };
        let filters = [Subscription::new(filter, qos)];
        let time = self.time();
        let requested = self.mqtt.subscribe(time, &Subscribe::new(&filters));
        self.note_request(requested.map(|requested| requested.handle), is_extra)
    }

    pub fn subscribe_another(&mut self, rng: &mut fastrand::Rng) -> Verdict {
        let qos = QoS::from_bits(rng.u8(0..3)).unwrap_or_default();
        self.subscribe(rng.choice(FILTERS).unwrap_or("g"), qos, true)
    }

    pub fn unsubscribe(&mut self, rng: &mut fastrand::Rng) -> Verdict {
        let filters: Vec<TopicFilter<'_>> = FILTERS.iter().filter_map(|filter| TopicFilter::new(filter).ok()).collect();
        let filters = &filters[..rng.usize(1..=filters.len())];
        let time = self.time();
        let requested = self.mqtt.unsubscribe(time, &Unsubscribe::new(filters));
        self.note_request(requested.map(|requested| requested.handle), true)
    }

    fn note_request(&mut self, requested: Result<Handle, RequestError>, is_extra: bool) -> Verdict {
        self.app.say(|| format!("  request: {requested:?}"));
        match requested {
            Ok(handle) if self.app.ledger.requests.insert(handle, (is_extra, false)).is_some() => {
                Err(format!("{handle:?} was given twice"))
            }
            Ok(_) => Ok(()),
            Err(RequestError::Full | RequestError::ServerMaximum | RequestError::TooLarge) => {
                self.app.wants_subscription |= !is_extra;
                Ok(())
            }
            Err(error) => Err(format!("a request was refused: {error:?}")),
        }
    }

    pub fn authenticate(&mut self) {
        let properties = [Property::AuthenticationMethod(METHOD)];
        let time = self.time();
        let result = self.mqtt.authenticate(time, &Auth::re_authenticate(&properties[..]));
        self.app.say(|| format!("  authenticate: {result:?}"));
    }

    /// The application ends the link.
    pub fn goodbye(&mut self, rng: &mut fastrand::Rng, has_properties: bool) -> Verdict {
        if self.transport.is_none() {
            return Ok(());
        }
        let expiry = rng.choice([10, 1_000]).unwrap_or(10);
        let properties = [Property::SessionExpiryInterval(expiry), Property::UserProperty(("why", "not"))];
        let has_expiry = self.character.expiry.is_some();
        let chosen = match has_properties {
            true if has_expiry => &properties[..],
            true => &properties[1..],
            false => &[],
        };
        let time = self.time();
        let mut goodbye = Disconnect::default();
        goodbye.properties = chosen.into();
        let result = self.mqtt.disconnect(time, &goodbye);
        self.app.say(|| format!("  disconnect: {result:?}"));
        let feature = if has_properties { Feature::GoodbyeProperties } else { Feature::Goodbye };
        if result.is_ok() && self.mqtt.state() == State::Closing {
            self.app.act(feature);
        }
        Ok(())
    }
}
