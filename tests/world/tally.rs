//! What has left whole and has no answer yet, from the bytes alone.

use std::collections::BTreeMap;

/// Both directions of one link.
#[derive(Debug, Default)]
pub struct Tally {
    up: Stream,
    down: Stream,
    /// CONNECT has left.
    pub is_connect_out: bool,
    /// When the first PINGREQ left that has no answer: others may follow.
    pub ping_at: Option<u64>,
    /// When each packet left that asks for an answer, and whether it is PUBREL: by its identifier.
    asked: BTreeMap<u16, (u64, bool)>,
    /// PUBLISHes that left whole.
    published: usize,
    /// No more than so many of them, while messages are held back.
    pub most_published: Option<usize>,
}

#[derive(Debug, Default)]
struct Stream(Vec<u8>);

impl Stream {
    /// The next whole packet: its first byte and its body.
    fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        crate::server::codec::split(&mut self.0).ok().flatten()
    }
}

impl Tally {
    /// Bytes left.
    pub fn wrote(&mut self, bytes: &[u8], now: u64) {
        self.up.0.extend(bytes);
        while let Some((first, body)) = self.up.next() {
            self.published += usize::from(first >> 4 == 3);
            match (first >> 4, first >> 1 & 3) {
                (3, 1..) => {
                    let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
                    self.ask(body.get(2 + topic..), now, false);
                }
                (kind @ (6 | 8 | 10), _) => self.ask(Some(&body), now, kind == 6),
                (1, _) => self.is_connect_out = true,
                (12, _) => drop(self.ping_at.get_or_insert(now)),
                _ => {}
            }
        }
    }

    /// Messages are held back from now on, but for the one that is partly sent.
    pub fn hold(&mut self, holds: bool) {
        self.most_published = holds.then(|| self.published + usize::from(!self.up.0.is_empty()));
    }

    /// Whether a message has left that was to wait.
    pub fn has_let_go(&self) -> bool {
        self.most_published.is_some_and(|most| self.published > most)
    }

    fn ask(&mut self, id: Option<&[u8]>, now: u64, is_release: bool) {
        if let Some(id) = id.and_then(|bytes| bytes.first_chunk()) {
            // What is sent again on the same link is as overdue as it was.
            let asked = self.asked.entry(u16::from_be_bytes(*id)).or_insert((now, is_release));
            if asked.1 != is_release {
                *asked = (now, is_release);
            }
        }
    }

    /// Bytes arrived.
    pub fn read(&mut self, bytes: &[u8]) {
        self.down.0.extend(bytes);
        while let Some((first, body)) = self.down.next() {
            match (first >> 4, body.first_chunk()) {
                (kind @ (4 | 5 | 7 | 9 | 11), Some(id)) => self.answer(kind, u16::from_be_bytes(*id)),
                (13, _) => self.ping_at = None,
                _ => {}
            }
        }
    }

    /// PUBREC that comes again doesn't answer PUBREL, nor PUBCOMP of a fence the PUBLISH behind it.
    fn answer(&mut self, kind: u8, id: u16) {
        let is_release = self.asked.get(&id).is_some_and(|(_, is_release)| *is_release);
        if (kind != 5 || !is_release) && (kind != 7 || is_release) {
            self.asked.remove(&id);
        }
    }

    /// When the oldest packet left that has no answer. A PUBREL counts if its message `is_released`: one that only goes before a PUBLISH, as a fence, may
    /// never be answered.
    pub fn oldest(&self, is_released: impl Fn(u16) -> bool) -> Option<u64> {
        let awaited = self.asked.iter().filter(|(id, (_, is_release))| !is_release || is_released(**id));
        awaited.map(|(_, (at, _))| *at).min()
    }

    pub fn is_awaiting(&self) -> bool {
        !self.asked.is_empty()
    }
}
