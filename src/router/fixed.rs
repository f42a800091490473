//! The router without an allocator.

use core::fmt;

use crate::topic::{TopicFilter, TopicName};

/// Maps up to `N` topic filters to values, in an inline table, for firmware. A match compares every entry.
///
/// ```
/// use pure_mqtt::router::FixedRouter;
/// use pure_mqtt::{TopicFilter, TopicName};
///
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// enum Command {
///     Reboot,
///     Light,
///     Unknown,
/// }
///
/// fn main() -> Result<(), pure_mqtt::TopicError> {
///     let mut router = FixedRouter::<Command, 4>::new();
///     let _ = router.try_insert(TopicFilter::new("board-7/reboot")?, Command::Reboot);
///     let _ = router.try_insert(TopicFilter::new("board-7/light/+")?, Command::Light);
///     router.set_default(Some(Command::Unknown));
///     assert_eq!(router.route(TopicName::new("board-7/light/2")?).next(), Some(&Command::Light));
///     assert_eq!(router.route(TopicName::new("board-7/lamp")?).next(), Some(&Command::Unknown));
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct FixedRouter<'f, T, const N: usize> {
    entries: [Option<(TopicFilter<'f>, T)>; N],
    default: Option<T>,
}

impl<'f, T, const N: usize> FixedRouter<'f, T, N> {
    /// Creates a router without filters.
    pub const fn new() -> Self {
        Self { entries: [const { None }; N], default: None }
    }

    /// Returns the number of filters.
    pub fn len(&self) -> usize {
        self.values().count()
    }

    /// Returns whether there are no filters.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sets the value of `filter`, and returns the previous one.
    ///
    /// # Errors
    /// Returns the value if there is no free entry.
    pub fn try_insert(&mut self, filter: TopicFilter<'f>, value: T) -> Result<Option<T>, T> {
        if let Some(known) = self.get_mut(filter) {
            return Ok(Some(core::mem::replace(known, value)));
        }
        match self.entries.iter_mut().find(|place| place.is_none()) {
            Some(place) => {
                *place = Some((filter, value));
                Ok(None)
            }
            None => Err(value),
        }
    }

    /// Removes `filter`, and returns its value.
    pub fn remove(&mut self, filter: TopicFilter<'_>) -> Option<T> {
        let is_it = |place: &&mut Option<_>| matches!(place, Some((known, _)) if *known == filter);
        self.entries.iter_mut().find(is_it)?.take().map(|(_, value)| value)
    }

    /// Returns the value of exactly this filter.
    pub fn get(&self, filter: TopicFilter<'_>) -> Option<&T> {
        self.entries.iter().flatten().find(|(known, _)| *known == filter).map(|(_, value)| value)
    }

    /// Returns the value of exactly this filter, for modification.
    pub fn get_mut(&mut self, filter: TopicFilter<'_>) -> Option<&mut T> {
        self.entries.iter_mut().flatten().find(|(known, _)| *known == filter).map(|(_, value)| value)
    }

    /// Iterates over the values of all filters, in no particular order.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().flatten().map(|(_, value)| value)
    }

    /// Iterates over the values of all filters, for modification, in no particular order.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().flatten().map(|(_, value)| value)
    }

    /// Removes all filters; the default is kept.
    pub fn clear(&mut self) {
        self.entries = [const { None }; N];
    }

    /// Returns the value for topics that no filter matches.
    pub const fn default_value(&self) -> Option<&T> {
        self.default.as_ref()
    }

    /// Sets the value for topics that no filter matches, and returns the previous one.
    pub const fn set_default(&mut self, value: Option<T>) -> Option<T> {
        core::mem::replace(&mut self.default, value)
    }

    /// Iterates over the values of all filters that match `topic`, in no particular order, without the default.
    pub fn matches<'r>(&'r self, topic: TopicName<'r>) -> FixedMatches<'r, 'f, T> {
        FixedMatches { rest: self.entries.iter(), topic, default: None }
    }

    /// Iterates over the values of all filters that match `topic`; the default if none does.
    pub fn route<'r>(&'r self, topic: TopicName<'r>) -> FixedMatches<'r, 'f, T> {
        FixedMatches { default: self.default.as_ref(), ..self.matches(topic) }
    }

    /// Calls `handle` with the value of each filter that matches `topic`, or with the default if none does. Returns how
    /// many filters matched.
    pub fn dispatch(&mut self, topic: TopicName<'_>, mut handle: impl FnMut(&mut T)) -> usize {
        let mut count = 0;
        for (_, value) in self.entries.iter_mut().flatten().filter(|(filter, _)| filter.matches(topic)) {
            handle(value);
            count += 1;
        }
        if let Some(default) = self.default.as_mut().filter(|_| count == 0) {
            handle(default);
        }
        count
    }
}

impl<T, const N: usize> Default for FixedRouter<'_, T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> fmt::Debug for FixedRouter<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedRouter").field("filters", &self.len()).finish_non_exhaustive()
    }
}

/// Iterates over the values of the filters that match a topic; see [`FixedRouter::matches`] and [`FixedRouter::route`].
#[derive(Clone)]
pub struct FixedMatches<'r, 'f, T> {
    rest: core::slice::Iter<'r, Option<(TopicFilter<'f>, T)>>,
    topic: TopicName<'r>,
    /// The value to return if no filter matches.
    default: Option<&'r T>,
}

impl<'r, T> Iterator for FixedMatches<'r, '_, T> {
    type Item = &'r T;

    fn next(&mut self) -> Option<&'r T> {
        let topic = self.topic;
        match self.rest.by_ref().flatten().find(|(filter, _)| filter.matches(topic)) {
            Some((_, value)) => {
                self.default = None;
                Some(value)
            }
            None => self.default.take(),
        }
    }
}

impl<T> core::iter::FusedIterator for FixedMatches<'_, '_, T> {}

impl<T> fmt::Debug for FixedMatches<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedMatches").finish_non_exhaustive()
    }
}
