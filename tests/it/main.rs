//! The connection against the test broker, over an in-memory wire with virtual time.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod async_hosts;
#[path = "../common/mod.rs"]
mod common;
mod corners;
mod fallback;
// Files in `field` that wait for what they test, each to be named in `field/mod.rs` once that is there: `backoff` (`Backoff::ended`), `blocked`
// (`Limits::on_too_long`, `on_bad_topic`, `attempts`, `withdraw`), `layer` (`hold_messages`, `unacknowledged`, `Event::final_result`, `Topic::name`,
// `Publish::needs_v5`).
mod field;
mod flows;
mod hosts;
#[cfg(feature = "journal")]
mod journal;
mod layers;
mod misuse;
mod router;
mod shown;
mod streaming;
mod subscriptions;
mod surface;
mod tolerances;
#[cfg(all(feature = "journal", feature = "bytes"))]
mod ways;
