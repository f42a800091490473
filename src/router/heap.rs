//! The router on the heap.

use alloc::boxed::Box;
use core::fmt;

use crate::router::tree::{Place, Tree};
use crate::router::walk::{Visit, Walk};
use crate::slab::Slab;
use crate::topic::{TopicFilter, TopicName};

/// Maps topic filters to values, in a tree on the heap, for many filters.
///
/// The time of a match depends on the levels of the topic, not on the number of filters. Where filters with `+` and
/// filters with names branch at the same level, both branches are followed; no node is visited twice. Matching
/// allocates nothing.
///
/// The [module's page](crate::router) has examples.
#[derive(Clone)]
pub struct Router<T> {
    tree: Tree,
    entries: Slab<Entry<T>>,
    default: Option<T>,
}

/// The value of one filter. The entries at one place of the tree are linked.
#[derive(Clone)]
struct Entry<T> {
    /// The share name; empty if the filter is not shared.
    share: Box<str>,
    value: T,
    /// The next entry; 0 for none.
    next: usize,
}

impl<T> Router<T> {
    /// Creates a router without filters, and without an allocation.
    pub const fn new() -> Self {
        Self::with_seed(0)
    }

    /// Like [`new`](Self::new), for untrusted filters: a secret seed prevents filters that are chosen to be slow to
    /// find. Topics cannot be chosen to be slow, whatever the seed is.
    pub const fn with_seed(seed: u64) -> Self {
        Self { tree: Tree::new(seed), entries: Slab::EMPTY, default: None }
    }

    /// Returns the number of filters.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there are no filters.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sets the value of `filter`, and returns the previous one.
    pub fn insert(&mut self, filter: TopicFilter<'_>, value: T) -> Option<T> {
        let (share, levels) = parts(filter);
        let place = self.tree.find_or_grow(levels);
        if let Some(entry) = self.find(place, share).and_then(|number| self.entries.get_mut(number)) {
            return Some(core::mem::replace(&mut entry.value, value));
        }
        let next = self.head(place);
        let number = self.entries.insert(Entry { share: share.into(), value, next });
        self.tree.set_head(place, number);
        None
    }

    /// Removes `filter`, and returns its value.
    pub fn remove(&mut self, filter: TopicFilter<'_>) -> Option<T> {
        let (share, levels) = parts(filter);
        let place = self.tree.find(levels)?;
        let number = self.find(place, share)?;
        let before = self.chain(self.head(place)).find(|before| self.next(*before) == number);
        let Entry { value, next, .. } = self.entries.remove(number)?;
        match before.and_then(|before| self.entries.get_mut(before)) {
            Some(before) => before.next = next,
            None => self.tree.set_head(place, next),
        }
        Some(value)
    }

    /// Returns the value of exactly this filter.
    pub fn get(&self, filter: TopicFilter<'_>) -> Option<&T> {
        let (share, levels) = parts(filter);
        let number = self.find(self.tree.find(levels)?, share)?;
        self.entries.get(number).map(|entry| &entry.value)
    }

    /// Returns the value of exactly this filter, for modification.
    pub fn get_mut(&mut self, filter: TopicFilter<'_>) -> Option<&mut T> {
        let (share, levels) = parts(filter);
        let number = self.find(self.tree.find(levels)?, share)?;
        self.entries.get_mut(number).map(|entry| &mut entry.value)
    }

