//! End to end: each client sends messages to itself through a real mosquitto on loopback, so many of which are under way at a time.
//!
//! Every run is a process of its own, so that its processor time is the client's alone.

mod latency;
mod mosquitto;
mod pure_mqtt;
mod rumqttc;
mod rumqttc_next;
mod threads;
mod tokio;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use comfy_table::{CellAlignment, Table, presets};
use cpu_time::ProcessTime;
use indicatif::{ProgressBar, ProgressStyle};
use lexopt::prelude::*;

use self::mosquitto::Broker;

const PAYLOAD: [u8; 64] = [7; 64];

/// Ours first.
const CLIENTS: [&str; 7] = [OURS, TOKIO, PLAIN, ENGINE, "rumqttc", "rumqttc-next", "libmosquitto"];
const OURS: &str = "pure-mqtt-client";
const TOKIO: &str = "pure-mqtt-tokio";
/// The first with `Options::coalesce(false)`.
const PLAIN: &str = "pure-mqtt-client, without coalescing";
/// The engine alone on a blocking socket.
const ENGINE: &str = "pure-mqtt";

const HELP: &str = "\
Sends messages through a mosquitto on loopback and counts them back, with each client in turn.

    cargo run --release --manifest-path benches/end-to-end/Cargo.toml

    --count N     so many messages in each run (default: 50,000)
    --window N    at most so many under way at a time (default: 100)
    --rounds N    so many runs, of which the median counts (default: 7)
    --quick       10,000 messages and three runs
    --latency     how long a message takes at 1,000 a second, with the async clients, instead
    --write FILE  put the table between the markers in FILE
";

/// What one run is about.
#[derive(Clone, Copy)]
struct Run {
    port: u16,
    qos: u8,
    count: u32,
    /// So many messages are under way at a time.
    window: u32,
}

/// What one run took, in seconds.
#[derive(Clone, Copy)]
struct Took {
    wall: f64,
    processor: f64,
}

