//! Received messages.

use std::sync::Arc;

use pure_mqtt::{PacketId, Properties, QoS, ReasonCode};
use pure_mqtt_agent::{AckResult, AckToken, Bytes, Incoming};

use crate::shared::Shared;

/// A message received from the server.
#[derive(Debug)]
#[non_exhaustive]
pub struct Message {
    /// The topic it was published to.
    pub topic: String,
    /// The payload. Clones share its memory.
    pub payload: Bytes,
    /// The QoS the message was delivered with.
    pub qos: QoS,
    /// Whether the server sent it as a retained message.
    pub retain: bool,
    /// The DUP flag: at QoS 1 the message may be a duplicate; at QoS 2 it is not.
    pub dup: bool,
    /// The packet identifier; `None` at QoS 0.
    pub id: Option<PacketId>,
    pub(crate) properties: Bytes,
    ack: Option<(AckToken, Arc<Shared>)>,
}

impl Message {
    pub(crate) fn new(message: Incoming, shared: &Arc<Shared>) -> Self {
        let Incoming { topic, payload, qos, retain, dup, id, properties, ack, .. } = message;
        let ack = ack.map(|token| (token, Arc::clone(shared)));
        Self { topic, payload, qos, retain, dup, id, properties, ack }
    }

    /// Returns the payload as text; `None` if it is not UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.payload).ok()
    }

    /// Returns the properties (5.0), such as Response Topic and User Property.
    pub fn properties(&self) -> Properties<'_> {
        Properties::from_bytes(&self.properties).unwrap_or(Properties::NONE)
    }

    /// Returns the trace context that the publisher set: a parent, or a link, for the span that processes the message. Returns `None` if there is none, or if it is malformed:
    /// see [`TraceContext`](crate::TraceContext).
    #[cfg(feature = "trace-context")]
    pub fn trace_context(&self) -> Option<crate::TraceContext> {
        crate::TraceContext::of(&self.properties())
    }

    /// Creates a span named `process` for the processing of this message, with the fields of OpenTelemetry's conventions for messaging. Enter it, or pass it to
    /// `tracing::Instrument`. Its parent is the current span.
    ///
    /// ```
    /// use pure_mqtt_tokio::Subscription;
    /// use tracing::Instrument;
    ///
    /// async fn archive(readings: &mut Subscription) {
    ///     while let Some(reading) = readings.recv().await {
    ///         let span = reading.span();
    ///         async { println!("{:?}", reading.text()) }.instrument(span).await;
    ///     }
    /// }
    /// #
    /// # fn main() {}
    /// ```
    #[cfg(feature = "tracing")]
    pub fn span(&self) -> tracing::Span {
        crate::spans::process(self)
    }

    /// Acknowledges the message, if the subscription has [manual acknowledgements](crate::SubscriptionOptions::manual_acks). Messages may be acknowledged in any order; second
    /// calls do nothing. A message that is dropped without `ack` stays unacknowledged: it holds back the acknowledgements of later messages `[MQTT-4.6.0-2]`, and at QoS 1 the
    /// server sends it again on the next link.
    ///
    /// Returns [`AckResult::Stale`] if the acknowledgement comes too late (the link of the message is gone, at QoS 2 its session), or if there is nothing to acknowledge: QoS 0,
    /// automatic acknowledgements, a second call.
    pub fn ack(&mut self) -> AckResult {
        self.ack_with(ReasonCode::SUCCESS)
    }

    /// Like [`ack`](Self::ack), with a reason code (5.0); one from 0x80 on refuses the message.
    pub fn ack_with(&mut self, reason: ReasonCode) -> AckResult {
        match self.ack.take() {
            Some((token, shared)) => shared.act(|state, now| state.agent.acknowledge(now, token, reason)),
            None => AckResult::Stale,
        }
    }
}
