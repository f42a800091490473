//! Recordings: a replay returns and sends the same, whatever was done; secrets stay out; a damaged trace says where.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use crate::common::broker::{Broker, Config, LinkId};
use crate::common::clock::{Clock, given_seed, with_seeds};
use pure_mqtt::storage::{Borrowed, Buffers, ReceiveSlot, SendSlot};
use pure_mqtt::{
    Ack, Auth, Connect, Disconnect, Event, Fixed, Handle, Heap, Instant, Limits, OnSessionLoss, Overflow, PendingAck,
    Property, Publish, QoS, ReasonCode, Received, RetainHandling, State, Storage, Subscribe, Subscription, TopicFilter,
    TopicName, Unsubscribe, Version, Will,
};
use pure_mqtt_trace::{Call, Progress, ReplayError, Trace, TraceError, TraceFault};
use pure_mqtt_trace::{Recorder, Redact};

const SECRET: &str = "swordfish";
/// Longer than a string may be.
static LONG: &str = {
    static BYTES: [u8; 65_536] = [b'x'; 65_536];
    match std::str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => "",
    }
};

/// A host that does this and that, with a recorder instead of a connection.
struct Rig<S: Storage> {
    mqtt: Recorder<S, Vec<u8>>,
    broker: Broker,
    clock: Clock,
    /// What the host believes to be the time: sometimes an earlier one.
    now: Instant,
    link: Option<LinkId>,
    input: Vec<u8>,
    held: Vec<PendingAck>,
    handles: Vec<Handle>,
    rng: fastrand::Rng,
    number: u32,
}

impl<S: Storage> Rig<S> {
    fn new(storage: S, limits: Limits, redact: Redact, seed: u64) -> Self {
        let rng = fastrand::Rng::with_seed(seed);
        let config = Config { auth_rounds: 1, use_aliases: true, receive_maximum: Some(5), ..Config::default() };
        Self {
            mqtt: Recorder::redacting(storage, limits, Vec::new(), redact),
            broker: Broker::new(config),
            clock: Clock::at(rng_start(seed)),
            now: Instant::from_millis(rng_start(seed)),
            link: None,
            input: Vec::new(),
            held: Vec::new(),
            handles: Vec::new(),
            rng,
            number: 0,
        }
    }

    fn run(&mut self, turns: usize) {
        for _ in 0..turns {
            self.turn();
        }
    }

    fn turn(&mut self) {
        let back = if self.rng.u8(0..12) == 0 { self.rng.u64(0..20_000) } else { 0 };
        self.now = Instant::from_millis(self.clock.millis().saturating_sub(back));
        match self.rng.u32(0..100) {
            0..8 if self.mqtt.state() == State::Closed => self.open(),
            0 => self.close(),
            1..6 => self.time_passes(),
            6..8 => self.broker.release_acks(),
            8..24 => self.publish(),
            24..29 => self.request(),
            29..34 => self.acknowledge(),
            34..36 => self.authenticate(),
            36 => {
                let reason = Disconnect::new(ReasonCode::DISCONNECT_WITH_WILL);
                let _ = self.mqtt.disconnect(self.now, &reason);
            }
            37..40 => {
                let handle = self.rng.choice(self.handles.iter().copied()).unwrap_or_default();
                self.mqtt.cancel(handle);
            }
            40..46 => self.serve(),
            46 => self.odd_calls(),
            47..65 => self.write(),
            65..70 => while self.mqtt.poll_outcome().is_some() {},
            _ => self.read(),
        }
        if self.mqtt.should_close() {
            self.close();
        }
    }

    fn open(&mut self) {
        let version = self.rng.choice(Version::ALL).unwrap();
        let mut properties = vec![Property::SessionExpiryInterval(100), Property::UserProperty(("name", "value"))];
        if self.rng.bool() {
            properties.push(Property::AuthenticationMethod("plain"));
            properties.push(Property::AuthenticationData(SECRET.as_bytes()));
        }
        let delay = [Property::WillDelayInterval(3)];
        let will = Will::new(TopicName::new("gone").unwrap(), SECRET.as_bytes()).qos(QoS::AtLeastOnce).retain(true);
        let mut connect = Connect::new(version, "client").clean_start(self.rng.bool()).keep_alive(self.rng.u16(0..40));
        if self.rng.bool() {
            connect = connect.will(will.properties(&delay));
        }
        if self.rng.bool() {
            connect = connect.user_name("me").password(SECRET.as_bytes());
        }
        if self.mqtt.open(self.now, &connect.properties(&properties[..])).is_ok() {
            self.link = Some(self.broker.accept());
        }
    }

    fn close(&mut self) {
        if let Some(link) = self.link.take() {
            self.broker.cut(link);
        }
        self.input.clear();
        self.held.clear();
        self.mqtt.handle_close(self.now);
    }

