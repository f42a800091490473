//! Everything that happens because time passes.

use crate::common::broker::{Act, Config, Packet, When};
use crate::common::pair::{CLIENT, Pair, Seen, Start, Wire};
use pure_mqtt::{
    Cause, Command, Connect, ConnectionError, Heap, Instant, Limits, Property, Publish, QoS, Timer, TopicName, Version,
};

fn up_with(version: Version, keep_alive: u16, limits: Limits) -> Pair {
    let mut pair = Pair::with_limits(limits);
    pair.open(&Connect::new(version, CLIENT).keep_alive(keep_alive));
    pair.drive();
    pair.seen.clear();
    pair
}

// Keep alive.

#[test]
fn silence_is_broken_by_pingreq() {
    // [MQTT-3.1.2-20]
    for version in Version::ALL {
        let mut pair = up_with(version, 10, Limits::DEFAULT);
        assert_eq!(pair.client.next_timer(), Some((Timer::KeepAlive, pair.now().after_secs(10))));
        pair.run_for(9_999);
        assert!(pair.lines("PINGREQ").is_empty());
        pair.run_for(1);
        assert_eq!(pair.seen, [Seen::PingResp]);
        pair.run_for(90_000);
        assert_eq!(pair.lines("PINGREQ").len(), 10);
        pair.assert_idle();
    }
}

/// Input does not postpone it, since the server waits for output; and output does not postpone it, since a dead server would not be
/// noticed.
#[test]
fn traffic_in_one_direction_alone_is_not_enough() {
    for version in Version::ALL {
        let mut pair = up_with(version, 10, Limits::DEFAULT);
        pair.subscribe("#", QoS::AtMostOnce);
        pair.drive();
        for _ in 0..30 {
            pair.broker.publish("in", b"x", 0, false);
            pair.run_for(1_000);
        }
        assert!((2..=3).contains(&pair.lines("PINGREQ").len()), "{}", pair.lines("PINGREQ").len());
        assert!(pair.client.is_connected());
        pair.unsubscribe("#");
        pair.drive();
        let before = pair.lines("PINGREQ").len();
        for _ in 0..30 {
            pair.send("out", QoS::AtMostOnce);
            pair.run_for(1_000);
        }
        assert!((2..=3).contains(&(pair.lines("PINGREQ").len() - before)));
    }
}

#[test]
fn traffic_in_both_directions_needs_no_pingreq() {
    let mut pair = up_with(Version::V311, 10, Limits::DEFAULT);
    for _ in 0..30 {
        pair.send("x", QoS::AtLeastOnce);
        pair.run_for(1_000);
    }
    assert!(pair.lines("PINGREQ").is_empty());
}

/// A dead peer is noticed although we keep sending.
#[test]
fn a_peer_that_vanished_is_noticed() {
    for version in Version::ALL {
        for talks in [false, true] {
            let mut pair = up_with(version, 10, Limits::DEFAULT);
            pair.wire.dead = true;
            let start = pair.now();
            while pair.failure().is_none() {
                assert!(pair.now().millis_since(start) < 21_000, "talks: {talks}");
                if talks {
                    pair.send("anybody there?", QoS::AtMostOnce);
                }
                pair.run_for(500);
            }
            assert_eq!(pair.failure(), Some(ConnectionError::KeepAliveTimeout));
            assert!(pair.now().millis_since(start) >= 20_000);
        }
    }
}

#[test]
fn pingresp_has_its_own_time() {
    for version in Version::ALL {
        let limits = Limits { pingresp_timeout: 1_500, ..Limits::DEFAULT };
        let mut pair = up_with(version, 10, limits);
        pair.broker.script(When::sends(Packet::PingResp), Act::Lose);
        pair.subscribe("#", QoS::AtMostOnce);
        pair.run_for(11_499);
        pair.broker.publish("other", b"traffic", 0, false); // means nothing for the question asked
        pair.drive();
        assert_eq!(pair.failure(), None);
        pair.run_for(1);
        assert_eq!(pair.failure(), Some(ConnectionError::KeepAliveTimeout));
        let said_why = usize::from(version == Version::V5);
        assert_eq!(
            pair.lines("DISCONNECT").len(),
            said_why,
            "with a code that a client may use, or the broker complains"
        );
        pair.broker.clear_script();
        pair.seen.clear();
        pair.connect(version, Start::Resume);
        pair.run_for(20_000);
        assert!(pair.client.is_connected(), "the question died with its link");
    }
}

