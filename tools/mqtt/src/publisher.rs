//! `mqtt pub`: publishes, waits for every acknowledgement, and disconnects.

use std::time::{Duration, Instant};

use crossbeam_channel::never;
use indicatif::ProgressBar;
use pure_mqtt_client::Client;
use pure_mqtt_client::pure_mqtt::{Publish, Version};

use crate::args::{Publishing, Source};
use crate::failure::Failure;
use crate::input::{self, Payload, Payloads, Reading};
use crate::link::{Heard, Link, News};
use crate::outbox::{self, Outbox};
use crate::report::Tally;
use crate::{progress, session};

/// The maximum number of unfinished messages; with a folder there may be more.
const WINDOW: u64 = 100;
const WINDOW_OF_FOLDER: u64 = 5_000;
/// How long lines are accepted after Ctrl-C: the program at the other end of the pipe gets the signal too, and may have written its last lines.
const LAST_LINES: Duration = Duration::from_millis(500);

pub fn run(options: &Publishing, tally: &mut Tally) -> Result<(), Failure> {
    let outbox = match &options.durable {
        Some(folder) => outbox::open(folder, options)?,
        None => Outbox { client: Client::with(session::options(&options.broker, Version::V311)), left: 0, skip: None },
    };
    let source = options.source();
    let reading = Reading {
        encoding: options.message.encoding,
        repeat: options.repeat,
        pause: options.pause(),
        skip: outbox.skip,
    };
    let mut link = Link::new(outbox.client, &options.broker, options.broker.session.timeout)?;
    link.retries_first = options.durable.is_some();
    link.survives = options.durable.is_some() || matches!(source, Some(Source::Lines));
    let length = (!matches!(source, None | Some(Source::Lines))).then_some(options.repeat);
    let mut publisher = Publisher {
        message: options.message.message(),
        is_durable: options.durable.is_some(),
        is_stream: matches!(source, Some(Source::Lines)),
        window: if options.durable.is_some() { WINDOW_OF_FOLDER } else { WINDOW },
        unfinished: outbox.left,
        failure: None,
        bar: progress::ticking(options.progress, length, "messages"),
        link,
        tally,
    };
    let result = publisher.run(source.as_ref(), reading);
    publisher.bar.finish_and_clear();
    publisher.link.leave();
    publisher.tally.unfinished = publisher.unfinished;
    publisher.tally.are_kept = publisher.is_durable;
    result
}

struct Publisher<'a> {
    link: Link,
    /// The message, without payload.
    message: Publish<'static>,
    /// Unfinished messages are kept in a folder.
    is_durable: bool,
    /// Lines arrive, an unknown number of them.
    is_stream: bool,
    window: u64,
    unfinished: u64,
    /// The first error of a message; other messages are still delivered.
    failure: Option<Failure>,
    tally: &'a mut Tally,
    bar: ProgressBar,
}

impl Publisher<'_> {
    fn run(&mut self, source: Option<&Source>, reading: Reading) -> Result<(), Failure> {
        let payloads = match source {
            Some(source) => Some(input::open(source, reading)?),
            None => None,
        };
        if self.is_durable {
            self.link.dial()?
        } else {
            self.link.connect()?
        }
        let is_stopped = match payloads {
            Some(payloads) => self.publish_all(&payloads)?,
            None => false,
        };
        if !(is_stopped && self.is_durable) {
            self.finish()?;
        }
        match self.failure.take() {
            Some(failure) => Err(failure),
            None if is_stopped => Err(Failure::Stopped),
            None => Ok(()),
        }
    }

    /// Publishes until the input ends; after Ctrl-C for a moment longer, and then returns true.
    fn publish_all(&mut self, payloads: &Payloads) -> Result<bool, Failure> {
        let mut end: Option<Instant> = None;
        let none = never();
        loop {
            let is_open = self.unfinished < self.window;
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(true);
            }
            match self.link.next_within(if is_open { payloads } else { &none }, left)? {
                Heard::News(News::Stop) if self.is_stream && !self.is_durable => {
                    end = Some(Instant::now() + LAST_LINES)
                }
                Heard::News(News::Stop) => return Ok(true),
                Heard::News(news) => self.note(news),
                Heard::End => return Ok(end.is_some()),
                Heard::Other(payload) => {
                    if let Err(failure) = payload.and_then(|payload| self.publish(&payload)) {
                        self.failure = Some(failure); // messages accepted before are still delivered
                        return Ok(false);
                    }
                }
            }
        }
    }

    fn publish(&mut self, payload: &Payload) -> Result<(), Failure> {
        let mut message: Publish<'_> = self.message;
        message.payload = (&payload.bytes[..]).into();
        let tag = payload.mark.map_or(0, |mark| mark.tag());
        self.link.client.publish_tagged(&message, tag).map_err(Failure::Publish)?;
        self.tally.messages += 1;
        self.unfinished += 1;
        self.bar.inc(1);
        Ok(())
    }

    fn note(&mut self, news: News) {
        if let News::Published(result) = news {
            self.unfinished = self.unfinished.saturating_sub(1);
            if let Err(error) = result {
                self.failure.get_or_insert(Failure::NotPublished(error));
            }
        }
    }

    /// Waits for the final results of all messages.
    fn finish(&mut self) -> Result<(), Failure> {
        while self.unfinished > 0 {
            match self.link.next()? {
                News::Stop if self.is_durable => return Err(Failure::Stopped),
                news => self.note(news),
            }
        }
        Ok(())
    }
}
