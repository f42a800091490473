//! Time means what the names of the settings say: from when a packet was written, for the packet that is out, on any clock.

use super::rig::{Durable, Field, QOS0, QOS1, QOS2, V5, in_every_storage, packets};
use pure_mqtt::{ConnectionError, Instant, Limits, Property, Publish, TopicName, Version};

/// A modem takes PINGREQ almost five seconds late. The server has five seconds from when it was written, not what is left of them.
#[test]
fn pingresp_is_timed_from_when_pingreq_was_written() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            for (timeout, late) in [(5_000, 4_900), (5_000, 1), (0, 29_000)] {
                let limits = Limits { pingresp_timeout: timeout, ..Limits::DEFAULT };
                let timeout = if timeout == 0 { 30_000 } else { u64::from(timeout) };
                for (bytes, ticks) in [(2, true), (2, false), (1, true), (1, false)] {
                    let mut field = Field::new(storage(), version, limits).accepted();
                    field.tick(30_000).unwrap();
                    assert_eq!(field.shown(), b"\xC0\0");
                    for _ in 0..2 / bytes {
                        field.now += late;
                        if ticks {
                            field.tick(0).unwrap();
                        }
                        assert_eq!(field.take(bytes).len(), bytes);
                    }
                    assert_eq!(field.mqtt.poll_timeout(), Some(field.at().after_millis(timeout)), "{version:?} {late}");
                    assert_eq!(field.shown(), b"", "one PINGREQ is enough");
                    field.tick(timeout - 1).unwrap();
                    assert_eq!(field.tick(1), Err(ConnectionError::KeepAliveTimeout));
                }
            }
        }
    });
}

/// While PINGREQ waits for the transport there is nothing else to be done: a host that asks for the next deadline gets one that lies ahead.
#[test]
fn a_pingreq_that_waits_is_not_due_again() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            let mut field = Field::new(storage(), version, Limits::DEFAULT).accepted();
            field.tick(30_000).unwrap();
            for _ in 0..3 {
                assert_eq!(field.shown(), b"\xC0\0");
                let due = field.mqtt.poll_timeout().expect("a deadline");
                assert!(due > field.at(), "{:?} is due now", field.mqtt.next_timer());
                field.tick(1_000).unwrap();
            }
            assert_eq!(field.sent(), b"\xC0\0");
        }
    });
}

/// One write takes the end of a message and the start of the next, or two writes do: what is watched from then on is the same.
#[test]
fn the_pieces_in_which_bytes_leave_are_no_matter() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            for qos in [QOS1, QOS2] {
                let limits = Limits { ack_timeout: 10_000, retry_interval: 20_000, ..Limits::DEFAULT };
                let timers = [1, usize::MAX].map(|most| {
                    let mut field = Field::new(storage(), version, limits);
                    field.publish("t", b"first", QOS0);
                    field.publish("t", b"second", qos);
                    field.open();
                    field.sent();
                    let connack = field.connack(false, &[]);
                    assert!(field.offer(&connack).is_ok());
                    let mut left = 13; // all of the first, and some of the second
                    while left > 0 {
                        let taken = field.take(left.min(most)).len();
                        assert!(taken > 0, "{left} bytes are still to be taken");
                        left -= taken;
                    }
                    field.mqtt.next_timer()
                });
                assert_eq!(timers[0], timers[1], "{version:?} {qos:?}");
            }
        }
    });
}

/// A SUBSCRIBE is answered, then an upload crawls out for a minute and a half. Nothing is overdue that the server could have answered.
#[test]
fn an_upload_that_crawls_is_not_overdue() {
    for version in Version::ALL {
        for qos in [QOS1, QOS2] {
            for is_streamed in [false, true] {
                let limits = Limits { ack_timeout: 10_000, ..Limits::DEFAULT };
                let mut field = Field::with(version, limits);
                field.keep_alive = 60;
                let mut field = field.accepted();
                field.subscribe(&["a"]);
                field.sent();
                match is_streamed {
                    true => drop(field.publish_streamed("t", 100_000, qos)),
                    false => drop(field.publish("t", &[7; 100_000], qos)),
                }
                field.take(500);
                let suback: &[u8] = if version == V5 { b"\x90\x04\0\x01\0\x01" } else { b"\x90\x03\0\x01\x01" };
                field.hear_over(suback, 0).only("SubAck 1 01");
                let mut seconds = 0;
                while field.take(1_000).len() == 1_000 {
                    seconds += 1;
                    assert_eq!(field.tick(1_000), Ok(()), "{version:?} {qos:?}, after {seconds} s");
                }
                assert!(seconds >= 99);
                let out = field.now;
                let heard = field.wait(60_000);
                assert_eq!(heard.end, Some(ConnectionError::AckTimeout));
                assert!((10_000..=20_000).contains(&(field.now - out)), "{} ms after it was out", field.now - out);
            }
        }
    }
}

