//! Requests: messages that expect a reply (§4.10).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pure_mqtt::{Payload, Properties, Property, Publish, QoS, TopicName};
use pure_mqtt_agent::{Agent, Bytes, End, Outgoing, Ticket, encode_properties};

use crate::bells::Bell;
use crate::client::Client;
use crate::clock::deadline;
use crate::deliveries::result_of;
use crate::error::{PublishError, WaitError};
use crate::message::Received;
use crate::shared::Shared;
use crate::ticket::is_loop_of;

/// An accepted request: waits for its reply. It does not keep the client alive. If it is dropped, the request is still sent, and its reply is discarded.
#[derive(Debug)]
pub struct Request {
    shared: Arc<Shared>,
    ticket: Ticket,
    bell: Arc<Bell>,
    /// The time-out of the request, also while no loop runs.
    not_after: Option<Instant>,
}

/// # Requests
///
/// A request is a message that expects a reply (§4.10). The other side replies with [`Message::reply`](crate::Message::reply) or [`Received::reply`](crate::Received::reply).
impl Client {
    /// Publishes a request, and returns a handle that waits for the reply. Adds Response Topic and Correlation Data to the request, and subscribes to the response topic. Late
    /// replies, and replies without a request, are discarded and [counted](crate::Stats).
    ///
    /// Needs 5.0. In earlier versions use [`request_with`](Self::request_with) with a reply topic.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use pure_mqtt_client::pure_mqtt::{QoS, Version};
    /// use pure_mqtt_client::{Client, Options};
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let broker = Broker::start()?;
    ///
    ///     let client = Client::with(Options::new("calculator").version(Version::V5));
    ///     client.subscribe("double", QoS::AtLeastOnce)?;
    ///     client.on_message(|client, message| {
    ///         let doubled = message.text().and_then(|text| text.parse().ok()).map_or(0, |number: i32| 2 * number);
    ///         if let Some(reply) = message.reply(doubled.to_string().as_bytes()) {
    ///             client.publish_with(&reply).expect("the queue is not full");
    ///         }
    ///     });
    ///     client.connect(broker.address())?;
    ///     client.loop_start()?;
    ///     let request = client.request("double", "21", QoS::AtLeastOnce, Duration::from_secs(10))?;
    ///     assert_eq!(request.wait()?.text(), Some("42"));
    ///     client.disconnect();
    ///     client.loop_stop();
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`PublishError`]; nothing changed. [`PublishError::NeedsVersion5`] on a link of an earlier version.
    pub fn request(
        &self,
        topic: &str,
        payload: impl AsRef<[u8]>,
        qos: QoS,
        timeout: Duration,
    ) -> Result<Request, PublishError> {
        self.request_with(&Publish::new(TopicName::new(topic)?, payload.as_ref()).qos(qos), None, timeout)
    }

    /// Like [`request`](Self::request), with all PUBLISH fields; Response Topic and Correlation Data are replaced. With a `reply_topic` nothing is replaced: the next message on
    /// that topic is the reply to the oldest request that waits there. This works in all versions; the request itself must contain the topic, in the place where the responder
    /// looks for it.
    ///
    /// # Errors
    /// Same errors as [`request`](Self::request).
    pub fn request_with(
        &self,
        publish: &Publish<'_>,
        reply_topic: Option<&str>,
        timeout: Duration,
    ) -> Result<Request, PublishError> {
        if matches!(publish.payload, Payload::Streamed(_)) {
            return Err(PublishError::Streamed);
        }
        if let Some(topic) = reply_topic {
            TopicName::new(topic)?;
        }
        let mut properties: Vec<_> = publish.properties.iter().collect();
        properties.extend(publish.correlation_data.map(Property::CorrelationData)); // replaced unless there is a reply topic
        let message = Outgoing {
            retain: publish.retain,
            properties: encode_properties(&Properties::new(&properties)),
            needs_v5: publish.needs_v5,
            ..Outgoing::new(publish.topic.as_str(), payload_of(&publish.payload)).qos(publish.qos)
        };
        let milliseconds = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let (ticket, bell) = self.shared.change(|state| {
            let now = state.now();
            let not_after = now.after_millis(milliseconds);
            let accepted = state.agent.request(now, message, reply_topic, not_after);
            let ticket = accepted.map_err(|rejected| PublishError::from(rejected.why))?;
            Ok::<_, PublishError>((ticket, state.replies.expect(ticket)))
        })?;
        Ok(Request { shared: Arc::clone(&self.shared), ticket, bell, not_after: deadline(Some(timeout)) })
    }
}

