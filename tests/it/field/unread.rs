//! Bytes that have arrived and that the host has not handed over yet: the server is alive, and its answer may be among them.

use super::rig::{Durable, Field, QOS1, V5, in_every_storage, message};
use pure_mqtt::{ConnectionError, Limits, Version};

/// A burst of 1,500 messages is in the socket's buffer, each takes a while: PINGRESP lies behind them, and the host has not read so far.
#[test]
fn unread_bytes_pause_the_wait_for_pingresp() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            let mut field = Field::new(storage(), version, Limits::DEFAULT).accepted();
            field.tick(30_000).unwrap();
            assert_eq!(field.sent(), b"\xC0\0");
            for _ in 0..100 {
                field.mqtt.report_unread(field.at(), 40_000);
                field.tick(10_000).unwrap();
                field.sent();
            }
            field.mqtt.report_unread(field.at(), 0);
            let heard = field.wait(60_000);
            assert_eq!(heard.end, Some(ConnectionError::KeepAliveTimeout), "none was there");
        }
    });
}

/// CONNACK comes late. What waits for it could not be sent before, so the transport has not refused to take it.
#[test]
fn a_late_connack_is_no_stuck_output() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            let limits = Limits { version, connack_timeout: 60_000, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), version, limits);
            field.keep_alive = 1;
            field.publish("t", b"x", QOS1);
            field.open();
            field.sent();
            field.tick(10_000).unwrap();
            let connack = field.connack(false, &[]);
            field.offer(&connack).unwrap();
            field.tick(0).unwrap();
            assert!(!field.sent().is_empty() && field.mqtt.is_connected());
        }
    });
}

/// With the answer in it, the pause ends well.
#[test]
fn the_answer_behind_unread_bytes_counts() {
    for version in Version::ALL {
        let mut field = Field::up(version, Limits { ack_timeout: 10_000, ..Limits::DEFAULT });
        field.publish("t", b"x", QOS1);
        field.sent();
        field.mqtt.report_unread(field.at(), 1_000);
        for _ in 0..20 {
            field.tick(5_000).unwrap();
            field.sent();
        }
        field.hear(&message(version, 0, 0, "t", b"y")).only("Message t y q0 0");
        field.mqtt.report_unread(field.at(), 4);
        field.hear(b"\x40\x02\0\x01").only("PubAck 1 0x00");
        field.mqtt.report_unread(field.at(), 0);
        assert!(field.mqtt.is_connected());
    }
}

/// The other half of the keep alive goes on: the server hears from us while we don't read.
#[test]
fn pingreq_leaves_while_bytes_are_unread() {
    for version in Version::ALL {
        let mut field = Field::up(version, Limits::DEFAULT);
        let mut pings = 0;
        for _ in 0..60 {
            field.mqtt.report_unread(field.at(), 1);
            field.tick(5_000).unwrap();
            pings += field.sent().len() / 2;
        }
        assert!((9..=11).contains(&pings), "{pings} in 300 s with a keep alive of 30 s");
    }
}

/// What arrives counts as received when it arrives, not when it is handed over.
#[test]
fn unread_bytes_count_as_received() {
    for version in Version::ALL {
        let mut field = Field::up(version, Limits::DEFAULT);
        field.publish("t", b"x", QOS1);
        field.tick(20_000).unwrap();
        field.sent();
        field.mqtt.report_unread(field.at(), 100);
        field.mqtt.report_unread(field.at(), 0);
        assert_eq!(field.mqtt.poll_timeout(), Some(field.at().after_millis(30_000)));
    }
}

/// Without a link, and on one that is over, it says nothing.
#[test]
fn without_a_link_unread_bytes_mean_nothing() {
    fn check<S: Durable>(mut field: Field<S>) {
        field.mqtt.report_unread(field.at(), 5);
        assert_eq!(field.mqtt.poll_timeout(), None);
        let mut field = field.accepted();
        assert!(field.mqtt.poll_timeout().is_some());
        let _ = field.offer(b"\0\0");
        field.mqtt.report_unread(field.at(), 5);
        assert!(field.mqtt.should_close() || field.mqtt.poll_timeout().is_some());
        field.lose();
        assert_eq!(field.mqtt.poll_timeout(), None);
    }
    in_every_storage!(storage => {
        check(Field::new(storage(), V5, Limits::DEFAULT));
    });
}

/// A link that is stuck both ways ends all the same: what can't leave for the keep alive and the wait for its answer is lost.
#[test]
fn unread_bytes_do_not_keep_a_link_whose_output_is_stuck() {
    for version in Version::ALL {
        let mut field = Field::up(version, Limits::DEFAULT);
        field.publish("t", &[7; 20_000], QOS1);
        field.take(5_000);
        let started = field.now;
        let mut end = None;
        while end.is_none() && field.now - started < 200_000 {
            field.mqtt.report_unread(field.at(), 10);
            end = field.tick(5_000).err();
        }
        assert_eq!(end, Some(ConnectionError::KeepAliveTimeout));
        assert!(field.now - started <= 65_000);
    }
}

/// The answer is among bytes that came before its time was over, and the host says so only then: nothing is overdue, nor due now, until they are read.
#[test]
fn what_is_due_when_bytes_are_unread_waits_until_they_are_read() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            let limits = Limits { pingresp_timeout: 5_000, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), version, limits).accepted();
            field.tick(30_000).unwrap();
            assert_eq!(field.sent(), b"\xC0\0");
            not_yet(&mut field, 5_000);
            field.hear(b"\xD0\0").only("PingResp");

            let limits = Limits { ack_timeout: 10_000, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), version, limits).accepted();
            field.publish("t", b"x", QOS1);
            field.sent();
            field.tick(10_000).unwrap();
            not_yet(&mut field, 10_000);
            field.hear(b"\x40\x02\0\x01").only("PubAck 1 0x00");

            let limits = Limits { retry_interval: 10_000, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), version, limits).accepted();
            field.publish("t", b"x", QOS1);
            field.sent();
            field.tick(10_000).unwrap();
            not_yet(&mut field, 10_000);
            field.hear(b"\x40\x02\0\x01").only("PubAck 1 0x00");
        }
    });
}

/// So much time passes; then bytes are there that are not read yet.
#[track_caller]
fn not_yet<S: Durable>(field: &mut Field<S>, millis: u64) {
    field.now += millis;
    field.mqtt.report_unread(field.at(), 100);
    field.tick(0).unwrap();
    assert_eq!(field.sent(), b"");
    assert!(field.mqtt.poll_timeout().is_none_or(|at| at > field.at()), "{:?}", field.mqtt.next_timer());
    field.mqtt.report_unread(field.at(), 0);
}