/// What is compared.
struct Options {
    count: u32,
    window: u32,
    rounds: usize,
    file: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match work(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Measures everything and prints the table; or, as `--client NAME PORT QOS COUNT WINDOW`, is one of the clients.
///
/// # Errors
/// A sentence that says what failed.
fn work(arguments: &[String]) -> Result<(), String> {
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    if let ["--client", name, port, qos, count, window] = words[..] {
        let number = |word: &str| word.parse::<u32>().map_err(|error| format!("{word}: {error}"));
        let (port, qos) = (number(port)? as u16, number(qos)? as u8);
        let took = be(name, Run { port, qos, count: number(count)?, window: number(window)? })?;
        println!("{:.6} {:.6}", took.wall, took.processor);
        return Ok(());
    }
    match words[..] {
        ["--latency"] => return latency::compare(),
        ["--latency-of", name, port] => {
            return latency::be(name, port.parse().map_err(|error| format!("{port}: {error}"))?);
        }
        _ => {}
    }
    match read(&mut lexopt::Parser::from_args(words)).map_err(|error| error.to_string())? {
        Some(options) => compare(&options),
        None => {
            print!("{HELP}");
            Ok(())
        }
    }
}

/// `None` if help is asked for.
fn read(parser: &mut lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options { count: 50_000, window: 100, rounds: 7, file: None };
    while let Some(arg) = parser.next()? {
        match arg {
            Long("count") => options.count = parser.value()?.parse()?,
            Long("window") => options.window = parser.value()?.parse()?,
            Long("rounds") => options.rounds = parser.value()?.parse()?,
            Long("quick") => (options.count, options.rounds) = (10_000, 3),
            Long("write") => options.file = Some(parser.value()?.into()),
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

/// Is the client.
fn be(name: &str, run: Run) -> Result<Took, String> {
    match name {
        OURS | PLAIN => threads::echo(run, name == OURS).map_err(|error| format!("{name}: {error}")),
        TOKIO => tokio::echo(run).map_err(|error| format!("{name}: {error}")),
        ENGINE => pure_mqtt::echo(run).map_err(|error| format!("pure-mqtt: {error}")),
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

fn compare(options: &Options) -> Result<(), String> {
    let broker = Broker::start()?;
    let peer = build_libmosquitto();
    if let Err(reason) = &peer {
        eprintln!("libmosquitto is left out: {reason}");
    }
    let clients: Vec<_> = CLIENTS.into_iter().filter(|name| *name != "libmosquitto" || peer.is_ok()).collect();
    let bar = ProgressBar::new((clients.len() * 3 * options.rounds) as u64);
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {eta} left: {msg}").expect("a template"));
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header([
        "there and back",
        "messages/s",
        "µs of processor time per message",
        "of the best peer's: messages/s",
        "processor time",
    ]);
    for qos in 0..=2 {
        let run = Run { port: broker.port(), qos, count: options.count, window: options.window };
        let mut took = vec![Vec::new(); clients.len()];
        for _ in 0..options.rounds {
            for (name, took) in clients.iter().zip(&mut took) {
                bar.set_message(format!("QoS {qos}, {name}"));
                took.push(spawn(name, run, peer.as_deref().ok())?);
                bar.inc(1);
            }
        }
        let rows: Vec<_> = clients.iter().zip(&took).map(|(name, took)| Row::new(name, run.count, took)).collect();
        table.add_rows(rows.iter().map(|row| row.cells(qos, &rows)));
    }
    bar.finish_and_clear();
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    println!("{table}");
    options.file.as_deref().map_or(Ok(()), |file| write(file, &table.to_string()))
}

/// The medians of one client at one QoS.
struct Row {
    name: &'static str,
    rate: f64,
    micros: f64,
}

impl Row {
    fn new(name: &'static str, count: u32, took: &[Took]) -> Self {
        let each = f64::from(count);
        let rate = each / median(took.iter().map(|took| took.wall));
        Self { name, rate, micros: median(took.iter().map(|took| took.processor)) / each * 1e6 }
    }

    /// Ours are compared with the best of the peers.
    fn cells(&self, qos: u8, all: &[Self]) -> [String; 5] {
        let peers = || all.iter().filter(|row| ![OURS, TOKIO, PLAIN, ENGINE].contains(&row.name));
        let is_compared = [OURS, TOKIO].contains(&self.name) && peers().next().is_some();
        let ratio = |ratio: f64| if is_compared { format!("{ratio:.2}") } else { String::new() };
        [
            format!("QoS {qos}, {}", self.name),
            thousands(self.rate),
            format!("{:.2}", self.micros),
            ratio(self.rate / peers().map(|row| row.rate).fold(0.0, f64::max)),
            ratio(self.micros / peers().map(|row| row.micros).fold(f64::MAX, f64::min)),
        ]
    }
}

/// A whole number, as it is read most easily.
fn thousands(number: f64) -> String {
    let number = number.round() as u64;
    if number < 1_000 { number.to_string() } else { format!("{},{:03}", number / 1_000, number % 1_000) }
}

const BEGIN: &str = "<!-- end to end: written by `cargo xtask end-to-end --write` -->\n";
const END: &str = "<!-- end to end ends -->\n";

/// Puts the table between the markers.
fn write(file: &Path, table: &str) -> Result<(), String> {
    let mut lines: Vec<_> = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    if let Some(rule) = lines.get_mut(1) {
        *rule = "|---|---:|---:|---:|---:|".to_owned();
    }
    let table = lines.join("\n").replace("| | |", "| – | – |");
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let (before, rest) = text.split_once(BEGIN).ok_or("the file has no place for the table")?;
    let (_, after) = rest.split_once(END).ok_or("the file's table has no end")?;
    std::fs::write(file, format!("{before}{BEGIN}{table}\n{END}{after}")).map_err(|error| error.to_string())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// One run in a process of its own.
fn spawn(name: &str, Run { port, qos, count, window }: Run, libmosquitto: Option<&Path>) -> Result<Took, String> {
    let numbers = [port.to_string(), qos.to_string(), count.to_string(), window.to_string()];
    let numbers = match libmosquitto.filter(|_| name == "libmosquitto") {
        Some(program) => run_program(program, &numbers)?,
        None => run_own(&[&["--client".to_owned(), name.to_owned()], &numbers[..]].concat())?,
    };
    match numbers[..] {
        [wall, processor] => Ok(Took { wall, processor }),
        _ => Err(format!("{name} measured {} numbers", numbers.len())),
    }
}

/// Runs this program with other arguments. The numbers that it prints.
fn run_own(arguments: &[String]) -> Result<Vec<f64>, String> {
    run_program(&std::env::current_exe().map_err(|error| error.to_string())?, arguments)
}

fn run_program(program: &Path, arguments: &[String]) -> Result<Vec<f64>, String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    if !output.status.success() {
        return Err(format!("{} failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.split_whitespace().filter_map(|word| word.parse().ok()).collect())
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
