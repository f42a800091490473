//! The connection against the test broker, over an in-memory wire with virtual time.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod corners;
mod fallback;
mod field;
mod flows;
mod hosts;
#[cfg(feature = "journal")]
mod journal;
mod misuse;
mod router;
mod streaming;
mod subscriptions;
mod surface;
mod tolerances;
#[cfg(all(feature = "journal", feature = "bytes"))]
mod ways;
