//! Messages that arrive, and their acknowledgements: automatic or by hand, in time or too late, with room or without.

use crate::common::broker::Config;
use crate::common::pair::{Fate, Pair, Seen, Start, Wire};
use pure_mqtt::wire::Violation;
use pure_mqtt::{
    Ack, ConnectionError, Fixed, Heap, Limits, Property, QoS, ReasonCode, RequestError, State, Storage, Version,
};

const LEVELS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

fn by_hand() -> Limits {
    Limits { manual_acks: true, ..Limits::DEFAULT }
}

fn subscribed<S: Storage>(pair: Pair<S>, version: Version) -> Pair<S> {
    let mut pair = pair.up(version);
    pair.subscribe("#", QoS::ExactlyOnce);
    pair.drive();
    pair.seen.clear();
    pair
}

/// A QoS 2 message arrives, its PUBREC leaves, and the link is cut before PUBREL comes: its identifier 1 stays open.
fn leave_open(pair: &mut Pair) {
    pair.broker.publish("t", b"old", 2, false);
    while pair.arrived().is_empty() {
        pair.step();
    }
    pair.wire.max_read = 1;
    while pair.lines("PUBREC").is_empty() {
        pair.step();
    }
    pair.cut();
    pair.wire.max_read = 4096;
}

/// The server takes CONNECT, but its CONNACK is lost with the link.
fn open_unheard(pair: &mut Pair, version: Version, start: Start) {
    let before = (pair.lines("CONNECT").len(), pair.client.stats().links);
    pair.connect(version, start);
    pair.wire.max_read = 1;
    while pair.lines("CONNECT").len() == before.0 {
        pair.step();
    }
    pair.cut();
    pair.wire.max_read = 4096;
    assert_eq!(pair.client.stats().links, before.1);
}

#[test]
fn every_quality_of_service() {
    // [MQTT-3.3.4-1] [MQTT-4.3.2-4]
    for version in Version::ALL {
        for wire in [Wire::default(), Wire::byte_by_byte(), Wire { latency: 50, reads_on: true, ..Wire::default() }] {
            let mut pair = subscribed(Pair::new(), version).wired(wire);
            for qos in LEVELS {
                pair.broker.publish("a/b", qos.bits().to_string().as_bytes(), qos.bits(), false);
            }
            pair.broker.publish("empty", b"", 1, false);
            pair.drive();
            assert_eq!(pair.payloads(), ["0", "1", "2", ""]);
            for (message, qos) in pair.arrived().into_iter().zip(LEVELS) {
                assert_eq!((message.qos, message.topic.as_str(), message.dup), (qos, "a/b", false));
            }
            pair.assert_idle();
            assert_eq!(pair.client.stats().messages_received, 4);
        }
    }
}

#[test]
fn acknowledgements_by_hand_leave_in_the_order_of_the_messages() {
    for version in Version::ALL {
        let mut pair = subscribed(Pair::with_limits(by_hand()), version);
        for number in 0..8_u8 {
            pair.broker.publish("t", &[number], 1 + number % 2, false);
        }
        pair.drive();
        assert_eq!(pair.held.len(), 8);
        assert!(pair.lines("PUBACK").is_empty() && pair.lines("PUBREC").is_empty());
        let first = pair.held.remove(0);
        for pending in pair.held.drain(..).rev().collect::<Vec<_>>() {
            pair.acknowledge(pending).unwrap();
            pair.drive();
        }
        assert!(pair.lines("PUBACK").is_empty() && pair.lines("PUBREC").is_empty(), "the first one is missing");
        assert!(!pair.client.is_idle());
        pair.acknowledge(first).unwrap();
        pair.drive(); // the broker watches the order
        assert_eq!((pair.lines("PUBACK").len(), pair.lines("PUBREC").len()), (4, 4));
        assert_eq!(pair.arrived().len(), 8);
        pair.assert_idle();
    }
}

#[test]
fn an_unacknowledged_message_does_not_hold_pubcomp_back() {
    for version in Version::ALL {
        let mut pair = subscribed(Pair::with_limits(by_hand()), version);
        pair.broker.publish("t", b"first", 2, false);
        pair.drive();
        let pending = pair.held.pop().unwrap();
        pair.broker.publish("t", b"second", 1, false);
        pair.acknowledge(pending).unwrap();
        pair.drive();
        assert_eq!(pair.lines("PUBCOMP").len(), 1);
        assert!(pair.lines("PUBACK").is_empty());
    }
}

