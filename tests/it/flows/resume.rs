//! What becomes of messages when a link ends and another begins: with the session, or without.

use crate::common::broker::Config;
use crate::common::pair::{CLIENT, Fate, Pair, Seen, Start, Wire};
use pure_mqtt::{
    Cause, Command, Connect, Fixed, Handle, Heap, Limits, OnSessionLoss, Property, QoS, SessionState, Storage, Version,
};

const BOTH: [QoS; 2] = [QoS::AtLeastOnce, QoS::ExactlyOnce];

fn holding() -> Config {
    Config { hold_acks: true, ..Config::default() }
}

#[test]
fn unacknowledged_messages_are_sent_again_in_order_with_dup() {
    // [MQTT-4.4.0-1] [MQTT-4.6.0-1]
    // [MQTT-3.1.2-5] [MQTT-3.2.2-3] [MQTT-4.1.0-1] [MQTT-4.3.2-3] [MQTT-4.3.3-3]
    for version in Version::ALL {
        let mut pair = Pair::with_config(holding()).up(version);
        let handles: Vec<Handle> = (0..6).map(|number| pair.send(&number.to_string(), BOTH[number % 2])).collect();
        pair.drive();
        pair.cut();
        pair.broker.config_mut().hold_acks = false;
        let last = pair.send("new", QoS::AtLeastOnce);
        pair.reconnect(Start::Resume);
        assert_eq!(pair.session(), Some(SessionState::Resumed));
        let lines = pair.lines("PUBLISH");
        let ids: Vec<String> = lines.iter().map(|line| line.split(' ').nth(3).unwrap().to_owned()).collect();
        let expected: Vec<String> = (1..=6).chain(1..=7).map(|id| format!("id={id}")).collect();
        assert_eq!(ids, expected);
        for (index, line) in lines.iter().enumerate() {
            assert_eq!(line.contains(" dup"), (6..12).contains(&index), "{line}");
        }
        let mut ended = pair.acknowledged();
        ended.sort();
        assert_eq!(ended, [handles, vec![last]].concat());
        pair.assert_idle();
    }
}

#[test]
fn within_a_smaller_receive_maximum() {
    let mut pair = Pair::with_config(holding()).up(Version::V5);
    for number in 0..12 {
        pair.send(&number.to_string(), BOTH[number % 2]);
    }
    pair.drive();
    pair.cut();
    pair.broker.config_mut().receive_maximum = Some(2);
    pair.reconnect(Start::Resume);
    assert_eq!(pair.lines("PUBLISH").len(), 12 + 2);
    while pair.broker.held_acks() > 0 {
        pair.broker.release_acks();
        pair.drive(); // the broker watches number, order and DUP
    }
    assert_eq!(pair.acknowledged().len(), 12);
    pair.assert_idle();
}

/// PUBRELs hold units of the new window, more than it has; they leave all the same.
#[test]
fn releases_go_out_whatever_the_window_is() {
    // [MQTT-3.3.4-8]
    let mut pair = Pair::with_config(holding()).up(Version::V5);
    for number in 0..6 {
        pair.send(&number.to_string(), QoS::ExactlyOnce);
    }
    pair.drive();
    pair.broker.config_mut().reverse_held_acks = true;
    pair.broker.release_acks();
    while pair.lines("PUBREL").len() < 3 {
        pair.step();
    }
    pair.cut_with(Fate::Lost, Fate::Arrive);
    pair.broker.config_mut().receive_maximum = Some(1);
    let last = pair.send("new", QoS::AtLeastOnce);
    pair.reconnect(Start::Resume);
    assert_eq!(pair.client.send_quota(), 0);
    while pair.broker.held_acks() > 0 {
        pair.broker.release_acks();
        pair.drive();
    }
    assert_eq!(pair.acknowledged().len(), 7);
    assert_eq!(pair.acknowledged().last(), Some(&last));
    assert_eq!(pair.released().len(), 7);
    pair.assert_idle();
}

#[test]
fn releases_are_sent_again_in_the_order_of_the_pubrecs() {
    for version in Version::ALL {
        let mut pair = Pair::with_config(Config { reverse_held_acks: true, ..holding() }).up(version);
        for number in 0..4 {
            pair.send(&number.to_string(), QoS::ExactlyOnce);
        }
        pair.drive();
        pair.broker.release_acks();
        pair.drive();
        let expected = ["PUBREL id=4", "PUBREL id=3", "PUBREL id=2", "PUBREL id=1"];
        assert_eq!(pair.lines("PUBREL"), expected);
        pair.cut();
        pair.reconnect(Start::Resume);
        assert_eq!(pair.lines("PUBREL")[4..], expected);
        assert_eq!(pair.lines("PUBLISH").len(), 4, "no PUBLISH after its PUBREC");
        pair.broker.release_acks();
        pair.drive();
        assert_eq!(pair.acknowledged().len(), 4);
        pair.assert_idle();
    }
}

