//! `release`: the crates as crates.io would get them, packed, looked into, and used by new projects that know nothing else.

mod contents;
mod crates;
mod pack;
mod process;
mod projects;
mod runs;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::Result;
use crate::shell::Shell;

/// Where the projects are: outside of the repository, since nothing there may reach into it, and the same for each run in one checkout, so that cargo finds again what it has built.
fn folder(shell: &Shell) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    shell.folder().hash(&mut hasher);
    std::env::temp_dir().join(format!("pure-mqtt-release-{:016x}", hasher.finish()))
}

/// Packs all crates, checks what is in them, and lets a new project for each one run the first programs of its page.
pub fn check(shell: &Shell) -> Result {
    let folder = folder(shell);
    let _ = std::fs::remove_dir_all(&folder); // of a run that was stopped
    let outcome = check_in(shell, &folder);
    let _ = std::fs::remove_dir_all(&folder);
    outcome
}

fn check_in(shell: &Shell, folder: &Path) -> Result {
    let packed = pack::pack(shell, &folder.join("packed"))?;
    let broker = runs::Broker::start();
    for project in &projects::PROJECTS {
        println!("\n{}: a new project with the programs of {}", project.of, project.page);
        let built = projects::build(shell, project, folder, &packed, &broker)?;
        (project.run)(&built, &broker)?;
    }
    println!("\nAll {} crates can be published, and used.", projects::PROJECTS.len());
    Ok(())
}
