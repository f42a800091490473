//! Messages to ourselves, through the broker, so many under way at a time.

use pure_mqtt::{Event, Instant, Message, Outcome, Publish, QoS};

use crate::failure::Failure;
use crate::support::{App, Mqtt};

pub struct Echo<'a> {
    /// What is sent, again and again.
    pub message: Publish<'a>,
    pub window: u64,
    /// The messages of this round.
    pub count: u64,
    pub sent: u64,
    pub received: u64,
    pub is_subscribed: bool,
    pub failure: Option<Failure>,
}

impl<'a> Echo<'a> {
    pub fn new(message: Publish<'a>, window: u64) -> Self {
        Self { message, window, count: 0, sent: 0, received: 0, is_subscribed: false, failure: None }
    }

    /// Begins a round.
    pub fn start(&mut self, qos: QoS, count: u64, mqtt: &mut Mqtt, now: Instant) {
        self.message.qos = qos;
        (self.count, self.sent, self.received) = (count, 0, 0);
        self.fill(mqtt, now);
    }

    /// Everything came back and was acknowledged, or it never will be.
    pub fn is_done(&self, mqtt: &Mqtt) -> bool {
        self.failure.is_some() || self.received >= self.count && mqtt.is_idle()
    }

    fn fill(&mut self, mqtt: &mut Mqtt, now: Instant) {
        while self.failure.is_none() && self.sent < self.count && self.sent - self.received < self.window {
            match mqtt.publish(now, &self.message) {
                Ok(_) => self.sent += 1,
                Err(error) => self.failure = Some(error.into()),
            }
        }
    }

    fn take(&mut self, mqtt: &mut Mqtt, now: Instant, message: &Message<'_>) {
        if message.retain || self.received >= self.sent {
            return; // it was there before, or somebody else's
        }
        if message.qos == self.message.qos {
            self.received += 1;
            self.fill(mqtt, now);
        } else {
            self.failure = Some(Failure::OtherQoS { wanted: self.message.qos, came: message.qos });
        }
    }
}

impl App for Echo<'_> {
    fn event(&mut self, mqtt: &mut Mqtt, now: Instant, event: Event<'_>) {
        match event {
            Event::SubAck(answer) => {
                self.is_subscribed = true;
                if let Some(reason) = answer.reasons().find(|reason| reason.is_error()) {
                    let filter = self.message.topic.as_str().to_owned();
                    self.failure = Some(Failure::NotSubscribed { filter, reason });
                }
            }
            Event::Message(message) => self.take(mqtt, now, &message),
            _ => {
                if let Some(end) = event.end().filter(|end| !end.is_success) {
                    self.failure = Some(Failure::NotTaken(end.reason));
                }
            }
        }
    }

    fn outcome(&mut self, outcome: Outcome) {
        self.failure = Some(Failure::Ended(outcome.cause));
    }
}
