//! How links begin, live and end, and what becomes of sessions.

use pure_mqtt::wire::PacketType;
use pure_mqtt::{
    Connect, ConnectionError, Disconnect, Property, QoS, ReasonCode, SessionState, Subscription, TopicFilter, Version,
};

use crate::client::{Client, LinkEnd, limits};
use crate::server::Mosquitto;

const NOTHING_LOST: SessionState = SessionState::New { republished: 0, aborted: 0, completed: 0 };

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_session_outlives_cut_and_disconnect_until_a_clean_start() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        let mut other = Client::clean(&broker, version, "other");
        let mut client = Client::new(&broker, limits(version));
        let first = client.resume(version, "lasting");
        assert_eq!(first, NOTHING_LOST, "{version:?}");
        client.subscribe("news", QoS::AtLeastOnce);
        client.leave();
        other.deliver("news", b"while you were out", QoS::AtLeastOnce);
        assert_eq!(client.resume(version, "lasting"), SessionState::Resumed, "{version:?}");
        client.until(|client| client.seen.texts() == ["while you were out"]);
        client.cut();
        assert_eq!(client.resume(version, "lasting"), SessionState::Resumed, "{version:?}");
        client.leave();
        assert_eq!(client.connect(&Connect::new(version, "lasting")), NOTHING_LOST, "{version:?}");
        client.leave();
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_session_without_expiry_ends_with_its_link() {
    let broker = Mosquitto::start();
    let mut client = Client::new(&broker, limits(Version::V5));
    let fleeting = Connect::new(Version::V5, "fleeting").clean_start(false);
    assert_eq!(client.connect(&fleeting), NOTHING_LOST);
    client.leave();
    assert_eq!(client.connect(&fleeting), NOTHING_LOST);
    client.leave();

    client.resume(Version::V5, "fleeting");
    client.leave_with(&Disconnect::default().properties(&[Property::SessionExpiryInterval(0)]));
    assert_eq!(client.connect(&fleeting), NOTHING_LOST, "DISCONNECT has ended it");
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn what_was_published_offline_arrives_even_if_the_session_is_lost() {
    for version in Version::ALL {
        let mut client = {
            let broker = Mosquitto::start();
            Client::lasting(&broker, version, "survivor")
        };
        client.cut();
        for (text, qos) in [("0", QoS::AtMostOnce), ("1", QoS::AtLeastOnce), ("2", QoS::ExactlyOnce)] {
            client.publish("later", text.as_bytes(), qos);
        }
        let broker = Mosquitto::start();
        let mut receiver = Client::clean(&broker, version, "receiver");
        receiver.subscribe("later", QoS::ExactlyOnce);
        client.move_to(&broker);
        client.resume(version, "survivor");
        client.settle();
        receiver.until(|client| client.seen.messages.len() == 3);
        assert_eq!(receiver.seen.texts(), ["0", "1", "2"], "{version:?}");
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_wrong_password_is_refused_and_the_right_one_is_not() {
    let broker = Mosquitto::with_user("ada", "lovelace");
    for version in Version::ALL {
        let mut client = Client::new(&broker, limits(version));
        let connect = Connect::new(version, "ada").user_name("ada");
        client.open(&connect.password(b"byron"));
        assert_eq!(
            client.until_over(),
            LinkEnd::Told(ConnectionError::Refused(ReasonCode::NOT_AUTHORIZED)),
            "{version:?}"
        );
        assert_eq!(client.seen.connacks, [(ReasonCode::NOT_AUTHORIZED, SessionState::Untouched)]);
        client.connect(&connect.password(b"lovelace"));
        client.leave();
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn an_idle_link_is_kept_alive_by_pings() {
    let broker = Mosquitto::start();
    let mut clients = Version::ALL.map(|version| {
        let mut client = Client::new(&broker, limits(version));
        client.connect(&Connect::new(version, &format!("idle-{version:?}")).keep_alive(1));
        client
    });
    for client in &mut clients {
        client.until(|client| client.seen.count(PacketType::PingResp) > 0);
        client.settle();
        client.leave();
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_session_that_is_taken_over_ends_the_older_link() {
    let broker = Mosquitto::start();
    for version in Version::ALL {
        let mut older = Client::clean(&broker, version, "twin");
        let mut newer = Client::clean(&broker, version, "twin");
        let end = older.until_over(); // some releases of mosquitto say it in 5.0, none before
        let is_told = end == LinkEnd::Told(ConnectionError::ServerDisconnect(ReasonCode::SESSION_TAKEN_OVER));
        assert!(end == LinkEnd::Silent || version == Version::V5 && is_told, "{version:?}: {end:?}");
        assert_eq!(older.seen.disconnect.is_some(), is_told);
        newer.deliver("still/here", b"yes", QoS::AtLeastOnce);
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn an_empty_client_identifier_is_the_brokers_to_replace() {
    let broker = Mosquitto::start();
    for version in [Version::V311, Version::V5] {
        let mut client = Client::clean(&broker, version, "");
        client.subscribe("echo", QoS::ExactlyOnce);
        client.publish("echo", b"hello", QoS::ExactlyOnce);
        client.until(|client| client.seen.texts() == ["hello"] && client.mqtt.is_idle());
        client.leave();
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn subscriptions_come_back_after_a_restart_without_memory() {
    for version in [Version::V311, Version::V5] {
        let broker = Mosquitto::start();
        let mut client = Client::new(&broker, limits(version));
        let filters = ["news/+", "weather/#", "$share/group/work", "alarm", "a/b/c", "d", "e", "f", "g", "h"];
        for filter in filters {
            let wish = Subscription::new(TopicFilter::new(filter).unwrap(), QoS::AtLeastOnce);
            client.subscriptions.subscribe(wish).unwrap();
        }
        assert_eq!(client.resume(version, "reader"), NOTHING_LOST);
        client.until(|client| client.subscriptions.is_settled());
        client.subscriptions.unsubscribe(TopicFilter::new("alarm").unwrap());
        client.until(|client| client.subscriptions.is_settled());
        assert_eq!(client.subscriptions.len(), filters.len() - 1);
        client.cut();
        assert_eq!(client.resume(version, "reader"), SessionState::Resumed);
        let asked = client.seen.count(PacketType::SubAck);
        client.cut();

        let broker = broker.restart();
        assert_eq!(client.resume(version, "reader"), NOTHING_LOST);
        client.until(|client| client.subscriptions.is_settled());
        assert_eq!(client.seen.count(PacketType::SubAck), 2 * asked, "{version:?}");
        let mut other = Client::clean(&broker, version, "other");
        for topic in ["alarm", "news/today", "weather", "work", "h"] {
            other.deliver(topic, topic.as_bytes(), QoS::AtLeastOnce);
        }
        client.until(|client| client.seen.messages.len() == 4);
        assert_eq!(client.seen.texts(), ["news/today", "weather", "work", "h"], "{version:?}");
    }
}
