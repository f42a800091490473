//! Which packet leaves next, and what is known of the one that is leaving.
//!
//! Consecutive packets of the log that may all be sent form a *run*: one stretch of the arena, shown to the transport as one slice. QoS 0
//! messages and requests don't wait for the window; while it is closed, a second cursor finds them behind those that do.

use crate::event::Cause;
use crate::session::bare;
use crate::session::expiry::{Time, is_expired};
use crate::session::list::{find, find_mut, iter_from, place};
use crate::session::outgoing::Outgoing;
use crate::storage::{Flags, Kind, Parts, SendSlot, State};
use crate::types::{Handle, QoS, Version};
use crate::wire::ids;

/// The stretch of packets that is being sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Run {
    /// The packet that is being sent; 0 if none is.
    pub(super) id: u16,
    /// How many of its bytes are out.
    pub(super) offset: u32,
    /// How many bytes of the whole run are left.
    pub(super) left: u32,
    /// Bytes of the packet, or bytes that stand for its start, left on this link.
    pub(super) is_begun: bool,
    /// Its payload is the application's to supply.
    pub(super) is_streamed: bool,
}

impl Run {
    pub(super) const NONE: Self = Self { id: 0, offset: 0, left: 0, is_begun: false, is_streamed: false };

    pub(super) const fn new(id: u16, left: u32) -> Self {
        Self { id, left, ..Self::NONE }
    }
}

/// What the server lets us send on this link (§3.2.2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Peer {
    /// Unfinished QoS 1 and 2 messages at a time: the server's Receive Maximum or our own limit.
    pub(crate) window: u16,
    pub(crate) topic_aliases: u16,
    /// The longest packet; 0 for no limit.
    pub(crate) max_packet: u32,
    pub(super) lacks: u8,
}

impl Peer {
    /// Before CONNACK: nothing may be sent, and nothing is ruled out.
    pub(crate) const UNKNOWN: Self = Self { window: 0, topic_aliases: 0, max_packet: 0, lacks: 0 };

    // What a server may lack. What a SUBSCRIBE asks for has the bit that marks the SUBSCRIBE.
    const QOS1: u8 = 1;
    const QOS2: u8 = 2;
    const RETAIN: u8 = 4;
    const SHARES: u8 = Flags::SHARE;
    const WILDCARDS: u8 = Flags::WILDCARD;
    const IDENTIFIERS: u8 = Flags::IDENTIFIER;

    /// Takes over what a property of CONNACK with this value says that the server lacks.
    pub(crate) const fn note(&mut self, id: u8, value: u32) {
        let what = match id {
            ids::MaximumQoS if value > 0 => Self::QOS2, // 1, or it was refused [MQTT-3.2.2-9]
            ids::MaximumQoS => Self::QOS1 | Self::QOS2,
            _ if value > 0 => return,
            ids::RetainAvailable => Self::RETAIN,
            ids::WildcardSubscriptionAvailable => Self::WILDCARDS,
            ids::SubscriptionIdentifierAvailable => Self::IDENTIFIERS,
            ids::SharedSubscriptionAvailable => Self::SHARES,
            _ => return,
        };
        self.lacks |= what;
    }

    const fn lacks_any(&self, what: u8) -> bool {
        Version::KNOWS_PROPERTIES && self.lacks & what != 0
    }

    /// Messages may name their topics by aliases.
    pub(crate) const fn has_aliases(&self) -> bool {
        Version::KNOWS_PROPERTIES && self.topic_aliases > 0
    }

    pub(crate) const fn takes_length(&self, length: usize) -> bool {
        !Version::KNOWS_PROPERTIES || self.max_packet == 0 || length <= self.max_packet as usize
    }

    pub(crate) const fn takes_qos(&self, qos: QoS) -> bool {
        !match qos {
            QoS::AtMostOnce => false,
            QoS::AtLeastOnce => self.lacks_any(Self::QOS1),
            QoS::ExactlyOnce => self.lacks_any(Self::QOS2),
        }
    }

