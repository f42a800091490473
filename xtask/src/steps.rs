//! The table of steps. Everything `cargo xtask test` does is a row here, in the order in which it is done.

use crate::shell::Shell;
use crate::{Result, brokers, browser, circles, faults, fuzz, instructions, package, pages, release, setup, trace};

/// The oldest toolchain that must build the crate: `rust-version` of the root package, with its patch number.
pub const MSRV: &str = "1.87.0";

/// The features for tests and lints on a host; `defmt` is missing because it links on firmware alone.
pub const HOST_FEATURES: &str = "std,bytes,heapless,journal,log";

/// The firmware targets that the crate must build for with no feature at all.
pub const FIRMWARE_TARGETS: [&str; 4] =
    ["thumbv7em-none-eabihf", "thumbv7m-none-eabi", "thumbv6m-none-eabi", "riscv32imc-unknown-none-elf"];

/// Other systems that the clients build for.
pub const SYSTEMS: [&str; 2] = ["x86_64-pc-windows-gnu", "aarch64-apple-darwin"];

/// The flags with which docs.rs builds documentation, and that a warning is an error.
pub const DOCS: &str = "--cfg\u{1f}docsrs\u{1f}-Dwarnings";

/// The beginnings of the names of tests that take longest: together longer than all others. The steps for a quick look leave them out, and the step `long` runs them.
pub const LONG: [&str; 8] = [
    // The engine's: power that fails at every byte, a link cut twice, two ways through the engine, a list of more than 4 GiB.
    "every_byte_of",
    "double_cuts_of",
    "both_ways_lead_to_the_same",
    "a_list_longer_than_4_gib_is_refused",
    // The agent's.
    "filters_and_messages_and_waiters_cost_the_same",
    // Those of the client for threads that wait for deadlines.
    "an_upload_to_a_server_that_reads_nothing_is_given_up",
    "a_full_disk_refuses_and_goes_on_when_there_is_room",
    "what_is_asked_for_while_the_loop_goes_to_sleep_first_wakes_it",
];

/// One row of the table.
pub struct Step {
    /// What `--only` and `--skip` call it.
    pub name: &'static str,
    /// What it is for, in a few words.
    pub about: &'static str,
    /// Whether it prepares the machine or checks the project.
    pub kind: Kind,
    /// Whether `--quick` keeps it.
    pub quick: bool,
    /// Whether it runs beside the others, which it can if it builds in a folder of its own.
    pub beside: bool,
    /// What it does.
    pub work: Work,
}

/// The two kinds of steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Installs what a check needs, and does nothing if it is there.
    Setup,
    /// Passes or fails.
    Check,
}

/// What a step does.
pub enum Work {
    /// Looks for something and installs it if it is missing, or checks something itself.
    Call(fn(&Shell) -> Result),
    /// Runs command lines in the root folder. `{features}`, `{msrv}`, `{targets}`, `{systems}`, `{docs}`, `{long}` and `{but-long}` stand for the constants above.
    Lines(&'static [&'static str]),
    /// Runs one command line inside a folder with a workspace of its own; without that folder, nothing.
    Inside(&'static str, &'static str),
}

