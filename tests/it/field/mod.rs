//! What brokers, networks and hosts did to other clients in the field, one file for each promise that it tests.

mod adopted;
mod advance;
mod aliases_and_streams;
mod backoff;
mod ends;
mod extremes;
mod farewell;
mod full_queue;
#[cfg(feature = "journal")]
mod journal;
mod layer;
mod limits;
mod meaning;
#[cfg(feature = "journal")]
mod power_in_doubt;
mod received;
pub mod rig;
mod room;
mod sessions;
mod time;
mod tolerated;
mod unread;
mod withdraw;
