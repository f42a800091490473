//! Random commands, cuts, lost sessions and restarts, in every version and storage; in the end everything must have come right.

use crate::common::broker::Config;
use crate::common::clock::with_seeds;
use crate::common::pair::{CLIENT, Fate, Pair, Seen, Start, Wire, text};
use pure_mqtt::wire::Violation;
use pure_mqtt::{
    Cause, ConnectionError, Fixed, Handle, Heap, Limits, OnSessionLoss, Overflow, Publish, QoS, SessionState, State,
    Storage, TopicName, Version,
};
use std::collections::{BTreeMap, BTreeSet};

const LEVELS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// What the test knows of a message that the client accepted.
struct Sent {
    payload: String,
    qos: QoS,
    id: Option<u16>,
    /// The session was lost while it was not finished.
    survived_loss: bool,
    end: Option<End>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Done,
    Rejected,
    Cancelled,
    Outcome(Cause),
}

/// What the test knows of a message that the broker queued for the client.
struct Queued {
    qos: QoS,
    /// The session it was queued in was lost before it arrived.
    forgiven: bool,
}

struct Soak<S: Storage + Clone> {
    pair: Pair<S>,
    versions: Vec<Version>,
    sent: BTreeMap<Handle, Sent>,
    requests: BTreeMap<Handle, (u16, bool)>,
    queued: BTreeMap<String, Queued>,
    /// How many events and outcomes were looked at.
    looked: (usize, usize),
    victims: Vec<(Handle, Handle, u32)>,
    number: u32,
    must_start_clean: bool,
    /// The session is lost, and the client has not heard of it yet.
    is_lost: bool,
    /// The link goes on with a session: a server need not count the QoS 2 messages that it has released already, so it may send more
    /// than a small table takes.
    is_resumed: bool,
    /// The broker refused messages for a while; if such an answer got lost, a message comes again and is taken late.
    refused: bool,
    /// The session of the link ends with it: a clean one, before 5.0.
    is_fragile: bool,
    loses_sessions: bool,
}

