//! The application of the host `unix`: lines of the standard input are published at QoS
//! 1, what arrives is printed.

use pure_mqtt::subscriptions::{HeapList, Subscriptions};
use pure_mqtt::{
    Command, Connect, Event, Instant, Publish, QoS, Subscription, TopicFilter,
};

use crate::Mqtt;
use crate::args::Options;
use crate::failure::{Failure, check};
use crate::lines::Lines;

const QOS: QoS = QoS::AtLeastOnce;

/// What it wants to hear, and how far it is.
pub struct Talk {
    options: Options,
    subscriptions: Subscriptions<HeapList>,
    lines: Lines,
    failure: Option<Failure>,
    is_known: bool,
    is_over: bool,
}

impl Talk {
    /// Publishes `lines`, and prints what matches `filter`.
    ///
    /// # Errors
    /// [`Failure::Topic`].
    pub fn new(
        options: Options,
        filter: Option<&str>,
        lines: Lines,
    ) -> Result<Self, Failure> {
        let mut subscriptions = Subscriptions::default();
        if let Some(filter) = filter {
            let filter = TopicFilter::new(filter)
                .map_err(|error| Failure::Topic(filter.to_owned(), error))?;
            let _ = subscriptions.subscribe(Subscription::new(filter, QOS)); // a list on the heap is never full
        }
        Ok(Self {
            options,
            subscriptions,
            lines,
            failure: None,
            is_known: false,
            is_over: false,
        })
    }

    /// What the command line said.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The CONNECT for the next link.
    pub fn connect(&self) -> Connect<'_> {
        self.options.connect(!self.is_known)
    }

    /// A broker has accepted a link before: what ends one now may pass.
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    /// A line was read; or the last one had been.
    ///
    /// # Errors
    /// It is too long.
    pub fn publish(
        &mut self,
        mqtt: &mut Mqtt,
        now: Instant,
        line: Option<String>,
    ) -> Result<(), Failure> {
        self.is_over = line.is_none();
        if let Some(line) = line {
            mqtt.publish(
                now,
                &Publish::new(self.options.topic()?, line.as_bytes()).qos(QOS),
            )?;
        }
        Ok(())
    }

    /// There are no more lines, and all are acknowledged.
    pub fn is_done(&self, mqtt: &Mqtt) -> bool {
        self.is_over && mqtt.is_idle()
    }

    /// To be called with each event.
    pub fn on_event(&mut self, mqtt: &Mqtt, event: &Event<'_>) {
        self.subscriptions.on_event(event);
        match event {
            Event::ConnAck(connack) => self.is_known |= connack.is_accepted(),
            Event::PubAck(end) => {
                self.lines.done();
                if end.reason.is_error() {
                    self.failure = Some(Failure::Other(format!(
                        "the broker did not take a line: {}",
                        end.reason
                    )));
                }
            }
            Event::Message(message) => {
                if let Some(topic) = mqtt.topic(&message.topic) {
                    println!("{} {}", topic.as_str(), message.payload.escape_ascii());
                }
            }
            _ => {}
        }
    }

    /// Fetches the outcomes, and asks for what is missing.
    ///
    /// # Errors
    /// The broker won't have it.
    pub fn act(&mut self, mqtt: &mut Mqtt, now: Instant) -> Result<(), Failure> {
        while let Some(outcome) = mqtt.poll_outcome() {
            self.subscriptions.on_outcome(&outcome);
            if outcome.command == Command::Publish {
                self.lines.done();
            }
        }
        self.subscriptions.sync(now, mqtt);
        self.failure.take().map_or_else(|| check(&self.subscriptions), Err)
    }
}
