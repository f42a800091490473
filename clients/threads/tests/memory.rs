//! What a client holds in memory: idle, and after a burst.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../tests/allocations/counting.rs"]
mod counting;
mod support;

use counting::HELD;
use pure_mqtt_client::pure_mqtt::{QoS, Version};
use pure_mqtt_client::{Client, Options};
use pure_mqtt_test_broker::Broker;
use support::drive;

/// The loop runs in this thread, and the broker in others, so that only the client's memory counts.
#[test]
fn an_idle_client_is_small_and_a_burst_is_given_back() {
    const MESSAGES: usize = 50_000;
    let broker = Broker::start().unwrap();
    let before = HELD.get();
    let client = Client::with(Options::new("burst").version(Version::V5));
    client.connect(broker.address()).unwrap();
    drive(&client, || client.is_connected());
    client.subscribe("echo", QoS::AtLeastOnce).unwrap();
    drive(&client, || client.is_idle());
    let idle = HELD.get() - before;

    let payload = [7; 1_000];
    let infos: Vec<_> =
        (0..MESSAGES).map(|_| client.publish("burst", payload, QoS::ExactlyOnce, false).unwrap()).collect();
    let most = HELD.get() - before;
    drive(&client, || infos.last().unwrap().is_published());
    assert!(infos.iter().all(|info| info.is_published()));
    drop(infos);
    for _ in 0..20 {
        client.publish("echo", payload, QoS::AtLeastOnce, false).unwrap();
    }
    drive(&client, || client.is_idle());
    let left = HELD.get() - before;
    println!("idle {idle} bytes; {MESSAGES} messages of 1,000 bytes: {most} at most, {left} afterwards");
    assert!(most > 50_000_000, "{most}");
    assert!(left - idle < 64_000, "{idle} before, {left} afterwards");
    assert!(idle < 96_000, "{idle}");
}
