//! What real brokers send beside the standard. What can neither lose nor double a message is taken and counted; where the letter is kept (`strict`) it
//! ends the link, and with a server that keeps the letter too, `strict` always works.

use super::rig::{
    Field, NEW, OLD, Offered, QOS0, QOS1, QOS2, V5, V31, V311, block, count, field, in_every_storage, message,
    message_with, packet,
};
use pure_mqtt::wire::{Malformed, Packet, Rules, Violation};
use pure_mqtt::{Ack, ConnectionError, Limits, ReasonCode, Version};

const STRICT: Limits = Limits { strict: true, ..Limits::DEFAULT };

/// RabbitMQ up to 3.10 and Azure IoT Hub take QoS 2 down to QoS 1: they answer PUBACK. The message has arrived.
#[test]
fn puback_for_a_qos_2_message_is_its_end_before_5() {
    in_every_storage!(storage => {
        for version in OLD {
            let mut field = Field::new(storage(), version, Limits::DEFAULT).accepted();
            field.publish("t", b"x", QOS2);
            field.publish("t", b"y", QOS1);
            field.sent();
            let heard = field.hear(b"\x40\x02\0\x01");
            assert_eq!((heard.told.len(), heard.end), (1, None));
            assert!(["PubAck 1 0x00", "PubComp 1 0x00"].contains(&&*heard.told[0]), "{heard:?}");
            assert_eq!(heard.sent, [], "nothing is left to release");
            field.hear(b"\x40\x02\0\x02").only("PubAck 2 0x00");
            assert!(field.mqtt.is_idle());
            assert_eq!(field.hear(b"\x40\x02\0\x01").end, None, "a second one is a stray");
            field.again(version != V31).only("ConnAck 0x00 Resumed");
            assert_eq!(field.sent(), []);
        }
    });
}

/// It was to be sent again on the same link, and waits for the transport, or while messages are held back: the answer is to what left before.
#[test]
fn puback_for_a_qos_2_message_that_is_to_be_sent_again_is_its_end() {
    in_every_storage!(storage => {
        for version in OLD {
            for (holds, takes) in [(false, false), (true, false), (true, true)] {
                let limits = Limits { retry_interval: 1_000, ..Limits::DEFAULT };
                let mut field = Field::new(storage(), version, limits).accepted();
                field.publish("t", b"x", QOS2);
                field.sent();
                field.mqtt.hold_messages(holds);
                for _ in 0..3 {
                    field.tick(1_000).unwrap();
                    assert!(!takes || field.sent().is_empty());
                }
                let heard = field.hear(b"\x40\x02\0\x01");
                assert_eq!((heard.told.len(), heard.end), (1, None), "held {holds}");
                assert!(field.mqtt.is_idle());
            }
        }
    });
}

/// The innocent messages around it leave once each, on one link.
#[test]
fn messages_beside_one_that_is_answered_with_puback_leave_once() {
    for version in OLD {
        let mut field = Field::up(version, Limits::DEFAULT);
        field.publish("t", b"x", QOS2);
        for _ in 0..10 {
            field.publish("t", b"y", QOS1);
        }
        let mut sent = field.sent();
        for id in 1..=11 {
            let heard = field.hear(&[0x40, 2, 0, id]);
            assert_eq!((heard.told.len(), heard.end), (1, None));
            sent.extend(heard.sent);
        }
        assert_eq!((count(&sent, 0x34), count(&sent, 0x32)), (1, 10));
        assert!(field.mqtt.is_idle());
    }
}

/// A message that did not leave whole on this link can't be meant.
#[test]
fn puback_for_a_qos_2_message_that_is_not_out_is_no_end() {
    for version in OLD {
        let mut field = Field::up(version, Limits { max_inflight: 1, ..Limits::DEFAULT });
        field.publish("t", b"x", QOS1);
        field.publish("t", b"y", QOS2);
        field.sent();
        assert_eq!(field.hear(b"\x40\x02\0\x02").told, [""; 0]);
        assert_eq!(field.mqtt.pending(), 2);
    }
}

/// The letter, and 5.0, where no server does it.
#[test]
fn puback_for_a_qos_2_message_ends_the_link_in_5_and_where_the_letter_is_kept() {
    for (version, limits) in [(V31, STRICT), (V311, STRICT), (V5, STRICT), (V5, Limits::DEFAULT)] {
        let mut field = Field::up(version, limits);
        field.publish("t", b"x", QOS2);
        field.sent();
        assert_eq!(field.hear(b"\x40\x02\0\x01").end, Some(Violation::UnexpectedAck.into()));
    }
}

