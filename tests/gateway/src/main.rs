//! The gateway of `clients/tokio/examples` while its broker is killed again and again, and the same program on rumqttc.
//!
//! A mosquitto that keeps sessions in a folder gets 600 commands for the gateway, and is killed by SIGKILL each time after the gateway has got on: it is brought to write its sessions down
//! before, since what a broker forgets no client can bring back. What happened is read off its log and off what the programs tell: see `judge.rs`.

mod judge;
#[path = "../../../clients/tokio/examples/gateway.rs"]
#[allow(dead_code, reason = "the example's own main")]
mod on_pure_mqtt;
#[cfg(feature = "rumqttc")]
mod on_rumqttc;
#[path = "../../mosquitto/server.rs"]
#[allow(dead_code, reason = "the tests of other crates use the rest")]
mod server;
mod tally;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lexopt::prelude::*;
use pure_mqtt_tokio::{Client, Options, QoS};
use tokio::sync::oneshot;

use crate::judge::Verdict;
use crate::server::{Mosquitto, lasting};
use crate::tally::Tally;

const HELP: &str = "\
Kills a mosquitto again and again under the gateway of clients/tokio/examples.

    cargo run --manifest-path tests/gateway/Cargo.toml [--features rumqttc]

    --client NAME  pure-mqtt-tokio (default), rumqttc, or rumqttc-wide: with a queue that takes the whole backlog
    --restarts N   so many times (default: 20)
    --backlog N    so many commands wait for the gateway (default: 600)
";

/// The gateway gets on within this time, or stands still: far more than its longest pause before it dials.
const PATIENCE: Duration = Duration::from_secs(20);
/// So many further readings and commands between two kills.
const STEP: usize = 10;

struct Trial {
    client: String,
    restarts: usize,
    backlog: usize,
}

type Gateway = fn(u16, oneshot::Receiver<()>, Arc<Tally>);

fn main() -> ExitCode {
    match read().and_then(|trial| trial.map_or(Ok(()), |trial| run(&trial))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

/// `None` if help is asked for.
fn read() -> Result<Option<Trial>, String> {
    let mut trial = Trial { client: "pure-mqtt-tokio".into(), restarts: 20, backlog: 600 };
    let mut parser = lexopt::Parser::from_env();
    let mut next = || -> Result<bool, lexopt::Error> {
        while let Some(arg) = parser.next()? {
            match arg {
                Long("client") => trial.client = parser.value()?.string()?,
                Long("restarts") => trial.restarts = parser.value()?.parse()?,
                Long("backlog") => trial.backlog = parser.value()?.parse()?,
                Short('h') | Long("help") => return Ok(false),
                other => return Err(other.unexpected()),
            }
        }
        Ok(true)
    };
    if !next().map_err(|error| error.to_string())? {
        print!("{HELP}");
        return Ok(None);
    }
    Ok(Some(trial))
}

fn gateway(name: &str) -> Result<Gateway, String> {
    match name {
        "pure-mqtt-tokio" => Ok(|port, stop, tally| {
            let server = format!("mqtt://127.0.0.1:{port}").parse().expect("a URL");
            let stop = async { drop(stop.await) };
            let ended = runtime().block_on(on_pure_mqtt::gateway(server, stop, move |line| tally.tell(line)));
            ended.expect("the gateway ends in order");
        }),
        #[cfg(feature = "rumqttc")]
        "rumqttc" => Ok(|port, stop, tally| runtime().block_on(on_rumqttc::gateway(port, 8, stop, tally))),
        #[cfg(feature = "rumqttc")]
        "rumqttc-wide" => Ok(|port, stop, tally| runtime().block_on(on_rumqttc::gateway(port, 1_000, stop, tally))),
        #[cfg(not(feature = "rumqttc"))]
        "rumqttc" | "rumqttc-wide" => Err("Build with --features rumqttc for the program on rumqttc.".into()),
        name => Err(format!("There is no client {name}: pure-mqtt-tokio, rumqttc and rumqttc-wide are known.")),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts")
}

fn run(trial: &Trial) -> Result<(), String> {
    let gateway = gateway(&trial.client)?;
    let folder = std::env::temp_dir().join(format!("pure-mqtt-gateway-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let verdict = play(trial, gateway, &folder);
    let _ = std::fs::remove_dir_all(&folder);
    println!("{verdict}");
    if verdict.is_good() { Ok(()) } else { Err(format!("{} did not hold out.", trial.client)) }
}

fn play(trial: &Trial, gateway: Gateway, folder: &Path) -> Verdict {
    let config = lasting(folder, "");
    let mut broker = Mosquitto::with(&config);
    let (port, tally) = (broker.port, Arc::new(Tally::default()));
    let (stop, stopped) = oneshot::channel();
    let program = std::thread::spawn({
        let tally = Arc::clone(&tally);
        move || {
            gateway(port, stopped, Arc::clone(&tally));
            tally.tell("ended".into());
        }
    });
    broker.await_log("Received SUBSCRIBE from gateway-7");
    command(port, trial.backlog);
    let mut verdict = Verdict::new(trial.backlog);
    let start = Instant::now();
    for life in 0..trial.restarts {
        verdict.pauses.push(tally.await_progress(STEP, trial.backlog, PATIENCE));
        if verdict.stands_still() {
            verdict.stopped_in = Some(life);
            break;
        }
        broker.signal("USR1"); // it writes down its sessions
        broker.await_log("Saving in-memory database");
        verdict.add_log(broker.kill());
        broker = broker.restart_with(&config);
    }
    tally.await_all(trial.backlog, PATIENCE);
    let _ = stop.send(());
    let has_ended = tally.await_line("ended", PATIENCE);
    if has_ended {
        program.join().expect("the program ends without a panic");
    }
    verdict.took = start.elapsed();
    verdict.has_ended = has_ended; // one that stands still is left behind: it ends with the process
    verdict.add_log(broker.kill());
    verdict.tell(&tally.lines());
    verdict
}

/// Publishes so many commands, and waits until the broker has them.
fn command(port: u16, count: usize) {
    runtime().block_on(async {
        let server = format!("mqtt://127.0.0.1:{port}").parse().expect("a URL");
        let client = Client::spawn(Options::new("control-room").server(server)).expect("nothing is opened");
        for number in 0..count {
            let topic = format!("commands/{number}");
            let command = client.publish(topic, "open", QoS::AtLeastOnce).await.expect("it is accepted");
            drop(command); // its end is awaited with all others
        }
        client.flush().await.expect("there is a driver");
        client.shutdown(Duration::from_secs(5)).await;
    });
}
