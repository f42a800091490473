//! A sans-IO MQTT client: MQTT 3.1, 3.1.1 and 5.0 in one `no_std` state machine, for firmware, gateways and servers.
//!
//! The central type is [`Connection`]:
//!
//! ```text
//!    bytes from the server ──▶ ┌────────────┐ ──▶ events: Message, PubAck, …
//!    the time ───────────────▶ │ Connection │ ──▶ the next deadline
//!    publish, subscribe, … ──▶ └────────────┘ ──▶ bytes for the server
//! ```
//!
//! A [`Connection`] performs no I/O. Your program, the *host*, drives it with two nested loops: the outer loop connects
//! and reconnects, the inner loop moves bytes. The following file compiles as it is. If you prefer a ready-made client,
//! see the crates `pure-mqtt-client` (threads and callbacks), [`pure-mqtt-tokio`](https://docs.rs/pure-mqtt-tokio) and
//! `pure-mqtt-embassy`.
//!
//! ```
#![doc = include_str!("guide/hosts/client.rs")]
//! ```
//!
//! [`Connection`] documents the contract. The [`guide`] has a page for each task, from the first message to a fleet of
//! clients.
//!
//! | for | see |
//! |---|---|
//! | session storage | [`storage`]: [`Heap`], [`Fixed`], [`storage::Borrowed`] |
//! | settings and limits | [`Limits`]; [`ram`]: the memory they require |
//! | opening a link | [`Connect`], [`Will`], [`Backoff`], [`VersionFallback`], [`ClientId`] |
//! | commands | [`Publish`], [`Subscribe`], [`Unsubscribe`], [`Ack`], [`Auth`], [`Disconnect`] |
//! | results | [`Received`], [`Event`], [`Outcome`] |
//! | receive buffers | [`RxBuffer`], `BytesBuffer` (feature `bytes`) |
//! | time | [`Instant`], [`Clock32`] |
//! | topics | [`TopicName`], [`TopicFilter`] |
//! | subscriptions that are restored after a lost session | [`subscriptions`] |
//! | messages larger than memory | [`Connection::handle_input_streaming`], [`Payload::Streamed`] |
//! | recordings for bug reports | the crate `pure-mqtt-trace` |
//! | dispatching messages | [`router`]: values found by topic filter |
//! | brokers, proxies, test peers | [`wire`]: the codec alone, both directions |
//! | migrating from another client | [`paho`], [`guide::from_rumqttc`], [`guide::from_mqtt_protocol_core`]: which call replaces which |
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `v3` | yes | MQTT 3.1 and 3.1.1 |
//! | `v5` | yes | MQTT 5.0 |
//! | `std` | yes | `alloc`, and the optional crates' own `std` |
//! | `alloc` | by `std` | [`Heap`] storage, `router::Router`, `subscriptions::HeapList` |
//! | `bytes` | no | payloads shared by reference count, `BytesBuffer`, [`bytes::Buf`](https://docs.rs/bytes/1/bytes/trait.Buf.html) for [`Transmit`]; needs `alloc` and native atomics |
//! | `heapless` | no | `FixedMessage` |
//! | `journal` | no | `journal`: sessions that survive a power failure |
//! | `defmt` | no | `Format` for the public types, log lines through defmt |
//! | `log` | no | log lines through the `log` facade |
//!
//! Without features the crate needs no allocator. [`Connection::open`] refuses a version that is not compiled in.
//! Enabling only `v3` saves about 28 % of the flash, enabling only `v5` about 9 % (thumbv7em; the README has the
//! table). The crate contains no `unsafe`.
//!
//! # What to read next
//!
//! [`Connection`]: the contract. Then [`guide::choosing_a_host`].

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

#[macro_use]
mod fmt;

mod backoff;
mod client_id;
mod command;
mod connection;
mod copying;
mod error;
mod event;
mod fallback;
pub mod guide;
mod limits;
#[cfg(feature = "heapless")]
mod owned;
pub mod paho;
pub mod ram;
pub mod router;
mod rx;
mod session;
mod shown;
#[cfg(feature = "alloc")]
mod slab;
pub mod storage;
pub mod subscriptions;
mod text;
mod time;
mod topic;
mod types;
pub mod wire;

/// Runs the README's examples as tests.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../README.md")]
struct Readme;

pub use backoff::Backoff;
pub use client_id::ClientId;
pub use command::{Ack, Delivery, Publish, Requested, Subscribe, Unsubscribe};
#[cfg(feature = "journal")]
pub use connection::journal;
pub use connection::{Connection, PayloadRequest, State, Stats, Timer, Transmit, Unacknowledged};
pub use error::{AckError, ConnectionError, OpenError, PublishError, RequestError};
pub use event::{
    Cause, Command, ConnAck, Discard, Discarded, Event, FinalResult, Fragment, FragmentHead, Message, Outcome,
    PendingAck, PublishAck, Received, RequestAck, Risk, SessionState, Topic, TopicAlias,
};
pub use fallback::VersionFallback;
pub use limits::{Limits, OnBadTopic, OnSessionLoss, OnTooLong, OnUnknownSession, Overflow};
#[cfg(feature = "heapless")]
pub use owned::FixedMessage;
#[cfg(feature = "bytes")]
pub use rx::BytesBuffer;
pub use rx::RxBuffer;
pub use session::Dropped;
#[cfg(feature = "alloc")]
pub use storage::Heap;
pub use storage::{Fixed, Payload, Storage};
pub use time::{Clock32, Instant};
pub use topic::{TopicError, TopicFilter, TopicName};
pub use types::{Handle, PacketId, QoS, Version};
pub use wire::reason::ReasonCode;
pub use wire::{
    Auth, Connect, Disconnect, Properties, PropertiesIter, Property, PropertyError, RetainHandling, Subscription, Will,
};
