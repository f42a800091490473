//! CONNECT, AUTH, DISCONNECT, keep alive, wills and sessions.

use super::super::{Act, Config, Fault, Packet, Prop, Version, When, prop_id};
use super::*;

#[test]
fn each_version_gets_its_connack() {
    let mut broker = Broker::new(Config { topic_alias_maximum: 0, ..Config::default() });
    assert_eq!(open(&mut broker, CONNECT_V31).1, b"\x20\x02\x00\x00");
    assert_eq!(open(&mut broker, CONNECT_V311).1, b"\x20\x02\x00\x00");
    assert_eq!(open(&mut broker, CONNECT_V5).1, b"\x20\x03\x00\x00\x00");
    assert_clean(&broker);
}

#[test]
fn bytes_may_come_one_by_one() {
    let mut broker = broker();
    let link = broker.accept();
    for byte in CONNECT_V311 {
        assert!(broker.output(link).is_empty());
        broker.input(link, &[*byte]);
    }
    assert_eq!(broker.output(link), b"\x20\x02\x00\x00");
}

#[test]
fn the_bridge_bit_is_accepted() {
    let mut broker = broker();
    assert_eq!(open(&mut broker, b"\x10\x0d\x00\x04MQTT\x84\x02\x00\x3c\x00\x01a").1, b"\x20\x02\x00\x00");
    assert_clean(&broker);
}

#[test]
fn limits_are_announced() {
    let config = Config {
        receive_maximum: Some(3),
        maximum_qos: 1,
        retain_available: false,
        topic_alias_maximum: 5,
        server_keep_alive: Some(7),
        ..Config::default()
    };
    let (_, answer) = open(&mut Broker::new(config), CONNECT_V5);
    assert_eq!(answer, b"\x20\x10\x00\x00\x0d\x21\x00\x03\x24\x01\x25\x00\x22\x00\x05\x13\x00\x07");
}

