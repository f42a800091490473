//! A queue that is full, or as long as it can be: commands take no longer for it, and do the same in every storage.

use super::rig::{Durable, Field, QOS0, QOS1, QOS2, V5, V311, count, field as text, packets};
use pure_mqtt::{
    Connection, Fixed, Handle, Heap, Limits, OnSessionLoss, Overflow, Payload, Publish, PublishError, Subscribe,
    Subscription, TopicFilter, TopicName, Version,
};
use std::time::{Duration, Instant};

/// As many as there can be, then one more command: it must not look at all of them. Measured against a hundredth of them, so that it doesn't matter how fast
/// the machine is or whether the compiler optimises.
#[track_caller]
fn costs_the_same(prepare: impl Fn(u32) -> Connection<Heap>, mut command: impl FnMut(&mut Connection<Heap>, u32, u32)) {
    const MANY: u32 = 60_000;
    const TIMES: u32 = 1_000;
    let mut time = |count: u32| {
        let mut best = Duration::MAX;
        for _ in 0..3 {
            let mut mqtt = prepare(count);
            let started = Instant::now();
            for turn in 0..TIMES {
                command(&mut mqtt, count, turn);
            }
            best = best.min(started.elapsed());
        }
        best
    };
    let (few, many) = (time(MANY / 100), time(MANY));
    let ratio = many.as_secs_f64() / few.as_secs_f64();
    println!("{few:?} with {}, {many:?} with {MANY}: {ratio:.1} times", MANY / 100);
    assert!(ratio < 40.0, "a hundred times as many take {ratio:.1} times as long");
}

fn topic(number: u32) -> String {
    format!("plant/line/{number}")
}

/// This many messages wait; the queue has room for so many more.
fn waiting(count: u32, overflow: Overflow, room: u32) -> Connection<Heap> {
    let mut mqtt = Connection::new(Heap::new(), Limits { max_queued: count + room, overflow, ..Limits::DEFAULT });
    for number in 0..count {
        put(&mut mqtt, &topic(number)).unwrap();
    }
    mqtt
}

fn put(mqtt: &mut Connection<Heap>, topic: &str) -> Result<pure_mqtt::Delivery, PublishError> {
    let now = pure_mqtt::Instant::from_millis(0);
    mqtt.publish(now, &Publish::new(TopicName::new(topic).unwrap(), b"x").qos(QOS1))
}

/// A gateway whose uplink is away for a day, and that keeps the newest 60,000 events.
#[test]
fn dropping_the_oldest_does_not_depend_on_how_many_wait() {
    costs_the_same(
        |count| waiting(count, Overflow::DropOldest, 0),
        |mqtt, _, _| assert!(put(mqtt, "new").unwrap().dropped.is_some()),
    );
}

/// The latest reading of each of 60,000 sensors.
#[test]
fn replacing_the_latest_of_a_topic_does_not_depend_on_how_many_wait() {
    costs_the_same(
        |count| waiting(count, Overflow::LatestPerTopic, 0),
        |mqtt, count, turn| {
            let delivery = put(mqtt, &topic(turn * 7_919 % count)).unwrap();
            assert_eq!(delivery.dropped.map(|dropped| dropped.count), Some(1));
        },
    );
}

/// A topic that nothing waits for, while the queue is full: refused, and as quickly.
#[test]
fn refusing_a_topic_that_does_not_wait_does_not_depend_on_how_many_wait() {
    costs_the_same(
        |count| waiting(count, Overflow::LatestPerTopic, 0),
        |mqtt, _, _| assert_eq!(put(mqtt, "new"), Err(PublishError::Full)),
    );
}

/// Jobs that are withdrawn one by one, from anywhere in the queue.
#[test]
fn cancelling_does_not_depend_on_how_many_wait() {
    let handles = std::cell::RefCell::new(Vec::<Handle>::new());
    costs_the_same(
        |count| {
            let mut mqtt = Connection::new(Heap::new(), Limits::DEFAULT);
            let list = (0..count + 1_000).map(|number| put(&mut mqtt, &topic(number)).unwrap().handle).collect();
            *handles.borrow_mut() = list;
            mqtt
        },
        |mqtt, count, turn| {
            let place = (u64::from(turn) * 7_919 % u64::from(count)) as usize;
            mqtt.cancel(handles.borrow()[place]);
        },
    );
}

