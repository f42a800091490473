//! A server for one client, in memory, and the joints between both: no I/O, no clock.

#![allow(dead_code, reason = "each test uses what it needs")]

use pure_mqtt::wire::{Acknowledgement, ConnAck, Connect, Decoded, Packet, Publish, Rules, SubAck, UnsubAck};
use pure_mqtt::{PacketId, Properties, QoS, ReasonCode, TopicFilter, TopicName};
use pure_mqtt_agent::{Action, Agent, Bytes, Event, Instant, LinkId, Login, Version, Wake};

/// A server that keeps one session, and routes what is published back.
#[derive(Default)]
pub struct Server {
    pub version: Option<Version>,
    pub has_session: bool,
    pub filters: Vec<(String, QoS, Option<u32>)>,
    /// What was published here, taken over once.
    pub taken: Vec<(String, Vec<u8>)>,
    pub connects: Vec<bool>,
    /// What was asked for, in order: `+` and the filter for SUBSCRIBE, `-` for UNSUBSCRIBE, `!` and the topic for PUBLISH.
    pub asked: Vec<String>,
    held: Vec<u16>,
    /// Of those it holds: what came to `poison`.
    poisoned: Vec<u16>,
    unanswered: Vec<(u16, QoS, String, Vec<u8>)>,
    next_id: u16,
    input: Vec<u8>,
    output: Vec<u8>,
    pub is_mute: bool,
    /// It keeps no account, and routes nothing back: for tests of cost.
    pub is_brief: bool,
    pub refuses: Option<ReasonCode>,
    /// What it does at messages to `poison`.
    pub poison: Poison,
    /// It closes the link.
    has_hung_up: bool,
}

#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub enum Poison {
    #[default]
    None,
    /// It hangs up at PUBLISH.
    Publish,
    /// It hangs up at PUBREL.
    Release,
    /// It never answers PUBREL.
    MuteRelease,
}

impl Server {
    pub fn hang_up(&mut self) {
        self.input.clear();
        self.output.clear();
        self.version = None;
        self.has_hung_up = false;
    }

    pub fn input(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        let mut input = std::mem::take(&mut self.input);
        loop {
            let version = self.version.or_else(|| level(&input)).unwrap_or(Version::V311);
            match Packet::decode(&input, Rules::new(version)) {
                Ok(Decoded::Packet { packet, length }) => {
                    self.on_packet(version, packet);
                    input.drain(..length);
                }
                Ok(Decoded::Partial { .. }) => break,
                Err(error) => panic!("the client sent nonsense: {error:?}"),
            }
        }
        self.input = input;
    }

    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    pub fn send(&mut self, packet: &Packet<'_>) {
        if self.is_mute {
            return;
        }
        let version = self.version.unwrap_or(Version::V311);
        let mut room = vec![0; 4096];
        let length = packet.encode(version, &mut room).unwrap();
        self.output.extend_from_slice(&room[..length]);
    }

    fn on_packet(&mut self, version: Version, packet: Packet<'_>) {
        if self.has_hung_up {
            return;
        }
        match packet {
            Packet::Connect(connect) => self.on_connect(version, &connect),
            Packet::Publish(publish) => self.on_publish(&publish),
            Packet::PubRel(release) if self.poisoned.contains(&release.id.get()) => {
                self.has_hung_up |= self.poison == Poison::Release;
            }
            Packet::PubRel(release) => {
                self.held.retain(|id| *id != release.id.get());
                self.send(&Packet::PubComp(Acknowledgement::new(release.id)));
            }
            Packet::PubAck(ack) | Packet::PubComp(ack) => self.unanswered.retain(|(id, ..)| *id != ack.id.get()),
            Packet::PubRec(ack) => self.send(&Packet::PubRel(Acknowledgement::new(ack.id))),
            Packet::Subscribe(subscribe) => {
                let identifier = subscribe.properties.subscription_identifiers().next();
                let mut codes = Vec::new();
                for entry in subscribe.entries.iter() {
                    codes.push(entry.qos.bits());
                    if self.is_brief {
                        continue;
                    }
                    self.asked.push(format!("+{}", entry.filter.as_str()));
                    self.filters.retain(|(filter, ..)| filter != entry.filter.as_str());
                    self.filters.push((entry.filter.as_str().into(), entry.qos, identifier));
                }
                self.send(&Packet::SubAck(SubAck { id: subscribe.id, properties: Properties::NONE, codes: &codes }));
            }
            Packet::Unsubscribe(unsubscribe) => {
                let mut codes = Vec::new();
                for filter in unsubscribe.entries.iter() {
                    self.asked.push(format!("-{}", filter.as_str()));
                    self.filters.retain(|(known, ..)| known != filter.as_str());
                    codes.push(0);
                }
                let codes = if version == Version::V5 { &codes[..] } else { &[] };
                self.send(&Packet::UnsubAck(UnsubAck { id: unsubscribe.id, properties: Properties::NONE, codes }));
            }
            Packet::PingReq => self.send(&Packet::PingResp),
            _ => {}
        }
    }

