//! What commands may name: the packages of all workspaces of the repository, as cargo sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::source;
use crate::shell::Shell;
use crate::{Result, root};

/// All workspaces.
pub struct Known {
    workspaces: Vec<Workspace>,
    /// Where the command-line client is once it is built.
    pub mqtt: PathBuf,
}

/// A workspace, or a package of its own.
pub struct Workspace {
    /// Its folder, as seen from the root.
    pub folder: PathBuf,
    /// Its members.
    pub packages: Vec<Package>,
}

/// A package.
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its folder, as seen from the root.
    pub folder: PathBuf,
    /// Its features, with those that each one turns on.
    pub features: BTreeMap<String, Vec<String>>,
    /// What can be built of it.
    pub targets: Vec<Target>,
    /// The program that `cargo run` runs.
    pub default_run: Option<String>,
}

/// A library, program, example, test or benchmark.
pub struct Target {
    /// `lib`, `bin`, `example`, `test`, `bench`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The features that it needs.
    pub required: Vec<String>,
}

impl Known {
    /// Asks cargo about each manifest that belongs to no workspace that is known already.
    pub fn load(shell: &Shell) -> Result<Self> {
        let mut known = Self { workspaces: Vec::new(), mqtt: PathBuf::new() };
        for file in source::files(Path::new(""))?.iter().filter(|file| file.ends_with("Cargo.toml")) {
            let folder = file.parent().unwrap_or(file);
            let mut packages = known.workspaces.iter().flat_map(|workspace| &workspace.packages);
            if packages.any(|package| package.folder == folder) {
                continue;
            }
            let line =
                format!("cargo metadata --quiet --no-deps --format-version 1 --manifest-path {}", file.display());
            let answer = shell.output(&line).ok_or_else(|| format!("`{line}` failed."))?;
            let answer: Value = serde_json::from_str(&answer).map_err(|error| format!("`{line}`: {error}."))?;
            if folder == Path::new("") {
                let program = format!("mqtt{}", std::env::consts::EXE_SUFFIX);
                known.mqtt = Path::new(&text(&answer["target_directory"])).join("debug").join(program);
            }
            known.workspaces.push(Workspace::new(&answer));
        }
        Ok(known)
    }

    /// The workspace that a folder belongs to.
    pub fn workspace_of(&self, folder: &Path) -> Option<&Workspace> {
        let above = self.workspaces.iter().filter(|workspace| folder.starts_with(&workspace.folder));
        above.max_by_key(|workspace| workspace.folder.components().count())
    }

    /// The folder of the package that a file belongs to.
    pub fn package_folder(&self, file: &Path) -> Option<&Path> {
        let packages = self.workspaces.iter().flat_map(|workspace| &workspace.packages);
        let above = packages.map(|package| package.folder.as_path()).filter(|folder| file.starts_with(folder));
        above.max_by_key(|folder| folder.components().count())
    }

    /// All workspaces.
    pub fn workspaces(&self) -> &[Workspace] {
        &self.workspaces
    }

    /// A package of the repository's main workspace.
    pub fn package(&self, name: &str) -> Option<&Package> {
        self.workspace_of(Path::new("")).and_then(|workspace| workspace.package(name))
    }
}

impl Workspace {
    fn new(answer: &Value) -> Self {
        let packages = answer["packages"].as_array().into_iter().flatten().map(Package::new).collect();
        Self { folder: inside(Path::new(&text(&answer["workspace_root"]))), packages }
    }

    /// The member of this name.
    pub fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }

    /// The members that cargo takes in `folder` if none is named: the one there, or all.
    pub fn members_at(&self, folder: &Path) -> Vec<&Package> {
        let here = self.packages.iter().filter(|package| folder.starts_with(&package.folder));
        match here.max_by_key(|package| package.folder.components().count()) {
            Some(package) => vec![package],
            None => self.packages.iter().collect(),
        }
    }
}

impl Package {
    fn new(answer: &Value) -> Self {
        let manifest = PathBuf::from(text(&answer["manifest_path"]));
        let folder = manifest.parent().unwrap_or(&manifest);
        Self {
            name: text(&answer["name"]),
            version: text(&answer["version"]),
            folder: inside(folder),
            features: answer["features"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, on)| (name.clone(), texts(on)))
                .collect(),
            targets: answer["targets"].as_array().into_iter().flatten().map(Target::new).collect(),
            default_run: answer["default_run"].as_str().map(str::to_owned),
        }
    }
}

impl Package {
    /// The features that are on if these are given.
    pub fn enabled(&self, given: &[String], has_default: bool) -> BTreeSet<String> {
        let mut enabled = BTreeSet::new();
        let mut rest: Vec<_> =
            given.iter().map(|name| name.strip_prefix(&format!("{}/", self.name)).unwrap_or(name)).collect();
        rest.extend(has_default.then_some("default"));
        while let Some(name) = rest.pop() {
            if let Some(on) = self.features.get(name).filter(|_| enabled.insert(name.to_owned())) {
                rest.extend(on.iter().map(String::as_str));
            }
        }
        enabled
    }
}

impl Target {
    fn new(answer: &Value) -> Self {
        let required = texts(&answer["required-features"]);
        Self { kind: text(&answer["kind"][0]), name: text(&answer["name"]), required }
    }
}

/// A folder as seen from the root.
fn inside(folder: &Path) -> PathBuf {
    folder.strip_prefix(root()).unwrap_or(folder).to_owned()
}

fn texts(values: &Value) -> Vec<String> {
    values.as_array().into_iter().flatten().map(text).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
