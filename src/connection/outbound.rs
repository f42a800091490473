//! The output: the control area, then packets of the arena, in slices as long as possible.

use crate::connection::core::Core;
use crate::connection::link::Ping;
use crate::connection::state::State;
use crate::session::{Due, Rare};
use crate::storage::Parts;
use crate::types::{Handle, Version};
use crate::wire::reason::ReasonCode;
use crate::wire::{Acknowledgement, PacketType, Writer};

/// A cursor over the bytes for the server: write [`chunk`](Self::chunk) to the transport, then call
/// [`advance`](Self::advance) with the number of bytes that the transport took. Partial writes are normal; dropping the
/// cursor loses nothing.
///
/// With the feature `bytes` it is a [`bytes::Buf`](https://docs.rs/bytes/1/bytes/trait.Buf.html).
///
/// ```
/// use pure_mqtt::{Connect, Connection, Fixed, Instant, Limits, Version};
///
/// fn main() -> Result<(), pure_mqtt::OpenError> {
///     let now = Instant::from_millis(0);
///     let mut connection = Connection::new(Fixed::<64, 2, 2>::new(), Limits::DEFAULT);
///     connection.open(now, &Connect::new(Version::V311, "me"))?;
///     let mut sent = Vec::new();
///     let mut transmit = connection.transmit(now);
///     while !transmit.chunk().is_empty() {
///         sent.push(transmit.chunk()[0]); // one byte at a time
///         transmit.advance(1);
///     }
///     assert_eq!(sent, b"\x10\x0E\x00\x04MQTT\x04\x02\x00\x3C\x00\x02me");
///     Ok(())
/// }
/// ```
pub struct Transmit<'a> {
    pub(super) core: &'a mut Core,
    pub(super) parts: Parts<'a>,
}

impl Transmit<'_> {
    /// Returns the next contiguous bytes; empty if nothing is to be sent now.
    pub fn chunk(&self) -> &[u8] {
        self.core.chunk(&self.parts)
    }

    /// Reports that the transport took `count` bytes. More than were shown count as all that were shown.
    pub fn advance(&mut self, count: usize) {
        self.core.advance(&mut self.parts, count);
        self.core.gather(&mut self.parts);
    }

    /// Returns how many bytes are prepared. More may follow once these were taken. 0 means that nothing is to be sent,
    /// or that the application must supply a [payload](Self::payload_request) first.
    pub fn remaining(&self) -> usize {
        if self.core.waits_for_doubt(&self.parts) || self.core.is_silent() {
            return 0;
        }
        let (left, here) = (self.core.outgoing.run_left(), self.core.outgoing.run_here(&self.parts));
        let control = &self.core.link.control;
        if here < left { control.first(self.parts.control).len() + here } else { control.len() + left }
    }

    /// Returns the payload bytes that the application must supply next, for a message that was published with
    /// [`Payload::Streamed`](crate::Payload::Streamed). Write these bytes to the transport yourself, as many at a time
    /// as you like, and call [`advance`](Self::advance) with the number of bytes that the transport took. Returned once
    /// [`chunk`](Self::chunk) is empty; until the whole payload was sent, nothing else is.
    ///
    /// At QoS 1 and 2 the payload is requested again, from its start, if the link is lost before the message is
    /// acknowledged. If you cannot supply it any more, [`abandon`](crate::Connection::abandon) the message.
    ///
    /// ```
    /// use pure_mqtt::{Connect, Connection, Fixed, Instant, Limits, Payload, Publish, TopicName, Version};
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let image = [0x5A; 100_000]; // in flash, for example
    ///     let now = Instant::from_millis(0);
    ///     let mut mqtt = Connection::new(Fixed::<64, 2, 2>::new(), Limits::DEFAULT);
    ///     let topic = TopicName::new("camera")?;
    ///     mqtt.publish(now, &Publish::new(topic, Payload::Streamed(100_000)))?;
    ///     mqtt.open(now, &Connect::new(Version::V311, "camera-1"))?;
    ///     let length = mqtt.transmit(now).remaining();
    ///     mqtt.transmit(now).advance(length);
    ///     assert!(mqtt.handle_input(now, b"\x20\x02\x00\x00").is_ok());
    ///     let mut wire: Vec<u8> = Vec::new();
    ///     let mut transmit = mqtt.transmit(now);
    ///     loop {
    ///         if let Some(wanted) = transmit.payload_request() {
    ///             let start = wanted.offset as usize;
    ///             let count = 512.min(wanted.remaining as usize);
    ///             wire.extend(&image[start..start + count]); // to the transport
    ///             transmit.advance(count);
    ///         } else if !transmit.chunk().is_empty() {
    ///             wire.extend(transmit.chunk());
    ///             let count = transmit.chunk().len();
    ///             transmit.advance(count);
    ///         } else {
    ///             break;
    ///         }
    ///     }
    ///     assert_eq!(wire.len(), 1 + 3 + 2 + 6 + 100_000);
    ///     Ok(())
    /// }
    /// ```
    pub fn payload_request(&self) -> Option<PayloadRequest> {
        let is_next = self.core.link.control.first(self.parts.control).is_empty() && !self.core.is_silent();
        let (handle, offset, remaining) = self.core.outgoing.payload_request(self.parts.slots).filter(|_| is_next)?;
        Some(PayloadRequest { handle: Handle(handle), offset, remaining })
    }
}

