//! Links that die again and again with packets unanswered: which packet is it?

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use pure_mqtt::Handle;

use crate::ids::Ticket;

/// After two links in a row that died young with packets unanswered, the next sends one at a time: what was out alone when it dies is the suspect.
#[derive(Debug, Default)]
pub(crate) struct Caution {
    deaths: u8,
    /// The present link sends one packet at a time.
    is_on: bool,
    /// The newest message that is under suspicion.
    up_to: Ticket,
    /// On how many links each message had been sent before this one.
    sent_before: BTreeMap<Handle, u8>,
}

/// So many links may die before caution.
const DEATHS: u8 = 2;

impl Caution {
    /// A link begins. True if it is to be cautious.
    pub(crate) fn begin(&mut self) -> bool {
        self.is_on = self.deaths >= DEATHS;
        self.is_on
    }

    /// Of a cautious link: the newest message, and on how many links each had been sent before.
    pub(crate) fn remember(&mut self, newest: Ticket, sent: Vec<(Handle, u8)>) {
        self.up_to = newest;
        self.sent_before = sent.into_iter().collect();
    }

    /// Whether a message that was sent on so many links was sent on this one.
    pub(crate) fn was_sent(&self, handle: Handle, attempts: u8) -> bool {
        self.sent_before.get(&handle).is_none_or(|before| attempts > *before)
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
        self.sent_before.clear();
    }
}
