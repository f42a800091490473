//! What the integration tests share: a broker, a clock, and a client joined to the broker in memory.
#![allow(dead_code)]

pub mod broker;
pub mod clock;
pub mod pair;
pub mod seen;
