//! The fast path for ordinary messages, in both directions, and their acknowledgements without reason and properties.
//! `session::fast_path` is the session's part.
//!
//! Each function checks whether a packet may take the fast path. If so, it makes the same changes as the general path
//! ([`inbound`](super::inbound), [`commands`](super::commands)); if not, it changes nothing, and the general path,
//! which handles all cases and errors, is taken. Firmware always takes the general path, to save flash, and so does a
//! session with a journal.

use crate::command;
use crate::connection::commands::{is_bare, publish_head_length, write_publish};
use crate::connection::core::Core;
use crate::connection::state::State;
use crate::event::{Event, Message, PendingAck, PublishAck, Topic};
use crate::session::{Arrival, Bound, Matched};
use crate::storage::{Kind, Parts, Payload, ReceiveSlot, SendSlot};
use crate::text::{Text, is_plain};
use crate::topic::TopicName;
use crate::types::{PacketId, QoS};
use crate::wire::reason::ReasonCode;
use crate::wire::{Header, HeaderStep, PacketType, Properties, Reader, Seen, Writer, ids, varint_len};

impl Core {
    /// Returns whether the link is up, and no message is partly received.
    #[inline(always)]
    pub(super) fn is_fast_path_ready(&self) -> bool {
        self.link.state == State::Connected && !self.link.stream.is_open()
    }