/// One message is never answered, those after it are: it is the oldest that counts, not the last answer.
#[test]
fn the_oldest_unanswered_packet_is_watched() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            let limits = Limits { ack_timeout: 10_000, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), version, limits).accepted();
            field.publish("t", b"x", QOS1);
            field.sent();
            let out = field.now;
            let mut end = None;
            for _ in 0..18 {
                let id = field.publish("t", b"y", QOS1).id.unwrap().get() as u8;
                let ended = field.wait(4_000).end;
                end = end.or(ended);
                if end.is_some() {
                    break;
                }
                field.hear(&[0x40, 2, 0, id]).only(&format!("PubAck {id} 0x00"));
            }
            assert_eq!(end, Some(ConnectionError::AckTimeout), "{version:?}");
            assert!((10_000..=20_000).contains(&(field.now - out)), "after {} ms", field.now - out);
        }
    });
}

/// Each kind of packet that is out whole and unanswered, alone.
#[test]
fn ack_timeout_fires_between_one_and_two_times_its_value() {
    for version in Version::ALL {
        for what in 0..5 {
            let mut field = Field::up(version, Limits { ack_timeout: 10_000, ..Limits::DEFAULT });
            field.now += 7_000;
            match what {
                0 => drop(field.publish("t", b"x", QOS1)),
                1 | 2 => drop(field.publish("t", b"x", QOS2)),
                3 => drop(field.subscribe(&["a"])),
                _ => drop(field.unsubscribe(&["a"])),
            }
            field.sent();
            if what == 2 {
                field.now += 9_000;
                field.hear(b"\x50\x02\0\x01").nothing();
            }
            let out = field.now;
            assert_eq!(field.wait(60_000).end, Some(ConnectionError::AckTimeout));
            assert!((10_000..=20_000).contains(&(field.now - out)), "{version:?} {what}: {} ms", field.now - out);
        }
    }
}

/// What is not out is not overdue, and QoS 0 never is.
#[test]
fn what_waits_here_is_not_overdue() {
    for version in Version::ALL {
        let mut field = Field::up(version, Limits { ack_timeout: 10_000, max_inflight: 1, ..Limits::DEFAULT });
        field.publish("t", b"x", QOS0);
        let ids = [b"x", b"y"].map(|payload| field.publish("t", payload, QOS1).id.unwrap().get() as u8);
        for id in ids {
            field.sent();
            assert_eq!(field.wait(9_000).end, None, "it is out for 9 s");
            field.hear(&[0x40, 2, 0, id]).only(&format!("PubAck {id} 0x00"));
        }
        assert_eq!(field.wait(25_000).end, None, "nothing is awaited");
    }
}

/// Milliseconds of a clock's epoch: from power on, from 1970, from the year 1, with the sign bit set, and the last year of all.
const EPOCHS: [u64; 14] = [
    0,
    1,
    999,
    1_000,
    u32::MAX as u64 - 1_000,
    u32::MAX as u64 + 1,
    1_700_000_000_000,
    u32::MAX as u64 * 1_000 - 1,
    u32::MAX as u64 * 1_000 + 999,
    63_900_000_000_000,
    1 << 60,
    (1 << 63) - 1,
    1 << 63,
    u64::MAX - 365 * 24 * 3_600_000,
];

fn expiring(seconds: u32) -> [Property<'static>; 1] {
    [Property::MessageExpiryInterval(seconds)]
}

fn publish_expiring<S: Durable>(field: &mut Field<S>, seconds: u32) {
    let properties = expiring(seconds);
    let publish = Publish::new(TopicName::new("t").unwrap(), b"x").qos(QOS1).properties(&properties);
    field.mqtt.publish(field.at(), &publish).unwrap();
}

