//! The slices that every storage hands out.

use crate::storage::{
    JournalPart, MAY_GROW, NameStore, ReceiveSlot, SendSlot, SharedPayloads, SharedView, Side, TopicIndex,
};

/// The longest arena: positions in it have 32 bits, also where it is longer than what it may hold.
pub(crate) const MOST_ARENA: usize = u32::MAX as usize / 2;

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
    /// Names behind topic aliases, where there is room for any.
    pub(crate) names: Option<&'a dyn NameStore>,
    pub(crate) payloads: SharedView<'a>,
}

/// How long the parts of a storage are, as those of [`Buffers`](crate::storage::Buffers): see [`Storage::lengths`](crate::Storage::lengths).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lengths {
    /// Slots for outgoing packets.
    pub send: usize,
    /// Slots for incoming QoS 1 and 2 messages.
    pub receive: usize,
    /// Bytes for outgoing packets.
    pub arena: usize,
    /// Bytes for CONNECT, AUTH, DISCONNECT and acknowledgements.
    pub control: usize,
    /// Topic aliases of the server, and the bytes for all their names.
    pub aliases_in: (usize, usize),
    /// Topic aliases of our own, and the bytes for all their names.
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
    /// The index by topic doesn't hold any more.
    pub(crate) fn forget_topics(&mut self) {
        if let Some(mut index) = topic_index(&mut self.names, self.slots) {
            index.clear();
        }
    }
}

/// The index by topic, if the storage has one for a table of packets like this.
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
