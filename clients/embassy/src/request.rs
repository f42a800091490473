//! Requests and their replies (§4.10).

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll};

use pure_mqtt::{Property, Publish, PublishError, QoS, TopicName};

use crate::client::Client;
use crate::error::{NotGranted, NotReplied};
use crate::message::Received;
use crate::outgoing::poll_publish;
use crate::publish::{Delivery, Place, Publishing, again};
use crate::receiver::Receiver;
use crate::shared::count;

/// Sends requests to other clients, one at a time (5.0). See [`Mqtt::requester`](crate::Mqtt::requester).
///
/// ```
/// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
/// use pure_mqtt_embassy::{EmbassyClock, Fixed, Mqtt, QoS, Requester, SubscribeError, TopicFilter, TopicName};
///
/// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
///
/// static MQTT: Client = Client::new(EmbassyClock, Fixed::new());
///
/// /// Asks another client for the time. Use a time-out: no client may be there.
/// async fn ask_time(requester: &mut Requester<'_, Client>) -> Option<u64> {
///     let time = requester.request(TopicName::from_static("plant/time"), b"", QoS::AtLeastOnce).await.ok()?;
///     time.read(|message| message.text()?.parse().ok()).flatten()
/// }
///
/// fn requester() -> Result<Requester<'static, Client>, SubscribeError> {
///     MQTT.requester(TopicFilter::from_static("plant/boiler-1/replies"), QoS::AtLeastOnce)
/// }
///
/// fn main() {
///     assert!(requester().is_ok());
/// }
/// ```
pub struct Requester<'m, Q: Client> {
    replies: Receiver<'m, Q>,
    number: u32,
}

impl<'m, Q: Client> Requester<'m, Q> {
    pub(crate) const fn new(replies: Receiver<'m, Q>) -> Self {
        Self { replies, number: 0 }
    }

    /// Waits for the server's answer to the subscription to replies.
    ///
    /// ```
    /// use pure_mqtt_embassy::{Client, Requester};
    ///
    /// async fn may_ask(requester: &mut Requester<'_, impl Client>) -> bool {
    ///     requester.granted().await.is_ok()
    /// }
    /// ```
    ///
    /// # Errors
    /// [`NotGranted`]
    pub async fn granted(&mut self) -> Result<QoS, NotGranted> {
        self.replies.granted().await
    }

    /// Publishes a request, and waits for its reply. Use a time-out: without one it waits for ever if no reply arrives. Replies to earlier requests are dropped and
    /// counted.
    ///
    /// ```
    /// use embassy_futures::select::{Either, select};
    /// use embassy_time::Timer;
    /// use pure_mqtt_embassy::{Client, QoS, Requester, TopicName};
    ///
    /// /// The length of the reply, if it arrives within five seconds.
    /// async fn ask(requester: &mut Requester<'_, impl Client>) -> Option<usize> {
    ///     let request = requester.request(TopicName::from_static("plant/list"), b"all", QoS::AtLeastOnce);
    ///     match select(request, Timer::after_secs(5)).await {
    ///         Either::First(Ok(reply)) => Some(reply.copy_payload(&mut [])),
    ///         _ => None,
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// [`NotReplied`]
    pub async fn request(
        &mut self,
        topic: TopicName<'_>,
        payload: &[u8],
        qos: QoS,
    ) -> Result<Received<'_, Q>, NotReplied> {
        let filter = self.replies.filter();
        if filter.has_wildcard() || filter.share().is_some() {
            return Err(NotReplied::Wildcard);
        }
        self.number = self.number.wrapping_add(1);
        let number = self.number.to_be_bytes();
        let properties = [Property::ResponseTopic(filter.as_str())];
        let mut publish = Publish::new(topic, payload).qos(qos).properties(&properties).needs_v5(true);
        publish.correlation_data = Some(&number);
        let mut publishing = Publishing::new(self.replies.client(), &publish);
        let published = poll_fn(|context| {
            self.finish_replies(context); // they may hold what the request waits for
            Pin::new(&mut publishing).poll(context)
        });
        published.await.map_err(NotReplied::Publish)?;
        let serial = poll_fn(|context| self.poll_reply(context, &number)).await;
        Ok(self.replies.received(serial))
    }

    /// Finishes the replies to earlier requests.
    fn finish_replies(&mut self, context: &Context<'_>) {
        while let Poll::Ready(serial) = self.replies.poll_recv(context) {
            self.finish_foreign(self.replies.received(serial));
        }
    }

    fn finish_foreign(&self, reply: Received<'m, Q>) {
        self.replies.client().enter(|shared, _| count(&mut shared.common.stats.foreign_replies));
        reply.ack();
    }

    /// The reply to the request with this number; others are finished.
    fn poll_reply(&mut self, context: &Context<'_>, number: &[u8]) -> Poll<u32> {
        loop {
            let Poll::Ready(serial) = self.replies.poll_recv(context) else { return Poll::Pending };
            let reply = self.replies.received(serial);
            let is_it = reply.read(|message| message.properties.correlation_data() == Some(number));
            match is_it {
                Some(true) => {
                    core::mem::forget(reply); // the caller gets it
                    return Poll::Ready(serial);
                }
                Some(false) => self.finish_foreign(reply),
                None => {
                    core::mem::forget(reply); // it stays where it is
                    return again(context);
                }
            }
        }
    }
}

/// The future of [`Mqtt::reply`](crate::Mqtt::reply).
///
/// ```
/// use pure_mqtt_embassy::{Client, PublishError, Replying};
///
/// /// Whether the request had a Response Topic.
/// async fn is_accepted(reply: Replying<'_, '_, impl Client>) -> Result<bool, PublishError> {
///     Ok(reply.await?.is_some())
/// }
/// ```
#[must_use = "futures do nothing unless they are awaited"]
pub struct Replying<'m, 'p, Q: Client> {
    place: Place<'m, Q>,
    request: u32,
    payload: &'p [u8],
    is_done: bool,
}

impl<'m, 'p, Q: Client> Replying<'m, 'p, Q> {
    pub(crate) const fn new(mqtt: &'m Q, request: u32, payload: &'p [u8]) -> Self {
        Self { place: Place { mqtt, ticket: None }, request, payload, is_done: false }
    }
}

impl<'m, Q: Client> Future for Replying<'m, '_, Q> {
    /// `None` if the request names no Response Topic.
    type Output = Result<Option<Delivery<'m, Q>>, PublishError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { place: Place { mqtt, ticket }, request, payload, is_done } = self.get_mut();
        if *is_done {
            return Poll::Pending;
        }
        let polled = mqtt.enter(|shared, now| {
            let Some(message) = shared.inbox.entry(*request).map(|entry| (entry.qos(), shared.inbox.parts(entry)))
            else {
                return Poll::Ready(Ok(false));
            };
            let (qos, [_, block, _]) = message;
            let properties = crate::incoming::properties(block);
            let topic = properties.response_topic().and_then(|topic| TopicName::new(topic).ok());
            let Some(topic) = topic else { return Poll::Ready(Ok(false)) };
            let mut publish = Publish::new(topic, *payload).qos(qos);
            publish.correlation_data = properties.correlation_data();
            let polled =
                poll_publish(shared.connection, &mut shared.tickets, shared.common, now, context, &publish, ticket);
            polled.map_ok(|()| true)
        });
        let polled = polled.unwrap_or_else(|| again(context));
        *is_done = polled.is_ready();
        polled.map_ok(|is_reply| is_reply.then(|| Delivery::new(*mqtt, ticket.take())))
    }
}
