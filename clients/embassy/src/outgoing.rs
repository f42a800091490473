//! What leaves: messages into the engine, bytes out of it, and what is due in between.

use core::task::{Context, Poll};

use pure_mqtt::{Connection, Instant, Payload, Publish, PublishError, QoS, Storage};

use crate::copying::copy;
use crate::error::NotDelivered;
use crate::shared::{Common, Shared};
use crate::tickets::Tickets;

impl<S: Storage> Shared<'_, S> {
    /// Does what is due. Returns when to be called again at the latest.
    pub fn work(&mut self, now: Instant) -> Option<Instant> {
        let _ = self.connection.handle_timeout(now); // an error shows in `should_close`
        while let Some(outcome) = self.connection.poll_outcome() {
            self.desired.on_outcome(&outcome);
            self.tickets.end(outcome.handle, Err(NotDelivered::Ended(outcome.cause)));
        }
        self.desired.sync(now, self.connection);
        if self.common.holds_until.is_some_and(|until| until <= now) {
            self.release();
        }
        self.give_up_blocked(now);
        self.tickets.wake_first();
        if self.connection.pending() == 0 {
            self.tickets.flushed();
        }
        let _ = self.connection.transmit(now); // what is to be sent may set a deadline
        let until = earlier(self.connection.poll_timeout(), self.common.holds_until);
        earlier(until, self.common.waiting.until())
    }

    /// Takes bytes for the server out of the engine, as many as there is room for.
    #[inline(never)]
    pub fn fill(&mut self, now: Instant, tx: &mut [u8]) -> usize {
        let mut filled = 0;
        if self.common.is_held {
            return 0;
        }
        loop {
            let room = tx.get_mut(filled..).unwrap_or_default();
            let mut transmit = self.connection.transmit(now);
            let count = copy(transmit.chunk(), room);
            transmit.advance(count);
            filled += count;
            let is_held = self.common.holds_until.is_some() && !room.is_empty();
            if count == 0 && is_held && self.connection.is_connected() && !self.desired.has_pending() {
                self.release(); // every SUBSCRIBE has left
            } else if count == 0 {
                break;
            }
        }
        if filled > 0 {
            let left = self.connection.last_sent_qos0();
            self.tickets.left(left);
            self.common.nudge(); // deadlines have changed
        }
        filled
    }

    /// Whether there are bytes for the server, or messages are held that may leave now.
    pub fn has_output(&mut self, now: Instant) -> bool {
        let may_release =
            self.common.holds_until.is_some() && self.connection.is_connected() && !self.desired.has_pending();
        !self.common.is_held && (may_release || !self.connection.transmit(now).chunk().is_empty())
    }

    /// Messages are held no longer.
    pub fn release(&mut self) {
        self.connection.hold_messages(false);
        self.common.holds_until = None;
    }

    /// Publishes once there is room and it is this future's turn; `ticket` is then that of the delivery.
    pub fn poll_publish(
        &mut self,
        now: Instant,
        context: &Context<'_>,
        publish: &Publish<'_>,
        ticket: &mut Option<usize>,
    ) -> Poll<Result<(), PublishError>> {
        poll_publish(self.connection, &mut self.tickets, self.common, now, context, publish, ticket)
    }
}

/// The earlier of two moments, as far as there are any.
fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.map_or(other, |one| Some(other.map_or(one, |other| one.min(other))))
}

/// The same where the message lies in the ring.
#[inline(never)]
pub fn poll_publish<S: Storage>(
    connection: &mut Connection<S>,
    tickets: &mut Tickets<'_>,
    common: &mut Common,
    now: Instant,
    context: &Context<'_>,
    publish: &Publish<'_>,
    ticket: &mut Option<usize>,
) -> Poll<Result<(), PublishError>> {
    if matches!(publish.payload, Payload::Streamed(1..)) {
        return Poll::Ready(Err(PublishError::TooLarge)); // nobody would supply the payload
    }
    if ticket.is_none() {
        *ticket = tickets.line_up(context);
    }
    let Some(index) = *ticket else { return Poll::Pending };
    if tickets.is_given_up(index) {
        *ticket = None;
        tickets.free(index);
        return Poll::Ready(Err(PublishError::Full));
    }
    let is_ready = common.is_restored || !connection.keeps_journal();
    if !is_ready || !tickets.is_first(index) {
        tickets.register(index, context);
        return Poll::Pending;
    }
    match connection.publish(now, publish) {
        Ok(delivery) => {
            if let Some(victims) = delivery.dropped {
                let range = victims.first..=victims.last;
                tickets.drop_all(|message| range.contains(&message) && connection.attempts(message).is_none());
            }
            tickets.accept(index, delivery.handle, publish.qos != QoS::AtMostOnce);
            common.nudge();
            Poll::Ready(Ok(()))
        }
        Err(PublishError::Full) => {
            tickets.register(index, context);
            Poll::Pending
        }
        Err(error) => {
            *ticket = None;
            tickets.free(index);
            Poll::Ready(Err(error))
        }
    }
}
