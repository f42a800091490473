//! A server that is silent or slow, and clocks that jump: H09, H99, H101, H108.

use crate::rig::{ALL, DEFAULT, LASTING, Rig, Setup, idle, message, waiting};
use crate::table::check_over;
use pure_mqtt::{Auth, Clock32, ConnectionError, Instant, Limits, Property, QoS, Timer, Version};

/// Lets time pass from deadline to deadline until the link ends or `until` has come.
fn wait(rig: &mut Rig, until: u64) -> (Option<ConnectionError>, Vec<u8>, usize) {
    let (mut sent, mut wakes) = (Vec::new(), 0);
    while let Some(at) = rig.mqtt.poll_timeout().filter(|at| at.as_millis() <= until) {
        wakes += 1;
        assert!(wakes < 1_000, "a busy loop");
        rig.now = rig.now.max(at.as_millis());
        if let Err(error) = rig.mqtt.handle_timeout(rig.at()) {
            return (Some(error), sent, wakes);
        }
        sent.extend(rig.drain());
    }
    rig.now = until;
    (None, sent, wakes)
}

/// The reason codes that a client's DISCONNECT may have (§3.14.2.1).
const CLIENTS: [u8; 14] = [0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99];

/// What leaves after a time-out: in 5.0 a DISCONNECT with a code that is a client's to send.
fn farewell(rig: &mut Rig) {
    let sent = rig.drain();
    if rig.version == Version::V5 {
        assert_eq!(sent[..2], [0xE0, 1]);
        assert!(CLIENTS.contains(&sent[2]), "only a server sends {:#04X}", sent[2]);
    } else {
        assert_eq!(sent, b"");
    }
}

#[test]
fn half_a_header_and_then_silence() {
    // H09
    for version in ALL {
        let mut rig = waiting(*version);
        let before = rig.clone();
        for _ in 0..3 {
            assert!(rig.mqtt.handle_input(rig.at(), b"\x20").is_ok());
        }
        let (error, sent, wakes) = wait(&mut rig, 100_000_000);
        assert_eq!((error, sent, wakes), (Some(ConnectionError::ConnAckTimeout), vec![], 1));
        assert_eq!(rig.now, 21_000);
        let mut before = before;
        before.now = rig.now;
        check_over(&before, rig, ConnectionError::ConnAckTimeout);

        for part in [&b"\x30"[..], b"\x30\x80", b"\x30\x7F\x00\x01t"] {
            let mut rig = idle(*version);
            rig.now += 30_000;
            assert!(rig.mqtt.handle_input(rig.at(), part).is_ok());
            let (error, sent, wakes) = wait(&mut rig, 100_000_000);
            assert_eq!((error, sent), (Some(ConnectionError::KeepAliveTimeout), b"\xC0\x00".to_vec()));
            assert!(wakes <= 3);
            assert_eq!(rig.now, 121_000);
        }
    }
}

#[test]
fn no_pingresp_ever() {
    // [MQTT-3.12.4-1]
    // H101 without anything else
    for version in ALL {
        let mut rig = idle(*version);
        let (error, sent, _) = wait(&mut rig, 100_000_000);
        assert_eq!((error, sent), (Some(ConnectionError::KeepAliveTimeout), b"\xC0\x00".to_vec()));
        assert_eq!(rig.now, 1_000 + 60_000 + 60_000);
        farewell(&mut rig);
        assert!(rig.mqtt.should_close());
        rig.reconnect();
    }
}

#[test]
fn no_acknowledgement_and_no_end_of_an_authentication() {
    for version in ALL {
        let limits = Limits { ack_timeout: 5_000, ..Limits::DEFAULT };
        let mut rig = Rig::connected(*version, Setup { limits, ..DEFAULT });
        rig.publish("o", QoS::AtLeastOnce);
        rig.drain();
        let (error, ..) = wait(&mut rig, 100_000_000);
        assert_eq!((error, rig.now), (Some(ConnectionError::AckTimeout), 11_000));
        farewell(&mut rig);
        assert_eq!(rig.mqtt.pending(), 1, "the message goes on");
    }
    let mut rig = authenticated();
    let list = [Property::AuthenticationMethod("m")];
    rig.mqtt.authenticate(rig.at(), &Auth::re_authenticate(&list)).unwrap();
    rig.drain();
    let (error, ..) = wait(&mut rig, 100_000_000);
    assert_eq!((error, rig.now), (Some(ConnectionError::AuthTimeout), 21_000));
    farewell(&mut rig);
}