/// PINGRESP can only come behind the packet that is arriving.
#[test]
fn a_packet_that_makes_progress_is_waited_for() {
    for version in Version::ALL {
        let mut pair = up_with(version, 2, Limits::DEFAULT);
        pair.broker.config_mut().enforce_keep_alive = false;
        pair.subscribe("#", QoS::AtMostOnce);
        pair.drive();
        pair.wire.max_read = 1;
        pair.broker.publish("t", &[7; 50], 0, false);
        pair.seen.clear();
        while pair.arrived().is_empty() {
            // One byte in 900 milliseconds: 50 bytes take much longer than the deadline.
            assert!(pair.client.is_connected(), "{:?}", pair.failure());
            pair.sleep(900);
            pair.timeout();
            pair.step();
        }
        assert_eq!(pair.arrived()[0].payload, [7; 50]);
        pair.wire = Wire::default();
        pair.run_for(10_000);
        assert!(pair.client.is_connected());
    }
}

#[test]
fn a_packet_that_stops_is_not() {
    for version in Version::ALL {
        let mut pair = up_with(version, 2, Limits::DEFAULT);
        pair.subscribe("#", QoS::AtMostOnce);
        pair.drive();
        pair.inject(b"\x30\x7F\x00\x01t");
        pair.drive();
        pair.broker.script(When::sends(Packet::PingResp), Act::Lose);
        pair.run_for(3_999);
        assert_eq!(pair.failure(), None);
        pair.run_for(1);
        assert_eq!(pair.failure(), Some(ConnectionError::KeepAliveTimeout));
    }
}

#[test]
fn keep_alive_0_is_none() {
    for version in Version::ALL {
        let mut pair = up_with(version, 0, Limits::DEFAULT);
        assert_eq!(pair.client.poll_timeout(), None);
        pair.run_for(1 << 40);
        assert!(pair.client.is_connected());
        assert!(pair.lines("PINGREQ").is_empty());
    }
}

#[test]
fn the_server_may_set_the_keep_alive() {
    for (server, pings) in [(5, 12), (0, 0), (65_535, 0)] {
        let mut pair = Pair::with_config(Config { server_keep_alive: Some(server), ..Config::default() });
        pair.open(&Connect::new(Version::V5, CLIENT).keep_alive(30));
        pair.drive();
        assert_eq!(pair.client.keep_alive(), server);
        pair.run_for(60_000);
        assert_eq!(pair.lines("PINGREQ").len(), pings);
        pair.cut();
        pair.broker.config_mut().server_keep_alive = None;
        pair.open(&Connect::new(Version::V5, CLIENT).keep_alive(30));
        pair.drive();
        assert_eq!(pair.client.keep_alive(), 30, "the server's wish died with its link");
    }
}

#[test]
fn a_ping_nobody_asked_for_means_nothing() {
    let mut pair = up_with(Version::V311, 10, Limits::DEFAULT);
    for _ in 0..100 {
        pair.inject(b"\xD0\x00");
    }
    pair.drive();
    assert!(pair.seen.is_empty());
    pair.run_for(10_000);
    assert_eq!(pair.lines("PINGREQ").len(), 1);
}

