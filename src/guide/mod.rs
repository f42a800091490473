//! The guide: from the first message to a fleet of clients, page by page.
//!
//! Every example is compiled and tested, and compiles when you copy it into a file of its own. Where a block begins
//! with `mod pair;`, that file is at the end of [`testing`].
//!
//! # The layers
//!
//! ```text
#![doc = include_str!("layers.txt")]
//! ```
//!
//! This guide is about the engine, and about hosts that you write. For a ready-made client read its own documentation
//! first: `pure-mqtt-client`, [`pure-mqtt-tokio`](https://docs.rs/pure-mqtt-tokio) or `pure-mqtt-embassy`. The pages on
//! sessions, back-pressure and clusters apply to these clients too.
//!
//! # The path
//!
//! | step | page | subject |
//! |---|---|---|
//! | 1. Engine | [the crate](crate) | the first message: a complete host in one file |
//! | | [`Connection`](crate::Connection) | the contract: inputs, outputs, deadlines, guarantees |
//! | 2. Hosts | [`choosing_a_host`] | which loop, storage and buffer suit which program |
//! | | [`your_own_host`] | a complete host that reconnects, and common mistakes |
//! | | [`async_host`] | complete hosts for tokio, and for embassy with `embedded-io-async` |
//! | 3. Sessions | [`sessions`] | what survives a disconnect, how each message ends, what "exactly once" requires |
//! | | [`back_pressure`] | full queues and slow consumers, in both directions |
//! | | [`subscriptions`](crate::subscriptions) | subscriptions that are restored after a lost session |
//! | | [`router`](crate::router) | dispatching messages by topic filter |
//! | | [`VersionFallback`](crate::VersionFallback) | servers whose protocol version is unknown |
//! | | [`streaming`] | messages larger than memory, in both directions, with a buffer of 512 bytes |
//! | 4. Durability | [`durability`] | sessions that survive a power failure |
//! | 5. Clusters | [`clusters`] | several servers, and many clients |
//! | 6. Testing | [`testing`] | a server in memory for the tests of your own program |
//! | | [`pure-mqtt-trace`](https://docs.rs/pure-mqtt-trace) | a recording of all calls, to attach to a bug report |
//! | 7. Firmware | [`firmware`] | MQTT on a microcontroller: storage, main loop, async, sizes |
//! | 8. Migration | [`paho`](crate::paho) | from paho: which call replaces which |
//! | | [`from_rumqttc`] | from rumqttc |
//! | | [`from_mqtt_protocol_core`] | from mqtt-protocol-core |
//!
//! Each page ends with what to read next. Firmware engineers read steps 1 and 7 first. If you know another client,
//! start with step 8.

#[doc = include_str!("choosing_a_host.md")]
#[doc = "```"]
#[doc = include_str!("hosts/take.rs")]
#[doc = "```"]
#[doc = ""]
#[doc = "# What to read next"]
#[doc = ""]
#[doc = "[`your_own_host`]: a complete host for a thread. For an async program: [`async_host`]."]
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
#[doc = ""]
#[doc = "# What to read next"]
#[doc = ""]
#[doc = "[`async_host`] if your program is async; otherwise [`sessions`]: what survives a disconnect."]
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
#[doc = ""]
#[doc = "# What to read next"]
#[doc = ""]
#[doc = "[`sessions`]: what survives a disconnect, and how each message ends."]
pub mod async_host {}

#[doc = include_str!("sessions.md")]
pub mod sessions {}

#[doc = include_str!("back_pressure.md")]
pub mod back_pressure {}

#[doc = include_str!("streaming.md")]
pub mod streaming {}

#[doc = include_str!("../../docs/firmware.md")]
#[doc = ""]
#[doc = "## What to read next"]
#[doc = ""]
#[doc = "[`streaming`] for messages larger than RAM, [`durability`] for power failures; or migration: [`paho`](crate::paho),"]
#[doc = "[`from_rumqttc`], [`from_mqtt_protocol_core`]."]
pub mod firmware {}

#[doc = include_str!("durability.md")]
pub mod durability {}

#[doc = include_str!("clusters.md")]
pub mod clusters {}

#[doc = include_str!("testing.md")]
#[doc = "```"]
#[doc = include_str!("pair.rs")]
#[doc = "```"]
#[doc = ""]
#[doc = "# What to read next"]
#[doc = ""]
#[doc = "[`firmware`]: the engine on a microcontroller. The crate [pure-mqtt-trace](https://docs.rs/pure-mqtt-trace) records a run that failed."]
pub mod testing {}

#[doc = include_str!("from_rumqttc.md")]
pub mod from_rumqttc {}

#[doc = include_str!("from_mqtt_protocol_core.md")]
pub mod from_mqtt_protocol_core {}
