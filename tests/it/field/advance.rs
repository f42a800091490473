//! Hosts whose writes are done by another task say `advance` late. An answer counts whenever it comes: until `advance` it is `Blocked`, and never a
//! stray.

use super::rig::{Durable, Field, NEW, OLD, Offered, QOS0, QOS1, QOS2, V5, in_every_storage, message, packets};
use pure_mqtt::{ConnectionError, Disconnect, Limits, Version};

/// What was shown has been written, and its answer comes before `advance`: it is blocked whatever part of the packet was confirmed, nothing is counted as
/// a stray, and once all is confirmed the same bytes count.
#[track_caller]
fn answer_waits_for_advance<S: Durable>(field: &mut Field<S>, answer: &[u8], event: Option<&str>) {
    let shown = field.shown().len();
    assert!(shown > 0);
    for confirmed in 0..shown {
        assert_eq!(field.offer(answer), Ok(Offered::Blocked), "{confirmed} of {shown} bytes are confirmed");
        assert_eq!(field.take(1).len(), 1);
    }
    assert_eq!(field.mqtt.stats().unknown_acks, 0);
    assert_eq!(field.offer(answer), Ok(Offered::Taken(answer.len(), event.map(Into::into))));
    assert_eq!(field.mqtt.stats().unknown_acks, 0);
}

/// A gateway with one task that reads and one that writes: the broker is quicker than the message between the tasks.
#[test]
fn an_answer_to_what_was_shown_is_no_stray() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            for strict in [false, true] {
                let up = || Field::new(storage(), version, Limits { strict, ..Limits::DEFAULT }).accepted();

                let mut field = up();
                field.publish("t", b"x", QOS1);
                answer_waits_for_advance(&mut field, b"\x40\x02\0\x01", Some("PubAck 1 0x00"));
                assert!(field.mqtt.is_idle());

                let mut field = up();
                field.publish("t", b"x", QOS2);
                answer_waits_for_advance(&mut field, b"\x50\x02\0\x01", None);
                assert_eq!(field.shown(), b"\x62\x02\0\x01");
                let early = field.offer(b"\x70\x02\0\x01");
                field.sent();
                match early {
                    Ok(Offered::Blocked) => drop(field.hear(b"\x70\x02\0\x01").only("PubComp 1 0x00")),
                    early => assert_eq!(early, Ok(Offered::Taken(4, Some("PubComp 1 0x00".into())))), // it has all that it needs
                }
                assert!(field.mqtt.is_idle());

                let mut field = up();
                field.subscribe(&["a", "b"]);
                let suback: &[u8] = if version == V5 { b"\x90\x05\0\x01\0\x01\x01" } else { b"\x90\x04\0\x01\x01\x01" };
                answer_waits_for_advance(&mut field, suback, Some("SubAck 1 01 01"));

                let mut field = up();
                field.unsubscribe(&["a"]);
                let (unsuback, event): (&[u8], _) = match version {
                    V5 => (b"\xB0\x04\0\x01\0\x11", "UnsubAck 1 11"),
                    _ => (b"\xB0\x02\0\x01", "UnsubAck 1 "),
                };
                answer_waits_for_advance(&mut field, unsuback, Some(event));
            }
        }
    });
}

/// The same when the answer is a refusal, which only 5.0 has.
#[test]
fn a_refusal_of_what_was_shown_is_no_stray() {
    in_every_storage!(storage => {
        let up = || Field::new(storage(), V5, Limits::DEFAULT).accepted();
        let mut field = up();
        field.publish("t", b"x", QOS1);
        answer_waits_for_advance(&mut field, b"\x40\x03\0\x01\x97", Some("PubAck 1 0x97"));
        let mut field = up();
        field.publish("t", b"x", QOS2);
        answer_waits_for_advance(&mut field, b"\x50\x03\0\x01\x97", Some("PubRec 1 0x97"));
        assert!(field.mqtt.is_idle());
    });
}

