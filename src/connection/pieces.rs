//! A PUBLISH that is longer than the host's buffer is delivered or discarded in fragments, and acknowledged after the
//! last one.
//!
//! The first fragment enters the message into the session as one that the application has not acknowledged, which keeps
//! its place in the order of acknowledgements; the last fragment makes it an ordinary message. Only
//! [`handle_input_streaming`](crate::Connection::handle_input_streaming) and
//! [`OnTooLong::Discard`](crate::OnTooLong::Discard) use this code, so a program that uses neither does not link it.

use crate::connection::core::{Core, Discarding};
use crate::connection::effect::{Effect, Refusal};
use crate::connection::inbound::told_topic;
use crate::connection::stats::Count;
use crate::connection::stream::{Fate, Stream};
use crate::event::{Discard, Discarded, Event, Fragment, FragmentHead, PendingAck, Received, Topic};
use crate::storage::Parts;
use crate::types::{PacketId, QoS, Version};
use crate::wire::{DecodeError, Fields, Header, Malformed, PacketType, Publish, Reader, Tolerance, Violation};

const TRUNCATED: DecodeError = DecodeError::Malformed(Malformed::Truncated);

/// The only instance.
pub(super) static DISCARDING: Discarding = Discarding { begin: Core::begin_discard, go_on: Core::continue_stream };

impl Core {
    /// Returns whether this packet is to be delivered in fragments.
    pub(super) fn streams(&self, header: &Header) -> bool {
        header.packet_type == PacketType::Publish && header.packet_length() <= self.limits.stream_max()
    }