#[test]
fn no_pingresp_although_messages_keep_coming() {
    // H101: whole messages, and messages in two pieces.
    for version in ALL {
        for cut in [0, 1, 4] {
            let mut rig = idle(*version);
            let bytes = message(*version, 0x30, 0, "t", b"still here");
            let mut end = None;
            let mut pings = 0;
            while end.is_none() && rig.now < 1_000_000 {
                rig.now += 500;
                if cut > 0 {
                    assert!(rig.mqtt.handle_input(rig.at(), &bytes[..cut]).is_ok());
                    rig.now += 5;
                }
                assert_eq!(rig.play(&bytes).told.len(), 1);
                end = rig.mqtt.handle_timeout(rig.at()).err();
                pings += rig.drain().len() / 2;
            }
            assert_eq!(end, Some(ConnectionError::KeepAliveTimeout), "{version:?}, cut after {cut}");
            // While a packet is unfinished PINGRESP may stand behind it; it has its time once more, but only once.
            let latest = if cut == 0 { 123_000 } else { 183_000 };
            assert!(rig.now <= latest, "noticed after {} ms", rig.now);
            assert!(pings <= 3, "one for each keep alive");
        }
    }
}

fn authenticated() -> Rig {
    let properties = &[Property::AuthenticationMethod("m"), LASTING];
    Rig::connected(Version::V5, Setup { properties, connack: b"\x15\x00\x01m", ..DEFAULT })
}

#[test]
fn an_authentication_without_end() {
    // H99
    let step = b"\xF0\x06\x18\x04\x15\x00\x01m";
    let list = [Property::AuthenticationMethod("m")];
    let properties = &[Property::AuthenticationMethod("m"), LASTING];
    let asking = Rig::waiting(Version::V5, Setup { properties, connack: b"\x15\x00\x01m", ..DEFAULT });
    let mut again = authenticated();
    again.mqtt.authenticate(again.at(), &Auth::re_authenticate(&list)).unwrap();
    again.drain();
    for (mut rig, expected) in [(asking, ConnectionError::ConnAckTimeout), (again, ConnectionError::AuthTimeout)] {
        let mut end = None;
        while end.is_none() && rig.now < 1_000_000 {
            rig.now += 100;
            end = rig.mqtt.handle_timeout(rig.at()).err();
            if end.is_none() {
                assert_eq!(rig.play(step).told, ["Auth 0x18"]);
                rig.mqtt.authenticate(rig.at(), &Auth::continue_with(&list)).unwrap();
                assert_eq!(rig.drain(), step);
            }
        }
        assert_eq!((end, rig.now), (Some(expected), 21_000));
    }
}

#[test]
fn clocks_that_jump_repeat_and_go_back() {
    // H108
    for version in ALL {
        // A step back is no progress: the deadline stays where it was.
        let mut rig = idle(*version);
        let due = rig.mqtt.poll_timeout();
        for now in [500, 0, 1_000] {
            assert_eq!(rig.mqtt.handle_timeout(Instant::from_millis(now)), Ok(()));
            assert_eq!(rig.mqtt.poll_timeout(), due);
        }
        // A jump of a day: one PINGREQ is owed, and the answer has its full time.
        rig.now += 24 * 3_600_000;
        assert_eq!(rig.mqtt.handle_timeout(rig.at()), Ok(()));
        assert_eq!(rig.drain(), b"\xC0\x00");
        assert_eq!(rig.mqtt.next_timer(), Some((Timer::PingResp, rig.at().after_millis(60_000))));
        assert_eq!(rig.mqtt.handle_timeout(rig.at()), Ok(()));
        assert_eq!(rig.drain(), b"", "not twice");
        assert_eq!(rig.play(b"\xD0\x00").told, ["PingResp"]);
        // The end of time.
        assert_eq!(rig.mqtt.handle_timeout(Instant::from_millis(u64::MAX)), Ok(()));
        let _ = rig.mqtt.handle_timeout(Instant::from_millis(u64::MAX));
        let _ = rig.mqtt.poll_timeout();
    }
    // A tick of 32 bits that wraps in the middle of a keep alive.
    let mut clock = Clock32::new();
    let start = clock.now(u32::MAX - 10_000);
    let mut rig = Rig::closed(Version::V311, DEFAULT);
    rig.now = start.as_millis();
    rig.open();
    rig.accept(false);
    let due = rig.mqtt.poll_timeout().unwrap();
    assert_eq!(due.millis_since(start), 60_000);
    assert!(clock.now(49_000) < due);
    assert!(clock.now(50_000) >= due);
}
