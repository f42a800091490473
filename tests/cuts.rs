//! A scripted exchange, cut at every byte: the link is lost after exactly so many bytes out and so many bytes in, comes back, and in the
//! end everything must have come right.
//!
//! `single` tries every pair (bytes out, bytes in) that the exchange can be in, for each version, storage, order of events and way of
//! coming back. `double` cuts twice, at random: some 20,000 times in the suite, and for a million times
//!
//! ```text
//! PURE_MQTT_CUTS=1000000 cargo test --release --test cuts -- --nocapture
//! ```
//!
//! which also plays every single cut to its end: the suite does not repeat what follows from equal states. The counts are printed. A
//! failure names its seed; `PURE_MQTT_SEED` takes it back.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used)]

#[path = "common/mod.rs"]
mod common;

#[path = "cuts/double.rs"]
mod double;
#[path = "cuts/ledger.rs"]
mod ledger;
#[path = "cuts/scenes.rs"]
mod scenes;
#[path = "cuts/single.rs"]
mod single;
#[path = "cuts/world.rs"]
mod world;
