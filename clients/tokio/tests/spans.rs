//! What the feature `tracing` tells, to a subscriber that uses the client while it is told.
#![cfg(feature = "tracing")]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use pure_mqtt_test_broker::Broker;
use pure_mqtt_tokio::{Client, Options, Outgoing, QoS};
use tokio::sync::Notify;
use tokio::time::timeout;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Told {
    spans: BTreeMap<u64, Span>,
    events: Vec<String>,
    current: Vec<u64>,
}

#[derive(Default)]
struct Span {
    /// The name and the fields.
    text: String,
    handles: u32,
}

#[derive(Clone, Default)]
struct Listener {
    told: Arc<Mutex<Told>>,
    client: Arc<Mutex<Option<Client>>>,
    changes: Arc<Notify>,
}

struct Fields<'t>(&'t mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Listener {
    /// The client is asked each time: it would wait for ever if its lock were held.
    fn told(&self) -> MutexGuard<'_, Told> {
        if let Some(client) = &*self.client.lock().unwrap() {
            client.stats();
        }
        self.changes.notify_one();
        self.told.lock().unwrap()
    }

    /// The only span of this name; true if it is closed.
    fn span(&self, name: &str) -> (String, bool) {
        let told = self.told.lock().unwrap();
        let mut spans = told.spans.values().filter(|span| span.text.starts_with(name));
        let span = spans.next().expect(name);
        assert!(spans.next().is_none(), "{name}");
        (span.text.clone(), span.handles == 0)
    }

    /// Waits until the span is closed.
    async fn closed(&self, name: &str) -> String {
        loop {
            match self.span(name) {
                (text, true) => return text,
                (text, false) => timeout(PATIENCE, self.changes.notified()).await.expect(&text),
            }
        }
    }

    /// Its client ends, which may be told.
    fn release(&self) {
        let client = self.client.lock().unwrap().take();
        drop(client);
    }

    fn has_event(&self, part: &str) -> bool {
        self.told.lock().unwrap().events.iter().any(|event| event.contains(part))
    }

    fn forget(&self) {
        *self.told.lock().unwrap() = Told::default();
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "pure_mqtt_tokio"
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut told = self.told();
        let id = told.spans.len() as u64 + 1;
        let mut text = attributes.metadata().name().to_string();
        attributes.record(&mut Fields(&mut text));
        told.spans.insert(id, Span { text, handles: 1 });
        Id::from_u64(id)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        let mut told = self.told();
        values.record(&mut Fields(&mut told.spans.get_mut(&id.into_u64()).unwrap().text));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = event.metadata().level().to_string();
        event.record(&mut Fields(&mut text));
        self.told().events.push(text);
    }

    fn enter(&self, id: &Id) {
        self.told().current.push(id.into_u64());
    }

    fn exit(&self, _: &Id) {
        self.told().current.pop();
    }

    fn clone_span(&self, id: &Id) -> Id {
        if let Some(span) = self.told().spans.get_mut(&id.into_u64()) {
            span.handles += 1;
        }
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut told = self.told();
        let Some(span) = told.spans.get_mut(&id.into_u64()) else { return true };
        span.handles -= 1;
        span.handles == 0
    }
}

async fn soon<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("it takes too long")
}

fn options(name: &str, broker: &Broker) -> Options {
    let delay = Duration::from_millis(1);
    let server = format!("mqtt://{}", broker.address()).parse().unwrap();
    Options::new(name).server(server).reconnect_delay(delay, delay).login("ada", "hidden-password")
}

fn listener() -> (Listener, tracing::subscriber::DefaultGuard) {
    let listener = Listener::default();
    let guard = tracing::dispatcher::set_default(&Dispatch::new(listener.clone()));
    (listener, guard)
}

fn secret(topic: &str) -> Outgoing {
    Outgoing::new(topic, "hidden-payload").qos(QoS::AtLeastOnce)
}

