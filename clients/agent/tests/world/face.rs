//! What a face does: transports, and bytes.

use crate::features::Feature;
use crate::hosts::*;
use crate::ledger::*;
use crate::life::World;
use crate::net::{Link, Pipe};
use pure_mqtt_agent::*;

impl World {
    pub fn instant(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    /// One round for a host. Whether anything was done.
    pub fn turn_host(&mut self, index: usize) -> Verdict<bool> {
        let now = self.instant();
        let mut is_busy = false;
        let host = &mut self.hosts[index];
        if host.agent.poll_timeout().is_some_and(|at| at <= now) {
            host.agent.handle_timeout(now);
            is_busy = true;
            if host.agent.poll_timeout().is_some_and(|at| at <= now) && !host.agent.is_runnable() {
                return Err(format!("a deadline in the past: {:?}", host.agent.poll_timeout()));
            }
        }
        while let Some(action) = self.hosts[index].agent.poll_action() {
            is_busy = true;
            self.say(|| format!("host {index}: {action:?}"));
            self.on_action(index, action)?;
            self.hosts[index].busy += 1;
            if self.hosts[index].busy > 5_000 {
                return Err("actions without end at one moment".into());
            }
        }
        is_busy |= self.take_log(index);
        is_busy |= self.finish_dials(index)?;
        is_busy |= self.finish_writes(index)?;
        is_busy |= self.transmit(index);
        if self.hosts[index].agent.is_runnable() {
            is_busy = true;
            if let Some(event) = self.hosts[index].agent.step(now) {
                self.say(|| format!("host {index}: {event:?}"));
                self.on_event(index, event)?;
            }
        }
        while let Some(wake) = self.hosts[index].agent.poll_wake() {
            is_busy = true;
            self.on_wake(index, wake)?;
        }
        is_busy |= self.receive(index)?;
        Ok(is_busy)
    }

    pub fn on_action(&mut self, index: usize, action: Action) -> Verdict {
        match action {
            Action::Resolve { server, .. } => {
                self.act(Feature::Srv);
                let due = self.now + self.rng.u64(0..if self.heals { 10 } else { 1_500 });
                self.hosts[index].resolves.push((due, server));
            }
            Action::Dial { link, server, host, not_after, .. } => {
                if not_after.as_millis() <= self.now {
                    return Err("a dial that is over before it begins".into());
                }
                self.note_dial(index)?;
                let attempt = self.draw_attempt(link, server, host.is_some());
                self.hosts[index].ids.push(link);
                self.hosts[index].dials.push(attempt);
            }
            Action::Close { link } => self.close(index, link),
            Action::Compact => self.compact(index),
            _ => {}
        }
        Ok(())
    }

    pub fn draw_attempt(&mut self, id: LinkId, server: ServerId, is_elsewhere: bool) -> Attempt {
        let fails = self.has.has(Feature::DialFails) && !self.heals && self.rng.u8(0..5) < 2;
        let wait = self.rng.u64(1..30_000);
        let not_before =
            (self.has.has(Feature::NotBefore) && self.rng.bool()).then(|| self.instant().after_millis(wait));
        const CLASSES: [FailureClass; 4] =
            [FailureClass::Passing, FailureClass::Credentials, FailureClass::Certificate, FailureClass::Lasting];
        let class = CLASSES[self.rng.usize(0..6).saturating_sub(2)];
        let slow = if self.rng.u8(0..8) == 0 && !self.heals { 40_000 } else { 200 };
        let is_never = self.rng.u8(0..16) == 0 && !self.heals;
        let due = if is_never { NEVER } else { self.now + self.rng.u64(0..slow) };
        let failure = fails.then_some((class, not_before));
        Attempt { due, id, server, is_elsewhere, failure, is_given_up: false }
    }

    pub fn close(&mut self, index: usize, id: LinkId) {
        let hostile = self.has.has(Feature::HostileFace);
        let host = &mut self.hosts[index];
        host.dials.iter_mut().filter(|attempt| attempt.id == id).for_each(|attempt| attempt.is_given_up = true);
        host.dials.retain(|attempt| hostile || attempt.id != id); // a hostile face answers all the same
        if let Some(link) = host.link.filter(|link| self.links[*link].id == id) {
            host.link = None;
            self.links[link].is_closed_here = true;
        }
    }

    pub fn finish_dials(&mut self, index: usize) -> Verdict<bool> {
        let now = self.now;
        let mut is_busy = false;
        while let Some(place) = self.hosts[index].dials.iter().position(|attempt| attempt.due <= now) {
            is_busy = true;
            let attempt = self.hosts[index].dials.remove(place);
            self.finish_dial(index, &attempt);
        }
        while let Some(place) = self.hosts[index].resolves.iter().position(|(due, _)| *due <= now) {
            is_busy = true;
            let (_, server) = self.hosts[index].resolves.remove(place);
            let targets = [("one", 1, 5), ("two", 1, 0), ("three", 2, 9)];
            let some = if self.heals { 2 } else { self.rng.usize(0..4) };
            let target = |&(host, priority, weight)| SrvTarget { host, port: 1883, priority, weight };
            let targets: Vec<_> = targets.iter().take(some).map(target).collect();
            let ttl = [0, 1, 30, 86_400][self.rng.usize(0..4)];
            self.hosts[index].agent.resolved(Instant::from_millis(now), server, &targets, ttl);
        }
        Ok(is_busy)
    }

    pub fn finish_dial(&mut self, index: usize, attempt: &Attempt) {
        let now = self.instant();
        let agent = &mut self.hosts[index].agent;
        if let Some((class, not_before)) = attempt.failure {
            agent.dial_failed(now, attempt.id, class, "no route", not_before);
            self.act(Feature::DialFails);
            if not_before.is_some() {
                self.act(Feature::NotBefore);
            }
            return;
        }
        agent.dialed(now, attempt.id, &Login::default());
        if attempt.is_given_up {
            return self.act(Feature::HostileFace);
        }
        let server = match attempt.is_elsewhere {
            true => self.node_beside(index, self.hosts[index].place(attempt.server)),
            false => self.hosts[index].place(attempt.server),
        };
        let latency = self.rng.u64(0..60);
        let capacity = if self.has.has(Feature::Stall) { self.rng.usize(1..5_000) } else { 100_000 };
        let (up, down) = (Pipe::default(), Pipe::default());
        let link = Link {
            host: index,
            id: attempt.id,
            server,
            up,
            down,
            is_closed_here: false,
            closed_there: None,
            is_dead: false,
            capacity,
            latency,
        };
        self.links.push(link);
        self.ends.push(Default::default());
        self.hosts[index].link = Some(self.links.len() - 1);
    }

    /// Where a redirect or an SRV target leads: some server of the same realm.
    pub fn node_beside(&mut self, _index: usize, server: usize) -> usize {
        let realm = self.servers[server].realm;
        let nodes: Vec<usize> = (0..self.servers.len()).filter(|one| self.servers[*one].realm == realm).collect();
        nodes[self.rng.usize(0..nodes.len())]
    }

    pub fn transmit(&mut self, index: usize) -> bool {
        let now = self.instant();
        let Some(link) = self.hosts[index].link else { return false };
        let mut is_busy = false;
        loop {
            let room = match self.links[link].is_dead {
                true => 1_000_000,
                false => self.links[link].capacity.saturating_sub(self.links[link].up.len()),
            };
            let mut transmit = self.hosts[index].agent.transmit(now);
            let count = transmit.chunk().len().min(room);
            if count == 0 {
                return is_busy;
            }
            let bytes = transmit.chunk()[..count].to_vec();
            transmit.advance(count);
            is_busy = true;
            if !self.links[link].is_dead {
                let at = self.now + self.links[link].latency;
                for piece in self.pieces(&bytes) {
                    self.links[link].up.push(at, piece);
                }
            }
        }
    }

    /// Bytes of the transport, as many as the agent wants.
    pub fn hand_over(&mut self, link: usize) -> bool {
        let (host, id, now) = (self.links[link].host, self.links[link].id, self.instant());
        if self.links[link].is_over() || self.hosts[host].link != Some(link) {
            return false;
        }
        if !self.hosts[host].agent.wants_input() {
            self.act(Feature::SmallWaiting);
            return false;
        }
        if let Some(bytes) = self.links[link].down.pop(self.now) {
            self.hosts[host].agent.received(now, id, Bytes::from(bytes));
            return true;
        }
        let is_read = self.links[link].down.next().is_none();
        if is_read && self.links[link].closed_there.is_some_and(|at| at <= self.now) && !self.links[link].is_dead {
            self.links[link].is_closed_here = true;
            self.hosts[host].link = None;
            self.hosts[host].agent.closed(now, id, "closed by the server");
            return true;
        }
        false
    }

    /// From now on everybody acknowledges.
    pub fn hurry(&mut self) {
        for inbox in self.hosts.iter_mut().flat_map(|host| &mut host.receivers) {
            inbox.tokens.iter_mut().for_each(|(due, ..)| *due = self.now);
            inbox.next_at = self.now;
        }
        for host in &mut self.hosts {
            host.store.writes.iter_mut().for_each(|write| (write.due, write.fails) = (self.now, false));
            let answered = host.dials.iter_mut().filter(|attempt| attempt.due != NEVER);
            answered.for_each(|attempt| attempt.due = attempt.due.min(self.now + 200));
        }
    }
}
