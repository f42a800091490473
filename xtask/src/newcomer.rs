//! `newcomer`: a project made from the packed crates, with the programs of a README as they stand. They compile, and do what the README says, with a real mosquitto.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::package::{extract, version};
use crate::shell::Shell;
use crate::{Result, root};

#[path = "../../tests/mosquitto/server.rs"]
#[allow(dead_code, missing_docs, clippy::unwrap_used, clippy::panic, reason = "it is part of the tests")]
mod server;

/// Where the project is written.
const FOLDER: &str = "target/newcomer";
/// What is built for it is kept beside it.
const BUILD: &str = "newcomer-build";
const README: &str = "clients/tokio/README.md";
/// The packages that it gets, packed.
const PACKAGES: [&str; 5] =
    ["pure-mqtt-test-broker", "pure-mqtt", "pure-mqtt-agent", "pure-mqtt-net", "pure-mqtt-tokio"];
/// The programs of the README, in their order.
const PROGRAMS: [&str; 3] = ["publisher", "subscriber", "request"];

/// Packs, writes the project, builds it, and runs the programs.
pub fn check(shell: &Shell) -> Result {
    let folder = root().join(FOLDER);
    let _ = std::fs::remove_dir_all(&folder);
    let version = version(&root())?; // all have the same: see the test
    pack(shell, &version)?;
    write_project(&folder, &version)?;
    let project = shell.inside(FOLDER).ok_or("the newcomer's project is gone.")?;
    project.run(&format!("CARGO_TARGET_DIR=../{BUILD} cargo build --quiet --bins"))?;
    run(&root().join("target").join(BUILD).join("debug"))
}

fn pack(shell: &Shell, version: &str) -> Result {
    let packages = PACKAGES.map(|name| format!("--package {name}")).join(" ");
    shell.run(&format!("cargo package --quiet --no-verify --allow-dirty {packages}"))?;
    let packed = root().join(FOLDER).join("packed");
    std::fs::create_dir_all(&packed).map_err(|error| format!("{FOLDER}: {error}."))?;
    PACKAGES.iter().try_for_each(|name| extract(shell, &format!("{name}-{version}"), &format!("{FOLDER}/packed")))
}

/// The dependencies are those that the README names; only where they come from is said beside it.
fn write_project(folder: &Path, version: &str) -> Result {
    let readme = std::fs::read_to_string(root().join(README)).map_err(|error| format!("{README}: {error}."))?;
    let dependencies = fenced(&readme, "```toml").next().ok_or("the README names no dependencies.")?;
    let patches = PACKAGES.map(|name| format!("{name} = {{ path = \"packed/{name}-{version}\" }}\n")).concat();
    let manifest = format!(
        "[package]\nname = \"newcomer\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n{dependencies}\n[patch.crates-io]\n{patches}\n[workspace]\n"
    );
    let programs: Vec<_> = fenced(&readme, "```rust").collect();
    if programs.len() != PROGRAMS.len() {
        return Err(format!("{README} has {} programs.", programs.len()));
    }
    let bin = folder.join("src/bin");
    let write = |path: &Path, text: &str| std::fs::write(path, text).map_err(|error| format!("{FOLDER}: {error}."));
    std::fs::create_dir_all(&bin).map_err(|error| format!("{FOLDER}: {error}."))?;
    write(&folder.join("Cargo.toml"), &manifest)?;
    PROGRAMS.iter().zip(programs).try_for_each(|(name, text)| write(&bin.join(format!("{name}.rs")), text))
}

/// The blocks that begin with this fence, whatever follows it on its line.
fn fenced<'t>(text: &'t str, fence: &'static str) -> impl Iterator<Item = &'t str> {
    text.split(fence).skip(1).filter_map(|rest| rest.split_once('\n')?.1.split("```").next())
}

/// The subscriber hears what the publisher says, and the request is answered.
fn run(bin: &Path) -> Result {
    let broker = server::Mosquitto::start();
    let url = format!("mqtt://{}", broker.address());
    let mut subscriber = Program::start(bin, "subscriber", &url)?;
    subscriber.expect("subscribed")?;
    Program::start(bin, "publisher", &url)?.expect_end("delivered")?;
    subscriber.expect("plant/boiler/temperature: 71.5")?;
    Program::start(bin, "request", &url)?.expect_end("42")
}

/// One of the programs. It ends when this is dropped.
struct Program {
    name: &'static str,
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Program {
    fn start(bin: &Path, name: &'static str, url: &str) -> std::result::Result<Self, String> {
        println!("$ {name} {url}");
        let failed = |error: std::io::Error| format!("{name}: {error}.");
        let mut child = Command::new(bin.join(name)).arg(url).stdout(Stdio::piped()).spawn().map_err(failed)?;
        let output = child.stdout.take().ok_or_else(|| format!("{name} has no output."))?;
        let (sender, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(std::result::Result::ok) {
                println!("{line}");
                let _ = sender.send(line);
            }
        });
        Ok(Self { name, child, lines })
    }

    fn expect(&mut self, line: &str) -> Result {
        match self.lines.recv_timeout(std::time::Duration::from_secs(20)) {
            Ok(said) if said == line => Ok(()),
            said => Err(format!("{} should have said {line:?}, not {said:?}.", self.name)),
        }
    }

    /// The line is the last, and the program ends well.
    fn expect_end(&mut self, line: &str) -> Result {
        self.expect(line)?;
        let status = self.child.wait().map_err(|error| format!("{}: {error}.", self.name))?;
        if status.success() { Ok(()) } else { Err(format!("{} failed ({status}).", self.name)) }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_packages_have_the_version() {
        for folder in ["", "clients/agent/", "clients/net/", "clients/tokio/", "tools/test-broker/"] {
            assert_eq!(version(&root().join(folder)), version(&root()), "{folder}");
        }
    }

    #[test]
    fn blocks_are_found() {
        let text = "a\n```toml\nx = 1\n```\n```rust,no_run\nfn main() {}\n```\n```rust\nb\n```\n";
        assert_eq!(fenced(text, "```toml").collect::<Vec<_>>(), ["x = 1\n"]);
        assert_eq!(fenced(text, "```rust").collect::<Vec<_>>(), ["fn main() {}\n", "b\n"]);
    }
}
