//! End to end: each client sends messages to itself through a real mosquitto on loopback, at most [`WINDOW`] of which are under way at a time.
//!
//! Every run is a process of its own, so that its processor time is the client's alone.

mod mosquitto;
mod pure_mqtt;
mod rumqttc;
mod rumqttc_next;
mod threads;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use comfy_table::{CellAlignment, Table, presets};
use cpu_time::ProcessTime;
use indicatif::{ProgressBar, ProgressStyle};

use self::mosquitto::Broker;

/// So many messages are under way at a time.
const WINDOW: u32 = 100;
const PAYLOAD: [u8; 64] = [7; 64];
const COUNT: u32 = 50_000;
const QUICK_COUNT: u32 = 10_000;
const ROUNDS: usize = 7;

const CLIENTS: [&str; 5] = ["pure-mqtt-client", "pure-mqtt", "rumqttc", "rumqttc-next", "libmosquitto"];

/// What one run is about.
#[derive(Clone, Copy)]
struct Run {
    port: u16,
    qos: u8,
    count: u32,
}

/// What one run took, in seconds.
#[derive(Clone, Copy)]
struct Took {
    wall: f64,
    processor: f64,
}

/// Measures everything and prints the table; or, as `--client NAME PORT QOS COUNT`, is one of the clients.
///
/// # Errors
/// A sentence that says what failed.
pub fn main(arguments: &[String]) -> Result<(), String> {
    let words: Vec<_> = arguments.iter().map(String::as_str).filter(|word| *word != "--bench").collect();
    match words[..] {
        [] => compare(COUNT),
        ["--quick"] => compare(QUICK_COUNT),
        ["--client", name, port, qos, count] => {
            let number = |word: &str| word.parse::<u32>().map_err(|error| format!("{word}: {error}"));
            let run = Run { port: number(port)? as u16, qos: number(qos)? as u8, count: number(count)? };
            let took = be(name, run)?;
            println!("{:.6} {:.6}", took.wall, took.processor);
            Ok(())
        }
        _ => Err("usage: [--quick]".to_owned()),
    }
}

/// Is the client.
fn be(name: &str, run: Run) -> Result<Took, String> {
    match name {
        "pure-mqtt-client" => threads::echo(run).map_err(|error| format!("pure-mqtt-client: {error}")),
        "pure-mqtt" => pure_mqtt::echo(run).map_err(|error| format!("pure-mqtt: {error}")),
        "rumqttc" => rumqttc::echo(run).map_err(|error| format!("rumqttc: {error}")),
        "rumqttc-next" => rumqttc_next::echo(run).map_err(|error| format!("rumqttc-next: {error}")),
        _ => Err(format!("there is no client {name}")),
    }
}

/// The clock of a run: starts with the first message.
struct Clock(Instant, ProcessTime);

impl Clock {
    fn start() -> Self {
        Self(Instant::now(), ProcessTime::now())
    }

    fn stop(&self) -> Took {
        Took { wall: self.0.elapsed().as_secs_f64(), processor: self.1.elapsed().as_secs_f64() }
    }
}

fn compare(count: u32) -> Result<(), String> {
    let broker = Broker::start()?;
    let peer = build_libmosquitto();
    if let Err(reason) = &peer {
        eprintln!("libmosquitto is left out: {reason}");
    }
    let clients: Vec<_> = CLIENTS.into_iter().filter(|name| *name != "libmosquitto" || peer.is_ok()).collect();
    let bar = ProgressBar::new((clients.len() * 3 * ROUNDS) as u64);
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {eta} left: {msg}").expect("a template"));
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header([
        "messages there and back",
        "messages/s",
        "µs of processor time per message",
    ]);
    for qos in 0..=2 {
        let run = Run { port: broker.port(), qos, count };
        let mut took = vec![Vec::new(); clients.len()];
        for _ in 0..ROUNDS {
            for (name, took) in clients.iter().zip(&mut took) {
                bar.set_message(format!("QoS {qos}, {name}"));
                took.push(spawn(name, run, peer.as_deref().ok())?);
                bar.inc(1);
            }
        }
        for (name, took) in clients.iter().zip(took) {
            let each = f64::from(count);
            let rate = each / median(took.iter().map(|took| took.wall));
            let processor = median(took.iter().map(|took| took.processor)) / each * 1e6;
            table.add_row([format!("QoS {qos}, {name}"), format!("{rate:.0}"), format!("{processor:.2}")]);
        }
    }
    bar.finish_and_clear();
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    println!("{table}");
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// One run in a process of its own.
fn spawn(name: &str, Run { port, qos, count }: Run, libmosquitto: Option<&Path>) -> Result<Took, String> {
    let mut command = match libmosquitto.filter(|_| name == "libmosquitto") {
        Some(program) => {
            let mut command = Command::new(program);
            command.args([port.to_string(), qos.to_string(), count.to_string(), WINDOW.to_string()]);
            command
        }
        None => {
            let mut command = Command::new(std::env::current_exe().map_err(|error| error.to_string())?);
            command.args(["--client", name, &port.to_string(), &qos.to_string(), &count.to_string()]);
            command
        }
    };
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<_> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers[..] {
        [wall, processor] if output.status.success() => Ok(Took { wall, processor }),
        _ => Err(format!("{name} failed: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

/// Builds the client in C, if there is a compiler and the library.
fn build_libmosquitto() -> Result<PathBuf, String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = own.with_file_name("libmosquitto-echo");
    let output = Command::new("cc")
        .args(["-O2", "-o"])
        .arg(&program)
        .arg(folder.join("libmosquitto/echo.c"))
        .arg("-lmosquitto")
        .output()
        .map_err(|error| format!("there is no C compiler: {error}"))?;
    if output.status.success() {
        return Ok(program);
    }
    Err(format!("it needs libmosquitto-dev:\n{}", String::from_utf8_lossy(&output.stderr)))
}
