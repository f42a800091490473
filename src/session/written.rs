//! Updates the session when records become durable.

use crate::session::incoming::Incoming;
use crate::session::list::find_mut;
use crate::storage::inbox::{at, lookup};
use crate::storage::{Fact, ReceiveSlot, SendSlot, Written};

/// Notes that a record is durable: packets that depend on it may be sent.
pub(crate) fn note_written(slots: &mut [SendSlot], incoming: &mut Incoming, inbox: &mut [ReceiveSlot], of: Written) {
    let (id, fact) = match of {
        Written::Accepted(handle) if find_mut(slots, handle as u16).is_none_or(|slot| slot.handle != handle) => return,
        Written::Accepted(handle) => (handle as u16, Fact::Accepted),
        Written::Released(id) => (id, Fact::Released),
        Written::Done(id) => (id, Fact::Nothing),
        Written::Received(id) => return incoming.confirm(inbox, id, Fact::Received),
        Written::Completed(id) => return incoming.confirm(inbox, id, Fact::Nothing),
        Written::Other => return,
    };
    if let Some(slot) = find_mut(slots, id) {
        slot.notes.confirm(fact);
    }
}

impl Incoming {
    /// Notes that the record of this fact about the message with this identifier is durable.
    fn confirm(&mut self, inbox: &mut [ReceiveSlot], id: u16, fact: Fact) {
        let link = lookup(inbox, id);
        let Some(slot) = at(inbox, link) else { return };
        slot.notes.confirm(fact);
        if slot.is_ended() && !slot.owes_end() {
            self.free(inbox, link);
        }
    }
}