    fn time_passes(&mut self) {
        self.clock.advance(self.rng.u64(0..9_000));
        self.broker.tick(self.clock.millis());
        let _ = self.mqtt.handle_timeout(self.now);
    }

    fn publish(&mut self) {
        self.number += 1;
        let payload = format!("{SECRET} {}{}", self.number, "+".repeat(self.rng.usize(0..9) * 40));
        let topic = self.rng.choice(["up/a", "up/b/longer", "down/a"]).unwrap();
        let odd = Property::UserProperty(("name", if self.rng.bool() { "a\0" } else { LONG }));
        let properties =
            [Property::MessageExpiryInterval(5), odd, Property::ContentType("text"), Property::TopicAlias(1)];
        let start = self.rng.choice([0, 2, 2]).unwrap();
        let count = self.rng.usize(start..=4);
        #[cfg(feature = "bytes")]
        let shared = bytes::Bytes::from(payload.clone());
        #[cfg(feature = "bytes")]
        let mut publish = match self.rng.bool() {
            true => Publish::new(TopicName::new(topic).unwrap(), &shared),
            false => Publish::new(TopicName::new(topic).unwrap(), payload.as_str()),
        };
        #[cfg(not(feature = "bytes"))]
        let mut publish = Publish::new(TopicName::new(topic).unwrap(), payload.as_str());
        publish.correlation_data = self.rng.bool().then_some(b"which");
        let qos = QoS::from_bits(self.rng.u8(0..3)).unwrap();
        let publish = publish.qos(qos).retain(self.rng.bool()).properties(&properties[start..count]);
        let old = self.rng.choice(self.handles.iter().copied()).filter(|_| self.number.is_multiple_of(3));
        let now = self.now;
        let result = match old {
            Some(old) => self.mqtt.replace(now, old, &publish),
            None => self.mqtt.publish(now, &publish),
        };
        self.handles.extend(result.map(|delivery| delivery.handle));
    }

    fn request(&mut self) {
        let now = self.now;
        let filter = |text| TopicFilter::new(text).unwrap();
        let tag = [Property::SubscriptionIdentifier(self.rng.u32(0..9))];
        if self.rng.u8(0..3) > 0 {
            let plain = Subscription::new(filter("down/#"), QoS::ExactlyOnce);
            let odd = Subscription::new(filter("$share/g/x"), QoS::AtMostOnce)
                .no_local(true)
                .retain_as_published(true)
                .retain_handling(RetainHandling::DoNotSend);
            let list = [plain, odd];
            let subscribe = Subscribe::new(&list[..self.rng.usize(0..3)]);
            let _ = self.mqtt.subscribe(now, &subscribe.properties(&tag[..self.rng.usize(0..2)]));
        } else {
            let list = [filter("down/#"), filter("never")];
            let _ = self.mqtt.unsubscribe(now, &Unsubscribe::new(&list[..self.rng.usize(0..3)]));
        }
    }

    fn acknowledge(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let pending = self.held.swap_remove(self.rng.usize(0..self.held.len()));
        let why = [Property::ReasonString("because")];
        let ack = Ack::new(ReasonCode(self.rng.choice([0, 0, 0x10, 0x87, 0x99, 1]).unwrap()));
        let result = self.mqtt.acknowledge(self.now, pending, &ack.properties(&why[..self.rng.usize(0..2)]));
        if let Err(refused) = result {
            self.held.push(refused.pending);
        }
    }

    fn authenticate(&mut self) {
        let list = [Property::AuthenticationMethod("plain"), Property::AuthenticationData(SECRET.as_bytes())];
        let auth = if self.rng.bool() { Auth::re_authenticate(&list[..]) } else { Auth::continue_with(&list[..]) };
        let _ = self.mqtt.authenticate(self.now, &auth);
    }

    /// The broker has something, or loses something.
    fn serve(&mut self) {
        self.number += 1;
        let payload = [SECRET.as_bytes(), &[b' ', self.number as u8 | 0x80]].concat(); // not always UTF-8
        let is_text = (0x01, crate::common::broker::Prop::Byte(1));
        match self.rng.u8(0..40) {
            0 => self.broker.lose_session("client"),
            1 => {
                if let Some(link) = self.link {
                    self.broker.inject(link, &[self.rng.u8(..), self.rng.u8(0..4), self.rng.u8(..)]);
                }
            }
            number => {
                self.broker.publish_with("down/a", &payload, number % 3, false, &[is_text]);
            }
        }
    }

    fn odd_calls(&mut self) {
        match self.rng.u8(0..5) {
            0 => drop(self.mqtt.discard_session()),
            1 => drop(self.mqtt.adopt_session()),
            2 => {
                let limits = Limits { max_inflight: self.rng.u16(0..5), ..self.mqtt.limits() };
                self.mqtt.set_limits(limits);
            }
            3 => self.mqtt.shrink(),
            _ => drop(self.mqtt.handle_input(self.now, &[])),
        }
    }

