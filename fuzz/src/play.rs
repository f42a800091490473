//! One life of a connection: two twins get the same calls, one with bytes in large pieces and one in small ones, and must never differ.

use std::collections::{BTreeMap, BTreeSet};

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use pure_mqtt::{
    Ack, PublishAck, Cause, Connect, Connection, ConnectionError, Disconnect, Event, Instant, Limits, OnSessionLoss,
    Overflow, PendingAck, Property, Publish, QoS, ReasonCode, Received, State, Storage, Subscribe, Subscription,
    TopicFilter, TopicName, Unsubscribe, Version,
};

use pure_mqtt::wire::{Header, HeaderStep, Rules};

use crate::server::{Announced, Server};

/// What the fuzzer makes up.
#[derive(Arbitrary, Debug)]
pub struct Life {
    pub heap: bool,
    version: u8,
    /// Switches for the limits.
    limits: u16,
    /// How small the small pieces are.
    piece: u8,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug, Clone, Copy)]
enum Step {
    /// Cut what is there, and open anew: CONNECT's switches and CONNACK's.
    Open {
        connect: u8,
        connack: u16,
    },
    Cut,
    Publish {
        what: u8,
        length: u8,
    },
    Subscribe(u8),
    Unsubscribe,
    Cancel(u8),
    Acknowledge {
        which: u8,
        reason: u8,
    },
    Disconnect(u8),
    Forget(bool),
    Shrink,
    /// Time passes, in units of 50 ms.
    Wait(u8),
    /// The transport takes so many bytes for the server.
    Take(u8),
    /// So many bytes from the server arrive.
    Deliver(u8),
    /// Everything that is under way arrives, both ways.
    Flow,
    Say(u8),
    Slow(bool),
    Misbehave {
        kind: u8,
        number: u16,
        at: u16,
    },
    LoseSession,
    Leave,
}

/// Two connections that get the same calls.
struct Twins<S: Storage> {
    large: Connection<S>,
    small: Connection<S>,
    /// Bytes from the server that are not used up, and how many of them were shown.
    input: Vec<u8>,
    shown: usize,
    piece: usize,
    now: Instant,
    server: Server,
    version: Version,
    pending: Vec<(PendingAck, PendingAck)>,
    /// The handles that have no end yet, with the number of the message.
    open: BTreeMap<u64, u32>,
    /// Those that the overflow policy may have dropped.
    perhaps: BTreeSet<u64>,
    handles: Vec<pure_mqtt::Handle>,
    delivered: BTreeMap<u32, usize>,
    numbers: u32,
    /// Acknowledgements that the application gave: those with properties take a slot.
    acknowledged: usize,
    /// Messages that were refused: such a one is new when it comes again.
    refused: usize,
}

/// Gives a command to both; they must agree, and a refusal must change nothing.
macro_rules! command {
    ($twins:ident, |$connection:ident| $call:expr) => {{
        let before = $twins.large.clone();
        let large = {
            let $connection = &mut $twins.large;
            $call
        };
        let small = {
            let $connection = &mut $twins.small;
            $call
        };
        assert_eq!(large, small);
        assert!(large.is_ok() || before == $twins.large, "a refused command changed something");
        large
    }};
}

