//! Acknowledgements and messages that are lost, doubled, late or wrong: nothing is lost by it, and at QoS 2 nothing doubled.

use std::time::Duration;

use pure_mqtt_client::pure_mqtt::{QoS, Version};
use pure_mqtt_client::{LinkEnd, NotPublished};
use pure_mqtt_test_broker::{Act, Broker, Config, Message, Packet, Seen, When};

use crate::rig::{CLIENT, Rig, options, resuming, until};
use crate::support::PATIENCE;

/// Whether the script has done something so often.
fn has_acted(seen: &Seen<'_>, times: usize) -> bool {
    seen.log().iter().filter(|line| line.text.starts_with("script: ")).count() == times
}

/// What is published at QoS 2 arrives once and ends, whichever answer is lost: the next link brings it.
#[test]
fn a_lost_answer_to_a_message_comes_on_the_next_link() {
    for version in Version::ALL {
        for (packet, qos) in [
            (Packet::PubAck, QoS::AtLeastOnce),
            (Packet::PubRec, QoS::ExactlyOnce),
            (Packet::PubComp, QoS::ExactlyOnce),
        ] {
            let broker = Broker::start().unwrap();
            broker.script(When::sends(packet).nth(1), Act::Lose);
            let rig = Rig::connected(&broker, resuming(version));
            let message = rig.publish("1", qos);
            until(&broker, |seen| has_acted(seen, 1));
            assert!(!message.is_published());
            assert!(broker.cut(CLIENT));
            message.wait_for_publish(PATIENCE).unwrap();
            let copies = if qos == QoS::ExactlyOnce { 1 } else { 2 };
            assert_eq!(broker.texts("out").len(), copies, "{packet} {version}\n{}", broker.log());
            assert_eq!(broker.violations(), [] as [&str; 0], "{packet} {version}");
        }
    }
}

#[test]
fn a_lost_pubrel_is_sent_again_on_the_next_link() {
    for version in Version::ALL {
        let broker = Broker::start().unwrap();
        broker.script(When::sends(Packet::PubRel).nth(1), Act::Lose);
        let rig = Rig::connected(&broker, resuming(version));
        rig.subscribe("in", QoS::ExactlyOnce);
        assert_eq!(broker.publish(&Message::new("in", "1").qos(2)), 1);
        until(&broker, |seen| has_acted(seen, 1));
        assert_eq!(broker.see(|seen| seen.queued(CLIENT)), 1);
        assert!(broker.cut(CLIENT));
        until(&broker, |seen| seen.queued(CLIENT) == 0);
        rig.ear.until(|told| !told.messages.is_empty());
        assert_eq!(rig.ear.told().texts(), ["1"], "{version}");
    }
}

#[test]
fn a_lost_suback_leaves_a_request_open() {
    for (packet, asks) in [(Packet::SubAck, "subscribe"), (Packet::UnsubAck, "unsubscribe")] {
        let broker = Broker::start().unwrap();
        let rig = Rig::connected(&broker, resuming(Version::V5));
        rig.subscribe("kept", QoS::AtLeastOnce);
        broker.script(When::sends(packet).nth(1), Act::Lose);
        match asks {
            "subscribe" => drop(rig.client.subscribe("in", QoS::AtLeastOnce).unwrap()),
            _ => drop(rig.client.unsubscribe("kept").unwrap()),
        }
        until(&broker, |seen| has_acted(seen, 1));
        rig.deliver("behind it", QoS::AtLeastOnce);
        let answers = |told: &crate::support::Told| told.subscribed.len() + told.unsubscribed.len();
        assert_eq!(answers(&rig.ear.told()), 1, "not the second");
        broker.cut(CLIENT);
        rig.ear.until(|told| answers(told) == 2);
    }
}

#[test]
fn a_lost_message_comes_on_the_next_link() {
    let broker = Broker::start().unwrap();
    broker.script(When::sends(Packet::Publish).nth(2), Act::Lose);
    let rig = Rig::connected(&broker, resuming(Version::V311));
    rig.subscribe("in", QoS::AtLeastOnce);
    for text in ["1", "2", "3"] {
        broker.publish(&Message::new("in", text).qos(1));
    }
    rig.ear.until(|told| told.messages.len() == 2);
    assert_eq!(rig.ear.told().texts(), ["1", "3"]);
    until(&broker, |seen| seen.queued(CLIENT) == 1);
    broker.cut(CLIENT);
    rig.ear.until(|told| told.messages.len() == 3);
    assert_eq!(rig.ear.told().texts(), ["1", "3", "2"]);
}