    /// The transport takes some bytes, in steps.
    fn write(&mut self) {
        let mut room = self.rng.usize(1..400);
        let mut sent = Vec::new();
        let mut transmit = self.mqtt.transmit(self.now);
        while room > 0 && transmit.remaining() > 0 {
            let count = room.min(transmit.chunk().len());
            sent.extend_from_slice(&transmit.chunk()[..count]);
            transmit.advance(count);
            room -= count;
        }
        if let Some(link) = self.link {
            self.broker.input(link, &sent);
        }
    }

    /// Some bytes arrive; the connection takes what it takes.
    fn read(&mut self) {
        if let Some(link) = self.link {
            self.input.extend(self.broker.output(link));
        }
        let mut shown = self.rng.usize(0..=self.input.len());
        while shown > 0 {
            match self.mqtt.handle_input(self.now, &self.input[..shown]) {
                Ok(Received::Packet { consumed, event }) => {
                    if let Some(Event::Message(message)) = event {
                        self.held.extend(message.ack);
                    }
                    self.input.drain(..consumed);
                    shown -= consumed;
                }
                Ok(Received::Partial { .. } | Received::Blocked) => return,
                Err(_) => return self.input.clear(),
            }
        }
    }
}

fn rng_start(seed: u64) -> u64 {
    seed % 3 * 1_000_000
}

fn limits(seed: u64) -> Limits {
    Limits {
        manual_acks: seed.is_multiple_of(2),
        topic_alias_maximum: 3,
        outbound_aliases: 2,
        overflow: [Overflow::Reject, Overflow::DropOldest, Overflow::LatestPerTopic][seed as usize % 3],
        max_queued: [0, 5][seed as usize % 2],
        on_session_loss: if seed % 5 < 2 { OnSessionLoss::Abort } else { OnSessionLoss::Republish },
        check_payload_format: seed % 4 < 2,
        strict: seed.is_multiple_of(7),
        retry_interval: if seed.is_multiple_of(3) { 5_000 } else { 0 },
        inline_max: 1_000,
        ..Limits::DEFAULT
    }
}

/// The replay goes through without a difference, and ends where the recording ended.
fn check<S: Storage>(rig: Rig<S>) -> Vec<u8> {
    let (connection, bytes) = rig.mqtt.into_parts();
    let trace = Trace::read(&bytes).unwrap();
    let mut last = None;
    let result = trace.replay(|_, progress| {
        last = Some(*progress);
    });
    assert_eq!(result, Ok(()), "{}", result.as_ref().unwrap_err());
    let Progress { state, version, pending, is_idle, timer, .. } = last.unwrap();
    assert_eq!(
        (state, version, pending, is_idle, timer),
        (connection.state(), connection.version(), connection.pending(), connection.is_idle(), connection.next_timer())
    );
    bytes
}

#[test]
fn a_replay_returns_and_sends_the_same() {
    let kinds = RefCell::new(BTreeSet::new());
    let messages = Cell::new(0);
    with_seeds(1, 60, |seed| {
        let redact = Redact { passwords: seed.is_multiple_of(2), payloads: seed.is_multiple_of(3) };
        let mut rig = Rig::new(Heap::new(), limits(seed), redact, seed);
        rig.run(600);
        messages.set(messages.get() + rig.mqtt.stats().messages_received);
        let bytes = check(rig);
        kinds.borrow_mut().extend(offsets(&bytes).into_iter().skip(1).map(|offset| bytes[offset]));
        let mut rig = Rig::new(Fixed::<700, 8, 8, 256, 2, 20>::new(), limits(seed), redact, seed);
        rig.run(400);
        check(rig);
    });
    if given_seed().is_none() {
        assert_eq!(kinds.into_inner(), (0x01..=0x16).collect(), "every kind of record was met");
        assert!(messages.get() > 300, "{messages:?}");
    }
}

#[test]
fn storage_that_is_lent_is_replayed_as_it_was() {
    with_seeds(1, 30, |seed| {
        let (mut send, mut receive) = ([SendSlot::default(); 16], [ReceiveSlot::default(); 4]);
        let (mut arena, mut control, mut names) = ([0; 500], [0; 200], [0; 64]);
        let mut aliases = Default::default();
        let buffers = Buffers {
            send: &mut send,
            receive: &mut receive,
            arena: &mut arena,
            control: &mut control,
            aliases_in: (&mut [], &mut []),
            aliases_out: (std::slice::from_mut(&mut aliases), &mut names),
        };
        let mut rig = Rig::new(Borrowed::new(buffers), limits(seed), Redact::ALL, seed);
        rig.run(500);
        check(rig);
    });
}

