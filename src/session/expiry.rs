//! Messages whose time is over while they wait (§3.3.2.3.3).

use crate::copying::copy;
use crate::event::Cause;
use crate::session::list::find;
use crate::session::outgoing::Outgoing;
use crate::storage::{Parts, SendSlot};
use crate::types::Version;
use crate::wire::{Layout, ids, value_position};

/// The time in seconds, in which message expiry is counted, where there are messages that expire.
#[derive(Clone, Copy)]
pub(crate) struct Time {
    /// So many are over: a message whose second is among them has expired.
    pub(crate) over: u32,
    /// The one that a message accepted now starts with, so that none expires early.
    pub(crate) next: u32,
    pub(crate) expiring: &'static Expiring,
}

/// What deals with messages that expire. Reached through a pointer alone, so that firmware that publishes none doesn't carry it.
#[derive(Clone, Copy)]
pub(crate) struct Expiring {
    /// Ends the queued messages whose time is over in this second.
    pub(super) expire: fn(&mut Outgoing, &mut Parts<'_>, u32),
    /// This message is over in this second.
    pub(super) is_expired: fn(&SendSlot, u32) -> bool,
    /// Puts the seconds that are left into a message that expires and has been waiting.
    pub(super) write_time_left: fn(&mut [u8], &SendSlot, Time, Version),
}

/// There is only one.
pub(crate) static EXPIRING: Expiring = Expiring { expire, is_expired, write_time_left };

impl Outgoing {
    /// Ends the queued messages whose time is over.
    pub(crate) fn expire(&mut self, parts: &mut Parts<'_>, time: Time) {
        (time.expiring.expire)(self, parts, time.over);
    }

    /// Messages that were out wait again, and may expire.
    pub(crate) fn find_next_expiry(&mut self, slots: &[SendSlot]) {
        for slot in self.log.iter(slots).filter(|slot| slot.progress.is_waiting()) {
            self.note_expiry(slot.expiry());
        }
    }

    /// A message that waits may expire in this second.
    pub(crate) fn note_expiry(&mut self, second: u32) {
        if !matches!(second, 0 | u32::MAX) && (self.expiry == 0 || second < self.expiry) {
            self.expiry = second;
        }
    }

    /// The second in which the next queued message may expire; 0 for never.
    pub(crate) const fn next_expiry(&self) -> u32 {
        self.expiry
    }
}

/// A message that was never sent may expire; one that was is finished whatever the time `[MQTT-4.3.3-7]`.
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
    let is_for_ever = matches!(slot.detail.get(), 0 | u32::MAX); // beyond what is counted
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
