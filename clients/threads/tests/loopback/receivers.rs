//! Queues of one's own beside the callbacks.

use std::thread;
use std::time::Duration;

use pure_mqtt_client::pure_mqtt::subscriptions::SubscriptionState;
use pure_mqtt_client::pure_mqtt::{QoS, RequestError, RetainHandling, Subscription, TopicFilter, Version};
use pure_mqtt_client::{
    CleanStart, Client, Options, Qos0Queue, ReceiveError, Receiver, ReceiverOptions, SubscribeError,
};
use pure_mqtt_test_broker::{Broker, Message};

use crate::support::{Ear, PATIENCE, drive, eventually};

fn running(name: &str, version: Version, broker: &Broker) -> Client {
    let client = Client::with(Options::new(name).version(version));
    client.connect(broker.address()).unwrap();
    client.loop_start().unwrap();
    client
}

fn receiver(client: &Client, filter: &str) -> Receiver {
    let receiver = client.receive(filter, QoS::ExactlyOnce).unwrap();
    receiver.granted(PATIENCE).unwrap();
    receiver
}

fn text(receiver: &Receiver) -> String {
    receiver.recv(PATIENCE).unwrap().text().unwrap().into()
}

#[test]
fn a_message_goes_to_whoever_wants_it_and_to_nobody_else() {
    let broker = Broker::start().unwrap();
    for version in Version::ALL {
        let client = running(&format!("split-{version:?}"), version, &broker);
        let ear = Ear::of(&client);
        let (levels, all) = (receiver(&client, "plant/+/level"), receiver(&client, "plant/#"));
        client.subscribe("office/#", QoS::AtLeastOnce).unwrap();
        ear.until(|told| told.subscribed.len() == 1 || told.subscribed.len() == 3); // those of receivers may come before the ear
        for (topic, payload) in [("plant/tank/level", "1"), ("plant/door", "2"), ("office/lamp", "3")] {
            client.publish(topic, payload, QoS::ExactlyOnce, false).unwrap();
        }
        assert_eq!(text(&levels), "1");
        assert_eq!([text(&all), text(&all)], ["1", "2"]);
        assert_eq!(ear.once(|told| !told.messages.is_empty()).texts(), ["3"]);
        assert!(levels.try_recv().is_none() && all.try_recv().is_none());
        client.disconnect();
        client.loop_stop();
    }
    assert!(broker.violations().is_empty(), "{:?}", broker.violations());
}

#[test]
fn a_message_is_acknowledged_when_the_next_is_asked_for() {
    let broker = Broker::start().unwrap();
    let client = running("on-next", Version::V311, &broker);
    let receiver = receiver(&client, "a");
    eventually(|| broker.is_idle());
    broker.publish(&Message::new("a", "1").qos(2));
    assert_eq!(text(&receiver), "1");
    assert!(!broker.is_idle(), "the program has it still in hand");
    assert!(receiver.try_recv().is_none());
    eventually(|| broker.is_idle());
    broker.publish(&Message::new("a", "2").qos(2));
    assert_eq!(text(&receiver), "2");
    drop(receiver);
    eventually(|| broker.is_idle());
}

#[test]
fn a_program_may_acknowledge_by_itself() {
    let broker = Broker::start().unwrap();
    let client = running("manual", Version::V5, &broker);
    let filters = [Subscription::new(TopicFilter::new("a").unwrap(), QoS::AtLeastOnce)];
    let receiver = client.receive_from(&filters, ReceiverOptions::new().manual_acks(true)).unwrap();
    receiver.granted(PATIENCE).unwrap();
    for payload in ["1", "2"] {
        broker.publish(&Message::new("a", payload).qos(2));
    }
    let received: Vec<_> = (0..2).map(|_| receiver.recv(PATIENCE).unwrap()).collect();
    for message in received.iter().rev() {
        assert!(!broker.is_idle());
        client.ack(message.ack_token.unwrap()).unwrap();
    }
    eventually(|| broker.is_idle());
    assert_eq!(client.ack(received[0].ack_token.unwrap()), Err(RequestError::Stale));
}

