//! The state of the model: the real client, a server, the link between them, and what the application knows.

use crate::packet::{self, Packet};
use crate::rules::Rule;
use crate::server::{MESSAGES, Server};
use pure_mqtt::wire::Violation;
use pure_mqtt::{
    Ack, Cause, Connect, Connection, ConnectionError, Event, Fixed, Instant, Limits, OnSessionLoss, PendingAck,
    Property, Publish, PublishError, QoS, Received, SessionState, Subscribe, Subscription, TopicFilter, TopicName,
    Version,
};
use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

pub type Client = Connection<Fixed<96, 8, 4, 64>>;

/// Time stands still.
const NOW: Instant = Instant::from_millis(0);

/// What is explored.
#[derive(Clone, Debug)]
pub struct Config {
    pub name: &'static str,
    pub version: Version,
    pub budget: Budget,
    /// The Receive Maximum that the server may name at each CONNACK; 0 for none.
    pub windows: &'static [u16],
    /// The client's own limit.
    pub max_inflight: u16,
    /// The client's queue, in messages; 0 for as many as the storage holds.
    pub max_queued: u32,
    /// The client's Receive Maximum.
    pub receive_maximum: u16,
    pub manual_acks: bool,
    pub abort: bool,
}

/// How often each thing may still happen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Budget {
    /// Messages from the client, for each quality of service.
    pub up: [u8; 3],
    pub subscribe: u8,
    /// Messages to the client, for each quality of service.
    pub down: [u8; 3],
    pub cuts: u8,
    /// Of these links may begin with a clean start.
    pub cleans: u8,
    /// The server loses the session.
    pub losses: u8,
    /// The server refuses a message in PUBACK or PUBREC.
    pub refusals: u8,
    /// The transport takes only the first byte of a packet, for now.
    pub halves: u8,
}

impl Budget {
    pub const NONE: Self =
        Self { up: [0; 3], subscribe: 0, down: [0; 3], cuts: 0, cleans: 0, losses: 0, refusals: 0, halves: 0 };
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// The application publishes a message of this quality of service.
    Publish(u8),
    Subscribe,
    /// The server has a message of this quality of service for the client.
    ServerPublish(u8),
    /// A transport comes up.
    Open {
        clean: bool,
        /// What the server will name as its Receive Maximum; 0 for nothing.
        window: u16,
    },
    /// The transport takes the client's next packet.
    Send,
    /// The transport takes its first byte.
    SendFirstByte,
    /// The next packet arrives at the server.
    ArriveUp,
    /// The next packet arrives at the server, which refuses the message.
    ArriveUpRefused,
    /// The next packet arrives at the client.
    ArriveDown,
    /// The application acknowledges one of the messages that it holds.
    Acknowledge(u8),
    /// The link breaks; what is under way is lost.
    Cut,
    /// The server forgets the session.
    LoseSession,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    pub client: Client,
    pub server: Server,
    pub up: VecDeque<Packet>,
    pub down: VecDeque<Packet>,
    /// The first byte of this packet is out.
    half: Option<Packet>,
    /// What the server is going to name as its Receive Maximum.
    window: u16,
    pub app: App,
    pub left: Budget,
    pub broken: Option<Rule>,
}

/// What the application knows, and what it may expect.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct App {
    /// Everything that was accepted, in order. A message's number is its place here.
    pub flows: Vec<Flow>,
    /// The messages after PUBREC, in its order.
    releases: Vec<u8>,
    /// Messages from the server that the application has not acknowledged.
    held: Vec<Held>,
    /// Identifiers of the QoS 1 and 2 messages that PUBACK or PUBREC may leave for.
    answerable: Vec<(u8, u16)>,
    /// How often each message was delivered; stops at 2.
    pub delivered: [u8; MESSAGES],
    /// The latest message of each quality of service.
    latest: [Option<u8>; 3],
    /// The session that the client must take for its own.
    belief: Option<u8>,
    /// The link began with a clean start.
    clean: bool,
    /// CONNECT is out whole.
    connect_out: bool,
    /// CONNACK has come, for a session that goes on.
    resumed: bool,
    /// The standard leaves no other way out of not knowing what the server holds.
    must_clean: bool,
}

