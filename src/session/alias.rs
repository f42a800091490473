//! Topic aliases (§3.3.2.3.4), which are valid for one link.

use crate::copying::copy;
use crate::storage::{AliasEntry, NameStore, Side, longest_name};

/// The aliases of both directions. They end with the link `[MQTT-3.3.2-7]`. Serial numbers continue, so that a
/// `TopicAlias` of an earlier link stays invalid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Aliases {
    serial: u32,
    /// The number of outbound aliases that are bound on this link.
    bound: u16,
    /// The outbound alias to rebind next, once all are bound.
    oldest: u16,
    /// The alias that the last outbound message binds; 0 if the message binds none.
    latest: u16,
    /// Set if the server has used an alias whose name was too long for the storage: then no aliases are announced to
    /// it, on later links either.
    pub(crate) has_forgotten: bool,
}

/// The state of an inbound alias.
pub(crate) enum AliasState {
    Name,
    /// Bound to a name that is too long for the storage.
    TooLong,
    /// Bound to an invalid topic.
    Invalid,
    Unbound,
}

/// How an outbound message carries its topic.
pub(crate) enum Outbound {
    /// By an alias that the server knows.
    Known(u16),
    /// By topic and a new alias, which are sent together.
    New(u16),
    /// By topic only: the name does not fit the storage.
    None,
}

impl Aliases {
    pub(crate) const EMPTY: Self = Self { serial: 0, bound: 0, oldest: 0, latest: 0, has_forgotten: false };

    /// Returns the state without what is kept for later links.
    pub(crate) const fn of_this_link(mut self) -> Self {
        self.has_forgotten = false;
        self
    }

    /// Unbinds all aliases.
    pub(crate) fn clear(&mut self, names: &mut dyn NameStore) {
        names.clear();
        (self.bound, self.oldest, self.latest) = (0, 0, 0);
    }

    /// Binds an alias of one side to `name`. If the name is too long, or invalid (an empty slice), that state is
    /// stored.
    pub(crate) fn bind(&mut self, names: &mut dyn NameStore, side: Side, alias: u16, name: &[u8]) {
        self.serial = self.serial.wrapping_add(1).max(1);
        let index = usize::from(alias).wrapping_sub(1);
        let Some((entry, place)) = names.bind(side, index, name.len()) else { return };
        copy(name, place);
        let hash = if place.is_empty() { u16::from(name.is_empty()) } else { short_fingerprint(name) };
        *entry = AliasEntry { serial: self.serial, length: place.len() as u16, hash };
    }

    /// Undoes the binding of the last outbound message, if there was one: it was not sent.
    pub(crate) fn take_back(&mut self, names: &mut dyn NameStore) {
        if let Some((entry, _)) = names.bind(Side::Client, usize::from(self.latest).wrapping_sub(1), 0) {
            *entry = AliasEntry::UNBOUND;
        }
    }

    /// Returns the serial number of the latest binding of the server's `alias`, and its state.
    pub(crate) fn lookup(names: &dyn NameStore, alias: u16) -> (u32, AliasState) {
        match names.entries(Side::Server).get(usize::from(alias).wrapping_sub(1)) {
            None | Some(AliasEntry { serial: 0, .. }) => (0, AliasState::Unbound),
            Some(AliasEntry { serial, length: 0, hash }) => {
                (*serial, if *hash == 0 { AliasState::TooLong } else { AliasState::Invalid })
            }
            Some(entry) => (entry.serial, AliasState::Name),
        }
    }

    /// Returns the topic name of `alias`, if its binding still has this serial number.
    pub(crate) fn name(names: &dyn NameStore, side: Side, alias: u16, serial: u32) -> Option<&[u8]> {
        let index = usize::from(alias).checked_sub(1)?;
        let is_it = |entry: &&AliasEntry| entry.serial == serial && entry.length > 0;
        let entry = names.entries(side).get(index).filter(is_it)?;
        names.name(side, index).get(..usize::from(entry.length))
    }

    /// Finds or binds the alias for an outbound `topic`, at most `maximum` of them `[MQTT-3.3.2-9]` `[MQTT-3.2.2-17]`.
    pub(crate) fn outbound(&mut self, names: &mut dyn NameStore, topic: &[u8], maximum: u16) -> Outbound {
        self.latest = 0;
        let (aliases, _) = names.lengths(Side::Client);
        let maximum = usize::from(maximum).min(aliases) as u16;
        if maximum == 0 || topic.len() > longest_name(names, Side::Client) {
            return Outbound::None;
        }
        let hash = short_fingerprint(topic);
        for (alias, entry) in (1..=self.bound.min(maximum)).zip(names.entries(Side::Client)) {
            let is_same = entry.hash == hash && Self::name(names, Side::Client, alias, entry.serial) == Some(topic);
            if is_same {
                return Outbound::Known(alias);
            }
        }
        let alias = if self.bound < maximum {
            self.bound += 1;
            self.bound
        } else {
            self.oldest = self.oldest % maximum + 1;
            self.oldest
        };
        self.bind(names, Side::Client, alias, topic);
        self.latest = alias;
        Outbound::New(alias)
    }
}

/// Returns a hash of a text (FNV-1a), to detect mistakes and to save comparisons. It is not secure against chosen
/// collisions.
pub(crate) fn fingerprint(text: &[u8]) -> u32 {
    text.iter().fold(0x811C_9DC5, |hash: u32, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

fn short_fingerprint(name: &[u8]) -> u16 {
    let hash = fingerprint(name);
    (hash ^ hash >> 16) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Fixed;
    use crate::storage::sealed::Sealed;

    #[test]
    fn outbound_aliases_are_shared_out_and_taken_back_in_turn() {
        let mut storage = Fixed::<0, 1, 1, 16, 2, 8>::new();
        let names = storage.parts().names.unwrap();
        let mut aliases = Aliases::default();
        let mut send = |topic: &str| match aliases.outbound(names, topic.as_bytes(), 2) {
            Outbound::Known(alias) => (alias, "known"),
            Outbound::New(alias) => (alias, "new"),
            Outbound::None => (0, "none"),
        };
        assert_eq!(send("a"), (1, "new"));
        assert_eq!(send("b"), (2, "new"));
        assert_eq!(send("a"), (1, "known"));
        assert_eq!(send("c"), (1, "new"));
        assert_eq!(send("a"), (2, "new"));
        assert_eq!(send("c"), (1, "known"));
        assert_eq!(send("longer than 8"), (0, "none"));
    }

    #[test]
    fn a_binding_replaced_is_not_shown_to_an_old_handle() {
        let mut storage = Fixed::<0, 1, 1, 16, 1, 8>::new();
        let names = storage.parts().names.unwrap();
        let mut aliases = Aliases::default();
        aliases.bind(names, Side::Server, 1, b"old");
        let (serial, _) = Aliases::lookup(names, 1);
        assert_eq!(Aliases::name(names, Side::Server, 1, serial), Some(&b"old"[..]));
        aliases.bind(names, Side::Server, 1, b"new");
        assert_eq!(Aliases::name(names, Side::Server, 1, serial), None);
        aliases.bind(names, Side::Server, 1, b"much too long");
        assert!(matches!(Aliases::lookup(names, 1), (_, AliasState::TooLong)));
        aliases.bind(names, Side::Server, 1, b"");
        assert!(matches!(Aliases::lookup(names, 1), (_, AliasState::Invalid)));
        aliases.clear(names);
        assert!(matches!(Aliases::lookup(names, 1), (_, AliasState::Unbound)));
    }
}
