//! Publishing and receiving without a client of one's own.

use std::net::TcpListener;

use pure_mqtt_client::pure_mqtt::{Publish, QoS, Subscription, TopicFilter, TopicName, Version};
use pure_mqtt_client::{HelperError, NotPublished, Options, publish, subscribe};
use pure_mqtt_test_broker::Broker;

fn message<'a>(topic: &'a str, payload: &'a str) -> Publish<'a> {
    Publish::new(TopicName::new(topic).unwrap(), payload)
}

fn filters(text: &str) -> [Subscription<'_>; 1] {
    [Subscription::new(TopicFilter::new(text).unwrap(), QoS::ExactlyOnce)]
}

#[test]
fn many_messages_arrive_in_order() {
    let broker = Broker::start().unwrap();
    let texts: Vec<_> = (0..500).map(|number| number.to_string()).collect();
    for (version, qos) in Version::ALL.into_iter().zip([QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce]) {
        let topic = format!("many/{version:?}");
        let messages: Vec<_> = texts.iter().map(|text| message(&topic, text).qos(qos)).collect();
        publish::multiple(broker.address(), Options::new("many").version(version), &messages).unwrap();
        assert_eq!(broker.texts(&topic), texts, "{version:?}");
    }
    assert!(broker.violations().is_empty(), "{:?}", broker.violations());
}

#[test]
fn retained_messages_are_wanted_or_not() {
    let broker = Broker::start().unwrap();
    publish::single(broker.address(), Options::new("old"), &message("state/old", "1").retain(true)).unwrap();
    let any = subscribe::simple(
        broker.address(),
        Options::new("any"),
        &filters("state/#"),
        1,
        subscribe::RetainedMessages::Include,
    );
    assert_eq!(any.unwrap()[0].payload, b"1");
    let address = broker.address();
    // Whoever subscribes to this hears that the other has got what it doesn't want.
    let reader = std::thread::spawn(move || {
        let options = Options::new("fresh");
        subscribe::simple(address, options, &filters("state/#"), 1, subscribe::RetainedMessages::Skip).unwrap()
    });
    while !reader.is_finished() {
        publish::single(address, Options::new("new"), &message("state/new", "2")).unwrap();
    }
    assert_eq!(reader.join().unwrap()[0].payload, b"2");
}

#[test]
fn a_callback_ends_what_goes_on_for_ever() {
    let broker = Broker::start().unwrap();
    publish::single(broker.address(), Options::new("old"), &message("state", "1").retain(true)).unwrap();
    let mut count = 0;
    subscribe::callback(broker.address(), Options::new("for ever"), &filters("state"), move |client, received| {
        count += 1;
        match count {
            1 => drop(client.publish("state", "2", QoS::AtLeastOnce, false).unwrap()),
            _ => client.disconnect(),
        }
        assert_eq!(received.text(), Some(&count.to_string()[..]));
    })
    .unwrap();
}

#[test]
fn failures_are_told() {
    let broker = Broker::start().unwrap();
    let nothing = publish::multiple(broker.address(), Options::new("x"), &[]);
    assert!(matches!(nothing, Err(HelperError::NoMessages)));
    let none = subscribe::simple(broker.address(), Options::new("x"), &[], 1, subscribe::RetainedMessages::Include);
    assert!(matches!(none, Err(HelperError::Subscribe(_))));
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unreachable = publish::single(nobody, Options::new("x"), &message("a", "b"));
    assert!(matches!(unreachable, Err(HelperError::Connect(_))));
    let refused = HelperError::from(NotPublished::Dropped);
    assert_eq!(refused.to_string(), NotPublished::Dropped.to_string());
}
