//! Room for an index that finds waiting messages by topic. What it means stands in `session::topics`.

/// What the index keeps at each place of the table of outgoing packets. All zeros is "nothing".
///
/// Two tables in one: of the packet that lives at this place, its neighbours in a chain of packets whose topics have the same bucket; and of the bucket with
/// this number, the ends of its chain. Packets are named by their identifiers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TopicEntry {
    /// A fingerprint of the topic.
    pub(crate) hash: u32,
    /// The packet; 0 if the place stands in no chain.
    pub(crate) id: u16,
    pub(crate) previous: u16,
    pub(crate) next: u16,
    /// The bucket's first packet.
    pub(crate) first: u16,
    /// The bucket's last packet.
    pub(crate) last: u16,
}

/// Some storage grows. Only there can so much wait that it pays to remember what was searched.
pub(crate) const MAY_GROW: bool = cfg!(feature = "alloc");

/// The index, to be changed.
pub(crate) struct TopicIndex<'a> {
    /// As many as there are places for outgoing packets.
    pub(crate) entries: &'a mut [TopicEntry],
    /// Packets with handles up to this one were looked at.
    pub(crate) seen: &'a mut u64,
}

impl TopicIndex<'_> {
    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.entries.fill(TopicEntry::default());
        *self.seen = 0;
    }
}
