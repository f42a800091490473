//! What brokers, networks and hosts did to other clients in the field, one file for each promise that it tests.

mod advance;
mod ends;
mod meaning;
pub mod rig;
mod sessions;
mod time;
mod tolerated;
