//! What each record brings back.

use super::{Mqtt, again, new, publish, save};
use crate::corners::rig::{NOW, delivered, message, sent, taken};
use pure_mqtt::storage::Journaled;
use pure_mqtt::{
    Ack, Connect, Connection, ConnectionError, Event, Fragment, Handle, Heap, Limits, OnSessionLoss, Payload, Property,
    Publish, QoS, ReasonCode, Received, Risk, SessionState, Subscribe, Subscription, TopicFilter, TopicName, Version,
};

/// Opens a link, and saves on the way: CONNECT doesn't leave before.
fn up(client: &mut Mqtt, log: &mut Vec<u8>, version: Version, present: bool) {
    save(client, log);
    let for_ever = [Property::SessionExpiryInterval(u32::MAX)];
    let connect = Connect::new(version, "c").clean_start(false).properties(&for_ever[..]);
    client.open(NOW, &connect).unwrap();
    save(client, log);
    assert!(!sent(client).is_empty());
    let connack: &[u8] =
        if version == Version::V5 { &[0x20, 3, present.into(), 0, 0] } else { &[0x20, 2, present.into(), 0] };
    assert!(matches!(taken(client, connack), Ok(Some(Event::ConnAck(_)))));
    save(client, log);
}

#[test]
fn nothing_leaves_before_it_is_written() {
    let (mut client, mut log) = (new(Limits::DEFAULT), Vec::new());
    up(&mut client, &mut log, Version::V311, false);
    publish(&mut client, "x", QoS::AtLeastOnce);
    assert_eq!(client.transmit(NOW).remaining(), 0);
    assert_eq!(sent(&mut client), []);
    let waits = client.journal().len();
    client.journal_written(waits - 1);
    assert_eq!((client.journal().len(), sent(&mut client).len()), (1, 0));
    client.journal_written(100);
    assert_eq!(sent(&mut client), b"\x32\x06\0\x01t\0\x01x");
    publish(&mut client, "y", QoS::AtMostOnce);
    assert!(client.journal().is_empty(), "QoS 0 is not kept");
    assert_eq!(sent(&mut client), b"\x30\x04\0\x01ty");
    assert!(client.journal().is_empty(), "so it has no end either");
}

/// What a packet changes is in the journal when the call returns that took it: a host saves before it sends, and may not call again for hours.
#[test]
fn each_packet_is_noted_by_the_call_that_takes_it() {
    for version in Version::ALL {
        let (mut client, mut log) = (new(Limits { version, ..Limits::DEFAULT }), Vec::new());
        up(&mut client, &mut log, version, false);
        publish(&mut client, "x", QoS::AtLeastOnce);
        publish(&mut client, "y", QoS::ExactlyOnce);
        let message = message(version, 2, 7);
        let packets = [&b"\x40\x02\0\x01"[..], b"\x50\x02\0\x02", b"\x70\x02\0\x02", &message, b"\x62\x02\0\x07"];
        for packet in packets {
            save(&mut client, &mut log);
            sent(&mut client);
            assert!(client.journal().is_empty());
            let _ = client.handle_input(NOW, packet).unwrap();
            assert!(!client.journal().is_empty(), "{version:?}: {packet:02X?}");
        }
    }
}

#[test]
fn messages_come_back_in_order_with_their_handles_and_identifiers() {
    for version in Version::ALL {
        let limits = Limits { version, ..Limits::DEFAULT };
        let (mut client, mut log) = (new(limits), Vec::new());
        let handles = ["a", "b", "c"].map(|name| publish(&mut client, name, QoS::AtLeastOnce));
        up(&mut client, &mut log, version, false);
        sent(&mut client);
        assert!(matches!(taken(&mut client, b"\x40\x02\0\x02"), Ok(Some(Event::PubAck(_)))));
        save(&mut client, &mut log);

        let mut client = again(&log, limits);
        assert_eq!(client.pending(), 2);
        up(&mut client, &mut log, version, version != Version::V31);
        let bytes = sent(&mut client);
        assert!(bytes[0] == 0x3A && bytes[bytes.len() - 1] == b'c', "DUP: they may have been sent before");
        for (id, handle) in [(1, handles[0]), (3, handles[2])] {
            let puback = [0x40, 2, 0, id];
            let Ok(Some(Event::PubAck(done))) = taken(&mut client, &puback) else { panic!() };
            assert_eq!((done.handle, done.id.get()), (handle, id.into()));
        }
        assert!(publish(&mut client, "d", QoS::AtLeastOnce) > handles[2]);
    }
}

#[test]
fn after_pubrec_only_pubrel_comes_back_in_its_order() {
    let (mut client, mut log) = (new(Limits::DEFAULT), Vec::new());
    up(&mut client, &mut log, Version::V311, false);
    for name in ["a", "b", "c"] {
        publish(&mut client, name, QoS::ExactlyOnce);
    }
    save(&mut client, &mut log);
    sent(&mut client);
    for id in [3, 1] {
        assert_eq!(taken(&mut client, &[0x50, 2, 0, id]), Ok(None));
        assert_eq!(sent(&mut client), []);
        save(&mut client, &mut log);
        assert_eq!(sent(&mut client), [0x62, 2, 0, id]);
    }
    let mut client = again(&log, Limits::DEFAULT);
    up(&mut client, &mut log, Version::V311, true);
    assert_eq!(sent(&mut client), b"\x62\x02\0\x03\x62\x02\0\x01\x3C\x06\0\x01t\0\x02b");
}

