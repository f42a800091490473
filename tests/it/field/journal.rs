//! The journal cannot forget, and does not stall: what changed the session is recorded or did not happen, and only what depends on a record waits for it.

use super::rig::{Field, QOS0, QOS1, QOS2, V5, V31, V311, count, message, packet, packets};
use pure_mqtt::storage::Journaled;
use pure_mqtt::{
    Connect, Connection, Fixed, Heap, Instant, Limits, OnSessionLoss, Overflow, Property, Publish, QoS, TopicName,
    Version,
};

const NOW: Instant = Instant::from_millis(1_000_000);

/// A buffer for about three records.
type Tight<const N: usize> = Journaled<Fixed<1024, 16, 8, 256>, N>;
type Roomy = Journaled<Heap, 4096>;

fn tight<const N: usize>() -> Tight<N> {
    Journaled::new(Fixed::new())
}

/// Calls a function for buffers of many sizes, so that every number of bytes is left over in one.
macro_rules! for_every_rest {
    ($check:ident) => {
        for shape in 0..8 {
            $check::<134>(shape);
            $check::<135>(shape);
            $check::<136>(shape);
            $check::<137>(shape);
            $check::<138>(shape);
            $check::<139>(shape);
            $check::<140>(shape);
            $check::<141>(shape);
            $check::<142>(shape);
            $check::<143>(shape);
            $check::<144>(shape);
        }
    };
}

fn save<S: pure_mqtt::Storage, const N: usize>(mqtt: &mut Connection<Journaled<S, N>>, log: &mut Vec<u8>) {
    log.extend(mqtt.journal());
    mqtt.journal_written(mqtt.journal().len());
}

fn publish<S: pure_mqtt::Storage>(mqtt: &mut Connection<S>, payload: &[u8], qos: QoS) -> Option<pure_mqtt::Handle> {
    let publish = Publish::new(TopicName::new("a").unwrap(), payload).qos(qos);
    mqtt.publish(NOW, &publish).ok().map(|delivery| delivery.handle)
}

/// So full that nothing fits any more: first with messages, then with changes that ask for no room, `shape` of one kind before the other.
fn fill<const N: usize>(mqtt: &mut Connection<Tight<N>>, shape: usize) {
    while publish(mqtt, b"x", QOS1).is_some() {}
    for _ in 0..shape {
        mqtt.adopt_session();
    }
    let limits = mqtt.limits();
    for _ in 0..20 {
        mqtt.set_limits(Limits { version: V31, ..limits });
        mqtt.set_limits(limits);
    }
}

/// A gateway is updated to a build that speaks 5.0; its log was written by one that spoke 3.1.1. The messages in it arrive unchanged.
#[test]
fn a_log_says_which_version_its_messages_are_encoded_for() {
    for written in Version::ALL {
        for read in Version::ALL {
            for spoken in Version::ALL {
                for qos in [QOS1, QOS2] {
                    for is_snapshot in [false, true] {
                        let mut log = Vec::new();
                        let mut mqtt = Connection::<Roomy>::new(
                            Journaled::new(Heap::new()),
                            Limits { version: written, ..Limits::DEFAULT },
                        );
                        publish(&mut mqtt, b"!\"#", qos).unwrap();
                        save(&mut mqtt, &mut log);
                        if is_snapshot {
                            log.clear();
                            assert!(mqtt.snapshot(&mut |bytes| log.extend(bytes)));
                        }
                        let limits = Limits { version: read, ..Limits::DEFAULT };
                        let (mqtt, _) =
                            Connection::<Roomy>::recover(Journaled::new(Heap::new()), limits, NOW, &log).unwrap();
                        let mut field = Field::of(mqtt, spoken);
                        field.open();
                        field.sent();
                        let connack = field.connack(true, &[]);
                        let connack = if spoken == V5 { packet(0x20, b"\0\0\0") } else { connack };
                        let sent = field.hear(&connack).sent;
                        let properties: &[u8] = if spoken == V5 { b"\0" } else { b"" };
                        let body = [b"\0\x01a\0\x01", properties, b"!\"#"].concat();
                        let publish = packets(&sent).into_iter().find(|packet| packet[0] & 0xF0 == 0x30).unwrap();
                        assert_eq!(publish[2..], body, "written as {written:?}, read as {read:?}, spoken {spoken:?}");
                    }
                }
            }
        }
    }
}

