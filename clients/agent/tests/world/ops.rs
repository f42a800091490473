//! What the program, the network and the servers do in a step.

use crate::features::Feature;
use crate::hosts::{Inbox, What};
use crate::ledger::Verdict;
use crate::life::World;
use crate::script::{Op, Step};
use fastrand::Rng;
use pure_mqtt::QoS;
use pure_mqtt_agent::{
    AckMode, Bytes, FailureClass, FilterOptions, Login, Outgoing, Qos0Queue, Refusal, Risk, ServerId, Ticket,
    Undelivered,
};

const TOPICS: [&str; 6] = ["a/1", "a/2", "b/1", "b/2/3", "no/x", "poison/x"];
/// With these a topic is poison.
const POISONS: [Feature; 3] = [Feature::Poison, Feature::PoisonRelease, Feature::MuteRelease];
const FILTERS: [&str; 8] = ["a/+", "a/1", "+/1", "a/#", "b/#", "b/1", "no/x", "poison/y"];

impl World {
    pub fn apply(&mut self, step: Step) -> Verdict {
        self.run_until(step.at)?;
        let mut rng = Rng::with_seed(step.seed);
        let index = rng.usize(0..self.hosts.len());
        self.say(|| format!("step {:?} host {index}", step.op));
        match step.op {
            Op::Publish => self.publish(index, &mut rng)?,
            Op::Subscribe => self.subscribe(index, &mut rng),
            Op::ServerPublish => self.server_publishes(index, 1, &mut rng),
            Op::Burst => self.server_publishes(index, 30, &mut rng),
            Op::Unsubscribe => self.unsubscribe(index, &mut rng),
            Op::DropReceiver => self.drop_receiver(index, &mut rng),
            Op::Request => self.request(index, &mut rng),
            Op::Flush => self.flush(index, &mut rng),
            Op::Withdraw => {
                if let Some(ticket) = self.some_ticket(index, &mut rng) {
                    self.withdraw(index, ticket)?;
                }
            }
            Op::Forget => self.forget(index, &mut rng)?,
            Op::Reclaim => self.reclaim(index)?,
            Op::Relink => {
                self.act(Feature::Relinks);
                let now = self.instant();
                self.hosts[index].agent.reconnect(now);
            }
            Op::Disconnect => {
                self.act(Feature::Disconnects);
                let now = self.instant();
                self.hosts[index].agent.disconnect(now);
                self.hosts[index].is_down = true;
            }
            Op::Dial => {
                self.act(Feature::DialsServer);
                let server = ServerId(rng.u16(0..self.servers.len() as u16 + 1));
                self.dial(index, rng.bool().then_some(server));
            }
            Op::ForgetSession => self.discard_session(index),
            Op::BeginAnew => {
                self.act(Feature::BeginsAnew);
                self.hosts[index].agent.begin_anew();
            }
            Op::UnsubscribeAnyway => self.unsubscribe_anyway(index, &mut rng),
            Op::Shutdown => self.shut_down(index, rng.u64(0..30_000)),
            Op::PowerLoss => self.lose_power(index, &mut rng)?,
            Op::Hostile => self.be_hostile(index, &mut rng),
            Op::Freeze => self.freeze(index, &mut rng),
            Op::Cut | Op::Stall | Op::HalfOpen | Op::ServerEnd | Op::ServerClose => {
                if let Some(link) = self.hosts[index].link {
                    self.trouble(step.op, link, &mut rng)?;
                }
            }
            Op::LoseSessions | Op::Restart => self.restart(index, step.op == Op::LoseSessions),
        }
        self.run_until(step.at)
    }