#[test]
fn a_reason_and_properties() {
    let properties = [Property::ReasonString("no"), Property::UserProperty(("k", "v"))];
    for qos in [1, 2] {
        let mut pair = subscribed(Pair::with_limits(by_hand()), Version::V5);
        pair.broker.publish("t", b"x", qos, false);
        pair.broker.publish("t", b"y", qos, false);
        pair.drive();
        let (first, second) = (pair.held.remove(0), pair.held.remove(0));
        let refusal = Ack::new(ReasonCode::QUOTA_EXCEEDED).properties(&properties[..]);
        pair.client.acknowledge(pair.clock.now(), second, &Ack::SUCCESS).unwrap();
        pair.client.acknowledge(pair.clock.now(), first, &refusal).unwrap();
        pair.sent.clear();
        pair.drive();
        let name = if qos == 1 { 0x40 } else { 0x50 };
        let mut expected = vec![name, 0x10, 0, 1, 0x97, 12, 0x1F, 0, 2, b'n', b'o', 0x26, 0, 1, b'k', 0, 1, b'v'];
        expected.extend([name, 2, 0, 2]);
        assert_eq!(pair.sent[..expected.len()], expected, "QoS {qos}");
        pair.assert_idle();
    }
}

/// Also on a connection that has sent nothing yet, whose storage has not grown.
#[test]
fn properties_of_an_acknowledgement_find_room_on_the_heap() {
    let mut pair = Pair::with_limits(by_hand());
    pair.broker.config_mut().transcript_limit = 64;
    pair.connect(Version::V5, Start::Clean);
    pair.drive();
    pair.inject(b"\x32\x07\x00\x01t\x00\x09\x00x");
    pair.drive();
    let pending = pair.held.pop().unwrap();
    let properties = [Property::ReasonString("full")];
    let refusal = Ack::new(ReasonCode::QUOTA_EXCEEDED).properties(&properties[..]);
    pair.client.acknowledge(pair.clock.now(), pending, &refusal).unwrap();
    pair.sent.clear();
    pair.drive();
    assert_eq!(pair.sent, b"\x40\x0b\x00\x09\x97\x07\x1f\x00\x04full");
}

#[test]
fn before_5_0_an_acknowledgement_is_a_plain_success() {
    let properties = [Property::ReasonString("no")];
    for version in [Version::V31, Version::V311] {
        let mut pair = subscribed(Pair::with_limits(by_hand()), version);
        pair.broker.publish("t", b"x", 1, false);
        pair.broker.publish("t", b"y", 2, false);
        pair.drive();
        pair.sent.clear();
        for pending in std::mem::take(&mut pair.held) {
            let refusal = Ack::new(ReasonCode::QUOTA_EXCEEDED).properties(&properties[..]);
            pair.client.acknowledge(pair.clock.now(), pending, &refusal).unwrap();
        }
        pair.drive();
        assert_eq!(pair.sent, b"\x40\x02\x00\x01\x50\x02\x00\x02\x70\x02\x00\x02");
        pair.assert_idle();
    }
}

#[test]
fn a_handle_of_qos_1_ends_with_its_link_and_one_of_qos_2_with_the_session() {
    for version in Version::ALL {
        let mut pair = subscribed(Pair::with_limits(by_hand()), version);
        pair.broker.publish("t", b"once", 1, false);
        pair.broker.publish("t", b"exactly", 2, false);
        pair.drive();
        let (at_least_once, exactly_once) = (pair.held.remove(0), pair.held.remove(0));
        pair.cut();
        let stale = pair.acknowledge(at_least_once).unwrap_err();
        assert_eq!(stale.error, RequestError::Stale);
        pair.acknowledge(exactly_once).unwrap();
        pair.reconnect(Start::Resume);
        assert_eq!(pair.payloads(), ["once", "exactly", "once"]);
        let again = pair.held.pop().unwrap();
        pair.acknowledge(again).unwrap();
        pair.drive();
        pair.assert_idle();

        pair.broker.publish("t", b"gone", 2, false);
        pair.drive();
        let pending = pair.held.pop().unwrap();
        pair.cut();
        pair.reconnect(Start::Clean);
        assert_eq!(pair.acknowledge(pending).unwrap_err().error, RequestError::Stale);
    }
}