/// Plays `life`.
///
/// # Panics
/// When the connection breaks a promise.
pub fn play<S: Storage + Clone>(storage: impl Fn() -> S, life: &Life) {
    let bit = |bit: u16| life.limits >> bit & 1 != 0;
    let limits = Limits {
        manual_acks: bit(0),
        strict: bit(1),
        on_session_loss: if bit(2) { OnSessionLoss::Abort } else { OnSessionLoss::Republish },
        overflow: [Overflow::Reject, Overflow::DropOldest, Overflow::LatestPerTopic]
            [usize::from(life.limits >> 3 & 3) % 3],
        refuse_offline_qos0: bit(5),
        max_inflight: if bit(6) { 1 } else { 20 },
        outbound_aliases: if bit(7) { 2 } else { 0 },
        max_queued: if bit(8) { 3 } else { 0 },
        max_bytes: if bit(9) { 100 } else { 0 },
        receive_maximum: if bit(10) { 2 } else { 1024 },
        retry_interval: if bit(11) { 5_000 } else { 0 },
        ack_timeout: if bit(12) { 9_000 } else { 0 },
        pingresp_timeout: if bit(13) { 3_000 } else { 0 },
        version: version(life.version >> 2),
        inline_max: 512,
        ..Limits::DEFAULT
    };
    let mut twins = Twins {
        large: Connection::new(storage(), limits),
        small: Connection::new(storage(), limits),
        input: Vec::new(),
        shown: 0,
        piece: usize::from(life.piece % 16) + 1,
        now: Instant::from_millis(1_000),
        server: Server::default(),
        version: version(life.version),
        pending: Vec::new(),
        open: BTreeMap::new(),
        perhaps: BTreeSet::new(),
        handles: Vec::new(),
        delivered: BTreeMap::new(),
        numbers: 0,
        acknowledged: 0,
        refused: 0,
    };
    for step in life.steps.iter().take(200) {
        twins.step(*step);
        twins.check();
    }
    twins.finish();
}

fn version(number: u8) -> Version {
    Version::ALL[usize::from(number) % 3]
}

impl<S: Storage + Clone> Twins<S> {
    fn step(&mut self, step: Step) {
        match step {
            Step::Open { connect, connack } => {
                self.cut();
                let announced = announced(connack);
                self.open(connect, announced);
            }
            Step::Cut => self.cut(),
            Step::Publish { what, length } => self.publish(what, length),
            Step::Subscribe(what) => self.subscribe(what),
            Step::Unsubscribe => {
                let filters = [TopicFilter::new("a/+").expect("a filter")];
                let request = Unsubscribe::new(&filters);
                if let Ok(requested) = command!(self, |mqtt| mqtt.unsubscribe(self.now, &request)) {
                    self.accepted(requested.handle, 0);
                }
            }
            Step::Cancel(which) => {
                let Some(handle) = self.handles.get(usize::from(which)).copied() else { return };
                let is_cancelled = self.large.cancel(handle);
                assert_eq!(is_cancelled, self.small.cancel(handle));
                if is_cancelled {
                    self.open.remove(&handle.get());
                    self.perhaps.remove(&handle.get());
                }
            }
            Step::Acknowledge { which, reason } => self.acknowledge(which, reason),
            Step::Disconnect(reason) => {
                let reason = ReasonCode([0x00, 0x04, 0x80, 0x8D, 0x93][usize::from(reason) % 5]);
                let _ = command!(self, |mqtt| mqtt.disconnect(self.now, &Disconnect::new(reason)));
            }
            Step::Forget(adopts) => {
                let act = |mqtt: &mut Connection<S>| if adopts { mqtt.adopt_session() } else { mqtt.discard_session() };
                let did = act(&mut self.large);
                assert_eq!(did, act(&mut self.small));
                self.server.lost_session |= did;
            }
            Step::Shrink => {
                self.large.shrink();
                self.small.shrink();
            }
            Step::Wait(units) => {
                self.now = self.now.after_millis(u64::from(units) * 50);
                let now = self.now;
                let large = self.large.handle_timeout(now);
                assert_eq!(large, self.small.handle_timeout(now));
            }
            Step::Take(count) => _ = self.take(count.into()),
            Step::Deliver(count) => _ = self.deliver(count.into()),
            Step::Flow => self.flow(),
            Step::Say(qos) => self.server.say(QoS::from_bits(qos % 3).unwrap_or_default()),
            Step::Slow(is_slow) => {
                self.server.is_slow = is_slow;
                self.server.flush();
            }
            Step::Misbehave { kind, number, at } => self.server.misbehave(kind, number, at),
            Step::LoseSession => self.server.lose_session(),
            Step::Leave => self.server.leave(),
        }
    }

    fn cut(&mut self) {
        self.large.handle_close(self.now);
        self.small.handle_close(self.now);
        self.server.cut();
        self.input.clear();
        self.shown = 0;
    }

