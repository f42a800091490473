//! The calls of a connection, each with its record.

use pure_mqtt::{
    Ack, AckError, Auth, Connect, ConnectionError, Delivery, Disconnect, Handle, Instant, Limits, OpenError, Outcome,
    PendingAck, Properties, Publish, PublishError, RequestError, Requested, Storage, Subscribe, Unsubscribe,
};

use crate::answer::Answer;
use crate::limits::limits_numbers;
use crate::record::output::RecordedTransmit;
use crate::record::pen::RecordWriter;
use crate::record::{Flow, Recorder, TraceSink};
use crate::tag;

impl<S: Storage, W: TraceSink> Recorder<S, W> {
    /// Calls [`Connection::open`](pure_mqtt::Connection::open), and records the call.
    ///
    /// # Errors
    /// Same as [`Connection::open`](pure_mqtt::Connection::open).
    pub fn open(&mut self, now: Instant, connect: &Connect<'_>) -> Result<(), OpenError> {
        let result = self.connection.open(now, connect);
        if result.is_ok() {
            self.begin_link();
        }
        let redact = self.redact;
        let will = connect.will.map_or(Properties::NONE, |will| will.properties);
        let properties = [&connect.properties, &will];
        self.command(tag::OPEN, now, Answer::of_open(&result), &properties, |pen| pen.connect(connect, redact));
        result
    }

    /// Calls [`Connection::handle_close`](pure_mqtt::Connection::handle_close), and records the call.
    pub fn handle_close(&mut self, now: Instant) {
        self.connection.handle_close(now);
        self.begin_link();
        self.timed(tag::CLOSED, now, Answer::DONE, |_| {});
    }

    /// Nothing is half out or half in any more.
    fn begin_link(&mut self) {
        self.output = Flow::default();
        self.left_to_come = 0;
    }

    /// Calls [`Connection::handle_timeout`](pure_mqtt::Connection::handle_timeout), and records the call.
    ///
    /// # Errors
    /// Same as [`Connection::handle_timeout`](pure_mqtt::Connection::handle_timeout).
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

    /// Calls [`Connection::publish`](pure_mqtt::Connection::publish), and records the call.
    ///
    /// # Errors
    /// Same as [`Connection::publish`](pure_mqtt::Connection::publish).
    pub fn publish(&mut self, now: Instant, publish: &Publish<'_>) -> Result<Delivery, PublishError> {
        let result = self.connection.publish(now, publish);
        let redact = self.redact;
        let properties = [&publish.properties];
        self.command(tag::PUBLISH, now, Answer::of_publish(&result), &properties, |pen| pen.publish(publish, redact));
        result
    }

    /// Calls [`Connection::replace`](pure_mqtt::Connection::replace), and records the call.
    ///
    /// # Errors
    /// Same as [`Connection::replace`](pure_mqtt::Connection::replace).
    pub fn replace(&mut self, now: Instant, old: Handle, publish: &Publish<'_>) -> Result<Delivery, PublishError> {
        let result = self.connection.replace(now, old, publish);
        let redact = self.redact;
        self.command(tag::REPLACE, now, Answer::of_publish(&result), &[&publish.properties], |pen| {
            pen.number(old.get());
            pen.publish(publish, redact);
        });
        result
    }

    /// Calls [`Connection::cancel`](pure_mqtt::Connection::cancel), and records the call.
    pub fn cancel(&mut self, handle: Handle) -> bool {
        let result = self.connection.cancel(handle);
        let mut pen = RecordWriter::new(&mut self.sink, tag::CANCEL);
        pen.number(handle.get());
        pen.answer(Answer::flag(result));
        result
    }

    /// Calls [`Connection::abandon`](pure_mqtt::Connection::abandon), and records the call.
    pub fn abandon(&mut self, now: Instant, handle: Handle) -> bool {
        let result = self.connection.abandon(now, handle);
        self.timed(tag::ABANDON, now, Answer::flag(result), |pen| pen.number(handle.get()));
        result
    }

    /// Calls [`Connection::subscribe`](pure_mqtt::Connection::subscribe), and records the call.
    ///
    /// # Errors
    /// Same as [`Connection::subscribe`](pure_mqtt::Connection::subscribe).
    pub fn subscribe(&mut self, now: Instant, subscribe: &Subscribe<'_>) -> Result<Requested, RequestError> {
        let result = self.connection.subscribe(now, subscribe);
        self.command(tag::SUBSCRIBE, now, Answer::of_requested(&result), &[&subscribe.properties], |pen| {
            pen.number(subscribe.filters.iter().count() as u64);
            subscribe.filters.iter().for_each(|subscription| pen.subscription(&subscription));
            pen.properties(&subscribe.properties, false);
        });
        result
    }

