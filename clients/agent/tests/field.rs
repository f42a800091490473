//! What failed in the field with other clients, played to the agent.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod common;

use common::{Pair, Poison};
use pure_mqtt::wire::{Acknowledgement, Packet, Publish};
use pure_mqtt::{Limits, OnSessionLoss, PacketId, Properties, ReasonCode};
use pure_mqtt_agent::{
    AckMode, Agent, Bytes, CleanStart, End, Event, FilterOptions, Instant, LinkEnd, Options, Outgoing, QoS, Qos0Queue,
    Receiver, Version,
};

const NOW: Instant = Instant::from_millis(0);

fn pair(options: Options) -> Pair {
    let mut pair = Pair::new(Agent::new(options, NOW, 0));
    pair.run();
    pair
}

fn subscribe(pair: &mut Pair, filter: &str, qos: QoS) -> Receiver {
    let receiver = pair.agent.receiver(AckMode::OnNext, Qos0Queue::DropOldest(u16::MAX));
    pair.agent.subscribe(pair.now, receiver, &[(filter, qos)], FilterOptions::default()).unwrap();
    receiver
}

/// 1,500 messages at QoS 0 in one burst.
fn burst(pair: &mut Pair) {
    let mut bytes = Vec::new();
    for _ in 0..1_500 {
        let (topic, payload, properties) = ("a", &b"12345"[..], Properties::NONE);
        let publish = Publish { dup: false, qos: QoS::AtMostOnce, retain: false, topic, id: None, properties, payload };
        let mut room = [0; 64];
        let length = Packet::Publish(publish).encode(Version::V5, &mut room).unwrap();
        bytes.extend_from_slice(&room[..length]);
    }
    pair.agent.received(pair.now, pair.link.unwrap(), Bytes::from(bytes));
}

/// Bytes that leave now.
fn output(pair: &mut Pair) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut transmit = pair.agent.transmit(pair.now);
    while !transmit.chunk().is_empty() {
        let length = transmit.chunk().len();
        bytes.extend_from_slice(transmit.chunk());
        transmit.advance(length);
    }
    bytes
}

/// One turn of a face whose callbacks take 20 ms; the messages that it handled.
fn slow_turn(pair: &mut Pair, receiver: Receiver) -> u32 {
    pair.agent.handle_timeout(pair.now);
    let event = pair.agent.step(pair.now);
    assert!(!matches!(event, Some(Event::LinkDown { .. })), "{event:?}");
    let mut handled = 0;
    while pair.agent.next(pair.now, receiver).is_some() {
        handled += 1;
        pair.now = pair.now.after_millis(20);
    }
    handled
}

#[test]
fn a_slow_callback_costs_neither_the_keep_alive_nor_messages() {
    let mut pair = pair(Options { keep_alive: 4, ..Options::new("a", 1) });
    let receiver = subscribe(&mut pair, "a", QoS::AtMostOnce);
    pair.run();
    burst(&mut pair);
    let (mut handled, mut silent_since) = (0, pair.now);
    while handled < 1_500 {
        let before = pair.now;
        handled += slow_turn(&mut pair, receiver);
        let bytes = output(&mut pair);
        if !bytes.is_empty() {
            assert_eq!(bytes, [0xC0, 0]);
            silent_since = pair.now;
        }
        assert!(pair.now.millis_since(silent_since) <= 4_020, "silent for {}", pair.now.millis_since(silent_since));
        assert!(pair.now.millis_since(before) <= 20, "a turn takes one message");
    }
    assert!(pair.agent.is_connected());
}

#[test]
fn disconnect_in_a_burst_is_followed_by_one_more_message_at_most() {
    let mut pair = pair(Options::new("a", 1));
    let receiver = subscribe(&mut pair, "a", QoS::AtMostOnce);
    pair.run();
    burst(&mut pair);
    while slow_turn(&mut pair, receiver) == 0 {}
    pair.agent.disconnect(pair.now);
    assert_eq!(output(&mut pair)[0], 0xE0);
    let mut more = 0;
    while pair.agent.is_runnable() {
        pair.agent.step(pair.now);
        more += std::iter::from_fn(|| pair.agent.next(pair.now, receiver)).count();
    }
    assert!(more <= 1, "{more} more");
}

