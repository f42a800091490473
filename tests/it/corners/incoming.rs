//! Messages from the server that come again at an awkward time, and answers that wait for room.

use super::rig::{NOW, delivered, is_blocked, message, reopen, sent, take, taken, up, up_with};
use pure_mqtt::wire::{PacketType, Violation};
use pure_mqtt::{
    Ack, Connect, ConnectionError, Event, Fixed, Heap, Limits, Property, Publish, QoS, ReasonCode, RequestError,
    TopicName, Version,
};

const MANUAL: Limits = Limits { manual_acks: true, ..Limits::DEFAULT };
const BECAUSE: [Property<'static>; 1] = [Property::ReasonString("because")];

#[test]
fn a_message_repeated_before_it_was_acknowledged_is_answered_once() {
    for version in Version::ALL {
        let mut client = up(Fixed::<128, 4, 4, 64>::new(), MANUAL, version);
        let ack = delivered(&mut client, &message(version, 2, 1));
        assert_eq!(taken(&mut client, &message(version, 2, 1)), Ok(None));
        assert_eq!(sent(&mut client), []);
        client.acknowledge(NOW, ack, &Ack::SUCCESS).unwrap();
        assert!(is_blocked(&mut client, &message(version, 2, 1)), "PUBREC waits to leave");
        assert_eq!(sent(&mut client), b"\x50\x02\0\x01");
        assert_eq!(taken(&mut client, &message(version, 2, 1)), Ok(None));
        assert_eq!(sent(&mut client), b"\x50\x02\0\x01");
    }
}

#[test]
fn a_message_is_taken_up_to_the_limit_and_not_beyond() {
    for (version, qos) in Version::ALL.into_iter().flat_map(|version| [0, 1, 2].map(|qos| (version, qos))) {
        let packet = message(version, qos, 1);
        let length = packet.len() as u32;
        for inline_max in [length - 1, length, length + 1] {
            let mut client = up(Fixed::<128, 4, 4, 64>::new(), Limits { inline_max, ..Limits::DEFAULT }, version);
            let taken = taken(&mut client, &packet);
            match inline_max < length {
                true => {
                    let error =
                        ConnectionError::TooLong { packet: PacketType::Publish, length, limit: inline_max.max(5) };
                    assert_eq!(taken, Err(error), "{version:?} QoS {qos}");
                }
                false => assert!(matches!(taken, Ok(Some(Event::Message(_)))), "{version:?} QoS {qos}"),
            }
        }
    }
}

#[test]
fn an_identifier_whose_answers_have_not_left_waits() {
    let version = Version::V311;
    let mut client = up(Fixed::<128, 4, 4, 64>::new(), Limits::DEFAULT, version);
    assert!(matches!(taken(&mut client, &message(version, 2, 7)), Ok(Some(Event::Message(_)))));
    assert_eq!(sent(&mut client), b"\x50\x02\0\x07");
    assert_eq!(taken(&mut client, &message(version, 2, 7)), Ok(None));
    assert!(is_blocked(&mut client, b"\x62\x02\0\x07"), "its second PUBREC has not left");
    assert_eq!(sent(&mut client), b"\x50\x02\0\x07");
    assert_eq!(taken(&mut client, b"\x62\x02\0\x07"), Ok(None));
    for qos in [1, 2] {
        assert!(is_blocked(&mut client, &message(version, qos, 7)), "PUBCOMP has not left");
    }
    assert!(is_blocked(&mut client, b"\x62\x02\0\x07"));
    assert!(!client.is_idle());
    assert_eq!(sent(&mut client), b"\x70\x02\0\x07");
    assert!(client.is_idle());
    assert!(matches!(taken(&mut client, &message(version, 1, 7)), Ok(Some(Event::Message(_)))));
}

#[test]
fn a_table_of_one_takes_either_kind() {
    for qos in [1, 2] {
        let mut client = up(Fixed::<128, 4, 1, 64>::new(), MANUAL, Version::V311);
        let ack = delivered(&mut client, &message(Version::V311, qos, 1));
        if qos == 1 {
            assert!(is_blocked(&mut client, &message(Version::V311, qos, 2)));
            client.acknowledge(NOW, ack, &Ack::SUCCESS).unwrap();
            assert_eq!(sent(&mut client), b"\x40\x02\0\x01");
            let _ = delivered(&mut client, &message(Version::V311, qos, 2));
        } else {
            assert!(is_blocked(&mut client, &message(Version::V311, 2, 2)));
            client.acknowledge(NOW, ack, &Ack::SUCCESS).unwrap();
            assert_eq!(sent(&mut client), b"\x50\x02\0\x01");
            let full = ConnectionError::Protocol(Violation::ReceiveMaximumExceeded);
            assert_eq!(taken(&mut client.clone(), &message(Version::V311, 2, 2)), Err(full));
            assert_eq!(taken(&mut client, &message(Version::V311, 1, 2)), Err(full), "nothing makes room for it");
        }
    }
}

#[test]
fn answers_for_nobody_wait_in_a_short_line() {
    for version in Version::ALL {
        let mut client = up(Fixed::<128, 4, 4, 64>::new(), Limits::DEFAULT, version);
        let publish = Publish::new(TopicName::new("t").unwrap(), b"").qos(QoS::ExactlyOnce);
        client.publish(NOW, &publish).unwrap();
        sent(&mut client);
        assert_eq!(taken(&mut client, b"\x50\x02\0\x01"), Ok(None));
        assert_eq!(sent(&mut client), b"\x62\x02\0\x01");
        for _ in 0..3 {
            assert_eq!(taken(&mut client, b"\x50\x02\0\x01"), Ok(None));
        }
        assert!(is_blocked(&mut client, b"\x50\x02\0\x01"));
        assert!(is_blocked(&mut client, b"\x50\x02\0\x09"));
        assert!(is_blocked(&mut client, b"\x62\x02\0\x09"));
        assert_eq!(sent(&mut client), b"\x62\x02\0\x01".repeat(3));
        assert_eq!(taken(&mut client, b"\x50\x02\0\x01"), Ok(None));
        assert!(matches!(taken(&mut client, b"\x70\x02\0\x01"), Ok(Some(Event::PubComp(_)))));
    }
}

#[test]
fn properties_of_an_acknowledgement_are_left_out_where_there_is_no_room() {
    // [MQTT-3.4.2-2]
    let mut client = up(Fixed::<32, 2, 4, 64>::new(), MANUAL, Version::V5);
    let publish = Publish::new(TopicName::new("t").unwrap(), b"0123456789").qos(QoS::AtLeastOnce);
    client.publish(NOW, &publish).unwrap();
    sent(&mut client);
    let ack = delivered(&mut client, &message(Version::V5, 1, 1));
    client.acknowledge(NOW, ack, &Ack::new(ReasonCode::QUOTA_EXCEEDED).properties(&BECAUSE[..])).unwrap();
    assert_eq!(sent(&mut client), b"\x40\x03\0\x01\x97");
}

/// The server says how long a packet may be: the acknowledgement has its properties if it is that long, and not if it would be longer.
#[test]
fn properties_of_an_acknowledgement_are_left_out_where_the_server_takes_no_more() {
    // [MQTT-3.4.2-2] [MQTT-3.5.2-2]
    let whole = [&b"\x40\x0E\0\x01\x97\x0A\x1F\0\x07because"[..], b"\x50\x0E\0\x02\x97\x0A\x1F\0\x07because"];
    for most in [15, 16] {
        let mut client = up_with(Heap::new(), MANUAL, Version::V5, &[0x27, 0, 0, 0, most]);
        for (qos, whole) in [1, 2].into_iter().zip(whole) {
            let ack = delivered(&mut client, &message(Version::V5, qos, qos));
            client.acknowledge(NOW, ack, &Ack::new(ReasonCode::QUOTA_EXCEEDED).properties(&BECAUSE[..])).unwrap();
            let short = [whole[0], 3, 0, qos, 0x97];
            assert_eq!(sent(&mut client), if most == 16 { whole } else { &short[..] });
        }
    }
}

/// One with properties is a packet of its own in the arena, behind plain ones in the control area, and goes in its turn.
#[test]
fn acknowledgements_with_and_without_properties_keep_their_order() {
    let mut client = up(Fixed::<128, 4, 4, 64>::new(), MANUAL, Version::V5);
    let [first, second, third] = [1, 2, 3].map(|id| delivered(&mut client, &message(Version::V5, 1, id)));
    let explained = Ack::SUCCESS.properties(&BECAUSE[..]);
    client.acknowledge(NOW, third, &Ack::SUCCESS).unwrap();
    client.acknowledge(NOW, second, &explained).unwrap();
    let publish = Publish::new(TopicName::new("t").unwrap(), b"").qos(QoS::AtLeastOnce);
    client.publish(NOW, &publish).unwrap();
    client.acknowledge(NOW, first, &Ack::SUCCESS).unwrap();
    let publish = b"\x32\x06\0\x01t\0\x02\0"; // its identifier is not 1: the stored acknowledgement drew that
    let explained = b"\x40\x0E\0\x02\0\x0A\x1F\0\x07because";
    assert_eq!(sent(&mut client), [b"\x40\x02\0\x01", &publish[..], explained, b"\x40\x02\0\x03"].concat());
    assert_eq!(client.pending(), 1);
}

#[test]
fn a_stored_acknowledgement_goes_with_its_link() {
    let mut client = up(Fixed::<128, 4, 4, 64>::new(), MANUAL, Version::V5);
    let [first, second] = [1, 2].map(|id| delivered(&mut client, &message(Version::V5, 2, id)));
    client.acknowledge(NOW, second, &Ack::SUCCESS.properties(&BECAUSE[..])).unwrap();
    assert_eq!(take(&mut client, 5), []);
    assert!(!client.is_idle());
    assert_eq!(client.pending(), 0, "it is no command");
    client.handle_close(NOW);
    assert!(client.is_idle(), "nothing is owed without a link");
    reopen(&mut client, Version::V5, true, &[]);
    assert_eq!(sent(&mut client), []);
    // The server repeats both; the second was acknowledged already, the first waits for the application.
    assert_eq!(taken(&mut client, &message(Version::V5, 2, 1)), Ok(None));
    assert_eq!(taken(&mut client, &message(Version::V5, 2, 2)), Ok(None));
    assert_eq!(sent(&mut client), []);
    client.acknowledge(NOW, first, &Ack::SUCCESS).unwrap();
    assert_eq!(sent(&mut client), b"\x50\x02\0\x01\x50\x02\0\x02");
}

/// QoS 1 messages are not told apart by their identifiers, before a table grows and after.
#[test]
fn a_qos_1_message_may_come_again_at_any_time() {
    let mut client = up(Heap::new(), MANUAL, Version::V311);
    let first: Vec<_> = (1..=40).map(|id| delivered(&mut client, &message(Version::V311, 1, id))).collect();
    let again = delivered(&mut client, &message(Version::V311, 1, 1));
    for ack in first.into_iter().chain([again]) {
        client.acknowledge(NOW, ack, &Ack::SUCCESS).unwrap();
    }
    let mut acks: Vec<u8> = (1..=40).flat_map(|id| [0x40, 2, 0, id]).collect();
    acks.extend(b"\x40\x02\0\x01");
    assert_eq!(sent(&mut client), acks);
}

/// A Receive Maximum is about the messages of one link: what an earlier one left open comes on top (§3.1.2.11.3).
#[test]
fn messages_of_an_earlier_link_do_not_count() {
    let limits = Limits { strict: true, receive_maximum: 2, ..Limits::DEFAULT };
    let mut client = up(Fixed::<128, 4, 8, 64>::new(), limits, Version::V5);
    for id in 1..=2 {
        assert!(matches!(taken(&mut client, &message(Version::V5, 2, id)), Ok(Some(Event::Message(_)))));
    }
    sent(&mut client);
    client.handle_close(NOW);
    reopen(&mut client, Version::V5, true, &[]);
    for id in 3..=4 {
        assert!(matches!(taken(&mut client, &message(Version::V5, 2, id)), Ok(Some(Event::Message(_)))));
    }
    sent(&mut client);
    // One that comes again is of this link from now on: now three are.
    assert_eq!(taken(&mut client, &message(Version::V5, 2, 1)), Ok(None));
    let exceeded = ConnectionError::Protocol(Violation::ReceiveMaximumExceeded);
    assert_eq!(taken(&mut client, &message(Version::V5, 2, 5)), Err(exceeded));
}

/// A handle of a session that is gone means nothing, even if another message lies in its place.
#[test]
fn a_handle_does_not_outlive_its_session() {
    for qos in 1..3 {
        let mut client = up(Fixed::<128, 4, 4, 64>::new(), MANUAL, Version::V311);
        let old = delivered(&mut client, &message(Version::V311, qos, 1));
        client.handle_close(NOW);
        reopen(&mut client, Version::V311, false, &[]);
        let new = delivered(&mut client, &message(Version::V311, qos, 1));
        assert_eq!(client.acknowledge(NOW, old, &Ack::SUCCESS).map_err(|error| error.error), Err(RequestError::Stale));
        assert_eq!(sent(&mut client), []);
        client.acknowledge(NOW, new, &Ack::SUCCESS).unwrap();
        assert_eq!(sent(&mut client), [0x30 + (qos << 4), 2, 0, 1]);
    }
}

/// Their places in the index follow from the length of the table.
#[test]
fn messages_are_known_again_after_the_table_has_grown() {
    let mut client = up(Heap::new(), Limits::DEFAULT, Version::V311);
    for id in (101..=200).rev() {
        assert!(matches!(taken(&mut client, &message(Version::V311, 2, id)), Ok(Some(Event::Message(_)))));
        assert_eq!(sent(&mut client), [0x50, 2, 0, id]);
    }
    for id in 101..=200 {
        assert_eq!(taken(&mut client, &message(Version::V311, 2, id)), Ok(None), "{id}");
        assert_eq!(sent(&mut client), [0x50, 2, 0, id]);
        assert_eq!(taken(&mut client, &[0x62, 2, 0, id]), Ok(None));
        assert_eq!(sent(&mut client), [0x70, 2, 0, id]);
    }
    assert!(matches!(taken(&mut client, &message(Version::V311, 2, 150)), Ok(Some(Event::Message(_)))));
}

/// Without a link nothing leaves, nor on the next one before the server asks again: there is nothing to keep properties for.
#[test]
fn properties_of_an_acknowledgement_that_is_not_owed_are_not_kept() {
    let acknowledged = |is_again: bool, with: &Ack<'_>| {
        let mut client = up(Fixed::<128, 4, 4, 64>::new(), MANUAL, Version::V5);
        let ack = delivered(&mut client, &message(Version::V5, 2, 1));
        client.handle_close(NOW);
        if is_again {
            reopen(&mut client, Version::V5, true, &[]);
        }
        client.acknowledge(NOW, ack, with).unwrap();
        client
    };
    for is_again in [false, true] {
        let explained = acknowledged(is_again, &Ack::SUCCESS.properties(&BECAUSE[..]));
        assert!(acknowledged(is_again, &Ack::SUCCESS) == explained);
    }
}

