//! Most packets take a fast path through the engine. A connection with a journal always takes the general one: after the same calls, nobody sees a
//! difference.
//!
//! (Firmware always takes the general path as well; the same vectors run there.)

use crate::common::clock::with_seeds;
use crate::corners::rig::NOW;
use pure_mqtt::{
    Ack, Connect, Connection, Disconnect, Event, Heap, Instant, Limits, Overflow, Payload, Property, Publish, QoS,
    Received, State, Subscribe, Subscription, TopicFilter, TopicName, Version,
};

const QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

struct Ways {
    short: Connection<Heap>,
    long: Connection<Heap>,
    rng: fastrand::Rng,
    version: Version,
    now: Instant,
    /// What came from the client on this link and was not looked at yet.
    wire: Vec<u8>,
    handles: Vec<pure_mqtt::Handle>,
    held: Vec<[pure_mqtt::PendingAck; 2]>,
}

/// Calls both; what they return is the same. Gives it as the one of the short way returned it.
macro_rules! both {
    ($ways:expr, $method:ident($($argument:expr),*)) => {{
        let (one, other) = ($ways.short.$method($($argument),*), $ways.long.$method($($argument),*));
        assert_eq!(format!("{one:?}"), format!("{other:?}"), "{}", stringify!($method($($argument),*)));
        $ways.save();
        one
    }};
}

