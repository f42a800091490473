//! A client and the broker, joined in memory by a wire that is as slow and as unreliable as the test wants.
//!
//! Nothing waits for real time: [`Pair::drive`] moves bytes and the virtual clock until nothing moves any more, [`Pair::run_for`] also lets
//! timers come due. Both are bounded and fail with the broker's transcript when the bound is hit.

use super::broker::{Broker, Config, LinkId};
use super::clock::Clock;
pub use super::seen::{Arrived, Seen};
use super::seen::{Pieces, keep};
use pure_mqtt::{
    Ack, AckError, Cause, Command, Connect, Connection, ConnectionError, Delivery, Disconnect, Event, Handle, Heap,
    Instant, Limits, Outcome, PendingAck, Property, Publish, PublishError, QoS, Received, RequestError, Requested,
    SessionState, State, Storage, Subscribe, Subscription, TopicFilter, TopicName, Unsubscribe, Version,
};
use std::collections::VecDeque;

/// The client identifier of [`Pair::connect`].
pub const CLIENT: &str = "client";

/// More moves than this without coming to rest are a live-lock.
const MOST_MOVES: usize = 400_000;

/// How the wire treats bytes, and the host its connection.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// Bytes that the transport takes at a time, at most; the real number is random.
    pub max_write: usize,
    /// Bytes that the client's host reads at a time, at most; the real number is random.
    pub max_read: usize,
    /// Milliseconds for each direction.
    pub latency: u64,
    /// The transport takes nothing.
    pub stalled: bool,
    /// Everything is lost on the way, in both directions, and nobody is told.
    pub dead: bool,
    /// The host handles all that it has read before it sends anything.
    pub reads_on: bool,
}

impl Default for Wire {
    fn default() -> Self {
        Self { max_write: 4096, max_read: 4096, latency: 0, stalled: false, dead: false, reads_on: false }
    }
}

impl Wire {
    /// One byte at a time, both ways.
    pub fn byte_by_byte() -> Self {
        Self { max_write: 1, max_read: 1, ..Self::default() }
    }
}

/// How a link begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// Whatever session there was is dropped.
    Clean,
    /// The session goes on.
    Resume,
}

/// What becomes of the bytes in transit when a link is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// They are gone.
    Lost,
    /// They arrive.
    Arrive,
    /// The first so many arrive.
    First(usize),
}

/// Bytes on their way in one direction.
#[derive(Default)]
struct Pipe(VecDeque<(u64, Vec<u8>)>);

impl Pipe {
    fn put(&mut self, at: u64, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.0.push_back((at, bytes.to_vec()));
        }
    }

    /// Up to `most` bytes that have arrived by now.
    fn take(&mut self, now: u64, most: usize) -> Vec<u8> {
        let Some((at, bytes)) = self.0.front_mut() else { return Vec::new() };
        if *at > now {
            return Vec::new();
        }
        let rest = bytes.split_off(most.min(bytes.len()));
        let taken = std::mem::replace(bytes, rest);
        if self.0.front().is_some_and(|(_, rest)| rest.is_empty()) {
            self.0.pop_front();
        }
        taken
    }

    fn next(&self) -> Option<u64> {
        self.0.front().map(|(at, _)| *at)
    }

    fn drain(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0).into_iter().flat_map(|(_, bytes)| bytes).collect()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Something that sees what the client tells, and may use it before it sends: as a part of the host would.
