//! The client against a real mosquitto: TCP, TLS, WebSocket and Unix sockets, in all versions.
//!
//! Every test starts a mosquitto of its own and kills it at the end; how, is the engine's tests' to know. No test sleeps.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "mosquitto/certificates.rs"]
mod certificates;
#[path = "mosquitto/helpers.rs"]
mod helpers;
#[path = "mosquitto/killed.rs"]
mod killed;
#[path = "mosquitto/links.rs"]
mod links;
#[path = "mosquitto/messages.rs"]
mod messages;
#[path = "mosquitto/transports.rs"]
mod transports;

#[allow(dead_code)] // these tests don't need all of it
#[path = "../../../tests/mosquitto/server.rs"]
mod server;
mod support;