/// Several brokers answer UNSUBSCRIBE of 3.x with a code for each filter.
#[test]
fn unsuback_with_codes_is_taken_before_5() {
    in_every_storage!(storage => {
        for version in OLD {
            for (filters, codes) in [(&["a"][..], &b"\0"[..]), (&["a"], b"\x11"), (&["a"], b""), (&["a", "b"], b"\0\x11"), (&["a", "b"], b"")] {
                let mut field = Field::new(storage(), version, Limits::DEFAULT).accepted();
                field.unsubscribe(filters);
                field.sent();
                let heard = field.hear(&packet(0xB0, &[b"\0\x01", codes].concat()));
                assert_eq!((heard.told.len(), heard.end), (1, None), "{filters:?} {codes:02X?}");
                assert!(heard.told[0].starts_with("UnsubAck 1"), "{heard:?}");
                assert!(field.mqtt.is_idle());
            }
            let mut field = Field::new(storage(), version, STRICT).accepted();
            field.unsubscribe(&["a"]);
            field.sent();
            assert_eq!(field.hear(b"\xB0\x03\0\x01\0").end, Some(Malformed::TrailingBytes.into()));
        }
    });
}

/// A broker that speaks 5.0 inside puts the length of the properties before the codes. Whatever stands there, the subscription is gone.
#[test]
fn unsuback_in_the_form_of_5_is_taken_before_5() {
    for version in OLD {
        for (filters, body) in
            [(&["a"][..], &b"\0\x01\0\x11"[..]), (&["a", "b"], b"\0\x01\0\0\x11"), (&["a", "b"], b"\0\x01\0")]
        {
            let mut field = Field::up(version, Limits::DEFAULT);
            field.unsubscribe(filters);
            field.sent();
            let heard = field.hear(&packet(0xB0, body));
            assert_eq!((heard.told.len(), heard.end), (1, None), "{filters:?} {body:02X?}");
            assert!(field.mqtt.is_idle());
        }
    }
}

/// And some answer UNSUBSCRIBE of 5.0 without codes.
#[test]
fn unsuback_without_codes_is_taken_in_5() {
    for body in [&b"\0\x01"[..], b"\0\x01\0"] {
        let mut field = Field::up(V5, Limits::DEFAULT);
        field.unsubscribe(&["a", "b"]);
        field.sent();
        field.hear(&packet(0xB0, body)).only("UnsubAck 1 ");
        assert!(field.mqtt.is_idle());
        let mut field = Field::up(V5, STRICT);
        field.unsubscribe(&["a", "b"]);
        field.sent();
        assert!(field.hear(&packet(0xB0, body)).end.is_some());
    }
}

/// AWS IoT and hmq set Session Present whatever CONNECT asked for.
#[test]
fn session_present_after_a_clean_session_is_not_the_end_in_3_1_1() {
    in_every_storage!(storage => {
        let mut field = Field::new(storage(), V311, Limits::DEFAULT);
        field.clean = true;
        field.publish("t", b"x", QOS1);
        field.open();
        field.sent();
        let heard = field.hear(b"\x20\x02\x01\0");
        assert_eq!(heard.end, None);
        assert!(["ConnAck 0x00 New", "ConnAck 0x00 Adopted"].contains(&&*heard.told[0]), "{heard:?}");
        assert_eq!(count(&heard.sent, 0x32), 1, "what waited leaves");
        field.hear(b"\x40\x02\0\x01").only("PubAck 1 0x00");
        for _ in 0..3 {
            let heard = field.again(true);
            assert_eq!((heard.told.len(), heard.end), (1, None));
            assert!(field.mqtt.is_connected());
        }

        let mut field = Field::new(storage(), V311, STRICT);
        field.clean = true;
        field.open();
        field.sent();
        assert_eq!(field.hear(b"\x20\x02\x01\0").end, Some(Violation::SessionPresent.into()));
    });
}

/// In 5.0 a server that keeps a session after a clean start has not understood the version; nobody does.
#[test]
fn session_present_after_a_clean_start_ends_the_link_in_5() {
    for limits in [Limits::DEFAULT, STRICT] {
        let mut field = Field::with(V5, limits);
        field.clean = true;
        field.open();
        field.sent();
        assert_eq!(field.hear(b"\x20\x03\x01\0\0").end, Some(Violation::SessionPresent.into()));
    }
}

/// A broker in front of which a proxy stands refuses with DISCONNECT instead of CONNACK: the link ends with the code that it gave.
#[test]
fn disconnect_instead_of_connack_tells_its_code() {
    in_every_storage!(storage => {
        for strict in [false, true] {
            for code in [0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x95, 0x97, 0x9C, 0x9D, 0x9F, 0xA0] {
                let plain = vec![0xE0, 1, code];
                let whole = vec![0xE0, 2, code, 0];
                let with_reason = packet(0xE0, &[&[code][..], &block(b"\x1F\0\x02no")].concat());
                for bytes in [plain, whole, with_reason] {
                    let mut field = Field::new(storage(), V5, Limits { strict, ..Limits::DEFAULT });
                    field.open();
                    field.sent();
                    let heard = field.hear(&bytes);
                    let told = heard.told == [format!("Disconnect {code:#04X}")];
                    let ended = heard.end.is_some_and(|end| end.reason() == ReasonCode(code));
                    assert!(told || ended, "{bytes:02X?}: {heard:?}");
                    assert_eq!(field.mqtt.close_reason().reason(), ReasonCode(code));
                    assert!(field.mqtt.should_close());
                    assert_eq!(heard.sent, [], "DISCONNECT is not answered");
                }
            }
        }
    });
}

