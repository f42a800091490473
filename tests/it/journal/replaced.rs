//! A message takes the place of another, and the power fails in between: one of the two is there.

use super::save;
use crate::corners::rig::{NOW, sent, taken};
use pure_mqtt::storage::Journaled;
use pure_mqtt::{Connect, Connection, Fixed, Handle, Limits, Overflow, Publish, QoS, TopicName, Version};

/// One place for a message in flight or queued, so that the new one takes the very slot of the old one.
type Single = Connection<Journaled<Fixed<128, 1, 2, 64>, 256>>;
/// A buffer for one long record, or a few short ones.
type Tight = Connection<Journaled<Fixed<1024, 16, 8, 64>, 200>>;

const OVERFLOWS: [Overflow; 2] = [Overflow::DropOldest, Overflow::LatestPerTopic];

fn handles<S: pure_mqtt::Storage>(client: &Connection<S>) -> Vec<Handle> {
    client.unacknowledged().map(|message| message.handle).collect()
}

fn message(payload: &[u8]) -> Publish<'_> {
    Publish::new(TopicName::new("t").unwrap(), payload).qos(QoS::AtLeastOnce)
}

fn single(log: &[u8], limits: Limits) -> Single {
    Single::recover(Journaled::new(Fixed::new()), limits, NOW, log).unwrap().0
}

fn tight(log: &[u8]) -> Tight {
    Tight::recover(Journaled::new(Fixed::new()), Limits::DEFAULT, NOW, log).unwrap().0
}

#[test]
fn one_of_two_is_there_after_every_byte() {
    for (replaces, overflow) in [(true, Overflow::Reject), (false, OVERFLOWS[0]), (false, OVERFLOWS[1])] {
        let limits = Limits { overflow, ..Limits::DEFAULT };
        let (mut client, mut log) = (Single::new(Journaled::new(Fixed::new()), limits), Vec::new());
        let mut old = client.publish(NOW, &message(b"0")).unwrap().handle;
        save(&mut client, &mut log);
        for text in [b"1", b"2", b"3"] {
            let start = log.len();
            let new = match replaces {
                true => client.replace(NOW, old, &message(text)).unwrap(),
                false => client.publish(NOW, &message(text)).unwrap(),
            };
            assert_eq!(new.dropped.map(|dropped| dropped.first), Some(old));
            save(&mut client, &mut log);
            for end in start..log.len() {
                assert_eq!(handles(&single(&log[..end], limits)), [old], "{overflow:?}, {end} of {}", log.len());
            }
            assert_eq!(handles(&single(&log, limits)), [new.handle]);
            old = new.handle;
        }
    }
}

/// A client whose message is replaced by one for whose record there is no room, but for that of the end of the old one. `room` bytes are free before.
fn replaced(room: usize) -> Option<(Tight, Vec<u8>, [Handle; 2])> {
    let (mut client, mut log) = (Tight::new(Journaled::new(Fixed::new()), Limits::DEFAULT), Vec::new());
    let old = client.publish(NOW, &message(b"old")).unwrap().handle;
    save(&mut client, &mut log);
    client.publish(NOW, &message(&vec![b'f'; 150 - room])).ok()?;
    let before = client.journal().len();
    let new = client.replace(NOW, old, &message(&[b'n'; 60])).unwrap().handle;
    (client.journal().len() == before + 19).then_some((client, log, [old, new]))
}

#[test]
fn what_has_no_room_for_its_record_replaces_nothing_yet() {
    let mut count = 0;
    for (mut client, mut log, [old, new]) in (60..150).filter_map(replaced) {
        count += 1;
        // The power fails before there is room.
        let mut lost = log.clone();
        lost.extend(client.journal());
        let mut after = tight(&lost);
        assert!(handles(&after).contains(&old) && !handles(&after).contains(&new));
        // The old one is a message as others are, and the handle of the lost one is not given away again.
        let third = after.publish(NOW, &message(b"third")).unwrap().handle;
        assert!(third > new);
        let fourth = after.replace(NOW, third, &message(b"fourth")).unwrap().handle;
        save(&mut after, &mut lost);
        let found = handles(&tight(&lost));
        assert!(found.starts_with(&[old]) && found.ends_with(&[fourth]) && !found.contains(&third), "{found:?}");
        // It does not fail.
        save(&mut client, &mut log);
        assert_eq!(handles(&tight(&log)), handles(&client));
        assert!(handles(&client).ends_with(&[new]));
    }
    assert!(count > 10, "{count}");
}

/// Of a message that was replaced, taken back or has expired before there was room for its record, the log knows the end alone.
#[test]
fn a_chain_of_messages_leads_to_the_last() {
    for is_cancelled in [false, true] {
        for (mut client, mut log, [old, new]) in (60..150).filter_map(replaced) {
            let third = client.replace(NOW, new, &message(&[b't'; 60])).unwrap().handle;
            if is_cancelled {
                assert!(client.cancel(third));
            }
            let live = handles(&client);
            let last = [third, old][usize::from(is_cancelled)];
            while !client.journal().is_empty() {
                let found = handles(&tight(&log));
                assert!(found.contains(&old) ^ found.contains(&third), "{found:?}, and {last:?} is the last");
                assert!(!found.contains(&new));
                log.extend(client.journal());
                client.journal_written(client.journal().len());
            }
            assert_eq!(handles(&tight(&log)), live);
        }
    }
}

/// All is forgotten, and a clean start follows, before the record of that is durable: what was received in the old session would be taken for what
/// comes in the new one.
#[test]
fn a_clean_start_waits_until_the_old_session_is_forgotten() {
    for version in [Version::V311, Version::V5] {
        let (mut client, mut log) = (super::new(Limits { version, ..Limits::DEFAULT }), Vec::new());
        let connack = if version == Version::V5 { &b"\x20\x03\0\0\0"[..] } else { b"\x20\x02\0\0" };
        client.open(NOW, &Connect::new(version, "c").clean_start(false)).unwrap();
        sent(&mut client);
        assert!(taken(&mut client, connack).is_ok());
        save(&mut client, &mut log);
        client.handle_close(NOW);
        assert!(client.discard_session());
        client.open(NOW, &Connect::new(version, "c").clean_start(true)).unwrap();
        assert_eq!(sent(&mut client), b"");
        save(&mut client, &mut log);
        assert_eq!(sent(&mut client).first(), Some(&0x10));
    }
}
