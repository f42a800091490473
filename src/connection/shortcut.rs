//! The short way for what a busy link consists of: messages at QoS 0 with nothing unusual about them, and bare acknowledgements of messages that are out.
//!
//! A function here does with a packet what the long way ([`inbound`](super::inbound)) would do, or changes nothing; then the long way is gone, which alone
//! knows what else there is and what can be wrong. Firmware always goes the long way, as it has little flash, and so does a session that is kept in a journal.

use crate::connection::core::Core;
use crate::connection::state::State;
use crate::event::{Acknowledged, Message, Topic};
use crate::reason::ReasonCode;
use crate::storage::{Kind, SendSlot, State as SlotState};
use crate::topic::TopicName;
use crate::types::{Handle, PacketId, QoS};
use crate::wire::{Header, HeaderStep, PacketType, Properties, Publish, Reader};

impl Core {
    /// The link is up, and nothing is half done.
    #[inline(always)]
    pub(super) fn is_usual(&self) -> bool {
        self.link.state == State::Connected && !self.link.stream.is_open()
    }

    /// PUBACK and PUBCOMP, of a message that waits for them.
    #[inline(always)]
    pub(super) fn take_ack(&mut self, slots: &mut [SendSlot], first: u8, id: u16) -> Option<Acknowledged<'static>> {
        let (kind, state) = match first {
            PUBACK => (Kind::Publish1, SlotState::Sent),
            PUBCOMP => (Kind::Publish2, SlotState::Completing),
            _ => return None,
        };
        let id = PacketId::new(id)?;
        let handle = self.outgoing.finish_bare(slots, id.get(), kind, state)?.handle;
        self.acknowledged();
        self.note_usual(BARE);
        Some(Acknowledged { handle: Handle(handle), id, reason: ReasonCode::SUCCESS, properties: Properties::NONE })
    }

    /// A message at QoS 0 that names its topic, and its length with the fixed header.
    #[inline(always)]
    pub(super) fn take_message<'i>(&mut self, input: &'i [u8]) -> Option<(usize, Message<'i>)> {
        let Ok(HeaderStep::Header(header)) = Header::decode(input, self.rules()) else { return None };
        let mut body = Reader::new(header.body(input)?, self.rules());
        let (Publish { topic, payload, retain, properties, .. }, alias) = Publish::decode(header.flags, &mut body);
        let is_unusual = body.fault().is_some()
            || alias.is_some()
            || header.packet_length() > self.limits.inline_max()
            || self.limits.check_payload_format();
        if is_unusual {
            return None;
        }
        self.stats.messages_received += 1;
        self.note_usual(header.packet_length());
        let topic = Topic::Name(TopicName::trusted(topic));
        let message =
            Message { topic, payload, qos: QoS::AtMostOnce, retain, dup: false, id: None, properties, ack: None };
        Some((header.packet_length(), message))
    }

    /// How many bytes at least are to follow the start of a message.
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
    fn note_usual(&mut self, length: usize) {
        self.note_packet();
        self.stats.bytes_received += length as u64;
    }
}

/// There is a short way.
pub(super) const EXISTS: bool = cfg!(not(target_pointer_width = "32"));

/// The first byte of a message at QoS 0 that isn't marked as sent before, and of one that the server kept for its topic.
pub(super) const MESSAGE: u8 = PacketType::Publish.first_byte();
pub(super) const RETAINED: u8 = MESSAGE | 1;
pub(super) const PUBACK: u8 = PacketType::PubAck.first_byte();
pub(super) const PUBCOMP: u8 = PacketType::PubComp.first_byte();

/// The length of an acknowledgement without a reason or properties.
pub(super) const BARE: usize = 4;
