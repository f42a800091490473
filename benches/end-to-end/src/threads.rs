//! pure-mqtt-client: the ready-made client with callbacks, its loop in the only thread.

use std::error::Error;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use pure_mqtt_client::pure_mqtt::{QoS, Version};
use pure_mqtt_client::{Client, Options};

use crate::{Clock, PAYLOAD, Run, Took};

const TOPIC: &str = "bench/pure-mqtt-client";

pub fn echo(run: Run, coalesces: bool) -> Result<Took, Box<dyn Error>> {
    let options = Options::new("pure-mqtt-client").version(Version::V311).max_inflight(run.window as u16);
    let client = Client::with(options.coalesce(coalesces));
    let qos = QoS::from_bits(run.qos).unwrap_or_default();
    let took = Arc::new(Mutex::new(None));
    let clock = Arc::new(Mutex::new(None));
    client.on_subscribe({
        let clock = Arc::clone(&clock);
        move |client, _| {
            *clock.lock().expect("nobody panics") = Some(Clock::start());
            for _ in 0..run.window.min(run.count) {
                client.publish(TOPIC, PAYLOAD, qos, false).expect("the queue has room");
            }
        }
    });
    let (mut sent, mut received) = (run.window.min(run.count), 0);
    client.on_message({
        let took = Arc::clone(&took);
        move |client, message| {
            assert_eq!(message.payload, PAYLOAD);
            received += 1;
            if received == run.count {
                *took.lock().expect("nobody panics") = clock.lock().expect("nobody panics").as_ref().map(Clock::stop);
                client.disconnect();
            } else if sent < run.count {
                client.publish(TOPIC, PAYLOAD, qos, false).expect("the queue has room");
                sent += 1;
            }
        }
    });
    client.subscribe(TOPIC, qos)?;
    client.connect((Ipv4Addr::LOCALHOST.to_string().as_str(), run.port))?;
    client.loop_forever()?;
    let took = took.lock().expect("nobody panics").take();
    took.ok_or_else(|| "the link ended too early".into())
}
