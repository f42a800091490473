//! `cargo`: packages, features, programs, examples, tests and manifests exist, and cargo knows the options.

use std::path::{Path, PathBuf};

use super::line::{Line, check_filter, check_options};
use super::{is_placeholder, xtask};
use crate::pages::known::{Known, Package, Target, Workspace};
use crate::{Result, root};

/// What tests understand behind `--`.
const HARNESS: [&str; 7] =
    ["--exact", "--ignored", "--include-ignored", "--list", "--nocapture", "--skip", "--test-threads"];

/// Subcommands of cargo that name what is here.
const CARGOS: [&str; 12] =
    ["add", "bench", "build", "check", "clippy", "doc", "fmt", "install", "package", "publish", "run", "test"];

/// Programs that read packages, features and targets as cargo does, beside options of their own.
const OTHERS: [&str; 8] = ["deny", "fuzz", "hack", "llvm-cov", "miri", "mutants", "public-api", "semver-checks"];

/// The words behind `cargo`. It is good if it is in one of the folders.
pub fn check(words: &[String], folders: &[PathBuf], known: &Known) -> Result {
    let words = if words.first().is_some_and(|word| word.starts_with('+')) { words.get(1..) } else { Some(words) };
    let Some((command, rest)) = words.and_then(<[String]>::split_first) else { return Ok(()) };
    if command == "xtask" {
        return xtask::check(rest, known);
    }
    let is_cargos = CARGOS.contains(&command.as_str());
    if !is_cargos && !OTHERS.contains(&command.as_str()) {
        return Err(format!("`cargo {command}` is not known here."));
    }
    let line = Line::parse(rest, is_cargos)?;
    let outcomes = folders.iter().map(|folder| Named { command, line: &line, known }.check_in(folder));
    outcomes.reduce(|first, other| if other.is_ok() { other } else { first }).unwrap_or(Ok(()))
}

/// What a line names.
struct Named<'a> {
    command: &'a str,
    line: &'a Line,
    known: &'a Known,
}

impl Named<'_> {
    fn check_in(&self, folder: &Path) -> Result {
        let folder = match &self.line.manifest {
            Some(manifest) => manifest_folder(folder, manifest)?,
            None => folder.to_owned(),
        };
        if matches!(self.command, "install" | "add") {
            return self.check_installed(&folder);
        }
        let workspace = self.known.workspace_of(&folder).ok_or("there is no workspace here.")?;
        let packages = self.packages(workspace, &folder)?;
        self.line.features.iter().try_for_each(|feature| check_feature(feature, workspace, &packages))?;
        self.line.targets.iter().try_for_each(|(kind, name)| self.check_target(kind, name, &packages))?;
        match self.command {
            "run" => self.check_run(&packages),
            "test" => self.check_test(&packages),
            "bench" => check_options(&self.line.rest, &folder, self.known),
            "fuzz" => self.check_fuzz(),
            _ => Ok(()),
        }
    }

    /// What is installed or added is a folder, or a package of this project, or somebody else's.
    fn check_installed(&self, folder: &Path) -> Result {
        if let Some(path) = &self.line.path {
            let manifest = root().join(folder).join(path).join("Cargo.toml");
            return if manifest.is_file() { Ok(()) } else { Err(format!("there is no package in {path}.")) };
        }
        let ours = self.line.words.iter().filter(|word| word.starts_with("pure-mqtt"));
        ours.into_iter().try_for_each(|name| match self.known.package(name) {
            Some(_) => Ok(()),
            None => Err(format!("there is no package {name}.")),
        })
    }

    fn packages<'w>(&self, workspace: &'w Workspace, folder: &Path) -> Result<Vec<&'w Package>> {
        let names: Vec<_> = self.line.packages.iter().filter(|name| !is_placeholder(name)).collect();
        if self.line.is_whole {
            return Ok(workspace.packages.iter().collect());
        }
        if names.is_empty() {
            return Ok(workspace.members_at(folder));
        }
        let find = |name: &&String| workspace.package(name).ok_or_else(|| format!("there is no package {name}."));
        names.iter().map(find).collect()
    }

    fn check_target(&self, kind: &str, name: &str, packages: &[&Package]) -> Result {
        let found = packages.iter().find_map(|package| Some((package, package.target(kind, name)?)));
        let Some((package, target)) = found else { return Err(format!("there is no {kind} {name}.")) };
        let enabled = package.enabled(&self.line.features, !self.line.has_no_default);
        let mut required = target.required.iter().filter(|_| !self.line.has_all_features);
        match required.find(|feature| !enabled.contains(*feature)) {
            Some(feature) => Err(format!("the {kind} {name} needs the feature {feature}.")),
            None => Ok(()),
        }
    }

    /// One program is meant, and it has the options behind `--`.
    fn check_run(&self, packages: &[&Package]) -> Result {
        let programs = |package: &&Package| package.targets.iter().filter(|target| target.kind == "bin").count();
        let default = packages.iter().any(|package| package.default_run.is_some());
        if self.line.targets.is_empty() && !default && packages.iter().map(programs).sum::<usize>() != 1 {
            return Err("which program?".into());
        }
        packages.iter().try_for_each(|package| check_options(&self.line.rest, &package.folder, self.known))
    }

    fn check_test(&self, packages: &[&Package]) -> Result {
        let options = self.line.rest.iter().filter(|word| word.starts_with("--"));
        if let Some(option) = options.into_iter().find(|option| !HARNESS.contains(&option.as_str())) {
            return Err(format!("tests have no option {option}."));
        }
        let filters = self.line.words.iter().chain(self.line.rest.iter().filter(|word| !word.starts_with('-')));
        for filter in filters.filter(|word| word.parse::<u64>().is_err()) {
            packages.iter().try_for_each(|package| check_filter(filter, &package.folder, self.known))?;
        }
        Ok(())
    }

    /// `cargo fuzz COMMAND TARGET …`
    fn check_fuzz(&self) -> Result {
        let fuzz = self.known.workspace_of(Path::new("fuzz")).ok_or("there is no fuzz.")?;
        match self.line.words.get(1) {
            Some(name)
                if !is_placeholder(name)
                    && !fuzz.packages.iter().any(|package| package.target("bin", name).is_some()) =>
            {
                Err(format!("there is no fuzz target {name}."))
            }
            _ => Ok(()),
        }
    }
}

