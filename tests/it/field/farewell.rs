//! How long a link that is over may still send.

use super::rig::{Durable, Field, QOS1, V5, in_every_storage, message};
use pure_mqtt::{ConnectionError, Disconnect, Limits, Version};

/// The setting bounds the farewell, whatever it is: from the end of the link to `should_close`, over a transport that takes nothing.
#[test]
fn the_farewell_takes_as_long_as_the_setting_says() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            for timeout in [1, 999, 3_000, 60_000, 86_400_000] {
                let limits = Limits { close_timeout: timeout, ..Limits::DEFAULT };
                let mut field = Field::new(storage(), version, limits).accepted();
                field.mqtt.disconnect(field.at(), &Disconnect::default()).unwrap();
                assert!(!field.mqtt.should_close());
                assert_eq!(field.mqtt.poll_timeout(), Some(field.at().after_millis(timeout.into())));
                let _ = field.tick(u64::from(timeout) - 1);
                assert!(!field.mqtt.should_close());
                let _ = field.tick(1);
                assert!(field.mqtt.should_close());
                assert_eq!(field.sent(), b"", "what had its time doesn't leave any more");
                assert_eq!(field.mqtt.close_reason(), ConnectionError::Disconnected);
            }
        }
    });
}

/// 0: no farewell at all.
#[test]
fn without_time_for_a_farewell_the_transport_is_closed_at_once() {
    in_every_storage!(storage => {
        for version in Version::ALL {
            let limits = Limits { close_timeout: 0, ..Limits::DEFAULT };
            let up = || Field::new(storage(), version, limits).accepted();
            let mut field = up();
            field.mqtt.disconnect(field.at(), &Disconnect::default()).unwrap();
            assert!(field.mqtt.should_close());
            let mut field = up();
            assert!(field.offer(b"\0\0").is_err());
            assert!(field.mqtt.should_close());
            let mut field = up();
            field.publish("t", &[7; 100], QOS1);
            field.take(10);
            field.mqtt.disconnect(field.at(), &Disconnect::default()).unwrap();
            assert!(field.mqtt.should_close());
        }
    });
}

/// A transport that takes a byte now and then does not prolong it.
#[test]
fn a_trickle_does_not_prolong_the_farewell() {
    for version in Version::ALL {
        let mut field = Field::up(version, Limits { close_timeout: 1_000, ..Limits::DEFAULT });
        field.publish("t", &[7; 1_000], QOS1);
        field.take(10);
        field.mqtt.disconnect(field.at(), &Disconnect::default()).unwrap();
        let started = field.now;
        while !field.mqtt.should_close() {
            field.take(1);
            let _ = field.tick(100);
            assert!(field.now - started <= 1_000, "{version:?}");
        }
    }
}

/// The packet that is half out is finished and DISCONNECT leaves, if the transport takes them in time; the host that looks after sending sees it at once.
#[test]
fn a_farewell_that_has_left_needs_no_time() {
    for version in Version::ALL {
        let mut field = Field::up(version, Limits { close_timeout: 60_000, ..Limits::DEFAULT });
        field.publish("t", &[7; 100], QOS1);
        field.take(10);
        field.mqtt.disconnect(field.at(), &Disconnect::default()).unwrap();
        assert!(field.sent().ends_with(b"\xE0\0"));
        assert!(field.mqtt.should_close());
        assert_eq!(field.mqtt.poll_timeout(), None);
    }
}

/// The setting is one of the session's side too: what was half out and dropped is sent again, whole.
#[test]
fn what_the_farewell_cut_is_sent_again() {
    fn check<S: Durable>(mut field: Field<S>) {
        field.publish("t", b"x", QOS1);
        field.take(3);
        field.mqtt.disconnect(field.at(), &Disconnect::default()).unwrap();
        let _ = field.tick(3_000);
        assert!(field.mqtt.should_close());
        let again = field.again(true).sent;
        let body: &[u8] = if field.version == V5 { b"\0\x01t\0\x01\0x" } else { b"\0\x01t\0\x01x" };
        assert_eq!(&again[2..], body);
        field.hear(b"\x40\x02\0\x01").only("PubAck 1 0x00");
        field.hear(&message(field.version, 0, 0, "t", b"y")).only("Message t y q0 0");
    }
    in_every_storage!(storage => {
        for version in Version::ALL {
            check(Field::new(storage(), version, Limits::DEFAULT).accepted());
        }
    });
}
