//! What the integration tests share: a broker, a clock, and a client joined to the broker in memory.
#![allow(dead_code)]

pub mod clock;
pub mod pair;
pub mod seen;

pub use pure_mqtt_test_broker::sans_io as broker;
