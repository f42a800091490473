//! A connection whose server is the test, over a transport that takes as many bytes as the test lets it, on a clock that the test moves.

use pure_mqtt::storage::{AliasEntry, Borrowed, Buffers, ReceiveSlot, SendSlot};
use pure_mqtt::{
    Connect, Connection, ConnectionError, Delivery, Event, Fixed, Heap, Instant, Limits, Payload, PendingAck, Property,
    Publish, QoS, Received, RequestAck, Storage, Subscribe, Subscription, TopicFilter, TopicName, Unsubscribe, Version,
};

pub use QoS::{AtLeastOnce as QOS1, AtMostOnce as QOS0, ExactlyOnce as QOS2};
pub use Version::{V5, V31, V311};

/// The versions before 5.0.
pub const OLD: [Version; 2] = [V31, V311];

/// Those in which CONNACK can say that a session is there.
pub const NEW: [Version; 2] = [V311, V5];

/// Storage whose records the rig makes durable where it has any.
pub trait Durable: Storage + Sized {
    fn save(_: &mut Connection<Self>) {}
}

impl Durable for Heap {}

impl Durable for Borrowed<'_> {}

impl<const A: usize, const S: usize, const R: usize, const C: usize, const L: usize, const N: usize> Durable
    for Fixed<A, S, R, C, L, N>
{
}

#[cfg(feature = "journal")]
impl<S: Storage, const N: usize> Durable for pure_mqtt::storage::Journaled<S, N> {
    fn save(mqtt: &mut Connection<Self>) {
        mqtt.journal_written(mqtt.journal().len());
    }
}

/// A small storage, as firmware has it.
pub type Small = Fixed<1024, 8, 8, 256, 4, 40>;

/// The same in memory that somebody lends.
pub fn borrowed() -> Borrowed<'static> {
    Borrowed::new(Buffers {
        send: Box::leak(Box::new([SendSlot::default(); 8])),
        receive: Box::leak(Box::new([ReceiveSlot::default(); 8])),
        arena: Box::leak(Box::new([0; 1024])),
        control: Box::leak(Box::new([0; 256])),
        aliases_in: (Box::leak(Box::new([AliasEntry::default(); 4])), Box::leak(Box::new([0; 160]))),
        aliases_out: (Box::leak(Box::new([AliasEntry::default(); 4])), Box::leak(Box::new([0; 160]))),
    })
}

/// Runs a block once for every storage, with a closure that makes one.
macro_rules! in_every_storage {
    ($make:ident => $body:block) => {{
        {
            let $make = pure_mqtt::Heap::new;
            $body
        }
        {
            let $make = $crate::field::rig::Small::new;
            $body
        }
        {
            let $make = $crate::field::rig::borrowed;
            $body
        }
        #[cfg(feature = "journal")]
        {
            let $make = || pure_mqtt::storage::Journaled::<_, 4096>::new($crate::field::rig::Small::new());
            $body
        }
        #[cfg(feature = "journal")]
        {
            let $make = || pure_mqtt::storage::Journaled::<_, 4096>::new(pure_mqtt::Heap::new());
            $body
        }
    }};
}
pub(crate) use in_every_storage;

/// The client's side, and what the test wants of it.
pub struct Field<S: Storage = Heap> {
    pub mqtt: Connection<S>,
    pub version: Version,
    /// In milliseconds.
    pub now: u64,
    pub clean: bool,
    pub keep_alive: u16,
    /// Session Expiry Interval in CONNECT (5.0), if it isn't 0.
    pub expiry: u32,
    /// Input is offered to `handle_input_streaming`.
    pub streaming: bool,
    /// Handles of messages that are to be acknowledged by hand.
    pub acks: Vec<PendingAck>,
    /// Bytes from the server that were not taken yet.
    pub kept: Vec<u8>,
}

/// What came of some bytes from the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Events, in short.
    pub told: Vec<String>,
    /// What left meanwhile.
    pub sent: Vec<u8>,
    pub end: Option<ConnectionError>,
}

impl Heard {
    /// One event and no end of the link.
    #[track_caller]
    pub fn only(&self, event: &str) -> &Self {
        assert_eq!((self.told.as_slice(), self.end), (&[event.to_string()][..], None));
        self
    }

    /// No event and no end of the link.
    #[track_caller]
    pub fn nothing(&self) -> &Self {
        assert_eq!((self.told.as_slice(), self.end), (&[][..], None));
        self
    }
}

