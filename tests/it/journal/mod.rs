//! The journal, record by record; the power fails at every byte in tests/power.

mod damage;
mod records;
mod replaced;
mod room;

use crate::corners::rig::NOW;
use pure_mqtt::journal::Recovered;
use pure_mqtt::storage::Journaled;
use pure_mqtt::{Connection, Fixed, Handle, Limits, Publish, QoS, Storage, TopicName};

type Mqtt = Connection<Journaled<Fixed<256, 8, 8, 64>, 512>>;

fn new(limits: Limits) -> Mqtt {
    Mqtt::new(Journaled::new(Fixed::new()), limits)
}

/// Makes durable what waits, and what there was no room for.
fn save<S: Storage>(client: &mut Connection<S>, log: &mut Vec<u8>) {
    while !client.journal().is_empty() {
        log.extend(client.journal());
        client.journal_written(client.journal().len());
    }
}

fn recovered(log: &[u8], limits: Limits) -> (Mqtt, Recovered) {
    Mqtt::recover(Journaled::new(Fixed::new()), limits, NOW, log).unwrap()
}

/// After a loss of power.
fn again(log: &[u8], limits: Limits) -> Mqtt {
    let (client, recovered) = recovered(log, limits);
    assert_eq!(recovered.used, log.len());
    client
}

fn publish<S: Storage>(client: &mut Connection<S>, payload: &str, qos: QoS) -> Handle {
    client.publish(NOW, &Publish::new(TopicName::new("t").unwrap(), payload).qos(qos)).unwrap().handle
}
