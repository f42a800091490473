//! Where and when the agent dials, and what a face may say that it shouldn't.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod common;

use common::Pair;
use pure_mqtt::ReasonCode;
use pure_mqtt_agent::{
    Action, Agent, Bytes, Event, FailureClass, Instant, LinkEnd, LinkId, Login, Options, Outgoing, QoS, Realm, Redial,
    Server, ServerId, SrvTarget, Version,
};

const NOW: Instant = Instant::from_millis(0);

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// The dial that the agent asks for, if it does.
fn dial(agent: &mut Agent) -> Option<(LinkId, ServerId)> {
    let mut found = None;
    while let Some(action) = agent.poll_action() {
        if let Action::Dial { link, server, .. } = action {
            found = Some((link, server));
        }
    }
    found
}

fn events(agent: &mut Agent, now: Instant) -> Vec<Event> {
    let mut events = Vec::new();
    while agent.is_runnable() {
        events.extend(agent.step(now));
    }
    events
}

/// Fails every dial for so long, and returns when they came.
fn dials_without_success(agent: &mut Agent, millis: u64, class: FailureClass) -> Vec<u64> {
    let mut now = NOW;
    let mut dials = Vec::new();
    while now <= at(millis) {
        agent.handle_timeout(now);
        while let Some((link, _)) = dial(agent) {
            dials.push(now.as_millis());
            agent.dial_failed(now, link, class, "no", None);
        }
        events(agent, now);
        let Some(next) = agent.poll_timeout() else { break };
        assert!(next > now, "a deadline in the past");
        now = next;
    }
    dials
}

#[test]
fn a_hundred_thousand_clients_come_back_over_the_whole_window() {
    let mut tenths = [0_u32; 10];
    for seed in 0..100_000 {
        let mut agent = Agent::new(Options::new("a", seed), NOW, 0);
        let (link, _) = dial(&mut agent).unwrap();
        agent.dialed(NOW, link, &Login::default());
        let length = agent.transmit(NOW).remaining();
        agent.transmit(NOW).advance(length);
        agent.received(NOW, link, Bytes::from_static(&[0x20, 3, 0, 0, 0]));
        events(&mut agent, NOW);
        assert!(agent.is_connected());
        agent.closed(NOW, link, "the broker restarts");
        let back = if dial(&mut agent).is_some() { 0 } else { agent.poll_timeout().unwrap().as_millis() };
        tenths[(back / 501) as usize] += 1;
    }
    println!("milliseconds after the restart | clients");
    for (tenth, count) in tenths.iter().enumerate() {
        println!(
            "{:>5} to {:>5} | {count:>6} {}",
            tenth * 501,
            (tenth + 1) * 501 - 1,
            "#".repeat(*count as usize / 250)
        );
    }
    assert!(tenths.iter().all(|count| (9_500..10_500).contains(count)), "{tenths:?}");
}

#[test]
fn dials_thin_out_up_to_the_longest_pause() {
    for seed in 0..50 {
        let mut agent = Agent::new(Options::new("a", seed), NOW, 0);
        let dials = dials_without_success(&mut agent, 3_600_000, FailureClass::Passing);
        let late = dials.iter().filter(|at| **at > 1_200_000).count();
        assert!((20..80).contains(&late), "{late} dials in 40 minutes");
        assert!(dials.len() < 100, "{} dials in an hour", dials.len());
    }
}

/// Two clients that throw each other out, and one server.
#[test]
fn two_clients_with_one_identifier_end_up_at_the_longest_pause() {
    let new = |seed| Pair::new(Agent::new(Options::new("same", seed), NOW, 0));
    let mut pairs = [new(1), new(2)];
    pairs.iter_mut().for_each(Pair::run);
    let take_over = |pairs: &mut [Pair; 2], by: usize| {
        let other = &mut pairs[1 - by];
        if other.agent.is_connected() {
            let reason = ReasonCode::SESSION_TAKEN_OVER;
            let mut disconnect = pure_mqtt::Disconnect::default();
            disconnect.reason = reason;
            other.server.send(&pure_mqtt::wire::Packet::Disconnect(disconnect));
            other.run();
            assert!(!other.agent.is_connected());
        }
    };
    take_over(&mut pairs, 1);
    let mut dials = Vec::new();
    let mut now = 0;
    while now < 7_200_000 {
        now += 100;
        for index in 0..2 {
            let before = pairs[index].dials.len();
            pairs[index].pass(100);
            if pairs[index].dials.len() > before {
                dials.push(now);
                take_over(&mut pairs, index);
            }
        }
    }
    let late = dials.iter().filter(|at| **at > 3_600_000).count();
    println!("{} dials in two hours, {late} of them in the second", dials.len());
    assert!(late < 130, "{late} dials within an hour");
    assert!(pairs.iter().any(|pair| pair.events.iter().any(|event| matches!(event, Event::SameEndAgain { .. }))));
}

