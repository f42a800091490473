//! A packet at which links die can be seen, and withdrawn.

use super::rig::{Field, Offered, QOS0, QOS1, QOS2, V5, V31, count, in_every_storage};
use pure_mqtt::{Disconnect, Handle, Limits, Risk, Version};

/// The server hangs up at one message (its size, an access rule), on every link. Its attempts show which it is.
#[test]
fn attempts_show_at_which_message_links_die() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            let mut field = Field::new(storage(), version, Limits { max_inflight: 1, ..Limits::DEFAULT });
            let poison = field.publish("poison", b"x", QOS1).handle;
            let behind = field.publish("t", b"y", QOS1).handle;
            assert_eq!((field.mqtt.attempts(poison), field.mqtt.attempts(behind)), (Some(0), Some(0)));
            for link in 1..=5 {
                field.lose();
                field.open();
                field.sent();
                let connack = field.connack(link > 1, &[]);
                assert_eq!(field.mqtt.attempts(poison), Some(link - 1), "CONNECT alone is no attempt");
                field.hear(&connack);
                assert_eq!((field.mqtt.attempts(poison), field.mqtt.attempts(behind)), (Some(link), Some(0)));
            }
            assert_eq!(field.mqtt.attempts(Handle::default()), None);
            field.hear(b"\x40\x02\0\x01").only("PubAck 1 0x00");
            assert_eq!(field.mqtt.attempts(poison), None, "it has ended");
            assert_eq!(field.mqtt.attempts(behind), Some(1));
        }
    });
}

/// A PUBREL waits for the transport when the one before it is due to be sent again, so that it leaves twice. That is one attempt, on one link.
#[test]
fn a_pubrel_that_leaves_twice_is_one_attempt() {
    in_every_storage!(storage => {
        for version in [Version::V31, Version::V311] {
            let limits = Limits { retry_interval: 1_000, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), version, limits).accepted();
            let handles = ["x", "y"].map(|payload| field.publish("t", payload.as_bytes(), QOS2).handle);
            field.sent();
            assert_eq!(field.hear(b"\x50\x02\0\x01").sent, b"\x62\x02\0\x01");
            field.tick(1_000).unwrap();
            assert_eq!(field.hear_over(b"\x50\x02\0\x02", 0).end, None);
            assert_eq!(field.shown(), b"\x62\x02\0\x02");
            field.tick(1_000).unwrap();
            let attempts = |field: &Field<_>| handles.map(|handle| field.mqtt.attempts(handle));
            assert_eq!(attempts(&field), [Some(1), Some(0)]);
            assert_eq!(field.take(4), b"\x62\x02\0\x02");
            assert_eq!(attempts(&field), [Some(1), Some(1)]);
            assert_eq!(field.sent(), b"\x62\x02\0\x01\x62\x02\0\x02");
            assert_eq!(attempts(&field), [Some(1), Some(1)]);
        }
    });
}

/// One byte is an attempt; the second copy on the same link is not another one; and the count stops at its maximum.
#[test]
fn attempts_count_links() {
    for version in Version::ALL {
        let mut field = Field::up(version, Limits { retry_interval: 1_000, ..Limits::DEFAULT });
        let handle = field.publish("t", b"x", QOS1).handle;
        field.shown();
        assert_eq!(field.mqtt.attempts(handle), Some(0));
        field.take(1);
        assert_eq!(field.mqtt.attempts(handle), Some(1));
        field.wait(5_000);
        assert_eq!(field.mqtt.attempts(handle), Some(1));
        for _ in 0..300 {
            field.again(version != V31);
        }
        assert_eq!(field.mqtt.attempts(handle), Some(u8::MAX));
    }
}

/// A PUBREL that the transport never took is no attempt, whatever left in its place.
#[test]
fn a_pubrel_that_gave_way_to_disconnect_is_no_attempt() {
    for version in Version::ALL {
        let mut field = Field::up(version, Limits::DEFAULT);
        let handle = field.publish("t", b"x", QOS2).handle;
        field.sent();
        field.hear_over(b"\x50\x02\0\x01", 0);
        assert!(field.shown().starts_with(b"\x62"));
        assert_eq!(field.mqtt.attempts(handle), Some(0));
        field.mqtt.disconnect(field.at(), &Disconnect::default()).expect("a link");
        assert_eq!(count(&field.sent(), 0x62), 0);
        assert_eq!(field.mqtt.attempts(handle), Some(0), "{version:?}");
        field.again(version != V31);
        assert_eq!(field.mqtt.attempts(handle), Some(1), "{version:?}");
    }
}

