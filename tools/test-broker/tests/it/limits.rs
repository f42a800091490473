//! What a broker offers and demands.

use pure_mqtt_client::pure_mqtt::{Limits, QoS, Version};
use pure_mqtt_test_broker::{Broker, Config, Fault, Message, Packet, Prop, prop_id};

use crate::rig::{CLIENT, Rig, options, until};
use crate::support::PATIENCE;

/// What CONNACK says, as the log has it.
fn connack(config: Config) -> String {
    let broker = Broker::start_with(config).unwrap();
    let _rig = Rig::connected(&broker, options(Version::V5));
    let is_connack = |text: &str| text.starts_with("CONNACK");
    broker.see(|seen| seen.log().iter().find(|line| is_connack(&line.text)).map(|line| line.text.clone())).unwrap()
}

#[test]
fn connack_announces_the_limits() {
    let config = Config {
        receive_maximum: Some(3),
        maximum_qos: 1,
        retain_available: false,
        maximum_packet_size: Some(500),
        topic_alias_maximum: 2,
        server_keep_alive: Some(7),
        session_expiry: Some(9),
        wildcard_available: false,
        subscription_id_available: false,
        shared_available: false,
        extra_connack_properties: vec![(prop_id::REASON_STRING, Prop::Text("hello".into()))],
        ..Config::default()
    };
    let shown = connack(config);
    for (id, value) in [
        (prop_id::RECEIVE_MAXIMUM, "Two(3)"),
        (prop_id::MAXIMUM_QOS, "Byte(1)"),
        (prop_id::RETAIN_AVAILABLE, "Byte(0)"),
        (prop_id::MAXIMUM_PACKET_SIZE, "Four(500)"),
        (prop_id::TOPIC_ALIAS_MAXIMUM, "Two(2)"),
        (prop_id::SERVER_KEEP_ALIVE, "Two(7)"),
        (prop_id::SESSION_EXPIRY, "Four(9)"),
        (prop_id::WILDCARD_AVAILABLE, "Byte(0)"),
        (prop_id::SUBSCRIPTION_ID_AVAILABLE, "Byte(0)"),
        (prop_id::SHARED_AVAILABLE, "Byte(0)"),
        (prop_id::REASON_STRING, "Text(\"hello\")"),
    ] {
        assert!(shown.contains(&format!("{id:#04x}={value}")), "{id:#04x} in {shown}");
    }
}

#[test]
fn only_one_user_is_known() {
    for version in Version::ALL {
        let credentials = Some(("user".into(), b"secret".to_vec()));
        let broker = Broker::start_with(Config { credentials, ..Config::default() }).unwrap();
        let stranger = Rig::start(&broker, options(version));
        stranger.ear.until(|told| told.connacks.first().is_some_and(|(reason, _)| reason.0 >= 0x80));
        drop(stranger);
        let user = options(version).user_name("user").password(b"secret");
        Rig::connected(&broker, user).deliver("1", QoS::AtLeastOnce);
    }
}

#[test]
fn only_some_versions_are_spoken() {
    let broker =
        Broker::start_with(Config { versions: vec![pure_mqtt_test_broker::Version::V311], ..Config::default() })
            .unwrap();
    let rig = Rig::start(&broker, options(Version::V5).reconnect_on_failure(false));
    rig.ear.until(|told| told.connacks.first().is_some_and(|(reason, _)| reason.0 != 0));
    drop(rig);
    Rig::connected(&broker, options(Version::V311)).deliver("1", QoS::AtLeastOnce);
}

#[test]
fn a_subscription_is_refused() {
    let broker = Broker::start().unwrap();
    broker.configure(|config| config.refuse_subscribe = Some(0x87));
    let rig = Rig::connected(&broker, options(Version::V5));
    rig.subscribe("in", QoS::AtMostOnce);
    assert!(format!("{:?}", rig.ear.told().subscribed).contains("135"), "{:?}", rig.ear.told().subscribed);
    assert_eq!(broker.see(|seen| seen.subscriptions(CLIENT)), []);
}

/// The thread has no ticks: it wakes up when a silent client is due.
#[test]
fn a_silent_client_is_found_out() {
    use std::io::{Read, Write};
    let broker = Broker::start().unwrap();
    let mut socket = std::net::TcpStream::connect(broker.address()).unwrap();
    socket.set_read_timeout(Some(crate::support::PATIENCE)).unwrap();
    socket.write_all(b"\x10\x0E\0\x04MQTT\x05\x02\0\x01\0\0\x01a").unwrap(); // keep alive 1 s
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    assert!(answer.ends_with(b"\xE0\x01\x8D"), "{answer:02x?}");
    until(&broker, |seen| seen.open() == 0);
    assert_eq!(broker.see(|seen| seen.count(Packet::PingReq)), 0);
}

/// How the first link of a client ends.
fn end(fault: Fault, limits: Limits, messages: &[Message]) -> String {
    let broker = Broker::start_with(Config { faults: [fault].into(), ..Config::default() }).unwrap();
    let rig = Rig::start(&broker, options(Version::V5).limits(limits));
    if !messages.is_empty() {
        rig.subscribe("in", QoS::AtLeastOnce);
        messages.iter().for_each(|message| assert_eq!(broker.publish(message), 1));
    }
    let told = rig.ear.once(|told| !told.ends.is_empty() || !told.failures.is_empty());
    format!("{:?} {:?}", told.ends, told.failures)
}

#[test]
fn limits_of_the_client_are_ignored() {
    let message = Message::new("in", vec![b'x'; 2_000]).qos(1);
    let small = Limits { inline_max: 1_000, ..Limits::DEFAULT };
    let shown = end(Fault::IgnorePacketSize, small, std::slice::from_ref(&message));
    assert!(shown.contains("TooLong") || shown.contains("PacketTooLarge"), "{shown}");
    let few = Limits { receive_maximum: 2, manual_acks: true, strict: true, ..Limits::DEFAULT };
    let shown = end(Fault::IgnoreReceiveMaximum, few, &[message.clone(), message.clone(), message]);
    assert!(shown.contains("ReceiveMaximum"), "{shown}");
}

/// The client asks for them again with each session that is resumed.
#[test]
fn shared_subscriptions_are_forgotten() {
    for version in [Version::V311, Version::V5] {
        let faults = [Fault::ForgetShared].into();
        let broker = Broker::start_with(Config { faults, ..Config::default() }).unwrap();
        let rig = Rig::connected(&broker, crate::rig::resuming(version));
        rig.subscribe("$share/crew/in", QoS::AtLeastOnce);
        rig.subscribe("plain", QoS::AtLeastOnce);
        broker.cut(CLIENT);
        rig.ear.until(|told| told.connacks.len() == 2);
        assert_eq!(rig.ear.told().connacks[1].1, pure_mqtt_client::pure_mqtt::SessionState::Resumed);
        broker.wait_for(PATIENCE, |seen| seen.subscriptions(CLIENT).len() == 2).unwrap();
    }
}

#[test]
fn sessions_are_pretended() {
    let shown = end(Fault::ClaimSession, Limits::DEFAULT, &[]);
    assert!(shown.contains("Session"), "{shown}");
    let broker = Broker::start_with(Config { faults: [Fault::DenySession].into(), ..Config::default() }).unwrap();
    let rig = Rig::connected(&broker, crate::rig::resuming(Version::V311));
    rig.subscribe("in", QoS::AtLeastOnce);
    broker.cut(CLIENT);
    rig.ear.until(|told| told.connacks.len() == 2);
    assert_ne!(rig.ear.told().connacks[1].1, pure_mqtt_client::pure_mqtt::SessionState::Resumed);
}