/// DUP tells whether a byte of the message ever left, at any number of bytes.
#[test]
fn dup_is_set_if_a_byte_had_left_and_only_then() {
    // [MQTT-3.3.1-1]
    for version in Version::ALL {
        for qos in BOTH {
            for bytes in 0..14 {
                let mut pair = Pair::connected(version);
                pair.send("12345", qos);
                pair.wire = Wire { max_write: 1, dead: true, ..Wire::default() };
                let out = (0..bytes).filter(|_| pair.write()).count();
                pair.cut();
                pair.wire = Wire::default();
                pair.reconnect(Start::Resume);
                let released = pair.broker.released();
                assert_eq!(released.len(), 1);
                assert_eq!(released[0].dup, out > 0, "{version:?} {qos:?}: {out} bytes were out");
                pair.assert_idle();
            }
        }
    }
}

#[test]
fn dup_is_set_byte_by_byte_with_an_alias_too() {
    for bytes in 0..20 {
        let limits = Limits { outbound_aliases: 2, ..Limits::DEFAULT };
        let mut pair = Pair::with_limits(limits).up(Version::V5);
        pair.send("12345", QoS::AtLeastOnce);
        pair.wire = Wire { max_write: 1, dead: true, ..Wire::default() };
        let out = (0..bytes).filter(|_| pair.write()).count();
        pair.cut();
        pair.wire = Wire::default();
        pair.reconnect(Start::Resume);
        assert_eq!(pair.broker.released()[0].dup, out > 0, "{out} bytes were out");
    }
}

#[test]
fn qos_0_is_never_sent_again_and_waits_if_it_was_not_out() {
    for version in Version::ALL {
        let mut pair = Pair::connected(version);
        pair.wire = Wire { max_write: 1, dead: true, ..Wire::default() };
        pair.send("half", QoS::AtMostOnce);
        pair.send("whole", QoS::AtMostOnce);
        pair.write();
        pair.cut();
        pair.wire = Wire::default();
        pair.send("offline", QoS::AtMostOnce);
        pair.reconnect(Start::Resume);
        assert_eq!(pair.released(), ["whole", "offline"]);
        pair.assert_idle();
    }
}

fn lost(version: Version, on_session_loss: OnSessionLoss) -> (Pair, Vec<Handle>) {
    let limits = Limits { on_session_loss, ..Limits::DEFAULT };
    let mut pair = Pair::with(Heap::new(), limits, holding()).up(version);
    let mut handles = vec![pair.send("after pubrec", QoS::ExactlyOnce)];
    pair.drive();
    pair.broker.release_acks();
    pair.drive();
    handles.push(pair.send("one", QoS::AtLeastOnce));
    handles.push(pair.send("two", QoS::ExactlyOnce));
    pair.drive();
    pair.cut();
    handles.push(pair.send("never out", QoS::ExactlyOnce));
    pair.broker.config_mut().hold_acks = false;
    pair.broker.lose_session(CLIENT);
    pair.seen.clear();
    let start = if version == Version::V31 { Start::Clean } else { Start::Resume };
    pair.reconnect(start);
    (pair, handles)
}

#[test]
fn a_lost_session_is_published_again() {
    // [MQTT-3.1.2-6] [MQTT-3.2.2-5]
    for version in Version::ALL {
        let (mut pair, handles) = lost(version, OnSessionLoss::Republish);
        assert_eq!(pair.session(), Some(SessionState::New { republished: 2, aborted: 0, completed: 1 }));
        assert_eq!(pair.causes(), [(handles[0], Command::Publish, Cause::Released)]);
        assert_eq!(pair.released(), ["after pubrec", "one", "two", "one", "two", "never out"]);
        assert!(pair.broker.released().iter().all(|message| !message.dup));
        assert_eq!(pair.acknowledged().len(), 3);
        pair.assert_idle();
    }
}

#[test]
fn a_lost_session_is_given_up() {
    for version in Version::ALL {
        let (mut pair, handles) = lost(version, OnSessionLoss::Abort);
        assert_eq!(pair.session(), Some(SessionState::New { republished: 0, aborted: 2, completed: 1 }));
        let mut causes = pair.causes();
        causes.sort_by_key(|(handle, ..)| *handle);
        assert_eq!(
            causes,
            [
                (handles[0], Command::Publish, Cause::Released),
                (handles[1], Command::Publish, Cause::SessionLost),
                (handles[2], Command::Publish, Cause::SessionLost),
            ]
        );
        assert_eq!(pair.released(), ["after pubrec", "one", "two", "never out"]);
        assert_eq!(pair.acknowledged(), [handles[3]]);
        pair.assert_idle();
    }
}

