//! What 5.0 lets both sides announce.

use pure_mqtt::wire::Violation;
use pure_mqtt::{Connect, ConnectionError, Limits, QoS, SessionState, Version};

use crate::client::{Client, LinkEnd, limits};
use crate::server::Mosquitto;

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn topic_aliases_shorten_what_is_published() {
    let broker = Mosquitto::with("allow_anonymous true\nmax_topic_alias 3\n");
    let mut receiver = Client::clean(&broker, Version::V5, "receiver");
    receiver.subscribe("alias/#", QoS::ExactlyOnce);
    let topics: Vec<_> = (0..5).map(|number| format!("alias/with/a/rather/long/name/{number}")).collect();

    let mut bytes = Vec::new();
    for outbound_aliases in [0, 8] {
        let mut sender = Client::new(&broker, Limits { outbound_aliases, ..limits(Version::V5) });
        sender.connect(&Connect::new(Version::V5, "sender"));
        assert_eq!(sender.seen.topic_alias_maximum, Some(3));
        for topic in &topics {
            for round in 0..6 {
                let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][round % 3];
                sender.publish(topic, round.to_string().as_bytes(), qos);
            }
        }
        sender.settle();
        bytes.push(sender.mqtt.stats().bytes_sent);
        receiver.until(|client| client.seen.messages.len() == 30 && client.mqtt.is_idle());
        let arrived: Vec<_> = receiver.seen.messages.drain(..).collect();
        for topic in &topics {
            let of_topic = arrived.iter().filter(|message| message.topic == *topic).count();
            assert_eq!(of_topic, 6, "{outbound_aliases} aliases, {topic}");
        }
    }
    assert!(bytes[0] > 2 * bytes[1], "{bytes:?} bytes");
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn topic_aliases_start_anew_on_the_next_link() {
    let broker = Mosquitto::start();
    let mut receiver = Client::clean(&broker, Version::V5, "receiver");
    receiver.subscribe("alias/#", QoS::ExactlyOnce);
    let mut sender = Client::new(&broker, Limits { outbound_aliases: 4, ..limits(Version::V5) });
    for link in 1..=3 {
        sender.resume(Version::V5, "sender");
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::AtLeastOnce] {
            sender.publish("alias/topic", b"x", qos);
        }
        sender.settle();
        sender.publish("alias/topic", b"unfinished", QoS::ExactlyOnce);
        sender.send(); // with the alias alone for a topic; the next link needs the name
        sender.cut();
        receiver.until(|client| client.seen.messages.len() >= 3 * link);
    }
    sender.resume(Version::V5, "sender");
    sender.settle();
    sender.deliver("alias/topic", b"end", QoS::ExactlyOnce);
    receiver.until(|client| client.seen.texts().ends_with(&["end"]));
    assert_eq!(receiver.seen.messages.len(), 3 * 4 + 1);
}

/// mosquitto 2.0 uses no aliases towards clients; a later one may. Either way every topic can be told.
#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn topic_aliases_of_the_broker_are_resolved() {
    let broker = Mosquitto::start();
    let mut receiver = Client::new(&broker, Limits { topic_alias_maximum: 2, ..limits(Version::V5) });
    receiver.connect(&Connect::new(Version::V5, "receiver"));
    receiver.subscribe("alias/#", QoS::AtLeastOnce);
    let topics: Vec<_> = (0..12).map(|number| format!("alias/{}", number % 4)).collect();
    let mut sender = Client::clean(&broker, Version::V5, "sender");
    for topic in &topics {
        sender.publish(topic, b"x", QoS::AtLeastOnce);
    }
    sender.settle();
    receiver.until(|client| client.seen.messages.len() == topics.len());
    assert!(receiver.seen.messages.iter().map(|message| &message.topic).eq(&topics));
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn the_receive_maximum_of_the_broker_is_kept() {
    let broker = Mosquitto::with("allow_anonymous true\nmax_inflight_messages 3\n");
    let mut sender = Client::new(&broker, Limits { max_inflight: 0, ..limits(Version::V5) });
    sender.connect(&Connect::new(Version::V5, "sender"));
    assert_eq!(sender.mqtt.send_quota(), 3);
    for number in 0..50_u32 {
        let qos = if number % 2 == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
        sender.publish("window", &number.to_be_bytes(), qos);
    }
    sender.send();
    assert_eq!(sender.mqtt.send_quota(), 0);
    sender.settle();
    assert_eq!(sender.seen.ends.len(), 50);
    assert_eq!(sender.mqtt.send_quota(), 3);
}