/// A part of a payload that the application is to supply: see [`Transmit::payload_request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct PayloadRequest {
    /// Identifies the message.
    pub handle: Handle,
    /// The offset of the next byte in the payload.
    pub offset: u32,
    /// Payload bytes from `offset` to the end.
    pub remaining: u32,
}

#[cfg(feature = "bytes")]
impl bytes::Buf for Transmit<'_> {
    fn remaining(&self) -> usize {
        Transmit::remaining(self)
    }

    fn chunk(&self) -> &[u8] {
        Transmit::chunk(self)
    }

    fn advance(&mut self, count: usize) {
        Transmit::advance(self, count);
    }
}

impl Core {
    fn chunk<'a>(&self, parts: &'a Parts<'_>) -> &'a [u8] {
        if self.waits_for_doubt(parts) || self.is_silent() {
            return &[];
        }
        if self.link.control.first_length() > 0 {
            self.link.control.first(parts.control)
        } else if self.outgoing.is_between_frames() {
            self.link.control.second(parts.control)
        } else {
            self.outgoing.chunk(parts)
        }
    }

    fn advance(&mut self, parts: &mut Parts<'_>, mut count: usize) {
        while count > 0 {
            let first = self.link.control.first_length();
            let staged = self.outgoing.run_left();
            let step = if first > 0 {
                let step = count.min(first);
                self.advance_control(parts, step);
                step
            } else if staged > 0 {
                let step = count.min(staged);
                if self.outgoing.advance(parts, step) {
                    self.watch_acks(parts.slots);
                }
                step
            } else {
                let step = count.min(self.link.control.len());
                self.advance_control(parts, step);
                step
            };
            if step == 0 {
                break;
            }
            count -= step;
            self.stats.bytes_sent += step as u64;
            self.link.timers.note_sent();
        }
        self.prepare(parts);
    }

    fn advance_control(&mut self, parts: &mut Parts<'_>, count: usize) {
        if self.link.control.advance(count) {
            self.outgoing.prefix_taken(parts.slots);
        }
        if self.link.control.has_left() {
            self.link.is_connect_out = true;
            self.outgoing.releases_left(parts.slots);
            if self.link.ping == Ping::Staged {
                self.note_ping_sent();
            }
            self.watch_acks(parts.slots);
        }
    }

    /// Between packets: encodes pending acknowledgements, and stages what may be sent; before CONNACK nothing may
    /// `[MQTT-3.1.2-30]`.
    #[inline(always)]
    fn prepare(&mut self, parts: &mut Parts<'_>) {
        if self.may_prepare() {
            self.write_output(parts);
        }
    }

    /// Returns false if [`prepare`](Self::prepare) would do nothing.
    pub(super) fn may_prepare(&self) -> bool {
        let is_at_border = self.link.control.is_empty() && self.outgoing.is_between_frames();
        is_at_border && self.link.state == State::Connected && self.may_have_output()
    }

    /// Returns false if there can be no output: a fast check before the full one. On firmware always true, to save
    /// flash.
    const fn may_have_output(&self) -> bool {
        usize::BITS <= 32
            || self.outgoing.may_stage()
            || self.incoming.owes() | self.outgoing.release_due() != 0
            || matches!(self.link.ping, Ping::Due)
    }

    #[inline(never)]
    pub(super) fn write_output(&mut self, parts: &mut Parts<'_>) {
        self.write_acks(parts);
        self.write_releases(parts);
        self.write_ping(parts);
        if self.outgoing.is_between_frames() && self.outgoing.may_stage() {
            let may_fence = self.outgoing.has_fences() && self.may_fence(parts);
            let rare = Rare { time: self.counted_time(), forms: self.forms(), may_fence };
            self.outgoing.end_fences_in_time(parts.slots);
            if let Some(is_fenced) = self.outgoing.stage(parts, &self.link.peer, &rare) {
                self.write_start(parts, is_fenced);
            }
        }
    }

