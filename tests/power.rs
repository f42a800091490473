//! The power fails after any byte: of the journal on its way to durable memory, or of the wire. What comes back from the journal goes on, and
//! in the end everything must have come right.
//!
//! `single` lets it fail once, after each byte in turn; `often` several times, at random. For more of these
//!
//! ```text
//! PURE_MQTT_POWER=100000 cargo test --release --features journal --test power -- --nocapture
//! ```
//!
//! A failure names its seed, which `PURE_MQTT_SEED` takes back.

#![cfg(feature = "journal")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used)]

#[path = "common/mod.rs"]
mod common;

#[path = "power/often.rs"]
mod often;
#[path = "power/single.rs"]
mod single;
#[path = "power/world.rs"]
mod world;
