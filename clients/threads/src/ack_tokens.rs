//! Messages that the program has yet to acknowledge.

use std::collections::BTreeMap;

use pure_mqtt::{Ack, Instant, RequestError};
use pure_mqtt_agent::{AckResult, AckToken as AgentToken, Agent};

/// Identifies a received message for [`Client::ack`](crate::Client::ack). A client never reuses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AckToken(u64);

/// The agent's token for each of the client's.
#[derive(Debug, Default)]
pub(crate) struct AckTokens {
    pending: BTreeMap<AckToken, AgentToken>,
    latest: u64,
    /// How many tokens are kept before stale ones are removed.
    most: usize,
}

impl AckTokens {
    /// Stores the token of a message. Stale ones (the message was delivered again, or its session is lost) are removed from time to time.
    pub(crate) fn keep(&mut self, agent: &Agent, token: AgentToken) -> AckToken {
        if self.pending.len() >= self.most {
            self.pending.retain(|_, token| agent.counts(token));
            self.most = 2 * self.pending.len() + 64;
        }
        self.latest += 1;
        let own = AckToken(self.latest);
        self.pending.insert(own, token);
        own
    }

    /// Acknowledges the message.
    pub(crate) fn acknowledge(
        &mut self,
        now: Instant,
        agent: &mut Agent,
        own: AckToken,
        with: &Ack<'_>,
    ) -> Result<(), RequestError> {
        let token = self.pending.remove(&own).ok_or(RequestError::Stale)?;
        match agent.acknowledge_with(now, token, with) {
            AckResult::Counted => Ok(()),
            AckResult::Stale => Err(RequestError::Stale),
        }
    }
}
