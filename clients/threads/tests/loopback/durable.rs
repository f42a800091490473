//! A client with a log: what it accepted survives it.

use pure_mqtt_client::pure_mqtt::{Publish, QoS, TopicName, Version};
use pure_mqtt_client::{CleanStart, Client, Options, RecoverError, StorageError, StoreError};
use pure_mqtt_test_broker::{Broker, Message};

use crate::support::{Ear, PATIENCE, drive};

/// A folder of its own, which goes with the test.
pub struct Folder(pub std::path::PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("pure-mqtt-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn message(text: &str) -> Publish<'_> {
    Publish::new(TopicName::new("meter").unwrap(), text).qos(QoS::ExactlyOnce)
}

#[test]
fn what_was_accepted_is_delivered_by_the_next_life() {
    for version in Version::ALL {
        let folder = Folder::new(&format!("lives-{version:?}"));
        let broker = Broker::start().unwrap();
        let options = || Options::new("meter").version(version).clean_start(CleanStart::First);
        let client = Client::open(&folder.0, options()).unwrap();
        for number in 0..20_u64 {
            client.publish_tagged(&message(&number.to_string()), number).unwrap();
        }
        drop(client); // without ever having had a link
        let client = Client::open(&folder.0, options()).unwrap();
        let tags: Vec<_> = client.recovered().iter().map(|(_, tag)| *tag).collect();
        assert_eq!(tags, (0..20).collect::<Vec<_>>());
        assert_eq!(client.latest_tag(), 19);
        client.connect(broker.address()).unwrap();
        client.loop_start().unwrap();
        for (info, tag) in client.recovered() {
            assert_eq!(info.wait_for_publish(PATIENCE), Ok(()), "{tag}");
        }
        client.disconnect();
        client.loop_stop();
        drop(client);
        assert_eq!(broker.texts("meter"), (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
        let client = Client::open(&folder.0, options()).unwrap();
        assert!(client.recovered().is_empty());
        assert_eq!(client.latest_tag(), 19, "of a message that is finished");
        assert!(broker.violations().is_empty(), "{:?}", broker.violations());
    }
}

#[test]
fn a_session_goes_on_over_a_restart() {
    let folder = Folder::new("session");
    let broker = Broker::start().unwrap();
    let options = || Options::new("reader").version(Version::V5);
    let client = Client::open(&folder.0, options()).unwrap();
    let ear = Ear::of(&client);
    client.subscribe("news", QoS::ExactlyOnce).unwrap();
    client.connect(broker.address()).unwrap();
    drive(&client, || !ear.told().subscribed.is_empty());
    client.disconnect();
    client.loop_forever().unwrap();
    drop(client);
    assert_eq!(broker.publish(&Message::new("news", "meanwhile").qos(2)), 1);
    let client = Client::open(&folder.0, options()).unwrap();
    let ear = Ear::of(&client);
    client.subscribe("news", QoS::ExactlyOnce).unwrap();
    client.connect(broker.address()).unwrap();
    drive(&client, || !ear.told().messages.is_empty());
    assert_eq!(ear.told().texts(), ["meanwhile"]);
    drive(&client, || broker.is_idle());
}

#[test]
fn a_folder_has_one_owner() {
    let folder = Folder::new("owner");
    let client = Client::open(&folder.0, Options::new("one")).unwrap();
    let second = Client::open(&folder.0, Options::new("one")).unwrap_err();
    assert!(matches!(second, StorageError::Store(StoreError::InUse { .. })), "{second}");
    drop(client);
    let other = Client::open(&folder.0, Options::new("another")).unwrap_err();
    assert!(matches!(other, StorageError::Log(RecoverError::OtherClient { .. })), "{other}");
}