    fn publish(&mut self, index: usize, rng: &mut Rng) -> Verdict {
        let topic = TOPICS[rng.usize(0..TOPICS.len())];
        let is_left_out = topic.starts_with("no/") && !self.has.has(Feature::RefusesMessages)
            || topic.starts_with("poison") && !POISONS.iter().any(|feature| self.has.has(*feature));
        let topic = if is_left_out { "a/1" } else { topic };
        let length =
            if self.has.has(Feature::Large) && rng.bool() { rng.usize(1_000..3_000) } else { rng.usize(0..200) };
        let qos = [0, 1, 1, 2, 2][rng.usize(0..5)];
        let (number, payload) = self.ledger.payload(length, "");
        let life = self.hosts[index].life;
        let filters = self.hosts[index].receivers.iter().flat_map(|inbox| inbox.wants.keys());
        let own_filters: Vec<String> = filters.filter(|filter| Self::matches(filter, topic)).cloned().collect();
        let has_expiry = self.has.has(Feature::Expiring) && rng.bool();
        let message = self.ledger.add(number, Some((index, life)), topic, payload, qos);
        message.own_filters = own_filters;
        message.has_expiry = has_expiry;
        message.tag = if rng.bool() { rng.u64(..) } else { 0 };
        let expiry = rng.u32(0..20);
        self.publish_again(index, number, topic, qos, expiry as usize)
    }

    /// Publishes a message that was not accepted so far.
    pub fn publish_again(&mut self, index: usize, number: u64, topic: &str, qos: u8, expiry: usize) -> Verdict {
        let now = self.instant();
        let message = self.ledger.get(number)?;
        let mut outgoing = Outgoing::new(topic, message.payload.clone()).qos(QoS::from_bits(qos).unwrap_or_default());
        outgoing.tag = message.tag;
        if message.has_expiry {
            let mut property = vec![2];
            property.extend_from_slice(&(expiry as u32).to_be_bytes());
            outgoing.properties = Bytes::from(property);
        }
        message.accepted = self.now;
        let result = self.hosts[index].agent.publish(now, outgoing);
        self.say(|| format!("publish {number}: {:?}", result.as_ref().map_err(|rejected| rejected.why)));
        match result {
            Ok(accepted) => {
                self.ledger.get(number)?.ticket = Some(accepted.ticket);
                self.hosts[index].tickets.insert(accepted.ticket, What::Message(number));
            }
            Err(rejected) => {
                self.act(Feature::SmallQueue);
                if rejected.why == Refusal::Full {
                    self.hosts[index].backlog.push_back((number, topic.into(), qos, expiry));
                } else if !matches!(rejected.why, Refusal::ShuttingDown | Refusal::StoreFailed) {
                    return Err(format!("message {number} was refused: {:?}", rejected.why));
                }
            }
        }
        Ok(())
    }

    fn subscribe(&mut self, index: usize, rng: &mut Rng) {
        let place = self.some_inbox(index, rng);
        let count = rng.usize(1..4);
        let chosen = (0..count).map(|_| FILTERS[rng.usize(0..FILTERS.len())]);
        let may = |filter: &&str| {
            (!filter.starts_with("no/") || self.has.has(Feature::RefusesFilters))
                && (!filter.starts_with("poison") || self.has.has(Feature::PoisonFilter))
        };
        let filters: Vec<&str> = chosen.filter(may).collect();
        if filters.is_empty() {
            return;
        }
        let qos = QoS::from_bits(rng.u8(0..3)).unwrap_or_default();
        let asked: Vec<_> = filters.iter().map(|filter| (*filter, qos)).collect();
        let (now, at) = (self.instant(), self.now);
        let host = &mut self.hosts[index];
        let inbox = &mut host.receivers[place];
        let Ok(ticket) = host.agent.subscribe(now, inbox.id, &asked, FilterOptions::default()) else { return };
        for filter in &filters {
            inbox.wants.entry((*filter).into()).or_insert(at);
            inbox.ever.insert((*filter).into());
        }
        host.tickets.insert(ticket, What::Subscribe(filters.iter().map(|filter| (*filter).into()).collect()));
    }

