//! Messages from client to client.

use pure_mqtt::wire::PacketType;
use pure_mqtt::{Connect, Publish, QoS, TopicName, Version, Will};

use crate::client::{Client, limits};
use crate::server::Mosquitto;

const EVERY_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn every_qos_arrives_in_the_lower_of_the_two() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        for granted in EVERY_QOS {
            let mut sender = Client::clean(&broker, version, "sender");
            let mut receiver = Client::clean(&broker, version, "receiver");
            receiver.subscribe("qos/#", granted);
            for published in EVERY_QOS {
                let handle = sender.publish("qos/topic", b"payload", published);
                sender.settle();
                let ends: Vec<_> = sender.seen.ends.drain(..).map(|(handle, _)| handle).collect();
                let expected = if published == QoS::AtMostOnce { vec![] } else { vec![handle] };
                assert_eq!(ends, expected, "{version:?} {published:?}");

                receiver.until(|client| !client.seen.messages.is_empty() && client.mqtt.is_idle());
                let message = receiver.seen.messages.pop().unwrap();
                assert_eq!((message.topic.as_str(), &message.payload[..]), ("qos/topic", &b"payload"[..]));
                assert_eq!((message.qos, message.retain, message.dup), (published.min(granted), false, false));
            }
        }
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_retained_message_awaits_subscribers_until_it_is_cleared() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        let topic = TopicName::new("lamp/state").unwrap();
        let mut sender = Client::clean(&broker, version, "sender");
        sender.publish_with(Publish::new(topic, b"on").qos(QoS::AtLeastOnce).retain(true));
        sender.settle();
        let mut late = Client::clean(&broker, version, "late");
        late.subscribe("lamp/+", QoS::ExactlyOnce);
        late.until(|client| !client.seen.messages.is_empty());
        assert!(late.seen.messages[0].retain);
        assert_eq!(late.seen.messages[0].qos, QoS::AtLeastOnce);

        sender.publish_with(Publish::new(topic, b"").qos(QoS::AtLeastOnce).retain(true));
        sender.settle();
        let mut latest = Client::clean(&broker, version, "latest");
        latest.subscribe("lamp/+", QoS::ExactlyOnce);
        sender.deliver("lamp/state", b"end", QoS::AtLeastOnce);
        latest.until(|client| client.seen.texts().ends_with(&["end"]));
        assert_eq!(latest.seen.texts(), ["end"]);
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_will_comes_after_a_cut_and_not_after_disconnect() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        let mut heir = Client::clean(&broker, version, "heir");
        heir.subscribe("will", QoS::ExactlyOnce);
        for (payload, is_cut) in [("left", false), ("lost", true)] {
            let will =
                Will::new(TopicName::new("will").unwrap(), payload.as_bytes()).qos(QoS::ExactlyOnce).retain(true);
            let mut client = Client::new(&broker, limits(version));
            client.connect(&Connect::new(version, "mortal").will(will));
            if is_cut { client.cut() } else { client.leave() }
        }
        heir.until(|client| !client.seen.messages.is_empty());
        assert_eq!(heir.seen.texts(), ["lost"]);
        assert_eq!(heir.seen.messages[0].qos, QoS::ExactlyOnce);

        let mut late = Client::clean(&broker, version, "late");
        late.subscribe("will", QoS::AtMostOnce);
        late.until(|client| !client.seen.messages.is_empty());
        assert!(late.seen.messages[0].retain, "the will was to be retained");
        late.publish_with(Publish::new(TopicName::new("will").unwrap(), b"").qos(QoS::AtLeastOnce).retain(true));
        late.settle();
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_shared_subscription_gives_each_message_to_one_of_its_clients() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        let mut workers = ["worker-1", "worker-2"].map(|client_id| Client::clean(&broker, version, client_id));
        for worker in &mut workers {
            worker.subscribe("$share/workers/job", QoS::AtLeastOnce);
            worker.subscribe("end", QoS::AtLeastOnce);
        }
        let mut sender = Client::clean(&broker, version, "sender");
        let jobs: Vec<_> = (0..10).map(|number| format!("job {number}")).collect();
        for job in &jobs {
            sender.publish("job", job.as_bytes(), QoS::AtLeastOnce);
        }
        sender.settle();
        sender.deliver("end", b"end", QoS::AtLeastOnce);

        let mut done = Vec::new();
        for worker in &mut workers {
            worker.until(|client| client.seen.texts().contains(&"end"));
            let texts = worker.seen.texts();
            assert!(texts.len() > 1, "{version:?}: every worker gets something to do");
            done.extend(texts.into_iter().filter(|text| *text != "end").map(str::to_owned));
        }
        done.sort();
        assert_eq!(done, jobs);
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_megabyte_goes_both_ways() {
    let broker = Mosquitto::start();
    let payload: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
    for version in Version::ALL {
        for qos in EVERY_QOS {
            let mut client = Client::clean(&broker, version, "elephant");
            client.subscribe("large", qos);
            client.publish("large", &payload, qos);
            client.until(|client| !client.seen.messages.is_empty() && client.mqtt.is_idle());
            assert!(client.seen.messages[0].payload == payload, "{version:?} {qos:?}: the payload has changed");
        }
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_thousand_messages_at_qos_1_and_a_thousand_at_qos_2_arrive_once_each_in_order() {
    let broker = Mosquitto::with("allow_anonymous true\nmax_queued_messages 0\n");
    for version in Version::ALL {
        let mut client = Client::clean(&broker, version, "busy");
        client.subscribe("busy/#", QoS::ExactlyOnce);
        for number in 0..1000_u32 {
            client.publish("busy/1", &number.to_be_bytes(), QoS::AtLeastOnce);
            client.publish("busy/2", &number.to_be_bytes(), QoS::ExactlyOnce);
        }
        client.until(|client| client.seen.messages.len() == 2000 && client.mqtt.is_idle());
        for topic in ["busy/1", "busy/2"] {
            let of_topic = client.seen.messages.iter().filter(|message| message.topic == topic);
            assert!(
                of_topic.map(|message| &message.payload[..]).eq((0..1000_u32).map(u32::to_be_bytes)),
                "{version:?} {topic}"
            );
        }
        assert_eq!(client.seen.ends.len(), 2000);
        assert_eq!(client.seen.count(PacketType::PubComp), 1000);
        assert_eq!(client.mqtt.stats().unknown_acks, 0);
    }
}
