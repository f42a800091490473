//! Requests and their replies.

use std::time::{Duration, Instant};

use pure_mqtt_client::pure_mqtt::{Property, Publish, QoS, TopicName, Version};
use pure_mqtt_client::{Client, LogLevel, NotPublished, Options, PublishError, WaitError};
use pure_mqtt_test_broker::Broker;

use crate::support::{Ear, PATIENCE, eventually};

/// A client that answers each question with the same in capitals.
fn answerer(version: Version, broker: &Broker) -> Client {
    let client = Client::with(Options::new("answerer").version(version));
    let ear = Ear::of(&client);
    client.on_message(|client, message| {
        let text = message.text().unwrap().to_uppercase();
        match message.reply(text.as_bytes()) {
            Some(reply) => drop(client.publish_with(&reply).unwrap()),
            None => drop(client.publish("answers/7", text, message.qos, false).unwrap()),
        }
    });
    client.subscribe("questions", QoS::ExactlyOnce).unwrap();
    client.connect(broker.address()).unwrap();
    client.loop_start().unwrap();
    ear.until(|told| !told.subscribed.is_empty());
    client
}

fn asker(version: Version, broker: &Broker) -> Client {
    let client = Client::with(Options::new("asker").version(version));
    client.connect(broker.address()).unwrap();
    client.loop_start().unwrap();
    eventually(|| client.is_connected());
    client
}

#[test]
fn each_request_gets_its_own_reply() {
    let broker = Broker::start().unwrap();
    let (_answerer, asker) = (answerer(Version::V5, &broker), asker(Version::V5, &broker));
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let ask = |number: u32| asker.request("questions", format!("q{number}"), qos, PATIENCE).unwrap();
        let requests: Vec<_> = (0..20).map(ask).collect();
        for (number, request) in requests.into_iter().enumerate().rev() {
            let reply = request.wait().unwrap();
            assert_eq!((reply.text(), reply.qos), (Some(&format!("Q{number}")[..]), qos));
        }
    }
    assert_eq!(asker.stats().stray_replies, 0);
    assert!(broker.violations().is_empty(), "{:?}", broker.violations());
}

#[test]
fn a_client_may_answer_its_own_requests() {
    let broker = Broker::start().unwrap();
    let client = answerer(Version::V5, &broker);
    let request = client.request("questions", "why", QoS::AtLeastOnce, PATIENCE).unwrap();
    assert_eq!(request.wait().unwrap().text(), Some("WHY"), "the question comes back too, and is no reply");
}

#[test]
fn before_5_0_a_reply_has_a_topic_of_its_own() {
    let broker = Broker::start().unwrap();
    for version in [Version::V31, Version::V311] {
        let (answerer, asker) = (answerer(version, &broker), asker(version, &broker));
        let question = Publish::new(TopicName::new("questions").unwrap(), "why").qos(QoS::AtLeastOnce);
        let refused = asker.request("questions", "why", QoS::AtLeastOnce, PATIENCE).unwrap_err();
        assert_eq!(refused, PublishError::NeedsVersion5);
        assert!(matches!(asker.request_with(&question, Some("no/#"), PATIENCE), Err(PublishError::Topic(_))));
        for _ in 0..3 {
            let request = asker.request_with(&question, Some("answers/7"), PATIENCE).unwrap();
            assert_eq!(request.wait().unwrap().text(), Some("WHY"), "{version:?}");
        }
        for client in [answerer, asker] {
            client.disconnect();
            client.loop_stop();
        }
    }
}

#[test]
fn with_a_topic_of_its_own_a_request_is_sent_as_it_is() {
    let broker = Broker::start().unwrap();
    let client = answerer(Version::V5, &broker);
    let (tell, told) = std::sync::mpsc::channel();
    client.on_message(move |_, message| {
        let owned = |bytes: &[u8]| bytes.to_vec();
        tell.send((message.properties.correlation_data().map(owned), message.properties.response_topic().is_some()))
            .unwrap();
    });
    let mut question = Publish::new(TopicName::new("questions").unwrap(), "why");
    let properties = [Property::ResponseTopic("answers/7")];
    question = question.properties(&properties);
    question.correlation_data = Some(b"mine");
    let _request = client.request_with(&question, Some("answers/7"), PATIENCE).unwrap();
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), (Some(b"mine".to_vec()), true));
}