/// The same with a change of version in the middle of the log, and messages before and behind it.
#[test]
fn a_log_that_changes_its_version_keeps_every_message() {
    for (first, second) in [(V311, V5), (V5, V311), (V31, V5), (V5, V31)] {
        for read in Version::ALL {
            let mut log = Vec::new();
            let limits = Limits { version: first, ..Limits::DEFAULT };
            let mut mqtt = Connection::<Roomy>::new(Journaled::new(Heap::new()), limits);
            publish(&mut mqtt, b"!\"#", QOS1).unwrap();
            assert!(mqtt.set_limits(Limits { version: second, ..limits }));
            publish(&mut mqtt, b"$%&", QOS1).unwrap();
            save(&mut mqtt, &mut log);
            let limits = Limits { version: read, ..Limits::DEFAULT };
            let (mut mqtt, _) = Connection::<Roomy>::recover(Journaled::new(Heap::new()), limits, NOW, &log).unwrap();
            publish(&mut mqtt, b"'()", QOS1).unwrap();
            let mut field = Field::of(mqtt, V311);
            field.open();
            field.sent();
            let sent = field.hear(b"\x20\x02\0\0").sent;
            let payloads: Vec<&[u8]> = packets(&sent).into_iter().map(|packet| &packet[7..]).collect();
            assert_eq!(payloads, [b"!\"#", b"$%&", b"'()"], "{first:?}, {second:?}, read as {read:?}");
        }
    }
}

/// A factory reset: everything is forgotten while the journal's buffer is full, and the power is lost. It must not be back.
#[test]
fn forgetting_is_refused_or_for_good() {
    for_every_rest!(forget);
}

fn forget<const N: usize>(shape: usize) {
    for is_saved in [false, true] {
        let (mut mqtt, mut log) = (Connection::new(tight::<N>(), Limits::DEFAULT), Vec::new());
        for _ in 0..4 {
            publish(&mut mqtt, b"x", QOS1).unwrap();
            save(&mut mqtt, &mut log);
        }
        fill(&mut mqtt, shape);
        let is_forgotten = mqtt.discard_session();
        if is_saved {
            save(&mut mqtt, &mut log);
        } else if is_forgotten {
            log.extend(mqtt.journal()); // whatever is there was written, then the power failed
        }
        let (back, _) = Connection::<Tight<N>>::recover(tight(), Limits::DEFAULT, NOW, &log).unwrap();
        if is_forgotten {
            assert_eq!(back.pending(), 0, "shape {shape}");
        } else {
            assert!(mqtt.pending() >= 4, "refused: nothing changed");
            save(&mut mqtt, &mut log);
            assert!(mqtt.discard_session(), "once there is room");
        }
    }
}

/// Each change of a session that finds the buffer full: refused or recorded, so that a recovery gives what the live connection has.
#[test]
fn a_change_that_finds_the_buffer_full_is_not_lost() {
    for_every_rest!(change);
}

fn change<const N: usize>(shape: usize) {
    for change in 0..7 {
        let overflow = if change == 5 { Overflow::DropOldest } else { Overflow::Reject };
        let on_session_loss = if change == 6 { OnSessionLoss::Abort } else { OnSessionLoss::Republish };
        let limits = Limits { overflow, on_session_loss, max_queued: 8, version: V5, ..Limits::DEFAULT };
        let (mqtt, mut log) = (Connection::new(tight::<N>(), limits), Vec::new());
        let mut field = Field::of(mqtt, V5);
        let mut handles = Vec::new();
        let expiry = [Property::MessageExpiryInterval(10)];
        for index in 0..4 {
            let publish = Publish::new(TopicName::new("a").unwrap(), b"x").qos(QOS1);
            let publish = publish.properties(if change == 4 && index < 3 { &expiry[..] } else { &[] });
            handles.push(field.mqtt.publish(field.at(), &publish).unwrap().handle);
            save(&mut field.mqtt, &mut log);
        }
        fill(&mut field.mqtt, shape);
        let now = field.at();
        let again = Publish::new(TopicName::new("a").unwrap(), b"y").qos(QOS1);
        match change {
            0 => drop(field.mqtt.cancel(handles[1])),
            1 => drop(field.mqtt.replace(now, handles[1], &again)),
            2 => drop(field.mqtt.discard_session()),
            3 => drop(field.mqtt.adopt_session()),
            4 => field.tick(11_000).unwrap(),
            5 => drop(field.mqtt.publish(now, &again)),
            _ => {
                save(&mut field.mqtt, &mut log);
                if field.mqtt.open(now, &Connect::new(V5, "c")).is_ok() {
                    save(&mut field.mqtt, &mut log);
                    field.take_unsaved(usize::MAX);
                    fill(&mut field.mqtt, shape);
                    field.offer(b"\x20\x03\0\0\0").unwrap();
                }
            }
        }
        // The host goes on as long as something waits to be written, then the power fails.
        for _ in 0..10 {
            let _ = field.tick(0);
            while field.mqtt.poll_outcome().is_some() {}
            save(&mut field.mqtt, &mut log);
            field.take_unsaved(usize::MAX);
        }
        let (back, _) = Connection::<Tight<N>>::recover(tight(), limits, NOW, &log).unwrap();
        assert_eq!(back.pending(), field.mqtt.pending(), "change {change}, shape {shape}");
    }
}

