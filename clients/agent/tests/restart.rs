//! What survives a loss of power, and what a store that fails does.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod common;

use common::Pair;
use pure_mqtt_agent::{
    AckMode, Action, Agent, Bytes, End, Event, FilterOptions, Instant, Login, Options, Outgoing, QoS, Qos0Queue, Realm,
    Receiver, Refusal, Server, ServerId,
};

const NOW: Instant = Instant::from_millis(0);

fn options() -> Options {
    Options { durable: true, ..Options::new("a", 1) }
}

fn pair() -> Pair {
    let mut pair = Pair::new(Agent::new(options(), NOW, 0));
    pair.run();
    pair
}

fn subscribe(pair: &mut Pair, filter: &str) -> Receiver {
    let receiver = pair.agent.receiver(AckMode::OnNext, Qos0Queue::default());
    pair.agent.subscribe(pair.now, receiver, &[(filter, QoS::AtLeastOnce)], FilterOptions::default()).unwrap();
    receiver
}

/// The power is lost: the agent begins again with what is durable.
fn restart(pair: &mut Pair) {
    let (agent, used) = Agent::recover(options(), pair.now, 0, &pair.log).unwrap();
    pair.log.truncate(used);
    pair.agent = agent;
    pair.server.hang_up();
    pair.server.asked.clear();
}

#[test]
fn after_a_restart_only_the_difference_is_asked_for() {
    let mut pair = pair();
    for filter in ["a", "b"] {
        subscribe(&mut pair, filter);
    }
    pair.run();
    restart(&mut pair);
    for filter in ["a", "c"] {
        subscribe(&mut pair, filter);
    }
    pair.run();
    pair.server.asked.sort();
    assert_eq!(pair.server.asked, ["+c", "-b"]);
}

#[test]
fn a_filter_that_was_not_granted_is_asked_for_again() {
    for offline in [false, true] {
        let mut pair = pair();
        if offline {
            pair.refuses_dials = true;
            pair.cut();
        }
        pair.server.is_mute = true;
        subscribe(&mut pair, "a");
        pair.run();
        restart(&mut pair);
        (pair.server.is_mute, pair.refuses_dials) = (false, false);
        subscribe(&mut pair, "a");
        pair.pass(10_000);
        assert_eq!(pair.server.asked, ["+a"], "offline: {offline}");
    }
}

#[test]
fn a_filter_whose_unsubscribe_was_not_answered_is_not_forgotten() {
    let mut pair = pair();
    let receiver = subscribe(&mut pair, "a");
    pair.run();
    pair.server.is_mute = true;
    pair.agent.unsubscribe(NOW, receiver, "a").unwrap();
    pair.run();
    restart(&mut pair);
    pair.server.is_mute = false;
    pair.run();
    assert_eq!(pair.server.asked, ["-a"]);
    // And its identifier is not another's meanwhile.
    assert!(pair.server.filters.is_empty());
}

#[test]
fn the_identifier_that_the_server_chose_names_the_log_too() {
    let options = Options { client_id: String::new(), ..options() };
    let mut agent = Agent::new(options.clone(), NOW, 0);
    let link = loop {
        match agent.poll_action() {
            Some(Action::Dial { link, .. }) => break link,
            Some(_) => {}
            None => panic!("no dial"),
        }
    };
    agent.dialed(NOW, link, &Login::default());
    let length = agent.transmit(NOW).remaining();
    agent.transmit(NOW).advance(length);
    agent.received(NOW, link, Bytes::from_static(b"\x20\x0a\x00\x00\x07\x12\x00\x04auto"));
    while agent.is_runnable() {
        agent.step(NOW);
    }
    let mut log = Vec::new();
    while let Some((bytes, sequence)) = agent.take_log() {
        log.extend(bytes);
        agent.stored(NOW, sequence);
    }
    let mut snapshot = Vec::new();
    agent.snapshot(&mut |piece| snapshot.extend_from_slice(piece)).unwrap();
    for log in [log, snapshot] {
        let (mut agent, used) = Agent::recover(options.clone(), NOW, 0, &log).unwrap();
        assert_eq!(used, log.len());
        let link = std::iter::from_fn(|| agent.poll_action()).find_map(|action| match action {
            Action::Dial { link, .. } => Some(link),
            _ => None,
        });
        agent.dialed(NOW, link.unwrap(), &Login::default());
        assert!(agent.transmit(NOW).chunk().ends_with(b"\x00\x04auto"));
    }
}

