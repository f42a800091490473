//! What happens when the server resumes a session that this side doesn't know: by default the link stands, nothing is lost, and QoS 2 arrives once.

use super::rig::{Durable, Field, NEW, QOS0, QOS1, QOS2, V5, V311, count, in_every_storage, message, packets};
use pure_mqtt::wire::Violation;
use pure_mqtt::{ConnectionError, Fixed, Limits, OnUnknownSession, Overflow, ReasonCode};
use std::collections::BTreeSet;

/// A server's side of QoS 2, with identifiers that it holds from an earlier life of the client.
struct Server {
    open: BTreeSet<[u8; 2]>,
    delivered: usize,
    /// It closes the link at a PUBREL that it doesn't know.
    is_picky: bool,
    has_closed: bool,
    /// It is of 5.0: PUBCOMP says 0x92 then.
    has_codes: bool,
}

impl Server {
    fn holding(ids: impl IntoIterator<Item = u16>) -> Self {
        let open = ids.into_iter().map(u16::to_be_bytes).collect();
        Self { open, delivered: 0, is_picky: false, has_closed: false, has_codes: false }
    }

    fn takes(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut answers = Vec::new();
        for packet in packets(bytes) {
            match packet[0] & 0xF6 {
                0x34 => {
                    let id = [packet[5], packet[6]];
                    self.delivered += usize::from(self.open.insert(id));
                    answers.extend([0x50, 2, id[0], id[1]]);
                }
                0x32 => answers.extend([0x40, 2, packet[5], packet[6]]),
                0x62 | 0x60 => {
                    let is_known = self.open.remove(&[packet[2], packet[3]]);
                    if !is_known && self.is_picky {
                        self.has_closed = true;
                        return Vec::new();
                    }
                    match is_known || !self.has_codes {
                        true => answers.extend([0x70, 2, packet[2], packet[3]]),
                        false => answers.extend([0x70, 3, packet[2], packet[3], 0x92]),
                    }
                }
                _ => {}
            }
        }
        answers
    }
}

fn exchange<S: Durable>(field: &mut Field<S>, server: &mut Server, mut sent: Vec<u8>) {
    for _ in 0..50 {
        if sent.is_empty() || server.has_closed {
            return;
        }
        let answers = server.takes(&sent);
        let heard = field.hear(&answers);
        assert_eq!(heard.end, None);
        sent = heard.sent;
    }
    panic!("no end of it");
}

/// A device lost its memory; the broker has kept its session, with what came meanwhile. It is connected at once, and gets it.
#[test]
fn a_session_that_is_not_known_here_is_adopted() {
    in_every_storage!(storage => {
        for version in NEW {
            let mut field = Field::new(storage(), version, Limits::DEFAULT);
            field.open();
            field.sent();
            let connack = field.connack(true, &[]);
            let queue = [&connack[..], &message(version, 1, 1, "t", b"x"), &message(version, 2, 2, "t", b"y")].concat();
            let heard = field.hear(&queue);
            assert_eq!(heard.told, ["ConnAck 0x00 Adopted", "Message t x q1 1", "Message t y q2 2"]);
            assert!(field.mqtt.is_connected());
            field.again(true).only("ConnAck 0x00 Resumed");
        }
    });
}

