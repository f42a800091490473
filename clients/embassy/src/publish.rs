//! Futures of publishing: until a message is accepted, until it has its end, until everything has.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pure_mqtt::{Publish, PublishError};

use crate::client::Client;
use crate::error::NotDelivered;

/// The client can't be reached at the moment: a message is being read. Asks to be polled again.
pub fn again<T>(context: &Context<'_>) -> Poll<T> {
    context.waker().wake_by_ref();
    Poll::Pending
}

/// A place in the table of futures that wait, given back when it is dropped.
pub struct Place<'m, Q: Client> {
    pub mqtt: &'m Q,
    pub ticket: Option<usize>,
}

impl<Q: Client> Drop for Place<'_, Q> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.mqtt.enter(|shared, _| shared.tickets.free(ticket));
        }
    }
}

/// The future of [`Mqtt::publish`](crate::Mqtt::publish).
#[must_use = "futures do nothing unless they are awaited"]
pub struct Publishing<'m, 'p, Q: Client> {
    place: Place<'m, Q>,
    publish: &'p Publish<'p>,
    is_done: bool,
}

impl<'m, 'p, Q: Client> Publishing<'m, 'p, Q> {
    pub(crate) const fn new(mqtt: &'m Q, publish: &'p Publish<'p>) -> Self {
        Self { place: Place { mqtt, ticket: None }, publish, is_done: false }
    }
}

impl<'m, Q: Client> Future for Publishing<'m, '_, Q> {
    type Output = Result<Delivery<'m, Q>, PublishError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { place: Place { mqtt, ticket }, publish, is_done } = self.get_mut();
        if *is_done {
            return Poll::Pending;
        }
        let polled = mqtt.enter(|shared, now| shared.poll_publish(now, context, publish, ticket));
        let polled = polled.unwrap_or_else(|| again(context));
        *is_done = polled.is_ready();
        polled.map_ok(|()| Delivery::new(*mqtt, ticket.take()))
    }
}

/// A message that was accepted. Dropping it lets the message go on.
pub struct Delivery<'m, Q: Client> {
    pub(crate) place: Place<'m, Q>,
}

impl<'m, Q: Client> Delivery<'m, Q> {
    pub(crate) const fn new(mqtt: &'m Q, ticket: Option<usize>) -> Self {
        Self { place: Place { mqtt, ticket } }
    }

    /// Waits for the end of the message: at QoS 0 that it has left, at QoS 1 and 2 that the server has acknowledged it. There is no end while nobody
    /// [runs](crate::Mqtt::run) the client. The future may be dropped, and asked for again.
    pub const fn confirmed(&mut self) -> Confirmed<'_, 'm, Q> {
        Confirmed { place: &mut self.place }
    }
}

/// The future of [`Delivery::confirmed`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Confirmed<'d, 'm, Q: Client> {
    place: &'d mut Place<'m, Q>,
}

impl<Q: Client> Future for Confirmed<'_, '_, Q> {
    type Output = Result<(), NotDelivered>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Place { mqtt, ticket } = &*self.get_mut().place;
        let Some(ticket) = *ticket else { return Poll::Pending };
        mqtt.enter(|shared, _| shared.tickets.poll_end(ticket, context)).unwrap_or_else(|| again(context))
    }
}

/// The future of [`Mqtt::flush`](crate::Mqtt::flush).
#[must_use = "futures do nothing unless they are awaited"]
pub struct Flush<'m, Q: Client> {
    place: Place<'m, Q>,
}

impl<'m, Q: Client> Flush<'m, Q> {
    pub(crate) const fn new(mqtt: &'m Q) -> Self {
        Self { place: Place { mqtt, ticket: None } }
    }
}

impl<Q: Client> Future for Flush<'_, Q> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Place { mqtt, ticket } = &mut self.get_mut().place;
        let polled = mqtt.enter(|shared, _| {
            if ticket.is_none() {
                *ticket = shared.tickets.flush(context);
                shared.common.nudge();
            }
            if shared.is_ready() && shared.connection.pending() == 0 {
                return Poll::Ready(());
            }
            let Some(ticket) = *ticket else { return Poll::Pending };
            shared.tickets.poll_end(ticket, context).map(|_| ())
        });
        polled.unwrap_or_else(|| again(context))
    }
}
