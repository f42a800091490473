//! The connection: one state machine over a session, a link and a storage.

mod aliasing;
mod auth;
mod commands;
mod control;
mod core;
#[cfg(all(test, feature = "v3", feature = "v5"))]
mod diagrams;
mod effect;
mod ending;
mod extras;
mod fast_path;
mod gather;
mod handshake;
mod identity;
mod inbound;
#[cfg(feature = "journal")]
pub mod journal;
mod link;
mod outbound;
mod overflow;
mod pieces;
mod reducing;
mod room;
mod state;
mod stats;
mod stream;
mod timer;
mod timers;
mod tolerance;
mod unacknowledged;

pub use self::outbound::{PayloadRequest, Transmit};
pub use self::state::State;
pub use self::stats::Stats;
pub use self::timer::Timer;
pub use self::unacknowledged::Unacknowledged;

use self::auth::write_auth;
use self::commands::{Draft, delivery, is_bare, requested};
use self::control::{BUSY_CONTROL, LONGEST_CONTROL, SHORTEST_CONTROL};
use self::core::{Core, Extras, write_disconnect};
use self::fast_path::{LAST_OWED, MESSAGE, OWED, PUBACK, PUBCOMP, PUBREC, PUBREL, RETAINED};
use self::handshake::{Announced, check_connect, write_connect};
use crate::command::{Ack, Delivery, Publish, Requested, Subscribe, Unsubscribe};
use crate::error::{AckError, ConnectionError, OpenError, PublishError, RequestError};
use crate::event::{Command, Event, Outcome, PendingAck, Received, Risk, Topic};
use crate::limits::{Limits, Overflow, StoredLimits};
use crate::session::{Aliases, Dropped, HAS_FAST_PATH, Matched, Outgoing};
use crate::storage::sealed::{Demand, Used};
use crate::storage::{Kind, MAY_GROW, Side, Storage};
use crate::text::Text;
use crate::time::Instant;
use crate::topic::TopicName;
use crate::types::{Handle, PacketId, QoS, Version};
use crate::wire::{Auth, Connect, Disconnect, EncodeError, MAX_REMAINING, measure};

#[doc = include_str!("contract.md")]
#[doc = "```"]
#[doc = include_str!("../guide/hosts/turn.rs")]
#[doc = "```"]
#[doc = include_str!("contract_bytes.md")]
#[cfg_attr(feature = "bytes", doc = "```")]
#[cfg_attr(not(feature = "bytes"), doc = "```text")]
#[doc = include_str!("../guide/hosts/shared.rs")]
#[doc = "```"]
#[doc = include_str!("promises.md")]
#[derive(Clone)]
pub struct Connection<S: Storage> {
    storage: S,
    core: Core,
}

impl<S: Storage> Connection<S> {
    /// Creates a connection without a link. With [`Fixed`](crate::Fixed) storage and [`Limits::DEFAULT`] all its bytes
    /// are zero, so a `static` one takes no flash.
    pub const fn new(storage: S, limits: Limits) -> Self {
        Self { storage, core: Core::new(limits, Extras::of(&limits)) }
    }

    /// Opens a link: CONNECT becomes the first output. Call it once the transport is up.
    ///
    /// Partly sent and partly received packets of the last link are discarded; messages at QoS 1 and 2 start over. The
    /// session continues unless `connect` asks for a clean start. If the version differs from the last one, stored
    /// messages are re-encoded for the new version.
    ///
    /// The engine adds Receive Maximum, Maximum Packet Size and Topic Alias Maximum to a CONNECT of 5.0, with the
    /// values of [`Limits`] and the storage; the first two only if [`Limits::announce_limits`] is on.
    ///
    /// # Errors
    /// [`OpenError`]; nothing has changed. [`OpenError::TooLarge`] depends only on the storage's control area, not on
    /// what is queued.
    pub fn open(&mut self, now: Instant, connect: &Connect<'_>) -> Result<(), OpenError> {
        if self.core.link.state != State::Closed {
            return Err(OpenError::AlreadyOpen);
        }
        let connect = &Connect { clean_start: connect.clean_start || self.core.outgoing.must_start_clean, ..*connect };
        check_connect(connect)?;
        let bounds = self.storage.bounds();
        let (inbound, outbound) = self.core.limits.topic_aliases();
        let affordable = self.core.incoming.affordable(self.core.limits.max_received(bounds.receive_slots));
        let receive = usize::from(self.core.limits.receive_maximum()).min(affordable);
        let aliases = if self.core.aliases.has_forgotten { 0 } else { usize::from(inbound).min(bounds.aliases) };
        let longest = self.core.limits.inline_max().max(self.core.limits.stream_max());
        let announced = Announced {
            receive_maximum: if self.core.limits.announces() { receive as u16 } else { u16::MAX },
            topic_alias_maximum: aliases as u16,
            longest: if self.core.limits.announces() && !self.core.limits.discards() { longest } else { MAX_REMAINING },
        };
        let length = self.write_connect(connect, &announced)?;
        self.core.see(now);
        if aliases > 0 || outbound > 0 {
            let name = self.core.limits.alias_name_max().into();
            self.storage.grow(Demand::Aliases { inbound: aliases, outbound: outbound.into(), name });
        }
        if S::MAY_HAVE_ALIASES {
            self.core.begin_to_alias(); // not in `new`: a pointer in a static would take flash
        }
        self.core.open(&mut self.storage.parts(), connect, &announced, length);
        self.gather();
        Ok(())
    }

