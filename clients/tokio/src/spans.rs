//! Spans and events of the `tracing` crate.
//!
//! A `tracing` subscriber may do anything, for example publish with this client. So none is called under the client's lock: until then reports are kept in [`Spans`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use pure_mqtt::{QoS, Version};
use pure_mqtt_agent::{End, Event, LinkEnd, Outgoing, PacketLines, Refusal, Ticket};
use tracing::Level;
use tracing::field::Empty;
use tracing::{Span, debug, enabled, info, info_span, trace, warn};

use crate::error::{NotDelivered, RequestError};
use crate::message::Message;
use crate::options::Options;

/// The target of spans and events, for filters.
const TARGET: &str = "pure_mqtt_tokio";

/// The span of an operation of the program.
#[derive(Clone)]
pub(crate) struct Operation {
    span: Span,
    /// The operation continues when nothing waits for it any more.
    goes_on: bool,
}

/// Creates a span with the common fields: name, kind, client and topic. The fields for errors are recorded later.
macro_rules! operation {
    ($name:literal, $kind:literal, $client_id:expr, $destination:expr, $($fields:tt)*) => {
        info_span!(
            target: TARGET,
            $name,
            otel.kind = $kind,
            messaging.system = "mqtt",
            messaging.operation.name = $name,
            messaging.client.id = $client_id,
            messaging.destination.name = $destination,
            $($fields)*
            otel.status_code = Empty,
            "error.type" = Empty,
        )
    };
}

impl Operation {
    pub(crate) fn publish(client_id: &str, message: &Outgoing) -> Self {
        let span = operation!(
            "publish",
            "producer",
            client_id,
            message.topic,
            "messaging.operation.type" = "send",
            messaging.message.body.size = message.payload.len(),
            mqtt.qos = message.qos.bits(),
            mqtt.retain = message.retain,
        );
        Self { span, goes_on: true }
    }

    pub(crate) fn request(client_id: &str, message: &Outgoing) -> Self {
        let span = operation!(
            "request",
            "client",
            client_id,
            message.topic,
            "messaging.operation.type" = "send",
            messaging.message.body.size = message.payload.len(),
            mqtt.qos = message.qos.bits(),
        );
        Self { span, goes_on: false }
    }

    pub(crate) fn subscribe(client_id: &str, filters: &[(&str, QoS)]) -> Self {
        let first = filters.first().map_or("", |(filter, _)| filter);
        let span = operation!("subscribe", "client", client_id, first, mqtt.filters = filters.len(),);
        Self { span, goes_on: false }
    }

    pub(crate) fn in_scope<R>(&self, inside: impl FnOnce() -> R) -> R {
        self.span.in_scope(inside)
    }

    pub(crate) fn accepted(&self) {
        debug!(target: TARGET, parent: &self.span, "accepted");
    }

    pub(crate) fn refused(&self, why: Refusal) {
        let shown = format!("{why:?}");
        self.failed(shown.split('(').next().unwrap_or_default(), &why);
    }

    /// Records the result of a request.
    pub(crate) fn replied(&self, result: &Result<Message, RequestError>) {
        match result {
            Ok(_) => {}
            Err(RequestError::NotAccepted(error)) => self.refused(error.why),
            Err(RequestError::NotDelivered(NotDelivered::Ended(end))) => self.ended(end),
            Err(error) => self.failed(if *error == RequestError::TimedOut { "TimedOut" } else { "NoDriver" }, error),
        }
    }

    fn ended(&self, end: &End) {
        if !end.is_success() {
            self.failed(&kind(end), &NotDelivered::Ended(*end));
        }
    }

    fn failed(&self, kind: &str, why: &impl Display) {
        self.span.record("otel.status_code", "error");
        self.span.record("error.type", kind);
        debug!(target: TARGET, parent: &self.span, "{why}");
    }
}

/// Returns the `error.type` of a final result: a word, or the server's reason code.
fn kind(end: &End) -> Cow<'static, str> {
    match end {
        End::Left | End::Acknowledged(_) => "".into(),
        End::Refused(reason) => format!("0x{:02X}", reason.0).into(),
        End::Expired => "Expired".into(),
        End::Displaced(_) => "Displaced".into(),
        End::Withdrawn { .. } => "Withdrawn".into(),
        End::SessionLost { .. } => "SessionLost".into(),
        End::Discarded => "Discarded".into(),
        End::AttemptsUsedUp(_) => "AttemptsUsedUp".into(),
        End::ServerCant(_) => "ServerCant".into(),
        End::TimedOut => "TimedOut".into(),
        End::Shutdown => "Shutdown".into(),
        _ => "Other".into(),
    }
}

/// The spans of operations that continue without a future of the program, and reports that are sent once the lock is free.
#[derive(Default)]
pub(crate) struct Spans {
    client: Option<Arc<Options>>,
    open: BTreeMap<Ticket, Operation>,
    untold: Untold,
}

impl Spans {
    pub(crate) fn begin(&mut self, ticket: Ticket, operation: Option<Operation>) {
        if let Some(operation) = operation.filter(|operation| !operation.span.is_disabled()) {
            self.open.insert(ticket, operation);
        }
    }