/// Something that the client accepted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Flow {
    /// 0, 1 or 2; 3 for a SUBSCRIBE.
    kind: u8,
    handle: u64,
    id: u16,
    /// The transport took a byte of it, in this session.
    begun: bool,
    /// It was sent on this link.
    on_link: bool,
    /// PUBREC has come.
    released: bool,
    /// PUBREL is to leave on this link.
    owes_release: bool,
    ended: bool,
    /// This outcome must be told next.
    outcome: Option<Cause>,
    /// The server refused it, when it came last.
    refused: bool,
    /// Its session was lost on the way.
    lost: bool,
}

const SUBSCRIBE: u8 = 3;

/// A message that the application has yet to acknowledge.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Held {
    qos: u8,
    id: u16,
    /// Counts them.
    number: u8,
    source: Source,
}

/// How to get the handle of a message again: handles can't be copied, but the same input on a copy of the same client gives the same one.
#[derive(Clone, Debug)]
struct Source(Arc<(Client, Vec<u8>)>);

impl PartialEq for Source {
    fn eq(&self, _: &Self) -> bool {
        true // `number` tells them apart
    }
}

impl Eq for Source {}

impl Hash for Source {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl Source {
    fn handle(&self) -> Option<PendingAck> {
        let (client, bytes) = &*self.0;
        match client.clone().handle_input(NOW, bytes) {
            Ok(Received::Packet { event: Some(Event::Message(message)), .. }) => message.ack,
            _ => None,
        }
    }
}

type Checked = Result<bool, Rule>;

fn hold(condition: bool, rule: Rule) -> Result<(), Rule> {
    if condition { Ok(()) } else { Err(rule) }
}

impl State {
    pub fn new(config: &Config) -> Self {
        let limits = Limits {
            version: config.version,
            max_inflight: config.max_inflight,
            max_queued: config.max_queued,
            receive_maximum: config.receive_maximum,
            inline_max: 128,
            manual_acks: config.manual_acks,
            on_session_loss: if config.abort { OnSessionLoss::Abort } else { OnSessionLoss::Republish },
            ..Limits::DEFAULT
        };
        Self {
            client: Client::new(Fixed::new(), limits),
            server: Server::default(),
            up: VecDeque::new(),
            down: VecDeque::new(),
            half: None,
            window: 0,
            app: App::default(),
            left: config.budget,
            broken: None,
        }
    }

    fn is_open(&self) -> bool {
        self.client.state() != pure_mqtt::State::Closed
    }

    /// What may happen next; some of it may turn out to change nothing.
    pub fn actions(&self, config: &Config, actions: &mut Vec<Action>) {
        let left = &self.left;
        if self.broken.is_some() {
            return;
        }
        actions.extend((0..3).filter(|qos| left.up[usize::from(*qos)] > 0).map(Action::Publish));
        if left.subscribe > 0 {
            actions.push(Action::Subscribe);
        }
        actions.extend((0..3).filter(|qos| left.down[usize::from(*qos)] > 0).map(Action::ServerPublish));
        if self.is_open() {
            actions.push(Action::Send);
            if left.halves > 0 && self.half.is_none() {
                actions.push(Action::SendFirstByte);
            }
            if left.cuts > 0 && self.may_cut() {
                actions.push(Action::Cut);
            }
        } else {
            for &window in config.windows {
                if !self.app.must_clean {
                    actions.push(Action::Open { clean: false, window });
                }
                if self.app.must_clean || left.cleans > 0 {
                    actions.push(Action::Open { clean: true, window });
                }
            }
            if left.losses > 0 && config.version != Version::V31 {
                actions.push(Action::LoseSession);
            }
        }
        if !self.up.is_empty() {
            actions.push(Action::ArriveUp);
            if left.refusals > 0 {
                actions.push(Action::ArriveUpRefused);
            }
        }
        if !self.down.is_empty() {
            actions.push(Action::ArriveDown);
        }
        actions.extend((0..self.app.held.len() as u8).map(Action::Acknowledge));
    }

    /// No client can notice that its session was lost and made anew, if the CONNACK that says so is lost too.
    fn may_cut(&self) -> bool {
        let is_news = |packet: &Packet| matches!(packet, Packet::ConnAck { present: false, .. });
        self.app.clean || self.app.belief.is_none() || !self.down.iter().any(is_news)
    }

