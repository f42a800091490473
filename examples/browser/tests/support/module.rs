//! The engine as the page loads it.

use std::path::PathBuf;
use std::process::Command;

/// Builds it: the bytes of `browser.wasm`.
pub fn build() -> Vec<u8> {
    const TARGET: &str = "wasm32-unknown-unknown";
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("target/module");
    let status = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--release",
            "--lib",
            "--target",
            TARGET,
            "--target-dir",
        ])
        .arg(&folder)
        .current_dir(&root)
        .status();
    assert!(
        status.expect("cargo starts").success(),
        "is the target there? `rustup target add {TARGET}` fetches it"
    );
    std::fs::read(folder.join(TARGET).join("release/browser.wasm")).expect("it was built")
}
