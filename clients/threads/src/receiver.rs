//! Messages in a queue of their own, beside the callbacks.

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

/// A queue for the messages of some filters: see [`Client::receive`].
///
/// It is a handle of the client, and keeps it alive. Dropping it unsubscribes from what only it wants, and acknowledges what waits in it.
///
/// Messages at QoS 1 and 2 are never dropped: Receive Maximum bounds them in 5.0. Of QoS 0 a [bounded number](ReceiverOptions::qos0) waits. A receiver that nobody reads holds
/// back the acknowledgements of all later messages, since they leave in the order of arrival `[MQTT-4.6.0-2]`; nothing else waits for it.
#[derive(Debug)]
pub struct Receiver {
    client: Client,
    queue: pure_mqtt_agent::Receiver,
    filters: Vec<Box<str>>,
    bell: Arc<Bell>,
}

/// How a [`Receiver`] keeps and acknowledges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReceiverOptions {
    acks: AckMode,
    qos0: Qos0Queue,
}

impl ReceiverOptions {
    /// A message is acknowledged when the next one is asked for, or the receiver is dropped; 1,024 messages of QoS 0 wait, beyond which the oldest is dropped.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether the program acknowledges each message itself, with [`Received::ack_token`] and [`Client::ack`]. Default: false.
    #[must_use]
    pub fn manual_acks(mut self, manual: bool) -> Self {
        self.acks = if manual { AckMode::Manual } else { AckMode::OnNext };
        self
    }

    /// Sets how many messages of QoS 0 wait, and which are dropped beyond.
    #[must_use]
    pub fn qos0(mut self, queue: Qos0Queue) -> Self {
        self.qos0 = queue;
        self
    }
}

/// # Receivers
///
/// Queues beside the callbacks, for threads that take their messages when they have time. A message goes to each receiver with a matching filter, and to the callbacks if
/// one of their subscriptions matches, or none of anybody's.
impl Client {
    /// Subscribes to `filter` at up to this quality of service, and gives a queue of its messages. A message is acknowledged when the next one is asked for: what the program
    /// had in hand when it died comes again.
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

    /// The same for several filters with their options. [`on_subscribe`](Self::on_subscribe) is told the server's answer, as for [`subscribe_to`](Self::subscribe_to).
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing changed. [`SubscribeError::Conflict`] if somebody else wants one of the filters with other options.
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
    /// Waits for the next message; without `timeout` as long as it takes. The loop has to run in another thread.
    ///
    /// # Errors
    /// [`ReceiveError`]. [`ReceiveError::Disconnected`] after [`Client::disconnect`], once all that came before was taken.
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

    /// The next message, if there is one.
    pub fn try_recv(&self) -> Option<Received> {
        self.client.shared.change(|state| state.take_from(self.queue))
    }

    /// The messages as they come, until the client is [disconnected](Client::disconnect).
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
    /// [`ReceiveError::NotGranted`] with the first that it refused; the others as [`recv`](Self::recv).
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