/// Before 5.0 a server has no DISCONNECT.
#[test]
fn disconnect_from_a_server_ends_the_link_before_5() {
    for version in OLD {
        for limits in [Limits::DEFAULT, STRICT] {
            let mut field = Field::with(version, limits);
            field.open();
            field.sent();
            assert_eq!(field.hear(b"\xE0\0").end, Some(Violation::UnexpectedPacket.into()));
            let mut field = Field::up(version, limits);
            assert_eq!(field.hear(b"\xE0\0").end, Some(Violation::UnexpectedPacket.into()));
        }
    }
}

/// Brokers end a link with a code that the standard has for CONNACK alone: expired credentials, say.
#[test]
fn disconnect_with_a_code_of_connack_tells_it() {
    for code in [0x84, 0x85, 0x86, 0x88, 0x8A, 0x8C, 0x99, 0x9B, 0xB0, 0xFF] {
        let mut field = Field::up(V5, Limits::DEFAULT);
        field.hear(&[0xE0, 1, code]);
        assert_eq!(field.mqtt.close_reason(), ConnectionError::ServerDisconnect(ReasonCode(code)));
        assert!(field.mqtt.should_close());
        let mut field = Field::up(V5, STRICT);
        assert!(field.hear(&[0xE0, 1, code]).end.is_some() || field.mqtt.should_close());
    }
}

/// The codes of failure, listed in the standard or not.
fn failures() -> impl Iterator<Item = u8> {
    0x80..=0xFF
}

/// A broker (and each gateway with codes of its own) refuses with a code that is not listed for the packet: the message is refused, not the link.
#[test]
fn a_refusal_with_a_code_that_is_not_listed_is_a_refusal() {
    for code in failures() {
        let mut field = Field::up(V5, Limits::DEFAULT);
        field.publish("t", b"x", QOS1);
        field.publish("t", b"y", QOS2);
        field.publish("t", b"z", QOS2);
        field.subscribe(&["a", "b"]);
        field.unsubscribe(&["a", "b"]);
        field.sent();
        let hex = format!("{code:#04X}");
        let heard = field.hear(&[0x40, 4, 0, 1, code, 0]);
        heard.only(&format!("PubAck 1 {hex}"));
        let heard = field.hear(&[0x50, 3, 0, 2, code]);
        heard.only(&format!("PubRec 2 {hex}"));
        assert_eq!(heard.sent, [], "a refused message is not released");
        field.hear(b"\x50\x02\0\x03").nothing();
        let heard = field.hear(&[0x70, 3, 0, 3, code]);
        assert_eq!((heard.told.len(), heard.end), (1, None), "PUBCOMP {hex}");
        let heard = field.hear(&[0x90, 5, 0, 4, 0, 1, code]);
        heard.only(&format!("SubAck 4 01 {code:02X}"));
        let heard = field.hear(&[0xB0, 5, 0, 5, 0, 0, code]);
        heard.only(&format!("UnsubAck 5 00 {code:02X}"));
        assert!(field.mqtt.is_idle());
    }
}

/// The server gives up a QoS 2 message of its own with a code that is not listed: the handshake is over.
#[test]
fn pubrel_with_a_code_that_is_not_listed_ends_its_handshake() {
    for code in failures() {
        let mut field = Field::up(V5, Limits::DEFAULT);
        field.hear(&message(V5, 2, 9, "t", b"x"));
        let heard = field.hear(&[0x62, 3, 0, 9, code]);
        heard.nothing();
        assert_eq!(heard.sent[..4], [0x70, 2, 0, 9]);
        assert!(field.mqtt.is_idle());
    }
}

/// CONNACK with a failure that is not listed: a refusal with that code.
#[test]
fn connack_with_a_code_that_is_not_listed_is_a_refusal() {
    for code in failures() {
        let mut field = Field::with(V5, Limits::DEFAULT);
        field.open();
        field.sent();
        field.hear(&[0x20, 3, 0, code, 0]);
        assert_eq!(field.mqtt.close_reason(), ConnectionError::Refused(ReasonCode(code)));
        assert!(field.mqtt.should_close());
    }
}

/// A success that does not exist may mean anything: only failures are sure to be failures.
#[test]
fn an_unknown_success_ends_the_link() {
    for code in [0x01, 0x05, 0x11, 0x7F] {
        let mut field = Field::up(V5, Limits::DEFAULT);
        field.publish("t", b"x", QOS1);
        field.sent();
        assert_eq!(field.hear(&[0x40, 3, 0, 1, code]).end, Some(Violation::ReasonCode.into()));
        let mut field = Field::up(V5, STRICT);
        field.publish("t", b"x", QOS1);
        field.sent();
        assert_eq!(field.hear(b"\x40\x03\0\x01\x9B").end, Some(Violation::ReasonCode.into()));
    }
}

