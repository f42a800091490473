//! The effect of a packet from the server.

use crate::event::Event;
use crate::wire::{DecodeError, PacketType};

/// Whether a packet took effect. Its event is stored in the caller's [`Place`].
pub(super) type Effect = Result<(), Refusal>;
/// Where the caller receives an event.
pub(super) type Place<'p, 'i> = &'p mut Option<Event<'i>>;

/// Why a packet was not accepted. Smaller than the public error, since many functions pass it on.
pub(super) enum Refusal {
    /// There is no room to record the reply that it needs.
    Blocked,
    /// The packet is invalid, which ends the link.
    Wrong(DecodeError),
    /// A packet of this type exceeds the limit, which ends the link.
    TooLong(PacketType),
    /// The server resumes a session that is not known here, and the limits say that this ends the link.
    UnknownSession,
}

impl<E: Into<DecodeError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Wrong(error.into())
    }
}
