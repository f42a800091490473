//! A PUBLISH that is longer than the host's buffer: it is handed on piece by piece, or thrown away piece by piece, and
//! its acknowledgement is owed after the last piece.
//!
//! The first piece enters the message into the books as one that the application has not acknowledged, which keeps its
//! place in the order of acknowledgements; the last one makes it like any other. Only
//! [`handle_input_streaming`](crate::Connection::handle_input_streaming) and
//! [`OnTooLong::Discard`](crate::OnTooLong::Discard) lead here, so who uses neither doesn't pay for it.

use crate::connection::core::{Core, Discarding};
use crate::connection::effect::{Effect, Refusal};
use crate::connection::inbound::told_topic;
use crate::connection::stats::Count;
use crate::connection::stream::{Fate, Stream};
use crate::event::{Discard, Discarded, Event, Fragment, FragmentHead, PendingAck, Received, Topic};
use crate::storage::Parts;
use crate::types::{PacketId, QoS, Version};
use crate::wire::{DecodeError, Fields, Header, Malformed, PacketType, Publish, Reader, Tolerance};

const TRUNCATED: DecodeError = DecodeError::Malformed(Malformed::Truncated);

/// There is only one.
pub(super) static DISCARDING: Discarding = Discarding { begin: Core::begin_discard, go_on: Core::continue_stream };

impl Core {
    /// Whether this packet is to be taken in pieces.
    pub(super) fn streams(&self, header: &Header) -> bool {
        header.packet_type == PacketType::Publish && header.packet_length() <= self.limits.stream_max()
    }

    /// The start of a message: all before the payload must be there, and is delivered with what there is of that. It
    /// must lie within `inline_max`, however much the host shows, so that it doesn't matter how the input is cut into
    /// pieces.
    pub(super) fn begin_stream<'i>(
        &mut self,
        parts: &mut Parts<'_>,
        header: Header,
        input: &'i [u8],
        received: &mut Received<'i>,
    ) -> Effect {
        self.on_head(parts, header, input, None, received)
    }

    /// The start of a message that is thrown away.
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
            Some(TRUNCATED) => return self.on_long_head(parts, header, &mut body, discard, received),
            Some(fault) => return Err(fault.into()),
        }
        self.on_first_piece(parts, header, &mut body, discard, received)
    }

    /// Topic and properties don't lie within `inline_max`. Who throws the message away needs the topic and the
    /// identifier alone, unless the server may have bound an alias.
    fn on_long_head<'i>(
        &mut self,
        parts: &mut Parts<'_>,
        header: Header,
        body: &mut Reader<'i>,
        discard: Option<Discard>,
        received: &mut Received<'i>,
    ) -> Effect {
        let mut head = *body;
        head.set_version(Version::V311); // no properties: they are thrown away like the payload
        Publish::skip_head(header.flags, &mut head);
        let can_discard = self.discarding().is_some() && self.link.topic_alias_maximum == 0;
        if head.fault().is_some() || !can_discard {
            return Err(self.refuse_length(PacketType::Publish, header.packet_length()));
        }
        body.set_version(Version::V311);
        self.on_first_piece(parts, header, body, discard.or(Some(Discard::TooLong)), received)
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
            Some(id)
                if publish.qos == QoS::ExactlyOnce
                    && self.incoming.is_repetition(parts.inbox, id.get(), publish.dup) =>
            {
                Fate::Repeated(id)
            }
            Some(id) => {
                let mut ack = None;
                self.receive_piece(parts, (id, publish.dup), publish.qos, &mut ack)?;
                let place = ack.ok_or(Refusal::Blocked)?.place();
                if discard.is_some() { Fate::DroppedOwed { place } } else { Fate::Owed { place } }
            }
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
            self.link.stream = Stream::NONE; // the same bytes will be offered again
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

    /// The next piece of the message that is arriving.
    pub(super) fn continue_stream<'i>(
        &mut self,
        parts: &mut Parts<'_>,
        input: &'i [u8],
        received: &mut Received<'i>,
    ) -> Effect {
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
                    // Not if the application has refused the message meanwhile, and PUBREC has left: then it is over.
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

    /// [`receive`](Self::receive), which is inlined where whole messages come.
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

    /// How much of the payload has come.
    const fn streamed(&self) -> u32 {
        self.link.partial.saturating_sub(1)
    }

    /// So much of the payload has come; the link is inside a packet that makes progress until all has.
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
