//! What the broker holds against a client.

use super::super::{Config, Direction};
use super::*;

/// Sends `bytes` after a CONNECT and expects exactly this violation.
fn blamed(hello: &[u8], bytes: &[u8], statement: &str) -> Vec<u8> {
    let mut broker = broker();
    let link = connect(&mut broker, hello);
    let answer = ask(&mut broker, link, bytes);
    assert_blamed(&broker, statement);
    answer
}

/// As [`blamed`], and expects the broker to end the connection with this reason.
fn ended(bytes: &[u8], statement: &str, reason: u8) {
    assert_eq!(blamed(CONNECT_V5, bytes, statement), [0xE0, 1, reason]);
}

#[test]
fn malformed_packets_end_the_connection() {
    ended(b"\xc1\x00", "MQTT-2.1.3-1", 0x81);
    ended(b"\x60\x02\x00\x01", "MQTT-3.6.1-1", 0x81);
    ended(b"\x80\x07\x00\x0a\x00\x00\x01t\x02", "MQTT-3.8.1-1", 0x81);
    ended(b"\xa0\x06\x00\x0a\x00\x00\x01t", "MQTT-3.10.1-1", 0x81);
    ended(b"\xe1\x00", "MQTT-3.14.1-1", 0x81);
    ended(b"\xc0\x80\x00", "MQTT-1.5.5-1", 0x81);
    ended(b"\xc0\xff\xff\xff\xff", "MQTT5 1.5.5", 0x81);
    ended(b"\xc0\x01\x00", "MQTT5 4.13.1", 0x81);
    ended(b"\x30\x04\x00\x01\xff\x00", "MQTT-1.5.4-1", 0x81);
    ended(b"\x30\x04\x00\x01\x00\x00", "MQTT-1.5.4-2", 0x81);
    ended(b"\x36\x06\x00\x01t\x00\x01\x00", "MQTT-3.3.1-4", 0x81);
    ended(b"\x38\x04\x00\x01t\x00", "MQTT-3.3.1-2", 0x81);
    ended(b"\x32\x06\x00\x01t\x00\x00\x00", "MQTT-2.2.1-3", 0x81);
    ended(b"\x82\x07\x00\x0a\x00\x00\x01t\x40", "MQTT-3.8.3-5", 0x81);
    ended(b"\x82\x03\x00\x0a\x00", "MQTT-3.8.3-2", 0x82);
    ended(b"\xa2\x03\x00\x0a\x00", "MQTT-3.10.3-2", 0x82);
    ended(b"\x20\x03\x00\x00\x00", "MQTT5 2.1.2", 0x82);
}

#[test]
fn bad_properties_end_the_connection() {
    ended(b"\x30\x08\x00\x01t\x04\x01\x01\x01\x01", "MQTT5 2.2.2.2", 0x82);
    ended(b"\x30\x06\x00\x01t\x02\x01\x02", "MQTT5 2.2.2.2", 0x82);
    ended(b"\x30\x06\x00\x01t\x02\x7f\x00", "MQTT5 2.2.2.2", 0x81);
    ended(b"\x30\x06\x00\x01t\x02\x17\x00", "MQTT5 2.2.2.2", 0x81);
    ended(b"\x30\x06\x00\x01t\x02\x0b\x01", "MQTT-3.3.4-6", 0x82);
}

#[test]
fn bad_topics_end_the_connection() {
    ended(b"\x30\x04\x00\x01+\x00", "MQTT-3.3.2-2", 0x90);
    ended(b"\x30\x03\x00\x00\x00", "MQTT-4.7.3-1", 0x82);
    ended(b"\x30\x07\x00\x01t\x03\x23\x00\x00", "MQTT-3.3.2-8", 0x94);
    ended(b"\x30\x07\x00\x01t\x03\x23\x00\x11", "MQTT-3.3.2-9", 0x94);
    ended(b"\x30\x06\x00\x00\x03\x23\x00\x01", "MQTT5 3.3.2.3.4", 0x82);
    ended(b"\x82\x10\x00\x0a\x00\x00\x0a$share/g/t\x04", "MQTT-3.8.3-4", 0x82);
}