    /// Calls [`Connection::unsubscribe`](pure_mqtt::Connection::unsubscribe), and records the call.
    ///
    /// # Errors
    /// Same as [`Connection::unsubscribe`](pure_mqtt::Connection::unsubscribe).
    pub fn unsubscribe(&mut self, now: Instant, unsubscribe: &Unsubscribe<'_>) -> Result<Requested, RequestError> {
        let result = self.connection.unsubscribe(now, unsubscribe);
        self.command(tag::UNSUBSCRIBE, now, Answer::of_requested(&result), &[&unsubscribe.properties], |pen| {
            pen.number(unsubscribe.filters.iter().count() as u64);
            unsubscribe.filters.iter().for_each(|filter| pen.filter(&filter));
            pen.properties(&unsubscribe.properties, false);
        });
        result
    }

    /// Calls [`Connection::acknowledge`](pure_mqtt::Connection::acknowledge), and records the call.
    ///
    /// # Errors
    /// Same as [`Connection::acknowledge`](pure_mqtt::Connection::acknowledge).
    pub fn acknowledge(&mut self, now: Instant, pending: PendingAck, with: &Ack<'_>) -> Result<(), AckError> {
        let message = pending.number();
        let result = self.connection.acknowledge(now, pending, with);
        let answer = Answer::of_request(result.as_ref().copied().map_err(|refused| refused.error));
        self.command(tag::ACKNOWLEDGE, now, answer, &[&with.properties], |pen| {
            pen.number(message >> 32);
            pen.number(message & u64::from(u32::MAX));
            pen.ack(with);
        });
        result
    }

    /// Calls [`Connection::authenticate`](pure_mqtt::Connection::authenticate), and records the call.
    ///
    /// # Errors
    /// Same as [`Connection::authenticate`](pure_mqtt::Connection::authenticate).
    pub fn authenticate(&mut self, now: Instant, auth: &Auth<'_>) -> Result<(), RequestError> {
        let result = self.connection.authenticate(now, auth);
        let redact = self.redact;
        let answer = Answer::of_request(result);
        self.command(tag::AUTHENTICATE, now, answer, &[&auth.properties], |pen| pen.auth(auth, redact));
        result
    }

    /// Calls [`Connection::disconnect`](pure_mqtt::Connection::disconnect), and records the call.
    ///
    /// # Errors
    /// Same as [`Connection::disconnect`](pure_mqtt::Connection::disconnect).
    pub fn disconnect(&mut self, now: Instant, disconnect: &Disconnect<'_>) -> Result<(), RequestError> {
        let result = self.connection.disconnect(now, disconnect);
        let answer = Answer::of_request(result);
        self.command(tag::DISCONNECT, now, answer, &[&disconnect.properties], |pen| pen.disconnect(disconnect));
        result
    }

    /// Calls [`Connection::transmit`](pure_mqtt::Connection::transmit), and records the call.
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

    /// Calls [`Connection::poll_outcome`](pure_mqtt::Connection::poll_outcome), and records the call.
    pub fn poll_outcome(&mut self) -> Option<Outcome> {
        let outcome = self.connection.poll_outcome()?;
        RecordWriter::new(&mut self.sink, tag::OUTCOME).answer(Answer::of_outcome(&outcome));
        Some(outcome)
    }

    /// Calls [`Connection::discard_session`](pure_mqtt::Connection::discard_session), and records the call.
    pub fn discard_session(&mut self) -> bool {
        let result = self.connection.discard_session();
        RecordWriter::new(&mut self.sink, tag::FORGET).answer(Answer::flag(result));
        result
    }

    /// Calls [`Connection::adopt_session`](pure_mqtt::Connection::adopt_session), and records the call.
    pub fn adopt_session(&mut self) -> bool {
        let result = self.connection.adopt_session();
        RecordWriter::new(&mut self.sink, tag::ADOPT).answer(Answer::flag(result));
        result
    }

    /// Calls [`Connection::set_limits`](pure_mqtt::Connection::set_limits), and records the call.
    pub fn set_limits(&mut self, limits: Limits) -> bool {
        let result = self.connection.set_limits(limits);
        let mut pen = RecordWriter::new(&mut self.sink, tag::LIMITS);
        limits_numbers(&limits).into_iter().for_each(|number| pen.number(number));
        pen.answer(Answer::flag(result));
        result
    }

    /// Calls [`Connection::shrink`](pure_mqtt::Connection::shrink), and records the call.
    pub fn shrink(&mut self) {
        self.connection.shrink();
        RecordWriter::new(&mut self.sink, tag::SHRINK).answer(Answer::DONE);
    }
}
