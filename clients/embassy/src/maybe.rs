//! An `Option` whose empty value is all zeros.

/// As an `Option`, but none is zero whatever `T` is: what is empty takes no flash.
#[derive(Clone, Copy)]
#[repr(u8)]
pub enum Maybe<T> {
    None,
    Some(T),
}

impl<T> From<Option<T>> for Maybe<T> {
    fn from(option: Option<T>) -> Self {
        option.map_or(Self::None, Self::Some)
    }
}