    /// Lets something happen; false if it can't, or changes nothing.
    pub fn apply(&mut self, config: &Config, action: Action) -> bool {
        let result = self.step(config, action).and_then(|happened| {
            self.check(config)?;
            Ok(happened)
        });
        match result {
            Ok(happened) => happened,
            Err(rule) => {
                self.broken = Some(rule);
                true
            }
        }
    }

    fn step(&mut self, config: &Config, action: Action) -> Checked {
        match action {
            Action::Publish(qos) => {
                self.left.up[usize::from(qos)] -= 1;
                self.publish(qos)
            }
            Action::Subscribe => {
                self.left.subscribe -= 1;
                self.subscribe()
            }
            Action::ServerPublish(qos) => {
                self.left.down[usize::from(qos)] -= 1;
                let mut sent = Vec::new();
                let kept = self.server.publish(qos, &mut sent);
                self.down.extend(sent);
                Ok(kept)
            }
            Action::Open { clean, window } => {
                if clean && !self.app.must_clean {
                    self.left.cleans -= 1;
                }
                self.open(config, clean, window)
            }
            Action::Send => self.send(config),
            Action::SendFirstByte => {
                self.left.halves -= 1;
                self.send_first_byte(config)
            }
            Action::ArriveUp => self.arrive_up(false),
            Action::ArriveUpRefused => {
                self.left.refusals -= 1;
                match self.up.front() {
                    Some(Packet::Publish { qos: 1 | 2, id, .. }) => {
                        let is_held = |session: &crate::server::Session| session.held.iter().any(|held| held.0 == *id);
                        if self.server.session.as_ref().is_some_and(is_held) {
                            return Ok(false);
                        }
                        self.arrive_up(true)
                    }
                    _ => Ok(false),
                }
            }
            Action::ArriveDown => self.arrive_down(config),
            Action::Acknowledge(index) => self.acknowledge(index),
            Action::Cut => {
                self.left.cuts -= 1;
                self.close(config)?;
                Ok(true)
            }
            Action::LoseSession => {
                self.left.losses -= 1;
                let had_one = self.server.session.is_some();
                self.server.lose();
                Ok(had_one)
            }
        }
    }

    fn new_flow(&mut self, kind: u8, handle: u64, id: u16) -> Checked {
        let is_taken = id != 0 && self.app.flows.iter().any(|flow| !flow.ended && flow.id == id);
        hold(!is_taken, Rule::A2IdInUse)?;
        hold(self.app.flows.iter().all(|flow| flow.handle != handle), Rule::B2OneEnd)?;
        self.app.flows.push(Flow {
            kind,
            handle,
            id,
            begun: false,
            on_link: false,
            released: false,
            owes_release: false,
            ended: false,
            outcome: None,
            refused: false,
            lost: false,
        });
        Ok(true)
    }

    fn publish(&mut self, qos: u8) -> Checked {
        let message = [self.app.flows.len() as u8];
        let Ok(topic) = TopicName::new("t") else { return Err(Rule::Wire) };
        let level = QoS::from_bits(qos).unwrap_or_default();
        let before = self.client.clone();
        match self.client.publish(NOW, &Publish::new(topic, &message).qos(level)) {
            Ok(delivery) => self.new_flow(qos, delivery.handle.get(), delivery.id.map_or(0, |id| id.get())),
            Err(PublishError::Full) => {
                hold(self.client == before && self.client.pending() > 0, Rule::G5ErrorChangesNothing)?;
                Ok(false)
            }
            Err(_) => Err(Rule::NoFault),
        }
    }

    fn subscribe(&mut self) -> Checked {
        let Ok(filter) = TopicFilter::new("t") else { return Err(Rule::Wire) };
        let filters = [Subscription::new(filter, QoS::AtLeastOnce)];
        match self.client.subscribe(NOW, &Subscribe::new(&filters)) {
            Ok(requested) => self.new_flow(SUBSCRIBE, requested.handle.get(), requested.id.get()),
            Err(_) => Ok(false),
        }
    }

    fn open(&mut self, config: &Config, clean: bool, window: u16) -> Checked {
        let for_ever = [Property::SessionExpiryInterval(u32::MAX)];
        let connect = Connect::new(config.version, "c").clean_start(clean).keep_alive(0).properties(&for_ever);
        self.client.open(NOW, &connect).map_err(|_| Rule::NoFault)?;
        self.window = window;
        (self.app.clean, self.app.connect_out, self.app.resumed) = (clean, false, false);
        if clean && config.version == Version::V31 {
            self.app.must_clean = true; // 3.1 could not tell us whether it was done
        }
        Ok(true)
    }