    fn on_connect(&mut self, version: Version, connect: &Connect<'_>) {
        self.version = Some(version);
        self.connects.push(connect.clean_start);
        if let Some(reason) = self.refuses {
            let connack = ConnAck { session_present: false, code: reason.0, properties: Properties::NONE };
            return self.send(&Packet::ConnAck(connack));
        }
        if connect.clean_start {
            self.lose_session();
        }
        let session_present = self.has_session && version != Version::V31;
        self.has_session = version == Version::V5 || !connect.clean_start;
        self.send(&Packet::ConnAck(ConnAck { session_present, code: 0, properties: Properties::NONE }));
        for (id, qos, topic, payload) in self.unanswered.clone() {
            self.send_message(id, qos, &topic, &payload, true, None);
        }
    }

    /// How many messages the client has not acknowledged.
    pub fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    pub fn forget_buffers(&mut self) {
        (self.input, self.output, self.taken, self.asked) = Default::default();
    }

    pub fn lose_session(&mut self) {
        self.has_session = false;
        self.filters.clear();
        self.held.clear();
        self.poisoned.clear();
        self.unanswered.clear();
    }

    fn on_publish(&mut self, publish: &Publish<'_>) {
        if self.is_brief {
            let ack = Acknowledgement::new(publish.id.unwrap());
            return self.send(&Packet::PubAck(ack));
        }
        self.asked.push(format!("!{}", publish.topic));
        if self.poison == Poison::Publish && publish.topic == "poison" {
            self.has_hung_up = true;
            return;
        }
        if publish.topic == "poison" && self.poison != Poison::None {
            self.poisoned.extend(publish.id.map(PacketId::get));
        }
        let is_new = match (publish.qos, publish.id) {
            (QoS::ExactlyOnce, Some(id)) => !self.held.contains(&id.get()),
            _ => true,
        };
        if is_new {
            self.taken.push((publish.topic.into(), publish.payload.into()));
        }
        match (publish.qos, publish.id) {
            (QoS::AtLeastOnce, Some(id)) => self.send(&Packet::PubAck(Acknowledgement::new(id))),
            (QoS::ExactlyOnce, Some(id)) => {
                if is_new {
                    self.held.push(id.get());
                }
                self.send(&Packet::PubRec(Acknowledgement::new(id)));
            }
            _ => {}
        }
        if is_new {
            self.route(publish.topic, publish.payload, publish.qos);
        }
    }

    /// Hands a message to the client, if it is subscribed: one copy for each filter.
    pub fn route(&mut self, topic: &str, payload: &[u8], qos: QoS) {
        let name = TopicName::new(topic).unwrap();
        for (filter, granted, identifier) in self.filters.clone() {
            if TopicFilter::new(&filter).unwrap().matches(name) {
                let qos = if granted.bits() < qos.bits() { granted } else { qos };
                let mut id = 0;
                if qos != QoS::AtMostOnce {
                    self.next_id = self.next_id % 60_000 + 1;
                    id = self.next_id;
                    self.unanswered.push((id, qos, topic.into(), payload.into()));
                }
                self.send_message(id, qos, topic, payload, false, identifier);
            }
        }
    }

    fn send_message(&mut self, id: u16, qos: QoS, topic: &str, payload: &[u8], dup: bool, identifier: Option<u32>) {
        let property = [pure_mqtt::Property::SubscriptionIdentifier(identifier.unwrap_or(1))];
        let has_identifier = identifier.is_some() && self.version == Some(Version::V5);
        let properties = if has_identifier { Properties::new(&property) } else { Properties::NONE };
        let id = PacketId::new(id);
        self.send(&Packet::Publish(Publish { dup, qos, retain: false, topic, id, properties, payload }));
    }
}

/// The version that CONNECT names (§3.1.2.2).
fn level(input: &[u8]) -> Option<Version> {
    let length = usize::from(*input.get(3)?);
    let level = *input.get(4 + length)?;
    Version::ALL.into_iter().find(|version| version.level() == level & 0x7F)
}

