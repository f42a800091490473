//! `mqtt pub`: publishes, waits for every acknowledgement, and leaves.

use std::sync::mpsc::TryRecvError;
use std::time::{Duration, Instant as Clock};

use indicatif::ProgressBar;
use pure_mqtt::{Event, Handle, Instant, Limits, Outcome, Publish, QoS};

use crate::args::{Publishing, Source};
use crate::failure::Failure;
use crate::input::{Input, Lines};
use crate::link::{Link, is_passing};
use crate::progress;
use crate::report::Tally;
use crate::support::{App, Mqtt};

/// How many messages may be unfinished before the next line is read.
const WINDOW: usize = 100;
/// Lines come from a thread of their own; so often we look for them while the connection is quiet.
const LOOK: Duration = Duration::from_millis(20);
/// How long lines are still taken after Ctrl-C: what ends with us may have written some that wait in the pipe.
const LAST_LINES: Duration = Duration::from_millis(500);

pub fn run(options: &Publishing, tally: &mut Tally) -> Result<(), Failure> {
    let input = Input::open(&options.source)?;
    let length = matches!(input, Input::One(_)).then_some(options.count);
    let mut publisher = Publisher {
        link: Link::new(&options.broker, Limits::DEFAULT),
        answers: Answers::default(),
        options,
        tally,
        bar: progress::ticking(options.progress, length, "messages"),
    };
    publisher.link.connect(&mut publisher.answers)?;
    let result = publisher.publish_all(&input).and_then(|()| publisher.finish());
    publisher.bar.finish_and_clear();
    publisher.tally.unfinished = publisher.link.host.mqtt.pending();
    result
}

struct Publisher<'a> {
    link: Link<'a>,
    answers: Answers,
    options: &'a Publishing,
    tally: &'a mut Tally,
    bar: ProgressBar,
}

/// What became of the messages.
#[derive(Default)]
struct Answers {
    failure: Option<Failure>,
    /// The last message at QoS 0.
    last: Handle,
}

impl App for Answers {
    fn event(&mut self, _mqtt: &mut Mqtt, _now: Instant, event: Event<'_>) {
        if let Some(end) = event.end().filter(|end| !end.is_success) {
            self.failure = Some(Failure::NotTaken(end.reason));
        }
    }

    fn outcome(&mut self, outcome: Outcome) {
        self.failure = Some(Failure::Ended(outcome.cause));
    }
}

impl Publisher<'_> {
    fn publish_all(&mut self, input: &Input) -> Result<(), Failure> {
        match input {
            Input::One(payload) => self.repeat(payload),
            Input::Lines(lines) => self.publish_lines(lines),
        }
    }

    /// Publishes a payload as often as it was asked for, or until Ctrl-C.
    fn repeat(&mut self, payload: &[u8]) -> Result<(), Failure> {
        for _ in 0..self.options.count {
            if self.link.stop.is_wanted() {
                break;
            }
            self.publish(payload)?;
        }
        Ok(())
    }

    /// Publishes until the lines end; after Ctrl-C a moment more.
    fn publish_lines(&mut self, lines: &Lines) -> Result<(), Failure> {
        let mut end = None;
        loop {
            if self.link.stop.is_wanted() && *end.get_or_insert_with(|| Clock::now() + LAST_LINES) < Clock::now() {
                return Ok(());
            }
            match lines.try_recv() {
                Ok(line) => self.publish_line(&line.map_err(Failure::Input)?)?,
                Err(TryRecvError::Disconnected) => return Ok(()),
                Err(TryRecvError::Empty) => {
                    let until = Clock::now() + LOOK;
                    self.settle(|_, _| Clock::now() >= until)?;
                }
            }
        }
    }

    fn publish_line(&mut self, line: &[u8]) -> Result<(), Failure> {
        (0..self.options.count).try_for_each(|_| self.publish(line))
    }

    /// Publishes a message, and keeps the queue short.
    fn publish(&mut self, payload: &[u8]) -> Result<(), Failure> {
        let mut message: Publish<'_> = self.options.message;
        message.payload = payload.into();
        let now = self.link.host.now();
        let delivery = self.link.host.mqtt.publish(now, &message)?;
        if message.qos == QoS::AtMostOnce {
            self.answers.last = delivery.handle;
        }
        self.tally.messages += 1;
        self.bar.inc(1);
        self.settle(|_, mqtt| mqtt.pending() < WINDOW)
    }

    /// Leaves when everything was acknowledged.
    fn finish(&mut self) -> Result<(), Failure> {
        self.settle(|answers, mqtt| mqtt.is_idle() && mqtt.left() >= answers.last)?;
        self.link.leave()?;
        match self.answers.failure.take() {
            Some(failure) => Err(failure),
            None if self.link.stop.is_wanted() => Err(Failure::Stopped),
            None => Ok(()),
        }
    }

    /// Drives the connection until `done`. While lines may come, a lost connection is made again, and what was unfinished is sent again.
    fn settle(&mut self, mut done: impl FnMut(&Answers, &Mqtt) -> bool) -> Result<(), Failure> {
        let is_stream = matches!(self.options.source, Source::Lines);
        loop {
            match self.link.settle(&mut self.answers, &mut done) {
                Err(Failure::Host(error)) if is_stream && is_passing(&error) => {
                    self.link.reconnect(&mut self.answers, error)?;
                }
                result => return result,
            }
        }
    }
}