    /// The next whole packet that the client would send, its bytes taken from `client`.
    fn next_packet(client: &mut Client, config: &Config, begun: &[u8]) -> Result<Option<Packet>, Rule> {
        let mut bytes = begun.to_vec();
        loop {
            let length = if bytes.len() < 2 { 2 } else { packet::length(&bytes).ok_or(Rule::Wire)? };
            let wanted = length - bytes.len();
            if wanted == 0 {
                break;
            }
            let mut transmit = client.transmit(NOW);
            let chunk = transmit.chunk();
            let count = chunk.len().min(wanted);
            if count == 0 {
                return if bytes.is_empty() { Ok(None) } else { Err(Rule::Wire) };
            }
            bytes.extend_from_slice(&chunk[..count]);
            transmit.advance(count);
        }
        packet::read(&bytes, config.version).map(Some).ok_or(Rule::Wire)
    }

    fn send(&mut self, config: &Config) -> Checked {
        let packet = match self.half.take() {
            Some(packet) => {
                let first = Self::first_byte(packet);
                let whole = Self::next_packet(&mut self.client, config, &[first])?;
                hold(whole == Some(packet), Rule::Wire)?;
                packet
            }
            None => {
                let Some(packet) = Self::next_packet(&mut self.client, config, &[])? else { return Ok(false) };
                self.leaves(config, packet)?;
                packet
            }
        };
        match packet {
            Packet::Connect { .. } => self.app.connect_out = true,
            Packet::Publish { message, qos: 0, .. } => self.flow(message)?.ended = true,
            _ => {}
        }
        self.up.push_back(packet);
        Ok(true)
    }

    fn first_byte(packet: Packet) -> u8 {
        match packet {
            Packet::Connect { .. } => 0x10,
            Packet::Publish { qos, dup, .. } => 0x30 | u8::from(dup) << 3 | qos << 1,
            Packet::PubAck { .. } => 0x40,
            Packet::PubRec { .. } => 0x50,
            Packet::PubRel { .. } => 0x62,
            Packet::PubComp { .. } => 0x70,
            _ => 0x82,
        }
    }

    fn send_first_byte(&mut self, config: &Config) -> Checked {
        let Some(packet) = Self::next_packet(&mut self.client.clone(), config, &[])? else { return Ok(false) };
        self.leaves(config, packet)?;
        self.client.transmit(NOW).advance(1);
        self.half = Some(packet);
        Ok(true)
    }

    fn flow(&mut self, message: u8) -> Result<&mut Flow, Rule> {
        self.app.flows.get_mut(usize::from(message)).ok_or(Rule::Wire)
    }

    /// The window of this link.
    fn window(&self, config: &Config) -> usize {
        let server = if self.window == 0 { u16::MAX } else { self.window };
        usize::from(server.min(config.max_inflight))
    }

    /// Messages that hold a unit of the window.
    fn in_flight(&self) -> usize {
        let counts = |flow: &&Flow| !flow.ended && matches!(flow.kind, 1 | 2) && (flow.on_link || flow.released);
        self.app.flows.iter().filter(counts).count()
    }

    /// The first byte of a packet leaves the client.
    fn leaves(&mut self, config: &Config, packet: Packet) -> Result<(), Rule> {
        let is_connect = matches!(packet, Packet::Connect { .. });
        let is_first = !self.app.connect_out;
        hold(is_connect == is_first && is_connect != self.client.is_connected(), Rule::G1ConnectFirst)?;
        match packet {
            Packet::Connect { clean, .. } => hold(clean == self.app.clean, Rule::Wire),
            Packet::Publish { message, qos, dup, id } => self.publish_leaves(config, message, qos, dup, id),
            Packet::PubRel { id, code } => {
                let flows = &self.app.flows;
                let due = self.app.releases.iter().find(|m| flows[usize::from(**m)].owes_release).copied();
                let is_owed = |flow: &&mut Flow| flow.id == id && flow.owes_release && !flow.ended;
                let (mut place, mut found) = (0, false);
                for (index, flow) in self.app.flows.iter_mut().enumerate() {
                    if is_owed(&flow) {
                        (place, found) = (index as u8, true);
                        flow.owes_release = false;
                    }
                }
                hold(found && code == 0, Rule::C3OnePubRel)?;
                hold(due == Some(place), Rule::D6AckOrder)
            }
            Packet::PubAck { id, .. } => self.answer_leaves(1, id),
            Packet::PubRec { id, .. } => self.answer_leaves(2, id),
            Packet::Subscribe { id } => {
                let flow =
                    self.app.flows.iter_mut().find(|flow| flow.kind == SUBSCRIBE && flow.id == id && !flow.ended);
                let flow = flow.ok_or(Rule::E8Requests)?;
                hold(!flow.begun, Rule::E8Requests)?;
                (flow.begun, flow.on_link) = (true, true);
                Ok(())
            }
            _ => Ok(()), // the server judges PUBCOMP
        }
    }

