//! Where the logs lie.

use crate::features::Feature;
use crate::hosts::*;
use crate::ledger::*;
use crate::life::World;
use pure_mqtt_agent::*;

impl World {
    pub fn take_log(&mut self, index: usize) -> bool {
        let Some((bytes, sequence)) = self.hosts[index].agent.take_log() else { return false };
        let slow = self.has.has(Feature::SlowStore) && !self.heals;
        let due = self.now + if slow { self.rng.u64(0..300) } else { 0 };
        let fails = self.has.has(Feature::StoreFails) && !self.heals && self.rng.u8(0..60) == 0;
        self.write(index, Write { due, bytes, sequence, is_snapshot: false, fails });
        true
    }

    pub fn write(&mut self, index: usize, mut write: Write) {
        if let Some(before) = self.hosts[index].store.writes.back() {
            write.due = write.due.max(before.due);
        }
        self.hosts[index].store.writes.push_back(write);
    }

    pub fn compact(&mut self, index: usize) {
        let mut bytes = Vec::new();
        if let Some(sequence) = self.hosts[index].agent.snapshot(&mut |piece| bytes.extend_from_slice(piece)) {
            let slow = self.has.has(Feature::SlowStore) && !self.heals;
            let due = self.now + if slow { self.rng.u64(0..500) } else { 1 };
            let fails = self.has.has(Feature::StoreFails) && !self.heals && self.rng.u8(0..3) == 0;
            self.write(index, Write { due, bytes, sequence, is_snapshot: true, fails });
        }
    }

    pub fn finish_writes(&mut self, index: usize) -> Verdict<bool> {
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

    /// Whether this agent's log can be relied on.
    pub fn is_durable(&self, index: usize) -> bool {
        let host = &self.hosts[index];
        host.store.is_on
            && !(self.has.has(Feature::StoreFails) && host.options.on_store_failure == OnStoreFailure::GoOnVolatile)
    }
}