    fn some_inbox(&mut self, index: usize, rng: &mut Rng) -> usize {
        let has = self.has;
        let host = &mut self.hosts[index];
        let alive: Vec<usize> = (0..host.receivers.len()).filter(|place| host.receivers[*place].is_alive).collect();
        if !alive.is_empty() && rng.u8(0..3) > 0 {
            return alive[rng.usize(0..alive.len())];
        }
        let mode = if has.has(Feature::Manual) && rng.bool() { AckMode::Manual } else { AckMode::OnNext };
        let qos0 = if rng.bool() { Qos0Queue::DropOldest(rng.u16(0..9)) } else { Qos0Queue::DropNewest(rng.u16(0..9)) };
        let pace = if has.has(Feature::Slow) { rng.u64(0..3_000) } else { 0 };
        let id = host.agent.receiver(mode, qos0);
        let is_default = has.has(Feature::Default) && host.default.is_none();
        if is_default {
            host.agent.set_default_receiver(Some(id));
            host.default = Some(id);
        }
        host.receivers.push(Inbox::new(id, pace, is_default));
        host.receivers.len() - 1
    }

    fn unsubscribe(&mut self, index: usize, rng: &mut Rng) {
        let now = self.instant();
        let host = &mut self.hosts[index];
        let alive: Vec<usize> = (0..host.receivers.len()).filter(|place| host.receivers[*place].is_alive).collect();
        let Some(place) = (!alive.is_empty()).then(|| alive[rng.usize(0..alive.len())]) else { return };
        let inbox = &mut host.receivers[place];
        let Some(filter) = inbox.wants.keys().nth(rng.usize(0..4)).cloned() else { return };
        inbox.wants.remove(&filter);
        if let Some(ticket) = host.agent.unsubscribe(now, inbox.id, &filter) {
            host.tickets.insert(ticket, What::Unsubscribe);
        }
    }

    fn unsubscribe_anyway(&mut self, index: usize, rng: &mut Rng) {
        let now = self.instant();
        let filter = FILTERS[rng.usize(0..6)];
        let host = &mut self.hosts[index];
        let Some(inbox) = host.receivers.iter_mut().find(|inbox| inbox.is_alive) else { return };
        inbox.wants.remove(filter);
        let ticket = host.agent.unsubscribe_anyway(now, inbox.id, filter);
        host.tickets.insert(ticket, What::Unsubscribe);
    }

    fn discard_session(&mut self, index: usize) {
        let now = self.instant();
        let open: Vec<u64> = self.ledger.open_of(index).map(|(number, _)| *number).collect();
        let host = &mut self.hosts[index];
        if !host.agent.discard_session(now) {
            return;
        }
        (host.is_told, host.has_forgotten) = (false, true);
        for inbox in &mut host.receivers {
            inbox.wants.clear();
        }
        for number in open {
            if let Some(message) = self.ledger.messages.get_mut(&number) {
                (message.is_withdrawn, message.session_was_lost) = (true, true);
            }
        }
        self.act(Feature::ForgetsSession);
    }

    fn drop_receiver(&mut self, index: usize, rng: &mut Rng) {
        let now = self.instant();
        let host = &mut self.hosts[index];
        let alive: Vec<usize> = (0..host.receivers.len()).filter(|place| host.receivers[*place].is_alive).collect();
        let Some(place) = (!alive.is_empty()).then(|| alive[rng.usize(0..alive.len())]) else { return };
        let inbox = &mut host.receivers[place];
        inbox.drop_it();
        let queued = if rng.bool() { Undelivered::Acknowledge } else { Undelivered::LeaveForRedelivery };
        host.agent.drop_receiver(now, inbox.id, queued);
        if host.default == Some(inbox.id) {
            host.default = None;
        }
        self.act(Feature::DropsReceivers);
    }

    fn server_publishes(&mut self, index: usize, count: usize, rng: &mut Rng) {
        let realm = match self.hosts[index].link {
            Some(link) => self.servers[self.links[link].server].realm,
            None => rng.usize(0..self.realms.len()),
        };
        for _ in 0..count {
            let topic = TOPICS[rng.usize(0..4)];
            let (number, payload) = self.ledger.payload(rng.usize(0..300), "");
            let qos = rng.u8(0..3);
            self.ledger.add(number, None, topic, payload, qos);
            self.route(realm, number, topic, qos, None);
        }
    }