pub trait Companion<S: Storage> {
    fn event(&mut self, event: &Event<'_>);
    fn outcome(&mut self, outcome: &Outcome);
    fn before_sending(&mut self, now: Instant, client: &mut Connection<S>);
}

/// A client and its broker.
pub struct Pair<S: Storage = Heap> {
    pub client: Connection<S>,
    pub broker: Broker,
    pub clock: Clock,
    pub wire: Wire,
    /// Whether the client is expected to keep to the standard; then every drive checks that the broker had nothing to blame.
    pub is_well_behaved: bool,
    pub rng: fastrand::Rng,
    /// Events, oldest first.
    pub seen: Vec<Seen>,
    /// Outcomes, oldest first.
    pub outcomes: Vec<Outcome>,
    /// Messages that are to be acknowledged by hand.
    pub held: Vec<PendingAck>,
    /// All bytes that left the client on the present link, or the last one.
    pub sent: Vec<u8>,
    /// The bytes of `handle_input` that the client has not taken yet.
    rx: Vec<u8>,
    pub companion: Option<Box<dyn Companion<S>>>,
    /// The message that is arriving in pieces.
    pieces: Pieces,
    /// Where the application has the payloads that it supplies while they are sent.
    pub supply: fn(u32) -> u8,
    /// The client could not take a packet when it was offered last.
    pub blocked: bool,
    up: Pipe,
    down: Pipe,
    link: Option<LinkId>,
}

impl Pair<Heap> {
    /// A client with heap storage and a well-behaved broker.
    pub fn new() -> Self {
        Self::with(Heap::new(), Limits::DEFAULT, Config::default())
    }

    /// The same with other limits.
    pub fn with_limits(limits: Limits) -> Self {
        Self::with(Heap::new(), limits, Config::default())
    }

    /// The same with another broker.
    pub fn with_config(config: Config) -> Self {
        Self::with(Heap::new(), Limits::DEFAULT, config)
    }

    /// A connected client.
    pub fn connected(version: Version) -> Self {
        Self::new().up(version)
    }
}

impl<S: Storage> Pair<S> {
    /// A client that was never connected, and a broker.
    pub fn with(storage: S, limits: Limits, config: Config) -> Self {
        let clock = Clock::at(1_000);
        let mut broker = Broker::new(config);
        broker.tick(clock.millis());
        Self {
            client: Connection::new(storage, limits),
            broker,
            clock,
            wire: Wire::default(),
            is_well_behaved: true,
            rng: fastrand::Rng::with_seed(1),
            seen: Vec::new(),
            outcomes: Vec::new(),
            held: Vec::new(),
            sent: Vec::new(),
            rx: Vec::new(),
            companion: None,
            pieces: Pieces::default(),
            supply: |place| (place % 251) as u8,
            blocked: false,
            up: Pipe::default(),
            down: Pipe::default(),
            link: None,
        }
    }

    /// Connects, with a session that stays, and forgets the events of that.
    #[must_use]
    pub fn up(mut self, version: Version) -> Self {
        self.connect(version, Start::Resume);
        self.drive();
        assert!(self.client.is_connected(), "not connected: {:?}", self.seen);
        self.seen.clear();
        self
    }

    /// With another wire.
    #[must_use]
    pub fn wired(mut self, wire: Wire) -> Self {
        self.wire = wire;
        self
    }

    /// With other random numbers.
    #[must_use]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.rng = fastrand::Rng::with_seed(seed);
        self
    }

    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    // Links.

    /// Opens a link as [`CLIENT`], with a session that outlives it, and a keep alive of a minute. Nothing moves yet.
    pub fn connect(&mut self, version: Version, start: Start) {
        let forever = [Property::SessionExpiryInterval(u32::MAX)];
        let connect = Connect::new(version, CLIENT).clean_start(start == Start::Clean).properties(&forever[..]);
        self.open(&connect);
    }

    /// Opens a link. Nothing moves yet.
    pub fn open(&mut self, connect: &Connect<'_>) {
        self.try_open(connect).expect("open");
    }

    /// The same, if it is possible.
    pub fn try_open(&mut self, connect: &Connect<'_>) -> Result<(), pure_mqtt::OpenError> {
        self.client.open(self.clock.now(), connect)?;
        self.sent.clear();
        self.link = Some(self.broker.accept());
        Ok(())
    }

    /// The link is gone, and with it what was in transit.
    pub fn cut(&mut self) {
        self.cut_with(Fate::Lost, Fate::Lost);
    }

    /// The link is gone; `up` and `down` say what becomes of the bytes in transit.
    pub fn cut_with(&mut self, up: Fate, down: Fate) {
        let up_bytes = self.up.drain();
        let mut down_bytes = self.down.drain();
        if let Some(link) = self.link {
            self.broker.input(link, share(&up_bytes, up));
            down_bytes.extend(self.broker.output(link));
            self.rx.extend_from_slice(share(&down_bytes, down));
            self.take_input();
            self.broker.cut(link);
        }
        self.close();
    }

