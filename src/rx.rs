//! Keeping the tail: hosts read bytes in pieces of any size, packets come whole.

use crate::copying::{part, shift};

/// A receive buffer of `N` bytes, for hosts without an allocator. `N` is [`Limits::inline_max`](crate::Limits::inline_max) or more.
///
/// ```
/// use pure_mqtt::RxBuffer;
///
/// fn main() {
///     let mut rx = RxBuffer::<8>::new();
///     rx.room()[..5].copy_from_slice(b"abcde"); // the transport reads into `room`
///     rx.filled(5);
///     rx.consume(3); // the connection took three of them
///     assert_eq!(rx.bytes(), b"de");
///     assert_eq!(rx.room().len(), 6);
/// }
/// ```
#[derive(Clone, Debug)]
pub struct RxBuffer<const N: usize> {
    start: usize,
    end: usize,
    bytes: [u8; N],
}

impl<const N: usize> Default for RxBuffer<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> RxBuffer<N> {
    /// An empty buffer.
    pub const fn new() -> Self {
        Self { start: 0, end: 0, bytes: [0; N] }
    }

    /// Where the transport reads into: all that is free. What is kept is moved to the front for it.
    ///
    /// There is no room while the connection is [blocked](crate::Received::Blocked) on a full buffer. Don't read then: a socket that reads into nothing
    /// returns 0, which looks like its end.
    pub fn room(&mut self) -> &mut [u8] {
        if self.start > 0 {
            shift(&mut self.bytes, self.start, self.end - self.start, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// The transport has put `count` bytes into [`room`](Self::room).
    pub const fn filled(&mut self, count: usize) {
        let room = N - self.end;
        self.end += if count < room { count } else { room };
    }

    /// What waits for [`handle_input`](crate::Connection::handle_input).
    pub fn bytes(&self) -> &[u8] {
        part(&self.bytes, self.start, self.end)
    }

    /// The connection is done with the first `count` bytes.
    pub const fn consume(&mut self, count: usize) {
        let kept = self.end - self.start;
        self.start += if count < kept { count } else { kept };
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Forgets everything: the transport is gone.
    pub const fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }
}

#[cfg(feature = "defmt")]
impl<const N: usize> defmt::Format for RxBuffer<N> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=[u8]} of {=usize}", self.bytes(), N);
    }
}

#[cfg(feature = "bytes")]
pub use self::shared::BytesBuffer;

#[cfg(feature = "bytes")]
mod shared {
    use bytes::{Bytes, BytesMut};

    use crate::wire::{PacketLength, packet_length};

    /// A receive buffer over `BytesMut`: whole packets are split off as `Bytes`, so that payloads can be kept without copying them.
    #[derive(Clone, Debug)]
    pub struct BytesBuffer {
        bytes: BytesMut,
        inline_max: usize,
        /// Bytes of a packet that is too long which are still to be handed out; the connection throws them away.
        owed: usize,
        handed: Handed,
    }

    /// What was handed out last.
    #[derive(Clone, Copy, Debug, Default)]
    struct Handed {
        /// In all.
        total: usize,
        /// At its start: the middle or the end of a packet that is too long.
        middle: usize,
        /// At its end: the start of such a packet.
        start: usize,
    }

    impl BytesBuffer {
        /// An empty buffer for packets of up to `inline_max` bytes, as in [`Limits::inline_max`](crate::Limits::inline_max).
        pub fn new(inline_max: u32) -> Self {
            Self { bytes: BytesMut::new(), inline_max: inline_max as usize, owed: 0, handed: Handed::default() }
        }

        /// Appends bytes that were read elsewhere.
        pub fn extend(&mut self, bytes: &[u8]) {
            self.bytes.extend_from_slice(bytes);
        }

        /// The buffer itself, for transports that read into a `BytesMut`.
        pub fn buffer(&mut self) -> &mut BytesMut {
            &mut self.bytes
        }

        /// Splits off all complete packets, by their headers; what is incomplete stays. `None` if there is none. It knows nothing of messages in
        /// pieces: [`handle_input_streaming`](crate::Connection::handle_input_streaming) wants an [`RxBuffer`](crate::RxBuffer).
        ///
        /// Bytes that can't be the start of a packet are handed out as well: the connection says what is wrong with them. So is a packet that is longer than
        /// `inline_max`, in pieces: the connection ends the link, or throws it away ([`OnTooLong::Discard`](crate::OnTooLong::Discard)).
        pub fn whole_packets(&mut self) -> Option<Bytes> {
            let middle = self.owed.min(self.bytes.len());
            self.owed -= middle;
            let (mut end, mut start) = (middle, 0);
            while start == 0 {
                let Some((length, missing)) = self.packet_at(end) else { break };
                end += length;
                self.owed = missing;
                start = if missing > 0 { length } else { 0 };
            }
            self.handed = Handed { total: end, middle, start };
            (end > 0).then(|| self.bytes.split_to(end).freeze())
        }

        /// The length of the packet that starts at `start`, if it is there in full; or what there is of one that is too long, and how much is missing.
        fn packet_at(&self, start: usize) -> Option<(usize, usize)> {
            let rest = self.bytes.get(start..).filter(|rest| self.owed == 0 && !rest.is_empty())?;
            match packet_length(rest) {
                PacketLength::Known(length) if length <= rest.len() => Some((length, 0)),
                PacketLength::Known(length) if length > self.inline_max => Some((rest.len(), length - rest.len())),
                PacketLength::Known(_) | PacketLength::Partial => None,
                PacketLength::Invalid => Some((rest.len(), 0)),
            }
        }

        /// Puts packets that the connection could not take yet back to the front.
        pub fn give_back(&mut self, packets: Bytes) {
            let (count, Handed { total, middle, start }) = (packets.len(), core::mem::take(&mut self.handed));
            if count < start {
                self.owed += count; // the connection has begun with the packet that is too long
            } else if start > 0 {
                self.owed = 0; // it has not
            }
            self.owed += count.saturating_sub(total - middle);
            let tail = core::mem::take(&mut self.bytes);
            self.bytes = packets.try_into_mut().unwrap_or_else(|packets| BytesMut::from(&packets[..]));
            self.bytes.unsplit(tail);
        }

        /// Forgets everything: the transport is gone.
        pub fn clear(&mut self) {
            self.bytes.clear();
            (self.owed, self.handed) = (0, Handed::default());
        }
    }

    impl core::ops::Deref for BytesBuffer {
        type Target = [u8];

        /// What waits.
        fn deref(&self) -> &[u8] {
            &self.bytes
        }
    }
}
