//! pure-mqtt-tokio: the ready-made async client, its driver and the program in the only thread.

use std::error::Error;

use pure_mqtt_tokio::{Client, Options, QoS, Version};

use crate::{Clock, PAYLOAD, Run, Took};

const TOPIC: &str = "bench/pure-mqtt-tokio";

pub fn echo(run: Run) -> Result<Took, Box<dyn Error>> {
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let options = Options::new("pure-mqtt-tokio").version(Version::V311).max_inflight(run.window as u16);
        let client = Client::spawn(options.server(format!("mqtt://127.0.0.1:{}", run.port).parse()?))?;
        let qos = QoS::from_bits(run.qos).unwrap_or_default();
        let mut subscription = client.subscribe(TOPIC, qos)?;
        subscription.granted().await?;
        let clock = Clock::start();
        let mut sent = 0;
        while sent < run.window.min(run.count) {
            drop(client.publish(TOPIC, &PAYLOAD[..], qos).await?);
            sent += 1;
        }
        for _ in 0..run.count {
            let message = subscription.recv().await.ok_or("the client has ended")?;
            assert_eq!(message.payload, &PAYLOAD[..]);
            if sent < run.count {
                drop(client.publish(TOPIC, &PAYLOAD[..], qos).await?);
                sent += 1;
            }
        }
        Ok(clock.stop())
    })
}