    /// The client notices that the link is gone; the broker doesn't.
    pub fn cut_unnoticed(&mut self) {
        self.close();
    }

    fn close(&mut self) {
        self.link = None;
        self.up.drain();
        self.down.drain();
        self.rx.clear();
        self.blocked = false;
        self.client.handle_close(self.clock.now());
        self.seen.push(Seen::Closed);
        self.fetch_outcomes();
    }

    /// A new link with the same version, driven until nothing moves.
    pub fn reconnect(&mut self, start: Start) {
        self.connect(self.client.version(), start);
        self.drive();
    }

    /// Says goodbye and waits until the link is closed.
    pub fn disconnect(&mut self) {
        self.client.disconnect(self.clock.now(), &Disconnect::default()).expect("disconnect");
        self.drive();
        assert_eq!(self.client.state(), State::Closed, "the link is closed");
    }

    pub fn link(&self) -> LinkId {
        self.link.expect("a link")
    }

    /// Raw bytes from the server, behind what it has to say by now.
    pub fn inject(&mut self, bytes: &[u8]) {
        self.broker.inject(self.link(), bytes);
    }

    // Moving bytes.

    /// Moves bytes, and the clock as far as bytes need it, until nothing moves.
    pub fn drive(&mut self) {
        let mut moves = 0;
        loop {
            while self.step() {
                moves += 1;
                if moves > MOST_MOVES {
                    panic!("no end of it");
                }
            }
            let Some(at) = [self.up.next(), self.down.next()].into_iter().flatten().min() else { break };
            if at <= self.clock.millis() {
                break; // stuck on purpose
            }
            self.clock.advance_to(at);
            self.broker.tick(at);
        }
        self.check();
    }

    /// Lets time pass: timers come due at their moment, bytes move all along.
    pub fn run_for(&mut self, millis: u64) {
        let end = self.clock.millis() + millis;
        self.drive();
        let mut timers = 0;
        while let Some(at) = self.client.poll_timeout().map(Instant::as_millis).filter(|at| *at <= end) {
            self.clock.advance_to(at);
            self.broker.tick(self.clock.millis());
            self.timeout();
            self.drive();
            timers += 1;
            assert!(timers < 100_000, "timers without end: {:?}", self.client.next_timer());
        }
        self.clock.advance_to(end);
        self.broker.tick(end);
        self.drive();
    }

    /// Lets time pass for the broker only: the client is not told.
    pub fn sleep(&mut self, millis: u64) {
        self.clock.advance(millis);
        self.broker.tick(self.clock.millis());
    }

    /// What is due now.
    pub fn timeout(&mut self) {
        if let Err(error) = self.client.handle_timeout(self.clock.now()) {
            self.seen.push(Seen::Failed(error));
        }
        self.fetch_outcomes();
    }

    /// One small move; false if there was nothing to move at this time.
    pub fn step(&mut self) -> bool {
        let sent = self.write();
        let arrived = self.carry();
        let read = self.read();
        self.fetch_outcomes();
        let ended = self.end_link();
        sent || arrived || read || ended
    }

    /// The client's transport takes some bytes.
    pub fn write(&mut self) -> bool {
        if self.link.is_none() {
            return false;
        }
        let now = self.clock.now();
        if let Some(companion) = &mut self.companion {
            companion.before_sending(now, &mut self.client);
        }
        let at = self.clock.millis() + self.wire.latency;
        let mut room = self.rng.usize(1..=self.wire.max_write);
        let mut transmit = self.client.transmit(now);
        let mut any = false;
        while room > 0 && !self.wire.stalled {
            let piece: Vec<u8> = match transmit.payload_request() {
                Some(wanted) => (wanted.offset..).take(room.min(wanted.remaining as usize)).map(self.supply).collect(),
                None => transmit.chunk().iter().take(room).copied().collect(),
            };
            if piece.is_empty() {
                break;
            }
            self.sent.extend_from_slice(&piece);
            if !self.wire.dead {
                self.up.put(at, &piece);
            }
            transmit.advance(piece.len());
            room -= piece.len();
            any = true;
        }
        any
    }

