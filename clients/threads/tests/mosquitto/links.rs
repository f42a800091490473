//! How links begin and end, and what becomes of what was wanted.

use std::time::Duration;

use pure_mqtt_client::pure_mqtt::subscriptions::SubscriptionState;
use pure_mqtt_client::pure_mqtt::{
    Property, QoS, ReasonCode, SessionState, TopicFilter, TopicName, Version, VersionFallback, Will,
};
use pure_mqtt_client::{CleanStart, Client, LinkEnd, Options, Server};

use crate::server::Mosquitto;
use crate::support::{Ear, PATIENCE, drive, eventually};

/// A quick one.
const DELAY: Duration = Duration::from_millis(5);

fn server(broker: &Mosquitto) -> Server {
    Server::tcp("127.0.0.1", broker.port)
}

fn lasting(name: &str, version: Version) -> Options {
    Options::new(name)
        .version(version)
        .clean_start(CleanStart::Never)
        .properties(&[Property::SessionExpiryInterval(60)])
        .reconnect_delay(DELAY, DELAY)
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn nothing_is_lost_when_the_broker_is_killed_and_comes_back_without_memory() {
    for version in Version::ALL {
        let broker = Mosquitto::start();
        let subscriber = Client::with(lasting("subscriber", version));
        let ear = Ear::of(&subscriber);
        subscriber.subscribe("news/+", QoS::ExactlyOnce).unwrap();
        subscriber.connect(server(&broker)).unwrap();
        subscriber.loop_start().unwrap();
        ear.until(|told| told.subscribed.len() == 1);
        let publisher = Client::with(lasting("publisher", version));
        publisher.connect(server(&broker)).unwrap();
        publisher.loop_start().unwrap();
        publisher.publish("news/first", "0", QoS::ExactlyOnce, false).unwrap().wait_for_publish(PATIENCE).unwrap();
        ear.until(|told| told.messages.len() == 1);
        publisher.loop_stop();

        let broker = {
            let infos: Vec<_> = (1..=50)
                .map(|number| {
                    let qos = if number % 2 == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
                    publisher.publish("news/more", number.to_string(), qos, false).unwrap()
                })
                .collect();
            let broker = broker.restart();
            ear.until(|told| told.connacks.len() >= 2);
            let filter = TopicFilter::new("news/+").unwrap();
            eventually(|| subscriber.subscription_state(filter) == Some(SubscriptionState::Granted(QoS::ExactlyOnce)));
            publisher.loop_start().unwrap();
            for info in infos {
                info.wait_for_publish(PATIENCE).unwrap();
            }
            broker
        };
        ear.until(|told| told.messages.len() == 51);
        let mut numbers: Vec<_> = ear.told().texts().iter().map(|text| text.parse::<u32>().unwrap()).collect();
        numbers.sort_unstable(); // mosquitto hands on QoS 2 messages later
        assert_eq!(numbers, Vec::from_iter(0..=50), "{version:?}");
        let is_told = matches!(ear.told().connacks[1].1, SessionState::New { .. });
        assert!(is_told || version == Version::V31, "3.1 can't say it");
        for client in [publisher, subscriber] {
            client.disconnect();
            client.loop_stop();
        }
        drop(broker);
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_message_that_was_not_acknowledged_comes_again() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        let client = Client::with(lasting(&format!("careful-{version:?}"), version).manual_acks(true));
        let ear = Ear::of(&client);
        client.on_subscribe(|client, _| {
            client.publish("task", "once", QoS::AtLeastOnce, false).unwrap();
        });
        client.subscribe("task", QoS::AtLeastOnce).unwrap();
        client.connect(server(&broker)).unwrap();
        drive(&client, || ear.told().ack_tokens.len() == 1 && !ear.told().published.is_empty());
        client.reconnect().unwrap();
        drive(&client, || ear.told().ack_tokens.len() == 2);
        let ack_tokens = ear.told().ack_tokens.clone();
        assert!(client.ack(ack_tokens[0]).is_err(), "its link is gone");
        client.ack(ack_tokens[1]).unwrap();
        drive(&client, || client.is_idle());
        assert!(ear.told().messages[1].dup);
        assert!(matches!(ear.told().connacks[1].1, SessionState::Resumed));
        client.unsubscribe("task").unwrap();
        drive(&client, || ear.told().unsubscribed.len() == 1);
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn the_will_is_published_when_the_client_goes_without_a_word() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        let heir = Client::with(Options::new("heir").version(version));
        let ear = Ear::of(&heir);
        heir.subscribe("will", QoS::AtLeastOnce).unwrap();
        heir.connect(server(&broker)).unwrap();
        drive(&heir, || !ear.told().subscribed.is_empty());
        let will = Will::new(TopicName::new("will").unwrap(), b"all yours").qos(QoS::AtLeastOnce);
        for is_polite in [true, false] {
            let testator = Client::with(Options::new("testator").version(version).will(&will));
            testator.connect(server(&broker)).unwrap();
            drive(&testator, || testator.is_connected());
            if is_polite {
                testator.disconnect();
                testator.loop_forever().unwrap();
                testator.publish("will", "not yet", QoS::AtLeastOnce, false).unwrap();
                testator.configure(Options::without_will);
                testator.connect(server(&broker)).unwrap();
                drive(&testator, || testator.is_idle());
            }
        }
        drive(&heir, || ear.told().messages.len() == 2);
        assert_eq!(ear.told().texts(), ["not yet", "all yours"], "{version:?}");
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_wrong_password_is_refused_and_the_right_one_is_not() {
    let broker = Mosquitto::with_user("ada", "lovelace");
    for version in Version::ALL {
        let client = Client::with(Options::new("ada").version(version).user_name("ada").password(b"byron"));
        let ear = Ear::of(&client);
        client.on_disconnect(|client, end| {
            assert!(matches!(end, LinkEnd::Mqtt(_)), "{end}");
            client.configure(|options| options.password(b"lovelace").reconnect_delay(DELAY, DELAY));
            client.on_disconnect(|_, _| {});
        });
        client.configure(|options| options.reconnect_delay(DELAY, DELAY));
        client.connect(server(&broker)).unwrap();
        client.loop_start().unwrap();
        ear.until(|told| told.connacks.len() == 2);
        let reasons: Vec<_> = ear.told().connacks.iter().map(|(reason, _)| *reason).collect();
        assert_eq!(reasons, [ReasonCode::NOT_AUTHORIZED, ReasonCode::SUCCESS], "{version:?}");
        client.disconnect();
        client.loop_stop();
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_client_without_a_name_and_a_version_gets_both() {
    let broker = Mosquitto::start();
    for options in [
        Options::default().fallback(VersionFallback::default()),
        Options::default().version(Version::V311),
        Options::default().version(Version::V31),
    ] {
        let client = Client::with(options);
        client.connect(server(&broker)).unwrap();
        drive(&client, || client.is_connected());
        client.disconnect();
        client.loop_forever().unwrap();
    }
}