    fn answer_leaves(&mut self, qos: u8, id: u16) -> Result<(), Rule> {
        let index = self.app.answerable.iter().position(|entry| *entry == (qos, id)).ok_or(Rule::D8AckAfterDelivery)?;
        self.app.answerable.remove(index);
        Ok(())
    }

    fn publish_leaves(&mut self, config: &Config, message: u8, qos: u8, dup: bool, id: u16) -> Result<(), Rule> {
        let flow = *self.flow(message)?;
        hold(flow.kind == qos, Rule::Wire)?;
        hold(!flow.ended && flow.outcome.is_none(), Rule::B2OneEnd)?;
        hold(flow.id == id || qos == 0, Rule::A5SameId)?;
        hold(!flow.released, Rule::C2NoPublishAfterPubRec)?;
        hold(!flow.on_link, Rule::B5OncePerLink)?;
        hold(dup == flow.begun, Rule::B3Dup)?;
        if qos > 0 {
            let waits = |earlier: &Flow| {
                matches!(earlier.kind, 1 | 2) && !earlier.ended && !earlier.on_link && !earlier.released
            };
            hold(!self.app.flows[..usize::from(message)].iter().any(waits), Rule::E2Order)?;
            // Those released on this link are younger than its start, so an old PUBREL that is still owed is what must go first.
            let old_release = |flow: &Flow| flow.owes_release && !flow.on_link && !flow.ended;
            hold(!self.app.flows.iter().any(old_release), Rule::E2Order)?;
            hold(self.in_flight() < self.window(config), Rule::F1Window)?;
        }
        let flow = self.flow(message)?;
        (flow.begun, flow.on_link) = (true, true);
        Ok(())
    }

    fn arrive_up(&mut self, refuse: bool) -> Checked {
        let Some(packet) = self.up.pop_front() else { return Ok(false) };
        let mut answers = Vec::new();
        self.server.take(packet, self.window, refuse, &mut answers)?;
        self.down.extend(answers);
        if let Packet::Publish { message, .. } = packet {
            self.flow(message)?.refused = refuse;
        }
        Ok(true)
    }

    fn arrive_down(&mut self, config: &Config) -> Checked {
        let Some(&packet) = self.down.front() else { return Ok(false) };
        let bytes = packet::write(packet, config.version);
        let before = config.manual_acks.then(|| self.client.clone());
        let mut seen = Seen::Nothing;
        match self.client.handle_input(NOW, &bytes) {
            Ok(Received::Packet { consumed, event }) => {
                hold(consumed == bytes.len(), Rule::Wire)?;
                if let Some(event) = event {
                    seen = Seen::from(&event).ok_or(Rule::NoFault)?;
                }
            }
            Ok(Received::Partial { .. }) => return Err(Rule::Wire),
            Ok(Received::Blocked) => {
                let can_go_on = !self.client.transmit(NOW).chunk().is_empty() || !self.app.held.is_empty();
                hold(can_go_on, Rule::BlockedForACause)?;
                return Ok(true);
            }
            Err(ConnectionError::Protocol(Violation::UnknownSession)) => {
                let is_right = matches!(packet, Packet::ConnAck { present: true, .. }) && self.app.belief.is_none();
                hold(is_right && config.version == Version::V5, Rule::NoFault)?;
                self.close(config)?;
                self.app.must_clean = true;
                return Ok(true);
            }
            Err(_) => return Err(Rule::NoFault),
        }
        self.down.pop_front();
        self.arrived(config, packet, seen, before, bytes)?;
        Ok(true)
    }

