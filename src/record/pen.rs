//! Writing records: numbers, bytes, and a check value behind each.

use crate::record::TraceSink;
use crate::record::redact::{FILLER, Secrets};
use crate::wire::Properties;

/// Writes one record; [`end`](Self::end) closes it.
pub(super) struct Pen<'a> {
    sink: &'a mut dyn TraceSink,
    check: u16,
}

impl<'a> Pen<'a> {
    pub(super) fn new(sink: &'a mut dyn TraceSink, tag: u8) -> Self {
        let mut pen = Self { sink, check: CHECK_START };
        pen.raw(&[tag]);
        pen
    }

    pub(super) fn end(self) {
        self.sink.write(&self.check.to_be_bytes());
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.check = check(self.check, bytes);
        self.sink.write(bytes);
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.raw(&[value]);
    }

    /// Seven bits a byte, the lowest first; the top bit says that more follow.
    pub(super) fn number(&mut self, mut value: u64) {
        let mut bytes = [0; 10];
        let mut length = 0;
        for place in &mut bytes {
            *place = (value & 0x7F) as u8;
            value >>= 7;
            length += 1;
            if value == 0 {
                break;
            }
            *place |= 0x80;
        }
        self.raw(bytes.get(..length).unwrap_or_default());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.raw(bytes);
    }

    /// The same, with filler instead of what is to stay secret.
    pub(super) fn secret(&mut self, bytes: &[u8], is_hidden: bool) {
        self.number(bytes.len() as u64);
        self.hide(bytes, is_hidden.then_some(FILLER));
    }

    /// `bytes`, or as many times the filler.
    pub(super) fn hide(&mut self, bytes: &[u8], filler: Option<u8>) {
        let Some(filler) = filler else { return self.raw(bytes) };
        let line = [filler; 32];
        for chunk in bytes.chunks(line.len()) {
            self.raw(line.get(..chunk.len()).unwrap_or_default());
        }
    }

    /// A part of a packet, from `position` in it on, with filler instead of its secrets.
    pub(super) fn stretches(&mut self, mut bytes: &[u8], secrets: &Secrets, mut position: usize, filler: u8) {
        while !bytes.is_empty() {
            let (length, is_secret) = secrets.stretch(position);
            let (stretch, rest) = bytes.split_at(length.min(bytes.len()));
            self.hide(stretch, is_secret.then_some(filler));
            position += stretch.len();
            bytes = rest;
        }
    }

    /// A number that may be below zero: its double, or below zero its double's complement.
    pub(super) fn signed(&mut self, value: i64) {
        self.number(((value << 1) ^ (value >> 63)) as u64);
    }

    /// Their length and their encoding in MQTT; Authentication Data perhaps hidden. Those that can't be expressed are left out: where they count, the call
    /// was refused.
    pub(super) fn properties(&mut self, properties: &Properties<'_>, hides_authentication: bool) {
        let expressible = || properties.iter().filter(|property| property.is_expressible());
        let length: usize = expressible().map(|property| property.raw().length()).sum();
        self.number(length as u64);
        for property in expressible() {
            let raw = property.raw();
            self.u8(raw.id);
            self.raw(raw.number());
            for field in raw.fields.into_iter().flatten() {
                self.raw(&(field.len() as u16).to_be_bytes());
                self.hide(field, (hides_authentication && raw.is_authentication_data()).then_some(FILLER));
            }
        }
    }
}

pub(crate) const CHECK_START: u16 = 0xFFFF;

/// CRC-16 with the polynomial 0x1021, the highest bit first (CCITT-FALSE).
pub(crate) fn check(start: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(start, |check, byte| {
        let mixed = (check >> 8) ^ u16::from(*byte);
        let folded = mixed ^ (mixed >> 4);
        (check << 8) ^ (folded << 12) ^ (folded << 5) ^ folded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_is_the_well_known_one() {
        assert_eq!(check(CHECK_START, b"123456789"), 0x29B1);
    }
}