#[test]
fn secrets_stay_out_and_the_replay_works_without_them() {
    let count = |bytes: &[u8]| bytes.windows(SECRET.len()).filter(|window| *window == SECRET.as_bytes()).count();
    with_seeds(1, 40, |seed| {
        for (redact, is_secret) in [(Redact::NOTHING, false), (Redact::ALL, true)] {
            let mut rig = Rig::new(Heap::new(), limits(seed), redact, seed);
            rig.run(400);
            let trace = check(rig);
            assert_eq!(count(&trace) == 0, is_secret, "{redact:?}");
            assert_eq!(Trace::read(&trace).unwrap().redact(), redact);
        }
    });
    // Each kind alone.
    let passwords = Redact { passwords: true, payloads: false };
    let payloads = Redact { passwords: false, payloads: true };
    for (redact, password, payload) in [(passwords, false, true), (payloads, true, false)] {
        let mut rig = Rig::new(Heap::new(), Limits::DEFAULT, redact, 1);
        let will = Will::new(TopicName::new("t").unwrap(), b"the will");
        let connect = Connect::new(Version::V311, "c").will(will).user_name("me").password(b"the key");
        rig.mqtt.open(rig.clock.now(), &connect).unwrap();
        rig.write();
        let trace = check(rig);
        let has = |text: &[u8]| trace.windows(text.len()).any(|window| window == text);
        assert_eq!((has(b"the key"), has(b"the will")), (password, payload));
    }
}

/// A recording of a short conversation.
fn recording() -> Vec<u8> {
    let mut rig = Rig::new(Heap::new(), limits(2), Redact::NOTHING, 2);
    rig.run(150);
    check(rig)
}

/// Where each record begins.
fn offsets(bytes: &[u8]) -> Vec<usize> {
    let entries = Trace::read(bytes).unwrap();
    [0, 5].into_iter().chain(entries.entries().map(|entry| entry.unwrap().offset)).collect()
}

#[test]
fn a_damaged_byte_is_found_in_its_record() {
    let bytes = recording();
    let offsets = offsets(&bytes);
    let mut rng = fastrand::Rng::with_seed(1);
    for position in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[position] ^= 1 << rng.u8(0..8);
        let result = Trace::read(&damaged).and_then(|trace| trace.entries().find_map(Result::err).map_or(Ok(()), Err));
        let error = result.expect_err("it is damaged");
        let expected = *offsets.iter().rev().find(|offset| **offset <= position).unwrap();
        assert_eq!(error.offset, expected, "byte {position}: {error}");
        let replayed = Trace::read(&damaged).map_err(ReplayError::from).and_then(|trace| trace.replay(|_, _| {}));
        assert_eq!(replayed, Err(ReplayError::Trace(error)));
    }
}

#[test]
fn a_recording_that_was_cut_off_can_be_read_up_to_there() {
    let bytes = recording();
    let offsets = offsets(&bytes);
    for length in 0..bytes.len() {
        let cut = &bytes[..length];
        let whole = offsets.iter().skip(2).filter(|offset| **offset <= length).count().saturating_sub(1);
        match Trace::read(cut) {
            Err(error) if length < 4 => assert_eq!(error.fault, TraceFault::NotATrace),
            Err(error) => assert_eq!((error.fault, length < offsets[2]), (TraceFault::Truncated, true)),
            Ok(trace) => {
                let mut seen = 0;
                let result = trace.replay(|_, _| seen += 1);
                let is_at_border = offsets.contains(&length);
                assert_eq!(seen, whole, "{length}");
                if is_at_border {
                    assert_eq!(result, Ok(()));
                } else {
                    let offset = *offsets.iter().rev().find(|offset| **offset <= length).unwrap();
                    let error = TraceError { offset, fault: TraceFault::Truncated };
                    assert_eq!(result, Err(ReplayError::Trace(error)));
                }
            }
        }
    }
}

/// The check value, bit by bit.
fn crc(bytes: &[u8]) -> u16 {
    let mut value = 0xFFFF_u16;
    for byte in bytes {
        value ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            value = if value & 0x8000 != 0 { value << 1 ^ 0x1021 } else { value << 1 };
        }
    }
    value
}

/// Changes a byte of a record and makes its check value fit.
fn forge(bytes: &mut [u8], (start, end): (usize, usize), position: usize, value: u8) {
    bytes[position] = value;
    let check = crc(&bytes[start..end - 2]);
    bytes[end - 2..end].copy_from_slice(&check.to_be_bytes());
}

