//! Many clients in one process against one mosquitto: what an idle one takes, and how they come back when it is killed.
//!
//! `PURE_MQTT_CLIENTS=10000 cargo test --release -p pure-mqtt-tokio --test many -- --ignored --nocapture`: each takes a file descriptor here and one in mosquitto.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../tests/allocations/counting.rs"]
mod counting;
#[allow(dead_code)] // the tests of other crates use the rest
#[path = "../../../tests/mosquitto/server.rs"]
mod server;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use counting::HELD;
use pure_mqtt_tokio::{Client, Options, Server};
use server::Mosquitto;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// Unless the environment asks for more.
const SOME: usize = 1_000;
/// What an idle client may take on the heap, in bytes.
const LIMIT: i64 = 8_192;
/// The first pause is at most so long; a client that dials too early once waits for up to twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(4);
/// What the machine may add to the pauses.
const MARGIN: Duration = Duration::from_secs(20);
const BUCKET: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(60);
const CONFIG: &str = "allow_anonymous true\nlog_type none\n";

#[tokio::test]
#[ignore = "needs mosquitto: `cargo xtask setup`"]
async fn idle_clients_are_small_and_come_back_without_a_storm() {
    let count = std::env::var("PURE_MQTT_CLIENTS").map_or(SOME, |text| text.parse().expect("it is a number"));
    let broker = Mosquitto::with(CONFIG);
    let address: Server = format!("mqtt://{}", broker.address()).parse().unwrap();
    let dials = Arc::new(Mutex::new(Vec::with_capacity(3 * count)));
    let mut clients = Vec::with_capacity(count);
    let mut names: Vec<_> = (0..count).map(|number| format!("idle-{number}")).collect();
    let before = HELD.get();
    while let Some(name) = names.pop() {
        let options = Options::new(name).server(address.clone()).reconnect_delay(FIRST_PAUSE, 8 * FIRST_PAUSE);
        let (dials, port) = (Arc::clone(&dials), broker.port);
        let dial = move |_| {
            dials.lock().unwrap().push(Instant::now());
            TcpStream::connect(("127.0.0.1", port))
        };
        clients.push(Client::spawn(options.connector(dial)).unwrap());
        tokio::task::yield_now().await; // so that mosquitto's queue of new connections doesn't overflow
    }
    let all_are_up = || clients.iter().all(Client::is_connected);
    until(all_are_up).await;
    let each = (HELD.get() - before) / count as i64;
    println!("{count} idle clients take {each} bytes of heap each");
    assert!(each <= LIMIT, "{each} bytes each");

    dials.lock().unwrap().clear();
    let killed = Instant::now();
    let broker = tokio::task::spawn_blocking(|| broker.restart_with(CONFIG)).await.unwrap();
    let is_up_again = Instant::now();
    until(all_are_up).await;
    println!("it was away for {:.1?}; all were back {:.1?} after that", is_up_again - killed, is_up_again.elapsed());
    assert!(is_up_again.elapsed() <= 3 * FIRST_PAUSE + MARGIN, "the last came back after {:?}", is_up_again.elapsed());

    let dials = std::mem::take(&mut *dials.lock().unwrap());
    let bucket = |dial: &Instant| ((*dial - killed).as_nanos() / BUCKET.as_nanos()) as usize;
    let mut histogram = vec![0; dials.iter().map(bucket).max().unwrap() + 1];
    dials.iter().for_each(|dial| histogram[bucket(dial)] += 1);
    println!("dials in each {BUCKET:?}: {histogram:?}");
    // Whoever dials while the broker is away dials again: that makes it twice as many at most.
    let even = count * BUCKET.as_millis() as usize / FIRST_PAUSE.as_millis() as usize;
    let most = *histogram.iter().max().unwrap();
    assert!(most <= 2 * even + 5 * (2 * even).isqrt() + 5, "a storm: {most} in {BUCKET:?}, {even} would be even");
    drop(broker);
}

async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(50)).await; // between two questions
        }
    };
    timeout(PATIENCE, waiting).await.expect("it takes too long");
}