#[test]
fn a_session_that_expired_here_is_lost() {
    // [MQTT-3.1.2-23]
    let expiry = [Property::SessionExpiryInterval(10)];
    let connect = Connect::new(Version::V5, CLIENT).clean_start(false).properties(&expiry[..]);
    let mut pair = Pair::with_config(holding());
    pair.open(&connect);
    pair.drive();
    pair.send("x", QoS::AtLeastOnce);
    pair.drive();
    pair.cut();
    pair.run_for(9_999);
    pair.open(&connect);
    pair.drive();
    assert_eq!(pair.session(), Some(SessionState::Resumed));
    pair.cut();
    pair.run_for(10_000);
    pair.open(&connect);
    pair.drive();
    assert_eq!(pair.session(), Some(SessionState::New { republished: 1, aborted: 0, completed: 0 }));
}

#[test]
fn the_server_decides_how_long_a_session_lives() {
    let config = Config { session_expiry: Some(5), ..Config::default() };
    let mut pair = Pair::with_config(config).up(Version::V5);
    pair.cut();
    pair.run_for(5_000);
    pair.reconnect(Start::Resume);
    assert_eq!(pair.session(), Some(SessionState::New { republished: 0, aborted: 0, completed: 0 }));
    assert!(pair.client.is_connected());
}

#[test]
fn forgetting_the_session() {
    for version in Version::ALL {
        let mut pair = Pair::with_config(holding()).up(version);
        let handles = [
            pair.send("1", QoS::AtLeastOnce),
            pair.send("2", QoS::ExactlyOnce),
            pair.subscribe("#", QoS::AtMostOnce).handle,
        ];
        pair.send("0", QoS::AtMostOnce);
        assert!(!pair.client.discard_session(), "not while a link is open");
        pair.wire.stalled = true;
        pair.cut();
        assert_eq!(pair.client.pending(), 4);
        assert!(pair.client.discard_session());
        assert_eq!(pair.client.pending(), 3, "the outcomes wait to be fetched");
        assert!(!pair.client.is_idle());
        pair.fetch_outcomes();
        assert_eq!(pair.causes().iter().map(|cause| cause.0).collect::<Vec<_>>(), handles);
        assert!(pair.causes().iter().all(|cause| cause.2 == Cause::Discarded));
        assert_eq!((pair.client.pending(), pair.client.is_idle()), (0, true));
        pair.wire.stalled = false;
        pair.reconnect(Start::Clean);
        assert_eq!(pair.session(), Some(SessionState::New { republished: 0, aborted: 0, completed: 0 }));
        assert!(pair.lines("PUBLISH").is_empty());
    }
}

#[test]
fn every_byte_of_an_exchange_may_be_the_last() {
    for version in Version::ALL {
        for cut_after in 0..120 {
            let mut pair = Pair::connected(version).wired(Wire::byte_by_byte()).seeded(cut_after);
            let handles = [pair.send("one", QoS::AtLeastOnce), pair.send("two", QoS::ExactlyOnce)];
            for _ in 0..cut_after {
                pair.step();
            }
            pair.cut_with(Fate::First(cut_after as usize % 4), Fate::First(cut_after as usize % 3));
            pair.reconnect(Start::Resume);
            let mut ended = pair.acknowledged();
            ended.sort();
            assert_eq!(ended, handles, "{version:?} cut after {cut_after}");
            assert_eq!(pair.released().iter().filter(|payload| *payload == "two").count(), 1);
            pair.assert_idle();
        }
    }
}