/// All steps.
#[rustfmt::skip]
pub const STEPS: &[Step] = &[
    prepare("mosquitto", "the broker and its command line clients", setup::mosquitto),
    prepare("qemu", "the board that the firmwares run on, emulated", setup::qemu),
    prepare("components", "rustfmt and clippy", setup::components),
    prepare("targets", "the standard library for the firmware targets and other systems", setup::targets),
    prepare("toolchain", "the oldest supported toolchain", setup::toolchain),
    prepare("cargo-hack", "the tool that walks through feature combinations", setup::cargo_hack),

    quick("fmt", "formatting", &["cargo fmt --all --check", "rustfmt --check --edition 2024 src/guide/pair.rs src/guide/hosts/tcp.rs src/guide/hosts/embassy_links.rs"]),
    quick("clippy", "lints; a warning is an error", &[
        "cargo clippy --workspace --all-targets --features {features} -- -D warnings",
        "cargo clippy -p pure-mqtt-tokio --all-targets --all-features -- -D warnings",
    ]),
    check("doc", "the documentation builds without a warning, with the features and the nightly `cfg` of docs.rs", &[
        "RUSTC_BOOTSTRAP=1 CARGO_ENCODED_RUSTDOCFLAGS={docs} cargo doc --no-deps --all-features -p pure-mqtt -p pure-mqtt-trace -p pure-mqtt-net -p pure-mqtt-agent -p pure-mqtt-client -p pure-mqtt-tokio -p pure-mqtt-embassy -p pure-mqtt-test-broker",
    ]),
    call("pages", "every block of every page compiles as the page shows it, in a file of its own, or is a command that exists", pages::check),
    check("features", "every pair of features builds", &[
        "cargo hack check --feature-powerset --depth 2 -p pure-mqtt",
        "cargo hack check --feature-powerset --depth 2 -p pure-mqtt-client",
        "cargo hack check --feature-powerset --depth 2 -p pure-mqtt-tokio",
        "cargo hack check --feature-powerset --depth 2 -p pure-mqtt-embassy",
        "cargo hack check --feature-powerset -p pure-mqtt-net",
        "cargo hack check --feature-powerset -p pure-mqtt-trace",
        "cargo hack check --feature-powerset -p pure-mqtt-agent",
    ]),
    check("all-features", "all features together build", &[
        "cargo check -p pure-mqtt --all-features", "cargo check -p pure-mqtt-trace --all-features",
    ]),
    check("msrv", "the oldest supported toolchain builds the crates", &[
        "cargo +{msrv} check -p pure-mqtt --features {features}",
        "cargo +{msrv} check -p pure-mqtt --no-default-features",
        "cargo +{msrv} check -p pure-mqtt-client --all-features",
        "cargo +{msrv} check -p pure-mqtt-cli",
        "cargo +{msrv} check -p pure-mqtt-tokio --all-features",
        "cargo +{msrv} check -p pure-mqtt-embassy --all-features",
        "cargo +{msrv} check -p pure-mqtt-net --all-features",
        "cargo +{msrv} check -p pure-mqtt-trace --features bytes",
        "cargo +{msrv} check -p pure-mqtt-agent --all-features",
        "cargo +{msrv} check -p pure-mqtt-test-broker",
    ]),
    check("firmware", "engine, recorder and agent build where there is no operating system", &[
        "cargo build -p pure-mqtt -p pure-mqtt-trace --no-default-features {targets}",
        "cargo build -p pure-mqtt-agent --target thumbv7em-none-eabihf",
        "cargo build -p pure-mqtt-embassy --features flash {targets}",
    ]),

    check("systems", "the clients and the test broker build for Windows and macOS, but for TLS, which needs a C compiler for them", &[
        "RUSTFLAGS=-Dwarnings cargo check -p pure-mqtt-client -p pure-mqtt-tokio -p pure-mqtt-net -p pure-mqtt-agent -p pure-mqtt-test-broker --no-default-features --features pure-mqtt-client/websocket,pure-mqtt-client/proxy,pure-mqtt-client/log,pure-mqtt-client/tracing,pure-mqtt-tokio/srv,pure-mqtt-tokio/tracing,pure-mqtt-tokio/trace-context {systems}",
    ]),

    quick("test", "unit, integration and documentation tests", &[
        "cargo test -p pure-mqtt --features {features} -- {but-long}",
    ]),
    check("versions", "5.0 alone and its predecessors alone do what they do together", &[
        "cargo test -p pure-mqtt --no-default-features --features std,v3,journal --test features",
        "cargo test -p pure-mqtt --no-default-features --features std,v5,journal --test features",
    ]),
    check("life", "ten thousand days of devices on bad links", &[
        "PURE_MQTT_DAYS=10000 cargo test --release -p pure-mqtt --features {features} --test life nothing -- --nocapture",
    ]),
    check("world", "twenty thousand random worlds, and nothing goes wrong in them", &[
        "PURE_MQTT_WORLDS=20000 cargo test --release -p pure-mqtt --features {features} --test world -- --nocapture",
    ]),
    check("agents", "ten thousand random worlds of agents and servers, and nothing goes wrong in them", &[
        "PURE_MQTT_WORLDS=10000 cargo test --release -p pure-mqtt-agent --test world -- --nocapture",
    ]),
    check("futures", "ten thousand random worlds in which futures are dropped at any poll, and nothing is lost", &[
        "PURE_MQTT_WORLDS=10000 cargo test --release -p pure-mqtt-tokio --test world",
        "PURE_MQTT_WORLDS=10000 PURE_MQTT_LIVES=50000 PURE_MQTT_STEP=1 cargo test --release -p pure-mqtt-embassy --features flash --test world -- --nocapture",
    ]),
    check("broker", "tests against a real mosquitto", &[
        "cargo test -p pure-mqtt --features {features} --test mosquitto -- --ignored",
        "cargo test -p pure-mqtt-client --test mosquitto -- --ignored",
        "cargo test -p pure-mqtt-cli --test mosquitto -- --ignored",
        "cargo test -p pure-mqtt-net --test mosquitto -- --ignored",
        "cargo test -p pure-mqtt-tokio --test many -- --ignored",
        "cargo test -p pure-mqtt-trace --test mosquitto -- --ignored",
    ]),
    quick("workspace", "tests of the clients, the recorder and the other workspace members", &[
        "cargo test --workspace --exclude pure-mqtt --exclude pure-mqtt-tokio -- {but-long}",
        "cargo test -p pure-mqtt-net --no-default-features --lib",
        "cargo test -p pure-mqtt-client --all-features --test facades",
        "cargo test -p pure-mqtt-tokio --all-features",
        "cargo test -p pure-mqtt-embassy --features nal --doc",
    ]),
    check("long", "the tests that take longest, and those of the clients and the recorder with other features", &[
        "cargo test -p pure-mqtt --features {features} --lib --tests -- {long}",
        "cargo test --workspace --exclude pure-mqtt --lib --tests -- {long}",
        "cargo test -p pure-mqtt-tokio", "cargo test -p pure-mqtt-trace --features bytes",
    ]),
    check("quickstart", "the first example runs", &["cargo run --example quickstart"]),
    check("examples", "the other examples run", &[
        "cargo run --example subscriptions", "cargo run --example streaming",
        "cargo run -p pure-mqtt-trace --example replay", "cargo run -p pure-mqtt-tokio --example http_bridge",
        "cargo run --features journal --example journal -- --seed 1",
    ]),

    inside("no_std-example/host-test", "the firmwares hold out on an emulated board, against a real mosquitto", "cargo test"),
    beside(check("footprint", "firmware holds no panic, and is not larger than the README says", &[
        "cargo run --quiet --manifest-path no_std-example/host-test/Cargo.toml --bin footprint -- --check",
    ])),
    inside("fuzz", "the fuzz targets build", "cargo check"),
    beside(call("fuzz-run", "every fuzz target runs for a minute", fuzz::smoke)),
    Step { quick: true, ..call("circles", "no modules of the engine, the recorder, the agent, the firmware's client, the network layer or the test broker need each other", circles::check) },
    call("trace", "statements of the standards are cited in the code and in the tests", trace::check),
    inside("tests/model", "the model check holds in millions of states", "cargo run --release"),
    inside("tests/differential", "a second codec reads the same from the same bytes, or the table says why not", "cargo run --release"),
    inside("tests/gateway", "a gateway on tokio holds out while its broker is killed twenty times", "cargo run"),
    inside("tests/clusters", "the trial of clusters builds; `cargo xtask clusters` runs it", "cargo check"),
    beside(call("brokers", "everything that the client does, against real brokers: mosquitto and RabbitMQ", brokers::check)),
    inside("tests/mutants", "the tool that tries mutants weaves them as it should", "cargo test"),
    beside(call("faults", "fifteen known faults are found, each by two methods", faults::check)),
    call("instructions", "no message takes 3 % more instructions than accepted; worst inputs stay linear", instructions::check),
    call("package", "the packed crate passes its own tests, without the rest of the repository", package::test),
    call("release", "all crates can be published, and a new project for each one runs the programs of its page", release::check),
    call("minimal-versions", "the oldest dependencies that the manifest allows will do", package::minimal_versions),
    beside(call("examples/browser", "a web page talks to a real mosquitto, in a real browser", browser::check)),
    here(inside("benches", "the benchmarks build", "cargo check --all-targets")),
    here(inside("benches/end-to-end", "the benchmark through a broker builds", "cargo check")),
    inside("examples/embassy", "the firmware's client holds out over embassy-net, TLS and embedded-nal-async, against a real mosquitto", "cargo test"),
    here(inside("examples/hosts", "the example hosts hold out against a real mosquitto", "cargo test")),
];

