//! The client, its application, a broker, and a link that carries exactly as many bytes as it is told to.

use crate::common::broker::{Broker, Config, LinkId};
use crate::ledger::{End, FIRST_HALF, Ledger, SCRIPT, SERVED, Sent};
use pure_mqtt::wire::Violation;
use pure_mqtt::{
    Ack, Connect, Connection, ConnectionError, Event, Instant, Limits, OnSessionLoss, PendingAck, Property, Publish,
    PublishError, QoS, Received, RequestError, SessionState, State, Storage, Subscribe, Subscription, TopicFilter,
    TopicName, Version,
};
use std::hash::{DefaultHasher, Hash, Hasher};

const CLIENT: &str = "c";
const NOW: Instant = Instant::from_millis(1_000);
/// More rounds than this without coming to rest are a live-lock.
const MOST_ROUNDS: usize = 10_000;

/// Which of the things that could happen happens first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// The client sends all it may before it reads, and the server gets all of it.
    WritesFirst,
    /// The client reads all it may before it sends, and the server gets no more than made it say what the client has read: the rest is
    /// lost on the way.
    ReadsFirst,
}

/// How far a link comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reach {
    /// Bytes that leave the client.
    pub up: usize,
    /// Bytes that reach the client.
    pub down: usize,
    pub order: Order,
}

impl Reach {
    /// The link holds.
    pub const ALL: Self = Self { up: usize::MAX, down: usize::MAX, order: Order::WritesFirst };
}

/// How it goes on after a cut.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Then {
    /// The session goes on.
    Resume,
    /// The server has lost the session.
    Lost,
    /// The client asks for a clean start.
    Clean,
}

impl Then {
    pub const ALL: [Self; 3] = [Self::Resume, Self::Lost, Self::Clean];
}

/// What the exchange is like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scene {
    pub version: Version,
    pub manual_acks: bool,
    /// Topic aliases in both directions.
    pub aliases: bool,
    pub policy: OnSessionLoss,
}

/// Everything there is.
pub struct World<S: Storage> {
    pub client: Connection<S>,
    pub broker: Broker,
    pub ledger: Ledger,
    /// Bytes that left the client, and bytes that reached it, on this link.
    pub sent: usize,
    pub read: usize,
    /// What the server got on this link.
    pub heard: Vec<u8>,
    scene: Scene,
    links: usize,
    held: Vec<PendingAck>,
    wants_subscription: bool,
    /// The next link must start clean.
    must_start_clean: bool,
    /// The session of the link ends with it: a clean one, before 5.0.
    is_fragile: bool,
    /// The session is lost, and the client has not heard of it.
    is_lost: bool,
    link: Option<LinkId>,
    up: Vec<u8>,
    down: Vec<u8>,
    rx: Vec<u8>,
}

impl<S: Storage + Clone> World<S> {
    pub fn new(storage: S, scene: Scene, lines: usize) -> Self {
        let aliases = if scene.aliases { 2 } else { 0 };
        let limits = Limits {
            version: scene.version,
            manual_acks: scene.manual_acks,
            topic_alias_maximum: aliases,
            outbound_aliases: aliases,
            on_session_loss: scene.policy,
            ..Limits::DEFAULT
        };
        let topic_alias_maximum = aliases;
        let config =
            Config { use_aliases: scene.aliases, topic_alias_maximum, transcript_limit: lines, ..Config::default() };
        Self {
            client: Connection::new(storage, limits),
            broker: Broker::new(config),
            ledger: Ledger::default(),
            sent: 0,
            read: 0,
            heard: Vec::new(),
            scene,
            links: 0,
            held: Vec::new(),
            wants_subscription: true,
            must_start_clean: false,
            is_fragile: false,
            is_lost: false,
            link: None,
            up: Vec::new(),
            down: Vec::new(),
            rx: Vec::new(),
        }
    }

    /// Opens a link.
    pub fn connect(&mut self, then: Then) {
        if then == Then::Lost {
            self.broker.lose_session(CLIENT);
            self.is_lost = self.scene.version != Version::V31;
            self.ledger.undetected |= self.scene.version == Version::V31;
            // A subscription that the client still waits for is made again; nobody tells a 3.1 client of the others.
            self.wants_subscription |= self.scene.version == Version::V31 && !self.ledger.is_asking();
        }
        // A session that was lost and made anew while CONNACK got lost looks like the old one to every client.
        let looks_resumed = self.is_lost && self.broker.has_session(CLIENT);
        let starts_clean = then == Then::Clean || self.must_start_clean || looks_resumed;
        self.must_start_clean = starts_clean;
        if then != Then::Resume || looks_resumed || self.is_fragile {
            self.ledger.lose();
        }
        self.is_fragile = starts_clean && self.scene.version != Version::V5;
        let forever = [Property::SessionExpiryInterval(u32::MAX)];
        let connect = Connect::new(self.scene.version, CLIENT).clean_start(starts_clean).properties(&forever[..]);
        self.client.open(NOW, &connect).expect("open");
        self.link = Some(self.broker.accept());
        self.links += 1;
        (self.sent, self.read) = (0, 0);
        self.heard.clear();
    }

