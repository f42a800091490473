//! A full buffer loses nothing and refuses nothing: what doesn't fit stays owed. Back-pressure comes from the slots, which are free once the end of their
//! message is in the journal.

use super::save;
use crate::corners::rig::{NOW, delivered, message, sent, taken};
use pure_mqtt::storage::Journaled;
use pure_mqtt::{
    Ack, Connect, Connection, Event, Fixed, Limits, OnSessionLoss, Overflow, Publish, PublishError, QoS, Received,
    Storage, TopicName, Version,
};

type Tight = Connection<Journaled<Fixed<512, 16, 8, 64>, 140>>;

fn publish<S: Storage>(client: &mut Connection<S>, payload: &[u8]) -> Result<(), PublishError> {
    client.publish(NOW, &Publish::new(TopicName::new("t").unwrap(), payload).qos(QoS::AtLeastOnce)).map(drop)
}

/// So full that there is no room for another record of any kind, and slots are free.
fn fill(client: &mut Tight) {
    for _ in 0..12 {
        publish(client, b"xxx").unwrap();
    }
}

fn up(limits: Limits) -> (Tight, Vec<u8>) {
    let mut client = Tight::new(Journaled::new(Fixed::new()), limits);
    client.open(NOW, &Connect::new(Version::V311, "c").clean_start(false)).unwrap();
    sent(&mut client);
    assert!(taken(&mut client, b"\x20\x02\0\0").is_ok());
    let mut log = Vec::new();
    save(&mut client, &mut log);
    (client, log)
}

#[test]
fn what_does_not_fit_stays_owed() {
    let limits = Limits { manual_acks: true, ..Limits::DEFAULT };
    let (mut client, mut log) = up(limits);
    let ack = delivered(&mut client, &message(Version::V311, 2, 1));
    let complete = delivered(&mut client, &message(Version::V311, 2, 2));
    client.acknowledge(NOW, complete, &Ack::SUCCESS).unwrap();
    publish(&mut client, b"out").unwrap();
    save(&mut client, &mut log);
    sent(&mut client);
    fill(&mut client);
    assert_eq!(publish(&mut client, &[b'x'; 200]), Err(PublishError::TooLarge), "no writing makes room for that");
    let long = [b'x'; 200];
    let at_most_once = Publish::new(TopicName::new("t").unwrap(), &long[..]);
    let handle = client.publish(NOW, &at_most_once).expect("it has no record").handle;
    assert!(client.cancel(handle));
    let full = client.journal().len();
    client.acknowledge(NOW, ack, &Ack::SUCCESS).unwrap();
    assert!(matches!(taken(&mut client, b"\x40\x02\0\x01"), Ok(Some(Event::PubAck(_)))));
    assert_eq!(taken(&mut client, b"\x62\x02\0\x02"), Ok(None));
    assert_eq!((client.journal().len(), client.pending()), (full, 12));
    assert_eq!(sent(&mut client), b"", "PUBREC and PUBCOMP wait for their records");

    // The power fails: what was owed had no effect that anybody saw.
    let lost = log.clone();
    let (again, _) = Tight::recover(Journaled::new(Fixed::new()), limits, NOW, &lost).unwrap();
    assert_eq!(again.pending(), 1);

    client.journal_written(0);
    save(&mut client, &mut log);
    let (again, _) = Tight::recover(Journaled::new(Fixed::new()), limits, NOW, &log).unwrap();
    assert_eq!(again.pending(), 12);
    let bytes = sent(&mut client);
    assert!(bytes.starts_with(b"\x50\x02\0\x01\x70\x02\0\x02\x32"), "{bytes:02X?}");
}

/// A link opens and closes whatever the buffer has room for, and the session is lost in one record.
#[test]
fn links_need_no_room() {
    let (mut client, mut log) = up(Limits::DEFAULT);
    let clean = Connect::new(Version::V311, "c");
    for round in 0..9 {
        fill_up_to(&mut client, 12);
        client.handle_close(NOW);
        client.open(NOW, &clean).unwrap();
        let mut bytes = sent(&mut client);
        save(&mut client, &mut log);
        if round == 0 {
            assert_eq!(bytes, b"", "the log must say that the session which the server holds is in doubt");
            bytes = sent(&mut client);
        }
        assert_eq!(bytes[0], 0x10);
        assert!(taken(&mut client, b"\x20\x02\0\0").is_ok());
        let (again, _) = Tight::recover(Journaled::new(Fixed::new()), Limits::DEFAULT, NOW, &log).unwrap();
        assert_eq!(again.pending(), client.pending());
    }
}

