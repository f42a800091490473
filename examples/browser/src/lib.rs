//! pure-mqtt in a web page: the engine and a report for people, driven by the page's script over a WebSocket.
//!
//! ```text
//!   socket.onmessage ──▶ input ──▶ ┌────────┐ ──▶ output ──▶ socket.send
//!   setTimeout ────────▶ timeout ▶ │ Client │ ──▶ deadline ▶ setTimeout
//!   the page's form ───▶ publish ▶ └────────┘ ──▶ report ──▶ the page
//! ```

#![forbid(clippy::unwrap_used)]

mod client;
mod conversation;
#[cfg(target_family = "wasm")]
mod exports;
mod json;
mod messages;

pub use client::Client;
