//! Waits and wake-ups: nobody sleeps over what has happened.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use pure_mqtt_client::{Client, ConnectError};

use crate::support::Ear;

/// Nobody listens there.
fn nobody() -> std::net::SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn what_is_asked_for_while_the_loop_goes_to_sleep_first_wakes_it() {
    let nobody = nobody();
    for round in 0..3_000 {
        let client = Client::new("early");
        let ear = Ear::of(&client);
        client.loop_start().unwrap();
        let start = Instant::now();
        while start.elapsed() < Duration::from_micros(round % 150) {
            std::hint::spin_loop();
        }
        client.connect_async(nobody);
        let failed = ear.once(|told| !told.failures.is_empty());
        assert!(matches!(failed.failures[0], ConnectError::Transport(_)));
    }
}
