//! Links that die again and again with packets unanswered: which packet is it?

use crate::ids::Ticket;

/// After two links in a row that died young with packets unanswered, the next sends one at a time: what was out alone when it dies is the suspect.
#[derive(Debug, Default)]
pub(crate) struct Caution {
    deaths: u8,
    /// The present link sends one packet at a time.
    is_on: bool,
    /// The newest message that is under suspicion.
    up_to: Ticket,
}

/// So many links may die before caution.
const DEATHS: u8 = 2;

impl Caution {
    /// A link begins; `newest` is the newest message. True if it is to be cautious.
    pub(crate) fn begin(&mut self, newest: Ticket) -> bool {
        self.is_on = self.deaths >= DEATHS;
        self.up_to = newest;
        self.is_on
    }

    pub(crate) fn up_to(&self) -> Ticket {
        self.up_to
    }

    pub(crate) fn is_on(&self) -> bool {
        self.is_on
    }

    /// A link is over that the server had accepted, and that nobody here ended.
    pub(crate) fn link_died(&mut self, had_stood: bool, has_unanswered: bool) {
        self.deaths = if has_unanswered && !had_stood { self.deaths.saturating_add(1) } else { 0 };
    }

    /// Everything that was suspected has been answered.
    pub(crate) fn clear(&mut self) {
        (self.deaths, self.is_on) = (0, false);
    }
}
