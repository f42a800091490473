//! What arrives.

use std::sync::Arc;

use pure_mqtt::{PacketId, Properties, QoS, ReasonCode};
use pure_mqtt_agent::{AckResult, AckToken, Bytes, Incoming};

use crate::shared::Shared;

/// A message from the server.
#[derive(Debug)]
#[non_exhaustive]
pub struct Message {
    /// Where it was published.
    pub topic: String,
    /// What was published. Clones share their memory.
    pub payload: Bytes,
    /// In which quality of service it came.
    pub qos: QoS,
    /// The server kept it for the topic.
    pub retain: bool,
    /// The server may have sent it before. At QoS 1 it may then be a repetition; at QoS 2 it is not.
    pub dup: bool,
    /// The packet identifier at QoS 1 and 2.
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

    /// The payload as text, if it is UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.payload).ok()
    }

    /// Response Topic, User Properties and so on (5.0).
    pub fn properties(&self) -> Properties<'_> {
        Properties::from_bytes(&self.properties).unwrap_or(Properties::NONE)
    }

    /// The place of the message in a distributed trace, as its publisher says: a parent, or a link, for the span of what is done with it. `None` if there is none, or it is
    /// malformed: see [`TraceContext`](crate::TraceContext).
    #[cfg(feature = "trace-context")]
    pub fn trace_context(&self) -> Option<crate::TraceContext> {
        crate::TraceContext::of(&self.properties())
    }

    /// A new span named `process` for what the program does with the message, with the fields of OpenTelemetry's conventions for messaging. It is to be entered, or given to
    /// `tracing::Instrument`; its parent is the span that is current now.
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

    /// Acknowledges the message, where the subscription has [manual acknowledgements](crate::SubscriptionOptions::manual_acks); in any order, and once: later calls do nothing.
    /// A message that is dropped without it stays unacknowledged, holds back the acknowledgements of those behind it `[MQTT-4.6.0-2]`, and at QoS 1 comes again on the next link.
    pub fn ack(&mut self) -> AckResult {
        self.ack_with(ReasonCode::SUCCESS)
    }

    /// The same with a reason (5.0): from 0x80 on it refuses the message.
    pub fn ack_with(&mut self, reason: ReasonCode) -> AckResult {
        match self.ack.take() {
            Some((token, shared)) => shared.act(|state, now| state.agent.acknowledge(now, token, reason)),
            None => AckResult::Stale,
        }
    }
}
