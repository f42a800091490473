//! The example for web pages, in a real browser where there is one.

use crate::shell::Shell;
use crate::{Result, setup};

/// Its tests; without a browser only those of its parts.
pub fn check(shell: &Shell) -> Result {
    let Some(example) = shell.inside("examples/browser") else {
        println!("nothing to do: there is no examples/browser/Cargo.toml.");
        return Ok(());
    };
    match setup::browser(shell) {
        Ok(()) => example.run("cargo test"),
        Err(reason) => {
            println!("the page in a browser is left out: {reason}");
            example.run("cargo test --lib")
        }
    }
}