#[test]
fn time_may_repeat_jump_and_go_back() {
    for version in Version::ALL {
        let mut pair = up_with(version, 10, Limits::DEFAULT);
        let now = pair.now();
        pair.client.handle_timeout(now).unwrap();
        pair.client.handle_timeout(Instant::from_millis(0)).unwrap();
        let (_, due) = pair.client.next_timer().unwrap();
        assert_eq!(due, now.after_secs(10));
        // Asleep for a day: one PINGREQ, and no time-out before it could leave.
        pair.broker.config_mut().enforce_keep_alive = false;
        pair.sleep(86_400_000);
        pair.timeout();
        pair.timeout();
        pair.drive();
        assert_eq!(pair.seen, [Seen::PingResp]);
        assert_eq!(pair.lines("PINGREQ").len(), 1);
    }
}

// Deadlines of acknowledgements.

#[test]
fn acknowledgements_can_be_watched() {
    for version in Version::ALL {
        let limits = Limits { ack_timeout: 5_000, ..Limits::DEFAULT };
        let mut pair = up_with(version, 0, limits);
        pair.run_for(100_000);
        assert!(pair.client.is_connected());
        pair.broker.config_mut().hold_acks = true;
        for _ in 0..3 {
            pair.send("x", QoS::ExactlyOnce);
        }
        pair.run_for(4_000);
        pair.broker.release_acks(); // three PUBRECs, so that PUBREL is what is unanswered
        pair.run_for(5_999);
        assert_eq!(pair.failure(), None, "PUBREL has been out for 5,999 ms, and was seen once");
        pair.run_for(5_001);
        assert_eq!(pair.failure(), Some(ConnectionError::AckTimeout));
    }
}

// Timed retry.

#[test]
fn before_5_0_unacknowledged_messages_can_be_sent_again_after_a_while() {
    for version in Version::ALL {
        let limits = Limits { retry_interval: 1_000, ..Limits::DEFAULT };
        let mut pair = up_with(version, 0, limits);
        pair.broker.config_mut().hold_acks = true;
        let handles = [pair.send("1", QoS::AtLeastOnce), pair.send("2", QoS::ExactlyOnce)];
        pair.run_for(900);
        assert_eq!(pair.lines("PUBLISH").len(), 2);
        pair.run_for(1_100);
        let again = if version == Version::V5 { 0 } else { 2 };
        assert_eq!(pair.lines("PUBLISH").len(), 2 + again, "{version:?}");
        assert_eq!(pair.lines("PUBLISH").iter().filter(|line| line.contains(" dup")).count(), again);
        while pair.broker.held_acks() > 0 {
            pair.broker.release_acks();
            pair.drive();
        }
        let mut ended = pair.acknowledged();
        ended.sort();
        assert_eq!(ended, handles);
        assert_eq!(pair.released().iter().filter(|payload| *payload == "2").count(), 1);
        assert_eq!(pair.failure(), None);
        pair.assert_idle();
        pair.run_for(10_000);
        assert_eq!(pair.client.poll_timeout(), None);
    }
}

#[test]
fn a_pubrel_is_sent_again_too() {
    for version in [Version::V31, Version::V311] {
        let limits = Limits { retry_interval: 1_000, ..Limits::DEFAULT };
        let mut pair = up_with(version, 0, limits);
        pair.broker.config_mut().hold_acks = true;
        pair.send("1", QoS::ExactlyOnce);
        pair.drive();
        pair.broker.release_acks();
        pair.drive();
        assert_eq!(pair.lines("PUBREL").len(), 1);
        pair.run_for(2_000);
        assert_eq!(pair.lines("PUBREL").len(), 2);
        assert_eq!(pair.lines("PUBLISH").len(), 1);
        pair.broker.release_acks();
        pair.drive();
        assert_eq!(pair.acknowledged().len(), 1);
        pair.assert_idle();
    }
}