/// The version changes after a snapshot: what is accepted then comes back in its form.
#[test]
fn a_version_that_changes_after_a_snapshot_is_noted() {
    for (first, second, whole) in
        [(Version::V311, Version::V5, &b"\0\x01t\0\x01\0x"[..]), (Version::V5, Version::V311, b"\0\x01t\0\x01\0x")]
    {
        let limits = Limits { version: first, ..Limits::DEFAULT };
        let (mut client, mut log) = (new(limits), Vec::new());
        assert!(client.snapshot(&mut |bytes| log.extend(bytes)));
        up(&mut client, &mut log, second, false);
        publish(&mut client, "x", QoS::AtLeastOnce);
        save(&mut client, &mut log);
        let mut client = again(&log, limits);
        up(&mut client, &mut log, Version::V5, true);
        let bytes = sent(&mut client);
        assert!(bytes.ends_with(whole) && bytes.len() == 9, "{first:?} {second:?}: {bytes:02X?}");
    }
}

/// A session of an earlier life was adopted, and the power fails: identifiers are no better known for that, so PUBREL goes before QoS 2 messages still.
#[test]
fn an_adopted_session_comes_back_as_one() {
    for version in [Version::V311, Version::V5] {
        for is_adopted in [false, true] {
            let limits = Limits { version, ..Limits::DEFAULT };
            let (mut client, mut log) = (new(limits), Vec::new());
            up(&mut client, &mut log, version, is_adopted);
            let mut client = again(&log, limits);
            publish(&mut client, "x", QoS::ExactlyOnce);
            up(&mut client, &mut log, version, true);
            assert_eq!(sent(&mut client).starts_with(b"\x62\x02\0\x01"), is_adopted, "{version:?}");
        }
    }
}

/// What the application refuses was not received: the journal doesn't say so, whatever the reason.
#[test]
fn a_refused_message_is_not_noted_as_received() {
    for reason in [ReasonCode::SUCCESS, ReasonCode::UNSPECIFIED_ERROR, ReasonCode::QUOTA_EXCEEDED] {
        let limits = Limits { manual_acks: true, ..Limits::DEFAULT };
        let (mut client, mut log) = (new(limits), Vec::new());
        up(&mut client, &mut log, Version::V5, false);
        let ack = delivered(&mut client, &message(Version::V5, 2, 7));
        save(&mut client, &mut log);
        client.acknowledge(NOW, ack, &Ack::new(reason)).unwrap();
        assert_eq!(client.journal().is_empty(), reason.is_error(), "{reason}");
    }
}

/// The application refuses a message, and the next link is of a version without reasons: the PUBREC there is a success. So the message counts as received,
/// and that is durable before PUBREC leaves.
#[test]
fn a_refusal_that_a_version_cannot_say_is_noted_as_received() {
    let limits = Limits { manual_acks: true, ..Limits::DEFAULT };
    let (mut client, mut log) = (new(limits), Vec::new());
    up(&mut client, &mut log, Version::V5, false);
    let ack = delivered(&mut client, &message(Version::V5, 2, 7));
    client.acknowledge(NOW, ack, &Ack::new(ReasonCode::QUOTA_EXCEEDED)).unwrap();
    client.handle_close(NOW);
    up(&mut client, &mut log, Version::V311, true);
    let mut again_sent = message(Version::V311, 2, 7);
    again_sent[0] |= 8;
    assert_eq!(taken(&mut client, &again_sent), Ok(None));
    save(&mut client, &mut log);
    assert_eq!(sent(&mut client), b"\x50\x02\0\x07");
    let mut client = again(&log, limits);
    up(&mut client, &mut log, Version::V311, true);
    assert_eq!(taken(&mut client, &again_sent), Ok(None), "it is not delivered again");
}

/// The session is lost, and one record ends all messages up to the last that had begun. One before it waits for a link of 5.0: it is none of them, and comes
/// back after a loss of power.
#[test]
fn a_message_that_waits_among_those_that_are_given_up_comes_back() {
    for aborts in [false, true] {
        let on_session_loss = if aborts { OnSessionLoss::Abort } else { OnSessionLoss::Republish };
        let limits = Limits { on_session_loss, ..Limits::DEFAULT };
        let (mut client, mut log) = (new(limits), Vec::new());
        up(&mut client, &mut log, Version::V311, false);
        let topic = TopicName::new("t").unwrap();
        let patient = Publish::new(topic, "a").qos(QoS::AtLeastOnce).needs_v5(true);
        client.publish(NOW, &patient).unwrap();
        publish(&mut client, "b", QoS::AtLeastOnce);
        publish(&mut client, "c", QoS::ExactlyOnce);
        save(&mut client, &mut log);
        assert_eq!(sent(&mut client), b"\x32\x06\0\x01t\0\x02b\x34\x06\0\x01t\0\x03c");
        assert_eq!(taken(&mut client, b"\x50\x02\0\x03"), Ok(None));
        save(&mut client, &mut log);
        client.handle_close(NOW);
        up(&mut client, &mut log, Version::V311, false);
        while client.poll_outcome().is_some() {}
        save(&mut client, &mut log);
        let expected: &[u8] = if aborts { b"a" } else { b"ab" };
        assert_eq!(client.pending(), expected.len());
        let mut client = again(&log, limits);
        up(&mut client, &mut log, Version::V5, true);
        let bytes = sent(&mut client);
        let payloads: Vec<u8> = bytes.chunks(9).map(|packet| packet[packet.len() - 1]).collect();
        assert_eq!(payloads, expected, "{bytes:02X?}");
    }
}