/// The Message Expiry Interval in the PUBLISH among these bytes.
#[track_caller]
fn remaining_expiry(bytes: &[u8]) -> u32 {
    let publish = packets(bytes).into_iter().find(|packet| packet[0] & 0xF0 == 0x30).expect("a PUBLISH").to_vec();
    assert_eq!(publish[7..9], [5, 2], "{publish:02X?}");
    u32::from_be_bytes(publish[9..13].try_into().unwrap())
}

/// .NET's and Java's clocks count from the year 1: 63,900,000,000,000 ms. A message with an hour left is sent with an hour left.
#[test]
fn messages_expire_on_any_clock() {
    in_every_storage!(storage => {
        for epoch in EPOCHS {
            for version in Version::ALL {
                let limits = Limits { version: V5, ..Limits::DEFAULT };
                let mut field = Field::of(pure_mqtt::Connection::new(storage(), limits), version);
                field.now = epoch;
                publish_expiring(&mut field, 3_600);
                field.tick(60_000).unwrap();
                assert_eq!(field.outcomes(), [""; 0], "epoch {epoch}");
                field.open();
                field.sent();
                let connack = field.connack(false, &[]);
                let sent = field.hear(&connack).sent;
                assert!(!sent.is_empty(), "epoch {epoch}: it leaves");
                if version == V5 {
                    let left = remaining_expiry(&sent);
                    assert!((3_538..=3_541).contains(&left), "epoch {epoch}: {left} s are left");
                }

                let mut field = Field::of(pure_mqtt::Connection::new(storage(), limits), version);
                field.now = epoch;
                publish_expiring(&mut field, 3_600);
                let at = field.mqtt.poll_timeout().expect("a deadline").as_millis();
                assert!((3_599_000..=3_602_000).contains(&(at - epoch)), "epoch {epoch}: due after {} ms", at - epoch);
                field.now = at;
                field.mqtt.handle_timeout(field.at()).unwrap();
                assert_eq!(field.outcomes(), ["Expired"], "epoch {epoch}");
                assert_eq!(field.mqtt.poll_timeout(), None);
            }
        }
    });
}

/// The longest interval is no special value, and no sum overflows.
#[test]
fn the_longest_expiry_stays_itself() {
    for epoch in EPOCHS {
        for seconds in [u32::MAX, u32::MAX - 1, 1 << 31] {
            let mut field = Field::with(V5, Limits::DEFAULT);
            field.now = epoch;
            let mut field = field.accepted();
            publish_expiring(&mut field, seconds);
            assert_eq!(remaining_expiry(&field.sent()), seconds, "epoch {epoch}");

            let mut field = Field::with(V5, Limits::DEFAULT);
            field.now = epoch;
            publish_expiring(&mut field, seconds);
            field.tick(60_000).unwrap();
            assert_eq!(field.outcomes(), [""; 0]);
            let mut field = field.accepted_again();
            let left = remaining_expiry(&field.sent_since());
            assert!((seconds - 62..=seconds).contains(&left), "epoch {epoch}: {left} of {seconds}");
        }
    }
}

impl Field {
    /// A link comes up; what leaves on it is kept.
    fn accepted_again(mut self) -> Self {
        self.open();
        self.sent();
        let connack = self.connack(false, &[]);
        self.kept = self.hear(&connack).sent;
        self
    }

    fn sent_since(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.kept)
    }
}

/// Keep alive, CONNACK and the farewell on the same clocks.
#[test]
fn the_deadlines_of_a_link_come_on_any_clock() {
    for epoch in EPOCHS {
        for version in Version::ALL {
            let mut field = Field::with(version, Limits::DEFAULT);
            field.now = epoch;
            field.open();
            assert_eq!(field.mqtt.poll_timeout(), Some(Instant::from_millis(epoch + 20_000)));
            let mut field = Field::with(version, Limits::DEFAULT);
            field.now = epoch;
            let mut field = field.accepted();
            assert_eq!(field.mqtt.poll_timeout(), Some(Instant::from_millis(epoch + 30_000)));
            assert_eq!(field.wait(30_000).sent, b"\xC0\0");
            assert_eq!(field.wait(30_000).end, Some(ConnectionError::KeepAliveTimeout));
        }
    }
}

