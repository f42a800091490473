//! Messages there and back, who hears of them, and when.

use std::sync::mpsc;
use std::thread;

use pure_mqtt_client::pure_mqtt::subscriptions::SubscriptionState;
use pure_mqtt_client::pure_mqtt::{
    Property, Publish, QoS, ReasonCode, SessionState, Subscription, TopicFilter, TopicName, Version, VersionFallback,
};
use pure_mqtt_client::{Client, LinkEnd, Options, PublishError, SubscribeError, WaitError};
use pure_mqtt_test_broker::{Broker, Message};

use crate::support::{Ear, PATIENCE, drive};

const LEVELS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

fn filter(text: &str) -> TopicFilter<'_> {
    TopicFilter::new(text).unwrap()
}

#[test]
fn each_qos_in_each_version_there_and_back() {
    let broker = Broker::start().unwrap();
    for version in Version::ALL {
        let client = Client::with(Options::new(&format!("client-{version:?}")).version(version));
        let ear = Ear::of(&client);
        client.connect(broker.address()).unwrap();
        client.loop_start().unwrap();
        let topic = format!("echo/{version:?}");
        let mid = client.subscribe(&topic, QoS::ExactlyOnce).unwrap();
        let granted = vec![(topic.as_str().into(), SubscriptionState::Granted(QoS::ExactlyOnce))];
        let answer = ear.once(|told| !told.subscribed.is_empty()).subscribed[0].clone();
        assert_eq!((answer.mid, answer.filters), (mid, granted));
        for qos in LEVELS {
            let info = client.publish(&topic, format!("at {}", qos.bits()), qos, false).unwrap();
            info.wait_for_publish(PATIENCE).unwrap();
            assert!(info.is_published());
            assert_eq!(info.packet_id().is_some(), qos != QoS::AtMostOnce);
            assert!(ear.once(|told| !told.published.is_empty()).published.pop() == Some((info.mid(), Ok(()))));
        }
        assert_eq!(ear.once(|told| told.messages.len() == 3).texts(), ["at 0", "at 1", "at 2"]);
        let mid = client.unsubscribe(&topic).unwrap();
        assert_eq!(ear.once(|told| !told.unsubscribed.is_empty()).unsubscribed, [mid]);
        client.disconnect();
        client.loop_stop();
        let told = ear.told();
        assert!(matches!(told.ends[..], [LinkEnd::Disconnected]), "{:?}", told.ends);
        assert_eq!(told.attempts, 1);
        assert_eq!(told.connacks.len(), 1);
    }
    assert!(broker.violations().is_empty(), "{:?}", broker.violations());
}

#[test]
fn all_callbacks_whose_filters_match_are_called_and_on_message_for_the_rest() {
    let broker = Broker::start().unwrap();
    let client = Client::new("router");
    let ear = Ear::of(&client);
    let (heard, calls) = mpsc::channel();
    for text in ["plant/+/level", "plant/tank/level", "office/#", "plant/#", "plant/tank/#"] {
        let heard = heard.clone();
        client.message_callback_add(filter(text), move |_, _| heard.send(text).unwrap());
    }
    client.connect(broker.address()).unwrap();
    client.subscribe("#", QoS::AtMostOnce).unwrap();
    drive(&client, || !ear.told().subscribed.is_empty());
    broker.publish(&Message::new("plant/tank/level", b"1").qos(1));
    let mut called: Vec<_> = Vec::new();
    while called.len() < 4 {
        client.loop_once(PATIENCE).unwrap();
        called.extend(calls.try_iter());
    }
    assert_eq!(called, ["plant/+/level", "plant/tank/level", "plant/#", "plant/tank/#"], "in the order of the calls");
    assert!(ear.told().messages.is_empty());

    assert!(client.message_callback_remove(filter("plant/#")));
    assert!(!client.message_callback_remove(filter("plant/#")));
    broker.publish(&Message::new("plant/door", b"2").qos(1));
    drive(&client, || !ear.told().messages.is_empty());
    assert_eq!(ear.told().texts(), ["2"]);
    assert_eq!(calls.try_iter().count(), 0);
}

