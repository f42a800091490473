//! A connection in a known state, and bytes for it.

use pure_mqtt::{
    Connect, Connection, ConnectionError, Event, Heap, Instant, Limits, PendingAck, Property, Publish, QoS, Received,
    Subscribe, Subscription, TopicFilter, TopicName, Unsubscribe, Version,
};

pub const V31: &[Version] = &[Version::V31];
pub const V311: &[Version] = &[Version::V311];
pub const V5: &[Version] = &[Version::V5];
pub const OLD: &[Version] = &[Version::V31, Version::V311];
pub const NEW: &[Version] = &[Version::V311, Version::V5];
pub const ALL: &[Version] = &Version::ALL;

/// How the link is opened.
#[derive(Clone, Copy)]
pub struct Setup {
    pub limits: Limits,
    pub client_id: &'static str,
    pub clean: bool,
    pub keep_alive: u16,
    /// Properties of CONNECT in 5.0.
    pub properties: &'static [Property<'static>],
    /// Properties of a good CONNACK in 5.0, as bytes.
    pub connack: &'static [u8],
}

pub const LASTING: Property<'static> = Property::SessionExpiryInterval(3600);

pub const DEFAULT: Setup = Setup {
    limits: Limits::DEFAULT,
    client_id: "c",
    clean: false,
    keep_alive: 60,
    properties: &[LASTING],
    connack: b"",
};

/// A connection with its server's side of the facts.
#[derive(Clone)]
pub struct Rig {
    pub mqtt: Connection<Heap>,
    pub version: Version,
    pub setup: Setup,
    pub now: u64,
    /// The server holds the session.
    pub held: bool,
    /// The transport takes so many bytes at a time.
    pub step: usize,
}

/// What came of some input.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Played {
    pub told: Vec<String>,
    pub sent: Vec<u8>,
    pub end: Option<ConnectionError>,
    /// How many bytes were left when the link ended.
    pub rest: usize,
}

impl Rig {
    /// No link yet.
    pub fn closed(version: Version, setup: Setup) -> Self {
        let mqtt = Connection::new(Heap::new(), setup.limits);
        Self { mqtt, version, setup, now: 1_000, held: false, step: usize::MAX }
    }

    /// CONNECT is out.
    pub fn waiting(version: Version, setup: Setup) -> Self {
        let mut rig = Self::closed(version, setup);
        rig.open();
        rig
    }

    /// The server has accepted.
    pub fn connected(version: Version, setup: Setup) -> Self {
        let mut rig = Self::waiting(version, setup);
        rig.accept(false);
        rig
    }

