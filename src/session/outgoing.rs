//! Outgoing packets, from the command to the last acknowledgement.
//!
//! ```text
//!              stage         first byte       last byte           PUBACK
//! Waiting ───────────▶ Staged ───────▶ Begun ───────▶ Out ───────────────────────────────────▶ free
//!    ▲                                                 │  PUBREC           PUBREL       PUBCOMP
//!    └── link lost, or a retransmission ───────────────┤ ───────▶ Release ───────▶ Out ──────▶ free
//!                                                      └ cause ─▶ Over ── outcome fetched ───▶ free
//! ```
//!
//! [`Progress`](crate::storage::Progress) has the axes; only [`Outgoing::set_progress`] and its parts change them, so
//! that the count of messages in flight is kept.
//!
//! A slot is in one list at a time, or in none while only the record of its end remains to be made: `log` (packets with
//! bytes, in the order of the arena, which is the order of sending and of retransmission), `released` (in the order of
//! PUBREC `[MQTT-4.6.0-4]`), `requests` (SUBSCRIBE and UNSUBSCRIBE in flight), or `ended` (outcomes to be fetched).

use crate::event::Cause;
use crate::session::arena::Arena;
use crate::session::list::{Cursor, List, find, find_mut, place};
use crate::session::run::Run;
use crate::storage::{
    Answer, Detail, Kind, Marks, MessageMarks, Notes, Parts, Payload, Progress, Reach, SendSlot, SessionFact, Stands,
};
use crate::types::{Handle, Version};
use crate::wire::{PacketType, encoded_length};

/// The bookkeeping over the send slots and the arena.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)] // as `Core`
pub(crate) struct Outgoing {
    /// The version for which the packets in the arena are encoded.
    pub(super) version: Version,
    /// What the server holds of our session.
    pub(crate) session: SessionFact,
    /// Whether PUBLISH waits while requests are sent.
    pub(crate) holds_messages: bool,
    /// Whether the server holds a session that is not known here and that the next link must end by a clean start.
    pub(crate) must_start_clean: bool,
    pub(super) log: List,
    pub(super) released: List,
    pub(super) requests: List,
    pub(super) ended: List,
    /// The first packet of the log that may still have to be sent; 0 if there is none.
    pub(super) next: u16,
    /// While the send quota is used up: the last packet of the log that was checked for one that need not wait; 0 for
    /// none.
    pub(super) bypass: Cursor,
    /// The packet of the log up to which none can be dropped: see [`oldest_unsent`](Self::oldest_unsent). 0 for none.
    pub(super) passed: Cursor,
    /// The first PUBREL to be sent; 0 if there is none.
    pub(super) release: u16,
    /// The first PUBREL that is shown to the transport and not confirmed as sent; 0 if there is none.
    pub(super) staged_release: u16,
    /// Slots in use that are not commands: stored acknowledgements, PUBRELs that only free an identifier, and finished
    /// messages whose record is still to be made.
    pub(super) uncounted: u16,
    /// Fences that were sent on this link and not answered.
    pub(super) fences: u16,
    /// Fences that are shown to the transport.
    pub(super) staged_fences: u16,
    /// The last slot whose state came to differ from the journal; 0 if there is none since records were gathered.
    pub(super) owed: u16,
    pub(super) run: Run,
    // Counts that change together are not adjacent: otherwise the compiler would change them as a vector, which takes
    // twice as many instructions.
    /// Slots in use.
    pub(super) used: u32,
    /// The earliest second in which a queued message may expire; 0 for never.
    pub(super) expiry: u32,
    /// Unfinished PUBLISH packets.
    pub(super) publishes: u32,
    /// QoS 2 messages up to this running number need fences; 0 for none.
    pub(super) fenced_until: u32,
    /// PUBLISH packets that hold a unit of the send quota.
    pub(super) in_flight: u32,
    pub(super) arena: Arena,
    /// The handle that was assigned last, with the identifier in its lowest 16 bits.
    pub(super) last_handle: u64,
    /// The handle of the QoS 0 message that was sent last.
    pub(super) left: u64,
}

