//! Recording and replaying, against the engine's test broker and byte by byte.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../tests/common/mod.rs"]
mod common;
mod record;
mod redact;
mod subscriptions;
mod twin;

const NOW: pure_mqtt::Instant = pure_mqtt::Instant::from_millis(5_000);