#[test]
fn a_callback_may_do_everything() {
    let broker = Broker::start().unwrap();
    let client = Client::with(Options::new("busy").version(Version::V5));
    client.on_connect(|client, _| {
        client.subscribe("question", QoS::ExactlyOnce).unwrap();
    });
    client.on_subscribe(|client, _| {
        let topic = TopicName::new("question").unwrap();
        let properties = [Property::ResponseTopic("answer"), Property::CorrelationData(b"7")];
        client.publish_with(&Publish::new(topic, b"why").qos(QoS::AtLeastOnce).properties(&properties)).unwrap();
    });
    client.on_message(|client, message| {
        client.message_callback_add(filter("answer"), |client, message| {
            assert_eq!(message.properties.correlation_data(), Some(&b"7"[..]));
            assert_eq!(message.text(), Some("because"));
            client.disconnect();
        });
        client.on_message(|_, _| panic!("it was replaced"));
        client.subscribe("answer", QoS::AtLeastOnce).unwrap();
        let info = client.publish_with(&message.reply(b"because").unwrap()).unwrap();
        assert_eq!(info.wait_for_publish(None), Err(WaitError::InCallback));
        assert!(client.loop_once(PATIENCE).is_err());
        client.on_subscribe(|_, _| {});
    });
    client.connect(broker.address()).unwrap();
    client.loop_forever().unwrap();
    assert!(!client.is_connected());
    assert!(broker.violations().is_empty(), "{:?}", broker.violations());
}

#[test]
fn many_threads_publish_at_once() {
    const THREADS: usize = 8;
    const EACH: usize = 50;
    let broker = Broker::start().unwrap();
    let client = Client::new("crowd");
    client.connect(broker.address()).unwrap();
    client.loop_start().unwrap();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let client = client.clone();
            thread::spawn(move || {
                for number in 0..EACH {
                    let qos = LEVELS[number % LEVELS.len()];
                    let info = client.publish("crowd", format!("{thread}/{number}"), qos, false).unwrap();
                    info.wait_for_publish(PATIENCE).unwrap();
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    client.disconnect();
    client.loop_stop();
    let mut arrived = broker.texts("crowd");
    arrived.sort();
    let mut expected: Vec<_> =
        (0..THREADS * EACH).map(|number| format!("{}/{}", number / EACH, number % EACH)).collect();
    expected.sort();
    assert_eq!(arrived, expected);
    assert!(broker.violations().is_empty(), "{:?}", broker.violations());
}

#[test]
fn what_is_published_before_the_end_leaves_before_the_end() {
    let broker = Broker::start().unwrap();
    let client = Client::new("quick");
    let ear = Ear::of(&client);
    let infos: Vec<_> = (0..3).map(|n| client.publish("quick", format!("{n}"), LEVELS[n], false).unwrap()).collect();
    client.connect(broker.address()).unwrap();
    client.disconnect();
    client.loop_start().unwrap();
    client.loop_stop();
    assert!(matches!(ear.told().ends[..], [LinkEnd::Disconnected]), "{:?}", ear.told());
    assert_eq!(broker.texts("quick")[..2], ["0", "1"]);
    assert!(infos[0].is_published());
}

#[test]
fn the_client_takes_the_version_that_the_server_knows() {
    let broker = Broker::start().unwrap();
    let client = Client::with(Options::new("polyglot").fallback(VersionFallback::default()));
    let ear = Ear::of(&client);
    client.connect(broker.address()).unwrap();
    drive(&client, || client.is_connected());
    assert_eq!(client.version(), Version::V5);
    let nothing_lost = SessionState::New { republished: 0, aborted: 0, completed: 0 };
    assert_eq!(ear.told().connacks, [(ReasonCode::SUCCESS, nothing_lost)]);
}

#[test]
fn what_can_never_work_is_refused_at_once() {
    let client = Client::new("strict");
    let topic = |error| matches!(error, PublishError::Topic(_));
    assert!(topic(client.publish("a/#", "x", QoS::AtMostOnce, false).unwrap_err()));
    assert!(topic(client.publish("", "x", QoS::AtMostOnce, false).unwrap_err()));
    let streamed = Publish::new(TopicName::new("a").unwrap(), pure_mqtt_client::pure_mqtt::Payload::Streamed(9));
    assert_eq!(client.publish_with(&streamed).unwrap_err(), PublishError::Streamed);
    assert!(matches!(client.subscribe("a/#/b", QoS::AtMostOnce), Err(SubscribeError::Filter(_))));
    let no_local = Subscription::new(filter("$share/g/a"), QoS::AtMostOnce).no_local(true);
    assert!(matches!(client.subscribe_to(&[no_local]), Err(SubscribeError::Rejected(_))));
    assert!(matches!(client.unsubscribe_from(&[]), Err(SubscribeError::Rejected(_))));
}
