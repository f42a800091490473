//! `cargo xtask fuzz`: runs every fuzz target for a while, on the stable toolchain.

use crate::Result;
use crate::shell::Shell;

/// How long each target runs, in seconds, if nothing else is asked for.
pub const SECONDS: u32 = 60;
/// How much a step of `cargo xtask test` does: the same each time, so that it fails only for those who broke something.
const SMOKE: &str = "-seed=1 -runs=20000 -max_total_time=20";

const TARGETS: [&str; 5] = ["decode", "connection", "peer", "roundtrip", "trace"];

/// Runs each target for so many seconds.
pub fn run(shell: &Shell, seconds: u32) -> Result {
    prepare(shell)?;
    run_all(shell, &format!("-max_total_time={seconds}"))
}

fn run_all(shell: &Shell, bounds: &str) -> Result {
    for target in TARGETS {
        let corpus = format!("fuzz/corpus/{target}");
        std::fs::create_dir_all(shell.folder().join(&corpus)).map_err(|error| format!("{corpus}: {error}."))?;
        shell.run(&line(target, bounds))?;
    }
    Ok(())
}

/// A short run of each target; nothing where cargo-fuzz can't be had.
pub fn smoke(shell: &Shell) -> Result {
    match prepare(shell) {
        Ok(()) => run_all(shell, SMOKE),
        Err(reason) => {
            println!("left out: {reason}");
            Ok(())
        }
    }
}

fn prepare(shell: &Shell) -> Result {
    if shell.succeeds("cargo fuzz --version") {
        return Ok(());
    }
    shell.run("cargo install cargo-fuzz --locked").map_err(|error| {
        format!("cargo-fuzz is missing and could not be installed. {error} `cargo install cargo-fuzz --locked` does it by hand.")
    })
}

/// The seeds are read, and what is found on the way goes to `fuzz/corpus`. There is no sanitizer: the crate has no `unsafe`, and the stable
/// toolchain needs to be told that it may.
fn line(target: &str, bounds: &str) -> String {
    format!(
        "RUSTC_BOOTSTRAP=1 cargo fuzz run -s none {target} fuzz/corpus/{target} fuzz/seeds/{target} -- \
         {bounds} -max_len=1024 -timeout=10 -dict=fuzz/mqtt.dict -print_final_stats=1 -verbosity=0"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_run() {
        let manifest = std::fs::read_to_string(crate::root().join("fuzz/Cargo.toml")).expect("there are fuzz targets");
        let names: Vec<_> = manifest.lines().filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")).collect();
        assert_eq!(names, TARGETS.map(|target| format!("{target}.rs\"")));
    }
}
