//! Publishing and receiving without a client of one's own.

use pure_mqtt_client::pure_mqtt::ConnectionError;
use pure_mqtt_client::pure_mqtt::{Publish, QoS, ReasonCode, Subscription, TopicFilter, TopicName, Version};
use pure_mqtt_client::{HelperError, LinkEnd, Options, publish, subscribe};

use crate::server::Mosquitto;

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn what_one_helper_publishes_another_receives() {
    let broker = Mosquitto::start();
    let server = ("127.0.0.1", broker.port);
    for version in Version::ALL {
        let topics = ["kept/1", "kept/2", "kept/3"].map(|topic| TopicName::new(topic).unwrap());
        let messages = topics.map(|topic| Publish::new(topic, topic.as_str()).qos(QoS::ExactlyOnce).retain(true));
        publish::multiple(server, Options::new("publisher").version(version), &messages).unwrap();
        let filters = [Subscription::new(TopicFilter::new("kept/+").unwrap(), QoS::AtLeastOnce)];
        let options = Options::new("reader").version(version);
        let mut received =
            subscribe::simple(server, options, &filters, 3, subscribe::RetainedMessages::Include).unwrap();
        received.sort_by(|a, b| a.topic.cmp(&b.topic));
        for (received, topic) in received.iter().zip(topics) {
            assert_eq!((&received.topic[..], &received.payload[..]), (topic.as_str(), topic.as_str().as_bytes()));
            assert!(received.retain);
        }
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_refusal_is_told() {
    let broker = Mosquitto::with_user("ada", "lovelace");
    let message = Publish::new(TopicName::new("a").unwrap(), "b").qos(QoS::AtLeastOnce);
    let refused = publish::single(("127.0.0.1", broker.port), Options::new("byron"), &message).unwrap_err();
    let HelperError::Ended(LinkEnd::Mqtt(error)) = refused else { panic!("{refused}") };
    assert_eq!(error, ConnectionError::Refused(ReasonCode::NOT_AUTHORIZED));
}
