//! Storage that grows on demand.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::storage::inbox::reindex;
use crate::storage::sealed::{Bounds, Demand, Sealed, Used};
use crate::storage::{
    AliasEntry, JournalPart, MOST_ARENA, NameStore, Parts, ReceiveSlot, SendSlot, SharedPayloads, SharedView, Side,
    Storage, TopicEntry, TopicIndex, View,
};

/// Storage on the heap. It starts empty, grows up to the connection's limits, and keeps its capacity while in use.
///
/// Nothing that a peer sends makes it grow past the limits. Once it has grown to the size that the traffic needs, it
/// allocates no more. An idle connection holds little more than its CONNECT took; [`shrink`](crate::Connection::shrink)
/// returns the rest.
#[derive(Clone, Debug, Default)]
pub struct Heap {
    slots: Table<SendSlot>,
    arena: Table<u8>,
    control: Table<u8>,
    /// Parts that an idle connection does not use.
    rare: Option<Box<Rare>>,
}

/// A slice that allocates nothing while it is empty, and has no spare capacity.
type Table<T> = Option<Box<[T]>>;

#[derive(Clone, Debug, Default)]
struct Rare {
    inbox: Table<ReceiveSlot>,
    names: Option<Box<Grown>>,
    #[cfg(feature = "bytes")]
    payloads: Vec<bytes::Bytes>,
    #[cfg(feature = "journal")]
    journal: Option<Box<GrowingLog>>,
}

/// Records that are not yet durable.
#[cfg(feature = "journal")]
#[derive(Clone, Debug)]
struct GrowingLog {
    log: crate::storage::journal::Log,
    bytes: Vec<u8>,
}

/// The topic names of the server's aliases and of our own; and the index of queued messages by topic.
#[derive(Clone, Debug, Default)]
struct Grown {
    aliases: [Aliases; 2],
    topics: Table<TopicEntry>,
    /// The handle up to which packets were entered into the index by topic.
    topics_seen: u64,
}

/// The topic names of one side's aliases, each in an allocation of its length.
#[derive(Clone, Debug, Default)]
struct Aliases {
    /// Has an entry for the highest alias that was bound.
    entries: Vec<AliasEntry>,
    names: Vec<Box<[u8]>>,
    /// The maximum number of aliases.
    most: usize,
    /// The longest name that is stored, in bytes.
    longest: usize,
}

impl Heap {
    pub(crate) const FIRST_SLOTS: usize = 8;
    /// The maximum number of slots. (At most 64,000 are used, so that a search for a free identifier stays short.)
    pub(crate) const MOST_SLOTS: usize = 65_536;
    pub(crate) const MOST_RECEIVED: usize = 32_768;
    pub(crate) const FIRST_ARENA: usize = 256;
    /// Bytes for each slot, once a payload was shared.
    #[cfg(feature = "bytes")]
    pub(crate) const PAYLOAD_SLOT: usize = size_of::<bytes::Bytes>();
    #[cfg(not(feature = "bytes"))]
    pub(crate) const PAYLOAD_SLOT: usize = 0;

    /// Bytes that the index by topic takes for each slot.
    pub(crate) const TOPIC_SLOT: usize = size_of::<TopicEntry>();

    /// Topic names of aliases that are longer are freed when the link ends.
    const KEPT_NAME: usize = 128;
    /// Bytes that an alias takes in addition to its entry and its name.
    pub(crate) const NAME: usize = size_of::<Box<[u8]>>();

    /// Creates empty storage, without an allocation.
    pub const fn new() -> Self {
        Self { slots: None, arena: None, control: None, rare: None }
    }

    /// Creates empty storage with a journal: see [`journal`](crate::journal). The buffer for records grows on demand:
    /// up to 64 KiB while the host has not written them, and beyond that only for a single message.
    ///
    /// ```
    /// use pure_mqtt::{Connection, Heap, Limits};
    ///
    /// fn main() {
    ///     let is_durable = std::env::args().any(|argument| argument == "--durable"); // decided at run time
    ///     let storage = if is_durable { Heap::with_journal() } else { Heap::new() };
    ///     assert!(Connection::new(storage, Limits::DEFAULT).journal().is_empty());
    /// }
    /// ```
    #[cfg(feature = "journal")]
    pub fn with_journal() -> Self {
        let journal = GrowingLog { log: crate::storage::journal::Log::EMPTY, bytes: Vec::new() };
        Self { rare: Some(Box::new(Rare { journal: Some(Box::new(journal)), ..Rare::default() })), ..Self::new() }
    }

    /// Doubles the table. A packet lies at its identifier modulo the length, so the packets move without collisions.
    fn grow_slots(&mut self, limit: usize) {
        let old = self.slots.as_deref().unwrap_or_default();
        let length = (old.len() * 2).clamp(Self::FIRST_SLOTS, limit.next_power_of_two().max(Self::FIRST_SLOTS));
        let mut slots = table(SendSlot::FREE, length);
        for slot in old.iter().filter(|slot| slot.handle != 0) {
            if let Some(place) = slots.get_mut(usize::from(slot.id()) & (length - 1)) {
                *place = *slot;
            }
        }
        #[cfg(feature = "bytes")]
        if let Some(rare) = &mut self.rare {
            rare.move_payloads(old, length);
        }
        self.slots = Some(slots);
    }

