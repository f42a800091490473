//! The tour, step by step, in one version of MQTT.

use std::time::Duration;

use pure_mqtt::{
    ClientId, Connect, Disconnect, Event, Instant, Limits, Outcome, Property, Publish, QoS, SessionState, Subscribe,
    Subscription, TopicFilter, TopicName, Version,
};

use crate::failure::Failure;
use crate::support::{App, Host, Mqtt, random};

const PATIENCE: Duration = Duration::from_secs(10);
const GREETINGS: [(QoS, &str); 3] =
    [(QoS::AtMostOnce, "hello"), (QoS::AtLeastOnce, "hello, at least once"), (QoS::ExactlyOnce, "hello, exactly once")];
/// Messages in the burst that is cut, half of them at QoS 1 and half at QoS 2.
const BURST: usize = 10;
/// Published last at QoS 2: when it has come, so has everything before it.
const END: &str = "end";

pub struct Tour<'a> {
    address: &'a str,
    version: Version,
    client_id: ClientId,
    topic: String,
    host: Host,
    seen: Seen,
}

/// What has come from the broker.
#[derive(Default)]
struct Seen {
    session: Option<SessionState>,
    is_subscribed: bool,
    acknowledged: usize,
    messages: Vec<(QoS, String)>,
}

impl App for Seen {
    fn event(&mut self, _mqtt: &mut Mqtt, _now: Instant, event: Event<'_>) {
        match event {
            Event::ConnAck(connack) => self.session = Some(connack.session),
            Event::SubAck(answer) => self.is_subscribed = answer.reasons().all(|reason| !reason.is_error()),
            Event::PubAck(_) | Event::PubComp(_) => self.acknowledged += 1,
            Event::Message(message) => {
                let text = String::from_utf8_lossy(message.payload).into_owned();
                self.messages.push((message.qos, text));
            }
            _ => {}
        }
    }

    fn outcome(&mut self, _outcome: Outcome) {} // only a lost session or a server's limits would cause one
}

impl Seen {
    fn count(&self, text: &str) -> usize {
        self.messages.iter().filter(|(_, seen)| seen == text).count()
    }
}

impl<'a> Tour<'a> {
    pub fn new(address: &'a str, version: Version) -> Self {
        let client_id = ClientId::from_random(u128::from(random()) << 64 | u128::from(random()));
        let topic = format!("pure-mqtt/quickstart/{}", client_id.as_str());
        let host = Host::new(Limits { version, ..Limits::DEFAULT });
        Self { address, version, client_id, topic, host, seen: Seen::default() }
    }

    pub fn run(mut self) -> Result<(), Failure> {
        println!("\nMQTT {}", name(self.version));
        self.connect(false)?;
        self.subscribe()?;
        self.greet()?;
        self.burst()?;
        self.cut();
        self.connect(false)?;
        self.check_resumed()?;
        self.finish()?;
        self.verify()?;
        self.leave()
    }

    /// Connects with the session that may be there from before, or with a clean start.
    fn connect(&mut self, clean_start: bool) -> Result<(), Failure> {
        let keep_for_a_minute = [Property::SessionExpiryInterval(60)];
        let mut connect = Connect::new(self.version, self.client_id.as_str()).clean_start(clean_start);
        if !clean_start {
            connect = connect.properties(&keep_for_a_minute);
        }
        self.host.open(self.address, &connect)?;
        self.wait_for("CONNACK", |_, mqtt| mqtt.is_connected())?;
        let session = match self.seen.session {
            Some(SessionState::Resumed) => "the broker resumed the session",
            _ => "the broker started a new session",
        };
        say("connect", session);
        Ok(())
    }

    fn subscribe(&mut self) -> Result<(), Failure> {
        let filters = [Subscription::new(TopicFilter::new(&self.topic)?, QoS::ExactlyOnce)];
        let now = self.host.now();
        self.host.mqtt.subscribe(now, &Subscribe::new(&filters))?;
        self.wait_for("SUBACK", |seen, _| seen.is_subscribed)?;
        say("subscribe", &self.topic);
        Ok(())
    }

