//! The engine against a real mosquitto, over real TCP, in all three versions.
//!
//! Every test starts a mosquitto of its own and kills it at the end. No test sleeps: what is awaited is a packet, a line of the
//! broker's log or the end of a process, each for a bounded time.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "mosquitto/client.rs"]
mod client;
#[path = "mosquitto/cuts_incoming.rs"]
mod cuts_incoming;
#[path = "mosquitto/cuts_outgoing.rs"]
mod cuts_outgoing;
#[path = "mosquitto/limits.rs"]
mod limits;
#[path = "mosquitto/links.rs"]
mod links;
#[path = "mosquitto/messages.rs"]
mod messages;
#[path = "mosquitto/server.rs"]
mod server;

use pure_mqtt::{Connection, Heap, Limits};

type Mqtt = Connection<Heap>;

fn new_mqtt(limits: Limits) -> Mqtt {
    Connection::new(Heap::new(), limits)
}

/// In `trace/tests/mosquitto.rs` the same tests are recorded and replayed.
fn check_conversation(_: &mut Mqtt) {}
