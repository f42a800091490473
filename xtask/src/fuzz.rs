//! `cargo xtask fuzz`: runs every fuzz target for a while, on the stable toolchain.

use crate::Result;
use crate::shell::Shell;

/// How long each target runs, in seconds, if nothing else is asked for.
pub const SECONDS: u32 = 60;

const TARGETS: [&str; 6] = ["decode", "connection", "peer", "roundtrip", "journal", "trace"];

/// Runs each target for so many seconds, one more at a time than there are cores.
pub fn run(shell: &Shell, seconds: u32) -> Result {
    prepare(shell)?;
    run_all(shell, &format!("-max_total_time={seconds}"))
}

fn run_all(shell: &Shell, bounds: &str) -> Result {
    for target in TARGETS {
        let corpus = format!("fuzz/corpus/{target}");
        std::fs::create_dir_all(shell.folder().join(&corpus)).map_err(|error| format!("{corpus}: {error}."))?;
    }
    shell.run(BUILD)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    TARGETS.chunks(cores + 1).try_for_each(|targets| {
        std::thread::scope(|scope| {
            let runs: Vec<_> = targets.iter().map(|target| scope.spawn(|| shell.run(&line(target, bounds)))).collect();
            let ends = runs.into_iter().map(|run| run.join().unwrap_or_else(|_| Err("a fuzz run broke off.".into())));
            ends.fold(Ok(()), Result::and)
        })
    })
}

/// The run of each target that is a step of `cargo xtask test`, with the same seed each time; nothing where cargo-fuzz can't be had.
pub fn smoke(shell: &Shell) -> Result {
    match prepare(shell) {
        Ok(()) => run_all(shell, &format!("-seed=1 -max_total_time={SECONDS}")),
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

const BUILD: &str = "RUSTC_BOOTSTRAP=1 cargo fuzz build -s none";

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