impl<S: Storage + Clone> Soak<S> {
    fn new(storage: S, seed: u64, versions: &[Version], loses_sessions: bool) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let policies = [Overflow::Reject, Overflow::Reject, Overflow::DropOldest, Overflow::LatestPerTopic];
        let overflow = rng.choice(policies).unwrap();
        let limits = Limits {
            version: versions[0],
            max_inflight: rng.choice([0, 1, 2, 3, 20]).unwrap(),
            max_queued: rng.choice([0, 0, 5, 12]).unwrap(),
            manual_acks: rng.bool(),
            topic_alias_maximum: rng.choice([0, 2]).unwrap(),
            outbound_aliases: rng.choice([0, 2]).unwrap(),
            on_session_loss: if rng.bool() { OnSessionLoss::Republish } else { OnSessionLoss::Abort },
            overflow,
            ..Limits::DEFAULT
        };
        let config = Config {
            receive_maximum: rng.choice([None, Some(1), Some(3), Some(10)]).unwrap(),
            use_aliases: rng.bool(),
            hold_acks: rng.u8(0..4) == 0,
            ..Config::default()
        };
        let wire = Wire {
            max_write: rng.choice([1, 7, 50, 4096]).unwrap(),
            max_read: rng.choice([1, 7, 50, 4096]).unwrap(),
            latency: rng.choice([0, 1, 30]).unwrap(),
            reads_on: rng.bool(),
            ..Wire::default()
        };
        let mut pair = Pair::with(storage, limits, config).wired(wire);
        pair.rng = rng;
        Self {
            pair,
            versions: versions.to_vec(),
            sent: BTreeMap::new(),
            requests: BTreeMap::new(),
            queued: BTreeMap::new(),
            looked: (0, 0),
            victims: Vec::new(),
            number: 0,
            must_start_clean: false,
            is_lost: false,
            is_resumed: false,
            refused: false,
            is_fragile: false,
            loses_sessions,
        }
    }

    fn run(mut self, turns: usize) {
        for _ in 0..turns {
            self.turn();
            self.look();
        }
        self.finish();
        self.judge();
    }

    fn turn(&mut self) {
        match self.pair.rng.u32(0..100) {
            0..25 => self.publish(),
            25..29 => self.request(),
            29..41 => self.serve(),
            41..47 => self.cut(),
            47..49 => self.lose(),
            49..52 => self.cancel(),
            52..60 => self.acknowledge(),
            60..62 => self.leave(),
            62..65 => self.pair.run_for(500),
            65..67 => self.pair.broker.release_acks(),
            67..69 => self.reconfigure(),
            69 => self.pair.client.shrink(),
            70 => self.pair.client = self.pair.client.clone(),
            71 => self.pair.wire.stalled = self.pair.rng.bool(),
            _ => self.move_on(),
        }
    }

    fn publish(&mut self) {
        let rng = &mut self.pair.rng;
        let qos = rng.choice(LEVELS).unwrap();
        let topic = rng.choice(["up/a", "up/b", "up/a/longer/name/than/the/others"]).unwrap();
        self.number += 1;
        let payload = format!("{}{}", self.number, ".".repeat(rng.usize(0..40)));
        #[cfg(feature = "bytes")] // some of them are long enough to be shared
        let payload = if rng.u8(0..3) == 0 { payload + &"+".repeat(250) } else { payload };
        #[cfg(feature = "bytes")]
        let content = &bytes::Bytes::from(payload.clone());
        #[cfg(not(feature = "bytes"))]
        let content = payload.as_str();
        let message = Publish::new(TopicName::new(topic).unwrap(), content).qos(qos);
        let old = self.open_message().filter(|_| self.number.is_multiple_of(8));
        let delivery = self.unless_refused(|pair| match old {
            Some(old) => pair.client.replace(pair.clock.now(), old, &message),
            None => pair.try_publish(&message),
        });
        let Some(delivery) = delivery else { return };
        let id = delivery.id.map(|id| id.get());
        assert_eq!(id.is_some(), qos != QoS::AtMostOnce);
        self.look();
        self.assert_fresh(id);
        if let Some(old) = old {
            assert!(delivery.dropped.is_some_and(|dropped| dropped.first == old && dropped.count == 1));
            self.sent.get_mut(&old).unwrap().end = Some(End::Cancelled);
        } else if let Some(dropped) = delivery.dropped {
            self.victims.push((dropped.first, dropped.last, dropped.count));
        }
        let news = Sent { payload, qos, id, survived_loss: self.is_lost, end: None };
        assert!(self.sent.insert(delivery.handle, news).is_none(), "a handle came twice");
    }

    /// No command that is not finished has this identifier. With an overflow policy the test can't tell.
    fn assert_fresh(&self, id: Option<u16>) {
        let Some(id) = id.filter(|_| self.victims.is_empty()) else { return };
        let in_use = self.sent.values().any(|sent| sent.end.is_none() && sent.id == Some(id))
            || self.requests.values().any(|(other, ended)| !ended && *other == id);
        let may_drop = self.pair.client.limits().overflow != Overflow::Reject;
        assert!(!in_use || may_drop, "identifier {id} is in use");
    }

    fn request(&mut self) {
        let is_wanted = self.pair.rng.u8(0..4) > 0;
        let requested = self.unless_refused(|pair| match is_wanted {
            true => pair.try_subscribe("down/#", QoS::ExactlyOnce),
            false => pair.try_unsubscribe("down/#"),
        });
        let Some(requested) = requested else { return };
        self.assert_fresh(Some(requested.id.get()));
        assert!(self.requests.insert(requested.handle, (requested.id.get(), false)).is_none());
    }

    /// The broker has a message for the client.
    fn serve(&mut self) {
        let qos = self.pair.rng.choice([QoS::AtLeastOnce, QoS::ExactlyOnce]).unwrap();
        let topic = self.pair.rng.choice(["down/a", "down/b", "down/c"]).unwrap();
        self.number += 1;
        let payload = format!("{}{}", self.number, "-".repeat(self.pair.rng.usize(0..40)));
        let before = self.pair.broker.queued(CLIENT);
        self.pair.broker.publish(topic, payload.as_bytes(), qos.bits(), false);
        if self.pair.broker.queued(CLIENT) > before {
            // The session in which it waits may be about to end.
            self.queued.insert(payload, Queued { qos, forgiven: self.must_start_clean });
        }
    }

    fn cut(&mut self) {
        let fate = |rng: &mut fastrand::Rng| match rng.u8(0..3) {
            0 => Fate::Lost,
            1 => Fate::Arrive,
            _ => Fate::First(rng.usize(0..60)),
        };
        let (up, down) = (fate(&mut self.pair.rng), fate(&mut self.pair.rng));
        if self.pair.client.state() != State::Closed {
            self.pair.cut_with(up, down);
        }
    }

    /// The broker loses the session, or restarts.
    fn lose(&mut self) {
        if self.pair.rng.bool() {
            self.pair.broker.restart();
        } else if self.loses_sessions {
            self.pair.broker.lose_session(CLIENT);
            self.forgive();
        }
    }

    /// The session is lost: what was under way may arrive twice or not at all.
    fn forgive(&mut self) {
        self.look();
        self.is_lost = true;
        self.queued.values_mut().for_each(|queued| queued.forgiven = true);
        self.sent.values_mut().filter(|sent| sent.end.is_none()).for_each(|sent| sent.survived_loss = true);
    }

    /// One of the messages that have not ended, as far as the test knows.
    fn open_message(&mut self) -> Option<Handle> {
        let open: Vec<Handle> = self.sent.iter().filter(|(_, sent)| sent.end.is_none()).map(|(id, _)| *id).collect();
        self.pair.rng.choice(open)
    }

    fn cancel(&mut self) {
        let Some(handle) = self.open_message() else { return };
        if self.pair.client.cancel(handle) {
            self.sent.get_mut(&handle).unwrap().end = Some(End::Cancelled);
        }
    }

    fn acknowledge(&mut self) {
        if self.pair.held.is_empty() {
            return;
        }
        let index = self.pair.rng.usize(0..self.pair.held.len());
        let pending = self.pair.held.swap_remove(index);
        self.unless_refused(|pair| pair.acknowledge(pending));
    }

    /// Gives a command, which must have changed nothing if it fails.
    fn unless_refused<T, E: std::fmt::Debug>(
        &mut self,
        command: impl FnOnce(&mut Pair<S>) -> Result<T, E>,
    ) -> Option<T> {
        self.pair.timeout(); // the time is no secret to the client any more
        let before = self.pair.client.clone();
        match command(&mut self.pair) {
            Ok(value) => Some(value),
            Err(error) => {
                assert!(before == self.pair.client, "{error:?} changed something");
                None
            }
        }
    }

    fn leave(&mut self) {
        let now = self.pair.now();
        self.pair.client.disconnect(now, &Default::default()).unwrap();
    }

    /// Broker and client change their minds about limits for the next link, and the broker about what it refuses.
    fn reconfigure(&mut self) {
        let rng = &mut self.pair.rng;
        let receive_maximum = rng.choice([None, Some(1), Some(2), Some(10)]).unwrap();
        let max_inflight = rng.choice([0, 1, 2, 20]).unwrap();
        let version = rng.choice(self.versions.clone()).unwrap();
        let refuses = self.versions == [Version::V5] && rng.u8(0..4) == 0;
        let config = self.pair.broker.config_mut();
        self.refused |= refuses;
        config.puback_reason = refuses.then_some(0x97);
        config.pubrec_reason = refuses.then_some(0x87);
        if self.pair.client.state() == State::Closed {
            config.receive_maximum = receive_maximum;
            let limits = Limits { max_inflight, version, ..self.pair.client.limits() };
            assert!(self.pair.client.set_limits(limits));
        }
    }

    fn move_on(&mut self) {
        if self.pair.client.state() == State::Closed {
            self.connect(false);
        }
        for _ in 0..self.pair.rng.usize(1..30) {
            self.pair.step();
        }
        if self.pair.rng.u8(0..6) == 0 {
            self.pair.drive();
        }
    }

    fn connect(&mut self, ends: bool) {
        let knows_loss = !self.versions.contains(&Version::V31);
        let wants_clean = !ends && knows_loss && self.loses_sessions && self.pair.rng.u8(0..12) == 0;
        // A lost session that was made anew while CONNACK got lost looks like the old one to every client: that is no fault of ours.
        let looks_resumed = self.is_lost && self.pair.broker.has_session(CLIENT);
        self.must_start_clean |= wants_clean || looks_resumed;
        let start = if self.must_start_clean { Start::Clean } else { Start::Resume };
        if start == Start::Clean || self.is_fragile {
            self.forgive();
        }
        let version = self.pair.rng.choice(self.versions.clone()).unwrap();
        self.is_fragile = start == Start::Clean && version != Version::V5;
        self.pair.connect(version, start);
    }

    /// Looks at what happened since the last time.
    fn look(&mut self) {
        let (events, outcomes) = self.looked;
        let news: Vec<Seen> = self.pair.seen[events..].to_vec();
        self.looked.0 += news.len();
        for seen in news {
            match seen {
                Seen::ConnAck { session, .. } if session != SessionState::Untouched => {
                    (self.must_start_clean, self.is_lost) = (false, false);
                    self.is_resumed = session == SessionState::Resumed;
                }
                Seen::PubAck { handle, reason, .. } | Seen::PubRec { handle, reason, .. } => {
                    self.end(handle, if reason.is_error() { End::Rejected } else { End::Done });
                }
                Seen::PubComp { handle, .. } => self.end(handle, End::Done),
                // A server that holds a session of ours that we never heard of: the documented way on is a clean start.
                Seen::Failed(ConnectionError::Protocol(Violation::UnknownSession)) => self.must_start_clean = true,
                Seen::Failed(error) => self.assert_excused(error),
                Seen::SubAck { handle, .. } | Seen::UnsubAck { handle, .. } => self.end_request(handle),
                _ => {}
            }
        }
        let news = self.pair.outcomes[outcomes..].to_vec();
        self.looked.1 += news.len();
        for outcome in news {
            if self.requests.contains_key(&outcome.handle) {
                self.end_request(outcome.handle);
            } else {
                self.end(outcome.handle, End::Outcome(outcome.cause));
            }
        }
    }

    /// The broker keeps to the standard, so there is nothing to blame it for.
    fn assert_excused(&self, error: ConnectionError) {
        let overruns = ConnectionError::Protocol(Violation::ReceiveMaximumExceeded);
        let may_overrun = self.is_resumed || self.pair.client.version() != Version::V5;
        let is_excused = error == ConnectionError::Disconnected || error == overruns && may_overrun;
        assert!(is_excused, "the link ended with {error:?}");
    }

    fn end(&mut self, handle: Handle, end: End) {
        let sent = self.sent.get_mut(&handle).expect("the end of something that was accepted");
        assert_eq!(sent.end.replace(end), None, "{handle:?} ended twice, now with {end:?}");
    }

    fn end_request(&mut self, handle: Handle) {
        let request = self.requests.get_mut(&handle).expect("the end of a request");
        assert!(!std::mem::replace(&mut request.1, true), "{handle:?} ended twice");
    }

    /// No more trouble: everything that is unfinished gets its chance.
    fn finish(&mut self) {
        self.pair.wire.stalled = false;
        let config = self.pair.broker.config_mut();
        (config.hold_acks, config.puback_reason, config.pubrec_reason) = (false, None, None);
        for _ in 0..30 {
            if self.pair.client.state() == State::Closed {
                self.connect(true);
            }
            self.pair.broker.release_acks();
            self.pair.drive();
            while let Some(pending) = self.pair.held.pop() {
                let _ = self.pair.acknowledge(pending);
            }
            self.pair.drive();
            self.look();
            let is_done = self.pair.client.is_connected() && self.pair.client.is_idle() && self.pair.broker.idle();
            if is_done && self.pair.held.is_empty() {
                return;
            }
        }
        panic!("it never comes to rest; the last failure was {:?}", self.pair.failure());
    }

    fn judge(&mut self) {
        self.pair.assert_idle();
        // An acknowledgement may cross a timed retry, which then looks like something new to the broker.
        let crossings = ["for the first time with DUP 1", "which is not in use"];
        let is_excused = |text: &String| !self.pair.is_well_behaved && crossings.iter().any(|part| text.contains(part));
        let violations: Vec<&String> = self.pair.broker.violations().iter().filter(|text| !is_excused(text)).collect();
        assert!(violations.is_empty(), "{violations:?}");
        let mut released: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, payload) in self.pair.released().into_iter().enumerate() {
            released.entry(payload).or_default().push(index);
        }
        self.judge_sent(&released);
        self.judge_order(&released);
        self.judge_received();
        assert!(self.requests.values().all(|(_, ended)| *ended), "a request has no end");
    }

    fn judge_sent(&self, released: &BTreeMap<String, Vec<usize>>) {
        let mut endless = BTreeSet::new();
        let is_v5 = self.versions.contains(&Version::V5);
        for (handle, sent) in &self.sent {
            let count = released.get(&sent.payload).map_or(0, Vec::len);
            let is_right = match (sent.qos, sent.end) {
                (QoS::AtMostOnce, Some(End::Cancelled)) => count == 0,
                (QoS::AtMostOnce, _) => count <= 1,
                (_, Some(End::Cancelled)) => count == 0 || sent.survived_loss,
                (_, Some(End::Rejected)) => is_v5, // perhaps it was taken the first time, and its acknowledgement got lost
                (_, Some(End::Outcome(Cause::SessionLost))) => sent.survived_loss,
                (QoS::AtLeastOnce, Some(End::Done)) => count >= 1,
                (QoS::ExactlyOnce, Some(End::Done | End::Outcome(Cause::Released))) => {
                    count == 1 || sent.survived_loss && count >= 1
                }
                (_, Some(End::Outcome(_))) => false,
                (_, None) => {
                    endless.insert(*handle);
                    count == 0 || sent.survived_loss
                }
            };
            assert!(is_right, "{:?} of {handle:?} ended with {:?} and was released {count} times", sent.qos, sent.end);
        }
        self.judge_victims(&endless);
    }

    /// The messages without an end are those that the overflow policy named.
    fn judge_victims(&self, endless: &BTreeSet<Handle>) {
        let is_victim = |handle: &Handle| self.victims.iter().any(|(first, last, _)| first <= handle && handle <= last);
        assert!(endless.iter().all(is_victim), "messages without an end: {endless:?}");
        let most: u32 = self.victims.iter().map(|(_, _, count)| *count).sum();
        assert!(endless.len() as u32 <= most, "{} messages without an end, {most} dropped", endless.len());
        if !self.sent.values().any(|sent| sent.qos == QoS::AtMostOnce) {
            assert_eq!(endless.len() as u32, most);
        }
    }

    /// Messages were released for the first time in the order of their handles.
    fn judge_order(&self, released: &BTreeMap<String, Vec<usize>>) {
        for waits in [false, true] {
            let firsts: Vec<usize> = self
                .sent
                .values()
                .filter(|sent| (sent.qos != QoS::AtMostOnce) == waits && sent.end != Some(End::Rejected))
                .filter_map(|sent| released.get(&sent.payload).map(|places| places[0]))
                .collect();
            assert!(self.refused || firsts.is_sorted(), "released out of order: {firsts:?}");
        }
    }

    fn judge_received(&self) {
        let mut arrived: BTreeMap<String, usize> = BTreeMap::new();
        for message in self.pair.arrived() {
            *arrived.entry(text(&message.payload)).or_default() += 1;
        }
        for (payload, queued) in &self.queued {
            let count = arrived.get(payload).copied().unwrap_or(0);
            let is_right = match queued.qos {
                QoS::ExactlyOnce if queued.forgiven => count <= 1,
                QoS::ExactlyOnce => count == 1,
                _ => queued.forgiven || count >= 1,
            };
            assert!(is_right, "{payload} at {:?} arrived {count} times", queued.qos);
        }
    }
}

