//! Logs that end too early, and logs that are wrong.

use super::{Mqtt, new, publish, recovered, save};
use crate::corners::rig::{NOW, message, sent, taken};
use pure_mqtt::journal::{RecoverError, Recovered};
use pure_mqtt::storage::Journaled;
use pure_mqtt::{Connect, Connection, Fixed, Limits, QoS, Version};

/// A log of some ten records, and where each begins.
fn log() -> (Vec<u8>, Vec<usize>) {
    let mut client = new(Limits::DEFAULT);
    let (mut log, mut starts) = (Vec::new(), Vec::new());
    let mut step = |client: &mut Mqtt, log: &mut Vec<u8>| {
        if !client.journal().is_empty() {
            starts.extend(if log.is_empty() { vec![8, 16] } else { vec![log.len()] }); // the version, then the first message
        }
        save(client, log);
    };
    for name in ["first", "second"] {
        publish(&mut client, name, QoS::ExactlyOnce);
        step(&mut client, &mut log);
    }
    client.open(NOW, &Connect::new(Version::V5, "c").clean_start(false)).unwrap();
    step(&mut client, &mut log);
    sent(&mut client);
    assert!(taken(&mut client, b"\x20\x03\0\0\0").is_ok());
    step(&mut client, &mut log);
    sent(&mut client);
    for packet in [&b"\x50\x02\0\x01"[..], &message(Version::V5, 2, 3), b"\x70\x02\0\x02"] {
        let _ = client.handle_input(NOW, packet);
        step(&mut client, &mut log);
        sent(&mut client);
    }
    (log, starts)
}

#[test]
fn a_log_may_end_anywhere() {
    let (log, starts) = log();
    assert!(starts.len() > 5);
    for end in 0..=log.len() {
        let (client, Recovered { used, records, .. }) = recovered(&log[..end], Limits::DEFAULT);
        assert!(used <= end && (used == 0 || used == 8 || starts.contains(&used) || used == log.len()), "{used}");
        let whole = starts.iter().filter(|start| **start < used).count();
        assert_eq!(records, whole, "up to the last whole record, at {end}");
        assert!(client.pending() <= 2);
        // What is cut off there reads the same, and erased memory behind it changes nothing.
        for fill in [0, 0xFF].into_iter().filter(|_| end == 0 || end >= 8) {
            let erased = [&log[..end], &[fill; 40]].concat();
            let (same, again) = recovered(&erased, Limits::DEFAULT);
            assert!(again.used == used && same == client, "{end} {fill}");
        }
    }
}

/// Each byte in turn is another: the session is the one before the damage, or there is an error that says where it is.
#[test]
fn damage_is_found() {
    let (log, starts) = log();
    let (whole, _) = recovered(&log, Limits::DEFAULT);
    for place in 0..log.len() {
        for flip in [1, 0x80, 0xFF] {
            let mut damaged = log.clone();
            damaged[place] ^= flip;
            let start = starts.iter().copied().filter(|start| *start <= place).max().unwrap_or_default();
            let is_last = Some(&start) == starts.last();
            match Mqtt::recover(Journaled::new(Fixed::new()), Limits::DEFAULT, NOW, &damaged) {
                Err(RecoverError::NoJournal) => assert!(place < 8),
                Err(RecoverError::Corrupt { offset }) => assert_eq!(offset, start, "byte {place}"),
                Err(other) => panic!("{other}"),
                Ok((client, recovered)) => {
                    assert!(is_last && recovered.used == start, "byte {place} was not missed");
                    assert!(client != whole);
                }
            }
        }
    }
}

#[test]
fn records_count_only_in_their_order() {
    let (log, starts) = log();
    for pair in starts.windows(3) {
        let [a, b, c] = *pair else { unreachable!() };
        let swapped = [&log[..a], &log[b..c], &log[a..b], &log[c..]].concat();
        let missing = [&log[..a], &log[b..]].concat();
        for log in [swapped, missing] {
            let result = Mqtt::recover(Journaled::new(Fixed::new()), Limits::DEFAULT, NOW, &log);
            assert_eq!(result.err(), Some(RecoverError::Corrupt { offset: a }));
        }
    }
}

