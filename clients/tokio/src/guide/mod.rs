//! The guide: pages on topics that concern more than one item. The examples are compiled.
//!
//! | page | content |
//! |---|---|
//! | [`cancel_safety`] | what happens when a future is dropped, and a program with `select!` |
//! | [`jobs`] | from a job to its result, once: manual acknowledgements, tags and the store |
//! | [`recipes`] | options for AWS IoT Core, Azure, HiveMQ Cloud, EMQX and mosquitto |
//! | [`observability`] | events, counters, spans, and traces from publisher to subscriber |
//! | [`from_rumqttc`] | migrating from rumqttc: which call replaces which, and what behaves differently |
//! | [`from_paho_rust`] | migrating from the crate paho-mqtt |

#[doc = include_str!("cancel_safety.md")]
pub mod cancel_safety {}

#[doc = include_str!("jobs.md")]
pub mod jobs {}

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