/// What is sent again on a new link is no different from what is new.
#[test]
fn an_answer_to_what_is_shown_again_is_no_stray() {
    for version in NEW {
        let mut field = Field::up(version, Limits::DEFAULT);
        field.publish("t", b"x", QOS1);
        field.publish("t", b"y", QOS2);
        field.publish("t", b"z", QOS2);
        field.sent();
        field.hear(b"\x50\x02\0\x03").nothing();
        field.lose();
        field.open();
        field.sent();
        let connack = field.connack(true, &[]);
        assert_eq!(field.offer(&connack), Ok(Offered::Taken(connack.len(), Some("ConnAck 0x00 Resumed".into()))));
        let (mut answered, mut ended) = (0, 0);
        while !field.shown().is_empty() {
            let shown = field.shown();
            for packet in packets(&shown) {
                let answer: &[u8] = match packet[0] & !8 {
                    0x32 => b"\x40\x02\0\x01",
                    0x34 => b"\x50\x02\0\x02",
                    _ => b"\x70\x02\0\x03",
                };
                match field.offer(answer) {
                    Ok(Offered::Blocked) => {}
                    Ok(Offered::Taken(4, Some(told))) if told == "PubComp 3 0x00" => ended += 1, // PUBREL was out before
                    other => panic!("the answer to {packet:02X?}: {other:?}"),
                }
                answered += 1;
            }
            field.take(shown.len());
        }
        assert_eq!(answered, 3);
        ended += field.hear(b"\x40\x02\0\x01\x50\x02\0\x02\x70\x02\0\x03").told.len();
        ended += field.hear(b"\x70\x02\0\x02").told.len();
        assert_eq!(ended, 3);
        assert!(field.mqtt.is_idle());
    }
}

/// Many were written with one vectored write; the broker has answered the first before the write returns.
#[test]
fn each_of_many_shown_at_once_waits_for_its_own_bytes() {
    for version in Version::ALL {
        let mut field = Field::up(version, Limits::DEFAULT);
        for _ in 0..5 {
            field.publish("t", b"x", QOS1);
        }
        let one = field.shown().len() / 5;
        for id in 1..=5 {
            assert_eq!(field.offer(&[0x40, 2, 0, id]), Ok(Offered::Blocked));
            field.take(one);
            assert_eq!(field.offer(&[0x40, 2, 0, id]), Ok(Offered::Taken(4, Some(format!("PubAck {id} 0x00")))));
        }
        assert!(field.mqtt.is_idle());
        assert_eq!(field.mqtt.stats().unknown_acks, 0);
    }
}

/// A payload that the application supplies is out when the last of it was confirmed.
#[test]
fn an_answer_to_a_streamed_message_waits_for_its_last_byte() {
    for version in Version::ALL {
        let mut field = Field::up(version, Limits::DEFAULT);
        field.publish_streamed("t", 10, QOS1);
        let head = field.shown().len();
        for _ in 0..head + 10 {
            assert_eq!(field.offer(b"\x40\x02\0\x01"), Ok(Offered::Blocked));
            assert_eq!(field.take(1).len(), 1);
        }
        field.hear(b"\x40\x02\0\x01").only("PubAck 1 0x00");
    }
}

/// CONNACK overtakes `advance` of CONNECT on a fast network.
#[test]
fn connack_waits_until_connect_is_confirmed() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            let mut field = Field::new(storage(), version, Limits::DEFAULT);
            field.open();
            let connack = field.connack(false, &[]);
            answer_waits_for_advance(&mut field, &connack, Some("ConnAck 0x00 New"));
            assert!(field.mqtt.is_connected());
            field.publish("t", b"x", QOS1);
            assert_eq!(field.sent()[0], 0x32);
        }
    });
}

/// PINGRESP overtakes `advance` of PINGREQ: it is that answer, and none is missed later.
#[test]
fn pingresp_before_advance_is_the_answer() {
    for version in Version::ALL {
        let mut field = Field::up(version, Limits::DEFAULT);
        field.tick(30_000).unwrap();
        assert_eq!(field.shown(), b"\xC0\0");
        if field.offer(b"\xD0\0") == Ok(Offered::Blocked) {
            assert_eq!(field.sent(), b"\xC0\0");
            field.hear(b"\xD0\0").only("PingResp");
        } else {
            assert_eq!(field.sent(), b"\xC0\0");
        }
        field.now += 29_999;
        assert_eq!(field.mqtt.handle_timeout(field.at()), Ok(()));
        field.now += 1;
        assert_eq!(field.mqtt.handle_timeout(field.at()), Ok(()));
    }
}

/// AUTH, and what ends a handshake of several steps.
#[test]
fn the_answer_to_auth_waits_until_auth_is_confirmed() {
    use pure_mqtt::{Auth, Connect, Property};
    let method = [Property::AuthenticationMethod("m")];
    let mut field = Field::with(V5, Limits::DEFAULT);
    field.mqtt.open(field.at(), &Connect::new(V5, "c").properties(&method)).unwrap();
    field.sent();
    let challenge = b"\xF0\x06\x18\x04\x15\0\x01m";
    field.hear(challenge).only("Auth 0x18");
    let auth = Auth::continue_with(&method);
    field.mqtt.authenticate(field.at(), &auth).unwrap();
    let connack = b"\x20\x07\0\0\x04\x15\0\x01m";
    answer_waits_for_advance(&mut field, connack, Some("ConnAck 0x00 New"));
}