/// A message that the server has is withdrawn, and PUBREL frees its identifier: not before it is durable that the message is over. Else it would come back
/// after a loss of power, and the server take it for another.
#[test]
fn pubrel_for_a_withdrawn_message_waits_until_its_end_is_durable() {
    let (mut client, mut log) = (new(Limits::DEFAULT), Vec::new());
    up(&mut client, &mut log, Version::V311, false);
    let handle = publish(&mut client, "x", QoS::ExactlyOnce);
    save(&mut client, &mut log);
    assert_eq!(sent(&mut client)[0], 0x34);
    client.handle_close(NOW);
    assert_eq!(client.withdraw(NOW, handle), Some(Risk::MayHaveArrived));
    assert!(client.poll_outcome().is_some());
    client.open(NOW, &Connect::new(Version::V311, "c").clean_start(false)).unwrap();
    sent(&mut client);
    assert!(matches!(taken(&mut client, b"\x20\x02\x01\0"), Ok(Some(Event::ConnAck(_)))));
    assert_eq!(sent(&mut client), b"");
    assert_eq!(again(&log, Limits::DEFAULT).pending(), 1);
    save(&mut client, &mut log);
    assert_eq!(again(&log, Limits::DEFAULT).pending(), 0);
    assert_eq!(sent(&mut client), b"\x62\x02\0\x01");
    assert_eq!(taken(&mut client, b"\x70\x02\0\x01"), Ok(None));
    assert!(client.is_idle());
}

#[test]
fn a_received_message_is_not_delivered_again_until_it_is_complete() {
    for version in Version::ALL {
        let limits = Limits { version, ..Limits::DEFAULT };
        let (mut client, mut log) = (new(limits), Vec::new());
        up(&mut client, &mut log, version, false);
        assert!(matches!(taken(&mut client, &message(version, 2, 7)), Ok(Some(Event::Message(_)))));
        assert_eq!(sent(&mut client), [], "PUBREC waits for the record");
        save(&mut client, &mut log);
        assert_eq!(sent(&mut client), b"\x50\x02\0\x07");

        let mut client = again(&log, limits);
        up(&mut client, &mut log, version, version != Version::V31);
        assert_eq!(taken(&mut client, &message(version, 2, 7)), Ok(None));
        assert_eq!(sent(&mut client), b"\x50\x02\0\x07");
        assert_eq!(taken(&mut client, b"\x62\x02\0\x07"), Ok(None));
        assert_eq!(sent(&mut client), [], "so does PUBCOMP");
        save(&mut client, &mut log);
        assert_eq!(sent(&mut client), b"\x70\x02\0\x07");

        // Its identifier may be another message's now.
        let mut client = again(&log, limits);
        up(&mut client, &mut log, version, version != Version::V31);
        assert!(matches!(taken(&mut client, &message(version, 2, 7)), Ok(Some(Event::Message(_)))));
    }
}

#[test]
fn with_manual_acknowledgements_the_record_follows_them() {
    let limits = Limits { manual_acks: true, ..Limits::DEFAULT };
    let (mut client, mut log) = (new(limits), Vec::new());
    up(&mut client, &mut log, Version::V311, false);
    let [first, second] = [1, 2].map(|id| delivered(&mut client, &message(Version::V311, 2, id)));
    assert!(client.journal().is_empty());
    client.acknowledge(NOW, second, &Ack::SUCCESS).unwrap();
    save(&mut client, &mut log);
    let _ = first;
    let mut client = again(&log, limits);
    up(&mut client, &mut log, Version::V311, true);
    assert!(matches!(taken(&mut client, &message(Version::V311, 2, 1)), Ok(Some(Event::Message(_)))));
    assert_eq!(taken(&mut client, &message(Version::V311, 2, 2)), Ok(None));
}

#[test]
fn a_refused_message_is_new_when_it_comes_again() {
    let limits = Limits { manual_acks: true, version: Version::V5, ..Limits::DEFAULT };
    let (mut client, mut log) = (new(limits), Vec::new());
    up(&mut client, &mut log, Version::V5, false);
    let ack = delivered(&mut client, &message(Version::V5, 2, 1));
    client.acknowledge(NOW, ack, &Ack::new(ReasonCode::QUOTA_EXCEEDED)).unwrap();
    assert!(client.journal().is_empty());
    assert_eq!(sent(&mut client), b"\x50\x03\0\x01\x97");
}

/// The state that comes back is the state that was, with its link gone.
#[test]
fn what_comes_back_is_what_was() {
    for version in Version::ALL {
        let limits = Limits { version, ..Limits::DEFAULT };
        let (mut client, mut log) = (new(limits), Vec::new());
        up(&mut client, &mut log, version, false);
        for (name, qos) in [("a", QoS::AtLeastOnce), ("b", QoS::ExactlyOnce), ("c", QoS::ExactlyOnce)] {
            publish(&mut client, name, qos);
        }
        save(&mut client, &mut log);
        // As if nothing of them had left when they were journaled: what comes back counts as sent.
        sent(&mut client);
        assert_eq!(taken(&mut client, b"\x50\x02\0\x02"), Ok(None));
        assert!(matches!(taken(&mut client, &message(version, 2, 9)), Ok(Some(Event::Message(_)))));
        save(&mut client, &mut log);
        sent(&mut client);
        let mut snapshot = Vec::new();
        assert!(client.snapshot(&mut |bytes| snapshot.extend(bytes)));
        let from_log = again(&log, limits);
        let from_snapshot = again(&snapshot, limits);
        assert!(from_log == from_snapshot, "{version:?}");
        assert_eq!(from_log.pending(), 3);
        // And it goes on behind the snapshot.
        publish(&mut client, "d", QoS::AtLeastOnce);
        save(&mut client, &mut snapshot);
        assert_eq!(again(&snapshot, limits).pending(), 4);
    }
}