/// A property in a packet that can't carry it: §2.2.2.2 calls the packet malformed, so DISCONNECT says 0x81.
#[test]
fn a_property_in_the_wrong_packet_makes_it_malformed() {
    /// All properties with a value of the right form.
    const PROPERTIES: [&[u8]; 27] = [
        b"\x01\0",
        b"\x02\0\0\0\x01",
        b"\x03\0\x01a",
        b"\x08\0\x01a",
        b"\x09\0\x01a",
        b"\x0B\x01",
        b"\x11\0\0\0\x01",
        b"\x12\0\x01a",
        b"\x13\0\x01",
        b"\x15\0\x01a",
        b"\x16\0\x01a",
        b"\x17\0",
        b"\x18\0\0\0\x01",
        b"\x19\0",
        b"\x1A\0\x01a",
        b"\x1C\0\x01a",
        b"\x1F\0\x01a",
        b"\x21\0\x01",
        b"\x22\0\x01",
        b"\x23\0\x01",
        b"\x24\0",
        b"\x25\0",
        b"\x26\0\x01a\0\x01b",
        b"\x27\0\0\0\x07",
        b"\x28\0",
        b"\x29\0",
        b"\x2A\0",
    ];
    /// What a server sends, with the properties that it may carry.
    const PACKETS: [(u8, &[u8], &[u8]); 8] = [
        (0x30, b"\0\x01t", &[0x01, 0x02, 0x03, 0x08, 0x09, 0x0B, 0x23, 0x26]),
        (0x40, b"\0\x01\0", &[0x1F, 0x26]),
        (0x50, b"\0\x02\0", &[0x1F, 0x26]),
        (0x62, b"\0\x09\0", &[0x1F, 0x26]),
        (0x70, b"\0\x03\0", &[0x1F, 0x26]),
        (0x90, b"\0\x04", &[0x1F, 0x26]),
        (0xB0, b"\0\x05", &[0x1F, 0x26]),
        (0xE0, b"\x8B", &[0x11, 0x1C, 0x1F, 0x26]), // 0x11 is a client's there [MQTT-3.14.2-2]
    ];
    for (first, body, allowed) in PACKETS {
        for property in PROPERTIES.iter().filter(|property| !allowed.contains(&property[0])) {
            let mut field = Field::up(V5, Limits::DEFAULT);
            field.publish("t", b"x", QOS1);
            field.publish("t", b"y", QOS2);
            field.publish("t", b"z", QOS2);
            field.subscribe(&["a"]);
            field.unsubscribe(&["a"]);
            field.sent();
            field.hear(b"\x50\x02\0\x03");
            field.hear(&message(V5, 2, 9, "t", b"i"));
            let code: &[u8] = if first == 0x90 || first == 0xB0 { b"\0" } else { b"" };
            let heard = field.hear(&packet(first, &[body, &block(property), code].concat()));
            assert!(matches!(heard.sent[..], [0xE0, _, 0x81, ..]), "{property:02X?} in {first:02X}: {heard:02X?}");
        }
    }
    let mut field = Field::up(V5, Limits::DEFAULT);
    let heard = field.hear(b"\x30\x06\0\x01t\x02\x17\0");
    assert!(matches!(heard.sent[..], [0xE0, _, 0x81, ..]), "{heard:?}");
}

/// The server keeps the letter, and so do we: the link was lost between PUBREL and PUBCOMP, the server sends PUBREL again.
#[test]
fn strict_completes_a_handshake_whose_pubcomp_was_lost() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            for manual_acks in [false, true] {
                let limits = Limits { strict: true, manual_acks, ..Limits::DEFAULT };
                let mut field = Field::new(storage(), version, limits).accepted();
                field.hear(&message(version, 2, 9, "t", b"x"));
                for ack in std::mem::take(&mut field.acks) {
                    field.mqtt.acknowledge(field.at(), ack, &Ack::SUCCESS).unwrap();
                }
                field.sent();
                for link in 0..3 {
                    let heard = field.hear(b"\x62\x02\0\x09");
                    assert_eq!(heard.end, None, "{version:?}, link {link}");
                    let is_repeated = link > 0;
                    assert!(is_pubcomp(&heard.sent, version, is_repeated), "{version:?}, link {link}: {heard:02X?}");
                    let heard = field.again(version != V31);
                    assert_eq!(heard.end, None);
                }
                field.hear(&message(version, 2, 9, "t", b"y")).only("Message t y q2 9");
            }
        }
    });
}

