//! Servers found by SRV records, with a resolver of the program's own.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pure_mqtt_test_broker::Broker;
use pure_mqtt_tokio::{Client, Event, LinkEnd, NotDelivered, Options, QoS, SrvRecord};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

const PATIENCE: Duration = Duration::from_secs(10);

fn options() -> Options {
    let delay = Duration::from_millis(1);
    Options::new("srv").srv("mqtt://example.com".parse().unwrap()).reconnect_delay(delay, delay)
}

fn record(broker: &Broker) -> SrvRecord {
    SrvRecord::new(broker.address().ip().to_string(), broker.address().port())
}

async fn soon<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("it takes too long")
}

/// Publishes, and waits for the acknowledgement.
async fn is_served(client: &Client) -> Result<(), NotDelivered> {
    soon(soon(client.publish("a", "x", QoS::AtLeastOnce)).await.unwrap()).await
}

/// Says so when a look-up is given up, and uses the client then: it would wait for ever for a lock that is held.
struct Given(mpsc::UnboundedSender<()>, Arc<OnceLock<Client>>);

impl Drop for Given {
    fn drop(&mut self) {
        let is_connected = self.1.get().is_some_and(Client::is_connected);
        assert!(!is_connected);
        let _ = self.0.send(());
    }
}

#[tokio::test]
async fn the_hosts_are_tried_by_priority_until_one_accepts() {
    let broker = Broker::start().unwrap();
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(); // nobody listens any more
    let records = vec![
        SrvRecord { priority: 20, ..record(&broker) },
        SrvRecord { priority: 10, ..SrvRecord::new("127.0.0.1.", dead) },
    ];
    let resolver = move |name: String| {
        let records = records.clone();
        async move {
            assert_eq!(name, "_mqtt._tcp.example.com");
            Ok(records)
        }
    };
    let client = Client::spawn(options().resolver(resolver)).unwrap();
    let mut events = client.events();
    is_served(&client).await.unwrap();
    let first = soon(events.recv()).await.unwrap();
    assert!(matches!(&*first, Event::LinkDown { why: LinkEnd::NotDialed(..), is_at_once: true, .. }), "{first:?}");
    assert!(matches!(&*soon(events.recv()).await.unwrap(), Event::LinkUp { .. }));
    assert_eq!(client.stats().dials, 2);
}

#[tokio::test]
async fn a_failed_look_up_is_told_and_made_again() {
    let broker = Broker::start().unwrap();
    let count = Arc::new(AtomicU32::new(0));
    let (counted, found) = (Arc::clone(&count), record(&broker));
    let resolver = move |_| {
        let (number, found) = (counted.fetch_add(1, Ordering::Relaxed), found.clone());
        async move {
            match number {
                0 => Err(io::Error::other("the name server is down")),
                1 => Ok(vec![]),
                _ => Ok(vec![found]),
            }
        }
    };
    let client = Client::spawn(options().resolver(resolver)).unwrap();
    let mut events = client.events();
    is_served(&client).await.unwrap();
    for told in ["could not be looked up: the name server is down", "has no SRV records"] {
        match &*soon(events.recv()).await.unwrap() {
            Event::LinkDown { why: LinkEnd::NotDialed(_, why), .. } => assert!(why.contains(told), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((count.load(Ordering::Relaxed), client.stats().dials), (3, 1));
    client.reconnect();
    is_served(&client).await.unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 3, "the records are still good");
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_never_ends_is_given_up() {
    let (given, mut up) = mpsc::unbounded_channel();
    let known = Arc::new(OnceLock::new());
    let used = Arc::clone(&known);
    let resolver = move |_| {
        let guard = Given(given.clone(), Arc::clone(&used));
        async move {
            let _guard = guard;
            std::future::pending().await
        }
    };
    let started = Instant::now();
    let client = Client::spawn(options().dial_timeout(Duration::from_secs(7)).resolver(resolver)).unwrap();
    known.set(client.clone()).unwrap();
    let mut events = client.events();
    match &*events.recv().await.unwrap() {
        Event::LinkDown { why: LinkEnd::NotDialed(_, why), .. } => assert!(why.contains("too long"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(started.elapsed().as_secs(), 7);
    up.recv().await.unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await; // of the stopped clock: many look-ups take the place of one before
    let delivery = client.publish("a", "x", QoS::AtLeastOnce).await.unwrap();
    client.shutdown(Duration::from_secs(1)).await;
    assert!(delivery.await.is_err(), "it has its end in time, whatever the look-up does");
}

#[tokio::test]
async fn with_its_driver_a_look_up_is_dropped_and_the_next_one_makes_its_own() {
    let broker = Broker::start().unwrap();
    let (given, mut up) = mpsc::unbounded_channel();
    let (begun, mut begins) = mpsc::unbounded_channel();
    let found = record(&broker);
    let resolver = move |_| {
        let (guard, found, is_closed) = (Given(given.clone(), Arc::default()), found.clone(), begun.is_closed());
        begun.send(()).unwrap_or_default();
        async move {
            let _guard = guard;
            if is_closed { Ok(vec![found]) } else { std::future::pending().await }
        }
    };
    let (client, driver) = Client::new(options().resolver(resolver)).unwrap();
    let driver = tokio::spawn(driver);
    soon(begins.recv()).await.unwrap();
    begins.close(); // from now on there is an answer
    driver.abort();
    soon(up.recv()).await.unwrap();
    let _ = soon(driver).await;
    tokio::spawn(client.driver().unwrap());
    is_served(&client).await.unwrap();
}
