//! Requests: messages that expect a reply (§4.10).

use std::time::Duration;

use pure_mqtt::{Properties, Property, QoS};
use pure_mqtt_agent::{Bytes, End, Outgoing, Refusal, encode_properties};

use crate::client::Client;
use crate::clock::millis;
use crate::delivery::Delivery;
use crate::error::{NotDelivered, PublishError, RequestError};
use crate::message::Message;
use crate::spans::Operation;

/// # Requests
impl Client {
    /// Publishes a request, and waits for the reply. Adds Response Topic and Correlation Data to the request, and subscribes to the response topic. Late replies, and replies
    /// without a request, are discarded and [counted](crate::Stats). `timeout` starts when the request is accepted.
    ///
    /// Needs 5.0. In earlier versions use [`request_with`](Self::request_with) with a reply topic.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn request(
        &self,
        topic: impl Into<String>,
        payload: impl Into<Bytes>,
        qos: QoS,
        timeout: Duration,
    ) -> Result<Message, RequestError> {
        self.request_with(Outgoing::new(topic, payload).qos(qos), None, timeout).await
    }

    /// Like [`request`](Self::request), with all fields of a message. With a `reply_topic` the next message on that topic is the reply. This works in all versions; the request
    /// itself must contain the topic, in the place where the responder looks for it.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn request_with(
        &self,
        message: Outgoing,
        reply_topic: Option<&str>,
        timeout: Duration,
    ) -> Result<Message, RequestError> {
        let operation = Operation::request(&self.options.agent.client_id, &message);
        let result = self.ask(message, reply_topic, timeout, &operation).await;
        operation.replied(&result);
        result
    }

    async fn ask(
        &self,
        message: Outgoing,
        reply_topic: Option<&str>,
        timeout: Duration,
        operation: &Operation,
    ) -> Result<Message, RequestError> {
        let timeout = millis(timeout);
        let accepted = self.enter(message, operation, |state, now, message| {
            let ticket = state.agent.request(now, message, reply_topic, now.after_millis(timeout))?;
            state.expect(ticket);
            Ok(ticket)
        });
        let ticket = accepted.await.map_err(RequestError::NotAccepted)?;
        let end = self.end_of(ticket).await.map_err(RequestError::NotDelivered)?;
        match (self.shared().act(|state, _| state.agent.take_reply(ticket)), end) {
            (Some(reply), _) => Ok(Message::new(reply, self.shared())),
            (None, End::TimedOut) => Err(RequestError::TimedOut),
            (None, end) => Err(RequestError::NotDelivered(NotDelivered::Ended(end))),
        }
    }

    /// Publishes the reply to a request: to its Response Topic, with its Correlation Data, at its QoS.
    ///
    /// # Errors
    /// [`PublishError`], with [`Refusal::Invalid`] if the request has no Response Topic.
    pub async fn reply(&self, request: &Message, payload: impl Into<Bytes>) -> Result<Delivery, PublishError> {
        let properties = request.properties();
        let Some(topic) = properties.response_topic() else {
            return Err(PublishError { message: Outgoing::new("", payload), why: Refusal::Invalid });
        };
        let correlation = properties.correlation_data().map(Property::CorrelationData);
        let properties = encode_properties(&Properties::new(correlation.as_slice()));
        self.publish_with(Outgoing { properties, ..Outgoing::new(topic, payload).qos(request.qos) }).await
    }
}
