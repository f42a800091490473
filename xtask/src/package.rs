//! What crates.io would get: the packed file, unpacked and tested by itself.

use std::path::Path;

use crate::Result;
use crate::shell::Shell;
use crate::steps::HOST_FEATURES;

/// What its tests need besides.
const BROKER: &str = "pure-mqtt-test-broker";
/// Where it is unpacked; the workspace leaves this folder alone.
const FOLDER: &str = "target/packed";
/// As seen from the unpacked package: so that what is compiled already isn't compiled again.
const TARGET: &str = "CARGO_TARGET_DIR=../..";

/// The package's own tests build without the rest of the repository, and those pass that look at more than the engine: the others passed in a step before.
pub fn test(shell: &Shell) -> Result {
    let package = unpack(shell)?;
    for what in ["--no-run", "--lib --test statements --test wire", "--doc"] {
        package.run(&format!("{TARGET} cargo test --features {HOST_FEATURES} {what}"))?;
    }
    Ok(())
}

/// It builds with the oldest version of each crate that its manifest allows.
pub fn minimal_versions(shell: &Shell) -> Result {
    let package = unpack(shell)?;
    package.run("RUSTC_BOOTSTRAP=1 cargo update -Z direct-minimal-versions")?; // the stable toolchain needs to be told that it may
    package.run(&format!("{TARGET} cargo check --all-targets --features {HOST_FEATURES}"))?;
    package.run(&format!("{TARGET} cargo check --all-features"))
}

/// Packs what is there now, and gives a shell inside.
fn unpack(shell: &Shell) -> Result<Shell> {
    shell.run(&format!("cargo package --quiet --no-verify --allow-dirty --package pure-mqtt --package {BROKER}"))?;
    let version = version(shell.folder())?; // both have the same: see the test
    let name = format!("pure-mqtt-{version}");
    let folder = shell.folder().join(FOLDER);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| format!("{FOLDER}: {error}."))?;
    }
    std::fs::create_dir_all(&folder).map_err(|error| format!("{FOLDER}: {error}."))?;
    extract(shell, &name, FOLDER)?;
    take_broker(shell, &format!("{BROKER}-{version}"))?;
    shell.inside(&format!("{FOLDER}/{name}")).ok_or_else(|| format!("{name}.crate holds no Cargo.toml."))
}

/// Its tests get the broker as it is packed here, and not what was published last.
fn take_broker(shell: &Shell, name: &str) -> Result {
    extract(shell, name, FOLDER)?;
    let folder = shell.folder().join(FOLDER).join(".cargo");
    let patch = format!("[patch.crates-io]\n{BROKER} = {{ path = \"{name}\" }}\n");
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join("config.toml"), patch))
        .map_err(|error| format!("{FOLDER}: {error}."))
}

/// Unpacks `NAME-VERSION.crate`. Not with the times in the archive, which are always the same: cargo would take what it built before for what this is.
pub fn extract(shell: &Shell, name: &str, folder: &str) -> Result {
    shell.run(&format!("tar -xmzf target/package/{name}.crate -C {folder}"))
}

/// The version of the package in this folder.
pub fn version(folder: &Path) -> Result<String> {
    let manifest =
        std::fs::read_to_string(folder.join("Cargo.toml")).map_err(|error| format!("Cargo.toml: {error}."))?;
    let line = manifest.lines().find_map(|line| line.strip_prefix("version = "));
    line.map(|version| version.trim_matches('"').to_owned()).ok_or_else(|| "Cargo.toml names no version.".into())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_broker_has_the_engines_version() {
        let root = crate::root();
        assert_eq!(super::version(&root.join("tools/test-broker")), super::version(&root));
    }

    #[test]
    fn the_version_is_found() {
        let version = super::version(&crate::root()).expect("the root has a manifest");
        assert!(version.split('.').count() == 3 && !version.contains('"'), "{version}");
    }

    /// A trace names the engine that made it by the version of the recorder.
    #[test]
    fn the_recorder_has_the_engines_version_and_demands_it() {
        let root = crate::root();
        let version = super::version(&root).expect("the root has a manifest");
        assert_eq!(super::version(&root.join("trace")), Ok(version.clone()));
        let manifest = std::fs::read_to_string(root.join("trace/Cargo.toml")).expect("the recorder has a manifest");
        let demands = manifest.lines().filter(|line| line.starts_with("pure-mqtt = "));
        let exact = demands.clone().filter(|line| line.contains(&format!("version = \"={version}\"")));
        assert_eq!((demands.count(), exact.count()), (2, 2));
    }
}
