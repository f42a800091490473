//! Losses of power, and logs that are replaced.

use crate::features::Feature;
use crate::ledger::Verdict;
use crate::life::World;
use crate::memory::Memory;
use crate::records;
use pure_mqtt::Handle;

/// In bytes.
const LONGEST_LOG: usize = 2_500;

impl<S: Memory> World<S> {
    /// The power fails and is back: what is left is what was durable.
    pub fn lose_power(&mut self, rng: &mut fastrand::Rng) -> Verdict {
        if S::recover(self.mqtt.limits(), self.time(), &[]).is_none() {
            return Ok(());
        }
        // Ends that nobody fetched are forgotten.
        let mut ended: Vec<Handle> = Vec::new();
        while let Some(outcome) = self.mqtt.poll_outcome() {
            ended.push(outcome.handle);
        }
        let is_torn = self.app.disk.tear(&self.mqtt, rng, self.character.has.has(Feature::TornWrite));
        self.act_on_power(is_torn);
        if self.drop_transport() {
            let tells_server = rng.bool();
            if tells_server {
                self.server().cut();
            }
        }
        self.unconfirmed.clear();
        self.confirms_at = crate::wire::NEVER;
        self.reading.clear();
        self.over_since = None;
        self.last = crate::hosts::Turn::default();
        self.connects_at = self.now + 1;
        let durable = self.app.disk.durable;
        let history = self.app.disk.history();
        self.app.ledger.lose_power(&history, &ended)?;
        self.app.inbox.lose_power(durable);
        self.app.held.clear();
        self.app.has_forgotten_alias = false;
        self.app.wants_subscription = true;
        self.app.discard_session_after(durable);
        let time = self.time();
        let Some(recovered) = S::recover(self.mqtt.limits(), time, &self.app.disk.log) else { return Ok(()) };
        let (mqtt, used) = recovered.map_err(|error| {
            format!("[R20] after a loss of power, {error}: {:02x?}", records::read(&self.app.disk.log))
        })?;
        self.mqtt = mqtt;
        self.app.disk.log.truncate(used);
        self.app.disk.latest = self.app.disk.durable;
        let log = S::fork(&self.mqtt).and_then(|mut fork| S::snapshot(&mut fork)).unwrap_or_default();
        let handles = records::handles(&records::read(&log));
        let records = records::read(&self.app.disk.log);
        self.app.say(|| format!("  the power failed; there are {handles:?} from {records:02x?}"));
        self.app.ledger.recovered(&handles, &ended)
    }

    fn act_on_power(&mut self, is_torn: bool) {
        self.app.act(Feature::PowerCut);
        if is_torn {
            self.app.act(Feature::TornWrite);
        }
    }

    /// The log is replaced by a snapshot, unless records wait.
    pub fn write_snapshot(&mut self) {
        if self.replace_log() {
            self.app.act(Feature::Snapshot);
        }
    }

    /// A host doesn't let its log grow without end.
    pub fn bound_log(&mut self) {
        if self.app.disk.log.len() > LONGEST_LOG {
            self.replace_log();
        }
    }

    fn replace_log(&mut self) -> bool {
        if self.app.disk.log.is_empty() {
            return false; // there is nothing to replace
        }
        let log = S::snapshot(&mut self.mqtt);
        let is_done = log.is_some();
        self.app.disk.log = log.unwrap_or_else(|| std::mem::take(&mut self.app.disk.log));
        is_done
    }
}