#[test]
fn a_qos_2_message_is_delivered_once_however_often_the_link_is_cut() {
    for version in Version::ALL {
        for limits in [Limits::DEFAULT, by_hand()] {
            for cut_after in 0..40 {
                let mut pair = subscribed(Pair::with_limits(limits), version);
                pair.wire = Wire::byte_by_byte();
                pair.broker.publish("t", b"exactly", 2, false);
                for _ in 0..cut_after {
                    pair.step();
                }
                pair.cut_with(Fate::First(cut_after % 3), Fate::First(cut_after % 5));
                pair.reconnect(Start::Resume);
                while let Some(pending) = pair.held.pop() {
                    let _ = pair.acknowledge(pending);
                    pair.drive();
                }
                assert_eq!(pair.payloads(), ["exactly"], "{version:?}, cut after {cut_after}");
                pair.assert_idle();
            }
        }
    }
}

#[test]
fn unacknowledged_messages_hold_the_server_back() {
    let mut pair = subscribed(Pair::with_limits(Limits { receive_maximum: 3, ..by_hand() }), Version::V5);
    for number in 0..7_u8 {
        pair.broker.publish("t", &[number], 1 + number % 2, false);
    }
    for round in 0..7 {
        pair.drive();
        assert_eq!(pair.arrived().len(), 7.min(3 + round));
        let pending = pair.held.remove(0);
        pair.acknowledge(pending).unwrap();
    }
    pair.drive();
    assert_eq!(pair.arrived().len(), 7);
    pair.assert_idle();
}

/// Before 5.0 the server knows no limit: input waits until the application acknowledges.
#[test]
fn a_full_table_of_qos_1_messages_blocks_until_one_is_acknowledged() {
    for version in [Version::V31, Version::V311] {
        let mut pair = subscribed(Pair::with(Fixed::<256, 4, 4>::new(), by_hand(), Config::default()), version);
        for number in 0..20_u8 {
            pair.broker.publish("t", &[number], 1, false);
        }
        pair.drive();
        assert_eq!(pair.arrived().len(), 4);
        assert!(pair.blocked);
        let before = pair.client.clone();
        pair.take_input();
        assert!(pair.client == before, "to be blocked again changes nothing");
        while !pair.held.is_empty() {
            let pending = pair.held.remove(0);
            pair.acknowledge(pending).unwrap();
            pair.drive();
        }
        assert_eq!(pair.arrived().len(), 20);
        pair.assert_idle();
    }
}

/// While input waits for the application, the server's silence is not its fault.
#[test]
fn a_blocked_link_does_not_time_out() {
    let mut pair = subscribed(Pair::with(Fixed::<256, 4, 4>::new(), by_hand(), Config::default()), Version::V311);
    for number in 0..5_u8 {
        pair.broker.publish("t", &[number], 1, false);
    }
    pair.drive();
    assert!(pair.blocked);
    pair.run_for(1_000_000);
    assert!(pair.client.is_connected(), "{:?}", pair.failure());
    assert!(pair.lines("PINGREQ").len() >= 16, "the broker would close the link else");
    while !pair.held.is_empty() {
        let pending = pair.held.remove(0);
        pair.acknowledge(pending).unwrap();
        pair.drive();
    }
    pair.run_for(200_000);
    assert!(pair.client.is_connected(), "{:?}", pair.failure());
    pair.assert_idle();
}

/// More QoS 2 messages than the table holds, before 5.0: the link ends, and each reconnect makes progress, also if the host handles all
/// that it has read before it sends anything, and if the transport is slow.
#[test]
fn a_full_table_of_qos_2_messages_makes_progress_with_each_link() {
    for version in [Version::V31, Version::V311] {
        for reads_on in [false, true] {
            for max_write in [1, 4096] {
                let wire = Wire { reads_on, max_write, ..Wire::default() };
                let mut pair = Pair::with(Fixed::<256, 4, 8>::new(), Limits::DEFAULT, Config::default());
                pair = subscribed(pair, version).wired(wire);
                for number in 0..40_u8 {
                    pair.broker.publish("t", &[number], 2, false);
                }
                pair.drive();
                for _ in 0..40 {
                    if pair.client.state() == State::Closed {
                        assert_eq!(pair.failure(), Some(ConnectionError::Protocol(Violation::ReceiveMaximumExceeded)));
                        pair.reconnect(Start::Resume);
                    }
                }
                let numbers: Vec<u8> = pair.arrived().iter().map(|message| message.payload[0]).collect();
                assert_eq!(numbers, (0..40).collect::<Vec<u8>>(), "{version:?} {wire:?}");
                pair.assert_idle();
            }
        }
    }
}