#[test]
fn a_difference_is_named() {
    let bytes = recording();
    let trace = Trace::read(&bytes).unwrap();
    let entries: Vec<_> = trace.entries().map(Result::unwrap).collect();
    let (mut outputs, mut answers) = (0, 0);
    for pair in entries.windows(2) {
        let span = (pair[0].offset, pair[1].offset);
        let mut forged = bytes.clone();
        if let Call::Output(output) = pair[0].call {
            let first = span.0 + if output.len() < 128 { 2 } else { 3 };
            forge(&mut forged, span, first + output.len() - 1, !output[output.len() - 1]);
            let expected = ReplayError::Output { offset: span.0, position: output.len() - 1 };
            assert_eq!(Trace::read(&forged).unwrap().replay(|_, _| {}), Err(expected));
            outputs += 1;
        } else if matches!(pair[0].call, Call::Publish { .. }) && !pair[0].answer.is_error() {
            forge(&mut forged, span, span.1 - 3, bytes[span.1 - 3] ^ 1);
            let result = Trace::read(&forged).unwrap().replay(|_, _| {});
            assert!(matches!(result, Err(ReplayError::Answer(difference)) if difference.offset == span.0));
            answers += 1;
        }
    }
    assert!(outputs > 5 && answers > 3, "{outputs} {answers}");
}

/// A record of output that is there once more: the replay has nothing left that it could send.
#[test]
fn more_output_than_there_is_is_a_difference() {
    let mut bytes = recording();
    let offsets = offsets(&bytes);
    let last =
        Trace::read(&bytes).unwrap().entries().filter_map(Result::ok).fold(None, |last, entry| match entry.call {
            Call::Output(_) => Some(entry.offset),
            _ => last,
        });
    let begin = last.unwrap();
    let end = offsets.iter().copied().find(|offset| *offset > begin).unwrap_or(bytes.len());
    let again = bytes.len();
    bytes.extend_from_within(begin..end);
    let result = Trace::read(&bytes).unwrap().replay(|_, _| {});
    assert_eq!(result, Err(ReplayError::Output { offset: again, position: 0 }));
}

/// Whatever stands in a trace whose check values fit, reading and replaying ends, with or without an error.
#[test]
fn nonsense_that_checks_out_does_no_harm() {
    let bytes = recording();
    let offsets = offsets(&bytes);
    with_seeds(1, 800, |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let index = rng.usize(1..offsets.len() - 1);
        let span = (offsets[index], offsets[index + 1]);
        let mut forged = bytes.clone();
        for _ in 0..rng.usize(1..4) {
            let position = rng.usize(span.0..span.1 - 2);
            let value = if rng.bool() { rng.u8(..) } else { forged[position] ^ 1 << rng.u8(0..8) };
            forge(&mut forged, span, position, value);
        }
        if let Ok(trace) = Trace::read(&forged) {
            let _ = trace.replay(|_, _| {});
        }
    });
}

#[test]
fn what_is_no_trace_is_refused() {
    let fault = |bytes: &[u8]| Trace::read(bytes).map(|_| ()).unwrap_err().fault;
    assert_eq!(fault(b""), TraceFault::NotATrace);
    assert_eq!(fault(b"MQTT\x01"), TraceFault::NotATrace);
    assert_eq!(fault(b"MQTR"), TraceFault::Truncated);
    assert_eq!(fault(b"MQTR\x02"), TraceFault::Format(2));
    assert_eq!(fault(b"MQTR\x01\x07"), TraceFault::UnknownRecord(7));
    for (fault, text) in [
        (TraceFault::NotATrace, "this is not a trace"),
        (TraceFault::Format(2), "the trace has the unknown format 2"),
        (TraceFault::UnknownRecord(7), "the record at byte 9 has the unknown kind 0x07"),
        (TraceFault::Truncated, "the trace ends inside the record at byte 9"),
        (TraceFault::Check, "the record at byte 9 is damaged"),
        (TraceFault::Value, "the record at byte 9 holds a value out of range"),
    ] {
        assert_eq!(TraceError { offset: 9, fault }.to_string(), text);
    }
}

#[test]
fn calls_without_an_effect_leave_no_record() {
    let mut mqtt = Recorder::new(Heap::new(), Limits::DEFAULT, Vec::new());
    let now = Instant::from_millis(1_000);
    let before = mqtt.sink().len();
    for _ in 0..100 {
        let _ = mqtt.handle_timeout(now);
        let _ = mqtt.handle_input(now, &[]);
        let _ = mqtt.transmit(now).remaining();
        while mqtt.poll_outcome().is_some() {}
    }
    assert_eq!(mqtt.sink().len(), before);
    mqtt.handle_close(now);
    mqtt.handle_close(now.after_millis(5));
    let (_, bytes) = mqtt.into_parts();
    let times: Vec<_> = Trace::read(&bytes).unwrap().entries().map(|entry| entry.unwrap().at.as_millis()).collect();
    assert_eq!(times, [1_000, 1_005]);
}