#[test]
fn handles_never_repeat() {
    let (mut client, mut log) = (new(Limits::DEFAULT), Vec::new());
    up(&mut client, &mut log, Version::V311, false);
    let last = publish(&mut client, "a", QoS::AtLeastOnce);
    save(&mut client, &mut log);
    sent(&mut client);
    assert!(matches!(taken(&mut client, b"\x40\x02\0\x01"), Ok(Some(Event::PubAck(_)))));
    save(&mut client, &mut log);
    let mut snapshot = Vec::new();
    assert!(client.snapshot(&mut |bytes| snapshot.extend(bytes)));
    for log in [&log, &snapshot] {
        let mut client = again(log, Limits::DEFAULT);
        let next = client.publish(NOW, &Publish::new(TopicName::new("t").unwrap(), b"").qos(QoS::AtLeastOnce)).unwrap();
        assert!(next.handle > last && next.id.unwrap().get() == 2);
    }
}

#[test]
fn what_ended_on_its_own_stays_ended() {
    let limits = Limits { version: Version::V5, ..Limits::DEFAULT };
    let (mut client, mut log) = (new(limits), Vec::new());
    let brief = [Property::MessageExpiryInterval(1)];
    let topic = TopicName::new("t").unwrap();
    client.publish(NOW, &Publish::new(topic, b"brief").qos(QoS::AtLeastOnce).properties(&brief[..])).unwrap();
    let cancelled = publish(&mut client, "cancelled", QoS::AtLeastOnce);
    let abandoned =
        client.publish(NOW, &Publish::new(topic, Payload::Streamed(9)).qos(QoS::AtLeastOnce)).unwrap().handle;
    publish(&mut client, "kept", QoS::AtLeastOnce);
    save(&mut client, &mut log);
    assert!(client.cancel(cancelled));
    assert!(client.abandon(NOW, abandoned));
    client.handle_timeout(NOW.after_secs(9)).unwrap();
    save(&mut client, &mut log);
    // The outcome was not fetched; nobody can fetch it any more.
    let mut client = again(&log, limits);
    assert_eq!((client.pending(), client.poll_outcome()), (1, None));
    up(&mut client, &mut log, Version::V5, false);
    assert!(sent(&mut client).ends_with(b"kept"));
}

#[test]
fn a_lost_session_is_remembered() {
    for on_session_loss in [OnSessionLoss::Republish, OnSessionLoss::Abort] {
        let limits = Limits { on_session_loss, ..Limits::DEFAULT };
        let (mut client, mut log) = (new(limits), Vec::new());
        up(&mut client, &mut log, Version::V311, false);
        publish(&mut client, "m", QoS::ExactlyOnce);
        publish(&mut client, "n", QoS::AtLeastOnce);
        assert!(matches!(taken(&mut client, &message(Version::V311, 2, 7)), Ok(Some(Event::Message(_)))));
        save(&mut client, &mut log);
        sent(&mut client);
        assert_eq!(taken(&mut client, b"\x50\x02\0\x01"), Ok(None));
        client.handle_close(NOW);
        publish(&mut client, "unsent", QoS::AtLeastOnce);
        up(&mut client, &mut log, Version::V311, false);
        save(&mut client, &mut log);
        let left = if on_session_loss == OnSessionLoss::Abort { 1 } else { 2 };
        let mut client = again(&log, limits);
        assert_eq!(client.pending(), left, "{on_session_loss:?}");
        up(&mut client, &mut log, Version::V311, true);
        let bytes = sent(&mut client);
        assert!(bytes.ends_with(b"unsent") && !bytes.contains(&0x62));
        assert!(matches!(taken(&mut client, &message(Version::V311, 2, 7)), Ok(Some(Event::Message(_)))), "a new one");
    }
}

#[test]
fn whether_the_server_has_a_session_is_remembered() {
    let limits = Limits { version: Version::V5, ..Limits::DEFAULT };
    let fate = |log: &[u8]| {
        let (mut client, mut log) = (again(log, limits), log.to_vec());
        client.open(NOW, &Connect::new(Version::V5, "c").clean_start(false)).unwrap();
        save(&mut client, &mut log);
        sent(&mut client);
        match taken(&mut client, b"\x20\x03\x01\0\0") {
            Ok(Some(Event::ConnAck(connack))) => Some(connack.session),
            _ => None,
        }
    };
    let (mut client, mut log) = (new(limits), Vec::new());
    let adopted = Some(SessionState::Adopted { republished: 0, aborted: 0, completed: 0 });
    assert_eq!(fate(&log), adopted, "a session that is not known here");
    up(&mut client, &mut log, Version::V5, false);
    assert_eq!(fate(&log), Some(SessionState::Resumed));
    // A clean start may have been carried out from the moment on that CONNECT may leave.
    let mut restarted = log.clone();
    client.handle_close(NOW);
    client.open(NOW, &Connect::new(Version::V5, "c")).unwrap();
    assert_eq!(client.transmit(NOW).remaining(), 0);
    save(&mut client, &mut restarted);
    assert_eq!(fate(&restarted), adopted, "the old one, or the one that the clean start made");
    assert!(matches!(taken_after_connect(&mut client), Some(Event::ConnAck(_))));
    save(&mut client, &mut restarted);
    assert_eq!(fate(&restarted), Some(SessionState::Resumed));
    client.handle_close(NOW);
    assert!(client.adopt_session());
    save(&mut client, &mut restarted);
    assert_eq!(fate(&restarted), Some(SessionState::Resumed));
    publish(&mut client, "x", QoS::AtLeastOnce);
    save(&mut client, &mut restarted);
    assert!(client.discard_session());
    save(&mut client, &mut restarted);
    assert_eq!(fate(&restarted), adopted);
    assert_eq!(again(&restarted, limits).pending(), 0);
}

