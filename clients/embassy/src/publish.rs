//! Futures of publishing: until a message is accepted, until its result is known, until nothing is unfinished.

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
///
/// ```
/// use pure_mqtt_embassy::{Client, Delivery, PublishError, Publishing};
///
/// /// Futures of the client have names, so that a structure can hold them.
/// async fn accepted<'m, Q: Client>(publishing: Publishing<'m, '_, Q>) -> Result<Delivery<'m, Q>, PublishError> {
///     publishing.await
/// }
/// ```
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

/// An accepted message. Dropping the value does not cancel the message.
///
/// ```
/// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
/// use pure_mqtt_embassy::{EmbassyClock, Fixed, Mqtt, Publish, PublishError, QoS, TopicName};
///
/// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
///
/// static MQTT: Client = Client::new(EmbassyClock, Fixed::new());
///
/// const READING: TopicName<'_> = TopicName::from_static("plant/boiler/temperature");
///
/// /// Sends both, and waits for both: the second does not wait for the first one's acknowledgement.
/// async fn two_readings() -> Result<bool, PublishError> {
///     let mut first = MQTT.publish(&Publish::new(READING, b"71.5").qos(QoS::AtLeastOnce)).await?;
///     let mut second = MQTT.publish(&Publish::new(READING, b"71.6").qos(QoS::AtLeastOnce)).await?;
///     Ok(first.confirmed().await.is_ok() && second.confirmed().await.is_ok())
/// }
/// ```
pub struct Delivery<'m, Q: Client> {
    pub(crate) place: Place<'m, Q>,
}

impl<'m, Q: Client> Delivery<'m, Q> {
    pub(crate) const fn new(mqtt: &'m Q, ticket: Option<usize>) -> Self {
        Self { place: Place { mqtt, ticket } }
    }

    /// Waits for the final result of the message: at QoS 0 until it was sent, at QoS 1 and 2 until the server has acknowledged it. No result arrives while no task
    /// [runs](crate::Mqtt::run) the client. The future may be dropped; call the method again then. Call it again also after
    /// [`NotDelivered::InputBlocked`], which is not a final result.
    ///
    /// ```
    /// use embassy_futures::select::{Either, select};
    /// use embassy_time::Timer;
    /// use pure_mqtt_embassy::{Client, Delivery};
    ///
    /// /// Whether the server has the message within ten seconds. If not, delivery continues.
    /// async fn is_quick(delivery: &mut Delivery<'_, impl Client>) -> bool {
    ///     matches!(select(delivery.confirmed(), Timer::after_secs(10)).await, Either::First(Ok(())))
    /// }
    /// ```
    pub const fn confirmed(&mut self) -> Confirmed<'_, 'm, Q> {
        Confirmed { place: &mut self.place }
    }
}

/// The future of [`Delivery::confirmed`].
///
/// ```
/// use pure_mqtt_embassy::{Client, Confirmed, Delivery, NotDelivered};
///
/// fn end<'d, 'm, Q: Client>(delivery: &'d mut Delivery<'m, Q>) -> Confirmed<'d, 'm, Q> {
///     delivery.confirmed()
/// }
///
/// async fn wait(end: Confirmed<'_, '_, impl Client>) -> Result<(), NotDelivered> {
///     end.await
/// }
/// ```
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
///
/// ```
/// use pure_mqtt_embassy::{Client, Flush};
///
/// async fn before_sleep(flush: Flush<'_, impl Client>, sleep: impl FnOnce()) {
///     flush.await;
///     sleep();
/// }
/// ```
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
