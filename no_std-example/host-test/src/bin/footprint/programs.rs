//! What is measured: one row of the table for each program.

use host_test::build;
use host_test::qemu::Board;

use crate::image::{self, Image};
use crate::table::Row;

/// Where firmware runs: with an FPU, the smallest ARM, RISC-V.
const TARGETS: [&str; 3] = ["thumbv7em-none-eabihf", "thumbv6m-none-eabi", "riscv32imc-unknown-none-elf"];

/// A program of the folder `footprint`.
struct Program {
    label: &'static str,
    name: &'static str,
    features: &'static str,
    /// A peer: measured on the first target alone, and not held to its figures.
    is_peer: bool,
}

const PROGRAMS: [Program; 16] = [
    ours("pure-mqtt, all versions", "pure", "v3,v5"),
    ours("pure-mqtt, 5.0 only", "pure", "v5"),
    ours("pure-mqtt, 3.1 and 3.1.1 only", "pure", "v3"),
    peer("minimq 0.13.5 (5.0)", "minimq", "minimq"),
    peer("mountain-mqtt 0.2.0 (5.0, QoS 1)", "mountain", "mountain-mqtt"),
    peer("rust-mqtt 0.6.0 (5.0)", "rust_mqtt", "rust-mqtt"),
    peer("mqtt-protocol-core 0.7.9 (3.1.1, 5.0)", "protocol_core", "mqtt-protocol-core"),
    ours("pure-mqtt-embassy, all versions", "embassy", "embassy,v3,v5"),
    ours("pure-mqtt-embassy, 5.0 only", "embassy", "embassy,v5"),
    ours("pure-mqtt-embassy with `flash`, all versions", "embassy", "embassy-flash,v3,v5"),
    ours("pure-mqtt-embassy with `flash`, 5.0 only", "embassy", "embassy-flash,v5"),
    peer("mqttrust 1.0.0 (5.0)", "mqttrust", "mqttrust-v5"),
    peer("mqttrust 1.0.0 (3.1.1)", "mqttrust", "mqttrust-v3"),
    ours("pure-mqtt, the whole API", "whole", "v3,v5"),
    ours("pure-mqtt-embassy, the whole API with `flash` and `nal`", "embassy_whole", "embassy-whole,v3,v5"),
    ours("pure-mqtt, the codec alone, both directions", "codec", "v3,v5"),
];

impl Program {
    /// Its functions that can panic are counted: there are to be none.
    fn has_no_panics(&self) -> bool {
        matches!(self.name, "embassy" | "embassy_whole" | "whole" | "codec")
    }
}

const fn ours(label: &'static str, name: &'static str, features: &'static str) -> Program {
    Program { label, name, features, is_peer: false }
}

const fn peer(label: &'static str, name: &'static str, features: &'static str) -> Program {
    Program { label, name, features, is_peer: true }
}

/// Connections of the program `ram`, by their symbols.
const CONNECTIONS: [(&str, &str); 4] = [
    ("a `Connection` of `Fixed<256, 4, 4, 64>`", "SENSOR"),
    ("a `Connection` of `Fixed<1024, 8, 8, 128>`", "BOARD"),
    ("a `Connection` of `Fixed<4096, 32, 32, 256, 8, 32>`", "PANEL"),
    ("a `Connection` of `Fixed<16384, 64, 64, 512, 16, 64>`", "GATEWAY"),
];

/// Builds and measures everything.
pub fn measure() -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for program in &PROGRAMS {
        let targets = if program.is_peer { &TARGETS[..1] } else { &TARGETS[..] };
        let images: Vec<_> = targets
            .iter()
            .map(|target| Image::build(program.name, program.features, target))
            .collect::<Result<_, _>>()?;
        let Image { flash, copying, ram, .. } = images[0];
        let mut figures = vec![Some(flash - copying), Some(copying), Some(ram)];
        figures.extend((1..TARGETS.len()).map(|place| images.get(place).map(|image| image.flash)));
        rows.push(Row { label: program.label.into(), figures, is_peer: program.is_peer });
        if program.has_no_panics() {
            rows.push(panics(program)?);
        }
    }
    for (label, bytes) in connections()? {
        rows.push(Row::of_ram(label, bytes));
    }
    rows.push(Row::of_ram("stack of the worst public call (thumbv7m)", stack()));
    Ok(rows)
}

/// How many functions can panic, on the Thumb targets.
fn panics(program: &Program) -> Result<Row, String> {
    let count = |target| {
        let names = image::can_panic(program.name, program.features, target)?;
        names.iter().for_each(|name| eprintln!("footprint: {} can panic in {name}", program.label));
        Ok::<_, String>(Some(names.len() as u64))
    };
    let figures = vec![count(TARGETS[0])?, None, None, count(TARGETS[1])?, None];
    Ok(Row { label: format!("{}{}", Row::PANICS, program.label), figures, is_peer: false })
}

/// The sizes of fresh connections in statics, which take no flash.
fn connections() -> Result<Vec<(&'static str, u64)>, String> {
    let ram = Image::build("ram", "v3,v5", TARGETS[0])?;
    if ram.data > 0 {
        return Err(format!("fresh connections are not all zeros: {} bytes of .data", ram.data));
    }
    let size_of = |symbol| ram.size_of(symbol).ok_or_else(|| format!("{symbol} is not in the program ram"));
    CONNECTIONS.iter().map(|(label, symbol)| Ok((*label, size_of(symbol)?))).collect()
}

/// The most that any call took of the painted stack while the board played all the bad input.
fn stack() -> u64 {
    let mut board = Board::boot(&build::firmware("vectors", &[]), None, None);
    board.await_end();
    let lines = board.console.all();
    let calls = lines.iter().filter_map(|line| line.strip_prefix("stack ")?.split_once(' '));
    calls.filter_map(|(bytes, _)| bytes.parse().ok()).max().expect("the firmware tells it")
}
