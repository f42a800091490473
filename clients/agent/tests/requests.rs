//! Requests: which reply is whose, and what is left of those that are over.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod common;

use common::Pair;
use pure_mqtt::{Properties, Property, ReasonCode};
use pure_mqtt_agent::{
    AckMode, Agent, End, Instant, Options, Outgoing, QoS, Qos0Queue, Refusal, Ticket, Version, encode_properties,
};

const NOW: Instant = Instant::from_millis(0);
const REPLIED: Option<End> = Some(End::Acknowledged(ReasonCode::SUCCESS));

/// With a link, and a receiver for what nobody wants.
fn pair(version: Version) -> Pair {
    let mut pair = Pair::new(Agent::new(Options { version, ..Options::new("a", 1) }, NOW, 0));
    let receiver = pair.agent.receiver(AckMode::OnNext, Qos0Queue::default());
    pair.agent.set_default_receiver(Some(receiver));
    pair.run();
    pair
}

fn question() -> Outgoing {
    Outgoing::new("q", "?").qos(QoS::AtLeastOnce)
}

fn ask(pair: &mut Pair, topic: &str, millis: u64) -> Ticket {
    pair.agent.request(pair.now, question(), Some(topic), pair.now.after_millis(millis)).unwrap()
}

#[test]
fn the_response_topic_is_subscribed_to_before_the_request_leaves() {
    for (version, topic) in [(Version::V5, None), (Version::V5, Some("r/1")), (Version::V311, Some("r/1"))] {
        let mut pair = pair(version);
        pair.agent.request(NOW, question(), topic, NOW.after_millis(1_000)).unwrap();
        pair.run();
        let subscribe = format!("+{}", topic.unwrap_or("reply/a"));
        assert_eq!(pair.server.asked, [&subscribe, "!q"], "{version:?}");
    }
}

#[test]
fn a_request_made_without_a_link_waits_for_its_topic_on_a_resumed_session() {
    for version in [Version::V5, Version::V311] {
        let mut pair = pair(version);
        pair.cut();
        ask(&mut pair, "r/1", 1 << 30);
        pair.pass(60_000);
        assert_eq!(pair.server.connects.last(), Some(&false));
        assert_eq!(pair.server.asked, ["+r/1", "!q"], "{version:?}");
    }
}

#[test]
fn a_reply_that_nobody_will_fetch_is_not_kept() {
    let mut pair = pair(Version::V5);
    let ticket = ask(&mut pair, "r/1", 1_000);
    pair.agent.forget(ticket);
    pair.run();
    pair.server.route("r/1", b"!", QoS::AtLeastOnce);
    pair.run();
    assert_eq!(pair.agent.take_end(ticket), None);
    assert_eq!(pair.agent.take_reply(ticket), None);
}

#[test]
fn requests_with_one_topic_are_answered_in_turn() {
    let mut pair = pair(Version::V311);
    let (first, second, third) =
        (ask(&mut pair, "r/1", 1_000), ask(&mut pair, "r/1", 5_000), ask(&mut pair, "r/1", 5_000));
    pair.pass(1_000);
    assert_eq!(pair.agent.take_end(first), Some(End::TimedOut));
    for (ticket, text) in [(second, "2"), (third, "3")] {
        pair.server.route("r/1", text.as_bytes(), QoS::AtLeastOnce);
        pair.run();
        assert_eq!(pair.agent.take_end(ticket), REPLIED);
        assert_eq!(pair.agent.take_reply(ticket).unwrap().payload, text);
    }
    assert!(pair.server.filters.is_empty(), "nobody waits any more");
}

#[test]
fn a_request_that_is_refused_leaves_no_filter_behind() {
    let expiry = [Property::TopicAlias(1)];
    for topic in [None, Some("r/1")] {
        let mut pair = pair(Version::V5);
        let wrong = Outgoing { properties: encode_properties(&Properties::new(&expiry)), ..question() };
        let refused = pair.agent.request(NOW, wrong, topic, NOW.after_millis(1_000)).unwrap_err();
        assert!(matches!(refused.why, Refusal::Property(_)), "{refused:?}");
        assert_eq!(pair.agent.subscription_state(topic.unwrap_or("reply/a")), None);
        pair.run();
        assert!(pair.server.asked.is_empty(), "{:?}", pair.server.asked);
    }
}

#[test]
fn a_request_has_one_response_topic_whatever_the_program_says() {
    let mut pair = pair(Version::V5);
    let own = [Property::ResponseTopic("mine"), Property::CorrelationData(b"mine")];
    let message = Outgoing { properties: encode_properties(&Properties::new(&own)), ..question() };
    pair.agent.request(NOW, message, None, NOW.after_millis(1_000)).unwrap();
    pair.run();
    assert_eq!(pair.server.taken.len(), 1);
}

#[test]
fn a_request_that_waits_for_its_reply_ends_with_the_session() {
    let mut pair = pair(Version::V5);
    let ticket = ask(&mut pair, "r/1", 1 << 30);
    pair.run();
    assert_eq!(pair.agent.take_end(ticket), None, "the message has arrived, and the reply is awaited");
    pair.agent.disconnect(pair.now);
    pair.run();
    assert!(pair.agent.discard_session(pair.now));
    assert_eq!(pair.agent.take_end(ticket), Some(End::Discarded));
}

#[test]
fn a_request_that_times_out_before_it_left_was_not_delivered() {
    let mut pair = pair(Version::V5);
    pair.refuses_dials = true;
    pair.cut();
    let ticket = ask(&mut pair, "r/1", 10);
    pair.pass(10);
    assert_eq!(pair.agent.take_end(ticket), Some(End::TimedOut));
    assert_eq!((pair.agent.stats().delivered, pair.agent.stats().failed), (0, 1));
}

#[test]
fn a_second_reply_is_thrown_away_while_the_topic_is_left() {
    let mut pair = pair(Version::V311);
    let ticket = ask(&mut pair, "r/1", 1_000);
    pair.run();
    for text in ["1", "2"] {
        pair.server.route("r/1", text.as_bytes(), QoS::AtLeastOnce); // both are there before UNSUBSCRIBE
    }
    pair.run();
    assert_eq!(pair.agent.take_reply(ticket).unwrap().payload, "1");
    assert_eq!((pair.agent.stats().stray_replies, pair.agent.stats().waiting), (1, 0));
}
