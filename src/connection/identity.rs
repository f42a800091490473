//! Equality, hashing and debug output by meaning: unused bytes of the arena and statistics are ignored.

use core::fmt;
use core::hash::{Hash, Hasher};

use crate::connection::Connection;
use crate::connection::core::Core;
use crate::storage::{AliasEntry, ReceiveSlot, SendSlot, Storage, View, bindings};

/// Everything that distinguishes connections, apart from the bytes.
type Books<'a> = (
    &'a crate::limits::StoredLimits,
    crate::session::Outgoing,
    &'a crate::session::Incoming,
    crate::session::Aliases,
    (crate::time::Epoch, crate::time::Instant),
    &'a crate::connection::link::Link,
);

fn books(core: &Core) -> Books<'_> {
    (
        &core.limits,
        core.outgoing.without_positions(),
        &core.incoming,
        core.aliases.of_this_link(),
        (core.epoch, core.now),
        &core.link,
    )
}

/// Returns the bytes of a packet in the arena and outside.
fn bytes_of<'a>(view: &View<'a>, index: usize, slot: &SendSlot) -> (&'a [u8], &'a [u8]) {
    let start = slot.position as usize;
    let bytes = view.arena.get(start..start + slot.length as usize).unwrap_or_default();
    (bytes, view.payloads.get(index))
}

/// Iterates over all packets with their bytes, list by list, since the position of a slot depends on the table's
/// capacity, and that of its bytes on compaction.
fn packets<'a>(core: &Core, view: &View<'a>) -> impl Iterator<Item = (SendSlot, (&'a [u8], &'a [u8]))> {
    core.outgoing.packets(view.slots).map(|(index, slot)| {
        let bytes = bytes_of(view, index, slot);
        (SendSlot { position: 0, attempts: 0, ..*slot }, bytes)
    })
}

/// Iterates over the messages from the server, without the index, which depends on the table's capacity.
fn messages<'a>(view: &View<'a>) -> impl Iterator<Item = ReceiveSlot> + use<'a> {
    view.inbox.iter().filter(|slot| slot.id != 0).map(|slot| slot.without_index())
}

/// Iterates over the topic names of aliases.
fn names<'a>(view: &View<'a>) -> impl Iterator<Item = (usize, AliasEntry, &'a [u8])> + use<'a> {
    view.names.into_iter().flat_map(bindings)
}

impl<S: Storage> PartialEq for Connection<S> {
    fn eq(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.storage.view(), other.storage.view());
        let control = |core: &Core, view: &View<'_>, other: &[u8]| core.link.control.bytes(view.control) == other;
        books(&self.core) == books(&other.core)
            && packets(&self.core, &ours).eq(packets(&other.core, &theirs))
            && messages(&ours).eq(messages(&theirs))
            && names(&ours).eq(names(&theirs))
            && control(&self.core, &ours, other.core.link.control.bytes(theirs.control))
    }
}

impl<S: Storage> Eq for Connection<S> {}

impl<S: Storage> Hash for Connection<S> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let view = self.storage.view();
        books(&self.core).hash(state);
        packets(&self.core, &view).for_each(|packet| packet.hash(state));
        messages(&view).for_each(|slot| slot.hash(state));
        self.core.link.control.bytes(view.control).hash(state);
        names(&view).for_each(|(index, entry, _)| (index, entry).hash(state));
    }
}

impl<S: Storage> fmt::Debug for Connection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("state", &self.state())
            .field("version", &self.version())
            .field("pending", &self.pending())
            .field("in_flight", &self.core.outgoing.in_flight())
            .field("next_timer", &self.next_timer())
            .field("stats", &self.core.stats.stats())
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<S: Storage> defmt::Format for Connection<S> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}, {}, {=usize} pending", self.version(), self.state(), self.pending());
    }
}