    fn arrived(
        &mut self,
        config: &Config,
        packet: Packet,
        seen: Seen,
        before: Option<Client>,
        bytes: Vec<u8>,
    ) -> Result<(), Rule> {
        match (packet, seen) {
            (Packet::ConnAck { present, session, .. }, Seen::ConnAck(fate)) => {
                self.connected(config, present, session, fate)
            }
            (Packet::Publish { message, qos, id, .. }, Seen::Message(number, has_handle)) => {
                hold(number == message, Rule::Wire)?;
                let delivered = &mut self.app.delivered[usize::from(message)];
                hold(qos != 2 || *delivered == 0, Rule::D4AtMostOnce)?;
                if *delivered == 0 {
                    let latest = &mut self.app.latest[usize::from(qos)];
                    hold(latest.is_none_or(|latest| latest < message), Rule::D12Order)?;
                    *latest = Some(message);
                }
                *delivered = (*delivered + 1).min(2);
                if qos == 0 {
                    return Ok(());
                }
                match before.filter(|_| has_handle) {
                    Some(client) => {
                        let number = self.app.held.last().map_or(0, |held| held.number + 1);
                        self.app.held.push(Held { qos, id, number, source: Source(Arc::new((client, bytes))) });
                    }
                    None => {
                        hold(!config.manual_acks, Rule::D8AckAfterDelivery)?;
                        self.app.answerable.push((qos, id));
                    }
                }
                Ok(())
            }
            (Packet::Publish { message, qos: 2, id, .. }, Seen::Nothing) => {
                // Delivered before; PUBREC may leave again, once the application has acknowledged.
                hold(self.app.delivered[usize::from(message)] > 0, Rule::D4AtMostOnce)?;
                if !self.app.held.iter().any(|held| held.qos == 2 && held.id == id) {
                    self.app.answerable.push((2, id));
                }
                Ok(())
            }
            (Packet::PubAck { id, .. }, Seen::Ended(handle)) => self.ends(1, id, handle),
            (Packet::PubRec { id, code }, Seen::Ended(handle)) if code >= 0x80 => self.ends(2, id, handle),
            (Packet::PubRec { id, code: 0 }, Seen::Nothing) => {
                let flows = &mut self.app.flows;
                let place = flows.iter().position(|flow| flow.kind == 2 && flow.id == id && !flow.ended);
                let place = place.ok_or(Rule::B2OneEnd)?;
                hold(!flows[place].released, Rule::C2NoPublishAfterPubRec)?;
                (flows[place].released, flows[place].owes_release) = (true, true);
                self.app.releases.push(place as u8);
                Ok(())
            }
            (Packet::PubComp { id, .. }, Seen::Ended(handle)) => {
                let is_meant = |flow: &Flow| flow.handle == handle && flow.released && !flow.owes_release;
                hold(self.app.flows.iter().any(is_meant), Rule::C5PubCompAfterPubRec)?;
                self.ends(2, id, handle)
            }
            (Packet::SubAck { id }, Seen::Ended(handle)) => self.ends(SUBSCRIBE, id, handle),
            (Packet::PubRel { .. }, Seen::Nothing) => Ok(()),
            _ => Err(Rule::B2OneEnd),
        }
    }

    /// An acknowledgement ends what it belongs to.
    fn ends(&mut self, kind: u8, id: u16, handle: u64) -> Result<(), Rule> {
        let flow = self.app.flows.iter_mut().find(|flow| flow.handle == handle).ok_or(Rule::B2OneEnd)?;
        hold(flow.kind == kind && flow.id == id && !flow.ended && flow.outcome.is_none(), Rule::B2OneEnd)?;
        hold(flow.on_link || flow.released, Rule::B2OneEnd)?;
        flow.ended = true;
        self.forget_releases();
        Ok(())
    }

    fn forget_releases(&mut self) {
        let flows = &self.app.flows;
        self.app.releases.retain(|message| !flows[usize::from(*message)].ended);
    }