#[tokio::test]
async fn a_publish_is_a_span_to_its_end_whoever_waits() {
    let broker = Broker::start().unwrap();
    let (listener, _guard) = listener();
    let (client, driver) = Client::new(options("publisher", &broker)).unwrap();
    *listener.client.lock().unwrap() = Some(client.clone());
    let delivery = soon(client.publish_with(secret("a"))).await.unwrap();
    let (text, is_closed) = listener.span("publish");
    assert!(!is_closed, "nobody has sent it yet");
    let fields = [
        r#"otel.kind="producer""#,
        r#"messaging.system="mqtt""#,
        r#"messaging.operation.name="publish""#,
        r#"messaging.operation.type="send""#,
        r#"messaging.client.id="publisher""#,
        r#"messaging.destination.name="a""#,
        "messaging.message.body.size=14",
        "mqtt.qos=1",
    ];
    fields.iter().for_each(|field| assert!(text.contains(field), "{field}: {text}"));
    drop(delivery); // the message goes on, and so does its span
    assert!(!listener.span("publish").1);
    tokio::spawn(driver);
    let text = listener.closed("publish").await;
    assert!(!text.contains("error"), "{text}");
    let connected =
        format!(r#"INFO message=connected messaging.client.id="publisher" server="mqtt://{}""#, broker.address());
    assert!(listener.has_event(&connected) && listener.has_event("message=accepted"));
    for packet in ["sent CONNECT", "received CONNACK", r#"sent PUBLISH 1 to "a", QoS 1, 14 bytes"#, "received PUBACK 1"]
    {
        let begin = format!("TRACE message={packet}");
        let is_line = |line: &String| line.starts_with(&begin) && line.ends_with(r#" messaging.client.id="publisher""#);
        assert!(listener.told.lock().unwrap().events.iter().any(is_line), "{packet}");
    }

    listener.forget();
    broker.configure(|config| config.puback_reason = Some(0x97));
    let delivery = soon(client.try_publish(secret("a")).unwrap()).await;
    assert!(delivery.is_err());
    let text = listener.closed("publish").await;
    assert!(text.contains(r#"otel.status_code="error" error.type="0x97""#), "{text}");

    for is_at_once in [false, true] {
        listener.forget();
        let wrong = secret("a/#");
        let refused = if is_at_once { client.try_publish(wrong) } else { soon(client.publish_with(wrong)).await };
        refused.unwrap_err();
        let text = listener.closed("publish").await;
        assert!(text.contains(r#"error.type="Invalid""#), "{text}");
    }

    listener.forget();
    soon(client.shutdown(PATIENCE)).await;
    assert!(listener.has_event(r#"INFO message=not connected messaging.client.id="publisher" why="Ours""#));
    let told = listener.told.lock().unwrap();
    let mut all = told.spans.values().map(|span| &span.text).chain(&told.events);
    assert!(all.all(|text| !text.contains("hidden")), "no payloads, no passwords");
    drop(told);
    listener.release();
}

#[tokio::test]
async fn requests_and_subscriptions_are_spans_and_so_is_what_is_done_with_a_message() {
    let broker = Broker::start().unwrap();
    let (listener, _guard) = listener();
    let client = Client::spawn(options("asker", &broker)).unwrap();
    *listener.client.lock().unwrap() = Some(client.clone());
    let mut questions = client.subscribe_with(&[("double", QoS::AtLeastOnce)], Default::default()).unwrap();
    let (text, is_closed) = listener.span("subscribe");
    assert!(!is_closed && text.contains(r#"messaging.destination.name="double" mqtt.filters=1"#), "{text}");
    soon(questions.granted()).await.unwrap();
    assert!(!listener.closed("subscribe").await.contains("error"));

    let asked = client.clone();
    let request = tokio::spawn(async move { asked.request("double", "21", QoS::AtLeastOnce, PATIENCE).await });
    let question = soon(questions.recv()).await.unwrap();
    assert!(!listener.span("request").1);
    let span = question.span();
    drop(soon(span.in_scope(|| client.reply(&question, "42"))).await.unwrap());
    drop(span);
    let text = listener.closed("process").await;
    assert!(text.contains(r#"otel.kind="consumer""#) && text.contains("mqtt.dup=false"), "{text}");
    assert_eq!(soon(request).await.unwrap().unwrap().text(), Some("42"));
    assert!(!listener.closed("request").await.contains("error"));
    assert!(listener.has_event(r#"message=received messaging.client.id="asker""#));

    listener.forget();
    let late = client.request("nobody", "?", QoS::AtMostOnce, Duration::from_millis(20));
    soon(late).await.unwrap_err();
    let text = listener.closed("request").await;
    assert!(text.contains(r#"error.type="TimedOut""#), "{text}");

    listener.forget();
    let dropped = client.request("nobody", "?", QoS::AtMostOnce, PATIENCE);
    assert!(timeout(Duration::from_millis(1), dropped).await.is_err());
    listener.closed("request").await;

    listener.forget();
    broker.configure(|config| config.refuse_subscribe = Some(0x87));
    let mut denied = client.subscribe("other", QoS::AtLeastOnce).unwrap();
    soon(denied.granted()).await.unwrap_err();
    let text = listener.closed("subscribe").await;
    assert!(text.contains(r#"error.type="0x87""#), "{text}");

    listener.forget();
    client.subscribe("a/#/b", QoS::AtLeastOnce).unwrap_err();
    assert!(listener.closed("subscribe").await.contains("Invalid"));
    listener.release();
}
