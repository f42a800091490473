//! Receivers: queues of messages beside the callbacks.

use std::sync::Arc;
use std::time::Duration;

use pure_mqtt::subscriptions::SubscriptionState;
use pure_mqtt::{QoS, Subscription, TopicFilter};
use pure_mqtt_agent::{AckMode, Qos0Queue, Undelivered};

use crate::bells::Bell;
use crate::client::Client;
use crate::clock::deadline;
use crate::error::{ReceiveError, SubscribeError};
use crate::message::Received;
use crate::requests::subscription_state;
use crate::ticket::is_loop_of;

/// A queue of the messages that match some filters: see [`Client::receive`].
///
/// It is a handle of the client, and keeps the client alive. Dropping it unsubscribes from filters that no other receiver or callback has, and acknowledges the messages in its
/// queue.
///
/// Messages at QoS 1 and 2 are never dropped: in 5.0 Receive Maximum bounds them. At QoS 0 the queue is [bounded](ReceiverOptions::qos0). A receiver that is not read holds back
/// the acknowledgements of all later messages, because acknowledgements are sent in the order of arrival `[MQTT-4.6.0-2]`; it delays nothing else.
#[derive(Debug)]
pub struct Receiver {
    client: Client,
    queue: pure_mqtt_agent::Receiver,
    filters: Vec<Box<str>>,
    bell: Arc<Bell>,
}

/// The options of a [`Receiver`]: queue and acknowledgements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReceiverOptions {
    acks: AckMode,
    qos0: Qos0Queue,
}

impl ReceiverOptions {
    /// Creates the defaults: a message is acknowledged when the next one is requested or the receiver is dropped; up to 1,024 QoS 0 messages are queued, above which the oldest
    /// is dropped.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether the program acknowledges each message itself, with [`Received::ack_token`] and [`Client::ack`]. Default: false.
    #[must_use]
    pub fn manual_acks(mut self, manual: bool) -> Self {
        self.acks = if manual { AckMode::Manual } else { AckMode::OnNext };
        self
    }

    /// Sets how many QoS 0 messages are queued, and which are dropped above that.
    #[must_use]
    pub fn qos0(mut self, queue: Qos0Queue) -> Self {
        self.qos0 = queue;
        self
    }
}

/// # Receivers
///
/// A receiver is a queue for threads that process messages at their own pace. A message goes to each receiver with a matching filter. It goes to the callbacks if a subscription
/// of theirs matches, or if no receiver has a matching filter.
impl Client {
    /// Subscribes to `filter` with this maximum QoS, and returns a queue of its messages. A message is acknowledged when the next one is requested, so the server sends a
    /// message again if the program ended while processing it.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use pure_mqtt_client::Client;
    /// use pure_mqtt_client::pure_mqtt::QoS;
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let broker = Broker::start()?;
    ///
    ///     let client = Client::new("logger");
    ///     let levels = client.receive("plant/+/level", QoS::AtLeastOnce)?;
    ///     client.connect(broker.address())?;
    ///     client.loop_start()?;
    ///     levels.granted(Duration::from_secs(10))?;
    ///     client.publish("plant/tank/level", "0.7", QoS::AtLeastOnce, false)?;
    ///     let message = levels.recv(Duration::from_secs(10))?;
    ///     assert_eq!((message.topic.as_str(), message.text()), ("plant/tank/level", Some("0.7")));
    ///     client.disconnect();
    ///     client.loop_stop();
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing changed.
    pub fn receive(&self, filter: &str, qos: QoS) -> Result<Receiver, SubscribeError> {
        self.receive_from(&[Subscription::new(TopicFilter::new(filter)?, qos)], ReceiverOptions::new())
    }

