//! Messages between clients.

use std::sync::mpsc;
use std::thread;

use pure_mqtt_client::pure_mqtt::{Property, Publish, QoS, TopicFilter, TopicName, Version};
use pure_mqtt_client::{Client, Options};

use crate::server::Mosquitto;
use crate::support::{Ear, PATIENCE};

const LEVELS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn each_qos_arrives_in_each_version_as_it_was_granted() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        let client = Client::with(Options::new(&format!("client-{version:?}")).version(version));
        let ear = Ear::of(&client);
        client.connect(("127.0.0.1", broker.port)).unwrap();
        client.loop_start().unwrap();
        for qos in LEVELS {
            client.subscribe(&format!("at/{}", qos.bits()), qos).unwrap();
        }
        ear.until(|told| told.subscribed.len() == 3);
        for granted in LEVELS {
            for qos in LEVELS {
                let topic = format!("at/{}", granted.bits());
                client.publish(&topic, [qos.bits()], qos, false).unwrap().wait_for_publish(PATIENCE).unwrap();
            }
        }
        let told = ear.once(|told| told.messages.len() == 9);
        for message in &told.messages {
            let granted = message.topic.strip_prefix("at/").unwrap().parse::<u8>().unwrap();
            assert_eq!(message.qos.bits(), granted.min(message.payload[0]));
        }
        drop(told);
        client.disconnect();
        client.loop_stop();
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn many_threads_publish_and_several_filters_hear() {
    const THREADS: usize = 4;
    const EACH: usize = 100;
    let broker = Mosquitto::start();
    let client = Client::with(Options::new("crowd").version(Version::V5));
    let ear = Ear::of(&client);
    let (heard, calls) = mpsc::channel();
    for filter in ["crowd/+", "crowd/#"] {
        let heard = heard.clone();
        client.message_callback_add(TopicFilter::new(filter).unwrap(), move |_, message| {
            heard.send((filter, message.text().unwrap().to_owned())).unwrap();
        });
    }
    client.connect(("127.0.0.1", broker.port)).unwrap();
    client.loop_start().unwrap();
    client.subscribe("crowd/#", QoS::ExactlyOnce).unwrap();
    ear.until(|told| told.subscribed.len() == 1);
    let publish = |thread: usize| {
        let client = client.clone();
        move || {
            let texts = (0..EACH).map(|number| format!("{thread}/{number}"));
            let infos: Vec<_> =
                texts.map(|text| client.publish("crowd/x", text, LEVELS[1 + thread % 2], false).unwrap()).collect();
            infos.iter().for_each(|info| info.wait_for_publish(PATIENCE).unwrap());
        }
    };
    let threads: Vec<_> = (0..THREADS).map(|thread| thread::spawn(publish(thread))).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let mut arrived: Vec<_> = (0..2 * THREADS * EACH).map(|_| calls.recv_timeout(PATIENCE).expect("a call")).collect();
    arrived.sort();
    arrived.dedup();
    assert_eq!(arrived.len(), 2 * THREADS * EACH);
    assert!(ear.told().messages.is_empty());
    client.disconnect();
    client.loop_stop();
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_request_gets_its_response() {
    let broker = Mosquitto::start();
    let client = Client::with(Options::new("both").version(Version::V5));
    client.on_subscribe(|client, _| {
        let topic = TopicName::new("ask").unwrap();
        let properties = [Property::ResponseTopic("answer"), Property::CorrelationData(b"42")];
        client.publish_with(&Publish::new(topic, b"?").qos(QoS::ExactlyOnce).properties(&properties)).unwrap();
    });
    client.message_callback_add(TopicFilter::new("ask").unwrap(), |client, message| {
        client.publish_with(&message.reply(b"!").unwrap()).unwrap();
    });
    client.message_callback_add(TopicFilter::new("answer").unwrap(), |client, message| {
        assert_eq!((message.text(), message.properties.correlation_data()), (Some("!"), Some(&b"42"[..])));
        client.disconnect();
    });
    let filters = ["ask", "answer"]
        .map(|text| pure_mqtt_client::pure_mqtt::Subscription::new(TopicFilter::new(text).unwrap(), QoS::ExactlyOnce));
    client.subscribe_to(&filters).unwrap();
    client.connect(("127.0.0.1", broker.port)).unwrap();
    client.loop_forever().unwrap();
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn under_load_everything_comes_once_and_in_order_coalesced_or_not() {
    const WINDOW: u32 = 20; // mosquitto sends no more at a time, and what it queues at QoS 2 it may send in another order
    const COUNT: u32 = 3_000;
    let broker = Mosquitto::start();
    for (coalesce, qos) in LEVELS.into_iter().flat_map(|qos| [(true, qos), (false, qos)]) {
        let name = format!("load-{coalesce}-{}", qos.bits());
        let client = Client::with(Options::new(&name).max_inflight(0).coalesce(coalesce));
        let send = {
            let name = name.clone();
            move |client: &Client, number: u32| {
                client.publish(&name, number.to_be_bytes(), qos, false).unwrap();
            }
        };
        client.on_subscribe({
            let send = send.clone();
            move |client, _| (0..WINDOW).for_each(|number| send(client, number))
        });
        let mut next = 0_u32;
        client.on_message(move |client, message| {
            assert_eq!(message.payload, next.to_be_bytes());
            next += 1;
            match next + WINDOW - 1 {
                number if number < COUNT => send(client, number),
                _ if next == COUNT => client.disconnect(),
                _ => {}
            }
        });
        client.subscribe(&name, qos).unwrap();
        client.connect(("127.0.0.1", broker.port)).unwrap();
        client.loop_forever().unwrap();
    }
}
