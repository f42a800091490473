//! Which packet is sent next, and the state of the one that is being sent.
//!
//! Consecutive packets of the log that may all be sent form a *run*: one slice of the arena, shown to the transport at
//! once. QoS 0 messages and requests do not need send quota; while the quota is used up, a second cursor finds them
//! behind the messages that wait.

use crate::copying::part;
use crate::event::Cause;
use crate::session::expiry::Time;
use crate::session::fast_path;
use crate::session::forms::{Forms, TO_BE_FOUND};
use crate::session::list::{Cursor, find, find_handle, find_mut, iter_from, place};
use crate::session::outgoing::Outgoing;
use crate::session::peer::Peer;
use crate::session::run::{RUN_LIMIT, Run};
use crate::storage::{Kind, Known, MAY_GROW, MessageMarks, Parts, Reach, SendSlot};
use crate::types::{Handle, Version};

/// What is needed to stage packets with rare features.
pub(crate) struct Rare {
    pub(crate) time: Option<Time>,
    pub(crate) forms: Option<&'static Forms>,
    /// Whether there is room for a fence.
    pub(crate) may_fence: bool,
}

/// The result of staging a packet with rare features.
enum Special {
    /// Staged; others may follow at this position.
    Staged(u32),
    /// Finished without being sent.
    Ended,
    /// Staged, and sent alone.
    Alone,
    /// Not staged, and no other packet is staged now.
    Last,
}

impl Outgoing {
    /// Returns whether no packet is being sent.
    pub(crate) const fn is_between_frames(&self) -> bool {
        self.run.left == 0
    }

    /// Returns the packet that is being sent.
    pub(crate) const fn staged(&self) -> u16 {
        self.run.id
    }

    pub(crate) const fn run_left(&self) -> usize {
        self.run.left as usize
    }

    /// Returns whether the packet that is being sent is partly sent.
    fn is_inside_packet(&self, slots: &[SendSlot]) -> bool {
        find(slots, self.run.id).is_some_and(|slot| slot.progress.reach() == Reach::Begun)
    }

    /// Returns whether [`stage`](Self::stage) may find a packet.
    pub(crate) const fn may_stage(&self) -> bool {
        self.next != 0
    }

    /// Returns whether packets were taken back from the transport and are to be shown again.
    pub(crate) const fn waits_again(&self) -> bool {
        self.run.was_taken_back && self.may_stage()
    }

    /// Stages as many contiguous packets as may be sent now. If a packet must be sent alone, returns whether a fence
    /// precedes it.
    pub(crate) fn stage(&mut self, parts: &mut Parts<'_>, peer: &Peer, rare: &Rare) -> Option<bool> {
        self.run.was_taken_back = false;
        if parts.journal.is_session_lost() || parts.journal.is_doubt_pending() {
            // a subscription could bring messages with identifiers that the log still takes for those of the old
            // session
            return None;
        }
        // No message is sent before the record of the session is durable; other packets may be.
        let window = if parts.journal.is_session_pending() { 0 } else { peer.window };
        let has_rules = peer.has_rules();
        let mut end = None;
        if fast_path::is_open(parts) && !has_rules && !self.holds_messages {
            end = self.stage_usual(parts.slots, window);
            if !self.may_stage() {
                self.bypass = Cursor::NONE;
                return None;
            }
        }
        self.stage_each(parts, (peer, window, has_rules), rare, end)
    }

    /// Stages packets one by one, behind staged ones that end at `end`.
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    fn stage_each(
        &mut self,
        parts: &mut Parts<'_>,
        (peer, window, has_rules): (&Peer, u16, bool),
        rare: &Rare,
        mut end: Option<u32>,
    ) -> Option<bool> {
        while let Some(slot) = self.next_sendable(parts.slots, window) {
            if end.is_some_and(|end| end != slot.position) || self.run.left >= RUN_LIMIT {
                return None;
            }
            let (id, behind) = (slot.id(), slot.position + slot.length);
            let is_fenced = self.is_fenced(slot);
            // A shortcut for most packets; left out of firmware to save flash.
            if usize::BITS > 32 && !has_rules && !slot.is_special() && !is_fenced {
                if let Some(slot) = find_mut(parts.slots, id) {
                    self.stage_one(slot, 0);
                }
                end = Some(behind);
                continue;
            }
            match self.stage_special(parts, id, (peer, rare), (end.is_none(), is_fenced)) {
                Special::Staged(behind) => end = Some(behind),
                Special::Ended => {}
                Special::Alone => return Some(is_fenced),
                Special::Last => return None,
            }
        }
        None
    }

