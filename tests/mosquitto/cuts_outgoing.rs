//! The link is cut while we publish: nothing is lost, and nothing at QoS 2 comes twice.

use pure_mqtt::wire::PacketType;
use pure_mqtt::{QoS, SessionState, Version};

use crate::client::Client;
use crate::server::Mosquitto;

/// Cuts `sender` at some point of the delivery of one message, resumes, and says how often the message arrived.
fn arrivals(broker: &Mosquitto, version: Version, qos: QoS, cut_at: impl Fn(&mut Client)) -> usize {
    let mut receiver = Client::clean(broker, version, "receiver");
    receiver.subscribe("cut", QoS::ExactlyOnce);
    let mut sender = Client::lasting(broker, version, "sender");
    let handle = sender.publish("cut", b"message", qos);
    cut_at(&mut sender);
    sender.cut();
    assert!(sender.seen.ends.is_empty(), "the message must not be finished before the cut");

    assert_eq!(sender.resume(version, "sender"), SessionState::Resumed);
    sender.settle();
    assert_eq!(sender.seen.ends.iter().map(|(handle, _)| *handle).collect::<Vec<_>>(), [handle], "it ends once");
    sender.deliver("cut", b"end", QoS::ExactlyOnce);
    receiver.until(|client| client.seen.texts().contains(&"end") && client.mqtt.is_idle());
    receiver.seen.texts().iter().filter(|text| **text == "message").count()
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn before_publish_is_written() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            assert_eq!(arrivals(&broker, version, qos, |_| ()), 1, "{version:?} {qos:?}");
        }
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn inside_publish() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            for count in [1, 2, 5, 9] {
                let arrived = arrivals(&broker, version, qos, |sender| sender.send_only(count));
                assert_eq!(arrived, 1, "{version:?} {qos:?} after {count} bytes");
            }
        }
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn after_publish_is_written() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        let arrived = arrivals(&broker, version, QoS::AtLeastOnce, Client::send);
        assert!((1..=2).contains(&arrived), "{version:?}: arrived {arrived} times");
        let arrived = arrivals(&broker, version, QoS::ExactlyOnce, Client::send);
        assert_eq!(arrived, 1, "{version:?}");
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn after_publish_was_acknowledged_and_the_acknowledgement_was_not_read() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        for (qos, line, most) in
            [(QoS::AtLeastOnce, "Sending PUBACK to sender", 2), (QoS::ExactlyOnce, "Sending PUBREC to sender", 1)]
        {
            let before = broker.logged(line);
            let arrived = arrivals(&broker, version, qos, |sender| {
                sender.send();
                broker.await_log_count(line, before + 1);
            });
            assert!((1..=most).contains(&arrived), "{version:?} {qos:?}: arrived {arrived} times");
        }
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn after_pubrec_is_read() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        let arrived = arrivals(&broker, version, QoS::ExactlyOnce, |sender| {
            sender.send();
            sender.take_until(PacketType::PubRec);
        });
        assert_eq!(arrived, 1, "{version:?}");
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn after_pubrel_is_written() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        let arrived = arrivals(&broker, version, QoS::ExactlyOnce, |sender| {
            sender.send();
            sender.take_until(PacketType::PubRec);
            sender.send();
        });
        assert_eq!(arrived, 1, "{version:?}");
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn after_pubcomp_was_sent_and_not_read() {
    let broker = Mosquitto::start();
    let line = "Sending PUBCOMP to sender";
    for version in Version::ALL {
        let before = broker.logged(line);
        let arrived = arrivals(&broker, version, QoS::ExactlyOnce, |sender| {
            sender.send();
            sender.take_until(PacketType::PubRec);
            sender.send();
            broker.await_log_count(line, before + 1);
        });
        assert_eq!(arrived, 1, "{version:?}");
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn again_and_again() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        let mut receiver = Client::clean(&broker, version, "receiver");
        receiver.subscribe("cut", QoS::ExactlyOnce);
        let mut sender = Client::lasting(&broker, version, "sender");
        for number in 0..60 {
            sender.publish("cut", number.to_string().as_bytes(), QoS::ExactlyOnce);
        }
        let mut links = 0;
        while !sender.mqtt.is_idle() {
            links += 1;
            let before = sender.seen.packets.len();
            sender.until(|client| client.seen.packets.len() > before + 7 || client.mqtt.is_idle());
            sender.cut();
            assert_eq!(sender.resume(version, "sender"), SessionState::Resumed);
        }
        assert!(links > 10, "{links} links");
        assert_eq!(sender.seen.ends.len(), 60);
        receiver.until(|client| client.seen.messages.len() >= 60 && client.mqtt.is_idle());
        assert!(receiver.seen.texts().into_iter().eq((0..60).map(|number| number.to_string())), "{version:?}");
    }
}