    /// Iterates over the values of all filters, in no particular order.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|entry| &entry.value)
    }

    /// Iterates over the values of all filters, for modification, in no particular order.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().map(|entry| &mut entry.value)
    }

    /// Removes all filters; the default is kept.
    pub fn clear(&mut self) {
        self.tree.clear();
        self.entries = Slab::EMPTY;
    }

    /// Returns the value for topics that no filter matches.
    pub fn default_value(&self) -> Option<&T> {
        self.default.as_ref()
    }

    /// Sets the value for topics that no filter matches, and returns the previous one.
    pub fn set_default(&mut self, value: Option<T>) -> Option<T> {
        core::mem::replace(&mut self.default, value)
    }

    /// Iterates over the values of all filters that match `topic`, in no particular order, without the default.
    pub fn matches<'r>(&'r self, topic: TopicName<'r>) -> Matches<'r, T> {
        Matches { router: self, walk: Walk::new(topic), lists: [0; 2], default: None }
    }

    /// Iterates over the values of all filters that match `topic`; the default if none does.
    pub fn route<'r>(&'r self, topic: TopicName<'r>) -> Matches<'r, T> {
        Matches { default: self.default.as_ref(), ..self.matches(topic) }
    }

    /// Calls `handle` with the value of each filter that matches `topic`, or with the default if none does. Returns how
    /// many filters matched.
    pub fn dispatch(&mut self, topic: TopicName<'_>, mut handle: impl FnMut(&mut T)) -> usize {
        let mut walk = Walk::new(topic);
        let mut count = 0;
        while let Some(visit) = walk.next(&self.tree) {
            for mut number in self.lists(&visit) {
                while let Some(entry) = self.entries.get_mut(number) {
                    handle(&mut entry.value);
                    number = entry.next;
                    count += 1;
                }
            }
        }
        if let Some(default) = self.default.as_mut().filter(|_| count == 0) {
            handle(default);
        }
        count
    }

    /// Returns the first entries that match at a node: of filters that end with `#`, and of filters that end there.
    fn lists(&self, visit: &Visit) -> [usize; 2] {
        let Some(node) = self.tree.node(visit.node) else { return [0; 2] };
        let list = |matches: bool, is_tail: bool| if matches { node.head(is_tail) } else { 0 };
        [list(visit.takes_tail, true), list(visit.is_end, false)]
    }

    fn head(&self, place: Place) -> usize {
        self.tree.node(place.node).map_or(0, |node| node.head(place.is_tail))
    }

    fn next(&self, number: usize) -> usize {
        self.entries.get(number).map_or(0, |entry| entry.next)
    }

    /// Iterates over the linked entries from `first` on.
    fn chain(&self, first: usize) -> impl Iterator<Item = usize> {
        let exists = |number: &usize| *number != 0;
        core::iter::successors(Some(first).filter(exists), move |number| Some(self.next(*number)).filter(exists))
    }

    fn find(&self, place: Place, share: &str) -> Option<usize> {
        self.chain(self.head(place))
            .find(|number| self.entries.get(*number).is_some_and(|entry| *entry.share == *share))
    }
}

/// Returns the share name (empty if there is none) and the filter behind it.
fn parts<'f>(filter: TopicFilter<'f>) -> (&'f str, &'f str) {
    filter.share().unwrap_or(("", filter.as_str()))
}

impl<T> Default for Router<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Router<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("filters", &self.len()).finish_non_exhaustive()
    }
}

/// Iterates over the values of the filters that match a topic; see [`Router::matches`] and [`Router::route`].
#[derive(Clone)]
pub struct Matches<'r, T> {
    router: &'r Router<T>,
    walk: Walk<'r>,
    /// The rest of the lists at the last visited node.
    lists: [usize; 2],
    /// The value to return if no filter matches.
    default: Option<&'r T>,
}

impl<'r, T> Iterator for Matches<'r, T> {
    type Item = &'r T;

    fn next(&mut self) -> Option<&'r T> {
        loop {
            for number in &mut self.lists {
                if let Some(entry) = self.router.entries.get(*number) {
                    *number = entry.next;
                    self.default = None;
                    return Some(&entry.value);
                }
            }
            match self.walk.next(&self.router.tree) {
                Some(visit) => self.lists = self.router.lists(&visit),
                None => return self.default.take(),
            }
        }
    }
}

impl<T> core::iter::FusedIterator for Matches<'_, T> {}

impl<T> fmt::Debug for Matches<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matches").finish_non_exhaustive()
    }
}
