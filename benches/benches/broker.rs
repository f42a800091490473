//! `cargo bench --manifest-path benches/Cargo.toml --bench broker`: against a real mosquitto. `-- --quick` does less.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match pure_mqtt_benches::broker::main(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