/// The Receive Maximum is about messages of the present link (§3.1.2.11.3): those that the server released before may come on top, and
/// only their PUBCOMPs have to leave first.
#[test]
fn released_messages_of_the_last_link_do_not_count_as_too_many() {
    for reads_on in [false, true] {
        let mut pair = Pair::with(Fixed::<256, 4, 4>::new(), Limits::DEFAULT, Config::default());
        pair = subscribed(pair, Version::V5);
        let announced = 3; // the server is told of one place less than there are
        for number in 0..announced {
            pair.broker.publish("t", &[number], 2, false);
        }
        while pair.lines("PUBREC").len() < usize::from(announced) {
            pair.step();
            assert!(pair.lines("PUBCOMP").is_empty());
        }
        pair.cut();
        for number in announced..2 * announced {
            pair.broker.publish("t", &[number], 2, false);
        }
        pair.wire.reads_on = reads_on;
        pair.reconnect(Start::Resume);
        assert_eq!(pair.failure(), None, "reads on: {reads_on}");
        assert_eq!(pair.arrived().len(), 2 * usize::from(announced));
        pair.assert_idle();
    }
}

/// A 3.1.1 session that we know nothing of starts with nothing received: identifiers of an earlier session mean nothing in it.
#[test]
fn an_older_session_does_not_inherit_received_identifiers() {
    for qos in [1, 2] {
        let mut pair = Pair::new();
        pair.connect(Version::V311, Start::Clean);
        pair.drive();
        pair.subscribe("#", QoS::ExactlyOnce);
        pair.drive();
        leave_open(&mut pair);
        open_unheard(&mut pair, Version::V311, Start::Resume);
        pair.reconnect(Start::Resume);
        pair.subscribe("#", QoS::ExactlyOnce);
        pair.drive();
        pair.broker.publish("t", b"new", qos, false);
        pair.drive();
        assert_eq!(pair.failure(), None);
        assert_eq!(pair.payloads(), ["old", "new"]);
        pair.assert_idle();
    }
}

/// The output is stalled while QoS 1 messages flood in; no acknowledgement gets lost, and memory stays as it is.
#[test]
fn a_flood_while_nothing_can_be_sent() {
    for version in [Version::V31, Version::V311] {
        let mut pair = Pair::with(Fixed::<64, 4, 8, 64>::new(), Limits::DEFAULT, Config::default());
        pair = subscribed(pair, version);
        let before = pair.lines("PUBACK").len();
        pair.wire.stalled = true;
        for number in 0..200_u8 {
            pair.broker.publish("t", &[number], 1, false);
        }
        pair.drive();
        assert!(pair.blocked && pair.arrived().len() < 30, "{}", pair.arrived().len());
        pair.wire = Wire { max_write: 1, ..Wire::default() };
        pair.drive();
        assert_eq!(pair.arrived().len(), 200);
        assert_eq!(pair.lines("PUBACK").len() - before, 200);
        pair.assert_idle();
    }
}

/// The control area holds only three acknowledgements at a time.
#[test]
fn a_tiny_control_area_only_slows_down() {
    for version in Version::ALL {
        let limits = Limits { receive_maximum: 8, inline_max: 64, ..Limits::DEFAULT };
        let connect = |version| pure_mqtt::Connect::new(version, "c").keep_alive(9);
        let mut pair = Pair::with(Fixed::<128, 8, 8, 28>::new(), limits, Config::default());
        pair.open(&connect(version));
        pair.drive();
        pair.subscribe("#", QoS::ExactlyOnce);
        pair.drive();
        for number in 0..40_u8 {
            pair.broker.publish("t", &[number], 1 + number % 2, false);
            if number % 5 == 0 {
                pair.send("up", QoS::ExactlyOnce);
            }
            pair.drive();
        }
        pair.run_for(100_000);
        assert_eq!(pair.arrived().iter().filter(|message| message.payload != b"up").count(), 40);
        assert_eq!(pair.acknowledged().len(), 8);
        pair.assert_idle();
    }
}

#[test]
fn payloads_marked_as_text_can_be_checked() {
    let limits = Limits { check_payload_format: true, ..Limits::DEFAULT };
    for (qos, answer) in [(0, None), (1, Some("PUBACK id=1 reason=0x99")), (2, Some("PUBREC id=1 reason=0x99"))] {
        let mut pair = subscribed(Pair::with_limits(limits), Version::V5);
        let marked = [(0x01, crate::common::broker::Prop::Byte(1))];
        pair.broker.publish_with("t", b"\xFF", qos, false, &marked);
        pair.drive();
        assert!(pair.arrived().is_empty());
        assert_eq!(pair.client.stats().invalid_payloads, 1);
        assert_eq!(pair.lines("PUB").first().map(String::as_str), answer);
        pair.broker.publish_with("t", "ä".as_bytes(), qos, false, &marked);
        pair.drive();
        assert_eq!(pair.payloads(), ["ä"]);
        pair.assert_idle();
    }
}

