//! The link is cut while messages come to us: nothing is lost, and nothing at QoS 2 is delivered twice.

use pure_mqtt::wire::PacketType;
use pure_mqtt::{QoS, SessionState, Version};

use crate::client::Client;
use crate::server::Mosquitto;

/// Cuts `receiver` at some point of the delivery of one message, resumes, and says how often the message was delivered.
fn deliveries(broker: &Mosquitto, version: Version, qos: QoS, cut_at: impl Fn(&mut Client)) -> usize {
    let mut sender = Client::clean(broker, version, "sender");
    let mut receiver = Client::lasting(broker, version, "receiver");
    receiver.subscribe("cut", QoS::ExactlyOnce);
    sender.deliver("cut", b"message", qos);
    cut_at(&mut receiver);
    receiver.cut();
    sender.deliver("cut", b"meanwhile", qos);

    assert_eq!(receiver.resume(version, "receiver"), SessionState::Resumed);
    sender.deliver("cut", b"end", QoS::ExactlyOnce);
    receiver.until(|client| client.seen.texts().contains(&"end") && client.mqtt.is_idle());
    let texts = receiver.seen.texts();
    assert_eq!(texts.iter().filter(|text| **text == "meanwhile").count(), 1, "{version:?} {qos:?}");
    texts.iter().filter(|text| **text == "message").count()
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn before_publish_is_read() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            assert_eq!(deliveries(&broker, version, qos, |_| ()), 1, "{version:?} {qos:?}");
        }
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn after_publish_is_read() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        let read = |receiver: &mut Client| receiver.take_until(PacketType::Publish);
        assert_eq!(deliveries(&broker, version, QoS::AtLeastOnce, read), 2, "{version:?}: mosquitto never saw PUBACK");
        assert_eq!(deliveries(&broker, version, QoS::ExactlyOnce, read), 1, "{version:?}");
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn after_the_first_acknowledgement_is_written() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        let answer = |receiver: &mut Client| {
            receiver.take_until(PacketType::Publish);
            receiver.send();
        };
        let delivered = deliveries(&broker, version, QoS::AtLeastOnce, answer);
        assert!((1..=2).contains(&delivered), "{version:?}: delivered {delivered} times");
        assert_eq!(deliveries(&broker, version, QoS::ExactlyOnce, answer), 1, "{version:?}");
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn after_pubrel_is_read() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        let delivered = deliveries(&broker, version, QoS::ExactlyOnce, |receiver| {
            receiver.take_until(PacketType::Publish);
            receiver.send();
            receiver.take_until(PacketType::PubRel);
        });
        assert_eq!(delivered, 1, "{version:?}");
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn after_pubcomp_is_written() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        let delivered = deliveries(&broker, version, QoS::ExactlyOnce, |receiver| {
            receiver.take_until(PacketType::Publish);
            receiver.send();
            receiver.take_until(PacketType::PubRel);
            receiver.send();
        });
        assert_eq!(delivered, 1, "{version:?}");
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn again_and_again() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        let mut receiver = Client::lasting(&broker, version, "receiver");
        receiver.subscribe("cut", QoS::ExactlyOnce);
        receiver.cut();
        let mut sender = Client::clean(&broker, version, "sender");
        for number in 0..60 {
            sender.publish("cut", number.to_string().as_bytes(), QoS::ExactlyOnce);
        }
        sender.settle();
        let mut links = 0; // each takes a little more than the one before, so that one takes all
        while receiver.seen.messages.len() < 60 || !receiver.mqtt.is_idle() {
            links += 1;
            assert!(links < 200, "{version:?}: no progress after {:?}", receiver.seen.texts());
            assert_eq!(receiver.resume(version, "receiver"), SessionState::Resumed);
            let before = receiver.seen.packets.len();
            receiver.until(|client| client.seen.packets.len() > before + 5 * links || client.seen.messages.len() == 60);
            receiver.cut();
        }
        assert!(receiver.seen.texts().into_iter().eq((0..60).map(|number| number.to_string())), "{version:?}");
    }
}
