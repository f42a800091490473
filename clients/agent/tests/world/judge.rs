//! The rules: what must never happen, whatever else does.

use crate::broker::Out;
use crate::features::Feature;
use crate::hosts::Inbox;
use crate::ledger::Verdict;
use crate::life::World;
use pure_mqtt::OnSessionLoss;
use pure_mqtt::wire::Publish;
use pure_mqtt_agent::{CleanStart, End, Incoming, Ticket};

impl World {
    /// Two agents have the identifier of this one: they share a session that neither knows, and little can be promised.
    pub fn is_id_shared(&self, index: usize) -> bool {
        let id = &self.hosts[index].options.client_id;
        self.hosts.iter().filter(|host| host.options.client_id == *id).count() > 1
    }

    /// The agent may take over a session that it doesn't know. If a link ends while that is cleared up, the engine goes on
    /// without: a message under an identifier that is still held may be lost.
    pub fn may_adopt(&self, index: usize) -> bool {
        let host = &self.hosts[index];
        let has_no_past = host.life > 0 && !self.is_durable(index) || host.has_forgotten;
        has_no_past && host.options.clean_start == CleanStart::Never
    }

    /// Messages to this topic have such an effect on the server.
    pub fn is_poison(&self, topic: &str, effect: Feature) -> bool {
        topic.starts_with("poison") && self.has.has(effect) && !self.heals
    }

    /// A session never meets another realm.
    pub fn judge_connect(&mut self, index: usize, realm: usize, is_clean: bool) -> Verdict {
        let host = &self.hosts[index];
        if !is_clean && host.is_told && !host.realms.contains(&realm) {
            return Err(format!("a session of realm {:?} was brought to realm {realm}", host.realms));
        }
        Ok(())
    }

    /// Dials don't come in swarms: within ten seconds at most so many rounds of pauses that double, and what the program asks
    /// for.
    pub fn note_dial(&mut self, index: usize) -> Verdict {
        let now = self.now;
        let host = &mut self.hosts[index];
        let places = host.options.servers.iter().map(|server| if server.has_srv { 3 } else { 1 });
        let most = 40 + 12 * (places.sum::<usize>() - 1);
        host.dials_at.push_back(now);
        host.dials_at.retain(|at| at + 10_000 > now);
        match host.dials_at.len() > most {
            true => Err(format!("more than {most} dials within ten seconds")),
            false => Ok(()),
        }
    }

    /// What leaves is what was accepted, and in the log before.
    pub fn judge_publish(&mut self, index: usize, number: u64, publish: &Publish<'_>) -> Verdict {
        let is_durable = self.is_durable(index);
        let message = self.ledger.get(number)?;
        if message.from.is_none_or(|(from, _)| from != index) {
            return Err(format!("message {number} was published by another agent"));
        }
        if message.topic != publish.topic || message.payload != publish.payload || message.qos != publish.qos.bits() {
            return Err(format!("message {number} is not what it was"));
        }
        if message.qos > 0 && is_durable && !message.is_durable {
            return Err(format!("message {number} left before its record was durable"));
        }
        Ok(())
    }

    /// Nothing arrives twice that is to arrive once, and nothing that was given up before it left.
    pub fn judge_taken(&mut self, number: u64, _realm: usize) -> Verdict {
        let index = self.ledger.get(number)?.from.map_or(0, |(from, _)| from);
        let (is_id_shared, life) = (self.is_id_shared(index), self.hosts[index].life);
        let message = self.ledger.get(number)?;
        let times: u32 = message.taken.values().sum();
        if message.qos == 2 && times > 1 && !message.session_was_lost && !message.is_dead && !is_id_shared {
            return Err(format!("message {number} at QoS 2 arrived {times} times"));
        }
        let was_given_up =
            matches!(message.end, Some(End::Expired | End::Displaced(_) | End::Withdrawn { may_have_arrived: false }));
        if was_given_up && !message.is_dead && !message.session_was_lost && life == 0 {
            return Err(format!("message {number} arrived after it ended: {:?}", message.end));
        }
        Ok(())
    }