    pub(crate) const fn takes_retained(&self) -> bool {
        !self.lacks_any(Self::RETAIN)
    }

    /// Whatever the quality of service, and retained or not.
    pub(crate) const fn takes_any_message(&self) -> bool {
        !self.lacks_any(Self::QOS1 | Self::QOS2 | Self::RETAIN)
    }

    /// A SUBSCRIBE with these marks asks for something that the server doesn't have (§3.2.2.3).
    pub(crate) const fn lacks(&self, flags: Flags) -> bool {
        flags.has(self.lacks & (Self::SHARES | Self::WILDCARDS | Self::IDENTIFIERS)) && Version::KNOWS_PROPERTIES
    }

    /// There is something that it doesn't take, or takes in another form.
    const fn has_rules(&self) -> bool {
        Version::KNOWS_PROPERTIES && (self.max_packet != 0 || self.topic_aliases != 0 || self.lacks != 0)
    }

    /// Why the server won't take this packet.
    fn refuses(&self, slot: &SendSlot, arena: &[u8], length: usize) -> Option<Cause> {
        let is_retained = || arena.get(slot.position as usize).is_some_and(|first_byte| first_byte & 1 != 0);
        if !self.takes_length(length) {
            return Some(Cause::TooLarge); // [MQTT-3.2.2-15]
        }
        match slot.kind.qos() {
            Some(qos) if !self.takes_qos(qos) => Some(Cause::QoSNotSupported), // [MQTT-3.2.2-11]
            Some(_) => (!self.takes_retained() && is_retained()).then_some(Cause::RetainNotSupported), // [MQTT-3.2.2-14]
            None => self.lacks(slot.flags).then_some(Cause::SubscriptionNotSupported),
        }
    }
}

/// What became of a packet that was to be staged.
enum Special {
    Staged,
    /// It will never be sent.
    Ended,
    /// No other may follow it now.
    Last,
}

/// So many bytes are staged at a time, so that acknowledgements needn't wait behind all that is queued.
pub(super) const RUN_LIMIT: u32 = 65_536;

impl Outgoing {
    /// Nothing is being sent.
    pub(crate) const fn is_between_frames(&self) -> bool {
        self.run.left == 0
    }

    pub(crate) const fn run_left(&self) -> usize {
        self.run.left as usize
    }

    /// Some bytes of the current packet are out already.
    pub(crate) const fn is_inside_frame(&self) -> bool {
        self.run.offset > 0
    }

    /// There may be something that [`stage`](Self::stage) would find.
    pub(crate) const fn may_stage(&self) -> bool {
        self.next != 0
    }

    /// Stages as many packets as lie together and may be sent now.
    pub(crate) fn stage(&mut self, parts: &mut Parts<'_>, peer: &Peer, time: Option<Time>) {
        let has_rules = peer.has_rules();
        let mut end = None;
        if bare::may_go_short(parts) && !has_rules {
            end = self.stage_bare(parts.slots, peer.window);
        }
        while let Some(slot) = self.next_sendable(parts.slots, peer.window) {
            if end.is_some_and(|end| end != slot.position) || self.run.left >= RUN_LIMIT {
                return;
            }
            let (id, behind) = (slot.id, slot.position + slot.length);
            if !has_rules && !slot.is_special() {
                self.stage_one(parts.slots, id, 0);
                end = Some(behind);
                continue;
            }
            match self.stage_special(parts, id, peer, time, end.is_none()) {
                Special::Staged => end = Some(behind),
                Special::Ended => {}
                Special::Last => return,
            }
        }
    }

