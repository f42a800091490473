//! The slices that every storage provides.

use crate::storage::{
    JournalPart, MAY_GROW, NameStore, ReceiveSlot, SendSlot, SharedPayloads, SharedView, Side, TopicIndex,
};

/// The maximum number of bytes of packets in an arena. Positions have 32 bits, even in an arena that is longer than
/// this.
pub(crate) const MOST_ARENA: usize = u32::MAX as usize / 2;

/// Write access to all parts of a storage.
pub struct Parts<'a> {
    /// Outgoing packets; the length is a power of two, and a packet lies at its identifier modulo the length.
    pub(crate) slots: &'a mut [SendSlot],
    /// Encoded outgoing packets, back to back.
    pub(crate) arena: &'a mut [u8],
    /// QoS 1 and 2 messages from the server; the length is a power of two.
    pub(crate) inbox: &'a mut [ReceiveSlot],
    /// CONNECT, AUTH, DISCONNECT and acknowledgements, which must never wait for room in the arena.
    pub(crate) control: &'a mut [u8],
    /// Names behind topic aliases, where there is room for any.
    pub(crate) names: Option<&'a mut dyn NameStore>,
    /// Payloads that are shared instead of copied.
    pub(crate) payloads: SharedPayloads<'a>,
    /// Records that must become durable.
    pub(crate) journal: JournalPart<'a>,
}

/// Read access to all parts of a storage.
pub struct View<'a> {
    pub(crate) slots: &'a [SendSlot],
    pub(crate) arena: &'a [u8],
    pub(crate) inbox: &'a [ReceiveSlot],
    pub(crate) control: &'a [u8],
    /// Names behind topic aliases, where there is room for any.
    pub(crate) names: Option<&'a dyn NameStore>,
    pub(crate) payloads: SharedView<'a>,
}

/// The lengths of a storage's parts, which correspond to those of [`Buffers`](crate::storage::Buffers): see
/// [`Storage::lengths`](crate::Storage::lengths).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lengths {
    /// Slots for outgoing packets.
    pub send: usize,
    /// Slots for QoS 1 and 2 messages from the server.
    pub receive: usize,
    /// Bytes for outgoing packets.
    pub arena: usize,
    /// Bytes for CONNECT, AUTH, DISCONNECT and acknowledgements.
    pub control: usize,
    /// Topic aliases of the server, and the bytes for all their names.
    pub aliases_in: (usize, usize),
    /// Topic aliases of outgoing messages, and the bytes for all their names.
    pub aliases_out: (usize, usize),
}

impl Lengths {
    pub(crate) fn of(view: &View<'_>) -> Self {
        let aliases = |side| view.names.map_or((0, 0), |names| names.lengths(side));
        Self {
            send: view.slots.len(),
            receive: view.inbox.len(),
            arena: view.arena.len(),
            control: view.control.len(),
            aliases_in: aliases(Side::Server),
            aliases_out: aliases(Side::Client),
        }
    }
}

impl Parts<'_> {
    /// Empties the index by topic, which is no longer valid.
    pub(crate) fn forget_topics(&mut self) {
        if let Some(mut index) = topic_index(&mut self.names, self.slots) {
            index.clear();
        }
    }
}

/// Returns the index by topic, if the storage has one of the length of `slots`.
pub(crate) fn topic_index<'n>(names: &'n mut Option<&mut dyn NameStore>, slots: &[SendSlot]) -> Option<TopicIndex<'n>> {
    let index = names.as_mut().filter(|_| MAY_GROW)?.topics()?;
    (index.entries.len() == slots.len()).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Borrowed, Buffers};
    use crate::{Fixed, Storage};

    #[test]
    fn only_a_storage_that_grows_has_no_lengths() {
        #[cfg(feature = "alloc")]
        assert_eq!(crate::Heap::new().lengths(), None);
        let fixed = Lengths { send: 8, receive: 4, arena: 700, control: 96, aliases_in: (2, 40), aliases_out: (2, 40) };
        assert_eq!(Fixed::<700, 8, 4, 96, 2, 20>::new().lengths(), Some(fixed));
        let mut send = [SendSlot::default(); 17];
        let (mut entries, mut names, mut control) = ([Default::default(); 3], [0; 50], [0; 16]);
        let buffers = Buffers {
            send: &mut send,
            control: &mut control,
            aliases_out: (&mut entries, &mut names),
            ..Buffers::default()
        };
        let lent = Lengths { send: 16, receive: 0, arena: 0, control: 16, aliases_in: (0, 0), aliases_out: (3, 50) };
        assert_eq!(Borrowed::new(buffers).lengths(), Some(lent), "slots are cut to a power of two");
    }
}
