//! `pure-mqtt-embassy` over the network stacks of firmware.
//!
//! `ethernet`, `secure`, `nal` and `station` are what firmware has; copy the one that
//! fits. `host` and `args` are what a PC has instead of a board.

pub mod args;
pub mod ethernet;
pub mod host;
pub mod nal;
pub mod secure;
pub mod station;
