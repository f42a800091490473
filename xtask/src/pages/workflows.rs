//! The workflows of CI: their YAML, and each line that they run.

use std::path::Path;

use yaml_rust2::{Yaml, YamlLoader};

use super::known::Known;
use super::{Report, commands, source};
use crate::files::read;
use crate::{Result, root};

/// Checks each workflow, and the script that they and people run.
pub fn check(known: &Known, report: &mut Report) -> Result {
    for file in source::files(Path::new(".github/workflows"))? {
        let text = read(&root().join(&file))?;
        match YamlLoader::load_from_str(&text) {
            Err(error) => report.add(file.display().to_string(), Err(format!("this is no YAML: {error}."))),
            Ok(documents) => documents.iter().for_each(|workflow| check_runs(&file, workflow, known, report)),
        }
    }
    Ok(())
}

fn check_runs(file: &Path, workflow: &Yaml, known: &Known, report: &mut Report) {
    let mut runs = Vec::new();
    collect(workflow, &mut runs);
    for run in runs {
        let script = expand(run, &workflow["env"]);
        report.add(format!("{}: {run}", file.display()), commands::check_script(&script, Path::new(""), known));
    }
}

/// The values of all keys `run`.
fn collect<'y>(yaml: &'y Yaml, runs: &mut Vec<&'y str>) {
    match yaml {
        Yaml::Hash(hash) => {
            for (key, value) in hash {
                match (key.as_str(), value.as_str()) {
                    (Some("run"), Some(run)) => runs.push(run),
                    _ => collect(value, runs),
                }
            }
        }
        Yaml::Array(values) => values.iter().for_each(|value| collect(value, runs)),
        _ => {}
    }
}

/// Puts the workflow's variables in their places.
fn expand(run: &str, variables: &Yaml) -> String {
    let mut script = run.to_owned();
    for (name, value) in variables.as_hash().into_iter().flatten() {
        if let (Some(name), Some(value)) = (name.as_str(), value.as_str()) {
            script = script.replace(&format!("${{{{ env.{name} }}}}"), value);
        }
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_and_expanded() {
        let text = "env:\n  A: -p x\njobs:\n  j:\n    steps:\n      - uses: y\n      - run: cargo test ${{ env.A }}\n";
        let documents = YamlLoader::load_from_str(text).expect("it is YAML");
        let mut runs = Vec::new();
        collect(&documents[0], &mut runs);
        assert_eq!(runs, ["cargo test ${{ env.A }}"]);
        assert_eq!(expand(runs[0], &documents[0]["env"]), "cargo test -p x");
    }
}