#[test]
fn a_clean_start_counts_while_its_connect_may_be_out() {
    let (mut client, mut log) = (new(Limits::DEFAULT), Vec::new());
    up(&mut client, &mut log, Version::V311, false);
    client.handle_close(NOW);
    let held = |log: &[u8]| {
        let (mut client, mut log) = (again(log, Limits::DEFAULT), log.to_vec());
        client.open(NOW, &Connect::new(Version::V311, "c").clean_start(false)).unwrap();
        save(&mut client, &mut log);
        sent(&mut client);
        let Ok(Some(Event::ConnAck(connack))) = taken(&mut client, b"\x20\x02\x01\0") else { panic!() };
        connack.session == SessionState::Resumed
    };
    assert!(held(&log));
    client.open(NOW, &Connect::new(Version::V311, "c").clean_start(true)).unwrap();
    save(&mut client, &mut log);
    let mut snapshot = Vec::new();
    assert!(client.snapshot(&mut |bytes| snapshot.extend(bytes)));
    assert!(!held(&log) && !held(&snapshot), "CONNECT may leave now");
    client.handle_close(NOW); // before it did
    save(&mut client, &mut snapshot);
    assert!(held(&snapshot), "the server was told nothing");
}

/// A clean start was sent and never answered, and then the server has a session: the old one, or the one that the clean start made. Once a link was accepted
/// in doubt a new session may have messages, and repeat them after a loss of power: what was received before counts no more, or one of them would be
/// swallowed. Before that link repetitions are those of the old session.
#[test]
fn a_loss_of_power_in_doubt_swallows_no_message_of_a_new_session() {
    let (mut client, mut log) = (new(Limits::DEFAULT), Vec::new());
    up(&mut client, &mut log, Version::V311, false);
    assert!(matches!(taken(&mut client, &message(Version::V311, 2, 1)), Ok(Some(Event::Message(_)))));
    save(&mut client, &mut log);
    assert_eq!(sent(&mut client), b"\x50\x02\0\x01");
    client.handle_close(NOW);
    client.open(NOW, &Connect::new(Version::V311, "c").clean_start(true)).unwrap();
    save(&mut client, &mut log);
    assert_eq!(sent(&mut client)[0], 0x10);
    client.handle_close(NOW);
    save(&mut client, &mut log);
    let unanswered = log.clone();
    up(&mut client, &mut log, Version::V311, true);
    save(&mut client, &mut log);
    let mut snapshot = Vec::new();
    assert!(client.snapshot(&mut |bytes| snapshot.extend(bytes)));
    let mut repeated = message(Version::V311, 2, 1);
    repeated[0] |= 8;
    for (log, had_link) in [(unanswered, false), (log, true), (snapshot, true)] {
        for first in [message(Version::V311, 2, 1), repeated.clone()] {
            let (mut client, mut log) = (again(&log, Limits::DEFAULT), log.clone());
            up(&mut client, &mut log, Version::V311, true);
            let told = taken(&mut client, &first).unwrap();
            assert_eq!(told.is_some(), had_link || first != repeated, "{told:?}");
            save(&mut client, &mut log);
            // From here on it is sure which session it is.
            let mut client = again(&log, Limits::DEFAULT);
            up(&mut client, &mut log, Version::V311, true);
            assert_eq!(taken(&mut client, &repeated), Ok(None));
        }
    }
}

fn taken_after_connect(client: &mut Mqtt) -> Option<Event<'static>> {
    sent(client);
    taken(client, b"\x20\x03\0\0\0").unwrap()
}

#[test]
fn another_version_is_remembered() {
    for (from, to) in [(Version::V311, Version::V5), (Version::V5, Version::V311)] {
        let limits = Limits { version: from, ..Limits::DEFAULT };
        let (mut client, mut log) = (new(limits), Vec::new());
        publish(&mut client, "a", QoS::AtLeastOnce);
        up(&mut client, &mut log, to, false);
        publish(&mut client, "b", QoS::AtLeastOnce);
        save(&mut client, &mut log);
        let mut client = again(&log, limits);
        assert_eq!(client.version(), to);
        up(&mut client, &mut log, to, true);
        let one = if to == Version::V5 { &b"\x3A\x07\0\x01t\0\x01\0a"[..] } else { b"\x3A\x06\0\x01t\0\x01a" };
        assert_eq!(&sent(&mut client)[..one.len()], one);
    }
}

#[test]
fn a_streamed_payload_is_asked_for_again() {
    let (mut client, mut log) = (new(Limits::DEFAULT), Vec::new());
    let topic = TopicName::new("t").unwrap();
    client.publish(NOW, &Publish::new(topic, Payload::Streamed(1_000)).qos(QoS::ExactlyOnce)).unwrap();
    save(&mut client, &mut log);
    assert!(log.len() < 60);
    let mut client = again(&log, Limits::DEFAULT);
    up(&mut client, &mut log, Version::V311, false);
    assert_eq!(sent(&mut client), b"\x34\xED\x07\0\x01t\0\x01", "as new, on a new session");
    let wanted = client.transmit(NOW).payload_request().unwrap();
    assert_eq!((wanted.offset, wanted.remaining), (0, 1_000));
}

