//! How links begin and end with servers that don't keep to the standard.

use super::table::told;
use crate::corners::rig::{NOW, sent, taken, up};
use pure_mqtt::wire::Violation;
use pure_mqtt::{
    Connect, Connection, ConnectionError, Event, Heap, Limits, Publish, QoS, ReasonCode, SessionState, TopicName,
    Version,
};

const STRICT: Limits = Limits { strict: true, ..Limits::DEFAULT };

/// CONNECT with a clean start is out.
fn asking(limits: Limits, version: Version) -> Connection<Heap> {
    let mut mqtt = Connection::new(Heap::new(), limits);
    mqtt.open(NOW, &Connect::new(version, "c")).unwrap();
    sent(&mut mqtt);
    mqtt
}

#[test]
fn a_session_kept_after_a_clean_start_counts_as_new_in_3_1_1() {
    let mut mqtt = asking(Limits::DEFAULT, Version::V311);
    let Ok(Some(Event::ConnAck(connack))) = taken(&mut mqtt, b"\x20\x02\x01\0") else { panic!() };
    assert!(connack.is_accepted());
    assert_eq!(connack.session, SessionState::New { republished: 0, aborted: 0, completed: 0 });
    assert_eq!(mqtt.stats().kept_sessions, 1);

    let mut mqtt = asking(STRICT, Version::V311);
    assert_eq!(taken(&mut mqtt, b"\x20\x02\x01\0").map(told), Err(Violation::SessionPresent.into()));
    assert_eq!(mqtt.stats().kept_sessions, 0);
    let mut mqtt = asking(Limits::DEFAULT, Version::V5);
    assert_eq!(taken(&mut mqtt, b"\x20\x03\x01\0\0").map(told), Err(Violation::SessionPresent.into()));
}

/// What was in flight in the session that was to be dropped is sent as new, once.
#[test]
fn what_was_in_flight_before_a_clean_start_is_sent_as_new() {
    let mut mqtt = up(Heap::new(), Limits::DEFAULT, Version::V311);
    let publish = Publish::new(TopicName::new("o").unwrap(), b"x").qos(QoS::AtLeastOnce);
    mqtt.publish(NOW, &publish).unwrap();
    sent(&mut mqtt);
    mqtt.handle_close(NOW);
    mqtt.open(NOW, &Connect::new(Version::V311, "c")).unwrap();
    sent(&mut mqtt);
    let Ok(Some(Event::ConnAck(connack))) = taken(&mut mqtt, b"\x20\x02\x01\0") else { panic!() };
    assert_eq!(connack.session, SessionState::New { republished: 1, aborted: 0, completed: 0 });
    assert_eq!(sent(&mut mqtt)[0], 0x32, "without DUP");
}

#[test]
fn what_disconnect_says_is_told_also_before_connack() {
    for limits in [Limits::DEFAULT, STRICT] {
        for (bytes, code) in [(&b"\xE0\x02\x87\0"[..], 0x87), (b"\xE0\x01\x8B", 0x8B), (b"\xE0\0", 0)] {
            let error = ConnectionError::ServerDisconnect(ReasonCode(code));
            for is_connected in [false, true] {
                let mut mqtt = match is_connected {
                    true => up(Heap::new(), limits, Version::V5),
                    false => asking(limits, Version::V5),
                };
                assert!(matches!(taken(&mut mqtt, bytes), Ok(Some(Event::Disconnect(_)))));
                assert_eq!((mqtt.close_reason(), mqtt.should_close()), (error, true));
                assert_eq!(sent(&mut mqtt), b"");
                assert_eq!(mqtt.handle_input(NOW, b"\x20\x03\0\0\0"), Err(error));
            }
        }
    }
}

/// The server shuts down while CONNECT is on its way.
#[test]
fn disconnect_counts_before_connect_has_left() {
    let mut mqtt = Connection::new(Heap::new(), Limits::DEFAULT);
    mqtt.open(NOW, &Connect::new(Version::V5, "c")).unwrap();
    assert!(matches!(taken(&mut mqtt, b"\xE0\x01\x8B"), Ok(Some(Event::Disconnect(_)))));
    assert_eq!(mqtt.close_reason(), ConnectionError::ServerDisconnect(ReasonCode::SERVER_SHUTTING_DOWN));
    assert!(mqtt.should_close());
}

/// Bad User Name or Password, Banned: codes of CONNACK.
#[test]
fn a_code_of_connack_in_disconnect_is_told() {
    for (code, is_connected) in [0x86, 0x88, 0x8A, 0xFF].into_iter().flat_map(|code| [(code, false), (code, true)]) {
        let bytes = [0xE0, 2, code, 0];
        let new = |limits| match is_connected {
            true => up(Heap::new(), limits, Version::V5),
            false => asking(limits, Version::V5),
        };
        let mut mqtt = new(Limits::DEFAULT);
        assert!(matches!(taken(&mut mqtt, &bytes), Ok(Some(Event::Disconnect(_)))));
        assert_eq!(mqtt.close_reason(), ConnectionError::ServerDisconnect(ReasonCode(code)));
        assert_eq!((mqtt.stats().unlisted_reasons, sent(&mut mqtt)), (1, vec![]));
        let mut mqtt = new(STRICT);
        assert_eq!(taken(&mut mqtt, &bytes).map(told), Err(Violation::ReasonCode.into()));
    }
}

#[test]
fn a_server_of_3_1_1_has_no_disconnect() {
    for version in [Version::V31, Version::V311] {
        let mut mqtt = asking(Limits::DEFAULT, version);
        assert_eq!(taken(&mut mqtt, b"\xE0\0").map(told), Err(Violation::UnexpectedPacket.into()));
    }
}

/// A property in the wrong packet makes that malformed (§2.2.2.2).
#[test]
fn a_property_in_the_wrong_packet_is_malformed() {
    let mut mqtt = up(Heap::new(), Limits::DEFAULT, Version::V5);
    let error = ConnectionError::Protocol(Violation::PropertyNotAllowed);
    assert_eq!(taken(&mut mqtt, b"\x30\x06\0\x01t\x02\x17\0").map(told), Err(error));
    assert_eq!(sent(&mut mqtt), [0xE0, 1, 0x81]);
}
