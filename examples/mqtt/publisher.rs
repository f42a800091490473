//! `mqtt pub`: publishes, waits for every acknowledgement, and leaves.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::time::Duration;
use std::{fs, thread};

use pure_mqtt::{Disconnect, Event, Handle, Instant, Outcome, Publish, QoS, ReasonCode, TopicName};

use crate::args::{Options, Source};
use crate::failure::Failure;
use crate::link::Link;
use crate::support::{App, Mqtt};

/// How many messages may be unfinished before the next line is read.
const WINDOW: usize = 100;
/// Lines come from a thread of their own; so often we look for them while the connection is quiet.
const LOOK: Duration = Duration::from_millis(20);

/// What became of the messages.
#[derive(Default)]
struct Progress {
    failure: Option<Failure>,
    /// The last message at QoS 0.
    last: Handle,
}

impl App for Progress {
    fn event(&mut self, _mqtt: &mut Mqtt, _now: Instant, event: Event<'_>) {
        if let Event::PubAck(end) | Event::PubRec(end) | Event::PubComp(end) = event {
            self.note(end.reason);
        }
    }

    fn outcome(&mut self, outcome: Outcome) {
        self.failure = Some(Failure::Ended(outcome.cause));
    }
}

impl Progress {
    fn note(&mut self, reason: ReasonCode) {
        if reason.is_error() {
            self.failure = Some(Failure::NotTaken(reason));
        }
    }
}

pub fn run(options: &Options) -> Result<(), Failure> {
    let name = options.topics.first().map(String::as_str).unwrap_or_default();
    let topic = TopicName::new(name).map_err(|error| Failure::Topic { name: name.to_owned(), error })?;
    let input = match &options.source {
        Some(Source::Lines) => Err(read_lines()),
        source => Ok(read(source.as_ref()).map_err(Failure::Input)?),
    };
    let mut publisher = Publisher { link: Link::new(options, false), progress: Progress::default(), options, topic };
    publisher.link.connect(&mut publisher.progress, !options.resume)?;
    match input {
        Ok(payload) => publisher.publish(&payload)?,
        Err(lines) => publisher.publish_lines(&lines)?,
    }
    publisher.finish()
}

struct Publisher<'a> {
    link: Link<'a>,
    progress: Progress,
    options: &'a Options,
    topic: TopicName<'a>,
}

impl Publisher<'_> {
    /// Publishes one payload as often as it was asked for, and keeps the queue short.
    fn publish(&mut self, payload: &[u8]) -> Result<(), Failure> {
        let message = Publish::new(self.topic, payload).qos(self.options.qos).retain(self.options.retain);
        for _ in 0..self.options.count.unwrap_or(1) {
            let now = self.link.host.now();
            let delivery = self.link.host.mqtt.publish(now, &message)?;
            if self.options.qos == QoS::AtMostOnce {
                self.progress.last = delivery.handle;
            }
            self.link.wait(&mut self.progress, |_, mqtt| mqtt.pending() < WINDOW)?;
        }
        Ok(())
    }

    fn publish_lines(&mut self, lines: &Receiver<io::Result<Vec<u8>>>) -> Result<(), Failure> {
        loop {
            match lines.try_recv() {
                Ok(line) => self.publish(&line.map_err(Failure::Input)?)?,
                Err(TryRecvError::Disconnected) => return Ok(()),
                Err(TryRecvError::Empty) if self.link.time_left().is_zero() => return Err(Failure::TimeOut),
                Err(TryRecvError::Empty) => {
                    self.link.host.drive_until(&mut self.progress, LOOK, |_, _| false)?;
                }
            }
        }
    }

    /// Leaves when everything was acknowledged.
    fn finish(mut self) -> Result<(), Failure> {
        self.link.wait(&mut self.progress, |progress, mqtt| mqtt.is_idle() && mqtt.left() >= progress.last)?;
        self.link.host.leave(&Disconnect::default())?;
        self.progress.failure.map_or(Ok(()), Err)
    }
}

fn read(source: Option<&Source>) -> io::Result<Vec<u8>> {
    match source {
        Some(Source::Message(payload)) => Ok(payload.clone()),
        Some(Source::File(path)) => fs::read(path),
        _ => {
            let mut payload = Vec::new();
            io::stdin().lock().read_to_end(&mut payload)?;
            Ok(payload)
        }
    }
}

/// Reads lines in a thread, so that the connection lives on while nobody types.
fn read_lines() -> Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::sync_channel(WINDOW);
    thread::spawn(move || {
        for line in io::stdin().lock().split(b'\n') {
            let line = line.map(|mut line| {
                line.pop_if(|byte| *byte == b'\r');
                line
            });
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}
