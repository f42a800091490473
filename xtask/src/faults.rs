//! `cargo xtask faults`: puts one fault after the other into a copy of the project, and demands that each is found in two ways at least.
//!
//! The faults are those that other clients had. They are replacements of text, not switches in the engine: so its code stays free of them,
//! and a fault is exactly what a mistaken line would be. Where a replacement does not match any more, the test below says so. A fault should
//! end in wrong packets, not in a loop without end.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::shell::Shell;

/// A mistake that somebody could have made.
struct Fault {
    name: &'static str,
    /// Each: in this file, this text, which stands there once, becomes that one.
    changes: &'static [(&'static str, &'static str, &'static str)],
}

/// A way to find faults.
struct Method {
    name: &'static str,
    /// Must succeed with any fault that compiles.
    build: &'static str,
    /// Fails if it finds one.
    run: &'static str,
}

/// A fault counts as found if so many methods found it.
const ENOUGH: usize = 2;

/// What differs by a few lines is built faster from what the last build left.
const INCREMENTAL: &str = "CARGO_INCREMENTAL=1";

/// The methods, the quickest first. What the first builds is for the next two as well.
#[rustfmt::skip]
const METHODS: [Method; 6] = [
    Method { name: "hostile", build: "cargo test --test hostile --test it --no-run", run: "cargo test --test hostile" },
    Method { name: "soak", build: "cargo test --test it --no-run", run: "cargo test --test it soak" },
    Method { name: "flows", build: "cargo test --test it --no-run", run: "cargo test --test it -- --skip soak" },
    Method { name: "life", build: "cargo test --test life --no-run", run: "cargo test --test life" },
    Method { name: "cuts", build: "cargo test --test cuts --no-run", run: "cargo test --test cuts" },
    Method {
        name: "model",
        build: "cargo build --release --manifest-path tests/model/Cargo.toml",
        run: "cargo run --release --manifest-path tests/model/Cargo.toml",
    },
];

#[rustfmt::skip]
const FAULTS: [Fault; 10] = [
    Fault { name: "wrong order of sending again", changes: &[(
        "src/session/resume.rs",
        "        self.next = self.log.first();\n        self.bypass = 0;\n",
        "        if let Some(slot) = find(parts.slots, self.log.first()).copied() {\n            \
             self.log.remove(parts.slots, slot.previous, slot.next);\n            self.log.push(parts.slots, slot.id());\n        }\n        \
         self.next = self.log.first();\n        self.bypass = 0;\n",
    )] },
    Fault { name: "a QoS 2 message that comes again is delivered again", changes: &[(
        "src/session/incoming.rs",
        "        Arrival::Repeated\n    }",
        "        let serial = at(inbox, link).map_or(0, |slot| slot.serial);\n        Arrival::New { place: link - 1, serial }\n    }",
    )] },
    Fault { name: "a refused message keeps its unit of the window", changes: &[(
        "src/session/outgoing.rs",
        "        let handle = self.finish(parts, id);\n        if kind == Kind::Orphan",
        "        let handle = self.finish(parts, id);\n        self.in_flight += u32::from(packet == PacketType::PubRec);\n        \
         if kind == Kind::Orphan",
    )] },
    Fault { name: "topic aliases outlive the link", changes: &[
        ("src/connection/ending.rs", "            self.aliases.clear(names);\n", "            let _ = names;\n"),
    ] },
    Fault { name: "a SUBSCRIBE takes the identifier of a message in flight", changes: &[(
        "src/connection/commands.rs",
        "        write_request(packet, matched.id, &",
        "        write_request(packet, 1, &",
    )] },
    Fault { name: "an unanswered PINGREQ is held against the next link", changes: &[(
        "src/connection/ending.rs",
        "        self.link = Link::CLOSED;\n",
        "        let old = self.link;\n        self.link = Link::CLOSED;\n        self.link.ping = old.ping;\n        \
         self.link.timers.pingresp = old.timers.pingresp;\n",
    )] },
    Fault { name: "PUBREL is not sent again", changes: &[(
        "src/session/resume.rs",
        "        (self.release, self.staged_release) = (self.released.first(), 0);\n        let mut id = self.release;\n        \
         while let Some(slot) = find_mut(slots, id) {\n            id = slot.next;\n            \
         self.set_progress(slot, slot.progress.on_new_link());\n",
        "        (self.release, self.staged_release) = (0, 0);\n        let mut id = self.released.first();\n        \
         while let Some(slot) = find_mut(slots, id) {\n            id = slot.next;\n            \
         self.set_progress(slot, slot.progress.reached(crate::storage::Reach::Out));\n",
    )] },
    Fault { name: "PUBLISH is sent again after PUBREC", changes: &[
        (
            "src/session/outgoing.rs",
            "            (Kind::Publish2, Stands::First) => {\n",
            "            (Kind::Publish2, Stands::First) if true => Ok(PubRecStep::Repeated),\n            \
             (Kind::Publish2, Stands::First) => {\n",
        ),
        (
            "src/session/fast_path.rs",
            "            slot.kind == Kind::Publish2 && slot.progress.is_out() &&",
            "            slot.kind == Kind::Free && slot.progress.is_out() &&",
        ),
        (
            "src/session/outgoing.rs",
            "        if kind != awaited || is_release != is_completion ||",
            "        if kind != awaited || is_release != is_completion && kind != Kind::Publish2 ||",
        ),
    ] },
    Fault { name: "a lost session is taken for the old one", changes: &[(
        "src/connection/handshake.rs",
        "        if resumed && held != SessionFact::None {\n",
        "        if (resumed || !self.link.clean_start) && held != SessionFact::None {\n",
    )] },
    Fault { name: "an acknowledgement is dropped when the buffer is full", changes: &[(
        "src/connection/outbound.rs",
        "            if !self.write_ack(parts, &due) {\n                return;\n            }\n            self.incoming.settle(",
        "            self.write_ack(parts, &due);\n            self.incoming.settle(",
    )] },
];

