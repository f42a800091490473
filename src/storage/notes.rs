//! What the journal says of a packet, beside what is true of it. Where the two differ a record is owed.

/// What of a packet must survive a loss of power. It follows from the slot; nobody sets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Fact {
    /// Nothing: the packet is over, or it is of a kind that the journal doesn't keep.
    #[default]
    Nothing,
    /// A message was accepted, and is to be sent.
    Accepted,
    /// PUBREC came for it: only PUBREL is sent from here on.
    Released,
    /// The application has a QoS 2 message of the server's, and PUBREL has not come.
    Received,
}

/// What the journal says of a slot. All zeros: the journal doesn't keep this packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Notes(u8);

const NOTED: u8 = 0b11;
/// The latest record of the slot is not durable.
const PENDING: u8 = 0b100;
/// The slot stands in the queue of those that owe a record.
const QUEUED: u8 = 0b1000;
/// The slot has facts.
const KEPT: u8 = 0b1_0000;
/// Nothing is left of the packet but the record of its end.
const FINISHED: u8 = 0b10_0000;
/// The packet took the place of others, and the log doesn't know it yet.
const AWAITED: u8 = 0b100_0000;

/// Of a message from the server: it was received before a link was accepted of which nobody knows whether it went on with the same session.
const DOUBTED: u8 = QUEUED;

impl Notes {
    pub(crate) const NONE: Self = Self(0);

    /// Of a new packet. Without the feature `journal` there is nothing that keeps one.
    pub(crate) const fn of_new(is_kept: bool) -> Self {
        Self(if cfg!(feature = "journal") && is_kept { KEPT } else { 0 })
    }

    /// Of a packet whose fact is durable.
    #[cfg_attr(not(feature = "journal"), allow(dead_code, reason = "nothing is recovered then"))]
    pub(crate) fn of_durable(fact: impl FnOnce(Self) -> Fact) -> Self {
        let mut notes = Self::of_new(true);
        notes.assume(fact(notes));
        notes
    }

    pub(crate) const fn is_kept(self) -> bool {
        cfg!(feature = "journal") && self.0 & KEPT != 0
    }

    /// The fact that the log leads to, with the records that wait to be written.
    pub(crate) const fn noted(self) -> Fact {
        match self.0 & NOTED {
            0 => Fact::Nothing,
            1 => Fact::Accepted,
            2 => Fact::Released,
            _ => Fact::Received,
        }
    }

    /// The record of this fact was put into the buffer.
    pub(crate) const fn note(&mut self, fact: Fact) {
        self.0 = self.0 & !(NOTED | AWAITED) | fact as u8 | PENDING;
    }

    /// Another record, for the whole session, says this. Whether earlier records are durable stays as it was.
    pub(crate) const fn assume(&mut self, fact: Fact) {
        self.0 = self.0 & !NOTED | fact as u8;
    }

    /// The record of this fact is durable.
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