#[test]
fn refused_credentials_are_told_with_the_first_link_and_not_retried_at_full_pace() {
    for version in Version::ALL {
        let mut pair = Pair::new(Agent::new(Options { version, ..Options::new("a", 1) }, NOW, 0));
        let code = if version == Version::V5 { ReasonCode::NOT_AUTHORIZED } else { ReasonCode(5) };
        pair.server.refuses = Some(code);
        pair.run();
        let is_told = |event: &Event| {
            let LinkEnd::Server { reason, .. } = (match event {
                Event::LinkDown { why, .. } => why,
                _ => return false,
            }) else {
                return false;
            };
            *reason == ReasonCode::NOT_AUTHORIZED
        };
        assert!(pair.events.iter().any(is_told), "{version}: {:?}", pair.events);
        pair.pass(20_000);
        assert!(pair.dials.len() <= 4, "{} dials in 20 seconds", pair.dials.len());
    }
}

#[test]
fn without_retries_the_agent_says_that_it_stops() {
    let options = Options { retry_lasting: false, ..Options::new("a", 1) };
    let mut agent = Agent::new(options, NOW, 0);
    let (link, _) = dial(&mut agent).unwrap();
    agent.dial_failed(NOW, link, FailureClass::Credentials, "no token", None);
    let told = events(&mut agent, NOW);
    assert!(matches!(told[..], [Event::LinkDown { next_dial: None, .. }]), "{told:?}");
    assert_eq!((agent.poll_timeout(), dial(&mut agent)), (None, None));
}

#[test]
fn without_retries_another_version_is_tried_all_the_same() {
    let options = Options { retry_lasting: false, lowest_version: Some(Version::V311), ..Options::new("a", 1) };
    let mut agent = Agent::new(options, NOW, 0);
    let (link, _) = dial(&mut agent).unwrap();
    agent.dialed(NOW, link, &Login::default());
    let length = agent.transmit(NOW).remaining();
    agent.transmit(NOW).advance(length);
    agent.received(NOW, link, Bytes::from_static(&[0x20, 2, 0, 1]));
    events(&mut agent, NOW);
    assert!(dial(&mut agent).is_some());
}

#[test]
fn a_node_that_does_not_serve_is_left_for_the_next_at_once() {
    let servers = vec![Server::in_realm(Realm(0)); 3];
    let mut agent = Agent::new(Options { servers, ..Options::new("a", 1) }, NOW, 0);
    let mut now = NOW;
    let mut tried = Vec::new();
    for server in 0..2 {
        let (link, target) = dial(&mut agent).unwrap();
        tried.push(target);
        agent.dialed(now, link, &Login::default());
        let length = agent.transmit(now).remaining();
        agent.transmit(now).advance(length);
        now = agent.poll_timeout().unwrap();
        assert!(now <= at(2_500 * (server + 1)), "{now:?}");
        agent.handle_timeout(now);
    }
    tried.extend(dial(&mut agent).map(|(_, server)| server));
    tried.sort();
    assert_eq!(tried, [ServerId(0), ServerId(1), ServerId(2)]);
}

#[test]
fn patience_that_one_server_asks_for_holds_up_no_other() {
    let servers = vec![Server::new(), Server::new()];
    let mut agent = Agent::new(Options { servers, ..Options::new("a", 1) }, NOW, 0);
    let (link, _) = dial(&mut agent).unwrap();
    agent.dial_failed(NOW, link, FailureClass::Passing, "busy", Some(at(600_000)));
    let (link, server) = dial(&mut agent).unwrap();
    assert_eq!(server, ServerId(1));
    agent.dial_failed(NOW, link, FailureClass::Passing, "gone", None);
    events(&mut agent, NOW);
    assert_eq!(agent.poll_timeout(), Some(at(600_000)));
}

#[test]
fn records_that_may_not_be_kept_hold_for_one_dial() {
    let servers = vec![Server { has_srv: true, ..Server::new() }];
    let mut agent = Agent::new(Options { servers, ..Options::new("a", 1) }, NOW, 0);
    assert_eq!(agent.poll_action(), Some(Action::Resolve { server: ServerId(0), not_after: at(30_000) }));
    let target = SrvTarget { host: "a.example", port: 1883, priority: 0, weight: 0 };
    agent.resolved(NOW, ServerId(0), &[target], 0);
    let action = agent.poll_action();
    assert!(matches!(&action, Some(Action::Dial { host: Some(host), .. }) if host.name == "a.example"), "{action:?}");
    // An answer that nobody asked for changes nothing.
    agent.resolved(NOW, ServerId(0), &[], 0);
    agent.resolved(NOW, ServerId(77), &[target], 0);
    assert_eq!(agent.poll_action(), None);
}

