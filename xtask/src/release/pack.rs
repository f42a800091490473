//! Packs all crates, and unpacks them where the new projects find them.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::contents;
use super::crates::PUBLISHED;
use crate::Result;
use crate::files::{create, read};
use crate::package::version;
use crate::shell::Shell;

/// The crates as they are packed, each in a folder of its own.
pub struct Packed {
    /// The folder of the folders.
    pub folder: PathBuf,
    /// The version of all.
    pub version: String,
}

/// Packs all crates, in the order in which they are published, and checks what each one holds. That they build is left to the projects that use them: cargo's own
/// check would build all dependencies anew for each crate.
pub fn pack(shell: &Shell, folder: &Path) -> Result<Packed> {
    let version = common_version(shell)?;
    let names = PUBLISHED.map(|published| format!("--package {}", published.name)).join(" ");
    shell.run(&format!("cargo package --quiet --no-verify --allow-dirty {names}"))?;
    create(folder)?;
    let packed = Packed { folder: folder.to_owned(), version };
    for published in &PUBLISHED {
        let name = format!("{}-{}", published.name, packed.version);
        crate::package::extract(shell, &name, &folder.display().to_string())?;
        contents::check(published, &packed.path(published.name))?;
    }
    Ok(packed)
}

/// The version that all crates have.
fn common_version(shell: &Shell) -> Result<String> {
    let all = version(shell.folder())?;
    for published in &PUBLISHED {
        let own = version(&shell.folder().join(published.folder))?;
        if own != all {
            return Err(format!(
                "{} has the version {own}, and the engine {all}: all are published together.",
                published.name
            ));
        }
    }
    Ok(all)
}

impl Packed {
    /// The folder of one crate.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}-{}", self.version))
    }

    /// The part of a manifest or of cargo's configuration that makes cargo take `name`, and the crates of this project that it needs, from here. With `for_tests`
    /// also those that its tests need.
    pub fn patch(&self, name: &str, for_tests: bool) -> Result<String> {
        let mut names = vec![name.to_owned()];
        let mut next = 0;
        while let Some(name) = names.get(next) {
            let needed = self.needed(name, for_tests && next == 0)?;
            names.extend(needed.into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>());
            next += 1;
        }
        let line = |name: &String| format!("{name} = {{ path = {:?} }}\n", self.path(name));
        Ok(format!("[patch.crates-io]\n{}", names.iter().map(line).collect::<String>()))
    }

    /// The crates of this project that the packed manifest of `name` names.
    fn needed(&self, name: &str, for_tests: bool) -> Result<Vec<String>> {
        let path = self.path(name).join("Cargo.toml");
        let text = read(&path)?;
        let manifest: Table = text.parse().map_err(|error| format!("{}: {error}", path.display()))?;
        let tables: &[_] = if for_tests { &["dependencies", "dev-dependencies"] } else { &["dependencies"] };
        let all = tables.iter().filter_map(|table| manifest.get(*table).and_then(Value::as_table));
        Ok(all.flat_map(Table::keys).filter(|name| name.starts_with("pure-mqtt")).cloned().collect())
    }
}
