//! The agent's log in a folder: a thread writes and syncs the records.

use pure_mqtt::Instant;
use pure_mqtt_agent::{Agent, Bytes};
use pure_mqtt_net::store::{OwnedSnapshot, StoreEvent, StoreThread};

pub(crate) struct Storage {
    store: StoreThread,
}

impl Storage {
    pub(crate) fn new(store: StoreThread) -> Self {
        Self { store }
    }

    /// Passes pending records to the thread, and reports to the agent which are durable.
    pub(crate) fn save(&mut self, agent: &mut Agent, now: Instant) {
        while let Some(event) = self.store.poll() {
            match event {
                StoreEvent::Stored(sequence) => agent.stored(now, sequence),
                StoreEvent::Replaced(sequence) => agent.log_replaced(now, sequence),
                StoreEvent::NotReplaced(_) | StoreEvent::Failed(_) => agent.store_failed(now),
            }
        }
        while let Some((bytes, sequence)) = agent.take_log() {
            self.store.append(bytes, sequence);
        }
    }

    /// Writes a new snapshot, unless records of the old log are not yet durable: then the agent asks again.
    pub(crate) fn compact(&mut self, agent: &mut Agent) {
        let mut bytes = Vec::new();
        if let Some(sequence) = agent.snapshot(&mut |piece| bytes.extend_from_slice(piece)) {
            self.store.replace(OwnedSnapshot { bytes: bytes.into(), sequence, header: Bytes::new(), wall_clock: 0 });
        }
    }
}