/// The broker still waits for PUBREL of messages of the earlier life. A new message under such an identifier is not taken for a repetition.
#[test]
fn a_new_message_is_not_taken_for_one_of_the_earlier_life() {
    in_every_storage!(storage => {
        for version in NEW {
            for has_codes in [false, version == V5] {
                let mut server = Server { has_codes, ..Server::holding(1..=4) };
                let mut field = Field::new(storage(), version, Limits::DEFAULT);
                for _ in 0..3 {
                    field.publish("t", b"x", QOS2);
                }
                field.open();
                field.sent();
                let connack = field.connack(true, &[]);
                let heard = field.hear(&connack);
                let order: Vec<u8> = packets(&heard.sent).iter().map(|packet| packet[0]).collect();
                assert_eq!(count(&heard.sent, 0x34), 3, "in the same flight: {order:02X?}");
                for packet in packets(&heard.sent).windows(2).filter(|pair| pair[1][0] == 0x34) {
                    assert_eq!(packet[0], [0x62, 2, packet[1][5], packet[1][6]], "PUBREL of the same identifier precedes it");
                }
                exchange(&mut field, &mut server, heard.sent);
                assert_eq!((server.delivered, field.mqtt.pending()), (3, 0), "{version:?}");
                for _ in 0..3 {
                    field.publish("t", b"y", QOS2);
                }
                let sent = field.sent();
                exchange(&mut field, &mut server, sent);
                assert_eq!((server.delivered, field.mqtt.pending()), (6, 0), "{version:?}");
            }
        }
    });
}

/// A PUBCOMP before the PUBREC is the answer to that PUBREL: it ends nothing.
#[test]
fn pubcomp_before_pubrec_means_nothing() {
    for strict_answer in [&b"\x70\x02\0\x01"[..], b"\x70\x03\0\x01\x92"] {
        let mut field = Field::with(V5, Limits::DEFAULT);
        field.publish("t", b"x", QOS2);
        field.open();
        field.sent();
        let connack = field.connack(true, &[]);
        field.hear(&connack).only("ConnAck 0x00 Adopted");
        field.hear(strict_answer).nothing();
        assert_eq!(field.mqtt.pending(), 1);
        assert_eq!(field.hear(b"\x50\x02\0\x01").nothing().sent, b"\x62\x02\0\x01");
        field.hear(b"\x70\x02\0\x01").only("PubComp 1 0x00");
    }
}

/// Only what needs it has a PUBREL before it, and only until all identifiers were used once.
#[test]
fn only_qos_2_is_preceded_by_a_pubrel_and_only_until_identifiers_are_known() {
    for version in NEW {
        let mut field = Field::with(version, Limits::DEFAULT);
        field.open();
        field.sent();
        let connack = field.connack(true, &[]);
        field.hear(&connack).only("ConnAck 0x00 Adopted");
        field.publish("t", b"x", QOS0);
        field.publish("t", b"x", QOS1);
        field.subscribe(&["a"]);
        assert_eq!(count(&field.sent(), 0x62), 0);
        let mut server = Server::holding([]);
        field.hear(b"\x40\x02\0\x02").only("PubAck 2 0x00");
        field.hear(if version == V5 { b"\x90\x04\0\x03\0\x01" } else { b"\x90\x03\0\x03\x01" }).only("SubAck 3 01");
        field.hear(b"\x70\x02\xFF\xFF").nothing();
        assert_eq!(field.mqtt.stats().unknown_acks, 0, "it may answer a PUBREL whose message was withdrawn");
        for _ in 4..65_535 {
            field.publish("t", b"x", QOS1);
            let sent = field.sent();
            let answers = server.takes(&sent);
            field.hear(&answers);
        }
        for (id, is_preceded) in [(65_535, true), (1, false), (2, false)] {
            assert_eq!(field.publish("t", b"x", QOS2).id.map(|id| id.get()), Some(id));
            let sent = field.sent();
            assert_eq!(
                (count(&sent, 0x34), count(&sent, 0x62)),
                (1, is_preceded.into()),
                "{version:?} {id}: {sent:02X?}"
            );
            exchange(&mut field, &mut server, sent);
        }
        field.hear(b"\x70\x02\xFF\xFF").nothing();
        assert_eq!(field.mqtt.stats().unknown_acks, 1, "there is no such PUBREL any more");
    }
}

