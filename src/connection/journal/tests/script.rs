//! Random scripts.

use std::format;
use std::vec;
use std::vec::Vec;

use super::compare::compare;
use crate::connection::{Connection, State};
use crate::event::{Event, PendingAck, Received};
use crate::limits::{Limits, OnSessionLoss, OnUnknownSession, Overflow};
use crate::storage::{Payload, Storage};
use crate::time::Instant;
use crate::topic::{TopicFilter, TopicName};
use crate::types::{Handle, QoS, Version};
use crate::wire::reason::ReasonCode;
use crate::wire::{Connect, Property, Subscription};
use crate::{Ack, Publish, Subscribe};

pub struct Script<S: Storage> {
    make: fn() -> S,
    mqtt: Connection<S>,
    rng: fastrand::Rng,
    limits: Limits,
    now: Instant,
    /// The durable log.
    log: Vec<u8>,
    /// The highest number of a handle in the log.
    highest: u64,
    handles: Vec<Handle>,
    held: Vec<PendingAck>,
    /// Bytes that the client sent on this link and the server has not read.
    wire: Vec<u8>,
    /// Answers that the server may send: the first byte, and the identifier.
    answers: Vec<(u8, u16)>,
    is_accepted: bool,
}

const CALLS: usize = 120;

impl<S: Storage> Script<S> {
    pub fn new(make: fn() -> S, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let limits = Limits {
            version: rng.choice(Version::ALL).unwrap(),
            overflow: rng.choice([Overflow::Reject, Overflow::DropOldest, Overflow::LatestPerTopic]).unwrap(),
            on_session_loss: rng.choice([OnSessionLoss::Republish, OnSessionLoss::Abort]).unwrap(),
            on_unknown_session: rng.choice([OnUnknownSession::Adopt, OnUnknownSession::CleanStart]).unwrap(),
            manual_acks: rng.bool(),
            strict: rng.u8(0..4) == 0,
            max_inflight: rng.choice([0, 2, 20]).unwrap(),
            max_queued: rng.choice([0, 0, 5]).unwrap(),
            retry_interval: rng.choice([0, 500]).unwrap(),
            outbound_aliases: rng.choice([0, 2]).unwrap(),
            check_payload_format: rng.u8(0..4) == 0,
            inline_max: rng.choice([40, 1 << 16]).unwrap(),
            stream_max: 1 << 16,
            ..Limits::DEFAULT
        };
        Self {
            make,
            mqtt: Connection::new(make(), limits),
            rng,
            limits,
            now: Instant::from_millis(1_000),
            log: Vec::new(),
            highest: 0,
            handles: Vec::new(),
            held: Vec::new(),
            wire: Vec::new(),
            answers: Vec::new(),
            is_accepted: false,
        }
    }

    pub fn play(mut self) {
        self.compare();
        for _ in 0..CALLS {
            self.call();
            self.compare();
        }
    }

    fn compare(&mut self) {
        let limits = self.limits;
        compare(&mut self.mqtt, &self.log, self.make, limits, &mut self.highest);
    }

    fn call(&mut self) {
        match self.rng.u8(0..100) {
            0..22 => self.publish(),
            22..38 => self.send(),
            38..50 => self.hear_answer(),
            50..64 => self.hear_message(),
            64..76 => self.save(),
            76..80 => self.end_one(),
            80..83 => self.acknowledge(),
            83..86 => drop(self.mqtt.poll_outcome()),
            86..88 => self.pass_time(),
            88 => self.subscribe(),
            89 => self.snapshot(),
            90 => self.lose_power(),
            91 => self.change_limits(),
            92 => drop(self.mqtt.adopt_session()),
            93 if self.rng.u8(0..3) == 0 => drop(self.mqtt.discard_session()),
            94 => self.mqtt.shrink(),
            95 | 96 => self.cut(),
            _ => self.link_up(),
        }
    }

    fn publish(&mut self) {
        let bytes = vec![b'x'; self.rng.usize(0..20)];
        let topic = self.rng.choice(["t", "u", "a/long/name"]).unwrap();
        let qos = self.rng.choice([QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::ExactlyOnce]).unwrap();
        let payload = match self.rng.u8(0..12) {
            0 => Payload::Streamed(self.rng.u32(1..50)),
            _ => Payload::Slice(&bytes),
        };
        #[cfg(feature = "bytes")]
        let shared = bytes::Bytes::from(vec![b'y'; 300]);
        #[cfg(feature = "bytes")]
        let payload = if self.rng.u8(0..12) == 0 { Payload::Bytes(&shared) } else { payload };
        let properties =
            [Property::UserProperty(("n", "v")), Property::MessageExpiryInterval(self.rng.choice([1, 1_000]).unwrap())];
        let properties = &properties[..self.rng.choice([0, 0, 0, 1, 2]).unwrap()];
        let publish = Publish::new(TopicName::new(topic).unwrap(), payload).qos(qos).properties(properties);
        let old = self.rng.choice(self.handles.clone());
        let accepted = match old.filter(|_| self.rng.u8(0..10) == 0) {
            Some(old) => self.mqtt.replace(self.now, old, &publish),
            None => self.mqtt.publish(self.now, &publish),
        };
        self.handles.extend(accepted.ok().map(|delivery| delivery.handle));
    }