    /// Stages a packet that isn't like most, or to a server that doesn't take everything.
    #[cold]
    fn stage_special(
        &mut self,
        parts: &mut Parts<'_>,
        id: u16,
        peer: &Peer,
        time: Option<Time>,
        is_first: bool,
    ) -> Special {
        let Some(slot) = find(parts.slots, id) else { return Special::Last };
        let outside = Self::outside_length(parts, slot);
        let cause = match peer.refuses(slot, parts.arena, (slot.length + outside) as usize) {
            None if time.is_some_and(|time| is_expired(slot, time.over)) => Some(Cause::Expired),
            cause => cause,
        };
        if let Some(cause) = cause {
            if !parts.journal.has_room_for_ends(1) {
                return Special::Last;
            }
            self.end(parts, id, cause);
            return Special::Ended;
        }
        let is_alone = has_bytes_outside(slot) || peer.has_aliases() && slot.kind.is_publish();
        if is_alone && !is_first {
            return Special::Last;
        }
        if let Some(time) = time {
            (time.expiring.write_time_left)(parts.arena, slot, time, self.version);
        }
        let is_streamed = is_streamed(slot);
        self.stage_one(parts.slots, id, outside);
        self.run.is_streamed = is_streamed;
        if is_alone { Special::Last } else { Special::Staged }
    }

    /// Makes a packet the last of the run; so many of its bytes are not in the arena.
    fn stage_one(&mut self, slots: &mut [SendSlot], id: u16, outside: u32) {
        let Some(slot) = find_mut(slots, id) else { return };
        if self.run.left == 0 {
            self.run = Run::new(id, 0);
        }
        self.run.left += slot.length + outside;
        if slot.kind.is_windowed() && !slot.flags.has(Flags::COUNTED) {
            slot.flags.set(Flags::COUNTED);
            self.in_flight += 1;
        }
        slot.flags.set(Flags::STAGED);
        if self.next == id {
            self.next = slot.next;
        } else {
            self.bypass = id;
        }
    }