fn fill_up_to(client: &mut Tight, count: usize) {
    while client.pending() < count {
        publish(client, b"xxx").unwrap();
    }
}

/// QoS 0 messages need no record, and go on.
#[test]
fn what_needs_no_record_is_not_held_up_by_a_full_buffer() {
    let (mut client, _) = up(Limits::DEFAULT);
    fill(&mut client);
    client.publish(NOW, &Publish::new(TopicName::new("t").unwrap(), b"x")).unwrap();
    assert_eq!(sent(&mut client), b"\x30\x04\0\x01tx");
    assert!(client.handle_timeout(NOW.after_secs(60)).is_ok());
    let length = client.transmit(NOW.after_secs(60)).remaining();
    assert_eq!(length, 2, "PINGREQ");
}

/// A slot is free once the end of its message is in the journal.
#[test]
fn a_slot_is_free_once_the_end_of_its_message_is_noted() {
    let limits = Limits { overflow: Overflow::DropOldest, ..Limits::DEFAULT };
    let mut client = Tight::new(Journaled::new(Fixed::new()), limits);
    let mut log = Vec::new();
    for _ in 0..16 {
        publish(&mut client, b"x").unwrap();
        save(&mut client, &mut log);
    }
    let mut refused = 0;
    for _ in 0..100 {
        let before = client.clone();
        match publish(&mut client, b"y") {
            Ok(()) => {}
            Err(error) => {
                assert_eq!(error, PublishError::Full);
                assert!(client == before && client.journal() == before.journal());
                save(&mut client, &mut log);
                publish(&mut client, b"y").unwrap();
                refused += 1;
            }
        }
        assert_eq!(client.pending(), 16);
    }
    assert!(refused > 10, "{refused}");
    save(&mut client, &mut log);
    let (again, _) = Tight::recover(Journaled::new(Fixed::new()), limits, NOW, &log).unwrap();
    assert_eq!(again.pending(), 16);
}

/// What was cancelled before its record was encoded has none.
#[test]
fn what_ends_before_it_was_noted_leaves_no_trace() {
    let (mut client, mut log) = up(Limits::DEFAULT);
    fill(&mut client);
    let waiting = client.journal().len();
    let topic = TopicName::new("t").unwrap();
    let last = client.publish(NOW, &Publish::new(topic, b"last").qos(QoS::AtLeastOnce)).unwrap().handle;
    assert!(client.cancel(last));
    assert_eq!((client.pending(), client.journal().len()), (12, waiting));
    assert!(!client.is_idle());
    save(&mut client, &mut log);
    assert!(!log.windows(4).any(|bytes| bytes == b"last"));
}

/// Every message that the policy drops has its record, or nothing is dropped.
#[test]
fn messages_are_dropped_as_far_as_it_can_be_noted() {
    let limits = Limits { overflow: Overflow::DropOldest, max_queued: 12, ..Limits::DEFAULT };
    let mut client = Tight::new(Journaled::new(Fixed::new()), limits);
    let mut log = Vec::new();
    for _ in 0..12 {
        publish(&mut client, b"x").unwrap();
        save(&mut client, &mut log);
    }
    for _ in 0..40 {
        if publish(&mut client, b"y").is_err() {
            save(&mut client, &mut log);
            publish(&mut client, b"y").unwrap();
        }
    }
    save(&mut client, &mut log);
    let (again, _) = Tight::recover(Journaled::new(Fixed::new()), limits, NOW, &log).unwrap();
    assert_eq!((client.pending(), again.pending()), (12, 12));
}

/// A long message for which many short ones must go: all of it is noted, whatever room there is at first.
#[test]
fn a_message_and_the_ends_of_those_before_it_are_noted() {
    type Narrow = Connection<Journaled<Fixed<256, 64, 8, 64>, 400>>;
    let limits = Limits { overflow: Overflow::DropOldest, ..Limits::DEFAULT };
    let mut accepted = 0;
    for waiting in 0..6 {
        for length in 60..240 {
            let (mut client, mut log) = (Narrow::new(Journaled::new(Fixed::new()), limits), Vec::new());
            for _ in 0..27 {
                publish(&mut client, b"x").unwrap();
                save(&mut client, &mut log);
            }
            (0..waiting).for_each(|_| publish(&mut client, b"y").unwrap());
            let before = client.clone();
            match publish(&mut client, &vec![b'z'; length]) {
                Ok(()) => accepted += 1,
                Err(error) => {
                    assert_eq!(error, PublishError::Full);
                    assert!(client == before);
                }
            }
            save(&mut client, &mut log);
            let (again, _) = Narrow::recover(Journaled::new(Fixed::new()), limits, NOW, &log).unwrap();
            assert_eq!(again.pending(), client.pending(), "{waiting} records waited, {length} bytes");
        }
    }
    assert!(accepted > 100, "{accepted} accepted");
}