/// Readings that are replaced by newer ones by their handle.
#[test]
fn replacing_by_handle_does_not_depend_on_how_many_wait() {
    let handles = std::cell::RefCell::new(Vec::<Handle>::new());
    costs_the_same(
        |count| {
            let mut mqtt = Connection::new(Heap::new(), Limits::DEFAULT);
            *handles.borrow_mut() = (0..count).map(|number| put(&mut mqtt, &topic(number)).unwrap().handle).collect();
            mqtt
        },
        |mqtt, count, turn| {
            let place = (u64::from(turn) * 7_919 % u64::from(count)) as usize;
            let old = handles.borrow()[place];
            let now = pure_mqtt::Instant::from_millis(0);
            let publish = Publish::new(TopicName::new("new").unwrap(), b"x").qos(QOS1);
            handles.borrow_mut()[place] = mqtt.replace(now, old, &publish).unwrap().handle;
        },
    );
}

/// 60,000 were in flight when the link was lost, fresh ones come behind them. They can't be dropped, and must not be searched each time.
#[test]
fn messages_that_the_server_may_have_are_passed_over_at_once() {
    for overflow in [Overflow::DropOldest, Overflow::LatestPerTopic] {
        costs_the_same(
            |count| {
                let limits = Limits { max_inflight: 0, max_queued: count + 100, overflow, ..Limits::DEFAULT };
                let mut field = Field::with(V311, limits).accepted();
                for number in 0..count {
                    put(&mut field.mqtt, &topic(number)).unwrap();
                }
                field.sent();
                field.lose();
                for number in 0..100 {
                    put(&mut field.mqtt, &format!("fresh/{number}")).unwrap();
                }
                field.mqtt
            },
            |mqtt, _, turn| {
                let delivery = put(mqtt, &format!("fresh/{}", turn % 100)).unwrap();
                assert_eq!(delivery.dropped.map(|dropped| dropped.count), Some(1));
            },
        );
    }
}

/// The bound is one of bytes, and small messages fill it: making room must not mean moving all others each time.
#[test]
fn a_queue_that_is_full_of_bytes_is_not_moved_for_each_message() {
    costs_the_same(
        |count| {
            let limits = Limits { max_bytes: count * 20, overflow: Overflow::DropOldest, ..Limits::DEFAULT };
            let mut mqtt = Connection::new(Heap::new(), limits);
            while put(&mut mqtt, "t/0123456").unwrap().dropped.is_none() {}
            assert!(mqtt.pending() as u32 > count / 2);
            mqtt
        },
        |mqtt, _, _| assert!(put(mqtt, "t/0123456").unwrap().dropped.is_some()),
    );
}

/// The link is up, and the transport takes nothing: a host looks at what is to be sent after each message, whose window is full or nearly so.
#[test]
fn looking_at_what_is_to_be_sent_does_not_depend_on_how_many_wait() {
    for (window, is_behind) in [(1, false), (20, false), (20, true)] {
        costs_the_same(
            |count| {
                let overflow = Overflow::DropOldest;
                let limits = Limits { max_inflight: window, max_queued: count, overflow, ..Limits::DEFAULT };
                let mut mqtt = Field::with(V311, limits).accepted().mqtt;
                for number in 0..count {
                    let topic = topic(number);
                    let qos = if is_behind && number == 30 { QOS0 } else { QOS1 };
                    let publish = Publish::new(TopicName::new(&topic).unwrap(), b"x").qos(qos);
                    mqtt.publish(pure_mqtt::Instant::from_millis(0), &publish).unwrap();
                }
                mqtt
            },
            |mqtt, _, _| {
                let shown = mqtt.transmit(pure_mqtt::Instant::from_millis(0)).chunk().len();
                assert!(put(mqtt, "new").unwrap().dropped.is_some() && shown > 0);
            },
        );
    }
}

