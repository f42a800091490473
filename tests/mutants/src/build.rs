//! A copy of the project with the mutants in it, without those that do not compile.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::list::{Kind, Mutant};
use crate::source::{self, Source, Woven};
use crate::{Result, weave};

/// The suites that are run, as in `.cargo/mutants.toml`; but the one that counts allocations, since the switch may allocate.
const SUITES: &[&str] = &["it", "hostile", "wire", "ram", "features", "power", "nor_flash", "world"];
const FEATURES: &str = "std,bytes,heapless,journal,log";

/// What the trials need.
pub struct Built {
    /// The project's copy.
    pub root: PathBuf,
    /// The test programs.
    pub programs: Vec<PathBuf>,
    /// Mutants that are not in the copy: they don't compile, or have no place.
    pub left_out: BTreeSet<usize>,
}

/// Weaves, and compiles until no mutant is left that does not compile.
pub fn build(root: &Path, work: &Path, mutants: &[Mutant]) -> Result<Built> {
    let copy = work.join("copy");
    copy_project(root, &copy, mutants)?;
    let known = work.join("left_out.txt"); // what did not compile the last time: so nothing is built anew if nothing has changed
    let names = fs::read_to_string(&known).unwrap_or_default();
    let names: BTreeSet<&str> = names.lines().collect();
    let mut left_out: BTreeSet<usize> = (0..)
        .zip(mutants)
        .filter(|(_, mutant)| names.contains(mutant.name.as_str()))
        .map(|(number, _)| number)
        .collect();
    loop {
        let woven = weave_all(root, &copy, mutants, &mut left_out)?;
        let messages = cargo(&copy, work, &["check", "--lib"])?;
        let faults: Vec<&Value> = messages.iter().filter(|message| message["message"]["level"] == "error").collect();
        if faults.is_empty() {
            break;
        }
        let guilty = guilty(&faults, &woven, mutants);
        if guilty.is_subset(&left_out) {
            let text = faults.iter().filter_map(|fault| fault["message"]["rendered"].as_str()).collect::<String>();
            return Err(format!("{text}\nno mutant stands where these errors are"));
        }
        println!("{} do not compile", guilty.len());
        left_out.extend(guilty);
    }
    let names: String = left_out.iter().map(|number| mutants[*number].name.clone() + "\n").collect();
    fs::write(&known, names).map_err(|error| error.to_string())?;
    let suites = SUITES.iter().flat_map(|suite| ["--test", suite]);
    let messages = cargo(&copy, work, &["test", "--no-run", "--lib"].into_iter().chain(suites).collect::<Vec<_>>())?;
    let programs: Vec<PathBuf> = messages.iter().filter_map(program).collect();
    if programs.len() != SUITES.len() + 1 {
        return Err("the tests do not compile".into());
    }
    Ok(Built { root: copy, programs, left_out })
}

/// Copies what git knows, and leaves alone what is the same, or is woven.
fn copy_project(root: &Path, copy: &Path, mutants: &[Mutant]) -> Result {
    let woven: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.file.as_str()).chain(["src/lib.rs"]).collect();
    let said = |error: std::io::Error| error.to_string();
    let output = Command::new("git").args(["ls-files", "-co", "--exclude-standard"]).current_dir(root).output();
    for name in String::from_utf8_lossy(&output.map_err(said)?.stdout).lines() {
        let (from, to) = (root.join(name), copy.join(name));
        if from.is_file() && !woven.contains(name) {
            write_if_new(&to, &fs::read(&from).map_err(said)?)?;
        }
    }
    Ok(())
}

