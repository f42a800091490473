//! `mqtt sub`: subscribes, prints what comes, and finds its way back after a lost connection.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use pure_mqtt::{
    Ack, Answered, Backoff, Cause, Command, ConnectionError, Disconnect, Event, Instant, Message, Outcome, QoS,
    ReasonCode, SessionState, Subscribe, Subscription, TopicFilter,
};

use crate::args::Options;
use crate::failure::Failure;
use crate::link::Link;
use crate::support::{App, HostError, Mqtt, random};

pub fn run(options: &Options) -> Result<(), Failure> {
    let filters = filters(options)?;
    let printer = Printer { options, seen: 0, subscriptions_lost: true, failure: None };
    let mut subscriber = Subscriber { link: Link::new(options, true), printer, filters, backoff: Backoff::default() };
    subscriber.link.connect(&mut subscriber.printer, !options.resume)?; // the first time it must succeed
    loop {
        match subscriber.listen() {
            Err(Failure::Host(error)) if is_passing(&error) => subscriber.reconnect(error)?,
            result => return result,
        }
    }
}

struct Subscriber<'a> {
    link: Link<'a>,
    printer: Printer<'a>,
    filters: Vec<Subscription<'a>>,
    backoff: Backoff,
}

/// Prints messages.
struct Printer<'a> {
    options: &'a Options,
    seen: u64,
    /// The broker doesn't know our subscriptions.
    subscriptions_lost: bool,
    failure: Option<Failure>,
}

impl Subscriber<'_> {
    /// Subscribes if need be, and prints until there were enough messages.
    fn listen(&mut self) -> Result<(), Failure> {
        if self.printer.subscriptions_lost {
            let now = self.link.host.now();
            self.link.host.mqtt.subscribe(now, &Subscribe::new(&self.filters))?;
        }
        self.link.wait(&mut self.printer, |printer, _| printer.is_done())?;
        self.link.host.leave(&Disconnect::default())?;
        self.printer.failure.take().map_or(Ok(()), Err)
    }

    /// Connects again, and waits longer after each failure. The session goes on if the broker still has it.
    fn reconnect(&mut self, mut error: HostError) -> Result<(), Failure> {
        loop {
            let delay = Duration::from_millis(self.backoff.next_delay(random() as u32).into());
            if delay >= self.link.time_left() {
                return Err(Failure::TimeOut);
            }
            eprintln!("mqtt: {error}; connecting again in {:.1} s", delay.as_secs_f32());
            thread::sleep(delay);
            let clean_start = !self.printer.options.resume;
            match self.link.connect(&mut self.printer, clean_start) {
                Err(Failure::Host(next)) if is_passing(&next) => error = next,
                result => {
                    self.backoff.reset();
                    return result;
                }
            }
        }
    }
}

impl App for Printer<'_> {
    fn event(&mut self, mqtt: &mut Mqtt, now: Instant, event: Event<'_>) {
        match event {
            Event::ConnAck(connack) if matches!(connack.session, SessionState::New { .. }) => {
                self.subscriptions_lost = true
            }
            Event::SubAck(answer) => self.check(&answer),
            Event::Message(message) if !self.is_done() => self.take(mqtt, now, message),
            _ => {}
        }
    }

    fn outcome(&mut self, outcome: Outcome) {
        // Whatever was lost with the connection is asked for again.
        if outcome.command == Command::Subscribe && outcome.cause != Cause::Unknown {
            self.failure = Some(Failure::Ended(outcome.cause));
        }
    }
}

impl Printer<'_> {
    fn is_done(&self) -> bool {
        self.failure.is_some() || self.options.count.is_some_and(|count| self.seen >= count)
    }

    fn check(&mut self, answer: &Answered<'_>) {
        self.subscriptions_lost = false;
        let refused = self.options.topics.iter().zip(answer.reasons()).find(|(_, reason)| reason.is_error());
        if let Some((filter, reason)) = refused {
            self.failure = Some(Failure::NotSubscribed { filter: filter.clone(), reason });
        }
    }

    /// Prints a message and then acknowledges it. Those that come when we are done stay unacknowledged, and so with the session.
    fn take(&mut self, mqtt: &mut Mqtt, now: Instant, message: Message<'_>) {
        self.seen += 1;
        if let Err(error) = self.print(mqtt, &message) {
            self.failure = Some(Failure::Output(error));
        } else if let Some(pending) = message.ack {
            let _ = mqtt.acknowledge(now, pending, &Ack::SUCCESS); // it came just now, so it is not stale
        }
    }

    fn print(&self, mqtt: &Mqtt, message: &Message<'_>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if let Some(topic) = mqtt.topic(&message.topic).filter(|_| self.options.verbose) {
            write!(out, "{} ", topic.as_str())?;
        }
        out.write_all(message.payload)?;
        out.write_all(b"\n")?;
        out.flush()
    }
}

fn filters(options: &Options) -> Result<Vec<Subscription<'_>>, Failure> {
    options.topics.iter().map(|name| subscription(name, options.qos)).collect()
}

fn subscription(name: &str, qos: QoS) -> Result<Subscription<'_>, Failure> {
    let filter = TopicFilter::new(name).map_err(|error| Failure::Topic { name: name.to_owned(), error })?;
    Ok(Subscription::new(filter, qos))
}

/// Whether another attempt can end differently.
fn is_passing(error: &HostError) -> bool {
    match error {
        HostError::Open(_) | HostError::Disconnect(_) => false,
        HostError::Mqtt(ConnectionError::Refused(reason)) => {
            matches!(
                *reason,
                ReasonCode::SERVER_UNAVAILABLE | ReasonCode::SERVER_BUSY | ReasonCode::CONNECTION_RATE_EXCEEDED
            )
        }
        HostError::Mqtt(ConnectionError::ServerDisconnect(reason)) => *reason != ReasonCode::SESSION_TAKEN_OVER,
        _ => true,
    }
}