/// The server answered each of those PUBRELs: on the next link there are more of them, for identifiers that were not used yet.
#[test]
fn a_fence_that_was_answered_is_not_given_up() {
    in_every_storage!(storage => {
        for version in NEW {
            let mut server = Server::holding(1..=4);
            let mut field = Field::new(storage(), version, Limits::DEFAULT);
            for link in 1..=4 {
                field.publish("t", b"x", QOS2);
                let heard = field.again(true);
                assert_eq!((count(&heard.sent, 0x62), count(&heard.sent, 0x34)), (1, 1), "{version:?}, link {link}");
                exchange(&mut field, &mut server, heard.sent);
                assert_eq!((server.delivered, field.mqtt.pending()), (link, 0), "{version:?}");
            }
            assert_eq!(field.mqtt.stats().fences_given_up, 0);
        }
    });
}

/// A control area that is full of acknowledgements has no room for that PUBREL: the message waits until it has.
#[test]
fn a_message_waits_for_room_for_the_pubrel_before_it() {
    for version in NEW {
        let mut field = Field::new(Fixed::<256, 4, 16, 64>::new(), version, Limits::DEFAULT);
        field.open();
        field.sent();
        field.hear(&field.connack(true, &[])).only("ConnAck 0x00 Adopted");
        for count in 13..=16 {
            let id = field.publish("t", b"x", QOS2).id.unwrap().get() as u8;
            for id in 1..=count {
                assert!(field.offer(&message(version, 1, id, "t", b"y")).is_ok());
            }
            let sent = field.sent();
            let starts: Vec<[u8; 4]> = packets(&sent).iter().map(|packet| packet[..4].try_into().unwrap()).collect();
            let acks: Vec<[u8; 4]> = (1..=count).map(|id| [0x40, 2, 0, id as u8]).collect();
            assert_eq!(starts[..acks.len()], acks, "{version:?} {count}");
            assert_eq!((starts[acks.len()], starts[acks.len() + 1][0]), ([0x62, 2, 0, id], 0x34));
            field.hear(&[0x70, 2, 0, id, 0x50, 2, 0, id]).nothing();
            field.hear(&[0x70, 2, 0, id]).only(&format!("PubComp {id} 0x00"));
        }
    }
}

/// Some servers close the link at a PUBREL that they don't know. The rest of the session goes without, and that is counted.
#[test]
fn a_server_that_closes_at_the_pubrel_gets_no_more_of_them() {
    in_every_storage!(storage => {
        for version in NEW {
            let mut server = Server { is_picky: true, ..Server::holding([]) };
            let mut field = Field::new(storage(), version, Limits::DEFAULT);
            field.publish("t", b"x", QOS2);
            let mut links = 0;
            while field.mqtt.pending() > 0 {
                links += 1;
                assert!(links < 5, "{version:?}");
                server.has_closed = false;
                field.lose();
                field.open();
                field.sent();
                let connack = field.connack(true, &[]);
                let heard = field.hear(&connack);
                exchange(&mut field, &mut server, heard.sent);
            }
            assert_eq!((links, server.delivered), (2, 1), "{version:?}");
            assert!(field.mqtt.stats().fences_given_up > 0);
        }
    });
}

/// A transport that took nothing was no server that closes at PUBREL: the next link has fences still.
#[test]
fn a_fence_that_never_left_is_not_given_up() {
    for version in NEW {
        let mut server = Server::holding([1]);
        let mut field = Field::with(version, Limits::DEFAULT);
        field.publish("t", b"x", QOS2);
        field.open();
        field.sent();
        let connack = field.connack(true, &[]);
        field.hear_over(&connack, 0);
        field.shown();
        field.lose();
        field.open();
        field.sent();
        let heard = field.hear(&field.connack(true, &[]));
        assert_eq!((count(&heard.sent, 0x62), field.mqtt.stats().fences_given_up), (1, 0), "{version:?}");
        exchange(&mut field, &mut server, heard.sent);
        assert_eq!((server.delivered, field.mqtt.pending()), (1, 0), "{version:?}");
    }
}

