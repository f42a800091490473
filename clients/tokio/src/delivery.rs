//! What becomes of a published message.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pure_mqtt::PacketId;
use pure_mqtt_agent::{Accepted, End, Milestone, Ticket};

use crate::error::NotDelivered;
use crate::shared::Shared;
use crate::state::Asked;

/// A message that was accepted: a future of its end. At QoS 0 that is when it has left, at QoS 1 and 2 when the server has acknowledged it.
///
/// It may be polled again after it has said [`NotDelivered::NoDriver`]. Dropped, it lets the message go on; its end is only counted then.
#[derive(Debug)]
#[must_use = "await it to learn whether the message was delivered, or drop it to let the message go on"]
pub struct Delivery {
    shared: Arc<Shared>,
    ticket: Ticket,
    id: Option<PacketId>,
    end: Option<End>,
}

impl Delivery {
    pub(crate) fn new(shared: Arc<Shared>, accepted: &Accepted) -> Self {
        Self { shared, ticket: accepted.ticket, id: accepted.id, end: None }
    }

    /// A message of before the restart.
    pub(crate) fn recovered(shared: Arc<Shared>, ticket: Ticket) -> Self {
        Self { shared, ticket, id: None, end: None }
    }

    /// Names the message, with a log over restarts too.
    pub fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Its packet identifier at first; none at QoS 0.
    pub fn packet_id(&self) -> Option<PacketId> {
        self.id
    }

    /// How far it has come, and on how many links it was sent. `None` once it has its end.
    pub fn milestone(&self) -> Option<(Milestone, u8)> {
        self.shared.look(|state| state.agent.milestone(self.ticket))
    }
}

impl Future for Delivery {
    type Output = Result<(), NotDelivered>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let end = match self.end {
            Some(end) => end,
            None => match self.shared.drive(|state, _| state.ask(self.ticket, cx.waker())) {
                Asked::Ended(end) => end,
                Asked::Open => return Poll::Pending,
                Asked::NoDriver => return Poll::Ready(Err(NotDelivered::NoDriver)),
            },
        };
        self.end = Some(end);
        Poll::Ready(if end.is_success() { Ok(()) } else { Err(NotDelivered::Ended(end)) })
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if self.end.is_none() {
            self.shared.drive(|state, _| state.forget(self.ticket));
        }
    }
}
