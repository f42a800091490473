//! What is being published on one side, and which acknowledgement is owed to the other side for it.

use std::collections::HashMap;

use pure_mqtt::{Ack, Delivery, Handle, Instant, PacketId, PendingAck, ReasonCode};
use pure_mqtt_hosts::Mqtt;

#[derive(Default)]
pub struct Ledger(HashMap<Handle, Owed>);

struct Owed {
    /// The packet identifier on the side where the message came from, as long as that session lasts.
    id: Option<PacketId>,
    pending: PendingAck,
}

impl Ledger {
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

    /// The publishing has ended: acknowledges the message where it came from. Messages at QoS 0 don't stand here.
    pub fn settle(&mut self, handle: Handle, reason: ReasonCode, from: &mut Mqtt, now: Instant) {
        let Some(owed) = self.0.remove(&handle) else { return };
        acknowledge(from, now, owed.pending, reason);
    }
}

/// Says that the message was taken over, or that it was refused.
pub fn acknowledge(from: &mut Mqtt, now: Instant, pending: PendingAck, reason: ReasonCode) {
    let ack = if reason.is_error() {
        eprintln!("bridge: a message was refused: {reason}");
        Ack::new(ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR)
    } else {
        Ack::SUCCESS
    };
    let _ = from.acknowledge(now, pending, &ack); // if that comes too late for its link, the message comes again
}
