//! What a packed crate must hold.

use std::path::Path;

use toml::{Table, Value};

use super::crates::Published;
use crate::files::read;
use crate::{Result, root};

/// Files that are the same in each crate as in the root.
const SAME: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// What each manifest says about its package.
const SAID: [&str; 6] = ["description", "license", "readme", "keywords", "categories", "rust-version"];

/// The longest description that fits into lists.
const LONGEST_DESCRIPTION: usize = 160;

/// Checks the unpacked crate in `folder`.
pub fn check(published: &Published, folder: &Path) -> Result {
    let name = published.name;
    for file in SAME {
        if read(&folder.join(file))? != read(&root().join(file))? {
            return Err(format!("{name}: {file} is not the root's."));
        }
    }
    let manifest = read(&folder.join("Cargo.toml"))?;
    let manifest: Table = manifest.parse().map_err(|error| format!("{name}: Cargo.toml: {error}"))?;
    let package = manifest.get("package").and_then(Value::as_table).ok_or_else(|| format!("{name} is no package."))?;
    check_package(name, package)?;
    let readme = package.get("readme").and_then(Value::as_str).unwrap_or_default();
    let readme = read(&folder.join(readme))?;
    if readme.starts_with("# ") { Ok(()) } else { Err(format!("{name}: the README has no title.")) }
}

fn check_package(name: &str, package: &Table) -> Result {
    if let Some(key) = SAID.into_iter().find(|key| !package.contains_key(*key)) {
        return Err(format!("{name}: the manifest says nothing about `{key}`."));
    }
    let description = package.get("description").and_then(Value::as_str).unwrap_or_default();
    if description.len() > LONGEST_DESCRIPTION {
        return Err(format!("{name}: the description has {} bytes; {LONGEST_DESCRIPTION} fit.", description.len()));
    }
    let has_library = package.contains_key("documentation");
    let docs = package.get("metadata").and_then(|metadata| metadata.get("docs")?.get("rs"));
    if has_library && docs.is_none() {
        return Err(format!("{name}: nothing says with which features docs.rs builds the documentation."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::crates::PUBLISHED;
    use super::*;

    /// The folders themselves pass, so packing fails only if it leaves something out.
    #[test]
    fn every_folder_holds_what_its_package_must() {
        for published in &PUBLISHED {
            check(published, &root().join(published.folder)).expect("it is complete");
        }
    }

    #[test]
    fn a_package_without_a_licence_is_refused() {
        let package: Table = "description = \"x\"\nreadme = \"README.md\"\n".parse().expect("it is TOML");
        let message = check_package("x", &package).expect_err("it is not complete");
        assert!(message.contains("`license`"), "{message}");
    }
}
