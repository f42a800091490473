//! The engine's tests against a real mosquitto once more, with a recorder: every conversation is replayed when it is over.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../tests/mosquitto/client.rs"]
mod client;
#[path = "../../tests/mosquitto/cuts_incoming.rs"]
mod cuts_incoming;
#[path = "../../tests/mosquitto/cuts_outgoing.rs"]
mod cuts_outgoing;
#[path = "../../tests/mosquitto/limits.rs"]
mod limits;
#[path = "../../tests/mosquitto/links.rs"]
mod links;
#[path = "../../tests/mosquitto/messages.rs"]
mod messages;
#[path = "../../tests/mosquitto/server.rs"]
#[allow(dead_code)] // one of its methods is for the tests of the command line
mod server;

use pure_mqtt::{Heap, Limits};
use pure_mqtt_trace::{Recorder, Trace};

type Mqtt = Recorder<Heap, Vec<u8>>;

fn new_mqtt(limits: Limits) -> Mqtt {
    Recorder::new(Heap::new(), limits, Vec::new())
}

/// The same calls give the same results and the same bytes.
fn check_conversation(mqtt: &mut Mqtt) {
    let trace = Trace::read(mqtt.sink()).expect("a trace");
    trace.replay(|_, _| {}).expect("a replay like the recording");
}
