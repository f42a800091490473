//! Every ticket has exactly one end, whatever happens to what it stands for.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod common;

use common::Pair;
use pure_mqtt::{Limits, Overflow, ReasonCode};
use pure_mqtt_agent::{
    AckMode, Action, Agent, Bytes, End, FilterOptions, Instant, Login, Options, Outgoing, QoS, Qos0Queue, Refusal,
    Risk, Ticket, Undelivered, Version, Wake,
};

const NOW: Instant = Instant::from_millis(0);
const DONE: End = End::Acknowledged(ReasonCode::SUCCESS);

fn pair(options: Options) -> Pair {
    Pair::new(Agent::new(options, NOW, 0))
}

fn one_place() -> Options {
    let limits = Limits { max_queued: 1, ..Options::LIMITS };
    Options { limits, ..Options::new("a", 1) }
}

fn publish(pair: &mut Pair, qos: QoS) -> Result<Ticket, Refusal> {
    let result = pair.agent.publish(pair.now, Outgoing::new("a", "1").qos(qos));
    result.map(|accepted| accepted.ticket).map_err(|rejected| rejected.why)
}

#[test]
fn who_found_no_room_is_told_when_there_is_some() {
    let mut pair = pair(one_place());
    publish(&mut pair, QoS::AtLeastOnce).unwrap();
    assert_eq!(publish(&mut pair, QoS::AtLeastOnce), Err(Refusal::Full));
    assert!(!pair.wakes.contains(&Wake::Room));
    pair.run();
    assert_eq!(pair.wakes.iter().filter(|wake| **wake == Wake::Room).count(), 1);
    publish(&mut pair, QoS::AtLeastOnce).unwrap();
}

#[test]
fn a_message_that_is_given_up_makes_room() {
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let mut pair = pair(one_place());
        pair.refuses_dials = true;
        let ticket = publish(&mut pair, qos).unwrap();
        assert_eq!(publish(&mut pair, qos), Err(Refusal::Full));
        assert!(pair.agent.withdraw(NOW, ticket).is_some());
        pair.run();
        assert!(pair.wakes.contains(&Wake::Room), "{qos:?}");
        publish(&mut pair, qos).unwrap();
    }
}

#[test]
fn a_subscribe_that_nobody_wants_any_more_has_its_end() {
    let mut pair = pair(Options::new("a", 1));
    let receiver = pair.agent.receiver(AckMode::OnNext, Qos0Queue::default());
    let filters = [("a", QoS::AtLeastOnce), ("b", QoS::AtLeastOnce)];
    let both = pair.agent.subscribe(NOW, receiver, &filters, FilterOptions::default()).unwrap();
    let left = pair.agent.unsubscribe(NOW, receiver, "a").unwrap();
    assert_eq!((pair.agent.take_end(left), pair.agent.take_end(both)), (Some(DONE), None));
    pair.agent.drop_receiver(NOW, receiver, Undelivered::Acknowledge);
    assert_eq!(pair.agent.take_end(both), Some(End::Withdrawn { may_have_arrived: false }));
    pair.run();
    assert!(pair.server.filters.is_empty());
}

#[test]
fn an_unsubscribe_ends_with_the_session_too() {
    let mut pair = pair(Options::new("a", 1));
    let receiver = pair.agent.receiver(AckMode::OnNext, Qos0Queue::default());
    pair.agent.subscribe(NOW, receiver, &[("a", QoS::AtLeastOnce)], FilterOptions::default()).unwrap();
    pair.run();
    pair.server.is_mute = true;
    let left = pair.agent.unsubscribe(NOW, receiver, "a").unwrap();
    pair.run();
    assert_eq!(pair.agent.take_end(left), None);
    pair.cut();
    pair.server.lose_session();
    pair.server.is_mute = false;
    pair.pass(10_000);
    assert!(pair.agent.is_connected());
    assert_eq!(pair.agent.take_end(left), Some(DONE));
}

#[test]
fn an_unsubscribe_ends_though_the_filter_is_wanted_again() {
    let mut pair = pair(Options::new("a", 1));
    let receiver = pair.agent.receiver(AckMode::OnNext, Qos0Queue::default());
    let filter = [("a", QoS::AtLeastOnce)];
    let options = FilterOptions::default();
    pair.agent.subscribe(NOW, receiver, &filter, options).unwrap();
    pair.run();
    let left = pair.agent.unsubscribe(NOW, receiver, "a").unwrap();
    let again = pair.agent.subscribe(NOW, receiver, &filter, options).unwrap();
    pair.run();
    assert_eq!(pair.agent.take_end(left), Some(DONE));
    assert_eq!(pair.agent.take_end(again), Some(End::Acknowledged(ReasonCode(1))));
    assert_eq!(pair.server.filters.len(), 1);
}

