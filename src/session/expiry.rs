//! Expiry of queued messages (§3.3.2.3.3).

use crate::copying::copy;
use crate::event::Cause;
use crate::session::list::find;
use crate::session::outgoing::Outgoing;
use crate::storage::{Parts, SendSlot};
use crate::types::Version;
use crate::wire::{Layout, ids, value_position};

/// The time in seconds for message expiry; used only if there are messages that expire.
#[derive(Clone, Copy)]
pub(crate) struct Time {
    /// The current second: a message has expired if its second is not later.
    pub(crate) over: u32,
    /// The second from which the expiry of a message accepted now is counted, so that none expires early.
    pub(crate) next: u32,
    pub(crate) expiring: &'static Expiring,
}

/// The functions for messages that expire, behind a pointer, so that firmware that publishes none does not link them.
#[derive(Clone, Copy)]
pub(crate) struct Expiring {
    /// Ends the queued messages that have expired by this second.
    pub(super) expire: fn(&mut Outgoing, &mut Parts<'_>, u32),
    /// Returns whether this message has expired by this second.
    pub(super) is_expired: fn(&SendSlot, u32) -> bool,
    /// Writes the remaining seconds into a message that expires and was queued.
    pub(super) write_time_left: fn(&mut [u8], &SendSlot, Time, Version),
}

/// The only instance.
pub(crate) static EXPIRING: Expiring = Expiring { expire, is_expired, write_time_left };

impl Outgoing {
    /// Ends the queued messages that have expired.
    pub(crate) fn expire(&mut self, parts: &mut Parts<'_>, time: Time) {
        (time.expiring.expire)(self, parts, time.over);
    }

    /// Finds the next expiry again, after messages in flight were queued again.
    pub(crate) fn find_next_expiry(&mut self, slots: &[SendSlot]) {
        for slot in self.log.iter(slots).filter(|slot| slot.progress.is_waiting()) {
            self.note_expiry(slot.expiry());
        }
    }

    /// Notes that a queued message may expire in this second.
    pub(crate) fn note_expiry(&mut self, second: u32) {
        if !matches!(second, 0 | u32::MAX) && (self.expiry == 0 || second < self.expiry) {
            self.expiry = second;
        }
    }

    /// Returns the second in which the next queued message may expire; 0 for never.
    pub(crate) const fn next_expiry(&self) -> u32 {
        self.expiry
    }
}

/// Returns whether a message has expired. One that was sent or partly sent does not expire `[MQTT-4.3.3-7]`.
fn is_expired(slot: &SendSlot, second: u32) -> bool {
    !matches!(slot.expiry(), 0 | u32::MAX) && slot.expiry() <= second
}

fn expire(outgoing: &mut Outgoing, parts: &mut Parts<'_>, second: u32) {
    outgoing.expiry = 0;
    let mut id = outgoing.log.first();
    while let Some(slot) = find(parts.slots, id) {
        let (this, expiry, is_over) = (id, slot.expiry(), is_expired(slot, second));
        let waits = slot.progress.is_waiting();
        id = slot.next;
        if waits && is_over {
            outgoing.end(parts, this, Cause::Expired);
        } else if waits {
            outgoing.note_expiry(expiry);
        }
    }
}

fn write_time_left(arena: &mut [u8], slot: &SendSlot, time: Time, version: Version) {
    let is_for_ever = matches!(slot.detail.get(), 0 | u32::MAX); // more than can be counted
    if is_for_ever || !slot.kind.is_publish() || !version.has_properties() {
        return;
    }
    let start = slot.position as usize;
    let Some(frame) = arena.get_mut(start..start + slot.length as usize) else { return };
    let layout = Layout::of(frame, version);
    let block = frame.get_mut(layout.block..layout.rest).unwrap_or_default();
    let Some(position) = value_position(block, ids::MessageExpiryInterval) else { return };
    if let Some(place) = block.get_mut(position..position + 4) {
        copy(&slot.detail.get().saturating_sub(time.next).max(1).to_be_bytes(), place);
    }
}
