//! With a server that keeps to the standard, strict works as well as the default.

use super::table::{ALL, OLD, V5, told};
use crate::corners::rig::{NOW, message, reopen, sent, taken, up};
use pure_mqtt::wire::Violation;
use pure_mqtt::{Event, Heap, Instant, Limits, Publish, QoS, TopicName};

const STRICT: Limits = Limits { strict: true, ..Limits::DEFAULT };

/// PUBCOMP was lost with the link: the server, which keeps to the standard, sends PUBREL again, and must be able to end it.
#[test]
fn pubrel_again_on_the_next_link_is_answered() {
    for limits in [STRICT, Limits::DEFAULT] {
        for version in ALL {
            let mut mqtt = up(Heap::new(), limits, *version);
            assert!(matches!(taken(&mut mqtt, &message(*version, 2, 1)), Ok(Some(Event::Message(_)))));
            assert_eq!(sent(&mut mqtt), b"\x50\x02\0\x01");
            assert_eq!(taken(&mut mqtt, b"\x62\x02\0\x01"), Ok(None));
            for link in 0..3 {
                mqtt.handle_close(NOW); // before PUBCOMP has left
                reopen(&mut mqtt, *version, true, &[]);
                assert_eq!(taken(&mut mqtt, b"\x62\x02\0\x01"), Ok(None), "{version:?}, link {link}");
            }
            let complete: &[u8] = if V5.contains(version) { b"\x70\x03\0\x01\x92" } else { b"\x70\x02\0\x01" };
            assert_eq!(sent(&mut mqtt), complete);
            assert!(mqtt.is_idle() && mqtt.is_connected());
        }
    }
}

/// With the retry of 3.1 and 3.1.1 packets are sent twice, and a server answers twice.
#[test]
fn answers_to_packets_that_were_sent_twice_are_right() {
    let limits = Limits { retry_interval: 1_000, ..STRICT };
    for version in OLD {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let mut mqtt = up(Heap::new(), limits, *version);
            mqtt.publish(NOW, &Publish::new(TopicName::new("o").unwrap(), b"x").qos(qos)).unwrap();
            sent(&mut mqtt);
            for second in 1..=2 {
                mqtt.handle_timeout(Instant::from_millis(NOW.as_millis() + second * 1_000)).unwrap();
            }
            assert_eq!(sent(&mut mqtt)[0] & 0xF8, 0x38, "sent again");
            let (answer, end): (&[u8], &[u8]) = match qos {
                QoS::AtLeastOnce => (b"\x40\x02\0\x01", b"\x40\x02\0\x01"),
                _ => (b"\x50\x02\0\x01", b"\x70\x02\0\x01"),
            };
            assert!(taken(&mut mqtt, answer).is_ok());
            if qos == QoS::ExactlyOnce {
                assert_eq!(sent(&mut mqtt), b"\x62\x02\0\x01");
                assert!(matches!(taken(&mut mqtt, end), Ok(Some(Event::PubComp(_)))));
            }
            assert_eq!(taken(&mut mqtt, answer).map(told), Ok(String::new()), "{version:?} {qos:?}: the second answer");
            assert_eq!(mqtt.stats().unknown_acks, 1);
        }
    }
    // In 5.0 nothing is sent twice on one link [MQTT-4.4.0-1].
    for version in V5 {
        let mut mqtt = up(Heap::new(), limits, *version);
        assert_eq!(taken(&mut mqtt, b"\x40\x02\0\x63").map(told), Err(Violation::UnknownPacketId.into()));
    }
}
