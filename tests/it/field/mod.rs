//! What brokers, networks and hosts did to other clients in the field, one file for each promise that it tests.

mod advance;
mod aliases_and_streams;
mod ends;
mod extremes;
mod full_queue;
#[cfg(feature = "journal")]
mod journal;
mod meaning;
pub mod rig;
mod sessions;
mod time;
mod tolerated;