    /// Stages a packet with rare features, or for a server that does not accept every packet.
    #[cold]
    fn stage_special(
        &mut self,
        parts: &mut Parts<'_>,
        id: u16,
        (peer, rare): (&Peer, &Rare),
        (is_first, is_fenced): (bool, bool),
    ) -> Special {
        // On a link that leaves something out a server accepts everything, so this check comes first.
        // Few packets are marked; on 64-bit targets the others are skipped here.
        let may_be_it = || usize::BITS <= 32 || find(parts.slots, id).is_some_and(|slot| slot.marks.is_in_v5());
        if let Some(forms) = rare.forms.filter(|_| Version::KNOWS_BOTH_KINDS && may_be_it()) {
            (forms.reduce_request)(self, parts, id);
        }
        let Some(slot) = find(parts.slots, id) else { return Special::Last };
        let outside = Self::outside_length(parts, slot);
        let cause = match peer.refuses(slot, parts.arena, (slot.length + outside) as usize) {
            None if rare.time.is_some_and(|time| (time.expiring.is_expired)(slot, time.over)) => Some(Cause::Expired),
            cause => cause,
        };
        if let Some(cause) = cause {
            self.end(parts, id, cause);
            return Special::Ended;
        }
        let (is_in_v5, message) = (slot.marks.is_in_v5(), slot.marks.message());
        let is_alone =
            peer.has_aliases() && slot.kind.is_publish() || is_in_v5 || message.has_bytes_outside() || is_fenced;
        if is_alone && !is_first || is_fenced && !rare.may_fence {
            return Special::Last;
        }
        if let Some(time) = rare.time {
            (time.expiring.write_time_left)(parts.arena, slot, time, self.version);
        }
        let Some(slot) = find_mut(parts.slots, id) else { return Special::Last };
        let behind = slot.position + slot.length;
        self.stage_one(slot, outside);
        self.run.is_streamed = message.has(MessageMarks::STREAMED);
        if is_in_v5 {
            self.run.gap = TO_BE_FOUND;
        }
        match is_alone {
            true => Special::Alone,
            false => Special::Staged(behind),
        }
    }

    /// Appends a packet to the run; `outside`: its bytes outside the arena.
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    fn stage_one(&mut self, slot: &mut SendSlot, outside: u32) {
        if self.run.left == 0 {
            self.run = Run::new(slot.id(), 0);
        }
        self.run.left += slot.length + outside;
        self.set_progress(slot, slot.progress.reached(Reach::Staged));
        if self.next == slot.id() {
            self.next = slot.next;
        } else {
            self.bypass.set(slot.id());
        }
    }

