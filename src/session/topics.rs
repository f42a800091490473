//! An index of queued messages by topic, for [`Overflow::LatestPerTopic`](crate::Overflow::LatestPerTopic): without it,
//! each new message would be compared with every queued one.
//!
//! Sending and acknowledging do not update the index. It is updated when a message is published: the packets accepted
//! since the last update are entered. A packet found in a chain is checked, and removed from the chain if it is
//! finished or was partly sent; a reused place is removed from its old chain first. So each message is entered once and
//! removed once, and chains contain few stale entries. Chains are in the order of the log. Only a new session makes
//! messages unsent again: then the index is rebuilt.

use crate::session::alias::fingerprint;
use crate::session::list::{find, iter_from};
use crate::session::outgoing::Outgoing;
use crate::session::queue::topic_of;
use crate::storage::{Parts, SendSlot, TopicEntry, TopicIndex, topic_index};

impl Outgoing {
    /// Enters the messages that were accepted since the last call, if there is an index.
    pub(crate) fn index_topics(&self, parts: &mut Parts<'_>) {
        let Parts { slots, arena, names, .. } = parts;
        if let Some(mut index) = topic_index(names, slots) {
            self.enter_new(slots, arena, &mut index);
        }
    }

    fn enter_new(&self, slots: &[SendSlot], arena: &[u8], index: &mut TopicIndex<'_>) {
        let is_new = |slot: &&SendSlot| slot.handle > *index.seen;
        let (mut first, mut id) = (0, self.log.last());
        while let Some(slot) = find(slots, id).filter(is_new) {
            first = id;
            id = slot.previous;
        }
        for slot in iter_from(slots, first).filter(|slot| Self::is_droppable(slot)) {
            index.enter(slot.id(), fingerprint(topic_of(arena, slot).unwrap_or_default()));
        }
        *index.seen = self.last_handle;
    }

    /// Returns the oldest unsent message to `topic`, 0 if there is none; `None` if there is no index.
    pub(super) fn find_topic(&self, parts: &mut Parts<'_>, topic: &[u8]) -> Option<u16> {
        let Parts { slots, arena, names, .. } = parts;
        let mut index = topic_index(names, slots)?;
        self.enter_new(slots, arena, &mut index);
        let hash = fingerprint(topic);
        let mut id = index.bucket(hash).first;
        while id != 0 {
            let entry = index.at(id);
            match find(slots, id).filter(|slot| Self::is_droppable(slot)) {
                None => index.remove(id),
                Some(slot) if entry.hash == hash && topic_of(arena, slot) == Some(topic) => return Some(id),
                Some(_) => {}
            }
            id = entry.next;
        }
        Some(0)
    }
}

impl TopicIndex<'_> {
    /// Appends a packet to its chain.
    fn enter(&mut self, id: u16, hash: u32) {
        let replaced = self.at(id).id;
        self.remove(replaced);
        let previous = self.bucket(hash).last;
        if let Some(entry) = self.entries.get_mut(wrap(self.entries.len(), id)) {
            (entry.hash, entry.id, entry.previous, entry.next) = (hash, id, previous, 0);
        }
        self.link(hash, previous, id);
        self.link_back(hash, 0, id);
    }

    /// Removes a packet from its chain.
    fn remove(&mut self, id: u16) {
        let TopicEntry { hash, id: found, previous, next, .. } = self.at(id);
        if id == 0 || found != id {
            return;
        }
        self.link(hash, previous, next);
        self.link_back(hash, next, previous);
        if let Some(entry) = self.entries.get_mut(wrap(self.entries.len(), id)) {
            entry.id = 0;
        }
    }

    /// Sets `next` as the successor of `previous`, or as the first in the bucket of `hash`.
    fn link(&mut self, hash: u32, previous: u16, next: u16) {
        let length = self.entries.len();
        let place = if previous == 0 { fold(length, hash) } else { wrap(length, previous) };
        if let Some(entry) = self.entries.get_mut(place) {
            *if previous == 0 { &mut entry.first } else { &mut entry.next } = next;
        }
    }

    /// Sets `previous` as the predecessor of `next`, or as the last in the bucket of `hash`.
    fn link_back(&mut self, hash: u32, next: u16, previous: u16) {
        let length = self.entries.len();
        let place = if next == 0 { fold(length, hash) } else { wrap(length, next) };
        if let Some(entry) = self.entries.get_mut(place) {
            *if next == 0 { &mut entry.last } else { &mut entry.previous } = previous;
        }
    }

    /// Returns the entry of this packet.
    fn at(&self, id: u16) -> TopicEntry {
        self.entries.get(wrap(self.entries.len(), id)).copied().unwrap_or_default()
    }

    /// Returns the entry with the ends of the chain for this fingerprint.
    fn bucket(&self, hash: u32) -> TopicEntry {
        self.entries.get(fold(self.entries.len(), hash)).copied().unwrap_or_default()
    }
}

/// Returns the index of a packet in a table of this length, which is a power of two.
const fn wrap(length: usize, id: u16) -> usize {
    id as usize & length.wrapping_sub(1)
}

/// Returns the bucket of a fingerprint.
const fn fold(length: usize, hash: u32) -> usize {
    (hash ^ hash >> 16) as usize & length.wrapping_sub(1)
}