    /// Makes the index as long as the table of packets, and empties it if that has grown.
    fn grow_topics(&mut self) {
        let length = self.slots.as_deref().map_or(0, <[_]>::len);
        let tables = self.rare.get_or_insert_default().names.get_or_insert_default();
        if length != tables.topics.as_deref().map_or(0, <[_]>::len) {
            tables.topics = Some(table(TopicEntry::default(), length));
            tables.topics_seen = 0;
        }
    }

    /// Doubles the table. Slots keep their places; the index is rebuilt.
    fn grow_inbox(&mut self, limit: usize) {
        let limit = limit.min(Self::MOST_RECEIVED).next_power_of_two().max(Self::FIRST_SLOTS);
        let inbox = &mut self.rare.get_or_insert_default().inbox;
        let old = inbox.as_deref().map_or(0, <[_]>::len);
        let length = (old * 2).clamp(Self::FIRST_SLOTS, limit);
        if length > old {
            resize(inbox, length, ReceiveSlot::FREE);
            reindex(inbox.as_deref_mut().unwrap_or_default());
        }
    }
}

impl Rare {
    #[cfg(feature = "bytes")]
    fn move_payloads(&mut self, slots: &[SendSlot], length: usize) {
        if self.payloads.is_empty() {
            return;
        }
        let mut moved = Vec::new();
        moved.resize(length, bytes::Bytes::new());
        for (slot, payload) in slots.iter().zip(&mut self.payloads) {
            if let Some(place) = moved.get_mut(usize::from(slot.id()) & (length - 1)).filter(|_| slot.handle != 0) {
                *place = core::mem::take(payload);
            }
        }
        self.payloads = moved;
    }
}

fn table<T: Copy>(value: T, length: usize) -> Box<[T]> {
    alloc::vec![value; length].into_boxed_slice()
}

/// Shortens the table to `length` bytes.
fn shorten(table: &mut Table<u8>, length: usize) {
    if table.as_deref().is_some_and(|bytes| bytes.len() > length) {
        resize(table, length, 0);
    }
}

/// Changes the length of a table, and keeps its contents.
fn resize<T: Copy>(table: &mut Table<T>, length: usize, value: T) {
    let resized = match table.take() {
        None => self::table(value, length),
        Some(old) => {
            let mut resized = Vec::from(old);
            resized.truncate(length);
            resized.reserve_exact(length - resized.len());
            resized.resize(length, value);
            resized.into_boxed_slice()
        }
    };
    *table = Some(resized).filter(|table| !table.is_empty());
}

impl Aliases {
    /// Grows the table so that it has an entry for this index, within the maximum.
    fn grow(&mut self, index: usize) {
        let length = (index + 1).next_power_of_two().min(self.most);
        if length > self.entries.len() {
            self.entries.reserve_exact(length - self.entries.len());
            self.entries.resize(length, AliasEntry::UNBOUND);
            self.names.reserve_exact(length - self.names.len());
            self.names.resize_with(length, Default::default);
        }
    }

    /// Unbinds all aliases. Small allocations are kept for the next link.
    fn clear(&mut self) {
        self.entries.fill(AliasEntry::UNBOUND);
        for name in self.names.iter_mut().filter(|name| name.len() > Heap::KEPT_NAME) {
            *name = Box::default();
        }
    }
}

impl NameStore for Grown {
    fn lengths(&self, side: Side) -> (usize, usize) {
        let Aliases { most, longest, .. } = side.of(&self.aliases);
        (*most, most * longest)
    }

    fn entries(&self, side: Side) -> &[AliasEntry] {
        &side.of(&self.aliases).entries
    }

    fn name(&self, side: Side, index: usize) -> &[u8] {
        side.of(&self.aliases).names.get(index).map_or(&[], |name| name)
    }

    fn bind(&mut self, side: Side, index: usize, length: usize) -> Option<(&mut AliasEntry, &mut [u8])> {
        let aliases = side.of_mut(&mut self.aliases);
        if index >= aliases.most {
            return None;
        }
        aliases.grow(index);
        let (entry, name) = (aliases.entries.get_mut(index)?, aliases.names.get_mut(index)?);
        if length > aliases.longest {
            return Some((entry, &mut []));
        }
        if name.len() < length {
            *name = table(0, length);
        }
        Some((entry, name.get_mut(..length)?))
    }

    fn clear(&mut self) {
        self.aliases.iter_mut().for_each(Aliases::clear);
    }

    fn topics(&mut self) -> Option<TopicIndex<'_>> {
        Some(TopicIndex { entries: self.topics.as_deref_mut()?, seen: &mut self.topics_seen })
    }
}

impl Storage for Heap {}

