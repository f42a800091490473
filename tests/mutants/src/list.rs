//! The mutants, as `cargo mutants --list` names them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::Result;

/// One change of the source.
pub struct Mutant {
    /// The file, from the root of the project.
    pub file: String,
    /// What `cargo mutants` prints: place and change.
    pub name: String,
    pub kind: Kind,
    /// Where what is replaced begins.
    pub start: Place,
    /// What stands there instead.
    pub replacement: String,
}

/// Line and column, both from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    FnValue,
    BinaryOperator,
    UnaryOperator,
    MatchArm,
    MatchArmGuard,
    StructField,
}

/// All mutants of the project in `root`.
pub fn read(root: &Path) -> Result<Vec<Mutant>> {
    let mut command = Command::new("cargo");
    command.args(["mutants", "--list", "--json"]).current_dir(root);
    let output = command.output().map_err(|error| format!("cargo mutants: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo mutants --list failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let json: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("the list of mutants: {error}"))?;
    json.as_array().ok_or("the list of mutants is no list")?.iter().map(mutant).collect()
}

fn mutant(json: &Value) -> Result<Mutant> {
    let text =
        |key: &str| json[key].as_str().map(str::to_owned).ok_or_else(|| format!("a mutant without {key}: {json}"));
    Ok(Mutant {
        file: text("file")?,
        name: text("name")?,
        kind: kind(&text("genre")?)?,
        start: place(&json["span"]["start"])?,
        replacement: text("replacement")?,
    })
}

fn place(json: &Value) -> Result<Place> {
    let number = |key: &str| json[key].as_u64().map(|value| value as usize).ok_or_else(|| format!("no place: {json}"));
    Ok(Place { line: number("line")?, column: number("column")? })
}

fn kind(genre: &str) -> Result<Kind> {
    Ok(match genre {
        "FnValue" => Kind::FnValue,
        "BinaryOperator" => Kind::BinaryOperator,
        "UnaryOperator" => Kind::UnaryOperator,
        "MatchArm" => Kind::MatchArm,
        "MatchArmGuard" => Kind::MatchArmGuard,
        "StructField" => Kind::StructField,
        other => return Err(format!("cargo mutants knows a kind of change that this does not: {other}")),
    })
}
