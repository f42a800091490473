//! `cargo xtask deny`: what the crates may be built with, by cargo-deny and the two tables `deny.toml` and `deny-sans-io.toml`.

use crate::Result;
use crate::shell::Shell;

/// The folders of the crates without I/O: no runtime, no TLS library, no sockets, each dependency once.
const SANS_IO: [&str; 4] = [".", "clients/agent", "clients/embassy", "trace"];

const WHOLE: &str = "cargo deny --workspace check licenses bans sources";

/// Checks the whole workspace, then each crate without I/O by itself.
pub fn check(shell: &Shell) -> Result {
    if !shell.succeeds("cargo deny --version") {
        shell.run("cargo install cargo-deny --locked")?;
    }
    shell.run(WHOLE)?;
    SANS_IO.iter().try_for_each(|folder| shell.run(&strict(folder)))?;
    println!(
        "Known vulnerabilities are checked by `cargo deny --workspace check advisories`, which fetches their database."
    );
    Ok(())
}

/// Exceptions that only some of the crates need are not worth a warning for the others.
fn strict(folder: &str) -> String {
    format!(
        "cargo deny --manifest-path {folder}/Cargo.toml --exclude-dev --config deny-sans-io.toml check \
         --allow license-not-encountered --allow unmatched-skip licenses bans sources"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_without_io_is_there() {
        for folder in SANS_IO {
            assert!(crate::root().join(folder).join("Cargo.toml").is_file(), "{folder}");
        }
    }
}
