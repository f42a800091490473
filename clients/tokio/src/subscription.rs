//! Messages of some filters, as a stream.

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

/// A queue for the messages of some filters: a `Stream`, and [`recv`](Self::recv).
///
/// It comes back by itself when the server has lost the session. Dropped, it unsubscribes from what only it wants, and acknowledges what waits in it; it keeps the client alive.
///
/// Messages at QoS 1 and 2 are never dropped: Receive Maximum bounds them in 5.0. Of QoS 0 a [bounded number](SubscriptionOptions::qos0) waits. A subscription that nobody reads holds
/// back the acknowledgements of all later messages, since they leave in the order of arrival `[MQTT-4.6.0-2]`; nothing else waits for it.
#[derive(Debug)]
pub struct Subscription {
    client: Client,
    queue: Receiver,
    ticket: Ticket,
    granted: Option<End>,
}

/// How a [`Subscription`] asks, keeps and acknowledges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[must_use]
pub struct SubscriptionOptions {
    filter: FilterOptions,
    acks: AckMode,
    qos0: Qos0Queue,
}

impl SubscriptionOptions {
    /// A message is acknowledged when the next one is asked for, or the subscription is dropped; 1,024 messages of QoS 0 wait, beyond which the oldest is dropped.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether the program acknowledges each message itself, with [`Message::ack`]. Default: false.
    pub fn manual_acks(mut self, manual: bool) -> Self {
        self.acks = if manual { AckMode::Manual } else { AckMode::OnNext };
        self
    }

    /// Sets how many messages of QoS 0 wait, and which are dropped beyond.
    pub fn qos0(mut self, queue: Qos0Queue) -> Self {
        self.qos0 = queue;
        self
    }

    /// Sets the options of 5.0 beside the quality of service (§3.8.3.1).
    pub fn filter(mut self, options: FilterOptions) -> Self {
        self.filter = options;
        self
    }
}

/// # Subscriptions
impl Client {
    /// Subscribes to `filter` at up to this quality of service. It doesn't wait, neither for a link nor for the server: what is published after this call comes back.
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing changed.
    pub fn subscribe(&self, filter: &str, qos: QoS) -> Result<Subscription, SubscribeError> {
        self.subscribe_with(&[(filter, qos)], SubscriptionOptions::new())
    }

    /// The same for several filters, with options.
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing changed. [`Refusal::Conflict`](crate::Refusal::Conflict) if somebody else wants one of the filters with other options.
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
    /// The next message, oldest first; `None` once the client has shut down. Dropped before it was ready, it has taken none.
    pub async fn recv(&mut self) -> Option<Message> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// The next message, if there is one.
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
        received(&message);
        message
    }

    /// Waits until the server has answered for all filters.
    ///
    /// # Errors
    /// [`NotGranted`].
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
