//! The power fails, and the agent begins again with what is durable.

use crate::features::Feature;
use crate::hosts::Host;
use crate::ledger::Verdict;
use crate::life::{WALL, World};
use fastrand::Rng;
use pure_mqtt_agent::{Agent, CleanStart};

impl World {
    pub fn lose_power(&mut self, index: usize, rng: &mut Rng) -> Verdict {
        if self.hosts[index].is_done {
            return Ok(());
        }
        self.act(Feature::PowerLoss);
        if let Some(link) = self.hosts[index].link.take() {
            let keep = rng.usize(0..self.links[link].up.len() + 1);
            self.links[link].up.cut(keep);
            self.links[link].is_closed_here = true;
        }
        let was_judged = self.is_durable(index);
        let (log, is_torn) = self.hosts[index].lose_power(rng, self.has.has(Feature::TornTail));
        if is_torn {
            self.act(Feature::TornTail);
        }
        if self.has.has(Feature::Recasts) && self.has.has(Feature::Cluster) {
            self.act(Feature::Recasts);
            self.hosts[index].recast(rng);
        }
        let (agent, used) = self.begin_again(index, &log)?;
        let (options, places) = (self.hosts[index].options.clone(), self.hosts[index].places.clone());
        let before = std::mem::replace(&mut self.hosts[index], Host::new(options, agent));
        let host = &mut self.hosts[index];
        (host.life, host.last_server, host.ids) = (before.life + 1, before.last_server, Vec::new());
        host.places = places;
        host.store.is_on = before.store.is_on;
        host.realms = if host.store.is_on { before.all_realms.clone() } else { Default::default() };
        (host.is_unseen, host.has_forgotten) = (before.is_unseen, before.has_forgotten);
        // With `Never`, a session whose record was not durable is a stranger to the log: nothing of it can be brought anywhere.
        let is_clean = host.options.clean_start != CleanStart::Never;
        host.is_told = was_judged && before.is_told && is_clean;
        host.all_realms = before.all_realms;
        host.store.durable = log[..used].to_vec();
        for message in self.ledger.messages.values_mut() {
            if message.from.is_some_and(|(from, _)| from == index) {
                // What ended, with a record that was not durable, may come again.
                message.is_dead |= message.end.is_none();
                message.session_was_lost |= !was_judged;
            }
        }
        self.recover(index, was_judged)
    }

    fn begin_again(&mut self, index: usize, log: &[u8]) -> Verdict<(Agent, usize)> {
        let (now, wall) = (self.instant(), WALL + self.now / 1_000);
        let options = self.hosts[index].options.clone();
        if !self.hosts[index].store.is_on {
            return Ok((Agent::new(options, now, wall), 0));
        }
        let (agent, used) = Agent::recover(options, now, wall, log).map_err(|error| format!("no way back: {error}"))?;
        if used > log.len() {
            return Err("more of the log was used than there is".into());
        }
        Ok((agent, used))
    }

    /// What comes back, and what should have.
    fn recover(&mut self, index: usize, was_judged: bool) -> Verdict {
        while self.hosts[index].agent.is_runnable() {
            let now = self.instant();
            let event = self.hosts[index].agent.step(now);
            event.map_or(Ok(()), |event| self.on_event(index, event))?;
        }
        let came_back = self.hosts[index].recovered.clone();
        let missing = self.ledger.messages.iter().find(|(_, message)| {
            let is_ours = message.from.is_some_and(|(from, _)| from == index) && message.qos > 0;
            let is_over = message.is_answered
                || message.end.is_some()
                || message.is_withdrawn
                || message.has_expiry
                || message.is_forgotten;
            is_ours
                && message.is_dead
                && message.is_durable
                && !is_over
                && !message.ticket.is_some_and(|t| came_back.contains(&t))
        });
        match missing
            .filter(|_| was_judged && self.hosts[index].life == 1 && self.hosts[index].options.max_attempts == 0)
        {
            Some((number, message)) => Err(format!("message {number} was durable, and is gone: {message:?}")),
            None => Ok(()),
        }
    }
}