#[test]
fn what_is_asked_after_the_end_ends_at_once() {
    let mut pair = pair(Options::new("a", 1));
    let receiver = pair.agent.receiver(AckMode::OnNext, Qos0Queue::default());
    pair.agent.subscribe(NOW, receiver, &[("a", QoS::AtLeastOnce)], FilterOptions::default()).unwrap();
    pair.run();
    pair.agent.shutdown(NOW, NOW);
    pair.run();
    assert!(pair.agent.is_done());
    let flush = pair.agent.flush(NOW, None);
    let left = pair.agent.unsubscribe(NOW, receiver, "a").unwrap();
    assert_eq!(pair.agent.take_end(flush), Some(End::Shutdown));
    assert_eq!(pair.agent.take_end(left), Some(End::Shutdown));
}

#[test]
fn a_message_at_qos_0_that_expired_before_it_left_has_its_end() {
    let mut pair = pair(Options::new("a", 1));
    pair.refuses_dials = true;
    let properties = Bytes::from_static(&[2, 0, 0, 0, 5]);
    let ticket = pair.agent.publish(NOW, Outgoing { properties, ..Outgoing::new("a", "1") }).unwrap().ticket;
    pair.pass(60_000);
    pair.refuses_dials = false;
    pair.pass(200_000);
    assert!(pair.agent.is_connected());
    assert_eq!(pair.agent.take_end(ticket), Some(End::Expired));
    assert_eq!(pair.agent.stats().unfinished, 0);
}

#[test]
fn what_is_handed_back_says_whether_it_may_have_arrived() {
    let mut pair = pair(Options::new("a", 1));
    pair.run();
    pair.server.is_mute = true;
    let sent = publish(&mut pair, QoS::AtLeastOnce).unwrap();
    pair.run();
    pair.refuses_dials = true;
    pair.cut();
    let waits = publish(&mut pair, QoS::AtLeastOnce).unwrap();
    let mut given = Vec::new();
    pair.agent.reclaim(NOW, &mut |ticket, _, may_have_arrived| given.push((ticket, may_have_arrived)));
    assert_eq!(given, [(sent, true), (waits, false)]);
    assert_eq!(pair.agent.take_end(sent), Some(End::Withdrawn { may_have_arrived: true }));
    assert_eq!(pair.agent.take_end(waits), Some(End::Withdrawn { may_have_arrived: false }));
}

#[test]
fn a_shutdown_after_disconnect_waits_for_no_link() {
    let mut pair = pair(Options::new("a", 1));
    pair.run();
    pair.agent.disconnect(NOW);
    let ticket = publish(&mut pair, QoS::AtLeastOnce).unwrap();
    pair.run();
    pair.agent.shutdown(NOW, NOW.after_millis(60_000));
    pair.run();
    assert!(pair.agent.is_done());
    assert_eq!((pair.agent.take_end(ticket), pair.dials.len()), (Some(End::Shutdown), 1));
}

#[test]
fn a_flush_ends_by_its_messages_or_by_its_deadline() {
    let mut pair = pair(Options::new("a", 1));
    pair.run();
    pair.server.is_mute = true;
    let message = publish(&mut pair, QoS::AtLeastOnce).unwrap();
    let patient = pair.agent.flush(NOW, None);
    let hasty = pair.agent.flush(NOW, Some(NOW.after_millis(100)));
    pair.pass(1_000);
    assert_eq!(pair.agent.take_end(hasty), Some(End::TimedOut));
    pair.server.is_mute = false;
    pair.cut();
    pair.pass(10_000);
    assert!(pair.agent.take_end(message).unwrap().is_success());
    assert_eq!(pair.agent.take_end(patient), Some(DONE));
}