/// The disk is slow (a card that erases a block): what doesn't depend on a record leaves meanwhile, and the keep alive above all.
#[test]
fn only_what_depends_on_a_record_waits_for_it() {
    for version in Version::ALL {
        let up = || Field::new(Journaled::<Heap, 4096>::new(Heap::new()), version, Limits::DEFAULT).accepted();

        // PUBLISH waits for Accepted; QoS 0, SUBSCRIBE, PINGREQ and PUBACK for nothing.
        let mut field = up();
        field.publish("t", b"x", QOS1);
        field.publish("t", b"y", QOS0);
        field.subscribe(&["a"]);
        field.offer(&message(version, 1, 9, "t", b"z")).unwrap();
        field.tick(30_000).unwrap();
        let sent = field.take_unsaved(usize::MAX);
        assert_eq!((count(&sent, 0x32), count(&sent, 0x30)), (0, 1), "{version:?}: {sent:02X?}");
        assert_eq!((count(&sent, 0x82), count(&sent, 0x40), count(&sent, 0xC0)), (1, 1, 1), "{version:?}: {sent:02X?}");
        assert_eq!(count(&field.take(usize::MAX), 0x32), 1);

        // PUBREC waits for Received, PUBCOMP for Completed: or the next message under that identifier would be taken for this one.
        let mut field = up();
        field.offer(&message(version, 2, 9, "t", b"z")).unwrap();
        assert_eq!(field.take_unsaved(usize::MAX), b"");
        assert_eq!(field.take(usize::MAX), b"\x50\x02\0\x09");
        field.offer(b"\x62\x02\0\x09").unwrap();
        assert_eq!(field.take_unsaved(usize::MAX), b"");
        assert_eq!(field.take(usize::MAX), b"\x70\x02\0\x09");

        // PUBREL waits for Released, and the end of a message for nothing.
        let mut field = up();
        field.publish("t", b"x", QOS2);
        field.publish("t", b"y", QOS1);
        field.take(usize::MAX);
        field.offer(b"\x50\x02\0\x01").unwrap();
        assert_eq!(field.take_unsaved(usize::MAX), b"");
        assert_eq!(field.take(usize::MAX), b"\x62\x02\0\x01");
        field.offer(b"\x40\x02\0\x02").unwrap();
        field.publish("t", b"z", QOS0);
        assert_eq!(count(&field.take_unsaved(usize::MAX), 0x30), 1);
    }
}

/// The link is lost while the disk is slow: CONNECT leaves all the same, and nothing that waits is lost.
#[test]
fn connect_waits_for_no_record() {
    for version in Version::ALL {
        let mut field = Field::new(Journaled::<Heap, 4096>::new(Heap::new()), version, Limits::DEFAULT);
        publish(&mut field.mqtt, b"x", QOS1).unwrap();
        let connect = Connect::new(version, "c").clean_start(false);
        field.mqtt.open(field.at(), &connect).unwrap();
        assert_eq!(field.take_unsaved(usize::MAX)[0], 0x10);
        let connack = field.connack(false, &[]);
        field.offer(&connack).unwrap();
        assert_eq!(count(&field.take_unsaved(usize::MAX), 0x32), 0);
        assert_eq!(count(&field.take(usize::MAX), 0x32), 1);
    }
}