    fn request(&mut self, index: usize, rng: &mut Rng) {
        let (number, payload) = self.ledger.payload(0, "");
        let life = self.hosts[index].life;
        let qos = rng.u8(1..3);
        let own = format!("r/{number}");
        let now = self.instant();
        let not_after = now.after_millis(rng.u64(1_000..20_000));
        let outgoing = Outgoing::new("svc/1", payload.clone()).qos(QoS::from_bits(qos).unwrap_or_default());
        let own_topic = rng.bool()
            || self.hosts[index].options.version != pure_mqtt::Version::V5
            || self.has.has(Feature::Fallback);
        let Ok(ticket) = self.hosts[index].agent.request(now, outgoing, own_topic.then_some(&own), not_after) else {
            return;
        };
        let message = self.ledger.add(number, Some((index, life)), "svc/1", payload, qos);
        (message.ticket, message.is_request) = (Some(ticket), true);
        self.hosts[index].tickets.insert(ticket, What::Request(number));
    }

    fn flush(&mut self, index: usize, rng: &mut Rng) {
        let now = self.instant();
        let not_after = rng.bool().then(|| now.after_millis(rng.u64(0..20_000)));
        let open = self.ledger.open_of(index).filter(|(_, message)| message.ticket.is_some());
        let numbers = open.map(|(number, _)| *number).collect();
        let ticket = self.hosts[index].agent.flush(now, not_after);
        self.hosts[index].tickets.insert(ticket, What::Flush(numbers));
    }

    fn some_ticket(&mut self, index: usize, rng: &mut Rng) -> Option<Ticket> {
        let tickets: Vec<_> = self.hosts[index].tickets.keys().copied().collect();
        (!tickets.is_empty()).then(|| tickets[rng.usize(0..tickets.len())])
    }

    pub fn withdraw(&mut self, index: usize, ticket: Ticket) -> Verdict {
        let Some(What::Message(number) | What::Request(number)) = self.hosts[index].tickets.get(&ticket).cloned()
        else {
            return Ok(());
        };
        let now = self.instant();
        let risk = self.hosts[index].agent.withdraw(now, ticket);
        let message = self.ledger.get(number)?;
        message.is_withdrawn |= risk.is_some();
        match risk {
            Some(Risk::None) if !message.taken.is_empty() => {
                Err(format!("message {number} was withdrawn without a risk"))
            }
            _ => Ok(()),
        }
    }

    fn forget(&mut self, index: usize, rng: &mut Rng) -> Verdict {
        let Some(ticket) = self.some_ticket(index, rng) else { return Ok(()) };
        if let Some(What::Message(number) | What::Request(number)) = self.hosts[index].tickets.remove(&ticket) {
            self.ledger.get(number)?.is_forgotten = true;
        }
        self.hosts[index].agent.forget(ticket);
        self.act(Feature::Forgets);
        Ok(())
    }

    fn reclaim(&mut self, index: usize) -> Verdict {
        let now = self.instant();
        let mut given = Vec::new();
        self.hosts[index].agent.reclaim(now, &mut |ticket, outgoing, may| given.push((ticket, outgoing, may)));
        for (ticket, outgoing, may_have_arrived) in given {
            self.act(Feature::Reclaims);
            let mut messages = self.ledger.messages.values_mut();
            let is_it = |message: &&mut crate::ledger::Message| {
                message.ticket == Some(ticket) && message.from.is_some_and(|(from, _)| from == index) && message.qos > 0
            };
            let Some(message) = messages.rfind(is_it) else {
                return Err(format!("ticket {ticket} was reclaimed, not given"));
            };
            message.is_withdrawn = true;
            if !outgoing.topic.is_empty() && outgoing.payload != message.payload {
                return Err(format!("ticket {ticket} was handed back as something else"));
            }
            if !may_have_arrived && !message.taken.is_empty() {
                return Err(format!("ticket {ticket} has arrived, and was handed back as one that has not"));
            }
        }
        Ok(())
    }

    pub fn dial(&mut self, index: usize, server: Option<ServerId>) {
        let now = self.instant();
        self.hosts[index].is_down = false;
        self.hosts[index].agent.dial(now, server);
    }