#[test]
fn ones_own_message_comes_back_with_many_filters_too() {
    for version in Version::ALL {
        let mut pair = Pair::new(Agent::new(Options { version, ..Options::new("a", 1) }, NOW, 0));
        for filter in 0..100 {
            subscribe(&mut pair, &format!("f/{filter}"), QoS::AtLeastOnce);
        }
        for filter in 0..100 {
            pair.agent.publish(NOW, Outgoing::new(format!("f/{filter}"), "x").qos(QoS::AtLeastOnce)).unwrap();
        }
        pair.run();
        let first = pair.server.asked.iter().position(|asked| asked.starts_with('!')).unwrap();
        assert!(pair.server.asked[first..].iter().all(|asked| asked.starts_with('!')), "{version}");
        assert_eq!(pair.agent.stats().received, 100);
    }
}

#[test]
fn a_reset_while_one_shuts_down_ends_everything_once() {
    for cut_at in 0..4 {
        let mut pair = pair(Options::new("a", 1));
        pair.server.is_mute = true;
        pair.refuses_dials = true;
        let ticket = pair.agent.publish(NOW, Outgoing::new("a", "1").qos(QoS::AtLeastOnce)).unwrap().ticket;
        let flush = pair.agent.flush(NOW, None);
        let cut = |pair: &mut Pair, place| {
            if place == cut_at {
                pair.cut();
            }
        };
        cut(&mut pair, 0);
        pair.agent.disconnect(NOW);
        cut(&mut pair, 1);
        pair.agent.shutdown(NOW, NOW.after_millis(1_000));
        cut(&mut pair, 2);
        pair.run();
        cut(&mut pair, 3);
        pair.pass(10_000);
        assert!(pair.agent.is_done(), "cut at {cut_at}");
        assert_eq!(pair.agent.take_end(ticket), Some(End::Shutdown));
        assert_eq!(pair.agent.take_end(flush), Some(End::Shutdown));
        let downs = pair.events.iter().filter(|event| matches!(event, Event::LinkDown { .. })).count();
        assert_eq!(downs, 1, "{:?}", pair.events);
    }
}

#[test]
fn what_the_server_took_over_and_lost_is_told_as_perhaps_not_delivered() {
    for on_session_loss in [OnSessionLoss::Republish, OnSessionLoss::Abort] {
        let limits = Limits { on_session_loss, ..Options::LIMITS };
        let mut pair = pair(Options { limits, ..Options::new("a", 1) });
        pair.server.is_mute = true;
        let ticket = pair.agent.publish(NOW, Outgoing::new("a", "1").qos(QoS::ExactlyOnce)).unwrap().ticket;
        pair.run();
        let link = pair.link.unwrap();
        let mut room = [0; 8];
        let received = Acknowledgement::new(PacketId::new(1).unwrap());
        let length = Packet::PubRec(received).encode(Version::V5, &mut room).unwrap();
        pair.agent.received(NOW, link, Bytes::copy_from_slice(&room[..length]));
        pair.run();
        pair.cut();
        pair.server.lose_session();
        pair.server.is_mute = false;
        pair.pass(10_000);
        assert_eq!(pair.agent.take_end(ticket), Some(End::SessionLost { was_received: true }));
        assert!(!End::SessionLost { was_received: true }.is_success());
    }
}