/// PUBACK depends on no record, so it doesn't wait behind a PUBREC that does. PUBRECs leave in the order of their messages all the same.
#[test]
fn an_acknowledgement_that_needs_no_record_overtakes_those_that_do() {
    for version in Version::ALL {
        let mut field = Field::new(Journaled::<Heap, 4096>::new(Heap::new()), version, Limits::DEFAULT).accepted();
        for (qos, id) in [(2, 1), (1, 2), (2, 3), (1, 4), (1, 5), (2, 6)] {
            field.offer(&message(version, qos, id, "t", b"z")).unwrap();
        }
        assert_eq!(field.take_unsaved(usize::MAX), b"\x40\x02\0\x02\x40\x02\0\x04\x40\x02\0\x05");
        field.offer(&message(version, 1, 7, "t", b"z")).unwrap();
        assert_eq!(field.take_unsaved(usize::MAX), b"\x40\x02\0\x07");
        assert_eq!(field.take(usize::MAX), b"\x50\x02\0\x01\x50\x02\0\x03\x50\x02\0\x06");
    }
}

/// A card takes 38 seconds to erase a block: the link lives, and then all that waited leaves.
#[test]
fn a_stalled_disk_ends_no_link() {
    for version in Version::ALL {
        let mut field = Field::new(Journaled::<Heap, 200>::new(Heap::new()), version, Limits::DEFAULT).accepted();
        let (mut pings, mut acks) = (0, 0);
        for second in 0..600 {
            if second % 60 < 5 {
                field.publish("t", b"x", QOS1);
                field.offer(&message(version, 1, 1 + second, "t", b"z")).unwrap();
            }
            field.tick(1_000).unwrap();
            let sent = field.take_unsaved(usize::MAX);
            acks += count(&sent, 0x40);
            if count(&sent, 0xC0) > 0 {
                pings += 1;
                field.offer(b"\xD0\0").unwrap();
            }
            assert!(field.mqtt.is_connected() && count(&sent, 0x32) == 0, "{version:?}, second {second}");
        }
        assert_eq!((acks, pings), (50, 10));
        let mut sent = 0;
        while !field.mqtt.journal().is_empty() {
            sent += count(&field.take(usize::MAX), 0x32);
        }
        assert_eq!((sent, field.mqtt.pending()), (20, 50), "a window full");
    }
}

/// A second PUBREC asks for PUBREL again, which waits for its record as the first one does: after a loss of power the message would be sent again.
#[test]
fn a_repeated_pubrec_lets_nothing_leave_before_its_record() {
    for version in Version::ALL {
        let mut field = Field::new(Journaled::<Heap, 4096>::new(Heap::new()), version, Limits::DEFAULT).accepted();
        field.publish("t", b"x", QOS2);
        field.take(usize::MAX);
        for _ in 0..2 {
            field.offer(b"\x50\x02\0\x01").unwrap();
            assert_eq!(field.take_unsaved(usize::MAX), b"");
        }
        assert_eq!(field.take(usize::MAX), b"\x62\x02\0\x01");
        field.offer(b"\x50\x02\0\x01").unwrap();
        assert_eq!(field.take_unsaved(usize::MAX), b"\x62\x02\0\x01", "once it is durable");
    }
}

/// A message that was accepted before CONNACK, and is durable, waits for the record of the session: or it would be sent as new in the next life.
#[test]
fn a_message_waits_for_the_record_of_its_session() {
    for version in Version::ALL {
        let mut field = Field::new(Journaled::<Heap, 4096>::new(Heap::new()), version, Limits::DEFAULT);
        publish(&mut field.mqtt, b"x", QOS2).unwrap();
        field.open();
        field.take(usize::MAX);
        let connack = field.connack(false, &[]);
        field.offer(&connack).unwrap();
        field.subscribe(&["a"]);
        let sent = field.take_unsaved(usize::MAX);
        assert_eq!((count(&sent, 0x34), count(&sent, 0x82)), (0, 1));
        assert_eq!(count(&field.take(usize::MAX), 0x34), 1);
    }
}