    /// Lets the transport take some bytes.
    fn send(&mut self) {
        let mut left = self.rng.choice([1, 7, 40, usize::MAX]).unwrap();
        let mut transmit = self.mqtt.transmit(self.now);
        while left > 0 {
            let (bytes, step) = match transmit.payload_request() {
                Some(wanted) => (vec![b's'; wanted.remaining as usize], wanted.remaining as usize),
                None => (transmit.chunk().to_vec(), transmit.chunk().len()),
            };
            let step = step.min(left);
            if step == 0 {
                break;
            }
            self.wire.extend_from_slice(&bytes[..step]);
            transmit.advance(step);
            left -= step;
        }
        self.read_wire();
    }

    /// Lets the server read what arrived.
    fn read_wire(&mut self) {
        while let Some((first, body, length)) = packet(&self.wire) {
            let id = |at: usize| body.get(at..at + 2).map_or(0, |id| u16::from_be_bytes([id[0], id[1]]));
            match (first >> 4, first >> 1 & 3) {
                (3, 1) => self.answers.push((0x40, id(2 + usize::from(id(0))))),
                (3, 2) => self.answers.push((0x50, id(2 + usize::from(id(0))))),
                (5, _) => self.answers.push((0x62, id(0))),
                (6, _) => self.answers.push((0x70, id(0))),
                _ => {}
            }
            self.wire.drain(..length);
        }
    }

    /// Lets the server send one of its answers.
    fn hear_answer(&mut self) {
        if self.answers.is_empty() {
            return;
        }
        let at = self.rng.usize(0..self.answers.len());
        let (first, id) = match self.rng.u8(0..10) {
            0 => self.answers[at],
            _ => self.answers.remove(at),
        };
        let [high, low] = id.to_be_bytes();
        let is_refused = self.mqtt.version() == Version::V5 && first & 0xF0 != 0x60 && self.rng.u8(0..6) == 0;
        let packet = if is_refused { vec![first, 3, high, low, 0x97] } else { vec![first, 2, high, low] };
        self.hear(&packet);
    }

    /// Lets the server send a message, or PUBREL.
    fn hear_message(&mut self) {
        let id = self.rng.u8(1..6);
        if self.rng.u8(0..4) == 0 {
            return self.hear(&[0x62, 2, 0, id]);
        }
        let qos = self.rng.choice([0, 1, 2, 2, 2]).unwrap();
        let dup = if qos > 0 && self.rng.u8(0..4) == 0 { 8 } else { 0 };
        let mut body = b"\0\x01t".to_vec();
        if qos > 0 {
            body.extend([0, id]);
        }
        if self.mqtt.version() == Version::V5 {
            let properties: &[u8] = if self.rng.u8(0..6) == 0 { &[2, 1, 1] } else { &[0] };
            body.extend_from_slice(properties);
        }
        body.extend(self.rng.choice([&b"p"[..], &b"\xFF"[..], &[b'l'; 60][..]]).unwrap());
        let mut packet = vec![0x30 | qos << 1 | dup, body.len() as u8];
        packet.append(&mut body);
        self.hear(&packet);
    }