/// The same when PUBCOMP was written, but has not left.
#[test]
fn strict_completes_a_handshake_whose_pubcomp_never_left() {
    for version in Version::ALL {
        for taken in 0..4 {
            let mut field = Field::up(version, STRICT);
            field.hear(&message(version, 2, 9, "t", b"x"));
            field.hear_over(b"\x62\x02\0\x09", taken).nothing();
            assert_eq!(field.again(version != V31).end, None);
            let heard = field.hear(b"\x62\x02\0\x09");
            assert!(heard.end.is_none() && is_pubcomp(&heard.sent, version, true), "{version:?}: {heard:02X?}");
            assert!(field.mqtt.is_idle());
        }
    }
}

/// PUBCOMP 9. For a PUBREL that is repeated it may say in 5.0 that the identifier is not known any more, which is no error then (§3.7.2.1).
fn is_pubcomp(sent: &[u8], version: Version, is_repeated: bool) -> bool {
    sent == b"\x70\x02\0\x09" || is_repeated && version == V5 && sent == b"\x70\x03\0\x09\x92"
}

/// A slow uplink: PUBREL is due to be sent again when its PUBCOMP arrives.
#[test]
fn pubcomp_counts_while_pubrel_waits_to_be_sent_again() {
    in_every_storage!(storage => {
        for version in OLD {
            let limits = Limits { retry_interval: 1_000, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), version, limits).accepted();
            field.publish("t", b"x", QOS2);
            field.sent();
            assert_eq!(field.hear(b"\x50\x02\0\x01").sent, b"\x62\x02\0\x01");
            field.publish("t", &[7; 300], QOS0);
            field.take(10); // the uplink is busy with that
            for _ in 0..3 {
                field.tick(1_000).unwrap();
            }
            let mut heard = field.hear_over(b"\x70\x02\0\x01", 0);
            if !field.kept.is_empty() {
                heard = field.hear(b"");
            }
            heard.only("PubComp 1 0x00");
            field.sent();
            assert!(field.mqtt.is_idle());
        }
    });
}

/// The same for a whole message, and for PUBREC.
#[test]
fn acknowledgements_count_while_a_message_waits_to_be_sent_again() {
    for version in OLD {
        let mut field = Field::up(version, Limits { retry_interval: 1_000, ..Limits::DEFAULT });
        field.publish("t", b"x", QOS1);
        field.publish("t", b"y", QOS2);
        field.sent();
        field.publish("t", &[7; 300], QOS0);
        let mut sent = field.take(10);
        for _ in 0..3 {
            field.tick(1_000).unwrap();
        }
        field.hear_over(b"\x40\x02\0\x01", 0).only("PubAck 1 0x00");
        field.hear_over(b"\x50\x02\0\x02", 0).nothing();
        sent.extend(field.sent());
        assert_eq!((count(&sent, 0x32), count(&sent, 0x34), count(&sent, 0x62)), (0, 0, 1));
        field.hear(b"\x70\x02\0\x02").only("PubComp 2 0x00");
    }
}

/// The same for the PUBACK with which some servers answer a QoS 2 message.
#[test]
fn puback_for_a_qos_2_message_counts_while_it_waits_to_be_sent_again() {
    in_every_storage!(storage => {
        for version in OLD {
            let limits = Limits { retry_interval: 1_000, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), version, limits).accepted();
            field.publish("t", b"x", QOS2);
            field.sent();
            field.publish("t", &[7; 300], QOS0);
            field.take(10); // the uplink is busy with that
            for _ in 0..3 {
                field.tick(1_000).unwrap();
            }
            field.hear_over(b"\x40\x02\0\x01", 0).only("PubAck 1 0x00");
            assert_eq!(count(&field.sent(), 0x34), 0);
            assert!(field.mqtt.is_idle());
        }
    });
}

/// 3.x has no way to refuse a message: PUBREC left for one that the application refused, and was lost with the link. It comes again, and is the same.
#[test]
fn a_message_that_was_refused_before_5_is_not_delivered_again() {
    in_every_storage!(storage => {
        for version in OLD {
            let limits = Limits { manual_acks: true, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), version, limits).accepted();
            field.hear(&message(version, 2, 9, "t", b"x")).only("Message t x q2 9");
            let ack = field.acks.remove(0);
            field.mqtt.acknowledge(field.at(), ack, &Ack::new(ReasonCode::UNSPECIFIED_ERROR)).unwrap();
            assert_eq!(field.sent(), b"\x50\x02\0\x09");
            for _ in 0..2 {
                assert_eq!(field.again(version != V31).end, None);
                let again = message_with(version, 0x3C, 9, "t", &[], b"x");
                let heard = field.hear(&again);
                heard.nothing();
                assert_eq!(heard.sent, b"\x50\x02\0\x09");
            }
            assert_eq!(field.hear(b"\x62\x02\0\x09").sent, b"\x70\x02\0\x09");
            field.hear(&message(version, 2, 9, "t", b"y")).only("Message t y q2 9");
        }
    });
}

