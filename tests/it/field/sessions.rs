//! The server decides whether there is a session: what CONNACK says is the fact, and no clock of this side ends what this side holds.

use super::rig::{Field, NEW, QOS1, QOS2, V5, V31, V311, count, in_every_storage, message, packets};
use pure_mqtt::{ConnectionError, Limits};

/// Seconds, minutes, days and years after a lost link.
const PAUSES: [u64; 6] = [1_000, 299_000, 300_000, 310_000, 86_400_000, 10 * 365 * 86_400_000];

/// A server counts the Session Expiry Interval from when it notices that the link is gone: minutes after us. It resumes what we thought over.
#[test]
fn a_session_that_the_server_kept_longer_goes_on() {
    in_every_storage!(storage => {
        for pause in PAUSES {
            for strict in [false, true] {
                for expiry in [1, 300, u32::MAX] {
                    let mut field = Field::new(storage(), V5, Limits { strict, ..Limits::DEFAULT });
                    field.expiry = expiry;
                    let mut field = field.accepted();
                    field.publish("t", b"x", QOS1);
                    field.publish("t", b"y", QOS2);
                    field.publish("t", b"z", QOS2);
                    field.sent();
                    field.hear(b"\x50\x02\0\x03").nothing();
                    field.lose();
                    let _ = field.tick(pause);
                    let heard = field.again(true);
                    heard.only("ConnAck 0x00 Resumed");
                    let again: Vec<u8> = packets(&heard.sent).iter().map(|packet| packet[0]).collect();
                    assert_eq!(again, [0x62, 0x3A, 0x3C], "after {pause} ms of {expiry} s");
                    field.hear(b"\x70\x02\0\x03").only("PubComp 3 0x00");
                    field.hear(b"\x40\x02\0\x01").only("PubAck 1 0x00");
                    field.hear(b"\x50\x02\0\x02").nothing();
                    field.hear(b"\x70\x02\0\x02").only("PubComp 2 0x00");
                    assert!(field.mqtt.is_idle());
                }
            }
        }
    });
}

/// CONNACK shortens the interval; the server's clock is still the one that counts.
#[test]
fn a_session_whose_expiry_the_server_shortened_goes_on() {
    let mut field = Field::with(V5, Limits::DEFAULT).accepted_with(b"\x11\0\0\0\x3C");
    field.publish("t", b"x", QOS1);
    field.sent();
    field.lose();
    field.now += 100_000;
    let heard = field.again(true);
    heard.only("ConnAck 0x00 Resumed");
    assert_eq!(count(&heard.sent, 0x32), 1);
    assert_eq!(heard.sent[0], 0x3A, "it may have arrived: DUP");
}

/// What the server sent is remembered as long: a QoS 2 message that comes again hours later is not delivered again.
#[test]
fn a_received_message_is_remembered_as_long_as_the_server_does() {
    in_every_storage!(storage => {
        for pause in PAUSES {
            let mut field = Field::new(storage(), V5, Limits::DEFAULT).accepted();
            field.hear(&message(V5, 2, 9, "t", b"x")).only("Message t x q2 9");
            field.lose();
            field.now += pause;
            field.again(true).only("ConnAck 0x00 Resumed");
            let mut again = message(V5, 2, 9, "t", b"x");
            again[0] |= 8;
            field.hear(&again).nothing();
            assert_eq!(field.hear(b"\x62\x02\0\x09").sent, b"\x70\x02\0\x09");
        }
    });
}

/// The server has dropped the session: that is the fact as well, and at any time.
#[test]
fn a_session_that_the_server_dropped_is_new() {
    for version in NEW {
        for pause in PAUSES {
            let mut field = Field::up(version, Limits::DEFAULT);
            field.publish("t", b"x", QOS1);
            field.sent();
            field.lose();
            field.now += pause;
            let heard = field.again(false);
            heard.only("ConnAck 0x00 New");
            assert_eq!(heard.sent[0], 0x32, "as new");
        }
    }
}

/// The link is lost before CONNACK, so the server may have acted on CONNECT: the session that it resumes then is the one just made.
#[test]
fn a_session_whose_connack_was_lost_is_known() {
    in_every_storage!(storage => {
        for version in NEW {
            for clean in [true, false] {
                if clean && version == V311 {
                    continue; // it ends with its link
                }
                for strict in [false, clean] {
                    for attempts in 1..4 {
                        let mut field = Field::new(storage(), version, Limits { strict, ..Limits::DEFAULT });
                        field.clean = clean;
                        for _ in 0..attempts {
                            field.open();
                            field.sent();
                            field.lose();
                            field.now += 2_000;
                        }
                        field.clean = false;
                        field.publish("t", b"x", QOS2);
                        field.open();
                        field.sent();
                        let connack = field.connack(true, &[]);
                        let mut heard = field.hear(&connack);
                        assert_eq!(heard.end, None, "{version:?}, clean {clean}, strict {strict}");
                        assert!(field.mqtt.is_connected());
                        let mut server = Ledger::default();
                        while !heard.sent.is_empty() {
                            let answers = server.takes(&heard.sent);
                            heard = field.hear(&answers);
                            assert_eq!(heard.end, None);
                        }
                        assert_eq!((server.delivered, field.mqtt.pending()), (1, 0));
                    }
                }
            }
        }
    });
}

