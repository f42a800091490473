//! Clusters: a session goes on when its node is lost, in every mix of how the node is lost and what is under way, with virtual time.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

#[path = "../common/mod.rs"]
mod common;
mod fleet;
mod identity;
mod net;
mod scene;
