//! Bytes of the transport that were not looked at yet.

use alloc::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Chunks as they came. A packet that lies in one chunk is taken from there; one that spans several is joined once, when all of it is there.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    front: Bytes,
    rest: VecDeque<Bytes>,
    /// How many bytes there are.
    len: usize,
    /// So many bytes are needed for the next step.
    needed: usize,
    /// The packet in front waits for something else than bytes.
    is_blocked: bool,
}

impl Inbox {
    pub(crate) fn push(&mut self, bytes: Bytes) {
        self.len += bytes.len();
        match self.front.is_empty() {
            true => self.front = bytes,
            false if bytes.is_empty() => {}
            false => self.rest.push_back(bytes),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// A step may get further than the last one did.
    pub(crate) fn is_ready(&self) -> bool {
        !self.is_blocked && self.len > 0 && self.len >= self.needed
    }

    /// What the next step looks at.
    pub(crate) fn front(&mut self) -> Bytes {
        if self.front.len() < self.needed {
            self.join();
        }
        self.front.clone()
    }

    pub(crate) fn consume(&mut self, count: usize) {
        let count = count.min(self.front.len());
        drop(self.front.split_to(count));
        (self.len, self.needed) = (self.len - count, 0);
        if self.front.is_empty() {
            self.front = self.rest.pop_front().unwrap_or_default();
        }
    }

    /// The front ends inside a packet: at least so many more bytes are needed.
    pub(crate) fn needs(&mut self, more: usize) {
        self.needed = self.front.len().saturating_add(more.max(1));
    }

    pub(crate) fn block(&mut self) {
        self.is_blocked = true;
    }

    pub(crate) fn unblock(&mut self) {
        self.is_blocked = false;
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.is_blocked
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn join(&mut self) {
        let mut joined = BytesMut::with_capacity(self.needed.min(self.len));
        joined.extend_from_slice(&self.front);
        while joined.len() < self.needed {
            let Some(mut chunk) = self.rest.pop_front() else { break };
            let missing = self.needed - joined.len();
            let taken = chunk.split_to(missing.min(chunk.len()));
            joined.extend_from_slice(&taken);
            if !chunk.is_empty() {
                self.rest.push_front(chunk);
            }
        }
        self.front = joined.freeze();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_in_many_chunks_is_joined_once() {
        let mut inbox = Inbox::default();
        inbox.push(Bytes::from_static(b"ab"));
        assert!(inbox.is_ready());
        assert_eq!(inbox.front(), "ab");
        inbox.needs(3);
        assert!(!inbox.is_ready());
        inbox.push(Bytes::from_static(b"cd"));
        inbox.push(Bytes::new());
        assert!(!inbox.is_ready());
        inbox.push(Bytes::from_static(b"efg"));
        assert!(inbox.is_ready());
        assert_eq!(inbox.front(), "abcde");
        inbox.consume(5);
        assert_eq!((inbox.front(), inbox.len()), (Bytes::from_static(b"fg"), 2));
        inbox.consume(2);
        assert!(!inbox.is_ready());
    }

    #[test]
    fn what_is_blocked_is_not_looked_at() {
        let mut inbox = Inbox::default();
        inbox.push(Bytes::from_static(b"ab"));
        inbox.block();
        assert!(!inbox.is_ready() && inbox.is_blocked());
        inbox.unblock();
        assert!(inbox.is_ready());
    }
}
