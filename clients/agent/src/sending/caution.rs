//! Links that repeatedly end with unanswered packets: finding the packet.

use alloc::collections::BTreeMap;

use pure_mqtt::{Handle, Unacknowledged};

use crate::ids::Ticket;

/// After two links in a row that ended early with unanswered packets, the next link sends one packet at a time: the one in flight when it ends is the suspect.
#[derive(Debug, Default)]
pub(crate) struct Caution {
    deaths: u8,
    /// The current link sends one packet at a time.
    is_on: bool,
    /// The newest message under suspicion.
    up_to: Ticket,
    /// How often each message had been sent before this link.
    sent_before: BTreeMap<Handle, Sent>,
}

/// How often a message was sent; PUBREL is counted separately.
#[derive(Clone, Copy, Debug)]
struct Sent {
    links: u8,
    is_released: bool,
}

/// The number of links that end early before caution starts.
const DEATHS: u8 = 2;

impl Caution {
    /// Begins a link. True if it is cautious.
    pub(crate) fn begin(&mut self) -> bool {
        self.is_on = self.deaths >= DEATHS;
        self.is_on
    }

    /// Records the newest message, and what was sent before, at the start of a cautious link.
    pub(crate) fn remember<'a>(&mut self, newest: Ticket, sent: impl Iterator<Item = Unacknowledged<'a>>) {
        self.up_to = newest;
        let of = |message: Unacknowledged<'_>| Sent { links: message.attempts, is_released: message.is_released };
        self.sent_before = sent.map(|message| (message.handle, of(message))).collect();
    }

    /// Returns whether a message, or its PUBREL, was sent on this link.
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

    /// Records the end of an accepted link that this side did not end.
    pub(crate) fn link_died(&mut self, had_stood: bool, has_unanswered: bool) {
        self.deaths = if has_unanswered && !had_stood { self.deaths.saturating_add(1) } else { 0 };
    }

    /// Ends caution: everything under suspicion was answered.
    pub(crate) fn clear(&mut self) {
        (self.deaths, self.is_on) = (0, false);
        self.sent_before.clear();
    }
}