    /// Bytes reach the broker, and its answers set out.
    fn carry(&mut self) -> bool {
        let Some(link) = self.link else { return false };
        let now = self.clock.millis();
        let bytes = self.up.take(now, usize::MAX);
        self.broker.input(link, &bytes);
        let output = self.broker.output(link);
        if !self.wire.dead {
            self.down.put(now + self.wire.latency, &output);
        }
        !bytes.is_empty() || !output.is_empty()
    }

    /// Bytes reach the client.
    fn read(&mut self) -> bool {
        if self.link.is_none() {
            return false;
        }
        let most = self.rng.usize(1..=self.wire.max_read);
        let bytes = if self.blocked { Vec::new() } else { self.down.take(self.clock.millis(), most) };
        self.rx.extend_from_slice(&bytes);
        self.take_input() || !bytes.is_empty()
    }

    /// Offers what was read to the client; whether it took a packet.
    pub fn take_input(&mut self) -> bool {
        let mut any = false;
        while !self.rx.is_empty() && self.link.is_some() {
            let received = match self.client.limits().stream_max {
                0 => self.client.handle_input(self.clock.now(), &self.rx),
                _ => self.client.handle_input_streaming(self.clock.now(), &self.rx),
            };
            match received {
                Ok(Received::Packet { consumed, event }) => {
                    if let (Some(event), Some(companion)) = (&event, &mut self.companion) {
                        companion.event(event);
                    }
                    let seen = match event {
                        Some(Event::Fragment(fragment)) => self.pieces.add(&self.client, fragment, &mut self.held),
                        event => event.and_then(|event| keep(&self.client, event, &mut self.held)),
                    };
                    self.seen.extend(seen);
                    self.rx.drain(..consumed);
                    self.blocked = false;
                    any = true;
                    if !self.wire.reads_on {
                        break;
                    }
                }
                Ok(Received::Partial { needed }) => {
                    assert!(needed > 0, "a partial packet needs something");
                    break;
                }
                Ok(Received::Blocked) => {
                    self.blocked = true;
                    break;
                }
                Err(error) => {
                    if self.seen.last() != Some(&Seen::Failed(error)) {
                        self.seen.push(Seen::Failed(error));
                    }
                    self.rx.clear();
                }
            }
        }
        any
    }

    /// Closes the link if one side is done with it.
    fn end_link(&mut self) -> bool {
        let Some(link) = self.link else { return false };
        if self.client.should_close() {
            let rest = self.up.drain();
            self.broker.input(link, &rest);
        } else if self.wire.dead
            || !self.broker.wants_close(link)
            || self.broker.has_output(link)
            || !self.down.is_empty()
            || !self.rx.is_empty() && !self.wire.stalled
        {
            return false;
        }
        self.broker.cut(link);
        self.close();
        true
    }

    pub fn fetch_outcomes(&mut self) {
        while let Some(outcome) = self.client.poll_outcome() {
            if let Some(companion) = &mut self.companion {
                companion.outcome(&outcome);
            }
            self.outcomes.push(outcome);
        }
    }

    fn check(&self) {
        if self.is_well_behaved && !self.broker.violations().is_empty() {
            panic!("the client broke the standard: {:#?}", self.broker.violations());
        }
    }

    /// The newest lines of the broker's transcript; `PURE_MQTT_LINES` says how many.
    pub fn transcript(&self) -> String {
        let lines = self.broker.transcript();
        let wanted = std::env::var("PURE_MQTT_LINES").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
        let start = lines.len().saturating_sub(wanted);
        lines[start..].iter().map(|line| format!("{line}\n")).collect()
    }

    // Commands.

    pub fn try_publish(&mut self, publish: &Publish<'_>) -> Result<Delivery, PublishError> {
        self.client.publish(self.clock.now(), publish)
    }

    pub fn publish(&mut self, topic: &str, payload: &str, qos: QoS) -> Delivery {
        let publish = Publish::new(TopicName::new(topic).expect("a topic"), payload).qos(qos);
        self.try_publish(&publish).expect("publish")
    }