#[test]
fn what_is_no_journal_is_told_apart() {
    let recover =
        |log: &[u8]| Mqtt::recover(Journaled::new(Fixed::new()), Limits::DEFAULT, NOW, log).map(|(_, r)| r.used);
    for nothing in [&b""[..], &[0xFF; 100], &[0; 100], b"PMQ"] {
        assert_eq!(recover(nothing), Ok(0));
    }
    for other in [&b"something else"[..], b"PMQJ\x02\0\0\0", &[0xFF, 1, 0, 0]] {
        assert_eq!(recover(other), Err(RecoverError::NoJournal));
    }
}

#[test]
fn a_storage_that_is_too_small_is_told() {
    type Small = Connection<Journaled<Fixed<16, 2, 2>, 512>>;
    let (log, starts) = log();
    let error = Small::recover(Journaled::new(Fixed::new()), Limits::DEFAULT, NOW, &log).err();
    assert_eq!(error, Some(RecoverError::TooSmall { offset: starts[2] }));
    type Narrow = Connection<Journaled<Fixed<256, 1, 2>, 512>>;
    let error = Narrow::recover(Journaled::new(Fixed::new()), Limits::DEFAULT, NOW, &log).err();
    assert_eq!(error, Some(RecoverError::TooSmall { offset: starts[2] }));
    for error in [RecoverError::NoJournal, RecoverError::Corrupt { offset: 7 }, RecoverError::TooSmall { offset: 7 }] {
        let text = error.to_string();
        assert!(text.contains("journal") && (error == RecoverError::NoJournal || text.contains("byte 7")));
    }
}

/// CRC-32, in the slowest and plainest way.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xEDB8_8320 })
    })
}

/// A log of records that are whole, whatever they say.
fn forged(records: &[(u8, &[u8])]) -> Vec<u8> {
    let (mut log, mut chain) = (b"PMQJ\x03\0\0\0".to_vec(), 0_u32);
    for (kind, body) in records {
        let mut head = vec![*kind, body.len() as u8];
        head.push(crc(&head) as u8);
        chain = crc(&[&chain.to_le_bytes(), &head[..], body].concat());
        log.extend([&head[..], body, &chain.to_le_bytes()].concat());
    }
    log
}

/// What no connection ever wrote is damage, also where every checksum is right.
#[test]
fn records_that_make_no_sense_are_damage() {
    const ACCEPTED: u8 = 7;
    let accepted = |id: u8, frame: &[u8]| [&[id, 0, id, 0, 0, 0, 0, 0, 0][..], frame].concat();
    let publish = |id: u8| accepted(id, &[0x32, 5, 0, 1, b't', 0, id]);
    let recover = |records: &[(u8, &[u8])]| {
        Mqtt::recover(Journaled::new(Fixed::new()), Limits::DEFAULT, NOW, &forged(records))
            .map(|(mqtt, _)| mqtt.pending())
    };
    let (one, two) = (publish(1), publish(2));
    assert_eq!(recover(&[(ACCEPTED, &one), (ACCEPTED, &two)]), Ok(2));
    let corrupt = |offset| Err(RecoverError::Corrupt { offset });
    assert_eq!(recover(&[(ACCEPTED, &one), (ACCEPTED, &one)]), corrupt(8 + 3 + 16 + 4), "its identifier is in use");
    assert_eq!(recover(&[(ACCEPTED, &publish(0))]), corrupt(8));
    let mut flagged = publish(1);
    flagged[8] = 0x80;
    assert_eq!(recover(&[(ACCEPTED, &flagged)]), corrupt(8), "a flag that is not known");
    for frame in [&b""[..], b"\x30\x03\0\x01t", b"\x36\x05\0\x01t\0\x01", b"\x82\x06\0\x01\0\x01t\0"] {
        assert_eq!(recover(&[(ACCEPTED, &accepted(1, frame))]), corrupt(8), "{frame:?}");
    }
    const RECEIVED: u8 = 10;
    assert_eq!(recover(&[(RECEIVED, &[0, 0])]), corrupt(8));
    assert_eq!(recover(&[(RECEIVED, &[1, 0, 0])]), corrupt(8), "a record of another length");
    assert_eq!(recover(&[(12, &[])]), corrupt(8), "a kind that is not known");
    assert_eq!(recover(&[(1, &[9])]), corrupt(8), "a version that is not known");
}