#[test]
fn records_that_could_not_be_had_are_asked_for_again_and_the_name_is_never_dialled() {
    let servers = vec![Server { has_srv: true, ..Server::new() }];
    let redial = Redial::Agent { min: 1, max: 1, stands_after: 30_000 };
    let mut agent = Agent::new(Options { servers, redial, ..Options::new("a", 1) }, NOW, 0);
    let is_asked = |agent: &mut Agent, now| {
        agent.handle_timeout(at(now));
        while agent.step(at(now)).is_some() {}
        matches!(agent.poll_action(), Some(Action::Resolve { .. }))
    };
    assert!(is_asked(&mut agent, 0));
    agent.not_resolved(NOW, ServerId(0), FailureClass::Lasting, "there is no such name");
    let why = LinkEnd::NotDialed(FailureClass::Lasting, "there is no such name".into());
    assert!(matches!(agent.step(NOW), Some(Event::LinkDown { why: told, .. }) if told == why));
    assert!(is_asked(&mut agent, 1));
    agent.resolved(at(1), ServerId(0), &[], 3_600); // there are none
    assert!(is_asked(&mut agent, 2));
    agent.handle_timeout(at(40_000));
    while agent.step(at(40_000)).is_some() {}
    assert!(is_asked(&mut agent, 40_001), "no answer is a failure as well");
    let target = SrvTarget { host: "a.example", port: 1883, priority: 0, weight: 0 };
    agent.resolved(at(40_001), ServerId(0), &[target], 3_600);
    assert!(matches!(agent.poll_action(), Some(Action::Dial { host: Some(_), .. })));
}

#[test]
fn a_hostile_face_does_no_harm() {
    let mut pair = Pair::new(Agent::new(Options::new("a", 1), NOW, 0));
    pair.run();
    let old = pair.link.unwrap();
    pair.cut();
    pair.agent.dial(NOW, None);
    pair.run();
    let link = pair.link.unwrap();
    assert_ne!(old, link);
    let (agent, login) = (&mut pair.agent, Login::default());
    for id in [old, LinkId::default()] {
        agent.dialed(NOW, id, &login);
        agent.dial_failed(NOW, id, FailureClass::Lasting, "late", Some(at(u64::MAX)));
        agent.received(NOW, id, Bytes::from_static(b"\xff\xff\xff\xff"));
        agent.closed(NOW, id, "late");
    }
    agent.dialed(NOW, link, &login);
    agent.dial_failed(NOW, link, FailureClass::Lasting, "late", None);
    agent.received(NOW, link, Bytes::new());
    agent.handle_timeout(NOW);
    agent.stored(NOW, u64::MAX);
    agent.log_replaced(NOW, 0);
    agent.store_failed(NOW);
    agent.resolved(NOW, ServerId(9), &[], 0);
    pair.run();
    assert!(pair.agent.is_connected());
    let ticket = pair.agent.publish(NOW, Outgoing::new("a", "1").qos(QoS::ExactlyOnce)).unwrap().ticket;
    pair.run();
    assert!(pair.agent.take_end(ticket).unwrap().is_success());
    assert_eq!(pair.dials.len(), 2);
}

#[test]
fn with_a_host_that_dials_the_agent_never_does() {
    let options = Options { redial: Redial::Host, ..Options::new("a", 1) };
    let mut pair = Pair::new(Agent::new(options, NOW, 0));
    pair.pass(600_000);
    assert!(pair.dials.is_empty());
    pair.agent.dial(pair.now, None);
    pair.run();
    assert!(pair.agent.is_connected());
    pair.cut();
    pair.pass(600_000);
    assert_eq!(pair.dials.len(), 1);
}

/// A program that wants no other link has to hear of the end first, also where the pause is none.
#[test]
fn the_end_of_a_link_is_told_before_the_next_dial() {
    let redial = Redial::Agent { min: 0, max: 0, stands_after: 30_000 };
    let mut agent = Agent::new(Options { redial, ..Options::new("a", 1) }, Instant::from_millis(0), 0);
    let now = Instant::from_millis(0);
    for _ in 0..3 {
        let Some(Action::Dial { link, .. }) = agent.poll_action() else { panic!("no dial") };
        agent.dialed(now, link, &Login::default());
        agent.closed(now, link, "connection reset by peer");
        let dials = core::iter::from_fn(|| agent.poll_action()).any(|action| matches!(action, Action::Dial { .. }));
        assert!(!dials, "before LinkDown");
        let events: Vec<_> = core::iter::from_fn(|| agent.step(now)).collect();
        assert!(matches!(events.last(), Some(Event::LinkDown { .. })), "{events:?}");
    }
    assert!(matches!(agent.poll_action(), Some(Action::Dial { .. })));
    let mut agent = Agent::new(Options { redial, ..Options::new("a", 1) }, now, 0);
    let Some(Action::Dial { link, .. }) = agent.poll_action() else { panic!("no dial") };
    agent.dialed(now, link, &Login::default());
    agent.closed(now, link, "connection reset by peer");
    agent.step(now);
    agent.disconnect(now);
    assert!(core::iter::from_fn(|| agent.poll_action()).all(|action| !matches!(action, Action::Dial { .. })));
}