#[test]
fn what_a_client_sends_may_be_lost_too() {
    let broker = Broker::start().unwrap();
    broker.script(When::receives(Packet::Publish).nth(1), Act::Lose);
    let rig = Rig::connected(&broker, resuming(Version::V5));
    let message = rig.publish("1", QoS::ExactlyOnce);
    until(&broker, |seen| has_acted(seen, 1));
    assert_eq!(broker.texts("out"), [] as [&str; 0]);
    broker.cut(CLIENT);
    message.wait_for_publish(PATIENCE).unwrap();
    assert_eq!(broker.texts("out"), ["1"]);
}

#[test]
fn everything_twice_doubles_nothing_at_qos_2() {
    for version in Version::ALL {
        let broker = Broker::start().unwrap();
        for packet in [Packet::PubAck, Packet::PubRec, Packet::PubRel, Packet::PubComp] {
            broker.script(When::sends(packet), Act::Twice);
        }
        broker.script(When::sends(Packet::Publish).nth(1), Act::Twice);
        let rig = Rig::connected(&broker, options(version));
        rig.subscribe("in", QoS::ExactlyOnce);
        for text in ["1", "2", "3"] {
            rig.deliver(text, QoS::ExactlyOnce);
            broker.publish(&Message::new("in", text).qos(2));
        }
        until(&broker, |seen| seen.is_idle());
        assert_eq!(broker.texts("out"), ["1", "2", "3"], "{version}");
        rig.ear.until(|told| told.messages.len() == 3);
        assert_eq!(rig.ear.told().texts(), ["1", "2", "3"], "{version}");
    }
}

#[test]
fn what_is_late_is_overtaken() {
    let broker = Broker::start().unwrap();
    broker.script(When::sends(Packet::Publish).nth(1), Act::Late(Duration::from_millis(100)));
    let rig = Rig::connected(&broker, options(Version::V5));
    rig.subscribe("in", QoS::AtMostOnce);
    broker.publish(&Message::new("in", "1"));
    broker.publish(&Message::new("in", "2"));
    rig.ear.until(|told| told.messages.len() == 2);
    assert_eq!(rig.ear.told().texts(), ["2", "1"]);
}

#[test]
fn an_answer_under_a_wrong_identifier_answers_nothing() {
    let broker = Broker::start().unwrap();
    broker.script(When::sends(Packet::PubAck).nth(1), Act::WithId(999));
    let rig = Rig::connected(&broker, resuming(Version::V311));
    let message = rig.publish("1", QoS::AtLeastOnce);
    crate::support::eventually(|| rig.client.stats().engine.unknown_acks == 1);
    assert!(!message.is_published());
    broker.cut(CLIENT);
    message.wait_for_publish(PATIENCE).unwrap();
}

#[test]
fn a_code_refuses_one_message() {
    let broker = Broker::start().unwrap();
    broker.script(When::sends(Packet::PubAck).nth(2), Act::WithCode(0x97));
    broker.script(When::sends(Packet::PubRec).nth(1), Act::WithCode(0x87));
    let rig = Rig::connected(&broker, options(Version::V5));
    rig.deliver("1", QoS::AtLeastOnce);
    for (text, qos, code) in [("2", QoS::AtLeastOnce, 0x97), ("3", QoS::ExactlyOnce, 0x87)] {
        let message = rig.publish(text, qos);
        rig.ear.until(|told| told.published.iter().any(|(mid, _)| *mid == message.mid()));
        let told = rig.ear.told();
        let (_, end) = told.published.iter().find(|(mid, _)| *mid == message.mid()).unwrap();
        assert!(matches!(end, Err(NotPublished::Refused(reason)) if reason.0 == code), "{end:?}");
    }
    rig.deliver("4", QoS::ExactlyOnce);
}

#[test]
fn acknowledgements_are_held_until_they_are_released() {
    let broker = Broker::start_with(Config { hold_acks: true, ..Config::default() }).unwrap();
    let rig = Rig::connected(&broker, options(Version::V311));
    let message = rig.publish("1", QoS::AtLeastOnce);
    until(&broker, |seen| seen.received("out").count() == 1);
    assert!(!message.is_published() && !broker.is_idle());
    broker.release_acks();
    message.wait_for_publish(PATIENCE).unwrap();
    assert!(broker.is_idle());
}

#[test]
fn other_bytes_in_the_place_of_a_packet() {
    let broker = Broker::start().unwrap();
    broker.script(When::sends(Packet::PubAck).nth(1), Act::Instead(b"\x40\x02\0\0".to_vec()));
    let rig = Rig::connected(&broker, resuming(Version::V311));
    let message = rig.publish("1", QoS::AtLeastOnce);
    rig.ear.until(|told| matches!(told.ends[..], [LinkEnd::Mqtt(_), ..]));
    message.wait_for_publish(PATIENCE).unwrap();
}
