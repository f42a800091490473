//! Messages that the program has still to acknowledge.

use std::collections::BTreeMap;

use pure_mqtt::{Ack, Instant, RequestError};
use pure_mqtt_agent::{AckResult, AckToken, Agent};

/// Names a received message for [`Client::ack`](crate::Client::ack); never repeats in the life of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Receipt(u64);

/// The agent's tokens behind the receipts.
#[derive(Debug, Default)]
pub(crate) struct Receipts {
    pending: BTreeMap<Receipt, AckToken>,
    latest: u64,
    /// So many are kept until it is looked which still count.
    most: usize,
}

impl Receipts {
    /// Keeps the token of a message. Those that count no more, since the message has come again or its session is lost, are let go from time to time.
    pub(crate) fn keep(&mut self, agent: &Agent, token: AckToken) -> Receipt {
        if self.pending.len() >= self.most {
            self.pending.retain(|_, token| agent.counts(token));
            self.most = 2 * self.pending.len() + 64;
        }
        self.latest += 1;
        let receipt = Receipt(self.latest);
        self.pending.insert(receipt, token);
        receipt
    }

    /// Acknowledges the message.
    pub(crate) fn acknowledge(
        &mut self,
        now: Instant,
        agent: &mut Agent,
        receipt: Receipt,
        with: &Ack<'_>,
    ) -> Result<(), RequestError> {
        let token = self.pending.remove(&receipt).ok_or(RequestError::Stale)?;
        match agent.acknowledge_with(now, token, with) {
            AckResult::Counted => Ok(()),
            AckResult::Stale => Err(RequestError::Stale),
        }
    }
}