/// aedes and rumqttd send PUBREL for all that they have after a cut, whether PUBREC came or not: what was delivered is complete.
#[test]
fn pubrel_before_pubrec_has_left_completes_the_handshake() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            for taken in 0..4 {
                let mut field = Field::new(storage(), version, Limits::DEFAULT).accepted();
                field.hear_over(&message(version, 2, 1, "t", b"x"), taken).only("Message t x q2 1");
                let mut heard = field.hear(b"\x62\x02\0\x01");
                heard.nothing();
                heard.sent.extend(field.sent());
                assert!(heard.sent.ends_with(b"\x70\x02\0\x01"), "{version:?}, {taken} bytes: {heard:02X?}");
                assert!(field.mqtt.is_idle());
                field.hear(&message(version, 2, 1, "t", b"y")).only("Message t y q2 1");
            }

            // In one read.
            let mut field = Field::new(storage(), version, Limits::DEFAULT).accepted();
            let both = [&message(version, 2, 1, "t", b"x")[..], b"\x62\x02\0\x01"].concat();
            let heard = field.hear(&both);
            heard.only("Message t x q2 1");
            assert!(heard.sent.ends_with(b"\x70\x02\0\x01"), "{version:?}: {heard:02X?}");
            assert!(field.mqtt.is_idle());

            // While the transport is busy with a long packet.
            let mut field = Field::new(storage(), version, Limits::DEFAULT).accepted();
            field.publish("t", &[7; 300], QOS0);
            field.take(10);
            field.hear_over(&message(version, 2, 1, "t", b"x"), 0).only("Message t x q2 1");
            field.hear_over(b"\x62\x02\0\x01", 0).nothing();
            let heard = field.hear(b"");
            heard.nothing();
            assert!(heard.sent.ends_with(b"\x70\x02\0\x01"), "{version:?}: {heard:02X?}");
            assert!(field.mqtt.is_idle());
        }
    });
}

/// The same on the link after the cut.
#[test]
fn pubrel_on_the_next_link_completes_a_handshake_whose_pubrec_was_lost() {
    in_every_storage!(storage => {
        for version in NEW {
            for taken in [None, Some(0), Some(1), Some(4)] {
                let mut field = Field::new(storage(), version, Limits::DEFAULT).accepted();
                let packet = message(version, 2, 1, "t", b"x");
                match taken {
                    Some(taken) => drop(field.hear_over(&packet, taken)),
                    None => drop(field.offer(&packet).unwrap()), // nothing was asked for
                }
                field.lose();
                field.open();
                field.sent();
                let both = [&field.connack(true, &[])[..], b"\x62\x02\0\x01"].concat(); // one read
                let heard = field.hear(&both);
                heard.only("ConnAck 0x00 Resumed");
                assert!(heard.sent.ends_with(b"\x70\x02\0\x01"), "{version:?} {taken:?}: {heard:02X?}");
                assert!(field.mqtt.is_idle());
            }
        }
    });
}

/// A message that the application has not acknowledged yet was not taken over: PUBREL can't end that.
#[test]
fn pubrel_does_not_acknowledge_for_the_application() {
    for version in Version::ALL {
        let mut field = Field::up(version, Limits { manual_acks: true, ..Limits::DEFAULT });
        field.hear(&message(version, 2, 1, "t", b"x")).only("Message t x q2 1");
        let heard = field.hear(b"\x62\x02\0\x01");
        assert_eq!(count(&heard.sent, 0x70), 0);
    }
}

/// A broker that speaks 5.0 inside and lost the PUBCOMP that it sent: it answers the repeated PUBREL of 3.x with the code of 5.0.
#[test]
fn pubcomp_with_a_code_is_taken_before_5() {
    in_every_storage!(storage => {
        for version in OLD {
            for body in [&b"\0\x01\x92\0"[..], b"\0\x01\x92", b"\0\x01\0", b"\0\x01\0\0"] {
                let mut field = Field::new(storage(), version, Limits::DEFAULT).accepted();
                field.publish("t", b"x", QOS2);
                field.sent();
                field.hear(b"\x50\x02\0\x01").nothing();
                field.again(version != V31);
                let sent = field.sent();
                assert!(sent.is_empty());
                let heard = field.hear(&packet(0x70, body));
                assert_eq!((heard.told.len(), heard.end), (1, None));
                assert!(heard.told[0].starts_with("PubComp 1"), "{heard:?}");
                assert!(field.mqtt.is_idle());
            }
        }
    });
}

