//! An MQTT client engine with no I/O: one pure state machine for MQTT 3.1, 3.1.1 and 5.0, for firmware, gateways and servers alike.
//!
//! The type to know is [`Connection`]; its page explains the model and shows two hosts. Around it:
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
//! | conversations as bytes, for bug reports | [`record`], `replay` |
//! | who gets a message | [`router`]: values behind topic filters |
//! | brokers, proxies, test peers | [`wire`]: the codec alone, both directions |
//! | coming from paho | [`paho`]: which call replaces which |
//!
//! # Features
//!
//! | feature | default | brings |
//! |---|---|---|
//! | `v3` | yes | MQTT 3.1 and 3.1.1 |
//! | `v5` | yes | MQTT 5.0 |
//! | `std` | yes | `alloc`, and the optional crates' own `std` |
//! | `alloc` | by `std` | [`Heap`] storage, `router::Router`, `subscriptions::HeapList`, `replay` |
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
mod limits;
#[cfg(feature = "heapless")]
mod owned;
pub mod paho;
pub mod ram;
mod reason;
pub mod record;
#[cfg(feature = "alloc")]
pub mod replay;
pub mod router;
mod rx;
mod session;
#[cfg(feature = "alloc")]
mod slab;
pub mod storage;
pub mod subscriptions;
mod time;
mod topic;
mod types;
pub mod wire;

/// The README's examples run as tests.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// And those of the guide for firmware.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../docs/firmware.md")]
struct FirmwareGuide;

pub use backoff::Backoff;
pub use client_id::ClientId;
pub use command::{Ack, Delivery, Publish, Requested, Subscribe, Unsubscribe};
#[cfg(feature = "journal")]
pub use connection::journal;
pub use connection::{Connection, State, Stats, Timer, Transmit, Wanted};
pub use error::{AckError, ConnectionError, OpenError, PublishError, RequestError};
pub use event::{
    Acknowledged, Answered, Cause, Command, ConnAck, Event, Fragment, Message, Outcome, PendingAck, Received,
    SessionState, Topic, TopicAlias,
};
pub use fallback::Fallback;
pub use limits::{Limits, OnSessionLoss, Overflow};
#[cfg(feature = "heapless")]
pub use owned::FixedMessage;
pub use reason::ReasonCode;
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
pub use wire::{
    Auth, Connect, Disconnect, Properties, PropertiesIter, Property, PropertyError, RetainHandling, Subscription, Will,
};