/// A laptop wakes from ten hours of sleep: once what is due was done, nothing is due in the past, so the host doesn't spin.
#[test]
fn after_handle_timeout_no_deadline_lies_in_the_past() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            for jump in [1, 999, 30_000, 60_000, 36_000_000, 1 << 45] {
                let limits = Limits { retry_interval: 700, pingresp_timeout: 3_000, max_inflight: 2, ..Limits::DEFAULT };
                let mut field = Field::new(storage(), version, limits).accepted();
                field.publish("t", b"x", QOS1);
                field.publish("t", b"x", QOS2);
                publish_expiring(&mut field, 5);
                field.sent();
                for _ in 0..4 {
                    field.now += jump;
                    let result = field.mqtt.handle_timeout(field.at());
                    let due = field.mqtt.poll_timeout();
                    if result.is_err() || field.mqtt.should_close() {
                        break;
                    }
                    assert!(due.is_none_or(|at| at > field.at()), "{version:?} {jump}: {:?}", field.mqtt.next_timer());
                    field.sent();
                    let due = field.mqtt.poll_timeout();
                    assert!(due.is_none_or(|at| at > field.at()), "{version:?} {jump}: {:?}", field.mqtt.next_timer());
                }
            }
        }
    });
}

/// Without a link there is nothing to be due but what expires.
#[test]
fn without_a_link_only_messages_are_due() {
    for version in Version::ALL {
        let mut field = Field::with(version, Limits { retry_interval: 700, ack_timeout: 900, ..Limits::DEFAULT });
        field.publish("t", b"x", QOS1);
        assert_eq!(field.mqtt.poll_timeout(), None);
        let mut field = field.accepted();
        assert!(field.mqtt.poll_timeout().is_some());
        field.lose();
        assert_eq!(field.mqtt.poll_timeout(), None);
        publish_expiring(&mut field, 10);
        assert!(field.mqtt.poll_timeout().is_some());
    }
}

/// A message that was out becomes new with the session, and waits for the window: it expires there, when its time is over, and the host is told when that is.
#[test]
fn a_message_that_is_sent_anew_on_a_new_session_expires_while_it_waits() {
    in_every_storage!(storage => {
        let limits = Limits { version: V5, max_inflight: 2, ..Limits::DEFAULT };
        let mut field = Field::new(storage(), V5, limits).accepted();
        field.keep_alive = 0;
        let begin = field.at();
        for seconds in [100, 100, 10] {
            publish_expiring(&mut field, seconds);
        }
        field.wait(20_000);
        assert_eq!(field.outcomes(), ["Expired"], "the third never left");
        field.lose();
        field.open();
        field.sent();
        let connack = field.connack(false, b"\x21\0\x01"); // one message at a time
        let sent = field.hear(&connack).sent;
        assert_eq!(packets(&sent).len(), 1);
        assert_eq!(field.mqtt.poll_timeout(), Some(begin.after_millis(100_000)), "{:?}", field.mqtt.next_timer());
        field.wait(80_000);
        assert_eq!(field.outcomes(), ["Expired"]);
        assert_eq!(field.mqtt.pending(), 1);
    });
}

/// What is out and unanswered is to be sent again, and the transport doesn't take it, or isn't asked to: the server's time for its answer goes on.
#[test]
fn a_second_copy_that_does_not_leave_is_overdue_like_the_first() {
    in_every_storage!(storage => {
        for version in [Version::V31, Version::V311] {
            for qos in [QOS1, QOS2] {
                for is_shown in [false, true] {
                    let limits = Limits { ack_timeout: 10_000, retry_interval: 2_000, ..Limits::DEFAULT };
                    let mut field = Field::new(storage(), version, limits).accepted();
                    field.publish("t", b"x", qos);
                    field.sent();
                    let mut end = None;
                    for _ in 0..20 {
                        end = end.or(field.tick(1_000).err());
                        if is_shown {
                            field.shown();
                        }
                    }
                    assert_eq!(end, Some(ConnectionError::AckTimeout), "{version:?} {qos:?} {is_shown}");
                }
            }
        }
    });
}

/// A message that waits for the window when the tick comes has not left: its time begins when it does.
#[test]
fn a_message_is_watched_from_when_it_left() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            let limits = Limits { ack_timeout: 10_000, max_inflight: 1, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), version, limits).accepted();
            field.publish("t", b"x", QOS1);
            field.publish("t", b"y", QOS1);
            field.sent();
            assert_eq!(field.wait(15_000).end, None);
            assert_eq!(packets(&field.hear(b"\x40\x02\0\x01").sent).len(), 1);
            assert_eq!(field.wait(9_900).end, None, "{version:?}");
            assert_eq!(field.wait(10_200).end, Some(ConnectionError::AckTimeout), "{version:?}");
        }
    });
}
