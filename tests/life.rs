//! The life of a device on a bad link, in virtual time: it publishes and is published to around the clock, while links break at any byte
//! or die silently, servers restart or forget, and the device sleeps for hours. Some messages are longer than its memory, and go in pieces. At the end of each day the link stays up for once, and
//! everything must come right: no message at QoS 1 lost, none at QoS 2 lost or doubled, every slot free.
//!
//! A few days in the suite; for many
//!
//! ```text
//! PURE_MQTT_DAYS=10000 cargo test --release --test life -- --nocapture
//! ```
//!
//! A failure prints the command that plays the one life again.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used)]

#[path = "common/mod.rs"]
mod common;

#[path = "life/application.rs"]
mod application;
#[path = "life/days.rs"]
mod days;
#[path = "life/device.rs"]
mod device;
#[path = "life/ledger.rs"]
mod ledger;
#[path = "life/link.rs"]
mod link;
#[path = "life/streaming.rs"]
mod streaming;
#[path = "life/trouble.rs"]
mod trouble;
