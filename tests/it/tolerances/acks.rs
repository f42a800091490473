//! What is not tolerated of acknowledgements, since it may lose or double a message.

use super::table::{ALL, OLD, V5, busy, told};
use crate::corners::rig::{NOW, reopen, sent, taken, up};
use pure_mqtt::wire::{Malformed, Violation};
use pure_mqtt::{ConnectionError, Heap, Limits, Publish, QoS, TopicName, Version};

fn ends(versions: &[Version], bytes: &[u8], error: impl Into<ConnectionError> + Copy) {
    for version in versions {
        let mut mqtt = up(Heap::new(), Limits::DEFAULT, *version);
        busy(&mut mqtt);
        assert_eq!(taken(&mut mqtt, bytes).map(told), Err(error.into()), "{version:?} {bytes:02x?}");
    }
}

#[test]
fn a_wrong_number_of_codes_ends_the_link() {
    ends(OLD, b"\x90\x03\0\x04\0", Violation::ReasonCodeCount);
    ends(V5, b"\x90\x04\0\x04\0\0", Violation::ReasonCodeCount);
    ends(OLD, b"\x90\x02\0\x04", Violation::EmptyList);
    ends(V5, b"\x90\x03\0\x04\0", Violation::EmptyList);
    ends(V5, b"\x90\x02\0\x04", Malformed::Truncated);
    ends(V5, b"\xB0\x04\0\x05\0\0", Violation::ReasonCodeCount);
    ends(V5, b"\xB0\x06\0\x05\0\0\0\0", Violation::ReasonCodeCount);
}

#[test]
fn a_code_that_means_success_is_one_of_the_listed() {
    for code in [0x01, 0x7F] {
        ends(V5, &[0x40, 3, 0, 1, code], Violation::ReasonCode);
        ends(V5, &[0x50, 3, 0, 2, code], Violation::ReasonCode);
        ends(V5, &[0x62, 3, 0, 9, code], Violation::ReasonCode);
        ends(V5, &[0x70, 3, 0, 3, code], Violation::ReasonCode);
        ends(V5, &[0xB0, 5, 0, 5, 0, 0x80, code], Violation::ReasonCode);
    }
    ends(V5, b"\x90\x05\0\x04\0\x92\x03", Violation::ReasonCode);
    ends(OLD, b"\x90\x04\0\x04\x87\x03", Violation::ReasonCode);
}

#[test]
fn the_identifier_0_and_qos_3_end_the_link() {
    for first in [0x40, 0x50, 0x62, 0x70] {
        ends(ALL, &[first, 2, 0, 0], Violation::PacketIdZero);
    }
    ends(OLD, b"\x40\x03\0\0\0", Violation::PacketIdZero);
    ends(ALL, b"\x36\x05\0\x01t\0\x01", Malformed::QoS);
}

/// In 5.0 flags and PUBACK for QoS 2 are never tolerated, nor are flags in an acknowledgement that is longer, or in other packets.
#[test]
fn flags_elsewhere_end_the_link() {
    ends(V5, b"\x41\x02\0\x01", Malformed::HeaderFlags);
    ends(V5, b"\x40\x02\0\x02", Violation::UnexpectedAck);
    ends(OLD, b"\x41\x03\0\x01\0", Malformed::HeaderFlags);
    ends(OLD, b"\x41\x01\0", Malformed::HeaderFlags);
    ends(OLD, b"\xD1\x00", Malformed::HeaderFlags);
    ends(V5, b"\x91\x05\0\x04\0\0\0", Malformed::HeaderFlags);
}

/// It may have met the server's mind on an earlier link only, or stand for a message that was released.
#[test]
fn puback_ends_a_qos_2_message_only_if_that_is_out_whole_on_this_link() {
    for version in OLD {
        let mut mqtt = up(Heap::new(), Limits::DEFAULT, *version);
        busy(&mut mqtt);
        assert_eq!(taken(&mut mqtt, b"\x40\x02\0\x03").map(told), Err(Violation::UnexpectedAck.into()), "released");

        let mut mqtt = up(Heap::new(), Limits::DEFAULT, *version);
        let publish = Publish::new(TopicName::new("o").unwrap(), b"x").qos(QoS::ExactlyOnce);
        mqtt.publish(NOW, &publish).unwrap();
        sent(&mut mqtt);
        mqtt.handle_close(NOW);
        reopen(&mut mqtt, *version, true, &[]);
        let mut early = mqtt.clone();
        assert_eq!(taken(&mut early, b"\x40\x02\0\x01").map(told), Err(Violation::UnexpectedAck.into()));
        assert_eq!(sent(&mut mqtt)[0], 0x3C);
        assert_eq!(taken(&mut mqtt, b"\x40\x02\0\x01").map(told), Ok("PubAck 1 00".into()));
        assert!(mqtt.is_idle());
    }
}

/// What a RabbitMQ 3.10 does to a busy client of 3.1.1: every message ends, none is sent twice.
#[test]
fn a_server_that_answers_every_message_by_puback_gets_each_once() {
    for version in OLD {
        let mut mqtt = up(Heap::new(), Limits::DEFAULT, *version);
        let mut wire = Vec::new();
        for number in 1..=40_u8 {
            let qos = if number % 2 == 0 { QoS::ExactlyOnce } else { QoS::AtLeastOnce };
            mqtt.publish(NOW, &Publish::new(TopicName::new("o").unwrap(), &[number]).qos(qos)).unwrap();
        }
        for number in 1..=40_u8 {
            wire.extend(sent(&mut mqtt));
            assert_eq!(taken(&mut mqtt, &[0x40, 2, 0, number]).map(told), Ok(format!("PubAck {number} 00")));
        }
        assert!(mqtt.is_idle());
        assert_eq!(wire.len(), 40 * 8, "each was sent once");
        assert_eq!(mqtt.stats().pubacks_at_qos2, 20);
    }
}
