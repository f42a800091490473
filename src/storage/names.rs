//! Where the names behind topic aliases are kept, and what else only some storages have.

use crate::storage::{AliasEntry, TopicIndex};

/// Who has bound an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::Server, Self::Client];

    /// What belongs to this side.
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

/// The names behind topic aliases of both sides. An alias is meant by its index: one less than its number.
pub(crate) trait NameStore: Send + Sync {
    /// How many aliases there may be, and how many bytes for all their names: each may have as many.
    fn lengths(&self, side: Side) -> (usize, usize);

    /// What is known of the aliases; those behind the last one were never bound.
    fn entries(&self, side: Side) -> &[AliasEntry];

    /// What is kept for an alias: its name, and perhaps bytes behind it that mean nothing.
    fn name(&self, side: Side, index: usize) -> &[u8];

    /// The entry of an alias, and as much room as a name of this length takes, or none if that is too long. `None` if there is no such alias.
    fn bind(&mut self, side: Side, index: usize, length: usize) -> Option<(&mut AliasEntry, &mut [u8])>;

    /// No alias of either side is bound any more.
    fn clear(&mut self);

    /// The index of waiting messages by topic, where one is kept.
    fn topics(&mut self) -> Option<TopicIndex<'_>> {
        None
    }
}

/// The longest name that may stand behind an alias.
pub(crate) fn longest_name(names: &dyn NameStore, side: Side) -> usize {
    let (aliases, bytes) = names.lengths(side);
    bytes.checked_div(aliases).unwrap_or(0)
}

/// Every alias that is bound, with its name and who has bound it.
pub(crate) fn bindings(names: &dyn NameStore) -> impl Iterator<Item = (usize, AliasEntry, &[u8])> {
    Side::BOTH.into_iter().flat_map(move |side| {
        let entries = names.entries(side).iter().enumerate();
        entries.filter(|(_, entry)| entry.serial != 0).map(move |(index, entry)| {
            let name = names.name(side, index).get(..entry.length.into()).unwrap_or_default();
            (2 * index + side as usize, *entry, name)
        })
    })
}