/// A record whose length takes three bytes.
#[test]
fn a_long_message_survives_as_well() {
    type Wide = Connection<Journaled<pure_mqtt::Heap, 32_768>>;
    let storage = || Journaled::new(pure_mqtt::Heap::new());
    let (mut client, mut log) = (Wide::new(storage(), Limits::DEFAULT), Vec::new());
    let payload: Vec<u8> = (0..20_000_u32).map(|number| number as u8).collect();
    publish(&mut client, &payload).unwrap();
    save(&mut client, &mut log);
    let (mut again, _) = Wide::recover(storage(), Limits::DEFAULT, NOW, &log).unwrap();
    assert_eq!(again.pending(), 1);
    again.open(NOW, &Connect::new(Version::V311, "c").clean_start(false)).unwrap();
    save(&mut again, &mut log);
    sent(&mut again);
    assert!(taken(&mut again, b"\x20\x02\0\0").is_ok());
    save(&mut again, &mut log);
    assert!(sent(&mut again).ends_with(&payload));
}

const OF_5: Limits = Limits { version: Version::V5, ..Limits::DEFAULT };

/// Twelve messages that expire after a second, and their log.
fn full_of_brief_messages() -> (Tight, Vec<u8>) {
    let (mut client, mut log) = (Tight::new(Journaled::new(Fixed::new()), OF_5), Vec::new());
    let brief = [pure_mqtt::Property::MessageExpiryInterval(1)];
    for _ in 0..12 {
        let publish = Publish::new(TopicName::new("t").unwrap(), b"x").qos(QoS::AtLeastOnce);
        client.publish(NOW, &publish.properties(&brief[..])).unwrap();
        save(&mut client, &mut log);
    }
    (client, log)
}

#[test]
fn many_that_expire_at_once_end_at_once() {
    let (mut client, mut log) = full_of_brief_messages();
    let later = NOW.after_secs(5);
    client.handle_timeout(later).unwrap();
    assert_eq!(std::iter::from_fn(|| client.poll_outcome()).count(), 12);
    assert_eq!(client.poll_timeout(), None);
    save(&mut client, &mut log);
    let (again, _) = Tight::recover(Journaled::new(Fixed::new()), OF_5, NOW, &log).unwrap();
    assert_eq!((client.pending(), again.pending()), (0, 0));
}

#[test]
fn a_snapshot_waits_for_the_journal() {
    let (mut client, mut log) = up(Limits::DEFAULT);
    publish(&mut client, b"x").unwrap();
    assert!(!client.snapshot(&mut |_| panic!("nothing is written")));
    save(&mut client, &mut log);
    assert!(client.snapshot(&mut |_| {}));
}

/// The same where nobody tells the time in between: they are found when they would leave.
#[test]
fn many_that_expired_end_when_their_turn_comes() {
    let (mut client, mut log) = full_of_brief_messages();
    let later = NOW.after_secs(5);
    client.open(later, &Connect::new(Version::V5, "c").clean_start(false)).unwrap();
    save(&mut client, &mut log);
    let length = client.transmit(later).remaining();
    client.transmit(later).advance(length);
    assert!(matches!(client.handle_input(later, b"\x20\x03\0\0\0"), Ok(Received::Packet { .. })));
    save(&mut client, &mut log);
    assert_eq!(client.transmit(later).remaining(), 0, "all have expired");
    save(&mut client, &mut log);
    assert_eq!(std::iter::from_fn(|| client.poll_outcome()).count(), 12);
    let (again, _) = Tight::recover(Journaled::new(Fixed::new()), OF_5, NOW, &log).unwrap();
    assert_eq!((client.pending(), again.pending()), (0, 0));
}

