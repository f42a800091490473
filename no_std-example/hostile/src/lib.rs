//! Bad input, played against a connection with fixed storage; what comes of it is told line by line. The host and the board run the same code,
//! and must tell the same.
//!
//! `vectors.txt` holds the inputs of the table in `tests/hostile`, as the tests themselves write them:
//!
//! ```sh
//! rm -f /tmp/vectors; PURE_MQTT_VECTORS=/tmp/vectors cargo test --test hostile; sort -u /tmp/vectors > no_std-example/hostile/vectors.txt
//! ```

#![no_std]

use core::fmt::{self, Arguments};

use pure_mqtt::{
    Ack, Connect, Connection, Event, Fixed, Instant, Limits, PendingAck, Property, Publish, QoS, Received, Subscribe,
    Subscription, TopicFilter, TopicName, Unsubscribe, Version,
};

/// The connection that is played with.
pub type Mqtt = Connection<Fixed<1024, 16, 8, 256, 4, 32>>;

/// An empty one.
pub const FRESH: Mqtt = Mqtt::new(Fixed::new(), LIMITS);

const LIMITS: Limits = Limits { inline_max: 512, topic_alias_maximum: 4, manual_acks: true, ..Limits::DEFAULT };

const VECTORS: &str = include_str!("../vectors.txt");

/// The longest input.
const LONGEST: usize = 400;

/// Where a connection stands when the input comes.
#[derive(Clone, Copy, Debug)]
enum State {
    /// CONNECT is out.
    Waiting,
    /// The server has accepted.
    Connected,
    /// Messages and requests are under way in both directions.
    Busy,
}

/// How the input comes.
#[derive(Clone, Copy, Debug)]
enum Way {
    Whole,
    Bytewise,
}

/// Something that stands around each call of the connection, and may measure it.
pub trait Probe {
    /// Makes the call.
    fn around<R>(&mut self, name: &'static str, call: impl FnOnce() -> R) -> R {
        let _ = name;
        call()
    }
}

/// Only makes the calls.
pub struct NoProbe;

impl Probe for NoProbe {}

/// Plays everything.
pub fn play_all(mqtt: &mut Mqtt, probe: &mut impl Probe, tell: &mut dyn FnMut(Arguments<'_>)) {
    let mut input = [0; LONGEST];
    for line in VECTORS.lines() {
        let Some((version, bytes)) = parse(line, &mut input) else {
            tell(format_args!("not a vector: {line}"));
            continue;
        };
        for state in [State::Waiting, State::Connected, State::Busy] {
            for way in [Way::Whole, Way::Bytewise] {
                tell(format_args!("{state:?} {way:?} {line}"));
                *mqtt = FRESH;
                Play { mqtt, probe, tell, now: 0, pending: None }.play(version, state, way, bytes);
            }
        }
    }
}

/// One input against one connection.
struct Play<'a, P> {
    mqtt: &'a mut Mqtt,
    probe: &'a mut P,
    tell: &'a mut dyn FnMut(Arguments<'_>),
    now: u64,
    /// The latest message that is to be acknowledged.
    pending: Option<PendingAck>,
}