/// A larger table than the new one begins with: identifiers that lie apart there must not meet here.
#[test]
fn the_heap_grows_as_it_did() {
    type Large = Connection<Journaled<Heap, 4096>>;
    let limits = Limits { max_inflight: 0, ..Limits::DEFAULT };
    let mut client = Large::new(Journaled::new(Heap::new()), limits);
    let mut log = Vec::new();
    reopen_saving(&mut client, &mut log, false);
    let handles: Vec<Handle> = (0..70)
        .map(|number| {
            let handle = publish(&mut client, &number.to_string(), QoS::AtLeastOnce);
            save(&mut client, &mut log);
            handle
        })
        .collect();
    sent(&mut client);
    for id in (1..=70).filter(|id| id % 33 != 1) {
        assert!(matches!(taken(&mut client, &[0x40, 2, 0, id]), Ok(Some(Event::PubAck(_)))));
        save(&mut client, &mut log);
    }
    let mut snapshot = Vec::new();
    assert!(client.snapshot(&mut |bytes| snapshot.extend(bytes)));
    for mut log in [log, snapshot] {
        let (mut client, _) = Large::recover(Journaled::new(Heap::new()), limits, NOW, &log).unwrap();
        assert_eq!(client.pending(), 3);
        reopen_saving(&mut client, &mut log, true);
        sent(&mut client);
        for id in [1, 34, 67] {
            let puback = [0x40, 2, 0, id];
            let Ok(Some(Event::PubAck(done))) = taken(&mut client, &puback) else { panic!("{id}") };
            assert_eq!(done.handle, handles[usize::from(id) - 1]);
        }
    }
}

fn reopen_saving(client: &mut Connection<Journaled<Heap, 4096>>, log: &mut Vec<u8>, present: bool) {
    client.open(NOW, &Connect::new(Version::V311, "c").clean_start(false)).unwrap();
    save(client, log);
    sent(client);
    assert!(matches!(taken(client, &[0x20, 2, present.into(), 0]), Ok(Some(Event::ConnAck(_)))));
    save(client, log);
}

#[cfg(feature = "bytes")]
#[test]
fn a_shared_payload_is_written_in_full() {
    type Large = Connection<Journaled<Heap, 2048>>;
    let mut client = Large::new(Journaled::new(Heap::new()), Limits::DEFAULT);
    let (mut log, payload) = (Vec::new(), bytes::Bytes::from(vec![b'x'; 1_000]));
    let topic = TopicName::new("t").unwrap();
    client.publish(NOW, &Publish::new(topic, &payload).qos(QoS::AtLeastOnce)).unwrap();
    save(&mut client, &mut log);
    let (again, _) = Large::recover(Journaled::new(Heap::new()), Limits::DEFAULT, NOW, &log).unwrap();
    for mut client in [client, again] {
        let mut snapshot: Vec<u8> = Vec::new();
        assert!(client.snapshot(&mut |bytes| snapshot.extend(bytes)));
        assert!(snapshot.windows(1_000).any(|window| window == &payload[..]));
    }
}

/// After PUBREC a message takes no room; its place in a snapshot must not need any either.
#[test]
fn a_full_arena_comes_back_beside_released_messages() {
    type Narrow = Connection<Journaled<pure_mqtt::Fixed<24, 4, 2, 64>, 512>>;
    let mut client = Narrow::new(Journaled::new(pure_mqtt::Fixed::new()), Limits::DEFAULT);
    let mut log = Vec::new();
    client.open(NOW, &Connect::new(Version::V311, "c").clean_start(false)).unwrap();
    sent(&mut client);
    assert!(matches!(taken(&mut client, b"\x20\x02\0\0"), Ok(Some(Event::ConnAck(_)))));
    publish(&mut client, "released", QoS::ExactlyOnce);
    save(&mut client, &mut log);
    sent(&mut client);
    assert_eq!(taken(&mut client, b"\x50\x02\0\x01"), Ok(None));
    publish(&mut client, "fifteen bytes, ", QoS::AtLeastOnce);
    save(&mut client, &mut log);
    let mut snapshot = Vec::new();
    assert!(client.snapshot(&mut |bytes| snapshot.extend(bytes)));
    for log in [log, snapshot] {
        let (client, _) = Narrow::recover(Journaled::new(pure_mqtt::Fixed::new()), Limits::DEFAULT, NOW, &log).unwrap();
        assert_eq!(client.pending(), 2);
    }
}

/// Messages of 5.0 fill the storage; in 3.1.1 they are shorter, but not by as much as is kept free for new ones.
#[test]
fn a_full_arena_comes_back_in_another_version() {
    type Full = Connection<Journaled<pure_mqtt::Fixed<35, 4, 2, 64>, 512>>;
    let limits = Limits { version: Version::V5, ..Limits::DEFAULT };
    let (mut client, mut log) = (Full::new(Journaled::new(pure_mqtt::Fixed::new()), limits), Vec::new());
    for payload in ["one", "two", "three"] {
        publish(&mut client, payload, QoS::AtLeastOnce); // 11, 11 and 13 bytes
        save(&mut client, &mut log);
    }
    client.open(NOW, &Connect::new(Version::V311, "c").clean_start(false)).unwrap();
    save(&mut client, &mut log);
    let mut snapshot = Vec::new();
    assert!(client.snapshot(&mut |bytes| snapshot.extend(bytes)));
    type Short = Connection<Journaled<pure_mqtt::Fixed<34, 4, 2, 64>, 512>>;
    let short = Short::recover(Journaled::new(pure_mqtt::Fixed::new()), limits, NOW, &snapshot).err();
    assert_eq!(short, Some(pure_mqtt::journal::RecoverError::TooSmall { offset: snapshot.len() }));
    for log in [log, snapshot] {
        let (mut client, _) = Full::recover(Journaled::new(pure_mqtt::Fixed::new()), limits, NOW, &log).unwrap();
        assert_eq!(client.pending(), 3);
        client.open(NOW, &Connect::new(Version::V5, "c").clean_start(false)).unwrap();
        client.journal_written(client.journal().len());
        sent(&mut client);
        assert!(matches!(taken(&mut client, b"\x20\x03\0\0\0"), Ok(Some(Event::ConnAck(_)))));
        client.journal_written(client.journal().len());
        let all = b"\x32\x09\0\x01t\0\x01\0one\x32\x09\0\x01t\0\x02\0two\x32\x0B\0\x01t\0\x03\0three";
        assert_eq!(sent(&mut client), all);
    }
}

