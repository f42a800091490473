//! Every host as its user runs it, against a real mosquitto.
//!
//! Every test starts brokers of its own and kills them at the end. No test sleeps: what
//! is awaited is a line of a log or of the output, or the end of a process, each for a
//! bounded time. mosquitto's own clients say what really arrived.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

#[path = "hosts/bridge.rs"]
mod bridge;
#[path = "hosts/brokers.rs"]
mod brokers;
#[path = "hosts/certificates.rs"]
mod certificates;
#[path = "hosts/failures.rs"]
mod failures;
#[path = "hosts/lines.rs"]
mod lines;
#[path = "hosts/many.rs"]
mod many;
#[path = "hosts/program.rs"]
mod program;
#[path = "../../../tests/mosquitto/server.rs"]
#[allow(dead_code)] // shared with the tests of the engine, which use the rest
mod server;
#[path = "hosts/stations.rs"]
mod stations;
