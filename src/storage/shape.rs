//! The slices that every storage hands out.

use crate::storage::{AliasEntry, JournalPart, ReceiveSlot, SendSlot, SharedPayloads, SharedView};

/// All parts of a storage, to be changed.
pub struct Parts<'a> {
    /// Outgoing packets; the length is a power of two, a packet lives at its identifier modulo the length.
    pub(crate) slots: &'a mut [SendSlot],
    /// Encoded outgoing packets, back to back.
    pub(crate) arena: &'a mut [u8],
    /// Incoming QoS 1 and 2 messages; the length is a power of two.
    pub(crate) inbox: &'a mut [ReceiveSlot],
    /// Packets that must always get out.
    pub(crate) control: &'a mut [u8],
    /// Names behind topic aliases, where there is room for any.
    pub(crate) names: Option<&'a mut dyn NameStore>,
    /// Payloads that are shared instead of copied.
    pub(crate) payloads: SharedPayloads<'a>,
    /// Changes that must become durable.
    pub(crate) journal: JournalPart<'a>,
}

/// All parts of a storage, to be read.
pub struct View<'a> {
    pub(crate) slots: &'a [SendSlot],
    pub(crate) arena: &'a [u8],
    pub(crate) inbox: &'a [ReceiveSlot],
    pub(crate) control: &'a [u8],
    pub(crate) alias_entries: [&'a [AliasEntry]; 2],
    pub(crate) alias_names: [&'a [u8]; 2],
    pub(crate) payloads: SharedView<'a>,
}

impl Parts<'_> {
    /// What is known of the server's topic aliases.
    pub(crate) fn inbound_aliases(&self) -> &[AliasEntry] {
        self.names.as_ref().map_or(&[], |names| names.inbound_entries())
    }
}

/// The names behind topic aliases.
pub(crate) trait NameStore: Send + Sync {
    fn inbound_entries(&self) -> &[AliasEntry];
    /// Those of the server's.
    fn inbound(&mut self) -> Names<'_>;
    /// Those of our own.
    fn outbound(&mut self) -> Names<'_>;
}

/// A store of names of equal room: entry `n` has the `n`th of equally long stretches of the bytes.
pub(crate) struct Names<'a> {
    pub(crate) entries: &'a mut [AliasEntry],
    pub(crate) bytes: &'a mut [u8],
}