/// Uploads that are given up, from anywhere in the queue.
#[test]
fn abandoning_does_not_depend_on_how_many_wait() {
    costs_the_same(
        |count| waiting(count, Overflow::Reject, 1),
        |mqtt, _, _| {
            let now = pure_mqtt::Instant::from_millis(0);
            let publish = Publish::new(TopicName::new("image").unwrap(), Payload::Streamed(100)).qos(QOS1);
            let handle = mqtt.publish(now, &publish).unwrap().handle;
            assert!(mqtt.abandon(now, handle));
            assert!(mqtt.poll_outcome().is_some());
        },
    );
}

/// 3.1.1 with its timer of retransmission: what was never sent has no part in it.
#[test]
fn a_retransmission_does_not_depend_on_how_many_wait() {
    costs_the_same(
        |count| {
            let mut field = Field::with(V311, Limits { retry_interval: 10, ..Limits::DEFAULT }).accepted();
            for number in 0..count {
                put(&mut field.mqtt, &topic(number)).unwrap();
            }
            assert_eq!(self::count(&field.sent(), 0x32), 20);
            field.mqtt
        },
        |mqtt, _, turn| {
            let now = pure_mqtt::Instant::from_millis(1_000_000 + 10 * u64::from(turn));
            mqtt.handle_timeout(now).unwrap();
            let mut transmit = mqtt.transmit(now);
            while !transmit.chunk().is_empty() {
                transmit.advance(transmit.chunk().len());
            }
        },
    );
}

/// And those that come behind them leave in their order on the next link, with all the others.
#[test]
fn sixty_thousand_messages_are_sent_again_with_fresh_ones_behind() {
    let limits = Limits { max_inflight: 0, ..Limits::DEFAULT };
    let mut field = Field::with(V311, limits).accepted();
    for number in 0..60_000 {
        put(&mut field.mqtt, &topic(number)).unwrap();
    }
    assert_eq!(count(&field.sent(), 0x32), 60_000);
    field.lose();
    for number in 0..100 {
        put(&mut field.mqtt, &format!("fresh/{number}")).unwrap();
    }
    let sent = field.again(true).sent;
    assert_eq!(count(&sent, 0x32), 60_100);
    let last = text("fresh/99");
    assert!(sent.windows(last.len()).rev().take(100).any(|window| window == last));
}

/// One life of a connection with a small queue, drawn from a seed: what came of each command, and what left. Packet identifiers depend on the length of a
/// table and are left out.
struct Life<S: pure_mqtt::Storage> {
    field: Field<S>,
    random: fastrand::Rng,
    told: Vec<String>,
    handles: Vec<Handle>,
    /// Identifier and quality of service of what the server has to answer, in the order in which it came.
    unanswered: Vec<([u8; 2], u8)>,
    sent: Vec<u8>,
    count: u32,
}

impl<S: Durable + Clone> Life<S> {
    fn of(storage: S, seed: u64) -> Vec<String> {
        let mut random = fastrand::Rng::with_seed(seed);
        let version = Version::ALL[random.usize(..3)];
        let limits = Limits {
            max_inflight: random.u16(1..6),
            max_queued: random.u32(5..24),
            retry_interval: if random.bool() { 10 } else { 0 },
            on_session_loss: if random.bool() { OnSessionLoss::Abort } else { OnSessionLoss::Republish },
            overflow: if random.bool() { Overflow::DropOldest } else { Overflow::LatestPerTopic },
            ..Limits::DEFAULT
        };
        let field = Field::new(storage, version, limits);
        let (told, handles, unanswered, sent) = Default::default();
        let mut life = Self { field, random, told, handles, unanswered, sent, count: 0 };
        for _ in 0..300 {
            life.step();
        }
        life.told
    }

