//! Snapshots: the shortest log that restores a connection.

use crate::connection::Connection;
use crate::session::{flags_of, stub};
use crate::storage::{
    Books, MessageMarks, ReceiveSlot, Record, START, SendSlot, SessionFact, Stands, Storage, View, checksum,
};

impl<S: Storage> Connection<S> {
    /// Writes a log of the present state, in several calls of `write`; later records continue that log. Call it when
    /// [`journal`](Self::journal) is empty; otherwise, or if the storage keeps no journal, nothing is written and it
    /// returns false.
    ///
    /// Keep the old log until the new one is completely durable, and make no other call on the connection before.
    pub fn snapshot(&mut self, write: &mut dyn FnMut(&[u8])) -> bool {
        self.gather();
        if !self.storage.has_journal() || !self.storage.records().is_empty() {
            return false;
        }
        let mut chain = 0;
        write(&START);
        self.for_each_record(&mut |record| {
            record.parts(&mut |head, body| {
                chain = checksum(chain, head, body);
                write(head);
                body.iter().for_each(|part| write(part));
                write(&chain.to_le_bytes());
            });
        });
        let books = Books {
            version: Some(self.version().as_encoded()).into(),
            session: self.core.session_fact(),
            ..Books::NEW
        };
        self.storage.parts().journal.resume(chain, books);
        true
    }

    fn for_each_record(&self, give: &mut dyn FnMut(&Record<'_>)) {
        let view = self.storage.view();
        let outgoing = &self.core.outgoing;
        give(&Record::Version(self.version().as_encoded()));
        let fact = self.core.session_fact();
        let received = |is_doubted: bool| {
            let comes_first = |slot| fact == SessionFact::Either && self.core.incoming.is_doubted(slot);
            let is_due = |slot: &ReceiveSlot| slot.is_received() && !self.core.incoming.is_held_back(slot);
            view.inbox.iter().filter(move |slot| is_due(slot) && comes_first(slot) == is_doubted)
        };
        received(true).for_each(|slot| give(&Record::Received(slot.id)));
        give(&Record::Session(fact));
        // Messages after PUBREC first, so that their stubs need no additional room.
        let is_kept = |slot: &SendSlot| slot.kind.is_windowed() && slot.progress.stands() != Stands::Over;
        for is_released in [true, false] {
            for (index, slot) in outgoing.packets(view.slots) {
                if is_kept(slot) && is_released == (slot.length == 0) {
                    give_message(&view, index, slot, give);
                }
            }
        }
        received(false).for_each(|slot| give(&Record::Received(slot.id)));
        give(&Record::Counters { handle: outgoing.last_handle() });
    }
}

fn give_message(view: &View<'_>, index: usize, slot: &SendSlot, give: &mut dyn FnMut(&Record<'_>)) {
    let id = slot.id();
    let [high, low] = id.to_be_bytes();
    let stub = stub(high, low);
    let start = slot.position as usize;
    let frame = match slot.length {
        0 => &stub[..],
        length => view.arena.get(start..start + length as usize).unwrap_or_default(),
    };
    let payload = if slot.marks.message().has(MessageMarks::SHARED_PAYLOAD) { view.payloads.get(index) } else { &[] };
    give(&Record::Accepted { handle: slot.handle, flags: flags_of(slot), frame, payload });
    if slot.progress.is_release() {
        give(&Record::Released(id));
    }
}
