//! Storage that grows on demand.

use alloc::vec::Vec;

use crate::storage::sealed::{Bounds, Demand, Sealed};
use crate::storage::{
    AliasEntry, JournalPart, Names, Parts, ReceiveSlot, SendSlot, SharedPayloads, SharedView, Storage, View,
};

/// Storage on the heap: starts empty, grows up to the connection's limits, keeps its capacity while busy.
///
/// Nothing that a peer sends makes it grow past the limits; once warm, nothing allocates.
#[derive(Clone, Debug, Default)]
pub struct Heap {
    slots: Vec<SendSlot>,
    arena: Vec<u8>,
    inbox: Vec<ReceiveSlot>,
    control: Vec<u8>,
    entries_in: Vec<AliasEntry>,
    entries_out: Vec<AliasEntry>,
    names_in: Vec<u8>,
    names_out: Vec<u8>,
    #[cfg(feature = "bytes")]
    payloads: Vec<bytes::Bytes>,
}

impl Heap {
    pub(crate) const FIRST_SLOTS: usize = 8;
    /// A little below the 65,535 identifiers, so that a free one is always near.
    pub(crate) const MOST_SLOTS: usize = 65_536;
    pub(crate) const MOST_RECEIVED: usize = 32_768;
    pub(crate) const FIRST_ARENA: usize = 256;
    /// What a payload that is shared takes for each slot, once there was one.
    #[cfg(feature = "bytes")]
    pub(crate) const PAYLOAD_SLOT: usize = size_of::<bytes::Bytes>();
    #[cfg(not(feature = "bytes"))]
    pub(crate) const PAYLOAD_SLOT: usize = 0;

    /// Empty storage; allocates nothing yet.
    pub const fn new() -> Self {
        Self {
            slots: Vec::new(),
            arena: Vec::new(),
            inbox: Vec::new(),
            control: Vec::new(),
            entries_in: Vec::new(),
            entries_out: Vec::new(),
            names_in: Vec::new(),
            names_out: Vec::new(),
            #[cfg(feature = "bytes")]
            payloads: Vec::new(),
        }
    }

    /// Doubles the table. A packet lives at its identifier modulo the length, so each moves without a collision.
    fn grow_slots(&mut self, limit: usize) {
        let length = (self.slots.len() * 2).clamp(Self::FIRST_SLOTS, limit.next_power_of_two().max(Self::FIRST_SLOTS));
        let mut slots = Vec::new();
        slots.resize(length, SendSlot::FREE);
        for slot in self.slots.iter().filter(|slot| slot.id != 0) {
            if let Some(place) = slots.get_mut(usize::from(slot.id) & (length - 1)) {
                *place = *slot;
            }
        }
        self.move_payloads(length);
        self.slots = slots;
    }

    #[cfg(feature = "bytes")]
    fn move_payloads(&mut self, length: usize) {
        if self.payloads.is_empty() {
            return;
        }
        let mut moved = Vec::new();
        moved.resize(length, bytes::Bytes::new());
        for (slot, payload) in self.slots.iter().zip(&mut self.payloads) {
            if let Some(place) = moved.get_mut(usize::from(slot.id) & (length - 1)).filter(|_| slot.id != 0) {
                *place = core::mem::take(payload);
            }
        }
        self.payloads = moved;
    }

    #[cfg(not(feature = "bytes"))]
    fn move_payloads(&mut self, _length: usize) {}

    /// Doubles the table. Slots stay where they are; the index is made anew.
    fn grow_inbox(&mut self, limit: usize) {
        let limit = limit.min(Self::MOST_RECEIVED).next_power_of_two().max(Self::FIRST_SLOTS);
        let length = (self.inbox.len() * 2).clamp(Self::FIRST_SLOTS, limit);
        if length > self.inbox.len() {
            self.inbox.resize(length, ReceiveSlot::FREE);
            crate::session::reindex(&mut self.inbox);
        }
    }

    fn all_parts(&mut self) -> Parts<'_> {
        Parts {
            slots: &mut self.slots,
            arena: &mut self.arena,
            inbox: &mut self.inbox,
            control: &mut self.control,
            names_in: Names { entries: &mut self.entries_in, bytes: &mut self.names_in },
            names_out: Names { entries: &mut self.entries_out, bytes: &mut self.names_out },
            #[cfg(feature = "bytes")]
            payloads: SharedPayloads::new(&mut self.payloads),
            #[cfg(not(feature = "bytes"))]
            payloads: SharedPayloads::NONE,
            journal: JournalPart::NONE,
        }
    }
}

impl Storage for Heap {}

impl Sealed for Heap {
    fn view(&self) -> View<'_> {
        View {
            slots: &self.slots,
            arena: &self.arena,
            inbox: &self.inbox,
            control: &self.control,
            alias_entries: [&self.entries_in, &self.entries_out],
            alias_names: [&self.names_in, &self.names_out],
            #[cfg(feature = "bytes")]
            payloads: SharedView::new(&self.payloads),
            #[cfg(not(feature = "bytes"))]
            payloads: SharedView::NONE,
        }
    }

    fn parts(&mut self) -> Parts<'_> {
        self.all_parts()
    }

    fn grow(&mut self, demand: Demand) {
        match demand {
            Demand::SendSlot { limit } => self.grow_slots(limit.min(Self::MOST_SLOTS)),
            Demand::ReceiveSlot { limit } => self.grow_inbox(limit),
            Demand::Arena { bytes } => {
                let length = bytes.next_power_of_two().max(Self::FIRST_ARENA);
                self.arena.resize(length.max(self.arena.len()), 0);
            }
            Demand::Control { bytes } => self.control.resize(bytes.max(self.control.len()), 0),
            Demand::Aliases { inbound, outbound, name } => {
                self.entries_in.resize(inbound, AliasEntry::UNBOUND);
                self.names_in.resize(inbound * name, 0);
                self.entries_out.resize(outbound, AliasEntry::UNBOUND);
                self.names_out.resize(outbound * name, 0);
            }
        }
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            send_slots: Self::MOST_SLOTS,
            arena: u32::MAX as usize / 2,
            receive_slots: Self::MOST_RECEIVED,
            control: usize::MAX,
            aliases: usize::from(u16::MAX),
        }
    }

    fn shrink(&mut self, arena_used: usize, slots_empty: bool) {
        if slots_empty {
            self.slots = Vec::new();
            #[cfg(feature = "bytes")]
            {
                self.payloads = Vec::new();
            }
        }
        self.arena.truncate(arena_used);
        self.arena.shrink_to_fit();
    }
}