    /// Returns the next packet in order that may be sent: any packet while there is send quota and its record is
    /// durable; otherwise one that needs neither.
    fn next_sendable<'a>(&mut self, slots: &'a [SendSlot], window: u16) -> Option<&'a SendSlot> {
        while let Some(slot) = find(slots, self.next) {
            if slot.progress.is_waiting() && slot.kind != Kind::Ack && self.may_carry(slot) {
                let is_closed = self.in_flight >= window.into(); // [MQTT-3.3.4-7] [MQTT-4.9.0-2]
                let is_blocked = slot.kind.is_windowed() && (is_closed || slot.waits_for_record())
                    || self.holds_messages && slot.kind.is_publish();
                return if is_blocked { self.next_unwindowed(slots) } else { Some(slot) };
            }
            self.bypass.step_aside(slot.id(), 0);
            self.next = slot.next;
        }
        self.bypass = Cursor::NONE;
        None
    }

    /// Returns the next packet that needs no send quota `[MQTT-3.3.4-8]` `[MQTT-4.9.0-3]`. Behind staged packets only
    /// the next one is checked, since no other is contiguous with them: the search for others is done once, after these
    /// were sent.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn next_unwindowed<'a>(&mut self, slots: &'a [SendSlot]) -> Option<&'a SendSlot> {
        let passed = find(slots, self.bypass.get()).or_else(|| find(slots, self.next))?;
        self.bypass.set(passed.id());
        let from = passed.next;
        for slot in iter_from(slots, from) {
            let needs_no_unit = slot.kind == Kind::Publish0 && !self.holds_messages || slot.kind.is_request();
            if slot.progress.is_waiting() && needs_no_unit && self.may_carry(slot) {
                return Some(slot);
            }
            if MAY_GROW && self.run.left > 0 {
                break;
            }
            self.bypass.set(slot.id());
        }
        None
    }

    /// Returns whether the version in force may carry this packet: not one that needs 5.0.
    pub(super) fn may_carry(&self, slot: &SendSlot) -> bool {
        self.version.has_properties() || !slot.marks.message().has(MessageMarks::NEEDS_V5)
    }

    /// Returns the bytes that the transport is to take now.
    pub(crate) fn chunk<'a>(&self, parts: &'a Parts<'_>) -> &'a [u8] {
        let Some(slot) = find(parts.slots, self.run.id) else { return &[] };
        let (Run { offset, left, .. }, gap) = (self.run, self.run.gap());
        if offset < slot.length {
            let is_outside = slot.marks.message().has_bytes_outside();
            let end = if offset < gap {
                gap
            } else if is_outside {
                slot.length
            } else {
                offset + left
            };
            part(parts.arena, (slot.position + offset) as usize, (slot.position + end) as usize)
        } else if !cfg!(feature = "bytes") {
            &[] // the application has it
        } else {
            let payload = parts.payloads.get(place(parts.slots, slot.id()));
            part(payload, (offset - slot.length) as usize, payload.len())
        }
    }

    /// Returns the payload that the application must supply now: the handle of its message, the offset and the
    /// remaining bytes. Everything before it was sent.
    pub(crate) fn payload_request(&self, slots: &[SendSlot]) -> Option<(u64, u32, u32)> {
        let slot = find(slots, self.run.id).filter(|slot| self.run.is_streamed && self.run.offset >= slot.length)?;
        Some((slot.handle, self.run.offset - slot.length, self.run.left))
    }

    /// Returns how many bytes of the run are in the arena, up to the first that the application supplies.
    pub(crate) fn run_here(&self, parts: &Parts<'_>) -> usize {
        let slot = find(parts.slots, self.run.id).filter(|_| self.run.is_streamed);
        let outside = slot.map_or(0, |slot| Self::outside_length(parts, slot));
        self.run.left.saturating_sub(outside) as usize
    }

    /// Returns the identifier of this message, if the application may abandon it: it is streamed and not waiting for
    /// its acknowledgement. A QoS 2 message that the server may have is excluded: its identifier cannot be reused until
    /// the session ends.
    pub(crate) fn abandonable(slots: &[SendSlot], handle: Handle) -> Option<u16> {
        let is_it = |slot: &&SendSlot| {
            slot.marks.message().has(MessageMarks::STREAMED)
                && !slot.progress.is_out()
                && !(slot.kind == Kind::Publish2 && slot.progress.known() == Known::Whole)
        };
        find_handle(slots, handle).filter(is_it).map(SendSlot::id)
    }

    /// Returns whether this packet is partly sent.
    pub(crate) fn is_begun(&self, slots: &[SendSlot], id: u16) -> bool {
        self.run.id == id && self.is_inside_packet(slots)
    }

    /// Returns whether the application supplies the payload of the partly sent packet.
    pub(crate) fn is_inside_streamed(&self, slots: &[SendSlot]) -> bool {
        self.run.is_streamed && self.is_inside_packet(slots)
    }

    /// Abandons a message for which [`abandonable`](Self::abandonable) returned an identifier.
    pub(crate) fn abandon(&mut self, parts: &mut Parts<'_>, id: u16) {
        self.unstage(parts.slots);
        if self.run.id == id {
            self.run = Run::NONE; // partly sent
        }
        self.end(parts, id, Cause::Abandoned);
    }

    /// Notes that the transport took `count` bytes of the run; returns whether a packet began or ended in them.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn advance(&mut self, parts: &mut Parts<'_>, count: usize) -> bool {
        let mut count = count.min(self.run_left()) as u32;
        let mut moved = false;
        if fast_path::is_open(parts) {
            let taken = self.take_usual(parts.slots, count);
            count -= taken;
            moved = taken > 0;
        }
        while count > 0 {
            let Some(slot) = find(parts.slots, self.run.id) else { break };
            let outside = if slot.is_special() { Self::outside_length(parts, slot) } else { 0 };
            let Some(slot) = find_mut(parts.slots, self.run.id) else { break };
            let length = slot.length + outside;
            let is_before_gap = self.run.offset < self.run.gap();
            let step = count.min(if is_before_gap { self.run.gap } else { length } - self.run.offset);
            count -= step;
            self.run.left -= step;
            self.run.offset += step;
            if is_before_gap && self.run.offset == self.run.gap {
                self.run.offset = length - self.run.left; // a packet with a gap is a run of its own
            }
            let is_whole = self.run.offset == length;
            let (id, kind, next) = (slot.id(), slot.kind, slot.next);
            moved |= is_whole || !slot.progress.has_begun();
            self.note_taken(slot, is_whole && kind.is_windowed());
            if is_whole {
                self.run = Run::new(if self.run.left > 0 { next } else { 0 }, self.run.left);
                if !kind.is_windowed() {
                    self.packet_sent(parts, id, kind);
                }
            }
        }
        moved
    }

    /// Notes that the transport took bytes of a staged packet; its last ones, if `is_out`.
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn note_taken(&mut self, slot: &mut SendSlot, is_out: bool) {
        self.take(slot, !slot.progress.has_begun(), is_out);
    }

    /// Like [`note_taken`](Self::note_taken); `begins` if the first byte is among them.
    #[inline(always)]
    pub(super) fn take(&mut self, slot: &mut SendSlot, begins: bool, is_out: bool) {
        debug_assert_eq!(begins, !slot.progress.has_begun());
        if begins {
            slot.count_attempt();
        }
        self.move_on(slot, slot.progress.reached(if is_out { Reach::Out } else { Reach::Begun }));
    }

    /// Skips the first `skip` bytes of the staged packet, which bytes of the control area replace.
    pub(crate) fn skip(&mut self, skip: usize) {
        self.run.offset += skip as u32;
        self.run.left -= skip as u32;
    }

    /// Returns the bytes of the staged packet in the arena, if it is a single PUBLISH that is not partly sent.
    pub(crate) fn staged_publish<'a>(&self, slots: &[SendSlot], arena: &'a [u8]) -> Option<&'a [u8]> {
        let slot = find(slots, self.run.id).filter(|slot| slot.kind.is_publish() && self.run.offset == 0)?;
        let start = slot.position as usize;
        arena.get(start..start + slot.length as usize)
    }

    /// Notes that bytes that replace the start of the staged packet were taken: it counts as partly sent.
    pub(crate) fn prefix_taken(&mut self, slots: &mut [SendSlot]) {
        if let Some(slot) = find_mut(slots, self.run.id) {
            self.note_taken(slot, false);
        }
    }

    /// Handles a completely sent packet of a kind that is not kept unchanged for an acknowledgement.
    fn packet_sent(&mut self, parts: &mut Parts<'_>, id: u16, kind: Kind) {
        if kind.is_request() {
            if let Some(&SendSlot { progress, detail, .. }) = find(parts.slots, id) {
                self.relist(parts, id, progress.reached(Reach::Out), detail);
            }
            return;
        }
        let Handle(handle) = self.finish(parts, id);
        if kind == Kind::Publish0 {
            self.left = handle;
        }
    }

    /// Stages a stored acknowledgement, whose turn has come.
    pub(crate) fn stage_ack(&mut self, slots: &mut [SendSlot], id: u16) {
        if let Some(slot) = find_mut(slots, id) {
            self.set_progress(slot, slot.progress.reached(Reach::Staged));
            self.run = Run::new(id, slot.length);
        }
    }

    /// Takes back staged packets that are not partly sent, so that they can be changed or dropped. If bytes of the
    /// control area replace the start of the packet, none of them may have been taken, and the caller drops them as
    /// well.
    pub(crate) fn unstage(&mut self, slots: &mut [SendSlot]) {
        let Some(current) = find(slots, self.run.id).filter(|slot| slot.kind != Kind::Ack) else { return };
        let mut id = current.id();
        if current.progress.reach() != Reach::Begun {
            self.run = Run { was_taken_back: true, ..Run::NONE };
        } else {
            id = current.next;
            self.keep_current(current);
        }
        if let Some(first) = find(slots, id).filter(|slot| slot.progress.reach() == Reach::Staged) {
            self.step_back(slots, id, first.handle);
        }
        // The search for packets that need no send quota starts again from the first such packet; in small queues from
        // the start.
        let mut looked_at = find(slots, self.bypass.get()).map_or(0, |slot| slot.handle);
        if looked_at == 0 {
            self.bypass = Cursor::NONE;
        }
        while let Some(slot) = find_mut(slots, id).filter(|slot| slot.progress.reach() == Reach::Staged) {
            id = slot.next;
            self.set_progress(slot, slot.progress.reached(Reach::Waiting));
            self.note_expiry(slot.expiry());
            if MAY_GROW && !slot.kind.is_windowed() && slot.handle <= looked_at {
                self.bypass.set(slot.previous);
                looked_at = 0;
            }
        }
    }

    /// Restricts sending to the rest of the partly sent packet.
    pub(crate) fn keep_partial_packet(&mut self, slots: &[SendSlot]) {
        match find(slots, self.run.id).filter(|slot| slot.progress.reach() == Reach::Begun) {
            Some(slot) => self.keep_current(slot),
            None => self.run = Run::NONE,
        }
    }

    /// Ends the run with the packet that is being sent. A packet with bytes outside the arena or with skipped ones is a
    /// run of its own.
    fn keep_current(&mut self, slot: &SendSlot) {
        if !slot.marks.message().has_bytes_outside() && self.run.gap() == 0 {
            self.run.left = slot.length - self.run.offset;
        }
    }

    /// Moves the cursor back, so that it visits the packet `id` again.
    pub(super) fn step_back(&mut self, slots: &[SendSlot], id: u16, handle: u64) {
        if find(slots, self.next).is_none_or(|slot| slot.handle > handle) {
            self.next = id;
        }
    }
}