/// A clean start that nobody answered may not have been carried out: what the server resumes then may be the session of an earlier life, of which this
/// side knows nothing.
#[test]
fn after_an_unanswered_clean_start_a_new_message_is_not_taken_for_one_of_the_earlier_life() {
    in_every_storage!(storage => {
        for version in NEW {
            for adopts_before in [false, true] {
                let mut server = Server::holding(1..=4);
                let mut field = Field::new(storage(), version, Limits::DEFAULT);
                if adopts_before {
                    field.open();
                    field.sent();
                    field.hear(&field.connack(true, &[])).only("ConnAck 0x00 Adopted");
                    field.lose();
                }
                field.clean = true;
                field.open();
                field.sent();
                field.lose();
                field.clean = false;
                field.publish("t", b"x", QOS2);
                field.open();
                field.sent();
                let heard = field.hear(&field.connack(true, &[]));
                assert_eq!(heard.told, ["ConnAck 0x00 Adopted"], "{version:?}");
                exchange(&mut field, &mut server, heard.sent);
                assert_eq!((server.delivered, field.mqtt.pending()), (1, 0), "{version:?}");
            }
        }
    });
}

/// A clean start that had an answer, if not a good one, was not carried out: the session that the server resumes then is the one that is known.
#[test]
fn a_clean_start_that_was_refused_puts_nothing_in_doubt() {
    in_every_storage!(storage => {
        for version in NEW {
            let refusal: &[u8] = if version == V5 { b"\x20\x03\0\x87\0" } else { b"\x20\x02\0\x05" };
            for answer in [refusal, b"\x20\0", b"\xD0\0"] {
                let mut field = Field::new(storage(), version, Limits::DEFAULT).accepted();
                field.lose();
                field.clean = true;
                field.open();
                field.sent();
                field.hear(answer);
                assert!(!field.mqtt.is_connected());
                field.clean = false;
                field.again(true).only("ConnAck 0x00 Resumed");
                field.publish("t", b"x", QOS2);
                assert_eq!(count(&field.sent(), 0x62), 0, "{version:?} {answer:02X?}");
            }
        }
    });
}

/// The other setting: this link ends, the next is a clean start whatever the program asks for, and the one after that is not.
#[test]
fn a_clean_start_is_made_by_the_engine_where_that_is_set() {
    in_every_storage!(storage => {
        for version in NEW {
            let limits = Limits { on_unknown_session: OnUnknownSession::CleanStart, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), version, limits);
            field.publish("t", b"x", QOS2);
            field.open();
            field.sent();
            let connack = field.connack(true, &[]);
            let heard = field.hear(&connack);
            assert_eq!(heard.end, Some(ConnectionError::UnknownSession));
            assert!(heard.end.is_some_and(|end| end.to_string().contains("clean start")), "it names the remedy");
            assert_eq!(count(&heard.sent, 0x34), 0);
            for (link, is_clean) in [true, false].into_iter().enumerate() {
                field.lose();
                field.open();
                let connect = field.sent();
                assert_eq!(connect[9] & 2 != 0, is_clean, "link {link}");
                let connack = field.connack(!is_clean && version == V5, &[]); // a clean session of 3.1.1 ends with its link
                let heard = field.hear(&connack);
                assert_eq!(heard.end, None);
                assert_eq!(count(&heard.sent, 0x34), 1);
            }
        }
    });
}

/// Refused, by the setting or by the letter of [MQTT-3.2.2-4].
#[test]
fn an_unknown_session_is_refused_where_that_is_set() {
    for version in NEW {
        for (strict, on_unknown_session) in
            [(false, OnUnknownSession::Refuse), (true, OnUnknownSession::Adopt), (true, OnUnknownSession::CleanStart)]
        {
            let limits = Limits { strict, on_unknown_session, ..Limits::DEFAULT };
            let mut field = Field::with(version, limits);
            for _ in 0..2 {
                field.open();
                assert_eq!(field.sent()[9] & 2, 0, "no clean start that nobody asked for");
                let connack = field.connack(true, &[]);
                let end = field.hear(&connack).end;
                let refused = [Some(Violation::UnknownSession.into()), Some(ConnectionError::UnknownSession)];
                assert!(refused.contains(&end), "{version:?}: {end:?}");
                assert_eq!(end.map(ConnectionError::reason), Some(ReasonCode::PROTOCOL_ERROR));
                field.lose();
            }
        }
    }
}