/// Identifiers that lie apart in the table that was meet in the one that recovery begins with, until it has grown as far.
#[test]
fn a_table_grows_for_two_identifiers_that_meet() {
    type Large = Connection<Journaled<Heap, 4096>>;
    let limits = Limits { max_inflight: 0, ..Limits::DEFAULT };
    let mut client = Large::new(Journaled::new(Heap::new()), limits);
    let mut log = Vec::new();
    reopen_saving(&mut client, &mut log, false);
    for number in 1..=65 {
        publish(&mut client, &number.to_string(), QoS::AtLeastOnce);
        save(&mut client, &mut log);
    }
    sent(&mut client);
    for id in 2..=64 {
        assert!(matches!(taken(&mut client, &[0x40, 2, 0, id]), Ok(Some(Event::PubAck(_)))));
        save(&mut client, &mut log);
    }
    let mut snapshot = Vec::new();
    assert!(client.snapshot(&mut |bytes| snapshot.extend(bytes)));
    let (mut client, _) = Large::recover(Journaled::new(Heap::new()), limits, NOW, &snapshot).unwrap();
    assert_eq!(client.pending(), 2);
    reopen_saving(&mut client, &mut snapshot, true);
    assert_eq!(sent(&mut client), b"\x3A\x06\0\x01t\0\x011\x3A\x07\0\x01t\0\x4165");
}

#[test]
fn the_table_of_received_messages_grows_as_it_did() {
    type Large = Connection<Journaled<Heap, 4096>>;
    let mut client = Large::new(Journaled::new(Heap::new()), Limits::DEFAULT);
    let mut log = Vec::new();
    reopen_saving(&mut client, &mut log, false);
    for id in 1..=100 {
        assert!(matches!(taken(&mut client, &message(Version::V311, 2, id)), Ok(Some(Event::Message(_)))));
        save(&mut client, &mut log);
        sent(&mut client);
    }
    let (mut client, _) = Large::recover(Journaled::new(Heap::new()), Limits::DEFAULT, NOW, &log).unwrap();
    reopen_saving(&mut client, &mut log, true);
    for id in 1..=100 {
        assert_eq!(taken(&mut client, &message(Version::V311, 2, id)), Ok(None), "it was delivered");
        assert_eq!(sent(&mut client), [0x50, 2, 0, id]);
    }
}

/// QoS 0 messages, requests and outcomes that nobody has fetched yet are no part of the session.
#[test]
fn a_snapshot_keeps_unfinished_messages_only() {
    let (mut client, mut log) = (new(Limits::DEFAULT), Vec::new());
    let topic = TopicName::new("t").unwrap();
    let given_up =
        client.publish(NOW, &Publish::new(topic, Payload::Streamed(9)).qos(QoS::AtLeastOnce)).unwrap().handle;
    publish(&mut client, "kept", QoS::AtLeastOnce);
    publish(&mut client, "QoS 0", QoS::AtMostOnce);
    let filters = [Subscription::new(TopicFilter::new("f").unwrap(), QoS::AtMostOnce)];
    client.subscribe(NOW, &Subscribe::new(&filters)).unwrap();
    save(&mut client, &mut log);
    assert!(client.abandon(NOW, given_up));
    save(&mut client, &mut log);
    assert_eq!(client.pending(), 4);
    let mut snapshot = Vec::new();
    assert!(client.snapshot(&mut |bytes| snapshot.extend(bytes)));
    for mut log in [log, snapshot] {
        let mut client = again(&log, Limits::DEFAULT);
        assert_eq!((client.pending(), client.poll_outcome()), (1, None));
        up(&mut client, &mut log, Version::V311, false);
        assert!(sent(&mut client).ends_with(b"kept"));
    }
}

/// What the application has not acknowledged, or has refused, is no received message: a snapshot doesn't say that it is.
#[test]
fn a_snapshot_tells_what_was_received() {
    let limits = Limits { manual_acks: true, version: Version::V5, ..Limits::DEFAULT };
    let (mut client, mut log) = (new(limits), Vec::new());
    up(&mut client, &mut log, Version::V5, false);
    let [first, second, third] = [1, 2, 3].map(|id| delivered(&mut client, &message(Version::V5, 2, id)));
    client.acknowledge(NOW, second, &Ack::new(ReasonCode::QUOTA_EXCEEDED)).unwrap();
    client.acknowledge(NOW, third, &Ack::SUCCESS).unwrap();
    save(&mut client, &mut log);
    assert_eq!(sent(&mut client), [], "the first one holds them up");
    let _ = first;
    let mut snapshot = Vec::new();
    assert!(client.snapshot(&mut |bytes| snapshot.extend(bytes)));
    for mut log in [log, snapshot] {
        let mut client = again(&log, limits);
        up(&mut client, &mut log, Version::V5, true);
        for id in [1, 2] {
            assert!(matches!(taken(&mut client, &message(Version::V5, 2, id)), Ok(Some(Event::Message(_)))), "{id}");
        }
        assert_eq!(taken(&mut client, &message(Version::V5, 2, 3)), Ok(None));
    }
}