/// A message takes the place of another, and both are noted, whatever room there is at first.
#[test]
fn the_latest_of_a_topic_is_noted_with_the_end_of_the_one_before() {
    type Wider = Connection<Journaled<Fixed<512, 16, 8, 64>, 200>>;
    let limits = Limits { overflow: Overflow::LatestPerTopic, max_queued: 1, ..Limits::DEFAULT };
    for length in 0.. {
        let mut client = Wider::new(Journaled::new(Fixed::new()), limits);
        if publish(&mut client, &vec![b'x'; length]).is_err() {
            break;
        }
        let mut log = Vec::new();
        publish(&mut client, b"latest").unwrap();
        save(&mut client, &mut log);
        let (mut again, _) = Wider::recover(Journaled::new(Fixed::new()), limits, NOW, &log).unwrap();
        assert_eq!((client.pending(), again.pending()), (1, 1), "{length}");
        again.open(NOW, &Connect::new(Version::V311, "c").clean_start(false)).unwrap();
        save(&mut again, &mut log);
        sent(&mut again);
        assert!(taken(&mut again, b"\x20\x02\0\0").is_ok());
        save(&mut again, &mut log);
        assert!(sent(&mut again).ends_with(b"latest"));
    }
}

/// A lost session is one record, however many messages end with it; for what each of them became there need not be room.
#[test]
fn a_lost_session_is_noted_whatever_room_there_is() {
    for on_session_loss in [OnSessionLoss::Republish, OnSessionLoss::Abort] {
        let (mut client, mut log) = up(Limits { on_session_loss, ..Limits::DEFAULT });
        for id in 1..=15 {
            let publish = Publish::new(TopicName::new("t").unwrap(), b"x").qos(QoS::ExactlyOnce);
            client.publish(NOW, &publish).unwrap();
            save(&mut client, &mut log);
            sent(&mut client);
            if id > 2 {
                assert_eq!(taken(&mut client, &[0x50, 2, 0, id]), Ok(None));
                save(&mut client, &mut log);
            }
        }
        client.handle_close(NOW);
        client.open(NOW, &Connect::new(Version::V311, "c").clean_start(false)).unwrap();
        save(&mut client, &mut log);
        sent(&mut client);
        assert!(matches!(taken(&mut client, b"\x20\x02\0\0"), Ok(Some(Event::ConnAck(_)))));
        save(&mut client, &mut log);
        let ended = std::iter::from_fn(|| client.poll_outcome()).count();
        let kept = if on_session_loss == OnSessionLoss::Republish { 2 } else { 0 };
        assert_eq!((ended, client.pending()), (15 - kept, kept));
        let (again, recovered) = Tight::recover(Journaled::new(Fixed::new()), Limits::DEFAULT, NOW, &log).unwrap();
        assert_eq!((recovered.used, again.pending()), (log.len(), kept), "{on_session_loss:?}");
    }
}

/// A session that is lost again before the first loss is written needs no room for the second: both are told in the end.
#[test]
fn a_session_lost_twice_is_told_once_there_is_room() {
    let (mut client, mut log) = up(Limits::DEFAULT);
    fill(&mut client);
    let full = client.journal().len();
    for _ in 0..3 {
        client.handle_close(NOW);
        client.open(NOW, &Connect::new(Version::V311, "c").clean_start(false)).unwrap();
        sent(&mut client);
        assert!(matches!(taken(&mut client, b"\x20\x02\0\0"), Ok(Some(Event::ConnAck(_)))));
    }
    assert!(client.journal().len() > full);
    assert_eq!(sent(&mut client), b"", "which session they are for is not written");
    save(&mut client, &mut log);
    let (again, _) = Tight::recover(Journaled::new(Fixed::new()), Limits::DEFAULT, NOW, &log).unwrap();
    assert_eq!((client.pending(), again.pending()), (12, 12));
    assert_eq!(sent(&mut client).len(), 12 * 10);
}

/// A session is forgotten once that is in the buffer, and not before.
#[test]
fn a_session_is_not_forgotten_without_room_for_its_record() {
    let (mut client, mut log) = up(Limits::DEFAULT);
    fill(&mut client);
    client.handle_close(NOW);
    assert!(client.discard_session(), "room is kept for that");
    while client.poll_outcome().is_some() {}
    fill(&mut client);
    let used = (0..100).take_while(|_| client.discard_session()).count();
    while client.poll_outcome().is_some() {}
    assert!(used < 100);
    publish(&mut client, b"xxx").unwrap();
    assert!(!client.discard_session());
    assert_eq!(client.pending(), 1, "nothing is forgotten");
    save(&mut client, &mut log);
    let (again, _) = Tight::recover(Journaled::new(Fixed::new()), Limits::DEFAULT, NOW, &log).unwrap();
    assert_eq!(again.pending(), 1);
    assert!(client.discard_session());
    save(&mut client, &mut log);
    let (again, _) = Tight::recover(Journaled::new(Fixed::new()), Limits::DEFAULT, NOW, &log).unwrap();
    assert_eq!((client.pending(), again.pending()), (1, 0), "its outcome is still to be fetched");
}
