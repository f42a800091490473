//! The agent's way to a log in a folder: records go to a thread that writes and syncs.

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

    /// Hands to the disk what waits, and tells the agent what is there.
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

    /// Writes everything anew, unless records of the old log are still awaited: then the agent asks again.
    pub(crate) fn compact(&mut self, agent: &mut Agent) {
        let mut bytes = Vec::new();
        if let Some(sequence) = agent.snapshot(&mut |piece| bytes.extend_from_slice(piece)) {
            self.store.replace(OwnedSnapshot { bytes: bytes.into(), sequence, header: Bytes::new(), wall_clock: 0 });
        }
    }
}