/// A packet that comes byte by byte stands in the trace once, not once for each byte.
#[test]
fn a_long_packet_in_small_pieces_makes_a_short_trace() {
    let mut rig = Rig::new(Heap::new(), Limits::DEFAULT, Redact::NOTHING, 1);
    let now = rig.clock.now();
    rig.mqtt.open(now, &Connect::new(Version::V311, "c")).unwrap();
    while rig.mqtt.transmit(now).remaining() > 0 {
        rig.mqtt.transmit(now).advance(5);
    }
    let _ = rig.mqtt.handle_input(now, b"\x20\x02\x00\x00");
    let mut packet = vec![0x30, 0xE8, 0x07, 0, 1, b't'];
    packet.resize(1_003, 7);
    let before = rig.mqtt.sink().len();
    for length in 1..=packet.len() {
        let _ = rig.mqtt.handle_input(now, &packet[..length]);
    }
    assert!(rig.mqtt.sink().len() - before < 17 * packet.len());
    assert_eq!(rig.mqtt.stats().messages_received, 1);
    check(rig);
}

/// Messages longer than memory, both ways: what the server sent is in the trace, what the application supplied is not.
#[test]
fn messages_in_pieces_are_replayed() {
    for redact in [Redact::NOTHING, Redact::ALL] {
        let limits = Limits { inline_max: 32, stream_max: 10_000, manual_acks: true, ..Limits::DEFAULT };
        let mut rig = Rig::new(Heap::new(), limits, redact, 1);
        let now = rig.clock.now();
        let mqtt = &mut rig.mqtt;
        mqtt.open(now, &Connect::new(Version::V311, "c")).unwrap();
        let length = mqtt.transmit(now).remaining();
        mqtt.transmit(now).advance(length);
        let _ = mqtt.handle_input_streaming(now, b"\x20\x02\x00\x00");
        let mut packet = b"\x34\xE8\x07\0\x01t\0\x07".to_vec();
        packet.extend(b"secret".iter().cycle().take(995));
        let (mut position, mut pending) = (0, None);
        while position < packet.len() {
            let end = packet.len().min(position + 30);
            let Ok(Received::Packet { consumed, event: Some(Event::Fragment(fragment)) }) =
                mqtt.handle_input_streaming(now, &packet[position..end])
            else {
                panic!()
            };
            position += consumed;
            pending = fragment.ack;
        }
        mqtt.acknowledge(now, pending.unwrap(), &pure_mqtt::Ack::SUCCESS).unwrap();
        let topic = TopicName::new("t").unwrap();
        let streamed = Publish::new(topic, pure_mqtt::Payload::Streamed(100)).qos(QoS::AtLeastOnce);
        mqtt.publish(now, &streamed).unwrap();
        let given_up = mqtt.publish(now, &streamed).unwrap().handle;
        assert!(mqtt.abandon(now, given_up));
        let mut transmit = mqtt.transmit(now);
        loop {
            let step =
                transmit.payload_request().map_or(transmit.chunk().len(), |wanted| wanted.remaining.min(30) as usize);
            if step == 0 {
                break;
            }
            transmit.advance(step);
        }
        let trace = check(rig);
        let is_shown = trace.windows(6).any(|window| window == b"secret");
        assert_eq!(is_shown, redact == Redact::NOTHING);
    }
}

/// A rig with a link, at one second.
fn linked() -> Rig<Heap> {
    let mut rig = Rig::new(Heap::new(), Limits::DEFAULT, Redact::NOTHING, 1);
    let at = Instant::from_millis(1_000);
    rig.mqtt.open(at, &Connect::new(Version::V311, "c")).unwrap();
    let length = rig.mqtt.transmit(at).remaining();
    rig.mqtt.transmit(at).advance(length);
    let _ = rig.mqtt.handle_input(at, b"\x20\x02\x00\x00").unwrap();
    rig
}

/// The connection has seen a later time, in a call that left no record, than the next one names.
#[test]
fn a_time_that_only_an_idle_call_told_is_not_forgotten() {
    let late = Instant::from_millis(50_000);
    let early = Instant::from_millis(10_000);
    for fails_between in [false, true] {
        let mut rig = linked();
        assert_eq!(rig.mqtt.transmit(late).remaining(), 0);
        if fails_between {
            assert!(rig.mqtt.subscribe(late.after_millis(5), &Subscribe::new(&[])).is_err()); // and moves no time
        }
        let _ = rig.mqtt.handle_input(early, b"\x30\x03\x00\x01t").unwrap();
        let due = rig.mqtt.poll_timeout().unwrap();
        assert_eq!(due.as_millis(), 61_000, "nothing was sent since the first second");
        let publish = Publish::new(TopicName::new("t").unwrap(), "x");
        rig.mqtt.publish(early, &publish).unwrap();
        let length = rig.mqtt.transmit(early).remaining();
        rig.mqtt.transmit(early).advance(length);
        assert_eq!(rig.mqtt.poll_timeout(), Some(late.after_secs(60)));
        check(rig);
    }
}