    pub fn shut_down(&mut self, index: usize, within: u64) {
        let now = self.instant();
        self.act(Feature::Shutdowns);
        self.hosts[index].is_shut = true;
        self.hosts[index].agent.shutdown(now, now.after_millis(within));
    }

    fn be_hostile(&mut self, index: usize, rng: &mut Rng) {
        self.act(Feature::HostileFace);
        let now = self.instant();
        let host = &mut self.hosts[index];
        let current = host.link.map(|link| self.links[link].id);
        let others: Vec<_> = host.ids.iter().copied().filter(|id| Some(*id) != current).collect();
        if let Some(id) = current {
            host.agent.dialed(now, id, &Login::default());
            host.agent.dial_failed(now, id, FailureClass::Lasting, "late", None);
        }
        // The newest of the others may be a dial that is under way.
        let old = others.len().saturating_sub(1);
        if old > 0 {
            let id = others[rng.usize(0..old)];
            match rng.u8(0..4) {
                0 => host.agent.closed(now, id, "late"),
                1 => host.agent.dialed(now, id, &Login::default()),
                2 => {
                    host.agent.dial_failed(now, id, FailureClass::Credentials, "late", Some(now.after_millis(1 << 40)))
                }
                _ => host.agent.received(now, id, Bytes::from_static(b"\xff\xff\xff\xff\xff")),
            }
        }
        host.agent.resolved(now, ServerId(rng.u16(0..9)), &[], 7);
        host.agent.handle_timeout(now);
        host.agent.stored(now, 0);
        host.agent.take_end(Ticket::default());
        host.agent.forget(Ticket::default());
    }

    fn trouble(&mut self, op: Op, link: usize, rng: &mut Rng) -> Verdict {
        match op {
            Op::Cut => {
                self.act(Feature::Cut);
                let keep = rng.usize(0..self.links[link].up.len() + 1);
                self.links[link].up.cut(keep);
                while let Some(bytes) = self.links[link].up.pop(u64::MAX) {
                    self.serve(link, &bytes)?;
                }
                let keep = rng.usize(0..self.links[link].down.len() + 1);
                self.links[link].down.cut(keep);
                self.hang_up(link);
            }
            Op::Stall => {
                self.act(Feature::Stall);
                let until = self.now + rng.u64(0..40_000);
                if rng.bool() {
                    self.links[link].up.stalled_until = until;
                }
                if rng.bool() {
                    self.links[link].down.stalled_until = until;
                }
            }
            Op::HalfOpen => {
                self.act(Feature::HalfOpen);
                self.links[link].is_dead = true;
                self.links[link].up.cut(0);
                self.links[link].down.cut(0);
            }
            Op::ServerEnd => {
                self.act(Feature::ServerEnds);
                self.end_link(link, [0x8B, 0x97, 0x89, 0x98, 0x9C][rng.usize(0..5)]);
            }
            _ => {
                self.act(Feature::ServerCloses);
                self.hang_up(link);
            }
        }
        Ok(())
    }

    /// A server goes dead with all its links, without a word, and comes back later.
    fn freeze(&mut self, index: usize, rng: &mut Rng) {
        let server = self.hosts[index].last_server.unwrap_or(0);
        self.servers[server].frozen_until = self.now + rng.u64(1_000..200_000);
        for link in self.links.iter_mut().filter(|link| link.server == server) {
            link.is_dead = true;
            link.up.cut(0);
            link.down.cut(0);
        }
    }

    fn restart(&mut self, index: usize, loses_sessions: bool) {
        let realm = match self.hosts[index].last_server {
            Some(server) => self.servers[server].realm,
            None => 0,
        };
        for link in 0..self.links.len() {
            if self.servers[self.links[link].server].realm == realm && !self.links[link].is_dead {
                self.hang_up(link);
            }
        }
        self.act(Feature::Restarts);
        if loses_sessions {
            self.act(Feature::LosesSessions);
            self.realms[realm].sessions.clear();
        }
    }
}
