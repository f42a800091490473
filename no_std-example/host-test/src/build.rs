//! Builds firmwares.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

const TARGET: &str = "thumbv7m-none-eabi";

/// Builds the package `name` of the firmware workspace with `features`; gives the file to boot.
///
/// # Panics
/// If it doesn't build.
pub fn firmware(name: &str, features: &[&str]) -> PathBuf {
    /// Packages with other features are written to the same place.
    static ONE_BY_ONE: Mutex<()> = Mutex::new(());
    let _guard = ONE_BY_ONE.lock().unwrap();

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(&folder).args(["build", "--release", "--locked", "--target", TARGET, "--package", name]);
    command.args(["--features", &features.join(",")]);
    // What cargo has set for this test is not meant for another workspace.
    command.env_remove("CARGO_TARGET_DIR").env_remove("RUSTFLAGS");
    assert!(command.status().expect("cargo starts").success(), "{name} with {features:?} doesn't build");

    let built = folder.join("target").join(TARGET).join("release").join(name);
    let kept = built.with_file_name(format!("{name}-{}", features.join("-")));
    std::fs::copy(&built, &kept).expect("the firmware can be copied");
    kept
}