    /// One message in each quality of service, there and back.
    fn greet(&mut self) -> Result<(), Failure> {
        for (qos, text) in GREETINGS {
            self.publish(qos, text)?;
            say("publish", &format!("QoS {}: {text}", qos.bits()));
        }
        self.wait_for("the greetings", |seen, mqtt| seen.messages.len() >= GREETINGS.len() && mqtt.is_idle())?;
        for (qos, text) in self.seen.messages.drain(..) {
            say("receive", &format!("QoS {}: {text}", qos.bits()));
        }
        Ok(())
    }

    /// Publishes a lot, and waits for the first acknowledgement alone.
    fn burst(&mut self) -> Result<(), Failure> {
        for (qos, text) in burst() {
            self.publish(qos, &text)?;
        }
        say("publish", &format!("{BURST} more at once, in turns at QoS 1 and QoS 2"));
        self.seen.acknowledged = 0;
        self.wait_for("the first acknowledgement", |seen, _| seen.acknowledged > 0)
    }

    fn cut(&mut self) {
        self.host.cut();
        let (done, open) = (self.seen.acknowledged, self.host.mqtt.pending());
        say("cut", &format!("the TCP connection is gone: {done} acknowledged, {open} still unfinished"));
    }

    fn check_resumed(&self) -> Result<(), Failure> {
        if self.seen.session == Some(SessionState::Resumed) { Ok(()) } else { Err(Failure::NotResumed) }
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.publish(QoS::ExactlyOnce, END)?;
        self.wait_for("the rest", |seen, mqtt| seen.count(END) > 0 && mqtt.is_idle())?;
        say("receive", &format!("{} messages; nothing is unfinished any more", self.seen.messages.len()));
        Ok(())
    }

    fn verify(&self) -> Result<(), Failure> {
        let lost: Vec<_> = burst().filter(|(_, text)| self.seen.count(text) == 0).map(|(_, text)| text).collect();
        if !lost.is_empty() {
            return Err(Failure::Lost(lost));
        }
        let is_doubled = |(qos, text): &(QoS, String)| *qos == QoS::ExactlyOnce && self.seen.count(text) > 1;
        let doubled: Vec<_> = burst().filter(is_doubled).map(|(_, text)| text).collect();
        if !doubled.is_empty() {
            return Err(Failure::Doubled(doubled));
        }
        let repeated = self.seen.messages.len() - BURST - 1;
        say("verify", &format!("nothing lost, nothing doubled at QoS 2, {repeated} repeated at QoS 1"));
        Ok(())
    }

    /// Leaves nothing behind at the broker: a clean start ends the session.
    fn leave(&mut self) -> Result<(), Failure> {
        self.host.leave(&Disconnect::default())?;
        say("disconnect", "gracefully");
        self.connect(true)?;
        self.host.leave(&Disconnect::default())?;
        say("disconnect", "and nothing stays behind");
        Ok(())
    }

    fn publish(&mut self, qos: QoS, text: &str) -> Result<(), Failure> {
        let now = self.host.now();
        self.host.mqtt.publish(now, &Publish::new(TopicName::new(&self.topic)?, text).qos(qos))?;
        Ok(())
    }

    fn wait_for(&mut self, what: &'static str, done: impl Fn(&Seen, &Mqtt) -> bool) -> Result<(), Failure> {
        if self.host.drive_until(&mut self.seen, PATIENCE, done)? { Ok(()) } else { Err(Failure::Missing(what)) }
    }
}

/// The messages of the burst.
fn burst() -> impl Iterator<Item = (QoS, String)> {
    (1..=BURST).map(|number| {
        let qos = if number % 2 == 1 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
        (qos, format!("burst {number}"))
    })
}

fn name(version: Version) -> &'static str {
    match version {
        Version::V31 => "3.1",
        Version::V311 => "3.1.1",
        Version::V5 => "5",
    }
}

fn say(step: &str, text: &str) {
    println!("  {step:<11} {text}");
}
