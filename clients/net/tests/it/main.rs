//! Everything against peers in memory.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod certificates;
mod chains;
mod garbage;
mod limits;
mod proxies;
mod store;
mod support;
mod tls_files;
mod websockets;
