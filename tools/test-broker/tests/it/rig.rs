//! A client whose loop runs in a thread of its own, and what it was told.

use std::time::Duration;

use pure_mqtt_client::pure_mqtt::{QoS, Version};
use pure_mqtt_client::{CleanStart, Client, LinkEnd, MessageInfo, Options};
use pure_mqtt_test_broker::{Broker, Seen};

use crate::support::{Ear, PATIENCE};

pub const CLIENT: &str = "meter";

/// A client. Its thread ends when it is dropped.
pub struct Rig {
    pub client: Client,
    pub ear: Ear,
}

/// Options of a client that comes back at once.
pub fn options(version: Version) -> Options {
    Options::new(CLIENT).version(version).reconnect_delay(Duration::from_millis(1), Duration::from_millis(20))
}

/// The same with a session that outlives its links.
pub fn resuming(version: Version) -> Options {
    use pure_mqtt_client::pure_mqtt::Property;
    let options = options(version).clean_start(CleanStart::First);
    if version == Version::V5 { options.properties(&[Property::SessionExpiryInterval(60)]) } else { options }
}

impl Rig {
    /// Starts to connect.
    pub fn start(broker: &Broker, options: Options) -> Self {
        let client = Client::with(options.retry_first_connection(true));
        let ear = Ear::of(&client);
        client.connect_async(broker.address());
        client.loop_start().unwrap();
        Self { client, ear }
    }

    /// Connects.
    pub fn connected(broker: &Broker, options: Options) -> Self {
        let rig = Self::start(broker, options);
        rig.ear.until(|told| told.connacks.iter().any(|(reason, _)| reason.0 == 0));
        rig
    }

    /// Subscribes, and waits for the answer.
    pub fn subscribe(&self, filter: &str, qos: QoS) {
        let answers = self.ear.told().subscribed.len();
        self.client.subscribe(filter, qos).unwrap();
        self.ear.until(|told| told.subscribed.len() > answers);
    }

    /// How links have ended through the broker; that the client itself takes another one is its own affair.
    pub fn ends(&self) -> Vec<LinkEnd> {
        let told = self.ear.told();
        told.ends.iter().filter(|end| !matches!(end, LinkEnd::Replaced)).cloned().collect()
    }

    pub fn publish(&self, text: &str, qos: QoS) -> MessageInfo {
        self.client.publish("out", text, qos, false).unwrap()
    }

    /// Publishes, and waits until it has arrived.
    pub fn deliver(&self, text: &str, qos: QoS) {
        self.publish(text, qos).wait_for_publish(PATIENCE).unwrap();
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.client.disconnect();
        self.client.loop_stop();
    }
}

/// Waits for the broker.
#[track_caller]
pub fn until(broker: &Broker, condition: impl FnMut(&Seen<'_>) -> bool) {
    if let Err(error) = broker.wait_for(PATIENCE, condition) {
        panic!("{error}");
    }
}