    fn step(&mut self) {
        let result = match self.random.u8(..20) {
            0..8 => self.publish(None),
            8 => self.old().map(|old| self.publish(Some(old))).unwrap_or_default(),
            9 => self.old().map(|old| self.field.mqtt.cancel(old).to_string()).unwrap_or_default(),
            10 => self.old().map(|old| self.field.mqtt.abandon(self.field.at(), old).to_string()).unwrap_or_default(),
            11 if self.field.mqtt.is_connected() => self.lose(),
            11 | 12 => self.open(),
            13..15 => self.answer(),
            15 if self.random.u8(..5) == 0 => {
                let filters = [Subscription::new(TopicFilter::new("a/#").unwrap(), QOS1)];
                self.field.mqtt.subscribe(self.field.at(), &Subscribe::new(&filters)).is_ok().to_string()
            }
            15 => format!("{:?}", self.field.tick(7)),
            16 => self.field.shown().len().min(1).to_string(),
            _ => {
                // How long a stretch of packets is, and where PUBREL comes between, depends on the storage.
                let is_part = self.random.bool() && self.sent.is_empty();
                let most = if is_part { self.random.usize(1..4) } else { usize::MAX };
                self.take(most)
            }
        };
        let mut ends = Vec::new();
        while let Some(outcome) = self.field.mqtt.poll_outcome() {
            ends.push((outcome.handle.get(), outcome.cause));
        }
        let mqtt = &self.field.mqtt;
        let counts = (mqtt.pending(), mqtt.last_sent_qos0().get());
        self.told.push(format!("{result} {ends:?} {counts:?}"));
    }

    fn old(&mut self) -> Option<Handle> {
        let back = self.random.usize(..12);
        self.handles.iter().rev().nth(back).copied()
    }

    fn publish(&mut self, old: Option<Handle>) -> String {
        self.count += 1;
        let (topic, payload) = (format!("topic/{}", self.random.u8(..5)), self.count.to_string());
        let payload = match self.random.u8(..10) {
            0 => Payload::Streamed(50),
            _ => Payload::from(payload.as_str()),
        };
        let qos = [QOS0, QOS1, QOS1, QOS2][self.random.usize(..4)];
        let publish = Publish::new(TopicName::new(&topic).unwrap(), payload).qos(qos);
        let now = self.field.at();
        let mut other = self.field.mqtt.clone();
        let oldest = self.handles.iter().find(|handle| other.cancel(**handle)).copied();
        let result = match old {
            None => self.field.mqtt.publish(now, &publish),
            Some(old) => self.field.mqtt.replace(now, old, &publish),
        };
        self.handles.extend(result.as_ref().ok().map(|delivery| delivery.handle));
        let dropped = result.as_ref().ok().and_then(|delivery| delivery.dropped);
        if let Some(dropped) = dropped.filter(|_| old.is_none()) {
            let is_oldest = Some(dropped.first) == oldest;
            assert!(
                is_oldest || self.field.mqtt.limits().overflow == Overflow::LatestPerTopic,
                "{dropped:?} {oldest:?}"
            );
        }
        let result = result.map(|delivery| {
            let dropped = delivery.dropped.map(|dropped| (dropped.first.get(), dropped.last.get(), dropped.count));
            (delivery.handle.get(), dropped)
        });
        format!("{topic} {result:?}")
    }

    fn lose(&mut self) -> String {
        self.field.lose();
        self.unanswered.clear();
        self.sent.clear();
        if self.random.bool() {
            let mut limits = self.field.mqtt.limits();
            limits.overflow = if self.random.bool() { Overflow::DropOldest } else { Overflow::LatestPerTopic };
            self.field.mqtt.set_limits(limits);
        }
        "lost".into()
    }

    fn open(&mut self) -> String {
        if self.field.mqtt.state() == pure_mqtt::State::Closed {
            self.field.open();
            self.field.sent();
            let is_present = self.random.u8(..4) > 0;
            let connack = self.field.connack(is_present, &[]);
            return format!("{:?}", self.field.hear_over(&connack, 0).told);
        }
        String::new()
    }

    fn take(&mut self, most: usize) -> String {
        self.sent.extend(self.field.take(most));
        let whole: Vec<Vec<u8>> = packets(&self.sent).into_iter().map(<[u8]>::to_vec).collect();
        let (mut shown, mut releases) = (Vec::new(), Vec::new());
        for packet in whole {
            if packet.len() < 2 || packet.len() < 2 + usize::from(packet[1]) {
                break; // all of them are short
            }
            self.sent.drain(..packet.len());
            let qos = packet[0] >> 1 & 3;
            match packet[0] >> 4 {
                3 => {
                    let id = 4 + usize::from(packet[3]);
                    let (topic, rest) = packet[4..].split_at(usize::from(packet[3]));
                    let payload = if qos == 0 { rest } else { &rest[2..] };
                    shown.push(format!("{:x} {topic:?} {payload:?}", packet[0]));
                    if qos > 0 {
                        self.unanswered.push(([packet[id], packet[id + 1]], qos));
                    }
                }
                6 => releases.push(([packet[2], packet[3]], 3)),
                8 => self.unanswered.push(([packet[2], packet[3]], 4)),
                _ => {}
            }
            shown.push(format!("{:x}", packet[0]));
        }
        shown.sort_by_key(|packet| packet == "62");
        self.unanswered.extend(releases);
        format!("{shown:?}")
    }

