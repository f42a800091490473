//! Publisher and consumer on the client with tokio.

use std::sync::Arc;
use std::time::Duration;

use pure_mqtt_tokio::{Client, Options, QoS, Server, Version};
use tokio::runtime::Runtime;

use crate::clients::{Running, TOPIC, Task, WINDOW, port_of};

struct OnTokio {
    runtime: Runtime,
    client: Client,
    ports: [u16; 3],
}

impl Running for OnTokio {
    fn port(&self) -> Option<u16> {
        port_of(&self.client.server()?, self.ports)
    }
}

impl Drop for OnTokio {
    fn drop(&mut self) {
        self.runtime.block_on(self.client.shutdown(Duration::from_secs(1)));
    }
}

fn connect(task: &Task, name: &str) -> Result<OnTokio, String> {
    let nodes = task.ports.map(|port| Server::tcp("127.0.0.1", port));
    let options = Options::new(name).cluster(nodes).version(Version::V311); // these clusters speak no other
    let options = match task.keep_alive {
        Some(seconds) => options.keep_alive(seconds),
        None => options,
    };
    let runtime = Runtime::new().map_err(|error| format!("{name}: {error}"))?;
    let client = {
        let _guard = runtime.enter();
        Client::spawn(options).map_err(|error| format!("{name}: {error}"))?
    };
    Ok(OnTokio { runtime, client, ports: task.ports })
}

pub fn consume(task: &Task) -> Result<Box<dyn Running>, String> {
    let running = connect(task, "consumer")?;
    let failed = |error: &dyn std::fmt::Display| format!("consumer: {error}");
    let mut messages = running.client.subscribe(TOPIC, QoS::AtLeastOnce).map_err(|error| failed(&error))?;
    running.runtime.block_on(messages.granted()).map_err(|error| failed(&error))?;
    let tally = Arc::clone(&task.tally);
    running.runtime.spawn(async move {
        while let Some(message) = messages.recv().await {
            tally.note_received(&message.payload);
        }
    });
    Ok(Box::new(running))
}

pub fn publish(task: &Task) -> Result<Box<dyn Running>, String> {
    let running = connect(task, "publisher")?;
    let (client, tally, messages) = (running.client.clone(), Arc::clone(&task.tally), task.messages);
    let runtime = running.runtime.handle().clone();
    std::thread::spawn(move || {
        for number in 0..messages {
            tally.await_turn(number, WINDOW);
            let (client, tally) = (client.clone(), Arc::clone(&tally));
            runtime.spawn(async move {
                let Ok(delivery) = client.publish(TOPIC, number.to_string(), QoS::AtLeastOnce).await else { return };
                if delivery.await.is_ok() {
                    tally.note_acknowledged();
                }
            });
        }
    });
    Ok(Box::new(running))
}
