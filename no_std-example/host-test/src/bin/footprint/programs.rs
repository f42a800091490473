//! What is measured: one row of the table for each program.

use host_test::build;
use host_test::qemu::Board;

use crate::image::Image;
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

const PROGRAMS: [Program; 13] = [
    ours("pure-mqtt, all versions", "pure", "v3,v5"),
    ours("pure-mqtt, 5.0 only", "pure", "v5"),
    ours("pure-mqtt, 3.1 and 3.1.1 only", "pure", "v3"),
    peer("minimq 0.13.5 (5.0)", "minimq", "minimq"),
    peer("mountain-mqtt 0.2.0 (5.0, QoS 1)", "mountain", "mountain-mqtt"),
    peer("rust-mqtt 0.6.0 (5.0)", "rust_mqtt", "rust-mqtt"),
    peer("mqtt-protocol-core 0.7.9 (3.1.1, 5.0)", "protocol_core", "mqtt-protocol-core"),
    ours("pure-mqtt-embassy, all versions", "embassy", "embassy,v3,v5"),
    ours("pure-mqtt-embassy, 5.0 only", "embassy", "embassy,v5"),
    peer("mqttrust 1.0.0 (5.0)", "mqttrust", "mqttrust-v5"),
    peer("mqttrust 1.0.0 (3.1.1)", "mqttrust", "mqttrust-v3"),
    ours("pure-mqtt, the whole API", "whole", "v3,v5"),
    ours("pure-mqtt, the codec alone, both directions", "codec", "v3,v5"),
];

const fn ours(label: &'static str, name: &'static str, features: &'static str) -> Program {
    Program { label, name, features, is_peer: false }
}

const fn peer(label: &'static str, name: &'static str, features: &'static str) -> Program {
    Program { label, name, features, is_peer: true }
}

/// Connections of the program `ram`, by their symbols.
const CONNECTIONS: [(&str, &str); 4] = [
    ("RAM of `Fixed<256, 4, 4, 64>`", "SENSOR"),
    ("RAM of `Fixed<1024, 8, 8, 128>`", "BOARD"),
    ("RAM of `Fixed<4096, 32, 32, 256, 8, 32>`", "PANEL"),
    ("RAM of `Fixed<16384, 64, 64, 512, 16, 64>`", "GATEWAY"),
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
        let mut figures = vec![Some(images[0].flash - images[0].copying), Some(images[0].copying)];
        figures.extend((1..TARGETS.len()).map(|place| images.get(place).map(|image| image.flash)));
        rows.push(Row { label: program.label.into(), figures, is_peer: program.is_peer });
        if matches!(program.name, "embassy" | "whole" | "codec") {
            let figures = images.iter().map(|image| Some(image.panics)).collect::<Vec<_>>();
            let figures = vec![figures[0], None, figures[1], figures[2]];
            rows.push(Row { label: format!("{}{}", Row::PANICS, program.label), figures, is_peer: false });
        }
    }
    let ram = Image::build("ram", "v3,v5", TARGETS[0])?;
    for (label, symbol) in CONNECTIONS {
        let size = ram.size_of(symbol).ok_or_else(|| format!("{symbol} is not in the program ram"))?;
        rows.push(Row { label: label.into(), figures: vec![Some(size), None, None, None], is_peer: false });
    }
    rows.push(Row {
        label: "stack of the worst public call (thumbv7m)".into(),
        figures: vec![Some(stack()), None, None, None],
        is_peer: false,
    });
    Ok(rows)
}

/// The most that any call took of the painted stack while the board played all the bad input.
fn stack() -> u64 {
    let mut board = Board::boot(&build::firmware("vectors", &[]), None, None);
    board.await_end();
    let lines = board.console.all();
    let calls = lines.iter().filter_map(|line| line.strip_prefix("stack ")?.split_once(' '));
    calls.filter_map(|(bytes, _)| bytes.parse().ok()).max().expect("the firmware tells it")
}