impl Ways {
    fn new(seed: u64, version: Version) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let limits = Limits {
            version,
            max_inflight: rng.choice([0, 1, 3, 20]).unwrap(),
            max_queued: rng.choice([0, 0, 7]).unwrap(),
            max_bytes: rng.choice([0, 300, 1_000, 100_000]).unwrap(),
            inline_max: rng.choice([60, 1 << 20]).unwrap(),
            ack_timeout: rng.choice([0, 700]).unwrap(),
            retry_interval: rng.choice([0, 500]).unwrap(),
            overflow: rng.choice([Overflow::Reject, Overflow::DropOldest]).unwrap(),
            manual_acks: rng.bool(),
            receive_maximum: rng.choice([20, 3]).unwrap(),
            refuse_offline_qos0: rng.bool(),
            check_payload_format: rng.u8(0..5) == 0,
            strict: rng.u8(0..5) == 0,
            outbound_aliases: rng.choice([0, 0, 2]).unwrap(),
            ..Limits::DEFAULT
        };
        Self::with(limits, rng)
    }

    fn with(limits: Limits, rng: fastrand::Rng) -> Self {
        Self {
            short: Connection::new(Heap::new(), limits),
            long: Connection::new(Heap::with_journal(), limits),
            rng,
            version: limits.version,
            now: NOW,
            wire: Vec::new(),
            handles: Vec::new(),
            held: Vec::new(),
        }
    }

    /// The journal never stands in the way.
    fn save(&mut self) {
        self.long.journal_written(self.long.journal().len());
    }

    fn turn(&mut self) {
        match self.rng.u8(0..40) {
            0..12 => self.publish(),
            12..18 => self.send(),
            18..26 => self.answer(),
            26..32 => self.hear(),
            32 => self.subscribe(),
            33 => self.pass_time(),
            34 => self.drop_one(),
            35 => self.acknowledge(),
            36 => both!(self, shrink()),
            37 if self.rng.u8(0..3) == 0 => self.cut(),
            _ => while both!(self, poll_outcome()).is_some() {},
        }
        self.compare();
    }

    fn publish(&mut self) {
        let length = self.rng.choice([0, 1, 3, 64, 120, 125, 126, 130, 290, 310, 400, 16_000, 17_000]).unwrap();
        let topic = self.rng.choice(["t", "plant/boiler/t01", "é/ü"]).unwrap();
        let bytes: Vec<u8> = std::iter::repeat_with(|| self.rng.u8(..)).take(length).collect();
        let properties = [Property::MessageExpiryInterval(self.rng.choice([1, 60]).unwrap())];
        let is_bare = self.rng.u8(0..4) > 0;
        let shared = bytes::Bytes::from(bytes.clone());
        let payload = if self.rng.u8(0..6) > 0 { Payload::Slice(&bytes) } else { Payload::Bytes(&shared) };
        let qos = self.rng.choice(QOS).unwrap();
        let publish = Publish::new(TopicName::new(topic).unwrap(), payload).qos(qos).retain(self.rng.bool());
        let publish = publish.properties(if is_bare { &[][..] } else { &properties });
        if let Ok(delivery) = both!(self, publish(self.now, &publish)) {
            self.handles.push(delivery.handle);
        }
    }

    /// Some of the bytes that wait leave.
    fn send(&mut self) {
        let most = self.rng.choice([1, 10, 100, 400, usize::MAX]).unwrap();
        self.send_up_to(most);
    }

    fn send_up_to(&mut self, most: usize) {
        let mut left = most;
        loop {
            let _ = [self.short.transmit(self.now).remaining(), self.long.transmit(self.now).remaining()];
            self.save(); // what expired
            let (mut one, mut other) = (self.short.transmit(self.now), self.long.transmit(self.now));
            assert_eq!((one.chunk(), one.remaining()), (other.chunk(), other.remaining()));
            let step = one.chunk().len().min(left);
            if step == 0 {
                return;
            }
            self.wire.extend(&one.chunk()[..step]);
            one.advance(step);
            let most = self.rng.choice([1, 7, usize::MAX]).unwrap(); // the pieces in which it goes are no matter
            let mut rest = step;
            while rest > 0 {
                let piece = rest.min(most);
                other.advance(piece);
                rest -= piece;
            }
            left -= step;
            self.save();
        }
    }

    /// The server answers a packet that it got whole, or something that it didn't get.
    fn answer(&mut self) {
        let Some((first, length, body)) = packet(&self.wire) else { return };
        let id: Option<[u8; 2]> = match (first >> 4, first >> 1 & 3) {
            (3, 1..) => {
                let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
                body[2 + topic..].first_chunk().copied()
            }
            (5 | 6, _) => body.first_chunk().copied(),
            _ => None,
        };
        let qos = first >> 1 & 3;
        self.wire.drain(..length);
        let Some(mut id) = id else { return };
        if self.rng.u8(0..20) == 0 {
            id[1] ^= self.rng.u8(..4);
        }
        let answer = match first >> 4 {
            3 if qos == 1 => 0x40,
            3 => 0x50,
            5 => 0x62,
            _ => 0x70,
        };
        let mut bytes = vec![answer, 2, id[0], id[1]];
        if self.version == Version::V5 && self.rng.u8(0..6) == 0 {
            bytes[1] = 3;
            bytes.push(self.rng.choice([0, 0x10, 0x87]).unwrap());
        }
        self.take(&bytes);
        if self.rng.u8(0..10) == 0 {
            self.take(&bytes);
        }
    }

    /// A message of the server's, perhaps a wrong one, perhaps in two reads.
    fn hear(&mut self) {
        let qos = self.rng.u8(0..4) % 3;
        let mut body = Vec::new();
        let topic = self.rng.choice(["t", "plant/boiler/t01", "", "a+", "é", "a\u{1}b"]).unwrap();
        let topic = if self.rng.u8(0..4) > 0 { "plant/boiler" } else { topic };
        body.extend((topic.len() as u16).to_be_bytes());
        body.extend(topic.as_bytes());
        if qos > 0 {
            body.extend([0, self.rng.u8(1..6)]);
        }
        if self.version == Version::V5 {
            let properties: &[u8] = self.rng.choice([&b""[..], b"\x01\x01", b"\x02\0\0\0\x09", b"\x23\0\x07"]).unwrap();
            body.push(properties.len() as u8);
            body.extend(properties);
        }
        let length = self.rng.choice([0, 1, 60, 110, 200]).unwrap();
        body.extend(std::iter::repeat_n(self.rng.choice([0, 1, 0xA5]).unwrap(), length));
        let mut bytes = vec![0x30 | qos << 1 | self.rng.u8(..2) | if qos > 0 { self.rng.u8(..2) << 3 } else { 0 }];
        match body.len() {
            0..0x80 if self.rng.u8(0..30) > 0 => bytes.push(body.len() as u8),
            length => bytes.extend([length as u8 | 0x80, (length >> 7) as u8]),
        }
        bytes.extend(body);
        if self.rng.u8(0..100) == 0 {
            let index = self.rng.usize(..bytes.len());
            bytes[index] ^= 1 << self.rng.u8(..8);
        }
        if self.rng.u8(0..4) == 0 {
            let shown = self.rng.usize(..bytes.len());
            self.take(&bytes[..shown]);
        }
        self.take(&bytes);
    }

    /// Both take one packet.
    fn take(&mut self, bytes: &[u8]) {
        let (one, other) = (self.short.handle_input(self.now, bytes), self.long.handle_input(self.now, bytes));
        assert_eq!(format!("{one:?}"), format!("{other:?}"), "{bytes:02X?}");
        if let (
            Ok(Received::Packet { event: Some(Event::Message(one)), .. }),
            Ok(Received::Packet { event: Some(Event::Message(other)), .. }),
        ) = (one, other)
        {
            self.held.extend(one.ack.zip(other.ack).map(<[_; 2]>::from));
        }
        self.save();
    }

    fn acknowledge(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let [one, other] = self.held.swap_remove(self.rng.usize(..self.held.len()));
        let one = self.short.acknowledge(self.now, one, &Ack::SUCCESS);
        let other = self.long.acknowledge(self.now, other, &Ack::SUCCESS);
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
        self.save();
    }

    fn subscribe(&mut self) {
        let filters = [Subscription::new(TopicFilter::new("#").unwrap(), QoS::AtLeastOnce)];
        let _ = both!(self, subscribe(self.now, &Subscribe::new(&filters)));
    }

    fn pass_time(&mut self) {
        self.now = self.now.after_millis(self.rng.choice([1, 600, 1_500]).unwrap());
        let _ = both!(self, handle_timeout(self.now));
    }

    fn drop_one(&mut self) {
        let latest = self.handles.len().saturating_sub(6);
        if let Some(handle) = self.rng.choice(&self.handles[latest..]).copied() {
            both!(self, cancel(handle));
        }
    }

    /// The link ends, and another one begins.
    fn cut(&mut self) {
        if self.rng.u8(0..3) == 0 {
            let _ = both!(self, disconnect(self.now, &Disconnect::default()));
            self.send_up_to(usize::MAX);
        }
        both!(self, handle_close(self.now));
        for _ in 0..self.rng.u8(0..16) {
            self.publish();
            if self.rng.u8(0..3) == 0 {
                self.drop_one();
            }
        }
        self.open();
    }

    fn open(&mut self) {
        assert_eq!(self.short.state(), State::Closed);
        self.wire.clear();
        self.version = self.rng.choice(Version::ALL).unwrap();
        let forever = [Property::SessionExpiryInterval(u32::MAX)];
        let connect = Connect::new(self.version, "c").clean_start(self.rng.u8(0..4) == 0);
        let connect = connect.properties(if self.version == Version::V5 { &forever[..] } else { &[] });
        both!(self, open(self.now, &connect)).unwrap();
        self.compare();
        let _ = both!(self, publish(self.now, &Publish::new(TopicName::new("early").unwrap(), b"")));
        self.send_up_to(usize::MAX);
        self.wire.clear();
        let present = u8::from(!connect.clean_start && self.rng.bool());
        let properties: &[u8] = match self.rng.u8(0..5) {
            0 => b"\x27\0\0\0\x60",
            1 => b"\x24\x01\x25\0",
            2 => b"\x21\0\x02\x22\0\x02",
            _ => b"",
        };
        let mut connack = vec![0x20, 2, present, 0];
        if self.version == Version::V5 {
            connack[1] += 1 + properties.len() as u8;
            connack.push(properties.len() as u8);
            connack.extend(properties);
        }
        self.take(&connack);
    }

    /// Nobody who holds the one could say that it isn't the other.
    fn compare(&mut self) {
        let look = |state, pending, quota, is_idle, timer, left, reason, stats| {
            format!("{state:?} {pending} {quota} {is_idle} {timer:?} {left:?} {reason:?} {stats:?}")
        };
        macro_rules! all {
            ($client:expr) => {{
                let client = &$client;
                look(
                    client.state(),
                    client.pending(),
                    client.send_quota(),
                    client.is_idle(),
                    client.next_timer(),
                    client.last_sent_qos0(),
                    client.close_reason(),
                    client.stats(),
                )
            }};
        }
        assert_eq!(all!(self.short), all!(self.long));
        if self.short.should_close() || self.short.state() == State::Closing {
            self.cut();
        }
    }
}

