//! Refusals, goodbyes, redirects, sessions that are lost, and restarts.

use pure_mqtt_client::LinkEnd;
use pure_mqtt_client::pure_mqtt::{QoS, SessionState, Version};
use pure_mqtt_test_broker::{Act, Broker, Keep, Message, Packet, When};

use crate::rig::{CLIENT, Rig, options, resuming, until};
use crate::support::PATIENCE;

/// The codes that CONNACK may carry, other than success and those that announce another server.
const CONNACK_V5: [u8; 20] = [
    0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95, 0x97, 0x99, 0x9A, 0x9B, 0x9F,
    0x9D,
];
const CONNACK_OLD: [u8; 5] = [1, 2, 3, 4, 5];
/// Those that a server's DISCONNECT may carry.
const DISCONNECT: [u8; 26] = [
    0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A,
    0x9B, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2,
];

#[test]
fn each_code_refuses_a_connect_and_the_next_one_is_welcome() {
    for version in Version::ALL {
        let codes: &[u8] = if version == Version::V5 { &CONNACK_V5 } else { &CONNACK_OLD };
        for code in codes {
            let broker = Broker::start().unwrap();
            broker.script(When::receives(Packet::Connect).nth(1), Act::Disconnect(*code));
            let rig = Rig::start(&broker, options(version));
            let told = rig.ear.once(|told| !told.connacks.is_empty());
            let is_told = |reason: u8| if version == Version::V5 { reason == *code } else { reason >= 0x80 };
            assert!(is_told(told.connacks[0].0.0), "{code:#04x} in {version}: {:?}", told.connacks);
        }
    }
}

#[test]
fn a_refusal_may_pass() {
    let broker = Broker::start().unwrap();
    broker.script(When::receives(Packet::Connect).nth(1), Act::Disconnect(0x88));
    broker.script(When::opens().nth(3), Act::CutAfter(0));
    let rig = Rig::connected(&broker, options(Version::V5));
    assert_eq!(broker.see(|seen| seen.accepted()), 2);
    assert_eq!(rig.ear.told().connacks[0].0.0, 0x88);
    broker.cut(CLIENT);
    rig.ear.until(|told| told.connacks.iter().filter(|(reason, _)| reason.0 == 0).count() == 2);
    assert_eq!(broker.see(|seen| seen.accepted()), 4, "the third was cut as it opened");
}

#[test]
fn each_code_of_disconnect_is_told() {
    let broker = Broker::start().unwrap();
    for code in DISCONNECT {
        let rig = Rig::connected(&broker, options(Version::V5).reconnect_on_failure(false));
        until(&broker, |seen| seen.is_connected(CLIENT));
        assert!(broker.disconnect(CLIENT, code));
        rig.ear
            .until(|told| matches!(told.ends[..], [LinkEnd::ServerDisconnect { reason, .. }, ..] if reason.0 == code));
    }
}

#[test]
fn the_script_may_end_a_link_in_the_middle() {
    let broker = Broker::start().unwrap();
    broker.script(When::receives(Packet::Subscribe).nth(1), Act::Disconnect(0x97));
    broker.script(When::sends(Packet::PubRec).nth(1), Act::Disconnect(0x93));
    let rig = Rig::connected(&broker, resuming(Version::V5));
    rig.subscribe("in", QoS::AtLeastOnce);
    rig.deliver("1", QoS::ExactlyOnce);
    let codes: Vec<_> = rig.ends().iter().map(ToString::to_string).collect();
    assert!(matches!(&codes[..], [first, second] if first.contains("0x97") && second.contains("0x93")), "{codes:?}");
    assert_eq!(broker.texts("out"), ["1"]);
}

#[test]
fn a_client_is_sent_to_another_server() {
    let (first, second) = (Broker::start().unwrap(), Broker::start().unwrap());
    first.script(When::receives(Packet::Connect), Act::Redirect(second.address().to_string()));
    let rig = Rig::start(&first, options(Version::V5));
    until(&first, |seen| seen.log().iter().any(|line| line.text.starts_with("CONNACK code=0x9c")));
    drop(rig);
    assert_eq!(second.violations(), [] as [&str; 0]);
}

#[test]
fn a_connected_client_is_sent_to_another_server() {
    let broker = Broker::start().unwrap();
    broker.script(When::receives(Packet::Subscribe).nth(1), Act::Redirect("elsewhere:1883".into()));
    let rig = Rig::connected(&broker, options(Version::V5));
    rig.client.subscribe("in", QoS::AtMostOnce).unwrap();
    let told = rig.ear.once(|told| !told.ends.is_empty());
    let LinkEnd::ServerDisconnect { reason, server_reference, .. } = &told.ends[0] else { panic!("{:?}", told.ends) };
    assert_eq!((reason.0, server_reference.as_deref()), (0x9C, Some("elsewhere:1883")));
}

#[test]
fn a_session_is_lost() {
    for version in [Version::V311, Version::V5] {
        let broker = Broker::start().unwrap();
        let rig = Rig::connected(&broker, resuming(version));
        rig.subscribe("in", QoS::AtLeastOnce);
        broker.lose_session(CLIENT);
        rig.ear.until(|told| told.connacks.len() == 2);
        assert_ne!(rig.ear.told().connacks[1].1, SessionState::Resumed, "{version}");
        until(&broker, |seen| seen.subscriptions(CLIENT) == [("in".to_owned(), 1)]);
    }
}

#[test]
fn a_restart_keeps_sessions_or_loses_them() {
    for keep in [Keep::Sessions, Keep::Nothing] {
        let broker = Broker::start().unwrap();
        broker.publish(&Message::new("state", "up").retain());
        let rig = Rig::connected(&broker, resuming(Version::V5));
        rig.subscribe("in", QoS::AtLeastOnce);
        broker.stop(keep);
        assert!(std::net::TcpStream::connect(broker.address()).is_err());
        assert_eq!(broker.publish(&Message::new("in", "meanwhile").qos(1)), usize::from(keep == Keep::Sessions));
        let message = rig.publish("1", QoS::ExactlyOnce);
        broker.resume().unwrap();
        message.wait_for_publish(PATIENCE).unwrap();
        let is_resumed = rig.ear.told().connacks.last().unwrap().1 == SessionState::Resumed;
        assert_eq!(is_resumed, keep == Keep::Sessions);
        if keep == Keep::Sessions {
            rig.ear.until(|told| !told.messages.is_empty());
        }
        assert_eq!(broker.see(|seen| seen.retained_count()), usize::from(keep == Keep::Sessions));
        assert_eq!(broker.texts("out"), ["1"]);
    }
}
