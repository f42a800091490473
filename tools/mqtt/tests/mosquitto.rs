//! `mqtt` against a real mosquitto, and against mosquitto's own clients.
//!
//! Every test starts a mosquitto of its own and kills it at the end. No test sleeps: what is awaited is a packet, a line of the
//! broker's log or the end of a process, each for a bounded time.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../clients/threads/tests/mosquitto/certificates.rs"]
#[allow(dead_code)] // not all of it is needed here
mod certificates;
#[path = "mosquitto/command_line.rs"]
mod command_line;
#[path = "mosquitto/durable.rs"]
mod durable;
#[path = "support/program.rs"]
mod program;
#[path = "../../../tests/mosquitto/server.rs"]
#[allow(dead_code)] // not all of it is needed here
mod server;
#[path = "mosquitto/tool.rs"]
mod tool;
#[path = "mosquitto/tool_ends.rs"]
mod tool_ends;
#[path = "mosquitto/tool_formats.rs"]
mod tool_formats;
#[path = "mosquitto/tool_measures.rs"]
mod tool_measures;
#[path = "mosquitto/transports.rs"]
mod transports;