/// The first byte, the length and the body of the packet that these bytes begin with, if it is whole.
fn packet(bytes: &[u8]) -> Option<(u8, usize, &[u8])> {
    let (mut remaining, mut length) = (0, 1);
    loop {
        let byte = *bytes.get(length)?;
        remaining |= usize::from(byte & 0x7F) << (7 * (length - 1));
        length += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some((bytes[0], length + remaining, bytes.get(length..length + remaining)?))
}

#[test]
fn both_ways_lead_to_the_same() {
    with_seeds(1, 80, |seed| {
        let mut ways = Ways::new(seed, Version::ALL[seed as usize % Version::ALL.len()]);
        ways.open();
        for _ in 0..400 {
            ways.turn();
        }
    });
}

/// More than is staged at a time, so that acknowledgements needn't wait behind it.
#[test]
fn both_ways_stage_as_much() {
    with_seeds(1, 8, |seed| {
        let mut ways = Ways::with(Limits { max_bytes: 0, ..Limits::DEFAULT }, fastrand::Rng::with_seed(seed));
        let payload = [0xA5; 16_000];
        let publish = Publish::new(TopicName::new("t").unwrap(), &payload);
        for _ in 0..8 {
            both!(ways, publish(NOW, &publish)).unwrap();
        }
        ways.open();
        ways.send_up_to(usize::MAX);
        ways.compare();
    });
}
