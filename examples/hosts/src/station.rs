//! The application of most hosts: a weather station that receives its own messages.
//!
//! It publishes numbered readings to a topic that it has subscribed to, and prints what arrives. It ends when all readings were acknowledged and received. So every host can be
//! tried with any broker, and lost or duplicated messages show at once.

use pure_mqtt::subscriptions::{HeapList, Subscriptions};
use pure_mqtt::{
    Connect, Disconnect, Event, Instant, Limits, Outcome, Publish, SessionState, Subscription, TopicFilter, Version,
};

use crate::args::{NO_SESSION, Options};
use crate::failure::{Failure, check};
use crate::{LONGEST_PACKET, Mqtt};

/// The settings of the station's connection.
pub const LIMITS: Limits = Limits { version: Version::V5, inline_max: LONGEST_PACKET as u32, ..Limits::DEFAULT };

/// What it publishes, and what has come back.
pub struct Station {
    options: Options,
    subscriptions: Subscriptions<HeapList>,
    published: u32,
    returned: u32,
    /// When the next reading is due.
    next: Instant,
    /// The broker has accepted a link before.
    is_known: bool,
    /// Readings come back as long as the broker keeps the session.
    is_heard: bool,
    is_stopped: bool,
    failure: Option<Failure>,
}

impl Station {
    /// A station that has published nothing yet.
    ///
    /// # Errors
    /// The topic can't be subscribed to.
    pub fn new(options: Options) -> Result<Self, Failure> {
        let filter = TopicFilter::new(&options.topic).map_err(|error| Failure::Topic(options.topic.clone(), error))?;
        let mut subscriptions = Subscriptions::default();
        // A list on the heap is never full.
        let _ = subscriptions.subscribe(Subscription::new(filter, options.qos));
        Ok(Self {
            options,
            subscriptions,
            published: 0,
            returned: 0,
            next: Instant::from_millis(0),
            is_known: false,
            is_heard: true,
            is_stopped: false,
            failure: None,
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

    /// The DISCONNECT of a station that won't come back.
    pub fn goodbye(&self) -> Disconnect<'static> {
        Disconnect::default().properties(NO_SESSION)
    }

    /// A broker has accepted a link before: what ends one now may pass.
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    /// To be called with each event.
    pub fn on_event(&mut self, mqtt: &Mqtt, event: &Event<'_>) {
        self.subscriptions.on_event(event);
        match event {
            Event::ConnAck(connack) => self.on_session(connack.session),
            Event::Message(message) => {
                self.returned += 1;
                if let Some(topic) = mqtt.topic(&message.topic) {
                    println!("{} {}", topic.as_str(), message.payload.escape_ascii());
                }
            }
            Event::PubAck(_) | Event::PubRec(_) | Event::PubComp(_) => {
                if let Some(end) = event.final_result().filter(|end| !end.is_success) {
                    self.failure = Some(Failure::Other(format!("the broker did not take a reading: {}", end.reason)));
                }
            }
            _ => {}
        }
    }

    fn on_session(&mut self, session: SessionState) {
        if matches!(session, SessionState::New { .. }) && self.is_known {
            eprintln!("the broker has lost the session: readings that were on their way may be missing");
            self.is_heard = false;
        }
        self.is_known |= session != SessionState::Untouched;
    }

    /// To be called with each outcome.
    pub fn on_outcome(&mut self, outcome: &Outcome) {
        self.subscriptions.on_outcome(outcome);
    }

    /// Does what is due; to be called when [`due`](Self::due) has come, and after every event.
    ///
    /// # Errors
    /// The broker won't have it.
    pub fn act(&mut self, mqtt: &mut Mqtt, now: Instant) -> Result<(), Failure> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        self.subscriptions.sync(now, mqtt);
        check(&self.subscriptions)?;
        if self.due(mqtt).is_some_and(|due| due <= now) {
            self.published += 1;
            self.next = now.after_millis(self.options.every.into());
            let reading = self.published.to_string();
            mqtt.publish(now, &Publish::new(self.options.topic()?, reading.as_bytes()).qos(self.options.qos))?;
        }
        Ok(())
    }

    /// When the next reading is due: a timer beside the connection's. There is none while nobody would hear it.
    pub fn due(&self, mqtt: &Mqtt) -> Option<Instant> {
        let is_heard = mqtt.is_connected() && self.subscriptions.is_settled();
        (is_heard && self.has_more()).then_some(self.next)
    }

    fn has_more(&self) -> bool {
        !self.is_stopped && (self.options.count == 0 || self.published < self.options.count)
    }

    /// Publishes nothing more.
    pub fn stop(&mut self) {
        self.is_stopped = true;
    }

    /// Everything is published, acknowledged and back; or published and acknowledged, if the station was stopped. Then it can say goodbye.
    pub fn is_done(&self, mqtt: &Mqtt) -> bool {
        let is_back = self.is_stopped || self.returned >= self.published || !self.is_heard;
        let is_settled = mqtt.is_connected() && self.subscriptions.is_settled();
        is_settled && !self.has_more() && is_back && mqtt.is_idle()
    }
}
