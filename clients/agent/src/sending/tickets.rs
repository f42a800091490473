//! Ends to be fetched, and tickets of other things than messages.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::ids::Ticket;
use crate::ticket::End;

/// Stores all ends.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    ends: BTreeMap<Ticket, End>,
    /// Tickets whose ends will not be fetched.
    forgotten: BTreeSet<Ticket>,
    /// Tickets of subscribes, with the number of unanswered filters.
    open: BTreeMap<Ticket, Several>,
    last_local: u64,
}

#[derive(Debug)]
struct Several {
    left: usize,
    /// The worst result so far.
    end: End,
}

impl Tickets {
    /// Creates a ticket for something other than a message.
    pub(crate) fn local(&mut self) -> Ticket {
        self.last_local += 1;
        Ticket::local(self.last_local)
    }

    /// Creates a ticket that ends when this many filters are answered.
    pub(crate) fn of_filters(&mut self, count: usize) -> Ticket {
        let ticket = self.local();
        self.open.insert(ticket, Several { left: count, end: End::Acknowledged(pure_mqtt::ReasonCode::SUCCESS) });
        ticket
    }

    /// Records the answer for one filter; a failure becomes the ticket's end. True if the ticket has its end now.
    pub(crate) fn answered(&mut self, ticket: Ticket, end: End) -> bool {
        let Some(several) = self.open.get_mut(&ticket) else { return false };
        several.left -= 1;
        if several.end.is_success() {
            several.end = end;
        }
        if several.left > 0 {
            return false;
        }
        let end = several.end;
        self.open.remove(&ticket);
        if self.open.is_empty() {
            self.open = BTreeMap::new(); // releases its memory
        }
        self.end(ticket, end)
    }

    /// Stores the end of a ticket. True if a caller may wait for it.
    pub(crate) fn end(&mut self, ticket: Ticket, end: End) -> bool {
        if self.forgotten.remove(&ticket) {
            return false;
        }
        let before = self.ends.insert(ticket, end);
        debug_assert_eq!(before, None, "{ticket} has two ends");
        true
    }

    pub(crate) fn take(&mut self, ticket: Ticket) -> Option<End> {
        self.ends.remove(&ticket)
    }

    /// Discards this end.
    pub(crate) fn forget(&mut self, ticket: Ticket, is_open: bool) {
        if self.ends.remove(&ticket).is_none() && (is_open || self.open.contains_key(&ticket)) {
            self.forgotten.insert(ticket);
        }
    }

    /// Ends every waiting subscribe.
    pub(crate) fn end_all(&mut self, end: End) -> alloc::vec::Vec<Ticket> {
        let open = core::mem::take(&mut self.open);
        open.into_keys().filter(|ticket| self.end(*ticket, end)).collect()
    }
}
