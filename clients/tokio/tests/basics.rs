//! The client against the project's own broker, over TCP on loopback.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use pure_mqtt_tokio::{Client, Options, QoS, Server};
use test_broker::Loopback;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

fn server(broker: &Loopback) -> Server {
    format!("mqtt://{}", broker.address).parse().unwrap()
}

#[tokio::test]
async fn a_message_comes_back() {
    let broker = Loopback::start().unwrap();
    let client = Client::spawn(Options::new("echo").server(server(&broker))).unwrap();
    let mut events = client.events();
    tokio::spawn(async move { while let Ok(e) = events.recv().await { println!("{e:?}"); } });
    let mut subscription = client.subscribe("a", QoS::AtLeastOnce).unwrap();
    let delivery = timeout(PATIENCE, client.publish("a", "x", QoS::AtLeastOnce)).await.unwrap().unwrap();
    println!("accepted {:?}", delivery.milestone());
    println!("{:?}", timeout(Duration::from_secs(2), delivery).await);
    println!("{:?}", timeout(Duration::from_secs(2), subscription.granted()).await);
    let message = timeout(PATIENCE, subscription.recv()).await.unwrap().unwrap();
    assert_eq!(message.text(), Some("x"));
    println!("{:?}", client.stats());
}
