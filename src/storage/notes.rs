//! What the journal contains about a packet, to be compared with its present state. If the two differ, a record is due.

/// The state of a packet that must survive a power failure. It is computed from the slot, never stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Fact {
    /// Nothing: the packet is finished, or of a kind that the journal does not keep.
    #[default]
    Nothing,
    /// A message was accepted and is to be sent.
    Accepted,
    /// PUBREC arrived for the message: from now on only PUBREL is sent.
    Released,
    /// A QoS 2 message from the server was delivered to the application, and PUBREL has not arrived.
    Received,
}

/// What the journal contains about a slot. All zeros: the journal does not keep this packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Notes(u8);

const NOTED: u8 = 0b11;
/// Set if the latest record of the slot is not durable.
const PENDING: u8 = 0b100;
/// Set if the slot is in the queue of slots with a record to be encoded.
const QUEUED: u8 = 0b1000;
/// Set if the journal keeps this packet.
const KEPT: u8 = 0b1_0000;
/// Set if the packet is finished, and only the record of that remains to be made.
const FINISHED: u8 = 0b10_0000;
/// Set if the packet replaced others, and is not in the log yet.
const AWAITED: u8 = 0b100_0000;

/// For a message from the server: set if it was received before a link that was accepted in doubt, which may have
/// continued another session.
const DOUBTED: u8 = QUEUED;

impl Notes {
    pub(crate) const NONE: Self = Self(0);

    /// Returns the notes of a new packet. Without the feature `journal` none is kept.
    pub(crate) const fn of_new(is_kept: bool) -> Self {
        Self(if cfg!(feature = "journal") && is_kept { KEPT } else { 0 })
    }

    /// Returns the notes of a packet whose fact is durable.
    #[cfg_attr(not(feature = "journal"), allow(dead_code, reason = "nothing is recovered then"))]
    pub(crate) fn of_durable(fact: impl FnOnce(Self) -> Fact) -> Self {
        let mut notes = Self::of_new(true);
        notes.assume(fact(notes));
        notes
    }

    pub(crate) const fn is_kept(self) -> bool {
        cfg!(feature = "journal") && self.0 & KEPT != 0
    }

    /// Returns the fact that follows from the log, including the records that are still to be written.
    pub(crate) const fn noted(self) -> Fact {
        match self.0 & NOTED {
            0 => Fact::Nothing,
            1 => Fact::Accepted,
            2 => Fact::Released,
            _ => Fact::Received,
        }
    }

    /// Notes that the record of this fact was put into the buffer.
    pub(crate) const fn note(&mut self, fact: Fact) {
        self.0 = self.0 & !(NOTED | AWAITED) | fact as u8 | PENDING;
    }

    /// Notes that this fact follows from a record about the whole session. Whether earlier records are durable does not
    /// change.
    pub(crate) const fn assume(&mut self, fact: Fact) {
        self.0 = self.0 & !NOTED | fact as u8;
    }

    /// Notes that the record of this fact is durable.
    #[cfg_attr(not(feature = "journal"), allow(dead_code, reason = "nothing is written then"))]
    pub(crate) fn confirm(&mut self, fact: Fact) {
        if self.noted() == fact {
            self.0 &= !PENDING;
        }
    }

    pub(crate) const fn is_pending(self) -> bool {
        self.0 & PENDING != 0
    }

    pub(crate) const fn is_queued(self) -> bool {
        self.0 & QUEUED != 0
    }

    pub(crate) const fn set_queued(&mut self, is_queued: bool) {
        self.0 = if is_queued { self.0 | QUEUED } else { self.0 & !QUEUED };
    }

    pub(crate) const fn is_doubted(self) -> bool {
        self.is_queued()
    }

    #[cfg_attr(not(feature = "journal"), allow(dead_code, reason = "nothing is recovered then"))]
    pub(crate) const fn set_doubted(&mut self) {
        self.0 |= DOUBTED;
    }

    pub(crate) const fn is_awaited(self) -> bool {
        self.0 & AWAITED != 0
    }

    pub(crate) const fn set_awaited(&mut self) {
        self.0 |= AWAITED;
    }

    pub(crate) const fn is_finished(self) -> bool {
        self.0 & FINISHED != 0
    }

    pub(crate) const fn set_finished(&mut self) {
        self.0 |= FINISHED;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_is_durable_once_its_own_record_is() {
        let mut notes = Notes::of_new(true);
        assert_eq!(notes.is_kept(), cfg!(feature = "journal"));
        notes.note(Fact::Accepted);
        notes.note(Fact::Released);
        notes.confirm(Fact::Accepted);
        assert!(notes.is_pending() && notes.noted() == Fact::Released);
        notes.confirm(Fact::Released);
        assert!(!notes.is_pending() && !notes.is_queued() && !notes.is_finished());
        notes.set_queued(true);
        notes.set_finished();
        notes.assume(Fact::Nothing);
        assert!(notes.is_queued() && notes.is_finished() && notes.noted() == Fact::Nothing);
        notes.set_queued(false);
        assert!(!notes.is_queued() && !notes.is_awaited());
        notes.set_awaited();
        assert!(notes.is_awaited());
        notes.note(Fact::Nothing);
        assert!(!notes.is_awaited() && notes.is_finished());
    }
}
