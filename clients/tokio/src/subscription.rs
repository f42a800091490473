//! Subscriptions: streams of the messages of some filters.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use pure_mqtt::QoS;
use pure_mqtt_agent::{AckMode, End, FilterOptions, Incoming, Qos0Queue, Receiver, Ticket, Undelivered};

use crate::client::Client;
use crate::error::{NotDelivered, NotGranted, SubscribeError};
use crate::message::Message;
use crate::spans::{Operation, received};

/// A queue of the messages that match some filters: a `Stream`, and [`recv`](Self::recv).
///
/// The client subscribes again when the server has lost the session. Dropping a subscription unsubscribes from filters that no other subscription has, and acknowledges the
/// messages in its queue, also with [manual acknowledgements](SubscriptionOptions::manual_acks): keep the subscription until [`shutdown`](Client::shutdown) has returned, so that
/// they come again ([a recipe](crate::guide::cancel_safety#ending-a-program-with-manual-acknowledgements)). A subscription keeps the client alive.
///
/// Messages at QoS 1 and 2 are never dropped. In 5.0 the [Receive Maximum](crate::Options::receive_maximum) limits how many the server sends before they are acknowledged, but
/// mosquitto 2.0.11 exceeds it: it sends more with each PUBACK while many messages are queued. In every version, `max_waiting` of
/// [`Options::advanced`](crate::Options::advanced) bounds the bytes that wait. At QoS 0 the queue is [bounded](SubscriptionOptions::qos0). A subscription that is not read
/// holds back the acknowledgements of all later messages, because acknowledgements are sent in the order of arrival `[MQTT-4.6.0-2]`; it delays nothing else.
#[derive(Debug)]
pub struct Subscription {
    client: Client,
    queue: Receiver,
    ticket: Ticket,
    granted: Option<End>,
}

/// The options of a [`Subscription`]: subscription options, queue, acknowledgements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[must_use]
pub struct SubscriptionOptions {
    filter: FilterOptions,
    acks: AckMode,
    qos0: Qos0Queue,
}

impl SubscriptionOptions {
    /// Creates the defaults: a message is acknowledged when the next one is requested or the subscription is dropped; up to 1,024 QoS 0 messages are queued, above which the
    /// oldest is dropped.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether the program acknowledges each message itself, with [`Message::ack`]. Default: false.
    pub fn manual_acks(mut self, manual: bool) -> Self {
        self.acks = if manual { AckMode::Manual } else { AckMode::OnNext };
        self
    }

    /// Sets how many QoS 0 messages are queued, and which are dropped above that.
    pub fn qos0(mut self, queue: Qos0Queue) -> Self {
        self.qos0 = queue;
        self
    }

    /// Sets the subscription options of 5.0 other than the QoS (§3.8.3.1).
    pub fn filter(mut self, options: FilterOptions) -> Self {
        self.filter = options;
        self
    }
}

/// # Subscriptions
impl Client {
    /// Subscribes to `filter` with this maximum QoS. Returns without waiting for a link or for the server. The client sends SUBSCRIBE before messages that it publishes after
    /// this call, so it receives those that match. For messages of other clients, wait until the subscription is [granted](Subscription::granted).
    ///
    /// A message that matches several subscriptions of this client comes to each of them, and is acknowledged when all of them have acknowledged it.
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing changed.
    pub fn subscribe(&self, filter: &str, qos: QoS) -> Result<Subscription, SubscribeError> {
        self.subscribe_with(&[(filter, qos)], SubscriptionOptions::new())
    }

    /// Like [`subscribe`](Self::subscribe), for several filters, with options.
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing changed. [`Refusal::Conflict`](crate::Refusal::Conflict) if another subscription has one of the filters with other options.
    pub fn subscribe_with(
        &self,
        filters: &[(&str, QoS)],
        options: SubscriptionOptions,
    ) -> Result<Subscription, SubscribeError> {
        let operation = Operation::subscribe(&self.options.agent.client_id, filters);
        let mut kept = Some(operation.clone()); // dropped without the lock
        let accepted = self.shared().act(|state, now| {
            let queue = state.agent.receiver(options.acks, options.qos0);
            match state.agent.subscribe(now, queue, filters, options.filter) {
                Ok(ticket) => {
                    state.expect(ticket);
                    state.spans.begin(ticket, kept.take());
                    Ok((queue, ticket))
                }
                Err(why) => {
                    state.agent.drop_receiver(now, queue, Undelivered::Acknowledge);
                    Err(SubscribeError(why))
                }
            }
        });
        let (queue, ticket) = accepted.inspect_err(|error| operation.refused(error.0))?;
        Ok(Subscription { client: self.clone(), queue, ticket, granted: None })
    }
}

impl Subscription {
    /// Returns the next message, oldest first; `None` once the client has shut down. If the future is dropped before it is ready, no message was taken.
    pub async fn recv(&mut self) -> Option<Message> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Returns the next message, if one is queued.
    pub fn try_recv(&mut self) -> Option<Message> {
        let message = self.client.shared().act(|state, now| state.agent.next(now, self.queue))?;
        Some(self.taken(message))
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        let taken = self.client.shared().act(|state, now| match state.agent.next(now, self.queue) {
            Some(message) => Poll::Ready(Some(message)),
            None if state.agent.is_done() => Poll::Ready(None),
            None => {
                state.wait_for_message(self.queue, cx.waker());
                Poll::Pending
            }
        });
        taken.map(|message| message.map(|message| self.taken(message)))
    }

    fn taken(&self, message: Incoming) -> Message {
        let message = Message::new(message, self.client.shared());
        received(&self.client.options.agent.client_id, &message);
        message
    }

    /// Waits until the server has answered for all filters.
    ///
    /// # Errors
    /// [`NotGranted`] if the server refused a filter, or the driver was dropped.
    pub async fn granted(&mut self) -> Result<(), NotGranted> {
        let end = match self.granted {
            Some(end) => end,
            None => match self.client.ask_for(self.ticket).await {
                Ok(end) => end,
                Err(NotDelivered::Ended(end)) => end,
                Err(NotDelivered::NoDriver) => return Err(NotGranted::NoDriver),
            },
        };
        self.granted = Some(end);
        if end.is_success() { Ok(()) } else { Err(NotGranted::Denied(end)) }
    }
}

impl Stream for Subscription {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.poll_recv(cx)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.client.shared().act(|state, now| {
            state.forget(self.ticket);
            state.forget_queue(self.queue);
            state.agent.drop_receiver(now, self.queue, Undelivered::Acknowledge);
        });
    }
}
