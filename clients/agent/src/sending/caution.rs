//! Links that die again and again with packets unanswered: which packet is it?

use alloc::collections::BTreeMap;

use pure_mqtt::{Handle, Unacknowledged};

use crate::ids::Ticket;

/// After two links in a row that died young with packets unanswered, the next sends one at a time: what was out alone when it dies is the suspect.
#[derive(Debug, Default)]
pub(crate) struct Caution {
    deaths: u8,
    /// The present link sends one packet at a time.
    is_on: bool,
    /// The newest message that is under suspicion.
    up_to: Ticket,
    /// How often each message had been sent before this link.
    sent_before: BTreeMap<Handle, Sent>,
}

/// How often a message was sent: PUBREL is counted anew.
#[derive(Clone, Copy, Debug)]
struct Sent {
    links: u8,
    is_released: bool,
}

/// So many links may die before caution.
const DEATHS: u8 = 2;

impl Caution {
    /// A link begins. True if it is to be cautious.
    pub(crate) fn begin(&mut self) -> bool {
        self.is_on = self.deaths >= DEATHS;
        self.is_on
    }

    /// A cautious link begins: its newest message, and what was sent before it.
    pub(crate) fn remember<'a>(&mut self, newest: Ticket, sent: impl Iterator<Item = Unacknowledged<'a>>) {
        self.up_to = newest;
        let of = |message: Unacknowledged<'_>| Sent { links: message.attempts, is_released: message.is_released };
        self.sent_before = sent.map(|message| (message.handle, of(message))).collect();
    }

    /// Whether a message, or its PUBREL, was sent on this link.
    pub(crate) fn was_sent(&self, message: &Unacknowledged<'_>) -> bool {
        let before = self.sent_before.get(&message.handle).filter(|before| before.is_released == message.is_released);
        message.attempts > before.map_or(0, |before| before.links)
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
