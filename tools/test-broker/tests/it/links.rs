//! Links that are cut, stalled and slow.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use pure_mqtt_client::LinkEnd;
use pure_mqtt_client::pure_mqtt::{QoS, Version};
use pure_mqtt_test_broker::{Act, Broker, Message, Packet, When};

use crate::rig::{CLIENT, Rig, options, resuming, until};
use crate::support::PATIENCE;

/// CONNECT of 3.1.1, SUBSCRIBE, PUBLISH at QoS 2 and its PUBREL.
const DIALOGUE: &[u8] =
    b"\x10\x0D\0\x04MQTT\x04\x02\0\x3C\0\x01a\x82\x06\0\x01\0\x01t\0\x34\x06\0\x01t\0\x02x\x62\x02\0\x02";
/// What the broker says to that: CONNACK, SUBACK, the message itself, PUBREC and PUBCOMP.
const ANSWERS: usize = 4 + 5 + 6 + 4 + 4;

fn socket(broker: &Broker) -> TcpStream {
    let socket = TcpStream::connect(broker.address()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Everything until the end of the connection.
fn rest(socket: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    match socket.read_to_end(&mut bytes) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => bytes,
    }
}

#[test]
fn a_link_is_cut_after_each_number_of_bytes_to_the_client() {
    for count in 0..ANSWERS {
        let broker = Broker::start().unwrap();
        broker.script(When::opens(), Act::CutAfter(count));
        let mut socket = socket(&broker);
        let _ = socket.write_all(DIALOGUE); // may be closed already
        assert_eq!(rest(&mut socket).len(), count);
        until(&broker, |seen| seen.open() == 0);
    }
}

#[test]
fn a_link_is_cut_after_each_number_of_bytes_from_the_client() {
    for count in 0..DIALOGUE.len() {
        let broker = Broker::start().unwrap();
        broker.script(When::opens(), Act::CutAfterReceiving(count));
        let mut socket = socket(&broker);
        let _ = socket.write_all(DIALOGUE);
        rest(&mut socket);
        until(&broker, |seen| seen.open() == 0);
        let has_published = count >= DIALOGUE.len() - 4;
        assert_eq!(broker.texts("t").len(), usize::from(has_published), "{count}");
    }
}

#[test]
fn a_packet_is_cut_in_the_middle() {
    for version in Version::ALL {
        let broker = Broker::start().unwrap();
        broker.script(When::sends(Packet::PubRec).nth(1), Act::CutAfter(3));
        broker.script(When::receives(Packet::PubRel).nth(1), Act::CutAfter(0));
        let rig = Rig::connected(&broker, resuming(version));
        rig.deliver("1", QoS::ExactlyOnce);
        assert_eq!(rig.ends().len(), 2, "{version}: {:?}", rig.ends());
        assert_eq!(broker.texts("out"), ["1"], "{version}");
        assert_eq!(broker.violations(), [] as [&str; 0], "{version}");
    }
}

#[test]
fn everything_comes_a_byte_at_a_time() {
    let broker = Broker::start().unwrap();
    broker.script(When::opens(), Act::Trickle(Duration::from_millis(1)));
    let rig = Rig::connected(&broker, options(Version::V5));
    rig.subscribe("in", QoS::ExactlyOnce);
    broker.publish(&Message::new("in", "slowly").qos(2));
    rig.ear.until(|told| told.texts() == ["slowly"]);
    rig.deliver("1", QoS::ExactlyOnce);
    assert_eq!(broker.violations(), [] as [&str; 0]);
}

/// The client of this test finds each out by its own means: a time-out for CONNACK, or its keep alive.
#[test]
fn a_stalled_link_stays_open_and_says_nothing() {
    for when in [When::opens(), When::receives(Packet::Connect), When::sends(Packet::ConnAck)] {
        let broker = Broker::start().unwrap();
        broker.script(when.clone().nth(1), Act::Stall);
        let mut socket = socket(&broker);
        socket.write_all(DIALOGUE).unwrap();
        until(&broker, |seen| seen.log().iter().any(|line| line.text.starts_with("script: Stall")));
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let silence = socket.read(&mut [0]).unwrap_err();
        assert!(matches!(silence.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{when:?}: {silence}");
        assert_eq!(broker.see(|seen| (seen.open(), seen.received("t").count())), (1, 0), "{when:?}");
        // The next link is as it should be.
        Rig::connected(&broker, options(Version::V311)).deliver("1", QoS::AtLeastOnce);
    }
}

#[test]
fn a_client_leaves_a_stalled_link_by_its_keep_alive() {
    for act in [Act::Stall, Act::StopWriting] {
        let broker = Broker::start().unwrap();
        broker.script(When::receives(Packet::PingReq).nth(1), act);
        let rig = Rig::connected(&broker, resuming(Version::V311).keep_alive(1));
        let told = rig.ear.once(|told| !told.ends.is_empty());
        assert!(matches!(told.ends[..], [LinkEnd::Mqtt(_)]), "{:?}", told.ends);
        drop(told);
        rig.deliver("1", QoS::ExactlyOnce);
    }
}

#[test]
fn a_broker_that_does_not_read_fills_the_socket_of_its_client() {
    let broker = Broker::start().unwrap();
    broker.script(When::receives(Packet::Connect), Act::StopReading);
    let mut socket = socket(&broker);
    socket.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    socket.write_all(DIALOGUE).unwrap();
    let mut connack = [0; 4];
    socket.read_exact(&mut connack).unwrap();
    assert_eq!(connack, [0x20, 2, 0, 0], "what it has to say is still sent");
    let full = std::iter::repeat_with(|| socket.write(&[0; 1 << 16])).find_map(Result::err).unwrap();
    assert!(matches!(full.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{full}");
}

#[test]
fn a_broker_that_does_not_write_still_obeys() {
    let broker = Broker::start().unwrap();
    broker.script(When::opens(), Act::StopWriting);
    let mut socket = socket(&broker);
    socket.write_all(DIALOGUE).unwrap();
    until(&broker, |seen| seen.received("t").count() == 1);
    drop(socket);
    until(&broker, |seen| seen.open() == 0);
}

#[test]
fn rules_may_be_about_one_client_or_one_link() {
    let broker = Broker::start().unwrap();
    broker.script(When::sends(Packet::PubAck).client("other"), Act::Lose);
    let rig = Rig::connected(&broker, resuming(Version::V5));
    rig.deliver("1", QoS::AtLeastOnce);
    let link = broker.see(|seen| seen.link(CLIENT)).unwrap();
    broker.script(When::receives(Packet::Publish).on_link(link.number()), Act::Disconnect(0x97));
    rig.deliver("2", QoS::AtLeastOnce);
    assert!(matches!(rig.ends()[..], [LinkEnd::ServerDisconnect { .. }]), "{:?}", rig.ends());
    broker.script(When::sends(Packet::PubAck).client(CLIENT), Act::Lose);
    let message = rig.publish("3", QoS::AtLeastOnce);
    until(&broker, |seen| seen.received("out").count() == 3);
    assert!(!message.is_published());
    broker.clear_script();
    broker.cut(CLIENT);
    message.wait_for_publish(PATIENCE).unwrap();
}

#[test]
fn raw_bytes_may_be_sent_at_any_time() {
    let broker = Broker::start().unwrap();
    let rig = Rig::connected(&broker, options(Version::V311));
    assert!(broker.inject(CLIENT, b"\x30\x05\0\x01thi"));
    rig.ear.until(|told| told.texts() == ["hi"]);
    assert!(broker.inject(CLIENT, b"\0\0"));
    rig.ear.until(|told| matches!(told.ends[..], [LinkEnd::Mqtt(_), ..]));
}
