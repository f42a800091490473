//! The guide: how to use the crate for common tasks, page by page. It holds no code of its own. Every example is compiled and tested; each block compiles when it
//! is copied into a file of its own. Where a block begins with `mod pair;`, that file is the one at the end of [`testing`].
//!
//! The page of [`Connection`](crate::Connection) is the contract; read it first. Then, as needed:
//!
//! | page | tells |
//! |---|---|
//! | [`choosing_a_host`] | which loop, storage and buffer suit which program |
//! | [`your_own_host`] | a complete host with reconnecting, and what hosts get wrong |
//! | [`async_host`] | complete hosts for tokio, and for embassy with `embedded-io-async` |
//! | [`sessions`] | what survives a link, how each message ends, and what "exactly once" takes |
//! | [`back_pressure`] | what happens when one side is faster than the other, in both directions |
//! | [`streaming`] | messages longer than memory, in both directions, with a buffer of 512 bytes |
//! | [`subscriptions`](crate::subscriptions), [`router`](crate::router) | subscriptions that come back after a lost session, and who gets a message |
//! | [`Fallback`](crate::Fallback) | servers of which nobody knows what version they speak |
//! | the crate [`pure-mqtt-trace`](https://docs.rs/pure-mqtt-trace) | a conversation as bytes, to attach to a bug report |
//! | [`firmware`] | MQTT on your board in 15 minutes |
//! | [`durability`] | sessions that survive a loss of power |
//! | [`testing`] | a server in memory for the tests of your own client |
//! | [`paho`](crate::paho) | coming from paho: which call replaces which |
//! | [`from_rumqttc`] | coming from rumqttc |
//! | [`from_mqtt_protocol_core`] | coming from mqtt-protocol-core |

#[doc = include_str!("choosing_a_host.md")]
#[doc = "```"]
#[doc = include_str!("hosts/take.rs")]
#[doc = "```"]
pub mod choosing_a_host {}

#[doc = include_str!("your_own_host.md")]
#[doc = "```"]
#[doc = include_str!("hosts/host.rs")]
#[doc = "```"]
#[doc = include_str!("over_tcp.md")]
#[cfg_attr(feature = "alloc", doc = "```no_run")]
#[cfg_attr(not(feature = "alloc"), doc = "```text")]
#[doc = "# /*"]
#[doc = "mod host; // the file above"]
#[doc = "# */"]
#[doc = r#"# mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/hosts/host.rs")); }"#]
#[doc = ""]
#[doc = include_str!("hosts/tcp.rs")]
#[doc = "```"]
#[doc = include_str!("what_hosts_get_wrong.md")]
pub mod your_own_host {}

#[doc = include_str!("async_host.md")]
#[cfg_attr(feature = "alloc", doc = "```no_run")]
#[cfg_attr(not(feature = "alloc"), doc = "```text")]
#[doc = include_str!("hosts/tokio.rs")]
#[doc = "```"]
#[doc = include_str!("async_host_embassy.md")]
#[doc = "```"]
#[doc = include_str!("hosts/embassy.rs")]
#[doc = ""]
#[doc = include_str!("hosts/embassy_links.rs")]
#[doc = "```"]
pub mod async_host {}

#[doc = include_str!("sessions.md")]
pub mod sessions {}

#[doc = include_str!("back_pressure.md")]
pub mod back_pressure {}

#[doc = include_str!("streaming.md")]
pub mod streaming {}

#[doc = include_str!("../../docs/firmware.md")]
pub mod firmware {}

#[doc = include_str!("durability.md")]
pub mod durability {}

#[doc = include_str!("testing.md")]
#[doc = "```"]
#[doc = include_str!("pair.rs")]
#[doc = "```"]
pub mod testing {}

#[doc = include_str!("from_rumqttc.md")]
pub mod from_rumqttc {}

#[doc = include_str!("from_mqtt_protocol_core.md")]
pub mod from_mqtt_protocol_core {}
