//! The run of packets that is being sent.

use crate::types::Version;

/// A run: consecutive packets of the log, shown to the transport as one slice of the arena.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Run {
    /// The packet that is being sent; 0 for none.
    pub(super) id: u16,
    /// The number of its bytes that the transport has taken, or that bytes of the control area replace.
    pub(super) offset: u32,
    /// The remaining bytes of the whole run.
    pub(super) left: u32,
    /// The position of the properties to be skipped, in a packet that is encoded for 5.0 and sent on a link of an
    /// earlier version; 0 for none.
    pub(super) gap: u32,
    /// Whether the application supplies its payload.
    pub(super) is_streamed: bool,
    /// Set if the run was taken back from the transport, and its packets are to be staged again.
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

/// The maximum number of bytes staged at a time, so that acknowledgements do not wait behind the whole queue.
pub(super) const RUN_LIMIT: u32 = 65_536;