impl Field<Heap> {
    /// On `Heap`, with this version and these limits; no link yet.
    pub fn with(version: Version, limits: Limits) -> Self {
        Self::new(Heap::new(), version, limits)
    }

    /// The same with a link that is up.
    pub fn up(version: Version, limits: Limits) -> Self {
        Self::with(version, limits).accepted()
    }
}

impl<S: Durable> Field<S> {
    pub fn new(storage: S, version: Version, limits: Limits) -> Self {
        Self::of(Connection::new(storage, Limits { version, ..limits }), version)
    }

    pub fn of(mqtt: Connection<S>, version: Version) -> Self {
        let (streaming, acks, kept) = (mqtt.limits().stream_max > 0, Vec::new(), Vec::new());
        Self { mqtt, version, now: 1_000_000, clean: false, keep_alive: 30, expiry: 300, streaming, acks, kept }
    }

    pub fn at(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    // Links.

    /// CONNECT waits; the transport has taken nothing.
    pub fn open(&mut self) {
        let expiry = [Property::SessionExpiryInterval(self.expiry)];
        let connect = Connect::new(self.version, "c").clean_start(self.clean).keep_alive(self.keep_alive);
        let has_expiry = self.version == V5 && self.expiry > 0;
        let connect = if has_expiry { connect.properties(&expiry[..]) } else { connect };
        S::save(&mut self.mqtt);
        self.mqtt.open(self.at(), &connect).unwrap();
    }

    /// A link comes up, on which the server knows no session.
    pub fn accepted(mut self) -> Self {
        self.open();
        assert_eq!(self.sent()[0], 0x10);
        let connack = self.connack(false, &[]);
        assert_eq!(self.hear(&connack).told.len(), 1);
        assert!(self.mqtt.is_connected());
        self
    }

    /// The same with properties in CONNACK.
    pub fn accepted_with(mut self, properties: &[u8]) -> Self {
        self.open();
        self.sent();
        let connack = self.connack(false, properties);
        assert_eq!(self.hear(&connack).end, None);
        assert!(self.mqtt.is_connected());
        self
    }

    /// A good CONNACK.
    pub fn connack(&self, is_present: bool, properties: &[u8]) -> Vec<u8> {
        match self.version {
            V31 => b"\x20\x02\0\0".to_vec(),
            V311 => vec![0x20, 2, is_present.into(), 0],
            V5 => packet(0x20, &[&[is_present.into(), 0], &block(properties)[..]].concat()),
        }
    }

    /// The transport is gone.
    pub fn lose(&mut self) {
        self.mqtt.handle_close(self.at());
        self.kept.clear();
        self.acks.clear();
        S::save(&mut self.mqtt);
    }

    /// The transport is gone, another comes, and the server has the session or not. What leaves is in `sent`.
    pub fn again(&mut self, is_present: bool) -> Heard {
        self.lose();
        self.open();
        self.sent();
        let connack = self.connack(is_present, &[]);
        self.hear(&connack)
    }

    // Bytes.

    /// The transport takes all that waits.
    pub fn sent(&mut self) -> Vec<u8> {
        self.take(usize::MAX)
    }

    /// The transport takes at most so many bytes. A payload that the application supplies is made of the letter s.
    pub fn take(&mut self, most: usize) -> Vec<u8> {
        S::save(&mut self.mqtt);
        self.take_unsaved(most)
    }

    /// The same while what the journal has is not durable.
    pub fn take_unsaved(&mut self, most: usize) -> Vec<u8> {
        let now = self.at();
        let (mut bytes, mut left) = (Vec::new(), most);
        let mut transmit = self.mqtt.transmit(now);
        while left > 0 {
            let step = match transmit.payload_request() {
                Some(wanted) => (wanted.remaining as usize).min(left),
                None => transmit.chunk().len().min(left),
            };
            if step == 0 {
                break;
            }
            match transmit.payload_request() {
                Some(_) => bytes.resize(bytes.len() + step, b's'),
                None => bytes.extend(&transmit.chunk()[..step]),
            }
            transmit.advance(step);
            left -= step;
        }
        bytes
    }

    /// What `transmit` shows first; the transport has taken nothing of it.
    pub fn shown(&mut self) -> Vec<u8> {
        S::save(&mut self.mqtt);
        let now = self.at();
        self.mqtt.transmit(now).chunk().to_vec()
    }

    /// Offers bytes once: what `handle_input` says of the first packet, and how many bytes it took.
    pub fn offer(&mut self, bytes: &[u8]) -> Result<Offered, ConnectionError> {
        let now = self.at();
        let received = match self.streaming {
            true => self.mqtt.handle_input_streaming(now, bytes),
            false => self.mqtt.handle_input(now, bytes),
        };
        Ok(match received? {
            Received::Blocked => Offered::Blocked,
            Received::Partial { .. } => Offered::Partial,
            Received::Packet { consumed, event } => {
                let told = event.map(|event| describe(&self.mqtt, event, &mut self.acks));
                Offered::Taken(consumed, told)
            }
        })
    }

    /// Bytes come, and the host does what the contract says: offers them packet by packet, sends, offers again what was blocked.
    pub fn hear(&mut self, bytes: &[u8]) -> Heard {
        let mut heard = self.hear_over(bytes, usize::MAX);
        heard.sent.extend(self.sent());
        heard
    }

    /// The same over a transport that takes no more than so many bytes.
    pub fn hear_over(&mut self, bytes: &[u8], mut room: usize) -> Heard {
        let mut heard = Heard::default();
        self.kept.extend(bytes);
        let mut was_blocked = false;
        while !self.kept.is_empty() {
            let kept = std::mem::take(&mut self.kept);
            let offered = self.offer(&kept);
            self.kept = kept;
            match offered {
                Ok(Offered::Taken(consumed, told)) => {
                    heard.told.extend(told);
                    self.kept.drain(..consumed);
                    was_blocked = false;
                }
                Ok(Offered::Partial) => break,
                Ok(Offered::Blocked) if was_blocked => break,
                Ok(Offered::Blocked) => {
                    was_blocked = true;
                    let sent = self.take(room);
                    room -= sent.len();
                    heard.sent.extend(sent);
                }
                Err(error) => {
                    heard.end = Some(error);
                    self.kept.clear();
                }
            }
        }
        heard.sent.extend(self.take(room));
        heard
    }

    /// Time passes: what is due is done when it is due, and the transport takes all. Ends early if the link does.
    pub fn wait(&mut self, millis: u64) -> Heard {
        self.wait_over(millis, usize::MAX)
    }

    /// The same over a transport that takes no more than so many bytes.
    pub fn wait_over(&mut self, millis: u64, mut room: usize) -> Heard {
        let (mut heard, end) = (Heard::default(), self.now + millis);
        for turn in 0.. {
            assert!(turn < 100_000, "no end of deadlines: {:?}", self.mqtt.next_timer());
            let sent = self.take(room);
            room -= sent.len();
            heard.sent.extend(sent);
            let Some(at) = self.mqtt.poll_timeout().map(Instant::as_millis).filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            if let Err(error) = self.mqtt.handle_timeout(self.at()) {
                heard.end = Some(error);
                heard.sent.extend(self.take(room));
                return heard;
            }
        }
        self.now = end;
        heard
    }

    /// Does what is due now, over a transport that takes nothing.
    pub fn tick(&mut self, millis: u64) -> Result<(), ConnectionError> {
        self.now += millis;
        self.mqtt.handle_timeout(self.at())
    }

    // Commands.

    pub fn publish(&mut self, topic: &str, payload: &[u8], qos: QoS) -> Delivery {
        let publish = Publish::new(TopicName::new(topic).unwrap(), payload).qos(qos);
        self.mqtt.publish(self.at(), &publish).unwrap()
    }

    pub fn publish_streamed(&mut self, topic: &str, length: u32, qos: QoS) -> Delivery {
        let publish = Publish::new(TopicName::new(topic).unwrap(), Payload::Streamed(length)).qos(qos);
        self.mqtt.publish(self.at(), &publish).unwrap()
    }

    pub fn subscribe(&mut self, filters: &[&'static str]) -> u16 {
        let list: Vec<_> =
            filters.iter().map(|filter| Subscription::new(TopicFilter::new(filter).unwrap(), QOS1)).collect();
        self.mqtt.subscribe(self.at(), &Subscribe::new(&list)).unwrap().id.get()
    }

    pub fn unsubscribe(&mut self, filters: &[&'static str]) -> u16 {
        let list: Vec<_> = filters.iter().map(|filter| TopicFilter::new(filter).unwrap()).collect();
        self.mqtt.unsubscribe(self.at(), &Unsubscribe::new(&list)).unwrap().id.get()
    }

    /// The causes of all outcomes that wait.
    pub fn outcomes(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.mqtt.poll_outcome()).map(|outcome| format!("{:?}", outcome.cause)).collect()
    }
}

/// What came of one offer.
#[derive(Debug, PartialEq, Eq)]
pub enum Offered {
    Taken(usize, Option<String>),
    Partial,
    Blocked,
}

/// An event in short; handles for acknowledgements are kept.
fn describe<S: Storage>(mqtt: &Connection<S>, event: Event<'_>, acks: &mut Vec<PendingAck>) -> String {
    match event {
        Event::ConnAck(connack) => {
            let session = format!("{:?}", connack.session);
            let session = session.split([' ', '{']).next().unwrap_or_default();
            format!("ConnAck {:#04X} {session}", connack.reason.0)
        }
        Event::Message(message) => {
            acks.extend(message.ack);
            let topic = mqtt.topic(&message.topic).map_or("?", |topic| topic.as_str());
            let id = message.id.map_or(0, |id| id.get());
            format!("Message {} {} q{} {id}", short(topic.as_bytes()), short(message.payload), message.qos.bits())
        }
        Event::Fragment(fragment) => {
            acks.extend(fragment.ack);
            let length = fragment.payload.len();
            format!("Fragment {}+{length}/{}", fragment.offset, fragment.total)
        }
        Event::PubAck(ack) => format!("PubAck {} {:#04X}", ack.id, ack.reason.0),
        Event::PubRec(ack) => format!("PubRec {} {:#04X}", ack.id, ack.reason.0),
        Event::PubComp(ack) => format!("PubComp {} {:#04X}", ack.id, ack.reason.0),
        Event::SubAck(answer) => format!("SubAck {} {}", answer.id, codes(&answer)),
        Event::UnsubAck(answer) => format!("UnsubAck {} {}", answer.id, codes(&answer)),
        Event::PingResp => "PingResp".into(),
        Event::Auth(auth) => format!("Auth {:#04X}", auth.reason.0),
        Event::Disconnect(disconnect) => format!("Disconnect {:#04X}", disconnect.reason.0),
        other => format!("{other:?}"),
    }
}

fn codes(answer: &RequestAck<'_>) -> String {
    let codes: Vec<_> = answer.reasons().map(|reason| format!("{:02X}", reason.0)).collect();
    codes.join(" ")
}

fn short(bytes: &[u8]) -> String {
    if bytes.len() > 20 { format!("({} bytes)", bytes.len()) } else { String::from_utf8_lossy(bytes).into_owned() }
}

// Packets.

/// The first byte, the length of `body`, `body`.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    [&[first], &varint(body.len())[..], body].concat()
}

pub fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 127 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A string with its length.
pub fn field(content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    [&(content.len() as u16).to_be_bytes()[..], content].concat()
}

/// Properties with their length.
pub fn block(content: &[u8]) -> Vec<u8> {
    [&varint(content.len())[..], content].concat()
}

/// PUBLISH from the server.
pub fn message(version: Version, qos: u8, id: u16, topic: impl AsRef<[u8]>, payload: &[u8]) -> Vec<u8> {
    message_with(version, 0x30 | qos << 1, id, topic, &[], payload)
}

/// One at QoS 2 that is marked as a repetition.
pub fn repeated(version: Version, id: u16, payload: &[u8]) -> Vec<u8> {
    message_with(version, 0x3C, id, "t", &[], payload)
}

/// PUBLISH with the first byte as it is given, and with properties in 5.0.
pub fn message_with(
    version: Version,
    first: u8,
    id: u16,
    topic: impl AsRef<[u8]>,
    properties: &[u8],
    payload: &[u8],
) -> Vec<u8> {
    let properties = if version == V5 { block(properties) } else { Vec::new() };
    let id = if first & 6 == 0 { Vec::new() } else { id.to_be_bytes().to_vec() };
    packet(first, &[&field(topic)[..], &id, &properties, payload].concat())
}

/// The packets that these bytes are: each with its first byte.
pub fn packets(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while bytes.len() >= 2 {
        let (mut length, mut place, mut shift) = (0, 1, 0);
        while let Some(byte) = bytes.get(place) {
            length |= usize::from(byte & 0x7F) << shift;
            (place, shift) = (place + 1, shift + 7);
            if byte & 0x80 == 0 {
                break;
            }
        }
        let (packet, rest) = bytes.split_at((place + length).min(bytes.len()));
        found.push(packet);
        bytes = rest;
    }
    found
}

/// How many of them have this first byte, DUP aside.
pub fn count(bytes: &[u8], first: u8) -> usize {
    packets(bytes).iter().filter(|packet| packet[0] & !8 == first & !8).count()
}
