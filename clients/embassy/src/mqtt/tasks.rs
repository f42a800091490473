//! What the tasks call: publishing, subscribing, asking.

use embassy_sync::blocking_mutex::raw::RawMutex;
use pure_mqtt::{Publish, QoS, Storage, Subscription, TopicFilter};

use super::Mqtt;
use crate::client::sealed::Access;
use crate::clock::Clock;
use crate::error::SubscribeError;
use crate::message::Received;
use crate::options::ReceiverOptions;
use crate::publish::{Flush, Publishing};
use crate::receiver::Receiver;
use crate::request::{Replying, Requester};

impl<M, C, S, const RING: usize, const MESSAGES: usize, const RECEIVERS: usize, const TICKETS: usize>
    Mqtt<M, C, S, RING, MESSAGES, RECEIVERS, TICKETS>
where
    M: RawMutex,
    C: Clock,
    S: Storage,
{
    /// Publishes a message. The future is ready once the message is accepted. It waits for room; futures take turns in the order in which they were first polled.
    /// If it is dropped earlier, nothing was published. Without a link the message is queued.
    ///
    /// The payload is copied. [`Payload::Streamed`](pure_mqtt::Payload::Streamed) is refused as too large.
    /// [`PublishError::Full`](pure_mqtt::PublishError::Full) is returned only if the acknowledgements that would make room cannot be read: see
    /// [`Options::blocked_timeout`](crate::Options::blocked_timeout).
    ///
    /// ```
    /// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
    /// use pure_mqtt_embassy::{EmbassyClock, Fixed, Mqtt, Publish, QoS, TopicName};
    ///
    /// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
    ///
    /// static MQTT: Client = Client::new(EmbassyClock, Fixed::new());
    ///
    /// /// Publishes a reading. Returns whether it was accepted.
    /// async fn report(reading: &[u8]) -> bool {
    ///     let topic = TopicName::from_static("plant/boiler/temperature");
    ///     MQTT.publish(&Publish::new(topic, reading).qos(QoS::ExactlyOnce).retain(true)).await.is_ok()
    /// }
    ///
    /// fn main() {
    ///     assert!(embassy_futures::block_on(report(b"71.5")));
    /// }
    /// ```
    pub fn publish<'m, 'p>(&'m self, publish: &'p Publish<'p>) -> Publishing<'m, 'p, Self> {
        Publishing::new(self, publish)
    }

    /// Publishes the reply to a request: to its Response Topic, with its Correlation Data and its QoS. Otherwise like [`publish`](Self::publish). The future returns
    /// `None` if the request has no Response Topic.
    ///
    /// ```
    /// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
    /// use pure_mqtt_embassy::{EmbassyClock, Fixed, Mqtt, PublishError, QoS, Receiver};
    ///
    /// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
    ///
    /// static MQTT: Client = Client::new(EmbassyClock, Fixed::new());
    ///
    /// /// A task: replies with the version.
    /// async fn answer(mut questions: Receiver<'static, Client>) -> Result<(), PublishError> {
    ///     loop {
    ///         let question = questions.recv().await;
    ///         MQTT.reply(&question, b"1.2.3").await?; // `None` if no reply is expected
    ///     }
    /// }
    /// ```
    pub fn reply<'m, 'p>(&'m self, request: &'p Received<'_, Self>, payload: &'p [u8]) -> Replying<'m, 'p, Self> {
        Replying::new(self, request.serial(), payload)
    }

    /// Waits until no accepted message is unfinished.
    ///
    /// ```
    /// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
    /// use pure_mqtt_embassy::{EmbassyClock, Fixed, Mqtt};
    ///
    /// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
    ///
    /// static MQTT: Client = Client::new(EmbassyClock, Fixed::new());
    ///
    /// /// Disconnects once everything is delivered; then `run` returns.
    /// async fn leave() {
    ///     MQTT.flush().await;
    ///     MQTT.disconnect();
    /// }
    ///
    /// fn main() {
    ///     embassy_futures::block_on(leave()); // nothing was published
    /// }
    /// ```
    pub fn flush(&self) -> Flush<'_, Self> {
        Flush::new(self)
    }

    /// Subscribes to `filter`, and returns a receiver of the messages that match it. The client restores the subscription on each new session. Dropping the receiver
    /// unsubscribes.
    ///
    /// ```
    /// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
    /// use pure_mqtt_embassy::{EmbassyClock, Fixed, Mqtt, QoS, SubscribeError, TopicFilter};
    ///
    /// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
    ///
    /// static MQTT: Client = Client::new(EmbassyClock, Fixed::new());
    ///
    /// /// A task: waits for the command to stop.
    /// async fn stopped() -> Result<(), SubscribeError> {
    ///     let mut commands = MQTT.subscribe(TopicFilter::from_static("plant/command"), QoS::AtLeastOnce)?;
    ///     while commands.recv().await.read(|message| message.payload == b"stop") != Some(true) {}
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing has changed.
    pub fn subscribe(&self, filter: TopicFilter<'static>, qos: QoS) -> Result<Receiver<'_, Self>, SubscribeError> {
        self.subscribe_with(Subscription::new(filter, qos), ReceiverOptions::new())
    }

    /// Like [`subscribe`](Self::subscribe), with all options.
    ///
    /// ```
    /// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
    /// use pure_mqtt_embassy::{EmbassyClock, Fixed, Mqtt, QoS, Receiver, ReceiverOptions, SubscribeError, Subscription, TopicFilter};
    ///
    /// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
    ///
    /// static MQTT: Client = Client::new(EmbassyClock, Fixed::new());
    ///
    /// /// What other clients publish, in at most 200 bytes.
    /// fn chat() -> Result<Receiver<'static, Client>, SubscribeError> {
    ///     let subscription = Subscription::new(TopicFilter::from_static("chat/#"), QoS::AtLeastOnce).no_local(true);
    ///     MQTT.subscribe_with(subscription, ReceiverOptions::new().share(200).lossy(true))
    /// }
    ///
    /// fn main() {
    ///     assert!(chat().is_ok());
    /// }
    /// ```
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing has changed.
    pub fn subscribe_with(
        &self,
        subscription: Subscription<'static>,
        options: ReceiverOptions,
    ) -> Result<Receiver<'_, Self>, SubscribeError> {
        let subscribed = self.enter(|shared, _| shared.subscribe(subscription, options));
        let place = subscribed.unwrap_or(Err(SubscribeError::Busy))?;
        Ok(Receiver::new(self, place, subscription.filter, options.manual_acks))
    }

    /// Returns a requester, which sends requests to other clients (5.0). Replies arrive at the topic `replies`; no other client may use it.
    ///
    /// ```
    /// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
    /// use pure_mqtt_embassy::{EmbassyClock, Fixed, Mqtt, QoS, TopicFilter};
    ///
    /// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
    ///
    /// static MQTT: Client = Client::new(EmbassyClock, Fixed::new());
    ///
    /// fn main() {
    ///     let requester = MQTT.requester(TopicFilter::from_static("plant/boiler-1/replies"), QoS::AtLeastOnce);
    ///     assert!(requester.is_ok());
    /// }
    /// ```
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing has changed.
    pub fn requester(&self, replies: TopicFilter<'static>, qos: QoS) -> Result<Requester<'_, Self>, SubscribeError> {
        Ok(Requester::new(self.subscribe(replies, qos)?))
    }
}
