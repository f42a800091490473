//! The stretch of packets that is being sent.

use crate::types::Version;

/// Consecutive packets of the log, shown to the transport as one slice of the arena.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Run {
    /// The packet that is being sent; 0 if none is.
    pub(super) id: u16,
    /// How many of its bytes are done with: taken by the transport, or replaced by bytes of the control area.
    pub(super) offset: u32,
    /// How many bytes of the whole run remain.
    pub(super) left: u32,
    /// Where the properties begin that are passed over, of a packet that is encoded for 5.0 and leaves on a link of an earlier version; 0 for none.
    pub(super) gap: u32,
    /// Its payload is the application's to supply.
    pub(super) is_streamed: bool,
    /// It is none: what was shown to the transport was taken back, and is to be staged anew.
    pub(super) was_taken_back: bool,
}

impl Run {
    pub(super) const NONE: Self = Self { id: 0, offset: 0, left: 0, gap: 0, is_streamed: false, was_taken_back: false };

    /// See [`gap`](field@Self::gap).
    pub(super) const fn gap(&self) -> u32 {
        if Version::KNOWS_BOTH_KINDS { self.gap } else { 0 }
    }

    pub(super) const fn new(id: u16, left: u32) -> Self {
        Self { id, left, ..Self::NONE }
    }
}

/// So many bytes are staged at a time, so that acknowledgements needn't wait behind all that is queued.
pub(super) const RUN_LIMIT: u32 = 65_536;