fn write_if_new(path: &Path, bytes: &[u8]) -> Result {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let folder = path.parent().ok_or("a file without a folder")?;
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, bytes))
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// Writes all files that have mutants, and the switch.
fn weave_all(
    root: &Path,
    copy: &Path,
    mutants: &[Mutant],
    left_out: &mut BTreeSet<usize>,
) -> Result<BTreeMap<String, Woven>> {
    let mut files: BTreeMap<&str, Vec<(usize, &Mutant)>> = BTreeMap::new();
    for (number, mutant) in mutants.iter().enumerate() {
        let of_file = files.entry(&mutant.file).or_default(); // a file whose last mutant went is written once more
        if !left_out.contains(&number) {
            of_file.push((number, mutant));
        }
    }
    let mut all = BTreeMap::new();
    for (name, mutants) in files {
        let source = read(&root.join(name))?;
        let (edits, without) = weave::edits(&source, &mutants).map_err(|error| format!("{name}: {error}"))?;
        left_out.extend(without);
        let woven = source::weave(&source, edits);
        all.insert(name.to_owned(), woven);
    }
    let library = all
        .entry("src/lib.rs".into())
        .or_insert(Woven { text: read(&root.join("src/lib.rs"))?.text, places: Vec::new() });
    // The switch is called in constant functions too, which only the nightly compiler can do.
    library.text = library.text.replacen("#![forbid(unsafe_code)]", "", 1);
    let attributes = library.text.rfind("\n#![").ok_or("lib.rs without an attribute")?;
    library.text.insert_str(attributes, "\n#![feature(core_intrinsics, const_eval_select)]\n#![allow(warnings)]");
    library.text.push_str("\n#[doc(hidden)]\npub mod mutants;\n");
    let switch = format!("{}\nconst COUNT: usize = {};\n", include_str!("switch.rs"), mutants.len().max(1));
    write_if_new(&copy.join("src/mutants.rs"), switch.as_bytes())?;
    for (name, woven) in &all {
        write_if_new(&copy.join(name), woven.text.as_bytes())?;
    }
    Ok(all)
}

fn read(path: &Path) -> Result<Source> {
    fs::read_to_string(path).map(Source::new).map_err(|error| format!("{}: {error}", path.display()))
}

/// Runs cargo, and gives what it and the compiler said.
fn cargo(copy: &Path, work: &Path, arguments: &[&str]) -> Result<Vec<Value>> {
    let mut command = Command::new("cargo");
    command.arg("+nightly").args(arguments).args([
        "--features",
        FEATURES,
        "--profile",
        "mutants",
        "--message-format",
        "json",
    ]);
    command.current_dir(copy).env("CARGO_TARGET_DIR", work.join("target")).env("RUSTFLAGS", "--cap-lints=allow");
    command.env("CARGO_PROFILE_MUTANTS_OPT_LEVEL", "1"); // built once, run thousands of times
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| format!("cargo: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

fn program(message: &Value) -> Option<PathBuf> {
    message["executable"].as_str().map(PathBuf::from)
}

/// The mutants that stand where the compiler found errors: where it points first, or else anywhere it points, or else
/// the nearest of the kind that has such effects elsewhere.
fn guilty(faults: &[&Value], woven: &BTreeMap<String, Woven>, mutants: &[Mutant]) -> BTreeSet<usize> {
    let mut guilty = BTreeSet::new();
    for fault in faults {
        let spans = fault["message"]["spans"].as_array().map_or(&[][..], Vec::as_slice);
        let of = |first: bool| {
            let spans = spans.iter().filter(move |span| span["is_primary"] == first);
            spans.flat_map(|span| at(span, woven)).collect::<Vec<_>>()
        };
        let kind = if fault["message"]["code"]["code"] == "E0004" { Kind::MatchArm } else { Kind::FnValue };
        let near = || spans.iter().filter_map(|span| nearest(span, woven, mutants, kind)).collect();
        let found = [of(true), of(false)].into_iter().find(|found| !found.is_empty());
        guilty.extend(found.unwrap_or_else(near));
    }
    guilty
}

fn nearest(span: &Value, woven: &BTreeMap<String, Woven>, mutants: &[Mutant], kind: Kind) -> Option<usize> {
    let file = woven.get(span["file_name"].as_str()?)?;
    let at = span["byte_start"].as_u64()? as usize;
    let of_kind = file.places.iter().filter(|(_, mutant)| mutants[*mutant].kind == kind);
    of_kind.min_by_key(|(range, _)| range.start.abs_diff(at)).map(|(_, mutant)| *mutant)
}

fn at(span: &Value, woven: &BTreeMap<String, Woven>) -> Vec<usize> {
    let number = |key: &str| span[key].as_u64().unwrap_or(0) as usize;
    let (start, end) = (number("byte_start"), number("byte_end"));
    let Some(file) = span["file_name"].as_str().and_then(|name| woven.get(name)) else { return Vec::new() };
    let meets = |range: &std::ops::Range<usize>| range.start <= start && end <= range.end;
    file.places.iter().filter(|(range, _)| meets(range)).map(|(_, mutant)| *mutant).collect()
}
