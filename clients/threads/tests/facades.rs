//! The log's lines reach `log` and `tracing`, without a callback.
#![cfg(all(feature = "log", feature = "tracing"))]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

use pure_mqtt_client::pure_mqtt::QoS;
use pure_mqtt_client::{Client, LogLevel, Options};
use pure_mqtt_test_broker::Broker;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};

/// What a facade was told: level and line.
#[derive(Default)]
struct Told(Mutex<Vec<(String, String)>>);

static LOG: Told = Told(Mutex::new(Vec::new()));
static TRACING: Told = Told(Mutex::new(Vec::new()));

impl Told {
    fn note(&self, level: &impl ToString, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((level.to_string(), line));
    }

    fn has(&self, level: &str, part: &str) -> bool {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().any(|(of, line)| of == level && line.contains(part))
    }
}

struct Log;

impl log::Log for Log {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target() == "pure_mqtt_client"
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            LOG.note(&record.level(), record.args().to_string());
        }
    }

    fn flush(&self) {}
}

struct Events;

/// The message of an event.
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, _field: &Field, value: &dyn Debug) {
        self.0 = format!("{value:?}");
    }
}

impl tracing::Subscriber for Events {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "pure_mqtt_client"
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        TRACING.note(event.metadata().level(), message.0);
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

#[test]
fn each_packet_has_its_line_in_both_facades() {
    log::set_logger(&Log).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    tracing::subscriber::set_global_default(Events).unwrap();
    let broker = Broker::start().unwrap();
    let play = |name: &str, lowest| {
        let client = Client::with(Options::new(name).log_level(lowest));
        client.connect(broker.address()).unwrap();
        client.loop_start().unwrap();
        let info = client.publish(name, "hidden", QoS::AtLeastOnce, false).unwrap();
        info.wait_for_publish(std::time::Duration::from_secs(10)).unwrap();
        client.disconnect();
        client.loop_stop();
    };
    play("loud", LogLevel::Debug);
    play("calm", LogLevel::Info);
    for told in [&LOG, &TRACING] {
        assert!(told.has("DEBUG", r#"sent CONNECT as "loud""#) && told.has("DEBUG", r#"to "loud", QoS 1, 6 bytes"#));
        assert!(told.has("INFO", "connecting to") && told.has("DEBUG", "received PUBACK"));
        assert!(!told.has("DEBUG", "calm") && !told.has("DEBUG", "hidden"));
    }
}