    /// What one subscribed to before one published comes back: on the first link, the server knows the filters by then.
    pub fn judge_own_filters(&mut self, link: usize, number: u64) -> Verdict {
        let host = &self.hosts[self.links[link].host];
        if host.accepted > 2 || !host.is_fresh || self.has.has(Feature::Stall) || self.has.has(Feature::SlowStore) {
            return Ok(());
        }
        let (life, wanted) = (host.life, host.receivers.iter().flat_map(|inbox| inbox.wants.clone()));
        let wanted: Vec<(String, u64)> = wanted.collect();
        let message = self.ledger.get(number)?.clone();
        if message.from.is_none_or(|(_, of)| of != life) {
            return Ok(());
        }
        let Some(session) = self.session(link) else { return Ok(()) };
        let is_there = |filter: &String| session.subs.iter().any(|sub| sub.filter == *filter);
        let missing = message.own_filters.iter().find(|filter| {
            let is_refused = filter.starts_with("no/") || filter.starts_with("poison");
            let has_always = wanted.iter().any(|(one, since)| one == *filter && *since <= message.accepted);
            has_always && !is_refused && !is_there(filter)
        });
        match missing {
            Some(filter) => Err(format!("message {number} came before the SUBSCRIBE for {filter}")),
            None => Ok(()),
        }
    }

    /// A message has its end: one that fits what has happened.
    pub fn judge_end(&mut self, index: usize, number: u64, end: End) -> Verdict {
        let (is_id_shared, may_adopt) = (self.is_id_shared(index), self.may_adopt(index));
        let options = self.hosts[index].options.clone();
        let (is_shut, life) = (self.hosts[index].is_shut, self.hosts[index].life);
        let message = self.ledger.get(number)?;
        if let Some(before) = message.end {
            return Err(format!("message {number} has two ends: {before:?} and {end:?}"));
        }
        message.end = Some(end);
        let was_taken = !message.taken.is_empty();
        let is_right = match end {
            End::Left => message.qos == 0,
            End::Acknowledged(_) => was_taken || is_id_shared || may_adopt,
            End::Refused(_) => message.is_refused,
            End::Expired => message.has_expiry && (!was_taken || message.session_was_lost || life > 0),
            End::Displaced(_) => !was_taken || message.session_was_lost,
            End::Withdrawn { may_have_arrived } => message.is_withdrawn && (may_have_arrived || !was_taken),
            End::SessionLost { .. } => {
                message.session_was_lost && (options.limits.on_session_loss == OnSessionLoss::Abort || message.qos == 2)
            }
            End::AttemptsUsedUp(times) => options.max_attempts > 0 && times >= options.max_attempts,
            End::Discarded => message.is_withdrawn,
            End::Shutdown => is_shut,
            _ => false,
        };
        match end {
            End::Left => self.act(Feature::Qos0),
            End::Displaced(_) => self.act(Feature::Displaces),
            End::Withdrawn { .. } => self.act(Feature::Withdraws),
            End::SessionLost { .. } => self.act(Feature::Abort),
            End::AttemptsUsedUp(_) => self.act(Feature::MaxAttempts),
            End::Expired => self.act(Feature::Expiring),
            _ => {}
        }
        match is_right || (is_id_shared && matches!(end, End::SessionLost { .. } | End::Refused(_))) {
            true => Ok(()),
            false => Err(format!("message {number} has a wrong end {end:?}: {:?}", self.ledger.get(number)?)),
        }
    }

    /// A message of before the restart.
    pub fn on_recovered(&mut self, index: usize, ticket: Ticket, tag: u64) -> Verdict {
        let mut messages = self.ledger.messages.iter_mut();
        let found = messages.rfind(|(_, message)| {
            message.from.is_some_and(|(from, _)| from == index) && message.ticket == Some(ticket) && message.qos > 0
        });
        let Some((number, message)) = found else {
            return Err(format!("ticket {ticket} is recovered, and was never given"));
        };
        if message.tag != tag {
            return Err(format!("message {number} has the tag {tag} instead of {}", message.tag));
        }
        // An end whose record was not durable comes again.
        (message.end, message.is_dead, message.is_request, message.is_forgotten) = (None, false, false, false);
        message.is_durable = true;
        let number = *number;
        self.hosts[index].tickets.insert(ticket, crate::hosts::What::Message(number));
        Ok(())
    }