/// PUBREL has left once all its bytes have, also where the start of a message is behind it that names its topic by an alias, or was.
#[test]
fn a_pubrel_before_an_alias_counts_once_it_has_left_whole() {
    in_every_storage!(storage => {
        for is_cancelled in [false, true] {
            let limits = Limits { outbound_aliases: 2, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), V5, limits).accepted_with(b"\x22\0\x02");
            let handle = field.publish("t", b"x", QOS2).handle;
            field.sent();
            assert_eq!(field.offer(b"\x50\x02\0\x01"), Ok(Offered::Taken(4, None)));
            let behind = field.publish("a/longer/topic", &[b'y'; 40], QOS1).handle;
            let shown = field.shown();
            assert!(shown.starts_with(b"\x62\x02\0\x01\x32") && shown.len() > 20, "{shown:02X?}");
            assert!(!is_cancelled || field.mqtt.cancel(behind));
            for taken in 1..=4 {
                assert_eq!(field.take(1).len(), 1);
                assert_eq!(field.mqtt.attempts(handle), Some((taken == 4).into()), "{taken}");
            }
        }
    });
}

/// What waits to be sent again on the same link has left on it; and it counts once, whether it leaves again or the link is lost before.
#[test]
fn attempts_count_a_link_while_a_second_copy_waits() {
    in_every_storage!(storage => {
        for version in [V31, Version::V311] {
            for (qos, answer) in [(QOS1, &b""[..]), (QOS2, b""), (QOS2, b"\x50\x02\0\x01")] {
                let limits = Limits { retry_interval: 1_000, ..Limits::DEFAULT };
                let mut field = Field::new(storage(), version, limits).accepted();
                let handle = field.publish("t", b"x", qos).handle;
                field.sent();
                field.hear(answer).nothing();
                for link in 1..=4 {
                    for _ in 0..3 {
                        field.tick(1_000).unwrap();
                        assert_eq!(field.mqtt.attempts(handle), Some(link));
                        let read_back = field.mqtt.unacknowledged().next().unwrap();
                        assert_eq!((read_back.attempts, read_back.may_have_arrived), (link, true));
                    }
                    if link % 2 == 0 {
                        field.sent();
                        assert_eq!(field.mqtt.attempts(handle), Some(link));
                    }
                    field.again(true);
                }
            }
        }
    });
}

/// It can be withdrawn between links; what lies behind it goes on.
#[test]
fn a_message_at_which_links_die_can_be_withdrawn() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            for qos in [QOS1, QOS2] {
                let mut field = Field::new(storage(), version, Limits { max_inflight: 1, ..Limits::DEFAULT }).accepted();
                let poison = field.publish("poison", b"x", qos).handle;
                field.publish("t", b"y", QOS1);
                field.sent();
                assert_eq!(field.mqtt.withdraw(field.at(), poison), None, "its answer is awaited on this link");
                field.lose();
                assert_eq!(field.mqtt.withdraw(field.at(), poison), Some(Risk::MayHaveArrived));
                assert_eq!(field.outcomes(), ["Withdrawn"]);
                assert_eq!(field.mqtt.withdraw(field.at(), poison), None, "once");
                let sent = field.again(version != V31).sent;
                assert_eq!(count(&sent, 0x34), 0);
                assert_eq!(count(&sent, 0x62), usize::from(qos == QOS2), "its identifier is freed: {sent:02X?}");
                field.hear(b"\x70\x02\0\x01").nothing();
                let mut sent = sent;
                sent.extend(field.sent());
                assert_eq!(count(&sent, 0x32), 1, "what lay behind it leaves");
            }
        }
    });
}

/// It left on this link, and is about to be sent once more: its answer is awaited all the same.
#[test]
fn a_message_that_is_to_be_sent_again_on_the_same_link_stays() {
    in_every_storage!(storage => {
        for version in [Version::V31, Version::V311] {
            for (qos, answer) in [(QOS1, &b"\x40\x02\0\x01"[..]), (QOS2, b"\x50\x02\0\x01")] {
                let limits = Limits { retry_interval: 1_000, ..Limits::DEFAULT };
                let mut field = Field::new(storage(), version, limits).accepted();
                let handle = field.publish("t", b"x", qos).handle;
                field.sent();
                for _ in 0..3 {
                    field.tick(1_000).unwrap();
                    assert_eq!(field.mqtt.withdraw(field.at(), handle), None);
                }
                assert_eq!(field.hear(answer).end, None);
                if qos == QOS2 {
                    for _ in 0..3 {
                        field.tick(1_000).unwrap();
                        assert_eq!(field.mqtt.withdraw(field.at(), handle), None, "nor while its PUBREL is");
                    }
                    field.hear(b"\x70\x02\0\x01").only("PubComp 1 0x00");
                }
                assert_eq!((field.mqtt.pending(), field.mqtt.stats().unknown_acks), (0, 0));
            }
        }
    });
}

