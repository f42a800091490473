//! The bytes that came and are not taken yet.

/// So much is read at a time.
const CHUNK: usize = 64 * 1024;

/// A buffer that grows to the longest packet, and keeps the tail of what was read.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Inbox {
    /// Where to read into: a chunk, or `needed` bytes if that is more.
    pub(crate) fn room(&mut self, needed: usize) -> &mut [u8] {
        let wanted = needed.max(CHUNK);
        if self.bytes.len() - self.end < wanted {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            let length = self.end + wanted;
            if self.bytes.len() < length {
                self.bytes.resize(length, 0);
            }
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// So many bytes were read.
    pub(crate) fn filled(&mut self, count: usize) {
        self.end = self.bytes.len().min(self.end + count);
    }

    /// What waits.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// The first `count` bytes are done with.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_pieces_comes_out_in_order() {
        let mut inbox = Inbox::default();
        let stream: Vec<u8> = (0..400_000_u32).map(|number| (number % 251) as u8).collect();
        let (mut read, mut taken) = (0, Vec::<u8>::new());
        while taken.len() < stream.len() {
            let room = inbox.room(100_000);
            let count = room.len().min(stream.len() - read).min(70_001);
            room[..count].copy_from_slice(&stream[read..read + count]);
            inbox.filled(count);
            read += count;
            let piece = inbox.bytes().len().min(33_333);
            taken.extend(&inbox.bytes()[..piece]);
            inbox.consume(piece);
        }
        assert_eq!(taken, stream);
        assert!(inbox.bytes().is_empty());
        assert!(inbox.bytes.len() < 600_000);
    }
}
