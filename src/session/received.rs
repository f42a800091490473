//! Records of messages from the server that are due for the journal: [`owed`](super::owed) in the other direction.
//!
//! Every function that may change a slot calls [`Incoming::note_change`]; a comparison then finds whether there is
//! anything to record. One changed slot is remembered, since a call rarely changes more; after several changes, all
//! slots are checked.

use crate::session::incoming::Incoming;
use crate::storage::inbox::{at, lookup, unlink};
use crate::storage::{Fact, JournalPart, Notes, ReceiveSlot, ReceiveState, Record};

/// Several slots may have a due record: all are to be checked.
const SEVERAL: u16 = u16::MAX;

impl ReceiveSlot {
    /// Returns whether the message is finished, except for the record of its end.
    pub(super) const fn is_ended(&self) -> bool {
        cfg!(feature = "journal") && matches!(self.state, ReceiveState::Ended)
    }

    /// Returns whether the durable part of the log still contains the message as received.
    pub(super) fn owes_end(&self) -> bool {
        self.notes.is_kept() && (self.notes.noted() != Fact::Nothing || self.notes.is_pending())
    }
}

impl Incoming {
    /// Notes that the slot of this link may have a due record.
    #[inline(always)]
    pub(crate) fn note_change(&mut self, inbox: &mut [ReceiveSlot], link: u16) {
        if cfg!(feature = "journal") && at(inbox, link).is_some_and(|slot| slot.notes.is_kept()) {
            self.changed = if self.changed == 0 || self.changed == link { link } else { SEVERAL };
        }
    }

    /// Returns the next message at QoS 1 with the link to the one before it, if only missing records hold up the
    /// messages before it: PUBACK depends on no record.
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

    /// Removes that message from the queue, and returns its link.
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

    /// Keeps the slot of a finished message until the record of its end is durable: until then its identifier must not
    /// be taken for that of another message.
    pub(super) fn keep_ended(&mut self, inbox: &mut [ReceiveSlot], link: u16) {
        let Some(slot) = at(inbox, link) else { return };
        let is_counted = matches!(slot.state, ReceiveState::Completing | ReceiveState::Ended);
        self.freeable += u16::from(!is_counted);
        self.old += u16::from(!slot.is_old);
        (slot.is_old, slot.owed, slot.acknowledged, slot.extra) = (true, false, true, 0);
        slot.state = ReceiveState::Ended;
        self.note_change(inbox, link);
    }

    /// Returns the slot of a finished message with this identifier whose record is not durable; 0 if there is none.
    pub(super) fn ended(inbox: &mut [ReceiveSlot], id: u16) -> u16 {
        if !cfg!(feature = "journal") {
            return 0;
        }
        let link = lookup(inbox, id);
        if at(inbox, link).is_some_and(|slot| slot.is_ended()) { link } else { 0 }
    }

    /// Reuses such a slot for a new message, which keeps what the log says of the identifier.
    pub(super) fn revive(&mut self, inbox: &mut [ReceiveSlot], link: u16) -> Notes {
        unlink(inbox, link);
        (self.used, self.old, self.freeable) = (self.used - 1, self.old - 1, self.freeable - 1);
        at(inbox, link).map_or(Notes::NONE, |slot| slot.notes)
    }

    /// For a version without reasons: messages that the application refused count as received once PUBREC is sent.
    pub(crate) fn drop_reasons(&mut self, inbox: &mut [ReceiveSlot]) {
        if cfg!(feature = "journal") {
            inbox.iter_mut().for_each(|slot| slot.reason = 0);
            let is_any_kept = inbox.iter().any(|slot| slot.notes.is_kept());
            self.changed = if is_any_kept { SEVERAL } else { 0 };
        }
    }

    /// Encodes the due records; returns false if there is no room for all.
    pub(crate) fn gather(&mut self, inbox: &mut [ReceiveSlot], journal: &mut JournalPart<'_>) -> bool {
        match core::mem::take(&mut self.changed) {
            0 => true,
            SEVERAL => (1..=inbox.len() as u16).all(|link| self.gather_one(inbox, link, journal)),
            link => self.gather_one(inbox, link, journal),
        }
    }

    /// Returns whether this message has a due record.
    fn owes_record(&self, slot: &ReceiveSlot) -> bool {
        slot.fact() != slot.notes.noted() && !self.is_held_back(slot)
    }

    /// Returns whether the record of this message must wait: the application has acknowledged a message of an earlier
    /// link while the session is in doubt. Unless the server shows that it holds the old session, the message is given
    /// up with this link; a record behind that of the doubt would assign it to the new session that may have begun.
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

    /// Notes that the log says that a link was accepted in doubt: messages received before may belong to another
    /// session.
    #[cfg_attr(not(feature = "journal"), allow(dead_code, reason = "nothing is recovered then"))]
    pub(crate) fn note_doubt(inbox: &mut [ReceiveSlot]) {
        inbox.iter_mut().for_each(|slot| slot.notes.set_doubted());
    }

    /// Gives up the messages of before the doubt when a further link is accepted: duplicates of a new session cannot be
    /// told from those of the old one any more.
    pub(crate) fn give_up_doubted(&mut self, inbox: &mut [ReceiveSlot]) {
        self.give_up(inbox, |slot| slot.notes.is_doubted());
    }

    /// Ends the [holding back](Self::is_held_back) of records: the messages belong to the session that continues, or
    /// were given up.
    pub(super) const fn let_go_on(&mut self) {
        if cfg!(feature = "journal") {
            self.changed = SEVERAL;
        }
    }

    /// Returns whether the record of this message precedes that of the doubt.
    #[cfg_attr(not(feature = "journal"), allow(dead_code, reason = "nothing is written then"))]
    pub(crate) const fn is_doubted(&self, slot: &ReceiveSlot) -> bool {
        slot.notes.is_doubted() || self.is_doubtful() && slot.is_old
    }

    /// Returns whether every slot that differs from the log will be checked.
    #[cfg(all(test, feature = "journal"))]
    pub(crate) fn owes_what_differs(&self, inbox: &[ReceiveSlot]) -> bool {
        let is_noticed = |link: usize| usize::from(self.changed) == link || self.changed == SEVERAL;
        inbox.iter().zip(1..).all(|(slot, link)| is_noticed(link) || !self.owes_record(slot))
    }
}