    fn open(&mut self, switches: u8, announced: Announced) {
        let bit = |bit: u8| switches >> bit & 1 != 0;
        let version = if bit(7) { version(switches) } else { self.version };
        let list = [Property::SessionExpiryInterval(u32::MAX)];
        let mut connect = Connect::new(version, if bit(1) { "" } else { "me" }).clean_start(bit(0));
        connect = connect.keep_alive([0, 1, 5, 60][usize::from(switches >> 2 & 3)]);
        if !bit(4) {
            connect = connect.properties(&list);
        }
        self.server.announced = announced;
        if command!(self, |mqtt| mqtt.open(self.now, &connect)).is_ok() {
            self.server.open(version);
        }
    }

    fn publish(&mut self, what: u8, length: u8) {
        self.numbers += 1;
        let qos = QoS::from_bits(what % 3).unwrap_or_default();
        let topic = ["a", "a/b", "a/long/one"][usize::from(what >> 2) % 3];
        let expiry = [Property::MessageExpiryInterval(u32::from(length % 4))];
        let payload = [&self.numbers.to_be_bytes()[..], &[b'.'; 255][..length.into()]].concat();
        let mut publish =
            Publish::new(TopicName::new(topic).expect("a topic"), &payload[..]).qos(qos).retain(what & 0x40 != 0);
        if what & 0x80 != 0 {
            publish = publish.properties(&expiry);
        }
        let Ok(delivery) = command!(self, |mqtt| mqtt.publish(self.now, &publish)) else { return };
        if let Some(dropped) = delivery.dropped {
            let range = dropped.first.get()..=dropped.last.get();
            let victims: Vec<_> = self.open.range(range).map(|(handle, _)| *handle).collect();
            self.perhaps.extend(victims);
        }
        if qos == QoS::AtMostOnce {
            self.handles.push(delivery.handle);
        } else {
            self.accepted(delivery.handle, self.numbers);
        }
    }

    fn subscribe(&mut self, what: u8) {
        let filter = ["a/+", "#", "$share/g/a", "b"][usize::from(what) % 4];
        let one =
            Subscription::new(TopicFilter::new(filter).expect("a filter"), QoS::ExactlyOnce).no_local(what & 8 != 0);
        let filters = vec![one; usize::from(what >> 4) % 3];
        let request = Subscribe::new(&filters);
        if let Ok(requested) = command!(self, |mqtt| mqtt.subscribe(self.now, &request)) {
            self.accepted(requested.handle, 0);
        }
    }

    fn accepted(&mut self, handle: pure_mqtt::Handle, number: u32) {
        assert!(self.handles.iter().all(|other| *other < handle), "handles grow");
        self.handles.push(handle);
        self.open.insert(handle.get(), number);
    }

    fn ended(&mut self, handle: pure_mqtt::Handle) -> u32 {
        self.perhaps.remove(&handle.get());
        self.open.remove(&handle.get()).expect("what ends was accepted, and ends once")
    }

    fn acknowledge(&mut self, which: u8, reason: u8) {
        if self.pending.is_empty() {
            return;
        }
        let (large, small) = self.pending.swap_remove(usize::from(which) % self.pending.len());
        let text = [Property::ReasonString("because")];
        let mut ack = Ack::new(ReasonCode([0x00, 0x00, 0x10, 0x87, 0x99, 0x92][usize::from(reason) % 6]));
        if reason & 0x80 != 0 {
            ack = ack.properties(&text);
        }
        self.acknowledged += 1;
        let before = self.large.clone();
        let (large, small) =
            (self.large.acknowledge(self.now, large, &ack), self.small.acknowledge(self.now, small, &ack));
        assert_eq!(large, small);
        self.refused += usize::from(large.is_ok() && ack.reason.is_error());
        if let (Err(large), Err(small)) = (large, small) {
            assert!(before == self.large, "a refused acknowledgement changed something");
            if large.error != pure_mqtt::RequestError::Stale {
                self.pending.push((large.pending, small.pending));
            }
        }
    }

