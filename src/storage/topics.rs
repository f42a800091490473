//! Memory for the index of queued messages by topic; `session::topics` describes the index.

/// The entry of the index for each place of the table of outgoing packets. All zeros means "nothing".
///
/// It combines two tables: for the packet at this place, its neighbours in the chain of its bucket; and for the bucket
/// with this number, the ends of its chain. Packets are referred to by identifier.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TopicEntry {
    /// A fingerprint of the topic.
    pub(crate) hash: u32,
    /// The packet; 0 if it is in no chain.
    pub(crate) id: u16,
    pub(crate) previous: u16,
    pub(crate) next: u16,
    /// The bucket's first packet.
    pub(crate) first: u16,
    /// The bucket's last packet.
    pub(crate) last: u16,
}

/// Whether a storage can grow. Only then can queues become so long that remembering searches pays.
pub(crate) const MAY_GROW: bool = cfg!(feature = "alloc");

/// Write access to the index.
pub(crate) struct TopicIndex<'a> {
    /// One entry for each slot of an outgoing packet.
    pub(crate) entries: &'a mut [TopicEntry],
    /// Packets with handles up to this one were entered.
    pub(crate) seen: &'a mut u64,
}

impl TopicIndex<'_> {
    /// Empties the index.
    pub(crate) fn clear(&mut self) {
        self.entries.fill(TopicEntry::default());
        *self.seen = 0;
    }
}