/// What fits a little of everything.
type Small = Fixed<512, 8, 8, 96, 2, 64>;
/// Tables as small as they get.
type Tiny = Fixed<160, 4, 2, 96>;
/// Before 5.0 a server may send as much as it likes, so the table of what was received should not be small.
type SmallBefore5 = Fixed<512, 8, 32, 96>;
type TinyBefore5 = Fixed<160, 4, 32, 96>;

#[test]
fn on_the_heap() {
    with_seeds(1, 60, |seed| {
        for version in Version::ALL {
            Soak::new(Heap::new(), seed, &[version], version != Version::V31).run(120);
        }
    });
}

#[test]
fn in_small_tables() {
    with_seeds(1000, 60, |seed| {
        Soak::new(SmallBefore5::new(), seed, &[Version::V31], false).run(120);
        Soak::new(SmallBefore5::new(), seed, &[Version::V311], true).run(120);
        Soak::new(Small::new(), seed, &[Version::V5], true).run(120);
    });
}

#[test]
fn in_tiny_tables() {
    with_seeds(2000, 60, |seed| {
        Soak::new(TinyBefore5::new(), seed, &[Version::V31], false).run(80);
        Soak::new(TinyBefore5::new(), seed, &[Version::V311], false).run(80);
        Soak::new(Tiny::new(), seed, &[Version::V5], false).run(80);
    });
}

