//! The same bytes into this project's codec and into a second one, mqttbytes, which shares nothing with it: both must refuse them, or find the same
//! packets with the same fields in them. Where they differ, a row of [`differences::TABLE`] must say why.
//!
//! `PURE_MQTT_CASES` is the number of random inputs, `PURE_MQTT_SEED` takes the seed of an earlier run back.

mod anatomy;
mod differences;
mod inputs;
mod mqttbytes;
mod ours;
mod told;

// The generator of the codec's own tests, and the tables that it asks. Their tests run where they stand.
#[allow(dead_code, unused_imports)] // what only the tests there use
#[path = "../../wire/bytes.rs"]
mod bytes;
#[allow(dead_code, unused_imports)] // the same
#[path = "../../wire/properties.rs"]
mod properties;
#[allow(dead_code)] // the same
#[path = "../../wire/random.rs"]
mod random;
#[allow(dead_code, unused_imports)] // the same
#[path = "../../wire/reasons.rs"]
mod reasons;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use fastrand::Rng;
use pure_mqtt::Version;
use pure_mqtt::wire::Packet;

use anatomy::Anatomy;
use differences::{TABLE, Way};
use told::Outcome;

const QUIET: &str = "PURE_MQTT_DIFFERENTIAL_QUIET";
const CASES: u64 = 3_000_000;
/// So many inputs are made from one legal packet.
const MUTATIONS: u64 = 40;
/// When to stop.
const FINDS: usize = 20;

fn main() -> ExitCode {
    if std::env::var_os(QUIET).is_none() {
        return quietly();
    }
    std::panic::set_hook(Box::new(|panic| println!("{panic}")));
    let begin = Instant::now();
    let mut trial = Trial::default();
    trial.examples();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for input in inputs::golden(&root).iter().chain(&inputs::hostile(&root)) {
        inputs::VERSIONS.iter().for_each(|version| trial.stream(input, *version));
    }
    trial.random(number("PURE_MQTT_CASES").unwrap_or(CASES), number("PURE_MQTT_SEED"));
    trial.report();
    println!("{:.1} s", begin.elapsed().as_secs_f64());
    if trial.finds == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs this program again without standard error: mqttbytes 0.6.0 was released with a `dbg!` in it.
fn quietly() -> ExitCode {
    let program = std::env::current_exe().expect("the program has a path");
    let status = Command::new(program).env(QUIET, "1").stderr(Stdio::null()).status().expect("it runs again");
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// What was tried, and what came of it.
struct Trial {
    inputs: u64,
    agreed: u64,
    both_refused: u64,
    /// How often each row of the table was met.
    met: Vec<u64>,
    finds: usize,
}

impl Default for Trial {
    fn default() -> Self {
        Self { inputs: 0, agreed: 0, both_refused: 0, met: vec![0; TABLE.len()], finds: 0 }
    }
}

impl Trial {
    /// Each row's examples differ in the way that it tells, and no other row tells of them.
    fn examples(&mut self) {
        for (index, row) in TABLE.iter().enumerate() {
            for (version, input) in row.examples {
                let (ours, theirs) = (ours::read(input, *version), mqttbytes::read(input, *version));
                let way = differences::way(&ours, &theirs);
                let rows: Vec<_> =
                    way.into_iter().flat_map(|way| differences::explained(way, input, *version)).collect();
                if !way.is_some_and(|way| row.ways.contains(&way)) || rows != [index] {
                    self.find(
                        &format!("the example of {:?} shows {rows:?}", row.what),
                        input,
                        *version,
                        &ours,
                        &theirs,
                    );
                }
            }
        }
    }

    /// Random packets: as this project writes them, and changed.
    fn random(&mut self, cases: u64, seed: Option<u64>) {
        let seed = seed.unwrap_or_else(|| fastrand::u64(..));
        println!("PURE_MQTT_SEED={seed}");
        let mut rng = Rng::with_seed(seed);
        let mut other = Vec::new();
        for round in 0..cases.div_ceil(MUTATIONS) {
            let version = inputs::VERSIONS[(round % 2) as usize];
            let packet = inputs::legal(&mut rng, version);
            let bytes = bytes::encode(&packet, version);
            self.written(&packet, &bytes, version);
            for _ in 1..MUTATIONS {
                let mut input = bytes.clone();
                inputs::mutate(&mut rng, &mut input, &other);
                self.stream(&input, version);
                if self.finds >= FINDS {
                    return;
                }
            }
            other = bytes;
        }
    }

    /// What this project writes, the other reads as it was meant.
    fn written(&mut self, packet: &Packet<'_>, bytes: &[u8], version: Version) {
        self.inputs += 1;
        let meant = Outcome::Packet(Box::new(ours::told(packet)), bytes.len());
        self.compare(bytes, version, &meant);
    }

    /// Reads packet after packet, until one of the two has enough.
    fn stream(&mut self, input: &[u8], version: Version) {
        self.inputs += 1;
        let mut rest = input;
        while let Some(length) = self.compare(rest, version, &ours::read(rest, version)) {
            rest = &rest[length..];
        }
    }

    /// The length of the packet at the front, if both found it.
    fn compare(&mut self, input: &[u8], version: Version, ours: &Outcome) -> Option<usize> {
        if Anatomy::of(input, version).is_some_and(|packet| packet.is_of_another_version()) {
            return None; // each has its own way to go on behind it
        }
        let theirs = mqttbytes::read(input, version);
        let Some(way) = differences::way(ours, &theirs) else {
            let Outcome::Packet(_, length) = ours else {
                self.both_refused += u64::from(matches!(ours, Outcome::Refused(_)));
                return None;
            };
            self.agreed += 1;
            return Some(*length);
        };
        let mut is_known = false;
        for row in differences::explained(way, input, version) {
            self.met[row] += 1;
            is_known = true;
        }
        if !is_known {
            self.find(&describe(way), input, version, ours, &theirs);
        }
        None
    }

    fn find(&mut self, what: &str, input: &[u8], version: Version, ours: &Outcome, theirs: &Outcome) {
        self.finds += 1;
        let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
        println!("\n{version:?} {hex}\n  {what}\n  ours:   {ours:?}\n  theirs: {theirs:?}");
    }

    fn report(&self) {
        println!();
        for (row, met) in TABLE.iter().zip(&self.met) {
            println!("{met:>9} mqttbytes {}: {}", row.what, row.why);
        }
        println!("{:>9} packets in which both found the same", self.agreed);
        println!("{:>9} that both refused", self.both_refused);
        println!("{:>9} inputs, {} differences that no row explains", self.inputs, self.finds);
    }
}

fn describe(way: Way) -> String {
    match way {
        Way::WeRefuse(error) => format!("this project alone refuses it: {error}"),
        other => format!("{other:?}"),
    }
}
