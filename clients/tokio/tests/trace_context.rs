//! The trace context of messages: given, taken from a hook, received, and absent.
#![cfg(feature = "trace-context")]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pure_mqtt_test_broker::Broker;
use pure_mqtt_tokio::pure_mqtt::{Properties, Property};
use pure_mqtt_tokio::{Client, Options, Outgoing, QoS, Subscription, TraceContext, Version, encode_properties};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);
const TRACE: u128 = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;

async fn soon<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("it takes too long")
}

fn options(name: &str, broker: &Broker) -> Options {
    Options::new(name).server(format!("mqtt://{}", broker.address()).parse().unwrap())
}

/// Each call is another span of the trace.
fn counting() -> impl Fn() -> Option<TraceContext> + Send + Sync + 'static {
    let count = Arc::new(AtomicU64::new(1));
    move || TraceContext::new(TRACE, count.fetch_add(1, Ordering::Relaxed), 1)
}

fn with(properties: &[Property<'_>]) -> Outgoing {
    let properties = encode_properties(&Properties::new(properties));
    Outgoing { properties, ..Outgoing::new("a", "x").qos(QoS::AtLeastOnce) }
}

async fn published(client: &Client, message: Outgoing, readings: &mut Subscription) -> Option<TraceContext> {
    drop(soon(client.publish_with(message)).await.unwrap());
    soon(readings.recv()).await.unwrap().trace_context()
}

#[tokio::test]
async fn a_context_goes_from_publisher_to_subscriber() {
    let broker = Broker::start().unwrap();
    let client = Client::spawn(options("traced", &broker).trace_context(counting())).unwrap();
    let mut readings = client.subscribe("a", QoS::AtLeastOnce).unwrap();
    let mine = Property::UserProperty(("origin", "lab"));
    drop(soon(client.publish_with(with(&[mine]))).await.unwrap());
    let reading = soon(readings.recv()).await.unwrap();
    assert_eq!(reading.trace_context(), TraceContext::new(TRACE, 1, 1));
    assert_eq!(reading.properties().iter().next(), Some(mine), "the program's own come first");

    let given = TraceContext::new(7, 8, 0).unwrap().state("a=b").unwrap();
    let found = published(&client, given.add_to(with(&[mine])), &mut readings).await;
    assert_eq!(found, Some(given), "a context that was given is not replaced");
    let malformed = with(&[Property::UserProperty(("traceparent", "malformed"))]);
    assert_eq!(published(&client, malformed, &mut readings).await, None);
    assert_eq!(published(&client, with(&[]), &mut readings).await.unwrap().parent_id(), 2);

    drop(client.try_publish(with(&[])).unwrap());
    assert_eq!(soon(readings.recv()).await.unwrap().trace_context().unwrap().parent_id(), 3);

    let wrong = Outgoing { topic: "a/#".into(), ..with(&[mine]) };
    for back in [client.try_publish(wrong.clone()), soon(client.publish_with(wrong.clone())).await] {
        assert_eq!(back.unwrap_err().message, wrong, "it comes back as it was given");
    }
}

#[tokio::test]
async fn a_request_and_its_reply_have_one_each() {
    let broker = Broker::start().unwrap();
    let client = Client::spawn(options("asker", &broker).trace_context(counting())).unwrap();
    let mut questions = client.subscribe("double", QoS::AtLeastOnce).unwrap();
    let asked = client.clone();
    let request = tokio::spawn(async move { asked.request("double", "21", QoS::AtLeastOnce, PATIENCE).await });
    let question = soon(questions.recv()).await.unwrap();
    assert_eq!(question.trace_context().unwrap().parent_id(), 1);
    drop(soon(client.reply(&question, "42")).await.unwrap());
    let reply = soon(request).await.unwrap().unwrap();
    assert_eq!((reply.trace_context().unwrap().parent_id(), reply.text()), (2, Some("42")));
}

#[tokio::test]
async fn links_without_user_properties_carry_none_and_the_message_goes_on() {
    let broker = Broker::start().unwrap();
    for version in [Version::V31, Version::V311] {
        let client = Client::spawn(options("old", &broker).version(version).trace_context(counting())).unwrap();
        let mut readings = client.subscribe("a", QoS::AtLeastOnce).unwrap();
        assert_eq!(published(&client, with(&[]), &mut readings).await, None, "{version:?}");
        soon(client.shutdown(PATIENCE)).await;
    }
    assert!(broker.violations().is_empty(), "{:?}", broker.violations());
}

#[cfg(feature = "tracing")]
#[tokio::test]
async fn the_hook_is_called_inside_the_span_of_the_call() {
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Dispatch, Event, Metadata, Subscriber};

    /// Each span has the number 5.
    struct Five;

    impl Subscriber for Five {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.is_span()
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(5)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, _: &Event<'_>) {}

        fn enter(&self, id: &Id) {
            INSIDE.store(id.into_u64(), Ordering::Relaxed);
        }

        fn exit(&self, _: &Id) {
            INSIDE.store(0, Ordering::Relaxed);
        }
    }

    static INSIDE: AtomicU64 = AtomicU64::new(0);

    let _guard = tracing::dispatcher::set_default(&Dispatch::new(Five));
    let broker = Broker::start().unwrap();
    let hook = || TraceContext::new(TRACE, INSIDE.load(Ordering::Relaxed), 1);
    let client = Client::spawn(options("inside", &broker).trace_context(hook)).unwrap();
    let mut readings = client.subscribe("a", QoS::AtLeastOnce).unwrap();
    assert_eq!(published(&client, with(&[]), &mut readings).await.unwrap().parent_id(), 5);
}
