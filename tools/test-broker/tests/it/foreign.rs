//! A client that shares nothing with this project: rumqttc.

use std::time::Duration;

use pure_mqtt_test_broker::{Act, Broker, Config, Message, Packet, When};
use rumqttc::{Client, Event, MqttOptions, QoS};

use crate::rig::{CLIENT, until};

/// Its first CONNECT is refused, its PUBREC lost, its link cut; what it publishes at QoS 2 arrives once.
#[test]
fn rumqttc_gets_its_messages_through() {
    let broker =
        Broker::start_with(Config { versions: vec![pure_mqtt_test_broker::Version::V311], ..Config::default() })
            .unwrap();
    broker.script(When::receives(Packet::Connect).nth(1), Act::Disconnect(3));
    broker.script(When::sends(Packet::PubRec).nth(2), Act::CutAfter(0));
    let mut options = MqttOptions::new(CLIENT, "127.0.0.1", broker.port());
    options.set_clean_session(false).set_keep_alive(Duration::from_secs(10));
    let (client, mut connection) = Client::new(options, 10);
    let events = std::thread::spawn(move || {
        let mut arrived = Vec::new();
        for event in connection.iter() {
            match event {
                Ok(Event::Incoming(rumqttc::Packet::Publish(message))) => arrived.push(message.payload.to_vec()),
                Ok(Event::Outgoing(rumqttc::Outgoing::Disconnect)) => break,
                _ => {} // an error: the next step connects again
            }
        }
        arrived
    });
    client.subscribe("in", QoS::ExactlyOnce).unwrap();
    until(&broker, |seen| !seen.subscriptions(CLIENT).is_empty());
    assert_eq!(broker.publish(&Message::new("in", "hello").qos(2)), 1);
    until(&broker, |seen| seen.queued(CLIENT) == 0); // before the cut: it takes what comes again for another message
    for text in ["1", "2", "3"] {
        client.publish("out", QoS::ExactlyOnce, false, text).unwrap();
    }
    until(&broker, |seen| {
        seen.received("out").count() == 3 && seen.is_connected(CLIENT) && seen.accepted() == 3 && seen.is_idle()
    });
    client.disconnect().unwrap();
    assert_eq!(events.join().unwrap(), [b"hello"]);
    assert_eq!(broker.see(|seen| (seen.count(Packet::Connect), seen.count(Packet::PubRec))), (3, 1));
}