#[test]
fn announced_limits_are_watched() {
    let config = Config { maximum_qos: 0, retain_available: false, maximum_packet_size: Some(12), ..Config::default() };
    let cases: [(&[u8], &str); 3] = [
        (b"\x32\x06\x00\x01t\x00\x01\x00", "MQTT-3.2.2-11"),
        (b"\x31\x04\x00\x01t\x00", "MQTT-3.2.2-14"),
        (b"\x30\x0b", "MQTT-3.2.2-15"),
    ];
    for (bytes, statement) in cases {
        let mut broker = Broker::new(config.clone());
        let link = connect(&mut broker, CONNECT_V5);
        broker.input(link, bytes);
        assert_blamed(&broker, statement);
    }
}

#[test]
fn filters_are_refused_one_by_one() {
    let answer = blamed(CONNECT_V5, b"\x82\x0c\x00\x0a\x00\x00\x02a#\x00\x00\x01t\x00", "MQTT-4.7.1-1");
    assert_eq!(answer, b"\x90\x05\x00\x0a\x00\x8f\x00");
    blamed(CONNECT_V311, b"\x82\x07\x00\x0a\x00\x02a+\x00", "MQTT-4.7.1-2");
    blamed(CONNECT_V5, b"\x82\x0f\x00\x0a\x00\x00\x09$share//t\x00", "MQTT-4.8.2-2");
}

#[test]
fn the_order_of_packets_is_watched() {
    let mut broker = broker();
    let (link, answer) = open(&mut broker, b"\xc0\x00");
    assert!(answer.is_empty() && broker.wants_close(link));
    assert_blamed(&broker, "MQTT-3.1.0-1");
    blamed(CONNECT_V311, CONNECT_V311, "MQTT-3.1.0-2");
    blamed(CONNECT_V311, b"\xe0\x00\xc0\x00", "MQTT-3.14.4-1");
}

#[test]
fn bad_connects_are_refused() {
    let cases: [(&[u8], &str); 4] = [
        (b"\x10\x0d\x00\x04MQTT\x04\x03\x00\x3c\x00\x01a", "MQTT-3.1.2-3"),
        (b"\x10\x0d\x00\x04MQTT\x04\x0a\x00\x3c\x00\x01a", "MQTT-3.1.2-11"),
        (b"\x10\x0d\x00\x04MQTT\x04\x22\x00\x3c\x00\x01a", "MQTT-3.1.2-13"),
        (b"\x10\x0d\x00\x04MQTX\x04\x02\x00\x3c\x00\x01a", "MQTT-3.1.2-1"),
    ];
    for (bytes, statement) in cases {
        let mut broker = broker();
        let (link, answer) = open(&mut broker, bytes);
        assert!(answer.is_empty() && broker.wants_close(link));
        assert_blamed(&broker, statement);
    }
    let mut broker = broker();
    assert_eq!(open(&mut broker, b"\x10\x0d\x00\x04MQTT\x06\x02\x00\x3c\x00\x01a").1, b"\x20\x02\x00\x01");
}

/// A broker that holds acknowledgements, after `before` and a reconnect in 3.1.1; then `after` comes.
fn after_a_reconnect(before: &[u8], after: &[u8]) -> Broker {
    let mut broker = Broker::new(Config { hold_acks: true, ..Config::default() });
    let link = connect(&mut broker, RESUME_V311);
    broker.input(link, before);
    broker.cut(link);
    let link = connect(&mut broker, RESUME_V311);
    broker.input(link, after);
    broker
}

#[test]
fn a_resend_keeps_dup_order_and_content() {
    let two = b"\x32\x06\x00\x01t\x00\x01x\x32\x06\x00\x01t\x00\x02y";
    let right = b"\x3a\x06\x00\x01t\x00\x01x\x3a\x06\x00\x01t\x00\x02y";
    assert_clean(&after_a_reconnect(two, right));
    assert_blamed(&after_a_reconnect(two, b"\x32\x06\x00\x01t\x00\x01x"), "MQTT-3.3.1-1");
    assert_blamed(&after_a_reconnect(two, b"\x3a\x06\x00\x01t\x00\x01z"), "MQTT-4.4.0-1");
    let reversed = b"\x3a\x06\x00\x01t\x00\x02y\x3a\x06\x00\x01t\x00\x01x";
    assert_blamed(&after_a_reconnect(two, reversed), "MQTT-4.6.0-1");
    let released = b"\x34\x06\x00\x01t\x00\x01x\x62\x02\x00\x01";
    assert_blamed(&after_a_reconnect(released, b"\x3c\x06\x00\x01t\x00\x01x"), "MQTT-4.3.3-6");
    assert_clean(&after_a_reconnect(released, b"\x62\x02\x00\x01"));
    assert_blamed(&after_a_reconnect(two, b"\x82\x06\x00\x01\x00\x01t\x00"), "MQTT-2.2.1-3");
}