#[test]
fn waiting_for_a_reply_ends_in_every_way() {
    let broker = Broker::start().unwrap();
    let asker = asker(Version::V5, &broker);
    let ask = |timeout| asker.request("nobody", "?", QoS::AtLeastOnce, timeout).unwrap();
    assert_eq!(ask(Duration::from_millis(5)).wait(), Err(WaitError::TimedOut));
    drop(ask(PATIENCE));
    let (first, second) = (ask(PATIENCE), ask(PATIENCE));
    let waiting = std::thread::spawn(move || first.wait());
    asker.disconnect();
    assert_eq!(waiting.join().unwrap(), Err(WaitError::Disconnected));
    asker.loop_stop();
    let third = ask(Duration::from_millis(5));
    let start = Instant::now();
    asker.connect(broker.address()).unwrap();
    assert_eq!(third.wait(), Err(WaitError::TimedOut), "although no loop runs");
    assert!(start.elapsed() < PATIENCE);
    drop(asker);
    let gone = NotPublished::ClientGone;
    assert_eq!(second.try_wait(), Some(Err(WaitError::NotPublished(gone))));
    assert_eq!(second.try_wait(), None, "it is told once");
}

#[test]
fn late_and_foreign_replies_are_thrown_away_and_counted() {
    let broker = Broker::start().unwrap();
    let asker = asker(Version::V5, &broker);
    let ear = Ear::of(&asker);
    let (tell, topics) = std::sync::mpsc::channel();
    let listener = Client::with(Options::new("listener").version(Version::V5));
    listener.on_message(move |_, message| {
        let topic = message.properties.response_topic().unwrap().to_owned();
        tell.send((topic, message.properties.correlation_data().unwrap().to_owned())).unwrap();
    });
    let heard = Ear::default();
    let note = heard.clone();
    listener.on_subscribe(move |_, answer| note.change(|told| told.subscribed.push(answer.clone())));
    listener.subscribe("q", QoS::AtLeastOnce).unwrap();
    listener.connect(broker.address()).unwrap();
    listener.loop_start().unwrap();
    heard.until(|told| !told.subscribed.is_empty());
    let request = asker.request("q", "?", QoS::AtLeastOnce, Duration::from_millis(50)).unwrap();
    let (topic, correlation) = topics.recv_timeout(PATIENCE).unwrap();
    assert_eq!(request.wait(), Err(WaitError::TimedOut));
    let topic = TopicName::new(&topic).unwrap();
    for correlation in [&correlation[..], b"foreign", b""] {
        let properties = [Property::CorrelationData(correlation)];
        listener.publish_with(&Publish::new(topic, "late").qos(QoS::AtLeastOnce).properties(&properties)).unwrap();
    }
    eventually(|| asker.stats().stray_replies == 3);
    assert!(ear.told().messages.is_empty());
}

#[test]
fn the_log_has_a_line_for_each_packet_and_no_secret() {
    let broker = Broker::start().unwrap();
    for (level, is_told) in [(LogLevel::Debug, true), (LogLevel::Info, false)] {
        let will = pure_mqtt_client::pure_mqtt::Will::new(TopicName::new("gone").unwrap(), b"hidden");
        let options = Options::new("told").version(Version::V5).user_name("ada").password(b"hidden").will(&will);
        let client = Client::with(options.log_level(level));
        let ear = Ear::of(&client);
        client.connect(broker.address()).unwrap();
        client.loop_start().unwrap();
        client.subscribe("plant/#", QoS::AtLeastOnce).unwrap();
        ear.until(|told| !told.subscribed.is_empty());
        client.publish("plant/door", "hidden", QoS::ExactlyOnce, false).unwrap();
        ear.until(|told| !told.messages.is_empty() && !told.published.is_empty());
        client.disconnect();
        client.loop_stop();
        let told = ear.told();
        let lines: Vec<_> = told.log.iter().map(|(_, line)| line.as_str()).collect();
        assert!(!lines.iter().any(|line| line.contains("hidden")), "{lines:#?}");
        for start in [
            r#"sent CONNECT as "told", 5.0, clean start, keep alive 60 s, with a will"#,
            "received CONNACK: 0x00 Success",
            r#"sent SUBSCRIBE 1: "plant/#" QoS 1"#,
            "received SUBACK 1: 0x01",
            r#"to "plant/door", QoS 2, 6 bytes"#,
            "received PUBREC ",
            "sent PUBREL ",
            "received PUBCOMP ",
            r#"to "plant/door", QoS 1, 6 bytes"#,
            "sent PUBACK ",
            "sent DISCONNECT: 0x00",
        ] {
            let count = lines.iter().filter(|line| line.contains(start)).count();
            assert_eq!(count, usize::from(is_told), "{start}: {lines:#?}");
        }
    }
}