const fn prepare(name: &'static str, about: &'static str, work: fn(&Shell) -> Result) -> Step {
    Step { name, about, kind: Kind::Setup, quick: false, beside: false, work: Work::Call(work) }
}

const fn check(name: &'static str, about: &'static str, lines: &'static [&'static str]) -> Step {
    Step { name, about, kind: Kind::Check, quick: false, beside: false, work: Work::Lines(lines) }
}

const fn quick(name: &'static str, about: &'static str, lines: &'static [&'static str]) -> Step {
    Step { quick: true, ..check(name, about, lines) }
}

const fn call(name: &'static str, about: &'static str, work: fn(&Shell) -> Result) -> Step {
    Step { name, about, kind: Kind::Check, quick: false, beside: false, work: Work::Call(work) }
}

const fn inside(folder: &'static str, about: &'static str, line: &'static str) -> Step {
    Step { name: folder, about, kind: Kind::Check, quick: false, beside: true, work: Work::Inside(folder, line) }
}

const fn beside(step: Step) -> Step {
    Step { beside: true, ..step }
}

/// Not beside the others although it could be: so both sides take about as long.
const fn here(step: Step) -> Step {
    Step { beside: false, ..step }
}

impl Work {
    /// Does it.
    pub fn run(&self, shell: &Shell) -> Result {
        match self {
            Self::Call(call) => call(shell),
            Self::Lines(lines) => lines.iter().try_for_each(|line| shell.run(&fill(line))),
            Self::Inside(folder, line) => match shell.inside(folder) {
                Some(shell) => shell.run(&fill(line)),
                None => {
                    println!("nothing to do: there is no {folder}/Cargo.toml.");
                    Ok(())
                }
            },
        }
    }
}