/// The other acknowledgements with what only 5.0 has: a failure is a failure.
#[test]
fn acknowledgements_with_codes_are_taken_before_5() {
    for version in OLD {
        for (tail, code) in [(&b"\0"[..], 0), (b"\0\0", 0), (b"\x10", 0x10), (b"\x10\0", 0x10), (b"\x87\0", 0x87)] {
            let mut field = Field::up(version, Limits::DEFAULT);
            field.publish("t", b"x", QOS1);
            field.publish("t", b"y", QOS2);
            field.sent();
            let heard = field.hear(&packet(0x40, &[b"\0\x01", tail].concat()));
            assert_eq!((heard.told.len(), heard.end), (1, None), "PUBACK {tail:02X?}");
            assert_eq!(heard.told[0].ends_with("0x87"), code == 0x87, "{heard:?}");
            let heard = field.hear(&packet(0x50, &[b"\0\x02", tail].concat()));
            assert_eq!(heard.end, None);
            if code == 0x87 {
                heard.only("PubRec 2 0x87");
                assert_eq!(heard.sent, []);
                assert!(field.mqtt.is_idle());
            } else {
                assert_eq!(heard.nothing().sent, b"\x62\x02\0\x02");
            }
        }
        let mut field = Field::up(version, Limits::DEFAULT);
        for (id, tail) in [(9, &b"\0"[..]), (10, b"\0\0"), (11, b"\x92"), (12, b"\x92\0")] {
            field.hear(&message(version, 2, id, "t", b"x"));
            let heard = field.hear(&packet(0x62, &[&id.to_be_bytes()[..], tail].concat()));
            assert_eq!(heard.nothing().sent, [0x70, 2, 0, id as u8]);
        }
        for answer in [&b"\x40\x03\0\x01\0"[..], b"\x50\x03\0\x01\0", b"\x70\x03\0\x01\0", b"\x62\x03\0\x01\0"] {
            let mut field = Field::up(version, STRICT);
            assert_eq!(field.hear(answer).end, Some(Malformed::TrailingBytes.into()));
        }
    }
}

/// Bits of the first byte that early servers copied from the packet that they answer.
#[test]
fn flag_bits_of_acknowledgements_are_ignored_before_5() {
    for version in OLD {
        for flags in 0..16 {
            let mut field = Field::up(version, Limits::DEFAULT);
            field.publish("t", b"x", QOS1);
            field.publish("t", b"y", QOS2);
            field.subscribe(&["a"]);
            field.unsubscribe(&["a"]);
            field.sent();
            field.hear(&[0x40 | flags, 2, 0, 1]).only("PubAck 1 0x00");
            assert_eq!(field.hear(&[0x50 | flags, 2, 0, 2]).nothing().sent, b"\x62\x02\0\x02");
            field.hear(&[0x70 | flags, 2, 0, 2]).only("PubComp 2 0x00");
            field.hear(b"\x90\x03\0\x03\x01").only("SubAck 3 01");
            field.hear(&[0xB0 | flags, 2, 0, 4]).only("UnsubAck 4 ");
            field.hear(&message(version, 2, 9, "t", b"x"));
            assert_eq!(field.hear(&[0x60 | flags, 2, 0, 9]).nothing().sent, b"\x70\x02\0\x09");
            assert!(field.mqtt.is_idle());
        }
        let mut field = Field::up(version, STRICT);
        assert_eq!(field.hear(b"\x42\x02\0\x01").end, Some(Malformed::HeaderFlags.into()));
    }
    let mut field = Field::up(V5, Limits::DEFAULT);
    assert_eq!(field.hear(b"\x42\x02\0\x01").end, Some(Malformed::HeaderFlags.into()));
}

/// A broker that uses topic aliases whatever was announced: beside a name the alias adds nothing, so it is not bound; alone it means nothing.
#[test]
fn an_alias_above_the_maximum_beside_a_name_is_ignored() {
    in_every_storage!(storage => {
        for maximum in [0, 2] {
            let limits = Limits { topic_alias_maximum: maximum, ..Limits::DEFAULT };
            let mut field = Field::new(storage(), V5, limits).accepted();
            for qos in [0, 1, 2] {
                let named = message_with(V5, 0x30 | qos << 1, 9, "t", b"\x23\0\x05", b"x");
                assert_eq!(field.hear(&named).told.len(), 1);
            }
            assert!(field.mqtt.is_connected());
            let alone = message_with(V5, 0x30, 0, "", b"\x23\0\x05", b"x");
            let heard = field.hear(&alone);
            assert_eq!(heard.end.map(ConnectionError::reason), Some(ReasonCode::TOPIC_ALIAS_INVALID));
            let mut field = Field::new(storage(), V5, Limits { strict: true, ..limits }).accepted();
            let heard = field.hear(&message_with(V5, 0x30, 0, "t", b"\x23\0\x05", b"x"));
            assert_eq!(heard.end, Some(Violation::TopicAlias.into()));
        }
        let mut field = Field::new(storage(), V5, Limits::DEFAULT).accepted();
        let heard = field.hear(&message_with(V5, 0x30, 0, "t", b"\x23\0\0", b"x"));
        assert_eq!(heard.end.map(ConnectionError::reason), Some(ReasonCode::TOPIC_ALIAS_INVALID), "0 is no alias");
    });
}

