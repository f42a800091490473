//! An MQTT client engine with no I/O: one pure state machine for MQTT 3.1, 3.1.1 and 5.0, for firmware, gateways and servers alike.
//!
//! The type to know is [`Connection`]:
//!
//! ```text
//!    bytes from the server ──▶ ┌────────────┐ ──▶ events: Message, PubAck, …
//!    the time ───────────────▶ │ Connection │ ──▶ the next deadline
//!    publish, subscribe, … ──▶ └────────────┘ ──▶ bytes for the server
//! ```
//!
//! It does nothing by itself. Your program drives it with two loops, one inside the other: links come and go, and on each of them bytes are moved. This file
//! compiles as it stands.
//!
//! ```
#![doc = include_str!("guide/hosts/client.rs")]
//! ```
//!
//! The page of [`Connection`] has the whole contract; the [`guide`] goes on from there, page by page. Around it:
//!
//! | for | see |
//! |---|---|
//! | where the session is kept | [`storage`]: [`Heap`], [`Fixed`], [`storage::Borrowed`] |
//! | settings and bounds | [`Limits`]; [`ram`]: memory known in advance |
//! | opening a link | [`Connect`], [`Will`], [`Backoff`], [`Fallback`], [`ClientId`] |
//! | commands | [`Publish`], [`Subscribe`], [`Unsubscribe`], [`Ack`], [`Auth`], [`Disconnect`] |
//! | what happened | [`Received`], [`Event`], [`Outcome`] |
//! | buffers for input | [`RxBuffer`], `BytesBuffer` (feature `bytes`) |
//! | time | [`Instant`], [`Clock32`] |
//! | topics | [`TopicName`], [`TopicFilter`] |
//! | subscriptions that come back after a lost session | [`subscriptions`] |
//! | messages longer than memory | [`Connection::handle_input_streaming`], [`Payload::Streamed`] |
//! | conversations as bytes, for bug reports | the crate `pure-mqtt-trace` |
//! | who gets a message | [`router`]: values behind topic filters |
//! | brokers, proxies, test peers | [`wire`]: the codec alone, both directions |
//! | coming from another client | [`paho`], [`guide::from_rumqttc`], [`guide::from_mqtt_protocol_core`]: which call replaces which |
//!
//! # Features
//!
//! | feature | default | brings |
//! |---|---|---|
//! | `v3` | yes | MQTT 3.1 and 3.1.1 |
//! | `v5` | yes | MQTT 5.0 |
//! | `std` | yes | `alloc`, and the optional crates' own `std` |
//! | `alloc` | by `std` | [`Heap`] storage, `router::Router`, `subscriptions::HeapList` |
//! | `bytes` | no | payloads shared by reference count, `BytesBuffer`, [`bytes::Buf`] for [`Transmit`]; needs `alloc` and native atomics |
//! | `heapless` | no | `FixedMessage` |
//! | `journal` | no | `journal`: sessions that survive a loss of power |
//! | `defmt` | no | `Format` for the public types, log lines through defmt |
//! | `log` | no | log lines through the `log` facade |
//!
//! Without features the crate needs no allocator. A version that is not compiled in is refused by [`Connection::open`]; firmware that speaks one
//! kind alone is a third or a tenth smaller. It contains no `unsafe`.

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

/// The README's examples run as tests.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../README.md")]
struct Readme;

pub use backoff::Backoff;
pub use client_id::ClientId;
pub use command::{Ack, Delivery, Publish, Requested, Subscribe, Unsubscribe};
#[cfg(feature = "journal")]
pub use connection::journal;
pub use connection::{Connection, State, Stats, Timer, Transmit, Unacknowledged, Wanted};
pub use error::{AckError, ConnectionError, OpenError, PublishError, RequestError};
pub use event::{
    Acknowledged, Answered, Cause, Command, ConnAck, Discard, Discarded, End, Event, Fragment, Head, Message, Outcome,
    PendingAck, Received, Risk, SessionState, Topic, TopicAlias,
};
pub use fallback::Fallback;
pub use limits::{Limits, OnBadTopic, OnSessionLoss, OnTooLong, OnUnknownSession, Overflow};
#[cfg(feature = "heapless")]
pub use owned::FixedMessage;
#[cfg(feature = "bytes")]
pub use rx::BytesBuffer;
pub use rx::RxBuffer;
pub use session::Victims;
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
