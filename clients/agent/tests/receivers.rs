//! Who gets a message, and when it is acknowledged.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod common;

use common::Pair;
use pure_mqtt::wire::{Packet, Publish};
use pure_mqtt::{PacketId, Properties, Property};
use pure_mqtt_agent::{
    AckMode, Agent, End, Event, FilterOptions, Instant, Options, Outgoing, QoS, Qos0Queue, Receiver, SessionFate,
    Undelivered, Version,
};

const NOW: Instant = Instant::from_millis(0);

fn pair(options: Options) -> Pair {
    let mut pair = Pair::new(Agent::new(options, NOW, 0));
    pair.run();
    pair
}

fn receiver(pair: &mut Pair, filters: &[&str]) -> Receiver {
    let receiver = pair.agent.receiver(AckMode::Manual, Qos0Queue::default());
    let filters: Vec<_> = filters.iter().map(|filter| (*filter, QoS::ExactlyOnce)).collect();
    pair.agent.subscribe(pair.now, receiver, &filters, FilterOptions::default()).unwrap();
    pair.run();
    receiver
}

/// The payloads that wait for a receiver.
fn taken(pair: &mut Pair, receiver: Receiver) -> Vec<String> {
    let mut taken = Vec::new();
    while let Some(mut message) = pair.agent.next(pair.now, receiver) {
        taken.push(String::from_utf8(message.payload.to_vec()).unwrap());
        if let Some(token) = message.ack.take() {
            pair.agent.acknowledge(pair.now, token, pure_mqtt::ReasonCode::SUCCESS);
        }
    }
    pair.run();
    taken
}

/// How many messages were not acknowledged, for each time that the program was told of one that it holds.
fn alarms(pair: &mut Pair) -> Vec<u32> {
    let waiting = |event: Event| if let Event::AcksHeld { waiting, .. } = event { Some(waiting) } else { None };
    std::mem::take(&mut pair.events).into_iter().filter_map(waiting).collect()
}

#[test]
fn a_message_that_the_program_holds_is_told_of_once_and_a_backlog_is_not() {
    for acks in [AckMode::Manual, AckMode::OnNext] {
        let mut pair = pair(Options { keep_alive: 0, ..Options::new("a", 1) });
        let receiver = receiver(&mut pair, &["a"]);
        pair.agent.set_acks(receiver, acks);
        (0..4).for_each(|_| pair.server.route("a", b"x", QoS::AtLeastOnce));
        pair.run();
        pair.pass(60_000);
        assert_eq!(alarms(&mut pair), [0; 0], "nobody has taken one");
        let mut first = pair.agent.next(pair.now, receiver).unwrap();
        pair.pass(9_000);
        assert_eq!(alarms(&mut pair), [0; 0]);
        pair.pass(60_000);
        assert_eq!(alarms(&mut pair), [4]);

        let mut second = pair.agent.next(pair.now, receiver).unwrap();
        if let Some(token) = first.ack.take() {
            pair.pass(9_000);
            pair.agent.acknowledge(pair.now, token, pure_mqtt::ReasonCode::SUCCESS);
        }
        pair.pass(9_000);
        assert_eq!(alarms(&mut pair), [0; 0], "the second holds the others since the first is acknowledged");
        pair.pass(60_000);
        assert_eq!(alarms(&mut pair), [3]);
        if let Some(token) = second.ack.take() {
            pair.agent.acknowledge(pair.now, token, pure_mqtt::ReasonCode::SUCCESS);
        }
        pair.agent.finish(pair.now, receiver);
        pair.pass(60_000);
        assert_eq!(alarms(&mut pair), [0; 0]);
    }
}

#[test]
fn a_reply_reaches_others_who_want_it_too() {
    let mut pair = pair(Options { version: Version::V311, ..Options::new("a", 1) });
    let all = receiver(&mut pair, &["r/+"]);
    let message = Outgoing::new("svc", "r/1").qos(QoS::AtLeastOnce);
    let ticket = pair.agent.request(NOW, message, Some("r/1"), NOW.after_millis(1_000)).unwrap();
    pair.run();
    pair.server.route("r/1", b"reply", QoS::AtLeastOnce);
    pair.run();
    assert!(pair.agent.take_end(ticket).unwrap().is_success());
    assert_eq!(pair.agent.take_reply(ticket).unwrap().payload, "reply");
    assert!(taken(&mut pair, all).contains(&"reply".into()));
    assert_eq!(pair.agent.stats().unacknowledged, 0);
}