/// Nothing has to be there for a record of its end, or of its PUBREC.
#[test]
fn records_of_messages_that_are_gone_change_nothing() {
    const RELEASED: u8 = 8;
    const DONE: u8 = 9;
    const COMPLETED: u8 = 11;
    for kind in [RELEASED, DONE, COMPLETED] {
        let (client, recovered) = recovered(&forged(&[(kind, &[9, 0])]), Limits::DEFAULT);
        assert_eq!((client.pending(), recovered.records, client.is_idle()), (0, 1, true), "{kind}");
    }
}

/// The version of a log makes its messages longer than the storage is.
#[test]
fn a_storage_that_is_too_small_for_another_version_is_told() {
    type Full = Connection<Journaled<Fixed<64, 4, 2, 64>, 512>>;
    type Short = Connection<Journaled<Fixed<34, 4, 2, 64>, 512>>;
    let (mut client, mut log) = (Full::new(Journaled::new(Fixed::new()), Limits::DEFAULT), Vec::new());
    for payload in ["one", "two", "three"] {
        publish(&mut client, payload, QoS::AtLeastOnce); // 10, 10 and 12 bytes, and one more each in 5.0
        save(&mut client, &mut log);
    }
    let place = log.len();
    client.open(NOW, &Connect::new(Version::V5, "c").clean_start(false)).unwrap();
    save(&mut client, &mut log);
    let error = Short::recover(Journaled::new(Fixed::new()), Limits::DEFAULT, NOW, &log).err();
    assert_eq!(error, Some(RecoverError::TooSmall { offset: place }));
    assert!(Full::recover(Journaled::new(Fixed::new()), Limits::DEFAULT, NOW, &log).is_ok());
}

/// Two identifiers that lie apart in a table of eight meet in a table of four.
#[test]
fn a_smaller_table_is_told() {
    type Four = Connection<Journaled<Fixed<256, 4, 8, 64>, 512>>;
    let (mut client, mut log) = (new(Limits::DEFAULT), Vec::new());
    client.open(NOW, &Connect::new(Version::V311, "c").clean_start(false)).unwrap();
    save(&mut client, &mut log);
    sent(&mut client);
    assert!(taken(&mut client, b"\x20\x02\0\0").is_ok());
    let mut place = 0;
    for number in 1..=5 {
        save(&mut client, &mut log);
        place = log.len();
        publish(&mut client, "x", QoS::AtLeastOnce);
        save(&mut client, &mut log);
        sent(&mut client);
        if number > 1 && number < 5 {
            assert!(taken(&mut client, &[0x40, 2, 0, number]).is_ok());
        }
    }
    let error = Four::recover(Journaled::new(Fixed::new()), Limits::DEFAULT, NOW, &log).err();
    assert_eq!(error, Some(RecoverError::TooSmall { offset: place }));
    assert_eq!(recovered(&log, Limits::DEFAULT).0.pending(), 2);
}

/// A message grows by a byte in 5.0, and by two where its length takes one more: a storage that hasn't that many can't take the log over.
#[test]
fn a_storage_in_which_messages_cannot_grow_is_told() {
    fn recover<const ARENA: usize>(log: &[u8]) -> Result<usize, RecoverError> {
        let storage = Journaled::<Fixed<ARENA, 4, 4, 64>, 512>::new(Fixed::new());
        Connection::recover(storage, Limits::DEFAULT, NOW, log).map(|(client, _)| client.pending())
    }
    for (length, expected) in [(121, [false, true, true]), (122, [false, false, true]), (123, [false, false, true])] {
        let (mut client, mut log) = (new(Limits::DEFAULT), Vec::new());
        publish(&mut client, &"x".repeat(length), QoS::AtLeastOnce);
        save(&mut client, &mut log);
        client.open(NOW, &Connect::new(Version::V5, "c").clean_start(false)).unwrap();
        save(&mut client, &mut log);
        let fits = match length {
            121 => [recover::<128>(&log), recover::<129>(&log), recover::<130>(&log)],
            122 => [recover::<129>(&log), recover::<130>(&log), recover::<131>(&log)],
            _ => [recover::<130>(&log), recover::<131>(&log), recover::<132>(&log)],
        };
        assert_eq!(fits.map(|fits| fits.is_ok()), expected, "{length}: {fits:?}");
    }
}
