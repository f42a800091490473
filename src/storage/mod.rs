//! Where a connection keeps what must survive: plain slices, handed out by one of three storages.
//!
//! | storage | memory | for |
//! |---|---|---|
//! | [`Heap`] (feature `alloc`) | grows on demand up to the connection's limits | servers, gateways, desktops |
//! | [`Fixed`] | inline, sized by const parameters; never allocates | firmware with a `static` |
//! | [`Borrowed`] | slices that the caller lends | memory that must lie in a certain place |
//!
//! All logic is written once over the slices; the storages differ only in where the slices come from.

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

/// Where a connection keeps its session. Sealed: use [`Heap`], [`Fixed`] or [`Borrowed`], or with the feature `journal` one of them in `Journaled`.
pub trait Storage: sealed::Sealed {
    /// How long its parts are; `None` for one that grows ([`Heap`]). A [`Borrowed`] with parts of these lengths leads to the same behaviour.
    fn lengths(&self) -> Option<Lengths> {
        let view = self.view();
        (self.bounds().control == view.control.len()).then(|| Lengths::of(&view))
    }
}

pub(crate) mod sealed {
    use super::{Parts, SendSlot, View};

    /// What is short.
    #[derive(Clone, Copy)]
    pub enum Demand {
        /// One more send slot; at most so many in all.
        SendSlot { limit: usize },
        /// An arena of at least so many bytes.
        Arena { bytes: usize },
        /// One more receive slot; at most so many in all.
        ReceiveSlot { limit: usize },
        /// A control area of so many bytes.
        Control { bytes: usize },
        /// Room for so many topic aliases in each direction, with names of at most so many bytes; taken as aliases are bound.
        Aliases { inbound: usize, outbound: usize, name: usize },
        /// A place for payloads that are kept by reference.
        SharedPayload,
        /// An index that finds waiting messages by topic.
        TopicIndex,
    }

    pub trait Sealed {
        /// There may be room for topic aliases. Where there never is, firmware carries nothing that deals with them.
        const MAY_HAVE_ALIASES: bool = true;
        /// There may be a journal. Where there never is, nothing that deals with one is carried.
        const MAY_HAVE_JOURNAL: bool = false;
        /// It can have an index that finds waiting messages by topic.
        const MAY_INDEX_TOPICS: bool = false;

        fn view(&self) -> View<'_>;
        fn parts(&mut self) -> Parts<'_>;

        /// Changes of the session are noted for durable memory.
        fn has_journal(&self) -> bool {
            false
        }

        /// The records that wait to be written to durable memory.
        fn records(&self) -> &[u8] {
            &[]
        }

        /// The send slots alone.
        fn slots(&mut self) -> &mut [SendSlot] {
            self.parts().slots
        }

        /// Tries to meet `demand`; storages of a fixed size cannot.
        fn grow(&mut self, _demand: Demand) {}

        /// How large each part may become: what is there already, or without bound.
        fn bounds(&self) -> Bounds;

        /// Gives memory back that is not in use.
        fn shrink(&mut self, _used: Used) {}
    }

    /// What of a storage must stay.
    pub struct Used {
        /// Bytes from the start of the arena.
        pub arena: usize,
        /// Bytes from the start of the control area.
        pub control: usize,
        pub slots_are_empty: bool,
        pub inbox_is_empty: bool,
        /// No link is up, so no topic alias is bound.
        pub is_closed: bool,
    }

    /// How large the parts of a storage may become.
    #[derive(Clone, Copy)]
    pub struct Bounds {
        pub send_slots: usize,
        /// How many there are now.
        pub slots_now: usize,
        pub arena: usize,
        /// How long it is now.
        pub arena_now: usize,
        pub receive_slots: usize,
        pub control: usize,
        pub aliases: usize,
        /// Payloads can be kept by reference.
        pub shares_payloads: bool,
    }
}