/// A device in Latin-1 left a retained message under a topic that is not UTF-8; the broker hands it out to everybody. It must not end link after link.
#[test]
fn a_message_whose_topic_is_no_topic_does_not_end_link_after_link() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            for topic in [&b"a/\xFF\xFE"[..], b"\xE4/b", b"a/+", b"#", b"a\0b", b"a/\xED\xA0\x80"] {
                for streaming in [false, true] {
                    let mut field = Field::new(storage(), version, Limits::DEFAULT).accepted();
                    field.streaming = streaming;
                    let heard = field.hear(&message_with(version, 0x31, 0, topic, &[], b"hi"));
                    assert_eq!(heard.end, None, "{version:?} {topic:?}");
                    let heard = field.hear(&message(version, 1, 5, topic, b"hi"));
                    assert_eq!(heard.end, None);
                    assert!(matches!(heard.sent[..], [0x40, _, 0, 5, ..]), "{heard:02X?}");
                    let heard = field.hear(&message(version, 2, 6, topic, b"hi"));
                    assert_eq!(heard.end, None);
                    assert_eq!(heard.sent[0], 0x50);
                    let heard = field.hear(b"\x62\x02\0\x06");
                    assert_eq!((heard.end, heard.sent.first()), (None, Some(&0x70)));
                    field.hear(&message(version, 0, 0, "t", b"x")).only("Message t x q0 0");
                    assert!(field.mqtt.is_idle());
                }
            }
        }
    });
}

/// Authentication Data says nothing without a method (§3.1.2.11.10): the codec refuses it in whatever carries it, and so does the connection.
#[test]
fn authentication_data_without_a_method_is_refused() {
    let connect = packet(0x10, &[&b"\0\x04MQTT\x05\x02\0\x3C"[..], &block(b"\x16\0\x01p"), &field("c")].concat());
    let connack = b"\x20\x07\0\0\x04\x16\0\x01p".to_vec();
    let auth = b"\xF0\x06\x18\x04\x16\0\x01p".to_vec();
    for bytes in [connect, connack.clone(), auth] {
        for strict in [false, true] {
            let rules = Rules { strict, ..Rules::new(V5) };
            let error = Packet::decode(&bytes, rules).expect_err("it is refused");
            assert_eq!(error, Violation::AuthenticationMethod.into(), "{bytes:02X?}");
        }
    }
    let mut field = Field::with(V5, Limits::DEFAULT);
    field.open();
    field.sent();
    assert_eq!(field.hear(&connack).end, Some(Violation::AuthenticationMethod.into()));
}

/// And we don't send it ourselves.
#[test]
fn authentication_data_without_a_method_is_not_sent() {
    use pure_mqtt::{Connect, OpenError, Property};
    let data = [Property::AuthenticationData(b"p")];
    let mut field = Field::with(V5, Limits::DEFAULT);
    let opened = field.mqtt.open(field.at(), &Connect::new(V5, "c").properties(&data));
    assert!(matches!(opened, Err(OpenError::Property(_))), "{opened:?}");
}

/// What is not tolerated: it could lose or double a message, or nobody knows what it means.
#[test]
fn what_is_dangerous_ends_the_link_whatever_the_setting() {
    for strict in [false, true] {
        for version in Version::ALL {
            let limits = Limits { strict, ..Limits::DEFAULT };
            let mut field = Field::up(version, limits);
            field.subscribe(&["a", "b"]);
            field.sent();
            let one_code: &[u8] = if version == V5 { b"\x90\x04\0\x01\0\x01" } else { b"\x90\x03\0\x01\x01" };
            assert_eq!(field.hear(one_code).end, Some(Violation::ReasonCodeCount.into()));
            for first in [0x40, 0x50, 0x62, 0x70] {
                let mut field = Field::up(version, limits);
                assert_eq!(field.hear(&[first, 2, 0, 0]).end, Some(Violation::PacketIdZero.into()));
            }
            let mut field = Field::up(version, limits);
            assert_eq!(field.hear(&message(version, 1, 0, "t", b"x")).end, Some(Violation::PacketIdZero.into()));
            let mut field = Field::up(version, limits);
            assert_eq!(field.hear(&message(version, 3, 1, "t", b"x")).end, Some(Malformed::QoS.into()));
        }
    }
}

/// With every tolerance the rest of the link is as it was: the next packet is read from the right place, byte by byte too.
#[test]
fn what_is_tolerated_is_measured_rightly() {
    for version in OLD {
        let mut field = Field::up(version, Limits::DEFAULT);
        field.publish("t", b"x", QOS1);
        field.publish("t", b"y", QOS2);
        field.unsubscribe(&["a"]);
        field.sent();
        let mut bytes = b"\x40\x04\0\x01\0\0\x40\x02\0\x02\xB0\x03\0\x03\0".to_vec();
        bytes.extend(message(version, 0, 0, "t", b"z"));
        let mut told = Vec::new();
        for byte in bytes {
            told.extend(field.hear(&[byte]).told);
        }
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(field.mqtt.is_idle());
    }
    let mut field = Field::up(V5, Limits::DEFAULT);
    assert_eq!(field.offer(b"\xE0"), Ok(Offered::Partial));
}