#[test]
fn waiting_ends_in_every_way() {
    let broker = Broker::start().unwrap();
    let client = running("waiting", Version::V5, &broker);
    let receiver = receiver(&client, "a");
    assert_eq!(receiver.recv(Duration::ZERO).unwrap_err(), ReceiveError::TimedOut);
    assert_eq!(receiver.recv(Duration::from_millis(1)).unwrap_err(), ReceiveError::TimedOut);
    thread::scope(|scope| {
        let all = scope.spawn(|| receiver.iter().map(|message| message.text().unwrap().to_owned()).collect::<Vec<_>>());
        client.publish("a", "1", QoS::ExactlyOnce, false).unwrap().wait_for_publish(PATIENCE).unwrap();
        eventually(|| client.stats().waiting == 0 && client.stats().received == 1);
        client.disconnect();
        assert_eq!(all.join().unwrap(), ["1"]);
    });
    assert_eq!(receiver.recv(None).unwrap_err(), ReceiveError::Disconnected);
    client.connect(broker.address()).unwrap();
    receiver.granted(PATIENCE).unwrap();
    client.publish("a", "2", QoS::ExactlyOnce, false).unwrap();
    assert_eq!(text(&receiver), "2", "the subscription came back with the next link");
}

#[test]
fn a_callback_takes_what_is_there_and_does_not_wait() {
    let broker = Broker::start().unwrap();
    let client = running("callback", Version::V311, &broker);
    let receiver = receiver(&client, "queue");
    let (tell, told) = std::sync::mpsc::channel();
    client.on_message(move |client, _| {
        let other = client.receive("other", QoS::AtMostOnce).unwrap();
        assert_eq!(other.granted(None), Err(ReceiveError::InCallback));
        tell.send((receiver.recv(None), receiver.recv(None))).unwrap();
    });
    client.subscribe("wake", QoS::AtMostOnce).unwrap();
    client.publish("queue", "1", QoS::AtLeastOnce, false).unwrap().wait_for_publish(PATIENCE).unwrap();
    eventually(|| client.stats().waiting == 1);
    client.publish("wake", "", QoS::AtMostOnce, false).unwrap();
    let (first, second) = told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(first.unwrap().text(), Some("1"));
    assert_eq!(second.unwrap_err(), ReceiveError::InCallback);
    client.on_message(|_, _| {}); // the receiver is a handle of the client: it goes here
}

#[test]
fn a_dropped_receiver_unsubscribes_from_what_only_it_wants() {
    let broker = Broker::start().unwrap();
    let client = running("dropped", Version::V5, &broker);
    let (first, second) = (receiver(&client, "a"), receiver(&client, "a"));
    client.unsubscribe("a").unwrap(); // the callbacks never wanted it, and the receivers still do
    drop(first);
    client.publish("a", "1", QoS::AtLeastOnce, false).unwrap();
    assert_eq!(text(&second), "1");
    drop(second);
    eventually(|| client.subscription_state(TopicFilter::new("a").unwrap()).is_none());
    eventually(|| broker.publish(&Message::new("a", "2").qos(2)) == 0);
}

#[test]
fn what_cannot_be_is_refused_and_leaves_nothing() {
    let broker = Broker::start().unwrap();
    let client = running("refused", Version::V5, &broker);
    assert!(matches!(client.receive("a/#/b", QoS::AtMostOnce), Err(SubscribeError::Filter(_))));
    assert!(matches!(client.receive_from(&[], ReceiverOptions::new()), Err(SubscribeError::Rejected(_))));
    let _first = receiver(&client, "a");
    let other =
        Subscription::new(TopicFilter::new("a").unwrap(), QoS::AtMostOnce).retain_handling(RetainHandling::DoNotSend);
    let conflict = client.receive_from(&[other], ReceiverOptions::new());
    assert!(matches!(conflict, Err(SubscribeError::Conflict)), "{conflict:?}");
    broker.configure(|config| config.refuse_subscribe = Some(0x87));
    let refused = client.receive("b", QoS::AtMostOnce).unwrap();
    let Err(ReceiveError::NotGranted { filter, standing: SubscriptionState::Refused(reason) }) =
        refused.granted(PATIENCE)
    else {
        panic!("it was granted");
    };
    assert_eq!((&*filter, reason.0), ("b", 0x87));
}