    /// The next packet in order that may be sent: any while the window is open, else one that needn't wait for it.
    fn next_sendable<'a>(&mut self, slots: &'a [SendSlot], window: u16) -> Option<&'a SendSlot> {
        while let Some(slot) = find(slots, self.next) {
            let is_candidate = slot.state == State::Queued && slot.kind != Kind::Ack && !slot.flags.has(Flags::STAGED);
            if is_candidate {
                let is_blocked =
                    slot.kind.is_windowed() && !slot.flags.has(Flags::COUNTED) && self.in_flight >= window.into(); // [MQTT-3.3.4-7] [MQTT-4.9.0-2]
                return if is_blocked { self.next_unwindowed(slots) } else { Some(slot) };
            }
            if self.bypass == slot.id {
                self.bypass = 0;
            }
            self.next = slot.next;
        }
        self.bypass = 0;
        None
    }

    /// What goes although the window is closed `[MQTT-3.3.4-8]` `[MQTT-4.9.0-3]`.
    fn next_unwindowed<'a>(&mut self, slots: &'a [SendSlot]) -> Option<&'a SendSlot> {
        if find(slots, self.bypass).is_none() {
            self.bypass = self.next;
        }
        let from = find(slots, self.bypass)?.next;
        for slot in iter_from(slots, from) {
            let may_go = slot.state == State::Queued
                && (slot.kind == Kind::Publish0 || slot.kind.is_request())
                && !slot.flags.has(Flags::STAGED);
            if may_go {
                return Some(slot);
            }
            self.bypass = slot.id;
        }
        None
    }

    /// The bytes that the transport is to take now.
    pub(crate) fn chunk<'a>(&self, parts: &'a Parts<'_>) -> &'a [u8] {
        let Some(slot) = find(parts.slots, self.run.id) else { return &[] };
        let bytes = if self.run.offset < slot.length {
            let length = if has_bytes_outside(slot) { slot.length - self.run.offset } else { self.run.left };
            let start = (slot.position + self.run.offset) as usize;
            parts.arena.get(start..start + length as usize)
        } else {
            let payload = parts.payloads.get(place(parts.slots, slot.id));
            payload.get((self.run.offset - slot.length) as usize..)
        };
        bytes.unwrap_or_default()
    }

    /// The payload that the application is to supply now: the handle of its message, the offset and how much is left. All before it has left.
    pub(crate) fn wanted(&self, slots: &[SendSlot]) -> Option<(u64, u32, u32)> {
        let slot = find(slots, self.run.id).filter(|slot| self.run.is_streamed && self.run.offset >= slot.length)?;
        Some((slot.handle, self.run.offset - slot.length, self.run.left))
    }

    /// How many bytes of the run are here, as far as the first that the application is to supply.
    pub(crate) fn run_here(&self, slots: &[SendSlot]) -> usize {
        match find(slots, self.run.id).filter(|_| self.run.is_streamed) {
            Some(slot) => slot.length.saturating_sub(self.run.offset) as usize,
            None => self.run_left(),
        }
    }

    /// Whether the application may give this message up: a streamed one that is not waiting for its acknowledgement. If the server may have it, at
    /// QoS 2, its identifier can't be used for another as long as the session lives.
    pub(crate) fn abandonable(&self, slots: &[SendSlot], handle: Handle) -> Option<u16> {
        let is_it = |slot: &&SendSlot| {
            let is_known = slot.kind == Kind::Publish2 && slot.flags.has(Flags::SENT_ONCE);
            slot.handle == handle.0
                && slot.kind.is_publish()
                && slot.flags.has(Flags::STREAMED)
                && slot.state == State::Queued
                && !is_known
        };
        self.log.iter(slots).find(is_it).map(|slot| slot.id)
    }

    /// This packet is half out.
    pub(crate) const fn is_begun(&self, id: u16) -> bool {
        self.run.id == id && self.run.is_begun
    }

    /// The payload of the packet that is half out is the application's to supply.
    pub(crate) const fn is_inside_streamed(&self) -> bool {
        self.run.is_begun && self.run.is_streamed
    }

    /// Gives up a message that [`abandonable`](Self::abandonable) named.
    pub(crate) fn abandon(&mut self, parts: &mut Parts<'_>, id: u16) {
        self.unstage(parts.slots);
        self.end(parts, id, Cause::Abandoned);
    }

    /// The transport took `count` bytes of the run; returns whether a packet was completed.
    pub(crate) fn advance(&mut self, parts: &mut Parts<'_>, count: usize) -> bool {
        let mut count = count.min(self.run_left()) as u32;
        let mut completed = false;
        if bare::may_go_short(parts) {
            let taken = self.take_bare(parts.slots, count);
            count -= taken;
            completed = taken > 0;
        }
        while count > 0 {
            let Some(slot) = find(parts.slots, self.run.id) else { break };
            let outside = if slot.is_special() { Self::outside_length(parts, slot) } else { 0 };
            let Some(slot) = find_mut(parts.slots, self.run.id) else { break };
            let length = slot.length + outside;
            let step = count.min(length - self.run.offset);
            count -= step;
            self.run.left -= step;
            self.run.offset += step;
            self.run.is_begun = true;
            let is_whole = self.run.offset == length;
            let (id, kind, next) = (slot.id, slot.kind, slot.next);
            mark_taken(slot, is_whole && kind.is_windowed());
            if is_whole {
                self.run = Run::new(if self.run.left > 0 { next } else { 0 }, self.run.left);
                if !kind.is_windowed() {
                    self.frame_sent(parts, id, kind);
                }
                completed = true;
            }
        }
        completed
    }

    /// Replaces the first `skip` bytes of the staged packet by something that is sent from elsewhere.
    pub(crate) fn skip(&mut self, skip: usize) {
        self.run.offset += skip as u32;
        self.run.left -= skip as u32;
    }

    /// The bytes in the arena of the staged packet, if it is one PUBLISH alone and untouched.
    pub(crate) fn staged_publish<'a>(&self, slots: &[SendSlot], arena: &'a [u8]) -> Option<&'a [u8]> {
        let slot = find(slots, self.run.id).filter(|slot| slot.kind.is_publish() && self.run.offset == 0)?;
        let start = slot.position as usize;
        arena.get(start..start + slot.length as usize)
    }

    /// Bytes that stand for the start of the staged packet were taken: it counts as partly sent.
    pub(crate) fn prefix_taken(&mut self, slots: &mut [SendSlot]) {
        self.run.is_begun = true;
        if let Some(slot) = find_mut(slots, self.run.id) {
            slot.flags.set(Flags::DUP);
        }
    }

    /// All bytes of a packet were taken that isn't kept for an acknowledgement as it is.
    fn frame_sent(&mut self, parts: &mut Parts<'_>, id: u16, kind: Kind) {
        if kind.is_request() {
            self.strip(parts, id);
            self.requests.push(parts.slots, id);
            if let Some(slot) = find_mut(parts.slots, id) {
                mark_taken(slot, true);
            }
            return;
        }
        let Handle(handle) = self.finish(parts, id);
        if kind == Kind::Publish0 {
            self.left = handle;
        }
    }

    /// Stages a stored acknowledgement whose turn has come.
    pub(crate) fn stage_ack(&mut self, slots: &mut [SendSlot], id: u16) {
        if let Some(slot) = find_mut(slots, id) {
            slot.flags.set(Flags::STAGED);
            self.run = Run::new(id, slot.length);
        }
    }

    /// Takes back what is staged but not begun, so that it can be changed or dropped.
    pub(crate) fn unstage(&mut self, slots: &mut [SendSlot]) {
        let Some(current) = find(slots, self.run.id).filter(|slot| slot.kind != Kind::Ack) else { return };
        let mut id = current.id;
        if !self.is_inside_frame() {
            self.run = Run::default();
        } else if !has_bytes_outside(current) {
            self.run.left = current.length - self.run.offset;
            id = current.next;
        } else {
            return;
        }
        if let Some(first) = find(slots, id).filter(|slot| slot.flags.has(Flags::STAGED)) {
            self.step_back(slots, id, first.handle);
        }
        while let Some(slot) = find_mut(slots, id).filter(|slot| slot.flags.has(Flags::STAGED)) {
            slot.flags.clear(Flags::STAGED);
            let (this, is_on_the_wire, expiry) = (id, slot.flags.has(Flags::AGED), slot.expiry());
            id = slot.next;
            self.note_expiry(expiry);
            if !is_on_the_wire {
                self.uncount(slots, this);
            }
        }
    }

    /// Nothing more is sent on this link.
    pub(crate) const fn halt(&mut self) {
        self.run = Run::NONE;
    }

    /// Only the packet that is half out is still sent.
    pub(crate) fn keep_only_begun(&mut self, parts: &mut Parts<'_>) {
        match find(parts.slots, self.run.id).filter(|_| self.run.is_begun) {
            Some(slot) => self.run.left = slot.length + Self::outside_length(parts, slot) - self.run.offset,
            None => self.halt(),
        }
    }

    /// Lets the cursors look at the packet `id` again.
    pub(super) fn step_back(&mut self, slots: &[SendSlot], id: u16, handle: u64) {
        if find(slots, self.next).is_none_or(|slot| slot.handle > handle) {
            self.next = id;
        }
        self.bypass = 0;
    }
}

/// Bytes of a packet were taken; all of them, and its acknowledgement is awaited now, if `is_sent`.
pub(super) fn mark_taken(slot: &mut SendSlot, is_sent: bool) {
    slot.flags.set(Flags::DUP);
    if is_sent {
        slot.state = State::Sent;
        slot.flags.clear(Flags::STAGED | Flags::AGED);
        slot.flags.set(Flags::SENT_ONCE); // on a request this bit means nothing once it was sent
    }
}

/// Its payload is the application's to supply.
const fn is_streamed(slot: &SendSlot) -> bool {
    slot.kind.is_publish() && slot.flags.has(Flags::STREAMED)
}

/// Such a packet is a run of its own.
fn has_bytes_outside(slot: &SendSlot) -> bool {
    slot.kind.is_publish() && slot.flags.has(Flags::SHARED_PAYLOAD | Flags::STREAMED)
}
