//! PUBREL for messages whose PUBREC has not left: delivered once, completed once, whatever the application has done by then.

use super::table::ALL;
use crate::corners::rig::{NOW, delivered, message, reopen, sent, taken, up};
use pure_mqtt::{Ack, Event, Heap, Limits, Property, ReasonCode, Version};

const MANUAL: Limits = Limits { manual_acks: true, ..Limits::DEFAULT };
const RELEASE: &[u8] = b"\x62\x02\0\x01";
const COMPLETE: &[u8] = b"\x70\x02\0\x01";

#[test]
fn a_release_before_pubrec_has_left_completes_the_message() {
    for version in ALL {
        let mut mqtt = up(Heap::new(), Limits::DEFAULT, *version);
        assert!(matches!(taken(&mut mqtt, &message(*version, 2, 1)), Ok(Some(Event::Message(_)))));
        assert_eq!(taken(&mut mqtt, RELEASE), Ok(None));
        assert_eq!(taken(&mut mqtt, RELEASE), Ok(None), "asked again: answered once");
        assert_eq!(sent(&mut mqtt), COMPLETE);
        assert!(mqtt.is_idle());
        // The identifier is free: what comes under it is new.
        assert!(matches!(taken(&mut mqtt, &message(*version, 2, 1)), Ok(Some(Event::Message(_)))));
    }
}

/// After a cut PUBREC is owed only once the message has come again; some servers go on with PUBREL.
#[test]
fn a_release_on_the_next_link_instead_of_the_message() {
    for version in ALL {
        let mut mqtt = up(Heap::new(), Limits::DEFAULT, *version);
        assert!(matches!(taken(&mut mqtt, &message(*version, 2, 1)), Ok(Some(Event::Message(_)))));
        for _ in 0..3 {
            mqtt.handle_close(NOW);
            reopen(&mut mqtt, *version, true, &[]);
            let mut other = mqtt.clone();
            assert_eq!(taken(&mut other, RELEASE), Ok(None));
            assert_eq!(sent(&mut other), COMPLETE);
            assert!(other.is_idle());
        }
        let dup = [&[0x3C], &message(*version, 2, 1)[1..]].concat();
        assert_eq!(taken(&mut mqtt, &dup), Ok(None), "known");
        assert_eq!(taken(&mut mqtt, RELEASE), Ok(None));
        assert_eq!(sent(&mut mqtt), COMPLETE);
    }
}

/// The application's acknowledgement is still taken, and it is what lets PUBCOMP leave.
#[test]
fn a_release_before_the_application_has_acknowledged() {
    for version in ALL {
        for reason in [ReasonCode::SUCCESS, ReasonCode::QUOTA_EXCEEDED] {
            let because = [Property::ReasonString("because")];
            let mut mqtt = up(Heap::new(), MANUAL, *version);
            let ack = delivered(&mut mqtt, &message(*version, 2, 1));
            assert_eq!(taken(&mut mqtt, RELEASE), Ok(None));
            assert_eq!(taken(&mut mqtt, RELEASE), Ok(None));
            assert_eq!((sent(&mut mqtt), mqtt.is_idle()), (vec![], false));
            mqtt.acknowledge(NOW, ack, &Ack::new(reason).properties(&because[..])).unwrap();
            assert_eq!(sent(&mut mqtt), COMPLETE);
            assert!(mqtt.is_idle());
        }
    }
}

/// A PUBREC with properties is a packet of its own that waits in the arena: it goes with the rest.
#[test]
fn a_release_drops_a_pubrec_that_waits_with_its_properties() {
    let because = [Property::ReasonString("because")];
    for reason in [ReasonCode::SUCCESS, ReasonCode::QUOTA_EXCEEDED] {
        let mut mqtt = up(Heap::new(), MANUAL, Version::V5);
        let ack = delivered(&mut mqtt, &message(Version::V5, 2, 1));
        mqtt.acknowledge(NOW, ack, &Ack::new(reason).properties(&because[..])).unwrap();
        assert_eq!(taken(&mut mqtt, RELEASE), Ok(None));
        assert_eq!(sent(&mut mqtt), COMPLETE);
        assert!(mqtt.is_idle());
    }
}

/// The order of acknowledgements stays: what is owed before it leaves before it.
#[test]
fn what_is_owed_before_leaves_before() {
    for version in ALL {
        let mut mqtt = up(Heap::new(), MANUAL, *version);
        let first = delivered(&mut mqtt, &message(*version, 1, 7));
        let second = delivered(&mut mqtt, &message(*version, 2, 1));
        assert_eq!(taken(&mut mqtt, RELEASE), Ok(None));
        mqtt.acknowledge(NOW, second, &Ack::SUCCESS).unwrap();
        assert_eq!(sent(&mut mqtt), b"");
        mqtt.acknowledge(NOW, first, &Ack::SUCCESS).unwrap();
        assert_eq!(sent(&mut mqtt), [b"\x40\x02\0\x07", COMPLETE].concat());
    }
}

/// The handle is good for the session: also across a cut that came before the application was done.
#[test]
fn a_handle_outlives_the_link_on_which_its_release_came() {
    for version in ALL {
        let mut mqtt = up(Heap::new(), MANUAL, *version);
        let ack = delivered(&mut mqtt, &message(*version, 2, 1));
        assert_eq!(taken(&mut mqtt, RELEASE), Ok(None));
        mqtt.handle_close(NOW);
        reopen(&mut mqtt, *version, true, &[]);
        let mut other = mqtt.clone();
        assert_eq!(taken(&mut other, RELEASE), Ok(None));
        assert_eq!(sent(&mut other), b"");
        mqtt.acknowledge(NOW, ack, &Ack::SUCCESS).unwrap();
        assert_eq!(sent(&mut mqtt), b"", "the server's turn");
        assert_eq!(taken(&mut mqtt, RELEASE), Ok(None));
        assert_eq!(sent(&mut mqtt), COMPLETE);
        assert!(mqtt.is_idle());
    }
}

/// Nothing of it is left in a journal: the identifier's next message is new after a loss of power as well.
#[cfg(feature = "journal")]
#[test]
fn a_message_released_early_is_forgotten_by_the_journal() {
    use pure_mqtt::storage::Journaled;
    use pure_mqtt::{Connection, Fixed};
    type Mqtt = Connection<Journaled<Fixed<256, 8, 8, 64>, 512>>;
    for (version, manual_acks) in ALL.iter().flat_map(|version| [(version, false), (version, true)]) {
        let limits = Limits { manual_acks, version: *version, ..Limits::DEFAULT };
        let mut mqtt: Mqtt = up(Journaled::new(Fixed::new()), limits, *version);
        let mut log = mqtt.journal().to_vec();
        mqtt.journal_written(log.len());
        let packet = message(*version, 2, 1);
        let Ok(Some(Event::Message(first))) = taken(&mut mqtt, &packet) else { panic!() };
        assert_eq!(taken(&mut mqtt, RELEASE), Ok(None));
        if let Some(ack) = first.ack {
            mqtt.acknowledge(NOW, ack, &Ack::SUCCESS).unwrap();
        }
        log.extend(mqtt.journal());
        let count = mqtt.journal().len();
        mqtt.journal_written(count);
        assert_eq!(sent(&mut mqtt), COMPLETE);
        let mut back = Mqtt::recover(Journaled::new(Fixed::new()), limits, NOW, &log).unwrap().0;
        reopen(&mut back, *version, true, &[]);
        assert!(matches!(taken(&mut back, &message(*version, 2, 1)), Ok(Some(Event::Message(_)))));
    }
}
