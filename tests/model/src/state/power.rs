//! What is durable, and what an outage leaves.

use super::app::{Durable, Flow, Known, SUBSCRIBE};
use super::{Checked, State};
use crate::config::Config;
use crate::device::{Client, Memory};
use crate::rules::{Rule, hold};
use crate::server::MESSAGES;
use pure_mqtt::Version;

/// So many bytes of the record that is being written when the power goes are there afterwards.
const TORN: usize = 3;

impl<M: Memory> State<M> {
    /// All records are durable.
    pub(super) fn store(&mut self, config: &Config) -> Checked {
        if self.client.waiting().is_empty() {
            return Ok(false);
        }
        let (written, snapshot) = self.client.store();
        let whole = [&self.log[..], &written].concat();
        self.log = snapshot;
        let (_, by_log) = Self::recovered(config, &whole)?.store();
        let (_, by_snapshot) = Self::recovered(config, &self.log)?.store();
        hold(records(&by_log).is_some() && records(&by_log) == records(&by_snapshot), Rule::J3Snapshot)?;
        self.app.durable = self.known(config);
        Ok(true)
    }

    /// The client that wrote this log, all of which must count.
    fn recovered(config: &Config, log: &[u8]) -> Result<Client<M>, Rule> {
        let (client, used) = Client::recover(config.limits(), log).ok_or(Rule::J2Recovered)?;
        hold(used == log.len(), Rule::J2Recovered)?;
        Ok(client)
    }

    /// What is known now, as far as it is kept without power.
    fn known(&self, config: &Config) -> Durable {
        let mut received = [false; MESSAGES];
        for (message, received) in received.iter_mut().enumerate() {
            let is_held = self.app.held.iter().any(|held| usize::from(held.message) == message);
            *received = self.app.delivered[message] > 0 && !is_held;
        }
        Durable {
            flows: self.app.flows.clone(),
            releases: self.app.releases.clone(),
            received,
            completed: self.app.completed,
            session: self.session_after_a_cut(config),
        }
    }

    /// What would be true of the session if the link were lost now.
    pub(super) fn session_after_a_cut(&self, config: &Config) -> Known {
        match (self.app.clean && self.is_open(), self.app.is_answered) {
            (true, false) => Known { is_doubtful: true, ..self.app.session },
            (true, true) if config.version != Version::V5 => Known::default(),
            _ => self.app.session,
        }
    }

    /// No client can notice that its session was lost and made anew, if it forgets the CONNACK that said so.
    pub(super) fn may_lose_power(&self) -> bool {
        let (durable, now) = (self.app.durable.session.belief, self.app.session.belief);
        self.may_cut() && (durable.is_none() || now.is_none() || durable == now)
    }

    /// The power goes and comes back. All that is left is the log, and what the application did with what it got.
    pub(super) fn lose_power(&mut self, config: &Config) -> Checked {
        let torn = self.client.waiting().iter().take(TORN);
        let found: Vec<u8> = self.log.iter().chain(torn).copied().collect();
        let (client, used) = Client::recover(config.limits(), &found).ok_or(Rule::J2Recovered)?;
        hold(used == self.log.len(), Rule::J2Recovered)?;
        self.client = client;
        (self.half, self.shown, self.stalled, self.deaf) = (None, None, false, false);
        self.server.cut(config.version);
        self.up.clear();
        self.down.clear();
        self.forget_what_was_not_durable()?;
        Ok(true)
    }

    fn forget_what_was_not_durable(&mut self) -> Result<(), Rule> {
        let durable = std::mem::take(&mut self.app.durable);
        for (message, flow) in self.app.flows.iter_mut().enumerate() {
            match durable.flows.get(message) {
                Some(then) => restore(flow, then),
                None => {
                    hold(!flow.begun || matches!(flow.kind, 0 | SUBSCRIBE), Rule::J1DurableFirst)?;
                    flow.void = true;
                }
            }
            if flow.void || matches!(flow.kind, 0 | SUBSCRIBE) {
                (flow.ended, flow.handle, flow.id, flow.outcome) = (true, 0, 0, None);
            }
        }
        for (message, delivered) in self.app.delivered.iter_mut().enumerate() {
            if self.server.qos[message] == 2 && *delivered > 0 && !durable.received[message] {
                *delivered = 0;
                self.app.again |= 1 << message;
            }
        }
        self.app.releases.clone_from(&durable.releases);
        self.app.held.clear();
        self.app.answerable.clear();
        self.app.session = durable.session;
        self.app.completed = durable.completed;
        self.app.fences.clear();
        (self.app.clean, self.app.connect_out, self.app.resumed, self.app.is_answered) = (false, false, false, false);
        self.app.durable = Durable { flows: self.app.flows.clone(), ..durable };
        Ok(())
    }
}

/// The kind of the record of the last handle and identifier that were given away. QoS 0 messages take some, and leave no record.
const COUNTERS: u8 = 2;
/// The kind of the record of a QoS 2 message that was received.
const RECEIVED: u8 = 10;

/// The records of a log that count here, kinds and bodies; all are shorter than 128 bytes. Those of received messages come last: their order
/// tells nothing.
fn records(log: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut rest = log.strip_prefix(b"PMQJ\x03\0\0\0")?;
    let mut records = Vec::new();
    while let &[kind, length, _check, ..] = rest {
        let (body, behind) = rest[3..].split_at_checked(length.into())?;
        records.push((kind, body));
        rest = behind.split_first_chunk::<4>()?.1; // the checksum
    }
    records.retain(|(kind, _)| *kind != COUNTERS);
    records.sort_by_key(|(kind, body)| (*kind == RECEIVED).then_some(*body));
    Some(records)
}

/// As it was then, except for what the server knows. It comes back as sent, since nobody knows.
fn restore(flow: &mut Flow, then: &Flow) {
    let Flow { refused, lost, void, .. } = *flow;
    *flow = Flow {
        begun: true,
        on_link: false,
        release_left: then.released,
        owes_release: then.released,
        outcome: None,
        refused,
        lost,
        void,
        ..*then
    };
}
