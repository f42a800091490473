//! The gateway on rumqttc, as its documentation leads to it: an event loop in a task of its own, whatever is published through the client's channel, acknowledgements by hand.
//!
//! Its `publish` says that a request was queued. To wait for the acknowledgement the program pairs the packet identifiers that the event loop tells with those who wait, in order.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Outgoing, Packet, Publish, QoS};
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use crate::tally::Tally;

/// Those who wait for an acknowledgement, in the order in which their messages were queued.
#[derive(Default)]
struct Waiting {
    order: tokio::sync::Mutex<()>,
    line: Mutex<VecDeque<oneshot::Sender<()>>>,
}

pub async fn gateway(port: u16, places: usize, stop: oneshot::Receiver<()>, tally: Arc<Tally>) {
    let mut options = MqttOptions::new("gateway-7", "127.0.0.1", port);
    options.set_clean_session(false).set_manual_acks(true).set_keep_alive(Duration::from_secs(5));
    let (client, events) = AsyncClient::new(options, 10);
    let (queue, work) = mpsc::channel(places);
    let waiting = Arc::new(Waiting::default());
    client.subscribe("commands/#", QoS::AtLeastOnce).await.expect("there is room for the first request");
    let poll = tokio::spawn(poll(events, queue, Arc::clone(&waiting)));
    let worker = tokio::spawn(worker(client.clone(), work, Arc::clone(&tally)));
    let sensors = ["boiler", "pump", "valve"]
        .map(|name| tokio::spawn(sensor(client.clone(), name, Arc::clone(&waiting), Arc::clone(&tally))));
    let _ = stop.await;
    sensors.iter().for_each(tokio::task::JoinHandle::abort);
    let _ = client.disconnect().await;
    let _ = poll.await;
    let _ = worker.await;
}

async fn poll(mut events: EventLoop, queue: mpsc::Sender<Publish>, waiting: Arc<Waiting>) {
    let mut open = HashMap::new();
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::Publish(command))) => {
                let _ = queue.send(command).await;
            }
            Ok(Event::Outgoing(Outgoing::Publish(id))) if !open.contains_key(&id) => {
                if let Some(first) = waiting.line.lock().expect("nobody panics").pop_front() {
                    open.insert(id, first);
                }
            }
            Ok(Event::Incoming(Packet::PubAck(ack))) => {
                if let Some(first) = open.remove(&ack.pkid) {
                    let _ = first.send(());
                }
            }
            Ok(Event::Outgoing(Outgoing::Disconnect)) => return,
            Ok(_) => {}
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn worker(client: AsyncClient, mut work: mpsc::Receiver<Publish>, tally: Arc<Tally>) {
    while let Some(command) = work.recv().await {
        sleep(Duration::from_millis(2)).await; // it takes time
        tally.tell(format!("carried out {}", command.topic));
        let _ = client.ack(&command).await;
    }
}

async fn sensor(client: AsyncClient, name: &str, waiting: Arc<Waiting>, tally: Arc<Tally>) {
    for number in 0.. {
        let topic = format!("readings/{name}/{number}");
        let acknowledged = {
            let _turn = waiting.order.lock().await; // until it is queued, so that the orders agree
            let (sender, acknowledged) = oneshot::channel();
            waiting.line.lock().expect("nobody panics").push_back(sender);
            let _ = client.publish(topic.as_str(), QoS::AtLeastOnce, false, "71.5").await;
            acknowledged
        };
        if acknowledged.await.is_ok() {
            tally.tell(format!("delivered {topic}"));
        }
        sleep(Duration::from_millis(2)).await; // until there is another one
    }
}
