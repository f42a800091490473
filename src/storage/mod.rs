//! Where a connection keeps its session: slices, which one of three storages provides.
//!
//! | storage | memory | for |
//! |---|---|---|
//! | [`Heap`] (feature `alloc`) | grows on demand up to the connection's limits | servers, gateways, desktops |
//! | [`Fixed`] | inline, sized by const parameters; never allocates | firmware with a `static` |
//! | [`Borrowed`] | slices that the caller lends | memory at a certain address |
//!
//! The engine works on the slices; the storages differ only in where the slices come from.

mod borrowed;
#[cfg(feature = "journal")]
mod crc;
mod fixed;
#[cfg(feature = "alloc")]
mod heap;
pub(crate) mod inbox;
mod journal;
#[cfg(feature = "journal")]
mod journaled;
mod names;
mod notes;
mod payload;
mod progress;
mod record;
mod shape;
mod slot;
mod topics;

pub use self::borrowed::{Borrowed, Buffers};
pub use self::fixed::Fixed;
#[cfg(feature = "alloc")]
pub use self::heap::Heap;
#[cfg(feature = "journal")]
pub use self::journaled::Journaled;
pub use self::payload::Payload;
pub use self::shape::Lengths;
pub use self::slot::{AliasEntry, ReceiveSlot, SendSlot};

#[cfg(feature = "journal")]
pub(crate) use self::journal::Books;
pub(crate) use self::journal::{JournalPart, LostSession};
pub(crate) use self::names::{NameStore, Side, bindings, longest_name};
pub(crate) use self::notes::{Fact, Notes};
pub(crate) use self::payload::{SharedPayloads, SharedView};
pub(crate) use self::progress::{Answer, Known, Progress, Reach, Stands, Watcher};
pub(crate) use self::record::{MessageFlags, Record, SessionFact};
#[cfg(feature = "journal")]
pub(crate) use self::record::{Next, START, Written, checksum, is_erased, longest_snapshot};
pub(crate) use self::shape::{MOST_ARENA, Parts, View, topic_index};
pub(crate) use self::slot::{Detail, Kind, Marks, MessageMarks, ReceiveState, RequestMarks};
pub(crate) use self::topics::{MAY_GROW, TopicEntry, TopicIndex};

/// Where a connection keeps its session. The trait is sealed: use [`Heap`], [`Fixed`] or [`Borrowed`], or with the
/// feature `journal` one of them in `Journaled`.
pub trait Storage: sealed::Sealed {
    /// Returns the lengths of its parts; `None` for one that grows ([`Heap`]). A [`Borrowed`] with parts of these
    /// lengths behaves in the same way.
    fn lengths(&self) -> Option<Lengths> {
        let view = self.view();
        (self.bounds().control == view.control.len()).then(|| Lengths::of(&view))
    }
}

pub(crate) mod sealed {
    use super::{Parts, SendSlot, View};

    /// What the storage has too little of.
    #[derive(Clone, Copy)]
    pub enum Demand {
        /// One more send slot; at most `limit` in all.
        SendSlot { limit: usize },
        /// An arena of at least `bytes` bytes.
        Arena { bytes: usize },
        /// One more receive slot; at most `limit` in all.
        ReceiveSlot { limit: usize },
        /// A control area of `bytes` bytes.
        Control { bytes: usize },
        /// Room for so many topic aliases in each direction, with names of at most `name` bytes; allocated as aliases
        /// are bound.
        Aliases { inbound: usize, outbound: usize, name: usize },
        /// Room for payloads that are kept by reference.
        SharedPayload,
        /// An index of queued messages by topic.
        TopicIndex,
    }

    pub trait Sealed {
        /// Whether there may be room for topic aliases. If false, code for aliases is not linked into firmware.
        const MAY_HAVE_ALIASES: bool = true;
        /// Whether there may be a journal. If false, code for it is not linked.
        const MAY_HAVE_JOURNAL: bool = false;
        /// Whether there may be an index of queued messages by topic.
        const MAY_INDEX_TOPICS: bool = false;

        fn view(&self) -> View<'_>;
        fn parts(&mut self) -> Parts<'_>;

        /// Returns whether changes of the session are recorded for durable memory.
        fn has_journal(&self) -> bool {
            false
        }

        /// Returns the records that are to be written to durable memory.
        fn records(&self) -> &[u8] {
            &[]
        }

        /// Returns the send slots only.
        fn slots(&mut self) -> &mut [SendSlot] {
            self.parts().slots
        }

        /// Tries to grow as `demand` asks; storages of fixed size cannot.
        fn grow(&mut self, _demand: Demand) {}

        /// Returns how large each part may become.
        fn bounds(&self) -> Bounds;

        /// Frees memory that is not in use.
        fn shrink(&mut self, _used: Used) {}
    }

    /// What a storage must keep when it shrinks.
    pub struct Used {
        /// Bytes from the start of the arena.
        pub arena: usize,
        /// Bytes from the start of the control area.
        pub control: usize,
        pub slots_are_empty: bool,
        pub inbox_is_empty: bool,
        /// Whether there is no link, so that no topic alias is bound.
        pub is_closed: bool,
    }

    /// How large the parts of a storage may become.
    #[derive(Clone, Copy)]
    pub struct Bounds {
        pub send_slots: usize,
        /// The present number of send slots.
        pub slots_now: usize,
        pub arena: usize,
        /// The present length of the arena.
        pub arena_now: usize,
        pub receive_slots: usize,
        pub control: usize,
        pub aliases: usize,
        /// Whether payloads can be kept by reference.
        pub shares_payloads: bool,
    }
}
