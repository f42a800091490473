//! A full buffer is back-pressure.

use super::save;
use crate::corners::rig::{NOW, delivered, is_blocked, message, sent, taken};
use pure_mqtt::storage::Journaled;
use pure_mqtt::{
    Ack, Connect, Connection, Event, Fixed, Limits, OnSessionLoss, OpenError, Overflow, Publish, PublishError, QoS,
    Received, RequestError, Storage, TopicName, Version,
};

type Tight = Connection<Journaled<Fixed<512, 16, 8, 64>, 140>>;

fn publish<S: Storage>(client: &mut Connection<S>, payload: &[u8]) -> Result<(), PublishError> {
    client.publish(NOW, &Publish::new(TopicName::new("t").unwrap(), payload).qos(QoS::AtLeastOnce)).map(drop)
}

/// So full that there is no room for another record of any kind.
fn fill(client: &mut Tight) {
    for length in (0..100).rev() {
        while publish(client, &[b'x'; 100][..length]).is_ok() {}
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
fn commands_are_refused_and_input_waits_until_records_are_written() {
    let limits = Limits { manual_acks: true, ..Limits::DEFAULT };
    let (mut client, mut log) = up(limits);
    let ack = delivered(&mut client, &message(Version::V311, 2, 1));
    let accepted = (0..20).take_while(|_| publish(&mut client, b"xxx").is_ok()).count();
    assert!((1..8).contains(&accepted));
    let before = client.clone();
    assert_eq!(publish(&mut client, b"x"), Err(PublishError::Full));
    assert!(publish(&mut client, &[b'x'; 200]) == Err(PublishError::TooLarge), "no writing makes room for that");
    let ack = client.acknowledge(NOW, ack, &Ack::SUCCESS).map_err(|error| {
        assert_eq!(error.error, RequestError::Full);
        error.pending
    });
    assert!(client == before);
    assert!(is_blocked(&mut client, b"\x40\x02\0\x01"));
    save(&mut client, &mut log);
    client.acknowledge(NOW, ack.unwrap_err(), &Ack::SUCCESS).unwrap();
    save(&mut client, &mut log);
    sent(&mut client);
    assert!(matches!(taken(&mut client, b"\x40\x02\0\x01"), Ok(Some(Event::PubAck(_)))));
    assert_eq!(client.pending(), accepted - 1);
    publish(&mut client, b"x").unwrap();
    save(&mut client, &mut log);

    fill(&mut client);
    client.closed(NOW);
    let connect = Connect::new(Version::V311, "c").clean_start(false);
    assert_eq!(client.open(NOW, &connect), Err(OpenError::JournalFull));
    save(&mut client, &mut log);
    assert_eq!(client.open(NOW, &connect), Ok(()));
}

/// QoS 0 messages need no record, and go on.
#[test]
fn what_needs_no_record_is_not_held_up_by_a_full_buffer() {
    let (mut client, _) = up(Limits::DEFAULT);
    fill(&mut client);
    client.publish(NOW, &Publish::new(TopicName::new("t").unwrap(), b"x")).unwrap();
    assert!(client.handle_timeout(NOW.after_secs(60)).is_ok());
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

/// A long message for which many short ones must go: the records of their ends leave room for its own, or nothing happens.
#[test]
fn what_is_noted_for_a_message_leaves_room_for_the_message() {
    type Narrow = Connection<Journaled<Fixed<256, 64, 8, 64>, 400>>;
    let limits = Limits { overflow: Overflow::DropOldest, ..Limits::DEFAULT };
    let (mut accepted, mut refused) = (0, 0);
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
                    refused += 1;
                }
            }
            save(&mut client, &mut log);
            let (again, _) = Narrow::recover(Journaled::new(Fixed::new()), limits, NOW, &log).unwrap();
            assert_eq!(again.pending(), client.pending(), "{waiting} records waited, {length} bytes");
        }
    }
    assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
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
fn many_that_expire_at_once_end_as_room_allows() {
    let (mut client, mut log) = full_of_brief_messages();
    let later = NOW.after_secs(5);
    let mut rounds = 0;
    while client.poll_timeout().is_some_and(|at| at <= later) {
        client.handle_timeout(later).unwrap();
        save(&mut client, &mut log);
        while client.poll_outcome().is_some() {}
        rounds += 1;
    }
    assert!((2..12).contains(&rounds), "{rounds}");
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
fn many_that_expired_are_ended_as_room_allows_when_their_turn_comes() {
    let (mut client, mut log) = full_of_brief_messages();
    let later = NOW.after_secs(5);
    client.open(later, &Connect::new(Version::V5, "c").clean_start(false)).unwrap();
    save(&mut client, &mut log);
    let length = client.transmit(later).remaining();
    client.transmit(later).advance(length);
    assert!(matches!(client.handle_input(later, b"\x20\x03\0\0\0"), Ok(Received::Packet { .. })));
    save(&mut client, &mut log);
    let mut rounds = 0;
    loop {
        assert_eq!(client.transmit(later).remaining(), 0, "all have expired");
        if client.journal().is_empty() {
            break;
        }
        save(&mut client, &mut log);
        rounds += 1;
    }
    assert!((2..12).contains(&rounds), "{rounds}");
    assert_eq!(std::iter::from_fn(|| client.poll_outcome()).count(), 12);
    let (again, _) = Tight::recover(Journaled::new(Fixed::new()), OF_5, NOW, &log).unwrap();
    assert_eq!((client.pending(), again.pending()), (0, 0));
}

/// A message takes the place of another only if the end of that one can be noted too.
#[test]
fn the_latest_of_a_topic_waits_for_room_for_both_records() {
    type Wider = Connection<Journaled<Fixed<512, 16, 8, 64>, 200>>;
    let limits = Limits { overflow: Overflow::LatestPerTopic, max_queued: 1, ..Limits::DEFAULT };
    let (mut taken, mut refused) = (0, 0);
    for length in 0.. {
        let mut client = Wider::new(Journaled::new(Fixed::new()), limits);
        if publish(&mut client, &vec![b'x'; length]).is_err() {
            break;
        }
        let mut log = Vec::new();
        let before = client.clone();
        match publish(&mut client, b"latest") {
            Ok(()) => taken += 1,
            Err(error) => {
                assert_eq!(error, PublishError::Full);
                assert!(client == before);
                refused += 1;
                save(&mut client, &mut log);
                publish(&mut client, b"latest").unwrap();
            }
        }
        save(&mut client, &mut log);
        let (mut again, _) = Wider::recover(Journaled::new(Fixed::new()), limits, NOW, &log).unwrap();
        assert_eq!((client.pending(), again.pending()), (1, 1), "{length}");
        again.open(NOW, &Connect::new(Version::V311, "c").clean_start(false)).unwrap();
        save(&mut again, &mut log);
        sent(&mut again);
        assert!(self::taken(&mut again, b"\x20\x02\0\0").is_ok());
        save(&mut again, &mut log);
        assert!(sent(&mut again).ends_with(b"latest"));
    }
    assert!(taken > 0 && refused > 0, "{taken} {refused}");
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
        client.closed(NOW);
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