/// It is a packet of its own: what waits in the arena before it doesn't go along.
#[test]
fn an_acknowledgement_with_properties_leaves_alone() {
    let mut client = up(Fixed::<128, 4, 4, 64>::new(), MANUAL, Version::V5);
    let ack = delivered(&mut client, &message(Version::V5, 1, 7));
    client.publish(NOW, &Publish::new(TopicName::new("t").unwrap(), b"x").qos(QoS::AtLeastOnce)).unwrap();
    client.acknowledge(NOW, ack, &Ack::SUCCESS.properties(&BECAUSE[..])).unwrap();
    let explained = b"\x40\x0E\0\x07\0\x0A\x1F\0\x07because";
    assert_eq!(sent(&mut client), [&explained[..], b"\x32\x07\0\x01t\0\x01\0x"].concat());
}

/// Before 5.0 nobody can tell a server how many messages may be open: so it isn't held to it.
#[test]
fn a_receive_maximum_that_is_not_announced_binds_nobody() {
    let limits = Limits { strict: true, receive_maximum: 2, ..MANUAL };
    for version in [Version::V31, Version::V311] {
        let mut client = up(Fixed::<128, 4, 8, 64>::new(), limits, version);
        for id in 1..=5 {
            let _ = delivered(&mut client, &message(version, 1, id));
        }
    }
}

/// After a clean start that nobody answered the server may hold another session. What is repeated of this link's messages is no sign of either.
#[test]
fn while_the_session_is_in_doubt_repetitions_on_the_link_are_known() {
    for version in [Version::V311, Version::V5] {
        let mut client = up(Fixed::<128, 4, 8, 64>::new(), Limits::DEFAULT, version);
        assert!(matches!(taken(&mut client, &message(version, 2, 5)), Ok(Some(Event::Message(_)))));
        client.handle_close(NOW);
        client.open(NOW, &Connect::new(version, "c")).unwrap();
        sent(&mut client);
        client.handle_close(NOW);
        reopen(&mut client, version, true, &[]);
        assert!(matches!(taken(&mut client, &message(version, 2, 1)), Ok(Some(Event::Message(_)))));
        assert_eq!(sent(&mut client), b"\x50\x02\0\x01");
        assert_eq!(taken(&mut client, &message(version, 2, 1)), Ok(None), "it came on this link");
        assert_eq!(sent(&mut client), b"\x50\x02\0\x01");
        assert!(matches!(taken(&mut client, &message(version, 2, 5)), Ok(Some(Event::Message(_)))), "of a new session");
    }
}
