//! Messages that are longer than the device's memory: they arrive in pieces, and leave from where the application has them.

use crate::application::News;
use crate::device::Device;
use crate::ledger::Ledger;
use pure_mqtt::{Fragment, PayloadRequest, PendingAck, Storage};
use std::ops::Range;

/// What a device that streams takes in one piece.
pub const INLINE_MAX: u32 = 64;
/// What it takes in several.
pub const STREAM_MAX: u32 = 4096;
const LENGTHS: Range<usize> = 100..700;
const SHORT_LENGTHS: Range<usize> = 8..32;

/// The payload of the message with this number: every byte tells where it belongs.
pub fn payload_of(number: u64, length: usize) -> Vec<u8> {
    let rest = (8..length).map(|place| (number as usize + place) as u8);
    number.to_be_bytes().into_iter().chain(rest).collect()
}

/// The number of a message, whose payload must be as it was.
pub fn number_of(payload: &[u8]) -> u64 {
    let number = u64::from_be_bytes(*payload.first_chunk().expect("a number"));
    assert!(payload == payload_of(number, payload.len()), "the payload of message {number} is damaged");
    number
}

/// The message that is arriving.
#[derive(Default)]
pub struct Arriving(Vec<u8>);

impl Arriving {
    /// One more piece; gives the message after the last.
    pub fn add(&mut self, fragment: Fragment<'_>) -> Option<(Vec<u8>, Option<PendingAck>)> {
        if fragment.head.is_some() {
            self.0.clear();
        }
        assert_eq!(self.0.len(), fragment.offset as usize, "a piece is missing");
        self.0.extend_from_slice(fragment.payload);
        assert_eq!(fragment.is_last, self.0.len() == fragment.total as usize);
        fragment.is_last.then(|| (std::mem::take(&mut self.0), fragment.ack))
    }
}

impl Ledger {
    /// What the application has of a payload, at most so much.
    pub fn supply(&self, wanted: &PayloadRequest, most: usize) -> Vec<u8> {
        let sent = &self.sent[&wanted.handle];
        let (start, left) = (wanted.offset as usize, wanted.remaining as usize);
        assert_eq!(start + left, sent.length);
        payload_of(sent.number, sent.length)[start..start + left.min(most)].to_vec()
    }
}

impl<S: Storage + Clone> Device<S> {
    /// How long the next payload is, and whether it is longer than the memory.
    pub fn draw_length(&mut self) -> (usize, bool) {
        let is_long = self.character.streams && self.rng.u8(0..6) == 0;
        (self.rng.usize(if is_long { LENGTHS } else { SHORT_LENGTHS }), is_long)
    }

    /// Now and then the application can't supply a payload any more.
    pub fn abandon(&mut self) {
        let now = self.instant();
        let Some(wanted) = self.client.transmit(now).payload_request() else { return };
        if self.rng.u16(0..300) == 0 && self.client.abandon(now, wanted.handle) {
            self.counts.abandoned += 1;
        }
    }

    /// A piece has come; that is news once it was the last.
    pub fn piece(&mut self, fragment: Fragment<'_>) -> Option<News> {
        self.counts.pieces += 1;
        self.arriving.add(fragment).map(|(payload, ack)| News::Arrived(payload, ack))
    }
}
