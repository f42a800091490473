//! From version to version, against servers that refuse in every way there is.

use crate::common::broker::Config;
use crate::common::broker::Version::{V5, V31, V311};
use crate::common::pair::{Pair, Seen};
use pure_mqtt::wire::{Malformed, Violation};
use pure_mqtt::{
    Connect, Connection, ConnectionError, Heap, Instant, Limits, QoS, ReasonCode, Version, VersionFallback,
};

const NOW: Instant = Instant::from_millis(0);
const REFUSED: ConnectionError = ConnectionError::Refused(ReasonCode::UNSUPPORTED_PROTOCOL_VERSION);

/// Opens links, one for each version that the helper names at once, until one stands or none is left to try. Returns the versions tried.
fn attempt(pair: &mut Pair, fallback: &mut VersionFallback) -> Vec<Version> {
    let mut tried = Vec::new();
    loop {
        tried.push(fallback.version());
        pair.open(&Connect::new(fallback.version(), "sensor"));
        pair.seen.clear();
        // The host's loop: `drive` would tell the connection of the end before the helper is told.
        for _ in 0..10 {
            pair.write();
            let now = pair.now();
            let link = pair.link();
            let (sent, mut answer) = (std::mem::take(&mut pair.sent), Vec::new());
            pair.broker.input(link, &sent);
            answer.extend(pair.broker.output(link));
            if let Ok(pure_mqtt::Received::Packet { event: Some(event), .. }) = pair.client.handle_input(now, &answer) {
                fallback.on_event(&event);
            }
        }
        if pair.client.is_connected() {
            return tried;
        }
        let again = fallback.link_ended(pair.client.close_reason());
        pair.cut();
        if !again {
            return tried;
        }
    }
}

#[test]
fn a_server_of_earlier_versions_is_found() {
    for (served, expected) in [
        (vec![V31, V311, V5], vec![Version::V5]),
        (vec![V31, V311], vec![Version::V5, Version::V311]),
        (vec![V31], vec![Version::V5, Version::V311, Version::V31]),
    ] {
        let mut pair = Pair::with_config(Config { versions: served, ..Config::default() });
        pair.wire.dead = true; // this test carries the bytes
        let mut fallback = VersionFallback::default();
        assert_eq!(attempt(&mut pair, &mut fallback), expected);
        assert!(pair.client.is_connected());
        // A link that was accepted ends: the version stays, and also if the next ones fail.
        assert!(!fallback.link_ended(ConnectionError::NotOpen));
        assert!(!fallback.link_ended(ConnectionError::NotOpen));
        assert_eq!(Some(fallback.version()), expected.last().copied());
    }
}

#[test]
fn messages_wait_through_the_versions() {
    let mut pair = Pair::with_config(Config { versions: vec![V31], ..Config::default() });
    pair.send("hello", QoS::AtLeastOnce);
    let mut fallback = VersionFallback::new(Version::V5);
    while !pair.client.is_connected() {
        pair.open(&Connect::new(fallback.version(), "sensor"));
        pair.drive();
        if let Some(Seen::ConnAck { reason: ReasonCode::UNSUPPORTED_PROTOCOL_VERSION, .. }) =
            pair.seen.iter().rev().nth(1)
        {
            assert!(fallback.link_ended(REFUSED));
        }
    }
    assert_eq!((fallback.version(), pair.released()), (Version::V31, vec!["hello".to_owned()]));
    pair.assert_idle();
}

#[test]
fn silence_takes_turns_and_a_refusal_is_for_good() {
    let mut fallback = VersionFallback::default();
    let mut next = |reason| (fallback.link_ended(reason), fallback.version());
    assert_eq!(next(ConnectionError::NotOpen), (true, Version::V311));
    assert_eq!(next(ConnectionError::ConnAckTimeout), (true, Version::V31));
    assert_eq!(next(ConnectionError::NotOpen), (false, Version::V5), "now it is time to wait");
    assert_eq!(next(REFUSED), (true, Version::V311));
    assert_eq!(next(ConnectionError::NotOpen), (true, Version::V31));
    assert_eq!(next(ConnectionError::NotOpen), (false, Version::V311), "5.0 was refused");
    assert_eq!(next(REFUSED), (true, Version::V31));
    assert_eq!(next(REFUSED), (false, Version::V31));
    assert_eq!(next(ConnectionError::NotOpen), (false, Version::V31));
}

#[test]
fn other_refusals_are_not_about_the_version() {
    for reason in [
        ConnectionError::Refused(ReasonCode::NOT_AUTHORIZED),
        ConnectionError::Protocol(Violation::UnknownSession),
        ConnectionError::Disconnected,
    ] {
        let mut fallback = VersionFallback::default();
        assert!(!fallback.link_ended(reason), "{reason}");
        assert_eq!(fallback.version(), Version::V5);
    }
    // What refuses for another reason has understood: silence is the network's from then on.
    let mut fallback = VersionFallback::default();
    fallback.link_ended(ConnectionError::Refused(ReasonCode::SERVER_BUSY));
    assert!(!fallback.link_ended(ConnectionError::NotOpen));
    assert_eq!(fallback.version(), Version::V5);
}

/// Once a version was accepted, bytes that make no sense are no reason to give it up for good.
#[test]
fn nonsense_from_a_server_that_knew_better_is_for_now() {
    let mut fallback = VersionFallback::default();
    fallback.link_ended(ConnectionError::Refused(ReasonCode::SERVER_BUSY)); // it was understood
    assert!(fallback.link_ended(ConnectionError::Malformed(Malformed::Truncated)));
    assert_eq!(fallback.version(), Version::V311);
    assert!(fallback.link_ended(ConnectionError::NotOpen));
    assert!(!fallback.link_ended(ConnectionError::NotOpen));
    assert_eq!(fallback.version(), Version::V5);
}

#[test]
fn the_lowest_version_is_the_callers() {
    let mut fallback = VersionFallback::new(Version::V5).down_to(Version::V311);
    assert!(fallback.link_ended(REFUSED));
    assert!(!fallback.link_ended(REFUSED));
    assert_eq!(fallback.version(), Version::V311);
}

/// A server that knows only earlier versions, and answers a CONNECT of 5.0 in their form: with any code, 0 included.
#[test]
fn a_short_connack_to_a_connect_of_5_is_a_refusal_of_5() {
    for code in 0..=5 {
        let mut client = Connection::new(Heap::new(), Limits::DEFAULT);
        client.open(NOW, &Connect::new(Version::V5, "sensor")).unwrap();
        let length = client.transmit(NOW).remaining();
        client.transmit(NOW).advance(length);
        let _ = client.handle_input(NOW, &[0x20, 2, 0, code]);
        let expected = if code == 0 { ConnectionError::Malformed(Malformed::Truncated) } else { REFUSED };
        assert_eq!(client.close_reason(), expected);
        let mut fallback = VersionFallback::default();
        assert!(fallback.link_ended(client.close_reason()), "{code}");
        assert_eq!(fallback.version(), Version::V311);
        assert!(fallback.link_ended(ConnectionError::NotOpen));
        assert!(!fallback.link_ended(ConnectionError::NotOpen));
        assert_eq!(fallback.version(), Version::V311, "5.0 is not tried again");
    }
}
