//! Send slots by packet identifier, and lists that link them by identifier, so that nothing needs to be relinked when
//! the table grows.

use crate::storage::SendSlot;
use crate::types::Handle;

/// Returns the index of the slot for this identifier.
pub(super) const fn place(slots: &[SendSlot], id: u16) -> usize {
    id as usize & slots.len().wrapping_sub(1)
}

pub(crate) fn find(slots: &[SendSlot], id: u16) -> Option<&SendSlot> {
    slots.get(place(slots, id)).filter(|slot| slot.id() == id && id != 0)
}

pub(crate) fn find_mut(slots: &mut [SendSlot], id: u16) -> Option<&mut SendSlot> {
    slots.get_mut(place(slots, id)).filter(|slot| slot.id() == id && id != 0)
}

/// Returns the packet with this handle; the handle contains the identifier.
pub(crate) fn find_handle(slots: &[SendSlot], handle: Handle) -> Option<&SendSlot> {
    find(slots, handle.id()).filter(|slot| slot.handle == handle.0)
}

/// The packet that a search has reached; 0 for none. Stored only if queues can become so long that it pays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Cursor(#[cfg(feature = "alloc")] u16);

impl Cursor {
    #[cfg(feature = "alloc")]
    pub(crate) const NONE: Self = Self(0);
    #[cfg(not(feature = "alloc"))]
    pub(crate) const NONE: Self = Self();

    #[cfg(feature = "alloc")]
    pub(crate) const fn get(self) -> u16 {
        self.0
    }

    #[cfg(not(feature = "alloc"))]
    pub(crate) const fn get(self) -> u16 {
        0
    }

    #[cfg(feature = "alloc")]
    pub(crate) const fn set(&mut self, id: u16) {
        self.0 = id;
    }

    #[cfg(not(feature = "alloc"))]
    pub(crate) const fn set(&mut self, _: u16) {}

    /// Moves the cursor back if the packet `id`, which leaves its list, is the one that the search has reached.
    #[inline(always)]
    pub(crate) const fn step_aside(&mut self, id: u16, previous: u16) {
        if self.get() == id {
            self.set(previous);
        }
    }
}

/// A doubly linked list of send slots. A slot is in at most one list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct List {
    first: u16,
    last: u16,
}

impl List {
    pub(crate) const EMPTY: Self = Self { first: 0, last: 0 };

    pub(crate) const fn first(&self) -> u16 {
        self.first
    }

    pub(crate) const fn last(&self) -> u16 {
        self.last
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.first == 0
    }

    pub(crate) fn push(&mut self, slots: &mut [SendSlot], id: u16) {
        if let Some(slot) = find_mut(slots, id) {
            (slot.previous, slot.next) = (self.last, 0);
        }
        self.append(slots, id);
    }

    /// Like [`push`](Self::push), for a slot that is linked already: to the last slot before it, and to none behind it.
    pub(crate) fn append(&mut self, slots: &mut [SendSlot], id: u16) {
        let last = core::mem::replace(&mut self.last, id);
        match find_mut(slots, last) {
            Some(slot) => slot.next = id,
            None => self.first = id,
        }
    }

    /// Removes the slot between these two.
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    pub(crate) fn remove(&mut self, slots: &mut [SendSlot], previous: u16, next: u16) {
        match find_mut(slots, previous) {
            Some(slot) => slot.next = next,
            None => self.first = next,
        }
        match find_mut(slots, next) {
            Some(slot) => slot.previous = previous,
            None => self.last = previous,
        }
    }

    pub(crate) fn iter<'a>(&self, slots: &'a [SendSlot]) -> impl Iterator<Item = &'a SendSlot> + use<'a> {
        iter_from(slots, self.first)
    }
}

/// Iterates from the slot `id` to the end of its list.
pub(crate) fn iter_from(slots: &[SendSlot], id: u16) -> impl Iterator<Item = &SendSlot> {
    core::iter::successors(find(slots, id), |slot| find(slots, slot.next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_order_through_removals() {
        let mut slots = [SendSlot::FREE; 4];
        let mut list = List::EMPTY;
        for id in [5, 6, 7] {
            let index = place(&slots, id);
            slots[index].handle = id.into();
            list.push(&mut slots, id);
        }
        let ids =
            |list: &List, slots: &[SendSlot]| list.iter(slots).map(|slot| slot.id()).collect::<std::vec::Vec<_>>();
        assert_eq!(ids(&list, &slots), [5, 6, 7]);
        let remove = |list: &mut List, slots: &mut [SendSlot], id| {
            let slot = *find(slots, id).unwrap();
            list.remove(slots, slot.previous, slot.next);
        };
        remove(&mut list, &mut slots, 6);
        assert_eq!(ids(&list, &slots), [5, 7]);
        remove(&mut list, &mut slots, 5);
        remove(&mut list, &mut slots, 7);
        assert!(list.is_empty());
        list.push(&mut slots, 6);
        assert_eq!(ids(&list, &slots), [6]);
    }
}
