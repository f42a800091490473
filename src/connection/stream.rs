//! The state of a message that arrives in fragments.

use crate::types::PacketId;

/// The state of a message that arrives in fragments, as part of the link. All zeros means "none". `Link::partial` is
/// the number of payload bytes that have arrived, plus 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Stream {
    /// The length of the payload.
    pub(super) total: u32,
    pub(super) fate: Fate,
}

/// What happens to the message when its last byte has arrived.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Fate {
    /// There is no message.
    None,
    /// QoS 0: nothing.
    Nothing,
    /// QoS 1 or 2: its acknowledgement becomes pending.
    Owed { place: u16 },
    /// QoS 0, discarded.
    Dropped,
    /// QoS 1 or 2, discarded: its acknowledgement becomes pending.
    DroppedOwed { place: u16 },
    /// QoS 1 or 2, discarded: the first `length` bytes are the rest of a topic that is longer than the host's buffer, and
    /// the packet identifier follows.
    Topic { flags: u8, length: u16 },
    /// A duplicate: PUBREC becomes pending again, and nothing is delivered `[MQTT-4.3.3-10]`.
    Repeated(PacketId),
}

impl Stream {
    pub(super) const NONE: Self = Self { total: 0, fate: Fate::None };

    /// Returns whether more of the message is to arrive.
    pub(super) const fn is_open(&self) -> bool {
        !matches!(self.fate, Fate::None)
    }

    /// Returns the receive slot of a message that is being delivered.
    pub(super) const fn unfinished(&self) -> Option<u16> {
        match self.fate {
            Fate::Owed { place } | Fate::DroppedOwed { place } => Some(place),
            _ => None,
        }
    }

    /// Returns whether nothing of the message is delivered.
    pub(super) const fn is_discarded(&self) -> bool {
        matches!(self.fate, Fate::Dropped | Fate::DroppedOwed { .. } | Fate::Topic { .. } | Fate::Repeated(_))
    }

    /// Returns the minimum length of the message.
    pub(super) const fn length(&self) -> usize {
        self.total as usize
    }
}