    /// The link is lost, with all that is on the way.
    pub fn cut(&mut self) {
        if let Some(link) = self.link.take() {
            self.broker.cut(link);
        }
        self.up.clear();
        self.down.clear();
        self.rx.clear();
        self.client.handle_close(NOW);
        self.fetch_outcomes();
    }

    /// Moves bytes until nothing moves within the reach of the link.
    pub fn run(&mut self, reach: Reach) {
        for _ in 0..MOST_ROUNDS {
            self.issue();
            self.serve();
            let moved = match reach.order {
                Order::WritesFirst => {
                    let wrote = self.write(reach.up, usize::MAX);
                    self.carry(usize::MAX);
                    self.take_input(reach.down) || wrote
                }
                Order::ReadsFirst => {
                    let reads_on = self.read < reach.down;
                    while reads_on && self.down.is_empty() && self.carry(1) {}
                    self.take_input(reach.down) || self.write(reach.up, if reads_on { 1 } else { usize::MAX })
                }
            };
            self.fetch_outcomes();
            self.end_link();
            if !moved && !self.acknowledge() {
                return;
            }
        }
        panic!("no end of it");
    }

    /// Comes back, and lets everything come to its end.
    pub fn finish(&mut self, then: Then) {
        self.connect(then);
        for _ in 0..4 {
            self.run(Reach::ALL);
            if self.client.is_connected() && self.is_at_rest() {
                return self.ledger.judge(&self.broker, self.scene.policy);
            }
            self.cut();
            self.connect(Then::Resume);
        }
        panic!("it never comes to rest");
    }

    /// All that would decide what happens after a cut now, as a number: the client, what the application knows and holds, and the whole
    /// packets that the broker got, of which its state follows.
    pub fn state_if_cut(&self) -> u64 {
        let mut client = self.client.clone();
        client.handle_close(NOW);
        let mut hasher = DefaultHasher::new();
        client.hash(&mut hasher);
        self.ledger.hash(&mut hasher);
        format!("{:?}", self.held).hash(&mut hasher);
        whole_packets(&self.heard).hash(&mut hasher);
        [self.wants_subscription, self.must_start_clean, self.is_fragile, self.is_lost].hash(&mut hasher);
        hasher.finish()
    }

    fn is_at_rest(&self) -> bool {
        let is_done = self.ledger.sent.len() == SCRIPT.len() && self.held.is_empty();
        is_done && self.client.is_idle() && self.client.pending() == 0 && self.broker.idle()
    }

    // The application.

    /// Gives the commands that are due.
    fn issue(&mut self) {
        if self.wants_subscription {
            let filters = [Subscription::new(TopicFilter::new("d").unwrap(), QoS::ExactlyOnce)];
            match self.client.subscribe(NOW, &Subscribe::new(&filters)) {
                Ok(requested) => {
                    self.ledger.requests.push((requested.handle, false));
                    self.wants_subscription = false;
                }
                Err(error) => assert_eq!(error, RequestError::Full),
            }
        }
        while let Some((name, qos)) = SCRIPT.get(self.ledger.sent.len()).copied() {
            if self.ledger.sent.len() >= FIRST_HALF && !self.ledger.has_ended("b1") {
                return;
            }
            let publish = Publish::new(TopicName::new("u").unwrap(), name).qos(qos);
            match self.client.publish(NOW, &publish) {
                Ok(delivery) => {
                    let handle = delivery.handle;
                    self.ledger.sent.push(Sent { name, qos, handle, end: None, shaken: false });
                }
                Err(error) => return assert_eq!(error, PublishError::Full),
            }
        }
    }

    /// Others publish as soon as there is a subscription.
    fn serve(&mut self) {
        if !self.ledger.served && !self.broker.subscriptions(CLIENT).is_empty() {
            self.ledger.served = true;
            for (name, qos) in SERVED {
                self.broker.publish("d", name.as_bytes(), qos, false);
            }
        }
    }

    /// Acknowledges the newest of the messages that wait for that. As long as more are to come the application keeps one, to have a choice.
    fn acknowledge(&mut self) -> bool {
        let expects_more = self.links == 1 && self.ledger.arrived.iter().all(|name| name != "z2");
        if expects_more && self.held.len() < 2 {
            return false;
        }
        let Some(pending) = self.held.pop() else { return false };
        if let Err(error) = self.client.acknowledge(NOW, pending, &Ack::SUCCESS) {
            assert_eq!(error.error, RequestError::Stale);
        }
        true
    }