#[test]
fn a_slow_receiver_holds_up_nobody_and_loses_its_own_qos_0_messages_alone() {
    let broker = Broker::start().unwrap();
    let client = running("slow", Version::V5, &broker);
    let filters = [Subscription::new(TopicFilter::new("slow/#").unwrap(), QoS::AtLeastOnce)];
    let options = ReceiverOptions::new().qos0(Qos0Queue::DropOldest(3));
    let slow = client.receive_from(&filters, options).unwrap();
    let quick = receiver(&client, "quick");
    slow.granted(PATIENCE).unwrap();
    for number in 0..10 {
        client.publish("slow/0", number.to_string(), QoS::AtMostOnce, false).unwrap();
        client.publish("slow/1", number.to_string(), QoS::AtLeastOnce, false).unwrap();
    }
    for number in 0..50 {
        let info = client.publish("quick", number.to_string(), QoS::AtMostOnce, false).unwrap();
        info.wait_for_publish(PATIENCE).unwrap();
        assert_eq!(text(&quick), number.to_string());
    }
    let mut kept: Vec<_> = std::iter::from_fn(|| slow.try_recv()).collect();
    kept.sort_by_key(|message| message.qos);
    let texts: Vec<_> = kept.iter().map(|message| message.text().unwrap()).collect();
    assert_eq!(texts[..3], ["7", "8", "9"]);
    assert_eq!(texts[3..], ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    assert_eq!(client.stats().dropped, 7);
    eventually(|| broker.is_idle());
}

#[test]
fn messages_in_a_queue_outlive_their_link() {
    for version in Version::ALL {
        let broker = Broker::start().unwrap();
        let name = format!("outlive-{version:?}");
        let delay = Duration::from_millis(1);
        let options = Options::new(&name).version(version).clean_start(CleanStart::First).reconnect_delay(delay, delay);
        let expiry = [pure_mqtt_client::pure_mqtt::Property::SessionExpiryInterval(60)];
        let client = Client::with(if version == Version::V5 { options.properties(&expiry) } else { options });
        client.connect(broker.address()).unwrap();
        client.loop_start().unwrap();
        let receiver = receiver(&client, "a");
        let broker_sees = |payload| eventually(|| broker.publish(&Message::new("a", payload).qos(2)) == 1);
        broker_sees("1");
        broker_sees("2");
        eventually(|| client.stats().waiting == 2);
        client.reconnect().unwrap();
        eventually(|| client.is_connected());
        broker_sees("3");
        let mut texts = Vec::new();
        while texts.last().is_none_or(|text| text != "3") {
            texts.push(text(&receiver));
        }
        texts.dedup();
        assert_eq!(texts.first().map(String::as_str), Some("1"), "{version:?}: {texts:?}");
        assert!(texts.contains(&"2".to_owned()), "{version:?}: {texts:?}");
        client.disconnect();
        client.loop_stop();
    }
}

#[test]
fn what_is_refused_changes_nothing() {
    let client = Client::with(Options::new("partly").version(Version::V5));
    let filter = |text| Subscription::new(TopicFilter::new(text).unwrap(), QoS::AtLeastOnce);
    let _receiver = client.receive_from(&[filter("b").no_local(true)], ReceiverOptions::new()).unwrap();
    let refused = client.subscribe_to(&[filter("a").retain_as_published(true), filter("b")]);
    assert_eq!(refused, Err(SubscribeError::Conflict));
    assert_eq!(client.subscription_state(TopicFilter::new("a").unwrap()), None);
}

#[test]
fn manual_acks_may_be_chosen_later() {
    let broker = Broker::start().unwrap();
    let client = Client::with(Options::new("later").version(Version::V5));
    client.configure(|options| options.manual_acks(true));
    let ear = Ear::of(&client);
    client.subscribe("a", QoS::AtLeastOnce).unwrap();
    client.connect(broker.address()).unwrap();
    client.loop_start().unwrap();
    ear.until(|told| !told.subscribed.is_empty());
    broker.publish(&Message::new("a", b"1").qos(1));
    let ack_tokens = ear.once(|told| !told.messages.is_empty()).ack_tokens.clone();
    assert_eq!(ack_tokens.len(), 1);
    client.ack(ack_tokens[0]).unwrap();
    eventually(|| broker.is_idle());
}

/// Each link brings them again, with ack_tokens of their own.
#[test]
fn messages_that_are_never_acknowledged_take_no_more_memory_with_each_link() {
    let broker = Broker::start().unwrap();
    let expiry = [pure_mqtt_client::pure_mqtt::Property::SessionExpiryInterval(60)];
    let options = Options::new("never").version(Version::V5).clean_start(CleanStart::Never);
    let client = Client::with(options.manual_acks(true).properties(&expiry));
    let ear = Ear::of(&client);
    client.subscribe("a", QoS::AtLeastOnce).unwrap();
    client.connect(broker.address()).unwrap();
    drive(&client, || !ear.told().subscribed.is_empty());
    for _ in 0..10 {
        broker.publish(&Message::new("a", b"x").qos(1));
    }
    for link in 1..=30 {
        drive(&client, || ear.told().messages.len() == 10 * link);
        client.reconnect().unwrap();
    }
    drive(&client, || ear.told().messages.len() == 310);
    let mut ack_tokens = std::mem::take(&mut ear.told().ack_tokens);
    let latest = ack_tokens.split_off(300);
    assert!(ack_tokens.into_iter().all(|ack_token| client.ack(ack_token) == Err(RequestError::Stale)));
    assert!(latest.into_iter().all(|ack_token| client.ack(ack_token).is_ok()));
}