#[test]
fn a_request_that_is_withdrawn_leaves_no_filter_behind() {
    let mut pair = pair(Options { version: Version::V311, ..Options::new("a", 1) });
    pair.refuses_dials = true;
    let message = Outgoing::new("svc", "r/1").qos(QoS::AtLeastOnce);
    let ticket = pair.agent.request(NOW, message, Some("r/1"), NOW.after_millis(1 << 30)).unwrap();
    assert!(pair.agent.withdraw(NOW, ticket).is_some());
    pair.run();
    assert_eq!(pair.agent.take_end(ticket), Some(End::Withdrawn { may_have_arrived: false }));
    assert_eq!(pair.agent.stats().filters, 0);
}

#[test]
fn what_arrived_in_a_lost_session_is_withdrawn_with_that_risk() {
    let mut pair = pair(Options::new("a", 1));
    pair.run();
    pair.server.is_mute = true;
    let ticket = publish(&mut pair, QoS::ExactlyOnce).unwrap();
    pair.run();
    pair.cut();
    pair.agent.dial(NOW, None);
    let link = std::iter::from_fn(|| pair.agent.poll_action()).find_map(|action| match action {
        Action::Dial { link, .. } => Some(link),
        _ => None,
    });
    let link = link.unwrap();
    pair.agent.dialed(NOW, link, &Login::default());
    let length = pair.agent.transmit(NOW).remaining();
    pair.agent.transmit(NOW).advance(length);
    // CONNACK tells that the session is new, and the link is gone before the message has left again.
    pair.agent.received(NOW, link, Bytes::from_static(&[0x20, 3, 0, 0, 0]));
    while pair.agent.is_runnable() {
        pair.agent.step(NOW);
    }
    pair.agent.closed(NOW, link, "gone");
    assert_eq!(pair.agent.withdraw(NOW, ticket), Some(Risk::MayHaveArrived));
    assert_eq!(pair.agent.take_end(ticket), Some(End::Withdrawn { may_have_arrived: true }));
}

#[test]
fn with_the_session_everything_is_forgotten_and_has_its_end() {
    let mut pair = pair(Options::new("a", 1));
    pair.refuses_dials = true;
    let receiver = pair.agent.receiver(AckMode::OnNext, Qos0Queue::default());
    let asked = pair.agent.subscribe(NOW, receiver, &[("a", QoS::AtLeastOnce)], FilterOptions::default()).unwrap();
    let left = pair.agent.unsubscribe_anyway(NOW, receiver, "b");
    let messages = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce].map(|qos| publish(&mut pair, qos).unwrap());
    assert!(pair.agent.discard_session(NOW));
    pair.run();
    assert_eq!(messages.map(|ticket| pair.agent.take_end(ticket)), [Some(End::Discarded); 3]);
    assert_eq!(pair.agent.take_end(asked), Some(End::Withdrawn { may_have_arrived: false }));
    assert_eq!(pair.agent.take_end(left), Some(DONE));
    let stats = pair.agent.stats();
    assert_eq!((stats.unfinished, stats.filters), (0, 0));
}

#[test]
fn a_forgotten_session_makes_room() {
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        let mut pair = pair(one_place());
        pair.refuses_dials = true;
        publish(&mut pair, qos).unwrap();
        assert_eq!(publish(&mut pair, qos), Err(Refusal::Full));
        assert!(pair.agent.discard_session(NOW));
        pair.run();
        assert!(pair.wakes.contains(&Wake::Room), "{qos:?}");
    }
}

/// Messages that wait for 5.0 are overtaken. When they are dropped, what has overtaken them is not.
#[test]
fn a_message_in_flight_is_not_displaced_with_those_around_it() {
    let limits = Limits { overflow: Overflow::DropOldest, max_bytes: 160, ..Options::LIMITS };
    let mut pair = pair(Options { version: Version::V311, limits, ..Options::new("a", 1) });
    pair.run();
    pair.server.is_mute = true;
    let mut accept = |length: usize, needs_v5: bool| {
        let mut message = Outgoing::new("a", vec![0; length]).qos(QoS::AtLeastOnce);
        message.needs_v5 = needs_v5;
        let accepted = pair.agent.publish(pair.now, message).unwrap();
        pair.run();
        accepted
    };
    let [before, between, behind] = [(40, true), (4, false), (40, true)].map(|(length, v5)| accept(length, v5).ticket);
    let last = accept(100, true);
    assert_eq!(last.displaced, 2);
    assert_eq!(pair.agent.take_end(before), Some(End::Displaced(last.ticket)));
    assert_eq!(pair.agent.take_end(behind), Some(End::Displaced(last.ticket)));
    assert_eq!(pair.agent.take_end(between), None);
}
