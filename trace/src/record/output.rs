//! The output cursor, and what a transport took of it.

use core::fmt;

use pure_mqtt::{PayloadRequest, Transmit, Version};

use crate::answer::Answer;
use crate::record::pen::RecordWriter;
use crate::record::{Flow, TraceSink};
use crate::redact::{FILLER, Redact, Secrets};
use crate::tag;

/// A cursor over the bytes for the server, like [`Transmit`]; bytes that are taken are recorded. With the feature
/// `bytes` it is a `bytes::Buf`.
pub struct RecordedTransmit<'a, W> {
    pub(super) transmit: Transmit<'a>,
    pub(super) sink: &'a mut W,
    pub(super) redact: Redact,
    pub(super) flow: &'a mut Flow,
    pub(super) version: Version,
}

#[cfg(feature = "bytes")]
impl<W: TraceSink> bytes::Buf for RecordedTransmit<'_, W> {
    fn remaining(&self) -> usize {
        RecordedTransmit::remaining(self)
    }

    fn chunk(&self) -> &[u8] {
        RecordedTransmit::chunk(self)
    }

    fn advance(&mut self, count: usize) {
        RecordedTransmit::advance(self, count);
    }
}

impl<W: TraceSink> RecordedTransmit<'_, W> {
    /// Same as [`Transmit::chunk`].
    pub fn chunk(&self) -> &[u8] {
        self.transmit.chunk()
    }

    /// Calls [`Transmit::advance`], and records the call.
    pub fn advance(&mut self, count: usize) {
        if self.transmit.payload_request().is_some() {
            return self.supply(count);
        }
        let mut left = count.min(self.transmit.remaining());
        while left > 0 && !self.chunk().is_empty() {
            let step = left.min(self.chunk().len());
            let mut pen = RecordWriter::new(self.sink, tag::OUTPUT);
            pen.number(step as u64);
            self.flow.write(&mut pen, self.transmit.chunk(), step, (self.version, self.redact));
            pen.answer(Answer::DONE);
            self.transmit.advance(step);
            left -= step;
        }
    }

    /// The application has given the transport a part of a payload.
    fn supply(&mut self, count: usize) {
        let mut pen = RecordWriter::new(self.sink, tag::SUPPLIED);
        pen.number(count as u64);
        pen.answer(Answer::DONE);
        self.flow.position += count;
        self.transmit.advance(count);
    }

    /// Same as [`Transmit::payload_request`]. Payloads that the application supplies are not recorded.
    pub fn payload_request(&self) -> Option<PayloadRequest> {
        self.transmit.payload_request()
    }

    /// Same as [`Transmit::remaining`].
    pub fn remaining(&self) -> usize {
        self.transmit.remaining()
    }
}

impl Flow {
    /// Writes the first `count` bytes of `chunk`, packet by packet, without their secrets.
    fn write(&mut self, pen: &mut RecordWriter<'_>, chunk: &[u8], count: usize, (version, redact): (Version, Redact)) {
        let mut start = 0;
        while start < count {
            let rest = chunk.get(start..).unwrap_or_default();
            if self.position >= self.packet.length {
                *self = Self { packet: Secrets::find(rest, version, redact), position: 0 };
            }
            self.packet.go_on(rest, self.position, version);
            let whole = if self.packet.length == 0 { count } else { self.packet.length - self.position };
            let step = whole.min(count - start);
            pen.stretches(rest.get(..step).unwrap_or_default(), &self.packet, self.position, FILLER);
            self.position += step;
            start += step;
        }
    }
}

impl<W> fmt::Debug for RecordedTransmit<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedTransmit").field("remaining", &self.transmit.remaining()).finish_non_exhaustive()
    }
}