/// What is risked is named.
#[test]
fn the_risk_of_withdrawing_is_named() {
    for version in Version::ALL {
        let mut field = Field::with(version, Limits::DEFAULT);
        let unsent = field.publish("t", b"x", QOS1).handle;
        assert_eq!(field.mqtt.withdraw(field.at(), unsent), Some(Risk::None));
        assert_eq!(field.outcomes(), ["Withdrawn"]);
        let mut field = field.accepted();
        let released = field.publish("t", b"x", QOS2);
        field.sent();
        field.hear(&[0x50, 2, 0, released.id.unwrap().get() as u8]).nothing();
        field.lose();
        assert_eq!(
            field.mqtt.withdraw(field.at(), released.handle),
            Some(Risk::MayBeLost),
            "PUBREL may never have come"
        );
        assert_eq!(field.outcomes(), ["Withdrawn"]);
        assert_eq!(field.mqtt.pending(), 0);
        assert_eq!(field.mqtt.withdraw(field.at(), Handle::default()), None);
    }
}

/// A server that hangs up at a PUBREL: after three links the message counts as delivered when it is withdrawn, and what lies behind it goes on. The engine
/// doesn't do so by itself, since links that break may be all that was wrong.
#[test]
fn pubrel_at_which_links_die_can_be_withdrawn() {
    for version in Version::ALL {
        let mut field = Field::up(version, Limits { max_inflight: 1, ..Limits::DEFAULT });
        let poison = field.publish("t", b"x", QOS2).handle;
        field.publish("t", b"y", QOS1);
        field.sent();
        assert_eq!(field.hear(b"\x50\x02\0\x01").nothing().sent, b"\x62\x02\0\x01");
        for link in 1..=3 {
            assert_eq!(field.mqtt.attempts(poison), Some(link), "{version:?}");
            assert_eq!(field.mqtt.withdraw(field.at(), poison), None, "its answer is awaited on this link");
            let sent = field.again(version != V31).sent;
            assert_eq!((count(&sent, 0x62), count(&sent, 0x32)), (1, 0));
        }
        field.lose();
        assert_eq!(field.mqtt.withdraw(field.at(), poison), Some(Risk::MayHaveArrived));
        assert_eq!(field.outcomes(), ["Withdrawn"]);
        let sent = field.again(version != V31).sent;
        assert_eq!((count(&sent, 0x62), count(&sent, 0x32)), (0, 1));
    }
}

/// Requests can be withdrawn too.
#[test]
fn a_request_at_which_links_die_can_be_withdrawn() {
    let mut field = Field::with(V5, Limits::DEFAULT);
    field.subscribe(&["a"]);
    let filters = [pure_mqtt::Subscription::new(pure_mqtt::TopicFilter::new("b").unwrap(), QOS0)];
    let second = field.mqtt.subscribe(field.at(), &pure_mqtt::Subscribe::new(&filters)).unwrap().handle;
    assert_eq!(field.mqtt.attempts(second), Some(0));
    assert_eq!(field.mqtt.withdraw(field.at(), second), Some(Risk::None));
    assert_eq!(field.outcomes(), ["Withdrawn"]);
    let mut field = field.accepted();
    assert_eq!(count(&field.sent(), 0x82), 0, "the first has left with CONNACK");
    assert_eq!(field.offer(b"\x90\x04\0\x01\0\x01"), Ok(Offered::Taken(6, Some("SubAck 1 01".into()))));
}

/// PUBREL left on so many links, and no PUBCOMP came: from the third on the message counts as completed.
#[test]
fn a_pubrel_that_left_on_three_links_has_done_its_work() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            for (links, risk) in [(1, Risk::MayBeLost), (2, Risk::MayBeLost), (3, Risk::MayHaveArrived)] {
                let mut field = Field::new(storage(), version, Limits::DEFAULT).accepted();
                let handle = field.publish("t", b"x", QOS2).handle;
                field.sent();
                assert_eq!(field.hear(b"\x50\x02\0\x01").sent, b"\x62\x02\0\x01");
                for _ in 1..links {
                    assert_eq!(count(&field.again(version != V31).sent, 0x62), 1);
                }
                field.lose();
                assert_eq!(field.mqtt.withdraw(field.at(), handle), Some(risk), "{version:?} {links}");
            }
        }
    });
}

/// A message that was withdrawn is none of those that `max_queued` counts, also while its identifier is being freed.
#[test]
fn a_withdrawn_message_leaves_its_place_in_the_queue() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            let mut field = Field::new(storage(), version, Limits { max_queued: 1, ..Limits::DEFAULT }).accepted();
            for freed in 1..=3 {
                let handle = field.publish("t", b"x", QOS2).handle;
                field.sent();
                field.lose();
                assert_eq!(field.mqtt.withdraw(field.at(), handle), Some(Risk::MayHaveArrived));
                assert_eq!(field.outcomes().len(), 1);
                assert_eq!(count(&field.again(version != V31).sent, 0x62), freed, "none was answered");
            }
            field.publish("t", b"x", QOS2);
        }
    });
}