#[test]
fn a_number_of_the_program_goes_with_its_message_alone() {
    let mut pair = pair();
    let before = pair.log.len();
    let tagged = Outgoing { tag: 77, ..Outgoing::new("a", "1").qos(QoS::AtLeastOnce) };
    pair.server.is_mute = true;
    pair.agent.publish(NOW, tagged).unwrap();
    pair.run();
    // Its own record is there, the engine's is torn off.
    let torn =
        (before..pair.log.len()).find(|cut| Agent::recover(options(), NOW, 0, &pair.log[..*cut]).unwrap().1 > before);
    pair.log.truncate(torn.unwrap());
    restart(&mut pair);
    pair.agent.publish(NOW, Outgoing::new("a", "2").qos(QoS::AtLeastOnce)).unwrap();
    pair.run();
    restart(&mut pair);
    pair.events.clear();
    pair.run();
    let tags = pair.events.iter().filter_map(|event| match event {
        Event::Recovered { tag, .. } => Some(*tag),
        _ => None,
    });
    assert_eq!(tags.collect::<Vec<_>>(), [0]);
}

/// Whether CONNECT to this server would begin the session anew.
fn is_clean(log: &[u8], options: &Options, server: u16) -> bool {
    let (mut agent, _) = Agent::recover(options.clone(), NOW, 0, log).unwrap();
    agent.dial(NOW, Some(ServerId(server)));
    let mut link = None;
    while let Some(action) = agent.poll_action() {
        if let Action::Dial { link: id, server: to, .. } = action {
            link = (to == ServerId(server)).then_some(id).or(link);
        }
    }
    agent.dialed(NOW, link.unwrap(), &Login::default());
    while let Some((_, sequence)) = agent.take_log() {
        agent.stored(NOW, sequence); // a clean start waits for its record
    }
    agent.transmit(NOW).chunk()[9] & 2 != 0
}

#[test]
fn a_session_meets_no_other_realm_wherever_the_log_ends() {
    let servers = vec![Server::in_realm(Realm(0)), Server::in_realm(Realm(1))];
    let options = Options { servers, ..options() };
    let mut pair = Pair::new(Agent::new(options.clone(), NOW, 0));
    pair.run();
    let first = pair.log.len();
    pair.server.is_mute = true;
    pair.agent.publish(NOW, Outgoing::new("a", "1").qos(QoS::ExactlyOnce)).unwrap();
    pair.run();
    pair.server = common::Server::default();
    pair.agent.dial(NOW, Some(ServerId(1)));
    pair.run();
    assert_eq!(pair.server.connects, [true]);
    for cut in first..=pair.log.len() {
        let log = &pair.log[..cut];
        let clean = [0, 1].map(|server| is_clean(log, &options, server));
        assert!(clean == [false, true] || clean == [true, false], "{clean:?} at {cut}");
    }
    assert!(is_clean(&pair.log, &options, 0) && !is_clean(&pair.log, &options, 1));
}

#[test]
fn a_store_that_is_mended_brings_the_link_back() {
    let mut pair = pair();
    pair.store_fails = true;
    pair.agent.publish(NOW, Outgoing::new("a", "1").qos(QoS::AtLeastOnce)).unwrap();
    pair.run();
    assert!(pair.events.contains(&Event::StoreFailed));
    let refused = pair.agent.publish(NOW, Outgoing::new("a", "2").qos(QoS::AtLeastOnce)).unwrap_err();
    assert_eq!(refused.why, Refusal::StoreFailed);
    assert!(!pair.agent.is_connected() && pair.server.taken.is_empty());
    // Each failure is followed by a pause, never by another attempt at once.
    let before = pair.compactions;
    pair.pass(100_000);
    assert!(pair.compactions - before <= 11, "{}", pair.compactions - before);
    assert_eq!(pair.dials.len(), 1);
    pair.store_fails = false;
    pair.pass(20_000);
    assert!(pair.agent.is_connected());
    assert_eq!(pair.server.taken.len(), 1);
}

#[test]
fn nothing_leaves_before_it_is_durable() {
    let mut pair = pair();
    let ticket = pair.agent.publish(NOW, Outgoing::new("a", "1").qos(QoS::AtLeastOnce)).unwrap().ticket;
    let (bytes, sequence) = pair.agent.take_log().unwrap();
    assert_eq!(pair.agent.transmit(NOW).remaining(), 0);
    pair.agent.stored(NOW, sequence - 1);
    assert_eq!(pair.agent.transmit(NOW).remaining(), 0);
    pair.log.extend(bytes);
    pair.agent.stored(NOW, sequence);
    pair.run();
    assert!(matches!(pair.agent.take_end(ticket), Some(End::Acknowledged(_))));
}
