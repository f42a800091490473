//! How long a message takes there and back at a rate that is far from the limit: 1,000 a second at QoS 1, with each async client in turn.
//!
//! A task publishes at each tick of the runtime's clock, and says in the payload when; another takes the messages as they come back. Nobody catches up: a tick that is late counts from when it
//! was published.

use std::error::Error;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use ::tokio::time::{MissedTickBehavior, interval};

use crate::mosquitto::Broker;
use crate::{PAYLOAD, TOKIO, median};

const CLIENTS: [&str; 3] = [TOKIO, "rumqttc", "rumqttc-next"];
const TOPIC: &str = "bench/latency";
const TICK: Duration = Duration::from_millis(1);
/// The first are not counted.
const WARM_UP: usize = 500;
const COUNT: usize = 5_000;
const ROUNDS: usize = 5;
/// In thousandths.
const QUANTILES: [usize; 4] = [500, 900, 990, 999];

/// Runs all in turns, and prints the medians of the quantiles.
pub fn compare() -> Result<(), String> {
    let broker = Broker::start()?;
    let mut runs = vec![Vec::new(); CLIENTS.len()];
    for _ in 0..ROUNDS {
        for (name, runs) in CLIENTS.iter().zip(&mut runs) {
            let words = ["--latency-of".to_owned(), (*name).to_owned(), broker.port().to_string()];
            runs.push(crate::run_own(&words)?);
        }
    }
    println!("µs there and back at QoS 1, {} messages/s | p50 | p90 | p99 | p99.9", 1_000 / TICK.as_millis());
    for (name, runs) in CLIENTS.iter().zip(&runs) {
        let of = |index: usize| median(runs.iter().filter_map(|run| run.get(index).copied()));
        let cells: Vec<_> = (0..QUANTILES.len()).map(|index| format!("{:.0}", of(index))).collect();
        println!("{name} | {}", cells.join(" | "));
    }
    Ok(())
}

/// Is one of the clients, and prints its quantiles.
pub fn be(name: &str, port: u16) -> Result<(), String> {
    LazyLock::force(&BASE);
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let times = match name {
        TOKIO => runtime.block_on(pure_mqtt(port)),
        "rumqttc" => runtime.block_on(rumqttc(port)),
        "rumqttc-next" => runtime.block_on(rumqttc_next(port)),
        _ => return Err(format!("there is no client {name}")),
    };
    let mut times = times.map_err(|error| format!("{name}: {error}"))?.split_off(WARM_UP);
    times.sort_unstable();
    let micros = QUANTILES.map(|quantile| times[times.len() * quantile / 1_000] as f64 / 1e3);
    println!("{}", micros.map(|micros| format!("{micros:.1}")).join(" "));
    Ok(())
}

type Times = Result<Vec<u64>, Box<dyn Error>>;

static BASE: LazyLock<Instant> = LazyLock::new(Instant::now);

fn now() -> u64 {
    BASE.elapsed().as_nanos() as u64
}

/// A payload that says when it was published.
fn payload() -> Vec<u8> {
    [&now().to_be_bytes()[..], &PAYLOAD[8..]].concat()
}

/// How long ago that was, in nanoseconds.
fn age(payload: &[u8]) -> u64 {
    payload.first_chunk().map_or(0, |sent| now() - u64::from_be_bytes(*sent))
}

fn ticks() -> ::tokio::time::Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

async fn pure_mqtt(port: u16) -> Times {
    use pure_mqtt_tokio::{Client, Options, QoS, Version};
    let options = Options::new("latency").version(Version::V311).server(format!("mqtt://127.0.0.1:{port}").parse()?);
    let client = Client::spawn(options)?;
    let mut subscription = client.subscribe(TOPIC, QoS::AtLeastOnce)?;
    subscription.granted().await?;
    ::tokio::spawn(async move {
        let mut ticks = ticks();
        for _ in 0..COUNT {
            ticks.tick().await;
            let _ = client.publish(TOPIC, payload(), QoS::AtLeastOnce).await;
        }
    });
    let mut times = Vec::with_capacity(COUNT);
    while times.len() < COUNT {
        let message = subscription.recv().await.ok_or("the client has ended")?;
        times.push(age(&message.payload));
    }
    Ok(times)
}

/// Both crates of that family: `$publish` is how theirs is called, with the client and the payload.
macro_rules! measure {
    ($family:ident, $client:ident, $events:ident, $publish:expr) => {{
        let mut network = $family::NetworkOptions::new();
        network.set_tcp_nodelay(true);
        $events.set_network_options(network);
        $client.subscribe(TOPIC, $family::QoS::AtLeastOnce).await?;
        let mut times = Vec::with_capacity(COUNT);
        while times.len() < COUNT {
            match $events.poll().await? {
                $family::Event::Incoming($family::Packet::SubAck(_)) => {
                    let client = $client.clone();
                    ::tokio::spawn(async move {
                        let mut ticks = ticks();
                        for _ in 0..COUNT {
                            ticks.tick().await;
                            let _ = $publish(&client, payload()).await;
                        }
                    });
                }
                $family::Event::Incoming($family::Packet::Publish(publish)) => times.push(age(&publish.payload)),
                _ => {}
            }
        }
        Ok(times)
    }};
}

async fn rumqttc(port: u16) -> Times {
    use ::rumqttc::{self as family, AsyncClient, MqttOptions, QoS};
    let (client, mut events) = AsyncClient::new(MqttOptions::new("latency", "127.0.0.1", port), 100);
    let publish = async |client: &AsyncClient, payload| client.publish(TOPIC, QoS::AtLeastOnce, false, payload).await;
    measure!(family, client, events, publish)
}

async fn rumqttc_next(port: u16) -> Times {
    use ::rumqttc_next::{self as family, AsyncClient, MqttOptions, PublishOptions, QoS};
    let options = MqttOptions::new("latency", ("127.0.0.1", port));
    let (client, mut events) = AsyncClient::builder(options).capacity(100).build();
    let how = || PublishOptions::new(QoS::AtLeastOnce);
    let publish = async move |client: &AsyncClient, payload| client.publish(TOPIC, payload, how()).await;
    measure!(family, client, events, publish)
}