/// How long the server keeps a session counts from the end of its link; a snapshot after that time tells of none, nor does one of a link whose session
/// ends with it.
/// The server decides how long it keeps a session, so the journal keeps it as long as the server has not said otherwise.
#[test]
fn a_session_stays_in_the_journal_however_long_it_was_to_be_kept() {
    let limits = Limits { version: Version::V5, ..Limits::DEFAULT };
    for (expiry, closed_for) in [(10, None), (10, Some(1_000_000)), (0, None), (0, Some(0)), (u32::MAX, Some(1))] {
        let (mut client, mut log) = (new(limits), Vec::new());
        let expiry = [Property::SessionExpiryInterval(expiry)];
        let connect = Connect::new(Version::V5, "c").clean_start(false).properties(&expiry[..]);
        client.open(NOW, &connect).unwrap();
        save(&mut client, &mut log);
        sent(&mut client);
        assert!(matches!(taken(&mut client, b"\x20\x03\0\0\0"), Ok(Some(Event::ConnAck(_)))));
        save(&mut client, &mut log);
        if let Some(seconds) = closed_for {
            client.handle_close(NOW);
            client.handle_timeout(NOW.after_secs(seconds)).unwrap();
            save(&mut client, &mut log);
        }
        let mut snapshot = Vec::new();
        assert!(client.snapshot(&mut |bytes| snapshot.extend(bytes)));
        for log in [&log, &snapshot] {
            let mut client = again(log, limits);
            client.open(NOW, &connect).unwrap();
            save(&mut client, &mut log.clone());
            sent(&mut client);
            let Ok(Some(Event::ConnAck(connack))) = taken(&mut client, b"\x20\x03\x01\0\0") else { panic!() };
            assert_eq!(connack.session, SessionState::Resumed, "{expiry:?} {closed_for:?}");
        }
    }
}

/// That a message is for 5.0 alone is in its record.
#[test]
fn what_only_5_can_carry_waits_after_a_loss_of_power() {
    let limits = Limits { version: Version::V311, ..Limits::DEFAULT };
    let (mut client, mut log) = (new(limits), Vec::new());
    let topic = TopicName::new("t").unwrap();
    client.publish(NOW, &Publish::new(topic, b"5").qos(QoS::AtLeastOnce).needs_v5(true)).unwrap();
    publish(&mut client, "x", QoS::AtLeastOnce);
    save(&mut client, &mut log);
    let mut client = again(&log, limits);
    up(&mut client, &mut log, Version::V311, false);
    assert_eq!(sent(&mut client), b"\x32\x06\0\x01t\0\x02x");
    client.handle_close(NOW);
    let mut client = again(&log, limits);
    up(&mut client, &mut log, Version::V5, true);
    let both = b"\x3A\x07\0\x01t\0\x01\x005\x3A\x07\0\x01t\0\x02\0x";
    assert_eq!(sent(&mut client), both);
}

/// A log can be read into a storage that keeps none.
#[test]
fn a_connection_may_go_on_without_a_journal() {
    let (mut client, mut log) = (new(Limits::DEFAULT), Vec::new());
    publish(&mut client, "x", QoS::ExactlyOnce);
    save(&mut client, &mut log);
    let (mut client, _) = Connection::recover(Heap::new(), Limits::DEFAULT, NOW, &log).unwrap();
    assert!(client.journal().is_empty());
    client.open(NOW, &Connect::new(Version::V311, "c").clean_start(false)).unwrap();
    sent(&mut client);
    assert!(taken(&mut client, b"\x20\x02\0\0").is_ok());
    assert_eq!(sent(&mut client), b"\x34\x06\0\x01t\0\x01x", "as new, on a new session");
    assert!(client.journal().is_empty());
}

/// A message whose end is not durable yet keeps its place; one in pieces under its identifier is new all the same.
#[test]
fn a_long_message_may_follow_one_whose_end_is_not_written() {
    let limits = Limits { inline_max: 24, stream_max: 1_000, ..Limits::DEFAULT };
    let (mut client, mut log) = (new(limits), Vec::new());
    up(&mut client, &mut log, Version::V311, false);
    assert!(matches!(taken(&mut client, &message(Version::V311, 2, 7)), Ok(Some(Event::Message(_)))));
    save(&mut client, &mut log);
    assert_eq!(sent(&mut client), b"\x50\x02\0\x07");
    client.handle_close(NOW);
    up(&mut client, &mut log, Version::V311, true);
    let in_use = ConnectionError::Protocol(pure_mqtt::wire::Violation::PacketIdInUse);
    assert_eq!(taken(&mut client, &message(Version::V311, 1, 7)), Err(in_use), "so the server has lost the other one");
    client.handle_close(NOW);
    client.open(NOW, &Connect::new(Version::V311, "c").clean_start(false)).unwrap();
    sent(&mut client);
    assert!(taken(&mut client, b"\x20\x02\x01\0").is_ok());
    assert!(!client.journal().is_empty());
    let long = [&b"\x34\x2D\0\x01t\0\x07"[..], &[b'x'; 40]].concat();
    let Ok(Received::Packet { consumed: 24, event: Some(Event::Fragment(first)) }) =
        client.handle_input_streaming(NOW, &long[..24])
    else {
        panic!()
    };
    assert_eq!((first.offset, first.total), (0, 40));
    let rest = client.handle_input_streaming(NOW, &long[24..]);
    assert!(matches!(rest, Ok(Received::Packet { event: Some(Event::Fragment(Fragment { is_last: true, .. })), .. })));
    save(&mut client, &mut log);
    assert_eq!(sent(&mut client), b"\x50\x02\0\x07");
}
