//! Receive buffers: hosts read bytes in chunks of any size, [`handle_input`](crate::Connection::handle_input) needs
//! whole packets.

use crate::copying::{part, shift};

/// A receive buffer of `N` bytes, for hosts without an allocator. `N` is
/// [`Limits::inline_max`](crate::Limits::inline_max) or more.
///
/// ```
/// use pure_mqtt::RxBuffer;
///
/// fn main() {
///     let mut rx = RxBuffer::<8>::new();
///     rx.room()[..5].copy_from_slice(b"abcde"); // the transport reads into `room`
///     rx.filled(5);
///     rx.consume(3); // the connection consumed three of them
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
    /// Creates an empty buffer.
    pub const fn new() -> Self {
        Self { start: 0, end: 0, bytes: [0; N] }
    }

    /// Returns the free part of the buffer, for the transport to read into. Moves the stored bytes to the front first.
    ///
    /// It is empty while the connection is [blocked](crate::Received::Blocked) on a full buffer. Do not read then: a
    /// socket that reads into an empty slice returns 0, which looks like end of stream.
    pub fn room(&mut self) -> &mut [u8] {
        if self.start > 0 {
            shift(&mut self.bytes, self.start, self.end - self.start, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// Reports that the transport has written `count` bytes to [`room`](Self::room).
    pub const fn filled(&mut self, count: usize) {
        let room = N - self.end;
        self.end += if count < room { count } else { room };
    }

    /// Returns the stored bytes, to be passed to [`handle_input`](crate::Connection::handle_input).
    pub fn bytes(&self) -> &[u8] {
        part(&self.bytes, self.start, self.end)
    }

    /// Removes the first `count` bytes: those that the connection has consumed.
    pub const fn consume(&mut self, count: usize) {
        let kept = self.end - self.start;
        self.start += if count < kept { count } else { kept };
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Removes all bytes. Call it when the transport is closed.
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

    /// A receive buffer over `BytesMut`. It splits whole packets off as `Bytes`, so payloads can be kept without a
    /// copy.
    #[derive(Clone, Debug)]
    pub struct BytesBuffer {
        bytes: BytesMut,
        inline_max: usize,
        /// Bytes that are still to be returned of a packet that is too long; the connection discards them.
        owed: usize,
        handed: Handed,
    }

    /// The bytes that [`whole_packets`](BytesBuffer::whole_packets) returned last.
    #[derive(Clone, Copy, Debug, Default)]
    struct Handed {
        /// All bytes.
        total: usize,
        /// Bytes at the start that are the middle or the end of a packet that is too long.
        middle: usize,
        /// Bytes at the end that are the start of such a packet.
        start: usize,
    }

    impl BytesBuffer {
        /// Creates an empty buffer for packets of up to `inline_max` bytes; pass
        /// [`Limits::inline_max`](crate::Limits::inline_max).
        pub fn new(inline_max: u32) -> Self {
            Self { bytes: BytesMut::new(), inline_max: inline_max as usize, owed: 0, handed: Handed::default() }
        }

        /// Appends bytes that were read elsewhere.
        pub fn extend(&mut self, bytes: &[u8]) {
            self.bytes.extend_from_slice(bytes);
        }

        /// Returns the inner buffer, for transports that read into a `BytesMut`.
        pub fn buffer(&mut self) -> &mut BytesMut {
            &mut self.bytes
        }

        /// Splits off all complete packets; an incomplete one stays in the buffer. Returns `None` if there is no
        /// complete packet. For streamed messages
        /// ([`handle_input_streaming`](crate::Connection::handle_input_streaming)) use an [`RxBuffer`](crate::RxBuffer)
        /// instead.
        ///
        /// Bytes that cannot be the start of a packet are returned as well: the connection reports the error. A packet
        /// longer than `inline_max` is returned in parts: the connection ends the link, or discards the packet
        /// ([`OnTooLong::Discard`](crate::OnTooLong::Discard)).
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

        /// Returns the length of the packet at `start` and 0, if the packet is complete. For a packet that is too long,
        /// returns the bytes that are here and how many are missing.
        fn packet_at(&self, start: usize) -> Option<(usize, usize)> {
            let rest = self.bytes.get(start..).filter(|rest| self.owed == 0 && !rest.is_empty())?;
            match packet_length(rest) {
                PacketLength::Known(length) if length <= rest.len() => Some((length, 0)),
                PacketLength::Known(length) if length > self.inline_max => Some((rest.len(), length - rest.len())),
                PacketLength::Known(_) | PacketLength::Partial => None,
                PacketLength::Invalid => Some((rest.len(), 0)),
            }
        }

        /// Puts packets back to the front that the connection has not consumed.
        pub fn give_back(&mut self, packets: Bytes) {
            let (count, Handed { total, middle, start }) = (packets.len(), core::mem::take(&mut self.handed));
            if count < start {
                self.owed += count; // the connection has begun to discard the packet that is too long
            } else if start > 0 {
                self.owed = 0; // it has not
            }
            self.owed += count.saturating_sub(total - middle);
            let tail = core::mem::take(&mut self.bytes);
            self.bytes = packets.try_into_mut().unwrap_or_else(|packets| BytesMut::from(&packets[..]));
            self.bytes.unsplit(tail);
        }

        /// Removes all bytes. Call it when the transport is closed.
        pub fn clear(&mut self) {
            self.bytes.clear();
            (self.owed, self.handed) = (0, Handed::default());
        }
    }

    impl core::ops::Deref for BytesBuffer {
        type Target = [u8];

        /// Returns the bytes in the buffer.
        fn deref(&self) -> &[u8] {
            &self.bytes
        }
    }
}
