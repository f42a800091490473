//! Blocks of TOML, JSON and Python.

use serde_json::Value as Json;
use toml::{Table, Value};

use super::known::{Known, Package};
use crate::Result;

/// The tables that name dependencies.
const DEPENDENCIES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// The block is TOML, and what it depends on of this project exists.
pub fn check_toml(text: &str, known: &Known) -> Result {
    let table: Table =
        text.parse().map_err(|error: toml::de::Error| format!("this is no TOML: {}", error.message()))?;
    let tables = DEPENDENCIES.iter().filter_map(|name| table.get(*name).and_then(Value::as_table));
    for (name, value) in tables.flatten().filter(|(name, _)| name.starts_with("pure-mqtt")) {
        let package = known.package(name).ok_or_else(|| format!("there is no package {name}."))?;
        check_dependency(package, value)?;
    }
    Ok(())
}

fn check_dependency(package: &Package, value: &Value) -> Result {
    let version = value.as_str().or_else(|| value.get("version")?.as_str());
    let name = &package.name;
    if !version.is_some_and(|version| takes(version, &package.version)) {
        return Err(format!("{name} has the version {}, not {version:?}.", package.version));
    }
    let features = value.get("features").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for feature in features {
        if !package.features.contains_key(feature) {
            return Err(format!("{name} has no feature {feature}."));
        }
    }
    Ok(())
}

/// Whether a requirement, such as `0.1`, takes this version.
fn takes(requirement: &str, version: &str) -> bool {
    let requirement = requirement.trim_start_matches('=');
    version == requirement || version.starts_with(&format!("{requirement}."))
}

/// Whether Python can parse the program; where there is no Python, nobody knows.
pub fn check_python(program: &str) -> Result {
    let parse = ["-c", "import ast, sys; ast.parse(sys.argv[1])", program];
    match std::process::Command::new("python3").args(parse).output() {
        Ok(output) if !output.status.success() => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        _ => Ok(()),
    }
}

/// The block is JSON.
pub fn check_json(text: &str) -> Result {
    serde_json::from_str::<Json>(text).map(|_| ()).map_err(|error| format!("this is no JSON: {error}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirement_takes_the_versions_that_begin_with_it() {
        assert!(takes("0.1", "0.1.0") && takes("0.1.0", "0.1.0") && takes("=0.1.0", "0.1.0"));
        assert!(!takes("0.1", "0.10.0") && !takes("0.2", "0.1.0"));
    }
}