/// An acknowledgement for what was never shown stays what it is: a stray, and an error where the letter is kept.
#[test]
fn an_answer_to_what_was_not_shown_is_a_stray() {
    for version in Version::ALL {
        let mut field = Field::up(version, Limits { max_inflight: 1, ..Limits::DEFAULT });
        for _ in 0..2 {
            field.publish("t", b"x", QOS1);
        }
        field.sent();
        assert_eq!(field.offer(b"\x40\x02\0\x07"), Ok(Offered::Taken(4, None)));
        assert_eq!(field.offer(b"\x40\x02\0\x02"), Ok(Offered::Taken(4, None)), "it waits for the window");
        assert_eq!(field.mqtt.stats().unknown_acks, 2);
        assert_eq!(field.mqtt.pending(), 2);
        let mut field = Field::up(version, Limits { strict: true, ..Limits::DEFAULT });
        assert!(field.offer(b"\x40\x02\0\x07").is_err());
    }
}

/// A host that never says `advance` (its task has died) is no reason to wait for ever.
#[test]
fn a_host_that_never_confirms_ends_with_the_keep_alive() {
    for version in Version::ALL {
        let mut field = Field::up(version, Limits::DEFAULT);
        field.publish("t", b"x", QOS1);
        field.shown();
        assert_eq!(field.hear_over(b"\x40\x02\0\x01", 0).told.len(), 0);
        assert_eq!(field.kept.len(), 4, "it is blocked");
        let started = field.now;
        let ended = field.wait_over(120_000, 0);
        assert_eq!(ended.end, Some(ConnectionError::KeepAliveTimeout));
        assert!(field.now - started <= 60_000);
    }
}

/// A broker that answers QoS 0 by mistake, or our DISCONNECT: nothing waits for these, so nothing is blocked.
#[test]
fn what_has_no_answer_blocks_nothing() {
    for version in Version::ALL {
        let mut field = Field::up(version, Limits::DEFAULT);
        field.publish("t", b"x", QOS0);
        field.shown();
        assert_eq!(field.offer(b"\x40\x02\0\x01"), Ok(Offered::Taken(4, None)));
        let arrived = field.offer(&message(version, 0, 0, "t", b"y"));
        assert!(matches!(arrived, Ok(Offered::Taken(_, Some(_)))), "{arrived:?}");
        field.mqtt.disconnect(field.at(), &Disconnect::default()).unwrap();
        assert_eq!(field.offer(b"\x40\x02\0\x01"), Err(ConnectionError::Disconnected));
    }
}

/// The server's own messages are not held up by what is not confirmed.
#[test]
fn messages_arrive_while_advance_is_late() {
    for version in Version::ALL {
        for qos in [0, 1, 2] {
            let mut field = Field::up(version, Limits::DEFAULT);
            field.publish("t", b"x", QOS1);
            field.shown();
            let arrived = field.offer(&message(version, qos, 9, "t", b"y"));
            assert!(matches!(arrived, Ok(Offered::Taken(_, Some(_)))), "{arrived:?}");
        }
    }
}

/// The retry of 3.x shows a message a second time; the acknowledgement of the first time comes before `advance`.
#[test]
fn the_answer_to_the_first_copy_counts_while_the_second_is_shown() {
    for version in OLD {
        let mut field = Field::up(version, Limits { retry_interval: 1_000, ..Limits::DEFAULT });
        field.publish("t", b"x", QOS1);
        field.sent();
        while field.shown().is_empty() {
            field.tick(1_000).unwrap();
        }
        let first = field.offer(b"\x40\x02\0\x01").unwrap();
        if first == Offered::Blocked {
            field.sent();
            field.hear(b"\x40\x02\0\x01").only("PubAck 1 0x00");
        } else {
            assert_eq!(first, Offered::Taken(4, Some("PubAck 1 0x00".into())));
        }
        field.sent();
        assert!(field.mqtt.is_idle());
    }
}