#[test]
fn in_another_version_on_each_link() {
    with_seeds(3000, 40, |seed| {
        Soak::new(Heap::new(), seed, &Version::ALL, false).run(120);
        Soak::new(SmallBefore5::new(), seed, &[Version::V311, Version::V5], true).run(120);
        Soak::new(TinyBefore5::new(), seed, &[Version::V311, Version::V5], false).run(80);
    });
}

#[test]
fn with_timed_retries() {
    with_seeds(5000, 40, |seed| {
        for version in [Version::V31, Version::V311] {
            let mut soak = Soak::new(SmallBefore5::new(), seed, &[version], false);
            let limits = Limits { retry_interval: 150, ..soak.pair.client.limits() };
            assert!(soak.pair.client.set_limits(limits));
            soak.pair.is_well_behaved = false;
            soak.run(120);
        }
    });
}

/// The same calls give the same results, always.
#[test]
fn twice_the_same() {
    fn story(seed: u64) -> (Vec<Seen>, Vec<u8>, String) {
        let mut soak = Soak::new(Heap::new(), seed, &Version::ALL, false);
        for _ in 0..80 {
            soak.turn();
        }
        let pair = soak.pair;
        (pair.seen.clone(), pair.sent.clone(), pair.transcript())
    }
    with_seeds(4000, 5, |seed| assert_eq!(story(seed), story(seed)));
}