    /// The transport takes `most` bytes. Returns how many it got.
    fn take(&mut self, most: usize) -> usize {
        let (mut large, mut small) = (Vec::new(), Vec::new());
        let mut transmit = self.large.transmit(self.now);
        while large.len() < most && !transmit.chunk().is_empty() {
            let count = transmit.chunk().len().min(most - large.len());
            large.extend(&transmit.chunk()[..count]);
            transmit.advance(count);
        }
        let mut transmit = self.small.transmit(self.now);
        while small.len() < most && !transmit.chunk().is_empty() {
            let count = transmit.chunk().len().min(most - small.len()).min(self.piece);
            small.extend(&transmit.chunk()[..count]);
            transmit.advance(count);
        }
        assert_eq!(large, small, "what leaves depends on how it is taken");
        if self.large.state() != State::Closed {
            self.server.take(&large);
        }
        large.len()
    }

    /// `most` bytes arrive from the server. Returns how many bytes were used up.
    fn deliver(&mut self, most: usize) -> usize {
        let count = most.min(self.server.output.len());
        self.input.extend(self.server.output.drain(..count));
        let input = std::mem::take(&mut self.input);
        let (mut large, mut small) = (Vec::new(), Vec::new());
        let (used, result) = read(&mut self.large, self.now, &input, &mut large);
        let mut end = self.shown;
        let mut start = 0;
        let small_result = loop {
            let (used, result) = read(&mut self.small, self.now, &input[start..end], &mut small);
            start += used;
            if result.is_err() || end == input.len() {
                break result;
            }
            end = (end + self.piece).min(input.len());
        };
        assert_eq!(large, small, "events depend on the pieces that bytes come in");
        if result == Ok(None) {
            self.level(&input[used..]);
        }
        assert_eq!(result, small_result);
        assert_eq!(used, start);
        for (large, small) in large.into_iter().zip(small) {
            self.event(large, small);
        }
        if result.is_ok() {
            self.input = input[used..].to_vec();
        }
        self.shown = self.input.len();
        used
    }

    /// Shows a packet that can't be taken now to both twins in the same pieces: how it came is remembered until it is taken.
    fn level(&mut self, input: &[u8]) {
        let Ok(HeaderStep::Header(header)) = Header::decode(input, Rules::new(self.large.version())) else { return };
        for mqtt in [&mut self.large, &mut self.small] {
            for length in [header.packet_length() - 1, header.packet_length()] {
                let _ = mqtt.handle_input(self.now, &input[..length]);
            }
        }
    }

    fn event(&mut self, large: Event<'_>, small: Event<'_>) {
        match (large, small) {
            (Event::Message(large), Event::Message(small)) => {
                if let Ok(number) = large.payload.try_into().map(u32::from_be_bytes) {
                    *self.delivered.entry(number).or_default() += 1;
                }
                self.pending.extend(large.ack.zip(small.ack));
            }
            (Event::PubAck(ack) | Event::PubComp(ack), _) => self.published(&ack),
            (Event::PubRec(ack), _) => {
                assert!(ack.reason.is_error());
                self.ended(ack.handle);
            }
            (Event::SubAck(answer) | Event::UnsubAck(answer), _) => _ = self.ended(answer.handle),
            _ => {}
        }
    }

    fn published(&mut self, ack: &PublishAck<'_>) {
        let number = self.ended(ack.handle);
        let arrived = self.server.onward.get(&number).copied().unwrap_or(0);
        if !self.server.is_faulty {
            assert!(arrived > 0, "acknowledged, and never arrived");
        }
    }

    /// Everything that is under way arrives.
    fn flow(&mut self) {
        for _ in 0..500 {
            let moved = self.take(usize::MAX) + self.deliver(usize::MAX);
            if moved == 0 {
                return;
            }
        }
        panic!("bytes go back and forth without end");
    }