    /// Writes CONNECT to the control area, and returns its length. Tries again if the storage has to grow for it.
    fn write_connect(&mut self, connect: &Connect<'_>, announced: &Announced) -> Result<usize, OpenError> {
        let most = self.storage.bounds().control.min(LONGEST_CONTROL);
        let mut bytes = 0;
        loop {
            self.storage.grow(Demand::Control { bytes });
            let mut writer = self.core.link.control.writer(self.storage.parts().control);
            write_connect(connect, announced, &mut writer);
            match writer.finish() {
                Err(EncodeError::NoRoom { needed }) if MAY_GROW && needed <= most && needed > bytes => {
                    bytes = needed.max(SHORTEST_CONTROL);
                }
                written => return Ok(written?),
            }
        }
    }

    /// Reports that the transport is closed: it failed, or was closed after [`should_close`](Self::should_close)
    /// returned true. The session and the queue are kept. Without a link the call has no effect.
    pub fn handle_close(&mut self, now: Instant) {
        self.core.see(now);
        self.core.handle_close(&mut self.storage.parts());
        self.gather();
    }

    /// Processes at most one packet from the start of `input`.
    ///
    /// The event borrows `input`, not the connection: a handler can publish, acknowledge or disconnect while it holds a
    /// message. [`Received`] says how to continue.
    ///
    /// # Errors
    /// [`ConnectionError`]: the link has ended; the session is kept. Further input returns the same error. In 5.0 one
    /// DISCONNECT with [`ConnectionError::reason`] is pending in [`transmit`](Self::transmit).
    ///
    /// The packet had no effect, with one exception: a QoS 1 message under the identifier of a QoS 2 message from an
    /// earlier link ([`Violation::PacketIdInUse`](crate::wire::Violation::PacketIdInUse)) proves that the server has
    /// lost the QoS 2 message, so this side discards that message too. Otherwise every later link would end in the same
    /// way.
    pub fn handle_input<'i>(&mut self, now: Instant, input: &'i [u8]) -> Result<Received<'i>, ConnectionError> {
        self.core.see(now);
        match *input {
            [MESSAGE | RETAINED, ..] if self.has_fast_path() => self.take_message(input),
            [PUBACK, ..] if self.has_fast_path() => self.take_ack::<PUBACK>(input),
            [PUBREC, ..] if self.has_fast_path() => self.take_ack::<PUBREC>(input),
            [PUBCOMP, ..] if self.has_fast_path() => self.take_ack::<PUBCOMP>(input),
            [OWED..=LAST_OWED, ..] if self.has_fast_path() => self.take_owed(input),
            [PUBREL, ..] if self.has_fast_path() => self.take_release(input),
            _ => self.take_any::<false>(input),
        }
    }

    /// Like [`handle_input`](Self::handle_input), but messages longer than [`Limits::inline_max`] arrive in fragments,
    /// up to [`Limits::stream_max`]: each call consumes the payload bytes in `input` and returns them as an
    /// [`Event::Fragment`](crate::Event::Fragment). A buffer of a few hundred bytes is enough for a firmware image. The
    /// message is acknowledged after its last fragment; if the link is lost before that, it is delivered again from its
    /// start.
    ///
    /// Topic and properties must lie within the first `inline_max` bytes of the packet. The payload is not checked for
    /// UTF-8, whatever [`Limits::check_payload_format`] says. Once a message has begun in this way, pass its other
    /// fragments to this method as well.
    ///
    /// ```
    /// use pure_mqtt::{Connect, Connection, Event, Fixed, Instant, Limits, Received, RxBuffer, Version};
    ///
    /// fn main() -> Result<(), pure_mqtt::OpenError> {
    ///     let now = Instant::from_millis(0);
    ///     let limits = Limits { inline_max: 16, stream_max: 1 << 20, ..Limits::DEFAULT };
    ///     let mut mqtt = Connection::new(Fixed::<64, 2, 2>::new(), limits);
    ///     mqtt.open(now, &Connect::new(Version::V311, "updater"))?;
    ///     let length = mqtt.transmit(now).remaining();
    ///     mqtt.transmit(now).advance(length);
    ///     let mut rx = RxBuffer::<16>::new();
    ///     let mut image: Vec<u8> = Vec::new();
    ///     let mut wire = &b"\x20\x02\x00\x00\x30\x1E\x00\x02fw0123456789abcdefghijklmnop"[..];
    ///     while !wire.is_empty() {
    ///         let room = rx.room();
    ///         let count = room.len().min(wire.len());
    ///         room[..count].copy_from_slice(&wire[..count]);
    ///         wire = &wire[count..];
    ///         rx.filled(count);
    ///         while let Ok(Received::Packet { consumed, event }) = mqtt.handle_input_streaming(now, rx.bytes()) {
    ///             if let Some(Event::Fragment(fragment)) = event {
    ///                 assert_eq!(fragment.offset as usize, image.len());
    ///                 image.extend(fragment.payload); // for example to flash
    ///             }
    ///             rx.consume(consumed);
    ///         }
    ///     }
    ///     assert_eq!(image, b"0123456789abcdefghijklmnop");
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// Same as [`handle_input`](Self::handle_input).
    pub fn handle_input_streaming<'i>(
        &mut self,
        now: Instant,
        input: &'i [u8],
    ) -> Result<Received<'i>, ConnectionError> {
        self.core.see(now);
        self.take_any::<true>(input)
    }

    /// Returns whether ordinary messages may take the fast path; with a journal none does.
    #[inline(always)]
    fn has_fast_path(&self) -> bool {
        HAS_FAST_PATH && !(S::MAY_HAVE_JOURNAL && self.storage.has_journal())
    }

    /// Encodes the records that are due for the journal. Called at the end of every call that may change the session.
    #[inline(always)]
    fn gather(&mut self) {
        if S::MAY_HAVE_JOURNAL && self.storage.has_journal() {
            self.core.gather(&mut self.storage.parts());
        }
    }

    /// Handles a message at QoS 0 by the fast path if possible. Each packet type has a function of its own, which saves
    /// only the registers that it needs.
    #[inline(never)]
    fn take_message<'i>(&mut self, input: &'i [u8]) -> Result<Received<'i>, ConnectionError> {
        if self.core.is_fast_path_ready() {
            if let Some((consumed, message)) = self.core.take_message(input) {
                return Ok(Received::Packet { consumed, event: Some(Event::Message(message)) });
            }
            if let Some(needed) = self.core.await_message(input) {
                return Ok(Received::Partial { needed });
            }
        }
        self.take_any::<false>(input)
    }

    /// Handles a message at QoS 1 or 2 by the fast path if possible.
    #[inline(never)]
    fn take_owed<'i>(&mut self, input: &'i [u8]) -> Result<Received<'i>, ConnectionError> {
        if self.core.is_fast_path_ready() {
            if let Some((consumed, message)) = self.core.take_owed(self.storage.parts().inbox, input) {
                return Ok(Received::Packet { consumed, event: Some(Event::Message(message)) });
            }
        }
        self.take_any::<false>(input)
    }

    /// Handles PUBREL by the fast path if possible.
    #[inline(never)]
    fn take_release<'i>(&mut self, input: &'i [u8]) -> Result<Received<'i>, ConnectionError> {
        match self.core.take_release(&mut self.storage.parts(), input) {
            Some(()) => Ok(Received::Packet { consumed: fast_path::BARE, event: None }),
            None => self.take_any::<false>(input),
        }
    }

    /// Handles PUBACK, PUBREC or PUBCOMP, whichever has this first byte, by the fast path if possible.
    #[inline(never)]
    fn take_ack<'i, const FIRST: u8>(&mut self, input: &'i [u8]) -> Result<Received<'i>, ConnectionError> {
        if let Some(event) = self.core.take_ack::<FIRST>(self.storage.slots(), input) {
            return Ok(Received::Packet { consumed: fast_path::BARE, event });
        }
        self.take_any::<false>(input)
    }

    /// Handles any packet by the general path.
    #[cfg_attr(not(target_pointer_width = "32"), inline(never))]
    fn take_any<'i, const STREAMS: bool>(&mut self, input: &'i [u8]) -> Result<Received<'i>, ConnectionError> {
        self.prepare_input(input);
        let mut received = Ok(Received::Blocked);
        self.core.handle_input::<STREAMS>(&mut self.storage.parts(), input, &mut received);
        self.gather();
        received
    }

    /// Makes room for the message that may be at the start of `input`.
    #[inline]
    fn prepare_input(&mut self, input: &[u8]) {
        let incoming = &self.core.incoming;
        let is_owing = input.first().is_some_and(|first| first & 0xF0 == 0x30 && first & 0b0110 != 0);
        if is_owing && !self.core.link.stream.is_open() && incoming.is_short(self.storage.view().inbox) {
            let limit = self.core.limits.max_received(self.storage.bounds().receive_slots);
            self.storage.grow(Demand::ReceiveSlot { limit });
            self.storage.grow(Demand::Control { bytes: BUSY_CONTROL });
        }
    }

    /// Processes the timers that have expired at `now`. Call it once the [`poll_timeout`](Self::poll_timeout) deadline
    /// has passed; repeat until the deadline lies in the future. Extra calls are harmless.
    ///
    /// # Errors
    /// [`ConnectionError`]: the server did not answer in time, or the transport took no bytes. The link has ended, as
    /// after an error of [`handle_input`](Self::handle_input).
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), ConnectionError> {
        self.core.see(now);
        let done = self.core.handle_timeout(&mut self.storage.parts());
        self.gather();
        done
    }

    /// Reports that `bytes` bytes from the server have arrived and were not passed to
    /// [`handle_input`](Self::handle_input) yet; 0 once there are none. Use it in hosts that read faster than they
    /// handle, so that a slow handler does not end the link. The bytes count as received. While unread bytes remain,
    /// the deadlines for PINGRESP and for acknowledgements pause, since the answer may be among these bytes. PINGREQ is
    /// still sent.
    pub fn report_unread(&mut self, now: Instant, bytes: usize) {
        self.core.see(now);
        self.core.note_unread(bytes);
    }

    /// Accepts a message, in every state. The message is sent as soon as the link, [`Limits::max_inflight`] and the
    /// server's Receive Maximum allow; QoS 0 messages do not wait for these two limits.
    ///
    /// Each accepted message at QoS 1 or 2 has exactly one final result: [`Event::PubAck`](crate::Event::PubAck),
    /// [`PubComp`](crate::Event::PubComp) or [`PubRec`](crate::Event::PubRec); an [`Outcome`]; or it is among the
    /// [`dropped`](Delivery::dropped) messages of a later `publish` or `replace`. There is one exception: a message
    /// that [`cancel`](Self::cancel) removed has neither event nor outcome.
    ///
    /// A QoS 0 message has no final result. Once [`last_sent_qos0`](Self::last_sent_qos0) has reached its handle, the
    /// message was sent, or had been cancelled, dropped or expired before.
    ///
    /// # Errors
    /// [`PublishError`]; nothing has changed.
    pub fn publish(&mut self, now: Instant, publish: &Publish<'_>) -> Result<Delivery, PublishError> {
        if S::MAY_INDEX_TOPICS && self.core.limits.overflow() == Overflow::LatestPerTopic {
            self.index_topics();
        }
        if self.has_fast_path() {
            if let Some(matched) = self.core.put_message(self.storage.parts(), publish) {
                self.core.see(now);
                return Ok(delivery(matched, publish.qos, None, false));
            }
        }
        self.publish_any(now, publish)
    }

    /// Publishes by the general path. Not inlined, so that the fast path has its caller's registers to itself.
    #[cfg_attr(not(target_pointer_width = "32"), inline(never))]
    fn publish_any(&mut self, now: Instant, publish: &Publish<'_>) -> Result<Delivery, PublishError> {
        let checked = self.check_publish(publish);
        let draft = checked.as_ref().map_err(|&error| error)?; // borrowed: a copy would stall on the bytes just written
        self.check_record(publish, draft)?;
        let waits = self.core.wants_to_send();
        let mut dropped = None;
        if !draft.fits && !self.make_room(draft.need, publish.topic.text().as_bytes(), &mut dropped) {
            return Err(PublishError::Full);
        }
        self.accept_publish((now, waits), publish, draft, dropped)
    }

    /// Publishes `publish` in place of an unsent message: a newer reading, for example. The call is atomic: either the
    /// old message is removed and the new one accepted, at the end of the queue, or nothing has changed. The old
    /// message is reported in [`dropped`](Delivery::dropped), which is its final result; no other message is dropped
    /// for the new one, whatever the overflow policy is.
    ///
    /// # Errors
    /// [`PublishError`]; nothing has changed. [`PublishError::NotQueued`] if the old message is unknown, or if some or
    /// all of it was sent, as with [`cancel`](Self::cancel).
    pub fn replace(&mut self, now: Instant, old: Handle, publish: &Publish<'_>) -> Result<Delivery, PublishError> {
        let draft = self.check_publish(publish)?;
        let parts = &mut self.storage.parts();
        if !self.core.outgoing.is_unsent(parts, old) {
            return Err(PublishError::NotQueued);
        }
        self.check_record(publish, &draft)?;
        let waits = self.core.wants_to_send();
        let most = self.core.most(&self.storage.bounds());
        let parts = &mut self.storage.parts();
        let dropped = self.core.outgoing.drop_handle(parts, &draft.need, &most, old);
        self.core.drop_orphaned_prefix(parts);
        self.gather(); // frees the slot of the old message
        if dropped.is_none() {
            return Err(PublishError::Full);
        }
        self.grow_for(&draft.need, &most);
        self.accept_publish((now, waits), publish, &draft, dropped)
    }

    fn check_publish(&mut self, publish: &Publish<'_>) -> Result<Draft, PublishError> {
        let bounds = self.storage.bounds();
        let is_shared = bounds.shares_payloads && publish.payload.is_worth_sharing();
        self.core.check_publish(publish, &bounds, is_shared)
    }

    /// Stores a checked message, if there is room for it. `waits`: whether output was pending before room was made.
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    fn accept_publish(
        &mut self,
        (now, waits): (Instant, bool),
        publish: &Publish<'_>,
        draft: &Draft,
        dropped: Option<Dropped>,
    ) -> Result<Delivery, PublishError> {
        if draft.shares_payload() {
            self.storage.grow(Demand::SharedPayload);
        }
        self.core.see_as(now, waits);
        let parts = &mut self.storage.parts();
        let matched = self.core.publish(parts, publish, draft).ok_or(PublishError::Full)?;
        if dropped.is_some() {
            self.core.outgoing.note_awaited(parts.slots);
        }
        self.gather();
        let reduced = !is_bare(publish) && !self.version().has_properties();
        Ok(delivery(matched, publish.qos, dropped, reduced))
    }

    /// Removes an unsent message from the queue; no event or outcome follows. Returns false if the message is unknown
    /// or some of it was sent. A message that is sent again in a new session
    /// ([`OnSessionLoss::Republish`](crate::OnSessionLoss::Republish)) counts as unsent.
    pub fn cancel(&mut self, handle: Handle) -> bool {
        let parts = &mut self.storage.parts();
        let is_cancelled = self.core.outgoing.cancel(parts, handle);
        self.core.drop_orphaned_prefix(parts);
        self.gather();
        is_cancelled
    }

    /// Gives up a message that was published with [`Payload::Streamed`](crate::Payload::Streamed), because its payload
    /// cannot be supplied any more. At QoS 1 and 2 an [`Outcome`] follows. If part of it was sent on this link, the
    /// link ends too ([`ConnectionError::Abandoned`]): the server would read the next bytes as the rest of the payload.
    ///
    /// Returns false, and nothing has changed, if there is no such message, while its acknowledgement is awaited, and
    /// for a QoS 2 message that was sent completely before: the server may hold its identifier until the session ends.
    pub fn abandon(&mut self, now: Instant, handle: Handle) -> bool {
        let is_done = Outgoing::abandonable(self.storage.parts().slots, handle).is_some();
        if is_done {
            self.core.see(now);
        }
        let is_done = self.core.abandon(&mut self.storage.parts(), handle);
        self.gather();
        is_done
    }

    /// Gives up one message or request, even if part of it was sent on earlier links: for example one at which every
    /// link ends ([`attempts`](Self::attempts)). The [`Outcome`] [`Cause::Withdrawn`](crate::Cause::Withdrawn) follows
    /// (none at QoS 0), and the messages behind it continue. Returns the risk.
    ///
    /// If the server may hold the identifier of a QoS 2 message, a PUBREL on the next link releases the identifier,
    /// once the outcome was fetched. A message after PUBREC can be withdrawn too, if the links end at its PUBREL; that
    /// PUBREL is then not sent again. If it was sent on three links, the message counts as delivered; before that it
    /// may be lost.
    ///
    /// Returns `None`, and nothing has changed, if there is no such message or request, and while it is partly sent or
    /// its answer is awaited on this link: close the link first.
    pub fn withdraw(&mut self, now: Instant, handle: Handle) -> Option<Risk> {
        let parts = &mut self.storage.parts();
        let risk = self.core.outgoing.withdrawable(parts.slots, handle)?;
        self.core.see(now);
        self.core.begin_to_take_back();
        self.core.outgoing.withdraw(parts, handle);
        self.core.drop_orphaned_prefix(parts);
        self.gather();
        Some(risk)
    }

    /// Returns the number of links on which some of this message or request was sent, in this session or an earlier
    /// one: 0 if nothing was sent, at most 255. For a QoS 2 message after PUBREC, counts the links on which its PUBREL
    /// was sent. `None` if the message or request is finished.
    pub fn attempts(&self, handle: Handle) -> Option<u8> {
        self.core.outgoing.attempts(self.storage.view().slots, handle)
    }

    /// Holds messages back (`true`), or releases them (`false`). While messages are held, SUBSCRIBE and UNSUBSCRIBE are
    /// sent and PUBLISH waits. So a program that subscribes first and publishes then receives its own messages. A
    /// partly sent PUBLISH is completed; PUBREL and acknowledgements continue. The setting stays in force over several
    /// links.
    ///
    /// If a request finds no room because held messages fill the storage, the hold ends by itself: otherwise both would
    /// wait for ever.
    pub fn hold_messages(&mut self, holds: bool) {
        self.core.begin_to_take_back();
        self.core.hold_messages(&mut self.storage.parts(), holds);
    }

    /// Returns whether messages are [held back](Self::hold_messages).
    pub fn holds_messages(&self) -> bool {
        self.core.outgoing.holds_messages
    }

    /// Returns the messages at QoS 1 and 2 that are not finished, as they are stored: first those after PUBREC, then
    /// the others in their order.
    pub fn unacknowledged(&self) -> impl Iterator<Item = Unacknowledged<'_>> {
        let (view, outgoing) = (self.storage.view(), &self.core.outgoing);
        outgoing
            .unacknowledged(view.slots)
            .map(move |(index, slot)| Unacknowledged::of(&view, outgoing.version(), index, slot))
    }

    /// Accepts a SUBSCRIBE, in every state; it does not wait for the window. [`Event::SubAck`](crate::Event::SubAck) or
    /// an [`Outcome`] follows.
    ///
    /// # Errors
    /// [`RequestError`]; nothing has changed.
    pub fn subscribe(&mut self, now: Instant, subscribe: &Subscribe<'_>) -> Result<Requested, RequestError> {
        let draft = self.core.check_subscribe(subscribe, &self.storage.bounds())?;
        self.make_room_for_request(draft.need)?;
        self.core.see(now);
        let reduced = draft.is_reduced(self.version());
        let parts = &mut self.storage.parts();
        requested(self.core.request(parts, subscribe.properties, subscribe.filters, &draft), reduced)
    }

    /// Accepts an UNSUBSCRIBE, in every state; it does not wait for the window.
    /// [`Event::UnsubAck`](crate::Event::UnsubAck) or an [`Outcome`] follows.
    ///
    /// # Errors
    /// [`RequestError`]; nothing has changed.
    pub fn unsubscribe(&mut self, now: Instant, unsubscribe: &Unsubscribe<'_>) -> Result<Requested, RequestError> {
        let draft = self.core.check_unsubscribe(unsubscribe, &self.storage.bounds())?;
        self.make_room_for_request(draft.need)?;
        self.core.see(now);
        let reduced = draft.is_reduced(self.version());
        let parts = &mut self.storage.parts();
        requested(self.core.request(parts, unsubscribe.properties, unsubscribe.filters, &draft), reduced)
    }

    /// Acknowledges a message; only with [`Limits::manual_acks`]. Messages may be acknowledged in any order: the
    /// acknowledgements are sent in the order that the standard requires `[MQTT-4.6.0-2]` `[MQTT-4.6.0-3]`.
    ///
    /// # Errors
    /// [`AckError`] returns the `PendingAck`; nothing has changed. [`RequestError::Stale`] if the link (QoS 1) or the
    /// session (QoS 2) has ended.
    pub fn acknowledge(&mut self, now: Instant, pending: PendingAck, with: &Ack<'_>) -> Result<(), AckError> {
        let mut draft = match self.core.check_ack(self.storage.parts().inbox, &pending, with) {
            Ok(draft) => draft,
            Err(error) => return Err(AckError { error, pending }),
        };
        if draft.need.is_some_and(|need| !self.make_room(need, &[], &mut None)) {
            draft.need = None; // without the properties
        }
        self.core.see(now);
        self.core.acknowledge(&mut self.storage.parts(), &pending, with, &draft);
        self.gather();
        Ok(())
    }

    /// Sends the next AUTH of an enhanced authentication (§4.12), or starts a re-authentication on a link that has a
    /// method.
    ///
    /// # Errors
    /// [`RequestError`]; nothing has changed. After [`RequestError::Full`], drain [`transmit`](Self::transmit) and try
    /// again.
    pub fn authenticate(&mut self, now: Instant, auth: &Auth<'_>) -> Result<(), RequestError> {
        self.grow_control(measure(|writer| write_auth(auth, writer)));
        self.core.authenticate(&mut self.storage.parts(), now, auth)
    }

    /// Ends the link with DISCONNECT, at once: a partly sent packet is completed; the rest stays queued for the next
    /// link. For a graceful end, wait for [`is_idle`](Self::is_idle) first. Without a link, or when called again, it
    /// has no effect.
    ///
    /// # Errors
    /// [`RequestError`]; nothing has changed.
    pub fn disconnect(&mut self, now: Instant, disconnect: &Disconnect<'_>) -> Result<(), RequestError> {
        let version = self.core.version();
        self.grow_control(measure(|writer| write_disconnect(disconnect, version, writer)));
        self.core.disconnect(&mut self.storage.parts(), now, disconnect)
    }

    /// Returns the bytes that are to be sent to the server.
    pub fn transmit(&mut self, now: Instant) -> Transmit<'_> {
        self.core.see(now);
        if self.core.may_prepare() {
            self.core.write_output(&mut self.storage.parts());
            self.gather();
        }
        Transmit { core: &mut self.core, parts: self.storage.parts() }
    }

    /// Returns the next final result that no packet caused. A result keeps its slot until it is fetched, so none is
    /// lost and they do not pile up.
    ///
    /// Fetch outcomes before sending: that of a [withdrawn](Self::withdraw) message may add a PUBREL to the output.
    pub fn poll_outcome(&mut self) -> Option<Outcome> {
        let (Matched { handle, id }, kind, cause) =
            self.core.outgoing.poll_ended(&mut self.storage.parts(), self.core.withdrawing())?;
        self.gather();
        let command = match kind {
            Kind::Subscribe => Command::Subscribe,
            Kind::Unsubscribe => Command::Unsubscribe,
            _ => Command::Publish,
        };
        Some(Outcome { handle: Handle(handle), id: PacketId::new(id)?, command, cause })
    }

    /// Returns whether the link has ended and its last bytes were sent: then close the transport and call
    /// [`handle_close`](Self::handle_close). Check it before reading: end of stream is then expected, not a failure.
    ///
    /// Over TCP close in order, or the last acknowledgements and the DISCONNECT may be lost: a socket that is closed
    /// with unread input is reset. Shut the socket down for writing, read and discard until end of stream (or for a
    /// second), then close it.
    pub fn should_close(&self) -> bool {
        self.core.should_close()
    }

    /// Returns why the link has ended, until [`handle_close`](Self::handle_close) is called; otherwise
    /// [`ConnectionError::NotOpen`].
    pub fn close_reason(&self) -> ConnectionError {
        self.core.link.end
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout) next; `None` if no deadline is pending. Read it
    /// again after every other call.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_timer().map(|(_, at)| at)
    }

    /// Returns the next deadline and the timer that set it.
    pub fn next_timer(&self) -> Option<(Timer, Instant)> {
        self.core.next_timer()
    }

    /// Returns the name of a message's topic. `None` if the server has bound the alias to another topic since, if the
    /// link has ended, and for [`Topic::Invalid`].
    pub fn topic<'t>(&'t self, topic: &Topic<'t>) -> Option<TopicName<'t>> {
        match topic {
            Topic::Name(name) => Some(*name),
            Topic::Invalid(_) => None,
            Topic::Alias(alias) => {
                let name = Aliases::name(self.storage.view().names?, Side::Server, alias.alias, alias.serial);
                name.map(|name| TopicName::trusted(Text::trusted(name)))
            }
        }
    }

    /// Discards the session: every message and request, sent or not, ends with an [`Outcome`]. Only without a link;
    /// otherwise it has no effect and returns false. Call it before opening with another client identifier.
    ///
    /// With a journal, the call adds one record. If the journal's buffer has no room for that record, nothing is
    /// discarded and the call returns false: write the pending bytes of the journal, then call it again.
    pub fn discard_session(&mut self) -> bool {
        let is_forgotten = self.state() == State::Closed && self.core.forget(&mut self.storage.parts());
        self.gather();
        is_forgotten
    }

    /// Declares that the server may hold a session from an earlier run of this program, with nothing unfinished on this
    /// side: it counts as resumed, not as [`Adopted`](crate::SessionState::Adopted), and is not subject to
    /// [`Limits::on_unknown_session`](crate::Limits::on_unknown_session) `[MQTT-3.2.2-4]`.
    ///
    /// Use it in a program that only subscribes, or that had finished everything before it stopped. Otherwise the
    /// server may still hold QoS 2 messages under identifiers that are used again here, and take new messages for
    /// duplicates: open with a clean start instead, or keep a `journal`. A session that is in doubt, because a clean
    /// start was never answered, stays in doubt: only the server knows which session it holds. Only without a link;
    /// otherwise it has no effect and returns false.
    pub fn adopt_session(&mut self) -> bool {
        let is_closed = self.state() == State::Closed;
        if is_closed {
            if !self.core.outgoing.session.is_in_doubt() {
                self.core.outgoing.begin_session(false);
            }
            self.core.outgoing.must_start_clean = false;
            self.gather();
        }
        is_closed
    }

    /// Returns the state of the link.
    pub fn state(&self) -> State {
        self.core.link.state
    }

    /// Returns whether the server has accepted the link, and the link is up.
    pub fn is_connected(&self) -> bool {
        self.core.is_connected()
    }

    /// Returns whether nothing is unfinished: no message or request is queued or in flight, no acknowledgement is
    /// pending (including those that the application has yet to give, with [`Limits::manual_acks`]), no outcome is
    /// unfetched. Draining [`transmit`](Self::transmit) may make it true.
    pub fn is_idle(&self) -> bool {
        self.core.is_idle()
    }

    /// Returns how many commands are queued, in flight, or have an outcome that was not fetched.
    pub fn pending(&self) -> usize {
        self.core.outgoing.pending()
    }

    /// Returns how many more QoS 1 and 2 messages may be sent before an acknowledgement arrives (§4.9).
    pub fn send_quota(&self) -> u16 {
        let in_flight = u16::try_from(self.core.outgoing.in_flight()).unwrap_or(u16::MAX);
        self.core.link.peer.window.saturating_sub(in_flight)
    }

    /// Returns the handle of the QoS 0 message that was the last to be passed to the transport completely, or to be cut
    /// off by the end of a link. Earlier QoS 0 messages were sent as well, or were cancelled, dropped, expired, or
    /// could not be sent to this server: at QoS 0 none of these has an [`Outcome`]. Only messages with
    /// [`Publish::needs_v5`] may still be queued, since others overtake them on links of earlier versions.
    pub fn last_sent_qos0(&self) -> Handle {
        Handle(self.core.outgoing.last_sent_qos0())
    }

    /// Returns the version of the link; without a link, the version that messages are encoded for.
    pub fn version(&self) -> Version {
        self.core.version()
    }

    /// Returns the keep alive in force, in seconds: the server's if it set one `[MQTT-3.1.2-21]`.
    pub fn keep_alive(&self) -> u16 {
        self.core.link.keep_alive
    }

    /// Returns the settings.
    pub fn limits(&self) -> Limits {
        self.core.limits.get()
    }

    /// Changes the settings. Only without a link; otherwise it has no effect and returns false. [`Limits::version`]
    /// takes effect at once: stored messages are encoded for it.
    #[inline(always)] // as `Extras::of`
    pub fn set_limits(&mut self, limits: Limits) -> bool {
        self.apply_limits(limits, Extras::of(&limits))
    }

    fn apply_limits(&mut self, limits: Limits, extras: Extras) -> bool {
        let is_closed = self.state() == State::Closed;
        if is_closed {
            self.core.limits = StoredLimits::new(limits);
            self.core.set_extras(extras);
            self.core.aliases.has_forgotten = false;
            let has_more = self.core.forms().map(|forms| forms.has_more);
            self.core.outgoing.reencode_for(&mut self.storage.parts(), limits.version, has_more);
            self.gather();
        }
        is_closed
    }

    /// Returns whether the storage keeps a `journal`. With one, packets that depend on a record are not sent before the
    /// host has written that record.
    pub fn keeps_journal(&self) -> bool {
        self.storage.has_journal()
    }

    /// Returns whether the server holds our session, as far as this side knows: the server has accepted a link with
    /// that session, and no clean start since then is unanswered.
    pub const fn has_session(&self) -> bool {
        self.core.has_session()
    }

    /// Returns the counters.
    pub fn stats(&self) -> Stats {
        self.core.stats.stats()
    }

    /// Releases memory that is not in use. Fixed storages have none to release.
    pub fn shrink(&mut self) {
        let (slots_are_empty, inbox_is_empty) = (self.core.outgoing.is_empty(), self.core.incoming.is_empty());
        if inbox_is_empty {
            self.core.incoming.clear(self.storage.parts().inbox);
        }
        let least_control = if slots_are_empty && inbox_is_empty { SHORTEST_CONTROL } else { BUSY_CONTROL };
        self.storage.shrink(Used {
            arena: self.core.outgoing.least_arena(),
            control: self.core.link.control.needed(least_control),
            slots_are_empty,
            inbox_is_empty,
            is_closed: self.state() == State::Closed,
        });
    }

    /// Checks that the record of a message fits into the journal's buffer when that is empty.
    fn check_record(&mut self, publish: &Publish<'_>, draft: &Draft) -> Result<(), PublishError> {
        let is_kept = S::MAY_HAVE_JOURNAL && publish.qos != QoS::AtMostOnce;
        let fits = !is_kept || self.storage.parts().journal.could_hold(draft.record_length());
        if fits { Ok(()) } else { Err(PublishError::TooLarge) }
    }
}
