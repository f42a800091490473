//! What the journal is owed of messages from the server: [`owed`](super::owed) in the other direction.
//!
//! Every function that may change a slot says so with [`Incoming::note_change`]; whether there is anything to record is found by comparison. One slot is
//! remembered, since a call rarely changes more; if several were, all are looked through.

use crate::session::incoming::Incoming;
use crate::storage::inbox::{at, lookup, unlink};
use crate::storage::{Fact, JournalPart, Notes, ReceiveSlot, ReceiveState, Record};

/// Which slots may owe the journal a record is not known: it is to be looked for.
const SEVERAL: u16 = u16::MAX;

impl ReceiveSlot {
    /// Nothing is left of the message but the record of its end.
    pub(super) const fn is_ended(&self) -> bool {
        cfg!(feature = "journal") && matches!(self.state, ReceiveState::Ended)
    }

    /// The log, as far as it is durable, takes the message for received.
    pub(super) fn owes_end(&self) -> bool {
        self.notes.is_kept() && (self.notes.noted() != Fact::Nothing || self.notes.is_pending())
    }
}

impl Incoming {
    /// The slot that this link leads to may owe the journal a record.
    #[inline(always)]
    pub(crate) fn note_change(&mut self, inbox: &mut [ReceiveSlot], link: u16) {
        if cfg!(feature = "journal") && at(inbox, link).is_some_and(|slot| slot.notes.is_kept()) {
            self.changed = if self.changed == 0 || self.changed == link { link } else { SEVERAL };
        }
    }