#[test]
fn subscription_identifiers_and_properties_are_shown() {
    // [MQTT-3.3.4-3]
    let mut pair = Pair::with(Heap::new(), Limits::DEFAULT, Config::default()).up(Version::V5);
    let identifier = [Property::SubscriptionIdentifier(268_435_455)];
    let filters = [pure_mqtt::Subscription::new(pure_mqtt::TopicFilter::new("a/+").unwrap(), QoS::AtLeastOnce)];
    let subscribe = pure_mqtt::Subscribe::new(&filters).properties(&identifier[..]);
    pair.client.subscribe(pair.clock.now(), &subscribe).unwrap();
    pair.subscribe("#", QoS::AtMostOnce);
    pair.drive();
    let content = (0x03, crate::common::broker::Prop::Text("text".into()));
    pair.broker.publish_with("a/b", b"x", 2, true, &[content]);
    pair.drive();
    let message = pair.arrived()[0];
    assert_eq!(message.properties, ["ContentType(\"text\")", "SubscriptionIdentifier(268435455)"]);
    assert_eq!(message.qos, QoS::AtLeastOnce);
    assert!(matches!(pair.seen[0], Seen::SubAck { .. }));
}

/// The server has dropped the session, as we asked, but its CONNACK got lost, and the next link asks to resume: what is resumed is a new
/// session, in which nothing was received yet.
#[test]
fn a_clean_start_whose_answer_got_lost() {
    for version in [Version::V311, Version::V5] {
        let mut pair = subscribed(Pair::new(), version);
        leave_open(&mut pair);
        open_unheard(&mut pair, version, Start::Clean);
        pair.reconnect(Start::Resume);
        if !pair.client.is_connected() {
            assert_eq!(pair.failure(), Some(ConnectionError::Protocol(Violation::UnknownSession)));
            pair.reconnect(Start::Clean); // the documented way on
        }
        assert!(
            !matches!(pair.session(), Some(pure_mqtt::SessionState::Resumed)),
            "subscriptions are gone: {version:?}"
        );
        pair.subscribe("#", QoS::ExactlyOnce);
        pair.drive();
        pair.broker.publish("t", b"new", 2, false);
        pair.drive();
        assert_eq!(pair.payloads(), ["old", "new"], "{version:?}");
    }
}

/// A message that was sent on an earlier link and waits for its turn to be sent again: its acknowledgement may come first.
#[test]
fn an_early_pubrec_counts() {
    for version in Version::ALL {
        let limits = Limits { max_inflight: 1, ..Limits::DEFAULT };
        let mut pair =
            Pair::with(Heap::new(), Limits::DEFAULT, Config { hold_acks: true, ..Config::default() }).up(version);
        for payload in ["1", "2", "3"] {
            pair.send(payload, QoS::ExactlyOnce);
        }
        pair.drive();
        pair.cut();
        assert!(pair.client.set_limits(limits));
        pair.reconnect(Start::Resume);
        pair.is_well_behaved = false;
        pair.inject(b"\x50\x02\x00\x03"); // from a server that sends its PUBRECs again
        pair.drive();
        pair.broker.config_mut().hold_acks = false;
        pair.broker.release_acks();
        pair.drive();
        assert_eq!(pair.failure(), None, "{version:?}");
        assert_eq!(pair.acknowledged().len(), 3, "{version:?}");
        assert_eq!(pair.released(), ["1", "2", "3"], "{version:?}");
    }
}

/// A session that the server lost and made anew while its CONNACK got lost looks like the old one. What we hold of the old one may cost
/// one link, but not more.
#[test]
fn an_identifier_of_a_session_that_was_lost_unnoticed_costs_one_link() {
    for version in [Version::V311, Version::V5] {
        let mut pair = subscribed(Pair::new(), version);
        leave_open(&mut pair);
        pair.broker.lose_session(crate::common::pair::CLIENT);
        open_unheard(&mut pair, version, Start::Resume);
        pair.reconnect(Start::Resume);
        pair.subscribe("#", QoS::ExactlyOnce);
        pair.drive();
        pair.broker.publish("t", b"new", 1, false);
        pair.drive();
        assert_eq!(pair.failure(), Some(ConnectionError::Protocol(Violation::PacketIdInUse)));
        pair.reconnect(Start::Resume);
        assert!(pair.client.is_connected());
        assert_eq!(pair.payloads(), ["old", "new"]);
        pair.assert_idle();
    }
}