/// An agent and a server, with a link between them whenever the agent wants one.
pub struct Pair {
    pub agent: Agent,
    pub server: Server,
    pub now: Instant,
    pub link: Option<LinkId>,
    pub events: Vec<Event>,
    pub dials: Vec<(Instant, u16)>,
    pub refuses_dials: bool,
    /// Dials are recorded, and nothing comes of them.
    pub ignores_dials: bool,
    /// Whoever was to be woken.
    pub wakes: Vec<Wake>,
    /// The store fails.
    pub store_fails: bool,
    pub compactions: u32,
    /// The log as it is durable; the agent learns of it at once.
    pub log: Vec<u8>,
}

impl Pair {
    pub fn new(agent: Agent) -> Self {
        let (server, events, dials, log) = Default::default();
        let now = Instant::from_millis(0);
        let (refuses_dials, ignores_dials, store_fails) = Default::default();
        let (wakes, compactions, link) = (Vec::new(), 0, None);
        Self {
            agent,
            server,
            now,
            link,
            events,
            dials,
            refuses_dials,
            ignores_dials,
            wakes,
            store_fails,
            compactions,
            log,
        }
    }

    /// Does all that can be done without time.
    pub fn run(&mut self) {
        for _ in 0..100_000 {
            if !self.turn() {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    fn turn(&mut self) -> bool {
        let mut is_busy = false;
        while let Some((bytes, sequence)) = self.agent.take_log() {
            is_busy = true;
            if self.store_fails {
                self.agent.store_failed(self.now);
                continue;
            }
            self.log.extend_from_slice(&bytes);
            self.agent.stored(self.now, sequence);
        }
        while let Some(action) = self.agent.poll_action() {
            is_busy = true;
            self.act(action);
        }
        if let Some(link) = self.link {
            let mut transmit = self.agent.transmit(self.now);
            while !transmit.chunk().is_empty() {
                let count = transmit.chunk().len();
                self.server.input(transmit.chunk());
                transmit.advance(count);
                is_busy = true;
            }
            let bytes = self.server.take_output();
            if !bytes.is_empty() {
                self.agent.received(self.now, link, Bytes::from(bytes));
                is_busy = true;
            }
            if self.server.has_hung_up {
                self.cut();
                is_busy = true;
            }
        }
        while self.agent.is_runnable() {
            is_busy = true;
            self.events.extend(self.agent.step(self.now));
        }
        self.wakes.extend(core::iter::from_fn(|| self.agent.poll_wake()));
        is_busy
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Dial { link, server, .. } => {
                self.dials.push((self.now, server.0));
                if self.ignores_dials {
                    return;
                }
                if self.refuses_dials {
                    let class = pure_mqtt_agent::FailureClass::Passing;
                    return self.agent.dial_failed(self.now, link, class, "connection refused", None);
                }
                self.server.hang_up();
                self.link = Some(link);
                self.agent.dialed(self.now, link, &Login::default());
            }
            Action::Close { link } if self.link == Some(link) => {
                self.link = None;
                self.server.hang_up();
            }
            Action::Compact => {
                self.compactions += 1;
                if self.store_fails {
                    return self.agent.store_failed(self.now);
                }
                let mut log = Vec::new();
                if let Some(sequence) = self.agent.snapshot(&mut |piece| log.extend_from_slice(piece)) {
                    self.log = log;
                    self.agent.log_replaced(self.now, sequence);
                }
            }
            _ => {}
        }
    }

    /// What was noted for the test is not the agent's.
    pub fn forget_all(&mut self) {
        (self.events, self.wakes, self.log) = Default::default();
        self.server.forget_buffers();
    }

    /// The transport is cut.
    pub fn cut(&mut self) {
        if let Some(link) = self.link.take() {
            self.server.hang_up();
            self.agent.closed(self.now, link, "connection reset by peer");
        }
    }

    /// Lets time pass up to the next deadline, or by `millis` at most.
    pub fn pass(&mut self, millis: u64) {
        let until = self.now.after_millis(millis);
        loop {
            self.run();
            match self.agent.poll_timeout().filter(|at| *at <= until) {
                Some(at) => {
                    self.now = at.max(self.now);
                    self.agent.handle_timeout(self.now);
                    let next = self.agent.poll_timeout();
                    assert!(
                        next.is_none_or(|next| next > self.now),
                        "a deadline in the past: {next:?} at {:?}",
                        self.now
                    );
                }
                None => break,
            }
        }
        self.now = until;
        self.agent.handle_timeout(until);
        self.run();
    }
}