#[test]
fn a_reply_that_comes_too_late_holds_back_no_acknowledgement() {
    let mut pair = pair(Options { version: Version::V311, ..Options::new("a", 1) });
    let message = Outgoing::new("svc", "r/1").qos(QoS::AtLeastOnce);
    let ticket = pair.agent.request(NOW, message, Some("r/1"), NOW.after_millis(1_000)).unwrap();
    pair.run();
    pair.now = NOW.after_millis(1_000);
    pair.server.route("r/1", b"late", QoS::AtLeastOnce); // UNSUBSCRIBE crosses it
    pair.agent.handle_timeout(pair.now);
    pair.run();
    assert_eq!(pair.agent.take_end(ticket), Some(End::TimedOut));
    let stats = pair.agent.stats();
    assert_eq!((stats.unacknowledged, stats.stray_replies + stats.unrouted), (0, 1));
}

#[test]
fn what_a_dropped_receiver_left_goes_to_the_next_once() {
    let mut pair = pair(Options::new("a", 1));
    let [one, other] = [receiver(&mut pair, &["a/+"]), receiver(&mut pair, &["a/1"])];
    let lower = receiver(&mut pair, &["b"]);
    pair.server.route("a/1", b"x", QoS::ExactlyOnce);
    pair.run();
    pair.agent.drop_receiver(NOW, one, Undelivered::LeaveForRedelivery);
    pair.agent.drop_receiver(NOW, other, Undelivered::LeaveForRedelivery);
    pair.run();
    let next = receiver(&mut pair, &["#"]);
    // One for each of the server's copies.
    assert_eq!(taken(&mut pair, next), ["x", "x"]);
    assert!(taken(&mut pair, lower).is_empty());
    assert_eq!(pair.agent.stats().unacknowledged, 0);
}

#[test]
fn one_copy_for_two_receivers_that_are_dropped_goes_to_the_next_once() {
    let mut pair = pair(Options::new("a", 1));
    let [one, other] = [receiver(&mut pair, &["a"]), receiver(&mut pair, &["a"])];
    pair.server.route("a", b"x", QoS::ExactlyOnce);
    pair.run();
    pair.agent.drop_receiver(NOW, one, Undelivered::LeaveForRedelivery);
    pair.agent.drop_receiver(NOW, other, Undelivered::LeaveForRedelivery);
    let next = receiver(&mut pair, &["#"]);
    assert_eq!(taken(&mut pair, next), ["x"]);
    assert_eq!(pair.agent.stats().unacknowledged, 0);
}

#[test]
fn what_is_left_when_a_session_is_lost_does_not_go_to_who_had_it() {
    let mut pair = pair(Options::new("a", 1));
    let [one, other] = [receiver(&mut pair, &["a"]), receiver(&mut pair, &["a"])];
    pair.server.route("a", b"x", QoS::ExactlyOnce);
    pair.run();
    assert!(pair.agent.next(pair.now, one).is_some(), "it is never acknowledged");
    pair.agent.drop_receiver(pair.now, other, Undelivered::LeaveForRedelivery);
    pair.server.lose_session();
    pair.cut();
    pair.pass(10_000);
    pair.agent.subscribe(pair.now, one, &[("#", QoS::ExactlyOnce)], FilterOptions::default()).unwrap();
    pair.run();
    assert!(taken(&mut pair, one).is_empty(), "it had the message");
}