/// The session is lost, and the log still knows identifiers of the old one: a subscription would bring messages under them, which a recovery would swallow.
#[test]
fn a_subscription_waits_for_the_loss_of_a_session_with_open_identifiers() {
    for version in [V311, V5] {
        for was_received in [false, true] {
            let mut field = Field::new(Journaled::<Heap, 4096>::new(Heap::new()), version, Limits::DEFAULT).accepted();
            if was_received {
                field.offer(&message(version, 2, 9, "t", b"z")).unwrap();
                field.take(usize::MAX);
            }
            field.lose();
            field.open();
            field.take(usize::MAX);
            let connack = field.connack(false, &[]);
            field.offer(&connack).unwrap();
            field.subscribe(&["a"]);
            let unsaved = count(&field.take_unsaved(usize::MAX), 0x82);
            assert_eq!(unsaved, usize::from(!was_received), "{version:?}");
            assert_eq!(unsaved + count(&field.take(usize::MAX), 0x82), 1);
        }
    }
}

/// All slots are taken when everything is forgotten, and then all are taken again: the log fits a storage of the same size.
#[test]
fn a_storage_that_was_full_when_it_was_forgotten_is_recovered() {
    type Small = Journaled<Fixed<200, 4, 4, 64>, 200>;
    for is_snapshot in [false, true] {
        let (mut mqtt, mut log) = (Connection::<Small>::new(Journaled::new(Fixed::new()), Limits::DEFAULT), Vec::new());
        for _ in 0..3 {
            while publish(&mut mqtt, b"x", QOS2).is_some() {
                save(&mut mqtt, &mut log);
            }
            assert_eq!(mqtt.pending(), 4);
            assert!(mqtt.discard_session());
            while mqtt.poll_outcome().is_some() {}
            save(&mut mqtt, &mut log);
        }
        publish(&mut mqtt, b"last", QOS2).unwrap();
        save(&mut mqtt, &mut log);
        if is_snapshot {
            log.clear();
            assert!(mqtt.snapshot(&mut |bytes| log.extend(bytes)));
        }
        let (back, _) = Connection::<Small>::recover(Journaled::new(Fixed::new()), Limits::DEFAULT, NOW, &log).unwrap();
        assert_eq!(back.pending(), 1);
    }
}

/// A clean session of 3.x ends with its link, also if that ends with the power: in 3.1 nothing else tells.
#[test]
fn a_clean_session_is_over_after_a_loss_of_power() {
    let mut field = Field::new(Roomy::new(Heap::new()), V31, Limits::DEFAULT);
    field.clean = true;
    let mut log = Vec::new();
    field.open();
    field.take_unsaved(usize::MAX);
    field.offer(b"\x20\x02\0\0").unwrap();
    save(&mut field.mqtt, &mut log);
    let (mqtt, _) = Connection::<Roomy>::recover(Journaled::new(Heap::new()), Limits::DEFAULT, NOW, &log).unwrap();
    let mut field = Field::of(mqtt, V31);
    field.open();
    field.sent();
    let told = field.hear(b"\x20\x02\0\0").told;
    assert!(told[0].contains("New"), "{told:?}");
}

/// A program decides while it runs whether it keeps a journal, and no constant bounds its messages.
#[test]
fn the_heap_decides_at_run_time_and_takes_messages_of_any_length() {
    for is_kept in [false, true] {
        let make = || if is_kept { Heap::with_journal() } else { Heap::new() };
        let (mut mqtt, mut log) = (Connection::new(make(), Limits::DEFAULT), Vec::new());
        let long = vec![b'x'; 300_000];
        publish(&mut mqtt, &long, QOS1).unwrap();
        for _ in 0..10_000 {
            publish(&mut mqtt, b"short", QOS1).unwrap();
        }
        assert!(mqtt.journal().len() < 400_000 && mqtt.journal().is_empty() != is_kept, "{}", mqtt.journal().len());
        while !mqtt.journal().is_empty() {
            log.extend(mqtt.journal());
            mqtt.journal_written(mqtt.journal().len());
            mqtt.shrink();
        }
        let (back, _) = Connection::recover(make(), Limits::DEFAULT, NOW, &log).unwrap();
        assert_eq!(back.pending(), if is_kept { 10_001 } else { 0 });
        assert_eq!(mqtt.snapshot(&mut |_| {}), is_kept);
    }
}
