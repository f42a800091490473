//! Prints messages, and acknowledges each when it is printed.

use indicatif::ProgressBar;
use pure_mqtt::{Ack, Answered, Cause, Command, End, Event, Instant, Message, Outcome, SessionState, Subscription};

use crate::failure::Failure;
use crate::fields::Shown;
use crate::format::Format;
use crate::report;
use crate::support::{App, Mqtt};

pub struct Printer<'a> {
    pub format: &'a Format,
    pub filters: &'a [Subscription<'a>],
    /// So many messages are enough.
    pub count: Option<u64>,
    /// Only answers with these correlation data count.
    pub correlation: Option<&'a [u8]>,
    pub seen: u64,
    /// The broker doesn't know our subscriptions.
    pub is_unsubscribed: bool,
    pub failure: Option<Failure>,
    pub bar: ProgressBar,
}

impl<'a> Printer<'a> {
    pub fn new(format: &'a Format, filters: &'a [Subscription<'a>], count: Option<u64>) -> Self {
        let bar = ProgressBar::hidden();
        Self { format, filters, count, correlation: None, seen: 0, is_unsubscribed: true, failure: None, bar }
    }

    /// There is nothing more to wait for.
    pub fn is_done(&self) -> bool {
        self.failure.is_some() || self.count.is_some_and(|count| self.seen >= count)
    }

    pub fn result(&mut self) -> Result<(), Failure> {
        self.failure.take().map_or(Ok(()), Err)
    }

    fn check(&mut self, answer: &Answered<'_>) {
        self.is_unsubscribed = false;
        let refused = self.filters.iter().zip(answer.reasons()).find(|(_, reason)| reason.is_error());
        if let Some((subscription, reason)) = refused {
            self.failure = Some(Failure::NotSubscribed { filter: subscription.filter.as_str().to_owned(), reason });
        }
    }

    fn note(&mut self, end: Option<End>) {
        if let Some(end) = end.filter(|end| !end.is_success) {
            self.failure = Some(Failure::NotTaken(end.reason));
        }
    }

    /// Those that come when we are done stay unacknowledged, and so with the session.
    fn take(&mut self, mqtt: &mut Mqtt, now: Instant, message: Message<'_>) {
        if self.correlation.is_none_or(|ours| message.properties.correlation_data() == Some(ours)) {
            self.seen += 1;
            self.bar.inc(1);
            self.failure = self.print(mqtt, &message).err();
        }
        if let Some(pending) = message.ack.filter(|_| self.failure.is_none()) {
            let _ = mqtt.acknowledge(now, pending, &Ack::SUCCESS); // it came just now, so it is not stale
        }
    }

    fn print(&self, mqtt: &Mqtt, message: &Message<'_>) -> Result<(), Failure> {
        let topic = mqtt.topic(&message.topic);
        let topic = topic.as_ref().map_or("", |topic| topic.as_str());
        let line = self.format.line(&Shown { topic, message });
        self.bar.suspend(|| report::print(&line))
    }
}

impl App for Printer<'_> {
    fn event(&mut self, mqtt: &mut Mqtt, now: Instant, event: Event<'_>) {
        match event {
            Event::ConnAck(connack) if matches!(connack.session, SessionState::New { .. }) => {
                self.is_unsubscribed = true
            }
            Event::SubAck(answer) => self.check(&answer),
            Event::Message(message) if !self.is_done() => self.take(mqtt, now, message),
            Event::PubAck(_) | Event::PubRec(_) | Event::PubComp(_) => self.note(event.end()),
            _ => {}
        }
    }

    fn outcome(&mut self, outcome: Outcome) {
        // Whatever was lost with the connection is asked for again.
        if outcome.command != Command::Unsubscribe && outcome.cause != Cause::Unknown {
            self.failure = Some(Failure::Ended(outcome.cause));
        }
    }
}