    /// The message at QoS 1 that is next of those, if only records hold up what is before it: PUBACK depends on none. With the link to the one before it.
    #[inline(always)]
    pub(super) fn overtaking<'a>(&self, inbox: &'a mut [ReceiveSlot]) -> Option<(u16, &'a mut ReceiveSlot)> {
        if !cfg!(feature = "journal") || !at(inbox, self.owed.first).is_some_and(|slot| slot.waits_for_record()) {
            return None;
        }
        let (mut before, mut link) = (0, self.owed.first);
        while let Some(slot) = at(inbox, link).filter(|slot| slot.acknowledged) {
            if slot.state == ReceiveState::AtLeastOnce {
                return at(inbox, link).map(|slot| (before, slot));
            }
            (before, link) = (link, slot.next);
        }
        None
    }

    /// Takes it out of the queue, and gives the link to it.
    pub(super) fn take_overtaking(&mut self, inbox: &mut [ReceiveSlot]) -> u16 {
        let Some((before, slot)) = self.overtaking(inbox) else { return 0 };
        let next = core::mem::take(&mut slot.next);
        let Some(slot) = at(inbox, before) else { return 0 };
        let link = core::mem::replace(&mut slot.next, next);
        if next == 0 {
            self.owed.last = before;
        }
        link
    }

    /// Keeps the slot of a message that is over, until the record of its end is durable: until then the identifier may not be taken for another's.
    pub(super) fn keep_ended(&mut self, inbox: &mut [ReceiveSlot], link: u16) {
        let Some(slot) = at(inbox, link) else { return };
        let is_counted = matches!(slot.state, ReceiveState::Completing | ReceiveState::Ended);
        self.freeable += u16::from(!is_counted);
        self.old += u16::from(!slot.is_old);
        (slot.is_old, slot.owed, slot.acknowledged, slot.extra) = (true, false, true, 0);
        slot.state = ReceiveState::Ended;
        self.note_change(inbox, link);
    }

    /// The slot of a message with this identifier that is over but for its record; 0 if there is none.
    pub(super) fn ended(inbox: &mut [ReceiveSlot], id: u16) -> u16 {
        if !cfg!(feature = "journal") {
            return 0;
        }
        let link = lookup(inbox, id);
        if at(inbox, link).is_some_and(|slot| slot.is_ended()) { link } else { 0 }
    }

    /// Takes such a slot for a new message, which goes on with what the log says of the identifier.
    pub(super) fn revive(&mut self, inbox: &mut [ReceiveSlot], link: u16) -> Notes {
        unlink(inbox, link);
        (self.used, self.old, self.freeable) = (self.used - 1, self.old - 1, self.freeable - 1);
        at(inbox, link).map_or(Notes::NONE, |slot| slot.notes)
    }

    /// The version has no reasons: whatever the application refused counts as received once its PUBREC leaves.
    pub(crate) fn drop_reasons(&mut self, inbox: &mut [ReceiveSlot]) {
        if cfg!(feature = "journal") {
            inbox.iter_mut().for_each(|slot| slot.reason = 0);
            let is_any_kept = inbox.iter().any(|slot| slot.notes.is_kept());
            self.changed = if is_any_kept { SEVERAL } else { 0 };
        }
    }

    /// Encodes the records that slots owe; false if there is no room for all.
    pub(crate) fn gather(&mut self, inbox: &mut [ReceiveSlot], journal: &mut JournalPart<'_>) -> bool {
        match core::mem::take(&mut self.changed) {
            0 => true,
            SEVERAL => (1..=inbox.len() as u16).all(|link| self.gather_one(inbox, link, journal)),
            link => self.gather_one(inbox, link, journal),
        }
    }

    /// Whether the log is to be told of this message.
    fn owes_record(&self, slot: &ReceiveSlot) -> bool {
        slot.fact() != slot.notes.noted() && !self.is_held_back(slot)
    }

    /// The application has acknowledged a message of an earlier link's while the session is in doubt. Unless the doubt ends with the old session it is given up
    /// with this link; behind the record of the doubt it would seem to be of the session that may have begun.
    pub(crate) fn is_held_back(&self, slot: &ReceiveSlot) -> bool {
        self.is_doubtful() && slot.is_old && slot.fact() == Fact::Received && slot.notes.noted() != Fact::Received
    }

    fn gather_one(&mut self, inbox: &mut [ReceiveSlot], link: u16, journal: &mut JournalPart<'_>) -> bool {
        let Some(slot) = at(inbox, link).filter(|slot| self.owes_record(slot)) else { return true };
        let (id, fact) = (slot.id, slot.fact());
        let record = if fact == Fact::Received { Record::Received(id) } else { Record::Completed(id) };
        let is_put = journal.put(&record);
        match is_put {
            true => slot.notes.note(fact),
            false => self.changed = SEVERAL,
        }
        is_put
    }

    /// The log says that a link was accepted in doubt: what was received before may be of another session.
    #[cfg_attr(not(feature = "journal"), allow(dead_code, reason = "nothing is recovered then"))]
    pub(crate) fn note_doubt(inbox: &mut [ReceiveSlot]) {
        inbox.iter_mut().for_each(|slot| slot.notes.set_doubted());
    }

    /// That link is over, and another one is accepted: nothing tells repetitions of a new session from those of the old one.
    pub(crate) fn give_up_doubted(&mut self, inbox: &mut [ReceiveSlot]) {
        self.give_up(inbox, |slot| slot.notes.is_doubted());
    }

    /// What was [held back](Self::is_held_back) is of the session that goes on, or was given up.
    pub(super) const fn let_go_on(&mut self) {
        if cfg!(feature = "journal") {
            self.changed = SEVERAL;
        }
    }

    /// Whether the record of this message stands before that of the doubt.
    #[cfg_attr(not(feature = "journal"), allow(dead_code, reason = "nothing is written then"))]
    pub(crate) const fn is_doubted(&self, slot: &ReceiveSlot) -> bool {
        slot.notes.is_doubted() || self.is_doubtful() && slot.is_old
    }

    /// Whether every slot that differs from the log will be looked at.
    #[cfg(all(test, feature = "journal"))]
    pub(crate) fn owes_what_differs(&self, inbox: &[ReceiveSlot]) -> bool {
        let is_noticed = |link: usize| usize::from(self.changed) == link || self.changed == SEVERAL;
        inbox.iter().zip(1..).all(|(slot, link)| is_noticed(link) || !self.owes_record(slot))
    }
}