    fn fetch_outcomes(&mut self) {
        while let Some(outcome) = self.client.poll_outcome() {
            self.wants_subscription |= outcome.command == pure_mqtt::Command::Subscribe;
            self.ledger.end(outcome.handle, End::Outcome(outcome.cause));
        }
    }

    fn note(&mut self, news: News) {
        match news {
            News::Connected(session) => {
                (self.must_start_clean, self.is_lost) = (false, false);
                let is_new = matches!(session, SessionState::New { .. } | SessionState::Adopted { .. });
                self.wants_subscription |= is_new && !self.ledger.is_asking();
            }
            News::Arrived(payload, pending) => {
                self.ledger.arrived.push(payload);
                self.held.extend(pending);
            }
            News::Ended(handle) => self.ledger.end(handle, End::Done),
        }
    }

    // Bytes.

    /// Bytes leave the client, up to `reach` in all on this link.
    fn write(&mut self, reach: usize, most: usize) -> bool {
        if self.link.is_none() {
            return false;
        }
        let mut room = (reach - self.sent).min(most);
        let mut transmit = self.client.transmit(NOW);
        let mut any = false;
        while room > 0 && !transmit.chunk().is_empty() {
            let count = room.min(transmit.chunk().len());
            self.up.extend_from_slice(&transmit.chunk()[..count]);
            transmit.advance(count);
            self.sent += count;
            room -= count;
            any = true;
        }
        any
    }

    /// Bytes reach the broker, and its answers set out.
    fn carry(&mut self, most: usize) -> bool {
        let Some(link) = self.link else { return false };
        if self.up.is_empty() && !self.broker.has_output(link) {
            return false;
        }
        let bytes: Vec<u8> = self.up.drain(..most.min(self.up.len())).collect();
        self.heard.extend_from_slice(&bytes);
        self.broker.input(link, &bytes);
        self.serve();
        self.down.extend(self.broker.output(link));
        !bytes.is_empty()
    }

    /// Bytes reach the client, up to `reach` in all on this link.
    fn take_input(&mut self, reach: usize) -> bool {
        let count = (reach - self.read).min(self.down.len());
        self.rx.extend(self.down.drain(..count));
        self.read += count;
        let mut any = count > 0;
        let mut start = 0;
        while start < self.rx.len() {
            let (consumed, news) = match self.client.handle_input(NOW, &self.rx[start..]) {
                Ok(Received::Packet { consumed, event }) => (consumed, event.and_then(news)),
                Ok(Received::Partial { .. } | Received::Blocked) => break,
                // A session that the server made while its CONNACK got lost: the documented way on is a clean start.
                Err(ConnectionError::Protocol(Violation::UnknownSession)) => {
                    self.must_start_clean = true;
                    (self.rx.len() - start, None)
                }
                Err(error) => panic!("the link ended with {error:?}"),
            };
            start += consumed;
            any = true;
            if let Some(news) = news {
                self.note(news);
            }
        }
        self.rx.drain(..start);
        any
    }

    fn end_link(&mut self) {
        if self.client.state() != State::Closed && self.client.should_close() {
            self.cut();
        }
    }
}

impl<S: Storage> Drop for World<S> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let lines: String = self.broker.transcript().iter().map(|line| format!("{line}\n")).collect();
            eprintln!("{:?}\n{:?}\n{lines}{:?}", self.scene, self.ledger, self.client);
        }
    }
}

/// The packets of the script are short: their length takes one byte.
fn whole_packets(bytes: &[u8]) -> &[u8] {
    let mut end = 0;
    while let Some(length) = bytes.get(end + 1) {
        let next = end + 2 + usize::from(*length);
        if next > bytes.len() {
            break;
        }
        end = next;
    }
    &bytes[..end]
}

/// What an event means to the application.
enum News {
    Connected(SessionState),
    Arrived(String, Option<PendingAck>),
    Ended(pure_mqtt::Handle),
}

fn news(event: Event<'_>) -> Option<News> {
    Some(match event {
        Event::ConnAck(connack) if !connack.reason.is_error() => News::Connected(connack.session),
        Event::Message(message) => News::Arrived(String::from_utf8_lossy(message.payload).into_owned(), message.ack),
        Event::PubAck(ack) | Event::PubComp(ack) => News::Ended(ack.handle),
        Event::SubAck(answer) => News::Ended(answer.handle),
        other => panic!("an event that has no place here: {other:?}"),
    })
}
