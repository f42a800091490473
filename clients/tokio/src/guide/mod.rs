//! The guide: pages on subjects that concern more than one item. It holds no code of its own; every example is compiled.
//!
//! | page | tells |
//! |---|---|
//! | [`cancel_safety`] | what becomes of each future that is dropped, and a program with `select!` |
//! | [`recipes`] | the options for AWS IoT Core, Azure, HiveMQ Cloud, EMQX and mosquitto |
//! | [`observability`] | events, counters, spans, and traces that go from publisher to subscriber |
//! | [`from_rumqttc`] | coming from rumqttc: call by call, and what behaves differently |
//! | [`from_paho_rust`] | coming from the crate paho-mqtt: the same |

#[doc = include_str!("cancel_safety.md")]
pub mod cancel_safety {}

#[cfg(feature = "tls")]
#[doc = include_str!("recipes.md")]
pub mod recipes {}

#[cfg(all(feature = "tracing", feature = "trace-context"))]
#[doc = include_str!("observability.md")]
pub mod observability {}

#[doc = include_str!("from_rumqttc.md")]
pub mod from_rumqttc {}

#[doc = include_str!("from_paho_rust.md")]
pub mod from_paho_rust {}
