//! `cargo bench --manifest-path benches/Cargo.toml`; `-- --help` says what else it can do.

use std::path::PathBuf;
use std::process::ExitCode;

use pure_mqtt_benches::{Counting, HELP, parse, report, run};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    match parse(std::env::args_os().skip(1)).and_then(|options| work(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}\n\n{HELP}");
            ExitCode::FAILURE
        }
    }
}

fn work(options: &pure_mqtt_benches::Options) -> Result<(), String> {
    if options.help {
        print!("{HELP}");
        return Ok(());
    }
    if options.list {
        pure_mqtt_benches::names().for_each(|name| println!("{name}"));
        return Ok(());
    }
    let results = run(options, |result| eprintln!("measured: {}", result.row));
    if results.is_empty() {
        return Err("No row has such a name; --list shows them all.".to_owned());
    }
    let target = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target");
    report(&results, options.out.as_deref().unwrap_or(&target))
}