/// The acknowledgement comes while the same message is on its way a second time, at any byte of it.
#[test]
fn an_acknowledgement_that_crosses_a_retry_does_no_harm() {
    for version in [Version::V31, Version::V311] {
        for strict in [false, true] {
            for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
                for bytes in 0..12 {
                    let limits = Limits { retry_interval: 1_000, strict, ..Limits::DEFAULT };
                    let mut pair = up_with(version, 0, limits);
                    pair.is_well_behaved = false; // to the broker this looks like a new message with DUP
                    pair.broker.config_mut().hold_acks = true;
                    pair.send("first", qos);
                    pair.drive();
                    pair.wire.stalled = true;
                    pair.run_for(2_000);
                    pair.wire = Wire { max_write: 1, ..Wire::default() };
                    let _ = pair.client.transmit(pair.clock.now()); // stages the message
                    for _ in 0..bytes {
                        pair.write();
                    }
                    pair.broker.config_mut().hold_acks = false;
                    pair.broker.release_acks();
                    pair.wire.stalled = true; // the acknowledgement comes before more leaves
                    pair.drive();
                    pair.wire.stalled = false;
                    pair.drive();
                    assert_eq!(pair.failure(), None, "{version:?} {qos:?}, strict {strict}, {bytes} bytes out");
                    assert_eq!(pair.acknowledged().len(), 1);
                    let most = if qos == QoS::ExactlyOnce { 1 } else { 2 };
                    assert!((1..=most).contains(&pair.released().len()));
                    pair.assert_idle();
                }
            }
        }
    }
}

// Message expiry.

fn expiring(seconds: u32) -> [Property<'static>; 1] {
    [Property::MessageExpiryInterval(seconds)]
}

fn send_expiring(pair: &mut Pair, payload: &str, qos: QoS, seconds: u32) -> pure_mqtt::Handle {
    let properties = expiring(seconds);
    let publish = Publish::new(TopicName::new("t").unwrap(), payload).qos(qos).properties(&properties[..]);
    pair.try_publish(&publish).unwrap().handle
}

#[test]
fn queued_messages_expire() {
    for version in Version::ALL {
        let mut pair = Pair::with_limits(Limits { version, ..Limits::DEFAULT });
        let first = send_expiring(&mut pair, "1", QoS::AtLeastOnce, 10);
        send_expiring(&mut pair, "0", QoS::AtMostOnce, 10);
        let second = send_expiring(&mut pair, "2", QoS::ExactlyOnce, 20);
        let third = send_expiring(&mut pair, "3", QoS::ExactlyOnce, 100);
        assert_eq!(pair.client.next_timer(), Some((Timer::Expiry, Instant::from_millis(11_000))));
        pair.run_for(9_999);
        assert!(pair.outcomes.is_empty());
        pair.run_for(1);
        assert_eq!(pair.causes(), [(first, Command::Publish, Cause::Expired)]);
        pair.run_for(10_000);
        assert_eq!(pair.causes()[1..], [(second, Command::Publish, Cause::Expired)]);
        pair.connect(version, Start::Resume);
        pair.drive();
        assert_eq!(pair.released(), ["3"]);
        assert_eq!(pair.acknowledged(), [third]);
        pair.assert_idle();
    }
}

#[test]
fn the_time_left_is_on_the_wire() {
    use crate::common::broker::{Prop, prop_id};
    let mut pair = Pair::with_limits(Limits { version: Version::V5, ..Limits::DEFAULT });
    send_expiring(&mut pair, "x", QoS::AtLeastOnce, 100);
    pair.run_for(30_000);
    pair.connect(Version::V5, Start::Resume);
    pair.broker.config_mut().hold_acks = true;
    pair.drive();
    assert_eq!(pair.broker.released()[0].props, [(prop_id::MESSAGE_EXPIRY, Prop::Four(70))]);
    pair.cut();
    pair.run_for(200_000); // once it was sent, it does not expire any more
    pair.broker.config_mut().hold_acks = false;
    pair.reconnect(Start::Resume);
    assert_eq!(pair.acknowledged().len(), 1);
    assert!(pair.outcomes.is_empty());
}

/// An interval is a promise to wait that long: it may not be cut short because the clock stood late in its second.
#[test]
fn a_message_does_not_expire_early() {
    for offset in [0, 1, 500, 999] {
        let mut pair = Pair::new();
        pair.run_for(offset);
        send_expiring(&mut pair, "x", QoS::AtLeastOnce, 2);
        pair.run_for(1_900);
        assert!(pair.outcomes.is_empty(), "published {offset} ms into a second, it lived for less than 2 s");
        pair.run_for(2_000);
        assert_eq!(pair.outcomes.len(), 1, "published {offset} ms into a second");
    }
}

