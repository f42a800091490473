//! The message that is arriving in pieces, as the link remembers it.

use crate::types::PacketId;

/// The message that is arriving in pieces, as a part of the link. All zeros is "none". How much of its payload has come
/// stands in `Link::partial`: one more than that.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Stream {
    /// The length of the payload.
    pub(super) total: u32,
    pub(super) fate: Fate,
}

/// What becomes of the message when its last byte has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Fate {
    /// There is no message.
    None,
    /// QoS 0: nothing more.
    Nothing,
    /// Its acknowledgement is owed.
    Owed { place: u16 },
    /// QoS 0, and thrown away.
    Dropped,
    /// Its acknowledgement is owed, and it is thrown away.
    DroppedOwed { place: u16 },
    /// It was delivered before: PUBREC is owed again, and nothing is delivered `[MQTT-4.3.3-10]`.
    Repeated(PacketId),
}

impl Stream {
    pub(super) const NONE: Self = Self { total: 0, fate: Fate::None };

    /// More of it is to come.
    pub(super) const fn is_open(&self) -> bool {
        !matches!(self.fate, Fate::None)
    }

    /// The receive slot of a message that is being delivered.
    pub(super) const fn unfinished(&self) -> Option<u16> {
        match self.fate {
            Fate::Owed { place } | Fate::DroppedOwed { place } => Some(place),
            _ => None,
        }
    }

    /// The application gets nothing of it.
    pub(super) const fn is_discarded(&self) -> bool {
        matches!(self.fate, Fate::Dropped | Fate::DroppedOwed { .. } | Fate::Repeated(_))
    }

    /// How long the message is, at least.
    pub(super) const fn length(&self) -> usize {
        self.total as usize
    }
}