/// Tries every fault with the methods in turn, until enough of them have found it; with `all`, with every one of them.
pub fn run(shell: &Shell, all: bool) -> Result {
    let copy = Copy::of_project(shell)?;
    let mut missed = Vec::new();
    for fault in &FAULTS {
        copy.change(fault)?;
        let found = find(&copy.shell, fault, all)?;
        copy.restore(fault)?;
        if found.len() < ENOUGH {
            missed.push(fault.name);
        }
    }
    if missed.is_empty() {
        return Ok(());
    }
    Err(format!("found by fewer than {ENOUGH} methods: {}.", missed.join("; ")))
}

/// In CI: as many methods as it takes.
pub fn check(shell: &Shell) -> Result {
    run(shell, false)
}

/// The methods that find `fault`.
fn find(shell: &Shell, fault: &Fault, all: bool) -> Result<Vec<&'static str>> {
    let (mut found, mut passed) = (Vec::new(), Vec::new());
    for method in &METHODS {
        if found.len() >= ENOUGH && !all {
            break;
        }
        let succeeds = |line: &str| shell.succeeds(&format!("{INCREMENTAL} {line}"));
        if !succeeds(method.build) {
            return Err(format!(
                "with the fault \"{}\", `{}` fails: the fault does not compile.",
                fault.name, method.build
            ));
        }
        let list = if succeeds(method.run) { &mut passed } else { &mut found };
        list.push(method.name);
    }
    println!("{}: found by {}; not by {}", fault.name, list(&found), list(&passed));
    Ok(found)
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// A copy of the project, with build output of its own.
struct Copy {
    shell: Shell,
    original: PathBuf,
}

/// What the methods need.
const COPIED: [&str; 7] = ["Cargo.toml", "Cargo.lock", "README.md", "docs", "src", "tests", "examples"];

impl Copy {
    fn of_project(shell: &Shell) -> Result<Self> {
        let folder = shell.folder().join("target/faults");
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}.", folder.display()))?;
        for name in COPIED {
            copy(&shell.folder().join(name), &folder.join(name))?;
        }
        // The other members of the workspace stay behind.
        let manifest = folder.join("Cargo.toml");
        write(&manifest, &alone(&read(&manifest)?))?;
        Ok(Self { shell: Shell::new(folder), original: shell.folder().to_owned() })
    }

    fn change(&self, fault: &Fault) -> Result {
        for (file, old, new) in fault.changes {
            let path = self.shell.folder().join(file);
            write(&path, &replace(&read(&path)?, file, old, new)?)?;
        }
        Ok(())
    }

    fn restore(&self, fault: &Fault) -> Result {
        fault
            .changes
            .iter()
            .try_for_each(|(file, ..)| write(&self.shell.folder().join(file), &read(&self.original.join(file))?))
    }
}

/// The manifest of the root package, without other members of its workspace.
fn alone(manifest: &str) -> String {
    let lines = manifest.lines().map(|line| if line.starts_with("members = ") { "members = []" } else { line });
    lines.fold(String::new(), |text, line| text + line + "\n")
}

fn replace(text: &str, file: &str, old: &str, new: &str) -> Result<String> {
    match text.matches(old).count() {
        1 => Ok(text.replacen(old, new, 1)),
        count => Err(format!("{file} has {count} places, not one, that read:\n{old}")),
    }
}

/// Copies a file or a folder, without build output; what is the same already keeps its time, so that nothing is built for it.
fn copy(from: &Path, to: &Path) -> Result {
    let failed = |error: std::io::Error| format!("{}: {error}.", from.display());
    if !from.is_dir() {
        let bytes = std::fs::read(from).map_err(failed)?;
        if std::fs::read(to).is_ok_and(|old| old == bytes) {
            return Ok(());
        }
        return std::fs::write(to, bytes).map_err(failed);
    }
    std::fs::create_dir_all(to).map_err(failed)?;
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name() != "target" {
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}.", path.display()))
}

fn write(path: &Path, text: &str) -> Result {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}.", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_place_in_the_code() {
        for fault in &FAULTS {
            let mut texts = std::collections::BTreeMap::new();
            for (file, old, new) in fault.changes {
                let text =
                    texts.entry(file).or_insert_with(|| read(&crate::root().join(file)).expect("the file is there"));
                *text = replace(text, file, old, new).expect(fault.name);
            }
        }
    }

    #[test]
    fn a_text_that_is_not_there_once_is_no_place() {
        assert!(replace("a b", "file", "c", "d").is_err());
        assert!(replace("a a", "file", "a", "d").is_err());
        assert_eq!(replace("a b", "file", "a", "c"), Ok("c b".into()));
    }
}