impl<P: Probe> Play<'_, P> {
    fn play(&mut self, version: Version, state: State, way: Way, bytes: &[u8]) {
        self.open(version);
        if !matches!(state, State::Waiting) {
            self.feed(connack(version, false));
        }
        if matches!(state, State::Busy) {
            self.make_busy(version);
        }
        match way {
            Way::Whole => self.feed(bytes),
            Way::Bytewise => self.feed_bytewise(bytes),
        }
        self.acknowledge();
        self.pass(100_000);
        self.send();
        // Whatever it was: the next link works.
        let now = self.now();
        self.probe.around("closed", || self.mqtt.handle_close(now));
        self.open(version);
        self.feed(connack(version, true));
        self.feed(b"\xD0\x00");
        self.look();
    }

    fn now(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    fn open(&mut self, version: Version) {
        let properties = [Property::SessionExpiryInterval(3600)];
        let connect = Connect::new(version, "board").clean_start(false).properties(&properties);
        let now = self.now();
        let outcome = self.probe.around("open", || self.mqtt.open(now, &connect));
        (self.tell)(format_args!("open {outcome:?}"));
        self.send();
    }

    /// Offers the bytes as if each came by itself.
    fn feed_bytewise(&mut self, bytes: &[u8]) {
        let mut taken = 0;
        for end in 1..=bytes.len() {
            taken += self.take(bytes.get(taken..end).unwrap_or_default());
        }
        self.send();
    }

    /// Offers bytes until the connection takes none.
    fn feed(&mut self, bytes: &[u8]) {
        let mut taken = 0;
        while let rest @ [_, ..] = bytes.get(taken..).unwrap_or_default() {
            match self.take(rest) {
                0 => break,
                count => taken += count,
            }
        }
        self.send();
    }

    /// Offers bytes once; the count that the connection took.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let now = self.now();
        match self.probe.around("handle_input", || self.mqtt.handle_input(now, bytes)) {
            Ok(Received::Packet { consumed, event }) => {
                (self.tell)(format_args!("took {consumed}: {event:?}"));
                if let Some(Event::Message(message)) = event {
                    let topic = self.mqtt.topic(&message.topic);
                    (self.tell)(format_args!("topic {topic:?}"));
                    self.pending = message.ack.or(self.pending.take());
                }
                consumed
            }
            Ok(Received::Partial { .. }) => 0,
            Ok(Received::Blocked) => {
                (self.tell)(format_args!("blocked"));
                self.send();
                0
            }
            Err(error) => {
                (self.tell)(format_args!("error {error:?}"));
                0
            }
        }
    }

    /// Messages in both directions, and requests.
    fn make_busy(&mut self, version: Version) {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::ExactlyOnce] {
            self.publish(qos);
        }
        let now = self.now();
        if let (Ok(one), Ok(two)) = (TopicFilter::new("a/+"), TopicFilter::new("$share/g/#")) {
            let filters = [Subscription::new(one, QoS::AtLeastOnce), Subscription::new(two, QoS::ExactlyOnce)];
            let outcome = self.probe.around("subscribe", || self.mqtt.subscribe(now, &Subscribe::new(&filters)));
            (self.tell)(format_args!("subscribe {outcome:?}"));
            let filters = [one, two];
            let outcome = self.probe.around("unsubscribe", || self.mqtt.unsubscribe(now, &Unsubscribe::new(&filters)));
            (self.tell)(format_args!("unsubscribe {outcome:?}"));
        }
        self.send();
        self.feed(b"\x50\x02\x00\x03"); // PUBREC of the third message
        if version == Version::V5 {
            self.feed(b"\x34\x0A\x00\x03i/9\x00\x09\x00!!");
        } else {
            self.feed(b"\x34\x09\x00\x03i/9\x00\x09!!");
        }
        self.acknowledge();
    }

    fn publish(&mut self, qos: QoS) {
        let now = self.now();
        let Ok(topic) = TopicName::new("o/1") else { return };
        let properties = [Property::MessageExpiryInterval(60), Property::ContentType("text")];
        let publish = Publish::new(topic, b"payload").qos(qos).properties(&properties);
        let outcome = self.probe.around("publish", || self.mqtt.publish(now, &publish));
        (self.tell)(format_args!("publish {outcome:?}"));
    }

    fn acknowledge(&mut self) {
        let now = self.now();
        if let Some(pending) = self.pending.take() {
            let outcome = self.probe.around("acknowledge", || self.mqtt.acknowledge(now, pending, &Ack::SUCCESS));
            (self.tell)(format_args!("acknowledge {outcome:?}"));
        }
        self.send();
    }

    /// Time passes.
    fn pass(&mut self, millis: u64) {
        self.now += millis;
        let now = self.now();
        let outcome = self.probe.around("handle_timeout", || self.mqtt.handle_timeout(now));
        (self.tell)(format_args!("timeout {outcome:?}"));
    }

    /// Takes all that waits, at most 100 bytes at a time.
    fn send(&mut self) {
        let now = self.now();
        for _ in 0..100 {
            let mut transmit = self.probe.around("transmit", || self.mqtt.transmit(now));
            let chunk = transmit.chunk();
            let chunk = chunk.get(..100).unwrap_or(chunk);
            let count = chunk.len();
            if count == 0 {
                return;
            }
            (self.tell)(format_args!("sent {}", Hex(chunk)));
            self.probe.around("advance", || transmit.advance(count));
        }
    }

    fn look(&mut self) {
        while let Some(outcome) = self.probe.around("poll_outcome", || self.mqtt.poll_outcome()) {
            (self.tell)(format_args!("{outcome:?}"));
        }
        let next = self.probe.around("next_timer", || self.mqtt.next_timer());
        (self.tell)(format_args!("{:?} {next:?} {:?}", self.mqtt.state(), self.mqtt.stats()));
    }
}

/// The server accepts.
fn connack(version: Version, session_present: bool) -> &'static [u8] {
    match (version, session_present) {
        (Version::V5, false) => b"\x20\x03\x00\x00\x00",
        (Version::V5, true) => b"\x20\x03\x01\x00\x00",
        (Version::V311, true) => b"\x20\x02\x01\x00",
        _ => b"\x20\x02\x00\x00",
    }
}

/// A line of the file: a version, and bytes in hexadecimal digits.
fn parse<'b>(line: &str, buffer: &'b mut [u8; LONGEST]) -> Option<(Version, &'b [u8])> {
    let (version, digits) = line.split_once(' ')?;
    let version = match version {
        "V31" => Version::V31,
        "V311" => Version::V311,
        "V5" => Version::V5,
        _ => return None,
    };
    let count = digits.len() / 2;
    for (index, place) in buffer.get_mut(..count)?.iter_mut().enumerate() {
        *place = u8::from_str_radix(digits.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    buffer.get(..count).map(|bytes| (version, bytes))
}

/// Bytes in hexadecimal digits.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
