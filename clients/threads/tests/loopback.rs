//! The client against the project's own broker, over TCP on loopback. No test sleeps: what is awaited is a callback, for a bounded time.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "loopback/cluster.rs"]
mod cluster;
#[path = "loopback/crowd.rs"]
mod crowd;
#[path = "loopback/disk.rs"]
mod disk;
#[path = "loopback/durable.rs"]
mod durable;
#[path = "loopback/field.rs"]
mod field;
#[path = "loopback/helpers.rs"]
mod helpers;
#[path = "loopback/loops.rs"]
mod loops;
#[path = "loopback/messages.rs"]
mod messages;
#[path = "loopback/receivers.rs"]
mod receivers;
#[path = "loopback/requests.rs"]
mod requests;
#[path = "loopback/trouble.rs"]
mod trouble;
#[path = "loopback/waits.rs"]
mod waits;

#[allow(dead_code)] // only its seeds are used
#[path = "../../../tests/common/clock.rs"]
mod clock;
mod support;