/// A message that was staged when another one expired, and never left: its own time still comes.
#[test]
fn a_message_that_was_staged_still_expires() {
    let mut pair = Pair::connected(Version::V311);
    pair.wire.stalled = true;
    let staged = send_expiring(&mut pair, "staged", QoS::AtLeastOnce, 30);
    let _ = pair.client.transmit(pair.clock.now());
    let other = send_expiring(&mut pair, "other", QoS::AtLeastOnce, 5);
    pair.run_for(6_000);
    assert_eq!(pair.causes(), [(other, Command::Publish, Cause::Expired)]);
    pair.cut();
    pair.run_for(60_000);
    assert_eq!(pair.causes()[1..], [(staged, Command::Publish, Cause::Expired)], "{:?}", pair.client.next_timer());
}

/// The session is lost and the message is new again, so its time counts again.
#[test]
fn a_message_that_is_published_again_expires() {
    let mut pair = Pair::with(Heap::new(), Limits { max_inflight: 1, ..Limits::DEFAULT }, Config::default());
    pair.broker.config_mut().hold_acks = true;
    pair = pair.up(Version::V5);
    pair.send("first", QoS::AtLeastOnce);
    pair.drive();
    pair.cut();
    pair.reconnect(Start::Clean); // "first" takes the window
    let waiting = send_expiring(&mut pair, "waits", QoS::AtLeastOnce, 10);
    pair.broker.release_acks();
    pair.drive();
    pair.cut(); // it was out
    pair.broker.config_mut().hold_acks = true;
    pair.broker.lose_session(CLIENT);
    pair.wire.stalled = true;
    pair.connect(Version::V5, Start::Resume);
    pair.wire.stalled = false;
    while !pair.client.is_connected() {
        pair.step();
    }
    pair.clock.advance(20_000);
    pair.timeout(); // before anything is shown to the transport
    pair.drive();
    assert_eq!(pair.causes(), [(waiting, Command::Publish, Cause::Expired)]);
}

/// PINGREQ could not even leave.
#[test]
fn a_transport_that_takes_nothing_is_noticed() {
    for version in Version::ALL {
        let mut pair = up_with(version, 10, Limits::DEFAULT);
        pair.broker.config_mut().enforce_keep_alive = false;
        pair.wire.stalled = true;
        pair.send("stuck", QoS::AtLeastOnce);
        pair.run_for(19_999);
        assert_eq!(pair.failure(), None);
        pair.run_for(1);
        assert_eq!(pair.failure(), Some(ConnectionError::KeepAliveTimeout));
    }
}

/// What a timer says is when it is due, not earlier; and once it was seen to, it is not due again at the same time.
#[test]
fn timers_do_not_lie() {
    for version in Version::ALL {
        let limits = Limits { retry_interval: 700, ack_timeout: 100_000, pingresp_timeout: 3_000, ..Limits::DEFAULT };
        let mut pair = up_with(version, 5, limits);
        pair.broker.config_mut().hold_acks = true;
        pair.send("x", QoS::AtLeastOnce);
        send_expiring(&mut pair, "y", QoS::ExactlyOnce, 3);
        pair.drive();
        for _ in 0..50 {
            let Some((timer, at)) = pair.client.next_timer() else { break };
            let early = Instant::from_millis(at.as_millis() - 1);
            if early > pair.now() {
                pair.clock.advance_to(early.as_millis());
                pair.timeout();
                assert_eq!(pair.client.next_timer(), Some((timer, at)), "nothing is due before");
            }
            pair.clock.advance_to(at.as_millis());
            pair.broker.tick(at.as_millis());
            pair.timeout();
            assert_ne!(pair.client.next_timer(), Some((timer, at)), "{timer:?} is due for ever");
            pair.drive();
        }
    }
}
