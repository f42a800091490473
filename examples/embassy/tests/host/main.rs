//! The programs' functions against a real mosquitto: over an Ethernet in memory, TLS, and the PC's own network stack.
//!
//! The other side is mosquitto's own clients. `cargo test -- --nocapture` shows how much memory TLS takes.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

mod cable;
mod certificates;
mod ethernet;
mod gateway;
mod memory;
mod nal;
mod peer;
mod play;
mod programs;
#[allow(dead_code)] // not all that it can do is asked for
#[path = "../../../../tests/mosquitto/server.rs"]
mod server;
mod tls;