/// Replaces a withdrawn message once its outcome was fetched. Behind a pointer, so that firmware that withdraws none
/// does not link it.
pub(crate) type Withdrawing = fn(&mut Outgoing, &mut Parts<'_>, u16);

/// A packet to be stored.
pub(crate) struct Frame<'f> {
    pub(crate) kind: Kind,
    pub(crate) marks: Marks,
    pub(crate) detail: Detail,
    /// Its length in the arena.
    pub(crate) length: usize,
    /// A payload that is kept outside the arena.
    pub(crate) shared: Option<Payload<'f>>,
}

/// A packet that was found or created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Matched {
    pub(crate) handle: u64,
    pub(crate) id: u16,
}

/// Why an acknowledgement does not match a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// The identifier is unknown.
    Unknown,
    /// The identifier belongs to a packet that is not acknowledged by this type, or not yet.
    Unexpected,
    /// The packet is being sent: the acknowledgement counts once the transport has confirmed that it took the packet.
    Early,
    /// It answers a PUBREL that only frees an identifier, and is not for a message.
    Internal,
    /// The number of codes differs from the number of filters.
    Count,
}

/// The effect of a PUBREC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PubRecStep {
    /// PUBREL follows.
    Released,
    /// PUBREC arrived before, and is repeated.
    Repeated,
}

impl Outgoing {
    pub(crate) const fn new(version: Version) -> Self {
        Self {
            version,
            session: SessionFact::None,
            holds_messages: false,
            must_start_clean: false,
            log: List::EMPTY,
            released: List::EMPTY,
            requests: List::EMPTY,
            ended: List::EMPTY,
            next: 0,
            bypass: Cursor::NONE,
            passed: Cursor::NONE,
            release: 0,
            staged_release: 0,
            last_handle: 0,
            left: 0,
            arena: Arena { end: 0, live: 0, frames: 0, shared: 0 },
            used: 0,
            publishes: 0,
            uncounted: 0,
            owed: 0,
            fences: 0,
            staged_fences: 0,
            fenced_until: 0,
            in_flight: 0,
            expiry: 0,
            run: Run::NONE,
        }
    }

    pub(crate) const fn version(&self) -> Version {
        self.version
    }

    /// Returns the number of unfinished commands: messages, requests, and outcomes that were not fetched.
    pub(crate) const fn pending(&self) -> usize {
        self.used as usize - self.uncounted as usize
    }

    /// Returns whether no slot is in use.
    pub(crate) const fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Returns the state without positions in the arena, search cursors and notes of the journal, for comparison.
    pub(crate) const fn without_positions(mut self) -> Self {
        self.arena.end = 0;
        self.passed = Cursor::NONE;
        self.owed = 0;
        self.must_start_clean = false; // not part of the session
        self
    }

    pub(crate) const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Returns the handle of the QoS 0 message that was sent last.
    pub(crate) const fn last_sent_qos0(&self) -> u64 {
        self.left
    }

