//! A subscription and its messages.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pure_mqtt::subscriptions::SubscriptionState;
use pure_mqtt::{QoS, TopicFilter};

use crate::client::Client;
use crate::error::NotGranted;
use crate::message::Received;
use crate::place::bit;
use crate::publish::again;

/// Receives the messages that match a topic filter. See [`Mqtt::subscribe`](crate::Mqtt::subscribe).
///
/// Dropping it ends the subscription, unless another receiver has the same filter. Its unfinished messages are acknowledged.
///
/// ```
/// use pure_mqtt_embassy::{Client, Receiver};
///
/// /// A task: shows what comes.
/// async fn show(mut receiver: Receiver<'_, impl Client>, display: impl Fn(&str)) {
///     loop {
///         let message = receiver.recv().await;
///         message.read(|message| display(message.text().unwrap_or("(no text)")));
///     }
/// }
/// ```
pub struct Receiver<'m, Q: Client> {
    mqtt: &'m Q,
    place: usize,
    filter: TopicFilter<'static>,
    manual_acks: bool,
}

impl<'m, Q: Client> Receiver<'m, Q> {
    pub(crate) const fn new(mqtt: &'m Q, place: usize, filter: TopicFilter<'static>, manual_acks: bool) -> Self {
        Self { mqtt, place, filter, manual_acks }
    }

    /// Returns the topic filter.
    ///
    /// ```
    /// use pure_mqtt_embassy::{Client, Receiver};
    ///
    /// fn name<'r>(receiver: &'r Receiver<'_, impl Client>) -> &'r str {
    ///     receiver.filter().as_str()
    /// }
    /// ```
    pub const fn filter(&self) -> TopicFilter<'static> {
        self.filter
    }

    /// Waits for the next message. Finish it (see [`Received`]) before you ask for the one after it.
    ///
    /// ```
    /// use embassy_futures::select::{Either, select};
    /// use pure_mqtt_embassy::{Client, Receiver};
    ///
    /// /// Whether a message arrives before the button is pressed. If not, nothing is lost: the next call returns it.
    /// async fn waits(receiver: &mut Receiver<'_, impl Client>, button: impl Future<Output = ()>) -> bool {
    ///     matches!(select(receiver.recv(), button).await, Either::First(_))
    /// }
    /// ```
    pub const fn recv(&mut self) -> Recv<'_, 'm, Q> {
        Recv { receiver: self }
    }

    /// Waits for the server's answer to the subscription, and returns the QoS it grants. If a message arrives first, as in a resumed session, returns the QoS of
    /// that message.
    ///
    /// ```
    /// use pure_mqtt_embassy::{Client, NotGranted, QoS, Receiver};
    ///
    /// async fn is_safe(receiver: &mut Receiver<'_, impl Client>) -> Result<bool, NotGranted> {
    ///     Ok(receiver.granted().await? >= QoS::AtLeastOnce)
    /// }
    /// ```
    pub const fn granted(&mut self) -> Granted<'_, 'm, Q> {
        Granted { receiver: self }
    }

    pub(crate) const fn client(&self) -> &'m Q {
        self.mqtt
    }

    pub(crate) fn poll_recv(&mut self, context: &Context<'_>) -> Poll<u32> {
        let place = self.place;
        let polled = self.mqtt.enter(|shared, _| {
            let oldest = shared.inbox.oldest(bit(place), |_| true);
            if let Some(place) = shared.receivers.get_mut(place) {
                place.is_reading = oldest.is_some();
                place.waker.register(context.waker());
            }
            oldest.map_or(Poll::Pending, Poll::Ready)
        });
        polled.unwrap_or_else(|| again(context))
    }

    pub(crate) const fn received(&self, serial: u32) -> Received<'m, Q> {
        Received::new(self.mqtt, self.place, serial, self.manual_acks)
    }

    fn poll_granted(&mut self, context: &Context<'_>) -> Poll<Result<QoS, NotGranted>> {
        let (place, filter) = (self.place, self.filter);
        let polled = self.mqtt.enter(|shared, _| match shared.desired.subscription_state(filter) {
            Some(SubscriptionState::Granted(qos)) => Poll::Ready(Ok(qos)),
            Some(SubscriptionState::Refused(reason)) => Poll::Ready(Err(NotGranted::Refused(reason))),
            Some(SubscriptionState::Unsupported(error)) => Poll::Ready(Err(NotGranted::Impossible(error))),
            _ => {
                // The answer may lie behind a message that waits for room.
                let first = shared.inbox.oldest(bit(place), |_| true).and_then(|serial| shared.inbox.entry(serial));
                if let Some(first) = first {
                    return Poll::Ready(Ok(first.qos()));
                }
                if let Some(place) = shared.receivers.get_mut(place) {
                    place.waker.register(context.waker());
                }
                Poll::Pending
            }
        });
        polled.unwrap_or_else(|| again(context))
    }
}

impl<Q: Client> Drop for Receiver<'_, Q> {
    fn drop(&mut self) {
        let place = self.place;
        self.mqtt.enter(|shared, now| shared.unsubscribe(now, place));
    }
}

/// The future of [`Receiver::recv`].
///
/// ```
/// use pure_mqtt_embassy::{Client, Receiver, Recv};
///
/// async fn length(next: Recv<'_, '_, impl Client>) -> usize {
///     next.await.copy_payload(&mut [])
/// }
///
/// async fn both(one: &mut Receiver<'_, impl Client>, other: &mut Receiver<'_, impl Client>) -> usize {
///     length(one.recv()).await + length(other.recv()).await
/// }
/// ```
#[must_use = "futures do nothing unless they are awaited"]
pub struct Recv<'r, 'm, Q: Client> {
    receiver: &'r mut Receiver<'m, Q>,
}

impl<'r, Q: Client> Future for Recv<'r, '_, Q> {
    type Output = Received<'r, Q>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let receiver = &mut *self.get_mut().receiver;
        receiver.poll_recv(context).map(|serial| receiver.received(serial))
    }
}

/// The future of [`Receiver::granted`].
///
/// ```
/// use pure_mqtt_embassy::{Client, Granted, NotGranted, QoS};
///
/// async fn answer(granted: Granted<'_, '_, impl Client>) -> Result<QoS, NotGranted> {
///     granted.await
/// }
/// ```
#[must_use = "futures do nothing unless they are awaited"]
pub struct Granted<'r, 'm, Q: Client> {
    receiver: &'r mut Receiver<'m, Q>,
}

impl<Q: Client> Future for Granted<'_, '_, Q> {
    type Output = Result<QoS, NotGranted>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().receiver.poll_granted(context)
    }
}
