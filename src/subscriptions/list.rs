//! The tables of subscriptions. The number of an entry's place does not change while the entry exists.

use crate::subscriptions::entry::Entry;
use crate::topic::TopicFilter;

#[cfg(feature = "alloc")]
pub use self::heap::HeapList;

/// The table in which [`Subscriptions`](super::Subscriptions) keep their entries. The trait is sealed: use
/// [`HeapList`](super::HeapList) or [`FixedList`].
pub trait List: sealed::Places {}

pub(super) mod sealed {
    use super::{Entry, TopicFilter};

    pub trait Places {
        fn find(&self, filter: TopicFilter<'_>) -> Option<usize>;
        /// Returns a bound: all places are below it.
        fn end(&self) -> usize;
        fn filter(&self, place: usize) -> Option<TopicFilter<'_>>;
        fn entry(&self, place: usize) -> Option<&Entry>;
        fn entry_mut(&mut self, place: usize) -> Option<&mut Entry>;
        fn remove(&mut self, place: usize);
    }

    /// A list that can keep filters of the lifetime `'f`.
    pub trait Keep<'f>: Places {
        /// Adds an entry and returns its place; `None` if the list is full.
        fn add(&mut self, filter: TopicFilter<'f>, entry: Entry) -> Option<usize>;
    }
}

/// A table of up to `N` subscriptions, inline; it never allocates. The texts of the filters are borrowed, for example
/// from flash. An empty list is all zeros.
#[derive(Clone, Debug)]
pub struct FixedList<'f, const N: usize> {
    filters: [Option<TopicFilter<'f>>; N],
    /// Each entry belongs to the filter at the same place, if there is one.
    entries: [Entry; N],
}

impl<const N: usize> FixedList<'_, N> {
    /// Creates an empty list.
    pub const fn new() -> Self {
        Self { filters: [None; N], entries: [Entry::BLANK; N] }
    }
}

impl<const N: usize> Default for FixedList<'_, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> List for FixedList<'_, N> {}

impl<const N: usize> sealed::Places for FixedList<'_, N> {
    fn find(&self, filter: TopicFilter<'_>) -> Option<usize> {
        self.filters.iter().position(|known| *known == Some(filter))
    }

    fn end(&self) -> usize {
        N
    }

    fn filter(&self, place: usize) -> Option<TopicFilter<'_>> {
        *self.filters.get(place)?
    }

    fn entry(&self, place: usize) -> Option<&Entry> {
        self.filter(place)?;
        self.entries.get(place)
    }

    fn entry_mut(&mut self, place: usize) -> Option<&mut Entry> {
        self.filter(place)?;
        self.entries.get_mut(place)
    }

    fn remove(&mut self, place: usize) {
        if let Some(place) = self.filters.get_mut(place) {
            *place = None;
        }
    }
}

impl<'f, const N: usize> sealed::Keep<'f> for FixedList<'f, N> {
    fn add(&mut self, filter: TopicFilter<'f>, entry: Entry) -> Option<usize> {
        let place = self.filters.iter().position(Option::is_none)?;
        *self.filters.get_mut(place)? = Some(filter);
        *self.entries.get_mut(place)? = entry;
        Some(place)
    }
}

#[cfg(feature = "alloc")]
mod heap {
    use alloc::boxed::Box;
    use core::fmt;

    use super::{Entry, List, TopicFilter, sealed};
    use crate::router::Router;
    use crate::slab::Slab;

    /// A table of any number of subscriptions, on the heap. The time to find a filter does not depend on their number.
    #[derive(Clone)]
    pub struct HeapList {
        entries: Slab<(Box<str>, Entry)>,
        places: Router<usize>,
    }

    impl HeapList {
        /// Creates an empty list, without an allocation.
        pub const fn new() -> Self {
            Self { entries: Slab::EMPTY, places: Router::new() }
        }
    }

    impl Default for HeapList {
        fn default() -> Self {
            Self::new()
        }
    }

    impl fmt::Debug for HeapList {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_list().entries(self.entries.iter()).finish()
        }
    }

    impl List for HeapList {}

    impl sealed::Places for HeapList {
        fn find(&self, filter: TopicFilter<'_>) -> Option<usize> {
            self.places.get(filter).copied()
        }

        fn end(&self) -> usize {
            self.entries.end()
        }

        fn filter(&self, place: usize) -> Option<TopicFilter<'_>> {
            self.entries.get(place).map(|(filter, _)| TopicFilter::trusted(filter))
        }

        fn entry(&self, place: usize) -> Option<&Entry> {
            self.entries.get(place).map(|(_, entry)| entry)
        }

        fn entry_mut(&mut self, place: usize) -> Option<&mut Entry> {
            self.entries.get_mut(place).map(|(_, entry)| entry)
        }

        fn remove(&mut self, place: usize) {
            if let Some((filter, _)) = self.entries.remove(place) {
                self.places.remove(TopicFilter::trusted(&filter));
            }
        }
    }

    impl<'f> sealed::Keep<'f> for HeapList {
        fn add(&mut self, filter: TopicFilter<'f>, entry: Entry) -> Option<usize> {
            let place = self.entries.insert((filter.as_str().into(), entry));
            self.places.insert(filter, place);
            Some(place)
        }
    }
}
