//! Messages being published by the bridge, each with the acknowledgement that is pending on the other side.

use std::collections::HashMap;

use pure_mqtt::{Delivery, Handle, PacketId, PendingAck};

/// The debts to one connection, by what is being published on another one. Messages at QoS 0 don't stand here.
#[derive(Default)]
pub struct Ledger(HashMap<Handle, Owed>);

struct Owed {
    /// The packet identifier on the side where the message came from, as long as that session lasts.
    id: Option<PacketId>,
    pending: PendingAck,
}

impl Ledger {
    /// Nothing is owed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The message was accepted for publishing, and is to be acknowledged when that is done.
    pub fn add(&mut self, delivery: &Delivery, id: Option<PacketId>, pending: PendingAck) {
        self.0.insert(delivery.handle, Owed { id, pending });
    }

    /// Whether the message with this identifier is being published still.
    pub fn knows(&self, id: Option<PacketId>) -> bool {
        self.0.values().any(|owed| owed.id == id)
    }

    /// The message has come again on a new link: the acknowledgement for the old one is worth nothing any more.
    pub fn renew(&mut self, id: Option<PacketId>, pending: Option<PendingAck>) {
        if let (Some(owed), Some(pending)) = (self.0.values_mut().find(|owed| owed.id == id), pending) {
            owed.pending = pending;
        }
    }

    /// The broker that the messages come from has begun a new session: it gives the packet identifiers to other messages.
    pub fn forget_ids(&mut self) {
        self.0.values_mut().for_each(|owed| owed.id = None);
    }

    /// The publishing has ended: what is owed for it now.
    pub fn settle(&mut self, handle: Handle) -> Option<PendingAck> {
        self.0.remove(&handle).map(|owed| owed.pending)
    }
}