#[test]
fn an_identifier_that_fits_no_filter_does_not_mislead() {
    let mut pair = pair(Options::new("a", 1));
    let [a, b] = [receiver(&mut pair, &["a"]), receiver(&mut pair, &["b"])];
    // What the identifiers stand for was lost with the power: 1 is `a` here.
    let properties = [Property::SubscriptionIdentifier(1)];
    let (topic, payload, id) = ("b", &b"x"[..], PacketId::new(7));
    let (dup, qos, retain, properties) = (false, QoS::AtLeastOnce, false, Properties::new(&properties));
    pair.server.send(&Packet::Publish(Publish { dup, qos, retain, topic, id, properties, payload }));
    pair.run();
    assert!(taken(&mut pair, a).is_empty());
    assert_eq!(taken(&mut pair, b), ["x"]);
}

#[test]
fn a_receiver_may_change_its_own_options() {
    let mut pair = pair(Options::new("a", 1));
    let one = receiver(&mut pair, &["a"]);
    let options = FilterOptions { no_local: true, ..FilterOptions::default() };
    let filter = [("a", QoS::ExactlyOnce)];
    pair.server.is_mute = true;
    let other = pair.agent.receiver(AckMode::Manual, Qos0Queue::default());
    assert!(pair.agent.subscribe(NOW, other, &filter, options).is_err());
    pair.agent.subscribe(NOW, one, &filter, options).unwrap();
    pair.run();
    pair.agent.subscribe(NOW, one, &filter, FilterOptions::default()).unwrap(); // while the other is under way
    pair.server.is_mute = false;
    pair.cut();
    pair.pass(10_000);
    assert!(pair.agent.is_connected());
    assert_eq!(pair.server.filters.len(), 1);
}

/// A clean start that was never answered leaves it open which session the server has: what was taken before can be
/// acknowledged all the same.
#[test]
fn a_session_that_may_be_the_known_one_keeps_the_right_to_acknowledge() {
    use pure_mqtt_agent::{Event, Realm, Server};
    let servers = vec![Server::in_realm(Realm(0)), Server::in_realm(Realm(1))];
    let mut pair = pair(Options { servers, ..Options::new("a", 1) });
    let one = receiver(&mut pair, &["a"]);
    pair.server.route("a", b"x", QoS::ExactlyOnce);
    pair.run();
    let token = pair.agent.next(NOW, one).unwrap().ack.unwrap();
    let mut elsewhere = common::Server::default();
    elsewhere.is_mute = true;
    let home = std::mem::replace(&mut pair.server, elsewhere);
    pair.agent.dial(NOW, Some(pure_mqtt_agent::ServerId(1)));
    pair.run();
    pair.server = home;
    pair.server.hang_up();
    pair.agent.dial(NOW, Some(pure_mqtt_agent::ServerId(0)));
    pair.run();
    assert_eq!(pair.server.connects.last(), Some(&false), "the session was given up for an attempt elsewhere");
    let is_lost = |event: &Event| matches!(event, Event::LinkUp { session: SessionFate::Lost { .. }, .. });
    assert!(!pair.events.iter().any(is_lost), "{:?}", pair.events);
    pair.agent.acknowledge(NOW, token, pure_mqtt::ReasonCode::SUCCESS);
    pair.run();
    assert_eq!(pair.agent.stats().unacknowledged, 0);
    assert_eq!(pair.server.unanswered(), 0);
}

#[test]
fn a_copy_of_a_filter_that_changes_goes_to_nobody_else() {
    let later: [fn(&mut Pair, Receiver); 2] = [
        |pair, _| {
            let third = pair.agent.receiver(AckMode::OnNext, Qos0Queue::default());
            let filters = [("a", QoS::AtLeastOnce)];
            pair.agent.subscribe(pair.now, third, &filters, FilterOptions::default()).unwrap();
        },
        |pair, receiver| pair.agent.drop_receiver(pair.now, receiver, Undelivered::Acknowledge),
    ];
    for change in later {
        let mut pair = pair(Options::new("a", 1));
        let (all, one) = (receiver(&mut pair, &["#"]), receiver(&mut pair, &["a"]));
        pair.agent.set_default_receiver(Some(all));
        change(&mut pair, one);
        pair.server.route("a", b"1", QoS::ExactlyOnce); // a copy for each filter, before the server knows of the change
        pair.run();
        assert_eq!(taken(&mut pair, all), ["1"]);
        pair.run();
        taken(&mut pair, one);
        pair.run();
    }
}
