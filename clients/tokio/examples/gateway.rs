//! A gateway between a plant and its cloud. Three sensors publish and wait for each acknowledgement. Commands go through a bounded queue to a worker, and are acknowledged after
//! they were carried out. Ctrl-C shuts it down in order.
//!
//! `cargo run -p pure-mqtt-tokio --example gateway -- mqtt://localhost` needs a server; `tests/gateway` kills one twenty times during a run.

use std::{error::Error, future::Future, time::Duration};

use pure_mqtt_tokio::{Client, Message, Options, QoS, Server, SubscriptionOptions};
use tokio::{select, sync::mpsc, task::JoinSet, time::sleep};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = std::env::args().nth(1).as_deref().unwrap_or("mqtt://localhost").parse()?;
    let ctrl_c = async { drop(tokio::signal::ctrl_c().await) };
    gateway(server, ctrl_c, |line| println!("{line}")).await
}

/// Runs until `stop`, and tells what was delivered and what was carried out.
pub async fn gateway(
    server: Server,
    stop: impl Future<Output = ()>,
    tell: impl Fn(String) + Clone + Send + 'static,
) -> Result<(), Box<dyn Error>> {
    let options = Options::new("gateway-7").server(server).keep_alive(5);
    let client = Client::spawn(options.reconnect_delay(Duration::from_millis(50), Duration::from_secs(1)))?;
    let manual = SubscriptionOptions::new().manual_acks(true);
    let mut commands = client.subscribe_with(&[("commands/#", QoS::AtLeastOnce)], manual)?;

    let (queue, work) = mpsc::channel(8);
    let worker = tokio::spawn(worker(work, tell.clone()));
    let mut sensors = JoinSet::new();
    for name in ["boiler", "pump", "valve"] {
        sensors.spawn(sensor(client.clone(), name, tell.clone()));
    }
    let forward = async {
        while let Some(command) = commands.recv().await {
            drop(queue.send(command).await); // while the queue is full the server keeps the rest
        }
    };
    select! { () = stop => {}, () = forward => {} }

    drop(queue); // the worker finishes what it has
    worker.await?;
    client.shutdown(Duration::from_secs(5)).await; // and each sensor hears of its last reading
    while sensors.join_next().await.is_some() {}
    Ok(())
}

async fn worker(mut work: mpsc::Receiver<Message>, tell: impl Fn(String)) {
    while let Some(mut command) = work.recv().await {
        sleep(Duration::from_millis(2)).await; // it takes time
        tell(format!("carried out {}", command.topic));
        command.ack();
    }
}

async fn sensor(client: Client, name: &str, tell: impl Fn(String)) {
    for number in 0.. {
        let topic = format!("readings/{name}/{number}");
        let Ok(reading) = client.publish(topic.as_str(), "71.5", QoS::AtLeastOnce).await else { return };
        if reading.await.is_ok() {
            tell(format!("delivered {topic}"));
        }
        sleep(Duration::from_millis(2)).await; // until there is another one
    }
}
