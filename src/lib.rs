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
//! It does nothing by itself. Your program drives it with two loops, one inside the other: links come and go, and on each of them bytes are moved.
//!
//! ```
//! use pure_mqtt::{Connect, Connection, Fixed, Instant, Limits, OpenError, Received};
//! use pure_mqtt::{RxBuffer, Version};
//!
//! /// What a program brings along: a transport, a clock, and a way to wait.
//! trait World {
//!     fn now(&self) -> Instant;
//!     /// Connects, after a pause if the last link ended early; false to stop.
//!     fn dial(&mut self) -> bool;
//!     /// Waits for bytes, at the latest until `due`. `None` if the link is gone.
//!     fn read(&mut self, room: &mut [u8], due: Option<Instant>) -> Option<usize>;
//!     /// Writes at least one byte. `None` if the link is gone.
//!     fn write(&mut self, bytes: &[u8]) -> Option<usize>;
//! }
//!
//! struct Client {
//!     mqtt: Connection<Fixed<1024, 8, 8>>,
//!     rx: RxBuffer<256>,
//! }
//!
//! impl Client {
//!     /// The outer loop: one link after the other. The session lives on.
//!     fn run(
//!         &mut self,
//!         world: &mut impl World,
//!         connect: &Connect<'_>,
//!     ) -> Result<(), OpenError> {
//!         while world.dial() {
//!             self.mqtt.open(world.now(), connect)?;
//!             while self.turn(world).is_some() && !self.mqtt.should_close() {}
//!             self.mqtt.closed(world.now());
//!             self.rx.clear();
//!         }
//!         Ok(())
//!     }
//!
//!     /// The inner loop: take what came, do what is due, send, wait.
//!     fn turn(&mut self, world: &mut impl World) -> Option<()> {
//!         let is_blocked = loop {
//!             match self.mqtt.handle_input(world.now(), self.rx.bytes()) {
//!                 Ok(Received::Packet { consumed, event }) => {
//!                     let _ = event; // use it here: publish, subscribe, …
//!                     self.rx.consume(consumed);
//!                 }
//!                 other => break other == Ok(Received::Blocked),
//!             }
//!         };
//!         let _ = self.mqtt.handle_timeout(world.now());
//!         let mut transmit = self.mqtt.transmit(world.now());
//!         while !transmit.chunk().is_empty() {
//!             let count = world.write(transmit.chunk())?;
//!             transmit.advance(count);
//!         }
//!         while self.mqtt.poll_outcome().is_some() {} // commands that no packet ended
//!         if !is_blocked && !self.mqtt.should_close() { // blocked: sending has made room
//!             let count = world.read(self.rx.room(), self.mqtt.poll_timeout())?;
//!             self.rx.filled(count);
//!         }
//!         Some(())
//!     }
//! }
//! # struct Script { links: u32, input: &'static [u8], sent: Vec<u8> }
//! # impl World for Script {
//! #     fn now(&self) -> Instant { Instant::from_millis(0) }
//! #     fn dial(&mut self) -> bool { self.links += 1; self.input = b"\x20\x02\x00\x00"; self.links <= 2 }
//! #     fn read(&mut self, room: &mut [u8], due: Option<Instant>) -> Option<usize> {
//! #         assert!(due.is_some());
//! #         let count = self.input.len().min(3);
//! #         room[..count].copy_from_slice(&self.input[..count]);
//! #         self.input = &self.input[count..];
//! #         (count > 0).then_some(count)
//! #     }
//! #     fn write(&mut self, bytes: &[u8]) -> Option<usize> { self.sent.push(bytes[0]); Some(1) }
//! # }
//! # use pure_mqtt::{Publish, QoS, TopicName};
//! # let mut world = Script { links: 0, input: &[], sent: Vec::new() };
//!
//! let limits = Limits { inline_max: 256, ..Limits::DEFAULT }; // what the buffer holds
//! let mut client = Client { mqtt: Connection::new(Fixed::new(), limits), rx: RxBuffer::new() };
//! # client.mqtt.publish(world.now(), &Publish::new(TopicName::new("t").unwrap(), "x").qos(QoS::AtLeastOnce)).unwrap();
//! client.run(&mut world, &Connect::new(Version::V311, "sensor-1"))?;
//! # assert_eq!(world.sent.iter().filter(|byte| **byte == 0x10).count(), 2);
//! # assert_eq!(client.mqtt.stats().links, 2);
//! # assert_eq!(world.sent.iter().filter(|byte| **byte == b'x').count(), 2);
//! # Ok::<(), OpenError>(())
//! ```
//!
//! Its page has the whole contract; the [`guide`] goes on from there, page by page. Around it:
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