impl Package {
    fn target(&self, kind: &str, name: &str) -> Option<&Target> {
        self.targets.iter().find(|target| target.kind == kind && target.name == name)
    }
}

fn manifest_folder(folder: &Path, manifest: &str) -> Result<PathBuf> {
    let manifest = folder.join(manifest);
    match root().join(&manifest).is_file() {
        true => Ok(manifest.parent().unwrap_or(&manifest).to_owned()),
        false => Err(format!("there is no {}.", manifest.display())),
    }
}

fn check_feature(feature: &str, workspace: &Workspace, packages: &[&Package]) -> Result {
    let is_there = match feature.split_once('/') {
        Some((package, feature)) => {
            workspace.package(package).is_some_and(|package| package.features.contains_key(feature))
        }
        None => packages.iter().any(|package| package.features.contains_key(feature)),
    };
    if is_there { Ok(()) } else { Err(format!("there is no feature {feature}.")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::Shell;

    fn checked(line: &str, known: &Known) -> Result {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        check(&words, &[PathBuf::new()], known)
    }

    #[test]
    fn lines_are_held_against_what_exists() {
        let known = Known::load(&Shell::new(root())).expect("cargo knows the workspaces");
        for line in [
            "xtask test --only pages",
            "test",
            "+nightly test --lib -- --nocapture",
            "test -p pure-mqtt-net --test it",
            "run --example quickstart -- --broker localhost",
            "run --features journal --example journal -- --seed 1",
            "run --manifest-path tests/gateway/Cargo.toml --features rumqttc -- --client rumqttc",
            "publish -p CRATE --dry-run",
            "install --path tools/mqtt",
            "install cargo-deny --locked",
            "check --features pure-mqtt-tokio/srv",
            "mutants --re x",
        ] {
            assert_eq!(checked(line, &known), Ok(()), "{line}");
        }
        for (line, error) in [
            ("xtask tset", "tset"),
            ("xtask test --only page", "no step `page`"),
            ("xtask brokers --plya x", "no option --plya"),
            ("tset", "`cargo tset`"),
            ("test -p pure-mqtt-nat", "no package pure-mqtt-nat"),
            ("test -p pure-mqtt-net --test mosquito", "no test mosquito"),
            ("test --lib no_such_thing", "no test no_such_thing"),
            ("test -- --no-capture", "no option --no-capture"),
            ("run", "which program?"),
            ("run --example journal", "needs the feature journal"),
            ("run --example quickstart -- --borker x", "no option --borker"),
            ("run --manifest-path tests/gatewya/Cargo.toml", "there is no tests/gatewya"),
            ("build --features jurnal", "no feature jurnal"),
            ("build --relaese", "--relaese"),
            ("add pure-mqtt-broker", "no package pure-mqtt-broker"),
            ("install --path tools/mqt", "no package in tools/mqt"),
            ("fuzz run pear", "no fuzz target pear"),
        ] {
            let message = checked(line, &known).expect_err(line);
            assert!(message.contains(error), "{line}: {message}");
        }
    }
}
