//! The broker against hand-written bytes.

mod audits;
mod connecting;
mod delivering;
mod receiving;
mod resuming;

use super::{Broker, Config, LinkId};

/// CONNECT of client `a` in 3.1, clean.
const CONNECT_V31: &[u8] = b"\x10\x0f\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x01a";
/// CONNECT of client `a` in 3.1.1, clean.
const CONNECT_V311: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a";
/// CONNECT of client `a` in 3.1.1 with a session that stays.
const RESUME_V311: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x00\x00\x3c\x00\x01a";
/// CONNECT of client `a` in 5.0, clean and without properties.
const CONNECT_V5: &[u8] = b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01a";
/// CONNECT of client `a` in 5.0 with a session that lives 255 seconds longer than its link.
const RESUME_V5: &[u8] = b"\x10\x13\x00\x04MQTT\x05\x00\x00\x3c\x05\x11\x00\x00\x00\xff\x00\x01a";
/// A CONNECT of client `b` in 5.0, clean and without properties.
const CONNECT_B_V5: &[u8] = b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01b";
/// SUBSCRIBE to `t` with QoS 2 before 5.0.
const SUBSCRIBE_V311: &[u8] = b"\x82\x06\x00\x0a\x00\x01t\x02";
/// SUBSCRIBE to `t` with QoS 2 in 5.0.
const SUBSCRIBE_V5: &[u8] = b"\x82\x07\x00\x0a\x00\x00\x01t\x02";

/// A broker with all defaults.
fn broker() -> Broker {
    Broker::new(Config::default())
}

/// Opens a link with this CONNECT and returns it with the answer.
fn open(broker: &mut Broker, connect: &[u8]) -> (LinkId, Vec<u8>) {
    let link = broker.accept();
    let answer = ask(broker, link, connect);
    (link, answer)
}

/// Opens a link and drops the answer.
fn connect(broker: &mut Broker, connect: &[u8]) -> LinkId {
    open(broker, connect).0
}

/// Sends bytes and returns the answer.
fn ask(broker: &mut Broker, link: LinkId, bytes: &[u8]) -> Vec<u8> {
    broker.input(link, bytes);
    broker.output(link)
}

/// Asserts that no client was blamed.
fn assert_clean(broker: &Broker) {
    assert_eq!(broker.violations(), &[] as &[String]);
}

/// Asserts that the only violation cites this statement.
fn assert_blamed(broker: &Broker, statement: &str) {
    let violations = broker.violations();
    let is_it = violations.len() == 1 && violations.iter().all(|text| text.starts_with(&format!("[{statement}]")));
    assert!(is_it, "expected one violation of {statement}, got {violations:?}");
}