impl Sealed for Heap {
    const MAY_INDEX_TOPICS: bool = true;
    const MAY_HAVE_JOURNAL: bool = cfg!(feature = "journal");

    #[cfg(feature = "journal")]
    #[inline]
    fn has_journal(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.journal.is_some())
    }

    #[cfg(feature = "journal")]
    fn records(&self) -> &[u8] {
        let journal = self.rare.as_ref().and_then(|rare| rare.journal.as_ref());
        journal.map_or(&[], |journal| journal.log.waiting(&journal.bytes))
    }

    fn view(&self) -> View<'_> {
        View {
            slots: self.slots.as_deref().unwrap_or_default(),
            arena: self.arena.as_deref().unwrap_or_default(),
            inbox: self.rare.as_ref().and_then(|rare| rare.inbox.as_deref()).unwrap_or_default(),
            control: self.control.as_deref().unwrap_or_default(),
            names: self.rare.as_ref().and_then(|rare| rare.names.as_deref()).map(|names| names as &dyn NameStore),
            #[cfg(feature = "bytes")]
            payloads: SharedView::new(self.rare.as_ref().map_or(&[], |rare| &rare.payloads)),
            #[cfg(not(feature = "bytes"))]
            payloads: SharedView::NONE,
        }
    }

    fn parts(&mut self) -> Parts<'_> {
        let mut parts = Parts {
            slots: self.slots.as_deref_mut().unwrap_or_default(),
            arena: self.arena.as_deref_mut().unwrap_or_default(),
            inbox: &mut [],
            control: self.control.as_deref_mut().unwrap_or_default(),
            names: None,
            payloads: SharedPayloads::NONE,
            journal: JournalPart::NONE,
        };
        if let Some(rare) = self.rare.as_deref_mut() {
            parts.inbox = rare.inbox.as_deref_mut().unwrap_or_default();
            if let Some(names) = rare.names.as_deref_mut() {
                parts.names = Some(names);
            }
            #[cfg(feature = "bytes")]
            {
                parts.payloads = SharedPayloads::new(&mut rare.payloads);
            }
            #[cfg(feature = "journal")]
            if let Some(journal) = rare.journal.as_deref_mut() {
                let buffer = crate::storage::journal::Buffer::Growing(&mut journal.bytes);
                parts.journal = JournalPart::new(&mut journal.log, buffer);
            }
        }
        parts
    }

    fn slots(&mut self) -> &mut [SendSlot] {
        self.slots.as_deref_mut().unwrap_or_default()
    }

    fn grow(&mut self, demand: Demand) {
        match demand {
            Demand::SendSlot { limit } => self.grow_slots(limit.min(Self::MOST_SLOTS)),
            Demand::ReceiveSlot { limit } => self.grow_inbox(limit),
            Demand::Arena { bytes } => {
                let old = self.arena.as_deref().map_or(0, <[u8]>::len);
                resize(&mut self.arena, bytes.max(Self::FIRST_ARENA).max(old), 0);
            }
            Demand::Control { bytes } => {
                let old = self.control.as_deref().map_or(0, <[u8]>::len);
                resize(&mut self.control, bytes.max(old), 0);
            }
            Demand::Aliases { inbound, outbound, name } => {
                let names = self.rare.get_or_insert_default().names.get_or_insert_default();
                let [server, client] = &mut names.aliases;
                (server.most, server.longest) = (inbound, name);
                (client.most, client.longest) = (outbound, name);
            }
            Demand::SharedPayload => {
                self.rare.get_or_insert_default();
            }
            Demand::TopicIndex => self.grow_topics(),
        }
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            send_slots: Self::MOST_SLOTS,
            slots_now: self.slots.as_deref().map_or(0, <[_]>::len),
            arena: MOST_ARENA,
            arena_now: self.arena.as_deref().map_or(0, <[_]>::len),
            receive_slots: Self::MOST_RECEIVED,
            control: usize::MAX,
            aliases: usize::from(u16::MAX),
            shares_payloads: cfg!(feature = "bytes"),
        }
    }

    fn shrink(&mut self, used: Used) {
        if used.slots_are_empty {
            self.slots = None;
            if let Some(names) = self.rare.as_mut().and_then(|rare| rare.names.as_mut()) {
                names.topics = None;
            }
        }
        if let Some(rare) = self.rare.as_mut().filter(|_| used.inbox_is_empty) {
            rare.inbox = None;
        }
        shorten(&mut self.arena, used.arena);
        shorten(&mut self.control, used.control);
        if let Some(rare) = self.rare.as_mut().filter(|_| used.is_closed) {
            rare.names = None;
        }
        #[cfg(feature = "journal")]
        if let Some(journal) = self.rare.as_mut().and_then(|rare| rare.journal.as_mut()) {
            journal.bytes.shrink_to_fit();
        }
        let has_journal = self.has_journal();
        let is_used = |rare: &Rare| rare.inbox.is_some() || rare.names.is_some() || !used.slots_are_empty;
        self.rare = self.rare.take().filter(|rare| has_journal || is_used(rare));
    }
}
