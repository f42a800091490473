//! Ten receivers, of which one is not read: in virtual time, over a stream in memory.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pure_mqtt_test_broker::sans_io::{Broker, Config};
use pure_mqtt_tokio::{Client, Options, QoS, Server, Subscription, SubscriptionOptions, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

const PATIENCE: Duration = Duration::from_secs(10);
const RECEIVERS: usize = 10;
const SLOW: usize = 3;
/// So many messages to each: together fewer than the client's Receive Maximum, for they are acknowledged in their order `[MQTT-4.6.0-2]`.
const MESSAGES: usize = 20;

/// The project's own broker behind streams in memory.
#[derive(Clone)]
struct Inside {
    broker: Arc<Mutex<Broker>>,
    changes: watch::Sender<u64>,
    started: Instant,
}

impl Inside {
    fn new() -> Self {
        let broker = Arc::new(Mutex::new(Broker::new(Config::default())));
        Self { broker, changes: watch::Sender::new(0), started: Instant::now() }
    }

    fn change<R>(&self, change: impl FnOnce(&mut Broker) -> R) -> R {
        let mut broker = self.broker.lock().unwrap();
        broker.tick(self.started.elapsed().as_millis() as u64);
        let result = change(&mut broker);
        drop(broker);
        self.changes.send_modify(|count| *count += 1);
        result
    }

    fn options(&self, name: &str) -> Options {
        let server: Server = "mqtt://in.memory".parse().unwrap();
        let inside = self.clone();
        Options::new(name).server(server).keep_alive(10).coalesce(false).connector(move |_| {
            let (ours, theirs) = tokio::io::duplex(4_096);
            tokio::spawn(inside.clone().serve(theirs));
            async { Ok(ours) }
        })
    }

    async fn serve(self, mut stream: DuplexStream) {
        let link = self.change(Broker::accept);
        let mut changes = self.changes.subscribe();
        let mut room = [0; 1_024];
        loop {
            let (output, is_over) = {
                let mut broker = self.broker.lock().unwrap();
                (broker.output(link), broker.wants_close(link))
            };
            let is_gone = stream.write_all(&output).await.is_err(); // what it said before is read all the same
            if is_over {
                break;
            }
            tokio::select! {
                read = stream.read(&mut room) => match read {
                    Ok(count @ 1..) => self.change(|broker| broker.input(link, &room[..count])),
                    _ => break,
                },
                _ = changes.changed(), if !is_gone => {}
            }
        }
        self.change(|broker| broker.cut(link));
    }
}

async fn soon<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("it takes too long")
}

async fn ten(client: &Client, manual: bool) -> Vec<Subscription> {
    let options = SubscriptionOptions::new().manual_acks(manual);
    let subscribe = |number| client.subscribe_with(&[(&format!("in/{number}"), QoS::ExactlyOnce)], options).unwrap();
    let mut receivers: Vec<_> = (0..RECEIVERS).map(subscribe).collect();
    for receiver in &mut receivers {
        soon(receiver.granted()).await.unwrap();
    }
    receivers
}

/// The others get their messages, publishes are acknowledged, and the keep alive goes on for an hour.
#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_not_read_delays_nobody() {
    for version in Version::ALL {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            for manual in [false, true] {
                let inside = Inside::new();
                let client = Client::spawn(inside.options("ten").version(version)).unwrap();
                let mut receivers = ten(&client, manual).await;
                let publisher = Client::spawn(inside.options("publisher")).unwrap();
                for number in 0..MESSAGES {
                    for (place, receiver) in receivers.iter_mut().enumerate() {
                        let sent = publisher.publish(format!("in/{place}"), number.to_string(), qos).await.unwrap();
                        soon(sent).await.unwrap();
                        if place != SLOW {
                            let mut message = soon(receiver.recv()).await.unwrap();
                            assert_eq!(message.text(), Some(number.to_string().as_str()), "{version:?} {qos:?}");
                            message.ack();
                        }
                    }
                    soon(soon(client.publish("out", "x", qos)).await.unwrap()).await.unwrap();
                }
                tokio::time::sleep(Duration::from_secs(3_600)).await; // of virtual time
                assert_eq!((client.is_connected(), client.stats().links), (true, 1), "{version:?} {qos:?}");
                for number in 0..MESSAGES {
                    let mut message = soon(receivers[SLOW].recv()).await.unwrap();
                    assert_eq!(message.text(), Some(number.to_string().as_str()), "{version:?} {qos:?}");
                    message.ack();
                }
                drop(receivers);
                soon(client.shutdown(PATIENCE)).await;
                if qos != QoS::ExactlyOnce {
                    assert_eq!(inside.change(|broker| broker.in_flight("ten")), 0, "all was acknowledged");
                }
                assert!(inside.change(|broker| broker.violations().is_empty()));
            }
        }
    }
}