    /// Handles the start of a message. Everything before the payload must be in `input`; it is delivered with the
    /// payload bytes that are there. It must lie within `inline_max`, however many bytes the host shows, so that the
    /// result does not depend on how the input is split.
    pub(super) fn begin_stream<'i>(
        &mut self,
        parts: &mut Parts<'_>,
        header: Header,
        input: &'i [u8],
        received: &mut Received<'i>,
    ) -> Effect {
        self.on_head(parts, header, input, None, received)
    }

    /// Handles the start of a message that is discarded.
    fn begin_discard<'i>(
        &mut self,
        parts: &mut Parts<'_>,
        header: Header,
        input: &'i [u8],
        received: &mut Received<'i>,
    ) -> Effect {
        self.on_head(parts, header, input, Some(Discard::TooLong), received)
    }

    fn on_head<'i>(
        &mut self,
        parts: &mut Parts<'_>,
        header: Header,
        input: &'i [u8],
        discard: Option<Discard>,
        received: &mut Received<'i>,
    ) -> Effect {
        let inline_max = self.limits.inline_max();
        let body = |most: usize| {
            let bytes = input.get(header.length..input.len().min(most)).unwrap_or_default();
            Reader::lenient(bytes, self.rules())
        };
        let mut head = body(inline_max);
        Publish::skip_head(header.flags, &mut head);
        let mut body = body(header.packet_length());
        match head.fault() {
            None => {}
            Some(TRUNCATED) if input.len() < inline_max => {
                *received = Received::Partial { needed: 1 };
                return Ok(());
            }
            Some(TRUNCATED) => {
                let window = input.get(header.length..inline_max).unwrap_or_default();
                return self.on_long_head(parts, header, (window, &mut body), discard, received);
            }
            Some(fault) => return Err(fault.into()),
        }
        self.on_first_piece(parts, header, &mut body, discard, received)
    }

    /// Handles a message whose topic and properties do not lie within `inline_max`. To discard it, the identifier is
    /// enough, unless the server may have bound an alias.
    fn on_long_head<'i>(
        &mut self,
        parts: &mut Parts<'_>,
        header: Header,
        (window, body): (&'i [u8], &mut Reader<'i>),
        discard: Option<Discard>,
        received: &mut Received<'i>,
    ) -> Effect {
        if self.discarding().is_none() || self.link.topic_alias_maximum > 0 {
            return Err(self.refuse_length(PacketType::Publish, header.packet_length()));
        }
        let mut head = Reader::lenient(window, self.rules());
        head.set_version(Version::V311); // no properties: they are discarded like the payload
        Publish::skip_head(header.flags, &mut head);
        if head.fault().is_some() {
            return self.on_long_topic(&header, window, received);
        }
        body.set_version(Version::V311);
        self.on_first_piece(parts, header, body, discard.or(Some(Discard::TooLong)), received)
    }

    /// Handles a message whose topic and identifier do not lie within `inline_max`: the rest of the topic is skipped.
    fn on_long_topic<'i>(&mut self, header: &Header, window: &'i [u8], received: &mut Received<'i>) -> Effect {
        let (dup, qos, retain) = Publish::of_flags(header.flags);
        if dup && qos == QoS::AtMostOnce {
            if self.limits.strict() {
                return Err(Violation::DupAtQoS0.into()); // [MQTT-3.3.1-2]
            }
            self.stats.count(Tolerance::DupAtQoS0 as u8);
        }
        let remaining = header.packet_length() - header.length;
        let Some((length, topic)) = window.split_first_chunk() else {
            return Err(self.refuse_length(PacketType::Publish, header.packet_length()));
        };
        let length = u16::from_be_bytes(*length);
        let head = 2 + usize::from(length) + if qos == QoS::AtMostOnce { 0 } else { 2 };
        if head > remaining {
            return Err(TRUNCATED.into());
        }
        let topic = topic.get(..length.into()).unwrap_or(topic);
        let fate = match qos {
            QoS::AtMostOnce => Fate::Dropped,
            _ => Fate::Topic { flags: header.flags, length },
        };
        self.link.stream = Stream { total: remaining as u32 - 2, fate };
        self.note_piece(topic.len() as u32, false);
        self.stats.count(Count::DiscardedMessage as u8);
        let length = header.packet_length() as u32;
        let discarded = Discarded { topic, length, qos, retain, id: None, why: Discard::TooLong };
        let consumed = header.length + 2 + topic.len();
        *received = Received::Packet { consumed, event: Some(Event::Discarded(discarded)) };
        Ok(())
    }

    /// Skips the rest of a topic; then the identifier says what becomes of the message.
    fn skip_topic<'i>(
        &mut self,
        parts: &mut Parts<'_>,
        input: &'i [u8],
        (flags, length): (u8, u16),
        received: &mut Received<'i>,
    ) -> Effect {
        let (stream, offset) = (self.link.stream, self.streamed());
        let left = u32::from(length).saturating_sub(offset);
        let skipped = input.len().min(left as usize);
        if skipped > 0 {
            self.note_piece(offset + skipped as u32, false);
            *received = Received::Packet { consumed: skipped, event: None };
            return Ok(());
        }
        let Some(id) = input.first_chunk().filter(|_| left == 0) else {
            *received = Received::Partial { needed: 1 };
            return Ok(());
        };
        let id = PacketId::new(u16::from_be_bytes(*id)).ok_or(Violation::PacketIdZero)?;
        let (dup, qos, _) = Publish::of_flags(flags);
        let fate = self.fate_of(parts, (id, dup), qos, true)?;
        self.link.stream = Stream { total: stream.total - u32::from(length) - 2, fate };
        self.link.partial = 1;
        let taken = self.on_piece(parts, 2, None, &[], received);
        if taken.is_err() {
            (self.link.stream, self.link.partial) = (stream, offset + 1); // the host offers the same bytes again
        }
        taken
    }

    fn on_first_piece<'i>(
        &mut self,
        parts: &mut Parts<'_>,
        header: Header,
        body: &mut Reader<'i>,
        discard: Option<Discard>,
        received: &mut Received<'i>,
    ) -> Effect {
        let (consumed, bytes) = (header.length + body.remaining(), body.unread());
        let publish = Publish::decode(header.flags, body);
        body.finish()?;
        let total = (header.packet_length() - (consumed - publish.payload.len())) as u32;
        let mut topic = told_topic(publish.topic, bytes, body.noted().is_some());
        self.resolve(parts, &mut topic, publish.alias)?;
        let is_unwanted = matches!(topic, Topic::Invalid(_)) && self.limits.discards_bad_topics();
        let discard = discard.or(if is_unwanted { Some(Discard::BadTopic) } else { None });
        let fate = match publish.id {
            None if discard.is_some() => Fate::Dropped,
            None => Fate::Nothing,
            Some(id) => self.fate_of(parts, (id, publish.dup), publish.qos, discard.is_some())?,
        };
        if publish.dup && publish.id.is_none() {
            self.stats.count(Tolerance::DupAtQoS0 as u8);
        }
        self.bind_alias(parts, &topic, publish.alias);
        self.link.stream = Stream { total, fate };
        self.link.partial = 1;
        let is_known = matches!(fate, Fate::Repeated(_));
        let Fields { payload, qos, retain, dup, id, properties, .. } = publish;
        let head = FragmentHead { topic, qos, retain, dup, id, properties };
        if let Err(refusal) = self.on_piece(parts, consumed, Some(head), payload, received) {
            self.link.stream = Stream::NONE; // the host offers the same bytes again
            self.link.partial = 0;
            return Err(refusal);
        }
        if let (Some(why), Received::Packet { event, .. }) = (discard.filter(|_| !is_known), received) {
            self.stats.count(Count::DiscardedMessage as u8);
            let (topic, length) = (Publish::topic_bytes(bytes), header.packet_length() as u32);
            *event = Some(Event::Discarded(Discarded { topic, length, qos, retain, id, why }));
        }
        Ok(())
    }

    /// Enters a message into the session, and returns what happens after its last byte.
    fn fate_of(
        &mut self,
        parts: &mut Parts<'_>,
        (id, dup): (PacketId, bool),
        qos: QoS,
        is_discarded: bool,
    ) -> Result<Fate, Refusal> {
        if qos == QoS::ExactlyOnce && self.incoming.is_repetition(parts.inbox, id.get(), dup) {
            return Ok(Fate::Repeated(id));
        }
        let mut ack = None;
        self.receive_piece(parts, (id, dup), qos, &mut ack)?;
        let place = ack.ok_or(Refusal::Blocked)?.place();
        Ok(if is_discarded { Fate::DroppedOwed { place } } else { Fate::Owed { place } })
    }

    /// Handles the next fragment of the message.
    pub(super) fn continue_stream<'i>(
        &mut self,
        parts: &mut Parts<'_>,
        input: &'i [u8],
        received: &mut Received<'i>,
    ) -> Effect {
        if let Fate::Topic { flags, length } = self.link.stream.fate {
            return self.skip_topic(parts, input, (flags, length), received);
        }
        let left = self.link.stream.total - self.streamed();
        let (piece, _) = input.split_at_checked(left as usize).unwrap_or((input, &[]));
        if piece.is_empty() {
            *received = Received::Partial { needed: 1 };
            return Ok(());
        }
        self.on_piece(parts, piece.len(), None, piece, received)
    }

    fn on_piece<'i>(
        &mut self,
        parts: &mut Parts<'_>,
        consumed: usize,
        head: Option<FragmentHead<'i>>,
        payload: &'i [u8],
        received: &mut Received<'i>,
    ) -> Effect {
        let Stream { total, fate } = self.link.stream;
        let offset = self.streamed();
        let end = offset + payload.len() as u32;
        let is_last = end == total;
        let mut ack = None;
        match fate {
            Fate::Repeated(id) => {
                if is_last {
                    // Not if the application has refused the message meanwhile and PUBREC was sent: then the message is
                    // finished.
                    if self.incoming.is_repetition(parts.inbox, id.get(), true) {
                        self.receive_piece(parts, (id, true), QoS::ExactlyOnce, &mut None)?;
                    }
                    self.stats.count(Count::RepeatedMessage as u8);
                }
                self.note_piece(end, is_last);
                *received = Received::Packet { consumed, event: None };
                return Ok(());
            }
            Fate::Owed { place } | Fate::DroppedOwed { place } if is_last => {
                let is_dropped = fate != Fate::Owed { place };
                if let Some(slot) = parts.inbox.get_mut(usize::from(place)) {
                    slot.acknowledged = is_dropped || !self.limits.manual_acks();
                    ack = (!slot.acknowledged).then_some(PendingAck::new(place, slot.serial));
                }
                self.incoming.note_change(parts.inbox, place + 1);
            }
            _ => {}
        }
        self.note_piece(end, is_last);
        if matches!(fate, Fate::Dropped | Fate::DroppedOwed { .. }) {
            *received = Received::Packet { consumed, event: None };
            return Ok(());
        }
        self.stats.messages_received += u64::from(is_last);
        let fragment = Fragment { head, payload, offset, total, is_last, ack };
        *received = Received::Packet { consumed, event: Some(Event::Fragment(fragment)) };
        Ok(())
    }

    /// [`receive`](Self::receive), not inlined as it is for complete messages.
    #[cfg_attr(not(target_pointer_width = "32"), inline(never))]
    #[cfg_attr(target_pointer_width = "32", inline(always))]
    fn receive_piece(
        &mut self,
        parts: &mut Parts<'_>,
        identified: (PacketId, bool),
        qos: QoS,
        ack: &mut Option<PendingAck>,
    ) -> Result<bool, Refusal> {
        self.receive(parts, identified, qos, None, ack)
    }

    /// Returns how many payload bytes have arrived.
    const fn streamed(&self) -> u32 {
        self.link.partial.saturating_sub(1)
    }

    /// Notes that the payload has arrived up to `end`. Until it is complete, the link is inside a packet that makes
    /// progress.
    fn note_piece(&mut self, end: u32, is_last: bool) {
        if is_last {
            self.link.stream = Stream::NONE;
        } else {
            self.link.is_blocked = false;
            self.link.timers.since_received = 0;
            self.link.partial = end + 1;
        }
    }
}