#[test]
fn an_empty_client_id_is_assigned_or_refused() {
    let mut broker = Broker::new(Config { topic_alias_maximum: 0, ..Config::default() });
    let (_, v5) = open(&mut broker, b"\x10\x0d\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x00");
    assert_eq!(v5, b"\x20\x0c\x00\x00\x09\x12\x00\x06auto-1");
    let (_, clean) = open(&mut broker, b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00");
    assert_eq!(clean, b"\x20\x02\x00\x00");
    let (link, persistent) = open(&mut broker, b"\x10\x0c\x00\x04MQTT\x04\x00\x00\x3c\x00\x00");
    assert_eq!(persistent, b"\x20\x02\x00\x02");
    assert!(broker.wants_close(link));
}

#[test]
fn connections_can_be_refused() {
    let mut broker = broker();
    broker.config_mut().credentials = Some(("u".into(), b"p".to_vec()));
    assert_eq!(open(&mut broker, CONNECT_V311).1, b"\x20\x02\x00\x04");
    assert_eq!(open(&mut broker, CONNECT_V5).1, b"\x20\x03\x00\x86\x00");
    let login = b"\x10\x13\x00\x04MQTT\x04\xc2\x00\x3c\x00\x01a\x00\x01u\x00\x01p";
    assert_eq!(open(&mut broker, login).1, b"\x20\x02\x00\x00");
    broker.config_mut().refuse_connect = Some(0x88);
    assert_eq!(open(&mut broker, CONNECT_V5).1, b"\x20\x03\x00\x88\x00");
}

#[test]
fn an_old_server_refuses_a_new_level() {
    let mut broker = Broker::new(Config { versions: vec![Version::V31, Version::V311], ..Config::default() });
    let (link, answer) = open(&mut broker, CONNECT_V5);
    assert_eq!(answer, b"\x20\x02\x00\x01");
    assert!(broker.wants_close(link));
}

#[test]
fn a_silent_broker_says_nothing() {
    let mut broker = broker();
    broker.script(When::receives(Packet::Connect), Act::Stall);
    let (link, answer) = open(&mut broker, CONNECT_V311);
    assert!(answer.is_empty() && !broker.wants_close(link));
    assert!(ask(&mut broker, link, b"\xc0\x00").is_empty());
    assert_clean(&broker);
}

#[test]
fn a_newer_connection_takes_over() {
    let mut broker = broker();
    let older = connect(&mut broker, RESUME_V5);
    let (newer, answer) = open(&mut broker, RESUME_V5);
    assert_eq!(broker.output(older), b"\xe0\x01\x8e");
    assert!(broker.wants_close(older) && !broker.wants_close(newer));
    assert!(answer.starts_with(b"\x20\x06\x01\x00"), "session present");
}

#[test]
fn sessions_end_in_time() {
    let mut broker = broker();
    let link = connect(&mut broker, RESUME_V5);
    broker.cut(link);
    broker.tick(254_999);
    assert!(broker.has_session("a"));
    broker.tick(255_000);
    assert!(!broker.has_session("a"));
}

#[test]
fn disconnect_can_change_the_session_expiry() {
    let mut broker = broker();
    let link = connect(&mut broker, RESUME_V5);
    broker.input(link, b"\xe0\x07\x00\x05\x11\x00\x00\x00\x00");
    assert!(!broker.has_session("a"));
    assert_clean(&broker);
    let link = connect(&mut broker, CONNECT_V5);
    assert_eq!(ask(&mut broker, link, b"\xe0\x07\x00\x05\x11\x00\x00\x00\x01"), b"\xe0\x01\x82");
    assert_blamed(&broker, "MQTT-3.14.2-2");
}

#[test]
fn silence_ends_a_connection() {
    let mut broker = broker();
    let link = connect(&mut broker, CONNECT_V5);
    broker.tick(60_000);
    assert_eq!(ask(&mut broker, link, b"\xc0\x00"), b"\xd0\x00");
    broker.tick(150_000);
    assert!(!broker.wants_close(link));
    broker.tick(150_001);
    assert_eq!(broker.output(link), b"\xe0\x01\x8d");
    assert!(broker.wants_close(link));
}

/// CONNECT of `w` in 3.1.1 with the will `t` = `x`, QoS 0.
const WITH_WILL: &[u8] = b"\x10\x13\x00\x04MQTT\x04\x06\x00\x3c\x00\x01w\x00\x01t\x00\x01x";

#[test]
fn the_will_is_published_when_the_link_is_cut() {
    let mut broker = broker();
    let watcher = connect(&mut broker, CONNECT_V311);
    ask(&mut broker, watcher, SUBSCRIBE_V311);
    let link = connect(&mut broker, WITH_WILL);
    broker.cut(link);
    assert_eq!(broker.output(watcher), b"\x30\x04\x00\x01tx");
    let link = connect(&mut broker, WITH_WILL);
    broker.input(link, b"\xe0\x00");
    broker.cut(link);
    assert_eq!(broker.output(watcher), b"");
    assert_clean(&broker);
}

/// CONNECT of `w` in 5.0: session of 10 s, will `t` = `x` with a delay of 5 s.
const WITH_DELAY: &[u8] =
    b"\x10\x1f\x00\x04MQTT\x05\x04\x00\x3c\x05\x11\x00\x00\x00\x0a\x00\x01w\x05\x18\x00\x00\x00\x05\x00\x01t\x00\x01x";

#[test]
fn a_will_can_wait() {
    let mut broker = broker();
    let watcher = connect(&mut broker, CONNECT_V311);
    ask(&mut broker, watcher, SUBSCRIBE_V311);
    let link = connect(&mut broker, WITH_DELAY);
    broker.cut(link);
    broker.tick(4_999);
    let link = connect(&mut broker, WITH_DELAY);
    broker.tick(6_000);
    assert_eq!(broker.output(watcher), b"", "the client came back in time");
    broker.cut(link);
    broker.tick(11_000);
    assert_eq!(broker.output(watcher), b"\x30\x04\x00\x01tx");
    let link = connect(&mut broker, WITH_DELAY);
    broker.input(link, b"\xe0\x01\x04");
    broker.tick(16_000);
    assert_eq!(broker.output(watcher), b"\x30\x04\x00\x01tx", "reason 0x04 keeps the will");
}

/// CONNECT of `a` in 5.0 with the authentication method `m`.
const WITH_METHOD: &[u8] = b"\x10\x12\x00\x04MQTT\x05\x02\x00\x3c\x04\x15\x00\x01m\x00\x01a";

#[test]
fn challenges_come_before_connack() {
    let config = Config { auth_rounds: 2, topic_alias_maximum: 0, ..Config::default() };
    let mut broker = Broker::new(config);
    let (link, first) = open(&mut broker, WITH_METHOD);
    assert_eq!(first, b"\xf0\x14\x18\x12\x15\x00\x01m\x16\x00\x0bchallenge 2");
    let answer = b"\xf0\x06\x18\x04\x15\x00\x01m";
    assert_eq!(ask(&mut broker, link, answer), b"\xf0\x14\x18\x12\x15\x00\x01m\x16\x00\x0bchallenge 1");
    assert_eq!(ask(&mut broker, link, answer), b"\x20\x07\x00\x00\x04\x15\x00\x01m");
    assert_eq!(ask(&mut broker, link, b"\xf0\x06\x19\x04\x15\x00\x01m"), b"\xf0\x06\x00\x04\x15\x00\x01m");
    assert_clean(&broker);
    assert_eq!(ask(&mut broker, link, b"\xf0\x06\x19\x04\x15\x00\x01n"), b"\xe0\x01\x82");
    assert_blamed(&broker, "MQTT-4.12.0-5");
}

#[test]
fn connack_can_lie_and_carry_anything() {
    let mut broker = Broker::new(Config { topic_alias_maximum: 0, ..Config::default() });
    broker.config_mut().faults.insert(Fault::ClaimSession);
    broker.config_mut().extra_connack_properties.push((prop_id::REASON_STRING, Prop::Text("hi".into())));
    assert_eq!(open(&mut broker, CONNECT_V5).1, b"\x20\x08\x01\x00\x05\x1f\x00\x02hi");
}

#[test]
fn a_restart_keeps_lasting_sessions() {
    let mut broker = broker();
    let link = connect(&mut broker, RESUME_V311);
    connect(&mut broker, CONNECT_B_V5);
    broker.restart();
    assert!(broker.wants_close(link) && broker.has_session("a") && !broker.has_session("b"));
    assert_eq!(open(&mut broker, RESUME_V311).1, b"\x20\x02\x01\x00");
    broker.lose_session("a");
    assert_eq!(open(&mut broker, RESUME_V311).1, b"\x20\x02\x00\x00");
}