    /// Writes what replaces the start of a packet that is sent alone, or precedes it.
    #[cfg_attr(not(target_pointer_width = "32"), inline(never))]
    fn write_start(&mut self, parts: &mut Parts<'_>, is_fenced: bool) {
        if is_fenced {
            self.write_fence(parts);
        }
        if let Some(reducing) = self.reducing().filter(|_| self.outgoing.is_to_be_reduced()) {
            (reducing.write_head)(self, parts);
        }
        if let Some(aliasing) = self.aliasing().filter(|_| self.link.peer.has_aliases()) {
            (aliasing.shorten)(self, parts);
        }
    }

    /// Writes PUBACK, PUBREC and PUBCOMP. If the control area is full, the others stay pending.
    fn write_acks(&mut self, parts: &mut Parts<'_>) {
        let has_reasons = self.version().has_properties();
        while let Some(due) = self.incoming.due(parts.inbox) {
            if due.extra != 0 {
                if self.link.control.is_empty() {
                    self.outgoing.stage_ack(parts.slots, due.extra);
                    self.incoming.settle(parts.inbox, has_reasons);
                }
                return;
            }
            if !self.write_ack(parts, &due) {
                return;
            }
            self.incoming.settle(parts.inbox, has_reasons);
        }
    }

    /// Writes PUBREL, in the order of PUBREC `[MQTT-4.6.0-4]`.
    fn write_releases(&mut self, parts: &mut Parts<'_>) {
        while self.outgoing.release_due() != 0 && !self.outgoing.release_waits(parts.slots) {
            let id = self.outgoing.release_due();
            let due = Due { packet: PacketType::PubRel, id, reason: ReasonCode::SUCCESS, extra: 0 };
            if !self.write_ack(parts, &due) {
                return;
            }
            self.outgoing.stage_release(parts.slots);
        }
    }

    /// Writes an acknowledgement without properties, and with a reason only if that is not success, so that it never
    /// exceeds the server's maximum `[MQTT-3.6.2-2]` `[MQTT-3.6.2-3]` `[MQTT-3.7.2-2]` `[MQTT-3.7.2-3]`.
    fn write_ack(&mut self, parts: &mut Parts<'_>, due: &Due) -> bool {
        let [high, low] = due.id.to_be_bytes();
        let has_reason = self.version().has_properties() && due.reason != ReasonCode::SUCCESS;
        let first = due.packet.first_byte();
        if usize::BITS > 32 && !has_reason {
            let packet = [first, 2, high, low]; // the common case, copied faster as an array
            return self.link.peer.takes_length(packet.len())
                && self.link.control.append_bytes(parts.control, &packet, false);
        }
        let packet = [first, 2 + u8::from(has_reason), high, low, due.reason.0];
        let packet = if has_reason { &packet[..] } else { packet.split_last().map_or(&[][..], |(_, start)| start) };
        self.link.peer.takes_length(packet.len()) && self.link.control.append_bytes(parts.control, packet, false)
    }

    fn may_fence(&self, parts: &Parts<'_>) -> bool {
        self.link.control.has_room(parts.control, FENCE) && self.link.peer.takes_length(FENCE)
    }

    /// Writes PUBREL before a QoS 2 message whose identifier the server may still hold from an earlier run. Such a
    /// message is staged only if there is room.
    fn write_fence(&mut self, parts: &mut Parts<'_>) {
        let due = Due { packet: PacketType::PubRel, id: self.outgoing.staged(), reason: ReasonCode::SUCCESS, extra: 0 };
        let is_written = self.write_ack(parts, &due);
        debug_assert!(is_written);
        self.outgoing.note_fence();
    }

    fn write_ping(&mut self, parts: &mut Parts<'_>) {
        let packet = [PacketType::PingReq.first_byte(), 0];
        if self.link.ping == Ping::Due
            && self.link.peer.takes_length(packet.len())
            && self.link.control.append_bytes(parts.control, &packet, false)
        {
            self.link.ping = Ping::Staged;
        }
    }
}

/// The length of a PUBREL without reason and properties.
const FENCE: usize = 4;

pub(super) fn write_acknowledgement(
    packet: PacketType,
    ack: &Acknowledgement<'_>,
    version: Version,
    writer: &mut Writer<'_>,
) {
    let block = writer.begin_packet(packet);
    ack.encode(version, writer);
    writer.end(block);
}
