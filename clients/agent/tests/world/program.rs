//! What the program above an agent does with what it gets.

use crate::features::Feature;
use crate::hosts::*;
use crate::ledger::*;
use crate::life::World;
use pure_mqtt::{QoS, ReasonCode, TopicFilter, TopicName};
use pure_mqtt_agent::*;
use std::collections::BTreeSet;

impl World {
    pub fn on_wake(&mut self, index: usize, wake: Wake) -> Verdict {
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

    pub fn on_ticket(&mut self, index: usize, ticket: Ticket, end: End) -> Verdict {
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

    pub fn on_request_end(&mut self, index: usize, ticket: Ticket, number: u64, end: End) -> Verdict {
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
                let realm = self.servers[self.hosts[index].place(server)].realm;
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
            Event::Suspect { ticket, .. } if self.has.has(Feature::Withdraws) && self.rng.bool() => {
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
    pub fn receive(&mut self, index: usize) -> Verdict<bool> {
        let mut is_busy = false;
        for place in 0..self.hosts[index].receivers.len() {
            let now = self.now;
            let inbox = &mut self.hosts[index].receivers[place];
            if let Some(token) = inbox.tokens.iter().position(|(due, ..)| *due <= now) {
                let (_, number, token) = inbox.tokens.swap_remove(token);
                inbox.done.insert(number);
                let reason = if number.is_multiple_of(5) { ReasonCode(0x80) } else { ReasonCode::SUCCESS };
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

    pub fn take_message(&mut self, index: usize, place: usize) -> Verdict {
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

    /// Whether a filter matches a topic.
    pub fn matches(filter: &str, topic: &str) -> bool {
        let (filter, topic) = (TopicFilter::new(filter), TopicName::new(topic));
        matches!((filter, topic), (Ok(filter), Ok(topic)) if filter.matches(topic))
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