/// Puts the constants into the places of a command line.
fn fill(line: &str) -> String {
    let all =
        |targets: &[&str]| targets.iter().map(|target| format!("--target {target}")).collect::<Vec<_>>().join(" ");
    let line = line.replace("{features}", HOST_FEATURES).replace("{msrv}", MSRV);
    let line = line.replace("{docs}", DOCS);
    let line = line.replace("{but-long}", &LONG.map(|name| format!("--skip {name}")).join(" "));
    let line = line.replace("{long}", &LONG.join(" "));
    line.replace("{targets}", &all(&FIRMWARE_TARGETS)).replace("{systems}", &all(&SYSTEMS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> impl Iterator<Item = (&'static str, String)> {
        STEPS.iter().flat_map(|step| {
            let lines = match &step.work {
                Work::Call(_) => &[][..],
                Work::Lines(lines) => lines,
                Work::Inside(_, line) => std::slice::from_ref(line),
            };
            lines.iter().map(|line| (step.name, fill(line)))
        })
    }

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<_> = STEPS.iter().map(|step| step.name).collect();
        assert_eq!(names.len(), STEPS.len());
    }

    #[test]
    fn set_up_comes_first() {
        assert!(STEPS.is_sorted_by_key(|step| step.kind == Kind::Check));
    }

    #[test]
    fn every_place_is_filled() {
        for (name, line) in lines() {
            assert!(!line.contains(['{', '}']), "{name}: {line}");
        }
        assert_eq!(
            fill("cargo +{msrv} x {targets} --features {features}"),
            "cargo +1.87.0 x --target thumbv7em-none-eabihf --target thumbv7m-none-eabi \
             --target thumbv6m-none-eabi --target riscv32imc-unknown-none-elf --features std,bytes,heapless,journal,log"
        );
    }

    /// A test that is renamed would be left out of nothing, and its name be a filter that finds nothing.
    #[test]
    fn every_long_test_is_there() {
        let files = crate::pages::source::files(std::path::Path::new("")).expect("the folder can be read");
        let rust = files.iter().filter(|file| file.extension().is_some_and(|end| end == "rs"));
        let texts: Vec<_> =
            rust.map(|file| std::fs::read_to_string(crate::root().join(file)).expect("it is text")).collect();
        for name in LONG {
            assert!(texts.iter().any(|text| text.contains(&format!("fn {name}"))), "{name}");
        }
    }

    #[test]
    fn the_toolchain_is_the_one_that_the_crate_promises() {
        let manifest = std::fs::read_to_string(crate::root().join("Cargo.toml")).expect("the root has a manifest");
        let promised =
            manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).expect("an MSRV is named");
        assert_eq!(format!("{}.0", promised.trim_matches('"')), MSRV);
    }
}
