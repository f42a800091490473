//! The state of the model: the real client, a server, the link between them, and what the application knows.

mod app;
mod arriving;
mod commands;
mod leaving;
mod power;
mod rest;
mod time;

use crate::config::{Budget, Config};
use crate::device::{Client, Memory, NOW};
use crate::packet::Packet;
use crate::rules::Rule;
use crate::server::Server;
use app::{App, Flow};
use pure_mqtt::{Instant, Version};
use std::collections::VecDeque;

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
    /// All records of the journal become durable.
    Store,
    /// From now on the transport takes nothing.
    Stall,
    /// It takes bytes again.
    Flow,
    /// Time passes until the client wants to be woken.
    Wait,
    /// The transport takes the client's next packet, and doesn't say so yet.
    SendLate,
    /// It says so.
    Confirm,
    /// CONNACK is lost, and so is all else that the server sends on this link.
    LoseConnAck,
    /// The application ends the link.
    Disconnect,
    /// The device loses its power, while a record was being written if there is one.
    Outage,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State<M: Memory> {
    pub client: Client<M>,
    /// The client's durable memory.
    log: Vec<u8>,
    server: Server,
    up: VecDeque<Packet>,
    down: VecDeque<Packet>,
    /// The first byte of this packet is out.
    half: Option<Packet>,
    /// The transport took this, and the client doesn't know yet.
    shown: Option<Shown>,
    /// The transport takes nothing.
    stalled: bool,
    /// Nothing of the server's arrives on this link.
    deaf: bool,
    now: Instant,
    /// What the server is going to name as its Receive Maximum.
    window: u16,
    app: App<M>,
    left: Budget,
    pub broken: Option<Rule>,
}

/// What the transport took without the client's knowledge.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Shown {
    packet: Packet,
    bytes: Vec<u8>,
    /// It is a PUBREL that did not leave before.
    is_first: bool,
}

/// Whether something happened.
type Checked = Result<bool, Rule>;

impl<M: Memory> State<M> {
    pub fn new(config: &Config) -> Self {
        Self {
            client: Client::new(config.limits()),
            log: Vec::new(),
            server: Server::default(),
            up: VecDeque::new(),
            down: VecDeque::new(),
            half: None,
            shown: None,
            stalled: false,
            deaf: false,
            now: NOW,
            window: 0,
            app: App::new(),
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
            if self.shown.is_some() {
                actions.push(Action::Confirm);
            } else if !self.stalled {
                actions.push(Action::Send);
                if left.halves > 0 && self.half.is_none() {
                    actions.push(Action::SendFirstByte);
                }
                if left.lates > 0 && self.half.is_none() {
                    actions.push(Action::SendLate);
                }
            }
            if (self.stalled || self.deaf) && (self.shown.is_none() || config.late_over_end) {
                actions.push(Action::Wait);
            }
            if self.stalled {
                actions.push(Action::Flow);
            } else if left.stalls > 0 {
                actions.push(Action::Stall);
            }
            if left.lost_connacks > 0 && self.may_cut() && matches!(self.down.front(), Some(Packet::ConnAck { .. })) {
                actions.push(Action::LoseConnAck);
            }
            if left.disconnects > 0 {
                actions.push(Action::Disconnect);
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
        if !self.client.waiting().is_empty() {
            actions.push(Action::Store);
        }
        if left.outages > 0 && self.may_lose_power() {
            actions.push(Action::Outage);
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
        self.app.clean || !self.app.session.is_any() || !self.down.iter().any(is_news)
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
                if !self.deaf {
                    self.down.extend(sent);
                }
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
            Action::ArriveUp => self.arrive_up(config, false),
            Action::ArriveUpRefused => {
                self.left.refusals -= 1;
                if self.server.may_refuse(self.up.front()) { self.arrive_up(config, true) } else { Ok(false) }
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
            Action::Stall => {
                self.left.stalls -= 1;
                self.stalled = true;
                Ok(true)
            }
            Action::Flow => Ok(std::mem::take(&mut self.stalled)),
            Action::Wait => self.wait(config),
            Action::SendLate => {
                self.left.lates -= 1;
                self.send_late(config)
            }
            Action::Confirm => self.confirm(config),
            Action::LoseConnAck => {
                self.left.lost_connacks -= 1;
                self.down.clear();
                self.deaf = true;
                Ok(true)
            }
            Action::Disconnect => {
                self.left.disconnects -= 1;
                let happened = self.disconnect()?;
                if happened && self.client.should_close() {
                    self.close(config)?;
                }
                Ok(happened)
            }
            Action::Store => self.store(config),
            Action::Outage => {
                self.left.outages -= 1;
                self.lose_power(config)
            }
        }
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
}
