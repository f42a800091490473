//! Places with numbers that stay: a vector whose gaps are used again. Numbers begin with 1; 0 stands for "none" wherever one is kept.

use alloc::vec::Vec;

#[derive(Clone)]
pub(crate) struct Slab<T> {
    places: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Slab<T> {
    pub(crate) const EMPTY: Self = Self { places: Vec::new(), free: Vec::new() };

    /// All numbers in use are below this.
    pub(crate) fn end(&self) -> usize {
        self.places.len() + 1
    }

    /// How many places are taken.
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(crate) fn get(&self, number: usize) -> Option<&T> {
        self.places.get(number.checked_sub(1)?)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, number: usize) -> Option<&mut T> {
        self.places.get_mut(number.checked_sub(1)?)?.as_mut()
    }

    /// Puts `value` into a free place, and returns its number.
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
