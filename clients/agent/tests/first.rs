//! What everybody does first.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use common::Pair;
use pure_mqtt_agent::{
    AckMode, Agent, CleanStart, End, Event, FilterOptions, Instant, Options, Outgoing, QoS, Qos0Queue, SessionFate,
    Version,
};

const NOW: Instant = Instant::from_millis(0);

fn pair(version: Version) -> Pair {
    Pair::new(Agent::new(Options { version, ..Options::new("a", 1) }, NOW, 0))
}

#[test]
fn what_is_published_after_subscribing_comes_back() {
    for version in Version::ALL {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let mut pair = pair(version);
            let receiver = pair.agent.receiver(AckMode::OnNext, Qos0Queue::default());
            let options = FilterOptions::default();
            let subscribed = pair.agent.subscribe(NOW, receiver, &[("a/+", qos)], options).unwrap();
            let published = pair.agent.publish(NOW, Outgoing::new("a/b", "x").qos(qos)).unwrap();
            pair.run();
            assert!(pair.agent.is_connected(), "{version} {:?}", pair.events);
            assert_eq!(pair.agent.take_end(subscribed), Some(End::Acknowledged(pure_mqtt::ReasonCode(qos.bits()))));
            let end = pair.agent.take_end(published.ticket).unwrap();
            assert!(end.is_success(), "{end:?}");
            let message = pair.agent.next(NOW, receiver).unwrap();
            assert_eq!((message.topic.as_str(), &message.payload[..], message.qos), ("a/b", &b"x"[..], qos));
            assert_eq!(pair.agent.next(NOW, receiver), None);
            pair.run();
            assert_eq!(pair.agent.stats().unacknowledged, 0);
            assert_eq!(pair.server.taken.len(), 1);
        }
    }
}

#[test]
fn a_session_that_begins_clean_takes_two_links_before_5_0() {
    for (version, connects) in [(Version::V311, vec![true, false]), (Version::V5, vec![true])] {
        let mut pair = pair(version);
        pair.run();
        assert_eq!(pair.server.connects, connects);
        let ups = pair.events.iter().filter(|event| matches!(event, Event::LinkUp { session: SessionFate::Fresh, .. }));
        assert_eq!(ups.count(), 1, "{:?}", pair.events);
        pair.cut();
        pair.pass(10_000);
        assert_eq!(pair.server.connects.last(), Some(&false));
        let is_resumed = |event: &Event| matches!(event, Event::LinkUp { session: SessionFate::Resumed, .. });
        assert!(pair.events.iter().any(is_resumed), "{:?}", pair.events);
    }
}

#[test]
fn nothing_accepted_is_lost_over_a_cut_and_a_restart() {
    for version in Version::ALL {
        let options = Options { version, durable: true, clean_start: CleanStart::First, ..Options::new("a", 1) };
        let mut pair = Pair::new(Agent::new(options.clone(), NOW, 0));
        pair.run();
        pair.server.is_mute = true;
        let message = Outgoing { tag: 7, ..Outgoing::new("a", "1").qos(QoS::ExactlyOnce) };
        let ticket = pair.agent.publish(NOW, message).unwrap().ticket;
        pair.run();
        assert_eq!(pair.server.taken.len(), 1);
        let (agent, used) = Agent::recover(options, pair.now, 0, &pair.log).unwrap();
        assert_eq!(used, pair.log.len());
        pair.agent = agent;
        pair.server.is_mute = false;
        pair.run();
        assert!(pair.events.contains(&Event::Recovered { ticket, tag: 7 }), "{:?}", pair.events);
        assert_eq!(pair.agent.take_end(ticket), Some(End::Acknowledged(pure_mqtt::ReasonCode::SUCCESS)));
        assert_eq!(pair.server.taken.len(), 1, "{version}");
    }
}

#[test]
fn a_shutdown_finishes_what_it_can_and_ends_everything() {
    let mut pair = pair(Version::V5);
    pair.run();
    let done = pair.agent.publish(NOW, Outgoing::new("a", "1").qos(QoS::AtLeastOnce)).unwrap().ticket;
    pair.agent.shutdown(NOW, NOW.after_millis(1_000));
    assert!(pair.agent.publish(NOW, Outgoing::new("a", "2")).is_err());
    pair.run();
    assert!(pair.agent.take_end(done).unwrap().is_success());
    assert!(pair.agent.is_done());
    assert_eq!(pair.events.last(), Some(&Event::Done));

    let mut pair = self::pair(Version::V5);
    pair.refuses_dials = true;
    let lost = pair.agent.publish(NOW, Outgoing::new("a", "1").qos(QoS::AtLeastOnce)).unwrap().ticket;
    pair.agent.shutdown(NOW, NOW.after_millis(1_000));
    pair.pass(1_000);
    assert_eq!(pair.agent.take_end(lost), Some(End::Shutdown));
    assert_eq!(pair.events.last(), Some(&Event::Done));
}