    /// Like [`receive`](Self::receive), for several filters with their options. The server's answer is also passed to [`on_subscribe`](Self::on_subscribe), as for
    /// [`subscribe_to`](Self::subscribe_to).
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing changed. [`SubscribeError::Conflict`] if another receiver or a callback has one of the filters with other options.
    pub fn receive_from(
        &self,
        subscriptions: &[Subscription<'_>],
        options: ReceiverOptions,
    ) -> Result<Receiver, SubscribeError> {
        let filters = subscriptions.iter().map(|subscription| subscription.filter.as_str().into()).collect();
        let (queue, bell) = self.shared.change(|state| {
            let (now, mid) = (state.now(), state.next_mid());
            let queue = state.agent.receiver(options.acks, options.qos0);
            if let Err(error) = state.requests.subscribe((now, &mut state.agent, queue), mid, subscriptions) {
                state.agent.drop_receiver(now, queue, Undelivered::Acknowledge);
                return Err(error);
            }
            Ok((queue, state.bells.add(queue)))
        })?;
        Ok(Receiver { client: self.clone(), queue, filters, bell })
    }
}

impl Receiver {
    /// Waits for the next message; if `timeout` is `None`, without a limit. The loop must run in another thread.
    ///
    /// # Errors
    /// [`ReceiveError`]. [`ReceiveError::Disconnected`] after [`Client::disconnect`], once the queue is empty.
    pub fn recv(&self, timeout: impl Into<Option<Duration>>) -> Result<Received, ReceiveError> {
        if let Some(message) = self.try_recv() {
            return Ok(message);
        }
        if is_loop_of(self.client.shared.number) {
            return Err(ReceiveError::InCallback);
        }
        let deadline = deadline(timeout.into());
        let mut state = self.client.shared.lock();
        loop {
            if let Some(message) = state.take_from(self.queue) {
                self.client.shared.release(state);
                return Ok(message);
            }
            if state.intent.has_left {
                return Err(ReceiveError::Disconnected);
            }
            state = self.bell.wait(state, deadline).ok_or(ReceiveError::TimedOut)?;
        }
    }

    /// Returns the next message, if one is queued.
    pub fn try_recv(&self) -> Option<Received> {
        self.client.shared.change(|state| state.take_from(self.queue))
    }

    /// Returns an iterator over messages as they arrive, until the client is [disconnected](Client::disconnect).
    ///
    /// ```
    /// use pure_mqtt_client::Receiver;
    ///
    /// fn print(levels: &Receiver) {
    ///     for message in levels {
    ///         println!("{}: {:?}", message.topic, message.text());
    ///     }
    /// }
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = Received> {
        std::iter::from_fn(|| self.recv(None).ok())
    }

    /// Waits until the server has answered for all filters.
    ///
    /// # Errors
    /// [`ReceiveError::NotGranted`] with the first filter that the server refused; otherwise the errors of [`recv`](Self::recv).
    pub fn granted(&self, timeout: impl Into<Option<Duration>>) -> Result<(), ReceiveError> {
        let deadline = deadline(timeout.into());
        let mut state = self.client.shared.lock();
        loop {
            let standings: Vec<_> =
                self.filters.iter().map(|filter| subscription_state(&state.agent, filter)).collect();
            if !standings.contains(&Some(SubscriptionState::Requested)) {
                let refused = |(_, standing): &(_, &Option<SubscriptionState>)| {
                    !matches!(standing, Some(SubscriptionState::Granted(_)))
                };
                return match self.filters.iter().zip(&standings).find(refused) {
                    Some((filter, standing)) => {
                        let standing = standing.unwrap_or(SubscriptionState::Unsubscribing); // the session was discarded
                        Err(ReceiveError::NotGranted { filter: filter.clone(), standing })
                    }
                    None => Ok(()),
                };
            }
            if is_loop_of(self.client.shared.number) {
                return Err(ReceiveError::InCallback);
            }
            if state.intent.has_left {
                return Err(ReceiveError::Disconnected);
            }
            state = self.bell.wait(state, deadline).ok_or(ReceiveError::TimedOut)?;
        }
    }
}

impl<'r> IntoIterator for &'r Receiver {
    type Item = Received;
    type IntoIter = Box<dyn Iterator<Item = Received> + 'r>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.client.shared.change(|state| {
            let now = state.now();
            state.bells.remove(self.queue);
            state.agent.drop_receiver(now, self.queue, Undelivered::Acknowledge);
        });
    }
}
