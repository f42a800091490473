//! Whole conversations between a small client and a server, in messages longer than the client.

use crate::common::broker::Config;
use crate::common::clock::with_seeds;
use crate::common::pair::{Fate, Pair, Start, Wire};
use pure_mqtt::{
    Fixed, Limits, OnSessionLoss, Overflow, Payload, Publish, PublishError, QoS, Storage, TopicName, Version,
};

type Small = Fixed<64, 4, 8, 64>;

const LENGTH: u32 = 5_000;
const LIMITS: Limits = Limits { inline_max: 64, stream_max: 10_000, ..Limits::DEFAULT };

fn payload() -> Vec<u8> {
    (0..LENGTH).map(|place| (place % 251) as u8).collect()
}

fn pair(limits: Limits, wire: Wire) -> Pair<Small> {
    Pair::with(Small::new(), limits, Config::default()).wired(wire)
}

fn publish<S: Storage>(pair: &mut Pair<S>, qos: QoS) {
    let publish = Publish::new(TopicName::new("up").unwrap(), Payload::Streamed(LENGTH)).qos(qos);
    pair.try_publish(&publish).unwrap();
}

fn released<S: Storage>(pair: &Pair<S>) -> usize {
    assert!(pair.broker.released().iter().all(|message| message.payload == payload()), "a payload is damaged");
    pair.broker.released().len()
}

fn arrived<S: Storage>(pair: &Pair<S>) -> usize {
    assert!(pair.arrived().iter().all(|message| message.payload == payload()), "a payload is damaged");
    pair.arrived().len()
}

#[test]
fn long_messages_cross_both_ways() {
    for version in Version::ALL {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            for wire in [Wire::default(), Wire { latency: 200, ..Wire::byte_by_byte() }] {
                let mut pair = pair(LIMITS, wire).up(version);
                pair.subscribe("down", qos);
                pair.drive();
                publish(&mut pair, qos);
                pair.broker.publish("down", &payload(), qos.bits(), false);
                pair.drive();
                assert_eq!((released(&pair), arrived(&pair)), (1, 1), "{version:?} {qos:?}");
                pair.assert_idle();
            }
        }
    }
}

/// Cut anywhere, with whatever was on the way lost or not: at QoS 2 once, at QoS 1 at least once.
#[test]
fn long_messages_survive_cuts() {
    with_seeds(1, 60, |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let version = rng.choice(Version::ALL).unwrap();
        let qos = rng.choice([QoS::AtLeastOnce, QoS::ExactlyOnce]).unwrap();
        let limits = Limits { manual_acks: rng.bool(), ..LIMITS };
        let wire = Wire { max_write: rng.usize(1..300), max_read: rng.usize(1..300), ..Wire::default() };
        let mut pair = pair(limits, wire).seeded(seed).up(version);
        pair.subscribe("down", qos);
        pair.drive();
        publish(&mut pair, qos);
        pair.broker.publish("down", &payload(), qos.bits(), false);
        for _ in 0..rng.u8(1..5) {
            for _ in 0..rng.u16(0..120) {
                pair.step();
            }
            let mut fate = || if rng.bool() { Fate::Lost } else { Fate::First(rng.usize(0..2_000)) };
            pair.cut_with(fate(), fate());
            pair.connect(version, Start::Resume);
        }
        for _ in 0..3 {
            pair.drive();
            // Stale at QoS 1 after a cut: then it has come again.
            std::mem::take(&mut pair.held).into_iter().for_each(|pending| drop(pair.acknowledge(pending)));
        }
        let exactly = qos == QoS::ExactlyOnce;
        assert!(if exactly { released(&pair) == 1 } else { released(&pair) >= 1 }, "{}", released(&pair));
        assert!(if exactly { arrived(&pair) == 1 } else { arrived(&pair) >= 1 }, "{}", arrived(&pair));
        pair.assert_idle();
    });
}

#[test]
fn a_long_message_is_sent_again_in_a_new_session() {
    for policy in [OnSessionLoss::Republish, OnSessionLoss::Abort] {
        let limits = Limits { on_session_loss: policy, ..LIMITS };
        let mut pair = pair(limits, Wire { max_write: 100, ..Wire::default() }).up(Version::V5);
        publish(&mut pair, QoS::ExactlyOnce);
        for _ in 0..10 {
            pair.write();
        }
        pair.cut();
        pair.broker.lose_session(crate::common::pair::CLIENT);
        pair.reconnect(Start::Resume);
        assert_eq!(released(&pair), usize::from(policy == OnSessionLoss::Republish));
        pair.assert_idle();
    }
}

/// What waits behind a long message is only as long as its head, so the queue's policies count it as such.
#[test]
fn the_queue_counts_heads() {
    let limits = Limits { max_queued: 2, overflow: Overflow::Reject, ..LIMITS };
    let mut pair = pair(limits, Wire::default());
    publish(&mut pair, QoS::AtLeastOnce);
    publish(&mut pair, QoS::ExactlyOnce);
    let third = Publish::new(TopicName::new("up").unwrap(), Payload::Streamed(LENGTH)).qos(QoS::AtLeastOnce);
    assert_eq!(pair.try_publish(&third).map(|_| ()), Err(PublishError::Full));
    let mut pair = pair.up(Version::V311);
    pair.drive();
    assert_eq!(released(&pair), 2);
    pair.assert_idle();
}
