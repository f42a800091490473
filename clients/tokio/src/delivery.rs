//! The future of a published message's final result.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pure_mqtt::PacketId;
use pure_mqtt_agent::{Accepted, End, Milestone, Ticket};

use crate::error::NotDelivered;
use crate::shared::Shared;
use crate::state::Asked;

/// A future of the final result of an accepted message. It is ready when the message was sent (QoS 0), or when the server has acknowledged it (QoS 1 and 2).
///
/// It may be polled again after [`NotDelivered::NoDriver`]. If it is dropped, the message is still sent, and its final result is only counted in [`Stats`](crate::Stats).
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

    /// Creates the delivery of a message from before the restart.
    pub(crate) fn recovered(shared: Arc<Shared>, ticket: Ticket) -> Self {
        Self { shared, ticket, id: None, end: None }
    }

    /// Returns the ticket that identifies the message; with a log also after restarts.
    pub fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Returns the packet identifier assigned when the message was accepted; `None` at QoS 0.
    pub fn packet_id(&self) -> Option<PacketId> {
        self.id
    }

    /// Returns how far the message has come, and on how many links it was sent. Returns `None` once the message has its final result.
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