fn payload_of(payload: &Payload<'_>) -> Bytes {
    match payload {
        Payload::Slice(bytes) => Bytes::copy_from_slice(bytes),
        Payload::Bytes(bytes) => (*bytes).clone(),
        _ => Bytes::new(), // streamed payloads were refused before
    }
}

impl Request {
    /// Waits for the reply until the request times out. The loop must run in another thread.
    ///
    /// # Errors
    /// [`WaitError`]: [`WaitError::TimedOut`] after the request's time; [`WaitError::NotPublished`] if the request itself could not be delivered.
    pub fn wait(self) -> Result<Received, WaitError> {
        if let Some(result) = self.try_wait() {
            return result;
        }
        if is_loop_of(self.shared.number) {
            return Err(WaitError::InCallback);
        }
        let mut state = self.shared.lock();
        loop {
            if let Some(result) = state.replies.take(self.ticket) {
                return result;
            }
            if !state.replies.contains(self.ticket) {
                return Err(WaitError::TimedOut); // `try_wait` has returned it
            }
            if state.intent.has_left {
                return Err(WaitError::Disconnected);
            }
            state = self.bell.wait(state, self.not_after).ok_or(WaitError::TimedOut)?;
        }
    }

    /// Returns the reply or the failure if there is one, once: for a program that runs the loop itself.
    pub fn try_wait(&self) -> Option<Result<Received, WaitError>> {
        self.shared.lock().replies.take(self.ticket)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if state.replies.forget(self.ticket) {
            state.agent.forget(self.ticket);
        }
    }
}

/// The unfinished requests of a client.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    open: BTreeMap<Ticket, Arc<Bell>>,
    ended: BTreeMap<Ticket, Result<Received, WaitError>>,
}

impl Replies {
    fn expect(&mut self, ticket: Ticket) -> Arc<Bell> {
        Arc::clone(self.open.entry(ticket).or_default())
    }

    fn take(&mut self, ticket: Ticket) -> Option<Result<Received, WaitError>> {
        self.ended.remove(&ticket)
    }

    /// Called when a request's handle is dropped. True if the request is unfinished.
    fn forget(&mut self, ticket: Ticket) -> bool {
        self.ended.remove(&ticket);
        self.open.remove(&ticket).is_some()
    }

    pub(crate) fn contains(&self, ticket: Ticket) -> bool {
        self.open.contains_key(&ticket)
    }

    /// Stores the final result of a request.
    pub(crate) fn ended(&mut self, agent: &mut Agent, ticket: Ticket, end: End) {
        let Some(bell) = self.open.remove(&ticket) else { return };
        let reply = agent.take_reply(ticket).map(|reply| Received::new(reply, None));
        let result = match (reply, end) {
            (Some(reply), _) => Ok(reply),
            (None, End::TimedOut) => Err(WaitError::TimedOut),
            (None, end) => result_of(end).map_err(WaitError::NotPublished).and(Err(WaitError::TimedOut)),
        };
        self.ended.insert(ticket, result);
        bell.ring();
    }

    /// Wakes all waiting threads.
    pub(crate) fn ring_all(&self) {
        self.open.values().for_each(|bell| bell.ring());
    }

    /// Ends all requests: the client was dropped.
    pub(crate) fn give_up(&mut self) {
        for (ticket, bell) in std::mem::take(&mut self.open) {
            let gone = WaitError::NotPublished(crate::error::NotPublished::ClientGone);
            self.ended.insert(ticket, Err(gone));
            bell.ring();
        }
    }
}
