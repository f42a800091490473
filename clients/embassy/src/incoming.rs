//! What the server sends: one packet at a time, and what it means for whom.

use pure_mqtt::{
    ConnAck, Disconnect, Event as Packet, Instant, Message, PacketId, Properties, QoS, ReasonCode, Received, RxBuffer,
    SessionState, Storage, Version,
};

use crate::error::NotDelivered;
use crate::event::Event;
use crate::inbox::Head;
use crate::maybe::Maybe;
use crate::shared::{Shared, count};

/// How long messages are held for subscriptions, in milliseconds.
const LONGEST_HOLD: u64 = 5_000;

impl<S: Storage> Shared<'_, S> {
    /// Takes one packet. False if there is none, or it has to wait.
    pub fn take_packet<const N: usize>(&mut self, now: Instant, rx: &mut RxBuffer<N>) -> bool {
        let bytes = rx.bytes();
        if bytes.is_empty() {
            self.common.waiting.end();
            return false;
        }
        if self.lacks_room(bytes) {
            self.wait_for_room(now, bytes.len());
            return false;
        }
        self.connection.report_unread(now, 0);
        let consumed = match self.connection.handle_input(now, bytes) {
            Ok(Received::Packet { consumed, event }) => {
                if let Some(event) = event {
                    self.on_packet(now, event, bytes.get(..consumed).unwrap_or_default());
                }
                consumed
            }
            Ok(Received::Blocked) => {
                self.wait_for_room(now, bytes.len());
                return false;
            }
            Ok(Received::Partial { .. }) | Err(_) => {
                self.common.waiting.end();
                return false; // an error shows in `should_close`
            }
        };
        if self.common.waiting.packet_taken() {
            self.tickets.unblock();
        }
        rx.consume(consumed);
        true
    }

    /// The first packet waits until a task has finished a message.
    fn wait_for_room(&mut self, now: Instant, unread: usize) {
        self.connection.report_unread(now, unread);
        self.common.waiting.wait(now);
    }

    /// Gives up the calls that wait for what can't be read, once input has waited for room for too long.
    pub fn give_up_blocked(&mut self, now: Instant) {
        if !self.common.waiting.is_over(now) {
            return;
        }
        let some = self.tickets.give_up();
        if self.common.waiting.give_up(now, some) {
            self.common.tell(Event::InputBlocked);
        }
    }

    /// Whether the first packet is a message that has to be kept, and can't be.
    fn lacks_room(&mut self, bytes: &[u8]) -> bool {
        let Some(packet) = kept_message(bytes).filter(|packet| !self.inbox.has_room(packet.len())) else {
            return false;
        };
        let first = packet.first().copied().unwrap_or_default();
        let known = Layout::of(packet, self.connection.version()).filter(|_| first & DUP != 0);
        known.is_none_or(|known| self.inbox.copy_of(known.id, qos_of(first), known.topic, known.payload).is_none())
    }

    fn on_packet(&mut self, now: Instant, packet: Packet<'_>, bytes: &[u8]) {
        self.desired.on_event(&packet);
        if let Maybe::Some(fallback) = &mut self.common.fallback {
            fallback.on_event(&packet);
        }
        if let Some(end) = packet.final_result() {
            let end_of = if end.is_success { Ok(()) } else { Err(NotDelivered::Refused(end.reason)) };
            self.tickets.end(end.handle, end_of);
        }
        match packet {
            Packet::Message(message) => self.deliver(now, message, bytes),
            Packet::ConnAck(connack) if connack.is_accepted() => self.on_connected(now, &connack),
            Packet::SubAck(_) => self.wake(u32::MAX),
            Packet::Discarded(discarded) => {
                self.common.tell(Event::Discarded { why: discarded.why, length: discarded.length });
            }
            _ => {}
        }
    }

    #[inline(never)]
    fn on_connected(&mut self, now: Instant, connack: &ConnAck<'_>) {
        let is_v5 = self.connection.version() == Version::V5;
        let began_clean = self.common.starts_clean && !self.common.has_begun;
        let has_identifiers = connack.properties.subscription_identifier_available() != Some(false);
        self.common.uses_identifiers = is_v5 && has_identifiers;
        self.common.is_inherited &= connack.session == SessionState::Resumed;
        self.common.is_adopted = self.common.is_inherited || matches!(connack.session, SessionState::Adopted { .. });
        self.common.accepted_at = Some(now);
        self.common.has_begun = true;
        count(&mut self.common.stats.links);
        self.common.tell(Event::Connected(connack.session));
        self.want_all();
        if connack.session != SessionState::Resumed && self.desired.has_pending() {
            self.connection.hold_messages(true);
            self.common.holds_until = Some(now.after_millis(LONGEST_HOLD));
        } else if self.common.holds_until.is_some() {
            self.release();
        }
        if began_clean && !is_v5 {
            // Before 5.0 a session that began clean ends with its link; the next link begins one that stays.
            self.common.skips_pause = true;
            let _ = self.connection.disconnect(now, &Disconnect::default());
        }
    }

    fn deliver(&mut self, now: Instant, message: Message<'_>, packet: &[u8]) {
        let receivers = message.topic.name().map_or(0, |topic| self.route(topic, &message.properties));
        let Layout { topic, properties, payload, .. } =
            Layout::of(packet, self.connection.version()).unwrap_or_default();
        let length = topic.len() + properties.len() + payload.len();
        if message.qos == QoS::AtMostOnce {
            self.make_room(now, receivers, length);
        }
        let unread = self.with_room(receivers, message.qos, length);
        let Message { id, qos, retain, dup, ack, .. } = message;
        if let Some(copy) = self.inbox.copy_of(id.filter(|_| dup), qos, topic, payload) {
            copy.ack = ack; // the one before was of a link or session that is gone
            return;
        }
        let kept = match unread {
            0 => Err(ack),
            _ => self.inbox.put(Head { unread, id, qos, retain, dup, ack }, [topic, properties, payload]),
        };
        self.count_delivery(receivers, unread, kept.is_ok());
        match kept {
            Ok(()) => self.wake(unread),
            Err(ack) => self.acknowledge(now, ack, ReasonCode::SUCCESS),
        }
    }

    fn count_delivery(&mut self, receivers: u32, unread: u32, is_kept: bool) {
        let got = if is_kept { unread.count_ones() } else { 0 };
        let stats = &mut self.common.stats;
        stats.received = stats.received.saturating_add(receivers.count_ones());
        stats.dropped = stats.dropped.saturating_add(receivers.count_ones().saturating_sub(got));
        if receivers == 0 {
            count(&mut stats.unmatched);
        }
    }
}

