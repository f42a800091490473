//! A world, and how time passes in it.

use crate::broker::{End, Realm, Server};
use crate::character;
use crate::features::{Feature, Set};
use crate::hosts::Host;
use crate::ledger::{Ledger, Message, Verdict};
use crate::net::Link;
use fastrand::Rng;
use pure_mqtt::Version;

pub struct World {
    pub now: u64,
    pub rng: Rng,
    pub has: Set,
    pub acted: Set,
    pub hosts: Vec<Host>,
    pub servers: Vec<Server>,
    pub realms: Vec<Realm>,
    pub links: Vec<Link>,
    pub ends: Vec<End>,
    pub ledger: Ledger,
    /// All faults are off.
    pub heals: bool,
    pub lines: Option<Vec<String>>,
}

/// When the wall clock began, in seconds.
pub const WALL: u64 = 1_700_000_000;
/// So many rounds may pass at one moment.
const MOST_ROUNDS: u32 = 20_000;

impl World {
    pub fn new(seed: u64, has: Set, tells: bool) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x5EED_0002);
        let (servers, realms) = character::servers(&mut rng, has);
        let hosts = character::hosts(&mut rng, has, servers.len());
        Self {
            now: 0,
            rng,
            has,
            acted: Set::default(),
            hosts,
            servers,
            realms: (0..realms).map(|_| Realm::default()).collect(),
            links: Vec::new(),
            ends: Vec::new(),
            ledger: Ledger::default(),
            heals: false,
            lines: tells.then(Vec::new),
        }
    }

    pub fn act(&mut self, feature: Feature) {
        self.acted.add(feature);
    }

    pub fn say(&mut self, line: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>8} {}", self.now, line()));
        }
    }

    /// Everything up to this moment happens.
    pub fn run_until(&mut self, until: u64) -> Verdict {
        loop {
            self.settle()?;
            match self.next_time() {
                Some(at) if at <= until => self.now = at.max(self.now),
                _ => break,
            }
        }
        self.now = self.now.max(until);
        self.settle()
    }

    /// Everything that can happen at this moment.
    fn settle(&mut self) -> Verdict {
        self.hosts.iter_mut().for_each(|host| host.busy = 0);
        for _ in 0..MOST_ROUNDS {
            if !self.round()? {
                return Ok(());
            }
        }
        Err("it never comes to rest at one moment".into())
    }

    fn round(&mut self) -> Verdict<bool> {
        let mut is_busy = false;
        for host in 0..self.hosts.len() {
            is_busy |= self.turn_host(host)?;
        }
        for link in 0..self.links.len() {
            is_busy |= self.turn_link(link)?;
        }
        Ok(is_busy)
    }

    fn turn_link(&mut self, link: usize) -> Verdict<bool> {
        let mut is_busy = self.hand_over(link);
        if let Some(bytes) = self.links[link].up.pop(self.now) {
            self.serve(link, &bytes)?;
            is_busy = true;
        }
        let is_read = self.links[link].up.next().is_none();
        if self.links[link].is_closed_here
            && is_read
            && self.links[link].closed_there.is_none()
            && !self.links[link].is_dead
        {
            self.hang_up(link);
            is_busy = true;
        }
        Ok(is_busy)
    }

    fn next_time(&self) -> Option<u64> {
        let hosts = self.hosts.iter().filter_map(Host::next_time);
        let links = self.links.iter().flat_map(|link| {
            let wants = !link.is_over() && self.hosts[link.host].agent.wants_input();
            let down = link.down.next().or(link.closed_there.filter(|_| !link.is_dead)).filter(|_| wants);
            [link.up.next(), down]
        });
        hosts.chain(links.flatten()).filter(|at| *at > self.now).min()
    }

    /// Bytes as they go: in one piece, or in several.
    pub fn pieces(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        if !self.has.has(Feature::Pieces) || bytes.len() < 2 || self.rng.bool() {
            return vec![bytes.to_vec()];
        }
        self.act(Feature::Pieces);
        let place = self.rng.usize(1..bytes.len());
        let (one, other) = bytes.split_at(place);
        vec![one.to_vec(), other.to_vec()]
    }

    /// A server has accepted a link of this agent.
    pub fn note_accepted(&mut self, index: usize, realm: usize, server: usize, version: Version, is_resumed: bool) {
        self.act(match version {
            Version::V31 => Feature::V31,
            Version::V311 => Feature::V311,
            _ => Feature::V5,
        });
        let others = self.hosts.iter().enumerate().filter(|(other, host)| *other != index && host.agent.is_connected());
        let id = &self.hosts[index].options.client_id;
        if others.filter(|(_, host)| host.options.client_id != *id).count() > 0 {
            self.act(Feature::SeveralHosts);
        }
        let host = &mut self.hosts[index];
        let is_elsewhere = host.last_server.is_some_and(|last| last != server);
        let was_there = host.all_realms.contains(&realm);
        let is_new_realm = !host.all_realms.is_empty() && !was_there;
        host.realms.insert(realm);
        host.all_realms.insert(realm);
        host.last_server = Some(server);
        host.accepted += 1;
        host.is_fresh = !is_resumed;
        if host.options.limits.max_inflight == 1 {
            self.act(Feature::OneInFlight);
        }
        if self.hosts[index].options.redial == pure_mqtt_agent::Redial::Host {
            self.act(Feature::HostRedial);
        }
        if self.has.has(Feature::Cluster) {
            self.act(Feature::Cluster);
        }
        if is_new_realm {
            self.act(Feature::TwoRealms);
        }
        if is_elsewhere && is_resumed {
            self.act(Feature::SharedRealm);
        }
        if !is_resumed {
            self.hosts[index].is_unseen = true;
            let ours = |message: &&mut Message| message.from.is_some_and(|(from, _)| from == index);
            for message in self.ledger.messages.values_mut().filter(ours) {
                message.session_was_lost |= message.end.is_none() || message.is_request;
            }
        }
    }

    /// What is open although everything is well.
    pub fn pending(&self) -> Vec<String> {
        let mut open = Vec::new();
        for (index, host) in self.hosts.iter().enumerate().filter(|(_, host)| !host.is_done) {
            open.extend(host.pending().iter().map(|line| format!("host {index}: {line}")));
            if !host.agent.is_connected() {
                open.push(format!("host {index}: not connected, {:?}", host.agent.stats().last_end));
            }
        }
        for session in
            self.realms.iter().flat_map(|realm| realm.sessions.values()).filter(|session| session.link.is_some())
        {
            let messages = session.flight.iter().chain(&session.queue);
            open.extend(messages.map(|out| format!("server: {} for {:?} is not taken", out.number, out.filters)));
        }
        open
    }
}