    /// Handles PUBACK, PUBREC or PUBCOMP, whichever has this first byte, of a message that awaits it; returns its
    /// event.
    #[inline(always)]
    pub(super) fn take_ack<const FIRST: u8>(
        &mut self,
        slots: &mut [SendSlot],
        input: &[u8],
    ) -> Option<Option<Event<'static>>> {
        let [_, 2, high, low, ..] = *input else { return None };
        let id = PacketId::new(u16::from_be_bytes([high, low]))?;
        if !self.is_fast_path_ready() {
            return None;
        }
        let outgoing = &mut self.outgoing;
        let handle = match FIRST {
            PUBACK => Some(outgoing.puback_usual(slots, id.get())?),
            PUBCOMP => Some(outgoing.pubcomp_usual(slots, id.get())?),
            _ => {
                outgoing.pubrec_usual(slots, id.get())?;
                None
            }
        };
        self.watch_acks(slots);
        self.note_usual(BARE);
        Some(handle.map(|handle| {
            let (reason, properties) = (ReasonCode::SUCCESS, Properties::NONE);
            let done = PublishAck { handle, id, reason, properties };
            if FIRST == PUBACK { Event::PubAck(done) } else { Event::PubComp(done) }
        }))
    }

    /// Accepts a message without properties whose payload is copied, for a server that accepts every message, if it
    /// fits without dropping, moving or growing.
    #[inline(always)]
    pub(super) fn put_message(&mut self, parts: Parts<'_>, publish: &command::Publish<'_>) -> Option<Matched> {
        let Payload::Slice(payload) = publish.payload else { return None };
        let version = self.version();
        let is_ordinary = is_bare(publish) && !publish.needs_v5 && self.link.peer.takes_any_message();
        if self.link.state != State::Connected || !is_ordinary {
            return None;
        }
        let remaining = publish_head_length(publish, version, 0) + payload.len();
        let length = 1 + varint_len(remaining) + remaining;
        if remaining > LONGEST
            || !self.link.peer.takes_length(length)
            || !self.outgoing.may_queue(self.limits.max_queued())
        {
            return None;
        }
        let kind = Kind::publish(publish.qos);
        let bytes = self.outgoing.push_usual(parts.slots, parts.arena, (kind, length), self.limits.max_bytes())?;
        let matched = self.outgoing.latest();
        let mut writer = Writer::new(bytes);
        write_publish(publish, remaining, (matched.id, version), payload, &mut writer);
        debug_assert_eq!(writer.finish(), Ok(length));
        Some(matched)
    }

    /// Handles a message at QoS 0; returns it and the length of its packet.
    #[inline(always)]
    pub(super) fn take_message<'i>(&mut self, input: &'i [u8]) -> Option<(usize, Message<'i>)> {
        let (length, message) = self.read_message(input, QoS::AtMostOnce)?;
        self.note_message(length);
        Some((length, message))
    }

    /// Handles a message at QoS 1 or 2 without DUP.
    #[inline(always)]
    pub(super) fn take_owed<'i>(&mut self, inbox: &mut [ReceiveSlot], input: &'i [u8]) -> Option<(usize, Message<'i>)> {
        let qos = if *input.first()? & 0b0110 == 0b0010 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
        let (length, mut message) = self.read_message(input, qos)?;
        let held = self.limits.max_received(inbox.len());
        let bound = Bound { maximum: self.link.receive_maximum, held, is_kept: false };
        let is_automatic = !self.limits.manual_acks();
        let arrival = self.incoming.arrive_usual(inbox, (message.id?.get(), qos), bound, is_automatic)?;
        if let Arrival::New { place, serial } = arrival {
            message.ack = (!is_automatic).then(|| PendingAck::new(place, serial));
        }
        self.note_message(length);
        Some((length, message))
    }

    /// Handles PUBREL.
    #[inline(always)]
    pub(super) fn take_release(&mut self, parts: &mut Parts<'_>, input: &[u8]) -> Option<()> {
        let [_, 2, high, low, ..] = *input else { return None };
        let id = PacketId::new(u16::from_be_bytes([high, low])).filter(|_| self.is_fast_path_ready())?;
        self.on_pubrel(parts, id).ok()?;
        self.note_usual(BARE);
        Some(())
    }

    /// Reads a message at this QoS with a topic name and a remaining length of at most two bytes; returns it and the
    /// length of its packet.
    #[inline(always)]
    fn read_message<'i>(&self, input: &'i [u8], qos: QoS) -> Option<(usize, Message<'i>)> {
        let (first, header, remaining) = match *input {
            [first, low @ ..=0x7F, ..] => (first, 2, low.into()),
            [first, low, high @ 1..=0x7F, ..] => (first, 3, usize::from(low & 0x7F) | usize::from(high) << 7),
            _ => return None,
        };
        let length = header + remaining;
        let (&topic_length, rest) = input.get(header..length)?.split_first_chunk()?;
        let (topic, rest) = rest.split_at_checked(u16::from_be_bytes(topic_length).into())?;
        let name = core::str::from_utf8(topic).ok().filter(|_| is_plain(topic))?;
        let (id, rest) = match qos {
            QoS::AtMostOnce => (None, rest),
            _ => {
                let (&id, rest) = rest.split_first_chunk()?;
                (Some(PacketId::new(u16::from_be_bytes(id))?), rest)
            }
        };
        let (properties, payload) = match *rest {
            _ if !self.version().has_properties() => (Properties::NONE, rest),
            [0, ref payload @ ..] => (Properties::NONE, payload),
            _ => self.take_properties(rest)?,
        };
        let is_unusual =
            length > self.limits.inline_max() || self.limits.strict() || self.limits.check_payload_format();
        if is_unusual {
            return None;
        }
        let (topic, retain) = (Topic::Name(TopicName::trusted(Text::new(name))), first & 1 != 0);
        Some((length, Message { topic, payload, qos, retain, dup: false, id, properties, ack: None }))
    }

    /// Reads the properties of a message with a topic name; returns them and the bytes behind them.
    #[inline(always)]
    fn take_properties<'i>(&self, bytes: &'i [u8]) -> Option<(Properties<'i>, &'i [u8])> {
        let mut rest = Reader::new(bytes, self.rules());
        let mut seen = Seen::default();
        let properties = Properties::decode_seen(&mut rest, PacketType::Publish.bit(), &mut seen);
        let is_ordinary = rest.fault().is_none() && !seen.has(ids::TopicAlias);
        is_ordinary.then(|| (properties, rest.rest()))
    }

    /// Returns how many more bytes of a partial message are needed at least.
    pub(super) fn await_message(&mut self, input: &[u8]) -> Option<usize> {
        let needed = match Header::decode(input, self.rules()) {
            Ok(HeaderStep::Header(header)) if header.packet_length() <= self.limits.inline_max() => {
                header.packet_length().checked_sub(input.len()).filter(|missing| *missing > 0)?
            }
            Ok(HeaderStep::Partial(needed)) => needed,
            _ => return None,
        };
        self.note_progress(input.len());
        Some(needed)
    }

    #[inline(always)]
    fn note_message(&mut self, length: usize) {
        self.stats.messages_received += 1;
        self.note_usual(length);
    }

    #[inline(always)]
    fn note_usual(&mut self, length: usize) {
        self.note_packet();
        self.stats.bytes_received += length as u64;
    }
}

/// The first byte of a message at QoS 0, and of a retained one.
pub(super) const MESSAGE: u8 = PacketType::Publish.first_byte();
pub(super) const RETAINED: u8 = MESSAGE | 1;
/// The lowest and the highest first byte of messages at QoS 1 and 2 without DUP.
pub(super) const OWED: u8 = MESSAGE | 0b0010;
pub(super) const LAST_OWED: u8 = MESSAGE | 0b0101;
pub(super) const PUBREL: u8 = PacketType::PubRel.first_byte();
pub(super) const PUBACK: u8 = PacketType::PubAck.first_byte();
pub(super) const PUBREC: u8 = PacketType::PubRec.first_byte();
pub(super) const PUBCOMP: u8 = PacketType::PubComp.first_byte();

/// The greatest remaining length of two bytes.
const LONGEST: usize = 0x3FFF;

/// The length of an acknowledgement without a reason or properties.
pub(super) const BARE: usize = 4;