    fn hear(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let shown = rest.len().min(self.rng.choice([12, usize::MAX]).unwrap());
            let received = match self.mqtt.handle_input_streaming(self.now, &rest[..shown]) {
                Ok(Received::Partial { .. }) => self.mqtt.handle_input_streaming(self.now, rest),
                received => received,
            };
            let Ok(Received::Packet { consumed, event }) = received else { return };
            match event {
                Some(Event::Message(message)) => self.held.extend(message.ack),
                Some(Event::Fragment(fragment)) => self.held.extend(fragment.ack),
                _ => {}
            }
            rest = &rest[consumed..];
            self.compare();
        }
    }

    /// Lets the host write some of the pending records.
    fn save(&mut self) {
        let waiting = self.mqtt.journal();
        let count = match self.rng.u8(0..3) {
            0 => self.rng.usize(0..=waiting.len()),
            _ => waiting.len(),
        };
        self.log.extend_from_slice(&waiting[..count]);
        self.mqtt.journal_written(count);
    }

    fn end_one(&mut self) {
        let Some(handle) = self.rng.choice(self.handles.clone()) else { return };
        match self.rng.bool() {
            true => drop(self.mqtt.cancel(handle)),
            false => drop(self.mqtt.abandon(self.now, handle)),
        }
    }

    fn acknowledge(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let at = self.rng.usize(0..self.held.len());
        let pending = self.held.remove(at);
        let text = [Property::ReasonString("why")];
        let mut ack = if self.rng.u8(0..4) == 0 { Ack::new(ReasonCode::QUOTA_EXCEEDED) } else { Ack::SUCCESS };
        if self.rng.u8(0..4) == 0 {
            ack = ack.properties(&text[..]);
        }
        self.held.extend(self.mqtt.acknowledge(self.now, pending, &ack).err().map(|error| error.pending));
    }

    fn pass_time(&mut self) {
        self.now = self.now.after_millis(self.rng.choice([1, 600, 2_000, 40_000]).unwrap());
        let _ = self.mqtt.handle_timeout(self.now);
    }

    fn subscribe(&mut self) {
        let filters = [Subscription::new(TopicFilter::new("t").unwrap(), QoS::ExactlyOnce)];
        let _ = self.mqtt.subscribe(self.now, &Subscribe::new(&filters));
    }

    fn snapshot(&mut self) {
        let mut log = Vec::new();
        if self.mqtt.snapshot(&mut |bytes| log.extend_from_slice(bytes)) {
            self.log = log;
            self.highest = self.mqtt.core.outgoing.last_handle() >> 16;
        }
    }

    /// Recovers from the durable log; bytes that were being written may be there in part.
    fn lose_power(&mut self) {
        let waiting = self.mqtt.journal();
        let torn = self.rng.usize(0..=waiting.len());
        self.log.extend_from_slice(&waiting[..torn]);
        let (mqtt, recovered) = Connection::recover((self.make)(), self.limits, self.now, &self.log).unwrap();
        self.mqtt = mqtt;
        self.log.truncate(recovered.used);
        self.highest = self.mqtt.core.outgoing.last_handle() >> 16;
        self.held.clear();
        self.forget_link();
    }

    fn change_limits(&mut self) {
        let version = self.rng.choice(Version::ALL).unwrap();
        let on_session_loss = self.rng.choice([OnSessionLoss::Republish, OnSessionLoss::Abort]).unwrap();
        let limits = Limits { version, on_session_loss, ..self.limits };
        if self.mqtt.set_limits(limits) {
            self.limits = limits;
        }
    }

    fn cut(&mut self) {
        self.mqtt.handle_close(self.now);
        self.forget_link();
    }

    fn forget_link(&mut self) {
        self.wire.clear();
        self.answers.clear();
        self.is_accepted = false;
    }

    /// Makes one step of opening a link.
    fn link_up(&mut self) {
        match self.mqtt.state() {
            State::Closing => self.cut(),
            State::Closed => {
                let version = self.rng.choice(Version::ALL).unwrap();
                let name = format!("c{}", self.rng.u8(..));
                let connect = Connect::new(version, &name).clean_start(self.rng.u8(0..4) == 0);
                self.mqtt.open(self.now, &connect).unwrap();
                self.compare();
                self.send();
            }
            State::Connecting => {
                self.send();
                self.compare();
                let present = u8::from(self.rng.bool());
                let connack = match self.mqtt.version() {
                    Version::V31 => vec![0x20, 2, 0, 0],
                    Version::V311 => vec![0x20, 2, present, 0],
                    Version::V5 => vec![0x20, 6, present, 0, 3, 0x22, 0, 2],
                };
                self.hear(&connack);
            }
            State::Connected => self.send(),
        }
    }
}

/// Returns the first byte, the body and the length of the packet at the start of `bytes`.
fn packet(bytes: &[u8]) -> Option<(u8, Vec<u8>, usize)> {
    let (&first, rest) = bytes.split_first()?;
    let (mut remaining, mut header) = (0, 1);
    for (place, byte) in rest.iter().take(4).enumerate() {
        remaining |= usize::from(byte & 0x7F) << (7 * place);
        header += 1;
        if byte & 0x80 == 0 {
            let body = bytes.get(header..header + remaining)?;
            return Some((first, body.to_vec(), header + remaining));
        }
    }
    None
}
