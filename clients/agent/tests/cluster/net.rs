//! One agent and the nodes of a cluster, which share one session: no I/O, no clock.

use crate::common::Server;
use pure_mqtt::Properties;
use pure_mqtt::wire::{ConnAck, Packet};
use pure_mqtt_agent::{
    Action, Agent, Bytes, Event, FailureClass, Instant, LinkId, Login, Options, Realm, ReasonCode, ServerId, Version,
};

/// The realm of the first node: names of nodes and places in the list are different things.
pub const FIRST: u64 = 100;

/// What a node is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Serves,
    /// Its port is closed.
    Dead,
    /// The kernel accepts connections, and nothing answers.
    Frozen,
    /// It answers CONNECT with this code of 5.0, and a Server Reference with some of them.
    Refuses(ReasonCode),
}

pub struct Cluster {
    pub agent: Agent,
    pub options: Options,
    /// The session.
    pub server: Server,
    pub nodes: Vec<State>,
    pub link: Option<(LinkId, usize)>,
    pub now: Instant,
    pub events: Vec<Event>,
    /// Which node was dialled, and when.
    pub dials: Vec<(Instant, usize)>,
    pub log: Vec<u8>,
    /// The next turns lose what the server sends.
    pub loses_answers: bool,
}

/// The nodes as the settings name them.
pub fn listed(nodes: impl IntoIterator<Item = usize>) -> Vec<pure_mqtt_agent::Server> {
    let node = |number| pure_mqtt_agent::Server {
        cluster: Some(7),
        ..pure_mqtt_agent::Server::in_realm(Realm(FIRST + number as u64))
    };
    nodes.into_iter().map(node).collect()
}

impl Cluster {
    pub fn new(options: Options, nodes: usize) -> Self {
        let now = Instant::from_millis(0);
        let (server, events, dials, log) = Default::default();
        let agent = Agent::new(options.clone(), now, 0);
        let (nodes, link, loses_answers) = (vec![State::Serves; nodes], None, false);
        Self { agent, options, server, nodes, link, now, events, dials, log, loses_answers }
    }

    /// The program ends without a word and begins again with its log.
    pub fn restart(&mut self, options: Options) {
        if self.link.take().is_some() {
            self.server.hang_up();
        }
        let (agent, used) = Agent::recover(options.clone(), self.now, 0, &self.log).unwrap();
        self.log.truncate(used);
        (self.agent, self.options) = (agent, options);
    }

    /// The node of an entry of the list.
    fn node(&self, id: ServerId) -> usize {
        (self.options.servers[usize::from(id.0)].realm.unwrap().0 - FIRST) as usize
    }

    /// The node that the link leads to.
    pub fn here(&self) -> usize {
        self.link.expect("there is a link").1
    }

    pub fn run(&mut self) {
        for _ in 0..100_000 {
            if !self.turn() {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    /// One step of everything that can go on; false if nothing can.
    pub fn turn(&mut self) -> bool {
        let mut is_busy = self.store();
        while let Some(action) = self.agent.poll_action() {
            is_busy = true;
            self.act(action);
        }
        is_busy |= self.exchange();
        while self.agent.is_runnable() {
            is_busy = true;
            self.events.extend(self.agent.step(self.now));
        }
        while self.agent.poll_wake().is_some() {}
        is_busy
    }

    fn store(&mut self) -> bool {
        let mut is_busy = false;
        while let Some((bytes, sequence)) = self.agent.take_log() {
            self.log.extend_from_slice(&bytes);
            self.agent.stored(self.now, sequence);
            is_busy = true;
        }
        is_busy
    }

    fn exchange(&mut self) -> bool {
        let Some((link, node)) = self.link else { return false };
        let mut bytes = Vec::new();
        let mut transmit = self.agent.transmit(self.now);
        while !transmit.chunk().is_empty() {
            let count = transmit.chunk().len();
            bytes.extend_from_slice(transmit.chunk());
            transmit.advance(count);
        }
        let answer = match self.nodes[node] {
            State::Serves => {
                self.server.input(&bytes);
                self.server.take_output()
            }
            State::Refuses(reason) if !bytes.is_empty() => refusal(self.agent.version(), reason),
            _ => Vec::new(),
        };
        let is_busy = !bytes.is_empty() || !answer.is_empty();
        if !answer.is_empty() && !self.loses_answers {
            self.agent.received(self.now, link, Bytes::from(answer));
        }
        is_busy
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Dial { link, server, .. } => {
                let node = self.node(server);
                self.dials.push((self.now, node));
                if self.nodes[node] == State::Dead {
                    return self.agent.dial_failed(self.now, link, FailureClass::Passing, "refused", None);
                }
                if self.nodes[node] == State::Serves {
                    self.server.hang_up();
                }
                self.link = Some((link, node));
                self.agent.dialed(self.now, link, &Login::default());
            }
            Action::Close { link } if self.link.is_some_and(|(own, _)| own == link) => {
                self.link = None;
                self.server.hang_up();
            }
            _ => {}
        }
    }

    /// The node is lost with everything that it had open.
    pub fn kill(&mut self, node: usize) {
        self.nodes[node] = State::Dead;
        if let Some((link, _)) = self.link.take_if(|(_, at)| *at == node) {
            self.server.hang_up();
            self.agent.closed(self.now, link, "connection reset by peer");
        }
    }

    /// The node sends its clients away.
    pub fn send_away(&mut self, node: usize, reason: ReasonCode) {
        let Some((link, _)) = self.link.filter(|(_, at)| *at == node) else { return };
        self.nodes[node] = State::Refuses(reason);
        self.server.hang_up();
        if self.options.version == Version::V5 {
            self.agent.received(self.now, link, Bytes::from(vec![0xE0, 1, reason.0]));
        }
        self.agent.closed(self.now, link, "closed by the server");
    }

    /// Lets time pass, by `millis`.
    pub fn pass(&mut self, millis: u64) {
        self.pass_until(millis, |_| false);
    }

    /// Lets time pass until something holds, up to `millis`; returns how much has passed.
    pub fn pass_until(&mut self, millis: u64, is_enough: impl Fn(&Self) -> bool) -> u64 {
        let (begin, until) = (self.now, self.now.after_millis(millis));
        loop {
            self.run();
            if is_enough(self) {
                return self.now.millis_since(begin);
            }
            let Some(at) = self.agent.poll_timeout().filter(|at| *at <= until) else { break };
            self.now = at.max(self.now);
            self.agent.handle_timeout(self.now);
        }
        self.now = until;
        self.agent.handle_timeout(until);
        self.run();
        millis
    }
}

fn refusal(version: Version, reason: ReasonCode) -> Vec<u8> {
    let code = if version == Version::V5 { reason.0 } else { 3 };
    let reference = [pure_mqtt::Property::ServerReference("elsewhere.example:1883")];
    let is_moved =
        version == Version::V5 && matches!(reason, ReasonCode::USE_ANOTHER_SERVER | ReasonCode::SERVER_MOVED);
    let properties = if is_moved { Properties::new(&reference) } else { Properties::NONE };
    let mut room = vec![0; 256];
    let connack = ConnAck { session_present: false, code, properties };
    let length = Packet::ConnAck(connack).encode(version, &mut room).unwrap();
    room.truncate(length);
    room
}