#[cfg(feature = "bytes")]
#[test]
fn what_leaves_through_buf_is_in_the_trace() {
    use bytes::Buf;
    let mut rig = linked();
    let now = Instant::from_millis(1_000);
    rig.mqtt.publish(now, &Publish::new(TopicName::new("t").unwrap(), "hello")).unwrap();
    let mut transmit = rig.mqtt.transmit(now);
    assert_eq!(Buf::remaining(&transmit), 10);
    assert_eq!(transmit.copy_to_bytes(10), &b"\x30\x08\x00\x01thello"[..]);
    assert!(!Buf::has_remaining(&transmit));
    assert!(format!("{transmit:?}").starts_with("RecordedTransmit { remaining: 0"));
    assert!(rig.mqtt.is_idle());
    let trace = check(rig);
    let outputs = Trace::read(&trace).unwrap().entries().filter_map(|entry| match entry.unwrap().call {
        Call::Output(bytes) => Some(bytes),
        _ => None,
    });
    assert_eq!(outputs.last(), Some(&b"\x30\x08\x00\x01thello"[..]));
}

/// A refused call changes nothing, and the replay is refused in the same way.
#[test]
fn refused_calls_are_replayed() {
    let mut rig = Rig::new(Heap::new(), Limits::DEFAULT, Redact::NOTHING, 1);
    let now = Instant::from_millis(1_000);
    rig.mqtt.open(now, &Connect::new(Version::V5, "c")).unwrap();
    assert!(rig.mqtt.open(now, &Connect::new(Version::V5, "c")).is_err(), "a link is open");
    let length = rig.mqtt.transmit(now).remaining();
    rig.mqtt.transmit(now).advance(length);
    let _ = rig.mqtt.handle_input(now, b"\x20\x03\x00\x00\x00").unwrap();
    let before = rig.mqtt.sink().len();
    let _ = rig.mqtt.handle_input_streaming(now, &[]);
    assert_eq!(rig.mqtt.sink().len(), before);
    let filters = [Subscription::new(TopicFilter::new("f").unwrap(), QoS::AtMostOnce)];
    for number in [0, 268_435_456] {
        let identifier = [Property::SubscriptionIdentifier(number)];
        assert!(rig.mqtt.subscribe(now, &Subscribe::new(&filters).properties(&identifier[..])).is_err());
    }
    rig.mqtt.publish(now, &Publish::new(TopicName::new("t").unwrap(), "x")).unwrap();
    let length = rig.mqtt.transmit(now).remaining();
    rig.mqtt.transmit(now).advance(length);
    let trace = check(rig);
    let calls: Vec<_> = Trace::read(&trace).unwrap().entries().map(|entry| entry.unwrap().call).collect();
    let opened = calls.iter().filter(|call| matches!(call, Call::Open(_))).count();
    assert_eq!(opened, 2, "a call that can be repeated stands there as it was, refused or not");
}

/// A message that another connection received can't be acknowledged here, and the replay, which has no such message, is refused in the same way.
#[test]
fn an_acknowledgement_of_what_never_came_is_replayed() {
    let limits = Limits { manual_acks: true, ..Limits::DEFAULT };
    let now = Instant::from_millis(1_000);
    let mut other = pure_mqtt::Connection::new(Heap::new(), limits);
    other.open(now, &Connect::new(Version::V311, "c")).unwrap();
    let length = other.transmit(now).remaining();
    other.transmit(now).advance(length);
    assert!(other.handle_input(now, b"\x20\x02\0\0").is_ok());
    let received = other.handle_input(now, b"\x32\x05\0\x01t\0\x07").unwrap();
    let Received::Packet { event: Some(Event::Message(message)), .. } = received else { panic!() };
    let mut rig = linked();
    let refused = rig.mqtt.acknowledge(now, message.ack.unwrap(), &Ack::SUCCESS).unwrap_err();
    assert_eq!(refused.error, pure_mqtt::RequestError::Stale);
    check(rig);
}

/// The last piece of a repeated message waits until its first PUBREC has left: the record shows the pieces, and what was not taken.
#[test]
fn a_piece_that_waits_is_replayed() {
    let limits = Limits { inline_max: 32, stream_max: 100, ..Limits::DEFAULT };
    let mut rig = Rig::new(Heap::new(), limits, Redact::NOTHING, 1);
    let now = Instant::from_millis(1_000);
    let mqtt = &mut rig.mqtt;
    mqtt.open(now, &Connect::new(Version::V311, "c")).unwrap();
    let length = mqtt.transmit(now).remaining();
    mqtt.transmit(now).advance(length);
    let _ = mqtt.handle_input_streaming(now, b"\x20\x02\x00\x00");
    let mut packet = b"\x34\x2D\0\x01t\0\x07".to_vec();
    packet.resize(47, b'x');
    let mut take = |from: usize, to: usize| match mqtt.handle_input_streaming(now, &packet[from..to]) {
        Ok(Received::Packet { consumed, .. }) => Some(consumed),
        Ok(Received::Blocked) => None,
        other => panic!("{other:?}"),
    };
    assert_eq!((take(0, 30), take(30, 47)), (Some(30), Some(17)));
    assert_eq!((take(0, 30), take(30, 47)), (Some(30), None), "PUBREC has not left");
    assert_eq!(take(30, 40), Some(10), "a piece that is not the last one is taken");
    let length = mqtt.transmit(now).remaining();
    assert_eq!(length, 4);
    mqtt.transmit(now).advance(length);
    let mut take = |from: usize, to: usize| mqtt.handle_input_streaming(now, &packet[from..to]);
    assert!(matches!(take(40, 47), Ok(Received::Packet { consumed: 7, event: None })));
    assert!(take(0, 1).is_ok_and(|received| matches!(received, Received::Partial { .. })));
    check(rig);
}

