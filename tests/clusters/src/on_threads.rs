//! Publisher and consumer on the client with threads.

use std::sync::{Arc, mpsc};
use std::thread;

use pure_mqtt_client::pure_mqtt::QoS;
use pure_mqtt_client::{Client, Options};

use crate::PATIENCE;
use crate::clients::{Running, TOPIC, Task, WINDOW, port_of};

struct OnThreads {
    client: Client,
    ports: [u16; 3],
}

impl Running for OnThreads {
    fn port(&self) -> Option<u16> {
        port_of(&self.client.server()?, self.ports)
    }
}

impl Drop for OnThreads {
    fn drop(&mut self) {
        self.client.disconnect();
        self.client.loop_stop();
    }
}

fn connect(task: &Task, name: &str) -> Result<Client, String> {
    let options = Options::new(name);
    let client = Client::with(match task.keep_alive {
        Some(seconds) => options.keep_alive(seconds),
        None => options,
    });
    let failed = |error: &dyn std::fmt::Display| format!("{name}: {error}");
    client.loop_start().map_err(|error| failed(&error))?;
    client.connect_to_cluster(task.ports.map(|port| ("127.0.0.1", port))).map_err(|error| failed(&error))?;
    Ok(client)
}

pub fn consume(task: &Task) -> Result<Box<dyn Running>, String> {
    let client = connect(task, "consumer")?;
    let tally = Arc::clone(&task.tally);
    client.on_message(move |_, message| tally.note_received(message.payload));
    let (granted, answer) = mpsc::channel();
    client.on_subscribe(move |_, _| {
        let _ = granted.send(());
    });
    client.subscribe(TOPIC, QoS::AtLeastOnce).map_err(|error| format!("consumer: {error}"))?;
    answer.recv_timeout(PATIENCE).map_err(|_| "consumer: the server doesn't answer SUBSCRIBE")?;
    Ok(Box::new(OnThreads { client, ports: task.ports }))
}

pub fn publish(task: &Task) -> Result<Box<dyn Running>, String> {
    let client = connect(task, "publisher")?;
    let tally = Arc::clone(&task.tally);
    client.on_publish(move |_, _| tally.note_acknowledged());
    let (publisher, tally, messages) = (client.clone(), Arc::clone(&task.tally), task.messages);
    thread::spawn(move || {
        for number in 0..messages {
            tally.await_turn(number, WINDOW);
            if publisher.publish(TOPIC, number.to_string(), QoS::AtLeastOnce, false).is_err() {
                return; // it shows as a message that never comes
            }
        }
    });
    Ok(Box::new(OnThreads { client, ports: task.ports }))
}
