//! The calls of a connection, each with its record.

use crate::command::{Ack, Delivery, Publish, Requested, Subscribe, Unsubscribe};
use crate::error::{AckError, ConnectionError, OpenError, PublishError, RequestError};
use crate::event::{Outcome, PendingAck, Received};
use crate::limits::Limits;
use crate::record::answer::Answer;
use crate::record::limits::limits_numbers;
use crate::record::output::RecordedTransmit;
use crate::record::pen::Pen;
use crate::record::redact::{FILLER, Secrets};
use crate::record::{Flow, Recorder, TraceSink, tag};
use crate::storage::Storage;
use crate::time::Instant;
use crate::types::{Handle, Version};
use crate::wire::{Auth, Connect, Decoded, Disconnect, Header, HeaderStep, Packet, Properties, Rules};

impl<S: Storage, W: TraceSink> Recorder<S, W> {
    /// As [`Connection::open`](crate::Connection::open).
    ///
    /// # Errors
    /// As there.
    pub fn open(&mut self, now: Instant, connect: &Connect<'_>) -> Result<(), OpenError> {
        let result = self.connection.open(now, connect);
        if result.is_ok() {
            self.output = Flow::default();
        }
        let redact = self.redact;
        let will = connect.will.map_or(Properties::NONE, |will| will.properties);
        let properties = [&connect.properties, &will];
        self.command(tag::OPEN, now, Answer::of_open(&result), &properties, |pen| pen.connect(connect, redact));
        result
    }

    /// As [`Connection::closed`](crate::Connection::closed).
    pub fn closed(&mut self, now: Instant) {
        self.connection.closed(now);
        self.output = Flow::default();
        self.timed(tag::CLOSED, now, Answer::DONE, |_| {});
    }

