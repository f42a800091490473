//! PUBLISH from the client.

use super::super::Config;
use super::*;

#[test]
fn each_qos_is_acknowledged_before_v5() {
    for hello in [CONNECT_V31, CONNECT_V311] {
        let mut broker = broker();
        let link = connect(&mut broker, hello);
        assert_eq!(ask(&mut broker, link, b"\x30\x05\x00\x01thi"), b"");
        assert_eq!(ask(&mut broker, link, b"\x32\x07\x00\x01t\x00\x01hi"), b"\x40\x02\x00\x01");
        assert_eq!(ask(&mut broker, link, b"\x34\x07\x00\x01t\x00\x02hi"), b"\x50\x02\x00\x02");
        assert_eq!(ask(&mut broker, link, b"\x62\x02\x00\x02"), b"\x70\x02\x00\x02");
        let seen: Vec<u8> = broker.released().iter().map(|message| message.qos).collect();
        assert_eq!(seen, [0, 1, 2]);
        assert!(broker.idle());
        assert_clean(&broker);
    }
}

#[test]
fn each_qos_is_acknowledged_in_v5() {
    let mut broker = broker();
    let link = connect(&mut broker, CONNECT_V5);
    assert_eq!(ask(&mut broker, link, b"\x30\x06\x00\x01t\x00hi"), b"");
    assert_eq!(ask(&mut broker, link, b"\x32\x08\x00\x01t\x00\x01\x00hi"), b"\x40\x02\x00\x01");
    assert_eq!(ask(&mut broker, link, b"\x34\x08\x00\x01t\x00\x02\x00hi"), b"\x50\x02\x00\x02");
    assert_eq!(ask(&mut broker, link, b"\x62\x02\x00\x02"), b"\x70\x02\x00\x02");
    assert_eq!(broker.released().len(), 3);
    assert!(broker.released().iter().all(|message| message.payload == b"hi" && message.client_id == "a"));
    assert_clean(&broker);
}

#[test]
fn qos_2_is_taken_once_across_connections() {
    let mut broker = broker();
    let link = connect(&mut broker, RESUME_V311);
    broker.input(link, b"\x34\x07\x00\x01t\x00\x01hi");
    broker.cut(link);
    let (link, answer) = open(&mut broker, RESUME_V311);
    assert_eq!(answer, b"\x20\x02\x01\x00");
    assert_eq!(broker.awaiting_resend("a"), [1]);
    assert_eq!(ask(&mut broker, link, b"\x3c\x07\x00\x01t\x00\x01hi"), b"\x50\x02\x00\x01");
    assert!(broker.awaiting_resend("a").is_empty());
    assert!(!broker.idle());
    assert_eq!(ask(&mut broker, link, b"\x62\x02\x00\x01"), b"\x70\x02\x00\x01");
    assert_eq!(broker.released().len(), 1);
    assert!(broker.idle());
    assert_clean(&broker);
}

#[test]
fn a_late_pubrel_is_answered() {
    let mut broker = broker();
    let link = connect(&mut broker, RESUME_V5);
    ask(&mut broker, link, b"\x34\x08\x00\x01t\x00\x02\x00hi\x62\x02\x00\x02");
    broker.cut(link);
    let link = connect(&mut broker, RESUME_V5);
    assert_eq!(ask(&mut broker, link, b"\x62\x02\x00\x02"), b"\x70\x03\x00\x02\x92");
    assert_clean(&broker);
}

#[test]
fn aliases_are_resolved() {
    let mut broker = broker();
    let link = connect(&mut broker, CONNECT_V5);
    broker.input(link, b"\x30\x08\x00\x01t\x03\x23\x00\x10x");
    broker.input(link, b"\x30\x07\x00\x00\x03\x23\x00\x10y");
    let seen: Vec<_> = broker.released().iter().map(|message| (message.topic.as_str(), &*message.payload)).collect();
    assert_eq!(seen, [("t", &b"x"[..]), ("t", b"y")]);
    assert_clean(&broker);
}

#[test]
fn messages_can_be_refused() {
    let config = Config { puback_reason: Some(0x97), pubrec_reason: Some(0x87), ..Config::default() };
    let mut broker = Broker::new(config);
    let link = connect(&mut broker, CONNECT_V5);
    assert_eq!(ask(&mut broker, link, b"\x32\x08\x00\x01t\x00\x01\x00hi"), b"\x40\x03\x00\x01\x97");
    assert_eq!(ask(&mut broker, link, b"\x34\x08\x00\x01t\x00\x02\x00hi"), b"\x50\x03\x00\x02\x87");
    assert!(broker.released().is_empty() && broker.idle());
    assert_eq!(ask(&mut broker, link, b"\x34\x08\x00\x01t\x00\x02\x00hi"), b"\x50\x03\x00\x02\x87");
    assert_clean(&broker);
}

#[test]
fn acks_can_be_held_and_reversed() {
    let config = Config { hold_acks: true, reverse_held_acks: true, ..Config::default() };
    let mut broker = Broker::new(config);
    let link = connect(&mut broker, CONNECT_V311);
    assert_eq!(ask(&mut broker, link, b"\x32\x05\x00\x01t\x00\x01\x32\x05\x00\x01t\x00\x02"), b"");
    assert_eq!(broker.held_acks(), 2);
    assert!(!broker.idle());
    broker.release_acks();
    assert_eq!(broker.output(link), b"\x40\x02\x00\x02\x40\x02\x00\x01");
    assert!(broker.idle());
    assert_clean(&broker);
}

#[test]
fn the_receive_maximum_is_enforced() {
    let config = Config { hold_acks: true, receive_maximum: Some(1), ..Config::default() };
    let mut broker = Broker::new(config);
    let link = connect(&mut broker, CONNECT_V5);
    assert_eq!(ask(&mut broker, link, b"\x32\x06\x00\x01t\x00\x01\x00"), b"");
    assert_clean(&broker);
    assert_eq!(ask(&mut broker, link, b"\x32\x06\x00\x01t\x00\x02\x00"), b"\xe0\x01\x93");
    assert_blamed(&broker, "MQTT-3.3.4-7");
}