/// Three messages for a window of two; mosquitto 2.0.11 does not keep to the window when more than one waits.
#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn the_broker_keeps_our_receive_maximum() {
    let broker = Mosquitto::start();
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let limits = Limits { receive_maximum: 2, manual_acks: true, ..limits(Version::V5) };
        let mut receiver = Client::new(&broker, limits);
        receiver.connect(&Connect::new(Version::V5, "receiver"));
        receiver.subscribe("window/#", QoS::ExactlyOnce);
        let mut sender = Client::clean(&broker, Version::V5, "sender");
        for text in ["1", "2", "3"] {
            sender.deliver("window/slow", text.as_bytes(), qos);
        }
        // QoS 0 passes the window by: when it has come, so has all that may come.
        sender.deliver("window/fence", b"fence", QoS::AtMostOnce);
        receiver.until(|client| client.seen.texts().contains(&"fence"));
        assert_eq!(receiver.seen.texts(), ["1", "2", "fence"], "{qos:?}");
        receiver.acknowledge_all();
        receiver.until(|client| client.seen.texts().ends_with(&["3"]));
        receiver.acknowledge_all();
        receiver.settle();
    }
}

/// When many messages wait, mosquitto 2.0.11 sends more of them at a time than our Receive Maximum allows. What the storage holds decides.
#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_backlog_passes_a_small_window() {
    let broker = Mosquitto::with("allow_anonymous true\nmax_queued_messages 0\n");
    for version in Version::ALL {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let limits = Limits { receive_maximum: 8, ..limits(version) };
            assert_eq!(links_for_backlog(&broker, limits, qos), 1, "{version:?} {qos:?}");
        }
    }
}

/// At QoS 1 a link survives even that; at QoS 2 it may have to end, and the next one goes on.
#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_backlog_passes_a_small_storage() {
    let broker = Mosquitto::with("allow_anonymous true\nmax_queued_messages 0\n");
    for version in Version::ALL {
        let limits = Limits { receive_maximum: 8, max_received: 16, ..limits(version) };
        assert_eq!(links_for_backlog(&broker, limits, QoS::AtLeastOnce), 1, "{version:?}");
        let links = links_for_backlog(&broker, limits, QoS::ExactlyOnce);
        assert!(links <= BACKLOG, "{version:?}: {links} links, not one message for each");
    }
}

const BACKLOG: u32 = 300;

/// Receives a backlog, each message once, and says how many links that took.
fn links_for_backlog(broker: &Mosquitto, limits: Limits, qos: QoS) -> u32 {
    let version = limits.version;
    let mut receiver = Client::new(broker, limits);
    receiver.connect(&Connect::new(version, "receiver"));
    receiver.leave();
    receiver.resume(version, "receiver");
    receiver.subscribe("backlog", QoS::ExactlyOnce);
    let mut sender = Client::clean(broker, version, "sender");
    for number in 0..BACKLOG {
        sender.publish("backlog", &number.to_be_bytes(), qos);
    }
    sender.settle();

    let mut links = 1;
    let is_done = |client: &Client| client.seen.messages.len() >= BACKLOG as usize && client.mqtt.is_idle();
    while let Some(end) = receiver.until_or_over(is_done) {
        let too_many = ConnectionError::Protocol(Violation::ReceiveMaximumExceeded);
        assert_eq!(end, LinkEnd::Told(too_many), "{version:?} {qos:?}");
        assert_eq!(receiver.resume(version, "receiver"), SessionState::Resumed);
        links += 1;
    }
    let payloads = receiver.seen.messages.iter().map(|message| &message.payload[..]);
    assert!(payloads.eq((0..BACKLOG).map(u32::to_be_bytes)), "{version:?} {qos:?}");
    links
}