    /// As [`Connection::handle_input`](crate::Connection::handle_input).
    ///
    /// # Errors
    /// As there.
    pub fn handle_input<'i>(&mut self, now: Instant, input: &'i [u8]) -> Result<Received<'i>, ConnectionError> {
        let version = self.connection.version();
        let result = self.connection.handle_input(now, input);
        if input.is_empty() {
            self.pass_over(now);
            return result;
        }
        let consumed = if let Ok(Received::Packet { consumed, .. }) = result { consumed } else { 0 };
        let Seen { offered, shown } = seen(input, version, consumed);
        let secrets = Secrets::find(input, version, self.redact);
        let filler = if self.hides_bad_text(input, version) { BAD_TEXT } else { FILLER };
        self.timed(tag::INPUT, now, Answer::of_input(&result), |pen| {
            pen.number(offered as u64);
            pen.number(shown as u64);
            pen.stretches(input.get(..shown).unwrap_or_default(), &secrets, 0, filler);
        });
        result
    }

    /// As [`Connection::handle_input_streaming`](crate::Connection::handle_input_streaming).
    ///
    /// # Errors
    /// As there.
    pub fn handle_input_streaming<'i>(
        &mut self,
        now: Instant,
        input: &'i [u8],
    ) -> Result<Received<'i>, ConnectionError> {
        let version = self.connection.version();
        let is_inside = self.connection.is_inside_stream();
        let result = self.connection.handle_input_streaming(now, input);
        if input.is_empty() {
            self.pass_over(now);
            return result;
        }
        let consumed = if let Ok(Received::Packet { consumed, .. }) = result { consumed } else { 0 };
        let Seen { offered, shown } = match is_inside {
            true if consumed > 0 => Seen { offered: consumed, shown: consumed },
            true => Seen { offered: input.len(), shown: input.len() },
            false => seen(input, version, consumed),
        };
        let redact = self.redact;
        let secrets = if is_inside { Secrets::all(redact.payloads) } else { Secrets::find(input, version, redact) };
        self.timed(tag::STREAMING_INPUT, now, Answer::of_input(&result), |pen| {
            pen.number(offered as u64);
            pen.number(shown as u64);
            pen.stretches(input.get(..shown).unwrap_or_default(), &secrets, 0, FILLER);
        });
        result
    }

    /// The payload is marked as text and isn't, and the connection looks: that must be so in the replay as well.
    fn hides_bad_text(&self, input: &[u8], version: Version) -> bool {
        if !self.redact.payloads || !self.connection.limits().check_payload_format {
            return false;
        }
        match Packet::decode(input, Rules::new(version)) {
            Ok(Decoded::Packet { packet: Packet::Publish(publish), .. }) => {
                core::str::from_utf8(publish.payload).is_err()
            }
            _ => false,
        }
    }

    /// As [`Connection::handle_timeout`](crate::Connection::handle_timeout).
    ///
    /// # Errors
    /// As there.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), ConnectionError> {
        self.latest = self.latest.max(now);
        let is_due = self.connection.poll_timeout().is_some_and(|due| due <= self.latest);
        let result = self.connection.handle_timeout(now);
        if is_due {
            self.timed(tag::TIMEOUT, now, Answer::of_timeout(&result), |_| {});
        } else {
            self.pass_over(now);
        }
        result
    }

    /// As [`Connection::publish`](crate::Connection::publish).
    ///
    /// # Errors
    /// As there.
    pub fn publish(&mut self, now: Instant, publish: &Publish<'_>) -> Result<Delivery, PublishError> {
        let result = self.connection.publish(now, publish);
        let redact = self.redact;
        let properties = [&publish.properties];
        self.command(tag::PUBLISH, now, Answer::of_publish(&result), &properties, |pen| pen.publish(publish, redact));
        result
    }

    /// As [`Connection::replace`](crate::Connection::replace).
    ///
    /// # Errors
    /// As there.
    pub fn replace(&mut self, now: Instant, old: Handle, publish: &Publish<'_>) -> Result<Delivery, PublishError> {
        let result = self.connection.replace(now, old, publish);
        let redact = self.redact;
        self.command(tag::REPLACE, now, Answer::of_publish(&result), &[&publish.properties], |pen| {
            pen.number(old.get());
            pen.publish(publish, redact);
        });
        result
    }

    /// As [`Connection::cancel`](crate::Connection::cancel).
    pub fn cancel(&mut self, handle: Handle) -> bool {
        let result = self.connection.cancel(handle);
        let mut pen = Pen::new(&mut self.sink, tag::CANCEL);
        pen.number(handle.get());
        pen.answer(Answer::flag(result));
        result
    }

    /// As [`Connection::abandon`](crate::Connection::abandon).
    pub fn abandon(&mut self, now: Instant, handle: Handle) -> bool {
        let result = self.connection.abandon(now, handle);
        self.timed(tag::ABANDON, now, Answer::flag(result), |pen| pen.number(handle.get()));
        result
    }

    /// As [`Connection::subscribe`](crate::Connection::subscribe).
    ///
    /// # Errors
    /// As there.
    pub fn subscribe(&mut self, now: Instant, subscribe: &Subscribe<'_>) -> Result<Requested, RequestError> {
        let result = self.connection.subscribe(now, subscribe);
        self.command(tag::SUBSCRIBE, now, Answer::of_requested(&result), &[&subscribe.properties], |pen| {
            pen.number(subscribe.filters.iter().count() as u64);
            subscribe.filters.iter().for_each(|subscription| pen.subscription(&subscription));
            pen.properties(&subscribe.properties, false);
        });
        result
    }

    /// As [`Connection::unsubscribe`](crate::Connection::unsubscribe).
    ///
    /// # Errors
    /// As there.
    pub fn unsubscribe(&mut self, now: Instant, unsubscribe: &Unsubscribe<'_>) -> Result<Requested, RequestError> {
        let result = self.connection.unsubscribe(now, unsubscribe);
        self.command(tag::UNSUBSCRIBE, now, Answer::of_requested(&result), &[&unsubscribe.properties], |pen| {
            pen.number(unsubscribe.filters.iter().count() as u64);
            unsubscribe.filters.iter().for_each(|filter| pen.filter(&filter));
            pen.properties(&unsubscribe.properties, false);
        });
        result
    }

    /// As [`Connection::acknowledge`](crate::Connection::acknowledge).
    ///
    /// # Errors
    /// As there.
    pub fn acknowledge(&mut self, now: Instant, pending: PendingAck, with: &Ack<'_>) -> Result<(), AckError> {
        let (place, serial) = (pending.place(), pending.serial);
        let result = self.connection.acknowledge(now, pending, with);
        let answer = Answer::of_request(result.as_ref().copied().map_err(|refused| refused.error));
        self.command(tag::ACKNOWLEDGE, now, answer, &[&with.properties], |pen| {
            pen.number(place.into());
            pen.number(serial.into());
            pen.ack(with);
        });
        result
    }

    /// As [`Connection::authenticate`](crate::Connection::authenticate).
    ///
    /// # Errors
    /// As there.
    pub fn authenticate(&mut self, now: Instant, auth: &Auth<'_>) -> Result<(), RequestError> {
        let result = self.connection.authenticate(now, auth);
        let redact = self.redact;
        let answer = Answer::of_request(result);
        self.command(tag::AUTHENTICATE, now, answer, &[&auth.properties], |pen| pen.auth(auth, redact));
        result
    }

    /// As [`Connection::disconnect`](crate::Connection::disconnect).
    ///
    /// # Errors
    /// As there.
    pub fn disconnect(&mut self, now: Instant, disconnect: &Disconnect<'_>) -> Result<(), RequestError> {
        let result = self.connection.disconnect(now, disconnect);
        let answer = Answer::of_request(result);
        self.command(tag::DISCONNECT, now, answer, &[&disconnect.properties], |pen| pen.disconnect(disconnect));
        result
    }

    /// As [`Connection::transmit`](crate::Connection::transmit).
    pub fn transmit(&mut self, now: Instant) -> RecordedTransmit<'_, W> {
        let is_idle = self.connection.pending() == 0;
        let remaining = self.connection.transmit(now).remaining();
        if remaining > 0 || !is_idle {
            self.timed(tag::TRANSMIT, now, Answer::number(remaining), |_| {});
        } else {
            self.pass_over(now);
        }
        let version = self.connection.version();
        let Self { connection, sink, redact, output, .. } = self;
        RecordedTransmit { transmit: connection.transmit(now), sink, redact: *redact, flow: output, version }
    }

    /// As [`Connection::poll_outcome`](crate::Connection::poll_outcome).
    pub fn poll_outcome(&mut self) -> Option<Outcome> {
        let outcome = self.connection.poll_outcome()?;
        Pen::new(&mut self.sink, tag::OUTCOME).answer(Answer::of_outcome(&outcome));
        Some(outcome)
    }

    /// As [`Connection::forget_session`](crate::Connection::forget_session).
    pub fn forget_session(&mut self) -> bool {
        let result = self.connection.forget_session();
        Pen::new(&mut self.sink, tag::FORGET).answer(Answer::flag(result));
        result
    }

    /// As [`Connection::adopt_session`](crate::Connection::adopt_session).
    pub fn adopt_session(&mut self) -> bool {
        let result = self.connection.adopt_session();
        Pen::new(&mut self.sink, tag::ADOPT).answer(Answer::flag(result));
        result
    }

    /// As [`Connection::set_limits`](crate::Connection::set_limits).
    pub fn set_limits(&mut self, limits: Limits) -> bool {
        let result = self.connection.set_limits(limits);
        let mut pen = Pen::new(&mut self.sink, tag::LIMITS);
        limits_numbers(&limits).into_iter().for_each(|number| pen.number(number));
        pen.answer(Answer::flag(result));
        result
    }

    /// As [`Connection::shrink`](crate::Connection::shrink).
    pub fn shrink(&mut self) {
        self.connection.shrink();
        Pen::new(&mut self.sink, tag::SHRINK).answer(Answer::DONE);
    }
}

/// Stands for a payload that is not UTF-8.
const BAD_TEXT: u8 = 0xFF;

/// What a connection looks at of its input.
struct Seen {
    /// How long the packet is, as far as it is there.
    offered: usize,
    /// So many bytes of it go into the trace.
    shown: usize,
}

/// A whole packet is shown; of one that isn't whole only the fixed header matters, and how much of it there is.
fn seen(input: &[u8], version: Version, consumed: usize) -> Seen {
    let all = |length: usize| Seen { offered: length, shown: length };
    match Header::decode(input, Rules::new(version)) {
        _ if consumed > 0 => all(consumed),
        Ok(HeaderStep::Header(header)) if header.packet_length() <= input.len() => all(header.packet_length()),
        Ok(HeaderStep::Header(header)) => Seen { offered: input.len(), shown: header.length },
        Ok(HeaderStep::Partial(_)) | Err(_) => all(input.len().min(LONGEST_HEADER)),
    }
}

const LONGEST_HEADER: usize = 5;
