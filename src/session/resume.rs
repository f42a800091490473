//! What happens to every packet when a link ends, and when a session ends.

use crate::event::Cause;
use crate::session::list::{Cursor, find, find_mut};
use crate::session::outgoing::Outgoing;
use crate::session::run::Run;
use crate::storage::{Kind, Known, Parts, SendSlot, Watcher};
use crate::wire::DUP;

/// What was done with unfinished messages because their session was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Loss {
    pub(crate) republished: u32,
    pub(crate) aborted: u32,
    pub(crate) completed: u32,
}

impl Outgoing {
    /// Handles the end of a link.
    ///
    /// | it was | it becomes |
    /// |---|---|
    /// | QoS 1 or 2 PUBLISH, sent or partly sent | to be sent again in its old place `[MQTT-4.6.0-1]`, DUP set `[MQTT-3.3.1-1]` |
    /// | unsent PUBLISH | unchanged |
    /// | QoS 0 PUBLISH, partly sent | removed `[MQTT-4.3.1-1]` |
    /// | PUBREL sent | to be sent again, in the order of PUBREC `[MQTT-4.4.0-1]` `[MQTT-4.6.0-4]` |
    /// | SUBSCRIBE or UNSUBSCRIBE, sent or partly sent | finished, with the outcome `LinkLost` |
    /// | a stored PUBACK or PUBREC | removed: it becomes pending again when the message arrives again |
    pub(crate) fn link_lost(&mut self, parts: &mut Parts<'_>) {
        (self.run, self.in_flight) = (Run::NONE, 0);
        let mut id = self.log.first();
        while let Some(slot) = find_mut(parts.slots, id) {
            let (this, kind, is_known) = (id, slot.kind, slot.progress.is_known());
            id = slot.next;
            begin_anew(slot);
            if is_known && kind.is_windowed() {
                mark_dup(parts.arena, slot);
            } else if is_known || kind == Kind::Ack {
                if kind == Kind::Publish0 {
                    self.left = slot.handle;
                }
                self.end(parts, this, Cause::LinkLost);
            } else {
                self.note_expiry(slot.expiry());
            }
        }
        self.next = self.log.first();
        self.bypass = Cursor::NONE;
        while let Some(slot) = find(parts.slots, self.requests.first()) {
            self.end(parts, slot.id(), Cause::LinkLost);
        }
        self.reset_releases(parts.slots);
    }

    /// Marks all PUBRELs to be sent again; each holds a unit of the new link's send quota until its PUBCOMP.
    fn reset_releases(&mut self, slots: &mut [SendSlot]) {
        (self.release, self.staged_release) = (self.released.first(), 0);
        let mut id = self.release;
        while let Some(slot) = find_mut(slots, id) {
            id = slot.next;
            begin_anew(slot);
            self.in_flight += u32::from(slot.holds_unit());
        }
    }

    /// Handles the loss of the session: the server does not hold it (any more), or a clean start discarded it. A
    /// message after PUBREC counts as completed: the server had taken it. A message that was sent or partly sent is
    /// republished (DUP=0) or aborted. An unsent message stays queued.
    pub(crate) fn session_lost(&mut self, parts: &mut Parts<'_>, republish: bool) -> Loss {
        let mut loss = Loss::default();
        while let Some(slot) = find(parts.slots, self.released.first()) {
            loss.completed += u32::from(slot.kind == Kind::Publish2);
            self.end(parts, slot.id(), Cause::Released);
        }
        self.forget_search(parts);
        let mut id = self.log.first();
        while let Some(slot) = find_mut(parts.slots, id) {
            let this = id;
            id = slot.next;
            if !slot.progress.is_known() || !slot.kind.is_windowed() {
                continue;
            }
            if republish {
                slot.progress = slot.progress.knowing(Known::No);
                clear_dup(parts.arena, slot);
                loss.republished += 1;
            } else {
                self.end(parts, this, Cause::SessionLost);
                loss.aborted += 1;
            }
        }
        loss
    }

    /// Returns the handle of the last QoS 1 or 2 message that was sent or partly sent in this session; 0 if there is
    /// none.
    pub(crate) fn last_begun(&self, slots: &[SendSlot]) -> u64 {
        let begun = self.log.iter(slots).filter(|slot| slot.kind.is_windowed() && slot.progress.is_known());
        begun.map(|slot| slot.handle).max().unwrap_or_default()
    }

    /// Ends every packet, sent or not.
    pub(crate) fn forget(&mut self, parts: &mut Parts<'_>) {
        for list in [self.released, self.requests, self.log] {
            let mut id = list.first();
            while let Some(slot) = find(parts.slots, id) {
                let this = id;
                id = slot.next;
                self.end(parts, this, Cause::Discarded);
            }
        }
    }
}

/// Sets a packet to be sent from its start on a new link. One that was to be sent again on the old link counts as sent
/// there.
fn begin_anew(slot: &mut SendSlot) {
    if slot.progress.was_seen_by(Watcher::Retry) {
        slot.attempts = slot.attempts();
    }
    slot.progress = slot.progress.on_new_link();
}

/// Sets DUP in an encoded PUBLISH.
pub(super) fn mark_dup(arena: &mut [u8], slot: &SendSlot) {
    if let Some(first) = arena.get_mut(slot.position as usize) {
        *first |= DUP;
    }
}

fn clear_dup(arena: &mut [u8], slot: &SendSlot) {
    if let Some(first) = arena.get_mut(slot.position as usize) {
        *first &= !DUP;
    }
}
