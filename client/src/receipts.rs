//! Messages that the program has still to acknowledge.

use std::collections::BTreeMap;

use pure_mqtt::{Ack, Connection, Heap, Instant, PendingAck, QoS, RequestError};

/// Names a received message for [`Client::ack`](crate::Client::ack); never repeats in the life of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Receipt(u64);

/// The engine's handles behind the receipts.
#[derive(Debug, Default)]
pub(crate) struct Receipts {
    pending: BTreeMap<Receipt, (QoS, PendingAck)>,
    latest: u64,
}

impl Receipts {
    /// Keeps the handle of a message.
    pub(crate) fn keep(&mut self, qos: QoS, pending: PendingAck) -> Receipt {
        self.latest += 1;
        let receipt = Receipt(self.latest);
        self.pending.insert(receipt, (qos, pending));
        receipt
    }

    /// Acknowledges the message.
    pub(crate) fn acknowledge(
        &mut self,
        now: Instant,
        engine: &mut Connection<Heap>,
        receipt: Receipt,
        with: &Ack<'_>,
    ) -> Result<(), RequestError> {
        let (qos, pending) = self.pending.remove(&receipt).ok_or(RequestError::Stale)?;
        let refused = engine.acknowledge(now, pending, with);
        refused.map_err(|refused| {
            if refused.error != RequestError::Stale {
                self.pending.insert(receipt, (qos, refused.pending));
            }
            refused.error
        })
    }

    /// The link is gone: the server sends again what came at QoS 1.
    pub(crate) fn link_ended(&mut self) {
        self.pending.retain(|_, (qos, _)| *qos == QoS::ExactlyOnce);
    }

    /// The session is another one.
    pub(crate) fn session_ended(&mut self) {
        self.pending.clear();
    }
}