    pub fn at(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    /// Opens a link and takes CONNECT.
    pub fn open(&mut self) {
        let connect = Connect::new(self.version, self.setup.client_id)
            .clean_start(self.setup.clean)
            .keep_alive(self.setup.keep_alive)
            .properties(self.setup.properties);
        self.mqtt.open(self.at(), &connect).unwrap();
        assert_eq!(self.drain()[0], 0x10);
    }

    pub fn good_connack(&self, session_present: bool) -> Vec<u8> {
        match self.version {
            Version::V31 => b"\x20\x02\x00\x00".to_vec(),
            Version::V311 => vec![0x20, 2, session_present.into(), 0],
            Version::V5 => packet(0x20, &[&[session_present.into(), 0], &block(self.setup.connack)[..]].concat()),
        }
    }

    /// The server accepts. Returns what is sent then.
    pub fn accept(&mut self, session_present: bool) -> Vec<u8> {
        let played = self.play(&self.good_connack(session_present));
        assert_eq!((played.end, played.told.len()), (None, 1), "{played:?}");
        assert!(self.mqtt.is_connected());
        self.held = true;
        played.sent
    }

    /// All that waits to be sent.
    pub fn drain(&mut self) -> Vec<u8> {
        let (step, now) = (self.step, self.at());
        let mut sent = Vec::new();
        let mut transmit = self.mqtt.transmit(now);
        while !transmit.chunk().is_empty() {
            let count = transmit.chunk().len().min(step);
            sent.extend_from_slice(&transmit.chunk()[..count]);
            transmit.advance(count);
        }
        sent
    }

    /// Gives `bytes` in one piece.
    pub fn play(&mut self, bytes: &[u8]) -> Played {
        let mut played = Played::default();
        let mut rest = bytes;
        self.take_all(&mut rest, &mut played);
        assert!(rest.is_empty() || played.end.is_some(), "{} bytes are left over", rest.len());
        played
    }

    /// Gives `bytes` one at a time, and keeps what is not a whole packet yet.
    pub fn play_bytewise(&mut self, bytes: &[u8]) -> Played {
        let mut played = Played::default();
        let mut kept = Vec::new();
        for (index, byte) in bytes.iter().enumerate() {
            kept.push(*byte);
            let mut rest = &kept[..];
            self.take_all(&mut rest, &mut played);
            if played.end.is_some() {
                played.rest = bytes.len() - 1 - index;
                break;
            }
            kept = rest.to_vec();
        }
        assert!(kept.is_empty() || played.end.is_some(), "{} bytes are left over", kept.len());
        played
    }

    /// One turn of a host's loop: takes whole packets off the front of `input`, and sends.
    pub fn take_all(&mut self, input: &mut &[u8], played: &mut Played) {
        let mut was_blocked = false;
        while !input.is_empty() {
            match self.mqtt.handle_input(self.at(), input) {
                Ok(Received::Packet { consumed, event }) => {
                    assert!(consumed > 0 && consumed <= input.len());
                    if let Some(event) = event {
                        played.told.push(describe(&event, &self.mqtt));
                    }
                    *input = &input[consumed..];
                    was_blocked = false;
                }
                Ok(Received::Partial { needed }) => {
                    let most = (self.mqtt.limits().inline_max as usize).max(5);
                    assert!(needed >= 1 && input.len() + needed <= most, "{needed} after {}", input.len());
                    break;
                }
                Ok(Received::Blocked) => {
                    assert!(!was_blocked, "blocked although everything was sent");
                    was_blocked = true;
                    played.sent.extend(self.drain());
                }
                Err(error) => {
                    (played.end, played.rest) = (Some(error), input.len());
                    return;
                }
            }
        }
        played.sent.extend(self.drain());
    }

    /// The transport is lost.
    pub fn lose(&mut self) {
        self.mqtt.handle_close(self.at());
    }

    /// The transport is lost, and another comes; the server still has the session if it ever had. Returns what is sent then. Where a clean start was under way
    /// another one is sent: whether the server has dropped the session at the first is not what the rows are about.
    pub fn reconnect(&mut self) -> Vec<u8> {
        self.lose();
        self.open();
        let is_clean = core::mem::take(&mut self.setup.clean);
        self.accept(self.held && !is_clean)
    }

    pub fn publish(&mut self, topic: &str, qos: QoS) -> u16 {
        let publish = Publish::new(TopicName::new(topic).unwrap(), b"out").qos(qos);
        let delivery = self.mqtt.publish(self.at(), &publish).unwrap();
        delivery.id.map_or(0, |id| id.get())
    }

    pub fn subscribe(&mut self, filters: &[&str]) -> u16 {
        let subscription =
            |filter: &&'static str| Subscription::new(TopicFilter::new(filter).unwrap(), QoS::AtLeastOnce);
        let filters: Vec<&'static str> = filters.iter().map(|filter| &*filter.to_string().leak()).collect();
        let list: Vec<_> = filters.iter().map(subscription).collect();
        self.mqtt.subscribe(self.at(), &Subscribe::new(&list)).unwrap().id.get()
    }

    pub fn unsubscribe(&mut self, filters: &[&str]) -> u16 {
        let list: Vec<_> = filters.iter().map(|filter| TopicFilter::new(filter).unwrap()).collect();
        self.mqtt.unsubscribe(self.at(), &Unsubscribe::new(&list)).unwrap().id.get()
    }

    /// Takes one message and keeps its handle.
    pub fn receive(&mut self, bytes: &[u8]) -> PendingAck {
        match self.mqtt.handle_input(self.at(), bytes) {
            Ok(Received::Packet { event: Some(Event::Message(message)), .. }) => message.ack.unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

/// CONNECT is out; the first link of this client.
pub fn waiting(version: Version) -> Rig {
    Rig::waiting(version, DEFAULT)
}

/// CONNECT with a clean start is out.
pub fn waiting_clean(version: Version) -> Rig {
    Rig::waiting(version, Setup { clean: true, ..DEFAULT })
}

/// CONNECT without a client identifier is out.
pub fn waiting_nameless(version: Version) -> Rig {
    Rig::waiting(version, Setup { clean: true, client_id: "", connack: b"\x12\x00\x01s", ..DEFAULT })
}

/// CONNECT is out, and a session is left from the link before.
pub fn waiting_again(version: Version) -> Rig {
    let mut rig = busy(version);
    rig.lose();
    while rig.mqtt.poll_outcome().is_some() {}
    rig.open();
    rig
}

/// The link is up, and nothing else happens.
pub fn idle(version: Version) -> Rig {
    Rig::connected(version, DEFAULT)
}

pub fn strict(version: Version) -> Rig {
    Rig::connected(version, Setup { limits: Limits { strict: true, ..Limits::DEFAULT }, ..DEFAULT })
}

/// The link is up, and everything is under way: message 1 at QoS 1, 2 at QoS 2, 3 at QoS 2 and released, SUBSCRIBE 4 and UNSUBSCRIBE
/// 5 with two filters each, and from the server message 9 at QoS 2, for which PUBREC has left.
pub fn busy(version: Version) -> Rig {
    busy_with(version, DEFAULT)
}

pub fn busy_with(version: Version, setup: Setup) -> Rig {
    let mut rig = Rig::connected(version, setup);
    assert_eq!(rig.publish("o/1", QoS::AtLeastOnce), 1);
    assert_eq!(rig.publish("o/2", QoS::ExactlyOnce), 2);
    assert_eq!(rig.publish("o/3", QoS::ExactlyOnce), 3);
    assert_eq!(rig.subscribe(&["a", "b"]), 4);
    assert_eq!(rig.unsubscribe(&["c", "d"]), 5);
    rig.drain();
    assert_eq!(rig.play(b"\x50\x02\x00\x03").sent, b"\x62\x02\x00\x03");
    let played = rig.play(&message(version, 0x34, 9, "i/9", b"nine"));
    assert_eq!((played.told.len(), &played.sent[..]), (1, &b"\x50\x02\x00\x09"[..]));
    rig
}

/// An event in short.
pub fn describe(event: &Event<'_>, mqtt: &Connection<Heap>) -> String {
    match event {
        Event::ConnAck(connack) => {
            let session = format!("{:?}", connack.session);
            format!("ConnAck {} {:#04X} {session}", connack.code, connack.reason.0)
        }
        Event::Message(message) => {
            let topic = mqtt.topic(&message.topic).map_or("?", |topic| topic.as_str());
            let topic = if topic.len() > 40 { format!("{} bytes", topic.len()) } else { topic.to_string() };
            let payload = match message.payload.len() {
                0..=40 => String::from_utf8_lossy(message.payload).into_owned(),
                length => format!("{length} bytes"),
            };
            let mark = |on: bool, mark: &'static str| if on { mark } else { "" };
            let id = message.id.map_or(0, |id| id.get());
            let marks = (mark(message.dup, " dup"), mark(message.retain, " retain"));
            format!("Message {topic:?} {payload:?} q{} {id}{}{}", message.qos.bits(), marks.0, marks.1)
        }
        Event::Discarded(message) => {
            let id = message.id.map_or(0, |id| id.get());
            format!("Discarded {:?} q{} {id}", message.why, message.qos.bits())
        }
        Event::PubAck(ack) => format!("PubAck {} {:#04X}", ack.id, ack.reason.0),
        Event::PubRec(ack) => format!("PubRec {} {:#04X}", ack.id, ack.reason.0),
        Event::PubComp(ack) => format!("PubComp {} {:#04X}", ack.id, ack.reason.0),
        Event::SubAck(answer) => format!("SubAck {} {:?}", answer.id, codes(answer)),
        Event::UnsubAck(answer) => format!("UnsubAck {} {:?}", answer.id, codes(answer)),
        Event::PingResp => "PingResp".to_string(),
        Event::Auth(auth) => format!("Auth {:#04X}", auth.reason.0),
        Event::Disconnect(disconnect) => format!("Disconnect {:#04X}", disconnect.reason.0),
        other => format!("{other:?}"),
    }
}

fn codes(answer: &pure_mqtt::RequestAck<'_>) -> Vec<u8> {
    answer.reasons().map(|reason| reason.0).collect()
}

/// A packet: the first byte, the length of `body`, `body`.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    [&[first], &length(body.len())[..], body].concat()
}

/// A variable byte integer.
pub fn length(mut value: usize) -> Vec<u8> {
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
    [&length(content.len())[..], content].concat()
}

/// PUBLISH without properties; no identifier at QoS 0.
pub fn message(version: Version, first: u8, id: u16, topic: impl AsRef<[u8]>, payload: &[u8]) -> Vec<u8> {
    let properties: &[u8] = if version == Version::V5 { b"\x00" } else { b"" };
    let id = if first & 6 == 0 { Vec::new() } else { id.to_be_bytes().to_vec() };
    packet(first, &[&field(topic)[..], &id, properties, payload].concat())
}

/// PUBLISH of 5.0 with properties.
pub fn message5(first: u8, id: u16, topic: &str, properties: &[u8], payload: &[u8]) -> Vec<u8> {
    let id = if first & 6 == 0 { Vec::new() } else { id.to_be_bytes().to_vec() };
    packet(first, &[&field(topic)[..], &id, &block(properties), payload].concat())
}