/// A sink that is lent gets the trace too, which says who wrote it.
#[test]
fn a_trace_goes_to_a_sink_that_is_lent_and_names_its_engine() {
    let mut sink = Vec::new();
    let mut mqtt = Recorder::new(Heap::new(), Limits::DEFAULT, &mut sink);
    mqtt.open(Instant::from_millis(1), &Connect::new(Version::V311, "c")).unwrap();
    drop(mqtt);
    let trace = Trace::read(&sink).unwrap();
    assert_eq!(trace.engine(), env!("CARGO_PKG_VERSION"));
    assert_eq!((trace.limits(), trace.entries().count()), (Limits::DEFAULT, 1));
}

/// Every argument comes back as it was, whether it makes a difference to the engine or not.
#[test]
fn arguments_come_back_as_they_were() {
    let now = Instant::from_millis(1_000);
    let text = |text| TopicFilter::new(text).unwrap();
    let (topic, user) = (TopicName::new("a/b").unwrap(), [Property::UserProperty(("k", "v"))]);
    let lasting = [Property::SessionExpiryInterval(9), Property::UserProperty(("k", "v"))];
    let will = |qos, retain| Will::new(topic, b"gone").qos(qos).retain(retain).properties(&user[..]);
    let connects = [
        Connect::new(Version::V5, "c").clean_start(false).keep_alive(7).properties(&lasting[..]),
        Connect::new(Version::V5, "").will(will(QoS::ExactlyOnce, false)).user_name("u"),
        Connect::new(Version::V311, "c").will(Will::new(topic, b"").qos(QoS::AtLeastOnce).retain(true)).bridge(true),
        Connect::new(Version::V31, "c").keep_alive(0).user_name("").password(b"p"),
    ];
    let publishes = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce].into_iter().flat_map(|qos| {
        let publish = Publish::new(topic, b"x").qos(qos);
        let mut with_data = publish;
        with_data.correlation_data = Some(b"reply");
        [publish, publish.retain(true), publish.properties(&user[..]), with_data]
    });
    let publishes: Vec<_> = publishes.collect();
    let handlings = [RetainHandling::Send, RetainHandling::SendIfNew, RetainHandling::DoNotSend];
    let subscriptions: Vec<_> = (0..12_u8)
        .map(|number| {
            Subscription::new(text("f/#"), QoS::from_bits(number % 3).unwrap())
                .no_local(number & 4 != 0)
                .retain_as_published(number & 8 != 0)
                .retain_handling(handlings[usize::from(number / 4)])
        })
        .collect();
    let filters = [text("f/#"), text("$share/g/+")];
    let auth = Auth::re_authenticate(&user[..]);
    let disconnect = Disconnect::new(ReasonCode::DISCONNECT_WITH_WILL).properties(&user[..]);

    let mut mqtt = Recorder::new(Heap::new(), Limits::DEFAULT, Vec::new());
    for connect in &connects {
        mqtt.open(now, connect).unwrap();
        mqtt.handle_close(now);
    }
    for publish in &publishes {
        mqtt.publish(now, publish).unwrap();
    }
    let _ = mqtt.subscribe(now, &Subscribe::new(&subscriptions).properties(&user[..]));
    let _ = mqtt.unsubscribe(now, &Unsubscribe::new(&filters));
    let _ = mqtt.authenticate(now, &auth);
    let _ = mqtt.disconnect(now, &disconnect);

    let trace = mqtt.into_parts().1;
    let calls = Trace::read(&trace).unwrap().entries().map(|entry| entry.unwrap().call);
    let opened = connects.iter().flat_map(|connect| [Call::Open(*connect), Call::Closed]);
    let published = publishes.iter().map(|publish| Call::Publish { publish: *publish, is_shared: false, old: None });
    let rest = [
        Call::Subscribe(subscriptions.clone(), (&user[..]).into()),
        Call::Unsubscribe(filters.to_vec(), [][..].into()),
        Call::Authenticate(auth),
        Call::Disconnect(disconnect),
    ];
    let expected: Vec<_> = opened.chain(published).chain(rest).collect();
    assert_eq!(calls.collect::<Vec<_>>(), expected);
}
