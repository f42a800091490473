//! The recorder: a connection whose calls are recorded.

mod arguments;
mod client;
mod commands;
mod input;
mod output;
mod pen;
mod properties;
mod sink;

use core::ops::Deref;

pub use self::output::RecordedTransmit;
pub use self::sink::TraceSink;

use self::pen::RecordWriter;
use self::properties::are_expressible;
use crate::answer::Answer;
use crate::limits::{lengths_numbers, limits_numbers};
use crate::redact::{Redact, Secrets};
use crate::tag;
use pure_mqtt::{Connection, Instant, Limits, Properties, Storage};

/// A [`Connection`] that records its calls, with arguments and results, and its output.
///
/// It has the methods of a connection; getters are the connection's own, through `Deref`. The [page of the
/// crate](crate) has an example.
///
/// A trace begins with a new connection, since a replay does. Calls without an effect are left out: a
/// [`handle_timeout`](Self::handle_timeout) before its deadline, an empty input, a `transmit` without output.
#[derive(Debug)]
pub struct Recorder<S: Storage, W> {
    connection: Connection<S>,
    sink: W,
    redact: Redact,
    /// The time of the last record.
    recorded: Instant,
    /// The connection has seen no later time.
    latest: Instant,
    /// The latest time of the calls since then that left no record.
    unrecorded: Option<Instant>,
    output: Flow,
    /// A message is arriving in pieces: so many bytes of it have not come.
    left_to_come: usize,
}

const START: Instant = Instant::from_millis(0);

/// Where the output stands in a packet.
#[derive(Clone, Debug, Default)]
struct Flow {
    packet: Secrets,
    position: usize,
}

impl<S: Storage, W: TraceSink> Recorder<S, W> {
    /// Creates a connection without a link, as [`Connection::new`] does, and records it to `sink`.
    pub fn new(storage: S, limits: Limits, sink: W) -> Self {
        Self::redacting(storage, limits, sink, Redact::NOTHING)
    }

    /// Like [`new`](Self::new), and keeps secrets out of the trace.
    pub fn redacting(storage: S, limits: Limits, mut sink: W, redact: Redact) -> Self {
        sink.write(&tag::MAGIC);
        sink.write(&[tag::FORMAT]);
        let mut pen = RecordWriter::new(&mut sink, tag::BEGIN);
        pen.bytes(env!("CARGO_PKG_VERSION").as_bytes());
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        pen.u8(flag(redact.passwords, tag::HIDES_PASSWORDS) | flag(redact.payloads, tag::HIDES_PAYLOADS));
        match storage.lengths() {
            None => pen.u8(0),
            Some(lengths) => {
                pen.u8(1);
                lengths_numbers(&lengths).into_iter().for_each(|length| pen.number(length as u64));
            }
        }
        limits_numbers(&limits).into_iter().for_each(|number| pen.number(number));
        pen.end();
        let connection = Connection::new(storage, limits);
        let output = Flow::default();
        Self { connection, sink, redact, recorded: START, latest: START, unrecorded: None, output, left_to_come: 0 }
    }

    /// Ends the recording, and returns the connection and the sink.
    pub fn into_parts(self) -> (Connection<S>, W) {
        (self.connection, self.sink)
    }

    /// Returns the sink.
    pub const fn sink(&mut self) -> &mut W {
        &mut self.sink
    }

    /// The record of a call at a time. If it may not have moved the connection's time as far as calls before it that
    /// left no record, the latest time of these gets one.
    fn timed(&mut self, tag: u8, now: Instant, answer: Answer, arguments: impl FnOnce(&mut RecordWriter<'_>)) {
        let moves_time = !answer.is_error() && !matches!(tag, tag::DISCONNECT | tag::ABANDON);
        if let Some(before) = self.unrecorded.take().filter(|before| !moves_time || now < *before) {
            self.record(tag::TIME, before, Answer::DONE, |_| {});
        }
        self.record(tag, now, answer, arguments);
    }

    fn record(&mut self, tag: u8, now: Instant, answer: Answer, arguments: impl FnOnce(&mut RecordWriter<'_>)) {
        let mut pen = RecordWriter::new(&mut self.sink, tag);
        pen.signed(now.as_millis().wrapping_sub(self.recorded.as_millis()) as i64);
        arguments(&mut pen);
        pen.answer(answer);
        self.recorded = now;
        self.latest = self.latest.max(now);
    }

    /// The record of a command with properties. One that was refused because they can't be expressed has changed
    /// nothing, and can't be repeated.
    fn command(
        &mut self,
        tag: u8,
        now: Instant,
        answer: Answer,
        properties: &[&Properties<'_>],
        arguments: impl FnOnce(&mut RecordWriter<'_>),
    ) {
        if answer.is_error() && !properties.iter().all(|properties| are_expressible(properties)) {
            self.timed(tag::REFUSED, now, answer, |pen| pen.u8(tag));
        } else {
            self.timed(tag, now, answer, arguments);
        }
    }

    /// A call at this time had no other effect than that the connection has seen the time.
    fn pass_over(&mut self, now: Instant) {
        self.unrecorded = self.unrecorded.max(Some(now));
        self.latest = self.latest.max(now);
    }
}

impl<S: Storage, W> Deref for Recorder<S, W> {
    type Target = Connection<S>;

    fn deref(&self) -> &Connection<S> {
        &self.connection
    }
}

impl RecordWriter<'_> {
    /// What the call returned, and the end of the record.
    fn answer(mut self, answer: Answer) {
        self.u8(answer.kind);
        self.u8(answer.count);
        for number in answer.numbers() {
            self.number(*number);
        }
        self.end();
    }
}