#[test]
fn identifiers_in_use_are_watched() {
    blamed(CONNECT_V311, b"\x3a\x05\x00\x01t\x00\x01", "MQTT-3.3.1-1");
    blamed(CONNECT_V311, b"\x34\x06\x00\x01t\x00\x01x\x34\x06\x00\x01t\x00\x01x", "MQTT-2.2.1-3");
    blamed(CONNECT_V5, b"\x34\x06\x00\x01t\x00\x01\x00\x3c\x06\x00\x01t\x00\x01\x00", "MQTT-4.4.0-1");
    blamed(CONNECT_V311, b"\x82\x06\x00\x01\x00\x01t\x00\x32\x05\x00\x01t\x00\x01", "MQTT-2.2.1-3");
    blamed(CONNECT_V311, b"\x62\x02\x00\x01", "MQTT-4.3.3-4");
    let two = b"\x34\x05\x00\x01t\x00\x01\x34\x05\x00\x01t\x00\x02\x62\x02\x00\x02\x62\x02\x00\x01";
    blamed(CONNECT_V311, two, "MQTT-4.6.0-4");
}

#[test]
fn a_clients_answers_keep_the_order() {
    let mut broker = broker();
    let link = connect(&mut broker, CONNECT_V311);
    ask(&mut broker, link, SUBSCRIBE_V311);
    (1..=2).for_each(|_| broker.publish("t", b"", 1, false));
    broker.input(link, b"\x40\x02\x00\x02\x40\x02\x00\x01");
    assert_blamed(&broker, "MQTT-4.6.0-2");
    blamed(CONNECT_V311, b"\x40\x02\x00\x01", "MQTT5 4.3");
}

#[test]
fn injected_bytes_excuse_odd_answers() {
    let mut broker = broker();
    let link = connect(&mut broker, CONNECT_V311);
    broker.inject(link, b"\x32\x05\x00\x01t\x00\x07");
    assert_eq!(broker.output(link), b"\x32\x05\x00\x01t\x00\x07");
    broker.input(link, b"\x40\x02\x00\x07");
    assert_clean(&broker);
}

#[test]
fn the_transcript_can_be_read() {
    let mut broker = Broker::new(Config { transcript_limit: 4, ..Config::default() });
    let link = connect(&mut broker, CONNECT_V311);
    ask(&mut broker, link, SUBSCRIBE_V311);
    ask(&mut broker, link, b"\xc0\x00");
    let lines: Vec<String> = broker.transcript().iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        ["link 1 -> SUBSCRIBE id=10 t@2", "link 1 <- SUBACK id=10 [02]", "link 1 -> PINGREQ", "link 1 <- PINGRESP"]
    );
    assert!(broker.transcript().iter().all(|entry| entry.direction != Direction::Note));
}

#[test]
fn any_bytes_are_survived() {
    let mut seed = 1u32;
    let mut random = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    let seeds: [&[u8]; 5] = [
        WITH_EVERYTHING,
        SUBSCRIBE_V5,
        b"\x34\x0e\x00\x01t\x00\x01\x06\x23\x00\x01\x08\x00\x00hi",
        b"\x62\x02\x00\x01",
        b"\xe0\x07\x00\x05\x11\x00\x00\x00\x00",
    ];
    for _ in 0..4_000 {
        let mut broker = broker();
        let link = connect(&mut broker, if random() < 128 { CONNECT_V5 } else { b"" });
        for packet in seeds {
            let (place, value) = (usize::from(random()) % packet.len(), random());
            let bend = |(index, byte): (usize, &u8)| if index == place { value } else { *byte };
            let bent: Vec<u8> = packet.iter().enumerate().map(bend).collect();
            ask(&mut broker, link, &bent);
        }
        broker.cut(link);
        broker.tick(1_000_000);
    }
}

/// CONNECT of `a` in 5.0 with a will, user name and password.
const WITH_EVERYTHING: &[u8] = b"\x10\x25\x00\x04MQTT\x05\xce\x00\x3c\x05\x11\x00\x00\x00\x0a\x00\x01a\
    \x05\x18\x00\x00\x00\x05\x00\x01t\x00\x01x\x00\x01u\x00\x01p";