    /// Publishes `payload` to the topic `t`.
    pub fn send(&mut self, payload: &str, qos: QoS) -> Handle {
        self.publish("t", payload, qos).handle
    }

    pub fn try_subscribe(&mut self, filter: &str, qos: QoS) -> Result<Requested, RequestError> {
        let filters = [Subscription::new(TopicFilter::new(filter).expect("a filter"), qos)];
        self.client.subscribe(self.clock.now(), &Subscribe::new(&filters))
    }

    pub fn subscribe(&mut self, filter: &str, qos: QoS) -> Requested {
        self.try_subscribe(filter, qos).expect("subscribe")
    }

    pub fn try_unsubscribe(&mut self, filter: &str) -> Result<Requested, RequestError> {
        let filters = [TopicFilter::new(filter).expect("a filter")];
        self.client.unsubscribe(self.clock.now(), &Unsubscribe::new(&filters))
    }

    pub fn unsubscribe(&mut self, filter: &str) -> Requested {
        self.try_unsubscribe(filter).expect("unsubscribe")
    }

    pub fn acknowledge(&mut self, pending: PendingAck) -> Result<(), AckError> {
        self.client.acknowledge(self.clock.now(), pending, &Ack::SUCCESS)
    }

    // What came of it.

    /// The payloads that the broker took over, as text, in order.
    pub fn released(&self) -> Vec<String> {
        self.broker.released().iter().map(|message| text(&message.payload)).collect()
    }

    /// The messages that arrived.
    pub fn arrived(&self) -> Vec<&Arrived> {
        self.seen
            .iter()
            .filter_map(|seen| if let Seen::Message(message) = seen { Some(message) } else { None })
            .collect()
    }

    /// Their payloads, as text.
    pub fn payloads(&self) -> Vec<String> {
        self.arrived().into_iter().map(|message| text(&message.payload)).collect()
    }

    /// The handles of the messages that were acknowledged, in order.
    pub fn acknowledged(&self) -> Vec<Handle> {
        let handle = |seen: &Seen| match seen {
            Seen::PubAck { handle, .. } | Seen::PubRec { handle, .. } | Seen::PubComp { handle, .. } => Some(*handle),
            _ => None,
        };
        self.seen.iter().filter_map(handle).collect()
    }

    /// The reason for which the link failed last.
    pub fn failure(&self) -> Option<ConnectionError> {
        self.seen.iter().rev().find_map(|seen| if let Seen::Failed(error) = seen { Some(*error) } else { None })
    }

    /// What became of the session at the latest CONNACK.
    pub fn session(&self) -> Option<SessionState> {
        self.seen.iter().rev().find_map(|seen| match seen {
            Seen::ConnAck { session, .. } => Some(*session),
            _ => None,
        })
    }

    /// The causes of the outcomes.
    pub fn causes(&self) -> Vec<(Handle, Command, Cause)> {
        self.outcomes.iter().map(|outcome| (outcome.handle, outcome.command, outcome.cause)).collect()
    }

    /// The lines of the broker's transcript about packets from the client that start with `start`.
    pub fn lines(&self, start: &str) -> Vec<String> {
        let is_ours = |line: &&super::broker::Entry| {
            line.direction == super::broker::Direction::FromClient && line.text.starts_with(start)
        };
        self.broker.transcript().iter().filter(is_ours).map(|line| line.text.clone()).collect()
    }

    /// Nothing is unfinished anywhere.
    #[track_caller]
    pub fn assert_idle(&mut self) {
        self.fetch_outcomes();
        assert!(self.client.is_idle(), "{:?}", self.client);
        assert_eq!(self.client.pending(), 0);
        assert!(self.broker.idle(), "the broker waits");
    }
}

impl<S: Storage> Drop for Pair<S> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{:?}\n{}", self.client, self.transcript());
        }
    }
}

fn share(bytes: &[u8], fate: Fate) -> &[u8] {
    match fate {
        Fate::Lost => &[],
        Fate::Arrive => bytes,
        Fate::First(count) => &bytes[..count.min(bytes.len())],
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