    /// The server has been told that a message was taken: those who want it have acknowledged it.
    pub fn judge_acknowledged(&mut self, index: usize, out: &Out) -> Verdict {
        // A CONNACK that was lost, or one of 3.1, said that the session is another one.
        if self.is_id_shared(index) || self.hosts[index].is_unseen {
            return Ok(());
        }
        // At QoS 1 the copy of this link is acknowledged, at QoS 2 the first one.
        let since = if out.qos == 1 { out.last_sent } else { out.first_sent.unwrap_or_default() };
        let wants = |inbox: &&Inbox| {
            let mut filters = out.filters.iter();
            inbox.is_alive && filters.any(|filter| inbox.wants.get(filter).is_some_and(|from| *from < since))
        };
        let mut wanting = self.hosts[index].receivers.iter().filter(wants);
        match wanting.find(|inbox| !inbox.done.contains(&out.number)) {
            Some(inbox) => Err(format!(
                "message {} was acknowledged before receiver {} did: {out:?}, {:?}",
                out.number, inbox.id, inbox.wants
            )),
            None => Ok(()),
        }
    }

    /// A receiver has taken a message that it wants, at QoS 2 once.
    pub fn judge_received(&mut self, index: usize, place: usize, number: u64, message: &Incoming) -> Verdict {
        let (mid_topic, copies) = {
            let known = self.ledger.get(number)?;
            let copies = known.copies.get(&self.hosts[index].options.client_id).copied().unwrap_or_default();
            (known.topic.clone(), copies)
        };
        if message.topic != mid_topic {
            return Err(format!("message {number} came under the topic {}", message.topic));
        }
        let inbox = &self.hosts[index].receivers[place];
        let is_wanted = inbox.ever.iter().any(|filter| Self::matches(filter, &message.topic));
        let is_default = !Self::is_judged_inbox(inbox);
        if !is_wanted && !is_default {
            return Err(format!(
                "message {number} to {} reached receiver {}, which never wanted it",
                message.topic, inbox.id
            ));
        }
        if is_default {
            self.act(Feature::Default);
        }
        self.judge_order(index, place, number, message)?;
        let id = self.hosts[index].receivers[place].id;
        let others = self.hosts[index].receivers.iter().filter(|other| other.id != id && other.done.contains(&number));
        if others.count() > 0 {
            self.act(Feature::Overlap);
        }
        // What the program refused may be sent again.
        let is_two = message.qos.bits() == 2 && !number.is_multiple_of(5) && !self.hosts[index].has_forgotten;
        if is_two && self.count_two(index, place, number) > copies && !self.is_id_shared(index) {
            return Err(format!("message {number} at QoS 2 reached receiver {id} more than {copies} times"));
        }
        Ok(())
    }

    /// Messages of one origin to one topic come in order, but for those that are sent again.
    fn judge_order(&mut self, index: usize, place: usize, number: u64, message: &Incoming) -> Verdict {
        let from = self.ledger.get(number)?.from;
        let (session, is_id_shared) = (self.hosts[index].accepted, self.is_id_shared(index));
        // Those of agents come again with their session, and a receiver may get what another left.
        if message.dup || from.is_some() || is_id_shared || self.acted.has(Feature::DropsReceivers) {
            return Ok(());
        }
        let key = (message.topic.clone(), message.qos.bits(), session);
        let latest = self.hosts[index].receivers[place].latest.entry(key).or_default();
        let before = std::mem::replace(latest, number);
        match before > number {
            true => Err(format!("message {number} came after {before} of the same origin")),
            false => Ok(()),
        }
    }

    /// What waits takes no more memory than is allowed, and one message.
    pub fn judge_memory(&self, index: usize) -> Verdict {
        let host = &self.hosts[index];
        let most = host.options.max_waiting + 4_000 * host.receivers.len().max(1);
        match host.agent.stats().waiting_bytes as usize {
            waiting if waiting > most => Err(format!("{waiting} bytes wait, {most} may")),
            _ => Ok(()),
        }
    }

    /// In the end, everything accepted has an end, or its agent lost it in a way that was foreseen.
    pub fn judge_all(&mut self) -> Verdict {
        for (number, message) in &self.ledger.messages {
            let Some((index, _)) = message.from else { continue };
            let is_open = message.end.is_none() && !message.is_dead && !message.is_forgotten;
            if is_open && message.ticket.is_some() {
                return Err(format!("message {number} of host {index} has no end: {message:?}"));
            }
        }
        Ok(())
    }
}
