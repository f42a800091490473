//! Mutation testing without a build for each mutant: all mutants that `cargo mutants` lists are woven into one copy of
//! the source, each behind a switch, and the tests run again and again with another one on.

mod build;
mod list;
mod source;
mod trial;
mod weave;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use list::Mutant;

/// The error is a sentence for the person at the keyboard.
type Result<T = ()> = std::result::Result<T, String>;

const HELP: &str = "\
Usage: cargo run --release -- [OPTIONS]

  --file PREFIX    only mutants of files whose path begins so (again for more)
  --name TEXT      only mutants whose name contains this (again for more)
  --skip LIST      none of those that this file lists (one of OUT's): so a run goes on, or tries again what lives
  --quick MILLIS   without tests that take longer than this; retry what lives then
  --seed N         the seed of the randomised tests [1]
  --work DIR       where the copy is built [the system's folder for temporary files]/pure-mqtt-mutants
  --out DIR        where the lists go [WORK/out]
";

fn main() -> ExitCode {
    match arguments().and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("mutants: {message}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    files: Vec<String>,
    names: Vec<String>,
    skip: Vec<PathBuf>,
    quick: Option<u64>,
    seed: String,
    work: PathBuf,
    out: Option<PathBuf>,
}

fn arguments() -> Result<Options> {
    use lexopt::prelude::*;
    let work = std::env::temp_dir().join("pure-mqtt-mutants");
    let mut options = Options {
        files: Vec::new(),
        names: Vec::new(),
        skip: Vec::new(),
        quick: None,
        seed: "1".into(),
        work,
        out: None,
    };
    let mut parser = lexopt::Parser::from_env();
    let said = |error: lexopt::Error| format!("{error}\n{HELP}");
    while let Some(argument) = parser.next().map_err(said)? {
        let Long(option) = argument else { return Err(HELP.into()) };
        let option = option.to_owned();
        let value = parser.value().and_then(|value| value.string()).map_err(said)?;
        match option.as_str() {
            "file" => options.files.push(value),
            "name" => options.names.push(value),
            "skip" => options.skip.push(value.into()),
            "quick" => options.quick = Some(value.parse().map_err(|error| format!("{value}: {error}\n{HELP}"))?),
            "seed" => options.seed = value,
            "work" => options.work = value.into(),
            "out" => options.out = Some(value.into()),
            _ => return Err(HELP.into()),
        }
    }
    Ok(options)
}

fn run(options: &Options) -> Result {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let all = list::read(&root)?;
    let chosen = |mutant: &Mutant| {
        let is_in =
            |list: &[String], test: &dyn Fn(&str) -> bool| list.is_empty() || list.iter().any(|text| test(text));
        is_in(&options.files, &|prefix| mutant.file.starts_with(prefix))
            && is_in(&options.names, &|text| mutant.name.contains(text))
    };
    let mutants: Vec<Mutant> = all.into_iter().filter(chosen).collect();
    println!("{} mutants", mutants.len());
    let mut skipped = BTreeSet::new();
    for list in &options.skip {
        let text = std::fs::read_to_string(list).map_err(|error| format!("{}: {error}", list.display()))?;
        let names: BTreeSet<&str> = text.lines().collect();
        let listed = (0..).zip(&mutants).filter(|(_, mutant)| names.contains(mutant.name.as_str()));
        skipped.extend(listed.map(|(number, _)| number));
    }
    let built = build::build(&root, &options.work, &mutants)?;
    let out = options.out.clone().unwrap_or_else(|| options.work.join("out"));
    trial::run(&built, &mutants, (&skipped, options.quick), &options.seed, &out)
}
