//! The store of topic names for aliases, and the index by topic: parts that only some storages have.

use crate::storage::{AliasEntry, TopicIndex};

/// The side that has bound an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::Server, Self::Client];

    /// Returns the element of this side.
    pub(super) const fn of<T>(self, [server, client]: &[T; 2]) -> &T {
        match self {
            Self::Server => server,
            Self::Client => client,
        }
    }

    pub(super) const fn of_mut<T>(self, [server, client]: &mut [T; 2]) -> &mut T {
        match self {
            Self::Server => server,
            Self::Client => client,
        }
    }
}

/// The topic names of both sides' aliases. `index` is the number of an alias less one.
pub(crate) trait NameStore: Send + Sync {
    /// Returns how many aliases there may be, and how many bytes all their names may have; each may have an equal part.
    fn lengths(&self, side: Side) -> (usize, usize);

    /// Returns the entries of the aliases; those behind the last one were never bound.
    fn entries(&self, side: Side) -> &[AliasEntry];

    /// Returns the stored name of an alias, possibly followed by unused bytes.
    fn name(&self, side: Side, index: usize) -> &[u8];

    /// Returns the entry of an alias, and room for a name of this length; an empty slice if the name is too long.
    /// `None` if there is no such alias.
    fn bind(&mut self, side: Side, index: usize, length: usize) -> Option<(&mut AliasEntry, &mut [u8])>;

    /// Unbinds the aliases of both sides.
    fn clear(&mut self);

    /// Returns the index of queued messages by topic, if there is one.
    fn topics(&mut self) -> Option<TopicIndex<'_>> {
        None
    }
}

/// Returns the longest topic name that an alias may have, in bytes.
pub(crate) fn longest_name(names: &dyn NameStore, side: Side) -> usize {
    let (aliases, bytes) = names.lengths(side);
    bytes.checked_div(aliases).unwrap_or(0)
}

/// Iterates over the bound aliases, with their names and sides.
pub(crate) fn bindings(names: &dyn NameStore) -> impl Iterator<Item = (usize, AliasEntry, &[u8])> {
    Side::BOTH.into_iter().flat_map(move |side| {
        let entries = names.entries(side).iter().enumerate();
        entries.filter(|(_, entry)| entry.serial != 0).map(move |(index, entry)| {
            let name = names.name(side, index).get(..entry.length.into()).unwrap_or_default();
            (2 * index + side as usize, *entry, name)
        })
    })
}