    fn answer(&mut self) -> String {
        if self.unanswered.is_empty() {
            return String::new();
        }
        let sent = self.take(usize::MAX); // which of those that wait are shown already depends on the storage, and an answer to one of them waits
        let (id, kind) = self.unanswered.remove(self.random.usize(..self.unanswered.len()));
        let is_v5 = self.field.version == V5;
        let packet = match kind {
            4 if is_v5 => vec![0x90, 4, id[0], id[1], 0, 1],
            4 => vec![0x90, 3, id[0], id[1], 1],
            _ => vec![[0, 0x40, 0x50, 0x70][usize::from(kind)], 2, id[0], id[1]],
        };
        let heard = self.field.hear_over(&packet, 0);
        format!("{sent} {:?} {:?}", heard.told.first().map(|told| told.split(' ').next().map(str::to_owned)), heard.end)
    }
}

/// The heap finds the message to a topic by an index; a fixed storage looks at all each time. Both do the same, and what is dropped as the oldest is the first
/// that could be cancelled.
#[test]
fn the_heap_drops_what_a_storage_without_an_index_drops() {
    let first = std::env::var("PURE_MQTT_SEED").ok().map(|seed| seed.parse().unwrap());
    for seed in first.map_or(0..150, |seed| seed..seed + 1) {
        let heap = Life::of(Heap::new(), seed);
        let fixed = Life::of(Fixed::<8192, 64, 4>::new(), seed);
        for (step, (heap, fixed)) in heap.iter().zip(&fixed).enumerate() {
            assert_eq!(heap, fixed, "PURE_MQTT_SEED={seed}, step {step}");
        }
    }
}

/// Waiting messages are found by a fingerprint of their topic (FNV-1a): topics that have the same one are different topics all the same.
#[test]
fn topics_with_the_same_fingerprint_do_not_replace_each_other() {
    let fingerprint = |text: &str| {
        text.bytes().fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    };
    for (one, other) in [("liquid", "costarring"), ("declinate", "macallums"), ("altarage", "zinke")] {
        assert_eq!(fingerprint(one), fingerprint(other));
        let mut mqtt = waiting(0, Overflow::LatestPerTopic, 1);
        let first = put(&mut mqtt, one).unwrap().handle;
        assert_eq!(put(&mut mqtt, other), Err(PublishError::Full));
        assert_eq!(put(&mut mqtt, one).unwrap().dropped.map(|dropped| dropped.first), Some(first));
    }
}

/// A message that was out is new again with the session: the next one to its topic takes its place, if it still waits then.
#[test]
fn a_message_that_is_new_again_is_replaced_by_the_next_to_its_topic() {
    for version in Version::ALL {
        for is_present in [false, true] {
            let limits =
                Limits { max_inflight: 1, max_queued: 2, overflow: Overflow::LatestPerTopic, ..Limits::DEFAULT };
            let mut field = Field::up(version, limits);
            let first = field.publish("a", b"1", QOS1).handle;
            field.sent();
            let other = field.publish("b", b"1", QOS1).handle;
            let replaced = field.publish("b", b"2", QOS1).dropped.map(|dropped| dropped.first);
            assert_eq!(replaced, Some(other));
            field.lose();
            if !is_present {
                field.clean = true;
            }
            field.open();
            field.sent();
            field.hear_over(&field.connack(is_present, &[]), 0);
            let publish = Publish::new(TopicName::new("a").unwrap(), b"2").qos(QOS1);
            let published = field.mqtt.publish(field.at(), &publish).map(|delivery| delivery.dropped.unwrap().first);
            assert_eq!(published, if is_present { Err(PublishError::Full) } else { Ok(first) }, "{version:?}");
        }
    }
}
