//! Writing records: numbers, bytes, and a check value behind each.

use pure_mqtt::Properties;

use crate::check::{CHECK_START, check};
use crate::record::properties::expressible;
use crate::record::sink::TraceSink;
use crate::redact::{FILLER, Secrets};

/// Writes one record; [`end`](Self::end) closes it.
pub(super) struct RecordWriter<'a> {
    sink: &'a mut dyn TraceSink,
    check: u16,
}

impl<'a> RecordWriter<'a> {
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

    /// Their length and their encoding in MQTT; Authentication Data perhaps hidden. Those that can't be expressed are
    /// left out: where they count, the call was refused.
    pub(super) fn properties(&mut self, properties: &Properties<'_>, hides_authentication: bool) {
        self.number(expressible(properties).map(|encoded| encoded.length() as u64).sum());
        for encoded in expressible(properties) {
            self.u8(encoded.id);
            self.raw(encoded.number());
            for field in encoded.fields.into_iter().flatten() {
                self.raw(&(field.len() as u16).to_be_bytes());
                self.hide(field, (hides_authentication && encoded.is_authentication_data).then_some(FILLER));
            }
        }
    }
}