    /// Iterates over every packet with its index in the table, list by list.
    pub(crate) fn packets<'a>(&self, slots: &'a [SendSlot]) -> impl Iterator<Item = (usize, &'a SendSlot)> + use<'a> {
        let [log, released, requests, ended] =
            [self.log, self.released, self.requests, self.ended].map(|list| list.iter(slots));
        log.chain(released).chain(requests).chain(ended).map(|slot| (place(slots, slot.id()), slot))
    }

    /// Returns the identifier and handle that were assigned last.
    pub(crate) const fn latest(&self) -> Matched {
        Matched { handle: self.last_handle, id: self.last_handle as u16 }
    }

    /// Allocates a packet for which there is room (see [`Need`](super::Need)), with a new identifier and handle, which
    /// [`latest`](Self::latest) then returns. The caller writes its bytes to the returned slice.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    #[cfg_attr(not(target_pointer_width = "32"), inline)]
    pub(crate) fn push<'p>(&mut self, parts: &'p mut Parts<'_>, frame: &Frame<'_>) -> Option<&'p mut [u8]> {
        let id = self.free_id(parts.slots)?;
        if self.arena.end as usize + frame.length > parts.arena.len() {
            self.arena.compact(parts, &self.log);
        }
        let start = self.arena.end as usize;
        parts.arena.get(start..)?.get(..frame.length)?;
        let &Frame { kind, mut marks, detail, length, ref shared } = frame;
        let mut beside = 0;
        if let Some(payload) = shared.as_ref().filter(|_| cfg!(feature = "bytes")) {
            parts.payloads.put(place(parts.slots, id), payload);
            marks.set(MessageMarks::SHARED_PAYLOAD);
            beside = payload.as_slice().len() as u32;
        }
        let notes = Notes::of_new(kind.is_windowed() && !parts.journal.is_none());
        let slot = SendSlot { length: length as u32, marks, kind, detail, notes, ..SendSlot::FREE };
        self.enter(parts.slots, id, slot, beside)?;
        parts.arena.get_mut(start..)?.get_mut(..length)
    }

    /// Fills the free slot of this identifier with a packet, which becomes the last in the log and in the arena.
    /// `beside`: its bytes outside the arena.
    #[inline(always)]
    pub(super) fn enter(&mut self, slots: &mut [SendSlot], id: u16, new: SendSlot, beside: u32) -> Option<()> {
        let slot = slots.get_mut(place(slots, id))?;
        self.last_handle = (self.last_handle | 0xFFFF) + 1 + u64::from(id);
        let (handle, position, previous) = (self.last_handle, self.arena.push(new.length, beside), self.log.last());
        *slot = SendSlot { handle, position, previous, ..new };
        self.owe(slot);
        self.log.append(slots, id);
        if self.next == 0 {
            self.next = id;
        }
        self.used += 1;
        self.uncounted += u16::from(new.kind == Kind::Ack);
        if new.kind.is_publish() {
            self.publishes += 1;
        }
        Some(())
    }

    /// Changes a packet's progress, and updates the count of messages in flight and the records that are due for the
    /// journal.
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn set_progress(&mut self, slot: &mut SendSlot, progress: Progress) {
        let before = slot.holds_unit();
        slot.progress = progress;
        self.in_flight = self.in_flight + u32::from(slot.holds_unit()) - u32::from(before);
        self.owe(slot);
    }

    /// Like [`set_progress`](Self::set_progress), for a packet that holds its unit of the send quota before and after,
    /// or at neither time.
    #[inline(always)]
    pub(super) fn move_on(&mut self, slot: &mut SendSlot, progress: Progress) {
        debug_assert_eq!(slot.holds_unit(), SendSlot { progress, ..*slot }.holds_unit());
        slot.progress = progress;
        self.owe(slot);
    }

    /// Returns the next identifier in turn whose place is free, so that each is reused as late as possible
    /// `[MQTT-2.2.1-3]` `[MQTT-4.3.2-1]` `[MQTT-4.3.3-1]`. When the numbers wrap, places repeat, so two rounds visit
    /// them all.
    fn free_id(&self, slots: &[SendSlot]) -> Option<u16> {
        let mut id = self.last_handle as u16;
        for _ in 0..2 * slots.len() + 1 {
            id = id.wrapping_add(1).max(1);
            if slots.get(place(slots, id)).is_some_and(|slot| slot.kind == Kind::Free) {
                return Some(id);
            }
        }
        None
    }

    /// Returns how many bytes of a packet are not in the arena: a shared payload, or one that the application supplies.
    pub(super) fn outside_length(parts: &Parts<'_>, slot: &SendSlot) -> u32 {
        if slot.marks.message().has(MessageMarks::STREAMED) {
            (encoded_length(parts.arena.get(slot.position as usize..).unwrap_or_default()) as u32)
                .saturating_sub(slot.length)
        } else {
            Self::shared_length(parts, slot)
        }
    }

    /// Returns the length of the payload that a packet keeps outside the arena.
    pub(super) fn shared_length(parts: &Parts<'_>, slot: &SendSlot) -> u32 {
        if slot.marks.message().has(MessageMarks::SHARED_PAYLOAD) {
            parts.payloads.get(place(parts.slots, slot.id())).len() as u32
        } else {
            0
        }
    }

    /// Handles the answer that finishes a packet: PUBACK `[MQTT-4.3.2-3]`, a PUBREC that refuses `[MQTT-4.4.0-2]`,
    /// PUBCOMP `[MQTT-4.3.3-5]`; or SUBACK or UNSUBACK, for the request with its identifier `[MQTT-2.2.1-6]`
    /// `[MQTT-3.8.4-2]` `[MQTT-3.10.4-4]`, with `count` codes, if it has codes at all `[MQTT-3.8.4-6]`
    /// `[MQTT-3.11.3-1]`. Returns the packet that it answers, and the number of codes that it should have. If
    /// `is_lenient`, PUBACK also finishes a QoS 2 message that was completely sent on this link, and the number of
    /// codes in UNSUBACK is not checked.
    pub(crate) fn answered(
        &mut self,
        parts: &mut Parts<'_>,
        (packet, id): (PacketType, u16),
        count: usize,
        is_lenient: bool,
    ) -> Result<(Handle, Kind, usize), Mismatch> {
        let is_completion = packet == PacketType::PubComp;
        if is_completion && self.is_fence_answer(parts.slots, id) {
            return Err(Mismatch::Internal);
        }
        let (slot, mismatch) = answerable(parts.slots, id);
        let Some(&SendSlot { kind, progress, detail, .. }) = slot else { return Err(mismatch) };
        let awaited = match packet {
            PacketType::PubAck if is_lenient && kind == Kind::Publish2 && progress.was_out() => kind,
            PacketType::PubAck => Kind::Publish1,
            PacketType::PubComp if kind == Kind::Orphan => kind,
            PacketType::SubAck => Kind::Subscribe,
            PacketType::UnsubAck => Kind::Unsubscribe,
            _ => Kind::Publish2,
        };
        let is_release = progress.is_release();
        if kind != awaited || is_release != is_completion || is_release && !progress.is_known() {
            return Err(Mismatch::Unexpected);
        }
        let filters = detail.get() as usize;
        if count > 0 && count != filters && !(is_lenient && kind == Kind::Unsubscribe) {
            return Err(Mismatch::Count);
        }
        let handle = self.finish(parts, id);
        if kind == Kind::Orphan { Err(Mismatch::Internal) } else { Ok((handle, kind, filters)) }
    }

    /// Handles PUBREC `[MQTT-4.3.3-3]` `[MQTT-4.3.3-4]`: from now on only PUBREL is sent, never PUBLISH
    /// `[MQTT-4.3.3-6]`.
    pub(crate) fn pubrec(&mut self, parts: &mut Parts<'_>, id: u16) -> Result<PubRecStep, Mismatch> {
        let (slot, mismatch) = answerable(parts.slots, id);
        let Some(slot) = slot else { return Err(mismatch) };
        match (slot.kind, slot.progress.stands()) {
            (Kind::Publish2, Stands::First) => {
                let detail = slot.detail;
                self.relist(parts, id, Progress::released(), detail);
                self.note_release(id);
                Ok(PubRecStep::Released)
            }
            (Kind::Publish2, _) if slot.waits_for_record() => Ok(PubRecStep::Released),
            (Kind::Publish2, _) => Ok(PubRecStep::Repeated),
            _ => Err(Mismatch::Unexpected),
        }
    }

    /// Queues PUBREL for this message, and frees its bytes in the arena and outside.
    #[inline(always)]
    pub(super) fn release(&mut self, slots: &mut [SendSlot], id: u16) {
        self.relist_bare(slots, id, 0, Progress::released(), None);
        self.note_release(id);
    }

    /// Notes that PUBREL of this packet is to be sent, after those that are pending already.
    #[inline(always)]
    const fn note_release(&mut self, id: u16) {
        if self.release == 0 {
            self.release = id;
        }
    }

    /// Returns whether the next PUBREL must wait because its record is not durable.
    pub(crate) fn release_waits(&self, slots: &[SendSlot]) -> bool {
        cfg!(feature = "journal") && find(slots, self.release).is_some_and(SendSlot::waits_for_record)
    }

    /// Returns the PUBREL to be sent next `[MQTT-4.6.0-4]`.
    pub(crate) const fn release_due(&self) -> u16 {
        self.release
    }

    /// Notes that the PUBREL of [`release_due`](Self::release_due) is shown to the transport.
    pub(crate) fn stage_release(&mut self, slots: &mut [SendSlot]) {
        if self.staged_release == 0 {
            self.staged_release = self.release;
        }
        if let Some(slot) = find_mut(slots, self.release) {
            self.release = slot.next;
            if slot.progress.reach() == Reach::Out {
                slot.leave_again(); // shown while an earlier one had to be sent again
            }
            self.move_on(slot, slot.progress.reached(Reach::Staged));
        }
    }

    /// Notes that the transport has taken every PUBREL that was shown to it.
    pub(crate) fn releases_left(&mut self, slots: &mut [SendSlot]) {
        self.fences += core::mem::take(&mut self.staged_fences);
        let mut id = core::mem::take(&mut self.staged_release);
        while let Some(slot) = find_mut(slots, id).filter(|slot| slot.progress.reach() == Reach::Staged) {
            id = slot.next;
            slot.count_attempt();
            self.move_on(slot, slot.progress.reached(Reach::Out));
        }
    }

    /// Notes that the PUBRELs shown to the transport were dropped: they count as not sent.
    pub(crate) const fn releases_dropped(&mut self) {
        (self.staged_release, self.staged_fences) = (0, 0);
    }

    /// Finishes a packet without an acknowledgement. QoS 0 messages and stored acknowledgements are removed; for all
    /// others the outcome is kept until it is fetched.
    pub(super) fn end(&mut self, parts: &mut Parts<'_>, id: u16, cause: Cause) {
        let Some(slot) = find(parts.slots, id) else { return };
        if matches!(slot.kind, Kind::Publish0 | Kind::Ack | Kind::Orphan) {
            self.finish(parts, id);
            return;
        }
        self.relist(parts, id, Progress::over(), Detail::cause(cause as u32));
    }

    /// Returns the next outcome, and frees its slot.
    pub(crate) fn poll_ended(
        &mut self,
        parts: &mut Parts<'_>,
        withdrawing: Option<Withdrawing>,
    ) -> Option<(Matched, Kind, Cause)> {
        let slot = find(parts.slots, self.ended.first())?;
        let (id, kind, cause) = (slot.id(), slot.kind, Cause::from_number(slot.detail.get()));
        let handle = slot.handle;
        match withdrawing.filter(|_| slot.marks.message().has(MessageMarks::LEAVES_RELEASE)) {
            Some(leave_release) => leave_release(self, parts, id),
            None => {
                self.finish(parts, id);
            }
        }
        Some((Matched { handle, id }, kind, cause))
    }

    /// Removes a packet and frees its slot and identifier; with a journal, those of a message once the record of its
    /// end is in the buffer.
    pub(super) fn finish(&mut self, parts: &mut Parts<'_>, id: u16) -> Handle {
        let beside = Self::drop_beside(parts, id);
        self.vacate(parts.slots, id, beside)
    }

    /// Like [`finish`](Self::finish), for a packet of which `beside` bytes outside the arena were dropped.
    #[inline(always)]
    pub(super) fn vacate(&mut self, slots: &mut [SendSlot], id: u16, beside: u32) -> Handle {
        let Some(slot) = self.leave(slots, id, beside) else { return Handle(0) };
        self.used -= 1;
        self.uncounted -= u16::from(matches!(slot.kind, Kind::Ack | Kind::Orphan));
        self.in_flight -= u32::from(slot.holds_unit());
        self.publishes -= u32::from(slot.kind.is_publish());
        let handle = Handle(slot.handle);
        if !self.keep_finished(slot) {
            *slot = SendSlot::FREE;
        }
        handle
    }

    /// Frees the bytes of a packet with this new progress, and appends its slot to the list for that progress.
    pub(super) fn relist(&mut self, parts: &mut Parts<'_>, id: u16, progress: Progress, detail: Detail) {
        let beside = Self::drop_beside(parts, id);
        self.relist_bare(parts.slots, id, beside, progress, Some(detail));
    }

    /// Like [`relist`](Self::relist), for a packet without bytes outside the arena.
    #[inline(always)]
    fn relist_bare(
        &mut self,
        slots: &mut [SendSlot],
        id: u16,
        beside: u32,
        progress: Progress,
        detail: Option<Detail>,
    ) {
        let Some(slot) = self.leave(slots, id, beside) else { return };
        (slot.length, slot.marks, slot.detail) = (0, Marks::NONE, detail.unwrap_or(slot.detail));
        if progress.is_release() {
            slot.attempts = 0;
        }
        self.set_progress(slot, progress);
        let list = self.list_of(slot.kind, progress);
        (slot.previous, slot.next) = (list.last(), 0);
        list.append(slots, id);
    }

    /// Drops the bytes of a packet outside the arena, and returns their number.
    fn drop_beside(parts: &mut Parts<'_>, id: u16) -> u32 {
        let Some(slot) = find(parts.slots, id) else { return 0 };
        let length = Self::shared_length(parts, slot);
        if slot.marks.message().has(MessageMarks::SHARED_PAYLOAD) {
            parts.payloads.clear(place(parts.slots, id));
        }
        length
    }

    /// Frees the bytes of a packet and removes it from its list, without changing its slot. Slots are borrowed: a copy
    /// would take much of firmware's stack.
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    fn leave<'s>(&mut self, slots: &'s mut [SendSlot], id: u16, beside: u32) -> Option<&'s mut SendSlot> {
        let &SendSlot { position, length, previous, next, kind, progress, .. } = find(slots, id)?;
        self.arena.release(position, length, beside);
        self.leave_list(slots, (previous, id, next), (kind, progress));
        find_mut(slots, id)
    }

    /// Removes a packet from its list, and moves cursors that point to it.
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    pub(super) fn leave_list(
        &mut self,
        slots: &mut [SendSlot],
        (previous, id, next): (u16, u16, u16),
        (kind, progress): (Kind, Progress),
    ) {
        // A cursor points only to packets of its own list. Checking the list first saves time, but takes flash, so
        // firmware does not.
        let asks = usize::BITS > 32;
        if !asks || progress.is_release() {
            if self.release == id {
                self.release = next;
            }
            if self.staged_release == id {
                self.staged_release = next;
            }
        }
        if !asks || progress.is_first() {
            if self.next == id {
                self.next = next;
            }
            self.bypass.step_aside(id, previous);
            self.passed.step_aside(id, previous);
        }
        self.list_of(kind, progress).remove(slots, previous, next);
    }

    /// Returns the list that a packet is in.
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn list_of(&mut self, kind: Kind, progress: Progress) -> &mut List {
        match progress.stands() {
            Stands::Release => &mut self.released,
            Stands::Over => &mut self.ended,
            Stands::First if kind.is_request() && progress.is_out() => &mut self.requests,
            Stands::First => &mut self.log,
        }
    }
}

/// Returns the packet with this identifier, if an acknowledgement can be for it: it was sent, on this link or on an
/// earlier one.
fn answerable(slots: &[SendSlot], id: u16) -> (Option<&SendSlot>, Mismatch) {
    let slot = find(slots, id).filter(|slot| slot.kind.is_answered());
    match slot.map(|slot| slot.progress.answer()) {
        Some(Answer::Counts) => (slot, Mismatch::Unknown),
        Some(Answer::Early) => (None, Mismatch::Early),
        Some(Answer::Unknown) | None => (None, Mismatch::Unknown),
    }
}
