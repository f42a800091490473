//! What became of a packet from the server.

use crate::event::Event;
use crate::wire::{DecodeError, PacketType};

/// Whether a packet took effect. What it means to the application was put where the caller wants it.
pub(super) type Effect = Result<(), Refusal>;
/// Where the caller wants an event.
pub(super) type Place<'p, 'i> = &'p mut Option<Event<'i>>;

/// Why a packet could not be taken. Smaller than the error that is told, as it goes through many hands.
pub(super) enum Refusal {
    /// There is no room to owe a reply to it.
    Blocked,
    /// It is wrong, which ends the link.
    Wrong(DecodeError),
    /// A packet of this type is longer than it may be, which ends the link.
    TooLong(PacketType),
    /// The server resumes a session that is not known here, and that is to end the link.
    UnknownSession,
}

impl<E: Into<DecodeError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Wrong(error.into())
    }
}
