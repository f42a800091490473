//! The queue of callers that wait for room in the message queue, served in order.

use std::collections::BTreeMap;
use std::task::Waker;

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u64);

#[derive(Debug, Default)]
pub(crate) struct Room {
    line: BTreeMap<Place, Waker>,
    last: u64,
    /// Wakers of callers that have left, to be dropped once the lock is free.
    left: Vec<Waker>,
}

impl Room {
    /// Returns whether it is the turn of the caller with this place, or of a new caller.
    pub(crate) fn is_turn(&self, place: Option<Place>) -> bool {
        self.line.keys().next().is_none_or(|first| Some(*first) == place)
    }

    /// Waits at this place, or at the end.
    pub(crate) fn wait(&mut self, place: Option<Place>, waker: &Waker) -> Place {
        let place = place.unwrap_or_else(|| {
            self.last += 1;
            Place(self.last)
        });
        let before = self.line.insert(place, waker.clone());
        self.left.extend(before);
        place
    }

    /// Leaves the queue. Returns the waker of the first caller, since it may be its turn.
    #[must_use]
    pub(crate) fn leave(&mut self, place: Place) -> Option<Waker> {
        let was_turn = self.is_turn(Some(place));
        let left = self.line.remove(&place);
        self.left.extend(left);
        if was_turn { self.first() } else { None }
    }

    /// Returns the waker of the first caller.
    #[must_use]
    pub(crate) fn first(&self) -> Option<Waker> {
        self.line.values().next().cloned()
    }

    pub(crate) fn take_left(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.left)
    }

    /// Returns all wakers, after an event that concerns all callers.
    pub(crate) fn all(&self) -> impl Iterator<Item = Waker> {
        self.line.values().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_leaves_passes_the_turn_on() {
        let mut room = Room::default();
        let waker = Waker::noop();
        assert!(room.is_turn(None));
        let [first, second, third] = [(); 3].map(|()| room.wait(None, waker));
        assert!(room.is_turn(Some(first)) && !room.is_turn(Some(second)) && !room.is_turn(None));
        assert_eq!(room.wait(Some(first), waker), first, "it keeps its place");
        assert!(room.leave(second).is_none(), "it was not its turn");
        assert!(room.leave(first).is_some());
        assert!(room.is_turn(Some(third)));
        assert!(room.leave(third).is_none() && room.is_turn(None));
        assert!(room.leave(third).is_none());
    }
}
