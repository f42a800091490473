//! A vector whose entries keep their numbers, and whose gaps are reused. Numbers begin with 1; 0 means "none".

use alloc::vec::Vec;

#[derive(Clone)]
pub(crate) struct Slab<T> {
    places: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Slab<T> {
    pub(crate) const EMPTY: Self = Self { places: Vec::new(), free: Vec::new() };

    /// Returns a bound: all numbers in use are below it.
    pub(crate) fn end(&self) -> usize {
        self.places.len() + 1
    }

    /// Returns the number of entries.
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(crate) fn get(&self, number: usize) -> Option<&T> {
        self.places.get(number.checked_sub(1)?)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, number: usize) -> Option<&mut T> {
        self.places.get_mut(number.checked_sub(1)?)?.as_mut()
    }

    /// Stores `value` in a free place, and returns its number.
    pub(crate) fn insert(&mut self, value: T) -> usize {
        if let Some(number) = self.free.pop() {
            if let Some(place) = self.places.get_mut(number - 1) {
                *place = Some(value);
            }
            return number;
        }
        self.places.push(Some(value));
        self.places.len()
    }

    pub(crate) fn remove(&mut self, number: usize) -> Option<T> {
        let value = self.places.get_mut(number.checked_sub(1)?)?.take()?;
        self.free.push(number);
        Some(value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.places.iter().flatten()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.places.iter_mut().flatten()
    }
}