#[test]
fn a_server_that_accepts_and_throws_out_sees_ever_longer_pauses() {
    let mut pair = pair(Options::new("a", 1));
    let mut dials = Vec::new();
    while pair.now < NOW.after_millis(3_600_000) {
        let before = pair.dials.len();
        pair.pass(100);
        if pair.agent.is_connected() {
            let mut disconnect = pure_mqtt::Disconnect::default();
            disconnect.reason = ReasonCode::QUOTA_EXCEEDED;
            pair.server.send(&Packet::Disconnect(disconnect));
            pair.run();
        }
        if pair.dials.len() > before {
            dials.push(pair.now);
        }
    }
    assert!(dials.len() < 90, "{} links in an hour", dials.len());
    let is_told = |event: &Event| matches!(event, Event::SameEndAgain { why: LinkEnd::Server { .. }, .. });
    assert!(pair.events.iter().any(is_told));
}

/// One message that a server hangs up at among innocent ones at the other guarantee, with each way to begin a session.
#[test]
fn a_message_that_links_die_of_is_found_and_given_up_and_no_other() {
    for (poison, qos) in
        [(Poison::Publish, QoS::AtLeastOnce), (Poison::Publish, QoS::ExactlyOnce), (Poison::Release, QoS::ExactlyOnce)]
    {
        for clean_start in [CleanStart::First, CleanStart::Always, CleanStart::Never] {
            for version in [Version::V311, Version::V5] {
                let case = format!("{poison:?} {qos:?} {clean_start:?} {version}");
                let options = Options { clean_start, version, max_attempts: 4, ..Options::new("a", 1) };
                let mut pair = pair(options);
                pair.server.poison = poison;
                let innocent = |pair: &mut Pair, qos| {
                    pair.agent.publish(pair.now, Outgoing::new("a", "1").qos(qos)).unwrap().ticket
                };
                let mut innocents = vec![innocent(&mut pair, QoS::ExactlyOnce)];
                let guilty = pair.agent.publish(pair.now, Outgoing::new("poison", "1").qos(qos)).unwrap().ticket;
                innocents.push(innocent(&mut pair, QoS::AtLeastOnce));
                innocents.push(innocent(&mut pair, QoS::ExactlyOnce));
                pair.pass(3_600_000);
                for ticket in innocents {
                    let end = pair.agent.take_end(ticket);
                    let is_lost = end == Some(End::SessionLost { was_received: true }); // by the clean start: past PUBREC
                    let is_right = is_lost && clean_start == CleanStart::Always;
                    assert!(
                        is_right || matches!(end, Some(End::Acknowledged(_))),
                        "{case}: an innocent message: {end:?}"
                    );
                }
                let is_wrong = |event: &Event| matches!(event, Event::Suspect { ticket, .. } if *ticket != guilty);
                assert!(!pair.events.iter().any(is_wrong), "{case}: {:?}", pair.events);
                let end = pair.agent.take_end(guilty);
                let is_found = match end {
                    Some(End::AttemptsUsedUp(4)) => true,
                    // Past PUBREC the server has it: in a new session there is nothing to release.
                    Some(End::SessionLost { was_received: true }) => {
                        poison == Poison::Release && clean_start == CleanStart::Always
                    }
                    _ => false,
                };
                assert!(is_found, "{case}: {end:?} {:?}", pair.events);
            }
        }
    }
}

#[test]
fn a_release_that_is_never_answered_holds_nothing_back_for_long() {
    let mut pair = pair(Options::new("a", 1));
    pair.server.poison = Poison::MuteRelease;
    pair.agent.publish(pair.now, Outgoing::new("poison", "1").qos(QoS::ExactlyOnce)).unwrap();
    for _ in 0..2 {
        pair.run();
        pair.cut();
        pair.pass(10_000);
    }
    let behind = pair.agent.publish(pair.now, Outgoing::new("a", "1").qos(QoS::AtLeastOnce)).unwrap().ticket;
    pair.run();
    assert_eq!(pair.agent.take_end(behind), None, "the link is a cautious one");
    pair.pass(60_000);
    assert!(matches!(pair.agent.take_end(behind), Some(End::Acknowledged(_))));
}
