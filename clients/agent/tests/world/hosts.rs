//! The faces: each has an agent, brings its transports up, keeps its log, and has a program above it.

use crate::features::Feature;
use crate::ledger::{Verdict, number_of, numbers_in};
use crate::life::World;
use crate::net::{Link, Pipe};
use pure_mqtt::{QoS, ReasonCode, TopicFilter, TopicName};
use pure_mqtt_agent::{
    AckToken, Action, Agent, Bytes, End, Event, FailureClass, Instant, LinkId, Login, OnStoreFailure, Options,
    Receiver, ServerId, SessionFate, SrvTarget, Ticket, Wake,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub struct Host {
    pub options: Options,
    pub agent: Agent,
    /// How often the power was lost.
    pub life: u32,
    pub receivers: Vec<Inbox>,
    pub default: Option<Receiver>,
    pub link: Option<usize>,
    dials: Vec<Attempt>,
    resolves: Vec<(u64, ServerId)>,
    pub store: Store,
    pub tickets: BTreeMap<Ticket, What>,
    /// Messages that found no room.
    pub backlog: VecDeque<(u64, String, u8, usize)>,
    /// The program has disconnected, or the agent doesn't dial by itself.
    pub is_down: bool,
    pub is_shut: bool,
    pub is_done: bool,
    pub dials_at: VecDeque<u64>,
    /// Realms that the agent's session may be of.
    pub realms: BTreeSet<usize>,
    pub all_realms: BTreeSet<usize>,
    pub last_server: Option<usize>,
    /// Links in this life that were accepted; the latest began a new session.
    pub accepted: u32,
    pub is_fresh: bool,
    /// The agent knows of a session.
    pub is_told: bool,
    /// The server has begun a new session, and the agent was not told.
    pub is_unseen: bool,
    /// The program has forgotten a session that the server may still have.
    pub has_forgotten: bool,
    pub ids: Vec<LinkId>,
    pub recovered: BTreeSet<Ticket>,
    pub busy: u32,
}

/// A dial under way.
struct Attempt {
    due: u64,
    id: LinkId,
    server: ServerId,
    is_elsewhere: bool,
    failure: Option<(FailureClass, Option<Instant>)>,
    is_given_up: bool,
}

/// What a ticket stands for.
#[derive(Debug, Clone)]
pub enum What {
    Message(u64),
    Subscribe(Vec<String>),
    Unsubscribe,
    Flush(Vec<u64>),
    Request(u64),
}

/// A receiver of the program.
pub struct Inbox {
    pub id: Receiver,
    pub is_alive: bool,
    pub is_awake: bool,
    pace: u64,
    next_at: u64,
    /// Filters, since when they are wanted.
    pub wants: BTreeMap<String, u64>,
    pub ever: BTreeSet<String>,
    tokens: Vec<(u64, u64, AckToken)>,
    current: Option<u64>,
    pub done: BTreeSet<u64>,
    twos: BTreeMap<u64, u32>,
    is_default: bool,
    /// The latest message by topic, QoS and link.
    pub latest: BTreeMap<(String, u8, u32), u64>,
}

#[derive(Default)]
pub struct Store {
    pub is_on: bool,
    pub durable: Vec<u8>,
    writes: VecDeque<Write>,
}

struct Write {
    due: u64,
    bytes: Vec<u8>,
    sequence: u64,
    is_snapshot: bool,
    fails: bool,
}

impl Inbox {
    pub fn new(id: Receiver, pace: u64, is_default: bool) -> Self {
        let (wants, ever, tokens, done, twos, latest) = Default::default();
        let (is_alive, is_awake, next_at, current) = (true, false, 0, None);
        Self { id, is_alive, is_awake, pace, next_at, wants, ever, tokens, current, done, twos, is_default, latest }
    }

    fn next_time(&self) -> Option<u64> {
        let next = (self.is_alive && self.is_awake).then_some(self.next_at);
        self.tokens.iter().map(|(due, ..)| *due).chain(next).min()
    }

    /// The receiver is dropped; what it has taken may still be acknowledged.
    pub fn drop_it(&mut self) {
        self.is_alive = false;
        self.wants.clear();
    }
}

impl Host {
    pub fn new(options: Options, agent: Agent) -> Self {
        let (store, receivers, dials, resolves, tickets, backlog) = Default::default();
        let (dials_at, realms, all_realms, ids, recovered) = Default::default();
        let is_down = options.redial == pure_mqtt_agent::Redial::Host;
        Self {
            options,
            agent,
            life: 0,
            receivers,
            default: None,
            link: None,
            dials,
            resolves,
            store,
            tickets,
            backlog,
            is_down,
            is_shut: false,
            is_done: false,
            dials_at,
            realms,
            all_realms,
            last_server: None,
            accepted: 0,
            is_fresh: false,
            is_told: false,
            is_unseen: false,
            has_forgotten: false,
            ids,
            recovered,
            busy: 0,
        }
    }

    /// When the host has something to do by itself.
    pub fn next_time(&self) -> Option<u64> {
        let dials = self.dials.iter().map(|attempt| attempt.due);
        let resolves = self.resolves.iter().map(|(due, _)| *due);
        let writes = self.store.writes.front().map(|write| write.due);
        let inboxes = self.receivers.iter().filter_map(Inbox::next_time);
        dials
            .chain(resolves)
            .chain(writes)
            .chain(inboxes)
            .chain(self.agent.poll_timeout().map(Instant::as_millis))
            .min()
    }

    /// Whether all that it waits for has come.
    pub fn pending(&self) -> Vec<String> {
        let mut open = Vec::new();
        open.extend(self.tickets.iter().map(|(ticket, what)| format!("ticket {ticket}: {what:?}")));
        open.extend(self.backlog.iter().map(|(number, ..)| format!("message {number} finds no room")));
        let stats = self.agent.stats();
        if stats.unfinished > 0 || stats.unacknowledged > 0 {
            open.push(format!("{} unfinished, {} unacknowledged", stats.unfinished, stats.unacknowledged));
        }
        open
    }

    /// The power is lost: what is left of the log. The last write may be there in part.
    pub fn lose_power(&mut self, rng: &mut fastrand::Rng, tears: bool) -> (Vec<u8>, bool) {
        let mut log = std::mem::take(&mut self.store.durable);
        let mut is_torn = false;
        if let Some(write) =
            self.store.writes.pop_front().filter(|write| tears && !write.is_snapshot && !write.bytes.is_empty())
        {
            let part = rng.usize(0..write.bytes.len());
            log.extend_from_slice(&write.bytes[..part]);
            is_torn = part > 0;
        }
        self.store.writes.clear();
        (log, is_torn)
    }
}

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

    fn on_action(&mut self, index: usize, action: Action) -> Verdict {
        match action {
            Action::Resolve { server } => {
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

    fn draw_attempt(&mut self, id: LinkId, server: ServerId, is_elsewhere: bool) -> Attempt {
        let fails = self.has.has(Feature::DialFails) && !self.heals && self.rng.u8(0..5) < 2;
        let wait = self.rng.u64(1..30_000);
        let not_before =
            (self.has.has(Feature::NotBefore) && self.rng.bool()).then(|| self.instant().after_millis(wait));
        const CLASSES: [FailureClass; 4] =
            [FailureClass::Passing, FailureClass::Credentials, FailureClass::Certificate, FailureClass::Lasting];
        let class = CLASSES[self.rng.usize(0..6).saturating_sub(2)];
        let slow = if self.rng.u8(0..8) == 0 && !self.heals { 40_000 } else { 200 };
        let due = self.now + self.rng.u64(0..slow);
        let failure = fails.then_some((class, not_before));
        Attempt { due, id, server, is_elsewhere, failure, is_given_up: false }
    }

    fn close(&mut self, index: usize, id: LinkId) {
        let hostile = self.has.has(Feature::HostileFace);
        let host = &mut self.hosts[index];
        host.dials.iter_mut().filter(|attempt| attempt.id == id).for_each(|attempt| attempt.is_given_up = true);
        host.dials.retain(|attempt| hostile || attempt.id != id); // a hostile face answers all the same
        if let Some(link) = host.link.filter(|link| self.links[*link].id == id) {
            host.link = None;
            self.links[link].is_closed_here = true;
        }
    }

    fn finish_dials(&mut self, index: usize) -> Verdict<bool> {
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

    fn finish_dial(&mut self, index: usize, attempt: &Attempt) {
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
            true => self.node_beside(index, attempt.server.0.into()),
            false => self.hosts[index].options.servers.len().min(1) * usize::from(attempt.server.0),
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
    fn node_beside(&mut self, _index: usize, server: usize) -> usize {
        let realm = self.servers[server].realm;
        let nodes: Vec<usize> = (0..self.servers.len()).filter(|one| self.servers[*one].realm == realm).collect();
        nodes[self.rng.usize(0..nodes.len())]
    }

    fn transmit(&mut self, index: usize) -> bool {
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

    fn take_log(&mut self, index: usize) -> bool {
        let Some((bytes, sequence)) = self.hosts[index].agent.take_log() else { return false };
        let slow = self.has.has(Feature::SlowStore) && !self.heals;
        let due = self.now + if slow { self.rng.u64(0..300) } else { 0 };
        let fails = self.has.has(Feature::StoreFails) && !self.heals && self.rng.u8(0..60) == 0;
        self.write(index, Write { due, bytes, sequence, is_snapshot: false, fails });
        true
    }

    fn write(&mut self, index: usize, mut write: Write) {
        if let Some(before) = self.hosts[index].store.writes.back() {
            write.due = write.due.max(before.due);
        }
        self.hosts[index].store.writes.push_back(write);
    }

    fn compact(&mut self, index: usize) {
        let mut bytes = Vec::new();
        if let Some(sequence) = self.hosts[index].agent.snapshot(&mut |piece| bytes.extend_from_slice(piece)) {
            let slow = self.has.has(Feature::SlowStore) && !self.heals;
            let due = self.now + if slow { self.rng.u64(0..500) } else { 1 };
            let fails = self.has.has(Feature::StoreFails) && !self.heals && self.rng.u8(0..3) == 0;
            self.write(index, Write { due, bytes, sequence, is_snapshot: true, fails });
        }
    }

    fn finish_writes(&mut self, index: usize) -> Verdict<bool> {
        let now = self.instant();
        let mut is_busy = false;
        while self.hosts[index].store.writes.front().is_some_and(|write| write.due <= self.now) {
            is_busy = true;
            let Some(write) = self.hosts[index].store.writes.pop_front() else { break };
            let host = &mut self.hosts[index];
            if write.fails {
                host.store.writes.clear();
                host.agent.store_failed(now);
                self.act(Feature::StoreFails);
                if !write.is_snapshot && self.has.has(Feature::HostileFace) && self.rng.bool() {
                    self.hosts[index].agent.store_failed(now);
                }
                continue;
            }
            for number in numbers_in(&write.bytes) {
                if let Ok(message) = self.ledger.get(number) {
                    message.is_durable = true;
                }
            }
            match write.is_snapshot {
                true => {
                    host.store.durable = write.bytes;
                    host.agent.log_replaced(now, write.sequence);
                }
                false => {
                    host.store.durable.extend_from_slice(&write.bytes);
                    host.agent.stored(now, write.sequence);
                }
            }
            self.act(Feature::Durable);
            if self.has.has(Feature::SlowStore) {
                self.act(Feature::SlowStore);
            }
        }
        Ok(is_busy)
    }

    fn on_wake(&mut self, index: usize, wake: Wake) -> Verdict {
        match wake {
            Wake::Room => {
                self.say(|| format!("host {index}: room"));
                let backlog = std::mem::take(&mut self.hosts[index].backlog);
                for (number, topic, qos, length) in backlog {
                    self.publish_again(index, number, &topic, qos, length)?;
                }
            }
            Wake::Ticket(ticket) => {
                if let Some(end) = self.hosts[index].agent.take_end(ticket) {
                    self.on_ticket(index, ticket, end)?;
                }
            }
            Wake::Receiver(receiver) => {
                let mut inboxes = self.hosts[index].receivers.iter_mut();
                if let Some(inbox) = inboxes.find(|inbox| inbox.id == receiver) {
                    inbox.is_awake = true;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn on_ticket(&mut self, index: usize, ticket: Ticket, end: End) -> Verdict {
        self.say(|| format!("host {index}: ticket {ticket} {end:?}"));
        let Some(what) = self.hosts[index].tickets.remove(&ticket) else {
            return Err(format!("ticket {ticket} has an end that nobody asked for, or a second one: {end:?}"));
        };
        match what {
            What::Message(number) => self.judge_end(index, number, end),
            What::Request(number) => self.on_request_end(index, ticket, number, end),
            What::Flush(numbers) => {
                self.act(Feature::Flushes);
                for number in numbers.into_iter().filter(|_| matches!(end, End::Acknowledged(_))) {
                    let message = self.ledger.get(number)?;
                    if message.end.is_none() && !message.is_forgotten && !message.is_request {
                        return Err(format!("a flush ended before message {number}"));
                    }
                }
                Ok(())
            }
            What::Subscribe(filters) => {
                let refused = filters.iter().any(|filter| filter.starts_with("no/") || filter.starts_with("poison"));
                match end {
                    End::Refused(reason) if !refused && reason != ReasonCode::UNSPECIFIED_ERROR => {
                        Err(format!("{filters:?} were refused by nobody"))
                    }
                    _ => Ok(()),
                }
            }
            What::Unsubscribe => Ok(()),
        }
    }

    fn on_request_end(&mut self, index: usize, ticket: Ticket, number: u64, end: End) -> Verdict {
        self.ledger.get(number)?.end = Some(end);
        if !matches!(end, End::Acknowledged(_)) {
            return Ok(());
        }
        self.act(Feature::Requests);
        let reply = self.hosts[index].agent.take_reply(ticket).ok_or("a request ended without its reply")?;
        let payload = String::from_utf8_lossy(&reply.payload).into_owned();
        match payload.ends_with(&format!("re {number}")) {
            true => Ok(()),
            false => Err(format!("the request {number} got the reply {payload}")),
        }
    }

    pub fn on_event(&mut self, index: usize, event: Event) -> Verdict {
        match event {
            Event::LinkUp { server, session, .. } => {
                self.hosts[index].is_unseen &= session == SessionFate::Resumed;
                let realm = self.servers[usize::from(server.0)].realm;
                self.hosts[index].realms = BTreeSet::from([realm]);
                self.hosts[index].is_told = true;
            }
            Event::LinkDown { next_dial, .. } => {
                let host = &mut self.hosts[index];
                host.is_down |= next_dial.is_none() && !host.is_shut && host.store.writes.is_empty();
            }
            Event::Recovered { ticket, tag } => {
                self.hosts[index].recovered.insert(ticket);
                self.on_recovered(index, ticket, tag)?;
            }
            Event::Suspect { ticket, .. } if self.rng.bool() && self.has.has(Feature::Withdraws) => {
                self.withdraw(index, ticket)?;
            }
            Event::StoreFailed if self.hosts[index].options.on_store_failure == OnStoreFailure::GoOnVolatile => {
                self.act(Feature::Volatile);
            }
            Event::Done => self.hosts[index].is_done = true,
            Event::Unrouted(message) => {
                number_of(&message.payload)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The program takes and acknowledges messages.
    fn receive(&mut self, index: usize) -> Verdict<bool> {
        let mut is_busy = false;
        for place in 0..self.hosts[index].receivers.len() {
            let now = self.now;
            let inbox = &mut self.hosts[index].receivers[place];
            if let Some(token) = inbox.tokens.iter().position(|(due, ..)| *due <= now) {
                let (_, number, token) = inbox.tokens.swap_remove(token);
                inbox.done.insert(number);
                let reason = if number % 5 == 0 { ReasonCode(0x80) } else { ReasonCode::SUCCESS };
                self.hosts[index].agent.acknowledge(Instant::from_millis(now), token, reason);
                self.act(Feature::Manual);
                is_busy = true;
            }
            let inbox = &self.hosts[index].receivers[place];
            if inbox.is_alive && inbox.is_awake && inbox.next_at <= now {
                is_busy = true;
                self.take_message(index, place)?;
            }
        }
        Ok(is_busy)
    }

    fn take_message(&mut self, index: usize, place: usize) -> Verdict {
        let now = self.instant();
        let host = &mut self.hosts[index];
        let inbox = &mut host.receivers[place];
        inbox.done.extend(inbox.current.take());
        let Some(mut message) = host.agent.next(now, inbox.id) else {
            inbox.is_awake = false;
            return Ok(());
        };
        let number = number_of(&message.payload)?;
        let pace = if self.heals { 0 } else { inbox.pace };
        inbox.next_at = self.now + pace;
        match message.ack.take() {
            Some(token) => {
                let never = self.has.has(Feature::NeverAcks) && self.rng.u8(0..6) == 0;
                let wait = if never { 10_000_000 } else { self.rng.u64(0..2_000) * u64::from(self.rng.bool()) };
                inbox.tokens.push((self.now + if self.heals { 0 } else { wait }, number, token));
                if never {
                    self.act(Feature::NeverAcks);
                }
            }
            None => inbox.current = (message.qos != QoS::AtMostOnce).then_some(number),
        }
        if pace > 0 {
            self.act(Feature::Slow);
        }
        self.say(|| format!("host {index}: receiver {place} takes {number} of {}", message.topic));
        self.judge_memory(index)?;
        self.judge_received(index, place, number, &message)
    }

    /// From now on everybody acknowledges.
    pub fn hurry(&mut self) {
        for inbox in self.hosts.iter_mut().flat_map(|host| &mut host.receivers) {
            inbox.tokens.iter_mut().for_each(|(due, ..)| *due = self.now);
            inbox.next_at = self.now;
        }
        for host in &mut self.hosts {
            host.store.writes.iter_mut().for_each(|write| (write.due, write.fails) = (self.now, false));
            host.dials.iter_mut().for_each(|attempt| attempt.due = attempt.due.min(self.now + 200));
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

    /// Whether a filter matches a topic.
    pub fn matches(filter: &str, topic: &str) -> bool {
        let (filter, topic) = (TopicFilter::new(filter), TopicName::new(topic));
        matches!((filter, topic), (Ok(filter), Ok(topic)) if filter.matches(topic))
    }

    /// Whether this agent's log can be relied on.
    pub fn is_durable(&self, index: usize) -> bool {
        let host = &self.hosts[index];
        host.store.is_on
            && !(self.has.has(Feature::StoreFails) && host.options.on_store_failure == OnStoreFailure::GoOnVolatile)
    }

    pub fn is_judged_inbox(inbox: &Inbox) -> bool {
        !inbox.is_default
    }

    pub fn count_two(&mut self, index: usize, place: usize, number: u64) -> u32 {
        let count = self.hosts[index].receivers[place].twos.entry(number).or_default();
        *count += 1;
        *count
    }
}
