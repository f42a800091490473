//! What the client tells beside messages and ends of deliveries.

use pure_mqtt::{ConnectionError, Discard, SessionState};

use crate::maybe::Maybe;

/// What happened to the link. Fetched by [`Mqtt::event`](crate::Mqtt::event).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event {
    /// The server accepted the link.
    Connected(SessionState),
    /// A link has ended, or none came up.
    Disconnected(LinkEnd),
    /// A message from the server was thrown away, and acknowledged.
    Discarded {
        /// Why.
        why: Discard,
        /// The length of the whole packet in bytes.
        length: u32,
    },
}

/// Why there is no link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LinkEnd {
    /// No transport came up: the dial failed, or took too long.
    NotDialed,
    /// The transport failed, or the other side closed it.
    Transport,
    /// What the engine says: the server refused or ended the link, fell silent or broke the protocol; or we have ended it.
    Connection(ConnectionError),
}

/// What was counted since the client was made. Counters stop at their maximum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Stats {
    /// Links that the server accepted.
    pub links: u32,
    /// Messages that receivers were to get.
    pub received: u32,
    /// Messages that a receiver did not get because its share was full.
    pub dropped: u32,
    /// Messages that no receiver has subscribed to; they were acknowledged.
    pub unmatched: u32,
    /// Replies that came too late, or belong to no request.
    pub foreign_replies: u32,
    /// Events that were not fetched in time.
    pub lost_events: u32,
}

/// Events that wait to be fetched; the oldest gives way.
pub struct Events {
    waiting: [Maybe<Event>; Self::MOST],
}

impl Events {
    const MOST: usize = 4;
    pub const NONE: Self = Self { waiting: [Maybe::None; Self::MOST] };

    /// False if the oldest had to give way.
    pub fn push(&mut self, event: Event) -> bool {
        if let Some(place) = self.waiting.iter_mut().find(|place| matches!(place, Maybe::None)) {
            *place = Maybe::Some(event);
            return true;
        }
        self.pop();
        self.push(event);
        false
    }

    pub fn pop(&mut self) -> Option<Event> {
        let [first, second, third, fourth] = self.waiting;
        self.waiting = [second, third, fourth, Maybe::None];
        match first {
            Maybe::None => None,
            Maybe::Some(event) => Some(event),
        }
    }
}