/// The same with messages under way: a clean start left whole, so the old session may be gone or not. Nothing is lost, and QoS 2 arrives once: either the
/// server still has the old session (it never saw CONNECT), or the empty one.
#[test]
fn a_clean_start_that_was_never_answered_may_have_been_carried_out_or_not() {
    for was_carried_out in [true, false] {
        let mut server = Ledger::default();
        let mut field = Field::up(V5, Limits::DEFAULT);
        field.publish("t", b"x", QOS2);
        server.takes(&field.sent());
        field.lose();
        field.clean = true;
        field.open();
        field.sent();
        field.lose();
        field.clean = false;
        if was_carried_out {
            server.open.clear();
        }
        field.open();
        field.sent();
        let connack = field.connack(true, &[]);
        let mut heard = field.hear(&connack);
        assert_eq!(heard.end, None);
        for _ in 0..5 {
            let answers = server.takes(&heard.sent);
            heard = field.hear(&answers);
            assert_eq!(heard.end, None);
        }
        assert_eq!(field.mqtt.pending(), 0);
        let most = if was_carried_out { 2 } else { 1 };
        assert!((1..=most).contains(&server.delivered), "{} times, carried out: {was_carried_out}", server.delivered);
    }
}

/// CONNECT that has not left whole can't have been carried out: what the server has then is unknown here.
#[test]
fn a_connect_that_was_cut_was_not_carried_out() {
    for taken in 0..10 {
        let mut field = Field::with(V5, Limits { strict: true, ..Limits::DEFAULT });
        field.open();
        field.take(taken);
        field.lose();
        field.open();
        field.sent();
        let connack = field.connack(true, &[]);
        let heard = field.hear(&connack);
        assert_eq!(
            heard.end.map(ConnectionError::reason),
            Some(pure_mqtt::ReasonCode::PROTOCOL_ERROR),
            "[MQTT-3.2.2-4]"
        );
    }
}

/// A server's side of QoS 2: delivers at PUBLISH, and remembers the identifier until PUBREL.
#[derive(Default)]
struct Ledger {
    open: std::collections::BTreeSet<[u8; 2]>,
    delivered: usize,
}

impl Ledger {
    /// Takes what left; returns the answers.
    fn takes(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut answers = Vec::new();
        for packet in packets(bytes) {
            match packet[0] & 0xF6 {
                0x34 => {
                    let id = [packet[5], packet[6]];
                    self.delivered += usize::from(self.open.insert(id));
                    answers.extend([0x50, 2, id[0], id[1]]);
                }
                0x62 | 0x60 => {
                    self.open.remove(&[packet[2], packet[3]]);
                    answers.extend([0x70, 2, packet[2], packet[3]]);
                }
                _ => {}
            }
        }
        answers
    }
}

/// What the documentation advises after `UnknownSession` is a clean start, which sends a QoS 2 message in flight again as new: exactly once must not
/// depend on that, so a program that follows the advice must not meet it with a message that the server holds.
#[test]
fn exactly_once_does_not_depend_on_a_remedy() {
    in_every_storage!(storage => {
        for pause in PAUSES {
            for is_released in [false, true] {
                let mut server = Ledger::default();
                let mut field = Field::new(storage(), V5, Limits::DEFAULT).accepted();
                field.publish("t", b"x", QOS2);
                let answers = server.takes(&field.sent());
                if is_released {
                    field.hear(&answers).nothing();
                }
                field.lose();
                field.now += pause;
                for _ in 0..5 {
                    field.open();
                    field.sent();
                    if field.clean {
                        server.open.clear();
                    }
                    let connack = field.connack(!field.clean, &[]);
                    let mut heard = field.hear(&connack);
                    while heard.end.is_none() && !heard.sent.is_empty() {
                        let answers = server.takes(&heard.sent);
                        heard = field.hear(&answers);
                    }
                    field.clean = heard.end.is_some(); // the remedy
                    field.lose();
                }
                assert_eq!((server.delivered, field.mqtt.pending()), (1, 0), "after {pause} ms");
            }
        }
    });
}

/// Before 5.0 nothing ever expires; 3.1 can't even say whether it has the session.
#[test]
fn before_5_a_session_goes_on_after_any_time() {
    for version in [V31, V311] {
        for pause in PAUSES {
            let mut field = Field::up(version, Limits::DEFAULT);
            field.publish("t", b"x", QOS2);
            field.sent();
            field.lose();
            field.now += pause;
            let heard = field.again(true);
            heard.only("ConnAck 0x00 Resumed");
            assert_eq!(heard.sent[0], 0x3C);
        }
    }
}

/// A session that was to end with its link (no expiry) and that the server resumes all the same: it is the fact, and the link stands.
#[test]
fn a_session_that_was_to_end_with_its_link_and_did_not_is_no_reason_to_stay_offline() {
    in_every_storage!(storage => {
        let mut field = Field::new(storage(), V5, Limits::DEFAULT);
        field.expiry = 0;
        let mut field = field.accepted();
        field.publish("t", b"x", QOS1);
        field.sent();
        for _ in 0..3 {
            let heard = field.again(true);
            assert_eq!(heard.end, None);
            assert!(field.mqtt.is_connected());
            assert_eq!(count(&heard.sent, 0x32), 1);
        }
        field.hear(b"\x40\x02\0\x01").only("PubAck 1 0x00");
    });
}

/// All versions, one after the other, on one session: none locks the next out.
#[test]
fn a_refused_version_in_between_does_not_make_a_session_unknown() {
    let mut field = Field::up(V5, Limits::DEFAULT);
    field.publish("t", b"x", QOS1);
    field.sent();
    field.lose();
    field.version = V311;
    field.open();
    field.sent();
    field.hear(b"\x20\x02\0\x01"); // it doesn't speak that
    field.lose();
    field.version = V5;
    field.now += 310_000;
    let heard = field.again(true);
    assert_eq!(heard.end, None);
    assert!(field.mqtt.is_connected());
    assert_eq!(count(&heard.sent, 0x32), 1);
}
