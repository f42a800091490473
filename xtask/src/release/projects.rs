//! A new project for each crate: the dependencies and programs of the crate's page, as they stand.

use std::path::{Path, PathBuf};

use super::pack::Packed;
use super::runs::{self, Broker};
use crate::files::{self, create};
use crate::pages::source::{self, Block, blocks};
use crate::shell::Shell;
use crate::{Result, root};

/// What is built for all projects, so that their dependencies are built once.
const BUILD: &str = "target/release-check";

/// A project.
pub struct Project {
    /// The crate that it is made for.
    pub of: &'static str,
    /// Where the programs stand.
    pub page: &'static str,
    /// How many there are; the first ones of the page.
    programs: usize,
    /// The rest of the program, if the page shows functions without a `main`.
    rest: &'static str,
    /// Dependencies of that rest.
    extra: &'static str,
    /// Starts what was built.
    pub run: fn(&Built, &Broker) -> Result,
}

/// Where the programs of a project are.
pub struct Built {
    name: &'static str,
    folder: PathBuf,
}

impl Built {
    /// The `number`th program of the page, from 1.
    pub fn program(&self, number: usize) -> PathBuf {
        self.named(&format!("{}-{number}", self.name))
    }

    /// A program by its name.
    pub fn named(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }
}

const fn project(of: &'static str, page: &'static str, programs: usize, run: fn(&Built, &Broker) -> Result) -> Project {
    Project { of, page, programs, rest: "", extra: "", run }
}

/// All projects, in the order in which the crates are published.
pub const PROJECTS: [Project; 9] = [
    project("pure-mqtt-test-broker", "tools/test-broker/README.md", 1, runs::each),
    project("pure-mqtt", "README.md", 1, runs::each),
    project("pure-mqtt-trace", "trace/README.md", 2, runs::each),
    Project {
        rest: include_str!("../../programs/net.rs"),
        ..project("pure-mqtt-net", "clients/net/README.md", 1, runs::net)
    },
    project("pure-mqtt-agent", "clients/agent/src/lib.rs", 1, runs::agent),
    project("pure-mqtt-client", "clients/threads/README.md", 3, runs::threads),
    project("pure-mqtt-tokio", "clients/tokio/README.md", 3, runs::tokio),
    Project {
        rest: include_str!("../../programs/embassy.rs"),
        extra: "critical-section = { version = \"1\", features = [\"std\"] }\n\
                embassy-time = { version = \"0.5\", features = [\"generic-queue-8\", \"std\"] }\n\
                embedded-io-adapters = { version = \"0.7\", features = [\"tokio-1\"] }\n\
                tokio = { version = \"1\", features = [\"macros\", \"net\", \"rt\"] }\n",
        ..project("pure-mqtt-embassy", "clients/embassy/README.md", 1, runs::embassy)
    },
    project("pure-mqtt-cli", "tools/mqtt/README.md", 0, runs::command_line),
];

/// Writes the project and builds its programs.
pub fn build(shell: &Shell, project: &Project, folder: &Path, packed: &Packed, broker: &Broker) -> Result<Built> {
    let target = root().join(BUILD);
    let built = Built { name: project.of, folder: target.join("debug") };
    let folder = match project.programs {
        0 => install(project, packed)?,
        _ => write(project, &folder.join(project.of), packed, broker)?,
    };
    let shell = shell.inside(&folder.display().to_string()).ok_or("the project is gone.")?;
    shell.run(&format!(
        "CARGO_TARGET_DIR={} CARGO_PROFILE_DEV_DEBUG=none cargo build --quiet --bins",
        target.display()
    ))?;
    Ok(built)
}

/// A crate that is a program is built as `cargo install` would, from its own folder.
fn install(project: &Project, packed: &Packed) -> Result<PathBuf> {
    let folder = packed.path(project.of);
    let configuration = folder.join(".cargo");
    create(&configuration)?;
    files::write(&configuration.join("config.toml"), &packed.patch(project.of, true)?)?;
    Ok(folder)
}

/// The dependencies are those that the page names, or what `cargo add` would write; only where they come from is said beside it.
fn write(project: &Project, folder: &Path, packed: &Packed, broker: &Broker) -> Result<PathBuf> {
    let page = source::page(Path::new(project.page))?;
    let blocks = blocks(&page.text);
    let named = blocks.iter().find(|block| block.info == "toml").map(|block| block.code.clone());
    let added = || format!("[dependencies]\n{} = \"{}\"\n", project.of, packed.version);
    let dependencies = named.unwrap_or_else(added) + project.extra;
    let manifest = format!(
        "[package]\nname = \"new\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n{dependencies}\n{}\n[workspace]\n",
        packed.patch(project.of, false)?
    );
    let programs: Vec<_> = blocks.iter().filter(|block| block.is_compiled()).take(project.programs).collect();
    if programs.len() != project.programs {
        return Err(format!("{} has {} programs, not {}.", project.page, programs.len(), project.programs));
    }
    let bin = folder.join("src/bin");
    create(&bin)?;
    files::write(&folder.join("Cargo.toml"), &manifest)?;
    for (index, block) in programs.into_iter().enumerate() {
        files::write(&bin.join(format!("{}-{}.rs", project.of, index + 1)), &text(project, block, broker))?;
    }
    Ok(folder.to_owned())
}

/// The program as the page shows it, but for the servers of the page.
fn text(project: &Project, block: &Block, broker: &Broker) -> String {
    let address = broker.address();
    let code = block.shown().replace("\"broker.example:1883\"", &format!("{address:?}"));
    code.replace("(\"localhost\", 1883)", &format!("(\"localhost\", {})", broker.port())) + project.rest
}

#[cfg(test)]
mod tests {
    use super::super::crates::PUBLISHED;
    use super::*;

    #[test]
    fn every_published_crate_has_a_project() {
        assert_eq!(PROJECTS.map(|project| project.of), PUBLISHED.map(|published| published.name));
    }

    /// The programs that the crate needs no `rest` for have a `main`, and the others have none.
    #[test]
    fn every_program_has_one_main() {
        for project in PROJECTS.iter().filter(|project| project.programs > 0) {
            let page = source::page(Path::new(project.page)).expect("the page is there");
            let programs: Vec<_> = blocks(&page.text).into_iter().filter(Block::is_compiled).collect();
            for block in programs.iter().take(project.programs) {
                assert_eq!((block.shown() + project.rest).matches("fn main()").count(), 1, "{}", project.page);
            }
        }
    }
}