/// Messages queued and in flight survive links of other versions, in every storage.
#[test]
fn the_version_may_change_between_links() {
    fn check<S: Storage>(storage: S, lengths: &[usize], name: &str) {
        let limits = Limits { max_inflight: 3, ..Limits::DEFAULT };
        let mut pair = Pair::with(storage, limits, holding());
        let mut expected = Vec::new();
        for (number, length) in lengths.iter().enumerate() {
            let payload = format!("{number:02}{}", "x".repeat(*length));
            pair.send(&payload, BOTH[number % 2]);
            expected.push(payload);
        }
        for version in [Version::V311, Version::V5, Version::V31, Version::V5, Version::V311] {
            pair.connect(version, Start::Resume);
            pair.drive();
            assert!(pair.client.is_connected(), "{name}");
            pair.cut();
        }
        pair.broker.config_mut().hold_acks = false;
        pair.connect(Version::V5, Start::Resume);
        pair.drive();
        let mut released = pair.released();
        released.dedup();
        for payload in &expected {
            assert!(released.contains(payload), "{name}: {payload} is missing in {released:?}");
        }
        assert!(released.iter().all(|payload| expected.contains(payload)), "{name}: {released:?}");
        assert_eq!(pair.acknowledged().len(), expected.len(), "{name}");
        pair.assert_idle();
    }
    // Frames of 16 bytes fill an arena of a power of two to the last byte.
    for count in 1..=20 {
        check(Heap::new(), &[7; 20][..count], "heap");
    }
    for length in [0, 1, 100, 117, 118, 119, 120, 121, 122, 123, 16_370, 16_376, 16_377, 16_378, 16_379] {
        check(Heap::new(), &[length, 3, length, 0, length], "heap");
        check(Fixed::<80_000, 8, 8>::new(), &[length, 3, length, 0, length], "fixed");
    }
    let (mut send, mut receive) = ([Default::default(); 8], [Default::default(); 8]);
    let (mut arena, mut control) = ([0; 1024], [0; 128]);
    let buffers = pure_mqtt::storage::Buffers {
        send: &mut send,
        receive: &mut receive,
        arena: &mut arena,
        control: &mut control,
        ..Default::default()
    };
    check(pure_mqtt::storage::Borrowed::new(buffers), &[100, 124, 125, 126, 127], "borrowed");
}

/// The fullest arena still has room for what a change of version adds, whichever version it was filled in, and if it is no longer than it must be.
#[test]
fn a_full_arena_may_change_its_version() {
    for (length, filled) in (0..40).flat_map(|length| Version::ALL.map(|version| (length, version))) {
        let limits = Limits { version: filled, max_bytes: 256, ..Limits::DEFAULT };
        change_versions(Fixed::<256, 32, 8>::new(), limits, length);
        change_versions(Heap::new(), limits, length);
    }
}

fn change_versions<S: Storage>(storage: S, limits: Limits, length: usize) {
    let mut pair = Pair::with(storage, limits, Config::default());
    let payload = "x".repeat(length);
    let topic = pure_mqtt::TopicName::new("t").unwrap();
    let mut count = 0;
    while pair.try_publish(&pure_mqtt::Publish::new(topic, payload.as_str()).qos(BOTH[count % 2])).is_ok() {
        count += 1;
    }
    for version in [Version::V5, Version::V311, Version::V5, Version::V31, Version::V5] {
        pair.client.shrink();
        pair.connect(version, Start::Resume);
        pair.wire.stalled = true;
        pair.drive();
        pair.cut();
        pair.wire.stalled = false;
    }
    pair.connect(Version::V5, Start::Resume);
    pair.drive();
    assert_eq!(pair.acknowledged().len(), count);
    assert!(pair.released().iter().all(|released| *released == payload));
}

#[test]
fn a_subscription_queued_in_5_0_is_sent_in_3_1_1() {
    use pure_mqtt::{RetainHandling, Subscribe, Subscription, TopicFilter};
    let mut pair = Pair::with_limits(Limits { version: Version::V5, ..Limits::DEFAULT });
    let filters = [
        Subscription::new(TopicFilter::new("a").unwrap(), QoS::AtLeastOnce).no_local(true),
        Subscription::new(TopicFilter::new("b/#").unwrap(), QoS::ExactlyOnce)
            .retain_as_published(true)
            .retain_handling(RetainHandling::DoNotSend),
    ];
    let properties = [Property::SubscriptionIdentifier(3), Property::UserProperty(("k", "v"))];
    let subscribe = Subscribe::new(&filters).properties(&properties[..]);
    pair.client.subscribe(pair.now(), &subscribe).unwrap();
    pair.unsubscribe("c");
    pair.connect(Version::V311, Start::Clean);
    pair.drive();
    assert_eq!(pair.lines("SUBSCRIBE"), ["SUBSCRIBE id=1 a@1 b/#@2"]);
    assert_eq!(pair.lines("UNSUBSCRIBE"), ["UNSUBSCRIBE id=2 c"]);
    assert!(matches!(pair.seen[..], [Seen::ConnAck { .. }, Seen::SubAck { .. }, Seen::UnsubAck { .. }]));
}

/// The peer is gone and nobody noticed; the server takes the old link for alive until the new one comes.
#[test]
fn a_take_over_resumes() {
    for version in Version::ALL {
        let mut pair = Pair::with_config(holding()).up(version);
        pair.send("x", QoS::ExactlyOnce);
        pair.drive();
        pair.cut_unnoticed();
        pair.broker.config_mut().hold_acks = false;
        pair.reconnect(Start::Resume);
        assert_eq!(pair.session(), Some(SessionState::Resumed));
        assert_eq!(pair.released(), ["x"]);
        pair.assert_idle();
    }
}