/// The message at the start of `bytes`, if it is there in full and has to be kept: one at QoS 1 or 2.
fn kept_message(bytes: &[u8]) -> Option<&[u8]> {
    let first = *bytes.first()?;
    let is_kept = first >> 4 == PUBLISH && qos_of(first) != QoS::AtMostOnce;
    let (remaining, length) = variable_byte_integer(bytes.get(1..)?)?;
    bytes.get(..1 + length + remaining).filter(|_| is_kept)
}

const PUBLISH: u8 = 3;
const DUP: u8 = 0b1000;

fn qos_of(first: u8) -> QoS {
    QoS::from_bits(first >> 1 & 0b11).unwrap_or_default()
}

/// The value and the length of a Variable Byte Integer (§1.5.5).
fn variable_byte_integer(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

/// Where the parts of a PUBLISH lie (§3.3). The engine is the one that checks them: whatever it would refuse may look like anything here.
#[derive(Default)]
struct Layout<'p> {
    id: Option<PacketId>,
    topic: &'p [u8],
    properties: &'p [u8],
    payload: &'p [u8],
}

impl<'p> Layout<'p> {
    fn of(packet: &'p [u8], version: Version) -> Option<Self> {
        let qos = qos_of(*packet.first()?);
        let (_, header) = variable_byte_integer(packet.get(1..)?)?;
        let (length, rest) = packet.get(1 + header..)?.split_first_chunk()?;
        let (topic, mut rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        let mut id = None;
        if qos != QoS::AtMostOnce {
            let (number, behind) = rest.split_first_chunk()?;
            (id, rest) = (PacketId::new(u16::from_be_bytes(*number)), behind);
        }
        let (mut properties, mut payload) = (&[][..], rest);
        if version == Version::V5 {
            let (length, prefix) = variable_byte_integer(rest)?;
            (properties, payload) = rest.get(prefix..)?.split_at_checked(length)?;
        }
        Some(Self { id, topic, properties, payload })
    }
}

/// Properties that were kept in the ring.
pub fn properties(block: &[u8]) -> Properties<'_> {
    Properties::from_bytes(block).unwrap_or_default()
}