    fn connected(&mut self, config: &Config, present: bool, session: u8, fate: SessionState) -> Result<(), Rule> {
        let says_present = config.version != Version::V31;
        let resumes = if says_present { present } else { self.app.belief.is_some() && !self.app.clean };
        let was_known = self.app.belief.is_some();
        self.app.belief = Some(session);
        self.app.must_clean = false;
        if resumes && was_known {
            self.app.resumed = true;
            return hold(fate == SessionState::Resumed, Rule::E1SessionFate);
        }
        let (mut sent_again, mut aborted, mut completed) = (0, 0, 0);
        for flow in self.app.flows.iter_mut().filter(|flow| matches!(flow.kind, 1 | 2) && !flow.ended) {
            flow.lost |= flow.begun;
            flow.owes_release = false;
            if flow.released {
                flow.outcome = Some(Cause::Released);
                completed += 1;
            } else if flow.begun && config.abort {
                flow.outcome = Some(Cause::SessionLost);
                aborted += 1;
            } else if flow.begun {
                flow.begun = false;
                sent_again += 1;
            }
        }
        self.app.held.clear();
        self.app.answerable.clear();
        let is_told = match fate {
            SessionState::New { republished, aborted: a, completed: c } if !resumes => {
                (republished, a, c) == (sent_again, aborted, completed)
            }
            SessionState::Older { republished, aborted: a, completed: c } if resumes => {
                (republished, a, c) == (sent_again, aborted, completed)
            }
            _ => false,
        };
        hold(is_told, Rule::E1SessionFate)?;
        self.fetch_outcomes()?;
        if resumes {
            // The application starts afresh, as the documentation advises.
            self.close(config)?;
            self.app.must_clean = true;
        }
        Ok(())
    }

    fn fetch_outcomes(&mut self) -> Result<(), Rule> {
        while let Some(outcome) = self.client.poll_outcome() {
            let handle = outcome.handle.get();
            let flow = self.app.flows.iter_mut().find(|flow| flow.handle == handle).ok_or(Rule::B2OneEnd)?;
            hold(flow.outcome == Some(outcome.cause) && !flow.ended, Rule::B2OneEnd)?;
            (flow.ended, flow.outcome) = (true, None);
        }
        hold(self.app.flows.iter().all(|flow| flow.outcome.is_none()), Rule::E1SessionFate)?;
        self.forget_releases();
        Ok(())
    }

    fn acknowledge(&mut self, index: u8) -> Checked {
        let held = self.app.held.remove(index.into());
        let pending = held.source.handle().ok_or(Rule::D8AckAfterDelivery)?;
        self.client.acknowledge(NOW, pending, &Ack::SUCCESS).map_err(|_| Rule::D8AckAfterDelivery)?;
        self.app.answerable.push((held.qos, held.id));
        Ok(true)
    }

    /// The link is gone, for both sides.
    fn close(&mut self, config: &Config) -> Result<(), Rule> {
        let was_connected = self.client.is_connected();
        self.client.closed(NOW);
        self.server.cut(config.version);
        self.up.clear();
        self.down.clear();
        if let Some(Packet::Publish { message, qos: 0, .. }) = self.half.take() {
            self.flow(message)?.ended = true; // what was half sent is not sent again
        }
        for flow in self.app.flows.iter_mut().filter(|flow| !flow.ended) {
            flow.on_link = false;
            flow.owes_release = flow.released;
            if flow.kind == SUBSCRIBE && flow.begun {
                flow.outcome = Some(Cause::Unknown);
            }
        }
        let ends_session = self.app.clean && config.version != Version::V5;
        if was_connected && ends_session || !was_connected && self.app.clean && self.app.connect_out {
            self.app.belief = None;
        }
        // A QoS 1 handle is good for its link; the server delivers again.
        for held in self.app.held.iter().filter(|held| held.qos == 1) {
            let pending = held.source.handle().ok_or(Rule::D8AckAfterDelivery)?;
            let before = self.client.clone();
            let refused = self.client.acknowledge(NOW, pending, &Ack::SUCCESS).is_err();
            hold(refused && self.client == before, Rule::G5ErrorChangesNothing)?;
        }
        self.app.held.retain(|held| held.qos == 2);
        self.app.answerable.clear();
        self.fetch_outcomes()
    }

    /// What holds in every state.
    fn check(&self, config: &Config) -> Result<(), Rule> {
        let unfinished = self.app.flows.iter().filter(|flow| !flow.ended).count();
        hold(self.client.pending() == unfinished, Rule::Pending)?;
        if self.client.is_connected() {
            let quota = usize::from(self.client.send_quota());
            hold(quota <= self.window(config).saturating_sub(self.in_flight()), Rule::F3Quota)?;
        }
        Ok(())
    }

