//! The payload of an outgoing message: copied into the arena, or with the feature `bytes` shared by reference count.

use core::fmt;

use crate::shown::Bytes;

/// The payload of a [`Publish`](crate::Publish).
///
/// A slice is copied when the message is accepted. With the feature `bytes` and [`Heap`](crate::Heap) storage, a
/// `&Bytes` of at least 256 bytes is shared by reference count instead; a shorter one is copied, which is faster.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Payload<'a> {
    /// Bytes that are copied.
    Slice(&'a [u8]),
    /// A payload of this many bytes, which the application supplies while the message is sent:
    /// [`Transmit::payload_request`](crate::Transmit::payload_request) returns which bytes to write to the transport.
    /// So a message may be larger than memory.
    Streamed(u32),
    /// Bytes that are shared by reference count.
    #[cfg(feature = "bytes")]
    Bytes(#[cfg_attr(feature = "defmt", defmt(Debug2Format))] &'a bytes::Bytes),
}

impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Streamed(length) => write!(f, "{length} bytes to be streamed"),
            _ => fmt::Debug::fmt(&Bytes(self.as_slice()), f),
        }
    }
}

/// Shorter payloads are copied, which is faster than counting references.
#[cfg(feature = "bytes")]
const WORTH_SHARING: usize = 256;

impl<'a> Payload<'a> {
    /// Returns the length in bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Streamed(length) => *length as usize,
            _ => self.as_slice().len(),
        }
    }

    /// Returns whether the payload is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether the payload can be shared, and is long enough for that to be faster than a copy.
    pub(crate) fn is_worth_sharing(&self) -> bool {
        match self {
            Self::Slice(_) | Self::Streamed(_) => false,
            #[cfg(feature = "bytes")]
            Self::Bytes(bytes) => bytes.len() >= WORTH_SHARING,
        }
    }

    /// Returns the bytes of the payload; an empty slice for a streamed one.
    pub fn as_slice(&self) -> &'a [u8] {
        match self {
            Self::Slice(bytes) => bytes,
            Self::Streamed(_) => &[],
            #[cfg(feature = "bytes")]
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl Default for Payload<'_> {
    fn default() -> Self {
        Self::Slice(&[])
    }
}

impl<'a> From<&'a [u8]> for Payload<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Slice(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Payload<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Slice(bytes)
    }
}

impl<'a> From<&'a str> for Payload<'a> {
    fn from(text: &'a str) -> Self {
        Self::Slice(text.as_bytes())
    }
}

#[cfg(feature = "alloc")]
impl<'a> From<&'a alloc::vec::Vec<u8>> for Payload<'a> {
    fn from(bytes: &'a alloc::vec::Vec<u8>) -> Self {
        Self::Slice(bytes)
    }
}

#[cfg(feature = "bytes")]
impl<'a> From<&'a bytes::Bytes> for Payload<'a> {
    fn from(bytes: &'a bytes::Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

#[cfg(feature = "bytes")]
pub(crate) use self::shared::{SharedPayloads, SharedView};
#[cfg(not(feature = "bytes"))]
pub(crate) use self::unshared::{SharedPayloads, SharedView};

#[cfg(feature = "bytes")]
mod shared {
    use alloc::vec::Vec;

    use bytes::Bytes;

    use super::Payload;

    /// The payloads that are kept by reference: one place for each send slot, allocated at first use.
    pub(crate) struct SharedPayloads<'a>(Option<&'a mut Vec<Bytes>>);

    /// Read access to [`SharedPayloads`].
    #[derive(Clone, Copy)]
    pub(crate) struct SharedView<'a>(&'a [Bytes]);

    impl<'a> SharedPayloads<'a> {
        pub(crate) const NONE: Self = Self(None);

        pub(crate) fn new(store: &'a mut Vec<Bytes>) -> Self {
            Self(Some(store))
        }

        pub(crate) fn put(&mut self, index: usize, payload: &Payload<'_>) {
            let (Some(store), Payload::Bytes(bytes)) = (&mut self.0, payload) else { return };
            if store.len() <= index {
                store.resize(index + 1, Bytes::new());
            }
            if let Some(place) = store.get_mut(index) {
                *place = Bytes::clone(bytes);
            }
        }

        pub(crate) fn get(&self, index: usize) -> &[u8] {
            self.0.as_ref().and_then(|store| store.get(index)).map_or(&[], |bytes| bytes)
        }

        pub(crate) fn clear(&mut self, index: usize) {
            if let Some(place) = self.0.as_mut().and_then(|store| store.get_mut(index)) {
                *place = Bytes::new();
            }
        }
    }

    impl<'a> SharedView<'a> {
        pub(crate) const NONE: Self = Self(&[]);

        pub(crate) const fn new(store: &'a [Bytes]) -> Self {
            Self(store)
        }

        pub(crate) fn get(&self, index: usize) -> &'a [u8] {
            self.0.get(index).map_or(&[], |bytes| bytes)
        }
    }
}

#[cfg(not(feature = "bytes"))]
mod unshared {
    use core::marker::PhantomData;

    use super::Payload;

    /// Without the feature `bytes` every payload is copied.
    pub(crate) struct SharedPayloads<'a>(PhantomData<&'a ()>);

    /// Read access to [`SharedPayloads`].
    #[derive(Clone, Copy)]
    pub(crate) struct SharedView<'a>(PhantomData<&'a ()>);

    impl SharedPayloads<'_> {
        pub(crate) const NONE: Self = Self(PhantomData);

        pub(crate) fn put(&mut self, _index: usize, _payload: &Payload<'_>) {}

        pub(crate) fn get(&self, _index: usize) -> &[u8] {
            &[]
        }

        pub(crate) fn clear(&mut self, _index: usize) {}
    }

    impl<'a> SharedView<'a> {
        pub(crate) const NONE: Self = Self(PhantomData);

        pub(crate) fn get(&self, _index: usize) -> &'a [u8] {
            &[]
        }
    }
}