    pub(crate) fn end(&mut self, ticket: Ticket, end: End) {
        if let Some(operation) = self.open.remove(&ticket) {
            self.untold.ends.push((operation, Some(end)));
        }
    }

    /// Called when nothing waits for the operation any more. True if its final result is needed all the same.
    pub(crate) fn forget(&mut self, ticket: Ticket) -> bool {
        let goes_on = self.open.get(&ticket).is_some_and(|operation| operation.goes_on);
        if !goes_on {
            let operation = self.open.remove(&ticket);
            self.untold.ends.extend(operation.map(|operation| (operation, None)));
        }
        goes_on
    }

    pub(crate) fn event(&mut self, event: &Arc<Event>) {
        self.untold.events.push(Arc::clone(event));
    }

    /// Adds the packets of a link.
    pub(crate) fn packets(&mut self, tap: &mut Tap) {
        if let Some(tap) = &mut tap.0 {
            self.untold.packets.append(&mut tap.lines);
        }
    }

    /// Whose events these are.
    pub(crate) fn are_of(&mut self, client: &Arc<Options>) {
        self.client = Some(Arc::clone(client));
    }

    pub(crate) fn take(&mut self) -> Untold {
        let mut untold = std::mem::take(&mut self.untold);
        if !untold.is_empty() {
            untold.client.clone_from(&self.client);
        }
        untold
    }
}

/// Reports that are not sent yet.
#[derive(Default)]
pub(crate) struct Untold {
    client: Option<Arc<Options>>,
    ends: Vec<(Operation, Option<End>)>,
    events: Vec<Arc<Event>>,
    packets: Vec<String>,
}

impl Untold {
    fn is_empty(&self) -> bool {
        self.packets.is_empty() && self.events.is_empty()
    }

    pub(crate) fn tell(self) {
        let client_id = self.client.as_ref().map_or("", |options| &options.agent.client_id);
        for line in self.packets {
            trace!(target: TARGET, { messaging.client.id = client_id }, "{line}");
        }
        if let Some(options) = &self.client {
            self.events.iter().for_each(|event| tell(event, options));
        }
        for (operation, end) in self.ends {
            end.iter().for_each(|end| operation.ended(end));
        }
    }
}

/// Lines for the packets of a link, if their level was enabled when the link began.
pub(crate) struct Tap(Option<Box<Lines>>);

#[derive(Default)]
struct Lines {
    received: PacketLines,
    sent: PacketLines,
    lines: Vec<String>,
}

impl Tap {
    pub(crate) fn new() -> Self {
        Self(enabled!(target: TARGET, Level::TRACE).then(Box::default))
    }

    pub(crate) fn received(&mut self, version: Version, bytes: &[u8]) {
        if let Some(tap) = &mut self.0 {
            tap.received.follow(version, bytes, |line| tap.lines.push(format!("received {line}")));
        }
    }

    pub(crate) fn sent(&mut self, version: Version, bytes: &[u8]) {
        if let Some(tap) = &mut self.0 {
            tap.sent.follow(version, bytes, |line| tap.lines.push(format!("sent {line}")));
        }
    }
}

fn tell(event: &Event, options: &Options) {
    let id = options.agent.client_id.as_str();
    match event {
        Event::LinkUp { server, session, .. } => {
            let url = options.servers.get(usize::from(server.0)).map(|listed| listed.server.to_string());
            let url = url.unwrap_or_default();
            info!(target: TARGET, { messaging.client.id = id, server = url, ?session }, "connected");
        }
        // The program has shut down or replaces the link.
        Event::LinkDown { why: LinkEnd::Ours, .. } => {
            info!(target: TARGET, { messaging.client.id = id, why = "Ours" }, "not connected");
        }
        Event::LinkDown { why, .. } => warn!(target: TARGET, { messaging.client.id = id, ?why }, "not connected"),
        // The data may be secret.
        Event::Challenge { method, .. } => debug!(target: TARGET, { messaging.client.id = id, method }, "challenged"),
        other => debug!(target: TARGET, event = ?other, messaging.client.id = id),
    }
}

/// Reports that the program took a message.
pub(crate) fn received(client_id: &str, message: &Message) {
    debug!(
        target: TARGET,
        {
            messaging.client.id = client_id,
            messaging.destination.name = message.topic,
            messaging.message.body.size = message.payload.len(),
            mqtt.qos = message.qos.bits(),
        },
        "received"
    );
}

/// Creates the span for the processing of a message.
pub(crate) fn process(message: &Message) -> Span {
    info_span!(
        target: TARGET,
        "process",
        otel.kind = "consumer",
        messaging.system = "mqtt",
        messaging.operation.name = "process",
        "messaging.operation.type" = "process",
        messaging.destination.name = message.topic,
        messaging.message.body.size = message.payload.len(),
        mqtt.qos = message.qos.bits(),
        mqtt.retain = message.retain,
        mqtt.dup = message.dup,
    )
}