/// A writer that hands its bytes to DMA, and the link ends before DMA is done: what was shown counts when it is confirmed, whoever ended the link.
#[test]
fn what_was_shown_counts_after_the_end_of_the_link() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            for is_partial in [false, true] {
                for end in 0..4 {
                    for what in 0..4 {
                        let limits = Limits { ack_timeout: 5_000, pingresp_timeout: 5_000, ..Limits::DEFAULT };
                        let mut field = Field::new(storage(), version, limits).accepted();
                        field.publish("t", b"awaited", QOS1);
                        field.sent();
                        match what {
                            0 => drop(field.publish("t", b"x", QOS0)),
                            1 => drop(field.publish("t", b"x", QOS1)),
                            2 => drop(field.publish("t", b"x", QOS2)),
                            _ => drop(field.subscribe(&["a"])),
                        }
                        let shown = field.shown();
                        let ended = match end {
                            0 if version == V5 => field.hear_over(b"\xE0\x02\x8B\0", 0).end.is_none(),
                            0 | 1 if version != V5 => field.hear_over(b"\xF7\0", 0).end.is_some(),
                            2 if version != V5 => field.tick(5_000).is_ok() && field.tick(5_000).is_err(),
                            1 | 2 => continue, // in 5.0 DISCONNECT takes its place
                            _ => field.tick(30_000).is_err() || field.tick(35_000).is_err(),
                        };
                        assert!(ended && field.mqtt.should_close(), "{version:?} {end} {what}");
                        assert_eq!((field.shown(), field.mqtt.poll_timeout()), (vec![], None));
                        let count = if is_partial { 1 } else { shown.len() };
                        field.mqtt.transmit(field.at()).advance(count);
                        field.lose();
                        let outcomes = field.outcomes();
                        assert_eq!(outcomes, if what == 3 { vec!["LinkLost"] } else { vec![] }, "{version:?} {end}");
                        field.open();
                        field.sent();
                        let connack = field.connack(true, &[]);
                        let sent = field.hear(&connack).sent;
                        let firsts: Vec<u8> = packets(&sent).iter().map(|packet| packet[0]).collect();
                        let expected: &[u8] = match what {
                            1 => &[0x3A, 0x3A],
                            2 => &[0x3A, 0x3C],
                            _ => &[0x3A],
                        };
                        assert_eq!(firsts, expected, "{version:?} {end} {what}");
                    }
                }
            }
        }
    });
}

/// CONNECT was with the transport when its time was over. It may have been carried out, clean start and all.
#[test]
fn a_connect_that_is_confirmed_after_its_end_may_have_been_carried_out() {
    for version in NEW {
        let mut field = Field::up(version, Limits::DEFAULT);
        field.lose();
        field.clean = true;
        field.open();
        let count = field.shown().len();
        assert_eq!(field.tick(20_000), Err(ConnectionError::ConnAckTimeout));
        field.mqtt.transmit(field.at()).advance(count);
        field.lose();
        field.clean = false;
        field.open();
        field.sent();
        let connack = field.connack(true, &[]);
        field.hear(&connack).only("ConnAck 0x00 Adopted");
    }
}

/// The second PUBREL is with DMA when the first is due to be sent again. It was sent all the same.
#[test]
fn a_pubrel_that_was_shown_counts_although_those_before_it_are_sent_again() {
    in_every_storage!(storage => {
        for version in OLD {
            let limits = Limits { retry_interval: 1_000, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), version, limits).accepted();
            field.publish("t", b"x", QOS2);
            field.publish("t", b"y", QOS2);
            field.sent();
            assert_eq!(field.hear(b"\x50\x02\0\x01").sent, b"\x62\x02\0\x01");
            field.tick(1_000).unwrap();
            assert_eq!(field.hear_over(b"\x50\x02\0\x02", 0).end, None);
            assert_eq!(field.shown(), b"\x62\x02\0\x02");
            field.tick(1_000).unwrap();
            assert_eq!(field.offer(b"\x70\x02\0\x02"), Ok(Offered::Blocked));
            field.mqtt.transmit(field.at()).advance(4);
            field.hear(b"\x70\x02\0\x02").only("PubComp 2 0x00");
            field.hear(b"\x70\x02\0\x01").only("PubComp 1 0x00");
            field.sent();
            assert!(field.mqtt.is_idle());
        }
    });
}

/// Behind PUBREL the start of a message crawls out, for which an alias is bound. PUBREL has left all the same: its answer counts, and is missed in time.
#[test]
fn a_pubrel_has_left_whatever_is_behind_it() {
    for is_answered in [true, false] {
        let limits = Limits { outbound_aliases: 4, ack_timeout: 5_000, ..Limits::DEFAULT };
        let mut field = Field::with(V5, limits).accepted_with(b"\x22\0\x04");
        field.publish("t", b"x", QOS2);
        field.sent();
        assert_eq!(field.offer(b"\x50\x02\0\x01"), Ok(Offered::Taken(4, None)));
        field.publish("a/rather/long/topic", b"y", QOS2);
        let shown = field.shown();
        assert!(shown.len() > 20 && shown.starts_with(b"\x62\x02\0\x01\x34"), "{shown:02X?}");
        field.take(4);
        if is_answered {
            field.hear_over(b"\x70\x02\0\x01", 0).only("PubComp 1 0x00");
        }
        let overdue = (0..15).find(|_| {
            field.take(1);
            field.tick(1_000).is_err()
        });
        assert_eq!(overdue.is_some(), !is_answered, "{overdue:?}");
    }
}