    /// From here on nothing breaks any more and nothing new comes: everything must come to its end. Gives the steps to there, and what is wrong.
    pub fn drain(&self, config: &Config, trace: &mut dyn FnMut(Action)) -> Result<(), String> {
        let mut state = self.clone();
        for _ in 0..50 {
            let mut moved = false;
            if !state.is_open() {
                let window = config.windows[0];
                state.run(config, Action::Open { clean: state.app.must_clean, window }, trace)?;
                moved = true;
            }
            for action in [Action::Acknowledge(0), Action::Send, Action::ArriveUp, Action::ArriveDown] {
                while (action != Action::Acknowledge(0) || !state.app.held.is_empty())
                    && state.run(config, action, trace)?
                {
                    moved = true;
                    if action == Action::ArriveDown {
                        break;
                    }
                }
            }
            if !moved {
                return state.is_settled(config);
            }
        }
        Err("it never comes to rest".into())
    }

    fn run(&mut self, config: &Config, action: Action, trace: &mut dyn FnMut(Action)) -> Result<bool, String> {
        let happened = self.apply(config, action);
        if happened {
            trace(action);
        }
        match self.broken {
            None => Ok(happened),
            Some(rule) => Err(format!("{rule:?}: {}", rule.text())),
        }
    }

    /// At rest: everything has ended, everything has arrived, everything is free.
    fn is_settled(&self, config: &Config) -> Result<(), String> {
        let demand = |condition: bool, text: &str| if condition { Ok(()) } else { Err(text.to_string()) };
        demand(self.client.is_connected(), "the client is not connected")?;
        demand(self.client.is_idle() && self.client.pending() == 0, "the client is not idle")?;
        demand(usize::from(self.client.send_quota()) == self.window(config), "the quota did not come back")?;
        let session = self.server.session.as_ref().ok_or("the server has no session")?;
        demand(session.held.is_empty(), "a QoS 2 message was never released")?;
        demand(session.outbound.is_empty(), "a message to the client was never finished")?;
        for (message, flow) in self.app.flows.iter().enumerate() {
            demand(flow.ended, "a message has no end")?;
            let (taken, released) = (self.server.taken[message], self.server.released[message]);
            match flow.kind {
                1 if !flow.refused && !flow.lost => demand(taken >= 1, "a QoS 1 message was lost")?,
                2 if !flow.refused && !flow.lost => {
                    demand(taken == 1 && released == 1, "a QoS 2 message did not arrive exactly once")?;
                }
                2 if flow.refused && !flow.lost => {
                    demand(taken == 0 && released == 0, "a refused message was released")?;
                }
                1 | 2 if !flow.refused && !config.abort => demand(taken >= 1, "a message was lost with its session")?,
                _ => {}
            }
        }
        for message in 0..self.server.sent {
            let is_gone = self.server.gone >> message & 1 != 0 || self.is_qos0(message);
            let delivered = self.app.delivered[usize::from(message)];
            demand(is_gone || delivered >= 1, "a message to the client was lost")?;
        }
        Ok(())
    }

    /// Everything that could happen did, and everything has ended.
    pub fn is_spent(&self, config: &Config) -> bool {
        let Budget { up, subscribe, down, cuts, .. } = self.left;
        (up, subscribe, down, cuts) == ([0; 3], 0, [0; 3], 0)
            && self.broken.is_none()
            && self.is_settled(config).is_ok()
    }

    fn is_qos0(&self, message: u8) -> bool {
        self.server.qos0 >> message & 1 != 0
    }
}

/// An event, as far as it matters here.
#[derive(Clone, Copy, Debug)]
enum Seen {
    Nothing,
    ConnAck(SessionState),
    /// The message, and whether it came with a handle.
    Message(u8, bool),
    /// The end of a message or request.
    Ended(u64),
}

impl Seen {
    fn from(event: &Event<'_>) -> Option<Self> {
        Some(match event {
            Event::ConnAck(connack) => Self::ConnAck(connack.session),
            Event::Message(message) => Self::Message(*message.payload.first()?, message.ack.is_some()),
            Event::PubAck(end) | Event::PubRec(end) | Event::PubComp(end) => Self::Ended(end.handle.get()),
            Event::SubAck(answered) => Self::Ended(answered.handle.get()),
            _ => return None,
        })
    }
}