/// Session Present after a clean session of 3.1.1 is treated with the same care.
#[test]
fn session_present_after_a_clean_session_is_treated_with_the_same_care() {
    let mut server = Server::holding([1]);
    let mut field = Field::with(V311, Limits::DEFAULT);
    field.clean = true;
    field.publish("t", b"x", QOS2);
    field.open();
    field.sent();
    let heard = field.hear(b"\x20\x02\x01\0");
    assert_eq!((heard.told.len(), heard.end), (1, None));
    assert!(!heard.told[0].contains("Resumed"), "{heard:?}");
    exchange(&mut field, &mut server, heard.sent);
    assert_eq!((server.delivered, field.mqtt.pending()), (1, 0));
}

/// The transport takes the fence alone, and the message behind it is dropped for a newer one. The answer to the fence is still that, and no stray.
#[test]
fn the_answer_to_a_fence_counts_although_its_message_was_dropped() {
    in_every_storage!(storage => {
        for version in NEW {
            let limits = Limits { max_queued: 1, overflow: Overflow::DropOldest, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), version, limits);
            field.open();
            field.sent();
            let connack = field.connack(true, &[]);
            field.hear_over(&connack, 0).only("ConnAck 0x00 Adopted");
            field.publish("t", b"x", QOS2);
            assert_eq!(field.take(4), b"\x62\x02\0\x01");
            assert!(field.publish("t", b"y", QOS2).dropped.is_some());
            assert_eq!(field.sent()[..4], *b"\x62\x02\0\x02");
            field.hear(b"\x70\x02\0\x01\x70\x02\0\x02").nothing();
            assert_eq!(field.mqtt.stats().unknown_acks, 0);
            assert_eq!(field.hear(b"\x50\x02\0\x02").sent, b"\x62\x02\0\x02");
            field.hear(b"\x70\x02\0\x02").only("PubComp 2 0x00");
        }
    });
}

/// Identifiers that were given away once need none, although a message from before is still unfinished.
#[test]
fn after_one_round_a_message_that_is_still_open_needs_no_more_fences() {
    let mut field = Field::with(V311, Limits::DEFAULT);
    field.open();
    field.sent();
    let connack = field.connack(true, &[]);
    field.hear(&connack).only("ConnAck 0x00 Adopted");
    field.publish("t", b"first", QOS1);
    field.sent();
    for _ in 0..65_600 {
        field.publish("t", b"x", QOS0);
        field.sent();
    }
    field.publish("t", b"x", QOS2);
    let sent = field.sent();
    assert_eq!((count(&sent, 0x34), count(&sent, 0x62)), (1, 0), "{sent:02X?}");
}

/// Acknowledgements fill the control area: a message and its fence wait until there is room for both.
#[test]
fn a_fence_waits_for_room() {
    for version in NEW {
        let mut field = Field::new(Fixed::<512, 8, 32, 64>::new(), version, Limits::DEFAULT);
        field.open();
        field.sent();
        let connack = field.connack(true, &[]);
        field.hear(&connack).only("ConnAck 0x00 Adopted");
        for id in 1..=20 {
            field.offer(&message(version, 1, id, "t", b"x")).unwrap();
        }
        field.publish("t", b"x", QOS2);
        let first = field.shown();
        assert_eq!((count(&first, 0x40), count(&first, 0x62), count(&first, 0x34)), (16, 0, 0), "{first:02X?}");
        let sent = field.sent();
        assert_eq!((count(&sent, 0x40), count(&sent, 0x62), count(&sent, 0x34)), (20, 1, 1));
        let [.., fence, publish] = packets(&sent)[..] else { panic!() };
        assert_eq!(fence, [0x62, 2, publish[5], publish[6]]);
    }
}