    fn check(&mut self) {
        loop {
            let outcome = self.large.poll_outcome();
            assert_eq!(outcome, self.small.poll_outcome());
            let Some(outcome) = outcome else { break };
            let number = self.ended(outcome.handle);
            if outcome.cause == Cause::Released && !self.server.is_faulty {
                assert!(self.server.onward.contains_key(&number), "counted as delivered, and never arrived");
            }
        }
        let (mut large, mut small) = (self.large.clone(), self.small.clone());
        if large.state() == State::Closing {
            large.handle_close(self.now); // how much was shown of the packet that ended the link is no matter
            small.handle_close(self.now);
        }
        assert!(large == small, "the twins differ:\n{large:?}\n{small:?}");
        let (large, small) = (&self.large, &self.small);
        assert_eq!(large.should_close(), small.should_close());
        assert_eq!(large.is_idle(), small.is_idle());
        assert!(large.pending() <= self.handles.len() + self.acknowledged);
        self.check_timeout();
    }

    /// `poll_timeout` is neither too early nor too late.
    fn check_timeout(&self) {
        let Some(at) = self.large.poll_timeout() else { return };
        let mut later = self.large.clone();
        if at > self.now {
            assert_eq!(later.handle_timeout(self.now), Ok(()));
            assert!(later == self.large, "something was due before its time");
        }
        let at = at.max(self.now);
        if later.handle_timeout(at).is_ok() {
            let next = later.poll_timeout();
            assert!(next.is_none_or(|next| next > at), "the deadline {at:?} stays: {:?}", later.next_timer());
        }
    }

    /// From now on the server does all it should, and nothing is cut: everything ends.
    fn finish(&mut self) {
        self.server.is_slow = false;
        if self.server.is_faulty {
            self.server.lose_session();
        }
        for attempt in 0..6 {
            self.cut();
            let clean = u8::from(attempt >= 3);
            self.open(clean, Announced::default());
            for _ in 0..20 {
                self.flow();
                self.check();
                while !self.pending.is_empty() {
                    self.acknowledge(0, 0);
                }
            }
            if self.large.is_connected() && self.large.is_idle() && self.server.is_done() {
                break;
            }
        }
        assert!(self.large.is_connected(), "no link: {}", self.large.close_reason());
        assert_eq!(self.large.pending(), 0, "{:?}", self.large);
        assert!(self.large.is_idle(), "{:?}", self.large);
        self.open.retain(|handle, _| !self.perhaps.contains(handle));
        assert!(self.open.is_empty(), "without an end: {:?}", self.open);
        if self.server.is_faulty || self.server.lost_session {
            return;
        }
        assert!(self.server.is_done());
        for (number, qos) in &self.server.finished {
            let count = self.delivered.get(number).copied().unwrap_or(0);
            let may_repeat = *qos == QoS::AtLeastOnce || count <= 1 + self.refused;
            assert!(count == 1 || count > 1 && may_repeat, "{number} at {qos:?} came {count} times");
        }
    }
}

/// Lets a connection have `input`. Returns how much was used up, and whether it waits for something.
fn read<'i, S: Storage>(
    mqtt: &mut Connection<S>,
    now: Instant,
    input: &'i [u8],
    events: &mut Vec<Event<'i>>,
) -> (usize, Result<Option<usize>, ConnectionError>) {
    let mut used = 0;
    loop {
        match mqtt.handle_input(now, &input[used..]) {
            Ok(Received::Packet { consumed, event }) => {
                assert!(consumed > 0);
                used += consumed;
                events.extend(event);
            }
            Ok(Received::Partial { needed }) => {
                assert!(needed > 0);
                return (used, Ok(Some(needed)));
            }
            Ok(Received::Blocked) => return (used, Ok(None)),
            Err(error) => {
                assert_eq!(mqtt.close_reason(), error);
                return (used, Err(error));
            }
        }
    }
}

fn announced(switches: u16) -> Announced {
    let bit = |bit: u16| switches >> bit & 1 != 0;
    Announced {
        receive_maximum: bit(0).then_some(switches >> 8 & 3).filter(|maximum| *maximum > 0),
        maximum_qos: bit(1).then_some((switches >> 10 & 1) as u8),
        no_retain: bit(2),
        maximum_packet_size: bit(3).then_some([2, 5, 20, 60][usize::from(switches >> 11 & 3)]),
        topic_aliases: switches >> 4 & 3,
        keep_alive: bit(6).then_some(switches >> 13),
    }
}
